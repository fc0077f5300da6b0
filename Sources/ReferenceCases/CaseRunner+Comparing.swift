import AtelierCore
import Torch
import TorchNN

extension CaseRunner {
  /// Refuses what a check says beyond what its kind means here.
  func allow(
    _ check: ReferenceCase.Check, network: Bool = false, part: Bool = false, settings: Set<String>
  ) throws {
    try check.question.refuseSettings(knowing: settings)
    for (key, value, isKnown) in [
      ("network", check.question.network, network), ("part", check.question.part, part),
    ] where value != nil && !isKnown {
      throw CaseError("the check '\(check.name)' names a \(key), which a check of its kind has none of")
    }
    if let text = check.texts.keys.min() {
      throw CaseError("the check '\(check.name)' has the texts '\(text)', which no one answers")
    }
  }

  /// Puts modules into the mode that a check names.
  func setMode(_ check: ReferenceCase.Check, _ modules: [Module]) throws {
    guard let mode = check.question.mode else {
      throw CaseError("the check '\(check.name)' lacks 'mode'; it is train or eval")
    }
    setMode(mode, modules)
  }

  func setMode(_ mode: ReferenceCheck.Mode, _ modules: [Module]) {
    for module in modules { if mode == .train { module.train() } else { module.eval() } }
  }

  /// Compares what a system answered with what the case expects.
  func compare(
    _ expected: [String: String], _ answer: [String: CaseValue], _ check: ReferenceCase.Check,
    _ reference: ReferenceCase
  ) throws -> [Comparison] {
    // Only what is compared must be a tensor.
    try compare(expected, answer.filter { expected[$0.key] != nil }.tensors(), check, reference)
  }

  /// Compares computed tensors with what the case expects.
  func compare(
    _ expected: [String: String], _ actual: [String: Tensor], _ check: ReferenceCase.Check,
    _ reference: ReferenceCase, tolerance: Tolerance? = nil
  ) throws -> [Comparison] {
    try expected.sorted { $0.key < $1.key }.map { name, file in
      guard let tensor = actual[name] else {
        throw CaseError(
          "nothing was computed for '\(name)'; there is \(actual.keys.sorted().joined(separator: ", "))")
      }
      guard let value = reference.tensors[file] else {
        throw CaseError("the tensor '\(file)' is not in the case's tensor file")
      }
      // Values computed in float64 are compared with the float32 that the file holds.
      return Comparison(name, actual: tensor.host(), expected: value, tolerance: tolerance ?? check.tolerance)
    }
  }
}
