import Foundation
public import Torch

/// The peak signal-to-noise ratio of each image in decibels: 10 log₁₀(range² / mean squared error).
///
/// Over all channels jointly. Source: scikit-image `peak_signal_noise_ratio`; with `floor` 1e-8 and values in
/// 0 … 1, BasicSR `calculate_psnr_pt`. Values on RGB and on ``luminance(_:)`` differ by some 2 dB and must
/// not be compared.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`; `target` likewise.
///   - dataRange: the difference between white and black.
///   - floor: added to the mean squared error, so that equal images have a finite value.
/// - Returns: one value per image; infinity for equal images without a floor.
/// - Throws: `MetricError` for shapes that differ or numbers that are not finite.
public func peakSignalToNoise(
  _ image: Tensor, _ target: Tensor, dataRange: Double = 1, floor: Double = 0
) throws -> [Double] {
  guard dataRange > 0, dataRange.isFinite, floor >= 0 else {
    throw MetricError("dataRange is above 0 and floor at least 0, not \(dataRange) and \(floor)")
  }
  let pair = try imagePair(image, target)
  return withoutGradients {
    meansOfImages((pair.image - pair.target).square()).map {
      10 * log10(dataRange * dataRange / ($0 + floor))
    }
  }
}
