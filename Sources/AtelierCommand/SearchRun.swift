import ArgumentParser
import Atelier
import Foundation

/// Runs the trials of a search, some at a time, and keeps what came of them.
///
/// The state is written before a trial begins and after it ended, each time whole. Whenever this process is killed,
/// trials that were measured are known, and those under way go on from their checkpoints; a training that outlives this
/// process finishes its part by itself, and is waited for.
final class SearchRun {
  private var state: SearchState
  private let place: SearchFolder
  private let parallel: Int
  private let threads: Int?
  private let lock: SearchLock
  private var present: [Active] = []
  private let commands: TrialCommands

  /// A trial that is worked on.
  private struct Active {
    enum Phase {
      case training(TrialProgram)
      case measuring(TrialProgram)
      /// Its run is written to by another process, or others are to be measured before it.
      case waiting(isTrained: Bool, until: ContinuousClock.Instant)
    }

    let assignment: SearchState.Assignment
    var phase: Phase

    var program: TrialProgram? {
      switch phase {
      case .training(let program), .measuring(let program): program
      case .waiting: nil
      }
    }
    var isMeasuring: Bool { if case .measuring = phase { true } else { false } }
  }

  /// A search in its folder, which no other process may write to.
  init(_ state: SearchState, in place: SearchFolder, parallel: Int) throws {
    (self.state, self.place, self.parallel) = (state, place, parallel)
    commands = TrialCommands(state.plan)
    // Trials that are trained side by side share the processors.
    let cores = ProcessInfo.processInfo.activeProcessorCount
    threads = parallel > 1 ? max(1, cores / parallel) : nil
    lock = try SearchLock(place.lock)
    // First of all: a folder without it is no search.
    do { try state.write(to: place.state) } catch {
      unlink(place.lock.path)
      rmdir(place.url.path)
      throw error
    }
    for folder in [place.configurations, place.logs] { try RunDirectory.makeFolder(folder) }
  }

  /// Runs until nothing is left to do, or a signal asks to stop.
  func run() throws {
    standardError("Search in \(place.url.path)\n")
    let interruption = Interruption(followsSignals: true)
    do {
      while try !interruption.isRequested && advance() { usleep(50_000) }
    } catch {
      endAll()
      throw error
    }
    endAll()
    try SearchReport(state, in: place).write()
    print(SearchReport(state, in: place).text)
    if interruption.isRequested {
      standardError(
        "The search was stopped; atelier search --resume \(shellWord(place.url.path)) goes on with it.\n")
      throw ExitCode(ExitCodes.interrupted)
    }
    if state.isExhausted {
      standardError("There are no other combinations: the search has \(state.trials.count) trials.\n")
    }
    standardError("Report: \(place.report.path)\nPage: \(place.page.path)\n")
    guard state.best != nil else {
      let reason = state.trials.compactMap(\.failure).first ?? "no trial was begun"
      throw Refusal(description: "no trial has a number; the first one: \(reason)", code: ExitCodes.data)
    }
    standardError("Best: \(place.best.path)\n")
  }

  /// Looks at what ended, and begins what is next.
  ///
  /// - Returns: whether anything is left to do.
  private func advance() throws -> Bool {
    for index in present.indices.reversed() {
      if let next = try continued(present[index]) {
        present[index].phase = next
      } else {
        present.remove(at: index)
      }
    }
    while present.count < parallel,
      let next = state.next(underWay: Set(present.map(\.assignment.trial)))
    {
      state.begin(next)
      try state.write(to: place.state)
      let trial = state.trials[next.trial - 1]
      if !FileManager.default.fileExists(atPath: place.configuration(of: trial).path) {
        let keys = SearchSpace.overlaying(trial.values, on: state.plan.configuration)
        try AtomicFile.write(
          Data(ConfigurationFile.text(keys.sorted { $0.key < $1.key }.map { $0 }).utf8),
          to: place.configuration(of: trial))
      }
      present.append(Active(assignment: next, phase: try train(next)))
    }
    return !present.isEmpty
  }

  /// What a trial is at now; nil: it has ended its part.
  private func continued(_ active: Active) throws -> Active.Phase? {
    let assignment = active.assignment
    switch active.phase {
    case .waiting(let isTrained, let instant):
      guard instant < .now, !isTrained || mayMeasure else { return active.phase }
      return isTrained ? try measure(assignment) : try train(assignment)
    case .training(let program):
      switch program.ended {
      case nil: return active.phase
      case .inUse?: return .waiting(isTrained: false, until: .now + .seconds(1))
      case .failed(let reason)?:
        try end(assignment, failure: reason)
        return nil
      case .done?:
        if try take(assignment) { return nil }
        return mayMeasure ? try measure(assignment) : .waiting(isTrained: true, until: .now)
      }
    case .measuring(let program):
      switch program.ended {
      case nil: return active.phase
      case .inUse?: return .waiting(isTrained: true, until: .now + .seconds(1))
      case .failed(let reason)?: try end(assignment, failure: reason)
      case .done?:
        if try !take(assignment) { try end(assignment, failure: "\(state.plan.measure) gave no number") }
      }
      return nil
    }
  }

