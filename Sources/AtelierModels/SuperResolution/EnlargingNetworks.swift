import AtelierCore
import AtelierData
import Torch
import TorchNN

/// The generators of super-resolution.
public enum EnlargingGenerator: String, Sendable, Hashable, Codable, CaseIterable {
  /// BasicSR's MSRResNet: residual blocks without norms, added to the bilinear enlargement.
  case msrresnet
  /// ESRGAN's residual-in-residual dense blocks (Wang et al. 2018), as BasicSR's RRDBNet.
  case rrdb
  /// The SRResNet of the SRGAN paper (Ledig et al. 2017): batch norms and learned slopes.
  case ledig
  /// The network of Johnson et al. 2016: norms, and transposed convolutions that double.
  case johnson
}

/// The choices of a generator of super-resolution.
struct EnlargingGeneratorPlan {
  let kind: EnlargingGenerator
  let inputChannels: Int
  let outputChannels: Int
  let width: Int
  let blocks: Int
  let growth: Int
  let scale: Int
  var foldsInput = true

  /// A network with its authors' initial weights.
  func make(using stream: RandomStream) -> any Layer {
    let network: any Layer =
      switch kind {
      case .msrresnet: MSRResNet(self, using: stream)
      case .rrdb: RRDBNetwork(self, using: stream)
      case .ledig: LedigGenerator(self, using: stream)
      case .johnson: JohnsonGenerator(self, using: stream)
      }
    network.layOutChannelsLast()
    return network
  }

  /// The authors' names of the weights.
  var authorsNames: KeyMap {
    switch kind {
    case .msrresnet: MSRResNet.authorsNames
    case .rrdb: RRDBNetwork.authorsNames
    // Their authors published no weights, so that our own names are as good as any.
    case .ledig, .johnson: .identity
    }
  }

  /// What both sides of a low-resolution image are multiples of: an RRDB network for small scales first
  /// folds space into channels.
  var sizeMultiple: Int { kind == .rrdb ? RRDBNetwork.folding(self) : 1 }

  /// The side of the large images in training: the largest multiple of what the generator needs, and of
  /// `multiple`, that is at most `imageSize` (126 of 128 for scale 3).
  func cropSize(_ imageSize: Int, multiple: Int = 1) -> Int {
    let unit = scale * sizeMultiple
    var common = unit
    while common % multiple != 0 { common += unit }
    return imageSize / common * common
  }

  /// The enlargements one after the other: twos, or a single three.
  var factors: [Int] { scale == 3 ? [3] : [Int](repeating: 2, count: scale.trailingZeroBitCount) }

  /// Refuses what cannot work for high-resolution images of a size.
  func validate(imageSize: Int) throws(ConfigurationError) {
    try Checks.positive([
      "width": width, "inputChannels": inputChannels, "outputChannels": outputChannels,
      "imageSize": imageSize,
    ])
    try Checks.require(blocks >= 0, "blocks is at least 0, not \(blocks)")
    let scales: [Int] =
      switch kind {
      case .msrresnet, .ledig: [2, 3, 4, 8, 16]
      case .rrdb: [1, 2, 4, 8, 16]
      case .johnson: [2, 4, 8, 16]
      }
    let known = scales.map(String.init).joined(separator: ", ")
    try Checks.require(
      scales.contains(scale), "scale is one of \(known) for the generator \(kind.rawValue), not \(scale)")
    let unit = scale * sizeMultiple
    try Checks.require(
      imageSize >= 2 * unit, "imageSize is at least \(2 * unit), as scale is \(scale), not \(imageSize)")
    if kind == .rrdb { try Checks.positive(["growth": growth]) }
    if kind == .msrresnet {
      // It adds the enlarged input to its output.
      try Checks.require(
        inputChannels == outputChannels || inputChannels == 1,
        "the generator msrresnet adds its input to its output, so that inputChannels \(inputChannels) must be "
          + "1 or outputChannels, \(outputChannels)")
    }
  }
}

/// A 3 × 3 convolution that keeps the size, or one of another odd kernel.
func samePadded(
  _ inputs: Int, _ outputs: Int, kernelSize: Int = 3, hasBias: Bool = true,
  normalization: WeightNormalization? = nil, using stream: RandomStream
) -> Conv2d {
  Conv2d(
    inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, padding: kernelSize / 2,
    hasBias: hasBias, normalization: normalization, using: stream)
}

