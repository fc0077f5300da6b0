public import AtelierCore
import AtelierMetrics
import Torch

/// The peak signal-to-noise ratio of an output in dB, over all channels.
public struct SignalToNoiseMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "psnr"
  /// The settings.
  public var options = PairOptions()

  /// The measure.
  public init() {}

  /// One.
  public func comparisons(_ material: TranslationMaterial) -> [PairComparison] {
    [
      comparison(material, "PSNR \(material.colours), dB", "over all values together", better: .larger) {
        try peakSignalToNoise($0, $1, floor: 1e-8)
      }
    ]
  }
}
