import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Perception
import Torch
import TorchNN

extension CaseRunner {
  /// A system of some configuration with the weights that the case gives.
  func build<System: GenerativeSystem>(
    _ type: System.Type, _ changes: [String: ConfigurationValue], _ reference: ReferenceCase,
    for check: ReferenceCase.Check
  ) throws -> System {
    let configuration = try System.Configuration().overlaid(with: changes)
    try configuration.validate()
    let system = try System(configuration, artefacts: Artefacts(), using: RandomStream(seed: 0))
    for (name, source) in reference.weights {
      if case .package(let package, let file) = source {
        // Only a check that asks for this network cannot do without it; a system reads what the store of weights knows.
        guard check.question.network != name || Self.isKnown(package, file) else {
          throw CaseError(
            "the weights of '\(name)' are \(file) of the package \(package), which is not read here")
        }
      } else if let (network, average) = system.average(named: name) {
        guard case .file(let file) = source else {
          throw CaseError("the weights of the average '\(name)' are not in a file")
        }
        let theirs = try reference.stateDictionary(file)
        try average.load(
          network.authorsNames.translate(theirs, toOurs: true, source: file.lastPathComponent),
          from: file.lastPathComponent)
      } else if let network = system.network(name) {
        try load(source, into: network, reference)
      } else {
        throw CaseError("\(reference.system) has no network '\(name)'")
      }
    }
    // Cases of talking faces name no VGG19 among their weights, and draw it by a rule of their notes.
    if reference.system == VoiceCases.faces {
      for network in system.networks {
        guard let frozen = network.module as? PerceptionNetwork, !frozen.isFilled else { continue }
        frozen.drawWeights(seed: 5)
      }
    }
    return system
  }

  /// Whether the store of weights takes a file of a package.
  private static func isKnown(_ package: String, _ file: String) -> Bool {
    PretrainedWeights.all.contains { weights in
      guard case .package(let source) = weights.origin else { return false }
      return "\(source.name)==\(source.version)".lowercased() == package.lowercased() && source.member == file
    }
  }

  /// Gives a network the weights that a case gives it.
  func load(
    _ source: ReferenceCase.WeightSource, into network: Network, _ reference: ReferenceCase
  ) throws {
    let frozen = network.module as? PerceptionNetwork
    switch source {
    case .file(let file):
      let theirs = try reference.stateDictionary(file)
      if let frozen {
        try frozen.fill(
          with: network.authorsNames.translate(theirs, toOurs: true, source: file.lastPathComponent),
          from: file.lastPathComponent)
      } else {
        try network.loadAuthorsWeights(theirs, from: file.lastPathComponent)
      }
    case .drawn(let seed, let gain):
      guard let frozen else {
        throw CaseError("the weights of '\(network.name)' are drawn, but it is no perception network")
      }
      frozen.drawWeights(seed: seed, gain: gain)
    case .package(let package, let file):
      throw CaseError(
        "the weights of '\(network.name)' are \(file) of the package \(package), which is not read here")
    }
  }
}
