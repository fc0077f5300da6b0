public import AtelierCore
public import AtelierMetrics
import Torch
import TorchNN

/// The evidence lower bound and the importance-weighted log-likelihood of held-out images.
public struct LikelihoodMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "likelihood-bounds"

  /// The measure.
  public init() {}

  /// Systems of images that are not made from other images, which have to have the function.
  public func applies(to plan: SystemPlan) -> Bool { plan.holdsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system as? any LikelihoodSystem, let (all, part) = try context.heldOut()
    else { return [] }
    let options = context.options
    let mostExamples = 1000
    var batches: [Batch] = []
    var examples = 0
    for batch in all where examples < mostExamples {
      batches.append(batch)
      examples += batch["image"].shape[0]
    }
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation likelihood"))
    var lower: [Double] = []
    var weighted: [Double] = []
    for batch in batches {
      lower += try evidenceLowerBound(logWeights: system.logWeights(batch, samples: 1, draws: draws))
        .perExample
      weighted += try importanceWeightedLogLikelihood(samples: options.importanceSamples, chunk: 20) {
        try system.logWeights(batch, samples: $0, draws: draws)
      }.perExample
    }
    func number(_ id: String, _ name: String, _ values: [Double], latents: Int, _ text: String) throws
      -> MeasuredNumber
    {
      try MeasuredNumber(
        id: id, name: name, meanOf: values, seed: options.seed, better: .larger,
        provenance: context.provenance(
          part: part, ["pictures": "\(examples)", "latentSamples": "\(latents)"]),
        protocolText: "nats a picture, \(part) part, \(examples) pictures, \(text)")
    }
    return [
      try number(
        "evidence-lower-bound", "evidence lower bound", lower, latents: 1, "1 latent sample"),
      try number(
        "importance-weighted-log-likelihood", "importance-weighted log-likelihood", weighted,
        latents: options.importanceSamples, "\(options.importanceSamples) latent samples"),
    ]
  }
}
