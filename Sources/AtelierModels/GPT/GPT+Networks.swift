import AtelierCore
import Torch
import TorchNN

/// A transformer whose tokens see what came before them: token and position vectors through blocks to logits of the
/// next token.
///
/// With norms first it is GPT-2's (Radford et al. 2019), with a norm behind the last block; otherwise GPT-1's (Radford
/// et al. 2018).
final class GPTNetwork: Module {
  let embedding: Embedding
  private let positions: Embedding
  private let blocks: [GPTBlock]
  private let norm: LayerNorm?
  private let output: UnbiasedOutput
  private let dropout: Dropout

  init(_ configuration: GPT.Configuration, using stream: RandomStream) {
    let features = configuration.embeddingSize
    embedding = Embedding(count: configuration.vocabularySize, features: features, using: stream)
    positions = Embedding(count: configuration.contextLength, features: features, using: stream)
    blocks = (0..<configuration.layers).map {
      GPTBlock(configuration, drawName: "dropout.\($0)", using: stream)
    }
    norm = configuration.normFirst ? configuration.norm() : nil
    output = UnbiasedOutput(
      features: features, vocabularySize: configuration.vocabularySize,
      sharing: configuration.tiedEmbedding ? embedding : nil, using: stream)
    dropout = Dropout(probability: configuration.dropout, drawName: "dropout.embedding")
    super.init()
    initialize(configuration, using: stream)
  }

  /// N(0, 0.02), and 0.02 / √(2 · layers) for what is added to the residual stream of GPT-2's form; biases zero.
  private func initialize(_ configuration: GPT.Configuration, using stream: RandomStream) {
    let residual = 0.02 / (configuration.normFirst ? (2 * Double(configuration.layers)).squareRoot() : 1)
    for (name, tensor) in namedParameters() where !tensor.isPlaceholder {
      if tensor.rank >= 2 {
        let isAdded = name.hasSuffix("joining.weight") || name.hasSuffix("contraction.weight")
        stream.fillNormal(tensor.detached(), standardDeviation: isAdded ? residual : 0.02)
      } else if name.hasSuffix("bias") {
        tensor.detached().fill(0)
      }
    }
  }

  /// Our names and nanoGPT's.
  static let authorsNames = KeyMap(
    [
      "embedding": "transformer.wte", "positions": "transformer.wpe", "blocks": "transformer.h",
      "norm": "transformer.ln_f", "output": "lm_head",
    ],
    components: [
      "attention": "attn", "projection": "c_attn", "joining": "c_proj", "expansion": "mlp.c_fc",
      "contraction": "mlp.c_proj", "attention_norm": "ln_1", "feed_forward_norm": "ln_2",
    ])

  /// Logits `[batch, time, vocabulary]` for tokens `[batch, time]`, or `[batch, 1, vocabulary]` of the last alone.
  ///
  /// - Parameter cache: what earlier calls computed of the tokens before these; it takes in what this call does.
  func callAsFunction(_ token: Tensor, cache: KeyValueCache? = nil, lastOnly: Bool = false) -> Tensor {
    let (time, start) = (token.shape[1], cache?.length ?? 0)
    guard
      check(
        start + time <= positions.count,
        "\(start + time) tokens are more than the \(positions.count) of contextLength")
    else { return .zeros(token.shape + [embedding.count]) }
    let places =
      isRecordingScript
      ? positions.weight.indexSelected(0, recordedPlaces(token.selected(dim: 0, index: 0)))
      : positions.weight.narrow(0, from: start, length: time)
    var x = dropout(embedding(token) + places)
    for (index, block) in blocks.enumerated() {
      // Of the last block's outputs no other is read.
      x = block(
        x, cache.map { (cache: $0, layer: index) },
        lastOnly: lastOnly && time > 1 && index == blocks.count - 1)
    }
    cache?.length += time
    return output(norm.map { $0(x) } ?? x)
  }
}

/// Self-attention and a feed-forward layer, each with a residual and a norm, before it or behind the sum.
final class GPTBlock: Module {
  private let attentionNorm: LayerNorm
  private let attention: CausalAttention
  private let feedForwardNorm: LayerNorm
  private let expansion: Linear
  private let contraction: Linear
  private let dropout: Dropout
  private let activation: GPT.Activation
  private let normFirst: Bool

  init(_ configuration: GPT.Configuration, drawName: String, using stream: RandomStream) {
    let (features, hasBias) = (configuration.embeddingSize, configuration.bias)
    attentionNorm = configuration.norm()
    attention = CausalAttention(configuration, drawName: drawName, using: stream)
    feedForwardNorm = configuration.norm()
    expansion = Linear(
      inputFeatures: features, outputFeatures: 4 * features, hasBias: hasBias, using: stream)
    contraction = Linear(
      inputFeatures: 4 * features, outputFeatures: features, hasBias: hasBias, using: stream)
    dropout = Dropout(probability: configuration.dropout, drawName: "\(drawName).outer")
    activation = configuration.activation
    normFirst = configuration.normFirst
    super.init()
  }

