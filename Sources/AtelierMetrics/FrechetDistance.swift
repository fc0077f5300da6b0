public import Torch

/// The Fréchet distance of two Gaussians that have the mean and covariance of two feature sets:
/// |m₁ - m₂|² + tr(S₁ + S₂ - 2 (S₁ S₂)^½).
///
/// Source: Heusel et al. 2017, equation 6; agrees with torch-fidelity `metric_fid.py` and pytorch-fid. Its
/// bias depends on the number of samples, so distances of different numbers must not be compared. It is
/// called FID only on the features of ``InceptionFID``.
///
/// - Parameters:
///   - real: `[samples, features]`, at least two rows.
///   - fake: `[samples, features]` from the same feature source.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func frechetDistance(real: Tensor, fake: Tensor) throws -> Double {
  if real.rank == 2, fake.rank == 2 {
    try checkSameWidth(real, "real", fake, "fake")
    if max(real.shape[0], fake.shape[0]) < real.shape[1] { return try distanceOfFew(real, fake) }
  }
  return try frechetDistance(FeatureStatistics(real), FeatureStatistics(fake))
}

/// The same distance for sets with fewer rows than features: centred rows over √(n - 1) are square roots of
/// the covariances, so no matrix is wider than the number of rows.
private func distanceOfFew(_ real: Tensor, _ fake: Tensor) throws -> Double {
  let (real, fake) = (
    try featureMatrix(real, "real", atLeast: 2), try featureMatrix(fake, "fake", atLeast: 2)
  )
  return withoutGradients {
    func root(_ rows: Tensor) -> Tensor {
      (rows - rows.mean(dims: [0], keepDim: true)) / Double(rows.shape[0] - 1).squareRoot()
    }
    let (rootA, rootB) = (root(real), root(fake))
    let means = (real.mean(dims: [0]) - fake.mean(dims: [0])).square().sum().item()
    let traces = rootA.square().sum().item() + rootB.square().sum().item()
    let cross = rootA.matmul(rootB.transposed(0, 1)).singularValues().sum().item()
    return max(0, means + traces - 2 * cross)
  }
}

/// The Fréchet distance from precomputed statistics; see ``frechetDistance(real:fake:)``.
///
/// - Throws: `MetricError` when the statistics are of different numbers of features.
public func frechetDistance(_ a: FeatureStatistics, _ b: FeatureStatistics) throws -> Double {
  guard a.mean.shape == b.mean.shape else {
    throw MetricError(
      "the statistics are of \(a.mean.count) and of \(b.mean.count) features; take both from one feature source"
    )
  }
  return withoutGradients {
    let (covarianceA, covarianceB) = (Tensor(a.covariance), Tensor(b.covariance))
    let means = (Tensor(a.mean) - Tensor(b.mean)).square().sum().item()
    let traces = covarianceA.diagonal().sum().item() + covarianceB.diagonal().sum().item()
    guard let rootA = squareRootFactor(covarianceA), let rootB = squareRootFactor(covarianceB) else {
      return means + traces
    }
    // With S = A Aᵀ the eigenvalues of S₁^½ S₂ S₁^½ are the squares of the singular values of A₁ᵀ A₂, so
    // the trace of the root is their sum. Taking them directly keeps all digits where the eigenvalues
    // of the product, and roots of their rounding errors, would keep half of them.
    let cross = rootA.transposed(0, 1).matmul(rootB).singularValues().sum().item()
    return max(0, means + traces - 2 * cross)
  }
}

/// A matrix A `[features, rank]` with A Aᵀ = S, or nil for S = 0.
///
/// Eigenvalues that are rounding errors of zero (fewer samples than features, constant features) are
/// dropped by numpy's rule for the rank of a matrix.
private func squareRootFactor(_ covariance: Tensor) -> Tensor? {
  let symmetric = (covariance + covariance.transposed(0, 1)) * 0.5
  let (values, vectors) = symmetric.eigenSymmetric()
  let eigenvalues = values.doubles()
  let bound = (eigenvalues.last ?? 0) * Double(eigenvalues.count) * Double.ulpOfOne
  guard let first = eigenvalues.firstIndex(where: { $0 > bound && $0 > 0 }) else { return nil }
  let length = eigenvalues.count - first
  let roots = values.narrow(0, from: first, length: length).sqrt()
  return vectors.narrow(1, from: first, length: length) * roots
}

/// The name of a Fréchet distance on a source's features: `FID` for the Inception network of the FID
/// paper with the resize of its numbers, `FID (clean-fid)` or `FID (pytorch)` with another, `sFID` for its spatial
/// features, `fréchet distance` for everything else.
public func frechetDistanceName(for source: any FeatureSource) -> String {
  if let network = source as? InceptionFID {
    return network.resize == .tensorflow ? "FID" : "FID (\(network.resize.rawValue))"
  }
  return source is InceptionSpatial ? "sFID" : "fréchet distance"
}
