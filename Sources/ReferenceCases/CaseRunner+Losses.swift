import AtelierCore
import AtelierMetrics
import AtelierModels
import Foundation
import Torch
import TorchNN

extension CaseRunner {
  /// A loss of the registry with its derivatives.
  func loss(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    guard check.kind == "loss" else { throw CaseError("gan-losses has checks of kind 'loss' only") }
    var settings = check.settings
    let name = try ReferenceCase.string(settings.removeValue(forKey: "loss"), "loss")
    let side = try settings.removeValue(forKey: "side").map { try ReferenceCase.string($0, "side") }
    guard check.question.part == nil, check.texts.isEmpty else {
      throw CaseError("the loss '\(name)' has neither parts nor texts")
    }
    let configuration = reference.configuration
    let model = try ReferenceCase.string(configuration["model"], "model")
    if let asked = check.question.network {
      guard model == "penalties" else { throw CaseError("only the model 'penalties' has networks") }
      let network = try LossRegistry.discriminator(for: configuration, using: RandomStream(seed: 0))
      for (name, source) in reference.weights {
        guard name == network.name else { throw CaseError("the model 'penalties' has no network '\(name)'") }
        try load(source, into: network, reference)
      }
      guard asked == network.name else { throw CaseError("there is no network '\(asked)'") }
      try setMode(check, [network.module])
      return try evaluate(name, side, settings, network, check, reference)
    }
    guard model == "losses" else { throw CaseError("the model '\(model)' is unknown to gan-losses") }
    try ReferenceCase.refuseUnknown(
      configuration.keys, ["model", "classes", "batchSize", "featureSize"], "the configuration")
    return try evaluate(name, side, settings, nil, check, reference)
  }

  private func evaluate(
    _ name: String, _ side: String?, _ settings: [String: ConfigurationValue], _ network: Network?,
    _ check: ReferenceCase.Check, _ reference: ReferenceCase
  ) throws -> [Comparison] {
    let inputs = try reference.tensors(of: check)
    let differentiable = inputs.filter { $0.value.dtype.isFloatingPoint && network == nil }
    for tensor in differentiable.values { tensor.requiresGradient = true }
    let value = try LossRegistry.evaluate(
      name, side: side, inputs: inputs, parameters: settings,
      discriminator: network.map { network in { try network.forward(nil, ["image": $0]).required("score") } })
    var actual = ["loss": value.detached()]
    if let network {
      let parameters = network.module.namedParameters()
      let derivatives = gradients(of: value, withRespectTo: parameters.map(\.tensor), allowUnused: true)
      for (parameter, derivative) in zip(parameters, derivatives) {
        actual["gradient.\(network.authorsNames.authorsName(for: parameter.name))"] = derivative
      }
    } else {
      let ordered = differentiable.sorted { $0.key < $1.key }
      let derivatives = gradients(of: value, withRespectTo: ordered.map(\.value), allowUnused: true)
      for (input, derivative) in zip(ordered, derivatives) { actual["gradient.\(input.key)"] = derivative }
    }
    return try compare(check.outputs, actual, check, reference)
  }

  /// A metric of the registry.
  func metric(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    guard check.kind == "metric" else { throw CaseError("metrics has checks of kind 'metric' only") }
    if reference.configuration["group"] == .string("text") { return try textMetric(check, of: reference) }
    try allow(check, settings: ["metric", "parameters"])
    if reference.configuration["group"] == .string("perceptual") {
      return try perceptual(check, of: reference)
    }
    if reference.system == "metrics" {
      try ReferenceCase.refuseUnknown(
        reference.configuration.keys,
        ["group", "instances", "featureSize", "imageSize", "imageChannels", "classes"], "the configuration")
    }
    let name = try ReferenceCase.string(check.settings["metric"], "metric")
    let parameters = try ReferenceCase.table(check.settings["parameters"] ?? .table([:]), "parameters")
    let data = try JSONEncoder().encode(parameters)
    let actual = try MetricRegistry.run(
      name, inputs: try reference.tensors(of: check),
      parameters: try JSONDecoder().decode([String: MetricParameter].self, from: data))
    return try compare(check.outputs, actual, check, reference)
  }
}
