import Torch
import TorchNN

/// Scaled dot-product attention with several heads, of a sequence to itself or to another one: `torch.nn.MultiheadAttention`
/// with sequences first.
///
/// State: `projection_weight` `[3 · features, features]` for queries, keys and values in this order, `projection_bias`,
/// and `joining`, the linear layer behind the heads.
final class MultiHeadAttention: Module {
  /// Keys and values of what was attended to before, each `[batch, heads, time, headSize]`.
  struct Cache {
    var keys: Tensor
    var values: Tensor

    /// Some rows, which may repeat.
    func rows(_ indices: Tensor) -> Cache {
      Cache(keys: keys.indexSelected(0, indices), values: values.indexSelected(0, indices))
    }
  }

  @Parameter private var projectionWeight: Tensor
  @Parameter private var projectionBias: Tensor
  private let joining: Linear
  private let weightDropout: Dropout
  private let heads: Int
  private let features: Int

  init(features: Int, heads: Int, dropout: Double, drawName: String, using stream: RandomStream) {
    (self.heads, self.features) = (heads, features)
    let projection = Tensor.zeros([3 * features, features])
    stream.fillXavierUniform(projection)
    projectionWeight = projection
    projectionBias = .zeros([3 * features])
    joining = Linear(inputFeatures: features, outputFeatures: features, using: stream)
    weightDropout = Dropout(probability: dropout, drawName: drawName)
    super.init()
    stream.fillXavierUniform(joining.weight.detached())
    joining.bias?.detached().fill(0)
  }

  private func projected(_ x: Tensor, _ from: Int, _ to: Int) -> [Tensor] {
    linear(
      x, projectionWeight.slice(0, from * features, to * features),
      projectionBias.slice(0, from * features, to * features)
    ).chunked(to - from, dim: 2).map { $0.splitIntoHeads(heads) }
  }

  /// Keys and values of a sequence `[batch, time, features]`.
  func cache(_ memory: Tensor) -> Cache {
    let parts = projected(memory, 1, 3)
    return Cache(keys: parts[0], values: parts[1])
  }

  /// A sequence `[batch, time, features]` that looks at itself.
  ///
  /// - Parameters:
  ///   - mask: added to scores `[batch, heads, time, keys]`, with ones where it is broadcast; nil: everything is seen.
  ///   - past: what came before; its keys and values stand in front.
  /// - Returns: the result, and keys and values with those of `past`.
  func callAsFunction(_ x: Tensor, mask: Tensor?, past: Cache? = nil) -> (output: Tensor, cache: Cache) {
    let parts = projected(x, 0, 3)
    var cache = Cache(keys: parts[1], values: parts[2])
    if let past {
      cache = Cache(
        keys: .concatenated([past.keys, cache.keys], dim: 2),
        values: .concatenated([past.values, cache.values], dim: 2))
    }
    return (read(parts[0], cache, mask).output, cache)
  }

  /// A sequence that looks at another one, and how much, `[batch, time, keys]`, the mean over the heads.
  func callAsFunction(_ x: Tensor, memory: Cache, mask: Tensor?) -> (output: Tensor, alignment: () -> Tensor)
  {
    read(projected(x, 0, 1)[0], memory, mask)
  }

  private func read(
    _ queries: Tensor, _ cache: Cache, _ mask: Tensor?
  ) -> (output: Tensor, alignment: () -> Tensor) {
    let scale = 1 / Double(features / heads).squareRoot()
    var scores = (queries * scale).matmul(cache.keys.transposed(2, 3))
    if let mask { scores = scores + mask }
    let weights = scores.softmax(3)
    let read = weightDropout(weights).matmul(cache.values)
    return (joining(read.joinedHeads()), { weights.mean(dims: [1]) })
  }

  /// Zeros where a position may look, minus infinity after itself, `[1, 1, time, time]`.
  static func causalMask(_ time: Int, device: Device) -> Tensor {
    Tensor.full([time, time], -Double.infinity, device: device).triangularUpper(1).reshaped([
      1, 1, time, time,
    ])
  }

  /// Minus infinity at padding of tokens `[batch, time]`, zeros elsewhere, `[batch, 1, 1, time]`; nil where there is
  /// none.
  static func paddingMask(_ token: Tensor, padding: Int) -> Tensor? {
    let isPadding = token.equal(Double(padding))
    // Other tokens than those of a recording may have some.
    guard isRecordingScript || isPadding.any().item() != 0 else { return nil }
    return Tensor.select(
      isPadding, .full([1, 1], -.infinity, device: token.device), .zeros([1, 1], device: token.device)
    ).unsqueezed(1).unsqueezed(1)
  }
}
