import AtelierCore
import Foundation
import Torch
import TorchNN

/// Token vectors through recurrent layers to log-probabilities of the next token: pytorch/examples
/// `word_language_model/model.py`, `RNNModel`.
final class RecurrentLanguageNetwork: Module {
  let embedding: Embedding
  let recurrent: Recurrent
  let output: TokenOutput
  private let inputDropout: Dropout
  private let outputDropout: Dropout

  /// Networks with the reference's initial values, drawn in its order.
  init(
    cell: RecurrentCell, vocabularySize: Int, embeddingSize: Int, hiddenSize: Int, layers: Int,
    dropout probability: Double, isTied: Bool, using stream: RandomStream
  ) {
    embedding = Embedding(count: vocabularySize, features: embeddingSize, using: stream)
    recurrent = Recurrent(
      cell: cell, inputSize: embeddingSize, hiddenSize: hiddenSize, layers: layers, dropout: probability,
      using: stream)
    output = TokenOutput(
      features: hiddenSize, vocabularySize: vocabularySize, sharing: isTied ? embedding : nil, using: stream)
    inputDropout = Dropout(probability: probability, drawName: "dropout.input")
    outputDropout = Dropout(probability: probability, drawName: "dropout.output")
    super.init()
    stream.fillUniform(embedding.weight.detached(), low: -0.1, high: 0.1)
    output.initialize(using: stream)
  }

  /// Our names and those of `RNNModel`.
  static let authorsNames = KeyMap(["embedding": "encoder", "recurrent": "rnn", "output": "decoder"])

  /// Log-probabilities `[time * batch, vocabulary]` for tokens `[time, batch]`, and the state at the end.
  func callAsFunction(_ token: Tensor, _ state: RecurrentState?) -> (
    logProbability: Tensor, state: RecurrentState
  ) {
    let (features, last) = recurrent(inputDropout(embedding(token)), state)
    let scores = output(outputDropout(features))
    return (scores.reshaped([-1, output.vocabularySize]).logSoftmax(1), last)
  }
}

extension RecurrentLanguageNetwork {
  /// Log-probabilities `[time, batch, vocabulary]` for tokens `[time, batch]` from a state of zeros, for any number and
  /// length of texts in a recorded script.
  func logProbabilities(_ token: Tensor) -> Tensor {
    let vectors = embedding(token)
    // Zeros that follow the batch, which recorded numbers would not.
    let zero = vectors.slice(0, 0, 1).sum(dims: [2], keepDim: true) * 0
    let state =
      zero
      + Tensor.zeros(
        [recurrent.layers, 1, recurrent.hiddenSize], dtype: vectors.dtype, device: vectors.device)
    let (features, _) = recurrent(
      vectors, RecurrentState(hidden: state, cell: recurrent.cell == .lstm ? state : nil))
    return output(features).logSoftmax(-1)
  }
}

/// The layer that scores every token of the vocabulary; its table may be the embedding's (Press and
/// Wolf 2017; Inan et al. 2017).
///
/// State: `weight`, `bias`, also where the weight is shared, as in PyTorch, where both names are saved.
final class TokenOutput: Module {
  let vocabularySize: Int
  private let weight: TensorSlot
  private let bias: Parameter<Tensor>

  init(features: Int, vocabularySize: Int, sharing embedding: Embedding?, using stream: RandomStream) {
    self.vocabularySize = vocabularySize
    // Drawn also where it is not used, so that a seed means the reference's numbers.
    let layer = Linear(inputFeatures: features, outputFeatures: vocabularySize, using: stream)
    weight = Self.weightSlot(of: (embedding as Module?) ?? layer) ?? Parameter(wrappedValue: layer.weight)
    bias = Parameter(wrappedValue: layer.bias ?? .zeros([vocabularySize]))
    super.init()
  }

  private static func weightSlot(of layer: Module) -> (TensorSlot)? {
    for case .tensor(name: "weight", slot: let slot) in layer.members() { return slot }
    return nil
  }

  override func members() -> [Member] {
    [.tensor(name: "weight", slot: weight), .tensor(name: "bias", slot: bias)]
  }

