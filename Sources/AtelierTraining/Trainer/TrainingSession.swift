import AtelierCore
import AtelierData
import AtelierGeneration
import Torch
import TorchNN

/// What a training is made of and where it stands. The parts of the trainer share it, and each does one thing with it:
/// make a step, record it, save it, show it, measure it, or answer what went wrong.
///
/// All that a checkpoint keeps beside tensors is here, so that saving and going back need to ask nobody else.
final class TrainingSession {
  let system: any GenerativeSystem
  let run: RunDirectory
  let source: any ResumableBatchSource
  let facts: DataFacts
  /// SHA-256 of the weights that frozen networks were filled with, by name.
  let frozenWeights: [String: String]
  let options: TrainingOptions
  let processes: TrainingProcesses
  let limits: TrainingLimits

  /// Steps done.
  var step = 0
  /// How often an earlier state was put back, and where.
  var rollbacks = Rollbacks()
  /// What is looked at for signs of failure.
  var watch: HealthWatch
  /// What was measured on the way.
  var series: ValidationSeries
  /// The most bytes of memory held so far.
  var peakMemory = 0
  /// What keeps steps fast beside other programs, while training is under way on a processor.
  var threadWatch: ThreadWatch?
  private var secondsBefore = 0.0
  private var started = ContinuousClock.now

  /// How often an earlier state was put back, and where.
  struct Rollbacks {
    /// In all; part of the key of every later draw.
    var count = 0
    /// Those since training last got beyond the step that failed.
    var here = 0
    /// The step that failed last; 0 for none.
    var lastFailure = 0
  }

  init(
    _ system: any GenerativeSystem, run: RunDirectory, source: any ResumableBatchSource, facts: DataFacts,
    frozenWeights: [String: String], options: TrainingOptions, processes: TrainingProcesses,
    meter: ValidationMeasuring.Meter?
  ) {
    self.system = system
    self.run = run
    self.source = source
    self.facts = facts
    self.frozenWeights = frozenWeights
    self.options = options
    self.processes = processes
    limits = TrainingLimits(options: options, stages: system.plan.stages)
    watch = HealthWatch(options.health)
    series = ValidationSeries(meter, options.validation)
  }

  // MARK: Time

  /// Training begins, or goes on, now.
  func startClock() { started = .now }

  /// Seconds since training began in this process.
  var secondsHere: Double { (ContinuousClock.now - started).seconds }

  /// Seconds of training, over all resumptions.
  var seconds: Double { secondsBefore + secondsHere }

  // MARK: Limits

  /// The stage of the system's training that the next step belongs to.
  var stage: String { limits.stage(of: step) }

  /// The share of the work that is done; nil without limits.
  var fraction: Double? { limits.fraction(step: step, epoch: source.epoch, seconds: seconds) }

  /// Whether a limit is reached.
  var isFinished: Bool { limits.areReached(step: step, epoch: source.epoch, seconds: seconds) }

  // MARK: State

  /// What exact resumption needs to find again.
  var surroundings: Surroundings {
    var surroundings = Surroundings.current(options, dataFingerprint: facts.description.fingerprint)
    // Fewer may be in force for a while.
    if let threadWatch { surroundings.threads = threadWatch.threads }
    if processes.count > 1 {
      surroundings.processes = processes.count
      // Each has an accelerator of its own.
      if surroundings.device.kind == .cuda { surroundings.device = .cuda() }
    }
    return surroundings
  }

  /// What the next step depends on beside tensors.
  func state() throws -> TrainingState {
    TrainingState(
      step: step, epoch: source.epoch, stage: stage, seed: options.seed, rollbacks: rollbacks.count,
      rollbacksHere: rollbacks.here, lastFailure: rollbacks.lastFailure, position: try source.position,
      learningRates: Dictionary(
        system.optimizers.map { ($0.name, $0.optimizer.learningRate) },
        uniquingKeysWith: { first, _ in first }),
      health: watch.state, validation: series.state, seconds: seconds, peakMemory: peakMemory,
      surroundings: surroundings,
      hashes: Dictionary(uniqueKeysWithValues: frozenWeights.map { ("weights/" + $0.key, $0.value) }))
  }

  /// Goes to where a checkpoint stood, in the data and in what is watched and measured.
  func adopt(_ state: TrainingState, adoptsOtherData: Bool) throws {
    for (name, optimizer) in system.optimizers {
      if let rate = state.learningRates[name] { optimizer.learningRate = rate }
    }
    try source.seek(to: state.position, adoptsOtherData: adoptsOtherData)
    watch.state = state.health
    series.state = state.validation
    step = state.step
  }

  /// Counts on from a checkpoint of an earlier process: its time, memory and roll-backs.
  func countOn(from state: TrainingState) {
    rollbacks = Rollbacks(
      count: state.rollbacks, here: state.rollbacksHere, lastFailure: state.lastFailure)
    secondsBefore = state.seconds
    peakMemory = state.peakMemory
  }

  /// What a file of the model says about it.
  func modelDescription() throws -> ModelDescription {
    ModelDescription(
      system: system.identityName, configuration: try system.configurationValues(), data: facts.description,
      artefacts: facts.artefacts, step: step)
  }

  /// An event at the present step.
  func event(
    _ kind: RunEvent.Kind, memory: Int? = nil, message: String? = nil, path: String? = nil
  ) -> RunEvent {
    RunEvent(kind, step: step, epoch: source.epoch, memory: memory, message: message, path: path)
  }
}

extension GenerativeSystem {
  /// The registry's name.
  var identityName: String { Self.identity.name }

  /// Every key of the configuration.
  func configurationValues() throws(ConfigurationError) -> [String: ConfigurationValue] {
    try configuration.values()
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
