internal import AtelierMedia

/// Frames of about one area and of several proportions, all sides multiples of what a network can halve: each image is
/// brought to the one nearest to its own proportions, and a batch holds images of one frame.
///
/// The proportions are those of common formats, from 1 : 3 to 3 : 1.
struct AspectBuckets: Sendable, Hashable {
  struct Frame: Sendable, Hashable {
    let width: Int
    let height: Int
  }

  /// From tall to wide.
  let frames: [Frame]

  /// - Parameters:
  ///   - width: of the frame whose area the others have.
  ///   - multiple: of every side.
  init(width: Int, height: Int, multiple: Int) {
    let area = Double(width * height)
    func side(_ length: Double) -> Int {
      max(multiple, Int((length / Double(multiple)).rounded()) * multiple)
    }
    var frames: [Frame] = [Frame(width: width, height: height)]
    for (across, down) in [
      (1, 3), (1, 2), (9, 16), (2, 3), (3, 4), (1, 1), (4, 3), (3, 2), (16, 9), (2, 1), (3, 1),
    ] {
      let ratio = Double(across) / Double(down)
      let frame = Frame(width: side((area * ratio).squareRoot()), height: side((area / ratio).squareRoot()))
      if !frames.contains(frame) { frames.append(frame) }
    }
    self.frames = frames.sorted { $0.width * $1.height < $1.width * $0.height }
  }

  /// The frame whose proportions are nearest, by their ratio.
  func nearest(width: Int, height: Int) -> Int {
    func distance(_ frame: Frame) -> Double {
      let ratio = Double(frame.width * height) / Double(frame.height * width)
      return max(ratio, 1 / ratio)
    }
    return frames.indices.min { distance(frames[$0]) < distance(frames[$1]) } ?? 0
  }

  /// Batches of examples that share a frame, at random; the last of a frame may be smaller.
  ///
  /// - Parameter buckets: the frame of each example.
  static func batches(
    _ buckets: [Int], batchSize: Int, using generator: inout SeededGenerator
  ) -> [[Int]] {
    var open: [Int: [Int]] = [:]
    var batches: [[Int]] = []
    for index in generator.permutation(buckets.count) {
      open[buckets[index], default: []].append(index)
      if let full = open[buckets[index]], full.count == batchSize {
        batches.append(full)
        open[buckets[index]] = nil
      }
    }
    batches += open.sorted { $0.key < $1.key }.map(\.value)
    return generator.permutation(batches.count).map { batches[$0] }
  }
}
