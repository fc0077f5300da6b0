public import AtelierCore
public import AtelierData
import AtelierGeneration
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
  /// The names of the classes that a model knows, by label, which data that are opened for it are brought to;
  /// empty: the classes of the data.
  public var classNames: [String]
  /// Whether the sources of pairs are maps of labels, as a model recorded; nil: the data's folders say it.
  public var sourcesAreLabelMaps: Bool?
  /// Whether a derived condition is recorded in the model, so that it is derived as well where images are drawn
  /// from; runs from before that go on without.
  public var recordsDerivation = true
  /// Whether `reading` is what a run recorded, so that its scale stays as it is; otherwise one scale is decided for
  /// all images.
  public var isRecorded: Bool
  /// Which part of every training batch this process has; nil: all of it.
  public var share: BatchShare?

  /// The usual options.
  public init(
    seed: Int = 0, device: Device = .cpu, workers: Int = 2, reading: ReadingOptions = ReadingOptions(),
    instances: URL? = nil, classNames: [String] = [], sourcesAreLabelMaps: Bool? = nil,
    isRecorded: Bool = false
  ) {
    self.isRecorded = isRecorded
    self.classNames = classNames
    self.sourcesAreLabelMaps = sourcesAreLabelMaps
    self.seed = seed
    self.device = device
    self.workers = workers
    self.reading = reading
    self.instances = instances
  }
}

extension DataBindingOptions {
  /// A part of data with the labels that a model knows.
  fileprivate func brought(_ part: DataPart, _ plan: DataPlan) throws -> DataPart {
    try plan.arrangement.relabelled(part, classes: classNames, fields: plan.fields)
  }
}

/// Data that were opened for a system: its configuration adapted to them, what was built from them, and
/// where batches come from.
public final class DataBinding {
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
  /// What the stages learn from, each kind once, in the order of the stages.
  private let bound: [Bound]
  /// Which of `bound` each stage learns from; nil: none.
  private let stages: [(name: String, data: Int?)]
  /// The example of each instance; empty where they are the same.
  private let instanceRows: [Int]
  /// How they were opened.
  public let options: DataBindingOptions

  /// Data that were opened for one stage or several.
  private struct Bound {
    let plan: DataPlan
    let opening: DataOpening
    /// The training part as measures and previews read it.
    let part: DataPart
    let columns: FieldColumns
    let batchSize: Int
  }

  /// Opens data for a system.
  ///
  /// - Parameters:
  ///   - path: a folder or file that `AtelierData` knows, or nil for a system that learns from none.
  ///   - configuration: keys to lay over the system's defaults.
  ///   - artefacts: those of the run that is resumed, which are then used as they are, or images that the
  ///     user gives beside the data.
  ///   - processes: those that train together and open the same data. What takes long of all images, their features and
  ///     neighbourhoods, process 0 makes and the others are handed.
  ///   - isCheck: whether only what the data and the configuration allow is wanted: nothing is computed of all images, and
  ///     what was opened is not for training.
  ///   - onSkip: told of each corrupt image once.
  ///   - say: told of long preparations: features of all images, neighbourhoods.
  /// - Throws: ``DatasetError``, ``ConfigurationError`` or ``TrainingError``; the text names the file or key.
  public static func open(
    _ path: URL?, for system: any GenerativeSystem.Type, configuration: [String: ConfigurationValue],
    artefacts: Artefacts? = nil, options: DataBindingOptions = DataBindingOptions(),
    processes: (any ProcessGroup)? = nil, isCheck: Bool = false,
    onSkip: ((SkippedExample) -> Void)? = nil, say: @escaping (String) -> Void = { _ in }
  ) throws -> DataBinding {
    func open<System: GenerativeSystem>(_ type: System.Type) throws -> DataBinding {
      let values = try System.Configuration().overlaid(with: configuration)
      try values.validate()
      let place = values.plan.data == nil ? nil : try path.map { try DataArchive.folder(at: $0, say: say) }
      guard place != nil || values.plan.data == nil else {
        throw TrainingError.invalid(
          reason: "\(type.identity.name) learns from data; name a folder or a file of them")
      }
      func bound(_ artefacts: Artefacts?) throws -> DataBinding {
        var options = options
        if let place, !options.isRecorded {
          options.reading = options.reading.decidingScale(for: place, say: say)
        }
        return try DataBinding(
          type, values, at: place, artefacts: artefacts, options: options, isCheck: isCheck, onSkip: onSkip,
          say: say)
      }
      let isMade = artefacts?.contents[InstanceTable.artefact] != nil
      let shared = isMade || values.plan.components(InstancePlan.self).isEmpty ? nil : processes
      func made() throws -> DataBinding {
        try SharedArtefacts(shared).made(artefacts, bound) { $0.facts.artefacts }
      }
      return try place.map { try listingOnce($0, made) } ?? made()
    }
    return try open(system)
  }

