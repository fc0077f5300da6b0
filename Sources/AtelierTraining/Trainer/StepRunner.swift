import AtelierCore
import AtelierGeneration
import Torch
import TorchNN

/// Makes a step of the system's training, in as many parts as gradients are accumulated over.
///
/// Random numbers come from streams that are keyed by seed, purpose, number of roll-backs and step.
final class StepRunner {
  private let session: TrainingSession
  private let counted: CountingBatchSource
  /// How long the last step took.
  private(set) var taken = Duration.zero

  init(_ session: TrainingSession) {
    self.session = session
    counted = CountingBatchSource(session.source)
  }

  /// Whether the present step has got a batch: until then the state is that of the step before.
  var hasBegun: Bool { counted.served > 0 }

  /// The next step, before anything of it is computed.
  ///
  /// - Parameter isObserved: whether its numbers will be read.
  func next(isObserved: Bool) -> TrainingStep {
    let (options, source) = (session.options, session.source)
    source.enter(stage: session.stage)
    let all = StreamDraws(drawStream, device: options.device)
    let part = { [counted] in counted.part }
    let together = session.processes.group.map { StepProcesses($0, part: part) }
    let training = TrainingStep(
      index: session.step, epoch: source.epoch, stage: session.stage,
      draws: together == nil ? all : SharedDraws(all, part: part),
      source: counted, isObserved: isObserved, precision: options.precision.autocast, device: options.device,
      gradientClip: options.gradientClip, processes: together)
    counted.begin(training)
    return training
  }

  /// Computes a step.
  func run(_ training: TrainingStep) throws {
    let began = ContinuousClock.now
    defer { taken = .now - began }
    try withTensorErrors {
      let options = session.options
      try training.run(parts: options.accumulate ?? 1, order: options.accumulationOrder) {
        try session.system.step($0)
      }
    }
  }

  private var drawStream: RandomStream {
    let rollbacks = session.rollbacks.count
    let purpose = rollbacks == 0 ? "draws" : "draws after roll-back \(rollbacks)"
    return RandomStream(seed: UInt64(session.options.seed), purpose: purpose, step: session.step)
  }
}
