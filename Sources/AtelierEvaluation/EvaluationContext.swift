public import AtelierCore
package import AtelierData
public import AtelierGeneration
public import AtelierMetrics
public import AtelierTraining
import Foundation
import Perception
public import Torch
import TorchNN

/// What measures measure: a system, its data and options, and what several of them need, made when the first
/// of them asks for it.
public final class EvaluationContext {
  /// The system with its weights, networks in evaluation mode.
  public let system: any GenerativeSystem
  /// What the system is.
  public let plan: SystemPlan
  /// The data it was trained on.
  public let data: DataBinding
  /// What was asked for.
  public let options: EvaluationOptions
  /// The translations of the direction that is measured; nil where the system is measured as a whole.
  public let translations: TranslationMaterial?
  /// The place of this system among the runs of ``translations``.
  public let run: Int
  /// Told what is being done, and why a number is missing.
  public let say: (String) -> Void

  /// The processes that measure together; while process 0 takes a measure alone, it alone.
  private(set) var processes: MeasuringProcesses

  private var held: Pictures?
  private var training: Pictures?
  private var drawn: (samples: Tensor, labels: Tensor?)?
  private var judged: [JudgedSamples]?
  private var judge: ImageClassifier??
  private var heldOutBatches: (batches: [Batch], name: String)??
  private var maps: MapMaterial??
  private var captioned: CaptionMaterial??
  private var inceptionNetwork: InceptionFID??
  private var parts: (reference: Rows, comparison: Rows)?
  /// Held-out videos by the most frames of one; see ``videoMaterial(longest:)``.
  var videoMaterials: [Int: VideoMaterial?] = [:]
  /// What finds and describes faces in the place of the installed networks; nil: these.
  package var faceNetworks: FaceNetworks?

  /// The context of one evaluation.
  public init(
    _ system: any GenerativeSystem, data: DataBinding, options: EvaluationOptions,
    translations: TranslationMaterial? = nil, run: Int = 0, processes: MeasuringProcesses = .alone,
    say: @escaping (String) -> Void = { _ in }
  ) {
    self.processes = processes
    self.system = system
    plan = system.plan
    self.data = data
    self.options = options
    self.translations = translations
    self.run = run
    self.say = say
  }

  /// A context of the same evaluation after the weights have changed: what was made of the data alone is kept.
  func renewed(say: @escaping (String) -> Void) -> EvaluationContext {
    let context = EvaluationContext(system, data: data, options: options, processes: processes, say: say)
    (context.held, context.training) = (held, training)
    (context.judge, context.heldOutBatches) = (judge, heldOutBatches)
    return context
  }

  /// The examples of the part that is measured on; nil where the data have none.
  func heldOutDataset() throws -> (any Dataset)? {
    for split in options.parts {
      if let dataset = try data.dataset(of: split) { return dataset }
    }
    return nil
  }

  /// The system as one that has certain functions, whose existential type is given; nil where it does not have
  /// them. A measure asks the plan first whether it applies.
  public func system<Functions>(as type: Functions.Type) -> Functions? { system as? Functions }

  /// Tells why a number is missing: below the direction's table, or at once where the system is measured as a
  /// whole.
  public func note(_ reason: String) {
    if let translations { translations.note(reason) } else { say(reason) }
  }

  /// A value that was made already, or is made now and kept.
  private func once<Value>(
    _ place: ReferenceWritableKeyPath<EvaluationContext, Value?>, _ make: () throws -> Value
  ) rethrows -> Value {
    if let value = self[keyPath: place] { return value }
    let value = try make()
    self[keyPath: place] = value
    return value
  }

  /// A value that all processes have made already, or make together now and keep.
  private func onceTogether<Value>(
    _ place: ReferenceWritableKeyPath<EvaluationContext, Value?>, _ make: () throws -> Value
  ) throws -> Value {
    if let value = self[keyPath: place], try !processes.any(false) { return value }
    if processes.group != nil, self[keyPath: place] == nil { _ = try processes.any(true) }
    let value = try make()
    self[keyPath: place] = value
    return value
  }

