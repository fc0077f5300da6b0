public import AtelierCore
public import AtelierData
public import Foundation
public import Torch

/// How data are opened for a system.
public struct DataBindingOptions: Sendable, Hashable {
  /// The seed of the order.
  public var seed: Int
  /// Where batches go.
  public var device: Device
  /// Batches decoded at a time.
  public var workers: Int
  /// How data are read.
  public var reading: ReadingOptions
  /// A folder that keeps instances' features from run to run, for systems that are conditioned on them; nil:
  /// they are kept in the run only.
  public var instances: URL?

  /// The usual options.
  public init(
    seed: Int = 0, device: Device = .cpu, workers: Int = 2, reading: ReadingOptions = ReadingOptions(),
    instances: URL? = nil
  ) {
    self.seed = seed
    self.device = device
    self.workers = workers
    self.reading = reading
    self.instances = instances
  }
}

/// Data that were opened for a system: its configuration adapted to them, what was built from them, and
/// where batches come from.
public final class DataBinding {
  /// The name under which a vocabulary is kept.
  public static let vocabularyName = "vocabulary.json"

  /// The system.
  public let system: any GenerativeSystem.Type
  /// Every key of the configuration, adapted to the data.
  public let configuration: [String: ConfigurationValue]
  /// The keys in the order of declaration.
  public let keys: [String]
  /// What the data told.
  public let facts: DataFacts
  /// Where the data lie; nil where the system needs none.
  public let path: URL?
  /// Training batches.
  public let training: any ResumableBatchSource
  /// What one batch holds.
  public let fields: [Field]
  private let contents: Contents
  /// The example of each instance; empty where they are the same.
  private let instanceRows: [Int]
  private let batchSize: Int
  /// How they were opened.
  public let options: DataBindingOptions

  private enum Contents {
    case none
    /// The training part, which value serves which field, and how another part is opened; whole: images
    /// keep their own size.
    case examples(
      any Dataset, FieldColumns,
      open: (_ split: DatasetSplit, _ whole: Bool) throws(DatasetError) -> any Dataset)
    case text(TextCorpus, Vocabulary, length: Int)
  }

  /// Opens data for a system.
  ///
  /// - Parameters:
  ///   - path: a folder or file that `AtelierData` knows, or nil for a system that learns from none.
  ///   - configuration: keys to lay over the system's defaults.
  ///   - artefacts: those of the run that is resumed, which are then used as they are, or images that the
  ///     user gives beside the data.
  ///   - onSkip: told of each corrupt image once.
  ///   - say: told of long preparations: features of all images, neighbourhoods.
  /// - Throws: ``DatasetError``, ``ConfigurationError`` or ``TrainingError``; the text names the file or key.
  public static func open(
    _ path: URL?, for system: any GenerativeSystem.Type, configuration: [String: ConfigurationValue],
    artefacts: Artefacts? = nil, options: DataBindingOptions = DataBindingOptions(),
    onSkip: ((SkippedExample) -> Void)? = nil, say: @escaping (String) -> Void = { _ in }
  ) throws -> DataBinding {
    func open<System: GenerativeSystem>(_ type: System.Type) throws -> DataBinding {
      let values = try System.Configuration().overlaid(with: configuration)
      try values.validate()
      guard let plan = values.plan.data else {
        return try DataBinding(type, values, artefacts: artefacts, options: options)
      }
      guard let path else {
        throw TrainingError.invalid(
          reason: "\(type.identity.name) learns from data; give --data and the path of a folder")
      }
      switch plan.examples {
      case .tagged(let feature, let tag, let kind, let minimumCount):
        return try DataBinding(
          type, values, tagged: path, feature: feature, tag: tag, by: kind, minimumCount: minimumCount,
          artefacts: artefacts, options: options)
      case .text(let unit, let minimumCount):
        return try DataBinding(
          type, values, text: path, unit: unit, minimumCount: minimumCount, artefacts: artefacts,
          options: options)
      case .examples, .pairs, .unpaired, .classPairs:
        return try DataBinding(
          type, values, plan, pictures: path, artefacts: artefacts, options: options, onSkip: onSkip, say: say
        )
      }
    }
    return try open(system)
  }

  /// A part of the data from beginning to end, in its own order, the last batch smaller where it must be.
  ///
  /// - Returns: nil where the data have no such part.
  public func batches(of split: DatasetSplit, batchSize: Int? = nil) throws -> [HostBatch]? {
    switch contents {
    case .none: return nil
    case .examples:
      guard let dataset = try dataset(of: split) else { return nil }
      let loader = try Loader(
        dataset, batchSize: batchSize ?? self.batchSize, shuffles: false, dropsLast: false,
        workers: options.workers, corruptPictures: options.reading.corruptPictures)
      return try (0..<loader.batchesPerEpoch).map { _ in try loader.next() }
    case .text(let corpus, let vocabulary, let length):
      let tokens = try vocabulary.encode(corpus.part(split))
      let columns = max(1, min(batchSize ?? self.batchSize, tokens.count / 2))
      guard tokens.count >= 2 else { return nil }
      let stream = try TokenStream(tokens, batchSize: columns, sequenceLength: length, name: corpus.name)
      return (0..<stream.piecesPerEpoch).map { _ in stream.next() }
    }
  }