/// BasicSR's initial weights of residual branches: He normal over the inputs, a tenth of it, biases 0, so
/// that a deep network starts near the identity. Source: BasicSR `archs/arch_util.py` `default_init_weights`.
func applyResidualWeights(_ layers: [Conv2d], using stream: RandomStream) {
  for layer in layers {
    stream.fillKaimingNormal(layer.weight)
    withoutGradients { layer.weight.multiplyInPlace(0.1) }
    layer.bias?.fill(0)
  }
}

/// BasicSR's MSRResNet.
///
/// Leaky slopes 0.1 outside the blocks, ReLU inside, pixel shuffle, and the bilinear enlargement of the
/// input (corners not aligned) added to the output. Source: BasicSR `archs/srresnet_arch.py`.
final class MSRResNet: Module, Layer {
  /// conv, ReLU, conv, added to the input.
  private final class Block: Module, Layer {
    let conv1: Conv2d
    let conv2: Conv2d

    init(_ width: Int, using stream: RandomStream) {
      conv1 = samePadded(width, width, using: stream)
      conv2 = samePadded(width, width, using: stream)
      super.init()
      applyResidualWeights([conv1, conv2], using: stream)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + conv2(conv1(x).reluInPlace()) }
  }

  static let authorsNames = KeyMap([
    "first": "conv_first", "enlargements.0": "upconv1", "enlargements.1": "upconv2",
    "enlargements.2": "upconv3", "enlargements.3": "upconv4", "penultimate": "conv_hr", "last": "conv_last",
  ])

  let first: Conv2d
  private let body: [Block]
  let enlargements: [Conv2d]
  let penultimate: Conv2d
  let last: Conv2d
  private let factors: [Int]
  private let scale: Int

  init(_ plan: EnlargingGeneratorPlan, using stream: RandomStream) {
    let width = plan.width
    first = samePadded(plan.inputChannels, width, using: stream)
    body = (0..<plan.blocks).map { _ in Block(width, using: stream) }
    enlargements = plan.factors.map { samePadded(width, width * $0 * $0, using: stream) }
    penultimate = samePadded(width, width, using: stream)
    last = samePadded(width, plan.outputChannels, using: stream)
    factors = plan.factors
    scale = plan.scale
    super.init()
    applyResidualWeights([first] + enlargements + [penultimate, last], using: stream)
  }

  /// `[batch, outputs, height * scale, width * scale]` for `[batch, inputs, height, width]` in 0 … 1.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let x = x.channelsLast()
    var features = first(x).leakyReluInPlace(0.1)
    for block in body { features = block(features) }
    for (layer, factor) in zip(enlargements, factors) {
      features = pixelShuffle(layer(features), factor: factor).leakyReluInPlace(0.1)
    }
    let details = last(penultimate(features).leakyReluInPlace(0.1))
    return details + enlarged(x, by: scale, mode: .bilinear)
  }
}

/// The SRResNet of the SRGAN paper.
///
/// conv 9, PReLU; residual blocks of conv, batch norm, PReLU, conv, batch norm; conv, batch norm and a skip
/// over all blocks; for each doubling conv, pixel shuffle, PReLU; conv 9. Source: Ledig et al. 2017, figure
/// 4. One slope a PReLU: 1,549,462 parameters with 16 blocks of 64 channels at ×4.
final class LedigGenerator: Module, Layer {
  private final class Block: Module, Layer {
    let conv1: Conv2d
    let norm1: BatchNorm2d
    let activation: PReLU
    let conv2: Conv2d
    let norm2: BatchNorm2d

    init(_ width: Int, using stream: RandomStream) {
      conv1 = samePadded(width, width, using: stream)
      norm1 = BatchNorm2d(channels: width)
      activation = PReLU()
      conv2 = samePadded(width, width, using: stream)
      norm2 = BatchNorm2d(channels: width)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + norm2(conv2(activation(norm1(conv1(x))))) }
  }

  /// conv, pixel shuffle, PReLU.
  private final class Enlargement: Module, Layer {
    let conv: Conv2d
    let activation: PReLU
    private let factor: Int

