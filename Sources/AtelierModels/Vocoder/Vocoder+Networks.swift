import AtelierCore
import Torch
import TorchNN

/// HiFi-GAN's generator: mel spectrograms `[batch, bands, frames]` to waveforms `[batch, 1, frames · hop]` in −1 … 1.
///
/// Behind each transposed convolution stand residual blocks of several kernels, whose mean is what goes on: the
/// multi-receptive-field fusion.
final class VocoderGenerator: Module {
  private let first: Conv1d
  private let upsampling: [ConvTranspose1d]
  /// Stage by stage, one for each kernel.
  private let blocks: [VocoderResidualBlock]
  private let last: Conv1d

  init(_ configuration: Vocoder.Configuration, using stream: RandomStream) {
    first = Conv1d(
      inputChannels: configuration.mels, outputChannels: configuration.initialChannels, kernelSize: 7,
      padding: 3, normalization: .weight, using: stream)
    var channels = configuration.initialChannels
    var upsampling: [ConvTranspose1d] = []
    var blocks: [VocoderResidualBlock] = []
    for (rate, kernel) in zip(configuration.upsampleRates, configuration.upsampleKernels) {
      upsampling.append(
        ConvTranspose1d(
          inputChannels: channels, outputChannels: channels / 2, kernelSize: kernel, stride: rate,
          padding: (kernel - rate) / 2, normalization: .weight, using: stream))
      channels /= 2
      for (kernel, dilations) in zip(configuration.residualKernels, configuration.residualDilations) {
        blocks.append(
          VocoderResidualBlock(
            channels, kernel: kernel, dilations: dilations, hasPlain: configuration.residualBlock == 1,
            using: stream))
      }
    }
    (self.upsampling, self.blocks) = (upsampling, blocks)
    last = Conv1d(
      inputChannels: channels, outputChannels: 1, kernelSize: 7, padding: 3, normalization: .weight,
      using: stream)
  }

  func callAsFunction(_ mel: Tensor) -> Tensor {
    let kernels = blocks.count / max(1, upsampling.count)
    var x = first(mel)
    for (stage, convolution) in upsampling.enumerated() {
      x = convolution(x.activated(0.1))
      let fields = blocks[(stage * kernels)..<((stage + 1) * kernels)].map { $0(x) }
      x = fields.dropFirst().reduce(fields[0]) { $0.increased(by: $1) } / Double(kernels)
    }
    // The authors give no slope here, so that it is PyTorch's default and not 0.1.
    return last(x.activated(0.01)).tanh()
  }

  /// The authors' names.
  static func authorsNames(residualBlock: Int) -> KeyMap {
    KeyMap(
      ["first": "conv_pre", "upsampling": "ups", "blocks": "resblocks", "last": "conv_post"],
      components: residualBlock == 1
        ? ["dilated": "convs1", "plain": "convs2"] : ["dilated": "convs"])
  }

  /// Frames on either side that a sample depends on.
  static func reach(_ configuration: Vocoder.Configuration) -> Int {
    var (reach, rate) = (3.0, 1.0)
    for (factor, kernel) in zip(configuration.upsampleRates, configuration.upsampleKernels) {
      reach += Double(kernel) / Double(factor) / rate
      rate *= Double(factor)
      let samples = zip(configuration.residualKernels, configuration.residualDilations).map {
        kernel, dilations in
        dilations.reduce(0) { $0 + (kernel / 2) * ($1 + (configuration.residualBlock == 1 ? 1 : 0)) }
      }
      reach += Double(samples.max() ?? 0) / rate
    }
    return Int((reach + 3 / rate).rounded(.up)) + 1
  }
}

/// Convolutions of growing dilation, each added to its input; in the first form each is followed by one without
/// dilation.
final class VocoderResidualBlock: Module {
  private let dilated: [Conv1d]
  private let plain: [Conv1d]

  init(_ channels: Int, kernel: Int, dilations: [Int], hasPlain: Bool, using stream: RandomStream) {
    func convolution(_ dilation: Int) -> Conv1d {
      Conv1d(
        inputChannels: channels, outputChannels: channels, kernelSize: kernel,
        padding: (kernel - 1) * dilation / 2, dilation: dilation, normalization: .weight, using: stream)
    }
    dilated = dilations.map(convolution)
    plain = hasPlain ? dilations.map { _ in convolution(1) } : []
  }

  func callAsFunction(_ input: Tensor) -> Tensor {
    var x = input
    for (index, convolution) in dilated.enumerated() {
      var y = convolution(x.leakyRelu(0.1))
      if !plain.isEmpty { y = plain[index](y.activated(0.1)) }
      x = y.increased(by: x)
    }
    return x
  }
}

/// Drawing needs no tensor but the last, and new pages of waveforms cost as much as what is computed in them.
extension Tensor {
  fileprivate static var isReused: Bool { !isRecordingGradients && !isRecordingScript }

  /// A leaky ReLU; in this tensor's own memory where only drawing sees it.
  fileprivate func activated(_ slope: Double) -> Tensor {
    Self.isReused ? leakyReluInPlace(slope) : leakyRelu(slope)
  }

  /// The sum; in this tensor's own memory where only drawing sees it.
  fileprivate func increased(by other: Tensor) -> Tensor {
    guard Self.isReused, dtype == other.dtype else { return self + other }
    addInPlace(other)
    return self
  }
}

