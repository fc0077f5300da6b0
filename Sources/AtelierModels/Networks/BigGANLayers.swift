import AtelierCore
import Torch
import TorchNN

// The layers of BigGAN and of the systems that are built on it. Property names that are the authors' need no
// rule in the key map.

/// A layer of a generator that may look at the condition.
protocol ConditionedLayer: Module {
  /// The next map `[batch, channels, height, width]`.
  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor
}

/// How the layers of a network are made: with BigGAN's spectral normalisation or without any.
struct BigGANLayers {
  let normalization: WeightNormalization?

  /// A convolution that keeps the size of the map.
  func convolution(
    _ inputs: Int, _ outputs: Int, kernelSize: Int = 3, hasBias: Bool = true, using stream: RandomStream
  ) -> Conv2d {
    Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, padding: kernelSize / 2,
      hasBias: hasBias, normalization: normalization, using: stream)
  }

  /// A linear layer with a bias.
  func linear(_ inputs: Int, _ outputs: Int, using stream: RandomStream) -> Linear {
    Linear(inputFeatures: inputs, outputFeatures: outputs, normalization: normalization, using: stream)
  }
}

/// What a generator's batch norms are conditioned on.
enum NormCondition {
  /// A vector of so many numbers.
  case vector(Int)
  /// A class index.
  case classes(Int)

  /// A batch norm on this condition.
  func norm(
    _ channels: Int, epsilon: Double, layers: BigGANLayers, using stream: RandomStream
  ) -> ConditionalBatchNorm2d {
    switch self {
    case .vector(let size):
      ConditionalBatchNorm2d(
        channels: channels, conditionFeatures: size, epsilon: epsilon, normalization: layers.normalization,
        using: stream)
    case .classes(let count):
      // Tables are never normalised in the generator: the authors found that it cripples it.
      ConditionalBatchNorm2d(channels: channels, classes: count, epsilon: epsilon, using: stream)
    }
  }
}

/// Self-attention over a map, whose keys and values are pooled by two: x + γ·o(g·softmax(θᵀφ)ᵀ).
///
/// Source: Zhang et al. 2019, "Self-Attention Generative Adversarial Networks"; ajbrock/BigGAN-PyTorch
/// layers.py `Attention`. γ starts at 0, so that the layer starts as the identity.
final class SelfAttention2d: Module, Layer, ConditionedLayer {
  @Parameter var gamma: Tensor
  let theta: Conv2d
  let phi: Conv2d
  let g: Conv2d
  let o: Conv2d
  private let channels: Int

  init(channels: Int, layers: BigGANLayers, using stream: RandomStream) {
    func pointwise(_ inputs: Int, _ outputs: Int) -> Conv2d {
      layers.convolution(inputs, outputs, kernelSize: 1, hasBias: false, using: stream)
    }
    self.channels = channels
    gamma = .zeros([])
    theta = pointwise(channels, channels / 8)
    phi = pointwise(channels, channels / 8)
    g = pointwise(channels, channels / 2)
    o = pointwise(channels / 2, channels)
    super.init()
  }

  /// `[batch, channels, height, width]`, as it came in, plus what it attends to.
  func callAsFunction(_ x: Tensor) -> Tensor {
    // Without the number of images, which a recording would keep.
    let (height, width) = (x.shape[2], x.shape[3])
    let pooled = (height / 2) * (width / 2)
    let query = theta(x).reshaped([-1, channels / 8, height * width])
    let key = maxPool2d(phi(x), kernelSize: (2, 2)).reshaped([-1, channels / 8, pooled])
    let value = maxPool2d(g(x), kernelSize: (2, 2)).reshaped([-1, channels / 2, pooled])
    let weights = query.transposed(1, 2).matmul(key).softmax(-1)
    let attended = value.matmul(weights.transposed(1, 2)).reshaped([-1, channels / 2, height, width])
    return gamma * o(attended) + x
  }

  /// The condition is not looked at.
  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor { self(x) }
}

/// BigGAN's block of the generator: conditional norm, relu, enlargement, convolution, twice, beside a 1×1
/// shortcut.
final class BigGANGeneratorBlock: Module, ConditionedLayer {
  let conv1: Conv2d
  let conv2: Conv2d
  let shortcut: Conv2d
  let norm1: ConditionalBatchNorm2d
  let norm2: ConditionalBatchNorm2d

  init(
    _ inputs: Int, _ outputs: Int, condition: NormCondition, epsilon: Double, layers: BigGANLayers,
    using stream: RandomStream
  ) {
    conv1 = layers.convolution(inputs, outputs, using: stream)
    conv2 = layers.convolution(outputs, outputs, using: stream)
    shortcut = layers.convolution(inputs, outputs, kernelSize: 1, using: stream)
    norm1 = condition.norm(inputs, epsilon: epsilon, layers: layers, using: stream)
    norm2 = condition.norm(outputs, epsilon: epsilon, layers: layers, using: stream)
    super.init()
  }

