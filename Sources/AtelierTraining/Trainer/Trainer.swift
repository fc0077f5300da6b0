public import AtelierCore
public import AtelierData
public import AtelierGeneration
public import Foundation
public import Torch

/// Trains a system: the loop of steps, and what is due after each. It never sees a loss term.
///
/// Random numbers come from streams that are keyed by seed, purpose, number of roll-backs and step, so
/// that nothing of them has to be saved. On a processor in float32 a training that was killed and
/// resumed gives the bytes of one that was not.
///
/// What is due is done by parts that share the ``TrainingSession``: ``StepRunner`` makes a step, ``StepRecorder``
/// logs it, ``HealthResponder`` answers what went wrong in it, ``TrainingPreviews`` draw, ``TrainingMeasurements``
/// measure, ``CheckpointKeeper`` saves, ``TrainingFailure`` says what broke off, ``TrainingProcesses`` agree, and
/// ``TrainingGuard`` answers signals meanwhile.
public final class Trainer {
  private let session: TrainingSession
  private let journal: TrainingJournal
  private let guardian: TrainingGuard
  private let steps: StepRunner
  private let recorder: StepRecorder
  private let checkpoints: CheckpointKeeper
  private let health: HealthResponder
  private let previews: TrainingPreviews
  private let measurements: TrainingMeasurements
  private let failure: TrainingFailure
  private let interruption: Interruption

  /// The system.
  public var system: any GenerativeSystem { session.system }
  /// Where everything is written.
  public var run: RunDirectory { session.run }
  /// The settings.
  public var options: TrainingOptions { session.options }
  /// Steps done.
  public var step: Int { session.step }

  /// A training that has not begun.
  ///
  /// - Parameters:
  ///   - frozenWeights: SHA-256 of the weights that frozen networks were filled with, by name; recorded in
  ///     checkpoints and compared on resumption.
  ///   - previews: what is shown of the system on the way.
  ///   - examples: what previews draw from; nil: no examples.
  ///   - validation: held-out batches for systems that follow a held-out loss.
  ///   - meter: what measures the system as often as the options say; nil: nothing does.
  ///   - processes: those that train together, each on its part of every batch of `source`; process 0 alone writes,
  ///     draws previews and measures. nil: this one alone.
  /// - Throws: ``TrainingError`` for settings that cannot work, or a folder that cannot be written.
  public init(
    _ system: any GenerativeSystem, run: RunDirectory, source: any ResumableBatchSource, facts: DataFacts,
    options: TrainingOptions, frozenWeights: [String: String] = [:], previews: PreviewList = .standard,
    examples: PreviewExamples? = nil, validation: (() throws -> [Batch])? = nil,
    meter: ValidationMeasuring.Meter? = nil, reporter: any ProgressReporter = QuietReporter(),
    interruption: Interruption = Interruption(), processes: (any ProcessGroup)? = nil
  ) throws {
    try options.validate()
    self.interruption = interruption
    session = TrainingSession(
      system, run: run, source: source, facts: facts, frozenWeights: frozenWeights, options: options,
      processes: TrainingProcesses(processes), meter: meter)
    journal = TrainingJournal(session, reporter)
    // Several processes stop together, after a step.
    guardian = TrainingGuard(
      interruption, reporter: journal.reporter, endsProcess: session.processes.group == nil)
    if let threads = options.threads { Engine.threadCount = threads }
    checkpoints = try CheckpointKeeper(session, journal, guardian)
    steps = StepRunner(session)
    recorder = StepRecorder(session, journal)
    health = HealthResponder(session, journal, checkpoints)
    self.previews = TrainingPreviews(session, journal, guardian, list: previews, examples: examples)
    measurements = TrainingMeasurements(session, journal, heldOut: validation)
    failure = TrainingFailure(session: session, journal: journal, checkpoints: checkpoints, steps: steps)
  }

  /// Takes over the state of the newest sound checkpoint; call it before ``train()``.
  ///
  /// - Parameters:
  ///   - allowsInexact: whether another engine, thread count, processor or other data may be used; training then
  ///     goes on, but not to the same bytes.
  ///   - reshards: whether another number of processes may go on, among which batches are divided anew; sums are
  ///     then rounded otherwise.
  /// - Returns: whether there was a checkpoint.
  /// - Throws: ``TrainingError/cannotResume(reason:)`` where resumption would not be exact.
  public func resume(allowsInexact: Bool = false, reshards: Bool = false) throws -> Bool {
    try Resumption(
      session: session, journal: journal, checkpoints: checkpoints, allowsInexact: allowsInexact,
      reshards: reshards
    ).perform()
  }

  /// Measures the initial weights, where anything is measured: what cannot be measured is refused before a run is
  /// begun.
  ///
  /// - Throws: what measuring throws, and ``TrainingError/invalid(reason:)`` where the number that is to decide is
  ///   not measured.
  func measureAtStart() throws { try measurements.measureAtStart() }

