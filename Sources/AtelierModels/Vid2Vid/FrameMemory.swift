package import Torch

/// The frames before, of which a discriminator of videos sees some beside the new ones.
///
/// Source: NVIDIA/vid2vid `models/vid2vid_model_D.py` `get_skipped_frames`.
package struct FrameMemory {
  /// Frames of a group.
  package let length: Int
  /// How many distances there are: 1, `length`, `length`² …
  package let scales: Int
  private var kept: Tensor?

  /// A memory of no frames.
  package init(length: Int, scales: Int) { (self.length, self.scales) = (length, scales) }

  /// Adds frames `[batch, time, …]`.
  ///
  /// - Returns: for each distance groups `[groups · batch, length, …]` that end with new frames, the last first; nil where
  ///   there are too few frames yet. Gradients flow to the new ones only.
  package mutating func add(_ new: Tensor) -> [Tensor?] {
    let all = kept.map { Tensor.concatenated([$0, new], dim: 1) } ?? new
    let count = all.shape[1]
    var groups: [Tensor?] = []
    var distance = 1
    for _ in 0..<scales {
      let span = distance * (length - 1)
      let ends = stride(from: 0, to: min(count - span, new.shape[1]), by: length).map { count - 1 - $0 }
      let parts = ends.map { all.slice(1, $0 - span, $0 + 1, step: distance) }
      groups.append(parts.isEmpty ? nil : .concatenated(parts, dim: 0))
      if groups.count < scales { distance *= length }
    }
    let reach = min(count, distance * (length - 1))
    kept = all.narrow(1, from: count - reach, length: reach).detached()
    return groups
  }
}
