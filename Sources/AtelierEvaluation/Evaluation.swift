public import AtelierCore
import AtelierData
public import AtelierMetrics
public import AtelierTraining
import Foundation
import Perception
public import Torch
import TorchNN

/// Measures a trained system by everything that applies to it.
///
/// What applies is decided by what the system can do: pictures are judged against the test set,
/// reconstructions against their originals, likelihood bounds and perplexities on held-out data.
public struct Evaluation {
  private let system: any GenerativeSystem
  let data: DataBinding
  let options: EvaluationOptions
  let say: (String) -> Void

  /// An evaluation of a system on the data it was trained on.
  ///
  /// - Parameter say: told what is being done, for long work.
  public init(
    _ system: any GenerativeSystem, data: DataBinding, options: EvaluationOptions = EvaluationOptions(),
    say: @escaping (String) -> Void = { _ in }
  ) {
    self.system = system
    self.data = data
    self.options = options
    self.say = say
  }

  /// Runs every measure that applies.
  ///
  /// - Throws: ``TrainingError`` where the data have no part to measure on; `MetricError` where there is
  ///   too little of it.
  public func run() throws -> [MeasuredNumber] {
    for network in system.networks { network.module.eval() }
    return try withTensorErrors {
      try withoutGradients {
        var numbers: [MeasuredNumber] = []
        if let language = system as? any LanguageSystem { numbers += try perplexities(language) }
        if let tagging = system as? any TaggingSystem { numbers += try self.tagging(tagging) }
        if let styled = system as? any StyledTranslatingSystem { numbers += try fewShotAccuracy(styled) }
        if let latent = system as? any LatentSystem { numbers += try pictures(latent) }
        if let reconstructing = system as? any ReconstructingSystem {
          numbers += try reconstructions(reconstructing)
        }
        if let likelihood = system as? any LikelihoodSystem { numbers += try bounds(likelihood) }
        return numbers
      }
    }
  }

  /// The measures of pictures that are made from label maps; none for systems that make them from others.
  ///
  /// - Throws: as ``run()``.
  public func mapMeasures() throws -> [MeasuredNumber] {
    guard let translating = system as? any TranslatingSystem else { return [] }
    for network in system.networks { network.module.eval() }
    return try withTensorErrors { try withoutGradients { try maps(translating) } }
  }

  // MARK: Words

  private func perplexities(_ system: any LanguageSystem) throws -> [MeasuredNumber] {
    try [DatasetSplit.validation, .test].flatMap { split -> [MeasuredNumber] in
      guard let host = try data.batches(of: split) else { return [] }
      let result = try system.negativeLogLikelihood(over: host.map(data.batch))
      guard result.tokens > 0 else { return [] }
      let unit = system.tokenUnit.rawValue
      let setting = "\(split.rawValue) part, \(result.tokens) \(unit)s, state carried from piece to piece"
      var numbers = [
        MeasuredNumber(
          name: "perplexity (\(split.rawValue))",
          value: perplexity(negativeLogLikelihood: result.sum, tokens: result.tokens), better: .smaller,
          protocolText: setting)
      ]
      if system.tokenUnit != .word {
        numbers.append(
          MeasuredNumber(
            name: "bits a \(unit) (\(split.rawValue))",
            value: bitsPerCharacter(negativeLogLikelihood: result.sum, characters: result.tokens),
            better: .smaller,
            protocolText: setting))
      }
      return numbers
    }
  }

  // MARK: Pictures

  private func pictures(_ system: any LatentSystem) throws -> [MeasuredNumber] {
    let (training, test) = try realPictures()
    say("drawing \(options.samples) samples")
    let (samples, labels) = try generated(system)
    let classifier = try classifier(training, test)
    let source = "\(data.facts.description.name) \(test.name)"
    let (reference, comparison) = divided(test, count: options.samples)
    var numbers: [MeasuredNumber] = []
    var sources: [any FeatureSource] = classifier.map { [$0] } ?? [RawPixels()]
    if let weights = options.inceptionWeights { sources.append(try InceptionFID.load(from: weights)) }
    for (index, features) in sources.enumerated() {
      say("comparing with \(source) by \(features.name)")
      let judge = SampleJudge(
        features: features, classifier: classifier, reference: reference.images,
        comparison: comparison.images, source: source, seed: options.seed)
      if index == 0 {
        if let labels, let number = try judge.labelAccuracy(of: samples, labels: labels) {
          numbers.append(number)
        }
        if let score = try judge.classifierScore(of: samples) { numbers.append(score) }
      }
      let generated = judge.generatedFeatures(of: samples)
      numbers += try judge.comparisons(ofFeatures: generated)
      if let labels {
        numbers += try classDistances(
          judge, of: generated, classLabels(labels, reference, comparison, training))
      }
    }
    if options.withParzen { numbers.append(try parzen(system, training, test)) }
    return numbers
  }

