public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

/// How well a discriminator finds the tokens that its generator replaced in held-out text: accuracy beside that of
/// naming none, and the area under the curve of true against false alarms.
public struct ReplacedTokenMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "replaced-tokens"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The measure.
  public init() {}

  /// Systems that find replaced tokens.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ReplacedTokenDetection.self) != nil }

  /// The numbers of each part; none where the data do not have it.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any ReplacedTokenSystem).self) else { return [] }
    let parts = [DatasetSplit.validation, .test].filter(context.options.parts.contains)
    return try parts.flatMap { split -> [MeasuredNumber] in
      guard let host = try context.data.batches(of: split), !host.isEmpty else { return [] }
      let found = try context.joined(host) { batch, place in
        let draws = StreamDraws(
          RandomStream(seed: context.options.seed, purpose: "evaluation of replaced tokens", step: place),
          device: context.system.device)
        let (score, isReplaced) = try system.replacedTokens(in: context.data.batch(batch), draws: draws)
        return [score.doubles(), isReplaced.integers().map(Double.init)]
      }
      let (scores, replaced) = (found[0].map { Float($0) }, found[1].map { $0 != 0 })
      guard !scores.isEmpty else { return [] }
      let share = Double(replaced.filter { $0 }.count) / Double(replaced.count)
      let right = zip(scores, replaced).map { ($0 > 0) == $1 ? 1.0 : 0.0 }
      let setting =
        "\(split.rawValue) part, \(scores.count) tokens, \(fixed(100 * share, 1)) % of them replaced by the run's own "
        + "generator"
      let provenance = context.provenance(part: split.rawValue, ["tokens": "\(scores.count)"])
      var numbers = [
        try MeasuredNumber(
          id: "replaced-token-accuracy", name: "replaced-token accuracy (\(split.rawValue))", meanOf: right,
          seed: context.options.seed, better: .larger, provenance: provenance,
          protocolText: setting + "; \(fixed(1 - share, 4)) for naming none")
      ]
      if let area = areaUnderCurve(scores, replaced) {
        numbers.append(
          MeasuredNumber(
            id: "replaced-token-auc", name: "replaced-token AUC (\(split.rawValue))", value: area,
            better: .larger, provenance: provenance, protocolText: setting))
      }
      return numbers
    }
  }
}
