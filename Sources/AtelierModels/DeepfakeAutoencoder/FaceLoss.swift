import AtelierCore
import Foundation
package import Torch

/// How a face is compared with the one it should be, as one number; both are `[batch, channels, height, width]` in 0 … 1.
///
/// Source: deepfakes/faceswap `lib/model/losses`.
public enum FaceLoss: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean of |x - y|.
  case meanAbsolute
  /// The mean of (x - y)².
  case meanSquared
  /// The mean of ½ d² below d = 1 and d - ½ above, of d = |x - y|.
  case smoothL1
  /// The mean over the batch of √(mean of (x - y)² + 1e-6).
  case rootMeanSquared
  /// The mean of log cosh (x - y).
  case logCosh
  /// (1 - SSIM) / 2 with a Gaussian window of 11 pixels and deviation 1.5 (Wang et al. 2004).
  case ssim
  /// The deviation of the similarity of gradients (Xue et al. 2014).
  case gmsd
  /// Absolute differences of the levels of Laplacian pyramids (Bojanowski et al. 2018).
  case laplacianPyramid

  /// The smallest side of images that it can compare.
  var smallestSide: Int {
    switch self {
    case .ssim: 11
    case .gmsd: 3
    case .laplacianPyramid: 1 << Self.pyramidLevels
    case .meanAbsolute, .meanSquared, .smoothL1, .rootMeanSquared, .logCosh: 1
    }
  }

  private static let pyramidLevels = 5

  /// The loss of `output` against `target`, as a scalar.
  package func callAsFunction(_ output: Tensor, _ target: Tensor) -> Tensor {
    switch self {
    case .meanAbsolute: ReconstructionLoss.meanAbsolute(output, target)
    case .meanSquared: ReconstructionLoss.meanSquared(output, target)
    case .smoothL1: ReconstructionLoss.smoothL1(output, target)
    case .rootMeanSquared: ReconstructionLoss.rootMeanSquared(output, target)
    case .logCosh: Self.logCosh(output - target)
    case .ssim: Self.dissimilarity(output, target)
    case .gmsd: Self.gradientDeviation(output, target)
    case .laplacianPyramid: Self.pyramidDifference(output, target)
    }
  }

  /// x + log(1 + exp(-2 x)) - log 2, which cannot overflow.
  private static func logCosh(_ difference: Tensor) -> Tensor {
    (difference + (difference * -2).softplus() - log(2)).mean()
  }

  private static func gaussian(_ size: Int, deviation: Double, like x: Tensor) -> Tensor {
    let values = (0..<size).map { place in
      let distance = Double(place) - Double(size - 1) / 2
      return exp(-distance * distance / (2 * deviation * deviation))
    }
    let sum = values.reduce(0, +)
    return Tensor(values.map { Float($0 / sum) }, device: x.device)
  }

  /// Each channel by itself, rows and columns in turn.
  private static func smoothed(_ x: Tensor, _ kernel: Tensor) -> Tensor {
    let planes = x.reshaped([-1, 1, x.shape[2], x.shape[3]])
    let made = conv2d(conv2d(planes, kernel.reshaped([1, 1, 1, -1])), kernel.reshaped([1, 1, -1, 1]))
    return made.reshaped([x.shape[0], x.shape[1], made.shape[2], made.shape[3]])
  }

  private static func dissimilarity(_ x: Tensor, _ y: Tensor) -> Tensor {
    let kernel = gaussian(11, deviation: 1.5, like: x)
    let (one, two) = (0.01 * 0.01, 0.03 * 0.03)
    let (meanX, meanY) = (smoothed(x, kernel), smoothed(y, kernel))
    let products = meanX * meanY * 2
    let squares = meanX.square() + meanY.square()
    let luminance = (products + one) / (squares + one)
    let covariance = smoothed(x * y, kernel) * 2 - products
    let variance = smoothed(x.square() + y.square(), kernel) - squares
    return (1 - (luminance * ((covariance + two) / (variance + two))).mean()) / 2
  }

  /// Down and across, each channel by itself, `[batch, 2 · channels, height, width]`.
  private static func edges(_ x: Tensor) -> Tensor {
    let rows: [[Float]] = [
      [0.0007, 0.0052, 0.037, 0.0052, 0.0007], [0.0037, 0.1187, 0.2589, 0.1187, 0.0037], [0, 0, 0, 0, 0],
      [-0.0037, -0.1187, -0.2589, -0.1187, -0.0037], [-0.0007, -0.0052, -0.037, -0.0052, -0.0007],
    ]
    let down = Tensor(rows.flatMap { $0 }, shape: [1, 1, 5, 5], device: x.device)
    let planes = x.reshaped([-1, 1, x.shape[2], x.shape[3]]).reflectionPadded([2, 2, 2, 2])
    let made = conv2d(planes, .concatenated([down, down.transposed(2, 3)], dim: 0))
    return made.reshaped([x.shape[0], 2 * x.shape[1], x.shape[2], x.shape[3]])
  }

  private static func gradientDeviation(_ x: Tensor, _ y: Tensor) -> Tensor {
    let (one, two) = (edges(x), edges(y))
    let similarity = (one * two * 2 + 0.0025) / (one.square() + two.square() + 0.0025)
    // The root's derivative has no bound where two faces are equal.
    return (similarity.variance(dims: [1, 2, 3], unbiased: false) + 1e-12).sqrt().mean()
  }

  private static func pyramidDifference(_ x: Tensor, _ y: Tensor) -> Tensor {
    let kernel = gaussian(5, deviation: 1, like: x)
    var (one, two) = (x, y)
    var total = Tensor(scalar: 0, device: x.device)
    for level in 0..<pyramidLevels {
      func below(_ image: Tensor) -> Tensor { smoothed(image.replicationPadded([2, 2, 2, 2]), kernel) }
      let (smoothOne, smoothTwo) = (below(one), below(two))
      total = total + meanAbsoluteError(one - smoothOne, two - smoothTwo) * pow(2, Double(-2 * level))
      (one, two) = (
        averagePool2d(smoothOne, kernelSize: (2, 2)), averagePool2d(smoothTwo, kernelSize: (2, 2))
      )
    }
    return total + meanAbsoluteError(one, two) * pow(2, Double(-2 * pyramidLevels))
  }
}