  /// A part of the data from beginning to end, in its own order, the last batch smaller where it must be.
  ///
  /// - Parameter stage: whose data; nil: those of the first stage that learns from any.
  /// - Returns: nil where the data have no such part.
  public func batches(
    of split: DatasetSplit, batchSize: Int? = nil, stage: String? = nil
  ) throws -> [HostBatch]? {
    guard let data = data(of: stage), let part = try part(split, of: data) else { return nil }
    let size = batchSize ?? data.batchSize
    switch part {
    case .stream(let stream): return try stream.pass(data.plan.fields, batchSize: size)
    case .examples(let dataset):
      let loader = try Loader(
        dataset, batchSize: size, shuffles: false, dropsLast: false, workers: options.workers,
        corruptImages: options.reading.corruptImages)
      return try (0..<loader.batchesPerEpoch).map { _ in try loader.next() }
    }
  }

  /// A host batch as the system wants it.
  public func batch(_ host: HostBatch) -> Batch { batch(host, stage: nil) }

  /// A host batch of a stage's data as the system wants it.
  public func batch(_ host: HostBatch, stage: String?) -> Batch {
    Batch(data(of: stage)?.columns.tensors(host, device: options.device) ?? [:], isFirst: host.isFirst)
  }

  /// The examples of a part, prepared as the system wants them and without random changes; nil where the
  /// data have no such part, or are no examples.
  public func dataset(of split: DatasetSplit, stage: String? = nil) throws -> (any Dataset)? {
    try data(of: stage).flatMap { try part(split, of: $0)?.dataset }
  }

