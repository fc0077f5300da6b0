public import AtelierCore
public import AtelierData
public import AtelierGeneration
public import AtelierTraining
public import Foundation
import Perception
import Torch
import TorchNN

/// The tests that every system has to pass, on a tiny configuration and tiny data.
///
/// ```swift
/// let harness = try SystemHarness(DCGAN.self, ["imageSize": 8], data: folder)
/// #expect(try harness.resumesExactly())
/// ```
public struct SystemHarness {
  /// The system.
  public let system: any GenerativeSystem.Type
  /// Keys laid over the preset.
  public let configuration: [String: ConfigurationValue]
  /// Where the data lie; nil for a system that needs none.
  public let data: URL?
  /// Pictures that the user would give beside the data.
  public let artefacts: Artefacts?

  /// A harness for a system.
  ///
  /// - Parameter changes: keys that make the preset `small` tiny.
  public init(
    _ system: any GenerativeSystem.Type, _ changes: [String: ConfigurationValue] = [:], data: URL?,
    artefacts: Artefacts? = nil
  ) throws {
    func values<System: GenerativeSystem>(_ type: System.Type) throws -> [String: ConfigurationValue] {
      let presets = System.Configuration.presets
      let preset = presets.first { $0.name == "small" } ?? presets.first
      return try (preset?.configuration ?? System.Configuration()).overlaid(with: changes).values()
    }
    self.system = system
    self.data = data
    self.artefacts = artefacts
    configuration = try values(system)
  }

  /// Settings under which a test is quick and quiet.
  ///
  /// One thread: tiny operations gain nothing from more, and tests run side by side.
  public static func options(steps: Int, seed: Int = 7) -> TrainingOptions {
    TrainingOptions(
      steps: steps, seed: seed, threads: 1, checkpointEvery: 1000, previewEvery: 1000, previewRows: 2,
      logEvery: 1)
  }

  /// Trains in a new run.
  public func train(
    in folder: URL, options: TrainingOptions, reading: ReadingOptions = ReadingOptions(),
    measuring: ValidationMeasuring? = nil, reporter: any ProgressReporter = QuietReporter()
  ) throws -> RunDirectory {
    let run = try RunDirectory.create(in: folder, name: system.identity.name)
    // Opening data may compute with the engine already.
    if let threads = options.threads { Engine.threadCount = threads }
    var binding = DataBindingOptions()
    binding.seed = options.seed
    binding.reading = reading
    let opened = try DataBinding.open(
      data, for: system, configuration: configuration, artefacts: artefacts, options: binding)
    try Training.start(
      opened, in: run, options: options, weights: .drawn(), measuring: measuring,
      consent: try Self.consent(for: opened), reporter: reporter)
    return run
  }

  /// Everybody's consent, where the system needs it; nil where it does not.
  public static func consent(for data: DataBinding) throws -> Consent? {
    let plan = try data.system.plan(data.configuration)
    guard let likeness = plan.ability(Likeness.self) else { return nil }
    let names = try Consent.people(likeness, in: data, plan)
    let lines = (names.isEmpty ? ["somebody"] : names).map {
      "  - {name: \"\($0)\", purpose: a test, until: 9999-12-31}\n"
    }
    return try Consent(Data(("persons:\n" + lines.joined()).utf8), named: "the consent")
  }

  /// The two files that must be equal byte for byte, of a run's newest checkpoint.
  public static func bytes(of run: RunDirectory) throws -> [Data] {
    let store = CheckpointStore(run.checkpoints)
    guard let step = store.steps.last else { return [] }
    return try [CheckpointStore.modelName, CheckpointStore.trainingName].map {
      try Data(contentsOf: store.url(step: step).appendingPathComponent($0))
    }
  }

  /// Two steps run, everything that was logged is finite, and every network that is trained has changed.
  public func takesTwoSteps() throws -> Bool {
    let folder = try TemporaryFolder()
    let run = try train(in: folder.url, options: Self.options(steps: 2))
    let lines = try EventLog.read(run.events).filter { $0.type == .step }
    let values = lines.flatMap { $0.values.map { Array($0.values) } ?? [] }
    let first = try makeSystem(
      system,
      configuration: DataBinding.open(
        data, for: system, configuration: configuration, artefacts: artefacts
      ).configuration,
      artefacts: savedArtefacts(run), using: RandomStream(seed: 7, purpose: "initial weights"))
    let trained = try loadSystem(from: run.url, registry: SystemRegistry([system])).system
    let updated = Set(trained.optimizers.flatMap { $0.optimizer.names })
    let changed = zip(first.networks, trained.networks).allSatisfy { before, after in
      before.frozenFrom != nil
        || before.module.hostState().map(\.tensor) != after.module.hostState().map(\.tensor)
    }
    return lines.count == 2 && !values.isEmpty && values.allSatisfy(\.isFinite) && changed && !updated.isEmpty
  }

