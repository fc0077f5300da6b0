public import Torch

/// How well lips keep time with speech, by embeddings of both.
///
/// Source: joonson/syncnet_python `SyncNetInstance.py`, whose distance and confidence the Wav2Lip paper calls LSE-D and
/// LSE-C.
public struct LipSync: Sendable, Hashable {
  /// The distance at the best offset, a mean over windows; smaller is better.
  public let distance: Double
  /// The median of the distances at all offsets less the smallest; larger is better.
  public let confidence: Double
  /// The best offset, in frames that speech is taken later than the lips.
  public let offset: Int

  /// Compares windows of lips with speech at offsets of up to `reach` frames to both sides.
  ///
  /// Each offset's distance is the mean of those windows that have speech there; offsets that fewer than half of the
  /// windows have are left out.
  ///
  /// - Parameters:
  ///   - lips: `[windows, features]`, the first frames of windows one after the other.
  ///   - speech: `[time, features]`, from the same frame on.
  /// - Throws: ``MetricError`` for tensors of other shapes.
  public init(lips: Tensor, speech: Tensor, reach: Int = 15) throws(MetricError) {
    guard lips.rank == 2, speech.rank == 2, lips.shape[1] == speech.shape[1], lips.shape[0] > 0,
      speech.shape[0] > 0, reach >= 0
    else {
      throw MetricError(
        "lips [windows, features] are compared with speech [time, features], not \(lips.shape) with \(speech.shape)"
      )
    }
    let (windows, time) = (lips.shape[0], speech.shape[0])
    var found: [(offset: Int, distance: Double)] = []
    for offset in -reach...reach {
      let first = max(0, -offset)
      let count = min(windows, time - offset) - first
      guard count > 0, 2 * count >= windows else { continue }
      let difference =
        lips.narrow(0, from: first, length: count)
        - speech.narrow(0, from: first + offset, length: count)
      found.append((offset, difference.asType(.float64).square().sum(dims: [1]).sqrt().mean().item()))
    }
    guard let best = found.min(by: { $0.distance < $1.distance }) else {
      throw MetricError("speech of \(time) frames is too short for \(windows) windows of lips")
    }
    let sorted = found.map(\.distance).sorted()
    // PyTorch's median of an even number is the lower one.
    confidence = sorted[(sorted.count - 1) / 2] - best.distance
    (distance, offset) = (best.distance, best.offset)
  }
}
