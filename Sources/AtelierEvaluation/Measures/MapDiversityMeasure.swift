public import AtelierCore
public import AtelierMetrics
import Perception
import Torch
import TorchNN

/// The mean LPIPS distance between two samples of one map, over some of the maps: with noise that all classes
/// share, and with noise drawn for each class apart where a system has it.
///
/// Nothing for a system that makes the same image every time, or where the weights of LPIPS are not there.
public struct MapDiversityMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "map-diversity"

  /// The settings.
  public struct Options: Settings {
    /// The most maps that images are drawn from.
    public var maps = 50

    /// Fifty maps.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard maps >= 1 else { throw ConfigurationError("maps is at least 1, not \(maps)") }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that make images from label maps.
  public func applies(to plan: SystemPlan) -> Bool { plan.mapDirection != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.mapMaterial() else { return [] }
    var numbers = try diversity(material, "global noise", context) { try material.sample($0, $1) }
    if let regional = context.system(as: (any RegionalNoiseSystem).self) {
      let source = material.direction.source
      numbers += try diversity(material, "noise drawn for each class apart", context) { batch, draws in
        try regional.translateWithRegionalNoise(batch[source], draws: draws)
      }
    }
    return numbers
  }

  private func diversity(
    _ material: MapMaterial, _ manner: String, _ context: EvaluationContext,
    _ draw: (Batch, any Draws) throws -> Tensor
  ) throws -> [MeasuredNumber] {
    let held = material.held
    guard held.count > 0 else { return [] }
    let first = try held.batch(0)
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "evaluation diversity"), device: context.system.device
    )
    func sample(_ batch: Batch) throws -> Tensor { try draw(batch, draws) }
    guard try (sample(first) - sample(first)).abs().max().item() > 1e-6 else { return [] }
    let distance: LPIPS
    do {
      distance = try LPIPS(.alexnet, from: context.options.weights, for: "the measure of diversity")
    } catch {
      context.say("no diversity: \(error)")
      return []
    }
    let count = min(options.maps, held.count)
    let pairs = try (0..<count).map { index in
      let batch = try held.batch(index)
      return (try sample(batch), try sample(batch))
    }
    let values = try distance.distances(
      ofAll: .concatenated(pairs.map { $0.0 }, dim: 0), .concatenated(pairs.map { $0.1 }, dim: 0)
    ).doubles()
    let facts = distance.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return [
      try MeasuredNumber(
        id: Self.id, name: "diversity (LPIPS, \(manner))", meanOf: values, seed: context.options.seed,
        better: .larger,
        provenance: material.provenance(manner: manner).merging(distance.provenance)
          .merging(["pictures": "\(count)"]),
        protocolText: "\(facts), two samples of each of \(count) maps")
    ]
  }
}
