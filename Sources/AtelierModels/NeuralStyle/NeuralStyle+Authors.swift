public import AtelierCore
public import Torch
import TorchNN

extension NeuralStyle: ReferenceAnswering {
  /// The weighted terms and the gradient of their sum with respect to the image as it is, before any
  /// clamping.
  ///
  /// - Parameter inputs: `content` and `style`, `[1, 3, height, width]` in 0 … 1.
  public func losses(of inputs: [String: Tensor]) throws -> [String: Tensor] {
    let terms = terms(try targets(content: inputs["content"], style: inputs["style"]))
    let total = terms.dropFirst().reduce(terms[0].value) { $0 + $1.value }
    var result = ["gradient": gradients(of: total, withRespectTo: [picture.image])[0]]
    for (name, value) in terms { result[name] = value.detached().reshaped([1]) }
    return result
  }

  /// Losses of given tensors where a check of a reference case names the network `losses`.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "losses", check.part == nil else { return nil }
    try check.refuseSettings()
    return try losses(of: inputs.tensors()).mapValues { .tensor($0) }
  }

  /// The two images of a reference case, which no step changes.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    RecordedImages([Batch(inputs)])
  }
}
