public import AtelierCore
public import AtelierData
import AtelierGeneration
public import AtelierMetrics
import AtelierTraining
import Foundation
public import Torch

/// The Fréchet distance between generated images and the statistics of a set that were kept in a file.
public struct ReferenceStatisticsMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "reference-frechet-distance"

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The number; none where no file is named. Where statistics are to be kept, those of the held-out part are written.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` for statistics of other features or images.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    if let file = context.options.savedStatistics {
      let test = try context.heldOutImages()
      let statistics = try ReferenceStatistics(
        of: test.images, by: try features(context), part: test.name, context.data.facts.description)
      try statistics.save(to: file)
      context.say("wrote the statistics of \(statistics.statistics.count) images to \(file.path)")
    }
    guard let file = context.options.statistics else { return [] }
    let reference = try ReferenceStatistics.load(from: file)
    let source = try features(context)
    let samples = try context.samples().samples
    var facts = source.provenance
    facts["size"] = Self.size(of: samples)
    if let name = reference.differences(from: facts).first {
      throw MetricError(
        "\(file.path) is of \(name) '\(reference.facts[name] ?? "none")', and these images of "
          + "'\(facts[name] ?? "none")'; make statistics of the same with `atelier data statistics`"
          + (name == "features" ? ", or name the network's weights" : ""))
    }
    let features = source.features(ofAll: SampleJudge.rounded(samples))
    func distance(_ features: Tensor) throws -> Double {
      try frechetDistance(reference.statistics, FeatureStatistics(features))
    }
    let value = try distance(features)
    let halves = HalvesInterval(features: features.shape[1])
    let interval = try halves(
      around: [value], of: [features], within: 0 ... .infinity,
      using: RandomStream(seed: context.options.seed, purpose: "halves \(Self.id)")
    ) { [try distance($0[0])] }[0]
    let told = reference.facts.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return [
      MeasuredNumber(
        id: Self.id, name: frechetDistanceName(for: source) + " from kept statistics", value: value,
        interval: interval, better: .smaller,
        provenance: reference.facts.merging([
          "samples": "\(samples.shape[0])", "reference": "\(reference.statistics.count)",
          "seed": "\(context.options.seed)",
        ]),
        protocolText: "\(told), \(samples.shape[0]) samples against \(reference.statistics.count) of the file"
          + (interval == nil ? "" : ", \(halves.protocolText)"))
    ]
  }

  /// The Inception of the FID paper where its weights are named, else pixels: what anybody else has too, unlike a run's
  /// own classifier.
  private func features(_ context: EvaluationContext) throws -> any FeatureSource {
    try context.inception() ?? RawPixels()
  }

  /// `28x28x1`.
  static func size(of images: Tensor) -> String {
    "\(images.shape[3])x\(images.shape[2])x\(images.shape[1])"
  }
}

extension ReferenceStatistics {
  /// The statistics of images as a data set holds them.
  ///
  /// - Parameters:
  ///   - images: uint8 `[n, channels, height, width]`.
  ///   - part: `train`, `validation` or `test`.
  public init(
    of images: Tensor, by features: any FeatureSource, part: String, _ data: DatasetDescription
  ) throws {
    self.init(
      try FeatureStatistics(features.features(ofAll: images)),
      facts: Self.facts(of: images, by: features, part, data))
  }

  /// The statistics of all images of a data set, which are read in batches; neither images nor features are kept.
  ///
  /// - Parameters:
  ///   - part: `train`, `validation` or `test`.
  ///   - batchSize: images that are held at a time.
  /// - Throws: `DatasetError` for an image that cannot be read, `MetricError` for fewer than two images.
  public init(
    of data: any Dataset, by features: any FeatureSource, part: String, batchSize: Int = 256
  ) throws {
    let loader = try Loader(
      data, batchSize: batchSize, shuffles: false, dropsLast: false, corruptImages: .stop)
    let accumulator = FeatureStatistics.Accumulator()
    var facts: Provenance?
    for _ in 0..<loader.batchesPerEpoch {
      guard let read = try loader.next()["image"] else {
        throw DatasetError.unusable(path: data.description.name, reason: "it holds no images")
      }
      let images = Tensor(read)
      facts = facts ?? Self.facts(of: images, by: features, part, data.description)
      try accumulator.add(features.features(ofAll: images))
    }
    self.init(try accumulator.statistics(), facts: facts ?? Provenance())
  }

  private static func facts(
    of images: Tensor, by features: any FeatureSource, _ part: String, _ data: DatasetDescription
  ) -> Provenance {
    var facts = features.provenance
    facts["size"] = ReferenceStatisticsMeasure.size(of: images)
    facts["data"] = data.name
    facts["fingerprint"] = data.fingerprint
    facts["part"] = part
    return facts
  }
}
