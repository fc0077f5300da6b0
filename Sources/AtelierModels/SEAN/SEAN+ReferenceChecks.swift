public import AtelierCore
import Torch

extension SEAN: ReferenceAnswering {
  /// The codes of the style encoder, which cases name as a network of its own and the generator holds.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "styleEncoder", check.part == nil,
      let generator = network("generator")
    else { return nil }
    try check.refuseSettings()
    return try withoutGradients { try generator.forward("styleEncoder", inputs.tensors()) }
      .mapValues { .tensor($0) }
  }
}
