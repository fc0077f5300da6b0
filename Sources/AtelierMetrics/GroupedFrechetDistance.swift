public import Torch

/// Fréchet distances per group of classes, each between the real and the generated images of its classes:
/// class-wise where every class is its own group, stratified where classes are grouped by frequency.
public struct GroupedFrechetDistance: Sendable, Hashable, Codable {
  /// One group.
  public struct Group: Sendable, Hashable, Codable {
    /// Its classes.
    public let classes: [Int]
    /// The number of real images.
    public let realCount: Int
    /// The number of generated images.
    public let fakeCount: Int
    /// The distance; nil where either set has fewer than ``GroupedFrechetDistance/fewest`` images.
    public let distance: Double?
  }

  /// The groups in the order they were given.
  public let groups: [Group]
  /// The length of the feature vectors.
  public let features: Int
  /// The minimum number of images of either set for a distance.
  public let fewest: Int

  /// The unweighted mean of the groups' distances; nil where none has one.
  public var mean: Double? {
    let known = groups.compactMap(\.distance)
    return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
  }

  /// The groups with too few images for a distance.
  public var refused: [Group] { groups.filter { $0.distance == nil } }

  /// The groups with a distance from a rank-deficient covariance: n images give a rank of at most n - 1. The
  /// distance is then far above that of more images, and comparable only at equal numbers.
  public var deficient: [Group] {
    groups.filter { $0.distance != nil && min($0.realCount, $0.fakeCount) <= features }
  }
}

/// A Fréchet distance for each group of classes.
///
/// Sources: Miyato and Koyama 2018 (intra-FID: a distance for each class, then the mean); Casanova et al.
/// 2021 (IC-GAN, stratified FID: a distance for each group of classes, with the groups' own means and
/// covariances).
///
/// - Parameters:
///   - real: `[samples, features]`.
///   - realLabels: the class of each row.
///   - fake: `[samples, features]` from the same feature source.
///   - fakeLabels: the class that each row was generated for.
///   - groups: the classes of each group.
///   - fewest: the minimum number of rows of either set for a distance, at least 2.
/// - Throws: `MetricError` for shapes or numbers of labels that do not fit.
public func groupedFrechetDistance(
  real: Tensor, realLabels: [Int], fake: Tensor, fakeLabels: [Int], groups: [[Int]], fewest: Int = 20
) throws -> GroupedFrechetDistance {
  guard fewest >= 2 else {
    throw MetricError("a covariance needs at least two samples, so that fewest is at least 2, not \(fewest)")
  }
  let (real, fake) = try withoutGradients {
    (try featureMatrix(real, "real"), try featureMatrix(fake, "fake"))
  }
  try checkSameWidth(real, "real", fake, "fake")
  for (set, labels, name) in [(real, realLabels, "real"), (fake, fakeLabels, "fake")] {
    guard set.shape[0] == labels.count else {
      throw MetricError("“\(name)” has \(set.shape[0]) rows and \(labels.count) labels; give one for each")
    }
  }
  func rows(_ labels: [Int], _ classes: Set<Int>) -> [Int] {
    labels.indices.filter { classes.contains(labels[$0]) }
  }
  let found = try groups.map { classes -> GroupedFrechetDistance.Group in
    let wanted = Set(classes)
    let (realRows, fakeRows) = (rows(realLabels, wanted), rows(fakeLabels, wanted))
    let isEnough = min(realRows.count, fakeRows.count) >= fewest
    return GroupedFrechetDistance.Group(
      classes: classes, realCount: realRows.count, fakeCount: fakeRows.count,
      distance: isEnough
        ? try frechetDistance(
          real: real.indexSelected(0, Tensor(realRows)), fake: fake.indexSelected(0, Tensor(fakeRows))) : nil)
  }
  return GroupedFrechetDistance(groups: found, features: real.shape[1], fewest: fewest)
}

/// Groups classes by the number of their training images.
///
/// Source: the many-, medium- and few-shot classes of ImageNet-LT (Liu et al. 2019: more than 100, 20 to 100,
/// fewer than 20), on which Casanova et al. 2021 measure IC-GAN.
public struct ShotGroups: Codable, Sendable, Hashable {
  /// Classes with fewer training images are few-shot.
  public let few: Int
  /// Classes with more training images are many-shot.
  public let many: Int

  /// The given bounds; 20 and 100 by default.
  ///
  /// - Throws: `MetricError` for bounds that are negative or the wrong way round.
  public init(few: Int, many: Int) throws {
    guard few >= 0, many >= few else {
      throw MetricError(
        "classes are few-shot below and many-shot above two bounds, the first of which is not the larger one, "
          + "not \(few) and \(many)")
    }
    (self.few, self.many) = (few, many)
  }

  private init() { (few, many) = (20, 100) }

  /// Fewer than 20, and more than 100.
  public static let usual = ShotGroups()

  /// The names of the non-empty groups with their classes.
  ///
  /// - Parameter trainingCounts: the number of training images of each class.
  public func groups(trainingCounts: [Int]) -> [(name: String, classes: [Int])] {
    let classes = trainingCounts.indices
    return [
      ("many-shot (more than \(many) training pictures)", classes.filter { trainingCounts[$0] > many }),
      (
        "medium-shot (\(few) to \(many) training pictures)",
        classes.filter { (few...many).contains(trainingCounts[$0]) }
      ),
      ("few-shot (fewer than \(few) training pictures)", classes.filter { trainingCounts[$0] < few }),
    ].filter { !$0.1.isEmpty }
  }
}
