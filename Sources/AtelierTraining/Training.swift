public import AtelierCore
import AtelierData
public import AtelierGeneration
public import Foundation
public import Perception
public import Torch
import TorchNN

/// Starts and resumes runs: what the command line does, in a call.
public enum Training {
  /// Makes a run's folder, builds the system, and trains it.
  ///
  /// ```swift
  /// let data = try DataBinding.open(folder, for: type, configuration: values, options: …)
  /// let run = try RunDirectory.create(in: runs, name: "cgan-fashion")
  /// let outcome = try Training.start(data, in: run, preset: "small", options: options)
  /// ```
  ///
  /// - Parameters:
  ///   - data: the data, opened with the same seed and device as the options say.
  ///   - preset: the preset's name, for the record.
  ///   - weights: where frozen networks take their weights from.
  ///   - previews: what is shown of the system on the way.
  ///   - source: other weights to begin with; nil: initial ones.
  ///   - measuring: how the system is measured on the way, where the options ask for it.
  ///   - consent: who agreed, for a system with the ability ``AtelierCore/Likeness``.
  ///   - processes: those that train together; the data are opened with the share of this one, and all are given the
  ///     same run, which process 0 writes. nil: this process alone.
  @discardableResult
  public static func start(
    _ data: DataBinding, in run: RunDirectory, preset: String? = nil, options: TrainingOptions,
    weights: WeightStore = .standard, previews: PreviewList = .standard, from source: TransferSource? = nil,
    measuring: ValidationMeasuring? = nil, consent: Consent? = nil,
    reporter: any ProgressReporter = QuietReporter(), interruption: Interruption = Interruption(),
    processes: (any ProcessGroup)? = nil
  ) throws -> TrainingOutcome {
    try options.validate()
    try checkImages(data)
    let agreed = try Consent.record(consent, for: data)
    return try train(
      data, in: run, configuration(of: data, preset, options), consent: consent, agreed, weights: weights,
      previews: previews, from: source, measuring: measuring, isResuming: false, allowsInexact: false,
      reporter: reporter, interruption: interruption, processes: processes)
  }

  /// A few steps for what they cost, in a run that is thrown away: nobody has to agree to that.
  static func rehearse(
    _ data: DataBinding, in run: RunDirectory, options: TrainingOptions, weights: WeightStore,
    reporter: any ProgressReporter, interruption: Interruption
  ) throws {
    try options.validate()
    try checkImages(data)
    _ = try train(
      data, in: run, configuration(of: data, nil, options), consent: nil, nil, weights: weights,
      previews: .standard, from: nil, measuring: nil, isResuming: false, allowsInexact: false,
      reporter: reporter, interruption: interruption)
  }

  private static func configuration(
    of data: DataBinding, _ preset: String?, _ options: TrainingOptions
  ) -> RunConfiguration {
    RunConfiguration(
      system: data.system.identity.name, preset: preset, data: data.path?.standardizedFileURL.path,
      reading: data.options.reading, options: options, configuration: data.configuration, keys: data.keys)
  }

