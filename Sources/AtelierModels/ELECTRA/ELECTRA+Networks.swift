import AtelierCore
import Torch
import TorchNN

/// What is special about the first numbers of ELECTRA's vocabulary; the tokeniser's tokens come behind them.
enum SpecialToken: Int, CaseIterable {
  case padding, unknown, beginning, end, mask

  static let count = allCases.count
}

/// Token, position and segment vectors and their norm, which generator and discriminator share.
final class ElectraEmbeddings: Module {
  let word: Embedding
  private let position: Embedding
  private let segment: Embedding
  private let norm: LayerNorm
  private let dropout: Dropout

  init(_ configuration: ELECTRA.Configuration, using stream: RandomStream) {
    let size = configuration.embeddingSize
    word = Embedding(count: configuration.vocabularySize, features: size, using: stream)
    position = Embedding(count: configuration.maximumLength, features: size, using: stream)
    segment = Embedding(count: 2, features: size, using: stream)
    norm = LayerNorm(size, epsilon: configuration.normEpsilon)
    dropout = Dropout(probability: configuration.dropout, drawName: "dropout.embeddings")
    super.init()
  }

  /// Vectors `[batch, time, embedding]` of tokens `[batch, time]`; `segment` is 0 where it is not given.
  func callAsFunction(_ token: Tensor, segment part: Tensor?) -> Tensor {
    let time = token.shape[1]
    guard
      check(
        time <= position.count,
        "\(time) tokens are more than the \(position.count) of maximumLength")
    else { return .zeros(token.shape + [word.features]) }
    let vectors = word(token)
    // As PyTorch's `padding_idx` has it, the vector of padding learns nothing from being read.
    let isText = token.notEqual(Double(SpecialToken.padding.rawValue)).unsqueezed(-1)
    let read = Tensor.select(isText, vectors, vectors.detached())
    let segments = part.map { segment($0) } ?? segment.weight.narrow(0, from: 0, length: 1)
    let places =
      isRecordingScript
      ? position.weight.indexSelected(0, recordedPlaces(token.selected(dim: 0, index: 0)))
      : position.weight.narrow(0, from: 0, length: time)
    return dropout(norm(read + segments + places))
  }
}

/// One of ELECTRA's two transformers: BERT's encoder, norms behind the sublayers (Devlin et al. 2019), or in front of them
/// with one more behind the last layer, as in GPT-2.
class ElectraEncoder: Module {
  let embeddings: ElectraEmbeddings
  private let projection: Linear?
  private let layers: [ElectraLayer]
  private let lastNorm: LayerNorm?

  init(
    _ configuration: ELECTRA.Configuration, sharing embeddings: ElectraEmbeddings, hiddenSize: Int,
    heads: Int,
    intermediateSize: Int, using stream: RandomStream
  ) {
    self.embeddings = embeddings
    projection =
      configuration.embeddingSize == hiddenSize
      ? nil
      : Linear(inputFeatures: configuration.embeddingSize, outputFeatures: hiddenSize, using: stream)
    layers = (0..<configuration.layers).map {
      ElectraLayer(
        configuration, hiddenSize: hiddenSize, heads: heads, intermediateSize: intermediateSize,
        drawName: "dropout.\($0)", using: stream)
    }
    lastNorm = configuration.normFirst ? LayerNorm(hiddenSize, epsilon: configuration.normEpsilon) : nil
    super.init()
  }

  /// The last hidden state `[batch, time, hidden]`.
  ///
  /// - Parameter mask: `[batch, time]`, 0 where there is padding; nil: there is none.
  final func hidden(_ token: Tensor, mask: Tensor? = nil, segment: Tensor? = nil) -> Tensor {
    var x = embeddings(token, segment: segment)
    if let projection { x = projection(x) }
    // [batch, 1, 1, time]: every place sees what is no padding.
    let seen = mask.map { $0.notEqual(0).unsqueezed(1).unsqueezed(1) }
    for layer in layers { x = layer(x, seen) }
    return lastNorm?(x) ?? x
  }

  /// Draws weights from N(0, `deviation`) and sets biases to zero; the reference cuts the normal distribution off at two
  /// standard deviations.
  final func initialize(deviation: Double, using stream: RandomStream) {
    for (name, tensor) in namedParameters() where !tensor.isPlaceholder {
      if tensor.rank >= 2 {
        stream.fillNormal(tensor.detached(), standardDeviation: deviation)
      } else if name.hasSuffix("bias") {
        tensor.detached().fill(0)
      }
    }
  }

