import AtelierCore
import Torch
import TorchNN

/// The nonlinearity of a transformer's feed-forward layers.
public enum TransformerActivation: String, Sendable, Hashable, Codable, CaseIterable {
  /// max(x, 0), the original's.
  case relu
  /// x times the normal distribution function at x.
  case gelu
}

/// Transformer layers over one sequence and a norm at the end: `torch.nn.TransformerEncoder` with a norm.
///
/// Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.
final class TransformerStack: Module {
  private let layers: [TransformerLayer]
  private let norm: LayerNorm

  init(
    layers: Int, features: Int, heads: Int, feedForward: Int, dropout: Double,
    activation: TransformerActivation,
    normFirst: Bool, normEpsilon: Double, using stream: RandomStream
  ) {
    self.layers = (0..<layers).map {
      TransformerLayer(
        features: features, heads: heads, feedForward: feedForward, dropout: dropout, activation: activation,
        normFirst: normFirst, normEpsilon: normEpsilon, drawName: "dropout.\($0)", using: stream)
    }
    norm = LayerNorm(features, epsilon: normEpsilon)
    super.init()
  }

  /// `[time, batch, features]` for the same.
  func callAsFunction(_ x: Tensor, isCausal: Bool) -> Tensor {
    let time = x.shape[0]
    // Zeros where a position may look, minus infinity where it may not: everything after itself.
    let mask =
      isCausal
      ? Tensor.full([time, time], -Double.infinity, device: x.device).triangularUpper(1) : nil
    return self(x, mask: mask)
  }

  /// `[time, batch, features]` for the same; `mask` `[time, time]` is added to the scores.
  func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
    var x = x
    for layer in layers { x = layer(x, mask: mask) }
    return norm(x)
  }
}

/// Self-attention and a feed-forward layer, each with a residual and a norm.
final class TransformerLayer: Module {
  private let attention: SelfAttention
  private let expansion: Linear
  private let contraction: Linear
  private let attentionNorm: LayerNorm
  private let feedForwardNorm: LayerNorm
  private let attentionDropout: Dropout
  private let innerDropout: Dropout
  private let outerDropout: Dropout
  private let activation: TransformerActivation
  private let normFirst: Bool

  init(
    features: Int, heads: Int, feedForward: Int, dropout: Double, activation: TransformerActivation,
    normFirst: Bool, normEpsilon: Double, drawName: String, using stream: RandomStream
  ) {
    self.activation = activation
    self.normFirst = normFirst
    attention = SelfAttention(
      features: features, heads: heads, dropout: dropout, drawName: "\(drawName).weights", using: stream)
    expansion = Linear(inputFeatures: features, outputFeatures: feedForward, using: stream)
    contraction = Linear(inputFeatures: feedForward, outputFeatures: features, using: stream)
    attentionNorm = LayerNorm(features, epsilon: normEpsilon)
    feedForwardNorm = LayerNorm(features, epsilon: normEpsilon)
    attentionDropout = Dropout(probability: dropout, drawName: "\(drawName).attention")
    innerDropout = Dropout(probability: dropout, drawName: "\(drawName).inner")
    outerDropout = Dropout(probability: dropout, drawName: "\(drawName).outer")
    super.init()
    for weight in [expansion.weight, contraction.weight] { stream.fillXavierUniform(weight.detached()) }
  }

  func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
    func attended(_ x: Tensor) -> Tensor { attentionDropout(attention(x, mask: mask)) }
    func fed(_ x: Tensor) -> Tensor {
      let inner = expansion(x)
      return outerDropout(contraction(innerDropout(activation == .relu ? inner.relu() : inner.gelu())))
    }
    if normFirst {
      let middle = x + attended(attentionNorm(x))
      return middle + fed(feedForwardNorm(middle))
    }
    let middle = attentionNorm(x + attended(x))
    return feedForwardNorm(middle + fed(middle))
  }
}

/// Scaled dot-product self-attention with several heads: `torch.nn.MultiheadAttention` of one input.
///
/// State: `projection_weight` `[3 * features, features]` for queries, keys and values in this order,
/// `projection_bias`, and `joining`, the linear layer behind the heads.
final class SelfAttention: Module {
  @Parameter private var projectionWeight: Tensor
  @Parameter private var projectionBias: Tensor
  private let joining: Linear
  private let weightDropout: Dropout
  private let heads: Int

  init(features: Int, heads: Int, dropout: Double, drawName: String, using stream: RandomStream) {
    self.heads = heads
    let projection = Tensor.zeros([3 * features, features])
    stream.fillXavierUniform(projection)
    projectionWeight = projection
    projectionBias = .zeros([3 * features])
    joining = Linear(inputFeatures: features, outputFeatures: features, using: stream)
    weightDropout = Dropout(probability: dropout, drawName: drawName)
    super.init()
    stream.fillXavierUniform(joining.weight.detached())
    joining.bias?.detached().fill(0)
  }

  /// `[time, batch, features]` for the same; `mask` `[time, time]` is added to the scores.
  func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
    let (time, batch, features) = (x.shape[0], x.shape[1], x.shape[2])
    let headSize = features / heads
    guard !isRecordingScript else { return recorded(x, mask, headSize) }
    // Every head of every sequence is a batch of its own: [batch * heads, time, headSize].
    let parts = linear(x, projectionWeight, projectionBias).chunked(3, dim: 2).map {
      $0.reshaped([time, batch * heads, headSize]).transposed(0, 1)
    }
    var scores = (parts[0] * (1 / Double(headSize).squareRoot())).matmul(parts[1].transposed(1, 2))
    if let mask { scores = scores + mask }
    let read = weightDropout(scores.softmax(-1)).matmul(parts[2])
    return joining(read.transposed(0, 1).reshaped([time, batch, features]))
  }

  /// The same head by head, for any number and length of sequences in a recorded script.
  private func recorded(_ x: Tensor, _ mask: Tensor?, _ headSize: Int) -> Tensor {
    let parts = linear(x, projectionWeight, projectionBias).chunked(3, dim: 2).map { $0.transposed(0, 1) }
    let read = (0..<heads).map { head in
      let own = parts.map { $0.slice(2, head * headSize, (head + 1) * headSize) }
      var scores = (own[0] * (1 / Double(headSize).squareRoot())).matmul(own[1].transposed(1, 2))
      if let mask { scores = scores + mask }
      return scores.softmax(-1).matmul(own[2])
    }
    return joining(Tensor.concatenated(read, dim: 2).transposed(0, 1))
  }
}
