import Torch

/// Attention's heads and the places of tokens, in operations that leave numbers and lengths of sequences free where a script
/// is recorded: it keeps every number that is read from a shape.
extension Tensor {
  /// `[batch, heads, time, size]` of features `[batch, time, heads · size]`.
  func splitIntoHeads(_ heads: Int) -> Tensor {
    guard !isRecordingScript else { return .stacked(chunked(heads, dim: 2), dim: 1) }
    return reshaped([shape[0], shape[1], heads, shape[2] / heads]).transposed(1, 2)
  }

  /// `[batch, time, heads · size]` of heads `[batch, heads, time, size]`.
  func joinedHeads() -> Tensor {
    let heads = shape[1]
    guard !isRecordingScript else {
      return .concatenated((0..<heads).map { selected(dim: 1, index: $0) }, dim: 2)
    }
    return transposed(1, 2).reshaped([shape[0], shape[2], heads * shape[3]])
  }
}

/// 0, 1, 2 … for the places of one sequence's int64 tokens `[time]`, as a recorded script counts them.
func recordedPlaces(_ tokens: Tensor) -> Tensor { Tensor.ones(like: tokens).cumulativeSum(dim: 0) - 1 }

/// Zeros where a place `[time]` may look, minus infinity after itself, `[time, time]`, as a recorded script makes it.
func recordedCausalMask(_ places: Tensor) -> Tensor {
  Tensor.select(
    places.unsqueezed(0).greater(places.unsqueezed(1)),
    .full([1, 1], -Double.infinity, device: places.device), .zeros([1, 1], device: places.device))
}
