public import Torch

/// The accuracy of a 1-nearest-neighbour two-sample test.
public struct NearestNeighbourAccuracy: Sendable, Hashable, Codable {
  /// The mean of both: 0.5 is ideal, 1 means that the sets are separate, below 0.5 that fakes copy.
  public let accuracy: Double
  /// The fraction of real samples whose nearest neighbour is real.
  public let real: Double
  /// The fraction of fakes whose nearest neighbour is fake.
  public let fake: Double
}

/// The leave-one-out accuracy of a 1-nearest-neighbour classifier between real samples and fakes.
///
/// Source: Lopez-Paz and Oquab 2017; Xu et al. 2018. A tie, as between an exact copy and its original, counts
/// half. Use equally many samples of both sets: only then is 0.5 the value for equal distributions.
///
/// - Parameters:
///   - real: `[samples, features]`, at least two rows; `fake` likewise.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func nearestNeighbourAccuracy(real: Tensor, fake: Tensor) throws -> NearestNeighbourAccuracy {
  try withoutGradients {
    let real = try featureMatrix(real, "real", atLeast: 2)
    let fake = try featureMatrix(fake, "fake", atLeast: 2)
    try checkSameWidth(real, "real", fake, "fake")
    let sets = PointSet.centred([real, fake])
    let realShare = shareNearestToOwn(sets[0], sets[1])
    let fakeShare = shareNearestToOwn(sets[1], sets[0])
    let (reals, fakes) = (Double(real.shape[0]), Double(fake.shape[0]))
    return NearestNeighbourAccuracy(
      accuracy: (realShare * reals + fakeShare * fakes) / (reals + fakes), real: realShare, fake: fakeShare)
  }
}

private func shareNearestToOwn(_ own: PointSet, _ other: PointSet) -> Double {
  let ownDistances = own.squaredRadii(neighbour: 1)
  var sum = 0.0
  for rows in blocks(of: own.count, width: other.count) {
    let toOther = own[rows].squaredDistances(to: other).distances.min(dim: 1).values
    let toOwn = ownDistances.narrow(0, from: rows.lowerBound, length: rows.count)
    sum += toOwn.less(toOther).sum().item() + 0.5 * toOwn.equal(toOther).sum().item()
  }
  return sum / Double(own.count)
}