    init(_ width: Int, factor: Int, using stream: RandomStream) {
      conv = samePadded(width, width * factor * factor, using: stream)
      activation = PReLU()
      self.factor = factor
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { activation(pixelShuffle(conv(x), factor: factor)) }
  }

  let first: Conv2d
  let firstActivation: PReLU
  private let body: [Block]
  let bodyEnd: Conv2d
  let bodyNorm: BatchNorm2d
  private let enlargements: [Enlargement]
  let last: Conv2d

  init(_ plan: EnlargingGeneratorPlan, using stream: RandomStream) {
    let width = plan.width
    first = samePadded(plan.inputChannels, width, kernelSize: 9, using: stream)
    firstActivation = PReLU()
    body = (0..<plan.blocks).map { _ in Block(width, using: stream) }
    bodyEnd = samePadded(width, width, using: stream)
    bodyNorm = BatchNorm2d(channels: width)
    enlargements = plan.factors.map { Enlargement(width, factor: $0, using: stream) }
    last = samePadded(width, plan.outputChannels, kernelSize: 9, using: stream)
    super.init()
  }

  /// `[batch, outputs, height * scale, width * scale]` for `[batch, inputs, height, width]` in 0 … 1.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let start = firstActivation(first(x.channelsLast()))
    var features = start
    for block in body { features = block(features) }
    features = start + bodyNorm(bodyEnd(features))
    for enlargement in enlargements { features = enlargement(features) }
    return last(features)
  }
}

/// The super-resolution network of Johnson et al. 2016.
///
/// conv 9; residual blocks of conv, norm, ReLU, conv, norm without a ReLU behind the sum; a transposed
/// convolution with stride 2 for each doubling; conv 9 and a hyperbolic tangent that is scaled to the range
/// of images. Batch norm and ReLU follow every convolution outside the blocks but the last. Source: the
/// paper's supplement, table 2; `jcjohnson/fast-neural-style` `models.lua` for the tokens `c9s1`, `R`, `u`.
final class JohnsonGenerator: Module, Layer {
  private final class Block: Module, Layer {
    let conv1: Conv2d
    let norm1: BatchNorm2d
    let conv2: Conv2d
    let norm2: BatchNorm2d

    init(_ width: Int, using stream: RandomStream) {
      conv1 = samePadded(width, width, using: stream)
      norm1 = BatchNorm2d(channels: width)
      conv2 = samePadded(width, width, using: stream)
      norm2 = BatchNorm2d(channels: width)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + norm2(conv2(norm1(conv1(x)).reluInPlace())) }
  }

  /// A transposed convolution that doubles, norm, ReLU.
  private final class Enlargement: Module, Layer {
    let conv: ConvTranspose2d
    let norm: BatchNorm2d

    init(_ width: Int, using stream: RandomStream) {
      conv = ConvTranspose2d(
        inputChannels: width, outputChannels: width, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1,
        using: stream)
      norm = BatchNorm2d(channels: width)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { norm(conv(x)).reluInPlace() }
  }

  let first: Conv2d
  let firstNorm: BatchNorm2d
  private let body: [Block]
  private let enlargements: [Enlargement]
  let last: Conv2d

  init(_ plan: EnlargingGeneratorPlan, using stream: RandomStream) {
    let width = plan.width
    first = samePadded(plan.inputChannels, width, kernelSize: 9, using: stream)
    firstNorm = BatchNorm2d(channels: width)
    body = (0..<plan.blocks).map { _ in Block(width, using: stream) }
    enlargements = plan.factors.map { _ in Enlargement(width, using: stream) }
    last = samePadded(width, plan.outputChannels, kernelSize: 9, using: stream)
    super.init()
  }

  /// `[batch, outputs, height * scale, width * scale]` in 0 … 1 for `[batch, inputs, height, width]` in 0 …
  /// 1.
  func callAsFunction(_ x: Tensor) -> Tensor {
    var features = firstNorm(first(x.channelsLast())).reluInPlace()
    for block in body { features = block(features) }
    for enlargement in enlargements { features = enlargement(features) }
    return (last(features).tanh() + 1) / 2
  }
}
