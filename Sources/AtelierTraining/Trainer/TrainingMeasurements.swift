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
    _ = try measureIfDue { first = $0 }
  }

  /// Writes what was measured before the run was begun.
  func writeFirst() throws {
    if let first { try write(first) }
  }

  /// Measures where that is due, in all processes together, of which process 0 decides.
  ///
  /// - Returns: whether the system is better than ever, which is worth a checkpoint.
  func measureIfDue() throws -> Bool { try measureIfDue(write) }

  /// Measures where process 0 finds it due: each process its part of the examples where a measure can be divided.
  ///
  /// - Parameter keep: called in process 0 with what was measured.
  private func measureIfDue(_ keep: (RunEvent) throws -> Void) throws -> Bool {
    guard session.options.validation != nil else { return false }
    let (step, seconds, processes) = (session.step, session.seconds, session.processes)
    guard try processes.decision({ session.series.isDue(step: step, seconds: seconds) }) else { return false }
    let numbers = try session.series.numbers(of: session.system)
    return try processes.decision {
      guard let point = try session.series.observe(numbers, step: step, seconds: seconds) else {
        return false
      }
      var event = session.event(.validation, message: point.message)
      event.values = point.values
      try keep(event)
      return point.isBest
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

  private func write(_ measurement: RunEvent) throws {
    try journal.append(measurement)
    let values = (measurement.values ?? [:]).sorted { $0.key < $1.key }
    try journal.write(scalars: values.map { ("validation/" + $0.key, $0.value) }, step: measurement.step)
    journal.say("Validation at step \(measurement.step): \(measurement.message ?? "").")
  }
}
