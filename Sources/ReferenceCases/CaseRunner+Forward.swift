import AtelierCore
import Torch
import TorchNN

extension CaseRunner {
  /// The outputs of one network for recorded inputs.
  func forward(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem
  ) throws -> [Comparison] {
    try allow(check, network: true, part: true, settings: ["select"])
    guard let name = check.question.network else {
      throw CaseError(
        "the check '\(check.name)' names no network, and \(reference.system) does not answer it")
    }
    let inputs = try reference.tensors(of: check)
    let part = check.question.part
    let averaged = system.average(named: name)
    guard let network = averaged?.network ?? system.network(name) else {
      let known = system.networks.map(\.name) + system.averages.map { $0.network + "Average" }
      throw CaseError(
        "there is no network '\(name)', and \(reference.system) does not answer for it; its networks are "
          + known.joined(separator: ", "))
    }
    // A generator's forward pass may run an encoder beside it.
    try setMode(check, system.networks.map(\.module))
    func run() throws -> [String: Tensor] { try withoutGradients { try network.forward(part, inputs) } }
    var actual = try averaged.map { try $0.average.applied(run) } ?? run()
    for (output, rule) in try ReferenceCase.table(check.settings["select"] ?? .table([:]), "select") {
      guard let whole = actual[output] else {
        throw CaseError("'select' names '\(output)', which was not computed")
      }
      actual[output] = try Self.selected(whole, rule)
    }
    return try compare(check.outputs, actual, check, reference)
  }

  /// What a case stored of an output: `channels ::8` is every eighth channel; a text that says "all
  /// channels" leaves the output as it is; a table has `rows` and `columns`, each `[first, every]`.
  private static func selected(_ tensor: Tensor, _ rule: ConfigurationValue) throws -> Tensor {
    let misunderstood = CaseError("the selection '\(rule)' is not understood")
    switch rule {
    case .string(let text) where text.hasSuffix("all channels"): return tensor
    case .string(let text):
      let parts = text.split(separator: " ")
      let bounds = parts.last?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
      guard parts.count == 2, parts[0] == "channels", (2...3).contains(bounds.count), tensor.rank >= 2,
        bounds.allSatisfy({ $0.isEmpty || (Int($0) ?? -1) >= 0 })
      else { throw misunderstood }
      let end = min(Int(bounds[1]) ?? tensor.shape[1], tensor.shape[1])
      return try selected(
        tensor, dim: 1, from: Int(bounds[0]) ?? 0, to: end, step: bounds.count == 3 ? Int(bounds[2]) ?? 1 : 1)
    case .table(let table):
      try ReferenceCase.refuseUnknown(table.keys, ["rows", "columns"], "the selection")
      guard tensor.rank >= 2 else { throw misunderstood }
      var result = tensor
      for (key, dim) in [("rows", tensor.rank - 2), ("columns", tensor.rank - 1)] {
        guard let bounds = table[key] else { continue }
        guard case .list(let list) = bounds, list.count == 2, case .integer(let first) = list[0],
          case .integer(let step) = list[1], first >= 0
        else { throw misunderstood }
        result = try selected(result, dim: dim, from: first, to: tensor.shape[dim], step: step)
      }
      return result
    default: throw misunderstood
    }
  }

  private static func selected(
    _ tensor: Tensor, dim: Int, from: Int, to: Int, step: Int
  ) throws -> Tensor {
    guard step >= 1, from < to else {
      throw CaseError("a selection from \(from) by steps of \(step) selects nothing of \(tensor.shape)")
    }
    return tensor.contiguous().indexSelected(dim, Tensor(Array(stride(from: from, to: to, by: step))))
  }
}