  /// Trains until a limit, a wish to stop, or a failure.
  ///
  /// - Throws: ``TrainingError/brokenOff(cause:reason:saved:)`` that says what was saved.
  public func train() throws -> TrainingOutcome {
    session.startClock()
    recorder.begin()
    journal.reporter.begin("\(system.identityName) in \(run.url.path)")
    interruption.arm()
    guardian.start()
    if options.device.kind == .cpu {
      session.threadWatch = ThreadWatch(adapts: options.adaptsThreads ?? false)
    }
    defer {
      guardian.stop()
      session.threadWatch?.end()
    }
    try orBreakOff { try session.processes.broadcast(system) }
    if step == 0 {
      try journal.append(session.event(.start))
      try measurements.writeFirst()
      try orBreakOff { try checkpoints.save() }
    }
    while true {
      if let reason = try reasonToEnd() {
        // The last look at the weights may roll back, and then there is more to do.
        let response = checkpoints.isSaved ? .goOn : try saveIfSound()
        if case .stop(let why) = response { return try finish(.stopped(why)) }
        if response == .goOn || reason != .finished { return try finish(reason) }
        recorder.restart()
        continue
      }
      switch try advance() {
      case .goOn: break
      case .rolledBack: recorder.restart()
      // The state is what the watch objected to; what was saved before stays the last word.
      case .stop(let why): return try finish(.stopped(why))
      }
    }
  }

  /// Why training ends before the next step, which all processes decide alike; nil: it goes on.
  private func reasonToEnd() throws -> TrainingOutcome.Reason? {
    // Only process 0 measures, and its clock counts.
    let processes = session.processes
    let settled = measurements.settled
    let own = [processes.isFirst && session.isFinished, settled != nil, interruption.isRequested]
    let all = try orBreakOff { try processes.any(own) }
    if all[0] { return .finished }
    if all[1] { return .settled(settled ?? "what process 0 measures has not become better") }
    return all[2] ? .interrupted : nil
  }

  /// Makes a step and everything that is due after it.
  private func advance() throws -> HealthResponder.Response {
    let isLogged = step == 0 || (step + 1) % options.logEvery == 0
    let training = steps.next(isObserved: isLogged)
    let passes = Int(session.source.epoch)
    guardian.enter("step \(step + 1)", try checkpoints.fallback(keepsState: mayEndWithinNextStep))
    do {
      defer { guardian.leave() }
      try steps.run(training)
      try measurements.followHeldOutLoss(before: passes)
    } catch let error as TensorError where error.hasNonFiniteInput && session.processes.group == nil {
      guard let response = try health.respond(toRefusal: error) else { throw failure.error(for: error) }
      return response
    } catch {
      throw failure.error(for: error)
    }
    session.step += 1
    return try orBreakOff(isStepOver: true) {
      if let remark = session.threadWatch?.observe(steps.taken) { try journal.warn(remark) }
      return try attend(to: training, isLogged: isLogged)
    }
  }

  /// Logs, watches, previews, measures and saves after a step.
  private func attend(to training: TrainingStep, isLogged: Bool) throws -> HealthResponder.Response {
    let found = isLogged ? try recorder.record(training) : []
    journal.reporter.update(recorder.progress, isLogged: isLogged)
    var response = try health.respond(to: found)
    guard response == .goOn else { return response }
    response = try health.respond(to: previews.drawIfDue(isSaved: checkpoints.isSaved))
    guard response == .goOn else { return response }
    let isBest = try measurements.measureIfDue()
    return isBest || step % options.checkpointEvery == 0 ? try saveIfSound() : .goOn
  }

  /// Whether the process may be asked to end within the next step, or the preview behind it, which take so long that
  /// the state from before them is kept.
  private var mayEndWithinNextStep: Bool {
    guard interruption.endsProcess, session.processes.group == nil else { return false }
    return steps.taken > TrainingGuard.slowStep
      || previews.areDue(after: step + 1) && previews.taken > TrainingGuard.slowStep
  }

  /// Saves, unless a weight is not a number, which is then a finding.
  private func saveIfSound() throws -> HealthResponder.Response {
    if let name = SystemState.firstNonFinite(of: system) {
      return try health.respond(
        to: [HealthFinding(kind: .notANumber, message: "\(name) is not finite")])
    }
    try orBreakOff { try checkpoints.save() }
    return .goOn
  }

  private func finish(_ reason: TrainingOutcome.Reason) throws -> TrainingOutcome {
    if reason == .finished, session.processes.isFirst { previews.drawLast(isSaved: checkpoints.isSaved) }
    // What process 0 still writes is on disk before any process ends.
    _ = try session.processes.decision { true }
    let checkpoint = checkpoints.store.newestSound().checkpoint?.url
    let kept = checkpoint.map { "; the newest checkpoint is \($0.lastPathComponent)" } ?? ""
    let message =
      switch reason {
      case .finished: "finished after \(step) steps and \(duration(session.seconds))"
      case .settled(let why): "stopped early at step \(step): \(why)"
      case .interrupted:
        "stopped on request after \(step) steps; everything is saved, and the run can be resumed"
      case .stopped(let why): "stopped by the health watch at step \(step): \(why)\(kept)"
      }
    try journal.append(session.event(.end, memory: session.peakMemory, message: message))
    journal.reporter.end("Training \(message).")
    return TrainingOutcome(reason: reason, step: step, seconds: session.seconds, checkpoint: checkpoint)
  }

  /// Does something whose failure ends the training, with what can be saved saved.
  private func orBreakOff<Result>(isStepOver: Bool = false, _ work: () throws -> Result) throws -> Result {
    do { return try work() } catch { throw failure.error(for: error, isStepOver: isStepOver) }
  }
}