  /// Goes on with a run from its newest sound checkpoint, or from the beginning where it has none.
  ///
  /// - Parameters:
  ///   - dataPath: where the data lie now, if they were moved.
  ///   - dataOptions: only its `workers` and its `share` count; all else about reading data is as the run recorded it.
  ///   - change: what is different now: limits, intervals, what is kept.
  ///   - allowsInexact: see ``Trainer/resume(allowsInexact:)``.
  ///   - weights: where frozen networks take their weights from.
  ///   - previews: what is shown of the system on the way.
  ///   - measuring: how the system is measured on the way, where the run's options ask for it.
  ///   - consent: a new consent in the place of the run's own, which is checked again otherwise.
  ///   - processes: those that train together, as many as the run was trained in; nil: this process alone.
  ///   - reshards: whether they may be another number.
  @discardableResult
  public static func resume(
    _ folder: URL, registry: SystemRegistry, dataPath: URL? = nil,
    dataOptions: DataBindingOptions = DataBindingOptions(), allowsInexact: Bool = false,
    weights: WeightStore = .standard, previews: PreviewList = .standard,
    measuring: ValidationMeasuring? = nil, consent: Consent? = nil,
    reporter: any ProgressReporter = QuietReporter(), interruption: Interruption = Interruption(),
    processes: (any ProcessGroup)? = nil, reshards: Bool = false,
    change: (inout TrainingOptions) throws -> Void = { _ in }
  ) throws -> TrainingOutcome {
    let run = try RunDirectory.open(folder)
    var configuration = try RunConfiguration.read(run.configuration)
    try change(&configuration.options)
    try configuration.options.validate()
    if let dataPath { configuration.data = dataPath.standardizedFileURL.path }
    let data = try open(
      run, configuration, registry: registry, workers: dataOptions.workers, share: dataOptions.share,
      processes: processes, reporter: reporter)
    let given = try consent ?? Consent.read(run)
    let agreed = try Consent.record(given, for: data)
    if let agreed, consent == nil, let known = try knownData(of: run)?.consent, known.hash != agreed.hash {
      throw TrainingError.invalid(
        reason:
          "\(run.consent.path) is not the consent that the run began with; give the new one as the consent")
    }
    // With the keys that came to the system after the run was made, at their defaults.
    (configuration.keys, configuration.configuration) = (data.keys, data.configuration)
    return try train(
      data, in: run, configuration, consent: given, agreed, weights: weights, previews: previews,
      from: try TransferSource.again(for: run, data, say: reporter.say), measuring: measuring,
      isResuming: true, allowsInexact: allowsInexact, reporter: reporter, interruption: interruption,
      processes: processes, reshards: reshards)
  }

  /// Opens the data of a run as its training did, the labels those of the model, by the names of the classes.
  ///
  /// - Parameters:
  ///   - dataPath: other data.
  ///   - device: where batches go; nil: where the run was trained.
  public static func openData(
    of folder: URL, registry: SystemRegistry, dataPath: URL? = nil, device: Device? = nil, workers: Int = 2
  ) throws -> DataBinding {
    let run = try RunDirectory.open(folder)
    var configuration = try RunConfiguration.read(run.configuration)
    if let device { configuration.options.device = device }
    let trainedOn = configuration.data
    if let dataPath { configuration.data = dataPath.path }
    guard configuration.reading.holdOut != nil, configuration.data != trainedOn,
      let known = try knownData(of: run)
    else {
      return try open(run, configuration, registry: registry, workers: workers, reporter: QuietReporter())
    }
    // Data that were moved are the same; of others nothing was trained on.
    do {
      let moved = try open(
        run, configuration, registry: registry, workers: workers, reporter: QuietReporter())
      if moved.facts.description.fingerprint == known.fingerprint { return moved }
    } catch DatasetError.invalid, DatasetError.tooSmall {
      // Other data may be divided already, or too few to hold any of them out.
    }
    configuration.reading.holdOut = nil
    return try open(run, configuration, registry: registry, workers: workers, reporter: QuietReporter())
  }

  /// Refuses to start without an image that the system cannot do without.
  private static func checkImages(_ data: DataBinding) throws {
    let plan = try data.system.plan(data.configuration)
    for picture in plan.components(GivenImage.self)
    where data.facts.artefacts.contents[picture.artefact] == nil {
      throw TrainingError.invalid(
        reason: "\(data.system.identity.name) needs \(picture.summary); give --\(picture.name) and an image")
    }
  }

