import AtelierGeneration
import Torch

/// Does what the health policy asks for where something was found: says it, puts an earlier checkpoint back, or has
/// training end.
final class HealthResponder {
  /// What becomes of the training.
  enum Response: Equatable {
    /// It goes on with the step that it has made.
    case goOn
    /// An earlier state is back: nothing of the step is due any more.
    case rolledBack
    /// It must end; the text says why.
    case stop(String)
  }

  private let session: TrainingSession
  private let journal: TrainingJournal
  private let checkpoints: CheckpointKeeper

  init(_ session: TrainingSession, _ journal: TrainingJournal, _ checkpoints: CheckpointKeeper) {
    self.session = session
    self.journal = journal
    self.checkpoints = checkpoints
  }

  /// Says what was found and does what the policy asks for; the worst reaction counts.
  func respond(to findings: [HealthFinding]) throws -> Response {
    let policy = session.options.health
    let answered = findings.map { ($0, policy.reaction(to: $0.kind)) }.filter { $0.1 != .ignore }
    for (finding, reaction) in answered {
      try journal.append(
        session.event(.health, message: "\(finding.kind.rawValue): \(finding.message) (\(reaction.rawValue))")
      )
      journal.say("Health: step \(session.step): \(finding.message).")
    }
    if let (finding, _) = answered.first(where: { $0.1 == .rollBack }) {
      return try rollBack(finding.message)
    }
    if let (finding, _) = answered.first(where: { $0.1 == .stop }) { return .stop(finding.message) }
    return .goOn
  }

  /// What the policy asks for where the engine refused to compute with NaN or infinity, before any loss was logged.
  ///
  /// - Returns: nil where training cannot go on, because the step is half done and nothing was rolled back.
  func respond(toRefusal error: TensorError) throws -> Response? {
    session.step += 1
    let operation = error.description.prefix { $0 != "(" }
    let finding = HealthFinding(
      kind: .notANumber, message: "\(operation) was given numbers that are not finite")
    let response = try respond(to: [finding])
    guard response == .goOn else { return response }
    session.step -= 1
    return nil
  }

  private func rollBack(_ reason: String) throws -> Response {
    let failed = session.step
    session.rollbacks.count += 1
    session.rollbacks.here = failed > session.rollbacks.lastFailure ? 1 : session.rollbacks.here + 1
    session.rollbacks.lastFailure = max(session.rollbacks.lastFailure, failed)
    guard session.rollbacks.count <= session.options.health.maximumRollbacks else {
      return .stop(
        "\(reason), after \(session.rollbacks.count - 1) roll-backs; lower the learning rate or clip gradients"
      )
    }
    guard let target else { return .stop("\(reason), and there is no checkpoint to go back to") }
    try checkpoints.restore(target, adoptsOtherData: false)
    let message =
      "rolled back from step \(failed) to step \(session.step) because \(reason); going on with other draws"
    try journal.append(session.event(.rollback, message: message))
    journal.say("Training \(message).")
    return .rolledBack
  }

  /// What is sound may still be sick: each further failure at the same place goes one checkpoint back.
  private var target: Checkpoint? {
    var target = checkpoints.store.newestSound(before: session.step).checkpoint
    for _ in 1..<session.rollbacks.here {
      guard let present = target,
        let earlier = checkpoints.store.newestSound(before: present.state.step).checkpoint
      else { break }
      target = earlier
    }
    return target
  }
}
