public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Torch

/// The share of held-out texts that get their own class, beside that of the most frequent class.
public struct TextClassMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "text-classes"

  /// The measure.
  public init() {}

  /// Systems that say the class of a text.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(TextClassification.self) != nil }

  /// The number of each part; none where the data do not have it.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any TextClassifyingSystem).self) else { return [] }
    let parts = [DatasetSplit.validation, .test].filter(context.options.parts.contains)
    return try parts.flatMap { split -> [MeasuredNumber] in
      guard let host = try context.data.batches(of: split) else { return [] }
      var right: [Double] = []
      var counts: [Int: Int] = [:]
      for batch in host {
        let batch = context.data.batch(batch)
        let labels = batch["label"].integers()
        let found = try system.classes(of: batch).integers()
        right += zip(labels, found).map { $0 == $1 ? 1 : 0 }
        for label in labels { counts[label, default: 0] += 1 }
      }
      guard !right.isEmpty else { return [] }
      let frequent = Double(counts.values.max() ?? 0) / Double(right.count)
      return [
        try MeasuredNumber(
          id: "text-class-accuracy", name: "class accuracy (\(split.rawValue))", meanOf: right,
          seed: context.options.seed, better: .larger,
          provenance: context.provenance(part: split.rawValue, ["texts": "\(right.count)"]),
          protocolText:
            "\(split.rawValue) part, \(right.count) texts; \(fixed(frequent, 4)) for the most frequent class"
        )
      ]
    }
  }
}
