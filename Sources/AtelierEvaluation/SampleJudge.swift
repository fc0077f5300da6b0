import AtelierMetrics
import AtelierTraining
import Torch

/// Judges generated images against real ones that no part of training has seen, and puts beside every
/// number what the same measure gives for real images against real images.
///
/// Without that second number a distance says little: it depends on how many images there are, on the
/// features, and on how varied the data are.
struct SampleJudge {
  /// What the images are compared by.
  let features: any FeatureSource
  /// A classifier that learned from the real training set only; nil where there are no classes.
  let classifier: ImageClassifier?

  let reference: Tensor
  let comparison: Tensor
  let source: String
  private let seed: UInt64
  private let measuredOn: Provenance

  /// A judge with its real images.
  ///
  /// - Parameters:
  ///   - reference: real images of the test set, uint8 `[n, channels, height, width]`.
  ///   - comparison: other held-out real images, as many as will be judged, for real against real.
  ///   - source: what the reference is called in protocols, for example `fashion-mnist test`.
  ///   - provenance: the data and their part, which numbers carry beside the features'.
  init(
    features: any FeatureSource, classifier: ImageClassifier?, reference: Tensor, comparison: Tensor,
    source: String, seed: UInt64 = 0, provenance: Provenance = Provenance()
  ) {
    measuredOn = provenance
    self.features = features
    self.classifier = classifier
    self.reference = features.features(ofAll: reference)
    self.comparison = features.features(ofAll: comparison)
    self.source = source
    self.seed = seed
  }

  /// What the images are compared by, in words.
  var facts: String {
    features.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
  }

  /// The features of images that were rounded to bytes first.
  func generatedFeatures(of samples: Tensor) -> Tensor { features.features(ofAll: Self.rounded(samples)) }

  // MARK: Numbers of generated images' features

  /// A number of generated images' features with that of the real ones in their place.
  private func number(
    _ id: String, _ name: String, _ better: Better, of generated: Tensor, _ extra: String = "",
    _ value: (Tensor) throws -> Double
  ) throws -> MeasuredNumber {
    MeasuredNumber(
      id: id, name: name, value: try value(generated), better: better, realAgainstReal: try value(comparison),
      provenance: provenance(samples: generated.shape[0]),
      protocolText: setting(generated) + (extra.isEmpty ? "" : ", \(extra)"))
  }

  private func setting(_ generated: Tensor) -> String {
    "\(facts), \(generated.shape[0]) samples against \(reference.shape[0]) of \(source)"
  }

  /// What a number of so many samples was measured on.
  func provenance(samples: Int) -> Provenance {
    var result = measuredOn.merging(features.provenance)
    result["samples"] = "\(samples)"
    result["reference"] = "\(reference.shape[0])"
    return result
  }

  /// As many of the reference as there are samples: the two sets of the measures by neighbours have the same
  /// size, as their papers want it.
  private func balanced(_ generated: Tensor) -> Tensor {
    let count = min(reference.shape[0], generated.shape[0])
    let order = RandomStream(seed: seed, purpose: "reference subset").permutation(reference.shape[0])
    return reference.indexSelected(0, order.slice(0, 0, count))
  }

  /// The Fréchet distance, named after the features.
  ///
  /// - Throws: `MetricError` where there are too few images, as the other numbers do.
  func frechet(_ generated: Tensor) throws -> MeasuredNumber {
    try number("frechet-distance", frechetDistanceName(for: features), .smaller, of: generated) {
      try frechetDistance(real: reference, fake: $0)
    }
  }

  /// The kernel distance.
  func kernel(_ generated: Tensor) throws -> MeasuredNumber {
    let size = min(500, reference.shape[0], generated.shape[0])
    return try number(
      "kernel-distance", "kernel distance", .smaller, of: generated,
      "polynomial of degree 3, 20 subsets of \(size)"
    ) {
      try kernelDistance(
        real: reference, fake: $0, subsets: 20, size: size,
        using: RandomStream(seed: seed, purpose: "kernel subsets")
      ).mean
    }
  }

  /// Precision, recall, density and coverage.
  func manifold(_ generated: Tensor) throws -> [MeasuredNumber] {
    let balanced = balanced(generated)
    let own = try precisionRecallDensityCoverage(real: balanced, fake: generated)
    let real = try precisionRecallDensityCoverage(real: balanced, fake: comparison)
    let text =
      "\(setting(generated)), k 5, \(balanced.shape[0]) of the reference drawn with seed \(seed)"
    func part(_ name: String, _ own: Double, _ real: Double) -> MeasuredNumber {
      MeasuredNumber(
        id: name, name: name, value: own, better: .larger, realAgainstReal: real,
        provenance: provenance(samples: generated.shape[0]), protocolText: text)
    }
    return [
      part("precision", own.precision, real.precision), part("recall", own.recall, real.recall),
      part("density", own.density, real.density), part("coverage", own.coverage, real.coverage),
    ]
  }

  /// The share of images whose nearest other image is of their own kind; 0.5 is ideal.
  func neighbours(_ generated: Tensor) throws -> MeasuredNumber {
    let balanced = balanced(generated)
    let count = balanced.shape[0]
    return try number(
      "nearest-neighbour-accuracy", "1-nearest-neighbour accuracy", .neither, of: generated,
      "0.5 is ideal, \(count) of the reference"
    ) { try nearestNeighbourAccuracy(real: balanced, fake: $0.slice(0, 0, count)).accuracy }
  }

  /// Images in -1 … 1 as the bytes a file would hold; bytes as they are.
  static func rounded(_ samples: Tensor) -> Tensor {
    samples.dtype == .uint8
      ? samples : ((samples + 1) * 127.5).round().clamped(min: 0, max: 255).asType(.uint8)
  }
}
