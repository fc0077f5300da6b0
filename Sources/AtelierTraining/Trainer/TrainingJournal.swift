import AtelierGeneration
import Foundation

/// What is told of a training: lines of `events.jsonl`, curves in TensorBoard, and sentences for people. Only the
/// first of several processes writes.
final class TrainingJournal {
  /// Who tells people.
  let reporter: any ProgressReporter
  private let session: TrainingSession
  private var files: (log: EventLog, board: EventFileWriter)?

  init(_ session: TrainingSession, _ reporter: any ProgressReporter) {
    self.session = session
    self.reporter = session.processes.isFirst ? reporter : QuietReporter()
  }

  /// The files, which the first entry makes: a resumption that is refused leaves the run as it was. nil: another
  /// process writes them.
  private func opened() throws -> (log: EventLog, board: EventFileWriter)? {
    guard session.processes.isFirst else { return nil }
    if let files { return files }
    let opened = (log: try EventLog(session.run.events), board: try EventFileWriter(folder: session.run.url))
    files = opened
    return opened
  }

  /// TensorBoard's file; nil: another process writes it.
  var board: EventFileWriter? { get throws { try opened()?.board } }

  /// Appends an event to `events.jsonl`.
  func append(_ event: RunEvent) throws { try opened()?.log.append(event) }

  /// Adds points to the curves in TensorBoard.
  func write(scalars: [(String, Double)], step: Int) throws {
    try board?.write(scalars: scalars, step: step)
  }

  /// Something worth a line of its own, for people only.
  func say(_ message: String) { reporter.say(message) }

  /// Something went wrong that does not stop training: people are told, and `events.jsonl` keeps it.
  func warn(_ message: String) throws {
    try append(session.event(.warning, message: message))
    say(message)
  }
}
