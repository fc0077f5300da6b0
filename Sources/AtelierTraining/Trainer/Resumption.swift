import AtelierGeneration
import Foundation
import Torch

/// Decides whether a training may go on from the newest checkpoint, and goes there.
struct Resumption {
  let session: TrainingSession
  let journal: TrainingJournal
  let checkpoints: CheckpointKeeper
  /// Whether another engine, thread count, processor or other data may be used.
  let allowsInexact: Bool
  /// Whether another number of processes may go on.
  let reshards: Bool

  /// Takes over the state of the newest sound checkpoint. Nothing is written before every check has passed.
  ///
  /// - Returns: whether there was a checkpoint.
  /// - Throws: ``TrainingError/cannotResume(reason:)`` where resumption would not be exact.
  func perform() throws -> Bool {
    let found = checkpoints.store.newestSound()
    try requireSameCheckpoint(found.checkpoint)
    guard let checkpoint = found.checkpoint else {
      for problem in found.problems { try journal.warn(problem) }
      return false
    }
    try requireSameSystem(checkpoint)
    let state = checkpoint.state
    var remarks = found.problems
    if let remark = try resharding(from: state.surroundings.processes ?? 1) { remarks.append(remark) }
    if let remark = try inexactness(from: state) { remarks.append(remark) }
    try checkpoints.restore(checkpoint, adoptsOtherData: allowsInexact)
    for remark in remarks { try journal.warn(remark) }
    session.countOn(from: state)
    try journal.append(session.event(.resume, message: "from \(RunDirectory.stepName(session.step))"))
    return true
  }

  /// Refuses processes that see other checkpoints.
  private func requireSameCheckpoint(_ own: Checkpoint?) throws {
    let step = withUnsafeBytes(of: Int64(own?.state.step ?? -1)) { Array($0) }
    guard let steps = try session.processes.group?.allGather(step),
      let other = steps.indices.first(where: { steps[$0] != steps[0] })
    else { return }
    throw TrainingError.cannotResume(
      reason:
        "process \(other) finds another newest checkpoint in \(session.run.checkpoints.path) than process 0; give "
        + "all processes the same folder, on a file system that all their machines see")
  }

  /// Refuses the checkpoint of another system.
  private func requireSameSystem(_ checkpoint: Checkpoint) throws {
    let file = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    let (owner, name) = (try ModelFile.describe(file).system, session.system.identityName)
    guard owner == name else {
      throw TrainingError.cannotResume(
        reason: "\(file.path) is a checkpoint of \(owner), and the run is one of \(name); put "
          + "the run's own checkpoints back, or train \(owner) in a run of its own")
    }
  }

  /// Refuses other surroundings or another seed, or says what differs; nil: nothing does.
  private func inexactness(from state: TrainingState) throws(TrainingError) -> String? {
    let then = state.surroundings
    if session.options.threads == nil, Engine.threadCount != then.threads {
      Engine.threadCount = then.threads
    }
    var differences = session.surroundings.differences(from: then)
    if state.seed != session.options.seed { differences.append("the seed has changed") }
    guard !differences.isEmpty else { return nil }
    let all = differences.joined(separator: ", ")
    guard allowsInexact else {
      throw .cannotResume(reason: all + "; go back to what it was, or allow inexact resumption")
    }
    return "Resuming inexactly: \(all)."
  }

  /// Refuses another number of processes, or says what changes with it; nil: it is the same.
  private func resharding(from then: Int) throws(TrainingError) -> String? {
    let now = session.processes.count
    guard now != then else { return nil }
    func text(_ count: Int) -> String { count == 1 ? "1 process" : "\(count) processes" }
    guard reshards else {
      throw .cannotResume(
        reason:
          "it was trained in \(text(then)) and is resumed in \(text(now)); start as many as then, "
          + "or allow batches to be divided anew with reshard")
    }
    return
      "Resuming in \(text(now)) instead of \(then): every batch and its random numbers are divided "
      + "anew, and sums are rounded otherwise."
  }
}