  /// Our names and those of transformers' ELECTRA.
  ///
  /// - Parameters:
  ///   - head: what the layers of the head begin with there.
  ///   - output: what the output layer is called there.
  static func authorsNames(head: String, output: String = "output") -> KeyMap {
    KeyMap(
      [
        "embeddings": "electra.embeddings", "projection": "electra.embeddings_project",
        "layers": "electra.encoder.layer", "prediction": head, "output": output,
      ],
      components: [
        "word": "word_embeddings", "position": "position_embeddings", "segment": "token_type_embeddings",
        "norm": "LayerNorm", "attention.query": "attention.self.query", "attention.key": "attention.self.key",
        "attention.value": "attention.self.value", "attention.joining": "attention.output.dense",
        "attention.norm": "attention.output.LayerNorm", "expansion": "intermediate.dense",
        "contraction": "output.dense", "feed_forward_norm": "output.LayerNorm", "score": "dense_prediction",
      ])
  }
}

/// Self-attention and a feed-forward layer, each with a residual and a norm behind it, or in front of it.
final class ElectraLayer: Module {
  private let attention: ElectraAttention
  private let expansion: Linear
  private let contraction: Linear
  private let feedForwardNorm: LayerNorm
  private let dropout: Dropout
  private let activation: TransformerActivation
  private let normFirst: Bool

  init(
    _ configuration: ELECTRA.Configuration, hiddenSize: Int, heads: Int, intermediateSize: Int,
    drawName: String, using stream: RandomStream
  ) {
    attention = ElectraAttention(
      configuration, hiddenSize: hiddenSize, heads: heads, drawName: drawName, using: stream)
    expansion = Linear(inputFeatures: hiddenSize, outputFeatures: intermediateSize, using: stream)
    contraction = Linear(inputFeatures: intermediateSize, outputFeatures: hiddenSize, using: stream)
    feedForwardNorm = LayerNorm(hiddenSize, epsilon: configuration.normEpsilon)
    dropout = Dropout(probability: configuration.dropout, drawName: "\(drawName).outer")
    activation = configuration.activation
    normFirst = configuration.normFirst
    super.init()
  }

  func callAsFunction(_ x: Tensor, _ seen: Tensor?) -> Tensor {
    let middle = attention(x, seen)
    let inner = expansion(normFirst ? feedForwardNorm(middle) : middle)
    let outer = dropout(contraction(activation == .relu ? inner.relu() : inner.gelu())) + middle
    return normFirst ? outer : feedForwardNorm(outer)
  }
}

/// Self-attention in which every token sees every other, with its residual and norm.
final class ElectraAttention: Module {
  private let query: Linear
  private let key: Linear
  private let value: Linear
  private let joining: Linear
  private let norm: LayerNorm
  private let weightDropout: Dropout
  private let dropout: Dropout
  private let heads: Int
  private let normFirst: Bool

  init(
    _ configuration: ELECTRA.Configuration, hiddenSize: Int, heads: Int, drawName: String,
    using stream: RandomStream
  ) {
    self.heads = heads
    normFirst = configuration.normFirst
    func square() -> Linear { Linear(inputFeatures: hiddenSize, outputFeatures: hiddenSize, using: stream) }
    (query, key, value, joining) = (square(), square(), square(), square())
    norm = LayerNorm(hiddenSize, epsilon: configuration.normEpsilon)
    weightDropout = Dropout(probability: configuration.dropout, drawName: "\(drawName).weights")
    dropout = Dropout(probability: configuration.dropout, drawName: "\(drawName).attention")
    super.init()
  }

  func callAsFunction(_ x: Tensor, _ seen: Tensor?) -> Tensor {
    func split(_ x: Tensor) -> Tensor { x.splitIntoHeads(heads) }
    let given = normFirst ? norm(x) : x
    let read = attended(
      split(query(given)), split(key(given)), split(value(given)), seen: seen, dropout: weightDropout)
    let joined = dropout(joining(read.joinedHeads())) + x
    return normFirst ? joined : norm(joined)
  }
}

