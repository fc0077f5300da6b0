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
  let seed: UInt64
  private let measuredOn: Provenance

  /// A judge with its real images.
  ///
  /// - Parameters:
  ///   - reference: the features of real images of the test set, `[n, features]`.
  ///   - comparison: those of other held-out real images, as many as will be judged, for real against real.
  ///   - source: what the reference is called in protocols, for example `fashion-mnist test`.
  ///   - provenance: the data and their part, which numbers carry beside the features'.
  init(
    features: any FeatureSource, classifier: ImageClassifier?, reference: Tensor, comparison: Tensor,
    source: String, seed: UInt64 = 0, provenance: Provenance = Provenance()
  ) {
    measuredOn = provenance
    self.features = features
    self.classifier = classifier
    self.reference = reference
    self.comparison = comparison
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
  ///
  /// - Parameters:
  ///   - real: what it is compared with; nil: the reference.
  ///   - bounds: what it lies in.
  ///   - half: the same value of halves, where that is computed otherwise.
  ///   - value: of the real ones and the others.
  private func number(
    _ id: String, _ name: String, _ better: Better, of generated: Tensor, against real: Tensor? = nil,
    within bounds: ClosedRange<Double>, _ extra: String = "",
    half: ((Tensor, Tensor) throws -> Double)? = nil,
    _ value: (Tensor, Tensor) throws -> Double
  ) throws -> MeasuredNumber {
    let real = real ?? reference
    let own = try value(real, generated)
    let interval = try interval(around: [own], id, real, generated, bounds) {
      (first: Tensor, second: Tensor) in
      if let half { return [try half(first, second)] }
      return [try value(first, second)]
    }
    return MeasuredNumber(
      id: id, name: name, value: own, interval: interval[0], better: better,
      realAgainstReal: try value(real, comparison), provenance: provenance(samples: generated.shape[0]),
      protocolText: setting(generated) + (extra.isEmpty ? "" : ", \(extra)") + told(interval[0]))
  }

  private var halves: HalvesInterval { HalvesInterval(features: reference.shape[1]) }

  /// What a protocol says of an interval.
  func told(_ interval: ConfidenceInterval?) -> String {
    interval == nil ? "" : ", \(halves.protocolText)"
  }

  private func interval(
    around values: [Double], _ id: String, _ real: Tensor, _ generated: Tensor, _ bounds: ClosedRange<Double>,
    _ statistics: (Tensor, Tensor) throws -> [Double]
  ) throws -> [ConfidenceInterval?] {
    try halves(
      around: values, of: [real, generated], within: bounds,
      using: RandomStream(seed: seed, purpose: "halves \(id)")
    ) { try statistics($0[0], $0[1]) }
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
    try number(
      "frechet-distance", frechetDistanceName(for: features), .smaller, of: generated, within: 0 ... .infinity
    ) { try frechetDistance(real: $0, fake: $1) }
  }

  /// The kernel distance.
  func kernel(_ generated: Tensor) throws -> MeasuredNumber {
    let size = min(500, reference.shape[0], generated.shape[0])
    return try number(
      "kernel-distance", "kernel distance", .smaller, of: generated, within: -.infinity ... .infinity,
      "polynomial of degree 3, 20 subsets of \(size)",
      half: {
        try kernelDistance(
          real: $0, fake: $1, subsets: 2, size: size,
          using: RandomStream(seed: seed, purpose: "kernel subsets")
        ).mean
      }
    ) {
      try kernelDistance(
        real: $0, fake: $1, subsets: 20, size: size,
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
    func values(_ found: PrecisionRecallDensityCoverage) -> [Double] {
      [found.precision, found.recall, found.density, found.coverage]
    }
    var intervals: [ConfidenceInterval?] = [nil, nil, nil, nil]
    if min(balanced.shape[0], generated.shape[0]) >= 20 {
      intervals = try interval(around: values(own), "precision-recall", balanced, generated, 0 ... .infinity)
      {
        values(try precisionRecallDensityCoverage(real: $0, fake: $1))
      }
    }
    func part(_ name: String, _ own: Double, _ real: Double) -> MeasuredNumber {
      var interval = intervals.removeFirst()
      if name != "density", let found = interval {
        interval = ConfidenceInterval(lower: found.lower, upper: min(1, found.upper))
      }
      return MeasuredNumber(
        id: name, name: name, value: own, interval: interval, better: .larger, realAgainstReal: real,
        provenance: provenance(samples: generated.shape[0]), protocolText: text + told(interval))
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
      against: balanced,
      within: 0...1, "0.5 is ideal, \(count) of the reference"
    ) { try nearestNeighbourAccuracy(real: $0, fake: $1.slice(0, 0, min(count, $1.shape[0]))).accuracy }
  }

  /// Images in -1 … 1 as the bytes a file would hold; bytes as they are.
  static func rounded(_ samples: Tensor) -> Tensor {
    samples.dtype == .uint8
      ? samples : ((samples + 1) * 127.5).round().clamped(min: 0, max: 255).asType(.uint8)
  }
}
