import Atelier
import Foundation

/// A command of this program in a process of its own, whose words go to a log.
///
/// What a trial does wrong, or what takes its memory, ends its process and nothing else; the engine's threads belong to
/// one training; and a signal ends each of them the way it ends a training that a person began.
final class TrialProgram {
  /// How a command ended.
  enum End {
    case done
    /// Another process writes to the run.
    case inUse
    /// What is wrong, in one sentence.
    case failed(String)
  }

  private let process = Process()
  private let log: URL
  private let logged: UInt64

  /// Starts the command; nil where one that an earlier process started still writes to the log.
  ///
  /// - Parameters:
  ///   - words: the command, made when nobody else writes to the log: what is there then decides what it is.
  ///   - folder: where relative paths among the words start.
  ///   - log: the file that the words of the command are added to.
  init?(_ words: @autoclosure () -> [String], in folder: String, log: URL) throws {
    guard let program = Bundle.main.executableURL else {
      throw Refusal(
        description: "this program does not know where it lies, and cannot start itself",
        code: ExitCodes.fault)
    }
    self.log = log
    if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
    let output = try FileHandle(forWritingTo: log)
    defer { try? output.close() }
    // The lock belongs to what is open, which the command inherits: it lasts as long as that runs.
    guard flock(output.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
    logged = try output.seekToEnd()
    let words = words()
    try output.write(contentsOf: Data("$ atelier \(words.joined(separator: " "))\n".utf8))
    process.executableURL = program
    process.arguments = words
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    do { try process.run() } catch {
      throw Refusal(
        description: "a trial's program cannot be started: \(error.localizedDescription)",
        code: ExitCodes.shortage)
    }
  }

  /// Asks the command to end, as Ctrl-C does.
  func end() {
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGTERM) }
  }

  /// Ends the command at once.
  func kill() {
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
  }

  /// Whether it is under way.
  var isRunning: Bool { process.isRunning }

  /// How it ended; nil while it is under way.
  var ended: End? {
    guard !process.isRunning else { return nil }
    guard process.terminationReason == .exit else {
      return .failed(
        "it was ended by signal \(process.terminationStatus)"
          + (process.terminationStatus == SIGKILL ? ", as by a machine that lacks memory" : ""))
    }
    switch process.terminationStatus {
    case 0: return .done
    case ExitCodes.inUse: return .inUse
    case let code: return .failed(sentence ?? "it ended with exit code \(code)")
    }
  }

  /// What the command said last, without the name of the program.
  private var sentence: String? {
    guard let file = try? FileHandle(forReadingFrom: log) else { return nil }
    defer { try? file.close() }
    guard (try? file.seek(toOffset: logged)) != nil, let data = try? file.readToEnd() else { return nil }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    let prefix = "atelier: "
    if let line = lines.last(where: { $0.hasPrefix(prefix) }) { return String(line.dropFirst(prefix.count)) }
    return lines.count > 1 ? lines.last : nil
  }
}
