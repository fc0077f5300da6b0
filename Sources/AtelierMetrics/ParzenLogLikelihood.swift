import Foundation
public import Torch

/// A Parzen-window log-likelihood in nats.
public struct ParzenLogLikelihood: Sendable, Hashable, Codable {
  /// A bandwidth, and the mean log density of the validation set.
  public struct Candidate: Sendable, Hashable, Codable {
    /// The bandwidth: the kernel's standard deviation.
    public let sigma: Double
    /// The mean log density of the validation set, in nats.
    public let validation: Double
  }

  /// The mean log density of the test set, in nats.
  public let mean: Double
  /// Its standard error: the population standard deviation over the test examples, divided by √n.
  public let standardError: Double
  /// The bandwidth chosen on the validation set.
  public let sigma: Double
  /// All bandwidths that were tried.
  public let candidates: [Candidate]
  /// The log density of each test example, in nats.
  public let perExample: [Double]

  /// Whether the chosen bandwidth is at the edge of the grid, so that a wider grid might be better.
  public var isAtEdge: Bool {
    let sigmas = candidates.map(\.sigma)
    return sigma == sigmas.min() || sigma == sigmas.max()
  }
}

/// Ten bandwidths, evenly spaced on a log scale from 0.1 to 1, as in the GAN paper's code
/// (`numpy.logspace(-1, 0, 10)`).
public let parzenWidths: [Double] = (0..<10).map { pow(10, -1 + Double($0) / 9) }

/// The Parzen-window log-likelihood of test data under Gaussian kernels around samples.
///
/// The measure of the GAN and conditional GAN papers (Goodfellow et al. 2014, Mirza and Osindero 2014) after
/// Breuleux et al. 2011: log p(x) = log mean_j N(x; sample_j, sigma² I), sigma chosen on validation data. The
/// papers use 10,000 samples, pixels in 0 … 1 and the 10,000 test images, and report the mean ± its standard
/// error. Known to be misleading (Theis et al. 2016); kept for comparison.
///
/// - Parameters:
///   - samples: `[samples, …]`, flattened after the first dimension; `validation` and `test` likewise.
///   - widths: the bandwidths to try.
/// - Throws: `MetricError` for shapes that do not fit, numbers that are not finite or widths not above 0.
public func parzenLogLikelihood(
  samples: Tensor, validation: Tensor, test: Tensor, widths: [Double] = parzenWidths
) throws -> ParzenLogLikelihood {
  try withoutGradients {
    guard !widths.isEmpty, widths.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw MetricError("the widths \(widths) must all be above 0; give at least one")
    }
    let matrices = try zip([samples, validation, test], ["samples", "validation", "test"]).map {
      try featureMatrix($0.0.rank > 2 ? $0.0.flattened(from: 1) : $0.0, $0.1)
    }
    try checkSameWidth(matrices[0], "samples", matrices[1], "validation")
    try checkSameWidth(matrices[0], "samples", matrices[2], "test")
    let sets = PointSet.centred(matrices)
    let validated = logDensities(of: sets[1], around: sets[0], widths).map { meanAndDeviation($0).mean }
    let candidates = zip(widths, validated).map {
      ParzenLogLikelihood.Candidate(sigma: $0.0, validation: $0.1)
    }
    // The first of ties, as argmax.
    let best = candidates.dropFirst().reduce(candidates[0]) { $1.validation > $0.validation ? $1 : $0 }
    let perExample = logDensities(of: sets[2], around: sets[0], [best.sigma])[0]
    let (mean, deviation) = meanAndDeviation(perExample)
    return ParzenLogLikelihood(
      mean: mean, standardError: deviation / Double(perExample.count).squareRoot(), sigma: best.sigma,
      candidates: candidates, perExample: perExample)
  }
}

/// The log densities of all points for each bandwidth; distances are computed once.
private func logDensities(of points: PointSet, around samples: PointSet, _ widths: [Double]) -> [[Double]] {
  let features = Double(samples.points.shape[1])
  var result = [[Double]](repeating: [], count: widths.count)
  for rows in blocks(of: points.count, width: samples.count) {
    let distances = points[rows].squaredDistances(to: samples).distances
    for (index, sigma) in widths.enumerated() {
      let sums = (distances * (-1 / (2 * sigma * sigma))).logSumExp(dims: [1])
      let constant = log(Double(samples.count)) + 0.5 * features * log(2 * .pi * sigma * sigma)
      result[index] += (sums - constant).doubles()
    }
  }
  return result
}
