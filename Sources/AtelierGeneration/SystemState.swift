package import AtelierCore
package import Foundation
package import Torch
import TorchNN

/// Everything of a system that a checkpoint holds, as named tensors, and back. Frozen networks are not part
/// of it.
///
/// Names are `network/<network>/<key>`, `average/<network>/<key>`, `optimizer/<name>/<key>` and
/// `carried/<name>`.
package enum SystemState {
  package typealias Tensors = [(name: String, tensor: HostTensor)]

  /// What `model.safetensors` holds: networks, then averages.
  ///
  /// - Parameter left: networks that have no weights, and whose averages have none.
  package static func model(
    of system: any GenerativeSystem, leavingOut left: Set<String> = []
  ) -> Tensors {
    system.trainedNetworks.filter { !left.contains($0.name) }
      .flatMap { named("network/\($0.name)/", $0.module.hostState()) }
      + system.averages.filter { !left.contains($0.network) }
      .flatMap { named("average/\($0.network)/", $0.average.state()) }
  }

  /// What `training.safetensors` holds: moments, then carried state.
  ///
  /// - Parameter others: the carried states of further processes, by number, where they differ from this one's.
  package static func training(of system: any GenerativeSystem, others: [Int: Tensors] = [:]) -> Tensors {
    moments(of: system) + named("carried/", system.carriedState())
      + others.sorted { $0.key < $1.key }.flatMap { named("carried@\($0.key)/", $0.value) }
  }

  /// The moments of all optimisers.
  package static func moments(of system: any GenerativeSystem) -> Tensors {
    system.optimizers.flatMap { named("optimizer/\($0.name)/", $0.optimizer.state()) }
  }

  /// Puts a file's tensors back that ``model(of:)`` gave, those that a purpose needs.
  ///
  /// One network after the other, so that no more than one lies in memory twice.
  package static func loadModel(
    from file: URL, into system: any GenerativeSystem, for purpose: LoadingPurpose = .everything,
    refusingNaN: Bool = false
  ) throws {
    let left = purpose == .drawing ? Set(system.networks.filter(\.isForTraining).map(\.name)) : []
    var known: [String] = []
    func load(_ kind: String, _ network: String, _ take: (Tensors) throws -> Void) throws {
      let prefix = "\(kind)/\(network)/"
      known.append(prefix)
      guard !left.contains(network) else { return }
      let tensors = try Safetensors.read(file) { $0.hasPrefix(prefix) }.tensors
      if refusingNaN { try refuseNaN(tensors, file) }
      try take(tensors.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
    }
    for network in system.trainedNetworks {
      try load("network", network.name) { try network.module.load($0, from: file.path) }
    }
    for (network, average) in system.averages {
      try load("average", network) { try average.load($0, from: file.path) }
    }
    let names = try Safetensors.header(of: file).entries.map(\.name)
    let strange = names.filter { name in !known.contains { name.hasPrefix($0) } }
    try refuse(rest: strange.map { $0.split(separator: "/").prefix(2).joined(separator: "/") }, file)
  }

  /// Refuses weights that nothing can be drawn with.
  private static func refuseNaN(_ tensors: Tensors, _ file: URL) throws(TrainingError) {
    for (name, tensor) in tensors where tensor.dtype.isFloatingPoint && !Tensor(tensor).isFinite() {
      throw .damaged(
        path: file.path,
        reason:
          "its tensor '\(name)' holds NaN or infinite numbers, as a training that diverged leaves them; take an "
          + "earlier checkpoint or other weights")
    }
  }

  /// Whether processes have carried states of their own in a file's tensors.
  package static func hasSeveralCarriedStates(_ tensors: Tensors) -> Bool {
    tensors.contains { $0.name.hasPrefix("carried@") }
  }

  /// Puts back what ``training(of:others:)`` gave.
  ///
  /// - Parameter rank: the number of the process whose carried state is put back.
  package static func loadTraining(
    _ tensors: Tensors, into system: any GenerativeSystem, from file: URL, rank: Int = 0
  ) throws {
    var groups = grouped(
      tensors.filter { !$0.name.hasPrefix("carried/") && !$0.name.hasPrefix("carried@") }, depth: 2)
    for (name, optimizer) in system.optimizers {
      try optimizer.load(groups.removeValue(forKey: "optimizer/\(name)") ?? [], from: file.path)
    }
    try refuse(rest: Array(groups.keys), file)
    let own = "carried@\(rank)/"
    let prefix = tensors.contains { $0.name.hasPrefix(own) } ? own : "carried/"
    let carried = tensors.filter { $0.name.hasPrefix(prefix) }
    try system.restoreCarriedState(carried.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
  }

  /// The first weight or moment that holds something other than finite numbers.
  ///
  /// Carried state may: a best loss so far begins at infinity.
  package static func firstNonFinite(of system: any GenerativeSystem) -> String? {
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

  private static func refuse(rest: [String], _ file: URL) throws {
    guard let name = rest.min() else { return }
    throw TrainingError.damaged(
      path: file.path,
      reason: "it holds \(name), which this system does not have; it was made by another version")
  }
}
