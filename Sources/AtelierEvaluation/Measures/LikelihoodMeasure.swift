public import AtelierCore
public import AtelierMetrics
import Torch
import TorchNN

/// The evidence lower bound and the importance-weighted log-likelihood of held-out images.
public struct LikelihoodMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "likelihood-bounds"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The settings.
  public struct Options: Settings {
    /// Latent samples of the importance-weighted bound; nil: those of the evaluation.
    public var samples: Int?

    /// As many as the evaluation takes.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard (samples ?? 1) >= 1 else {
        throw ConfigurationError("samples is at least 1, not \(samples ?? 0)")
      }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems of images that are not made from other images, which have to have the function.
  public func applies(to plan: SystemPlan) -> Bool { plan.holdsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any LikelihoodSystem).self),
      let (all, part) = try context.heldOut()
    else { return [] }
    let seed = context.options.seed
    let latents = options.samples ?? context.options.importanceSamples
    let mostExamples = 1000
    var batches: [Batch] = []
    var examples = 0
    for batch in all where examples < mostExamples {
      batches.append(batch)
      examples += batch["image"].shape[0]
    }
    let bounds = try context.joined(batches) { batch, place in
      let draws = StreamDraws(
        RandomStream(seed: seed, purpose: "evaluation likelihood", step: place), device: context.system.device
      )
      return [
        try evidenceLowerBound(logWeights: system.logWeights(batch, samples: 1, draws: draws)).perExample,
        try importanceWeightedLogLikelihood(samples: latents, chunk: 20) {
          try system.logWeights(batch, samples: $0, draws: draws)
        }.perExample,
      ]
    }
    let (lower, weighted) = (bounds[0], bounds[1])
    func number(_ id: String, _ name: String, _ values: [Double], latents: Int, _ text: String) throws
      -> MeasuredNumber
    {
      try MeasuredNumber(
        id: id, name: name, meanOf: values, seed: seed, better: .larger,
        provenance: context.provenance(
          part: part, ["pictures": "\(examples)", "latentSamples": "\(latents)"]),
        protocolText: "nats a picture, \(part) part, \(examples) pictures, \(text)")
    }
    return [
      try number(
        "evidence-lower-bound", "evidence lower bound", lower, latents: 1, "1 latent sample"),
      try number(
        "importance-weighted-log-likelihood", "importance-weighted log-likelihood", weighted,
        latents: latents, "\(latents) latent samples"),
    ]
  }
}
