public import AtelierCore
public import AtelierMetrics
import Perception
import Torch
import TorchNN

/// The learned perceptual distance (LPIPS) of held-out images from what their codes give back, by each network whose
/// weights are installed.
public struct ReconstructionPerceptualMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "reconstruction-lpips"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The measure.
  public init() {}

  /// Systems that make code numbers of images.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageCoding.self) != nil }

  /// The numbers; none where no weights are installed, or the images are smaller than 32 pixels.
  ///
  /// - Throws: `PerceptionError` or `FileFormatError` for weights that are there but damaged.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any ReconstructingSystem).self),
      let (batches, name) = try context.heldOut(), let first = batches.first
    else { return [] }
    let side = first["image"].shape.suffix(2).min() ?? 0
    guard side >= 32 else {
      context.note("\(Self.id) is left out: images of \(side) pixels are too small for its networks")
      return []
    }
    let store = context.options.weights
    return try LPIPS.Trunk.allCases.compactMap { trunk in
      let names = [trunk.weights.trunk, trunk.weights.heads]
      let absent = PretrainedWeights.all.filter { names.contains($0.name) && !store.contains($0.name) }
      guard absent.isEmpty, names.allSatisfy(store.contains) else {
        if !absent.isEmpty {
          context.note(
            "\(Self.id) by \(trunk.rawValue) is left out: "
              + absent.map { "\($0.name) is missing, \($0.wayOut)" }.joined(separator: "; "))
        }
        return nil
      }
      let distance = try LPIPS(trunk, from: store, for: "LPIPS", on: context.system.device)
      let values = try context.joined(batches) { batch, place in
        let draws = StreamDraws(
          RandomStream(seed: context.options.seed, purpose: "evaluation reconstructions", step: place),
          device: context.system.device)
        let original = batch["image"]
        let given = try system.reconstruct(batch, draws: draws).reshaped(original.shape)
        return try withoutGradients {
          [try distance.distances(ofAll: given.clamped(min: 0, max: 1) * 2 - 1, original * 2 - 1).doubles()]
        }
      }[0]
      return try MeasuredNumber(
        id: "\(Self.id)-\(trunk.rawValue)", name: "LPIPS of reconstructions, \(trunk.rawValue)",
        meanOf: values,
        seed: context.options.seed, better: .smaller,
        provenance: context.provenance(
          part: name, ["pictures": "\(values.count)", "network": trunk.rawValue]),
        protocolText: "\(name) part, \(values.count) pictures in -1 … 1")
    }
  }
}
