public import AtelierCore
import AtelierData
public import AtelierMetrics
import Foundation
import Torch

/// How many of a vocabulary's codes held-out images use, and how evenly: the share in use, and exp of the entropy of
/// their frequencies.
public struct CodebookMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "codebook"

  /// The measure.
  public init() {}

  /// Systems that make code numbers of images.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageCoding.self) != nil }

  /// The numbers; none where nothing is held out.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(ImageCoding.self),
      let system = context.system(as: (any ImageCodingSystem).self),
      let (batches, name) = try context.heldOut()
    else { return [] }
    var counts = [Int](repeating: 0, count: ability.vocabulary)
    var images = 0
    for batch in batches {
      let codes = try withoutGradients { try system.codes(of: batch) }
      images += codes.shape[0]
      for code in codes.to(.cpu).integers() { counts[code] += 1 }
    }
    let (usage, perplexity) = codebookUse(counts)
    let provenance = context.provenance(
      part: name, ["pictures": "\(images)", "vocabulary": "\(ability.vocabulary)"])
    let setting =
      "\(name) part, \(counts.reduce(0, +)) codes of \(images) pictures, \(ability.vocabulary) in the vocabulary"
    return [
      MeasuredNumber(
        id: "\(Self.id)-usage", name: "codebook usage", value: usage, better: .neither,
        provenance: provenance, protocolText: setting + ", share of it in use"),
      MeasuredNumber(
        id: "\(Self.id)-perplexity", name: "codebook perplexity", value: perplexity, better: .neither,
        provenance: provenance, protocolText: setting + ", exp of the entropy of their frequencies"),
    ]
  }
}

/// The share of codes that occur, and exp of the entropy of their frequencies.
package func codebookUse(_ counts: [Int]) -> (usage: Double, perplexity: Double) {
  let total = Double(counts.reduce(0, +))
  let shares = counts.filter { $0 > 0 }.map { Double($0) / total }
  return (
    Double(shares.count) / Double(max(1, counts.count)), exp(-shares.reduce(0) { $0 + $1 * log($1) })
  )
}
