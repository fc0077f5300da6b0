public import AtelierCore
public import AtelierData
public import AtelierGeneration
public import Foundation
public import Perception
public import Torch
import TorchNN

/// What a few steps of a training really took, at one batch size, in a process of their own: the peak of a
/// process's memory never falls again.
public struct TrainingProbe: Sendable, Hashable, Codable {
  /// Examples in a batch.
  public var batchSize: Int
  /// Steps that were made.
  public var steps: Int
  /// The lower quartile of the steps' seconds, as other work on the machine only adds to them; without the first
  /// steps and those after a preview.
  public var secondsAStep: Double
  /// The most bytes that the process held while it made a step; nil where the system does not tell.
  public var stepMemory: Int?
  /// The most bytes that the process held at any time, checkpoints and previews included.
  public var peakMemory: Int
  /// Bytes of the process before anything was built.
  public var idleMemory: Int
  /// Bytes of one checkpoint on disk.
  public var checkpointBytes: Int
  /// Bytes of weights, averages, moments and carried state in it.
  public var stateBytes: Int
  /// The parameters of each network that is trained.
  public var parameters: [Network]

  /// A network and its size.
  public struct Network: Sendable, Hashable, Codable {
    /// The network.
    public var name: String
    /// Elements of its parameters.
    public var count: Int
  }

  /// What was measured.
  package init(
    batchSize: Int, steps: Int, secondsAStep: Double, stepMemory: Int?, peakMemory: Int, idleMemory: Int,
    checkpointBytes: Int, stateBytes: Int, parameters: [Network]
  ) {
    self.batchSize = batchSize
    self.steps = steps
    self.secondsAStep = secondsAStep
    self.stepMemory = stepMemory
    self.peakMemory = peakMemory
    self.idleMemory = idleMemory
    self.checkpointBytes = checkpointBytes
    self.stateBytes = stateBytes
    self.parameters = parameters
  }

  /// Trains a few steps in a folder that is removed afterwards.
  ///
  /// - Parameters:
  ///   - configuration: every key.
  ///   - data: the data; nil: random batches of the declared shapes.
  ///   - artefacts: images that the user gives beside the data.
  ///   - options: device, threads and precision are taken from them.
  ///   - seconds: about how long steps are made; at least four are.
  /// - Throws: what a training throws that cannot start.
  public static func run(
    _ type: any GenerativeSystem.Type, _ configuration: [String: ConfigurationValue], batchSize: Int,
    data: URL?, artefacts: Artefacts? = nil, binding: DataBindingOptions, options: TrainingOptions,
    weights: WeightStore = .standard, seconds: Double
  ) throws -> TrainingProbe {
    let idle = Engine.memory()?.current ?? 0
    var values = configuration
    values["batchSize"] = .integer(batchSize)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "atelier-plan-\(UUID().uuidString)", isDirectory: true)
    let run = try RunDirectory.create(at: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let interruption = Interruption()
    let clock = StepClock(interruption, seconds: seconds)
    var options = options
    (options.steps, options.epochs, options.seconds) = (StepClock.mostSteps, nil, nil)
    (options.checkpointEvery, options.logEvery) = (1_000_000, 1_000_000)
    options.previewEvery = StepClock.previewEvery
    options.validation = nil
    if let threads = options.threads { Engine.threadCount = threads }
    if let data {
      let opened = try DataBinding.open(
        data, for: type, configuration: values, artefacts: artefacts, options: binding)
      try Training.rehearse(
        opened, in: run, options: options, weights: weights, reporter: clock, interruption: interruption)
    } else {
      try trainOnRandomBatches(
        type, values, artefacts ?? Artefacts(), run, options, weights, clock, interruption)
    }
    return try clock.probe(batchSize: batchSize, idle: idle, run, device: options.device)
  }

