public import AtelierCore
import AtelierMetrics
import Torch

/// The structural similarity of the luminances of an output and its target.
public struct LuminanceSimilarityMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "ssim-luminance"
  /// The settings.
  public var options = PairOptions()

  /// The measure.
  public init() {}

  /// One for colours, none for grey.
  public func comparisons(_ material: TranslationMaterial) -> [PairComparison] {
    guard material.channels == 3 else { return [] }
    return [
      comparison(
        material, "SSIM Y", "luminance of BT.601 in the studio range, Gaussian window of 11, inside only",
        better: .larger, atLeast: 11
      ) { try structuralSimilarity(luminance($0), luminance($1)) }
    ]
  }
}
