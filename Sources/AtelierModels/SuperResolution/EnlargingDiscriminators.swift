import AtelierCore
import AtelierData
import Torch
import TorchNN

/// The discriminators of super-resolution.
public enum EnlargingDiscriminator: String, Sendable, Hashable, Codable, CaseIterable {
  /// BasicSR's VGGStyleDiscriminator: one score for images of one size.
  case vggStyle = "vgg-style"
  /// Real-ESRGAN's U-Net with spectral normalisation (Wang et al. 2021): one score a pixel.
  case unetSpectral = "unet-spectral"
  /// The discriminator of the SRGAN paper (Ledig et al. 2017): one score for images of one size.
  case ledig
}

/// The choices of a discriminator of super-resolution.
struct EnlargingDiscriminatorPlan {
  let kind: EnlargingDiscriminator
  let inputChannels: Int
  let width: Int
  let imageSize: Int

  /// A network with its authors' initial weights, which are PyTorch's.
  func make(using stream: RandomStream) -> any Layer {
    let network: any Layer =
      switch kind {
      case .vggStyle: VGGStyleDiscriminator(self, using: stream)
      case .unetSpectral: SpectralUNetDiscriminator(self, using: stream)
      case .ledig: LedigDiscriminator(self, using: stream)
      }
    network.layOutChannelsLast()
    return network
  }

  /// The authors' names of the weights.
  var authorsNames: KeyMap {
    switch kind {
    case .vggStyle: VGGStyleDiscriminator.authorsNames
    case .unetSpectral, .ledig: .identity
    }
  }

  /// Whether images of other sizes than ``imageSize`` can be judged.
  var judgesAnySize: Bool { kind == .unetSpectral }

  /// What sides of images are multiples of.
  var sizeMultiple: Int { kind == .unetSpectral ? 8 : 1 }

  /// Refuses images that the network cannot judge.
  func validate() throws(ConfigurationError) {
    try Checks.positive(["discriminatorWidth": width])
    switch kind {
    case .vggStyle:
      try Checks.require(
        imageSize >= 16 && imageSize.nonzeroBitCount == 1,
        "the discriminator vgg-style judges images whose side is a power of two of at least 16 (128, 256, "
          + "64, …), not imageSize \(imageSize)")
    case .unetSpectral: break
    case .ledig:
      try Checks.require(
        imageSize % 16 == 0,
        "the discriminator ledig needs an imageSize that is a multiple of 16, not \(imageSize)")
    }
  }
}

/// BasicSR's VGGStyleDiscriminator.
///
/// Stages of a 3 × 3 convolution and a 4 × 4 one that halves, batch norm behind all but the first, leaky
/// slopes 0.2; channels double up to eight times the width; two linear layers. Source: BasicSR
/// `archs/discriminator_arch.py`, which knows images of 128 (five stages) and 256 (six); other powers of two
/// have as many stages as leave maps of 4 × 4.
final class VGGStyleDiscriminator: Module, Layer {
  private final class Stage: Module, Layer {
    let enter: Conv2d
    let enterNorm: BatchNorm2d?
    let halve: Conv2d
    let halveNorm: BatchNorm2d

    init(_ inputs: Int, _ outputs: Int, isFirst: Bool, using stream: RandomStream) {
      enter = samePadded(inputs, outputs, hasBias: isFirst, using: stream)
      enterNorm = isFirst ? nil : BatchNorm2d(channels: outputs)
      halve = Conv2d(
        inputChannels: outputs, outputChannels: outputs, kernelSize: 4, stride: 2, padding: 1, hasBias: false,
        using: stream)
      halveNorm = BatchNorm2d(channels: outputs)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let entered = enter(x)
      let features = (enterNorm.map { $0(entered) } ?? entered).leakyReluInPlace(0.2)
      return halveNorm(halve(features)).leakyReluInPlace(0.2)
    }
  }

  static let authorsNames: KeyMap = {
    var names = ["hidden": "linear1", "score": "linear2"]
    for stage in 0..<12 {
      names["stages.\(stage).enter"] = "conv\(stage)_0"
      names["stages.\(stage).enter_norm"] = "bn\(stage)_0"
      names["stages.\(stage).halve"] = "conv\(stage)_1"
      names["stages.\(stage).halve_norm"] = "bn\(stage)_1"
    }
    return KeyMap(names)
  }()

  private let stages: [Stage]
  let hidden: Linear
  let score: Linear
  private let imageSize: Int

  init(_ plan: EnlargingDiscriminatorPlan, using stream: RandomStream) {
    imageSize = plan.imageSize
    var inputs = plan.inputChannels
    var stages: [Stage] = []
    for place in 0..<(plan.imageSize / 4).trailingZeroBitCount {
      let outputs = plan.width * min(8, 1 << place)
      stages.append(Stage(inputs, outputs, isFirst: place == 0, using: stream))
      inputs = outputs
    }
    self.stages = stages
    hidden = Linear(inputFeatures: inputs * 16, outputFeatures: 100, using: stream)
    score = Linear(inputFeatures: 100, outputFeatures: 1, using: stream)
    super.init()
  }