  private static func open(
    _ run: RunDirectory, _ configuration: RunConfiguration, registry: SystemRegistry, workers: Int,
    share: BatchShare? = nil, processes: (any ProcessGroup)? = nil, reporter: any ProgressReporter
  ) throws -> DataBinding {
    let type = try registry.system(named: configuration.system)
    // The classes of an instance system are clusters, which no data have.
    let hasClusters = try !type.plan(configuration.configuration).components(InstancePlan.self).isEmpty
    let known = try knownData(of: run)
    var options = DataBindingOptions(
      seed: configuration.options.seed, device: configuration.options.device, workers: workers,
      reading: configuration.reading, classNames: hasClusters ? [] : known?.classNames ?? [],
      sourcesAreLabelMaps: known?.sourcesAreLabelMaps, isRecorded: true)
    options.share = share
    options.recordsDerivation = known.map { $0.derivation != nil } ?? true
    return try DataBinding.open(
      configuration.data.map { URL(fileURLWithPath: $0) }, for: type,
      configuration: configuration.configuration,
      artefacts: try readArtefacts(run), options: options, processes: processes,
      onSkip: { reporter.say("An image was skipped: \($0.reason)") }, say: { reporter.say($0) })
  }

  private static func train(
    _ data: DataBinding, in run: RunDirectory, _ configuration: RunConfiguration, consent: Consent?,
    _ agreed: ConsentRecord?, weights: WeightStore, previews: PreviewList, from source: TransferSource?,
    measuring: ValidationMeasuring?, isResuming: Bool,
    allowsInexact: Bool, reporter: any ProgressReporter,
    interruption: Interruption, processes: (any ProcessGroup)? = nil, reshards: Bool = false
  ) throws -> TrainingOutcome {
    let options = configuration.options
    // Process 0 alone says, draws, measures and writes.
    let isFirst = processes?.isFirst ?? true
    let reporter = isFirst ? reporter : QuietReporter()
    if let threads = options.threads { Engine.threadCount = threads }
    let meter = try meter(data, run, options, measuring, reporter, processes)
    // What is left out of the data, such as images without a partner.
    if !isResuming {
      for note in data.facts.description.notes { reporter.say(note) }
    }
    if data.options.device == .cpu {
      try MemoryNeed.require(data.system, data.configuration, data.facts.artefacts)
    }
    if let parts = options.accumulate, parts > 1,
      try data.system.plan(data.configuration).stages.allSatisfy({ $0.data == nil })
    {
      throw TrainingError.invalid(
        reason:
          "\(data.system.identity.name) learns from no batches, so that there is nothing to accumulate; leave accumulate "
          + "out")
    }
    // Networks may be larger than the memory: then the engine fails, and nothing was written yet.
    var transfer = try isResuming ? TransferRecord.read(run) : nil
    let (system, frozen) = try withTensorErrors {
      let system = try makeSystem(
        data.system, configuration: data.configuration, artefacts: data.facts.artefacts,
        using: RandomStream(seed: UInt64(options.seed), purpose: "initial weights"))
      if let source {
        let record = try WeightTransfer(
          source, into: data.system, configuration: data.configuration, facts: data.facts
        ).fill(system)
        for line in record.lines { reporter.say(line) }
        transfer = record
      }
      if let count = options.freezeDiscriminator {
        let layers = try FrozenLayers.freeze(
          count, of: system, beginningWith: isResuming ? nil : transfer)
        if !isResuming { reporter.say("Frozen: \(layers.joined(separator: ", ")).") }
      }
      system.move(to: options.device)
      return (system, try system.fillFrozenNetworks(from: weights, on: options.device))
    }
    // Where weights come from, and under which licence, is said by every model that comes of them.
    let facts = data.facts.noting(transfer?.notes ?? [], licences: transfer?.licenceTerms)
      .agreed(agreed)
    let examples =
      isFirst ? try PreviewExamples(data, plan: system.plan, for: previews, say: reporter.say) : nil
    let trainer = try Trainer(
      system, run: run, source: data.training, facts: facts, options: options, frozenWeights: frozen,
      previews: previews, examples: examples,
      validation: { try data.batches(of: .validation, batchSize: 10)?.map(data.batch) ?? [] },
      meter: meter, reporter: reporter, interruption: interruption, processes: processes)
    let isAtTheBeginning = try
      !(isResuming
      && trainer.resume(allowsInexact: allowsInexact, reshards: reshards))
    if isAtTheBeginning { try trainer.measureAtStart() }
    guard isFirst else { return try trainer.train() }
    // Every check has passed. The configuration is written last: a folder with one is a run that can be
    // resumed.
    for folder in [run.checkpoints, run.samples, run.artefacts] { try RunDirectory.makeFolder(folder) }
    if !isResuming {
      for (name, content) in data.facts.artefacts.contents {
        try AtomicFile.write(content, to: run.artefacts.appendingPathComponent(name))
      }
    }
    if !isResuming { try transfer?.write(to: run) }
    try consent?.write(to: run)
    try AtomicFile.write(Data(try configuration.text().utf8), to: run.configuration)
    if isResuming && isAtTheBeginning {
      reporter.say("There is no checkpoint yet; training begins at the beginning.")
    }
    let outcome = try trainer.train()
    try Report(run).write()
    return outcome
  }

