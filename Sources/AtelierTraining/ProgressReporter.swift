import AtelierGeneration
import Foundation

/// Where a training stands.
public struct TrainingProgress: Sendable, Hashable {
  /// Steps done.
  public var step: Int
  /// Passes over the data so far.
  public var epoch: Double
  /// The share of the work that is done, 0 … 1; nil where there is no limit.
  public var fraction: Double?
  /// Seconds until the end at the present pace; nil where unknown.
  public var secondsLeft: Double?
  /// Units a second.
  public var rate: Double
  /// What the rate counts.
  public var unit: String
  /// The last numbers that were logged, in their order.
  public var values: [NamedValue]
  /// The share of the time in which the last steps waited for data, 0 … 1; nil where unknown.
  public var waiting: Double?

  /// A number with its name.
  public struct NamedValue: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The number.
    public var value: Double

    /// A number with its name.
    public init(name: String, value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// Where a training stands.
  public init(
    step: Int, epoch: Double, fraction: Double? = nil, secondsLeft: Double? = nil, rate: Double, unit: String,
    values: [NamedValue] = [], waiting: Double? = nil
  ) {
    self.waiting = waiting
    self.step = step
    self.epoch = epoch
    self.fraction = fraction
    self.secondsLeft = secondsLeft
    self.rate = rate
    self.unit = unit
    self.values = values
  }
}

/// Who tells people how a training goes.
public protocol ProgressReporter: AnyObject {
  /// A training begins; `title` names the run.
  func begin(_ title: String)
  /// Called after every step; a reporter shows as much of it as is readable.
  func update(_ progress: TrainingProgress, isLogged: Bool)
  /// Something worth a line of its own.
  func say(_ message: String)
  /// The training is over.
  func end(_ message: String)
}

/// Says nothing.
public final class QuietReporter: ProgressReporter {
  /// A silent reporter.
  public init() {}
  /// Names the run.
  public func begin(_ title: String) {}
  /// Takes note of a step.
  public func update(_ progress: TrainingProgress, isLogged: Bool) {}
  /// Gives a message a line of its own.
  public func say(_ message: String) {}
  /// Says the last word.
  public func end(_ message: String) {}
}

/// A reporter that may be told from any thread, also while a step is under way.
public protocol LiveReporter: ProgressReporter, Sendable {
  /// Called several times a second while something is under way; a reporter shows it where nothing else was shown
  /// for a while.
  ///
  /// - Parameters:
  ///   - activity: what is done, as in "step 12".
  ///   - seconds: how long it has taken so far.
  func live(_ activity: String, for seconds: Double)
}

/// Writes a line for every logged step, and one after every half minute without any, for logs and pipes.
public final class LineReporter: LiveReporter, @unchecked Sendable {
  // Checked by hand: `last` is touched, and `write` called, only while `lock` is held.
  private let lock = NSLock()
  private let write: (String) -> Void
  private var last = ContinuousClock.now
  private let silence: Duration

  /// A reporter that hands each line on.
  ///
  /// - Parameter silence: how long nothing may be written.
  public init(silence: Duration = .seconds(30), write: @escaping (String) -> Void = standardError) {
    self.write = write
    self.silence = silence
  }

  private func line(_ text: String) {
    lock.withLock {
      write(text + "\n")
      last = .now
    }
  }

  private var isSilent: Bool { lock.withLock { ContinuousClock.now - last >= silence } }

  /// Names the run.
  public func begin(_ title: String) { line(title) }

  /// Takes note of a step.
  public func update(_ progress: TrainingProgress, isLogged: Bool) {
    guard isLogged || isSilent else { return }
    line(summary(of: progress))
  }

  /// Says what is under way, where nothing was written for long.
  public func live(_ activity: String, for seconds: Double) {
    if isSilent { line("\(activity) is under way for \(duration(seconds))") }
  }

  /// Gives a message a line of its own.
  public func say(_ message: String) { line(message) }

  /// Says the last word.
  public func end(_ message: String) { line(message) }
}

/// Draws a bar that stays on the last line of a terminal.
public final class TerminalReporter: LiveReporter, @unchecked Sendable {
  // Checked by hand: what changes is touched, and `write` called, only while `lock` is held.
  private let lock = NSLock()
  private let write: (String) -> Void
  private let width: () -> Int
  private var last = ContinuousClock.now - .seconds(1)
  private var line = ""
  private var progress: TrainingProgress?

