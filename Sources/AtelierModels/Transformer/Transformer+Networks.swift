import AtelierCore
import Torch
import TorchNN

/// What a layer is made of.
struct TransformerLayerPlan {
  let features: Int
  let heads: Int
  let feedForward: Int
  let dropout: Double
  let activation: TransformerActivation
  let normFirst: Bool
  let normEpsilon: Double

  init(_ configuration: Transformer.Configuration) {
    features = configuration.embeddingSize
    heads = configuration.heads
    feedForward = configuration.hiddenSize
    dropout = configuration.dropout
    activation = configuration.activation
    normFirst = configuration.normFirst
    normEpsilon = configuration.normEpsilon
  }

  func norm() -> LayerNorm { LayerNorm(features, epsilon: normEpsilon) }
  func drops(_ name: String) -> Dropout { Dropout(probability: dropout, drawName: name) }
}

/// Two linear layers at each place. Whoever holds it holds its modules as well, as modules in structures are not seen.
private struct FeedForward {
  let expansion: Linear
  let contraction: Linear
  let dropout: Dropout
  let activation: TransformerActivation

  init(_ plan: TransformerLayerPlan, _ name: String, using stream: RandomStream) {
    expansion = Linear(inputFeatures: plan.features, outputFeatures: plan.feedForward, using: stream)
    contraction = Linear(inputFeatures: plan.feedForward, outputFeatures: plan.features, using: stream)
    dropout = plan.drops("\(name).inner")
    activation = plan.activation
    for layer in [expansion, contraction] { stream.fillXavierUniform(layer.weight.detached()) }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let inner = expansion(x)
    return contraction(dropout(activation == .relu ? inner.relu() : inner.gelu()))
  }
}

/// A layer of the encoder: attention to the sentence itself, then the feed-forward layers, each with a residual and a
/// norm.
final class TransformerEncoderLayer: Module {
  private let attention: MultiHeadAttention
  private let expansion: Linear
  private let contraction: Linear
  private let firstNorm: LayerNorm
  private let secondNorm: LayerNorm
  private let innerDropout: Dropout
  private let feedForward: FeedForward
  private let drops: [Dropout]
  private let normFirst: Bool

  init(_ plan: TransformerLayerPlan, _ name: String, using stream: RandomStream) {
    attention = MultiHeadAttention(
      features: plan.features, heads: plan.heads, dropout: plan.dropout, drawName: "\(name).weights",
      using: stream)
    feedForward = FeedForward(plan, name, using: stream)
    (expansion, contraction) = (feedForward.expansion, feedForward.contraction)
    innerDropout = feedForward.dropout
    (firstNorm, secondNorm) = (plan.norm(), plan.norm())
    drops = [plan.drops("\(name).attention"), plan.drops("\(name).outer")]
    normFirst = plan.normFirst
    super.init()
  }

  func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
    func attended(_ x: Tensor) -> Tensor { drops[0](attention(x, mask: mask).output) }
    func fed(_ x: Tensor) -> Tensor { drops[1](feedForward(x)) }
    if normFirst {
      let middle = x + attended(firstNorm(x))
      return middle + fed(secondNorm(middle))
    }
    let middle = firstNorm(x + attended(x))
    return secondNorm(middle + fed(middle))
  }
}

/// A layer of the decoder: attention to what was written, then to the source, then the feed-forward layers.
final class TransformerDecoderLayer: Module {
  private let attention: MultiHeadAttention
  private let memoryAttention: MultiHeadAttention
  private let expansion: Linear
  private let contraction: Linear
  private let firstNorm: LayerNorm
  private let secondNorm: LayerNorm
  private let thirdNorm: LayerNorm
  private let innerDropout: Dropout
  private let feedForward: FeedForward
  private let drops: [Dropout]
  private let normFirst: Bool

  init(_ plan: TransformerLayerPlan, _ name: String, using stream: RandomStream) {
    func heads(_ part: String) -> MultiHeadAttention {
      MultiHeadAttention(
        features: plan.features, heads: plan.heads, dropout: plan.dropout, drawName: "\(name).\(part)",
        using: stream)
    }
    (attention, memoryAttention) = (heads("weights"), heads("memory.weights"))
    feedForward = FeedForward(plan, name, using: stream)
    (expansion, contraction) = (feedForward.expansion, feedForward.contraction)
    innerDropout = feedForward.dropout
    (firstNorm, secondNorm, thirdNorm) = (plan.norm(), plan.norm(), plan.norm())
    drops = ["attention", "memory", "outer"].map { plan.drops("\(name).\($0)") }
    normFirst = plan.normFirst
    super.init()
  }

  /// Keys and values of the source.
  func memory(_ encoded: Tensor) -> MultiHeadAttention.Cache { memoryAttention.cache(encoded) }