  /// Refuses measures that say nothing about the system of some data, and data without a validation part, before
  /// anything is trained to be measured.
  ///
  /// - Throws: ``TrainingError`` that names the measure or the data.
  public static func requireMeasurable(
    _ data: DataBinding, by policy: ValidationPolicy, _ measuring: ValidationMeasuring
  ) throws {
    try policy.validate()
    // Nothing is written there: what measures is opened, and not used.
    let nowhere = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    _ = try measuring.open(
      ValidationRequest(
        data: data, run: RunDirectory(url: nowhere), policy: policy, seed: UInt64(data.options.seed),
        say: { _ in }))
  }

  /// What measures the system, where the options ask for it.
  private static func meter(
    _ data: DataBinding, _ run: RunDirectory, _ options: TrainingOptions, _ measuring: ValidationMeasuring?,
    _ reporter: any ProgressReporter, _ processes: (any ProcessGroup)?
  ) throws -> ValidationMeasuring.Meter? {
    guard let policy = options.validation else { return nil }
    guard let measuring else {
      throw TrainingError.invalid(
        reason: "the options ask for measurements on the way, and nothing was handed in that measures")
    }
    return try measuring.open(
      ValidationRequest(
        data: data, run: run, policy: policy, seed: UInt64(options.seed), say: reporter.say,
        processes: processes))
  }

  /// The data that the newest checkpoint describes; nil where there is none yet.
  ///
  /// - Throws: the error of the newest one, where none can be read: what the classes of the model are is then
  ///   unknown.
  private static func knownData(of run: RunDirectory) throws -> DatasetDescription? {
    let store = CheckpointStore(run.checkpoints)
    var newest: (any Error)?
    for step in store.steps.reversed() {
      let file = store.url(step: step).appendingPathComponent(CheckpointStore.modelName)
      // One that is damaged is named, and passed by, where it is loaded.
      do { return try ModelFile.describe(file).data } catch { newest = newest ?? error }
    }
    if let newest { throw newest }
    return nil
  }

  private static func readArtefacts(_ run: RunDirectory) throws(TrainingError) -> Artefacts {
    var artefacts = Artefacts()
    guard FileManager.default.fileExists(atPath: run.artefacts.path) else { return artefacts }
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: run.artefacts.path) } catch {
      throw .notFound(
        path: run.artefacts.path, reason: readFailureReason(error, run.artefacts, needsFolder: true))
    }
    for name in names where !name.hasPrefix(".") {
      let file = run.artefacts.appendingPathComponent(name)
      do { artefacts.contents[name] = try Data(contentsOf: file) } catch {
        throw .notFound(path: file.path, reason: "it cannot be read, \(readFailureReason(error, file))")
      }
    }
    return artefacts
  }
}
