public import AtelierCore
import AtelierMetrics
import Torch

/// The peak signal-to-noise ratio of an output's luminance in dB, as super-resolution papers give it.
public struct LuminanceSignalToNoiseMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "psnr-luminance"
  /// The settings.
  public var options = PairOptions()

  /// The measure.
  public init() {}

  /// One for colours, none for grey.
  public func comparisons(_ material: TranslationMaterial) -> [PairComparison] {
    guard material.channels == 3 else { return [] }
    return [
      comparison(material, "PSNR Y, dB", "luminance of BT.601 in the studio range", better: .larger) {
        try peakSignalToNoise(luminance($0), luminance($1), floor: 1e-8)
      }
    ]
  }
}
