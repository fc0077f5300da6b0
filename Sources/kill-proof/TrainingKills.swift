import AtelierCore
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport

/// Trainings of one system that are killed at random instants, resumed, and compared with one that was not.
struct TrainingKills {
  let atelier: Program
  let recipe: KillRecipe
  /// The folder of this system's runs.
  let folder: URL
  let data: URL
  let environment: [String: String]
  let steps: Int
  /// Kills of one training before it is left to end.
  let killsPerLife: Int

  private var whole: RunDirectory { RunDirectory(url: folder.appendingPathComponent("whole")) }

  private func first(_ run: URL) -> [String] {
    recipe.arguments(data: data) + [
      "--run", run.path, "--steps", "\(steps)", "--threads", "1", "--checkpoint-every", "1", "--keep-last",
      "2",
      "--preview-every", "4", "--log-every", "1", "--quiet",
    ]
  }

  /// The training that is never killed; how long it takes.
  func reference() throws -> Double {
    try? FileManager.default.removeItem(at: whole.url)
    let start = ContinuousClock.now
    let result = try atelier.run(first(whole.url), environment: environment)
    guard result.status == 0 else {
      throw ProofError("\(recipe.system) cannot be trained: \(result.errors)")
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }

  /// One training from its start to its end, through at most ``killsPerLife`` kills.
  ///
  /// - Parameter seconds: how long a whole one takes; less than that once one was quicker, as on a machine that does
  ///   other work kills would come too late.
  func live(
    _ number: Int, lasting seconds: inout Double, until isOver: () -> Bool, record: KillRecord,
    using generator: inout some RandomNumberGenerator
  ) throws {
    let run = RunDirectory(url: folder.appendingPathComponent("broken-\(number)"))
    try? FileManager.default.removeItem(at: run.url)
    var (kills, reached): (Int, Int?) = (0, nil)
    while kills < killsPerLife, !isOver() {
      let delay = Double.random(in: 0...(1.05 * seconds), using: &generator)
      let start = ContinuousClock.now
      let deadline = start + .seconds(delay)
      let result = try atelier.run(
        arguments(run), killedWhen: { ContinuousClock.now >= deadline }, environment: environment)
      guard result.wasKilled else {
        if result.status != 0 {
          try record.add(failed(kills, "it stopped with \(result.status): \(result.errors)", run))
          return
        }
        if kills == 0 { seconds = min(seconds, (ContinuousClock.now - start) / .seconds(1)) }
        break
      }
      kills += 1
      let (state, step, failure) = inspect(run, reached: reached)
      reached = step ?? reached
      try record.add(
        Kill(
          system: recipe.system, command: "train", seconds: delay, state: state,
          failure: failure.map { "\(recipe.system), killed after \(delay) s: \($0)" }))
      if failure != nil {
        keep(run)
        return
      }
    }
    let last = try atelier.run(arguments(run), environment: environment)
    guard last.status == 0 else {
      try record.add(failed(kills, "it stopped with \(last.status): \(last.errors)", run))
      return
    }
    let differences = try differences(run)
    if differences.isEmpty {
      try record.add(KillRecord.Life(system: recipe.system, kills: kills, failure: nil))
      try FileManager.default.removeItem(at: run.url)
    } else {
      try record.add(failed(kills, differences.joined(separator: "; "), run))
    }
  }

  /// What starts or resumes it. A training that is finished may be resumed: there is nothing to do.
  private func arguments(_ run: RunDirectory) -> [String] {
    FileManager.default.fileExists(atPath: run.configuration.path)
      ? ["train", "--resume", run.url.path, "--quiet"] : first(run.url)
  }

  private func failed(_ kills: Int, _ reason: String, _ run: RunDirectory) -> KillRecord.Life {
    keep(run)
    return KillRecord.Life(
      system: recipe.system, kills: kills, failure: "\(recipe.system) after \(kills) kills: \(reason)")
  }

  /// Keeps what failed, to be looked at.
  private func keep(_ run: RunDirectory) {
    let kept = folder.appendingPathComponent("failed-\(UUID().uuidString)")
    try? FileManager.default.moveItem(at: run.url, to: kept)
  }

  // MARK: Checks

  /// The folder opens, its newest checkpoint is sound and loads, no step that was saved before is gone, and the
  /// numbers of all steps up to the checkpoint are there and are those of the training that was not killed.
  private func inspect(_ run: RunDirectory, reached: Int?) -> (Kill.State, Int?, String?) {
    guard FileManager.default.fileExists(atPath: run.configuration.path) else {
      return (.beforeTheRun, nil, reached.map { "the run with its step \($0) is gone" })
    }
    let store = CheckpointStore(run.checkpoints)
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: run.checkpoints.path)) ?? []
    let isWriting = entries.contains { $0.hasPrefix(".") }
    guard !store.steps.isEmpty else {
      return (.beforeTheFirstCheckpoint, nil, reached.map { "the checkpoint of step \($0) is gone" })
    }
    let state = isWriting ? Kill.State.duringACheckpoint : .betweenCheckpoints
    do {
      _ = try RunDirectory.open(run.url)
      _ = try RunConfiguration.read(run.configuration)
      let (checkpoint, problems) = store.newestSound()
      guard problems.isEmpty else { return (state, nil, problems.joined(separator: " ")) }
      guard let checkpoint else { return (state, nil, "no checkpoint is sound") }
      let step = checkpoint.state.step
      if let reached, step < reached {
        return (state, step, "step \(reached) was saved, and now it is \(step)")
      }
      _ = try loadSystem(from: run.url, registry: .standard)
      let found = try Self.numbers(of: run)
      let expected = try Self.numbers(of: whole)
      for number in 1..<(step + 1) where step > 0 && found[number] != expected[number] {
        return (
          state, step, "the numbers of step \(number) in events.jsonl are not those of a whole training"
        )
      }
      return (state, step, nil)
    } catch {
      return (state, nil, "\(error)")
    }
  }

  /// What each step logged, by step; lines that a resumption made void are left out.
  private static func numbers(of run: RunDirectory) throws -> [Int: [[String: Double]]] {
    var steps: [Int: [[String: Double]]] = [:]
    for event in try EventLog.read(run.events) {
      switch event.type {
      case .resume, .rollback: steps = steps.filter { $0.key <= event.step }
      case .step: steps[event.step, default: []] += [event.values ?? [:], event.gradientNorms ?? [:]]
      default: break
      }
    }
    return steps
  }

  /// Everything in which a finished run differs from the one that was not killed.
  private func differences(_ run: RunDirectory) throws -> [String] {
    let step = "checkpoints/" + RunDirectory.stepName(steps) + "/"
    let last = CheckpointStore(whole.checkpoints).steps.last
    var names = [CheckpointStore.modelName, CheckpointStore.trainingName].map { step + $0 }
    if last != steps { names = try names.map { try newest($0, last) } }
    for part in ["samples", "artefacts"] {
      let place = whole.url.appendingPathComponent(part).path
      names += try FileManager.default.subpathsOfDirectory(atPath: place).filter {
        !URL(fileURLWithPath: place + "/" + $0).hasDirectoryPath
      }.map { part + "/" + $0 }
    }
    var found = differingFiles(names, whole.url, run.url).map { "\($0) differs" }
    if try Self.numbers(of: run) != Self.numbers(of: whole) { found.append("events.jsonl has other numbers") }
    for file in ["report.md", "report.json"] {
      let size = try? Data(contentsOf: run.url.appendingPathComponent(file)).count
      if size ?? 0 == 0 { found.append("\(file) is missing or empty") }
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: run.checkpoints.path)
    found += left.filter { $0.hasPrefix(".") }.map { "\($0) is left over" }
    return found
  }

  /// The file in the newest checkpoint, where a system's own limit came before the steps that were asked for.
  private func newest(_ name: String, _ last: Int?) throws -> String {
    guard let last else { throw ProofError("\(recipe.system) leaves no checkpoint") }
    return "checkpoints/\(RunDirectory.stepName(last))/" + (name as NSString).lastPathComponent
  }
}

/// The proof cannot go on: one sentence.
struct ProofError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
