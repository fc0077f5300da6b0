import AtelierCore
import Torch
import TorchNN

extension CaseRunner {
  /// The tokens with which a text is continued.
  func generate(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem
  ) throws -> [Comparison] {
    try allow(check, network: true, settings: ["length", "temperature"])
    guard let language = system as? any LanguageSystem else {
      throw CaseError("\(reference.system) does not generate tokens")
    }
    try setMode(check, system.networks.map(\.module))
    var inputs = try reference.tensors(of: check)
    guard let start = inputs.removeValue(forKey: "start") else {
      throw CaseError("the input 'start' is missing")
    }
    let length = Int(try ReferenceCase.number(check.settings["length"], "length"))
    let draws = try perToken(inputs, length)
    let tokens = try language.continuation(
      of: start, length: length,
      temperature: ReferenceCase.number(check.settings["temperature"] ?? .integer(1), "temperature"),
      draws: draws)
    return try compare(check.outputs, ["token": tokens], check, reference)
  }

  private func perToken(_ inputs: [String: Tensor], _ length: Int) throws -> any Draws {
    for (name, tensor) in inputs where tensor.shape.first != length {
      throw CaseError(
        "the input '\(name)' has the shape \(tensor.shape), not one row for each of \(length) tokens")
    }
    return RecordedDraws(
      inputs.mapValues { tensor in (0..<length).map { tensor.selected(dim: 0, index: $0) } })
  }
}
