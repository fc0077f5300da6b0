public import AtelierCore
import AtelierMetrics
import Perception
import Torch

/// The learned perceptual distance (LPIPS) between an output and its target, by each network whose weights are
/// installed.
public struct LearnedDistanceMeasure: PairMeasure {
  /// What options and numbers name it by.
  public static let id = "lpips"

  /// The settings.
  public struct Options: Settings {
    /// The network: `alex`, `vgg` or `squeeze`; nil: all that are installed.
    public var network: String?

    /// All networks.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      let known = LPIPS.Trunk.allCases.map(\.shortName)
      if let network, !known.contains(network) {
        throw ConfigurationError("network is \(known.joined(separator: ", ")), not '\(network)'")
      }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// One for each network.
  ///
  /// - Throws: `PerceptionError` or `FileFormatError` for weights that are there but damaged.
  public func comparisons(_ material: TranslationMaterial) throws -> [PairComparison] {
    let store = material.options.weights
    let wanted = LPIPS.Trunk.allCases.filter { options.network == nil || options.network == $0.shortName }
    return try wanted.compactMap { trunk in
      let names = [trunk.weights.trunk, trunk.weights.heads]
      guard names.allSatisfy(store.contains) else {
        let absent = PretrainedWeights.all.filter { names.contains($0.name) && !store.contains($0.name) }
        if !absent.isEmpty {
          material.note(
            "LPIPS \(trunk.shortName) not measured: "
              + absent.map { "\($0.name) is missing, \($0.wayOut)" }.joined(separator: "; "))
        }
        return nil
      }
      let distance = try LPIPS(trunk, from: store, for: "LPIPS")
      return PairComparison(
        "LPIPS \(trunk.shortName)", protocolText: "rounded to bytes, whole pictures in -1 … 1",
        better: .smaller
      ) { output, target in
        guard min(target.shape[2], target.shape[3]) >= 32 else { return nil }
        func signed(_ image: Tensor) -> Tensor { image.asType(.float32) / 127.5 - 1 }
        return try distance.distances(ofAll: signed(output), signed(target)).item()
      }
    }
  }
}

extension LPIPS.Trunk {
  /// What the authors' code calls the network.
  fileprivate var shortName: String {
    switch self {
    case .alexnet: "alex"
    case .vgg16: "vgg"
    case .squeezenet: "squeeze"
    }
  }
}
