import Torch
import TorchNN

/// A decoder over a caption's tokens and an image's codes: DALLE-pytorch's `DALLE` without its autoencoder.
final class TextImageTransformer: Module {
  /// Sizes and options.
  struct Shape {
    var layout: TextImageLayout
    var textVocabulary: Int
    var codeVocabulary: Int
    var features: Int
    var layers: Int
    var heads: Int
    var headSize: Int
    var kinds: [ImageAttentionKind]
    var isStable: Bool
    var isSandwich: Bool
    var shiftsTokens: Bool
    var isRotary: Bool
    var isTied: Bool

    /// Tokens of text: the vocabulary's and one of padding for each place.
    var textTokens: Int { textVocabulary + layout.textLength }
    var tokens: Int { textTokens + codeVocabulary }
  }

  let shape: Shape
  @Buffer private var rotaryAngles: Tensor?
  private let layers: [TextImageLayer]
  private let outputNorm: LayerNorm
  private let output: Linear
  private let textEmbedding: TokenTable
  private let imageEmbedding: TokenTable
  private let textPositions: Embedding?
  private let imagePositions: AxialPositions?
  private let masks: [ImageAttentionKind: Tensor]

  init(_ shape: Shape, using stream: RandomStream) {
    self.shape = shape
    let layout = shape.layout
    rotaryAngles = shape.isRotary ? layout.rotaryAngles(headSize: shape.headSize) : nil
    layers = (0..<shape.layers).map { TextImageLayer(shape, index: $0, using: stream) }
    outputNorm = LayerNorm(shape.features)
    let output = Linear(inputFeatures: shape.features, outputFeatures: shape.tokens, using: stream)
    self.output = output
    textEmbedding = TokenTable(
      count: shape.textTokens, features: shape.features, sharing: shape.isTied ? output : nil, from: 0,
      using: stream)
    imageEmbedding = TokenTable(
      count: shape.codeVocabulary, features: shape.features, sharing: shape.isTied ? output : nil,
      from: shape.textTokens, using: stream)
    textPositions =
      shape.isRotary ? nil : Embedding(count: layout.prefix, features: shape.features, using: stream)
    imagePositions =
      shape.isRotary ? nil : AxialPositions(side: layout.side, features: shape.features, using: stream)
    masks = Dictionary(uniqueKeysWithValues: Set(shape.kinds).map { ($0, layout.mask($0)) })
    super.init()
  }

  /// Our names and those of `DALLE`.
  static func authorsNames(_ shape: Shape, ours: String = "") -> [String: String] {
    var names = [
      "rotary_angles": "transformer.pos_emb", "output_norm": "to_logits.0", "output": "to_logits.1",
      "text_embedding": shape.isTied ? "text_emb.linear" : "text_emb",
      "image_embedding": shape.isTied ? "image_emb.linear" : "image_emb",
      "text_positions": "text_pos_emb", "image_positions.rows": "image_pos_emb.weights.0",
      "image_positions.columns": "image_pos_emb.weights.1",
    ]
    // Wrappers for the cache and for shifted tokens stand between the norm and the layer.
    let (attention, feedForward) =
      shape.shiftsTokens ? ("fn.fn.fn.fn.fn", "fn.fn.fn.fn") : ("fn.fn.fn", "fn.fn")
    for layer in 0..<shape.layers {
      let (own, other) = ("layers.\(layer)", "transformer.layers.layers.\(layer)")
      names["\(own).attention_scale"] = "\(other).0.scale"
      names["\(own).attention_norm"] = "\(other).0.fn.norm"
      names["\(own).attention_output_norm"] = "\(other).0.fn.norm_out"
      names["\(own).attention.projection"] = "\(other).0.\(attention).to_qkv"
      names["\(own).attention.joining"] = "\(other).0.\(attention).to_out.0"
      names["\(own).feed_forward_scale"] = "\(other).1.scale"
      names["\(own).feed_forward_norm"] = "\(other).1.fn.norm"
      names["\(own).feed_forward_output_norm"] = "\(other).1.fn.norm_out"
      names["\(own).expansion"] = "\(other).1.\(feedForward).net.0"
      names["\(own).contraction"] = "\(other).1.\(feedForward).net.3"
    }
    return Dictionary(uniqueKeysWithValues: names.map { (ours + $0.key, $0.value) })
  }

  /// Earlier versions of axial_positional_embedding wrote its tables as `weights_0` and `weights_1`.
  static let otherAuthorsNames = Dictionary(
    uniqueKeysWithValues: (0...1).map { ("image_pos_emb.weights_\($0)", "image_pos_emb.weights.\($0)") })

  /// Captions whose padding (0) is a token of its own at each place `[batch, textLength]`.
  func padded(_ text: Tensor) -> Tensor {
    let length = shape.layout.textLength
    let own = Tensor.arange(length, device: text.device) + Double(shape.textVocabulary)
    return .select(text.equal(0), own.asType(.int64).unsqueezed(0), text)
  }