  /// Takes a measure in process 0 alone, while the others wait.
  func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
    let all = processes
    processes = .alone
    defer { processes = all }
    return try body()
  }

  /// The features of images, or of some of them by their numbers, of which each process computes its part; a batch is
  /// taken out at a time.
  func features(of images: Tensor, _ rows: [Int]? = nil, by source: any FeatureSource) throws -> Tensor {
    try processes.joined(rows?.count ?? images.shape[0]) { part in
      let size = max(1, source.batchSize)
      let pieces = stride(from: part.lowerBound, to: part.upperBound, by: size).map { start in
        let end = min(start + size, part.upperBound)
        return source.features(
          ofAll: rows.map { images.indexSelected(0, Tensor(Array($0[start..<end]))) }
            ?? images.slice(0, start, end))
      }
      return [.concatenated(pieces, dim: 0)]
    }[0]
  }

  /// Numbers of things, such as batches, of which each process computes those of its part.
  ///
  /// - Parameter body: the numbers of one thing, in one or several lists; it is handed its place as well, so that random
  ///   numbers can follow from it and not from who measures.
  /// - Returns: each list with those of all things behind each other.
  func joined<Thing>(_ things: [Thing], _ body: (Thing, Int) throws -> [[Double]]) throws -> [[Double]] {
    guard !things.isEmpty else {
      throw MetricError("there are no held-out examples to measure on; hold some out")
    }
    return try processes.joined(numbers: things.count) { part in
      let found = try part.map { try body(things[$0], $0) }
      return (found.first ?? []).indices.map { list in found.flatMap { $0[list] } }
    }
  }

  // MARK: Provenance

  /// What was measured on: the data, the part of them, and how many examples.
  public func provenance(part: String, _ more: Provenance = Provenance()) -> Provenance {
    var facts: Provenance = ["data": data.facts.description.name, "part": part]
    facts = facts.merging(more)
    facts["seed"] = "\(options.seed)"
    return facts
  }

  // MARK: Images

  /// Images and labels of one part of the data.
  public struct Pictures {
    /// uint8 `[n, channels, height, width]`.
    public let images: Tensor
    /// int64 `[n]`.
    public let labels: Tensor
    /// The part's name.
    public let name: String
  }

  /// The part that was held out.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where nothing was held out.
  public func heldOutImages() throws -> Pictures {
    try once(\.held) {
      for split in options.parts {
        if let held = try pictures(of: split) { return held }
      }
      throw TrainingError.unfitData(
        path: data.path?.path ?? "the data",
        reason: "there is no test or validation part to measure on; put held-out pictures into a folder test"
      )
    }
  }

  /// The training part, which only what learns from it or compares classes needs.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where it holds no images.
  public func trainingImages() throws -> Pictures {
    try once(\.training) {
      if let training = try pictures(of: .train) { return training }
      throw TrainingError.unfitData(
        path: data.path?.path ?? "the data", reason: "its training part holds no images to compare with")
    }
  }

  /// The training part and the part that was held out.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where one of them is missing.
  public func realImages() throws -> (training: Pictures, test: Pictures) {
    (try trainingImages(), try heldOutImages())
  }

  /// The most images of a part, and how many are read at a time.
  private static let (mostImages, imagesAtATime) = (60_000, 512)

  private func pictures(of split: DatasetSplit) throws -> Pictures? {
    guard let dataset = try data.dataset(of: split) else { return nil }
    do { return try pictures(of: dataset, Array(0..<min(dataset.count, Self.mostImages)), split) } catch {
      guard case DatasetError.corruptImage = error else { throw error }
      let usable = try data.usableIndices(of: dataset, limit: Self.mostImages, say: say)
      return try pictures(of: dataset, usable, split)
    }
  }

  /// Images read into their place a few at a time, so that none is held twice.
  private func pictures(of dataset: any Dataset, _ rows: [Int], _ split: DatasetSplit) throws -> Pictures? {
    var images: Tensor?
    var labels: [Int] = []
    for start in stride(from: 0, to: rows.count, by: Self.imagesAtATime) {
      let some = Array(rows[start..<min(start + Self.imagesAtATime, rows.count)])
      let fields = try dataset.batch(at: some)
      guard let read = fields["image"], let own = fields["label"] else { return nil }
      let all = images ?? .zeros([rows.count] + read.shape.dropFirst(), dtype: read.dtype)
      all.narrow(0, from: start, length: some.count).copy(from: Tensor(read))
      images = all
      labels += own.integers()
    }
    return images.map { Pictures(images: $0, labels: Tensor(labels), name: split.rawValue) }
  }

  /// Generated images in -1 … 1, the classes in turn, with their labels where the classes are those of the
  /// data; as many as the options ask for.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` for a system that draws no images from latent vectors.
  public func samples() throws -> (samples: Tensor, labels: Tensor?) {
    try onceTogether(\.drawn) {
      guard let latent = system(as: (any LatentSystem).self) else {
        throw TrainingError.invalid(
          reason:
            "\(type(of: system).identity.name) draws no images from latent vectors, so that there are no "
            + "samples to measure")
      }
      say("drawing \(options.samples) samples")
      let images = try processes.joined(options.samples) { rows in
        var request = Request(
          count: options.samples,
          draws: StreamDraws(
            RandomStream(seed: options.seed, purpose: "evaluation samples"), device: system.device))
        request.part = rows
        var parts: [Tensor] = []
        try withoutGradients {
          try latent.draw(request) { if let images = $0.tensor { parts.append(images.to(.cpu)) } }
        }
        return [.concatenated(parts, dim: 0)]
      }[0]
      // Clusters are classes that the data know nothing of, however many there are.
      let own = try classNames()
      let classes = plan.ability(LatentDecoding.self)?.classes
      let isLabelled = classes == own.count && data.facts.description.classNames == own
      let labels = classes.flatMap { classes in
        isLabelled ? Tensor((0..<options.samples).map { $0 % classes }) : nil
      }
      return (images, labels)
    }
  }

  /// The classes of the data themselves, whatever the system takes for classes.
  func classNames() throws -> [String] { try data.dataset(of: .train)?.description.classNames ?? [] }

  /// The classifier that judges, trained on the real training set only; nil where the data have no classes.
  public func classifier() throws -> ImageClassifier? {
    try onceTogether(\.judge) {
      let classes = try classNames().count
      guard classes > 1 else { return nil }
      let (training, test) = try realImages()
      let file = options.classifierFile ?? URL(fileURLWithPath: "classifier.safetensors")
      let plan = ClassifierTraining(seconds: options.classifierSeconds)
      say("the classifier that judges (\(file.lastPathComponent); trained on the real training set only)")
      return try processes.inTurn {
        try withGradients {
          try plan.cached(
            at: file, train: ClassifierTraining.Examples(images: training.images, labels: training.labels),
            test: ClassifierTraining.Examples(images: test.images, labels: test.labels), classes: classes)
        }
      }
    }
  }

  /// The samples beside real images, by every source of features there is: the classifier's, or plain pixels,
  /// then the Inception of the FID paper where the options name its weights.
  func judgedSamples() throws -> [JudgedSamples] {
    try onceTogether(\.judged) {
      let (samples, labels) = try self.samples()
      var sources: [any FeatureSource] = try self.classifier().map { [$0] } ?? [RawPixels()]
      if let network = try inception() { sources.append(network) }
      let (reference, comparison) = try heldOutParts()
      let (few, held) = (50, try heldOutImages().images.shape[0])
      if held < 2 * few {
        say(
          "only \(held) images are held out, so that numbers that compare with them say little; hold out "
            + "\(2 * few) or more")
      }
      return try sources.map { source in
        let judge = try judge(by: source)
        return JudgedSamples(
          judge: judge, features: try features(of: SampleJudge.rounded(samples), by: source),
          classes: try labels.map { try classLabels($0, reference, comparison, trainingImages()) })
      }
    }
  }

  /// The Inception of the FID paper; nil where the options name no weights.
  func inception() throws -> InceptionFID? {
    try once(\.inceptionNetwork) {
      try options.inceptionWeights.map { try InceptionFID.load(from: $0, resize: options.inceptionResize) }
    }
  }

  /// What judges samples by some features beside held-out images.
  func judge(by source: any FeatureSource) throws -> SampleJudge {
    let test = try heldOutImages()
    let name = "\(data.facts.description.name) \(test.name)"
    let (reference, comparison) = try heldOutParts()
    say("comparing with \(name) by \(source.name)")
    return SampleJudge(
      features: source, classifier: try classifier(),
      reference: try features(of: test.images, reference.numbers, by: source),
      comparison: try features(of: test.images, comparison.numbers, by: source), source: name,
      seed: options.seed,
      provenance: provenance(part: test.name))
  }

  /// Some of the held-out images, by their numbers, with their labels.
  private struct Rows {
    let numbers: [Int]
    let labels: [Int]
  }

  private func heldOutParts() throws -> (reference: Rows, comparison: Rows) {
    try once(\.parts) { divided(try heldOutImages(), count: options.samples) }
  }

  /// As many images as asked for, the classes in turn, drawn with the evaluation's seed; at most half of a
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

  /// The held-out images in two: what everything is compared with, and the real images that stand in
  /// for samples, as many as those where that leaves more than half.
  ///
  /// Both must be held out: a classifier's features of images it learned from differ from those of
  /// others, and real against real would look worse than it is.
  private func divided(_ test: Pictures, count: Int) -> (reference: Rows, comparison: Rows) {
    let total = test.images.shape[0]
    let chosen = balancedRows(test, count: min(count, total / 2))
    let taken = Set(chosen)
    let rest = (0..<total).filter { !taken.contains($0) }
    let labels = test.labels.integers()
    func part(_ rows: [Int]) -> Rows { Rows(numbers: rows, labels: rows.map { labels[$0] }) }
    return (part(rest), part(chosen))
  }

  /// The labels of the sets that are compared class by class.
  private func classLabels(
    _ samples: Tensor, _ reference: Rows, _ comparison: Rows, _ training: Pictures
  ) throws -> ClassLabels {
    let names = try classNames()
    var counts = [Int](repeating: 0, count: names.count)
    for label in training.labels.integers() where counts.indices.contains(label) { counts[label] += 1 }
    return ClassLabels(
      samples: samples.integers(), reference: reference.labels,
      comparison: comparison.labels, trainingCounts: counts, names: names)
  }

  // MARK: Other material

  /// The batches of the held-out part with its name; nil where nothing was held out.
  func heldOut() throws -> (batches: [Batch], name: String)? {
    try once(\.heldOutBatches) {
      for split in options.parts {
        if let host = try data.batches(of: split) { return (host.map(data.batch), split.rawValue) }
      }
      return nil
    }
  }

  /// Maps with their images, and what the system makes of them; nil where the data hold no such pairs.
  func mapMaterial() throws -> MapMaterial? { try once(\.maps) { try MapMaterial(self) } }

  /// Held-out captions with what the system draws for them; nil for a system that draws for none.
  func captionMaterial() throws -> CaptionMaterial? {
    try once(\.captioned) {
      guard let ability = plan.ability(CaptionedDrawing.self), let image = plan.outputs.first else {
        return nil
      }
      return try CaptionMaterial(self, ability, imageField: image.name)
    }
  }
}

/// Generated images beside real ones by one source of features.
struct JudgedSamples {
  let judge: SampleJudge
  /// Of the generated images, `[n, features]`.
  let features: Tensor
  /// The labels of the three sets; nil where samples belong to no class of the data.
  let classes: ClassLabels?
}
