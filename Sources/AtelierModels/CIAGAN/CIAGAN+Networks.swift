import AtelierCore
import Torch
import TorchNN

/// A spectrally normalised convolution behind a reflected border that keeps the size.
private final class SpectralConvolution: Module, Layer {
  private let convolution: Conv2d
  private let border: Int

  init(_ inputs: Int, _ outputs: Int, kernel: Int = 3, using stream: RandomStream) {
    convolution = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, normalization: .spectral,
      using: stream)
    border = kernel / 2
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    convolution(border > 0 ? x.reflectionPadded([border, border, border, border]) : x)
  }
}

private func affineNorm(_ channels: Int) -> InstanceNorm2d {
  InstanceNorm2d(channels: channels, isAffine: true)
}

/// Half the height and width: two convolutions, and a 1×1 convolution beside them.
private final class HalvingBlock: Module, Layer {
  private let first: SpectralConvolution
  private let second: SpectralConvolution
  private let shortcut: SpectralConvolution

  init(_ inputs: Int, _ outputs: Int, using stream: RandomStream) {
    first = SpectralConvolution(inputs, outputs, using: stream)
    second = SpectralConvolution(outputs, outputs, using: stream)
    shortcut = SpectralConvolution(inputs, outputs, kernel: 1, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let features = averagePool2d(second(first(x.relu()).relu()), kernelSize: (2, 2))
    return averagePool2d(shortcut(x), kernelSize: (2, 2)) + features
  }
}

/// Twice the height and width: two convolutions with norms before them, and a 1×1 convolution beside them.
private final class DoublingBlock: Module, Layer {
  private let firstNorm: InstanceNorm2d
  private let first: SpectralConvolution
  private let secondNorm: InstanceNorm2d
  private let second: SpectralConvolution
  private let shortcut: SpectralConvolution

  init(_ inputs: Int, _ outputs: Int, using stream: RandomStream) {
    firstNorm = affineNorm(inputs)
    first = SpectralConvolution(inputs, outputs, using: stream)
    secondNorm = affineNorm(outputs)
    second = SpectralConvolution(outputs, outputs, using: stream)
    shortcut = SpectralConvolution(inputs, outputs, kernel: 1, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    func doubled(_ x: Tensor) -> Tensor { upsampleNearest(x, size: (2 * x.shape[2], 2 * x.shape[3])) }
    let features = second(secondNorm(first(doubled(firstNorm(x).relu()))).relu())
    return shortcut(doubled(x)) + features
  }
}

private final class KeptSizeBlock: Module, Layer {
  private let first: SpectralConvolution
  private let firstNorm: InstanceNorm2d
  private let second: SpectralConvolution
  private let secondNorm: InstanceNorm2d

  init(_ channels: Int, using stream: RandomStream) {
    first = SpectralConvolution(channels, channels, using: stream)
    firstNorm = affineNorm(channels)
    second = SpectralConvolution(channels, channels, using: stream)
    secondNorm = affineNorm(channels)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { secondNorm(second(firstNorm(first(x)).relu())) + x }
}

/// The generator: the face of an identity where an image shows its landmarks and nothing else.
///
/// Source: dvl-tum/ciagan `arch_unet_flex.py` `Generator`.
final class IdentityGenerator: Module {
  private let down: [HalvingBlock]
  private let downNorms: [InstanceNorm2d]
  private let identity: Sequential
  private let identityMap: Sequential
  private let join: Sequential
  private let residuals: [KeptSizeBlock]
  private let up: [DoublingBlock]
  private let upNorms: [InstanceNorm2d]
  private let last: Sequential
  private let identities: Int
  private let identityShape: [Int]

