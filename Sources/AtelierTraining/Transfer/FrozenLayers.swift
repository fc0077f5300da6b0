import AtelierCore
import AtelierGeneration
import Torch
import TorchNN

/// The lowest layers of the discriminators, which a training leaves as they are.
///
/// A layer is a module with a weight of its own, in the order of declaration, which is that from the image
/// onwards; embeddings of classes are none and go on learning. Where a discriminator looks at several scales, the
/// layers of each count from its own image. Source: Mo et al. 2020, "Freeze the Discriminator" (FreezeD).
enum FrozenLayers {
  /// Freezes the lowest layers.
  ///
  /// - Parameter record: what training begins with; nil: initial weights, or a resumption.
  /// - Returns: the frozen layers, each `network/layer`.
  /// - Throws: ``TrainingError/invalid(reason:)`` for a system without discriminators, or with fewer layers.
  static func freeze(
    _ count: Int, of system: any GenerativeSystem, beginningWith record: TransferRecord? = nil
  ) throws(TrainingError) -> [String] {
    let name = type(of: system).identity.name
    let judges = system.trainedNetworks.filter(\.isForTraining)
    guard !judges.isEmpty else {
      throw .invalid(reason: "\(name) has no discriminator whose layers could be frozen; leave the key out")
    }
    var frozen: [String] = []
    for network in judges {
      let paths = (network.module as? any SeveralInputPaths)?.inputPaths ?? [network.module]
      let names = Dictionary(
        network.module.namedModules().map { (ObjectIdentifier($0.module), $0.name) }
      ) { first, _ in first }
      for path in paths {
        let layers = layers(of: path)
        guard count < layers.count else {
          throw .invalid(
            reason:
              "the \(network.name) of \(name) has \(layers.count) layers from the image onwards, so that at most "
              + "\(layers.count - 1) can be frozen, not \(count)")
        }
        for module in modules(of: path, before: layers[count]) {
          for case .tensor(_, let slot) in module.members() where slot.isParameter {
            slot.current?.requiresGradient = false
          }
        }
        let random = Set(record?.reinitialised.map(\.tensor) ?? [])
        for layer in layers.prefix(count) {
          let place = "\(network.name)/\(names[ObjectIdentifier(layer)] ?? "")"
          guard let lost = random.first(where: { $0.hasPrefix("network/\(place).") }) else { continue }
          throw .invalid(
            reason:
              "\(lost) is re-initialised, and frozen it would stay as random as it is; freeze fewer layers, or take "
              + "weights that fit")
        }
        frozen += layers.prefix(count).map { "\(network.name)/\(names[ObjectIdentifier($0)] ?? "")" }
      }
    }
    return frozen
  }

  /// The modules with a weight of at least two axes, from the image onwards.
  private static func layers(of path: Module) -> [Module] {
    path.allModules().filter { module in
      guard !(module is Embedding) else { return false }
      return module.members().contains { member in
        guard case .tensor(_, let slot) = member, slot.isParameter else { return false }
        return (slot.current?.rank ?? 0) >= 2
      }
    }
  }

  /// Everything declared before a layer, its norms too, without embeddings.
  private static func modules(of path: Module, before layer: Module) -> [Module] {
    Array(path.allModules().prefix { $0 !== layer }).filter { !($0 is Embedding) }
  }
}
