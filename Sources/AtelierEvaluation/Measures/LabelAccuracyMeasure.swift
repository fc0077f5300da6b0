public import AtelierCore
public import AtelierMetrics
import AtelierTraining
import Torch

/// The share of generated images that a classifier of real ones gives the class they were generated for;
/// beside it that of held-out real images.
public struct LabelAccuracyMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "label-accuracy"

  /// The drawing of samples.
  public static let sharedWork = SharedWork.samples

  /// The measure.
  public init() {}

  /// Systems that draw images of classes.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.drawsImages && plan.ability(LatentDecoding.self)?.classes != nil
  }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    let test = try context.heldOutImages()
    let (samples, labels) = try context.samples()
    guard let labels, let classifier = try context.classifier() else { return [] }
    let logits = classifier.logits(SampleJudge.rounded(samples))
    let right = logits.argmax(dim: 1).equal(labels).asType(.float64).doubles()
    let report = classifier.report.map { "test accuracy \(fixed($0.testAccuracy, 4))" } ?? "untested"
    let count = samples.shape[0]
    return [
      try MeasuredNumber(
        id: Self.id, name: "label accuracy", meanOf: right, seed: context.options.seed, better: .larger,
        realAgainstReal: classifier.report?.testAccuracy,
        provenance: context.provenance(
          part: test.name, ["judge": classifier.name, "samples": "\(count)"]),
        protocolText: "classifier trained on the real training set (\(report)), \(count) samples")
    ]
  }
}
