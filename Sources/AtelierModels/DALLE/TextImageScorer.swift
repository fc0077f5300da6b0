import Foundation
package import Torch
import TorchNN

/// How well captions and images fit: one vector of each, whose cosine is the score. Radford et al. 2021, "Learning
/// Transferable Visual Models From Natural Language Supervision", with a small convolutional encoder of images.
final class TextImageScorer: Module {
  /// Sizes.
  struct Shape {
    var channels: Int
    var imageSize: Int
    var vocabulary: Int
    var textLength: Int
    var features: Int
    var layers: Int
    var heads: Int
    var width: Int
  }

  /// The logarithm of what cosines are multiplied by before the softmax, `[1]`.
  @Parameter var logitScale: Tensor
  private let captionEncoder: CaptionEncoder
  private let imageEncoder: ScoredImageEncoder

  init(_ shape: Shape, using stream: RandomStream) {
    // The paper's first temperature is 0.07.
    logitScale = .full([1], -log(0.07))
    captionEncoder = CaptionEncoder(shape, using: stream)
    imageEncoder = ScoredImageEncoder(shape, using: stream)
    super.init()
  }

  /// Unit vectors `[batch, features]` of captions `[batch, any]`, 0 where they are over.
  func embedded(captions: Tensor) -> Tensor { Self.normalized(captionEncoder(captions)) }

  /// Unit vectors `[batch, features]` of images in 0 … 1.
  func embedded(images: Tensor) -> Tensor { Self.normalized(imageEncoder(images * 2 - 1)) }

  private static func normalized(_ x: Tensor) -> Tensor {
    x / x.norm(dims: [1], keepDim: true).clamped(min: 1e-12)
  }

  /// Keeps the factor of cosines at 100 or below, as the paper does.
  func boundLogitScale() {
    withoutGradients {
      let scale = logitScale.detached()
      scale.copy(from: scale.clamped(max: log(100)))
    }
  }

  /// The parameters that weight decay spares: gains, biases and the temperature.
  var undecayed: Set<String> { Set(namedParameters().filter { $0.tensor.rank < 2 }.map(\.name)) }
}

/// The symmetric InfoNCE loss of matching rows: the mean of two cross-entropies, of each image among the captions and
/// of each caption among the images. Radford et al. 2021, figure 3.
///
/// They are compared among those of all processes.
///
/// - Parameters:
///   - images: unit vectors `[batch, features]`.
///   - captions: those of the images' captions.
///   - logitScale: the logarithm of what cosines are multiplied by, `[1]`.
package func contrastiveLoss(images: Tensor, captions: Tensor, logitScale: Tensor) -> Tensor {
  let (images, captions) = (images.gatheredOverProcesses(), captions.gatheredOverProcesses())
  let logits = images.matmul(captions.transposed(0, 1)) * logitScale.exp()
  let target = Tensor.arange(images.shape[0], device: images.device).asType(.int64)
  return (crossEntropy(logits, target) + crossEntropy(logits.transposed(0, 1), target)) / 2
}

/// A transformer whose first place, a vector of its own, reads the caption.
private final class CaptionEncoder: Module {
  @Parameter private var summary: Tensor
  private let embedding: Embedding
  private let positions: Embedding
  private let layers: [CaptionEncoderLayer]
  private let norm: LayerNorm
  private let projection: Linear

  init(_ shape: TextImageScorer.Shape, using stream: RandomStream) {
    summary = stream.normal([1, 1, shape.features]) * 0.02
    embedding = Embedding(count: shape.vocabulary, features: shape.features, using: stream)
    positions = Embedding(count: shape.textLength, features: shape.features, using: stream)
    // The paper's deviations.
    for (table, deviation) in [(embedding, 0.02), (positions, 0.01)] {
      stream.fillNormal(table.weight.detached(), standardDeviation: deviation)
    }
    layers = (0..<shape.layers).map { _ in
      CaptionEncoderLayer(features: shape.features, heads: shape.heads, using: stream)
    }
    norm = LayerNorm([shape.features])
    projection = Linear(
      inputFeatures: shape.features, outputFeatures: shape.features, hasBias: false, using: stream)
    super.init()
  }

