import Foundation
public import Torch

/// The window of ``structuralSimilarity(_:_:dataRange:window:sampleCovariance:)``.
public enum SimilarityWindow: Sendable, Hashable, Codable {
  /// Gaussian weights with standard deviation `sigma`, on `size` by `size` pixels.
  case gaussian(size: Int = 11, sigma: Double = 1.5)
  /// Equal weights on `size` by `size` pixels.
  case uniform(size: Int = 7)

  /// The side of the window in pixels.
  public var size: Int {
    switch self {
    case .gaussian(let size, _), .uniform(let size): size
    }
  }

  /// The weights along one axis, which sum to 1.
  var weights: [Double] {
    switch self {
    case .uniform(let size): return [Double](repeating: 1 / Double(size), count: size)
    case .gaussian(let size, let sigma):
      let values = (0..<size).map { index in
        let distance = Double(index) - Double(size - 1) / 2
        return exp(-distance * distance / (2 * sigma * sigma))
      }
      let sum = values.reduce(0, +)
      return values.map { $0 / sum }
    }
  }

  func validate() throws {
    guard size >= 2, size <= 1001 else {
      throw MetricError("the window of a similarity is 2 … 1001 pixels wide, not \(size)")
    }
    if case .gaussian(_, let sigma) = self, !(sigma > 0 && sigma.isFinite) {
      throw MetricError("the deviation of a Gaussian window is above 0, not \(sigma)")
    }
  }
}

/// The structural similarity (SSIM) of each image (Wang et al. 2004), averaged over pixels and channels.
///
/// Only windows fully inside the image count. Constants (0.01 range)² and (0.03 range)². With a Gaussian
/// window of 11 pixels and deviation 1.5 this is the paper's, BasicSR's `calculate_ssim_pt` and
/// scikit-image's `structural_similarity(gaussian_weights=True, use_sample_covariance=False)`; with a uniform
/// window of 7 and the sample's covariance it is scikit-image's default.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`; `target` likewise.
///   - dataRange: the difference between white and black.
///   - sampleCovariance: whether variances divide by n - 1.
/// - Returns: one value per image, 1 for equal ones.
/// - Throws: `MetricError` for shapes that differ, windows that do not fit, or numbers that are not finite.
public func structuralSimilarity(
  _ image: Tensor, _ target: Tensor, dataRange: Double = 1, window: SimilarityWindow = .gaussian(),
  sampleCovariance: Bool = false
) throws -> [Double] {
  try window.validate()
  let pair = try imagePair(image, target, atLeast: window.size)
  return try withoutGradients {
    let maps = try SimilarityMaps(
      pair.image, pair.target, dataRange: dataRange, window: window, sampleCovariance: sampleCovariance)
    return meansOfImages(maps.similarity)
  }
}

/// The SSIM maps of two float64 batches.
struct SimilarityMaps {
  /// Luminance, contrast and structure together.
  let similarity: Tensor
  /// Contrast and structure.
  let contrast: Tensor

  init(
    _ image: Tensor, _ target: Tensor, dataRange: Double, window: SimilarityWindow,
    sampleCovariance: Bool = false
  ) throws {
    guard dataRange > 0, dataRange.isFinite else {
      throw MetricError("dataRange is above 0, not \(dataRange)")
    }
    let constants = ((0.01 * dataRange) * (0.01 * dataRange), (0.03 * dataRange) * (0.03 * dataRange))
    let (height, width) = (image.shape[2], image.shape[3])
    let weights = Tensor(HostTensor(window.weights)).to(image.device)
    // Channels are filtered separately, rows and columns in turn.
    func averaged(_ x: Tensor) -> Tensor {
      let planes = x.reshaped([-1, 1, height, width])
      let rows = conv2d(planes, weights.reshaped([1, 1, 1, -1]))
      let both = conv2d(rows, weights.reshaped([1, 1, -1, 1]))
      return both.reshaped([image.shape[0], image.shape[1], both.shape[2], both.shape[3]])
    }
    let pixels = Double(window.size * window.size)
    let correction = sampleCovariance ? pixels / (pixels - 1) : 1
    let (meanA, meanB) = (averaged(image), averaged(target))
    let varianceA = (averaged(image.square()) - meanA.square()) * correction
    let varianceB = (averaged(target.square()) - meanB.square()) * correction
    let covariance = (averaged(image * target) - meanA * meanB) * correction
    contrast = (covariance * 2 + constants.1) / (varianceA + varianceB + constants.1)
    similarity =
      (meanA * meanB * 2 + constants.0) / (meanA.square() + meanB.square() + constants.0) * contrast
  }
}
