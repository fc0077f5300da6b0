public import AtelierCore
import AtelierMetrics
import Torch

/// How far an image of the target set is from its own translation, of bytes.
public struct IdentityErrorMeasure: ExampleMeasure {
  /// What options and numbers name it by.
  public static let id = "identity-error"

  /// The measure.
  public init() {}

  /// Systems that translate between sets without correspondence.
  public func applies(to plan: SystemPlan) -> Bool { plan.unpairedSets != nil }

  /// The errors of all images.
  public func tally(_ material: TranslationMaterial) -> (any ExampleTally)? {
    ErrorTally(
      material, id: Self.id, name: "identity error, 0 … 255",
      text: "a picture of the target set translated, against itself"
    ) { example in
      guard let image = try example.unchanged(), let real = example.target else { return [] }
      return try meanPixelError(image.asType(.float64), real.asType(.float64))
    }
  }
}
