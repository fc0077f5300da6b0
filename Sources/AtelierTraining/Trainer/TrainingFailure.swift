import AtelierCore
import AtelierData
import AtelierGeneration
import Torch

/// Makes of whatever broke a training off an error that says whose fault it was and what is saved, after saving what
/// can be saved.
struct TrainingFailure {
  let session: TrainingSession
  let journal: TrainingJournal
  let checkpoints: CheckpointKeeper
  let steps: StepRunner

  /// The error for a failure.
  ///
  /// Where not even the first batch of the step came, or the step is over, the state is that of a whole
  /// step and worth saving; in the middle of a step it is not.
  ///
  /// - Parameter isStepOver: whether the step is over.
  func error(for failure: any Error, isStepOver: Bool = false) -> TrainingError {
    if case .brokenOff = failure as? TrainingError {
      return failure as? TrainingError ?? .invalid(reason: "\(failure)")
    }
    // An operation over several processes fails for what befell one of them.
    let group = session.processes.group
    let failure = group?.failure ?? failure
    defer { group?.leave(because: "\(failure)") }
    let cause = cause(of: failure)
    let isWhole = isStepOver || cause == .data && !steps.hasBegun
    if group == nil, isWhole, !checkpoints.isSaved, SystemState.firstNonFinite(of: session.system) == nil {
      // Where this fails as well, what broke off stays the reason, and the step that is saved is said below.
      try? checkpoints.save()
    }
    let newest = checkpoints.store.newestSound().checkpoint?.state.step
    let saved =
      newest.map {
        $0 == session.step ? "The state after step \($0) is saved." : "The last checkpoint is of step \($0)."
      }
      ?? "No checkpoint was written yet."
    try? journal.append(session.event(.end, message: "broke off: \(failure)"))
    return .brokenOff(cause: cause, reason: "\(failure)", saved: saved + " Resuming goes on from there.")
  }

  private func cause(of failure: any Error) -> TrainingError.Cause {
    switch failure {
    case DatasetError.exhausted: .machine
    case is DatasetError: .data
    case let error as TensorError where error.isOutOfMemory: .machine
    case is FileFormatError, TrainingError.unwritable: .disk
    // Another process, or the connection to it.
    case _ where session.processes.group?.failure != nil: .machine
    default: .system
    }
  }
}
