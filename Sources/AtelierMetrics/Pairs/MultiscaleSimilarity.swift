public import Torch

/// The multiscale structural similarity of each image (Wang, Simoncelli and Bovik 2003), five scales.
///
/// At each scale the contrast-and-structure part counts, at the coarsest the whole similarity, each raised
/// to the paper's weight; scales are halved by 2 × 2 means, odd sizes padded with zeros that count in the
/// mean. Negative parts count as 0. Channels are averaged at the end. Source: pytorch-msssim 1.0.0
/// `ms_ssim`.
///
/// - Parameters:
///   - image: `[batch, channels, height, width]`, both sides above 160 pixels; `target` likewise.
///   - dataRange: the difference of white and black.
/// - Returns: one value an image.
/// - Throws: `MetricError` for shapes that differ, images that are too small, or numbers that are not finite.
public func multiscaleSimilarity(
  _ image: Tensor, _ target: Tensor, dataRange: Double = 1, window: SimilarityWindow = .gaussian()
) throws -> [Double] {
  try window.validate()
  let weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
  let pair = try picturePair(
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

/// The shortest side of images that have five scales: at the fifth a window still has to fit.
public func smallestMultiscaleSide(window: SimilarityWindow = .gaussian()) -> Int {
  (window.size - 1) * 16 + 1
}