  /// A loss before and after some steps on a single batch: `total`, a generator's where it has no opponent,
  /// or where two players play, the discriminator's, whose lowest value counts because the generator pulls it up again.
  public func overfitsOneBatch(steps: Int) throws -> (first: Double, last: Double) {
    Engine.threadCount = 1
    let opened = try DataBinding.open(
      data, for: system, configuration: configuration, artefacts: artefacts)
    let stream = RandomStream(seed: 3, purpose: "initial weights")
    let built = try makeSystem(
      system, configuration: opened.configuration, artefacts: opened.facts.artefacts, using: stream)
    try built.fillFrozenNetworks(from: .drawn())
    // What is optimised without data never asks for a batch.
    let source: any BatchSource = data == nil ? opened.training : RepeatingSource(try opened.training.next())
    var losses: [String: [Double]] = [:]
    for index in 0..<steps {
      let draws = StreamDraws(RandomStream(seed: 3, purpose: "draws", step: index))
      let step = TrainingStep(index: index, draws: draws, source: source)
      try withTensorErrors { try step.run { try built.step($0) } }
      for (name, value) in step.logged where value.count == 1 {
        losses[name, default: []].append(value.item())
      }
    }
    if let totals = losses["total"], let first = totals.first, let last = totals.last { return (first, last) }
    if losses["discriminator"] == nil, let alone = losses["generator"], let first = alone.first,
      let last = alone.last
    {
      return (first, last)
    }
    let losing = losses["discriminator"] ?? []
    return (losing.first ?? .nan, losing.min() ?? .nan)
  }

  /// Two trainings with one seed give the same bytes, and one with another seed gives others.
  public func isDeterministic(steps: Int = 3) throws -> Bool {
    let folder = try TemporaryFolder()
    let runs = try [7, 7, 8].map { try train(in: folder.url, options: Self.options(steps: steps, seed: $0)) }
    let bytes = try runs.map(Self.bytes(of:))
    return bytes[0] == bytes[1] && bytes[0] != bytes[2]
  }

  /// Four steps, and two steps and then two in a resumed run, give the same bytes.
  public func resumesExactly(half: Int = 2) throws -> Bool {
    let folder = try TemporaryFolder()
    let whole = try train(in: folder.url, options: Self.options(steps: 2 * half))
    let resumed = try train(in: folder.url, options: Self.options(steps: half))
    try Training.resume(resumed.url, registry: SystemRegistry([system]), weights: .drawn()) {
      $0.steps = 2 * half
    }
    return try Self.bytes(of: whole) == Self.bytes(of: resumed)
  }

  /// A saved system draws the same for the same seed, and something else for another.
  public func generatesDeterministically(isRandom: Bool = true) throws -> Bool {
    let folder = try TemporaryFolder()
    let run = try train(in: folder.url, options: Self.options(steps: 1))
    func output(seed: UInt64) throws -> [[UInt8]] {
      let loaded = try loadSystem(from: run.url, registry: SystemRegistry([system])).system
      var output: [[UInt8]] = []
      let draws = StreamDraws(RandomStream(seed: seed))
      var request = Request(count: 4, sampling: loaded.plan.sampling, draws: draws)
      if request.sampling.keys.contains("length") {
        request.sampling = try request.sampling.overlaid(with: ["length": 20])
      }
      try loaded.draw(request) { piece in
        switch piece.value {
        case .tensor(let tensor): output.append(tensor.contiguous().host().bytes)
        case .text(let text): output.append(Array(text.utf8))
        }
      }
      return output
    }
    let (first, again, other) = (try output(seed: 1), try output(seed: 1), try output(seed: 2))
    return first == again && !first.isEmpty && (!isRandom || first != other)
  }

  private func savedArtefacts(_ run: RunDirectory) throws -> Artefacts {
    try ModelFile.describe(modelFile(at: run.url)).artefacts
  }
}

/// Serves one batch again and again.
private final class RepeatingSource: BatchSource {
  private let batch: Batch

  init(_ batch: Batch) { self.batch = batch }

  func next() -> Batch { batch }
}
