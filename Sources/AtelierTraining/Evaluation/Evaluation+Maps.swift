import AtelierData
import AtelierMetrics
import AtelierModels
import Foundation
import Perception
import Torch
import TorchNN

/// Measures of pictures that were made from label maps.
extension Evaluation {
  /// The direction from a label map to a picture, where the system has one.
  static func mapDirection<System: TranslatingSystem>(
    _ system: System
  ) -> (direction: TranslationDirection, classes: Int)? {
    let fields = System.fields(system.configuration)
    for direction in System.directions(system.configuration) {
      for case .labelMap(let classes, _, _) in fields.filter({ $0.name == direction.source }).map(\.kind) {
        return (direction, classes)
      }
    }
    return nil
  }

  /// Mean intersection over union and pixel accuracy by a segmenter that is trained on the real training
  /// pictures only, beside those of real held-out pictures; distances between generated and real pictures;
  /// how much samples of one map differ. Nothing for systems without label maps.
  func maps<System: TranslatingSystem>(_ system: System) throws -> [MeasuredNumber] {
    guard let (direction, classes) = Self.mapDirection(system) else { return [] }
    guard let training = try mapExamples(of: .train, direction) else { return [] }
    var held: (examples: SegmenterTraining.Examples, batches: [Batch], name: String)?
    for split in [DatasetSplit.test, .validation] {
      if let found = try mapExamples(of: split, direction) {
        held = (found.examples, found.batches, split.rawValue)
        break
      }
    }
    guard let held else {
      throw TrainingError.unfitData(
        path: data.path?.path ?? "the data",
        reason:
          "there is no test or validation part to measure on; put held-out pairs into folders of their own")
    }
    let ignored = options.ignoredLabel ?? ignoredByConfiguration()
    let segmenter = try segmenter(training.examples, held.examples, classes, ignored)
    say("drawing \(held.examples.images.shape[0]) pictures from the maps of the \(held.name) part")
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation maps"))
    let (generated, manner) = try pictures(system, direction, held.batches, draws)
    let source = "\(data.facts.description.name) \(held.name)"
    var numbers = try segmentation(
      SampleJudge.rounded(generated), held.examples, segmenter, classes, ignored, "\(source), \(manner)")
    numbers += try distances(generated, held.examples.images, training.examples.images, source)
    func sample(_ batch: Batch, _ draws: any Draws) throws -> Tensor {
      try system.translate(batch[direction.source], direction: direction, draws: draws)
    }
    if let spread = try diversity(held.batches, "global noise", sample) { numbers.append(spread) }
    if let regional = system as? any RegionalNoiseSystem {
      let spread = try diversity(held.batches, "noise drawn for each class apart") { batch, draws in
        try regional.translateWithRegionalNoise(batch[direction.source], draws: draws)
      }
      if let spread { numbers.append(spread) }
    }
    return numbers
  }

  private func ignoredByConfiguration() -> Int? {
    if case .integer(let label)? = data.configuration["ignoreLabel"] { return label }
    if case .boolean(true)? = data.configuration["dontcare"] { return 0 }
    return nil
  }

  /// Pairs as bytes and maps for the segmenter, and as the batches that the system takes.
  private func mapExamples(
    of split: DatasetSplit, _ direction: TranslationDirection
  ) throws -> (examples: SegmenterTraining.Examples, batches: [Batch])? {
    guard let dataset = try data.dataset(of: split) else { return nil }
    let most = min(dataset.count, split == .train ? 5000 : 1000)
    var images: [Tensor] = []
    var labels: [Tensor] = []
    var batches: [Batch] = []
    for index in 0..<most {
      let fields = try dataset.batch(at: [index])
      guard let image = fields[direction.target], let label = fields[direction.source] else { return nil }
      images.append(Tensor(image))
      labels.append(Tensor(label))
      if split != .train {
        batches.append(data.batch(HostBatch(fields: fields, indices: [index], epoch: 0, isFirst: true)))
      }
    }
    guard !images.isEmpty else { return nil }
    let examples = try SegmenterTraining.Examples(
      images: .concatenated(images, dim: 0), labels: .concatenated(labels, dim: 0))
    return (examples, batches)
  }

  private func segmenter(
    _ training: SegmenterTraining.Examples, _ test: SegmenterTraining.Examples, _ classes: Int,
    _ ignored: Int?
  ) throws -> PictureSegmenter {
    let folder = (options.classifierFile ?? URL(fileURLWithPath: "classifier.safetensors"))
      .deletingLastPathComponent()
    let file = folder.appendingPathComponent("segmenter.safetensors")
    say("the segmenter that judges (\(file.lastPathComponent); trained on the real training set only)")
    let plan = SegmenterTraining(seconds: options.classifierSeconds)
    return try withGradients {
      try plan.cached(at: file, train: training, test: test, classes: classes, ignoring: ignored)
    }
  }

