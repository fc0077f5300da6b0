import AtelierCore
import AtelierModels
import Foundation
import Perception
import Torch
import TorchNN

extension CaseRunner {
  /// LPIPS, whose trunk is drawn and whose heads are a file of the case.
  func perceptual(
    _ check: ReferenceCase.Check, of reference: ReferenceCase
  ) throws -> [Comparison] {
    try ReferenceCase.refuseUnknown(
      reference.configuration.keys, ["group", "backbone", "imageSize", "imageChannels"], "the configuration")
    try ReferenceCase.refuseUnknown(check.inputs.keys, ["image", "target"], "the inputs")
    let metric = try ReferenceCase.string(check.settings["metric"], "metric")
    guard metric == "lpips" else { throw CaseError("there is no perceptual metric '\(metric)'") }
    let backbone = try ReferenceCase.string(reference.configuration["backbone"], "backbone")
    guard let trunk = LPIPS.Trunk(rawValue: backbone) else {
      throw CaseError(
        "the backbone '\(backbone)' is unknown; there are "
          + LPIPS.Trunk.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let distance = LPIPS(trunk)
    for (name, source) in reference.weights {
      switch (name, source) {
      case ("backbone", .drawn(let seed, let gain)):
        distance.network.drawWeights(seed: seed, gain: gain)
      case ("backbone", .file(let file)):
        // The package calls the trunk's parts slices; their order is that of the network.
        let names = distance.network.state().map(\.name)
        try distance.network.fill(
          with: zip(names, try reference.stateDictionary(file)).map { ($0, $1.tensor) },
          from: file.lastPathComponent)
      case ("head", .file(let file)):
        try distance.fillHeads(try reference.stateDictionary(file).map(\.tensor))
      default: throw CaseError("the weights '\(name)' are unknown to lpips")
      }
    }
    let image = try reference.tensor(check.inputs["image"] ?? "image")
    let target = try reference.tensor(check.inputs["target"] ?? "target")
    let found = withoutGradients { distance.distances(image, target) }
    return try compare(check.outputs, ["value": found.value, "layers": found.layers], check, reference)
  }
}
