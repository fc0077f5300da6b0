public import AtelierMetrics
public import AtelierTraining
public import Torch

/// Judges generated pictures against real ones that no part of training has seen, and puts beside every
/// number what the same measure gives for real pictures against real pictures.
///
/// Without that second number a distance says little: it depends on how many pictures there are, on the
/// features, and on how varied the data are.
public struct SampleJudge {
  /// What the pictures are compared by.
  public let features: any FeatureSource
  /// A classifier that learned from the real training set only; nil where there are no classes.
  public let classifier: ImageClassifier?

  let reference: Tensor
  let comparison: Tensor
  let source: String
  private let seed: UInt64

  /// A judge with its real pictures.
  ///
  /// - Parameters:
  ///   - reference: real pictures of the test set, uint8 `[n, channels, height, width]`.
  ///   - comparison: other held-out real pictures, as many as will be judged, for real against real.
  ///   - source: what the reference is called in protocols, for example `fashion-mnist test`.
  public init(
    features: any FeatureSource, classifier: ImageClassifier?, reference: Tensor, comparison: Tensor,
    source: String, seed: UInt64 = 0
  ) {
    self.features = features
    self.classifier = classifier
    self.reference = features.features(ofAll: reference)
    self.comparison = features.features(ofAll: comparison)
    self.source = source
    self.seed = seed
  }

  /// The share of pictures that the classifier gives the label they were generated for.
  ///
  /// - Parameters:
  ///   - samples: `[n, channels, height, width]` in -1 … 1; they are rounded to bytes first, as a file would.
  ///   - labels: int64 `[n]`.
  /// - Throws: `MetricError` where shapes do not fit.
  public func labelAccuracy(of samples: Tensor, labels: Tensor) throws -> MeasuredNumber? {
    guard let classifier else { return nil }
    let logits = classifier.logits(Self.rounded(samples))
    let accuracy = try AtelierMetrics.labelAccuracy(logits: logits, labels: labels)
    let right = logits.argmax(dim: 1).equal(labels).asType(.float64).doubles()
    let interval = try bootstrapInterval(ofMean: right, using: RandomStream(seed: seed, purpose: "bootstrap"))
    let report = classifier.report.map { "test accuracy \(fixed($0.testAccuracy, 4))" } ?? "untested"
    return MeasuredNumber(
      name: "label accuracy", value: accuracy.accuracy,
      interval: interval.interval, better: .larger,
      realAgainstReal: classifier.report?.testAccuracy,
      protocolText: "classifier trained on the real training set (\(report)), \(samples.shape[0]) samples")
  }

  /// Fréchet and kernel distance, precision, recall, density and coverage, and the share of pictures whose
  /// nearest other picture is of their own kind (0.5 is ideal).
  ///
  /// - Throws: `MetricError` where there are too few pictures.
  public func comparisons(of samples: Tensor) throws -> [MeasuredNumber] {
    try comparisons(ofFeatures: generatedFeatures(of: samples))
  }

  /// What the pictures are compared by, in words.
  var facts: String {
    features.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
  }

  /// The features of pictures that were rounded to bytes first.
  func generatedFeatures(of samples: Tensor) -> Tensor { features.features(ofAll: Self.rounded(samples)) }

  /// The comparisons of pictures whose features are known.
  func comparisons(ofFeatures generated: Tensor) throws -> [MeasuredNumber] {
    let samples = generated.shape[0]
    let setting = "\(facts), \(samples) samples against \(reference.shape[0]) of \(source)"
    func number(_ name: String, _ better: Better, _ extra: String = "", _ value: (Tensor) throws -> Double)
      throws -> MeasuredNumber
    {
      MeasuredNumber(
        name: name, value: try value(generated), better: better, realAgainstReal: try value(comparison),
        protocolText: extra.isEmpty ? setting : "\(setting), \(extra)")
    }
    // The two sets of the ball measures have the same size, as their paper wants it.
    let count = min(reference.shape[0], samples)
    let order = RandomStream(seed: seed, purpose: "reference subset").permutation(reference.shape[0])
    let balanced = reference.indexSelected(0, order.slice(0, 0, count))
    let balls = "k 5, \(count) of the reference drawn with seed \(seed)"
    let own = try precisionRecallDensityCoverage(real: balanced, fake: generated)
    let real = try precisionRecallDensityCoverage(real: balanced, fake: comparison)
    func ball(_ name: String, _ part: (PrecisionRecallDensityCoverage) -> Double) -> MeasuredNumber {
      MeasuredNumber(
        name: name, value: part(own), better: .larger, realAgainstReal: part(real),
        protocolText: "\(setting), \(balls)")
    }
    return [
      try number(frechetDistanceName(for: features), .smaller) {
        try frechetDistance(real: reference, fake: $0)
      },
      try number("kernel distance", .smaller, "polynomial of degree 3, 20 subsets of \(min(500, count))") {
        try kernelDistance(
          real: reference, fake: $0, subsets: 20, size: min(500, count),
          using: RandomStream(seed: seed, purpose: "kernel subsets")
        ).mean
      },
      ball("precision") { $0.precision }, ball("recall") { $0.recall }, ball("density") { $0.density },
      ball("coverage") { $0.coverage },
      try number("1-nearest-neighbour accuracy", .neither, "0.5 is ideal, \(count) of the reference") {
        try nearestNeighbourAccuracy(real: balanced, fake: $0.slice(0, 0, count)).accuracy
      },
    ]
  }

  /// The classifier's score in the manner of the inception score: exp of the mean divergence of each
  /// picture's class distribution from their mean.
  public func classifierScore(of samples: Tensor) throws -> MeasuredNumber? {
    guard let classifier else { return nil }
    let score = try inceptionScore(logits: classifier.logits(Self.rounded(samples)), splits: 1)
    return MeasuredNumber(
      name: "classifier score", value: score.mean, better: .larger,
      protocolText: "as the inception score, with Atelier's classifier (\(classifier.name)) in place of "
        + "Inception, \(samples.shape[0]) samples, 1 split"
    )
  }

  /// Pictures in -1 … 1 as the bytes a file would hold; bytes as they are.
  public static func rounded(_ samples: Tensor) -> Tensor {
    samples.dtype == .uint8
      ? samples : ((samples + 1) * 127.5).round().clamped(min: 0, max: 255).asType(.uint8)
  }
}