  /// Features behind the last layer `[batch, places, features]`.
  ///
  /// - Parameters:
  ///   - text: captions `[batch, textLength]`, 0 where they are over.
  ///   - codes: the image's codes so far `[batch, any]`; the last of a whole image is not fed.
  ///   - caches: one a layer, for places that follow those that were fed before: only the last code is fed then.
  func features(_ text: Tensor, _ codes: Tensor?, caches: [TextImageCache]? = nil) -> Tensor {
    let layout = shape.layout
    let start = caches?.first?.keys?.shape[2] ?? 0
    let end = min(layout.prefix + (codes?.shape[1] ?? 0), layout.length)
    var x: Tensor
    if start == 0 {
      let first = Tensor.zeros([text.shape[0], 1], dtype: .int64, device: text.device)
      x = textEmbedding(.concatenated([first, padded(text)], dim: 1))
      if let textPositions { x = x + textPositions(.arange(layout.prefix, device: text.device)) }
      if let codes, end > layout.prefix {
        x = .concatenated([x, embedded(codes, 0, end - layout.prefix)], dim: 1)
      }
    } else if let codes {
      x = embedded(codes, start - layout.prefix, end - layout.prefix)
    } else {
      return .zeros([text.shape[0], 0, shape.features])
    }
    if shape.isStable { x = x * 0.1 + x.detached() * 0.9 }
    let angles = rotaryAngles?.slice(1, start, end)
    for (index, layer) in layers.enumerated() {
      guard let mask = masks[layer.kind] else { continue }
      let seen = mask.slice(0, start, end).slice(1, 0, end).to(x.device)
      x = layer(x, mask: seen, angles: angles, start: start, cache: caches?[index])
    }
    if shape.isStable { x = x / x.max(dim: -1, keepDim: true).values.detached() }
    return outputNorm(x)
  }

  private func embedded(_ codes: Tensor, _ from: Int, _ to: Int) -> Tensor {
    let vectors = imageEmbedding(codes.slice(1, from, to))
    guard let imagePositions else { return vectors }
    return vectors + imagePositions.table.slice(1, from, to)
  }

  /// Logits of all tokens `[batch, places, tokens]`; the lowest number where text would be followed by codes or codes by
  /// text.
  func logits(_ features: Tensor, from start: Int = 0) -> Tensor {
    let logits = output(features)
    let place = Tensor.arange(features.shape[1], device: features.device).unsqueezed(1) + Double(start)
    let token = Tensor.arange(shape.tokens, device: features.device).unsqueezed(0)
    let isCodePlace = place.greaterOrEqual(Double(shape.layout.textLength))
    let isCode = token.greaterOrEqual(Double(shape.textTokens))
    let fits = isCodePlace.logicalAnd(isCode)
      .logicalOr(isCodePlace.logicalNot().logicalAnd(isCode.logicalNot()))
    return .select(
      fits, logits, .full([1, 1], -Double(Float.greatestFiniteMagnitude), device: features.device))
  }

  /// Mean cross-entropies of the text's tokens and of the image's codes, in nats.
  ///
  /// Logits are computed where they count: of text for text, of codes for codes.
  func losses(_ text: Tensor, _ codes: Tensor) -> (text: Tensor, image: Tensor) {
    let features = self.features(text, codes)
    let (length, textTokens) = (shape.layout.textLength, shape.textTokens)
    func loss(_ features: Tensor, _ first: Int, _ last: Int, _ target: Tensor) -> Tensor {
      let scores = linear(
        features, output.weight.slice(0, first, last), output.bias?.slice(0, first, last))
      return crossEntropy(scores.reshaped([-1, last - first]), target.reshaped([-1]))
    }
    return (
      loss(features.slice(1, 0, length), 0, textTokens, padded(text)),
      loss(features.slice(1, length, features.shape[1]), textTokens, shape.tokens, codes)
    )
  }

  /// Empty caches for all layers.
  func caches() -> [TextImageCache] { layers.map { _ in TextImageCache() } }
}

/// A token table, or rows of the output layer's (DALLE-pytorch's `SharedEmbedding`).
final class TokenTable: Module {
  private let weight: TensorSlot
  private let bias: TensorSlot?
  private let rows: Range<Int>?

  init(count: Int, features: Int, sharing output: Linear?, from first: Int, using stream: RandomStream) {
    func slot(_ name: String, of module: Module) -> TensorSlot? {
      for case .tensor(name: name, slot: let slot) in module.members() { return slot }
      return nil
    }
    if let output, let shared = slot("weight", of: output) {
      weight = shared
      bias = slot("bias", of: output)
      rows = first..<(first + count)
    } else {
      weight = Parameter(wrappedValue: stream.normal([count, features]))
      bias = nil
      rows = nil
    }
    super.init()
  }

  override func members() -> [Member] {
    [.tensor(name: "weight", slot: weight)] + (bias.map { [.tensor(name: "bias", slot: $0)] } ?? [])
  }

  /// `[…, features]` for int64 tokens `[…]`.
  func callAsFunction(_ tokens: Tensor) -> Tensor {
    guard let table = weight.current else { return .zeros(tokens.shape + [0]) }
    return embedding(rows.map { table.slice(0, $0.lowerBound, $0.upperBound) } ?? table, tokens)
  }
}

