import AtelierMetrics
import Torch

/// A measure of an image beside the one it should be.
struct PairMeasure {
  /// What it is called, with its unit.
  let name: String
  /// How it is taken.
  let protocolText: String
  /// Which way is better.
  let better: Better
  /// The value for two images, uint8 `[1, channels, height, width]`; nil where they are too small for it.
  let value: (_ output: Tensor, _ target: Tensor) throws -> Double?
}

/// The measures of pairs for images of some channels.
///
/// Images are rounded to bytes first, as a file would. Source of the protocols: BasicSR
/// `metrics/psnr_ssim.py`; its values in 0 … 1 here.
///
/// - Parameters:
///   - border: pixels cut off each side, by convention the scale of super-resolution.
///   - perceptual: distances by features, on images in -1 … 1.
func pairMeasures(
  channels: Int, border: Int, perceptual: [(name: String, distance: (Tensor, Tensor) throws -> Double)] = []
) -> [PairMeasure] {
  let cut = border > 0 ? ", \(border) pixels cut off each side" : ""
  let bytes = "rounded to bytes"
  func unit(_ image: Tensor) throws -> Tensor { try withoutBorder(image.asType(.float64) / 255, border) }
  func fits(_ image: Tensor, _ side: Int) -> Bool { min(image.shape[2], image.shape[3]) - 2 * border >= side }
  func measure(
    _ name: String, _ text: String, better: Better, atLeast side: Int = 1,
    _ body: @escaping (Tensor, Tensor) throws -> [Double]
  ) -> PairMeasure {
    PairMeasure(name: name, protocolText: bytes + ", " + text + cut, better: better) {
      output, target in
      guard fits(target, side) else { return nil }
      return try body(unit(output), unit(target)).first
    }
  }
  let colours = channels == 3 ? "RGB" : "grey"
  var measures = [
    measure("mean pixel error, 0 … 255", "mean absolute difference over \(colours)", better: .smaller) {
      try meanPixelError($0, $1).map { $0 * 255 }
    },
    measure("PSNR \(colours), dB", "over all values together", better: .larger) {
      try peakSignalToNoise($0, $1, floor: 1e-8)
    },
    measure("SSIM \(colours)", "Gaussian window of 11, inside only", better: .larger, atLeast: 11) {
      try structuralSimilarity($0, $1)
    },
  ]
  if channels == 3 {
    measures += [
      measure("PSNR Y, dB", "luminance of BT.601 in the studio range", better: .larger) {
        try peakSignalToNoise(luminance($0), luminance($1), floor: 1e-8)
      },
      measure(
        "SSIM Y", "luminance of BT.601 in the studio range, Gaussian window of 11, inside only",
        better: .larger, atLeast: 11
      ) { try structuralSimilarity(luminance($0), luminance($1)) },
    ]
  }
  measures.append(
    measure(
      "MS-SSIM \(colours)", "five scales, pictures of at least \(smallestMultiscaleSide()) pixels",
      better: .larger, atLeast: smallestMultiscaleSide()
    ) { try multiscaleSimilarity($0, $1) })
  for (name, distance) in perceptual {
    measures.append(
      PairMeasure(name: name, protocolText: bytes + ", whole pictures in -1 … 1", better: .smaller) {
        guard min($1.shape[2], $1.shape[3]) >= 32 else { return nil }
        return try distance($0.asType(.float32) / 127.5 - 1, $1.asType(.float32) / 127.5 - 1)
      })
  }
  return measures
}
