import Torch
import TorchNN

/// softmax(q·kᵀ / √size)·v of heads `[batch, heads, time, size]`, by the engine's kernel; where weights are dropped, step
/// by step, as the kernel would draw from a generator of its own.
///
/// - Parameters:
///   - seen: bool, true where a query sees a key, broadcast to `[batch, heads, queries, keys]`; nil: everything is seen.
///   - isCausal: whether a query sees only the keys up to its own place; without `seen`.
///   - dropout: of the weights.
func attended(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, seen: Tensor? = nil, isCausal: Bool = false,
  dropout: Dropout
) -> Tensor {
  guard dropout.isTraining, dropout.probability > 0 else {
    return scaledDotProductAttention(query, key, value, mask: seen, isCausal: isCausal)
  }
  var scores = (query * (1 / Double(query.shape[3]).squareRoot())).matmul(key.transposed(2, 3))
  if isCausal {
    scores =
      scores
      + Tensor.full([query.shape[2], key.shape[2]], -Double.infinity, device: query.device).triangularUpper(1)
  } else if let seen {
    scores = .select(seen, scores, .full([1, 1, 1, 1], -Double.infinity, device: query.device))
  }
  return dropout(scores.softmax(-1)).matmul(value)
}
