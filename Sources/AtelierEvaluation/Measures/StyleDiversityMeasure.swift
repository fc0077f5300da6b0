public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Perception
import Torch
import TorchNN

/// The mean LPIPS distance between two outputs of one input in drawn styles; in the last column between two
/// real images of the target set.
///
/// Source: Huang et al. 2018 (MUNIT), section 5.3, where 19 pairs of each of 100 inputs are taken.
public struct StyleDiversityMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "style-diversity"
  /// Each direction.
  public static let scope = MeasureScope.direction

  /// The settings.
  public struct Options: Settings {
    /// The most inputs that are translated twice.
    public var inputs = 100

    /// A hundred inputs.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard inputs >= 2 else { throw ConfigurationError("inputs is at least 2, not \(inputs)") }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that translate between unpaired sets in styles that they draw.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsStyles }

  /// The number; none where the system or its data do not have what it takes.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = context.translations,
      let system = context.system(as: (any StyledTranslatingSystem).self),
      let held = try material.subjects[context.run].heldOut(whole: false, context.options).dataset
        as? UnpairedDataset
    else { return [] }
    let distance: LPIPS
    do {
      distance = try LPIPS(.alexnet, from: context.options.weights, for: "the measure of diversity")
    } catch {
      context.note("diversity not measured: \(error)")
      return []
    }
    let direction = material.direction
    let wanted = min(
      options.inputs, held.files(of: direction.source, context.plan).count, context.options.samples)
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "evaluation diversity"), device: system.device)
    let targetRange = system.range(of: direction.target)
    var (one, other, real): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
    for index in 0..<wanted {
      guard let batch = try context.data.usableBatch(of: index, in: held, say: context.say) else { continue }
      let source = batch[direction.source]
      func output() throws -> Tensor {
        bytes(
          try system.translate(source, direction: direction, style: .drawn, draws: draws), targetRange)
      }
      one.append(try output())
      other.append(try output())
      real.append(bytes(batch[direction.target], targetRange))
    }
    guard one.count > 1, [1, 3].contains(real[0].shape[1]), min(real[0].shape[2], real[0].shape[3]) >= 31
    else {
      context.note(
        "diversity not measured: it takes two pictures of at least 31×31 pixels, in colours or grey")
      return []
    }
    func mean(_ pictures: [Tensor], _ others: [Tensor]) throws -> Double {
      try distance.distances(ofAll: .concatenated(pictures, dim: 0), .concatenated(others, dim: 0)).mean()
        .item()
    }
    let neighbours = Array(real.dropFirst()) + [real[0]]
    let facts = distance.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return [
      MeasuredNumber(
        id: Self.id, name: "diversity, lpips alex", value: try mean(one, other), better: .larger,
        baselines: UnpairedPass.beside(real: try mean(real, neighbours)),
        provenance: material.provenance(distance.provenance).merging(["inputs": "\(one.count)"]),
        protocolText:
          "\(facts), two drawn styles of each of \(one.count) inputs; in the last column each real "
          + "picture of \(direction.target) and the next")
    ]
  }
}