  func callAsFunction(_ text: Tensor) -> Tensor {
    let (batch, length) = (text.shape[0], text.shape[1])
    var x = embedding(text) + positions(.arange(length, device: text.device).asType(.int64)).unsqueezed(0)
    x = .concatenated([summary.expanded([batch, 1, summary.shape[2]]), x], dim: 1)
    let read = Tensor.concatenated(
      [.full([batch, 1], 1, dtype: .int64, device: text.device), text], dim: 1)
    let mask = MultiHeadAttention.paddingMask(read, padding: 0)
    for layer in layers { x = layer(x, mask) }
    return projection(norm(x.selected(dim: 1, index: 0)))
  }
}

/// Attention and a feed-forward layer, each behind a norm.
private final class CaptionEncoderLayer: Module {
  private let attentionNorm: LayerNorm
  private let attention: MultiHeadAttention
  private let feedForwardNorm: LayerNorm
  private let expansion: Linear
  private let contraction: Linear

  init(features: Int, heads: Int, using stream: RandomStream) {
    attentionNorm = LayerNorm([features])
    attention = MultiHeadAttention(
      features: features, heads: heads, dropout: 0, drawName: "scorer attention", using: stream)
    feedForwardNorm = LayerNorm([features])
    expansion = Linear(inputFeatures: features, outputFeatures: 4 * features, using: stream)
    contraction = Linear(inputFeatures: 4 * features, outputFeatures: features, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor, _ mask: Tensor?) -> Tensor {
    let middle = x + attention(attentionNorm(x), mask: mask).output
    return middle + contraction(expansion(feedForwardNorm(middle)).gelu())
  }
}

/// Convolutions that halve the image until its side is at most 4, and the mean of what they find.
private final class ScoredImageEncoder: Module {
  private let input: Conv2d
  private let halvings: [ScoredImageHalving]
  private let norm: LayerNorm
  private let projection: Linear

  init(_ shape: TextImageScorer.Shape, using stream: RandomStream) {
    input = Conv2d(
      inputChannels: shape.channels, outputChannels: shape.width, kernelSize: 3, padding: 1, using: stream)
    var (side, channels) = (shape.imageSize, shape.width)
    var halvings: [ScoredImageHalving] = []
    while side > 4 {
      let wider = min(2 * channels, 8 * shape.width)
      halvings.append(ScoredImageHalving(from: channels, to: wider, using: stream))
      (side, channels) = ((side + 1) / 2, wider)
    }
    self.halvings = halvings
    norm = LayerNorm([channels])
    projection = Linear(
      inputFeatures: channels, outputFeatures: shape.features, hasBias: false, using: stream)
    super.init()
  }

  func callAsFunction(_ image: Tensor) -> Tensor {
    var x = input(image)
    for halving in halvings { x = halving(x) }
    return projection(norm(x.mean(dims: [2, 3])))
  }
}

/// A convolution of stride 2, then one beside the identity.
private final class ScoredImageHalving: Module {
  private let first: Conv2d
  private let firstNorm: GroupNorm
  private let second: Conv2d
  private let secondNorm: GroupNorm

  init(from inputs: Int, to outputs: Int, using stream: RandomStream) {
    let groups = (1...8).last { outputs % $0 == 0 } ?? 1
    first = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: 2, padding: 1, using: stream)
    firstNorm = GroupNorm(groups: groups, channels: outputs)
    second = Conv2d(
      inputChannels: outputs, outputChannels: outputs, kernelSize: 3, padding: 1, using: stream)
    secondNorm = GroupNorm(groups: groups, channels: outputs)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let halved = firstNorm(first(x)).gelu()
    return (halved + secondNorm(second(halved))).gelu()
  }
}