  /// Logits `[batch, 1]` for images `[batch, channels, imageSize, imageSize]` in 0 … 1.
  func callAsFunction(_ x: Tensor) -> Tensor {
    guard
      check(
        x.rank == 4 && x.shape[2] == imageSize && x.shape[3] == imageSize,
        "the discriminator judges images of \(imageSize) × \(imageSize), not \(x.shape)")
    else { return .zeros([1, 1]) }
    var features = x.channelsLast()
    for stage in stages { features = stage(features) }
    return score(hidden(features.flattened(from: 1)).leakyReluInPlace(0.2))
  }
}

/// Real-ESRGAN's discriminator: a U-Net whose inner convolutions have spectral normalisation.
///
/// Three halvings, three bilinear doublings with the map of the same size added, leaky slopes 0.2. Source:
/// Wang et al. 2021, "Real-ESRGAN"; BasicSR `archs/discriminator_arch.py` `UNetDiscriminatorSN`.
final class SpectralUNetDiscriminator: Module, Layer {
  let conv0: Conv2d
  let conv1: Conv2d
  let conv2: Conv2d
  let conv3: Conv2d
  let conv4: Conv2d
  let conv5: Conv2d
  let conv6: Conv2d
  let conv7: Conv2d
  let conv8: Conv2d
  let conv9: Conv2d

  init(_ plan: EnlargingDiscriminatorPlan, using stream: RandomStream) {
    let width = plan.width
    func halving(_ inputs: Int, _ outputs: Int) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: 2, padding: 1, hasBias: false,
        normalization: .spectral, using: stream)
    }
    func keeping(_ inputs: Int, _ outputs: Int) -> Conv2d {
      samePadded(inputs, outputs, hasBias: false, normalization: .spectral, using: stream)
    }
    conv0 = samePadded(plan.inputChannels, width, using: stream)
    conv1 = halving(width, width * 2)
    conv2 = halving(width * 2, width * 4)
    conv3 = halving(width * 4, width * 8)
    conv4 = keeping(width * 8, width * 4)
    conv5 = keeping(width * 4, width * 2)
    conv6 = keeping(width * 2, width)
    conv7 = keeping(width, width)
    conv8 = keeping(width, width)
    conv9 = samePadded(width, 1, using: stream)
    super.init()
  }

  /// Logits `[batch, 1, height, width]` for images `[batch, channels, height, width]` in 0 … 1, sides
  /// multiples of 8.
  func callAsFunction(_ x: Tensor) -> Tensor {
    // What is added to later must stay as it is, so that only what nobody reads again is overwritten.
    let whole = conv0(x.channelsLast()).leakyReluInPlace(0.2)
    let half = conv1(whole).leakyReluInPlace(0.2)
    let quarter = conv2(half).leakyReluInPlace(0.2)
    let eighth = conv3(quarter).leakyReluInPlace(0.2)
    let up4 = conv4(doubled(eighth)).leakyReluInPlace(0.2) + quarter
    let up2 = conv5(doubled(up4)).leakyReluInPlace(0.2) + half
    let up1 = conv6(doubled(up2)).leakyReluInPlace(0.2) + whole
    return conv9(conv8(conv7(up1).leakyReluInPlace(0.2)).leakyReluInPlace(0.2))
  }

  private func doubled(_ x: Tensor) -> Tensor {
    upsampleBilinear(x, size: (x.shape[2] * 2, x.shape[3] * 2))
  }
}

/// The discriminator of the SRGAN paper.
///
/// 3 × 3 convolutions of width, width, 2, 2, 4, 4, 8 and 8 times the width, every second with stride 2, batch
/// norm behind all but the first, leaky slopes 0.2; a linear layer of 1024 and one of 1. Source: Ledig et al.
/// 2017, figure 4; the sigmoid at its end is part of the loss here.
final class LedigDiscriminator: Module, Layer {
  let body: Sequential
  let hidden: Linear
  let score: Linear

  init(_ plan: EnlargingDiscriminatorPlan, using stream: RandomStream) {
    var inputs = plan.inputChannels
    var layers: [any Layer] = []
    for place in 0..<8 {
      let outputs = plan.width << (place / 2)
      layers.append(
        Conv2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: place % 2 + 1, padding: 1,
          hasBias: place == 0, using: stream))
      if place > 0 { layers.append(BatchNorm2d(channels: outputs)) }
      layers.append(LeakyReLU(negativeSlope: 0.2, isInPlace: true))
      inputs = outputs
    }
    body = Sequential(layers)
    let side = plan.imageSize / 16
    hidden = Linear(inputFeatures: inputs * side * side, outputFeatures: 1024, using: stream)
    score = Linear(inputFeatures: 1024, outputFeatures: 1, using: stream)
    super.init()
  }

  /// Logits `[batch, 1]` for images `[batch, channels, imageSize, imageSize]` in 0 … 1.
  func callAsFunction(_ x: Tensor) -> Tensor {
    score(hidden(body(x.channelsLast()).flattened(from: 1)).leakyReluInPlace(0.2))
  }
}
