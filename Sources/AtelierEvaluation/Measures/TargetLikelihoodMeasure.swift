public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// The perplexity of held-out translations and the share of their tokens that are the likeliest, each token after the
/// true ones before it.
public struct TargetLikelihoodMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "target-perplexity"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The measure.
  public init() {}

  /// Systems that turn sentences into sentences.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(SentenceTranslation.self) != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any SentenceTranslatingSystem).self),
      let (part, dataset) = try context.heldOutSentences()
    else { return [] }
    let count = min(context.options.samples, dataset.count)
    let found = try context.joined(stride(from: 0, to: count, by: 32).map { $0 }) { start, _ in
      let indices = Array(start..<min(start + 32, count))
      let scores = try system.targetScores(
        context.data.batch(
          HostBatch(fields: try dataset.batch(at: indices), indices: indices, epoch: 0, isFirst: true)))
      return [
        scores.map(\.negativeLogLikelihood), scores.map { Double($0.tokens) },
        scores.map { Double($0.correct) },
      ]
    }
    let scores = found[0].indices.map {
      TargetScore(negativeLogLikelihood: found[0][$0], tokens: Int(found[1][$0]), correct: Int(found[2][$0]))
    }
    let tokens = scores.reduce(0) { $0 + $1.tokens }
    guard tokens > 0 else { return [] }
    let sum = scores.reduce(0) { $0 + $1.negativeLogLikelihood }
    let unit = system.vocabularies?.target.rule.unit.rawValue ?? "tokens"
    let setting =
      "\(count) held-out sentences of the \(part.rawValue) part, \(tokens) tokens (\(unit)) with the end of each sentence, "
      + "each after the true ones before it"
    let provenance = context.provenance(
      part: part.rawValue,
      [
        "unit": unit, "vocabulary": "\(system.vocabularies?.target.count ?? 0)", "tokens": "\(tokens)",
        "forcing": "true tokens",
      ])
    let stream = RandomStream(seed: context.options.seed, purpose: "bootstrap")
    let interval =
      count < 10
      ? nil
      : try bootstrapInterval(count: count, using: stream) { chosen in
        chosen.reduce(0) { $0 + scores[$1].negativeLogLikelihood }
          / Double(chosen.reduce(0) { $0 + scores[$1].tokens })
      }.interval
    return [
      MeasuredNumber(
        id: Self.id, name: "perplexity of targets",
        value: perplexity(negativeLogLikelihood: sum, tokens: tokens),
        interval: interval.map { ConfidenceInterval(lower: exp($0.lower), upper: exp($0.upper)) },
        better: .smaller, provenance: provenance, protocolText: setting),
      MeasuredNumber(
        id: "token-accuracy", name: "token accuracy",
        value: Double(scores.reduce(0) { $0 + $1.correct }) / Double(tokens), better: .larger,
        provenance: provenance, protocolText: setting),
    ]
  }
}
