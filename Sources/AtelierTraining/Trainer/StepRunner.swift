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
    let together = session.processes.group.map { StepProcesses($0) { source.part } }
    counted.beginStep()
    return TrainingStep(
      index: session.step, epoch: source.epoch, stage: session.stage,
      draws: together == nil ? all : SharedDraws(all) { source.part },
      source: counted, isObserved: isObserved, precision: options.precision.autocast, device: options.device,
      gradientClip: options.gradientClip, processes: together)
  }

  /// Computes a step.
  func run(_ training: TrainingStep) throws {
    let began = ContinuousClock.now
    defer { taken = .now - began }
    try withTensorErrors {
      try training.run(parts: session.options.accumulate ?? 1) { try session.system.step($0) }
    }
  }

  private var drawStream: RandomStream {
    let rollbacks = session.rollbacks.count
    let purpose = rollbacks == 0 ? "draws" : "draws after roll-back \(rollbacks)"
    return RandomStream(seed: UInt64(session.options.seed), purpose: purpose, step: session.step)
  }
}
