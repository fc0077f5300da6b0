import AtelierCore
import Foundation
public import Torch
public import TorchNN

/// A normal distribution fitted to vectors that come by in batches: mean and covariance, buffers only.
///
/// Each batch counts as much as the mean of all so far, but at least 0.05, so that vectors of
/// a network that is still learning are forgotten. Source: Ghosh et al. 2020, "From Variational to
/// Deterministic Autoencoders", section 4, with one component and a running estimate.
public final class CodeDistribution: Module {
  /// The mean, `[size]`.
  @Buffer public var mean: Tensor
  /// The covariance `[size, size]`; for long vectors only its diagonal `[size]`.
  @Buffer public var covariance: Tensor
  /// Batches seen so far, int64.
  @Buffer public var batches: Tensor
  /// The length of a vector.
  public let size: Int

  /// The weight of a new batch, once there were many.
  private static let leastWeight = 0.05
  /// Beyond this length the covariances, which grow with the square, are left out.
  private static let longest = 1024

  /// A standard normal distribution, until the first batch.
  public init(size: Int) {
    self.size = size
    mean = .zeros([size])
    covariance = size <= Self.longest ? .eye(size) : .ones([size])
    batches = .zeros([], dtype: .int64)
    super.init()
  }

  /// Takes vectors `[batch, size]` into account, with those of all processes' parts of a batch.
  public func observe(_ codes: Tensor) {
    let weight = max(1 / (batches.item() + 1), Self.leastWeight)
    let batchMean = codes.mean(dims: [0]).averagedOverProcesses()
    let centred = codes - batchMean
    let count = Double(max(1, codes.shape[0]))
    let within =
      (covariance.rank == 2
      ? centred.transposed(0, 1).matmul(centred) * (1 / count) : centred.square().mean(dims: [0]))
      .averagedOverProcesses()
    // Two groups mixed with weights 1 - w and w spread by w (1 - w) (difference of means)² more.
    let shift = batchMean - mean
    let between =
      covariance.rank == 2 ? shift.unsqueezed(1).matmul(shift.unsqueezed(0)) : shift.square()
    covariance.lerpInPlace(to: within, weight: weight)
    covariance.addInPlace(between, scale: weight * (1 - weight))
    mean.lerpInPlace(to: batchMean, weight: weight)
    batches.copy(from: batches + Tensor.ones(like: batches))
  }

  /// Vectors `[n, size]` of this distribution for standard normal ones: mean + axes · deviations · noise.
  ///
  /// The axes are the covariance's eigenvectors, the widest first.
  public func codes(from noise: Tensor) -> Tensor {
    guard covariance.rank == 2 else { return mean + covariance.clamped(min: 0).sqrt() * noise }
    let (variances, axes) = covariance.eigenSymmetric()
    let deviations = variances.clamped(min: 0).sqrt()
    return mean + (noise.flipped([1]) * deviations).matmul(axes.transposed(0, 1))
  }
}
