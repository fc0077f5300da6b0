import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

extension Evaluation {
  /// Precision and recall of ten tags against those that people gave held-out pictures, beside what the ten
  /// most frequent tags of the training data give for every picture.
  func tagging(_ system: any TaggingSystem) throws -> [MeasuredNumber] {
    guard case .tagged(_, _, let kind, let minimumCount)? = system.plan.data?.examples,
      let test = try data.dataset(of: .test) as? TagDataset
    else { return [] }
    let judged = test.tags.indices.filter { !test.tags[$0].isEmpty }.prefix(options.samples)
    guard !judged.isEmpty else { return [] }
    say("tagging \(judged.count) held-out pictures")
    let features = Tensor(test.features).indexSelected(0, Tensor(Array(judged)))
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation tags"))
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
    func number(_ name: String, _ values: [Double], _ setting: String) throws -> MeasuredNumber {
      let interval = try bootstrapInterval(
        ofMean: values, using: RandomStream(seed: options.seed, purpose: "bootstrap"))
      return MeasuredNumber(
        name: name, value: interval.value, interval: interval.interval, better: .larger,
        protocolText: setting)
    }
    return [
      try number("precision at 10", matching.precisions, setting),
      try number("recall at 10", matching.recalls, setting),
      try number("precision at 10, most frequent tags", baseline.precisions, frequentSetting),
      try number("recall at 10, most frequent tags", baseline.recalls, frequentSetting),
    ]
  }
}
