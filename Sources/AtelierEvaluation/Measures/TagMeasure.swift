public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

/// Precision and recall of ten tags against those that people gave held-out images, beside what the ten most
/// frequent tags of the training data give for every image.
public struct TagMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "tags"

  /// The measure.
  public init() {}

  /// Systems that find tags for images.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.data?.arrangement is TaggedImages
  }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let tagged = context.plan.data?.arrangement as? TaggedImages,
      let system = context.system(as: (any TaggingSystem).self),
      let test = try context.heldOutDataset() as? TagDataset
    else { return [] }
    let (kind, minimumCount) = (tagged.features, tagged.minimumCount)
    let options = context.options
    let judged = test.tags.indices.filter { !test.tags[$0].isEmpty }.prefix(options.samples)
    guard !judged.isEmpty else { return [] }
    context.say("tagging \(judged.count) held-out pictures")
    let features = Tensor(test.features).indexSelected(0, Tensor(Array(judged)))
      .to(context.system.device)
    let draws = StreamDraws(
      RandomStream(seed: options.seed, purpose: "evaluation tags"), device: context.system.device)
    let count = 10
    let proposed = try system.tags(for: features, count: count, draws: draws)
    let own = judged.map { Set(test.tags[$0]) }
    let matching = try tagMatching(proposed: proposed, own: own, count: count)
    let frequent = Array(0..<min(count, system.tagNames.count))
    let baseline = try tagMatching(
      proposed: proposed.map { _ in frequent }, own: own, count: count)
    let setting =
      "\(judged.count) held-out pictures, features \(kind.rawValue), \(system.tagNames.count) tags that occur "
      + "at least \(minimumCount) times, \(system.taggingProtocol)"
    let frequentSetting =
      "\(judged.count) held-out pictures, for every picture the ten most frequent tags of the training data"
    let provenance = context.provenance(
      part: "test", ["features": kind.rawValue, "pictures": "\(judged.count)", "tags": "\(count)"])
    func number(_ id: String, _ name: String, _ values: [Double], _ setting: String) throws -> MeasuredNumber
    {
      try MeasuredNumber(
        id: id, name: name, meanOf: values, seed: options.seed, better: .larger, provenance: provenance,
        protocolText: setting)
    }
    return [
      try number("tag-precision", "precision at 10", matching.precisions, setting),
      try number("tag-recall", "recall at 10", matching.recalls, setting),
      try number(
        "frequent-tag-precision", "precision at 10, most frequent tags", baseline.precisions, frequentSetting),
      try number(
        "frequent-tag-recall", "recall at 10, most frequent tags", baseline.recalls, frequentSetting),
    ]
  }
}
