import AtelierMetrics
import Perception
import Torch

/// Fréchet and kernel distance between sets of feature vectors `[n, features]`, with their protocol.
struct SetDistances {
  let source: any FeatureSource
  let seed: UInt64

  /// The fewest images of a set: a covariance of fewer says next to nothing.
  static let fewest = 20

  /// Each column's distance from the target.
  ///
  /// - Parameters:
  ///   - id: what the numbers are named by, before `-frechet` and `-kernel`.
  ///   - text: how many images were compared.
  func columns(
    _ columns: [Tensor], target: Tensor, id: String, provenance: Provenance, text: String
  ) throws -> [MeasuredColumns] {
    let facts = source.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let label = source is InceptionFID ? "" : ", \(source.name)"
    let frechet = try columns.map { try frechetDistance(real: target, fake: $0) }
    let size = min(500, target.shape[0], columns.map { $0.shape[0] }.min() ?? 2)
    let kernel = try columns.map {
      try kernelDistance(
        real: target, fake: $0, subsets: 20, size: size,
        using: RandomStream(seed: seed, purpose: "kernel subsets")
      ).mean
    }
    let halves = HalvesInterval(features: target.shape[1])
    func intervals(
      _ values: [Double], _ purpose: String, _ bounds: ClosedRange<Double>,
      _ value: (Tensor, Tensor) throws -> Double
    ) throws -> [ConfidenceInterval?] {
      try zip(columns, values).map { column, own in
        try halves(
          around: [own], of: [target, column], within: bounds,
          using: RandomStream(seed: seed, purpose: "halves \(purpose)")
        ) { [try value($0[0], $0[1])] }[0]
      }
    }
    let bias = target.shape[0] < target.shape[1] ? ", fewer pictures than features: for comparison only" : ""
    return [
      MeasuredColumns(
        id: "\(id)-frechet", name: frechetDistanceName(for: source) + label, better: .smaller,
        values: frechet,
        intervals: try intervals(frechet, "\(id)-frechet", 0 ... .infinity) {
          try frechetDistance(real: $0, fake: $1)
        },
        provenance: provenance, protocolText: "\(facts), \(text)\(bias), \(halves.protocolText)"),
      MeasuredColumns(
        id: "\(id)-kernel", name: "kernel distance" + label, better: .smaller, values: kernel,
        intervals: try intervals(kernel, "\(id)-kernel", -.infinity ... .infinity) {
          try kernelDistance(
            real: $0, fake: $1, subsets: 2, size: size,
            using: RandomStream(seed: seed, purpose: "kernel subsets")
          ).mean
        },
        provenance: provenance,
        protocolText:
          "\(facts), \(text), polynomial of degree 3, 20 subsets of \(size), \(halves.protocolText)"),
    ]
  }
}
