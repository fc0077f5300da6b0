public import Torch

/// Precision, recall, density and coverage of one pair of sets.
public struct PrecisionRecallDensityCoverage: Sendable, Hashable, Codable {
  /// The fraction of fakes inside at least one real ball.
  public let precision: Double
  /// The fraction of real samples inside at least one fake ball.
  public let recall: Double
  /// The mean number of real balls around a fake, divided by k; may exceed 1; expected 1 for equal
  /// distributions.
  public let density: Double
  /// The fraction of real balls that contain a fake; expected 1 - 2^-k for equal distributions.
  public let coverage: Double
}

/// Density and coverage (Naeem et al. 2020), with the precision and recall of the same balls.
///
/// A ball's radius is the distance to the k-th neighbour, the point itself excluded; balls are open (distance
/// < radius), as in the authors' `prdc.py`. Copies of a neighbour are therefore outside, unlike in
/// ``precisionRecall(real:fake:neighbours:)``.
///
/// - Parameters:
///   - real: `[samples, features]`; `fake` likewise.
///   - neighbours: k; the paper uses 5, with 10,000 samples.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func precisionRecallDensityCoverage(
  real: Tensor, fake: Tensor, neighbours: Int = 5
) throws -> PrecisionRecallDensityCoverage {
  let counts = try BallCounts(real: real, fake: fake, neighbours: neighbours, surfaceBelongs: false)
  return PrecisionRecallDensityCoverage(
    precision: counts.precision, recall: counts.recall, density: counts.meanBalls / Double(neighbours),
    coverage: counts.coverage)
}
