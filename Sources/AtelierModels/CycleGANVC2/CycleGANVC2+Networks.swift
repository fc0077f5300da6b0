import AtelierCore
import Torch
import TorchNN

/// A convolution, a pixel shuffle where it enlarges, an instance norm, and a gated linear unit: the first half of the channels
/// times the sigmoid of the second.
final class GatedBlock: Module {
  private let convolution: Conv2d
  private let norm: InstanceNorm2d?
  private let enlarges: Bool

  /// - Parameter outputs: channels behind the unit.
  init(
    _ inputs: Int, _ outputs: Int, kernel: (Int, Int), stride: Int = 1, isNormed: Bool = true,
    enlarges: Bool = false,
    using stream: RandomStream
  ) {
    self.enlarges = enlarges
    convolution = Conv2d(
      inputChannels: inputs, outputChannels: 2 * outputs * (enlarges ? 4 : 1), kernelSize: kernel,
      stride: (stride, stride), padding: (kernel.0 / 2, kernel.1 / 2), using: stream)
    norm = isNormed ? InstanceNorm2d(channels: 2 * outputs, isAffine: true) : nil
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = convolution(x)
    if enlarges { y = pixelShuffle(y, factor: 2) }
    let halves = (norm.map { $0(y) } ?? y).chunked(2, dim: 1)
    return halves[0] * halves[1].sigmoid()
  }
}

/// A residual block over frames, `[batch, channels, 1, frames]`.
private final class FrameResidual: Module {
  private let gated: GatedBlock
  private let convolution: Conv2d
  private let norm: InstanceNorm2d

  init(_ channels: Int, using stream: RandomStream) {
    gated = GatedBlock(channels, 2 * channels, kernel: (1, 3), using: stream)
    convolution = Conv2d(
      inputChannels: 2 * channels, outputChannels: channels, kernelSize: (1, 3), padding: (0, 1),
      using: stream)
    norm = InstanceNorm2d(channels: channels, isAffine: true)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { x + norm(convolution(gated(x))) }
}

/// The 2-1-2D generator: spectrograms `[batch, bands, frames]` of one speaker into those of the other. Bands and frames are
/// multiples of four.
final class CycleVoiceGenerator: Module, Layer {
  private let input: GatedBlock
  private let down: [GatedBlock]
  private let narrowing: Conv2d
  private let narrowingNorm: InstanceNorm2d
  private let residuals: [FrameResidual]
  private let widening: Conv2d
  private let wideningNorm: InstanceNorm2d
  private let up: [GatedBlock]
  private let output: Conv2d
  private let quarter: Int

  init(_ configuration: CycleGANVC2.Configuration, using stream: RandomStream) {
    let width = configuration.generatorWidth
    quarter = configuration.mels / 4
    let plane = 4 * width * quarter
    input = GatedBlock(1, width, kernel: (5, 15), isNormed: false, using: stream)
    down = [
      GatedBlock(width, 2 * width, kernel: (5, 5), stride: 2, using: stream),
      GatedBlock(2 * width, 4 * width, kernel: (5, 5), stride: 2, using: stream),
    ]
    narrowing = Conv2d(inputChannels: plane, outputChannels: 4 * width, kernelSize: 1, using: stream)
    narrowingNorm = InstanceNorm2d(channels: 4 * width, isAffine: true)
    residuals = (0..<configuration.blocks).map { _ in FrameResidual(4 * width, using: stream) }
    widening = Conv2d(inputChannels: 4 * width, outputChannels: plane, kernelSize: 1, using: stream)
    wideningNorm = InstanceNorm2d(channels: plane, isAffine: true)
    up = [
      GatedBlock(4 * width, 2 * width, kernel: (5, 5), enlarges: true, using: stream),
      GatedBlock(2 * width, width, kernel: (5, 5), enlarges: true, using: stream),
    ]
    output = Conv2d(
      inputChannels: width, outputChannels: 1, kernelSize: (5, 15), padding: (2, 7), using: stream)
  }

  func callAsFunction(_ mel: Tensor) -> Tensor {
    var x = input(mel.unsqueezed(1))
    for block in down { x = block(x) }
    let (batch, channels, frames) = (x.shape[0], x.shape[1], x.shape[3])
    x = narrowingNorm(narrowing(x.reshaped([batch, channels * quarter, 1, frames])))
    for block in residuals { x = block(x) }
    x = wideningNorm(widening(x)).reshaped([batch, channels, quarter, frames])
    for block in up { x = block(x) }
    return output(x).squeezed(1)
  }
}

/// The discriminator of patches: a score for each of them from spectrograms `[batch, bands, frames]`.
final class CycleVoiceDiscriminator: Module, Layer {
  private let blocks: [GatedBlock]
  private let output: Conv2d

  init(_ width: Int, using stream: RandomStream) {
    blocks = [
      GatedBlock(1, width, kernel: (3, 3), isNormed: false, using: stream),
      GatedBlock(width, 2 * width, kernel: (3, 3), stride: 2, using: stream),
      GatedBlock(2 * width, 4 * width, kernel: (3, 3), stride: 2, using: stream),
      GatedBlock(4 * width, 8 * width, kernel: (3, 3), stride: 2, using: stream),
      GatedBlock(8 * width, 8 * width, kernel: (1, 5), using: stream),
    ]
    output = Conv2d(
      inputChannels: 8 * width, outputChannels: 1, kernelSize: (1, 3), padding: (0, 1), using: stream)
  }

  func callAsFunction(_ mel: Tensor) -> Tensor {
    var x = mel.unsqueezed(1)
    for block in blocks { x = block(x) }
    return output(x)
  }
}
