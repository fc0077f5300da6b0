public import Torch

/// The multiscale structural similarity of each image (Wang, Simoncelli and Bovik 2003), five scales.
///
/// The product of the contrast-structure term at each scale and of the full similarity at the coarsest, each
/// raised to the paper's weight. Scales are halved by 2 × 2 average pooling, with zero padding of odd sizes
/// included in the mean. Negative terms count as 0. Channels are averaged at the end. Source: pytorch-msssim
/// 1.0.0 `ms_ssim`.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`, both sides above 160 pixels; `target` likewise.
///   - dataRange: the difference between white and black.
/// - Returns: one value per image.
/// - Throws: `MetricError` for shapes that differ, images that are too small, or numbers that are not finite.
public func multiscaleSimilarity(
  _ image: Tensor, _ target: Tensor, dataRange: Double = 1, window: SimilarityWindow = .gaussian()
) throws -> [Double] {
  try window.validate()
  let weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
  let pair = try imagePair(
    image, target, atLeast: smallestMultiscaleSide(window: window))
  return try withoutGradients {
    var (a, b) = pair
    var product: Tensor?
    for (scale, weight) in weights.enumerated() {
      let maps = try SimilarityMaps(a, b, dataRange: dataRange, window: window)
      let isLast = scale == weights.count - 1
      let part = (isLast ? maps.similarity : maps.contrast).mean(dims: [2, 3]).relu().pow(weight)
      product = product.map { $0 * part } ?? part
      guard !isLast else { break }
      let padding = (a.shape[2] % 2, a.shape[3] % 2)
      a = averagePool2d(a, kernelSize: (2, 2), padding: padding)
      b = averagePool2d(b, kernelSize: (2, 2), padding: padding)
    }
    return product?.mean(dims: [1]).doubles() ?? []
  }
}

/// The smallest side of an image for five scales: a window must fit at the fifth.
public func smallestMultiscaleSide(window: SimilarityWindow = .gaussian()) -> Int {
  (window.size - 1) * 16 + 1
}
