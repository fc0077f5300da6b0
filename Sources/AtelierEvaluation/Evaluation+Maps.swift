import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Foundation
import Perception
import Torch
import TorchNN

/// Measures of pictures that were made from label maps.
extension Evaluation {
  /// The direction from a label map to a picture, where the system has one.
  static func mapDirection(
    _ system: any TranslatingSystem
  ) -> (direction: TranslationDirection, classes: Int)? {
    let fields = system.plan.fields
    for direction in system.directions {
      for case .labelMap(let classes, _, _) in fields.filter({ $0.name == direction.source }).map(\.kind) {
        return (direction, classes)
      }
    }
    return nil
  }

  /// Mean intersection over union and pixel accuracy by a segmenter that is trained on the real training
  /// pictures only, beside those of real held-out pictures; distances between generated and real pictures;
  /// how much samples of one map differ. Nothing for systems without label maps.
  func maps(_ system: any TranslatingSystem) throws -> [MeasuredNumber] {
    guard let (direction, classes) = Self.mapDirection(system) else { return [] }
    guard let training = try mapExamples(of: .train, direction, classes) else { return [] }
    guard let held = try heldPairs(direction, classes) else {
      throw TrainingError.unfitData(
        path: data.path?.path ?? "the data",
        reason:
          "there is no test or validation part to measure on; put held-out pairs into folders of their own")
    }
    let ignored = options.ignoredLabel ?? ignoredByConfiguration()
    let judge = try segmentationJudge(training, held.examples, classes, ignored)
    say("drawing \(held.count) pictures from the maps of the \(held.name) part")
    let source = "\(data.facts.description.name) \(held.name)"
    let range = system.range(of: direction.target)
    let plain = try pictures(held, in: range) { batch, draws in
      try system.translate(batch[direction.source], direction: direction, draws: draws)
    }
    var (generated, manner) = (plain, "one sample a map")
    var numbers: [MeasuredNumber] = []
    if let reconstructing = system as? any ReconstructingSystem {
      generated = try pictures(held, in: range) { try reconstructing.reconstruct($0, draws: $1) }
      manner = "styles of the real pictures"
      numbers += try rebuilding(
        generated, without: plain, called: "mean styles", held.examples.images, source)
    }
    numbers += try segmentation(
      generated, held.examples, judge, classes, ignored, "\(source), \(manner)")
    numbers += try distances(generated, held.examples.images, training.images, source)
    func sample(_ batch: Batch, _ draws: any Draws) throws -> Tensor {
      try system.translate(batch[direction.source], direction: direction, draws: draws)
    }
    if let spread = try diversity(held, "global noise", sample) { numbers.append(spread) }
    if let regional = system as? any RegionalNoiseSystem {
      let spread = try diversity(held, "noise drawn for each class apart") { batch, draws in
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

  /// Held-out pairs: for the segmenter, and as the batches of one that the system takes, which are made when
  /// they are asked for.
  private struct HeldPairs {
    let examples: SegmenterTraining.Examples
    let count: Int
    let name: String
    let batch: (Int) throws -> Batch
  }

  private func heldPairs(_ direction: TranslationDirection, _ classes: Int) throws -> HeldPairs? {
    for split in [DatasetSplit.test, .validation] {
      guard let dataset = try data.dataset(of: split),
        let examples = try mapExamples(of: split, direction, classes)
      else { continue }
      return HeldPairs(examples: examples, count: examples.images.shape[0], name: split.rawValue) { index in
        data.batch(
          HostBatch(fields: try dataset.batch(at: [index]), indices: [index], epoch: 0, isFirst: true))
      }
    }
    return nil
  }

  /// Pairs as bytes and maps for the segmenter. Maps are kept as bytes where their classes fit: those of some
  /// thousands of pictures would else take gigabytes.
  private func mapExamples(
    of split: DatasetSplit, _ direction: TranslationDirection, _ classes: Int
  ) throws -> SegmenterTraining.Examples? {
    guard let dataset = try data.dataset(of: split) else { return nil }
    let most = min(dataset.count, split == .train ? 5000 : 1000)
    var images: [Tensor] = []
    var labels: [Tensor] = []
    for index in 0..<most {
      let fields = try dataset.batch(at: [index])
      guard let image = fields[direction.target], let label = fields[direction.source] else { return nil }
      images.append(Tensor(image))
      let map = Tensor(label)
      labels.append(classes <= 256 ? map.asType(.uint8) : map)
    }
    guard !images.isEmpty else { return nil }
    return try SegmenterTraining.Examples(
      images: .concatenated(images, dim: 0), labels: .concatenated(labels, dim: 0))
  }

  /// A picture for each map, bytes `[n, 3, height, width]`, each rounded as soon as it is made.
  private func pictures(
    _ held: HeldPairs, in range: ImageRange, _ make: (Batch, any Draws) throws -> Tensor
  ) throws -> Tensor {
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation maps"))
    let made = try (0..<held.count).map { bytes(try make(held.batch($0), draws), range) }
    return .concatenated(made, dim: 0)
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
    _ held: HeldPairs, _ manner: String, _ draw: (Batch, any Draws) throws -> Tensor
  ) throws -> MeasuredNumber? {
    guard held.count > 0 else { return nil }
    let first = try held.batch(0)
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
    let count = min(50, held.count)
    let pairs = try (0..<count).map { index in
      let batch = try held.batch(index)
      return (try sample(batch), try sample(batch))
    }
    let values = try distance.distances(
      ofAll: .concatenated(pairs.map { $0.0 }, dim: 0), .concatenated(pairs.map { $0.1 }, dim: 0)
    ).doubles()
    let interval = try bootstrapInterval(
      ofMean: values, using: RandomStream(seed: options.seed, purpose: "bootstrap"))
    let facts = distance.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return MeasuredNumber(
      name: "diversity (LPIPS, \(manner))", value: interval.value,
      interval: interval.interval, better: .larger,
      protocolText: "\(facts), two samples of each of \(count) maps")
  }
}
