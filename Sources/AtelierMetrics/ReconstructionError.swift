public import Torch

/// Reconstruction errors.
public struct ReconstructionError: Sendable, Hashable, Codable {
  /// The mean squared error per element.
  public let meanSquared: Double
  /// The mean absolute error per element.
  public let meanAbsolute: Double
  /// The sum of squared errors of each example, as early papers report it.
  public let squaredSums: [Double]

  /// The mean over the examples of the sum of squared errors.
  public var meanSquaredSum: Double { meanAndDeviation(squaredSums).mean }
  /// The standard error of ``meanSquaredSum``.
  public var squaredSumStandardError: Double {
    meanAndDeviation(squaredSums).deviation / Double(squaredSums.count).squareRoot()
  }
}

/// The errors of reconstructions, in the unit of the examples.
///
/// - Parameters:
///   - reconstructions: `[examples, …]`.
///   - originals: of the same shape.
/// - Throws: `MetricError` for shapes that differ or numbers that are not finite.
public func reconstructionError(reconstructions: Tensor, originals: Tensor) throws -> ReconstructionError {
  guard reconstructions.shape == originals.shape, originals.rank >= 1, originals.count >= 1 else {
    throw MetricError(
      "reconstructions \(reconstructions.shape) and originals \(originals.shape) differ in shape; give pairs")
  }
  return try withoutGradients {
    let count = originals.shape[0]
    let (x, y) = (reconstructions.reshaped([count, -1]), originals.reshaped([count, -1]))
    var (sums, absolute): ([Double], Double) = ([], 0)
    for rows in blocks(of: count, width: x.shape[1]) {
      func part(_ tensor: Tensor, _ name: String) throws -> Tensor {
        try featureMatrix(tensor.narrow(0, from: rows.lowerBound, length: rows.count), name)
      }
      let difference = try part(x, "reconstructions") - part(y, "originals")
      sums += difference.square().sum(dims: [1]).doubles()
      absolute += difference.abs().sum().item()
    }
    let values = Double(originals.count)
    return ReconstructionError(
      meanSquared: sums.reduce(0, +) / values, meanAbsolute: absolute / values, squaredSums: sums)
  }
}
