import AtelierGeneration
import AtelierTraining
import Foundation
import TestSupport
import Torch

/// Trainings of one system in several processes on this machine, which `--processes` starts by torchrun.
struct ProcessProof {
  let atelier: Program
  let recipe: KillRecipe
  /// The folder of this system's runs.
  let folder: URL
  let data: URL
  let environment: [String: String]
  let steps: Int
  let processes: Int

  /// What several processes learn beside what one does.
  enum Likeness {
    /// The largest difference of a weight, and where it is.
    case trained(SystemHarness.Deviation)
    /// The sentence with which it is refused.
    case refused(String)
  }

  private func arguments(_ run: URL) -> [String] {
    recipe.arguments(data: data) + [
      "--run", run.path, "--steps", "\(steps)", "--threads", "1", "--checkpoint-every", "1", "--keep-last",
      "2",
      "--preview-every", "4", "--log-every", "1", "--quiet",
    ]
  }

  /// The recipe with a batch that the processes can divide, of parts that are as long as no other axis.
  private func divided(_ arguments: [String]) -> [String] {
    guard recipe.changes.contains(where: { $0.hasPrefix("batchSize=") }) || recipe.data != nil else {
      return arguments
    }
    return arguments + ["--set", "batchSize=\(3 * processes)"]
  }

  /// Trains in one process and in several.
  func likeness() throws -> Likeness {
    let alone = RunDirectory(url: folder.appendingPathComponent("alone"))
    let together = RunDirectory(url: folder.appendingPathComponent("together"))
    for run in [alone, together] { try? FileManager.default.removeItem(at: run.url) }
    let one = try atelier.run(divided(arguments(alone.url)), environment: environment)
    guard one.status == 0 else {
      throw ProofError("\(recipe.system) cannot be trained with other batches: \(one.errors)")
    }
    let several = try atelier.run(
      divided(arguments(together.url)) + ["--processes", "\(processes)", "--restarts", "0"],
      environment: environment)
    guard several.status == 0 else {
      let sentence = several.errors.split(separator: "\n").first { !$0.contains("torch") }
      return .refused(sentence.map(String.init) ?? several.errors)
    }
    return .trained(try SystemHarness.deviation(of: together, from: alone))
  }

  /// One training in which processes are killed at random instants, and which nobody resumes by hand.
  ///
  /// - Returns: how many kills it met.
  func live(
    _ number: Int, kills most: Int, lasting seconds: Double, whole: RunDirectory, record: KillRecord,
    using generator: inout some RandomNumberGenerator
  ) throws -> Int {
    let run = RunDirectory(url: folder.appendingPathComponent("killed-\(number)"))
    try? FileManager.default.removeItem(at: run.url)
    var kills = 0
    var next = ContinuousClock.now + .seconds(Double.random(in: 0...seconds, using: &generator))
    let result = try atelier.watched(
      divided(arguments(run.url))
        + ["--processes", "\(processes)", "--restarts", "\(most + 1)", "--process-timeout", "30"],
      environment: environment
    ) { launcher in
      guard kills < most, ContinuousClock.now >= next else { return }
      // Before it becomes torchrun the launcher has other children: it looks for a Python.
      let workers = Program.children(of: launcher).filter(isWorker)
      guard let victim = workers.randomElement(using: &generator) else { return }
      kill(victim, SIGKILL)
      kills += 1
      next = .now + .seconds(Double.random(in: 0...seconds, using: &generator))
      try record.add(
        Kill(
          system: recipe.system, command: "train", seconds: seconds, state: .betweenCheckpoints, failure: nil)
      )
    }
    var failures: [String] = []
    if result.status != 0 {
      failures.append("the launcher ended with \(result.status): \(result.errors.suffix(600))")
    } else {
      let deviation = try SystemHarness.deviation(of: run, from: whole)
      if deviation.largest != 0 { failures.append("\(deviation.name) differs by \(deviation.largest)") }
      let last = CheckpointStore(run.checkpoints).steps.last
      if last != steps { failures.append("its last checkpoint is of step \(last ?? -1)") }
    }
    try record.add(
      KillRecord.Life(
        system: recipe.system, kills: kills,
        failure: failures.isEmpty
          ? nil
          : "\(recipe.system) in \(processes) processes after \(kills) kills: "
            + failures.joined(separator: "; ")))
    if failures.isEmpty { try FileManager.default.removeItem(at: run.url) }
    return kills
  }

  /// Whether a process is one of this program that torchrun has started.
  private func isWorker(_ process: Int32) -> Bool {
    guard let line = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline")) else {
      return false
    }
    let name = line.split(separator: 0).first?.split(separator: UInt8(ascii: "/")).last
    return name.map { String(decoding: $0, as: UTF8.self) } == atelier.url.lastPathComponent
  }

  /// The training in which nobody is killed; how long it takes.
  func reference(_ run: RunDirectory) throws -> Double {
    try? FileManager.default.removeItem(at: run.url)
    let start = ContinuousClock.now
    let result = try atelier.run(
      divided(arguments(run.url)) + ["--processes", "\(processes)", "--restarts", "0"],
      environment: environment)
    guard result.status == 0 else {
      throw ProofError("\(recipe.system) cannot be trained in \(processes) processes: \(result.errors)")
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }
}
