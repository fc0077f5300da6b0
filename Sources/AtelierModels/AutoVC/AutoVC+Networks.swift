import AtelierCore
import Torch
import TorchNN

/// A convolution of five frames and a batch norm.
private final class NormedConvolution: Module {
  private let convolution: Conv1d
  private let norm: BatchNorm1d

  /// - Parameter gain: of Xavier's initialisation, PyTorch's for the activation that follows.
  init(_ inputs: Int, _ outputs: Int, gain: Double, using stream: RandomStream) {
    convolution = Conv1d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: 5, padding: 2, using: stream)
    norm = BatchNorm1d(channels: outputs)
    super.init()
    withoutGradients { stream.fillXavierUniform(convolution.weight, gain: gain) }
  }

  func callAsFunction(_ x: Tensor) -> Tensor { norm(convolution(x)) }

  static let reluGain = 2.0.squareRoot()
  static let tanhGain = 5.0 / 3
}

/// AutoVC's generator: an encoder to codes, a decoder of codes and an embedding, and a postnet that corrects its output.
///
/// Spectrograms are `[batch, frames, bands]`, frames a multiple of those of a code.
final class VoiceAutoencoder: Module {
  private let encoder: VoiceEncoder
  private let decoder: VoiceDecoder
  private let postnet: VoicePostnet

  init(_ configuration: AutoVC.Configuration, using stream: RandomStream) {
    encoder = VoiceEncoder(configuration, using: stream)
    decoder = VoiceDecoder(configuration, using: stream)
    postnet = VoicePostnet(configuration, using: stream)
  }

  /// What the decoder gives, the same behind the postnet, and all codes side by side, `[batch, codes · 2 · bottleneck]`.
  ///
  /// - Parameters:
  ///   - source: the embeddings `[batch, size]` of who is heard.
  ///   - target: those of who is to be heard.
  func callAsFunction(
    _ mel: Tensor, from source: Tensor, to target: Tensor
  ) -> (mel: Tensor, postnet: Tensor, codes: Tensor) {
    let codes = encoder(mel, source)
    let output = decoder(codes, target, frames: mel.shape[1])
    let corrected = output + postnet(output.transposed(1, 2)).transposed(1, 2)
    return (output, corrected, codes.flattened(from: 1))
  }

  /// The codes alone.
  func codes(_ mel: Tensor, _ source: Tensor) -> Tensor { encoder(mel, source).flattened(from: 1) }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = [
      "encoder.recurrence": "encoder.lstm", "decoder.input_recurrence": "decoder.lstm1",
      "decoder.output_recurrence": "decoder.lstm2",
      "decoder.output": "decoder.linear_projection.linear_layer",
    ]
    for (part, count) in [("encoder", 3), ("decoder", 3), ("postnet", 5)] {
      for layer in 0..<count {
        let place = "\(part).convolutions.\(layer)"
        names[place + ".convolution"] = place + ".0.conv"
        names[place + ".norm"] = place + ".1"
      }
    }
    return KeyMap(names)
  }()
}

/// Three convolutions and a bidirectional LSTM, of whose outputs a few are kept.
private final class VoiceEncoder: Module {
  private let convolutions: [NormedConvolution]
  private let recurrence: SequenceRecurrent
  private let size: Int
  private let group: Int

  init(_ configuration: AutoVC.Configuration, using stream: RandomStream) {
    let width = configuration.encoderChannels
    (size, group) = (configuration.bottleneckSize, configuration.codeDownsampling)
    convolutions = (0..<3).map { layer in
      NormedConvolution(
        layer == 0 ? configuration.mels + configuration.embeddingSize : width, width,
        gain: NormedConvolution.reluGain, using: stream)
    }
    recurrence = SequenceRecurrent(
      cell: .lstm, inputSize: width, hiddenSize: configuration.bottleneckSize, layers: 2,
      isBidirectional: true,
      drawName: "encoder", using: stream)
  }

  /// Codes `[batch, codes, 2 · bottleneck]`: of each group of frames the forward output of the last and the backward output
  /// of the first.
  func callAsFunction(_ mel: Tensor, _ source: Tensor) -> Tensor {
    let (batch, frames) = (mel.shape[0], mel.shape[1])
    let voices = source.unsqueezed(2).expanded([batch, source.shape[1], frames]).asType(mel.dtype)
    let joined = Tensor.concatenated([mel.transposed(1, 2), voices], dim: 1)
    let features = convolutions.reduce(joined) { $1($0).relu() }
    let outputs = recurrence(features.permuted([2, 0, 1])).output.transposed(0, 1)
    let groups = outputs.reshaped([batch, frames / group, group, 2 * size])
    return .concatenated(
      [
        groups.selected(dim: 2, index: group - 1).narrow(2, from: 0, length: size),
        groups.selected(dim: 2, index: 0).narrow(2, from: size, length: size),
      ], dim: 2)
  }
}

/// An LSTM, three convolutions, a second LSTM and a linear layer.
private final class VoiceDecoder: Module {
  private let inputRecurrence: SequenceRecurrent
  private let convolutions: [NormedConvolution]
  private let outputRecurrence: SequenceRecurrent
  private let output: Linear

  init(_ configuration: AutoVC.Configuration, using stream: RandomStream) {
    let width = configuration.decoderInputChannels
    inputRecurrence = SequenceRecurrent(
      cell: .lstm, inputSize: 2 * configuration.bottleneckSize + configuration.embeddingSize,
      hiddenSize: width,
      drawName: "decoder.input", using: stream)
    convolutions = (0..<3).map { _ in
      NormedConvolution(width, width, gain: NormedConvolution.reluGain, using: stream)
    }
    outputRecurrence = SequenceRecurrent(
      cell: .lstm, inputSize: width, hiddenSize: configuration.decoderChannels, layers: 2,
      drawName: "decoder.output",
      using: stream)
    output = Linear(
      inputFeatures: configuration.decoderChannels, outputFeatures: configuration.mels, using: stream)
    super.init()
    withoutGradients { stream.fillXavierUniform(output.weight) }
  }

  /// Spectrograms `[batch, frames, bands]`; each code stands for its group of frames.
  func callAsFunction(_ codes: Tensor, _ target: Tensor, frames: Int) -> Tensor {
    let (batch, count, size) = (codes.shape[0], codes.shape[1], codes.shape[2])
    let repeated = codes.unsqueezed(2).expanded([batch, count, frames / count, size]).reshaped([
      batch, frames, size,
    ])
    let voices = target.unsqueezed(1).expanded([batch, frames, target.shape[1]]).asType(codes.dtype)
    let joined = Tensor.concatenated([repeated, voices], dim: 2)
    let first = inputRecurrence(joined.transposed(0, 1)).output.permuted([1, 2, 0])
    let features = convolutions.reduce(first) { $1($0).relu() }
    return output(outputRecurrence(features.permuted([2, 0, 1])).output).transposed(0, 1)
  }
}

/// Five convolutions with tanh between them.
private final class VoicePostnet: Module {
  private let convolutions: [NormedConvolution]

  init(_ configuration: AutoVC.Configuration, using stream: RandomStream) {
    let (bands, width) = (configuration.mels, configuration.postnetChannels)
    convolutions = (0..<5).map { layer in
      NormedConvolution(
        layer == 0 ? bands : width, layer == 4 ? bands : width,
        gain: layer == 4 ? 1 : NormedConvolution.tanhGain,
        using: stream)
    }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = x
    for (layer, convolution) in convolutions.enumerated() {
      y = convolution(y)
      if layer < 4 { y = y.tanh() }
    }
    return y
  }
}
