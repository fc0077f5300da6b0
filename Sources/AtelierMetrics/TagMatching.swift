/// Precision and recall of proposed tags.
public struct TagMatching: Sendable, Hashable, Codable {
  /// The mean over images of the fraction of proposed tags that are correct, 0 … 1.
  public let precision: Double
  /// The mean over images of the fraction of true tags that were proposed, 0 … 1.
  public let recall: Double
  /// The precision of each image, for confidence intervals.
  public let precisions: [Double]
  /// The recall of each image.
  public let recalls: [Double]

  /// The harmonic mean of precision and recall.
  public var f1: Double { precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0 }
}

/// Precision and recall of the first `count` proposed tags.
///
/// Missing proposals of an image count as wrong.
///
/// - Parameters:
///   - proposed: ranked tags of each image, best first.
///   - own: the true tags of each image, at least one each.
///   - count: the number of proposals that count; 10 in the paper.
/// - Throws: `MetricError` for no images, unequal counts, or an image without tags of its own.
public func tagMatching<Tag: Hashable>(
  proposed: [[Tag]], own: [Set<Tag>], count: Int = 10
) throws -> TagMatching {
  guard !proposed.isEmpty, proposed.count == own.count, count >= 1 else {
    throw MetricError(
      "\(proposed.count) images with proposed tags need as many with tags of their own, not \(own.count)")
  }
  guard own.allSatisfy({ !$0.isEmpty }) else {
    throw MetricError("an image without tags of its own cannot be judged; leave it out")
  }
  var (precisions, recalls): ([Double], [Double]) = ([], [])
  for (tags, own) in zip(proposed, own) {
    let right = Double(Set(tags.prefix(count)).intersection(own).count)
    precisions.append(right / Double(count))
    recalls.append(right / Double(own.count))
  }
  let pictures = Double(proposed.count)
  return TagMatching(
    precision: precisions.reduce(0, +) / pictures, recall: recalls.reduce(0, +) / pictures,
    precisions: precisions, recalls: recalls)
}
