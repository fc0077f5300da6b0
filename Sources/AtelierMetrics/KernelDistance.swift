import Foundation
public import Torch

/// The kernel of a ``kernelDistance(real:fake:kernel:subsetReal:subsetFake:)``.
public enum DistanceKernel: Sendable, Hashable, Codable {
  /// (gamma x·y + offset)^degree; gamma nil is one over the number of features, as in the KID paper.
  case polynomial(degree: Double = 3, gamma: Double? = nil, offset: Double = 1)
  /// exp(-|x - y|² / (2 sigma²)).
  case gaussian(sigma: Double = 10)

  /// The kernel matrix of the rows of two float64 matrices.
  func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor {
    switch self {
    case .polynomial(let degree, let gamma, let offset):
      return (x.matmul(y.transposed(0, 1)) * (gamma ?? 1 / Double(x.shape[1])) + offset).pow(degree)
    case .gaussian(let sigma):
      let origin = columnMeans(y)
      let distances = PointSet(x, origin: origin).squaredDistances(to: PointSet(y, origin: origin)).distances
      return (distances * (-1 / (2 * sigma * sigma))).exp()
    }
  }
}

/// A kernel distance over several subsets.
public struct KernelDistance: Sendable, Hashable, Codable {
  /// The mean over the subsets; may be negative, as the estimates are unbiased.
  public let mean: Double
  /// The population standard deviation over the subsets.
  public let deviation: Double
  /// The estimate of each subset.
  public let subsets: [Double]
}

/// The unbiased squared maximum mean discrepancy (MMD) of two feature sets, over random subsets.
///
/// With the polynomial kernel of degree 3 on Inception features this is the KID of Bińkowski et al. 2018.
/// Each subset is drawn without replacement, real rows before fake ones.
///
/// - Parameters:
///   - real: `[samples, features]`; `fake` likewise.
///   - subsets: the number of subsets; torch-fidelity uses 100.
///   - size: rows per subset; limited to the number of samples.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func kernelDistance(
  real: Tensor, fake: Tensor, kernel: DistanceKernel = .polynomial(), subsets: Int = 100, size: Int = 1000,
  using stream: RandomStream
) throws -> KernelDistance {
  guard subsets >= 1 else { throw MetricError("\(subsets) subsets cannot be averaged; use at least 1") }
  let realMatrix = try featureMatrix(real, "real", atLeast: 2)
  let fakeMatrix = try featureMatrix(fake, "fake", atLeast: 2)
  let length = min(size, realMatrix.shape[0], fakeMatrix.shape[0])
  var (realRows, fakeRows): ([Tensor], [Tensor]) = ([], [])
  for _ in 0..<subsets {
    realRows.append(stream.permutation(realMatrix.shape[0]).narrow(0, from: 0, length: max(0, length)))
    fakeRows.append(stream.permutation(fakeMatrix.shape[0]).narrow(0, from: 0, length: max(0, length)))
  }
  return try kernelDistance(
    real: realMatrix, fake: fakeMatrix, kernel: kernel, subsetReal: Tensor.stacked(realRows),
    subsetFake: Tensor.stacked(fakeRows))
}

/// The squared maximum mean discrepancy over given subsets; see
/// ``kernelDistance(real:fake:kernel:subsets:size:using:)``.
///
/// - Parameters:
///   - subsetReal: row numbers, int64 `[subsets, rows]`; `subsetFake` likewise, as many subsets.
/// - Throws: `MetricError` for shapes or row numbers that do not fit, or numbers that are not finite.
public func kernelDistance(
  real: Tensor, fake: Tensor, kernel: DistanceKernel = .polynomial(), subsetReal: Tensor, subsetFake: Tensor
) throws -> KernelDistance {
  try withoutGradients {
    let real = try featureMatrix(real, "real")
    let fake = try featureMatrix(fake, "fake")
    try checkSameWidth(real, "real", fake, "fake")
    let realRows = try rowNumbers(subsetReal, "subsetReal", below: real.shape[0])
    let fakeRows = try rowNumbers(subsetFake, "subsetFake", below: fake.shape[0])
    guard realRows.shape[0] == fakeRows.shape[0] else {
      throw MetricError(
        "“subsetReal” has \(realRows.shape[0]) subsets and “subsetFake” \(fakeRows.shape[0]); give pairs")
    }
    let values = (0..<realRows.shape[0]).map { subset in
      let x = real.indexSelected(0, realRows.selected(dim: 0, index: subset))
      let y = fake.indexSelected(0, fakeRows.selected(dim: 0, index: subset))
      return meanWithoutDiagonal(kernel(x, x)) + meanWithoutDiagonal(kernel(y, y))
        - 2 * kernel(x, y).mean().item()
    }
    let (mean, deviation) = meanAndDeviation(values)
    return KernelDistance(mean: mean, deviation: deviation, subsets: values)
  }
}

/// The mean of a square matrix without its diagonal, which makes the estimate unbiased.
private func meanWithoutDiagonal(_ matrix: Tensor) -> Double {
  let rows = Double(matrix.shape[0])
  return (matrix.sum().item() - matrix.diagonal().sum().item()) / (rows * (rows - 1))
}

private func rowNumbers(_ rows: Tensor, _ name: String, below bound: Int) throws -> Tensor {
  guard rows.rank == 2, rows.shape[0] >= 1, rows.shape[1] >= 2, rows.dtype == .int64 else {
    throw MetricError(
      "“\(name)” is \(rows.dtype) \(rows.shape), but subsets are row numbers, int64 [subsets, rows] with "
        + "at least two rows each")
  }
  let rows = rows.to(.cpu)
  guard rows.min().item() >= 0, rows.max().item() < Double(bound) else {
    throw MetricError("“\(name)” names rows outside 0 ..< \(bound); draw the subsets from that range")
  }
  return rows
}

/// The mean and the population standard deviation.
func meanAndDeviation(_ values: [Double]) -> (mean: Double, deviation: Double) {
  let mean = values.reduce(0, +) / Double(values.count)
  let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
  return (mean, variance.squareRoot())
}
