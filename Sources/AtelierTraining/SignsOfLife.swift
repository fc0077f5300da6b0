import Foundation
import Synchronization

/// Shows that a program is at work where it has said nothing for a while: on a terminal by a line that is rewritten,
/// in a log by a line of its own.
///
/// What a program says on standard error by ``standardError(_:)`` counts, and what it tells by ``heard()``.
public final class SignsOfLife: Sendable {
  private static let last = Mutex(ContinuousClock.now)
  private static let isShowing = Atomic<Bool>(false)
  /// How many wait for something to be typed, which no sign may write over.
  private static let waiting = Atomic<Int>(0)

  private let work: String
  private let silence: Duration
  private let isTerminal: Bool
  private let isOver = Atomic<Bool>(false)

  /// Signs of some work, until ``stop()``.
  ///
  /// - Parameter work: what is done, as in "evaluate".
  public static func start(_ work: String) -> SignsOfLife {
    let isTerminal = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    let signs = SignsOfLife(work, isTerminal: isTerminal)
    let thread = Thread {
      let began = ContinuousClock.now
      while !signs.isOver.load(ordering: .relaxed) {
        usleep(200_000)
        if let text = signs.due(at: .now, since: began) { FileHandle.standardError.write(Data(text.utf8)) }
      }
    }
    thread.stackSize = 1 << 20
    thread.start()
    return signs
  }

  package init(_ work: String, isTerminal: Bool) {
    self.work = work
    self.isTerminal = isTerminal
    silence = isTerminal ? .seconds(3) : .seconds(30)
  }

  /// Something was said.
  public static func heard() {
    last.withLock { $0 = .now }
    if isShowing.exchange(false, ordering: .relaxed) {
      FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
    }
  }

  /// Does something without signs, such as waiting for what a person types.
  public static func silenced<Result>(_ body: () throws -> Result) rethrows -> Result {
    waiting.wrappingAdd(1, ordering: .relaxed)
    heard()
    defer {
      heard()
      waiting.wrappingSubtract(1, ordering: .relaxed)
    }
    return try body()
  }

  /// No more signs; a line that is shown is cleared.
  public func stop() {
    isOver.store(true, ordering: .relaxed)
    Self.heard()
  }

  /// What is to be written at a time; nil: nothing.
  package func due(at now: ContinuousClock.Instant, since began: ContinuousClock.Instant) -> String? {
    let last = Self.last.withLock { $0 }
    guard !isOver.load(ordering: .relaxed), Self.waiting.load(ordering: .relaxed) == 0,
      now - max(last, began) >= silence
    else { return nil }
    let text = "\(work) is at work for \(duration((now - began).seconds))"
    guard isTerminal else {
      Self.last.withLock { $0 = now }
      return text + "\n"
    }
    Self.isShowing.store(true, ordering: .relaxed)
    // What is printed next begins at the line's beginning.
    return "\r\u{1B}[K\(text)\r"
  }
}
