import AtelierCore
import Foundation
import Torch
import TorchNN

/// Everything of a system that a checkpoint holds, as named tensors, and back. Frozen networks are not part
/// of it.
///
/// Names are `network/<network>/<key>`, `average/<network>/<key>`, `optimizer/<name>/<key>` and
/// `carried/<name>`.
enum SystemState {
  typealias Tensors = [(name: String, tensor: HostTensor)]

  /// What `model.safetensors` holds: networks, then averages.
  static func model(of system: any GenerativeSystem) -> Tensors {
    system.trainedNetworks.flatMap { named("network/\($0.name)/", $0.module.hostState()) }
      + system.averages.flatMap { named("average/\($0.network)/", $0.average.state()) }
  }

  /// What `training.safetensors` holds: moments, then carried state.
  static func training(of system: any GenerativeSystem) -> Tensors {
    system.optimizers.flatMap { named("optimizer/\($0.name)/", $0.optimizer.state()) }
      + named("carried/", system.carriedState())
  }

  /// Puts back what ``model(of:)`` gave.
  static func loadModel(_ tensors: Tensors, into system: any GenerativeSystem, from file: URL) throws {
    var groups = grouped(tensors, depth: 2)
    for network in system.trainedNetworks {
      try network.module.load(groups.removeValue(forKey: "network/\(network.name)") ?? [], from: file.path)
    }
    for (network, average) in system.averages {
      try average.load(groups.removeValue(forKey: "average/\(network)") ?? [], from: file.path)
    }
    try refuse(rest: groups, file)
  }

  /// Puts back what ``training(of:)`` gave.
  static func loadTraining(_ tensors: Tensors, into system: any GenerativeSystem, from file: URL) throws {
    var groups = grouped(tensors.filter { !$0.name.hasPrefix("carried/") }, depth: 2)
    for (name, optimizer) in system.optimizers {
      try optimizer.load(groups.removeValue(forKey: "optimizer/\(name)") ?? [], from: file.path)
    }
    try refuse(rest: groups, file)
    let prefix = "carried/"
    let carried = tensors.filter { $0.name.hasPrefix(prefix) }
    try system.restoreCarriedState(carried.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
  }

  /// The first weight or moment that holds something other than finite numbers.
  ///
  /// Carried state may: a best loss so far begins at infinity.
  static func firstNonFinite(of system: any GenerativeSystem) -> String? {
    for network in system.trainedNetworks {
      for (name, tensor) in network.module.state() where tensor.dtype.isFloatingPoint && !tensor.isFinite() {
        return "network/\(network.name)/\(name)"
      }
    }
    for (name, optimizer) in system.optimizers {
      for (key, tensor) in optimizer.state() where tensor.dtype.isFloatingPoint && !Tensor(tensor).isFinite()
      {
        return "optimizer/\(name)/\(key)"
      }
    }
    return nil
  }

  private static func named(_ prefix: String, _ tensors: Tensors) -> Tensors {
    tensors.map { (prefix + $0.name, $0.tensor) }
  }

  /// Splits off the first `depth` parts of each name.
  private static func grouped(_ tensors: Tensors, depth: Int) -> [String: Tensors] {
    var groups: [String: Tensors] = [:]
    for (name, tensor) in tensors {
      let parts = name.split(separator: "/", maxSplits: depth, omittingEmptySubsequences: false)
      let group = parts.prefix(depth).joined(separator: "/")
      groups[group, default: []].append((parts.count > depth ? String(parts[depth]) : "", tensor))
    }
    return groups
  }

  private static func refuse(rest: [String: Tensors], _ file: URL) throws {
    guard let name = rest.keys.sorted().first else { return }
    throw TrainingError.damaged(
      path: file.path,
      reason: "it holds \(name), which this system does not have; it was made by another version")
  }
}