  init(_ configuration: CIAGAN.Configuration, using stream: RandomStream) {
    let widths = configuration.channels
    let widest = widths[4]
    let down = [6, widths[1], widths[2], widths[3], widest, widest]
    self.down = (0..<5).map { HalvingBlock(down[$0], down[$0 + 1], using: stream) }
    downNorms = down.dropFirst().map(affineNorm)
    let (hidden, side) = (configuration.identityHidden, configuration.bottomSize)
    let flat = configuration.identityChannels * side * side
    let sizes = [configuration.identities, hidden, hidden, hidden, hidden, flat, flat, flat]
    identity = Sequential(
      (0..<7).flatMap { layer -> [any Layer] in
        [
          Linear(inputFeatures: sizes[layer], outputFeatures: sizes[layer + 1], using: stream),
          LeakyReLU(negativeSlope: 0.2),
        ]
      })
    let map = [configuration.identityChannels, widths[2], widths[3], widest]
    identityMap = Sequential(
      (0..<3).flatMap { layer -> [any Layer] in
        [
          SpectralConvolution(map[layer], map[layer + 1], using: stream), LeakyReLU(negativeSlope: 0.2),
          affineNorm(map[layer + 1]),
        ]
      })
    join = Sequential([SpectralConvolution(2 * widest, widest, using: stream), affineNorm(widest)])
    residuals = (0..<4).map { _ in KeptSizeBlock(widest, using: stream) }
    let up = [widest, widest, widths[3], widths[2], widths[1], widths[0]]
    self.up = (0..<5).map { DoublingBlock(up[$0], up[$0 + 1], using: stream) }
    upNorms = up.dropFirst().map(affineNorm)
    last = Sequential([
      Conv2d(inputChannels: widths[0], outputChannels: 3, kernelSize: 3, padding: 1, using: stream)
    ])
    identities = configuration.identities
    identityShape = [-1, configuration.identityChannels, side, side]
    super.init()
  }

  /// Colours `[batch, 3, height, width]`, unbounded, for landmarks and surroundings of the same size and int64
  /// identities `[batch]`.
  func callAsFunction(_ landmarks: Tensor, _ surroundings: Tensor, _ wanted: Tensor) -> Tensor {
    var x = Tensor.concatenated([landmarks, surroundings], dim: 1)
    for (block, norm) in zip(down, downNorms) { x = norm(block(x)) }
    let code = identity(wanted.oneHot(identities)).reshaped(identityShape)
    x = join(Tensor.concatenated([x, identityMap(code)], dim: 1))
    for block in residuals { x = block(x) }
    for (block, norm) in zip(up, upNorms) { x = norm(block(x)) }
    return last(x)
  }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = [
      "identity": "encode_one_hot", "identity_map": "encode_noise", "join": "embed", "last": "conv_end",
    ]
    for level in 0..<5 {
      names["down.\(level)"] = "conv\(level)"
      names["down_norms.\(level)"] = "in\(level)_e"
      names["up.\(level)"] = "deconv\(4 - level)"
      names["up_norms.\(level)"] = "in\(4 - level)_d"
      for (ours, theirs) in CIAGAN.blockNames {
        names["down.\(level).\(ours)"] = "conv\(level).\(theirs)"
        names["up.\(level).\(ours)"] = "deconv\(4 - level).\(theirs)"
      }
    }
    for block in 0..<4 {
      for (ours, theirs) in [
        ("first", "conv1"), ("second", "conv2"), ("first_norm", "in1"), ("second_norm", "in2"),
      ] {
        names["residuals.\(block).\(ours)"] = "res\(block + 1).\(theirs)"
      }
    }
    return KeyMap(names, components: ["convolution": "conv2d"])
  }()
}

/// The critic: whether an image with its landmarks is real.
///
/// Source: dvl-tum/ciagan `arch_unet_flex.py` `Discriminator`.
final class LandmarkCritic: Module {
  private let blocks: [HalvingBlock]
  private let hidden: Linear
  private let output: Linear

  init(_ configuration: CIAGAN.Configuration, using stream: RandomStream) {
    let widths = [6] + configuration.criticChannels + [configuration.criticChannels[3]]
    blocks = (0..<5).map { HalvingBlock(widths[$0], widths[$0 + 1], using: stream) }
    let side = configuration.bottomSize
    hidden = Linear(
      inputFeatures: widths[5] * side * side, outputFeatures: configuration.criticHidden, using: stream)
    output = Linear(inputFeatures: configuration.criticHidden, outputFeatures: 1, using: stream)
    super.init()
  }

