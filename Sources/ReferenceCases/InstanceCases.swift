public import AtelierCore
import AtelierMetrics
public import AtelierModels
import Torch

// Beside the runner and not beside the system: measures find the neighbours, and no model imports measures.
extension ICGAN: ReferenceAnswering {
  /// The table of neighbours of given features (`neighbours`), and what conditions the generator where instances
  /// and neighbours are drawn from such a table (`sample`).
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "neighbours" || check.kind == "sample" else { return nil }
    try check.refuseSettings()
    try configuration.validate()
    let inputs = try inputs.tensors()
    let (features, label) = (try inputs.required("features"), try inputs.required("label"))
    guard features.shape == [configuration.instances, configuration.featureSize] else {
      throw ConfigurationError("the features are \(features.shape), not instances times featureSize")
    }
    if check.kind == "neighbours" {
      let found = try instanceNeighbours(features, k: configuration.neighbours)
      let radius = found.distances.selected(dim: 1, index: configuration.neighbours - 1)
      return ["indices": .tensor(found.indices), "radius": .tensor(radius)]
    }
    let table = try InstanceTable(
      features: features, neighbours: try inputs.required("indices"), radius: .zeros([features.shape[0]]),
      label: label)
    let drawn = table.conditions(
      instance: try inputs.required("instanceDraw"), neighbour: try inputs.required("neighbourDraw"))
    return ["features": .tensor(drawn.features), "label": .tensor(drawn.label)]
  }
}
