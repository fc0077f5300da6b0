public import AtelierCore
import AtelierMetrics
import Torch

/// The mean absolute difference between an output and its target, of bytes.
public struct PixelErrorMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "pixel-error"
  /// The settings.
  public var options = PairOptions()

  /// The measure.
  public init() {}

  /// One.
  public func comparisons(_ material: TranslationMaterial) -> [PairComparison] {
    [
      comparison(
        material, "mean pixel error, 0 … 255", "mean absolute difference over \(material.colours)",
        better: .smaller
      ) { try meanPixelError($0, $1).map { $0 * 255 } }
    ]
  }
}
