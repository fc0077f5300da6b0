public import Torch

/// How much of the fakes lies among the real samples, and how much of the real ones among the fakes.
public struct PrecisionRecall: Sendable, Hashable, Codable {
  /// The share of fakes inside the balls of real samples.
  public let precision: Double
  /// The share of real samples inside the balls of fakes.
  public let recall: Double

  /// The harmonic mean of both; 0 where both are.
  public var fScore: Double {
    precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
  }
}

/// Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2).
///
/// A set's manifold is the union of balls around its points; a ball reaches to the k-th neighbour, the
/// point itself not counted, and its surface belongs to it (distance <= radius), as in torch-fidelity
/// `metric_prc.py`.
///
/// - Parameters:
///   - real: `[samples, features]`; `fake` likewise.
///   - neighbours: k; the paper takes 3.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func precisionRecall(real: Tensor, fake: Tensor, neighbours: Int = 3) throws -> PrecisionRecall {
  let counts = try BallCounts(real: real, fake: fake, neighbours: neighbours, surfaceBelongs: true)
  return PrecisionRecall(precision: counts.precision, recall: counts.recall)
}

/// What both families of manifold measures count.
struct BallCounts {
  /// The share of fakes inside some real ball.
  let precision: Double
  /// The share of real samples inside some fake ball.
  let recall: Double
  /// The mean number of real balls around a fake.
  let meanBalls: Double
  /// The share of real balls with a fake inside.
  let coverage: Double

  init(real: Tensor, fake: Tensor, neighbours: Int, surfaceBelongs: Bool) throws {
    self = try withoutGradients {
      let real = try featureMatrix(real, "real")
      let fake = try featureMatrix(fake, "fake")
      try checkSameWidth(real, "real", fake, "fake")
      try checkNeighbours(neighbours, in: real, "real")
      try checkNeighbours(neighbours, in: fake, "fake")
      let sets = PointSet.centred([real, fake])
      return Self(real: sets[0], fake: sets[1], neighbours, surfaceBelongs)
    }
  }

  private init(real: PointSet, fake: PointSet, _ neighbours: Int, _ surfaceBelongs: Bool) {
    let realRadii = real.squaredRadii(neighbour: neighbours)
    let fakeRadii = fake.squaredRadii(neighbour: neighbours)
    var balls = Tensor.zeros([fake.count], dtype: .int64)
    var (recalled, covered) = (0.0, 0.0)
    for rows in blocks(of: real.count, width: fake.count) {
      let (distances, rounding) = real[rows].squaredDistances(to: fake)
      // A distance within rounding of the radius is equal to it: that is a copy of the very neighbour.
      let excess = surfaceBelongs ? distances - rounding : distances + rounding
      func inside(_ radii: Tensor) -> Tensor {
        surfaceBelongs ? excess.lessOrEqual(radii) : excess.less(radii)
      }
      let inReal = inside(realRadii.narrow(0, from: rows.lowerBound, length: rows.count).unsqueezed(1))
      let inFake = inside(fakeRadii.unsqueezed(0))
      balls = balls + inReal.sum(dims: [0])
      covered += inReal.sum(dims: [1]).greater(0).sum().item()
      recalled += inFake.sum(dims: [1]).greater(0).sum().item()
    }
    let (reals, fakes) = (Double(real.count), Double(fake.count))
    precision = balls.greater(0).sum().item() / fakes
    recall = recalled / reals
    meanBalls = balls.sum().item() / fakes
    coverage = covered / reals
  }
}