/// What several discriminators make of one waveform: the outputs of all layers, of which the last is the score.
typealias VocoderJudgements = [[Tensor]]

/// Discriminators of waveforms `[batch, 1, samples]`.
class VocoderDiscriminators: Module {
  /// What the discriminators make of a real and of a generated waveform, each of the real one first: a spectral norm
  /// advances with every pass.
  func callAsFunction(
    _ real: Tensor, _ generated: Tensor
  ) -> (real: VocoderJudgements, generated: VocoderJudgements) {
    check(false, "a kind of discriminators judges nothing")
    return ([], [])
  }

  /// The authors' names.
  static let authorsNames = KeyMap(
    ["parts": "discriminators"], components: ["layers": "convs", "last": "conv_post"])
}

/// One discriminator a period, each of which sees a waveform folded into rows of its period (multi-period).
final class PeriodDiscriminators: VocoderDiscriminators {
  private let parts: [PeriodDiscriminator]

  init(_ configuration: Vocoder.Configuration, using stream: RandomStream) {
    parts = configuration.periods.map {
      PeriodDiscriminator($0, channels: configuration.periodChannels, using: stream)
    }
  }

  override func callAsFunction(
    _ real: Tensor, _ generated: Tensor
  ) -> (real: VocoderJudgements, generated: VocoderJudgements) {
    let pairs = parts.map { ($0(real), $0(generated)) }
    return (pairs.map(\.0), pairs.map(\.1))
  }
}

private final class PeriodDiscriminator: Module {
  private let layers: [Conv2d]
  private let last: Conv2d
  private let period: Int

  init(_ period: Int, channels: [Int], using stream: RandomStream) {
    self.period = period
    // The last width stands twice: once more without a stride.
    let widths = [1] + channels + channels.suffix(1)
    layers = (1..<widths.count).map { index in
      Conv2d(
        inputChannels: widths[index - 1], outputChannels: widths[index], kernelSize: (5, 1),
        stride: (index < widths.count - 1 ? 3 : 1, 1), padding: (2, 0), normalization: .weight, using: stream)
    }
    last = Conv2d(
      inputChannels: widths[widths.count - 1], outputChannels: 1, kernelSize: (3, 1), padding: (1, 0),
      normalization: .weight, using: stream)
  }

  func callAsFunction(_ waveform: Tensor) -> [Tensor] {
    let missing = (period - waveform.shape[2] % period) % period
    let whole = missing == 0 ? waveform : waveform.reflectionPadded([0, missing])
    var x = whole.reshaped([whole.shape[0], 1, whole.shape[2] / period, period])
    var outputs: [Tensor] = []
    for layer in layers {
      x = layer(x).leakyRelu(0.1)
      outputs.append(x)
    }
    return outputs + [last(x).flattened(from: 1)]
  }
}

/// Three discriminators of a waveform and of its halves by average pooling (multi-scale). Only the first has spectral
/// norm, the others have weight norm.
final class ScaleDiscriminators: VocoderDiscriminators {
  private let parts: [ScaleDiscriminator]

  init(_ configuration: Vocoder.Configuration, using stream: RandomStream) {
    parts = (0..<3).map {
      ScaleDiscriminator(
        channels: configuration.scaleChannels, normalization: $0 == 0 ? .spectral : .weight, using: stream)
    }
  }

  override func callAsFunction(
    _ real: Tensor, _ generated: Tensor
  ) -> (real: VocoderJudgements, generated: VocoderJudgements) {
    var (real, generated) = (real, generated)
    var pairs: [([Tensor], [Tensor])] = []
    for (scale, part) in parts.enumerated() {
      if scale > 0 { (real, generated) = (Self.halved(real), Self.halved(generated)) }
      pairs.append((part(real), part(generated)))
    }
    return (pairs.map(\.0), pairs.map(\.1))
  }

  private static func halved(_ x: Tensor) -> Tensor {
    averagePool2d(x.unsqueezed(2), kernelSize: (1, 4), stride: (1, 2), padding: (0, 2)).squeezed(2)
  }
}

private final class ScaleDiscriminator: Module {
  private let layers: [Conv1d]
  private let last: Conv1d

  init(channels: [Int], normalization: WeightNormalization, using stream: RandomStream) {
    func layer(_ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, groups: Int = 1) -> Conv1d {
      Conv1d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
        padding: kernel / 2, groups: groups, normalization: normalization, using: stream)
    }
    let (a, b, c, d) = (channels[0], channels[1], channels[2], channels[3])
    layers = [
      layer(1, a, 15), layer(a, a, 41, stride: 2, groups: 4), layer(a, b, 41, stride: 2, groups: 16),
      layer(b, c, 41, stride: 4, groups: 16), layer(c, d, 41, stride: 4, groups: 16),
      layer(d, d, 41, groups: 16), layer(d, d, 5),
    ]
    last = layer(d, 1, 3)
  }

  func callAsFunction(_ waveform: Tensor) -> [Tensor] {
    var x = waveform
    var outputs: [Tensor] = []
    for layer in layers {
      x = layer(x).leakyRelu(0.1)
      outputs.append(x)
    }
    return outputs + [last(x).flattened(from: 1)]
  }
}
