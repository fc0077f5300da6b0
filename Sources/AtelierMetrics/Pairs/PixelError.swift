public import Torch

/// The mean absolute difference of each image from its target, in the unit that both are in.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`; `target` likewise.
/// - Returns: one value per image.
/// - Throws: `MetricError` for shapes that differ or numbers that are not finite.
public func meanPixelError(_ image: Tensor, _ target: Tensor) throws -> [Double] {
  let pair = try imagePair(image, target)
  return withoutGradients { meansOfImages((pair.image - pair.target).abs()) }
}

/// The mean squared difference of each image from its target, in the square of their unit.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`; `target` likewise.
/// - Returns: one value per image.
/// - Throws: `MetricError` for shapes that differ or numbers that are not finite.
public func meanSquaredPixelError(_ image: Tensor, _ target: Tensor) throws -> [Double] {
  let pair = try imagePair(image, target)
  return withoutGradients { meansOfImages((pair.image - pair.target).square()) }
}