  /// Scores `[batch, 1]` of images and their landmarks in the channels, `[batch, 6, height, width]`; negative ones
  /// are scaled down by the authors' last activation.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let features = blocks.reduce(x) { $1($0) }
    return output(hidden(features.flattened()).leakyRelu(0.2)).leakyRelu(0.2)
  }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = ["hidden": "dense0", "output": "dense1"]
    for level in 0..<5 {
      names["blocks.\(level)"] = "conv\(level + 1)"
      for (ours, theirs) in CIAGAN.blockNames {
        names["blocks.\(level).\(ours)"] = "conv\(level + 1).\(theirs)"
      }
    }
    return KeyMap(names, components: ["convolution": "conv2d"])
  }()
}

extension CIAGAN {
  /// Our names and the authors' within blocks that halve or double.
  static let blockNames = [
    ("first", "conv_r1"), ("second", "conv_r2"), ("shortcut", "conv_l"), ("first_norm", "norm_r1"),
    ("second_norm", "norm_r2"),
  ]
}

/// The siamese network: features whose distance says whether two images show one person.
///
/// Source: dvl-tum/ciagan `arch_resnet_siam.py` `ResNet`.
final class IdentityFeatures: Module {
  private final class Block: Module, Layer {
    let first: Conv2d
    let firstNorm: BatchNorm2d
    let second: Conv2d
    let secondNorm: BatchNorm2d
    let shortcut: Sequential?

    init(_ inputs: Int, _ outputs: Int, stride: Int, using stream: RandomStream) {
      func convolution(_ inputs: Int, kernel: Int, stride: Int) -> Conv2d {
        Conv2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
          padding: kernel / 2, hasBias: false, using: stream)
      }
      first = convolution(inputs, kernel: 3, stride: stride)
      firstNorm = BatchNorm2d(channels: outputs)
      second = convolution(outputs, kernel: 3, stride: 1)
      secondNorm = BatchNorm2d(channels: outputs)
      shortcut =
        stride == 1 && inputs == outputs
        ? nil
        : Sequential([convolution(inputs, kernel: 1, stride: stride), BatchNorm2d(channels: outputs)])
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let features = secondNorm(second(firstNorm(first(x)).relu()))
      return (features + (shortcut?(x) ?? x)).relu()
    }
  }

  private let first: Conv2d
  private let firstNorm: BatchNorm2d
  private let layers: [Sequential]
  private let hidden: Linear
  private let output: Linear

  init(_ configuration: CIAGAN.Configuration, using stream: RandomStream) {
    let widths = configuration.siameseChannels
    first = Conv2d(
      inputChannels: 3, outputChannels: widths[0], kernelSize: 3, padding: 1, hasBias: false, using: stream)
    firstNorm = BatchNorm2d(channels: widths[0])
    layers = (0..<4).map { level in
      Sequential([
        Block(widths[max(0, level - 1)], widths[level], stride: level == 0 ? 1 : 2, using: stream),
        Block(widths[level], widths[level], stride: 1, using: stream),
      ])
    }
    hidden = Linear(inputFeatures: widths[3], outputFeatures: configuration.siameseHidden, using: stream)
    output = Linear(
      inputFeatures: configuration.siameseHidden, outputFeatures: configuration.featureSize, using: stream)
    super.init()
  }

  /// Features `[batch, size]` of images `[batch, 3, height, width]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let features = layers.reduce(firstNorm(first(x)).relu()) { $1($0) }
    return output(hidden(features.mean(dims: [2, 3])).relu())
  }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = [
      "first": "conv1", "first_norm": "bn1", "hidden": "linear1", "output": "linear2",
    ]
    for level in 0..<4 { names["layers.\(level)"] = "layer\(level + 1)" }
    return KeyMap(
      names, components: ["first": "conv1", "first_norm": "bn1", "second": "conv2", "second_norm": "bn2"])
  }()
}
