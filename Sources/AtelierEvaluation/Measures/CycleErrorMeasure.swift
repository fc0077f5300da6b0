public import AtelierCore
import AtelierMetrics
import Torch

/// How far an image is from what comes back when its translation is translated back, of bytes.
public struct CycleErrorMeasure: ExampleMeasure {
  /// What options and numbers name it by.
  public static let id = "cycle-error"

  /// The measure.
  public init() {}

  /// Systems that translate between sets without correspondence.
  public func applies(to plan: SystemPlan) -> Bool { plan.unpairedSets != nil }

  /// The errors of all images.
  public func tally(_ material: TranslationMaterial) -> (any ExampleTally)? {
    ErrorTally(
      material, id: Self.id, name: "cycle error, 0 … 255", text: "there and back against the original"
    ) { example in
      guard let image = try example.returned(), let real = try example.source() else { return [] }
      return try meanPixelError(image.asType(.float64), real.asType(.float64))
    }
  }
}
