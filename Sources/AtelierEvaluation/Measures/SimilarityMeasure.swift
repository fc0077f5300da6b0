public import AtelierCore
import AtelierMetrics
import Torch

/// The structural similarity of an output and its target, over all channels.
///
/// Source: Wang et al. 2004.
public struct SimilarityMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "ssim"
  /// The settings.
  public var options = PairOptions()

  /// The measure.
  public init() {}

  /// One.
  public func comparisons(_ material: TranslationMaterial) -> [PairComparison] {
    [
      comparison(
        material, "SSIM \(material.colours)", "Gaussian window of 11, inside only", better: .larger,
        atLeast: 11
      ) { try structuralSimilarity($0, $1) }
    ]
  }
}