  /// The examples of a part at their own size, for measures of pairs; nil where the data have no such part.
  ///
  /// Images are cut on the right and below to a multiple of the scale between source and target. Sizes
  /// differ, so that examples are read one by one: `data.batch(of: index, in: dataset)`.
  public func wholeDataset(of split: DatasetSplit) throws -> (any Dataset)? {
    guard let data = data(of: nil), data.part.dataset != nil else { return nil }
    return try part(split, of: data, whole: true)?.dataset
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
      throw DatasetError.unusable(
        path: dataset.description.name, reason: "no image of it can be decoded")
    }
    return indices
  }

  private func name(_ error: DatasetError, _ say: (String) -> Void) throws {
    guard case .corruptImage = error, options.reading.corruptImages == .skip else { throw error }
    say("An image was left out: \(error.description)")
  }

  private func data(of stage: String?) -> Bound? {
    guard let stage else { return bound.first }
    return stages.first { $0.name == stage }?.data.map { bound[$0] }
  }

  /// A part of the data; nil where they have no such part.
  private func part(_ split: DatasetSplit, of data: Bound, whole: Bool = false) throws -> DataPart? {
    if split == .train, !whole { return data.part }
    guard let path else { return nil }
    var opening = data.opening
    opening.keepsSize = whole
    do {
      return try options.brought(
        data.plan.open(path, split, opening, facts.artefacts), data.plan)
    } catch {
      if case .missingSplit? = error as? DatasetError { return nil }
      throw error
    }
  }

  /// Whether the data hold, or keep, a part to measure on.
  public func holdsOut() throws -> Bool {
    let holdOut = options.reading.holdOut
    guard holdOut?.test == nil, let path, let data = bound.first else { return true }
    // A validation part that was asked for is for choosing the weights.
    return try data.plan.heldOutPart(
      of: path, data.opening, facts.artefacts, among: holdOut == nil ? [.test, .validation] : [.test]) != nil
  }

  /// The number in the training part of an instance: images that cannot be read are no instances.
  public func exampleNumber(ofInstance instance: Int) -> Int {
    instanceRows.isEmpty ? instance : instanceRows[instance]
  }

  // MARK: Opening

  /// More batches at a time than this only take memory.
  private static let mostWorkers = 256

  private init<System: GenerativeSystem>(
    _ type: System.Type, _ values: System.Configuration, at path: URL?, artefacts: Artefacts?,
    options: DataBindingOptions, isCheck: Bool, onSkip: ((SkippedExample) -> Void)?,
    say: @escaping (String) -> Void
  ) throws {
    let device = options.device
    try device.requireAvailable()
    guard (1...Self.mostWorkers).contains(options.workers) else {
      throw TrainingError.invalid(
        reason: "workers is \(options.workers), and must be 1 to \(Self.mostWorkers)")
    }
    var kept = artefacts ?? Artefacts()
    /// The training part at its full depth, and with images that keep their proportions; measures and previews go on
    /// with 8 bits and one size.
    func refined(_ part: DataPart, _ plan: DataPlan, _ own: DataOpening, _ path: URL) throws -> DataPart {
      var opening = own
      opening.reading.depth = options.reading.depth
      if options.reading.buckets {
        guard let multiple = plan.bucketMultiple else {
          throw TrainingError.invalid(
            reason:
              "the networks of \(type.identity.name) are trained on images of one size; leave buckets out"
          )
        }
        opening.bucketMultiple = multiple
      }
      let opened = try options.brought(plan.arrangement.open(path, .train, opening, kept), plan)
      if let sentence = (opened.dataset as? JointDataset)?.frames { say(sentence) }
      return opened
    }
    func opening(_ plan: DataPlan) -> DataOpening {
      var reading = options.reading
      reading.depth = 8
      return DataOpening(
        plan.fields, changes: plan.changes, reading: reading,
        sourcesAreLabelMaps: options.sourcesAreLabelMaps,
        describe: { try ImageFeatures($1, device: device).features(of: $0) })
    }
    // Opened for the given values first: what the data are decides the configuration, which decides how they
    // are prepared.
    var surveyed: [(plan: DataPlan, part: DataPart)] = []
    if let path {
      for (plan, _) in Self.distinct(values.plan).data {
        let part = try plan.survey(path, opening(plan), &kept, say: say)
        surveyed.append((plan, try options.brought(part, plan)))
      }
    }
    let nothing = DatasetDescription(
      layout: .memory, name: "no data", split: .train, count: 0, fingerprint: "none")
    let adapted = try type.adapted(
      values, to: DataFacts(description: surveyed.first?.part.description ?? nothing, artefacts: kept))
    try adapted.validate()
    let adaptedPlan = adapted.plan
    let distinct = Self.distinct(adaptedPlan)
    var description = nothing
    var rows: [Int] = []
    var bound: [Bound] = []
    var sources: [any ResumableBatchSource] = []
    for (index, (plan, batchSize)) in distinct.data.enumerated() {
      guard let path else { break }
      let own = opening(plan)
      let part: DataPart
      if index < surveyed.count, plan.arrangement.isEqual(to: surveyed[index].plan.arrangement),
        plan.arrangement.serves(
          surveyed[index].part, surveyedFor: opening(surveyed[index].plan), own)
      {
        part = surveyed[index].part
      } else {
        part = try options.brought(plan.open(path, .train, own, kept), plan)
      }
      try part.dataset?.requireUsable()
      var served = part
      if let instances = adaptedPlan.components(InstancePlan.self).first, index == 0,
        let dataset = part.dataset
      {
        // Examples of instances wrap the images, which measures and previews go on to read as they are.
        let preparation = InstancePreparation(
          plan: instances, cache: options.instances, seed: options.seed, say: say)
        try preparation.check(dataset)
        if !isCheck {
          let prepared = try withTensorErrors { try preparation(dataset, existing: artefacts) }
          served = .examples(prepared.dataset)
          kept.contents.merge(prepared.artefacts.contents) { _, new in new }
          rows = prepared.dataset.rows
        }
      }
      if index == 0 { description = served.description }
      if index == 0, options.recordsDerivation, !options.reading.swapsDirection,
        plan.arrangement is ImagePairs
      {
        description.derivation = options.reading.derivation?.description
      }
      let columns = try FieldColumns(
        plan.fields, arrangement: plan.arrangement, description: served.description)
      func source(_ stream: some BatchStream) -> any ResumableBatchSource {
        StreamBatchSource(
          stream, columns: columns, name: served.description.name, device: device, share: options.share,
          batchSize: batchSize)
      }
      if options.reading.buckets || options.reading.depth > 8 {
        let fine = try refined(part, plan, own, path)
        // Features are computed of 8 bits, which drawing and measures read; examples show the images at their depth.
        if let instances = served.dataset as? InstanceDataset, let images = fine.dataset {
          served = .examples(instances.showing(images))
        } else {
          served = fine
        }
      }
      switch served {
      case .stream(let data):
        sources.append(
          source(try data.stream(plan.fields, batchSize: batchSize, seed: UInt64(options.seed))))
      case .examples(let dataset):
        sources.append(
          source(
            try Loader(
              dataset, batchSize: batchSize, seed: UInt64(options.seed), workers: options.workers,
              corruptImages: options.reading.corruptImages, share: options.share, onSkip: onSkip)))
      }
      bound.append(
        Bound(plan: plan, opening: own, part: part, columns: columns, batchSize: batchSize))
    }
    description.scale = options.reading.scale
    facts = DataFacts(description: description, artefacts: kept)
    system = type
    configuration = try adapted.values()
    keys = adapted.keys
    self.path = path
    fields = adaptedPlan.fields
    switch sources.count {
    case 0: training = EmptyBatchSource()
    case 1: training = sources[0]
    default:
      training = StagedBatchSource(
        stages: distinct.stages.map { ($0.name, $0.data.map { sources[$0] }) })
    }
    self.bound = bound
    stages = distinct.stages
    instanceRows = rows
    self.options = options
  }

  /// What the stages of a plan learn from, each kind once, and which of them each stage learns from.
  private static func distinct(
    _ plan: SystemPlan
  ) -> (data: [(plan: DataPlan, batchSize: Int)], stages: [(name: String, data: Int?)]) {
    var data: [(plan: DataPlan, batchSize: Int)] = []
    let stages = plan.stages.map { stage -> (name: String, data: Int?) in
      guard let own = stage.data else { return (stage.name, nil) }
      if let index = data.firstIndex(where: { $0.plan == own && $0.batchSize == stage.batchSize }) {
        return (stage.name, index)
      }
      data.append((own, stage.batchSize))
      return (stage.name, data.count - 1)
    }
    return (data, stages)
  }
}
