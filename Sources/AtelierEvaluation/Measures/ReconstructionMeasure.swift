public import AtelierCore
public import AtelierMetrics
import Torch
import TorchNN

/// How far held-out images are from what a system gives back from their codes.
public struct ReconstructionMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "reconstruction-error"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The measure.
  public init() {}

  /// Systems of images that are not made from other images, which have to have the function.
  public func applies(to plan: SystemPlan) -> Bool { plan.holdsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any ReconstructingSystem).self),
      let (batches, name) = try context.heldOut()
    else { return [] }
    let seed = context.options.seed
    let errors = try context.joined(batches) { batch, place in
      let draws = StreamDraws(
        RandomStream(seed: seed, purpose: "evaluation reconstructions", step: place),
        device: context.system.device)
      let original = batch["image"]
      let error = try reconstructionError(
        reconstructions: system.reconstruct(batch, draws: draws).reshaped(original.shape), originals: original
      )
      let count = Double(original.shape[0])
      return [[error.meanSquared * count], [error.meanAbsolute * count], error.squaredSums]
    }
    let (squared, absolute) = (errors[0].reduce(0, +), errors[1].reduce(0, +))
    let (sums, examples) = (errors[2], errors[2].count)
    let setting = "\(name) part, \(examples) pictures, in the range the system works in"
    let provenance = context.provenance(part: name, ["pictures": "\(examples)"])
    func mean(_ kind: String, _ sum: Double) -> MeasuredNumber {
      MeasuredNumber(
        id: "\(Self.id)-\(kind)", name: "reconstruction error, \(kind)", value: sum / Double(examples),
        better: .smaller, provenance: provenance, protocolText: setting + ", mean over values")
    }
    return [
      mean("squared", squared), mean("absolute", absolute),
      try MeasuredNumber(
        id: "\(Self.id)-summed", name: "reconstruction error, summed", meanOf: sums, seed: seed,
        better: .smaller, provenance: provenance, protocolText: setting + ", sum of squares of a picture"),
    ]
  }
}