  /// The reference's initial values: bias zero, weight uniform within ±0.1.
  func initialize(using stream: RandomStream) {
    bias.wrappedValue.detached().fill(0)
    if let table = weight.current { stream.fillUniform(table.detached(), low: -0.1, high: 0.1) }
  }

  /// Scores `[…, vocabulary]` for features `[…, features]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    guard let table = weight.current else { return x }
    return linear(x, table, bias.wrappedValue)
  }
}

/// Token vectors plus positions through transformer layers to log-probabilities of the next token:
/// pytorch/examples `word_language_model/model.py`, `TransformerModel`, an encoder with a causal mask.
final class TransformerLanguageNetwork: Module {
  let encoder: TransformerStack
  let output: TokenOutput
  let positions: PositionTable
  let embedding: Embedding
  private let dropout: Dropout

  /// - Parameter feedForward: the width of the feed-forward layers.
  init(
    vocabularySize: Int, features: Int, heads: Int, feedForward: Int, layers: Int, maximumLength: Int,
    dropout probability: Double, activation: TransformerActivation, normFirst: Bool, normEpsilon: Double,
    isTied: Bool, using stream: RandomStream
  ) {
    encoder = TransformerStack(
      layers: layers, features: features, heads: heads, feedForward: feedForward, dropout: probability,
      activation: activation, normFirst: normFirst, normEpsilon: normEpsilon, using: stream)
    positions = PositionTable(length: maximumLength, size: features)
    embedding = Embedding(count: vocabularySize, features: features, using: stream)
    output = TokenOutput(
      features: features, vocabularySize: vocabularySize, sharing: isTied ? embedding : nil, using: stream)
    dropout = Dropout(probability: probability, drawName: "dropout.input")
    super.init()
    stream.fillUniform(embedding.weight.detached(), low: -0.1, high: 0.1)
    output.initialize(using: stream)
  }

  /// Our names and those of `TransformerModel`.
  static let authorsNames = KeyMap(
    ["embedding": "input_emb", "output": "decoder", "positions.table": "pos_encoder.pe"],
    components: [
      "attention": "self_attn", "projection_weight": "in_proj_weight", "projection_bias": "in_proj_bias",
      "joining": "out_proj", "expansion": "linear1", "contraction": "linear2", "attention_norm": "norm1",
      "feed_forward_norm": "norm2",
    ])

  /// Log-probabilities `[time, batch, vocabulary]` for tokens `[time, batch]`.
  ///
  /// - Parameter isCausal: whether a token sees only those before it and itself.
  func callAsFunction(_ token: Tensor, isCausal: Bool = true) -> Tensor {
    let time = token.shape[0]
    guard
      check(
        time <= positions.length, "\(time) tokens are more than the \(positions.length) of maximumLength")
    else { return .zeros(token.shape + [output.vocabularySize]) }
    let scale = Double(embedding.features).squareRoot()
    guard !isRecordingScript else {
      let places = recordedPlaces(token.selected(dim: 1, index: 0))
      let x = embedding(token) * scale + positions.table.indexSelected(0, places)
      return output(encoder(x, mask: isCausal ? recordedCausalMask(places) : nil)).logSoftmax(-1)
    }
    let x = dropout(embedding(token) * scale + positions.table.slice(0, 0, time))
    return output(encoder(x, isCausal: isCausal)).logSoftmax(-1)
  }
}

/// Sines and cosines that tell positions apart, sin(t / 10000^(2i / size)) and its cosine in turn; Vaswani
/// et al. 2017, section 3.5.
final class PositionTable: Module {
  /// `[length, 1, size]`.
  @Buffer var table: Tensor
  /// Positions in the table.
  let length: Int

  init(length: Int, size: Int) {
    self.length = length
    var values = [Float](repeating: 0, count: length * size)
    for time in 0..<length {
      for index in 0..<size {
        let frequency = exp(Float(index - index % 2) * Float(-log(10000.0) / Double(size)))
        let angle = Float(time) * frequency
        values[time * size + index] = index % 2 == 0 ? sin(angle) : cos(angle)
      }
    }
    table = Tensor(values, shape: [length, 1, size])
    super.init()
  }
}