  /// A picture for each map, `[n, 3, height, width]` in -1 … 1, and how it was made.
  private func pictures<System: TranslatingSystem>(
    _ system: System, _ direction: TranslationDirection, _ batches: [Batch], _ draws: any Draws
  ) throws -> (Tensor, String) {
    if let reconstructing = system as? any ReconstructingSystem {
      let made = try batches.map { try reconstructing.reconstruct($0, draws: draws) }
      return (.concatenated(made, dim: 0), "styles of the real pictures")
    }
    let made = try batches.map { batch in
      try system.translate(batch[direction.source], direction: direction, draws: draws)
    }
    return (.concatenated(made, dim: 0), "one sample a map")
  }

  private func segmentation(
    _ generated: Tensor, _ held: SegmenterTraining.Examples, _ segmenter: PictureSegmenter, _ classes: Int,
    _ ignored: Int?, _ source: String
  ) throws -> [MeasuredNumber] {
    var scores = try SegmentationScores(classes: classes)
    try scores.add(prediction: segmenter.segment(generated), target: held.labels, ignoring: ignored)
    let shape = held.images.shape
    let network = segmenter.report.map {
      "U-Net trained on \($0.trainingCount) real training pictures (\($0.fingerprint.prefix(8)), \($0.steps) steps"
        + ($0.wasShortened ? ", shortened by the time limit)" : ")")
    }
    let setting =
      "\(network ?? "untrained U-Net"), \(shape[0]) pictures of \(source), \(shape[3])×\(shape[2]) pixels for "
      + "pictures, maps and predictions, maps resized by nearest neighbour, \(classes) classes, "
      + (ignored.map { "label \($0) left out" } ?? "no label left out")
      + ", one scale, counts gathered before they are divided"
    return [
      MeasuredNumber(
        name: "mean intersection over union", value: scores.meanIntersectionOverUnion,
        realAgainstReal: segmenter.report?.meanIntersectionOverUnion, protocolText: setting),
      MeasuredNumber(
        name: "pixel accuracy", value: scores.pixelAccuracy,
        realAgainstReal: segmenter.report?.pixelAccuracy, protocolText: setting),
    ]
  }

  /// Distances by every feature source there is: the pictures' maps are those of the real ones, so that both
  /// sets show the same scenes. Real against real compares with the training pictures.
  private func distances(
    _ generated: Tensor, _ held: Tensor, _ training: Tensor, _ source: String
  ) throws -> [MeasuredNumber] {
    var sources: [any FeatureSource] = []
    if options.weights.contains("efficientnet-lite0") {
      sources.append(try EfficientNetLiteFeatures(from: options.weights))
    }
    if sources.isEmpty { sources.append(RawPixels()) }
    if let weights = options.inceptionWeights { sources.append(try InceptionFID.load(from: weights)) }
    let rows = RandomStream(seed: options.seed, purpose: "real against real").permutation(training.shape[0])
    let others = training.indexSelected(0, rows.slice(0, 0, min(held.shape[0], training.shape[0])))
    return try sources.flatMap { features in
      say("comparing with \(source) by \(features.name)")
      let judge = SampleJudge(
        features: features, classifier: nil, reference: held, comparison: others, source: source,
        seed: options.seed)
      return try judge.comparisons(of: generated)
    }
  }

  /// The mean LPIPS distance between two samples of one map, over at most 50 maps; nil where a system makes
  /// the same picture every time, or where the weights of LPIPS are not there.
  private func diversity(
    _ batches: [Batch], _ manner: String, _ draw: (Batch, any Draws) throws -> Tensor
  ) throws -> MeasuredNumber? {
    guard let first = batches.first else { return nil }
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation diversity"))
    func sample(_ batch: Batch) throws -> Tensor { try draw(batch, draws) }
    guard try (sample(first) - sample(first)).abs().max().item() > 1e-6 else { return nil }
    let distance: LPIPS
    do {
      distance = try LPIPS(.alexnet, from: options.weights, for: "the measure of diversity")
    } catch {
      say("no diversity: \(error)")
      return nil
    }
    let chosen = batches.prefix(50)
    let pairs = try chosen.map { (try sample($0), try sample($0)) }
    let values = try distance.distances(
      ofAll: .concatenated(pairs.map { $0.0 }, dim: 0), .concatenated(pairs.map { $0.1 }, dim: 0)
    ).doubles()
    let interval = try bootstrapInterval(
      ofMean: values, using: RandomStream(seed: options.seed, purpose: "bootstrap"))
    let facts = distance.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return MeasuredNumber(
      name: "diversity (LPIPS, \(manner))", value: interval.value,
      interval: [interval.interval.lower, interval.interval.upper],
      protocolText: "\(facts), two samples of each of \(chosen.count) maps")
  }
}
