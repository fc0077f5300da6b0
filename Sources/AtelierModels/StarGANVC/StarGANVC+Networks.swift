import AtelierCore
import Torch
import TorchNN

/// A weight-normed convolution to twice the channels, a norm, and a gated linear unit: the first half of the channels times
/// the sigmoid of the second.
final class GatedConvolution: Module {
  private let convolution: WeightedLayer
  private let norm: Module?

  init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, isTransposed: Bool = false,
    _ norm: StarGANVC.Configuration.Norm, using stream: RandomStream
  ) {
    let padding = (kernel - stride) / 2
    convolution =
      isTransposed
      ? ConvTranspose1d(
        inputChannels: inputs, outputChannels: 2 * outputs, kernelSize: kernel, stride: stride,
        padding: padding,
        normalization: .weight, using: stream)
      : Conv1d(
        inputChannels: inputs, outputChannels: 2 * outputs, kernelSize: kernel, stride: stride,
        padding: padding,
        normalization: .weight, using: stream)
    self.norm =
      switch norm {
      case .instance: nil
      case .batch: BatchNorm1d(channels: 2 * outputs)
      case .layer: LayerNorm(2 * outputs)
      }
    super.init()
    withoutGradients {
      stream.fillXavierNormal(convolution.weight, gain: 0.1)
      let weight = convolution.weight
      convolution.weightMagnitude?.copy(from: weight.square().sum(dims: [1, 2], keepDim: true).sqrt())
    }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let convolved = (convolution as? Conv1d)?(x) ?? (convolution as? ConvTranspose1d)?(x) ?? x
    let halves = normed(convolved).chunked(2, dim: 1)
    return halves[0] * halves[1].sigmoid()
  }

  private func normed(_ x: Tensor) -> Tensor {
    switch norm {
    case let batch as BatchNorm1d: batch(x)
    case let layer as LayerNorm: layer(x.transposed(1, 2)).transposed(1, 2)
    default: instanceNorm(x)
    }
  }
}

/// The generator: spectrograms `[batch, bands, frames]` into the voice of a speaker.
final class VoiceGenerator: Module {
  private let convolutional: ConvolutionalVoiceGenerator?
  private let recurrent: RecurrentVoiceGenerator?
  private let targetEmbedding: Embedding
  private let sourceEmbedding: Embedding?

  init(_ configuration: StarGANVC.Configuration, using stream: RandomStream) {
    let isConvolutional = configuration.generator == .convolutional
    convolutional = isConvolutional ? ConvolutionalVoiceGenerator(configuration, using: stream) : nil
    recurrent = isConvolutional ? nil : RecurrentVoiceGenerator(configuration, using: stream)
    let (count, size) = (configuration.speakers, configuration.embeddingSize)
    sourceEmbedding =
      configuration.sourceConditioning ? Embedding(count: count, features: size, using: stream) : nil
    targetEmbedding = Embedding(count: count, features: size, using: stream)
  }

  /// - Parameters:
  ///   - target: the speaker whose voice it becomes.
  ///   - source: the speaker who is heard, which counts only with source conditioning.
  func callAsFunction(_ x: Tensor, to target: Int, from source: Int) -> Tensor {
    func vectors(_ table: Embedding, _ speaker: Int) -> Tensor {
      table(Tensor([Int](repeating: speaker, count: x.shape[0]), device: x.device))
    }
    let targets = vectors(targetEmbedding, target)
    let sources = sourceEmbedding.map { vectors($0, source) }
    return convolutional?(x, targets, sources) ?? recurrent?(x, targets, sources) ?? x
  }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = [
      "convolutional.output": "le10", "target_embedding": "eb1", "source_embedding": "eb0",
      "recurrent.encoder_input": "linear0.linear_layer", "recurrent.encoder_recurrence": "rnn0",
      "recurrent.encoder_output": "linear1.linear_layer", "recurrent.decoder_input": "linear2.linear_layer",
      "recurrent.decoder_recurrence": "rnn1", "recurrent.decoder_output": "linear3.linear_layer",
    ]
    for layer in 0..<5 { names["convolutional.encoder.\(layer)"] = "le\(layer + 1)" }
    for layer in 0..<4 { names["convolutional.decoder.\(layer)"] = "le\(layer + 6)" }
    return KeyMap(names, components: ["convolution": "conv1", "norm": "norm1"])
  }()
}

/// Convolutions down to a quarter of the frames and a bottleneck of few channels, and transposed ones back.
private final class ConvolutionalVoiceGenerator: Module {
  private let encoder: [GatedConvolution]
  private let decoder: [GatedConvolution]
  private let output: Conv1d

  init(_ configuration: StarGANVC.Configuration, using stream: RandomStream) {
    let (width, code) = (configuration.generatorChannels, configuration.bottleneckSize)
    let target = configuration.embeddingSize
    let source = configuration.sourceConditioning ? configuration.embeddingSize : 0
    func layer(
      _ inputs: Int, _ outputs: Int, _ kernel: Int, _ stride: Int, isTransposed: Bool = false
    ) -> GatedConvolution {
      GatedConvolution(
        inputs, outputs, kernel: kernel, stride: stride, isTransposed: isTransposed, configuration.norm,
        using: stream)
    }
    encoder = [
      layer(configuration.mels + source, width, 9, 1), layer(width + source, width, 8, 2),
      layer(width + source, width, 8, 2), layer(width + source, width, 5, 1),
      layer(width + source, code, 5, 1),
    ]
    decoder = [
      layer(code + target, width, 5, 1, isTransposed: true),
      layer(width + target, width, 5, 1, isTransposed: true),
      layer(width + target, width, 8, 2, isTransposed: true),
      layer(width + target, width, 8, 2, isTransposed: true),
    ]
    output = Conv1d(
      inputChannels: width + target, outputChannels: configuration.mels, kernelSize: 9, padding: 4,
      using: stream)
  }

