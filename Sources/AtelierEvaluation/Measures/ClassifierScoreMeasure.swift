public import AtelierCore
public import AtelierMetrics
import Torch

/// The classifier's score in the manner of the inception score: exp of the mean divergence of each image's
/// class distribution from their mean.
public struct ClassifierScoreMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "classifier-score"

  /// The drawing of samples.
  public static let sharedWork = SharedWork.samples

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    let test = try context.heldOutImages()
    let samples = try context.samples().samples
    guard let classifier = try context.classifier() else { return [] }
    let logits = classifier.logits(SampleJudge.rounded(samples))
    let score = try inceptionScore(logits: logits, splits: 1)
    let halves = HalvesInterval()
    let interval = try halves(
      around: [score.mean], of: [logits], within: 1...Double(max(1, logits.shape[1])),
      using: RandomStream(seed: context.options.seed, purpose: "halves \(Self.id)")
    ) { [try inceptionScore(logits: $0[0], splits: 1).mean] }[0]
    let count = samples.shape[0]
    return [
      MeasuredNumber(
        id: Self.id, name: "classifier score", value: score.mean, interval: interval, better: .larger,
        provenance: context.provenance(
          part: test.name, ["judge": classifier.name, "samples": "\(count)"]),
        protocolText: "as the inception score, with Atelier's classifier (\(classifier.name)) in place of "
          + "Inception, \(count) samples, 1 split" + (interval == nil ? "" : ", \(halves.protocolText)"))
    ]
  }
}
