import AtelierData
import AtelierGeneration
import AtelierHashing
import Foundation
import Torch

/// Writes the checkpoints of a training and puts one back.
final class CheckpointKeeper {
  /// The run's folder of checkpoints.
  let store: CheckpointStore
  private let session: TrainingSession
  private let journal: TrainingJournal
  private let guardian: TrainingGuard
  private var lastSaved: Int?

  init(_ session: TrainingSession, _ journal: TrainingJournal, _ guardian: TrainingGuard) throws {
    self.session = session
    self.journal = journal
    self.guardian = guardian
    store = CheckpointStore(session.run.checkpoints)
    if session.processes.isFirst { try store.removeLeftovers() }
  }

  /// Whether the present step is saved.
  var isSaved: Bool { lastSaved == session.step }

  /// Saves the present step, after all processes have agreed that they have the same weights.
  func save() throws {
    let (system, processes, options) = (session.system, session.processes, session.options)
    let state = try session.state()
    guardian.enter("the checkpoint of step \(session.step)", TrainingGuard.Fallback.none)
    defer { guardian.leave() }
    try processes.requireEqual(system, step: session.step)
    let carried = try processes.carriedStates(of: system)
    lastSaved = session.step
    // The others go on meanwhile, and wait with their next sum.
    guard processes.isFirst else { return }
    let url = try store.write(system, try session.modelDescription(), state, carried: carried)
    try store.prune(
      keepLast: options.keepLast, keepEvery: options.keepEvery, keeping: session.series.state?.bestStep)
    try journal.append(session.event(.checkpoint, path: session.run.relativePath(url)))
  }

  /// What is left of the training where the process ends within the next step.
  ///
  /// - Parameter keepsState: whether the present state is kept in memory, from where it can be written.
  func fallback(keepsState: Bool) throws -> TrainingGuard.Fallback {
    if isSaved { return .saved(step: session.step) }
    guard keepsState else { return .none }
    let model = SystemState.model(of: session.system)
    let training = SystemState.training(of: session.system)
    let (state, description, store) = (try session.state(), try session.modelDescription(), store)
    return .snapshot(step: session.step) {
      try store.write(model: { model }, training: { training }, description, state)
    }
  }

  /// Puts a checkpoint back.
  ///
  /// - Throws: ``TrainingError/cannotResume(reason:)`` where its artefacts, frozen weights or processes were others.
  func restore(_ checkpoint: Checkpoint, adoptsOtherData: Bool) throws {
    let (system, processes) = (session.system, session.processes)
    let (folder, state) = (checkpoint.url, checkpoint.state)
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
    try SystemState.loadTraining(tensors, into: system, from: training, rank: processes.group?.rank ?? 0)
    if !adoptsOtherData { try requireSameInputs(as: state) }
    try session.adopt(state, adoptsOtherData: adoptsOtherData)
    lastSaved = session.step
  }

  /// Refuses other artefacts and frozen weights than a checkpoint was trained with.
  private func requireSameInputs(as state: TrainingState) throws(TrainingError) {
    for (name, content) in session.facts.artefacts.contents {
      let then = state.hashes["artefacts/" + name]
      guard then == nil || then == content.sha256Hex else {
        throw .cannotResume(
          reason: "the artefact '\(name)' is not the one that was trained with; put it back, "
            + "or allow inexact resumption")
      }
    }
    for (name, hash) in session.frozenWeights {
      let then = state.hashes["weights/" + name]
      guard then == nil || then == hash else {
        throw .cannotResume(
          reason: "the weights '\(name)' are not those that were trained with; put them back, "
            + "or allow inexact resumption")
      }
    }
  }
}
