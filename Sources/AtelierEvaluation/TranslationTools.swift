import AtelierCore
import AtelierData
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Foundation
import Perception
import Torch
import TorchNN

// What the evaluation of translations asks of systems whose type is known only at run time.

/// The directions of a system.
func directions(_ system: any TranslatingSystem) -> [TranslationDirection] {
  system.directions
}

/// Whether a system learns from two sets without correspondence.
func isUnpaired(_ system: any TranslatingSystem) -> Bool {
  system.plan.data?.arrangement is UnpairedImages
}

/// The range of a field of a system.
func range(_ system: any TranslatingSystem, _ field: String) -> ImageRange { system.range(of: field) }

/// Images in a range as the bytes a file would hold.
func bytes(_ pictures: Tensor, _ range: ImageRange) -> Tensor {
  let scaled = range == .unit ? pictures * 255 : (pictures + 1) * 127.5
  return scaled.round().clamped(min: 0, max: 255).asType(.uint8)
}

/// A condition as bytes where it is an image of one or three channels, or of three and alpha, which is left
/// out: what inpainting starts from. Nil where it is none.
func pictureBytes(_ source: Tensor, _ system: any TranslatingSystem, _ field: String) -> Tensor? {
  guard source.rank == 4, [1, 3, 4].contains(source.shape[1]), source.dtype.isFloatingPoint else {
    return nil
  }
  let picture = source.shape[1] == 4 ? source.slice(1, 0, 3) : source
  return bytes(picture, range(system, field))
}

/// What a system makes of one condition of any size, as bytes.
func translated(
  _ system: any TranslatingSystem, _ source: Tensor, _ direction: TranslationDirection, _ draws: any Draws
) throws -> Tensor {
  let output = try system.translateWhole(source, direction: direction, draws: draws)
  return bytes(output, range(system, direction.target)).contiguous()
}

/// Distances between sets of feature vectors `[n, features]`, with their protocol.
struct SetDistances {
  let source: any FeatureSource
  let seed: UInt64

  /// The fewest images of a set: a covariance of fewer says next to nothing.
  static let fewest = 20

  /// Rows of a table: Fréchet and kernel distance of each column's features from the target's.
  func rows(_ columns: [Tensor?], target: Tensor, text: String) throws -> [EvaluationTable.Row] {
    let facts = source.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let name = frechetDistanceName(for: source)
    let label = source is InceptionFID ? "" : ", \(source.name)"
    let frechet = try columns.map { column in
      try column.map { try frechetDistance(real: target, fake: $0) }
    }
    let size = min(500, target.shape[0], columns.compactMap { $0?.shape[0] }.min() ?? 2)
    let kernel = try columns.map { column in
      try column.map {
        try kernelDistance(
          real: target, fake: $0, subsets: 20, size: size,
          using: RandomStream(seed: seed, purpose: "kernel subsets")
        ).mean
      }
    }
    let bias = target.shape[0] < target.shape[1] ? ", fewer pictures than features: for comparison only" : ""
    return [
      EvaluationTable.Row(
        name + label, protocolText: "\(facts), \(text)\(bias)", better: .smaller, values: frechet),
      EvaluationTable.Row(
        "kernel distance" + label,
        protocolText: "\(facts), \(text), polynomial of degree 3, 20 subsets of \(size)",
        better: .smaller, values: kernel),
    ]
  }
}

extension TranslationEvaluation {
  /// The learned perceptual distances whose weights are installed.
  ///
  /// - Throws: `PerceptionError` or `FileFormatError` for weights that are there but damaged.
  func perceptualDistances() throws -> [(name: String, distance: (Tensor, Tensor) throws -> Double)] {
    try LPIPS.Trunk.allCases.compactMap { trunk in
      guard options.weights.contains(trunk.weights.trunk), options.weights.contains(trunk.weights.heads)
      else { return nil }
      let distance = try LPIPS(trunk, from: options.weights, for: "LPIPS")
      return ("LPIPS \(Self.title(of: trunk))", { try distance.distances(ofAll: $0, $1).item() })
    }
  }

  /// Whether the store holds the Inception of the FID paper, which nobody draws.
  private var hasStoredInception: Bool {
    options.weights.folder != nil && options.weights.contains(InceptionFID.storedName)
  }

  /// The sources of features that are there: the Inception of the FID paper, from a named file or the store,
  /// and EfficientNet-Lite0 where it is installed. The distances are named after them.
  ///
  /// - Throws: as ``perceptualDistances()``.
  func featureSources() throws -> [any FeatureSource] {
    var sources: [any FeatureSource] = []
    if let file = options.inceptionWeights {
      sources.append(try InceptionFID.load(from: file))
    } else if hasStoredInception {
      sources.append(try InceptionFID.load(from: options.weights))
    }
    if options.weights.contains("efficientnet-lite0") {
      sources.append(try EfficientNetLiteFeatures(from: options.weights))
    }
    return sources
  }

  /// What was left out because weights are missing, and the way to it.
  func missing() -> [String] {
    var notes: [String] = []
    for trunk in LPIPS.Trunk.allCases {
      let absent = PretrainedWeights.all.filter {
        [trunk.weights.trunk, trunk.weights.heads].contains($0.name) && !options.weights.contains($0.name)
      }
      guard !absent.isEmpty else { continue }
      notes.append(
        "LPIPS \(Self.title(of: trunk)) not measured: "
          + absent.map { "\($0.name) is missing, \($0.wayOut)" }.joined(separator: "; "))
    }
    if !options.weights.contains("efficientnet-lite0"), options.inceptionWeights == nil, !hasStoredInception {
      notes.append(
        "Fréchet and kernel distance not measured: `atelier weights install efficientnet-lite0` fetches a "
          + "source of features, `atelier weights import` takes the FID paper's Inception")
    }
    return notes
  }

  private static func title(of trunk: LPIPS.Trunk) -> String {
    switch trunk {
    case .alexnet: "alex"
    case .vgg16: "vgg"
    case .squeezenet: "squeeze"
    }
  }
}