/// The generator: a small masked language model, whose output table is that of the token vectors.
final class ElectraGenerator: ElectraEncoder {
  private let prediction: GeneratorPrediction
  private let output: TokenOutput

  init(
    _ configuration: ELECTRA.Configuration, sharing embeddings: ElectraEmbeddings, using stream: RandomStream
  ) {
    prediction = GeneratorPrediction(configuration, using: stream)
    output = TokenOutput(
      features: configuration.embeddingSize, vocabularySize: configuration.vocabularySize,
      sharing: embeddings.word, using: stream)
    super.init(
      configuration, sharing: embeddings, hiddenSize: configuration.generatorHiddenSize,
      heads: configuration.generatorHeads, intermediateSize: configuration.generatorIntermediateSize,
      using: stream)
    initialize(deviation: configuration.initialDeviation, using: stream)
  }

  /// Logits `[…, vocabulary]` for hidden states `[…, hidden]`.
  func logits(_ hidden: Tensor) -> Tensor { output(prediction(hidden)) }

  static let authorsNames = authorsNames(head: "generator_predictions", output: "generator_lm_head")
}

/// Hidden states into token vectors, from which the generator's tokens are scored.
final class GeneratorPrediction: Module {
  private let norm: LayerNorm
  private let dense: Linear

  init(_ configuration: ELECTRA.Configuration, using stream: RandomStream) {
    norm = LayerNorm(configuration.embeddingSize, epsilon: configuration.normEpsilon)
    dense = Linear(
      inputFeatures: configuration.generatorHiddenSize, outputFeatures: configuration.embeddingSize,
      using: stream)
    super.init()
  }

  func callAsFunction(_ hidden: Tensor) -> Tensor { norm(dense(hidden).gelu()) }
}

/// The discriminator: says of every token whether it was replaced.
final class ElectraDiscriminator: ElectraEncoder {
  private let prediction: DiscriminatorPrediction

  init(
    _ configuration: ELECTRA.Configuration, sharing embeddings: ElectraEmbeddings, using stream: RandomStream
  ) {
    prediction = DiscriminatorPrediction(configuration, using: stream)
    super.init(
      configuration, sharing: embeddings, hiddenSize: configuration.hiddenSize, heads: configuration.heads,
      intermediateSize: configuration.intermediateSize, using: stream)
    initialize(deviation: configuration.initialDeviation, using: stream)
  }

  /// Logits `[batch, time]` of having been replaced, for hidden states `[batch, time, hidden]`.
  func logits(_ hidden: Tensor) -> Tensor { prediction(hidden) }

  static let authorsNames = authorsNames(head: "discriminator_predictions")
}

/// The discriminator's head.
final class DiscriminatorPrediction: Module {
  private let dense: Linear
  private let score: Linear
  private let activation: TransformerActivation

  init(_ configuration: ELECTRA.Configuration, using stream: RandomStream) {
    let size = configuration.hiddenSize
    dense = Linear(inputFeatures: size, outputFeatures: size, using: stream)
    score = Linear(inputFeatures: size, outputFeatures: 1, using: stream)
    activation = configuration.activation
    super.init()
  }

  func callAsFunction(_ hidden: Tensor) -> Tensor {
    let inner = dense(hidden)
    return score(activation == .relu ? inner.relu() : inner.gelu()).squeezed(-1)
  }
}

/// What says the class of a text from the hidden state of its first token.
final class TextClassifierHead: Module {
  private let dense: Linear
  private let score: Linear
  private let dropout: Dropout

  init(_ configuration: ELECTRA.Configuration, using stream: RandomStream) {
    let size = configuration.hiddenSize
    dense = Linear(inputFeatures: size, outputFeatures: size, using: stream)
    score = Linear(inputFeatures: size, outputFeatures: configuration.classes, using: stream)
    dropout = Dropout(probability: configuration.dropout, drawName: "dropout.classifier")
    super.init()
    for layer in [dense, score] where !layer.weight.isPlaceholder {
      stream.fillNormal(
        layer.weight.detached(), standardDeviation: configuration.initialDeviation)
      layer.bias?.detached().fill(0)
    }
  }

  /// Logits `[batch, classes]` for hidden states `[batch, time, hidden]`.
  func callAsFunction(_ hidden: Tensor) -> Tensor {
    score(dropout(dense(dropout(hidden.selected(dim: 1, index: 0))).gelu()))
  }
}
