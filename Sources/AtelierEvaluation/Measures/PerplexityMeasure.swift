public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch

/// The perplexity of held-out text, and bits a token where tokens are no words.
public struct PerplexityMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "perplexity"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The measure.
  public init() {}

  /// Systems that continue text.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(TextContinuation.self) != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let text = context.plan.ability(TextContinuation.self),
      let system = context.system(as: (any LanguageSystem).self)
    else { return [] }
    let unit = text.unit.rawValue
    let parts = [DatasetSplit.validation, .test].filter(context.options.parts.contains)
    return try parts.flatMap { split -> [MeasuredNumber] in
      guard let host = try context.data.batches(of: split) else { return [] }
      let batches = host.map(context.data.batch)
      func likelihoods(_ batches: [Batch]) throws -> [[Double]] {
        let pieces = try system.negativeLogLikelihoods(over: batches)
        return [pieces.map(\.sum), pieces.map { Double($0.tokens) }]
      }
      // A state that is carried from piece to piece cannot be divided.
      let found =
        try text.context == nil
        ? likelihoods(batches)
        : context.processes.joined(numbers: batches.count) { try likelihoods(Array(batches[$0])) }
      let pieces = zip(found[0], found[1]).map { (sum: $0, tokens: Int($1)) }.filter { $0.tokens > 0 }
      let result = pieces.reduce((sum: 0.0, tokens: 0)) { ($0.sum + $1.sum, $0.tokens + $1.tokens) }
      guard result.tokens > 0 else { return [] }
      let interval = try Self.interval(pieces, seed: context.options.seed)
      let setting =
        "\(split.rawValue) part, \(result.tokens) \(text.unit.noun)s, "
        + (text.context.map { "pieces of \($0) each by itself" } ?? "state carried from piece to piece")
        + (interval == nil ? "" : ", 95 % interval by a bootstrap of its \(pieces.count) pieces")
      let provenance = context.provenance(
        part: split.rawValue, ["unit": unit, "tokens": "\(result.tokens)"])
      var numbers = [
        MeasuredNumber(
          id: Self.id, name: "perplexity (\(split.rawValue))",
          value: perplexity(negativeLogLikelihood: result.sum, tokens: result.tokens),
          interval: interval.map { ConfidenceInterval(lower: exp($0.lower), upper: exp($0.upper)) },
          better: .smaller,
          provenance: provenance, protocolText: setting)
      ]
      if text.unit != .word {
        numbers.append(
          MeasuredNumber(
            id: "bits-per-token", name: "bits a \(text.unit.noun) (\(split.rawValue))",
            value: bitsPerCharacter(negativeLogLikelihood: result.sum, characters: result.tokens),
            interval: interval.map {
              ConfidenceInterval(lower: $0.lower / M_LN2, upper: $0.upper / M_LN2)
            },
            better: .smaller, provenance: provenance, protocolText: setting))
      }
      return numbers
    }
  }

  /// The interval of the nats a token; nil where there are fewer than ten pieces.
  ///
  /// Pieces, not tokens, are drawn anew, as the tokens of one go together (the blocks of Künsch 1989).
  static func interval(
    _ pieces: [(sum: Double, tokens: Int)], seed: UInt64
  ) throws -> ConfidenceInterval? {
    guard pieces.count >= 10 else { return nil }
    let stream = RandomStream(seed: seed, purpose: "bootstrap")
    return try bootstrapInterval(count: pieces.count, using: stream) { chosen in
      chosen.reduce(0) { $0 + pieces[$1].sum } / Double(chosen.reduce(0) { $0 + pieces[$1].tokens })
    }.interval
  }
}
