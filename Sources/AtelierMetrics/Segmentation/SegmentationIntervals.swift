public import Torch

/// What segmentation scores of some images are worth: percentile bootstrap intervals over images, each resample's
/// counts gathered before they are divided, as ``SegmentationScores`` has it.
public struct SegmentationIntervals {
  /// What a protocol says of it.
  public static let protocolText = "95 % interval by a bootstrap of images"

  private let classes: Int
  /// For each image and class the pixels that are right, those of the map and the predicted ones, float64
  /// `[images, 3 * classes]`.
  private let counts: Tensor

  /// The scores of each image, all over the same classes.
  public init(_ images: [SegmentationScores]) {
    classes = images.first?.confusion.count ?? 0
    let rows = images.flatMap { image -> [Double] in
      let confusion = image.confusion
      let right = confusion.indices.map { Double(confusion[$0][$0]) }
      let inMap = confusion.map { Double($0.reduce(0, +)) }
      let predicted = confusion.indices.map { column in
        Double(confusion.reduce(0) { $0 + $1[column] })
      }
      return right + inMap + predicted
    }
    counts = Tensor(HostTensor(rows, shape: [images.count, 3 * classes]))
  }

  /// The interval of the mean intersection over union; nil for fewer than eight images.
  public func meanIntersectionOverUnion(
    using stream: RandomStream, resamples: Int = 1000
  ) throws -> ConfidenceInterval? {
    try interval(stream, resamples) { sums in
      let values = (0..<classes).compactMap { index -> Double? in
        let union = sums[classes + index] + sums[2 * classes + index] - sums[index]
        return union == 0 ? nil : sums[index] / union
      }
      return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
  }

  /// The interval of the pixel accuracy; nil for fewer than eight images.
  public func pixelAccuracy(
    using stream: RandomStream, resamples: Int = 1000
  ) throws -> ConfidenceInterval? {
    try interval(stream, resamples) { sums in
      let pixels = sums[classes..<(2 * classes)].reduce(0, +)
      return pixels == 0 ? 0 : sums[..<classes].reduce(0, +) / pixels
    }
  }

  private func interval(
    _ stream: RandomStream, _ resamples: Int, _ statistic: ([Double]) -> Double
  ) throws -> ConfidenceInterval? {
    let count = counts.shape[0]
    guard count >= 8 else { return nil }
    return try withoutGradients {
      try bootstrapInterval(count: count, resamples: resamples, using: stream) { rows in
        statistic(counts.indexSelected(0, Tensor(rows)).sum(dims: [0]).doubles())
      }.interval
    }
  }
}
