import AtelierData
import AtelierGeneration
import AtelierHashing
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
    /// How far they come from one process, and how far one process comes from itself whose first weights differ by their
    /// last bits, in some trainings.
    case trained(Alikeness, disturbed: [Alikeness])
    /// The sentence with which it is refused.
    case refused(String)
  }

  private func arguments(_ run: URL, keeping kept: Int = 2) -> [String] {
    recipe.arguments(data: data) + [
      "--run", run.path, "--steps", "\(steps)", "--threads", "1", "--checkpoint-every", "1", "--keep-last",
      "\(kept)", "--preview-every", "4", "--log-every", "1", "--quiet",
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
    let one = try atelier.run(divided(arguments(alone.url, keeping: steps + 1)), environment: environment)
    guard one.status == 0 else {
      throw ProofError("\(recipe.system) cannot be trained with other batches: \(one.errors)")
    }
    let several = try atelier.run(
      divided(arguments(together.url, keeping: steps + 1)) + [
        "--processes", "\(processes)", "--restarts", "0",
      ],
      environment: environment)
    guard several.status == 0 else {
      let sentence = several.errors.split(separator: "\n").first {
        $0.hasPrefix("atelier:")
      }
      return .refused(sentence.map(String.init) ?? several.errors)
    }
    let others = try (1...3).map { try disturbed(alone, $0) }
    return .trained(
      try Alikeness(of: together, from: alone, disturbed: others),
      disturbed: try others.map { try Alikeness(of: $0, from: alone, disturbed: others) })
  }

  /// The training of one process with the last bits of half of its first weights turned over: how far rounding alone
  /// leads.
  private func disturbed(_ alone: RunDirectory, _ number: Int) throws -> RunDirectory {
    var generator = SeededGenerator(seed: UInt64(number), purpose: "last bits")
    let run = RunDirectory(url: folder.appendingPathComponent("disturbed-\(number)"))
    try? FileManager.default.removeItem(at: run.url)
    try FileManager.default.copyItem(at: alone.url, to: run.url)
    let store = CheckpointStore(run.checkpoints)
    guard let first = store.steps.first else { throw ProofError("\(recipe.system) leaves no checkpoint") }
    for step in store.steps.dropFirst() { try FileManager.default.removeItem(at: store.url(step: step)) }
    let checkpoint = store.url(step: first)
    let model = checkpoint.appendingPathComponent(CheckpointStore.modelName)
    let content = try Safetensors.read(model)
    let turned = content.tensors.map { name, tensor in
      guard tensor.dtype == .float32, name.hasPrefix("network/") else { return (name: name, tensor: tensor) }
      let values = tensor.floats().map {
        $0 != 0 && Bool.random(using: &generator) ? Float(bitPattern: $0.bitPattern ^ 1) : $0
      }
      return (name: name, tensor: HostTensor(values, shape: tensor.shape))
    }
    try Safetensors.write(turned, metadata: content.metadata, to: model)
    let file = checkpoint.appendingPathComponent(CheckpointStore.stateName)
    var state = try JSONDecoder().decode(TrainingState.self, from: Data(contentsOf: file))
    state.hashes[CheckpointStore.modelName] = try Data(contentsOf: model).sha256Hex
    try JSONEncoder().encode(state).write(to: file)
    let result = try atelier.run(["train", "--resume", run.url.path, "--quiet"], environment: environment)
    guard result.status == 0 else {
      throw ProofError("\(recipe.system) cannot be resumed with other roundings: \(result.errors)")
    }
    return run
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
