public import AtelierCore
public import AtelierData
public import AtelierGeneration
import AtelierHashing
import AtelierMetrics
public import Foundation
public import Torch
import TorchNN

/// How a training ended.
public struct TrainingOutcome: Sendable, Hashable {
  /// Why it ended.
  public enum Reason: Sendable, Hashable {
    /// A limit was reached.
    case finished
    /// What is measured on the way has not become better for long; the text says how long.
    case settled(String)
    /// Somebody wished it, by Ctrl-C for example.
    case interrupted
    /// The health watch ended it; the text says why.
    case stopped(String)
  }

  /// Why it ended.
  public let reason: Reason
  /// Steps done.
  public let step: Int
  /// Seconds of training, over all resumptions.
  public let seconds: Double
  /// The newest checkpoint.
  public let checkpoint: URL?
}

/// Trains a system: counts, saves, logs, previews and watches. It never sees a loss term.
///
/// Random numbers come from streams that are keyed by seed, purpose, number of roll-backs and step, so
/// that nothing of them has to be saved. On a processor in float32 a training that was killed and
/// resumed gives the bytes of one that was not.
public final class Trainer {
  /// The system.
  public let system: any GenerativeSystem
  /// Where everything is written.
  public let run: RunDirectory
  /// The settings.
  public let options: TrainingOptions
  /// Steps done.
  public private(set) var step = 0

