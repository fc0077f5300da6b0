import AtelierGeneration
import Foundation

/// A thread beside a training, for what cannot wait until a step is over: it answers a signal at once, shows that
/// work goes on, and ends the process where what is under way takes too long to be waited for, with the state from
/// before it saved.
package final class TrainingGuard: @unchecked Sendable {
  // Checked by hand: what changes is touched only while `lock` is held.

  /// What is left of a training that ends in the middle of what is under way.
  package enum Fallback {
    /// The checkpoint of this step, written already.
    case saved(step: Int)
    /// The state of this step, in memory, and what writes it.
    case snapshot(step: Int, write: @Sendable () throws -> Void)
    /// Nothing newer than the last checkpoint: what is under way is waited for.
    case none
  }

  /// How long the end of a step is waited for after a signal.
  static let patience = Duration.seconds(3)
  /// Steps that take longer than this are prepared for by keeping the state from before them.
  static let slowStep = Duration.seconds(2)

  private let interruption: Interruption
  private let reporter: (any LiveReporter)?
  private let endProcess: @Sendable (Int32) -> Void
  private let endsProcess: Bool
  private let lock = NSLock()
  private var activity: String?
  private var since = ContinuousClock.now
  private var fallback = Fallback.none
  private var signalled: ContinuousClock.Instant?
  private var isComplained = false
  private var isStopped = false

  /// A guard that is not yet on duty.
  ///
  /// - Parameters:
  ///   - reporter: told of signals and of long steps, where it may be told from another thread.
  ///   - endsProcess: whether the process may end within a step, where the interruption lets it.
  ///   - endProcess: ends the process with an exit code.
  package init(
    _ interruption: Interruption, reporter: any ProgressReporter, endsProcess: Bool = true,
    endProcess: @escaping @Sendable (Int32) -> Void = { _exit($0) }
  ) {
    self.interruption = interruption
    self.reporter = reporter as? any LiveReporter
    self.endsProcess = endsProcess && interruption.endsProcess
    self.endProcess = endProcess
  }

  /// Goes on duty until ``stop()``.
  func start() {
    guard reporter != nil || endsProcess else { return }
    let thread = Thread { [self] in
      while !isOver {
        usleep(100_000)
        look(at: .now)
      }
    }
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Goes off duty.
  func stop() { lock.withLock { isStopped = true } }

  private var isOver: Bool { lock.withLock { isStopped } }

  /// Something begins that may take long.
  ///
  /// - Parameters:
  ///   - activity: what it is, as in "step 12".
  ///   - fallback: what is left where it is not waited for; nil: what was left before.
  package func enter(_ activity: String, _ fallback: Fallback? = nil) {
    lock.withLock {
      self.activity = activity
      since = .now
      if let fallback { self.fallback = fallback }
    }
  }

  /// It is over.
  package func leave() { lock.withLock { activity = nil } }

  /// What is due at a time: an answer to a signal, a sign of life, or the end.
  package func look(at now: ContinuousClock.Instant) {
    lock.withLock {
      guard !isStopped, let activity else { return }
      guard interruption.isRequested else {
        reporter?.live(activity, for: (now - since).seconds)
        return
      }
      guard let signalled else {
        self.signalled = now
        reporter?.say(
          "Stopping: \(activity) is finished, then the state is saved. A second signal stops at once.")
        return
      }
      guard endsProcess, now - signalled >= Self.patience else { return }
      end(during: activity, now)
    }
  }

  /// Ends the process with what the fallback leaves. The lock is held, so that the training cannot go on meanwhile.
  private func end(during activity: String, _ now: ContinuousClock.Instant) {
    let step: Int
    switch fallback {
    case .none:
      if !isComplained {
        isComplained = true
        reporter?.say(
          "\(activity.prefix(1).uppercased() + activity.dropFirst()) has taken \(duration((now - since).seconds)) so far "
            + "and is waited for; a second signal stops at once and keeps the last checkpoint.")
      }
      return
    case .saved(let saved): step = saved
    case .snapshot(let kept, let write):
      do { try write() } catch {
        reporter?.say("The state cannot be saved: \(String(describing: error).trimmedSentence).")
        isStopped = true
        endProcess(73)
        return
      }
      step = kept
    }
    isStopped = true
    reporter?.end(
      "Training stopped on request within \(activity); the state after \(step) steps is saved, and the run can be "
        + "resumed.")
    endProcess(130)
  }
}