  /// A host batch as the system wants it.
  public func batch(_ host: HostBatch) -> Batch {
    if case .text = contents {
      return Batch(host.fields.mapValues { Tensor($0, device: options.device) }, isFirst: host.isFirst)
    }
    guard case .examples(_, let columns, _) = contents else { return Batch([:], isFirst: host.isFirst) }
    return Batch(columns.tensors(host, device: options.device), isFirst: host.isFirst)
  }

  /// The examples of a part, prepared as the system wants them and without random changes; nil where the
  /// data have no such part.
  public func dataset(of split: DatasetSplit) throws -> (any Dataset)? {
    guard case .examples(let training, _, let open) = contents else { return nil }
    return split == .train ? training : try Self.present { () throws(DatasetError) in try open(split, false) }
  }

  /// The examples of a part at their own size, for measures of pairs; nil where the data have no such part.
  ///
  /// Images are cut on the right and below to a multiple of the scale between source and target. Sizes
  /// differ, so that examples are read one by one: `data.batch(of: index, in: dataset)`.
  public func wholeDataset(of split: DatasetSplit) throws -> (any Dataset)? {
    guard case .examples(_, _, let open) = contents else { return nil }
    return try Self.present { () throws(DatasetError) in try open(split, true) }
  }

  /// A batch of one example.
  public func batch(of index: Int, in dataset: any Dataset) throws -> Batch {
    let fields = try dataset.batch(at: [index])
    return batch(HostBatch(fields: fields, indices: [index], epoch: 0, isFirst: true))
  }

  /// A batch of one example; nil for an image that cannot be decoded, which is named, unless such images
  /// are to stop everything.
  package func usableBatch(of index: Int, in dataset: any Dataset, say: (String) -> Void) throws -> Batch? {
    do { return try batch(of: index, in: dataset) } catch let error as DatasetError {
      try name(error, say)
      return nil
    }
  }

  /// The first examples that can be decoded, at most `limit`; those before them that cannot are named.
  package func usableIndices(of dataset: any Dataset, limit: Int, say: (String) -> Void) throws -> [Int] {
    if dataset.isInMemory { return Array(0..<min(limit, dataset.count)) }
    var indices: [Int] = []
    for index in 0..<dataset.count where indices.count < limit {
      do throws(DatasetError) {
        _ = try dataset.example(at: index)
        indices.append(index)
      } catch { try name(error, say) }
    }
    guard !indices.isEmpty else {
      throw DatasetError.invalid(reason: "no picture of \(dataset.description.name) can be decoded")
    }
    return indices
  }

  private func name(_ error: DatasetError, _ say: (String) -> Void) throws {
    guard case .corruptPicture = error, options.reading.corruptPictures == .skip else { throw error }
    say("A picture was left out: \(error.description)")
  }

  private static func present(
    _ open: () throws(DatasetError) -> any Dataset
  ) throws(DatasetError) -> (any Dataset)? {
    do throws(DatasetError) { return try open() } catch {
      if case .missingSplit = error { return nil }
      throw error
    }
  }

  /// The number in the training part of an instance: images that cannot be read are no instances.
  public func exampleNumber(ofInstance instance: Int) -> Int {
    instanceRows.isEmpty ? instance : instanceRows[instance]
  }

  // MARK: Opening

  private init<System: GenerativeSystem>(
    _ type: System.Type, _ values: System.Configuration, artefacts: Artefacts?,
    options: DataBindingOptions
  ) throws {
    let description = DatasetDescription(
      layout: .memory, name: "no data", split: .train, count: 0, fingerprint: "none")
    facts = DataFacts(description: description, artefacts: artefacts ?? Artefacts())
    let adapted = try type.adapted(values, to: facts)
    try adapted.validate()
    system = type
    configuration = try adapted.values()
    keys = adapted.keys
    path = nil
    fields = []
    training = EmptyBatchSource()
    contents = .none
    instanceRows = []
    batchSize = adapted.batchSize
    self.options = options
  }