  /// `[batch, time, features]` for the same, the keys and values of what was written, and where it looked in the source.
  func callAsFunction(
    _ x: Tensor, mask: Tensor?, memory: MultiHeadAttention.Cache, memoryMask: Tensor?,
    past: MultiHeadAttention.Cache?
  ) -> (output: Tensor, cache: MultiHeadAttention.Cache, alignment: () -> Tensor) {
    let own = attention(normFirst ? firstNorm(x) : x, mask: mask, past: past)
    let first = normFirst ? x + drops[0](own.output) : firstNorm(x + drops[0](own.output))
    let other = memoryAttention(normFirst ? secondNorm(first) : first, memory: memory, mask: memoryMask)
    let second = normFirst ? first + drops[1](other.output) : secondNorm(first + drops[1](other.output))
    let fed = drops[2](feedForward(normFirst ? thirdNorm(second) : second))
    return (normFirst ? second + fed : thirdNorm(second + fed), own.cache, other.alignment)
  }
}

/// Layers in a row with a norm behind them, or none.
final class TransformerEncoderStack: Module {
  private let layers: [TransformerEncoderLayer]
  private let norm: LayerNorm?

  init(_ plan: TransformerLayerPlan, layers: Int, hasNorm: Bool, using stream: RandomStream) {
    self.layers = (0..<layers).map {
      TransformerEncoderLayer(plan, "dropout.encoder.\($0)", using: stream)
    }
    norm = hasNorm ? plan.norm() : nil
    super.init()
  }

  func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
    let x = layers.reduce(x) { $1($0, mask: mask) }
    return norm?(x) ?? x
  }
}

/// Layers in a row with a norm behind them, or none.
final class TransformerDecoderStack: Module {
  let layers: [TransformerDecoderLayer]
  private let norm: LayerNorm?

  init(_ plan: TransformerLayerPlan, layers: Int, hasNorm: Bool, using stream: RandomStream) {
    self.layers = (0..<layers).map {
      TransformerDecoderLayer(plan, "dropout.decoder.\($0)", using: stream)
    }
    norm = hasNorm ? plan.norm() : nil
    super.init()
  }

  /// The last layer's vectors and alignment; `past` is extended by what was computed.
  func callAsFunction(
    _ x: Tensor, mask: Tensor?, memory: [MultiHeadAttention.Cache], memoryMask: Tensor?,
    past: inout [MultiHeadAttention.Cache]
  ) -> (output: Tensor, alignment: () -> Tensor) {
    var x = x
    var last: (() -> Tensor) = { x }
    var caches: [MultiHeadAttention.Cache] = []
    for (index, layer) in layers.enumerated() {
      let result = layer(
        x, mask: mask, memory: memory[index], memoryMask: memoryMask,
        past: past.indices.contains(index) ? past[index] : nil)
      x = result.output
      last = result.alignment
      caches.append(result.cache)
    }
    past = caches
    return (norm?(x) ?? x, last)
  }
}

/// What the decoder goes on from.
struct TransformerState: DecodingState {
  /// Keys and values of the source, a layer each.
  var memory: [MultiHeadAttention.Cache]
  /// Minus infinity at the source's padding `[batch, 1, 1, source]`.
  var memoryMask: Tensor?
  /// Keys and values of what was written, a layer each; empty before the first token.
  var past: [MultiHeadAttention.Cache] = []

  func rows(_ indices: Tensor) -> TransformerState {
    TransformerState(
      memory: memory.map { $0.rows(indices) }, memoryMask: memoryMask?.indexSelected(0, indices),
      past: past.map { $0.rows(indices) })
  }
}

/// Encoder and decoder of 2017.
final class TransformerNetwork: Module {
  let encoder: TransformerEncoderStack
  let decoder: TransformerDecoderStack
  private let output: TokenOutput
  private let sourceEmbedding: Embedding
  private let targetEmbedding: Embedding
  private let positions: PositionTable?
  private let learnedPositions: Embedding?
  private let dropout: Dropout
  private let scale: Double
  private let padding: Int
  private let longest: Int