  /// Until the first trial is measured there may be no classifier yet that judges all of them: who comes second waits.
  private var mayMeasure: Bool { state.number != nil || !present.contains(where: \.isMeasuring) }

  private func trial(_ assignment: SearchState.Assignment) -> SearchTrial {
    state.trials[assignment.trial - 1]
  }

  private func train(_ assignment: SearchState.Assignment) throws -> Active.Phase {
    let trial = trial(assignment)
    let program = try TrialProgram(
      commands.training(trial, rung: assignment.rung, in: place, threads: threads), in: directory,
      log: place.log(of: trial))
    return program.map { .training($0) } ?? .waiting(isTrained: false, until: .now + .milliseconds(200))
  }

  private func measure(_ assignment: SearchState.Assignment) throws -> Active.Phase {
    let trial = trial(assignment)
    let program = try TrialProgram(
      commands.evaluation(trial, in: place, threads: threads), in: directory, log: place.log(of: trial))
    return program.map { .measuring($0) } ?? .waiting(isTrained: true, until: .now + .milliseconds(200))
  }

  /// Where the search was begun, or where this process is, if that place is gone.
  private var directory: String {
    FileManager.default.fileExists(atPath: state.plan.folder)
      ? state.plan.folder : FileManager.default.currentDirectoryPath
  }

  // MARK: What came of it

  /// Takes over what was measured of a run's newest checkpoint.
  ///
  /// - Returns: whether anything was; before the measurement that is so where this process was killed behind it.
  private func take(_ assignment: SearchState.Assignment) throws -> Bool {
    let run = try RunDirectory.open(place.run(of: trial(assignment)))
    guard let step = CheckpointStore(run.checkpoints).steps.last else { return false }
    let numbers = try Report(run).numbers.filter {
      $0.provenance["checkpoint"] == RunDirectory.stepName(step)
    }
    guard !numbers.isEmpty else { return false }
    do { try state.record(assignment, step: step, numbers: numbers) } catch {
      throw Refusal(
        description:
          "\(Refusal(error)?.description ?? "\(error)") Nothing is lost: go on with atelier search --resume "
          + "\(place.url.path) --by NUMBER.", code: ExitCodes.usage)
    }
    try state.write(to: place.state)
    try SearchReport(state, in: place).write()
    let trial = trial(assignment)
    if let failure = trial.failure {
      say(trial, "failed: \(failure)")
    } else if let newest = trial.newest, let best = state.best {
      let own = "\(state.number ?? "") \(Self.spelled(newest.value)) after \(newest.step) steps"
      let rest =
        best.number == trial.number
        ? "the best so far" : "the best is \(Self.spelled(best.newest?.value ?? .nan)) of \(best.name)"
      say(trial, "\(own), \(rest)")
    }
    return true
  }

  private func end(_ assignment: SearchState.Assignment, failure: String) throws {
    state.fail(assignment, failure)
    try state.write(to: place.state)
    try SearchReport(state, in: place).write()
    say(trial(assignment), "failed: \(failure)")
  }

  private func say(_ trial: SearchTrial, _ words: String) {
    let values = trial.values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    standardError("\(trial.name) (\(values.joined(separator: ", "))): \(words)\n")
  }

  private static func spelled(_ value: Double) -> String { MeasuredNumber.spelled(value) }

  /// Ends what is under way: trainings save and stop within seconds, and are ended at once where they do not.
  private func endAll() {
    let programs = present.compactMap(\.program)
    for program in programs { program.end() }
    let deadline = ContinuousClock.now + .seconds(8)
    while programs.contains(where: \.isRunning), ContinuousClock.now < deadline { usleep(20_000) }
    for program in programs { program.kill() }
    present = []
  }
}

/// Keeps a second process out of a search's folder; the lock goes with the process, however that ends.
private final class SearchLock {
  private let descriptor: Int32

  init(_ file: URL) throws {
    descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw TrainingError.unwritable(path: file.path, reason: String(cString: strerror(errno)))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw Refusal(
        description:
          "\(file.deletingLastPathComponent().path) is in use: another process runs this search; wait for it or stop it",
        code: ExitCodes.inUse)
    }
  }

  deinit { close(descriptor) }
}
