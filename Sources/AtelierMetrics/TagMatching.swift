/// How well proposed tags match those that people gave.
public struct TagMatching: Sendable, Hashable, Codable {
  /// The share of proposed tags that are among an image's own, the mean over images, 0 … 1.
  public let precision: Double
  /// The share of an image's own tags that were proposed, the mean over images, 0 … 1.
  public let recall: Double
  /// The precision of each image, for intervals.
  public let precisions: [Double]
  /// The recall of each image.
  public let recalls: [Double]

  /// The harmonic mean of both.
  public var f1: Double { precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0 }
}

/// Precision and recall of the first `count` proposed tags.
///
/// An image with fewer proposals counts as if the missing ones were wrong.
///
/// - Parameters:
///   - proposed: tags of each image, the best first.
///   - own: what people gave each image; at least one each.
///   - count: how many proposals count; the paper's ten.
/// - Throws: `MetricError` for no images, unequal counts, or an image without tags of its own.
public func tagMatching<Tag: Hashable>(
  proposed: [[Tag]], own: [Set<Tag>], count: Int = 10
) throws -> TagMatching {
  guard !proposed.isEmpty, proposed.count == own.count, count >= 1 else {
    throw MetricError(
      "\(proposed.count) pictures with proposed tags need as many with tags of their own, not \(own.count)")
  }
  guard own.allSatisfy({ !$0.isEmpty }) else {
    throw MetricError("a picture without tags of its own cannot be judged; leave it out")
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