  /// `[batch, outputs, 2 * height, 2 * width]`.
  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
    let h = conv1(doubled(norm1(x, condition).relu()))
    // A 1×1 convolution and copies of a pixel change places, which leaves a quarter of the products.
    return conv2(norm2(h, condition).relu()) + doubled(shortcut(x))
  }
}

/// BigGAN-deep's block of the generator: a bottleneck of 1×1, 3×3, 3×3 and 1×1 convolutions, each behind a
/// conditional norm; the shortcut drops the channels that are too many.
final class BigGANDeepGeneratorBlock: Module, ConditionedLayer {
  let conv1: Conv2d
  let conv2: Conv2d
  let conv3: Conv2d
  let conv4: Conv2d
  let norm1: ConditionalBatchNorm2d
  let norm2: ConditionalBatchNorm2d
  let norm3: ConditionalBatchNorm2d
  let norm4: ConditionalBatchNorm2d
  private let outputs: Int
  private let doubles: Bool

  init(
    _ inputs: Int, _ outputs: Int, doubles: Bool, condition: NormCondition, epsilon: Double,
    layers: BigGANLayers, using stream: RandomStream
  ) {
    func norm(_ channels: Int) -> ConditionalBatchNorm2d {
      condition.norm(channels, epsilon: epsilon, layers: layers, using: stream)
    }
    let hidden = inputs / 4
    self.outputs = outputs
    self.doubles = doubles
    conv1 = layers.convolution(inputs, hidden, kernelSize: 1, using: stream)
    conv2 = layers.convolution(hidden, hidden, using: stream)
    conv3 = layers.convolution(hidden, hidden, using: stream)
    conv4 = layers.convolution(hidden, outputs, kernelSize: 1, using: stream)
    (norm1, norm2, norm3, norm4) = (norm(inputs), norm(hidden), norm(hidden), norm(hidden))
    super.init()
  }

  /// `[batch, outputs, height, width]`, twice as large where the block doubles.
  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
    var h = norm2(conv1(norm1(x, condition).relu()), condition).relu()
    var shortcut = x.shape[1] == outputs ? x : x.narrow(1, from: 0, length: outputs)
    if doubles { (h, shortcut) = (doubled(h), doubled(shortcut)) }
    h = conv3(norm3(conv2(h), condition).relu())
    return conv4(norm4(h, condition).relu()) + shortcut
  }
}

/// BigGAN's block of the discriminator; the first has no relu in front.
final class BigGANDiscriminatorBlock: Module, Layer {
  let conv1: Conv2d
  let conv2: Conv2d
  let shortcut: Conv2d?
  private let isFirst: Bool
  private let halves: Bool

  init(
    _ inputs: Int, _ outputs: Int, isWide: Bool, isFirst: Bool, halves: Bool, layers: BigGANLayers,
    using stream: RandomStream
  ) {
    let hidden = isWide ? outputs : inputs
    self.isFirst = isFirst
    self.halves = halves
    conv1 = layers.convolution(inputs, hidden, using: stream)
    conv2 = layers.convolution(hidden, outputs, using: stream)
    shortcut =
      inputs != outputs || halves
      ? layers.convolution(inputs, outputs, kernelSize: 1, using: stream) : nil
    super.init()
  }

  /// `[batch, outputs, height', width']`, half as large where the block halves.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = conv2(conv1(isFirst ? x : x.relu()).relu())
    // The authors pool behind the shortcut in all blocks but the first. A 1×1 convolution and the mean of a
    // window change places, so this is the same for a quarter of the products.
    let side = pooled(x)
    return pooled(h) + (shortcut.map { $0(side) } ?? side)
  }

  private func pooled(_ x: Tensor) -> Tensor { halves ? meanOfFours(x) : x }
}

/// BigGAN-deep's block of the discriminator; the shortcut joins further channels to those that are there.
final class BigGANDeepDiscriminatorBlock: Module, Layer {
  let conv1: Conv2d
  let conv2: Conv2d
  let conv3: Conv2d
  let conv4: Conv2d
  let shortcut: Conv2d?
  private let halves: Bool

  init(_ inputs: Int, _ outputs: Int, halves: Bool, layers: BigGANLayers, using stream: RandomStream) {
    let hidden = outputs / 4
    self.halves = halves
    conv1 = layers.convolution(inputs, hidden, kernelSize: 1, using: stream)
    conv2 = layers.convolution(hidden, hidden, using: stream)
    conv3 = layers.convolution(hidden, hidden, using: stream)
    conv4 = layers.convolution(hidden, outputs, kernelSize: 1, using: stream)
    shortcut =
      inputs != outputs
      ? layers.convolution(inputs, outputs - inputs, kernelSize: 1, using: stream) : nil
    super.init()
  }

  /// `[batch, outputs, height', width']`, half as large where the block halves.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = conv3(conv2(conv1(x.relu()).relu()).relu()).relu()
    let side = halves ? meanOfFours(x) : x
    let joined = shortcut.map { Tensor.concatenated([side, $0(side)], dim: 1) } ?? side
    return conv4(halves ? meanOfFours(h) : h) + joined
  }
}

private func meanOfFours(_ x: Tensor) -> Tensor { averagePool2d(x, kernelSize: (2, 2), stride: (2, 2)) }