  private let source: any ResumableBatchSource
  private let counted: CountingBatchSource
  private let facts: DataFacts
  private let frozenWeights: [String: String]
  private let limits: TrainingLimits
  private let reporter: any ProgressReporter
  private let interruption: Interruption
  private let store: CheckpointStore
  private let painter: PreviewPainter
  private let validation: (() throws -> [Batch])?
  private var series: ValidationSeries
  private var threadWatch: ThreadWatch?
  /// What was measured before the run was begun.
  private var firstMeasurement: RunEvent?
  private var journal: (log: EventLog, board: EventFileWriter)?
  private var watch: HealthWatch
  private var rollbacks = 0
  private var rollbacksHere = 0
  private var lastFailure = 0
  private var secondsBefore = 0.0
  private var peakMemory = 0
  private var started = ContinuousClock.now
  private var lastSaved: Int?
  private var lastPreview: Int?
  private var lastLogged = (units: 0, waited: 0.0, time: ContinuousClock.now)
  private var rate = 0.0
  /// The share of the time in which the last steps waited for data.
  private var waiting: Double?
  private var saidThatItWaits = false
  private var shown: [TrainingProgress.NamedValue] = []
  /// Values shown in a line of progress: 8 keep it within a terminal's width.
  private static let shownValues = 8
  private var firstFraction = 0.0
  private let guardian: TrainingGuard
  private let processes: TrainingProcesses
  /// How long the last step, and the last preview, took.
  private var taken = (step: Duration.zero, preview: Duration.zero)

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
    let processes = TrainingProcesses(processes)
    self.processes = processes
    let reporter = processes.isFirst ? reporter : QuietReporter()
    self.validation = validation
    series = ValidationSeries(processes.isFirst ? meter : nil, options.validation)
    self.system = system
    self.run = run
    self.source = source
    self.facts = facts
    self.frozenWeights = frozenWeights
    self.options = options
    self.reporter = reporter
    self.interruption = interruption
    // Several processes stop together, after a step.
    guardian = TrainingGuard(interruption, reporter: reporter, endsProcess: processes.group == nil)
    counted = CountingBatchSource(source)
    limits = TrainingLimits(options: options, stages: system.plan.stages)
    store = CheckpointStore(run.checkpoints)
    painter = PreviewPainter(
      run: run, options: options, previews: previews.applying(to: system.plan),
      source: examples ?? PreviewExamples(facts))
    watch = HealthWatch(options.health)
    if let threads = options.threads { Engine.threadCount = threads }
    if processes.isFirst { try store.removeLeftovers() }
  }

  /// What is told of the training, in files that the first entry makes: a resumption that is refused leaves
  /// the run as it was.
  private func opened() throws -> (log: EventLog, board: EventFileWriter) {
    if let journal { return journal }
    let opened = (log: try EventLog(run.events), board: try EventFileWriter(folder: run.url))
    journal = opened
    return opened
  }

  /// nil: another process writes it.
  private var log: EventLog? { get throws { processes.isFirst ? try opened().log : nil } }
  private var board: EventFileWriter? { get throws { processes.isFirst ? try opened().board : nil } }

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
    let found = store.newestSound()
    let steps = try processes.group?.allGather(
      withUnsafeBytes(
        of: Int64(found.checkpoint?.state.step ?? -1)
      ) { Array($0) })
    if let steps, let other = steps.indices.first(where: { steps[$0] != steps[0] }) {
      throw TrainingError.cannotResume(
        reason:
          "process \(other) finds another newest checkpoint in \(run.checkpoints.path) than process 0; give "
          + "all processes the same folder, on a file system that all their machines see")
    }
    guard let checkpoint = found.checkpoint else {
      for problem in found.problems { try warn(problem) }
      return false
    }
    let file = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    let owner = try ModelFile.describe(file).system
    guard owner == system.identityName else {
      throw TrainingError.cannotResume(
        reason: "\(file.path) is a checkpoint of \(owner), and the run is one of \(system.identityName); put "
          + "the run's own checkpoints back, or train \(owner) in a run of its own")
    }
    let then = checkpoint.state.surroundings
    if options.threads == nil, Engine.threadCount != then.threads { Engine.threadCount = then.threads }
    let differences = surroundings.differences(from: then)
    var remarks = found.problems
    if let remark = try resharding(from: then.processes ?? 1, reshards) { remarks.append(remark) }
    if !differences.isEmpty || checkpoint.state.seed != options.seed {
      let all = differences + (checkpoint.state.seed != options.seed ? ["the seed has changed"] : [])
      guard allowsInexact else {
        throw TrainingError.cannotResume(
          reason: all.joined(separator: ", ") + "; go back to what it was, or allow inexact resumption")
      }
      remarks.append("Resuming inexactly: \(all.joined(separator: ", ")).")
    }
    try restore(checkpoint, adoptsOtherData: allowsInexact)
    // Nothing was written until here.
    for remark in remarks { try warn(remark) }
    rollbacks = checkpoint.state.rollbacks
    rollbacksHere = checkpoint.state.rollbacksHere
    lastFailure = checkpoint.state.lastFailure
    secondsBefore = checkpoint.state.seconds
    peakMemory = checkpoint.state.peakMemory
    try log?.append(event(.resume, message: "from \(RunDirectory.stepName(step))"))
    return true
  }

  /// Refuses another number of processes, or says what changes with it; nil: it is the same.
  private func resharding(from then: Int, _ isAllowed: Bool) throws(TrainingError) -> String? {
    guard processes.count != then else { return nil }
    func text(_ count: Int) -> String { count == 1 ? "1 process" : "\(count) processes" }
    guard isAllowed else {
      throw .cannotResume(
        reason:
          "it was trained in \(text(then)) and is resumed in \(text(processes.count)); start as many as then, "
          + "or allow batches to be divided anew with reshard")
    }
    return
      "Resuming in \(text(processes.count)) instead of \(then): every batch and its random numbers are divided "
      + "anew, and sums are rounded otherwise."
  }

  /// Trains until a limit, a wish to stop, or a failure.
  ///
  /// - Throws: ``TrainingError/brokenOff(cause:reason:saved:)`` that says what was saved.
  public func train() throws -> TrainingOutcome {
    started = .now
    lastLogged = (source.unitsServed, source.secondsWaited, .now)
    firstFraction = fraction ?? 0
    reporter.begin("\(system.identityName) in \(run.url.path)")
    interruption.arm()
    guardian.start()
    if options.device.kind == .cpu { threadWatch = ThreadWatch(adapts: options.adaptsThreads ?? false) }
    defer {
      guardian.stop()
      threadWatch?.end()
    }
    do { try processes.broadcast(system) } catch { throw brokenOff(error) }
    if step == 0 {
      try log?.append(event(.start))
      if let firstMeasurement { try write(firstMeasurement) }
      try save()
    }
    var reason = TrainingOutcome.Reason.finished
    repeat {
      while reason == .finished {
        let next = try decision()
        if next.isFinished { break }
        if let settled = next.settled {
          reason = .settled(settled)
        } else if next.isInterrupted {
          reason = .interrupted
        } else if let stop = try advance() {
          reason = .stopped(stop.reason)
        }
      }
      // After a stop the state is what the watch objected to; what was saved before stays the last word.
      if case .stopped = reason { break }
      if lastSaved != step, let stop = try saveIfSound() { reason = .stopped(stop.reason) }
      // The last look at the weights may have rolled back, and then there is more to do.
    } while try reason == .finished && !decision().isFinished
    return try finish(reason)
  }

  /// Whether training goes on, which all processes decide alike.
  private struct Decision {
    var isFinished: Bool
    var settled: String?
    var isInterrupted: Bool
  }

  private func decision() throws -> Decision {
    // Only process 0 measures, and its clock counts.
    let settled = series.settled
    let own = [processes.isFirst && isFinished, settled != nil, interruption.isRequested]
    do {
      let all = try processes.any(own)
      return Decision(
        isFinished: all[0],
        settled: all[1] ? settled ?? "what process 0 measures has not become better" : nil,
        isInterrupted: all[2])
    } catch {
      throw brokenOff(error)
    }
  }

  // MARK: One step

  /// Makes a step and everything that is due after it.
  ///
  /// - Returns: why training must end, or nil.
  private func advance() throws -> Stop? {
    let isLogged = step == 0 || (step + 1) % options.logEvery == 0
    source.enter(stage: stage)
    let source = source
    let all = StreamDraws(drawStream, device: options.device)
    let together = processes.group.map { StepProcesses($0) { source.part } }
    let training = TrainingStep(
      index: step, epoch: source.epoch, stage: stage,
      draws: together == nil ? all : SharedDraws(all) { source.part },
      source: counted, isObserved: isLogged, precision: options.precision.autocast, device: options.device,
      gradientClip: options.gradientClip, processes: together)
    let passes = Int(source.epoch)
    counted.beginStep()
    guardian.enter("step \(step + 1)", try fallback())
    let began = ContinuousClock.now
    do {
      defer {
        taken.step = .now - began
        guardian.leave()
      }
      try withTensorErrors { try training.run(parts: options.accumulate ?? 1) { try system.step($0) } }
      if Int(source.epoch) > passes { try validate(after: Int(source.epoch)) }
    } catch let error as TensorError where error.hasNonFiniteInput && processes.group == nil {
      return try react(toRefusal: error)
    } catch {
      throw brokenOff(error)
    }
    step += 1
    do {
      if let remark = threadWatch?.observe(taken.step) { try warn(remark) }
      return try attend(to: training, isLogged: isLogged)
    } catch {
      throw brokenOff(error, mayBeSaved: true)
    }
  }

  /// What is left of the training where the next step, and the preview behind it, is not waited for: the state is
  /// kept in memory where the last one took long.
  private func fallback() throws -> TrainingGuard.Fallback {
    if lastSaved == step { return .saved(step: step) }
    let drawsPreview = (step + 1) % options.previewEvery == 0
    guard interruption.endsProcess, processes.group == nil,
      taken.step > TrainingGuard.slowStep || drawsPreview && taken.preview > TrainingGuard.slowStep
    else { return .none }
    let (model, training) = (SystemState.model(of: system), SystemState.training(of: system))
    let (state, description, store) = (try currentState(), try self.description(), store)
    return .snapshot(step: step) {
      try store.write(model: { model }, training: { training }, description, state)
    }
  }

  /// Logs, watches, previews and saves after a step.
  private func attend(to training: TrainingStep, isLogged: Bool) throws -> Stop? {
    let findings = isLogged ? try record(training) : []
    reporter.update(progress, isLogged: isLogged)
    let present = step
    if let stop = try react(to: findings) { return stop }
    // After a roll-back nothing of this step is due any more.
    guard step == present else { return nil }
    if step % options.previewEvery == 0 {
      let diversity = try processes.decision { preview() }
      if let stop = try react(to: watch.observe(diversity: diversity ?? .nan)) { return stop }
    }
    guard step == present else { return nil }
    let isBest = options.validation == nil ? false : try processes.decision { try measureIfDue() }
    guard isBest || step % options.checkpointEvery == 0 else { return nil }
    return try saveIfSound()
  }

  // MARK: Measuring

  /// Measures the initial weights, where anything is measured: what cannot be measured is refused before a run is
  /// begun.
  ///
  /// - Throws: what measuring throws, and ``TrainingError/invalid(reason:)`` where the number that is to decide is
  ///   not measured.
  func measureAtStart() throws {
    guard step == 0, options.validation != nil else { return }
    _ = try processes.decision {
      firstMeasurement = try measurement()?.event
      return true
    }
  }

  /// - Returns: whether the system is better than ever, which is worth a checkpoint.
  private func measureIfDue() throws -> Bool {
    guard let (event, isBest) = try measurement() else { return false }
    try write(event)
    return isBest
  }

  private func measurement() throws -> (event: RunEvent, isBest: Bool)? {
    guard let point = try series.measureIfDue(system, step: step, seconds: seconds) else { return nil }
    var event = event(.validation, message: point.message)
    event.values = point.values
    return (event, point.isBest)
  }

  private func write(_ measurement: RunEvent) throws {
    try log?.append(measurement)
    let values = (measurement.values ?? [:]).sorted { $0.key < $1.key }
    try board?.write(scalars: values.map { ("validation/" + $0.key, $0.value) }, step: measurement.step)
    reporter.say("Validation at step \(measurement.step): \(measurement.message ?? "").")
  }

  /// Tells systems that want it the loss on held-out data after a pass.
  ///
  /// It belongs to the step that ended the pass, so that a checkpoint of that step has seen it.
  private func validate(after passes: Int) throws {
    guard let validation, let system = system as? any ValidationDrivenSystem,
      let loss = try withTensorErrors({ try system.heldOutLoss(over: validation()) })
    else { return }
    system.validated(loss: loss)
    var event = event(.validation, message: "after \(passes) passes over the data")
    event.step += 1
    event.values = ["validation": loss]
    try log?.append(event)
    try board?.write(scalars: [("validation", loss)], step: step + 1)
  }

  private var drawStream: RandomStream {
    let purpose = rollbacks == 0 ? "draws" : "draws after roll-back \(rollbacks)"
    return RandomStream(seed: UInt64(options.seed), purpose: purpose, step: step)
  }

  /// Reads what the step logged, writes it, and has the watch look at it.
  private func record(_ training: TrainingStep) throws -> [HealthFinding] {
    let values = try processes.averaged(averaged(training.logged))
    let norms = averaged(training.gradientNorms)
    let now = ContinuousClock.now
    let elapsed = (now - lastLogged.time).seconds
    if elapsed > 0 { rate = Double(source.unitsServed - lastLogged.units) / elapsed }
    if elapsed > 0 { waiting = min(1, max(0, (source.secondsWaited - lastLogged.waited) / elapsed)) }
    lastLogged = (source.unitsServed, source.secondsWaited, now)
    try sayThatItWaits(elapsed)
    peakMemory = max(peakMemory, Engine.memory(on: options.device)?.peak ?? 0)
    shown = values.prefix(Self.shownValues).map {
      TrainingProgress.NamedValue(name: $0.name, value: $0.value)
    }
    var event = event(.step)
    event.values = Dictionary(uniqueKeysWithValues: values)
    event.gradientNorms = Dictionary(uniqueKeysWithValues: norms)
    event.rate = rate
    event.unit = source.unit
    event.waiting = waiting
    event.memory = peakMemory
    try log?.append(event)
    try board?.write(
      scalars: values + norms.map { ("gradient-norm/" + $0.name, $0.value) } + [("rate", rate)], step: step)
    return watch.observe(values: values, gradientNorms: norms)
  }

  /// Says once that the steps wait for data more than they compute.
  private func sayThatItWaits(_ elapsed: Double) throws {
    // Less than some seconds says little: the first batches are read while nothing else is done.
    guard let waiting, waiting > 0.5, elapsed > 10, !saidThatItWaits else { return }
    saidThatItWaits = true
    try warn(
      "Training waited for data \(Int((waiting * 100).rounded())) % of the last \(Int(elapsed.rounded())) s; more workers, "
        + "smaller images or shards on a faster disk make it quicker.")
  }

  /// Means of what was logged under one name, in the order of first appearance.
  private func averaged(_ logged: [(name: String, value: Tensor)]) -> [(name: String, value: Double)] {
    var order: [String] = []
    var sums: [String: (sum: Double, count: Int)] = [:]
    for (name, tensor) in logged {
      if sums[name] == nil { order.append(name) }
      let value = (tensor.count == 1 ? tensor : tensor.asType(.float32).mean()).item()
      let (sum, count) = sums[name] ?? (0, 0)
      sums[name] = (sum + value, count + 1)
    }
    return order.compactMap { name in sums[name].map { (name, $0.sum / Double($0.count)) } }
  }

  // MARK: Health

  private struct Stop {
    let reason: String
  }

  /// Says what was found and does what the policy asks for; the worst reaction counts.
  private func react(to findings: [HealthFinding]) throws -> Stop? {
    let answered = findings.map { ($0, options.health.reaction(to: $0.kind)) }.filter { $0.1 != .ignore }
    for (finding, reaction) in answered {
      try log?.append(
        event(.health, message: "\(finding.kind.rawValue): \(finding.message) (\(reaction.rawValue))"))
      reporter.say("Health: step \(step): \(finding.message).")
    }
    if let (finding, _) = answered.first(where: { $0.1 == .rollBack }) {
      return try rollBack(finding.message)
    }
    if let (finding, _) = answered.first(where: { $0.1 == .stop }) { return Stop(reason: finding.message) }
    return nil
  }

  /// What the policy asks for where the engine refused to compute with NaN or infinity, before any loss was
  /// logged. The step is half done, so that without a roll-back training ends.
  private func react(toRefusal error: TensorError) throws -> Stop? {
    let before = rollbacks
    step += 1
    let operation = error.description.prefix { $0 != "(" }
    let finding = HealthFinding(
      kind: .notANumber, message: "\(operation) was given numbers that are not finite")
    if let stop = try react(to: [finding]) { return stop }
    guard rollbacks > before else {
      step -= 1
      throw brokenOff(error)
    }
    return nil
  }

  private func rollBack(_ reason: String) throws -> Stop? {
    rollbacks += 1
    rollbacksHere = step > lastFailure ? 1 : rollbacksHere + 1
    lastFailure = max(lastFailure, step)
    guard rollbacks <= options.health.maximumRollbacks else {
      return Stop(
        reason: "\(reason), after \(rollbacks - 1) roll-backs; lower the learning rate or clip gradients")
    }
    // What is sound may still be sick: each further failure at the same place goes one checkpoint back.
    var target = store.newestSound(before: step).checkpoint
    for _ in 1..<rollbacksHere {
      guard let present = target, let earlier = store.newestSound(before: present.state.step).checkpoint
      else { break }
      target = earlier
    }
    guard let target else { return Stop(reason: "\(reason), and there is no checkpoint to go back to") }
    let failed = step
    try restore(target, adoptsOtherData: false)
    let message =
      "rolled back from step \(failed) to step \(step) because \(reason); going on with other draws"
    try log?.append(event(.rollback, message: message))
    reporter.say("Training \(message).")
    lastLogged = (source.unitsServed, source.secondsWaited, .now)
    return nil
  }

  /// Draws the fixed samples; a failure is said and does not end the training.
  ///
  /// - Returns: how different they are, for the health watch; nil where that is unknown.
  private func preview(isWatched: Bool = true) -> Double? {
    lastPreview = step
    do {
      let began = ContinuousClock.now
      guardian.enter("the preview of step \(step)", lastSaved == step ? .saved(step: step) : nil)
      defer {
        taken.preview = .now - began
        guardian.leave()
      }
      let preview = try painter.paint(
        system, stage: limits.stage(of: max(0, step - 1)), step: step, board: board)
      for file in preview.files { try log?.append(event(.preview, path: run.relativePath(file))) }
      guard isWatched, let (samples, groups) = preview.observed else { return nil }
      let diversity = HealthWatch.diversity(of: samples.to(.cpu), groups: groups)
      guard diversity.isFinite else { return nil }
      try board?.write(scalars: [("diversity", diversity)], step: step)
      return diversity
    } catch {
      try? warn(
        "The preview of step \(step) could not be drawn: \(String(describing: error).trimmedSentence).")
      return nil
    }
  }

  // MARK: Saving

  /// Saves, unless a weight is not a number, which is then a finding.
  private func saveIfSound() throws -> Stop? {
    if let name = SystemState.firstNonFinite(of: system) {
      return try react(to: [HealthFinding(kind: .notANumber, message: "\(name) is not finite")])
    }
    try save()
    return nil
  }

  private func save() throws {
    let state = try currentState()
    guardian.enter("the checkpoint of step \(step)", TrainingGuard.Fallback.none)
    defer { guardian.leave() }
    do {
      try processes.requireEqual(system, step: step)
      let carried = try processes.carriedStates(of: system)
      lastSaved = step
      // The others go on meanwhile, and wait with their next sum.
      guard processes.isFirst else { return }
      let url = try store.write(system, try description(), state, carried: carried)
      try store.prune(
        keepLast: options.keepLast, keepEvery: options.keepEvery, keeping: series.state?.bestStep)
      try log?.append(event(.checkpoint, path: run.relativePath(url)))
    } catch {
      throw brokenOff(error)
    }
  }

  /// What the next step depends on beside tensors.
  private func currentState() throws -> TrainingState {
    let stage = self.stage
    return try TrainingState(
      step: step, epoch: source.epoch, stage: stage, seed: options.seed, rollbacks: rollbacks,
      rollbacksHere: rollbacksHere, lastFailure: lastFailure, position: source.position,
      learningRates: Dictionary(
        system.optimizers.map { ($0.name, $0.optimizer.learningRate) },
        uniquingKeysWith: { first, _ in first }),
      health: watch.state, validation: series.state, seconds: seconds, peakMemory: peakMemory,
      surroundings: surroundings,
      hashes: Dictionary(uniqueKeysWithValues: frozenWeights.map { ("weights/" + $0.key, $0.value) }))
  }

  private func restore(_ checkpoint: Checkpoint, adoptsOtherData: Bool) throws {
    let folder = checkpoint.url
    let state = checkpoint.state
    let training = folder.appendingPathComponent(CheckpointStore.trainingName)
    try ModelFile.load(folder.appendingPathComponent(CheckpointStore.modelName), into: system)
    let tensors = try Safetensors.read(training).tensors
    guard
      state.surroundings.processes ?? 1 == processes.count || !SystemState.hasSeveralCarriedStates(tensors)
    else {
      throw TrainingError.cannotResume(
        reason: "each of \(state.surroundings.processes ?? 1) processes has a state of its own of "
          + "\(system.identityName), such as hidden states of a text or images kept for later, which cannot be "
          + "divided anew; start as many processes as then")
    }
    try SystemState.loadTraining(
      tensors, into: system, from: training, rank: processes.group?.rank ?? 0)
    for (name, content) in facts.artefacts.contents {
      let hash = state.hashes["artefacts/" + name]
      guard hash == nil || hash == content.sha256Hex || adoptsOtherData else {
        throw TrainingError.cannotResume(
          reason: "the artefact '\(name)' is not the one that was trained with; put it back, "
            + "or allow inexact resumption")
      }
    }
    for (name, hash) in frozenWeights {
      let then = state.hashes["weights/" + name]
      guard then == nil || then == hash || adoptsOtherData else {
        throw TrainingError.cannotResume(
          reason: "the weights '\(name)' are not those that were trained with; put them back, "
            + "or allow inexact resumption")
      }
    }
    for (name, optimizer) in system.optimizers {
      if let rate = state.learningRates[name] { optimizer.learningRate = rate }
    }
    try source.seek(to: state.position, adoptsOtherData: adoptsOtherData)
    watch.state = state.health
    series.state = state.validation
    step = state.step
    lastSaved = step
  }

  private func description() throws -> ModelDescription {
    ModelDescription(
      system: system.identityName, configuration: try system.configurationValues(), data: facts.description,
      artefacts: facts.artefacts, step: step)
  }

  // MARK: Ending

  private func finish(_ reason: TrainingOutcome.Reason) throws -> TrainingOutcome {
    // The watch does not look at this one: whoever trains on would not have drawn it.
    if lastPreview != step, reason == .finished, processes.isFirst { _ = preview(isWatched: false) }
    // What process 0 still writes is on disk before any process ends.
    _ = try processes.decision { true }
    let checkpoint = store.newestSound().checkpoint?.url
    let kept = checkpoint.map { "; the newest checkpoint is \($0.lastPathComponent)" } ?? ""
    let message =
      switch reason {
      case .finished: "finished after \(step) steps and \(duration(seconds))"
      case .settled(let why): "stopped early at step \(step): \(why)"
      case .interrupted:
        "stopped on request after \(step) steps; everything is saved, and the run can be resumed"
      case .stopped(let why): "stopped by the health watch at step \(step): \(why)\(kept)"
      }
    try log?.append(event(.end, memory: peakMemory, message: message))
    reporter.end("Training \(message).")
    return TrainingOutcome(reason: reason, step: step, seconds: seconds, checkpoint: checkpoint)
  }

  /// The error for a failure, after saving what can be saved.
  ///
  /// Where not even the first batch of the step came, or the step is over, the state is that of a whole
  /// step and worth saving; in the middle of a step it is not.
  private func brokenOff(_ error: any Error, mayBeSaved: Bool = false) -> TrainingError {
    if case .brokenOff = error as? TrainingError {
      return error as? TrainingError ?? .invalid(reason: "\(error)")
    }
    // An operation over several processes fails for what befell one of them.
    let error = processes.group?.failure ?? error
    defer { processes.group?.leave(because: "\(error)") }
    let cause: TrainingError.Cause =
      switch error {
      case DatasetError.exhausted: .machine
      case is DatasetError: .data
      case let error as TensorError where error.isOutOfMemory: .machine
      case is FileFormatError: .disk
      case TrainingError.unwritable: .disk
      case _ where processes.group?.failure != nil: .machine
      default: .system
      }
    if processes.group == nil, mayBeSaved || (cause == .data && counted.served == 0), lastSaved != step,
      SystemState.firstNonFinite(of: system) == nil
    {
      try? save()
    }
    let newest = store.newestSound().checkpoint?.state.step
    let saved =
      newest.map {
        $0 == step ? "The state after step \($0) is saved." : "The last checkpoint is of step \($0)."
      }
      ?? "No checkpoint was written yet."
    try? log?.append(event(.end, message: "broke off: \(error)"))
    return .brokenOff(cause: cause, reason: "\(error)", saved: saved + " Resuming goes on from there.")
  }

  // MARK: Counting

  private var seconds: Double { secondsBefore + (ContinuousClock.now - started).seconds }

  private var surroundings: Surroundings {
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

  private var stage: String { limits.stage(of: step) }

  private var fraction: Double? { limits.fraction(step: step, epoch: source.epoch, seconds: seconds) }

  private var isFinished: Bool { limits.areReached(step: step, epoch: source.epoch, seconds: seconds) }

  private var progress: TrainingProgress {
    let fraction = self.fraction
    var left: Double?
    if let fraction, fraction > firstFraction {
      left = (ContinuousClock.now - started).seconds * (1 - fraction) / (fraction - firstFraction)
    }
    return TrainingProgress(
      step: step, epoch: source.epoch, fraction: fraction, secondsLeft: left, rate: rate, unit: source.unit,
      values: shown, waiting: waiting)
  }

  private func event(
    _ kind: RunEvent.Kind, memory: Int? = nil, message: String? = nil, path: String? = nil
  ) -> RunEvent {
    RunEvent(kind, step: step, epoch: source.epoch, memory: memory, message: message, path: path)
  }

  private func warn(_ message: String) throws {
    try log?.append(event(.warning, message: message))
    reporter.say(message)
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