  /// Generated pictures in -1 … 1, the classes in turn.
  public func generated(_ system: any LatentSystem) throws -> (samples: Tensor, labels: Tensor?) {
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation samples"))
    var parts: [Tensor] = []
    try system.generate(GenerationRequest(count: options.samples, draws: draws)) {
      if case .images(let images) = $0 { parts.append(images) }
    }
    // Clusters are classes that the data know nothing of, however many there are.
    let own = try data.dataset(of: .train)?.description.classNames ?? []
    let isLabelled = system.classCount == own.count && data.facts.description.classNames == own
    let labels = system.classCount.flatMap { classes in
      isLabelled ? Tensor((0..<options.samples).map { $0 % classes }) : nil
    }
    return (.concatenated(parts, dim: 0), labels)
  }

  /// Pictures and labels of one part of the data.
  public struct Pictures {
    /// uint8 `[n, channels, height, width]`.
    public let images: Tensor
    /// int64 `[n]`.
    public let labels: Tensor
    /// The part's name.
    public let name: String
  }

  /// The training part and the part that was held out.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where nothing was held out.
  public func realPictures() throws -> (training: Pictures, test: Pictures) {
    let training = try pictures(of: .train)
    for split in [DatasetSplit.test, .validation] {
      if let held = try pictures(of: split), let training { return (training, held) }
    }
    throw TrainingError.unfitData(
      path: data.path?.path ?? "the data",
      reason: "there is no test or validation part to measure on; put held-out pictures into a folder test")
  }

  private func pictures(of split: DatasetSplit) throws -> Pictures? {
    guard let dataset = try data.dataset(of: split) else { return nil }
    let mostPictures = 60_000
    let fields: [String: HostTensor]
    do throws(DatasetError) {
      fields = try dataset.batch(at: Array(0..<min(dataset.count, mostPictures)))
    } catch {
      guard case .corruptPicture = error else { throw error }
      fields = try dataset.batch(at: data.usableIndices(of: dataset, limit: mostPictures, say: say))
    }
    guard let images = fields["image"], let labels = fields["label"] else { return nil }
    return Pictures(images: Tensor(images), labels: Tensor(labels).reshaped([-1]), name: split.rawValue)
  }

  /// The classes of the data themselves, whatever the system takes for classes.
  private func classCount(of data: DataBinding) throws -> Int {
    try data.dataset(of: .train)?.description.classNames.count ?? 0
  }

  private func classifier(_ training: Pictures, _ test: Pictures) throws -> ImageClassifier? {
    let classes = try classCount(of: data)
    guard classes > 1 else { return nil }
    let file = options.classifierFile ?? URL(fileURLWithPath: "classifier.safetensors")
    let plan = ClassifierTraining(seconds: options.classifierSeconds)
    say("the classifier that judges (\(file.lastPathComponent); trained on the real training set only)")
    return try withGradients {
      try plan.cached(
        at: file, train: ClassifierTraining.Examples(images: training.images, labels: training.labels),
        test: ClassifierTraining.Examples(images: test.images, labels: test.labels), classes: classes)
    }
  }

  /// As many pictures as asked for, the classes in turn, drawn with the evaluation's seed; at most half of a
  /// class, so that the other half is left to compare with.
  private func balancedRows(_ pictures: Pictures, count: Int) -> [Int] {
    let order = RandomStream(seed: options.seed, purpose: "real against real").permutation(
      pictures.images.shape[0])
    let labels = pictures.labels.integers()
    var byClass: [Int: [Int]] = [:]
    for index in order.integers() { byClass[labels[index], default: []].append(index) }
    let halves = byClass.mapValues { Array($0.prefix($0.count / 2)) }
    guard halves.values.contains(where: { !$0.isEmpty }) else { return Array(order.integers().prefix(count)) }
    byClass = halves
    var chosen: [Int] = []
    var round = 0
    let classes = byClass.keys.sorted()
    while chosen.count < count, classes.contains(where: { round < byClass[$0, default: []].count }) {
      for label in classes where chosen.count < count {
        let rows = byClass[label, default: []]
        if round < rows.count { chosen.append(rows[round]) }
      }
      round += 1
    }
    return chosen
  }

  /// The held-out pictures in two: what everything is compared with, and the real pictures that stand in
  /// for samples, as many as those where that leaves more than half.
  ///
  /// Both must be held out: a classifier's features of pictures it learned from differ from those of
  /// others, and real against real would look worse than it is.
  private func divided(_ test: Pictures, count: Int) -> (reference: Pictures, comparison: Pictures) {
    let total = test.images.shape[0]
    let chosen = balancedRows(test, count: min(count, total / 2))
    let taken = Set(chosen)
    let rest = (0..<total).filter { !taken.contains($0) }
    func part(_ rows: [Int]) -> Pictures {
      Pictures(
        images: test.images.indexSelected(0, Tensor(rows)),
        labels: test.labels.indexSelected(0, Tensor(rows)),
        name: test.name)
    }
    return (part(rest), part(chosen))
  }

