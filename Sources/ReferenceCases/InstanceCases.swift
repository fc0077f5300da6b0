import AtelierCore
import AtelierMetrics
import Torch

extension CaseRunner {
  /// The table of nearest neighbours that systems draw instances from. It is answered here, whatever the system:
  /// measures find the neighbours, and no model imports measures.
  func neighbours(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, _ configuration: some SystemConfiguration
  ) throws -> [Comparison] {
    try check.question.refuseSettings()
    try configuration.validate()
    let keys = try configuration.values()
    guard case .integer(let count)? = keys["neighbours"], case .integer(let instances)? = keys["instances"],
      case .integer(let size)? = keys["featureSize"]
    else { throw CaseError("\(reference.system) has no table of neighbours") }
    let features = try reference.tensors(of: check).required("features")
    guard features.shape == [instances, size] else {
      throw CaseError("the features are \(features.shape), not instances times featureSize")
    }
    let found = try instanceNeighbours(features, k: count)
    let radius = found.distances.selected(dim: 1, index: count - 1)
    let answer: [String: CaseValue] = ["indices": .tensor(found.indices), "radius": .tensor(radius)]
    return try compare(check.outputs, answer, check, reference)
  }
}
