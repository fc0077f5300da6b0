public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining

/// The perplexity of held-out text, and bits a token where tokens are no words.
public struct PerplexityMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "perplexity"

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
      let result = try system.negativeLogLikelihood(over: host.map(context.data.batch))
      guard result.tokens > 0 else { return [] }
      let setting = "\(split.rawValue) part, \(result.tokens) \(unit)s, state carried from piece to piece"
      let provenance = context.provenance(
        part: split.rawValue, ["unit": unit, "tokens": "\(result.tokens)"])
      var numbers = [
        MeasuredNumber(
          id: Self.id, name: "perplexity (\(split.rawValue))",
          value: perplexity(negativeLogLikelihood: result.sum, tokens: result.tokens), better: .smaller,
          provenance: provenance, protocolText: setting)
      ]
      if text.unit != .word {
        numbers.append(
          MeasuredNumber(
            id: "bits-per-token", name: "bits a \(unit) (\(split.rawValue))",
            value: bitsPerCharacter(negativeLogLikelihood: result.sum, characters: result.tokens),
            better: .smaller, provenance: provenance, protocolText: setting))
      }
      return numbers
    }
  }
}