  /// A reporter on a terminal.
  ///
  /// - Parameter width: the terminal's columns, asked for at every update.
  public init(write: @escaping (String) -> Void = standardError, width: @escaping () -> Int = terminalWidth) {
    self.write = write
    self.width = width
  }

  /// Names the run.
  public func begin(_ title: String) { lock.withLock { write(title + "\n") } }

  /// Takes note of a step.
  public func update(_ progress: TrainingProgress, isLogged: Bool) {
    lock.withLock {
      self.progress = progress
      // Ten times a second is as much as an eye can follow.
      guard ContinuousClock.now - last > .milliseconds(100) || progress.fraction == 1 else { return }
      draw(summary(of: progress))
    }
  }

  /// Shows how long what is under way takes, once a second.
  public func live(_ activity: String, for seconds: Double) {
    lock.withLock {
      guard seconds >= 1, ContinuousClock.now - last >= .seconds(1) else { return }
      let now = "\(activity): \(duration(seconds))"
      draw(progress.map { now + " · " + summary(of: $0) } ?? now)
    }
  }

  private func draw(_ text: String) {
    last = .now
    let columns = max(20, width() - 1)
    let room = max(0, min(30, columns - text.count - 1))
    line = String(((room < 6 ? "" : bar(progress?.fraction, room) + " ") + text).prefix(columns))
    write("\r\u{1B}[K" + line)
  }

  /// Gives a message a line of its own.
  public func say(_ message: String) {
    lock.withLock { write(line.isEmpty ? message + "\n" : "\r\u{1B}[K\(message)\n\(line)") }
  }

  /// Says the last word.
  public func end(_ message: String) {
    lock.withLock {
      write((line.isEmpty ? "" : "\n") + message + "\n")
      line = ""
    }
  }

  private func bar(_ fraction: Double?, _ width: Int) -> String {
    guard let fraction else { return "[" + String(repeating: "·", count: width - 2) + "]" }
    let full = Int((min(1, max(0, fraction)) * Double(width - 2)).rounded(.down))
    return "[" + String(repeating: "█", count: full) + String(repeating: "·", count: width - 2 - full) + "]"
  }
}

/// The bar where standard error is a terminal, lines where it is not.
public func automaticReporter(isQuiet: Bool = false) -> any ProgressReporter {
  if isQuiet { return QuietReporter() }
  let isDumb = ProcessInfo.processInfo.environment["TERM"] == "dumb"
  return isatty(STDERR_FILENO) == 1 && !isDumb ? TerminalReporter() : LineReporter()
}

/// Writes to standard error, where progress belongs: results go to standard output.
@Sendable public func standardError(_ text: String) {
  SignsOfLife.heard()
  FileHandle.standardError.write(Data(text.utf8))
}

/// The columns of the terminal behind standard error; 80 where it does not tell.
@Sendable public func terminalWidth() -> Int {
  var size = winsize()
  guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
  return Int(size.ws_col)
}

private func summary(of progress: TrainingProgress) -> String {
  var parts = ["step \(progress.step)"]
  if let fraction = progress.fraction { parts.append("\(Int(fraction * 100)) %") }
  parts.append("epoch \(fixed(progress.epoch, 2))")
  parts.append("\(short(progress.rate)) \(progress.unit)/s")
  // A tenth is no loss that anybody would mend.
  if let waiting = progress.waiting, waiting >= 0.1 {
    parts.append("waits for data \(Int((waiting * 100).rounded())) %")
  }
  if let left = progress.secondsLeft { parts.append(duration(left) + " left") }
  parts += progress.values.map { "\($0.name) \(short($0.value))" }
  return parts.joined(separator: " · ")
}

/// Seconds as people say them: `42 s`, `3 min 20 s`, `2 h 05 min`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown time" }
  let whole = Int(seconds.rounded())
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(padded(whole % 60, 2)) s" }
  return "\(whole / 3600) h \(padded(whole / 60 % 60, 2)) min"
}