  /// The labels of the sets that are compared class by class.
  private func classLabels(
    _ samples: Tensor, _ reference: Pictures, _ comparison: Pictures, _ training: Pictures
  ) throws -> ClassLabels {
    let names = try data.dataset(of: .train)?.description.classNames ?? []
    var counts = [Int](repeating: 0, count: names.count)
    for label in training.labels.integers() where counts.indices.contains(label) { counts[label] += 1 }
    return ClassLabels(
      samples: samples.integers(), reference: reference.labels.integers(),
      comparison: comparison.labels.integers(), trainingCounts: counts, names: names)
  }

  private func parzen(_ system: any LatentSystem, _ training: Pictures, _ test: Pictures) throws
    -> MeasuredNumber
  {
    let (samples, _) = try generated(system)
    func unit(_ images: Tensor) -> Tensor { images.asType(.float32).flattened() / 255 }
    let count = min(1000, training.images.shape[0])
    let last = training.images.shape[0]
    let result = try parzenLogLikelihood(
      samples: unit(SampleJudge.rounded(samples)),
      validation: unit(training.images.slice(0, last - count, last)),
      test: unit(test.images.slice(0, 0, min(1000, test.images.shape[0]))))
    let margin = 1.96 * result.standardError
    let setting =
      "nats, \(options.samples) samples, width \(fixed(result.sigma, 3)) chosen on \(count) training pictures, "
      + "pixels in 0 … 1; kept for comparison with the papers, known to mislead"
    return MeasuredNumber(
      name: "Parzen-window log-likelihood", value: result.mean,
      interval: ConfidenceInterval(lower: result.mean - margin, upper: result.mean + margin), better: .larger,
      protocolText: setting)
  }

  // MARK: Reconstructions and likelihoods

  private func heldOut() throws -> (batches: [Batch], name: String)? {
    for split in [DatasetSplit.test, .validation] {
      if let host = try data.batches(of: split) { return (host.map(data.batch), split.rawValue) }
    }
    return nil
  }

  private func reconstructions(_ system: any ReconstructingSystem) throws -> [MeasuredNumber] {
    guard let (batches, name) = try heldOut() else { return [] }
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation reconstructions"))
    var squared = 0.0
    var absolute = 0.0
    var sums: [Double] = []
    var examples = 0
    for batch in batches {
      let original = batch["image"]
      let error = try reconstructionError(
        reconstructions: system.reconstruct(batch, draws: draws).reshaped(original.shape), originals: original
      )
      let count = original.shape[0]
      squared += error.meanSquared * Double(count)
      absolute += error.meanAbsolute * Double(count)
      sums += error.squaredSums
      examples += count
    }
    let setting = "\(name) part, \(examples) pictures, in the range the system works in"
    let interval = try bootstrapInterval(
      ofMean: sums, using: RandomStream(seed: options.seed, purpose: "bootstrap"))
    return [
      MeasuredNumber(
        name: "reconstruction error, squared", value: squared / Double(examples), better: .smaller,
        protocolText: setting + ", mean over values"),
      MeasuredNumber(
        name: "reconstruction error, absolute", value: absolute / Double(examples), better: .smaller,
        protocolText: setting + ", mean over values"),
      MeasuredNumber(
        name: "reconstruction error, summed", value: interval.value,
        interval: interval.interval, better: .smaller,
        protocolText: setting + ", sum of squares of a picture"),
    ]
  }

  private func bounds(_ system: any LikelihoodSystem) throws -> [MeasuredNumber] {
    guard let (all, name) = try heldOut() else { return [] }
    let mostExamples = 1000
    var batches: [Batch] = []
    var examples = 0
    for batch in all where examples < mostExamples {
      batches.append(batch)
      examples += batch["image"].shape[0]
    }
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation likelihood"))
    var lower: [Double] = []
    var weighted: [Double] = []
    for batch in batches {
      lower += try evidenceLowerBound(logWeights: system.logWeights(batch, samples: 1, draws: draws))
        .perExample
      weighted += try importanceWeightedLogLikelihood(samples: options.importanceSamples, chunk: 20) {
        try system.logWeights(batch, samples: $0, draws: draws)
      }.perExample
    }
    func number(_ name: String, _ values: [Double], _ setting: String) throws -> MeasuredNumber {
      let interval = try bootstrapInterval(
        ofMean: values, using: RandomStream(seed: options.seed, purpose: "bootstrap"))
      return MeasuredNumber(
        name: name, value: interval.value, interval: interval.interval, better: .larger,
        protocolText: setting)
    }
    return [
      try number(
        "evidence lower bound", lower, "nats a picture, \(name) part, \(examples) pictures, 1 latent sample"),
      try number(
        "importance-weighted log-likelihood", weighted,
        "nats a picture, \(name) part, \(examples) pictures, \(options.importanceSamples) latent samples"),
    ]
  }
}
