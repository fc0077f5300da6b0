public import Torch

/// Improved precision and recall.
public struct PrecisionRecall: Sendable, Hashable, Codable {
  /// The fraction of fakes inside the manifold of the real samples.
  public let precision: Double
  /// The fraction of real samples inside the manifold of the fakes.
  public let recall: Double

  /// The harmonic mean of both; 0 where both are 0.
  public var fScore: Double {
    precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
  }
}

/// Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2).
///
/// A set's manifold is the union of closed balls around its points (distance <= radius), whose radius is the
/// distance to the k-th neighbour, the point itself excluded, as in torch-fidelity `metric_prc.py`.
///
/// - Parameters:
///   - real: `[samples, features]`; `fake` likewise.
///   - neighbours: k; the paper uses 3.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func precisionRecall(real: Tensor, fake: Tensor, neighbours: Int = 3) throws -> PrecisionRecall {
  let counts = try BallCounts(real: real, fake: fake, neighbours: neighbours, surfaceBelongs: true)
  return PrecisionRecall(precision: counts.precision, recall: counts.recall)
}

/// The counts shared by both families of manifold measures.
struct BallCounts {
  /// The fraction of fakes inside at least one real ball.
  let precision: Double
  /// The fraction of real samples inside at least one fake ball.
  let recall: Double
  /// The mean number of real balls that contain a fake.
  let meanBalls: Double
  /// The fraction of real balls that contain a fake.
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
      // A distance within rounding of the radius equals it, as for a copy of the k-th neighbour.
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