  func callAsFunction(_ x: Tensor, _ target: Tensor, _ source: Tensor?) -> Tensor {
    func joined(_ x: Tensor, _ vectors: Tensor) -> Tensor {
      let frames = vectors.unsqueezed(2).expanded([x.shape[0], vectors.shape[1], x.shape[2]])
      return .concatenated([x, frames.asType(x.dtype)], dim: 1)
    }
    let code = encoder.reduce(x) { x, layer in layer(source.map { joined(x, $0) } ?? x) }
    return output(joined(decoder.reduce(code) { $1(joined($0, target)) }, target))
  }
}

/// A bidirectional LSTM to a bottleneck of few features a frame, and another one back.
private final class RecurrentVoiceGenerator: Module {
  private let encoderInput: Linear
  private let encoderRecurrence: SequenceRecurrent
  private let encoderOutput: Linear
  private let decoderInput: Linear
  private let decoderRecurrence: SequenceRecurrent
  private let decoderOutput: Linear

  init(_ configuration: StarGANVC.Configuration, using stream: RandomStream) {
    let (bands, width, code) = (
      configuration.mels, configuration.generatorChannels, configuration.bottleneckSize
    )
    let target = configuration.embeddingSize
    let source = configuration.sourceConditioning ? configuration.embeddingSize : 0
    func linear(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(inputFeatures: inputs, outputFeatures: outputs, normalization: .weight, using: stream)
    }
    func recurrence(_ inputs: Int) -> SequenceRecurrent {
      SequenceRecurrent(
        cell: .lstm, inputSize: inputs, hiddenSize: width / 2, layers: configuration.layers,
        isBidirectional: true,
        drawName: "recurrence", using: stream)
    }
    encoderInput = linear(bands + source, width)
    encoderRecurrence = recurrence(width + source)
    encoderOutput = linear(width + source, code)
    decoderInput = linear(code + target, width)
    decoderRecurrence = recurrence(width + target)
    decoderOutput = linear(width + target, bands)
  }

  func callAsFunction(_ x: Tensor, _ target: Tensor, _ source: Tensor?) -> Tensor {
    func joined(_ x: Tensor, _ vectors: Tensor?) -> Tensor {
      guard let vectors else { return x }
      let frames = vectors.unsqueezed(0).expanded([x.shape[0], x.shape[1], vectors.shape[1]])
      return .concatenated([x, frames.asType(x.dtype)], dim: 2)
    }
    // [frames, batch, bands]
    var y = x.permuted([2, 0, 1])
    y = encoderInput(joined(y, source)).leakyRelu(0.1)
    y = encoderRecurrence(joined(y, source)).output
    y = encoderOutput(joined(y, source))
    y = decoderInput(joined(y, target)).leakyRelu(0.1)
    y = decoderRecurrence(joined(y, target)).output
    return decoderOutput(joined(y, target)).permuted([1, 2, 0])
  }
}

/// The discriminator: how real each position of a spectrogram is, `[batch, 1, positions]`, and who speaks there, `[batch,
/// speakers, positions]`.
final class VoiceDiscriminator: Module {
  private let layers: [GatedConvolution]
  private let scores: Conv1d
  private let logits: Conv1d
  private let dropout: Double

  init(_ configuration: StarGANVC.Configuration, using stream: RandomStream) {
    let (bands, width) = (configuration.mels, configuration.discriminatorChannels)
    dropout = configuration.dropout
    layers = [(bands, 9, 1), (width, 8, 2), (width, 8, 2), (width, 5, 1)].map { inputs, kernel, stride in
      GatedConvolution(inputs, width, kernel: kernel, stride: stride, configuration.norm, using: stream)
    }
    func head(_ outputs: Int) -> Conv1d {
      let head = Conv1d(
        inputChannels: width, outputChannels: outputs, kernelSize: 5, padding: 2, hasBias: false,
        using: stream)
      withoutGradients { stream.fillXavierNormal(head.weight, gain: 0.1) }
      return head
    }
    scores = head(1)
    logits = head(configuration.speakers)
  }

  func callAsFunction(_ x: Tensor) -> (scores: Tensor, logits: Tensor) {
    var y = x
    for (number, layer) in layers.enumerated() {
      y = layer(y)
      if isTraining, dropout > 0 {
        y = TorchNN.dropout(y, probability: dropout, drawName: "dropout.\(number)")
      }
    }
    return (scores(y).asType(.float32), logits(y).asType(.float32))
  }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = ["scores": "le_adv", "logits": "le_cls"]
    for layer in 0..<4 { names["layers.\(layer)"] = "le\(layer + 1)" }
    return KeyMap(names, components: ["convolution": "conv1", "norm": "norm1"])
  }()
}