  init(_ configuration: Transformer.Configuration, using stream: RandomStream) {
    let plan = TransformerLayerPlan(configuration)
    let features = configuration.embeddingSize
    encoder = TransformerEncoderStack(
      plan, layers: configuration.encoderLayers, hasNorm: configuration.finalNorm || configuration.normFirst,
      using: stream)
    decoder = TransformerDecoderStack(
      plan, layers: configuration.decoderLayers, hasNorm: configuration.finalNorm || configuration.normFirst,
      using: stream)
    sourceEmbedding = Embedding(count: configuration.sourceVocabularySize, features: features, using: stream)
    targetEmbedding =
      configuration.sharedEmbedding
      ? sourceEmbedding
      : Embedding(count: configuration.targetVocabularySize, features: features, using: stream)
    output = TokenOutput(
      features: features, vocabularySize: configuration.targetVocabularySize,
      sharing: configuration.sharedEmbedding || configuration.tiedEmbedding ? targetEmbedding : nil,
      using: stream)
    positions =
      configuration.positions == .sinusoidal
      ? PositionTable(length: configuration.maximumLength, size: features) : nil
    learnedPositions =
      configuration.positions == .learned
      ? Embedding(count: configuration.maximumLength, features: features, using: stream) : nil
    dropout = plan.drops("dropout.input")
    scale = configuration.scaledEmbedding ? Double(features).squareRoot() : 1
    padding = configuration.paddingToken
    longest = configuration.maximumLength
    super.init()
    for table in [sourceEmbedding, targetEmbedding] {
      // So that scaled vectors have entries of about 1, beside sines and cosines.
      if configuration.scaledEmbedding {
        table.weight.detached().multiplyInPlace(1 / scale)
      } else {
        stream.fillXavierUniform(table.weight.detached())
      }
      if configuration.sharedEmbedding { break }
    }
    learnedPositions?.weight.detached().multiplyInPlace(0.02)
  }

  /// Our names and those of the reference, which has no shared table and no learned places.
  static let authorsNames = KeyMap(
    [
      "encoder": "transformer.encoder", "decoder": "transformer.decoder", "output": "ff",
      "source_embedding": "src_embedding", "target_embedding": "tgt_embedding",
      "positions.table": "pos_enc.pos_embedding",
    ],
    components: [
      "attention": "self_attn", "memory_attention": "multihead_attn", "projection_weight": "in_proj_weight",
      "projection_bias": "in_proj_bias", "joining": "out_proj", "expansion": "linear1",
      "contraction": "linear2", "first_norm": "norm1", "second_norm": "norm2", "third_norm": "norm3",
    ])

  /// Vectors `[batch, time, features]` of tokens `[batch, time]`, the first of which has the place `place`.
  private func vectors(_ token: Tensor, _ table: Embedding, from place: Int = 0) -> Tensor {
    let end = place + token.shape[1]
    guard check(end <= longest, "\(end) tokens are more than the \(longest) of maximumLength") else {
      return table(token)
    }
    let embedded = scale == 1 ? table(token) : table(token) * scale
    let places: Tensor
    if isRecordingScript, let rows = positions.map({ $0.table.squeezed(1) }) ?? learnedPositions?.weight {
      places = rows.indexSelected(0, recordedPlaces(token.selected(dim: 0, index: 0))).unsqueezed(0)
    } else if let positions {
      places = positions.table.slice(0, place, end).transposed(0, 1)
    } else if let learnedPositions {
      places = learnedPositions.weight.slice(0, place, end).unsqueezed(0)
    } else {
      return dropout(embedded)
    }
    return dropout(embedded + places)
  }

  /// `[batch, time, features]` of source tokens `[batch, time]`.
  func encode(_ source: Tensor, mask: Tensor?) -> Tensor {
    encoder(vectors(source, sourceEmbedding), mask: mask)
  }

  /// What the decoder begins from.
  ///
  /// - Parameter isMasked: whether padding is passed over.
  func begin(_ source: Tensor, isMasked: Bool = true) -> TransformerState {
    let mask = isMasked ? MultiHeadAttention.paddingMask(source, padding: padding) : nil
    let encoded = encode(source, mask: mask)
    return TransformerState(memory: decoder.layers.map { $0.memory(encoded) }, memoryMask: mask)
  }

  /// Scores `[batch, time - 1, vocabulary]` of the tokens after the first of targets `[batch, time]`.
  func logits(_ source: Tensor, _ target: Tensor) -> Tensor {
    logits(source, written: target.slice(1, 0, target.shape[1] - 1))
  }

  /// Scores `[batch, time, vocabulary]` of the token behind each of a translation's first `[batch, time]`.
  func logits(_ source: Tensor, written input: Tensor) -> Tensor {
    var state = begin(source)
    var mask =
      isRecordingScript
      ? recordedCausalMask(recordedPlaces(input.selected(dim: 0, index: 0)))
      : MultiHeadAttention.causalMask(input.shape[1], device: input.device)
    if let padded = MultiHeadAttention.paddingMask(input, padding: padding) { mask = mask + padded }
    let x = decoder(
      vectors(input, targetEmbedding), mask: mask, memory: state.memory, memoryMask: state.memoryMask,
      past: &state.past)
    return output(x.output)
  }

  /// One step: scores `[n, vocabulary]`, the state behind tokens `[n]` at a place, and where they looked `[n, source]`.
  func step(
    _ token: Tensor, _ place: Int, _ state: TransformerState
  ) -> (logits: Tensor, state: TransformerState, alignment: Tensor?) {
    var state = state
    let x = decoder(
      vectors(token.unsqueezed(1), targetEmbedding, from: place), mask: nil, memory: state.memory,
      memoryMask: state.memoryMask, past: &state.past)
    return (output(x.output).squeezed(1), state, x.alignment().squeezed(1))
  }
}
