public import AtelierCore
import AtelierMetrics
import Torch

/// The structural similarity of an output and its target over five scales.
///
/// Source: Wang et al. 2003.
public struct MultiscaleSimilarityMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "ms-ssim"
  /// The settings.
  public var options = PairOptions()

  /// The measure.
  public init() {}

  /// One.
  public func comparisons(_ material: TranslationMaterial) -> [PairComparison] {
    let side = smallestMultiscaleSide()
    return [
      comparison(
        material, "MS-SSIM \(material.colours)", "five scales, pictures of at least \(side) pixels",
        better: .larger, atLeast: side
      ) { try multiscaleSimilarity($0, $1) }
    ]
  }
}