  private init<System: GenerativeSystem>(
    _ type: System.Type, _ values: System.Configuration, _ plan: DataPlan, pictures path: URL,
    artefacts: Artefacts?,
    options: DataBindingOptions, onSkip: ((SkippedExample) -> Void)?, say: @escaping (String) -> Void
  ) throws {
    let reading = options.reading
    // Opened for the given values first: sizes and channels decide the configuration, which decides the
    // preparation.
    let first = try PictureOpening(type.identity.name, plan, at: path, reading)
    var dataset = try first.unprepared()
    let given = artefacts ?? Artefacts()
    let adapted = try type.adapted(values, to: DataFacts(description: dataset.description, artefacts: given))
    try adapted.validate()
    let adaptedPlan = adapted.plan
    fields = adaptedPlan.fields
    let opening = try PictureOpening(
      type.identity.name, adaptedPlan.data ?? plan, at: path, reading)
    if !opening.isServed(by: dataset, of: first) { dataset = try opening(.train, whole: false) }
    // Examples of instances wrap the images, which measures and previews go on to read as they are.
    var served = dataset
    var kept = given
    if let plan = adaptedPlan.components(InstancePlan.self).first {
      let preparation = InstancePreparation(
        plan: plan, cache: options.instances, seed: options.seed, say: say)
      let prepared = try withTensorErrors { try preparation(dataset, existing: artefacts) }
      served = prepared.dataset
      kept.contents.merge(prepared.artefacts.contents) { _, new in new }
      instanceRows = prepared.dataset.rows
    } else {
      instanceRows = []
    }
    facts = DataFacts(description: served.description, artefacts: kept)
    let columns = try FieldColumns(fields, plan: opening.plan, description: served.description)
    let loader = try Loader(
      served, batchSize: adapted.batchSize, seed: UInt64(options.seed), workers: options.workers,
      corruptPictures: reading.corruptPictures, onSkip: onSkip)
    training = StreamBatchSource(
      loader, columns: columns, name: served.description.name, device: options.device)
    system = type
    configuration = try adapted.values()
    keys = adapted.keys
    self.path = path
    contents = .examples(dataset, columns) { split, whole throws(DatasetError) in
      try opening(split, whole: whole)
    }
    batchSize = adapted.batchSize
    self.options = options
  }

  private init<System: GenerativeSystem>(
    _ type: System.Type, _ values: System.Configuration, tagged path: URL, feature: String, tag: String,
    by kind: PictureFeatureKind, minimumCount: Int, artefacts: Artefacts?, options: DataBindingOptions
  ) throws {
    let training = try openTaggedPictures(at: path)
    let vocabulary: TagVocabulary
    let kept: Artefacts
    if let artefacts, artefacts.contents[TagVocabulary.artefactName] != nil {
      vocabulary = try artefacts.decode(TagVocabulary.self, TagVocabulary.artefactName)
      kept = artefacts
    } else {
      vocabulary = try TagVocabulary(of: training, minimumCount: minimumCount)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      kept = Artefacts([TagVocabulary.artefactName: try encoder.encode(vocabulary)])
    }
    func opened(_ split: DatasetSplit) throws -> TagDataset {
      let pictures = split == .train ? training : try openTaggedPictures(at: path, split: split)
      let features = try PictureFeatures(kind, device: options.device).features(of: pictures)
      return try TagDataset(
        pictures, split: split, features: features, vocabulary: vocabulary, feature: feature, tag: tag)
    }
    let dataset = try opened(.train)
    facts = DataFacts(description: dataset.description, artefacts: kept)
    let adapted = try type.adapted(values, to: facts)
    try adapted.validate()
    fields = adapted.plan.fields
    let columns = try FieldColumns(
      fields, plan: adapted.plan.data?.examples ?? .examples, description: dataset.description)
    let loader = try Loader(
      dataset, batchSize: adapted.batchSize, seed: UInt64(options.seed), workers: options.workers)
    self.training = StreamBatchSource(
      loader, columns: columns, name: dataset.description.name, device: options.device)
    system = type
    configuration = try adapted.values()
    keys = adapted.keys
    self.path = path
    contents = .examples(dataset, columns) { split, _ throws(DatasetError) in
      do { return try opened(split) } catch let error as DatasetError { throw error } catch {
        throw .invalid(reason: "\(error)")
      }
    }
    instanceRows = []
    batchSize = adapted.batchSize
    self.options = options
  }

  private init<System: GenerativeSystem>(
    _ type: System.Type, _ values: System.Configuration, text path: URL, unit: Vocabulary.Unit,
    minimumCount: Int, artefacts: Artefacts?, options: DataBindingOptions
  ) throws {
    let corpus = try openText(at: path)
    let vocabulary: Vocabulary
    let kept: Artefacts
    if let artefacts, artefacts.contents[Self.vocabularyName] != nil {
      vocabulary = try artefacts.decode(Vocabulary.self, Self.vocabularyName)
      kept = artefacts
    } else {
      vocabulary = try Vocabulary(of: corpus.train, unit: unit, minimumCount: minimumCount)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      kept = Artefacts([Self.vocabularyName: try encoder.encode(vocabulary)])
    }
    let tokens = try vocabulary.encode(corpus.train)
    let description = DatasetDescription(
      layout: .text, name: corpus.name, split: .train, count: tokens.count, fingerprint: corpus.fingerprint)
    facts = DataFacts(description: description, artefacts: kept)
    let adapted = try type.adapted(values, to: facts)
    try adapted.validate()
    fields = adapted.plan.fields
    var length = 1
    for case .tokens(_, let declared) in fields.map(\.kind) { length = declared }
    let stream = try TokenStream(
      tokens, batchSize: adapted.batchSize, sequenceLength: length, name: path.path)
    training = StreamBatchSource(stream, name: path.path, device: options.device)
    system = type
    configuration = try adapted.values()
    keys = adapted.keys
    self.path = path
    contents = .text(corpus, vocabulary, length: length)
    instanceRows = []
    batchSize = adapted.batchSize
    self.options = options
  }
}
