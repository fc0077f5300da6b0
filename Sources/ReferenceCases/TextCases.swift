import AtelierCore
import AtelierMetrics
import Foundation
import Torch

extension CaseRunner {
  /// A measure of texts against their references.
  func textMetric(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    try ReferenceCase.refuseUnknown(reference.configuration.keys, ["group"], "the configuration")
    try check.question.refuseSettings(knowing: ["metric", "parameters"])
    guard check.inputs.isEmpty, check.question.network == nil else {
      throw CaseError("the check '\(check.name)' has tensors, and a measure of texts takes none")
    }
    let values = try reference.values(of: check)
    let texts = try values.texts("hypotheses")
    let known = Set(["hypotheses", "references"])
    // One list of references a set, each as long as the texts.
    var sets: [[String]] = values["references"] == nil ? [] : [try values.texts("references")]
    while values["references.\(sets.count)"] != nil {
      sets.append(try values.texts("references.\(sets.count)"))
    }
    if let unknown = values.keys.filter({ !known.contains($0) && !$0.hasPrefix("references.") }).min() {
      throw CaseError("the check '\(check.name)' has the texts '\(unknown)', which no one answers")
    }
    guard sets.allSatisfy({ $0.count == texts.count }) else {
      throw CaseError("the references of '\(check.name)' are not as many as its hypotheses")
    }
    let references = texts.indices.map { index in sets.map { $0[index] } }
    let name = try ReferenceCase.string(check.settings["metric"], "metric")
    let parameters = try ReferenceCase.table(check.settings["parameters"] ?? .table([:]), "parameters")
    let actual = try MetricRegistry.run(
      name, texts: texts, references: references,
      parameters: JSONDecoder().decode(
        [String: MetricParameter].self, from: try JSONEncoder().encode(parameters)))
    return try compare(check.outputs, actual, check, reference)
  }
}