  private static func trainOnRandomBatches(
    _ type: any GenerativeSystem.Type, _ values: [String: ConfigurationValue], _ artefacts: Artefacts,
    _ run: RunDirectory, _ options: TrainingOptions, _ weights: WeightStore, _ clock: StepClock,
    _ interruption: Interruption
  ) throws {
    let (system, frozen) = try withTensorErrors {
      let system = try makeSystem(
        type, configuration: values, artefacts: artefacts,
        using: RandomStream(seed: 0, purpose: "initial weights"))
      system.move(to: options.device)
      return (system, try system.fillFrozenNetworks(from: weights, on: options.device))
    }
    let facts = DataFacts(
      description: DatasetDescription(
        layout: .memory, name: "random batches", split: .train, count: 0, fingerprint: "none"),
      artefacts: artefacts)
    _ = try Trainer(
      system, run: run, source: SyntheticBatchSource(system.plan, device: options.device), facts: facts,
      options: options, frozenWeights: frozen, reporter: clock, interruption: interruption
    ).train()
  }
}

/// Takes the time and the memory of each step, and ends the training when enough of them were seen.
private final class StepClock: ProgressReporter {
  static let mostSteps = 200
  /// Steps at the beginning that do not count: kernels are chosen and memory is gathered in them.
  private static let warmUp = 2
  private static let fewest = 4
  static let previewEvery = 4

  private let interruption: Interruption
  private let seconds: Double
  private var instants: [(step: Int, time: ContinuousClock.Instant)] = []
  private var stepPeaks: [Int] = []
  private var highest = 0

  init(_ interruption: Interruption, seconds: Double) {
    self.interruption = interruption
    self.seconds = seconds
  }

  func begin(_ title: String) {}
  func say(_ message: String) {}
  func end(_ message: String) {}

  func update(_ progress: TrainingProgress, isLogged: Bool) {
    if let peak = ProcessMemory.peakSinceReset() {
      highest = max(highest, peak)
      // What was held between two updates without a preview or a checkpoint is a step's alone.
      if let last = instants.last, last.step >= 1, last.step % Self.previewEvery != 0 {
        stepPeaks.append(peak)
      }
      ProcessMemory.resetPeak()
    }
    instants.append((progress.step, .now))
    guard let first = instants.first, instants.count >= Self.fewest else { return }
    if (instants[instants.count - 1].time - first.time).seconds > seconds { interruption.request() }
  }

  func probe(batchSize: Int, idle: Int, _ run: RunDirectory, device: Device) throws -> TrainingProbe {
    var times: [Double] = []
    for (before, after) in zip(instants, instants.dropFirst())
    where before.step >= Self.warmUp && before.step % Self.previewEvery != 0 {
      times.append((after.time - before.time).seconds)
    }
    times.sort()
    let store = CheckpointStore(run.checkpoints)
    guard !times.isEmpty, let step = store.steps.last else {
      throw TrainingError.invalid(reason: "the training ended before enough steps could be timed")
    }
    let folder = store.url(step: step)
    let names = [CheckpointStore.modelName, CheckpointStore.trainingName, CheckpointStore.stateName]
    let sizes = try names.map { name -> Int in
      let facts = try FileManager.default.attributesOfItem(atPath: folder.appendingPathComponent(name).path)
      return (facts[.size] as? NSNumber)?.intValue ?? 0
    }
    var counts: [(name: String, count: Int)] = []
    for name in names.prefix(1) {
      for entry in try Safetensors.header(of: folder.appendingPathComponent(name)).entries
      where entry.name.hasPrefix("network/") && entry.dtype.isFloatingPoint {
        let network = String(entry.name.split(separator: "/")[1])
        let count = entry.shape.reduce(1, *)
        if let place = counts.firstIndex(where: { $0.name == network }) {
          counts[place].count += count
        } else {
          counts.append((network, count))
        }
      }
    }
    let memory = Engine.memory(on: device)?.peak ?? 0
    let peak = device.kind == .cpu ? max(highest, ProcessMemory.peakSinceReset() ?? memory) : memory
    return TrainingProbe(
      batchSize: batchSize, steps: instants.count, secondsAStep: times[times.count / 4],
      stepMemory: device.kind == .cpu ? stepPeaks.max() : memory, peakMemory: peak, idleMemory: idle,
      checkpointBytes: sizes.reduce(0, +), stateBytes: sizes[0] + sizes[1],
      parameters: counts.map { TrainingProbe.Network(name: $0.name, count: $0.count) })
  }
}
