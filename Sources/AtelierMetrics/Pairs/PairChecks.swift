public import Torch

/// Checks two batches of corresponding images, and converts them to float64.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`.
///   - target: of the same shape.
///   - atLeast: the smallest side that the measure allows.
/// - Throws: `MetricError` for shapes that differ, images that are too small, or numbers that are not finite.
func imagePair(
  _ image: Tensor, _ target: Tensor, atLeast side: Int = 1
) throws -> (image: Tensor, target: Tensor) {
  guard image.rank == 4, image.count > 0 else {
    throw MetricError("images are [batch, channels, height, width], not \(image.shape)")
  }
  guard image.shape == target.shape else {
    throw MetricError(
      "“image” is \(image.shape) and “target” \(target.shape); give both the same size and channels")
  }
  let shortest = min(image.shape[2], image.shape[3])
  guard shortest >= side else {
    throw MetricError("the measure needs images of at least \(side) pixels per side, not \(image.shape)")
  }
  return try withoutGradients {
    let pair = (image.detached().asType(.float64), target.detached().asType(.float64))
    guard pair.0.isFinite(), pair.1.isFinite() else {
      throw MetricError("the images contain numbers that are not finite; check the generator")
    }
    return pair
  }
}

/// Images cropped by `border` pixels on each side, as super-resolution is measured.
///
/// - Parameter image: `[batch, channels, height, width]`.
/// - Throws: `MetricError` where nothing would be left.
public func withoutBorder(_ image: Tensor, _ border: Int) throws -> Tensor {
  guard image.rank == 4, border >= 0, 2 * border < image.shape[2], 2 * border < image.shape[3] else {
    throw MetricError(
      "a border of \(border) pixels cannot be cropped from images of \(image.shape); give larger images or a "
        + "smaller crop")
  }
  return image.slice(2, border, image.shape[2] - border).slice(3, border, image.shape[3] - border)
}

/// Each image's mean over channels, height and width.
func meansOfImages(_ values: Tensor) -> [Double] { values.mean(dims: [1, 2, 3]).doubles() }
