import AtelierCore
import AtelierGeneration
import Torch

/// Measures the system while it is trained: numbers of samples as often as the options say, and the loss on held-out
/// data of systems that follow one.
final class TrainingMeasurements {
  private let session: TrainingSession
  private let journal: TrainingJournal
  private let heldOut: (() throws -> [Batch])?
  /// What was measured before the run was begun.
  private var first: RunEvent?

  /// - Parameter heldOut: held-out batches for systems that follow a held-out loss.
  init(_ session: TrainingSession, _ journal: TrainingJournal, heldOut: (() throws -> [Batch])?) {
    self.session = session
    self.journal = journal
    self.heldOut = heldOut
  }

  /// Why training need not go on; nil while it may still become better.
  var settled: String? { session.series.settled }

  /// Measures the initial weights, where anything is measured, and keeps the numbers until the run is begun.
  ///
  /// - Throws: what measuring throws, and ``TrainingError/invalid(reason:)`` where the number that is to decide is
  ///   not measured.
  func measureAtStart() throws {
    guard session.step == 0, session.options.validation != nil else { return }
    _ = try session.processes.decision {
      first = try measurement()?.event
      return true
    }
  }

  /// Writes what was measured before the run was begun.
  func writeFirst() throws {
    if let first { try write(first) }
  }

  /// Measures where that is due, in process 0, whose answer all processes get.
  ///
  /// - Returns: whether the system is better than ever, which is worth a checkpoint.
  func measureIfDue() throws -> Bool {
    guard session.options.validation != nil else { return false }
    return try session.processes.decision {
      guard let (event, isBest) = try measurement() else { return false }
      try write(event)
      return isBest
    }
  }

  /// Tells systems that want it the loss on held-out data after a pass over the data.
  ///
  /// It belongs to the step that ended the pass, which is not counted yet, so that a checkpoint of that step has
  /// seen it.
  ///
  /// - Parameter before: passes over the data before the step.
  func followHeldOutLoss(before: Int) throws {
    let passes = Int(session.source.epoch)
    guard passes > before, let heldOut, let system = session.system as? any ValidationDrivenSystem,
      let loss = try withTensorErrors({ try system.heldOutLoss(over: heldOut()) })
    else { return }
    system.validated(loss: loss)
    var event = session.event(.validation, message: "after \(passes) passes over the data")
    event.step += 1
    event.values = ["validation": loss]
    try journal.append(event)
    try journal.write(scalars: [("validation", loss)], step: event.step)
  }

  private func measurement() throws -> (event: RunEvent, isBest: Bool)? {
    let (step, seconds) = (session.step, session.seconds)
    guard let point = try session.series.measureIfDue(session.system, step: step, seconds: seconds) else {
      return nil
    }
    var event = session.event(.validation, message: point.message)
    event.values = point.values
    return (event, point.isBest)
  }

  private func write(_ measurement: RunEvent) throws {
    try journal.append(measurement)
    let values = (measurement.values ?? [:]).sorted { $0.key < $1.key }
    try journal.write(scalars: values.map { ("validation/" + $0.key, $0.value) }, step: measurement.step)
    journal.say("Validation at step \(measurement.step): \(measurement.message ?? "").")
  }
}
