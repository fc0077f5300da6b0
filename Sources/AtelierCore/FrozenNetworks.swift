public import Perception
public import Torch

extension GenerativeSystem {
  /// The networks that are trained and saved; the others' weights lie in the store of weights.
  public var trainedNetworks: [Network] { networks.filter { $0.frozenFrom == nil } }

  /// Gives every frozen network its weights; a training does so before its first step, generation never.
  ///
  /// - Returns: SHA-256 of the weights by their name, for the record.
  /// - Throws: `PerceptionError` that says how to get what is missing.
  @discardableResult
  public func fillFrozenNetworks(
    from store: WeightStore, on device: Device = .cpu
  ) throws -> [String: String] {
    var hashes: [String: String] = [:]
    for network in networks {
      guard let weights = network.frozenFrom else { continue }
      guard let module = network.module as? PerceptionNetwork else {
        throw ConfigurationError(
          "the network '\(network.name)' of \(Self.identity.name) is frozen but no perception network")
      }
      hashes[weights] = try store.fill(module, with: weights, for: Self.identity.name, on: device)
    }
    return hashes
  }
}