/// A learned vector for each row and each column of an image's codes, added.
final class AxialPositions: Module {
  @Parameter private var rows: Tensor
  @Parameter private var columns: Tensor

  init(side: Int, features: Int, using stream: RandomStream) {
    rows = stream.normal([1, side, 1, features])
    columns = stream.normal([1, 1, side, features])
    super.init()
  }

  /// `[1, codes, features]`
  var table: Tensor { (rows + columns).reshaped([1, rows.shape[1] * columns.shape[2], rows.shape[3]]) }
}

/// Attention and a gated feed-forward layer, each behind a norm, scaled by a learned vector (Touvron et al. 2021,
/// "Going deeper with Image Transformers") and added.
final class TextImageLayer: Module {
  let kind: ImageAttentionKind
  private let layout: TextImageLayout
  private let shiftsTokens: Bool
  @Parameter private var attentionScale: Tensor
  @Parameter private var feedForwardScale: Tensor
  private let attentionNorm: LayerNorm
  private let attentionOutputNorm: LayerNorm?
  private let attention: TextImageAttention
  private let feedForwardNorm: LayerNorm
  private let feedForwardOutputNorm: LayerNorm?
  private let expansion: Linear
  private let contraction: Linear

  init(_ shape: TextImageTransformer.Shape, index: Int, using stream: RandomStream) {
    let features = shape.features
    kind = shape.kinds[index % shape.kinds.count]
    layout = shape.layout
    shiftsTokens = shape.shiftsTokens
    // Deeper layers begin nearer to the identity.
    let scale = index < 18 ? 0.1 : index < 24 ? 1e-5 : 1e-6
    attentionScale = .full([1, 1, features], scale)
    feedForwardScale = .full([1, 1, features], scale)
    attentionNorm = LayerNorm(features)
    attentionOutputNorm = shape.isSandwich ? LayerNorm(features) : nil
    attention = TextImageAttention(
      features: features, heads: shape.heads, headSize: shape.headSize, isStable: shape.isStable,
      using: stream)
    feedForwardNorm = LayerNorm(features)
    feedForwardOutputNorm = shape.isSandwich ? LayerNorm(features) : nil
    expansion = Linear(inputFeatures: features, outputFeatures: 8 * features, using: stream)
    contraction = Linear(inputFeatures: 4 * features, outputFeatures: features, using: stream)
    super.init()
  }

  /// `[batch, places, features]` for the same; the first place is `start` of the sequence.
  func callAsFunction(
    _ x: Tensor, mask: Tensor, angles: Tensor?, start: Int, cache: TextImageCache?
  ) -> Tensor {
    let seen = shifted(attentionNorm(x), start: start, cache, 0)
    let read = attention(seen, mask: mask, angles: angles, cache: cache)
    let middle = x + (attentionOutputNorm?(read) ?? read) * attentionScale
    let halves = expansion(shifted(feedForwardNorm(middle), start: start, cache, 1)).chunked(2, dim: 2)
    let fed = contraction(halves[0] * halves[1].gelu())
    return middle + (feedForwardOutputNorm?(fed) ?? fed) * feedForwardScale
  }

  /// Text takes its first half from the place before; codes take their first quarter from the code above and their
  /// second from the one to the left.
  private func shifted(_ x: Tensor, start: Int, _ cache: TextImageCache?, _ sublayer: Int) -> Tensor {
    guard shiftsTokens else { return x }
    let (features, places) = (x.shape[2], x.shape[1])
    let text = max(0, min(places, layout.prefix - start))
    var parts: [Tensor] = []
    if text > 0 {
      let own = x.slice(1, 0, text)
      let half = (features + 1) / 2
      let before = own.slice(2, 0, half).slice(1, 0, text - 1).padded([0, 0, 1, 0])
      parts.append(.concatenated([before, own.slice(2, half, features)], dim: 2))
    }
    if places > text {
      let own = x.slice(1, text, places)
      let known = cache?.entered[sublayer]
      let image = known.map { Tensor.concatenated([$0, own], dim: 1) } ?? own
      cache?.entered[sublayer] = image
      let first = image.shape[1] - own.shape[1]
      parts.append(shiftedCodes(image).slice(1, first, image.shape[1]))
    }
    return parts.count == 1 ? parts[0] : .concatenated(parts, dim: 1)
  }

  /// Codes from the image's first on `[batch, codes, features]`.
  private func shiftedCodes(_ x: Tensor) -> Tensor {
    let (codes, features, side) = (x.shape[1], x.shape[2], layout.side)
    let quarter = (features + 3) / 4
    let above = x.slice(2, 0, quarter).padded([0, 0, side, 0]).slice(1, 0, codes)
    let isFirst = (0..<codes).map { $0 % side == 0 ? Float(0) : 1 }
    let left =
      x.slice(2, quarter, 2 * quarter).padded([0, 0, 1, 0]).slice(1, 0, codes)
      * Tensor(isFirst, shape: [1, codes, 1], device: x.device)
    return .concatenated([above, left, x.slice(2, 2 * quarter, features)], dim: 2)
  }
}