  /// Hidden states of all tokens, or of the last alone.
  func callAsFunction(
    _ x: Tensor, _ memory: (cache: KeyValueCache, layer: Int)?, lastOnly: Bool = false
  ) -> Tensor {
    func fed(_ x: Tensor) -> Tensor {
      let inner = expansion(x)
      let active =
        switch activation {
        case .relu: inner.relu()
        case .gelu: inner.gelu()
        case .geluTanh: inner.geluTanh()
        }
      return dropout(contraction(active))
    }
    let given = lastOnly ? x.narrow(1, from: x.shape[1] - 1, length: 1) : x
    if normFirst {
      let middle = given + attention(attentionNorm(x), memory, lastOnly: lastOnly)
      return middle + fed(feedForwardNorm(middle))
    }
    let middle = attentionNorm(given + attention(x, memory, lastOnly: lastOnly))
    return feedForwardNorm(middle + fed(middle))
  }
}

/// Self-attention with several heads, in which a token sees itself and those before it.
///
/// State: `projection` for queries, keys and values in this order, `joining` behind the heads.
final class CausalAttention: Module {
  private let projection: Linear
  private let joining: Linear
  private let weightDropout: Dropout
  private let dropout: Dropout
  private let heads: Int

  init(_ configuration: GPT.Configuration, drawName: String, using stream: RandomStream) {
    let features = configuration.embeddingSize
    heads = configuration.heads
    projection = Linear(
      inputFeatures: features, outputFeatures: 3 * features, hasBias: configuration.bias, using: stream)
    joining = Linear(
      inputFeatures: features, outputFeatures: features, hasBias: configuration.bias, using: stream)
    weightDropout = Dropout(probability: configuration.dropout, drawName: "\(drawName).weights")
    dropout = Dropout(probability: configuration.dropout, drawName: "\(drawName).attention")
    super.init()
  }

  /// What each token reads, or the last alone.
  func callAsFunction(
    _ x: Tensor, _ memory: (cache: KeyValueCache, layer: Int)?, lastOnly: Bool
  ) -> Tensor {
    let (batch, time, features) = (x.shape[0], x.shape[1], x.shape[2])
    let size = features / heads
    var (query, key, value): (Tensor, Tensor, Tensor)
    if isRecordingScript {
      let parts = projection(x).chunked(3, dim: 2).map { $0.splitIntoHeads(heads) }
      (query, key, value) = (parts[0], parts[1], parts[2])
    } else {
      let parts = projection(x).reshaped([batch, time, 3, heads, size]).permuted([2, 0, 3, 1, 4])
      (query, key, value) = (
        parts.selected(dim: 0, index: 0), parts.selected(dim: 0, index: 1), parts.selected(dim: 0, index: 2)
      )
    }
    if let memory { (key, value) = memory.cache.extended(memory.layer, key, value) }
    if lastOnly { query = query.narrow(2, from: time - 1, length: 1) }
    // A single token sees everything in the cache.
    let read = attended(query, key, value, isCausal: time > 1 && !lastOnly, dropout: weightDropout)
    return dropout(joining(read.joinedHeads()))
  }
}

/// The keys and values of the tokens so far, in memory for the whole context.
final class KeyValueCache {
  /// Tokens whose keys and values are in it.
  var length = 0
  private var layers: [(keys: Tensor, values: Tensor)] = []
  private let capacity: Int

  /// - Parameter capacity: the tokens of the context.
  init(capacity: Int) { self.capacity = capacity }

  /// Takes in the keys and values `[batch, heads, time, size]` of a layer, several only at the beginning, and gives
  /// those of all tokens.
  func extended(_ layer: Int, _ key: Tensor, _ value: Tensor) -> (key: Tensor, value: Tensor) {
    let shape = key.shape
    let time = shape[2]
    check(length == 0 || time == 1, "behind the beginning tokens come one by one, not \(time) at a time")
    if layer == layers.count {
      let whole = [shape[0], shape[1], capacity, shape[3]]
      layers.append(
        (
          .zeros(whole, dtype: key.dtype, device: key.device),
          .zeros(whole, dtype: value.dtype, device: value.device)
        ))
    }
    let (keys, values) = layers[layer]
    keys.narrow(2, from: length, length: time).copy(from: key)
    values.narrow(2, from: length, length: time).copy(from: value)
    return (
      keys.narrow(2, from: 0, length: length + time), values.narrow(2, from: 0, length: length + time)
    )
  }

  /// Begins anew.
  func clear() { length = 0 }
}

/// The layer that scores every token, without a bias; its table may be the embedding's.
final class UnbiasedOutput: Module {
  private let weight: TensorSlot

  init(features: Int, vocabularySize: Int, sharing embedding: Embedding?, using stream: RandomStream) {
    let owner: Module =
      embedding
      ?? Linear(inputFeatures: features, outputFeatures: vocabularySize, hasBias: false, using: stream)
    weight = owner.slot(named: "weight") ?? Parameter(wrappedValue: Tensor.zeros([vocabularySize, features]))
    super.init()
  }

  override func members() -> [Member] { [.tensor(name: "weight", slot: weight)] }

  /// Logits `[…, vocabulary]` for features `[…, features]`.
  func callAsFunction(_ x: Tensor) -> Tensor { weight.current.map { linear(x, $0) } ?? x }
}

extension Module {
  /// A tensor of the module's own by its name.
  func slot(named wanted: String) -> TensorSlot? {
    for case .tensor(let name, let slot) in members() where name == wanted { return slot }
    return nil
  }
}
