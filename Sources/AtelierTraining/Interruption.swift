import Foundation
import Synchronization

/// A wish to stop that may come at any time: Ctrl-C, or a call.
///
/// The first signal only raises a flag, which the trainer reads between steps; it then saves and stops. A step that
/// takes longer than a few seconds is not waited for, where the state from before it is known.
/// With the first signal the system's own handlers are back, so that a second one ends the process at
/// once.
public final class Interruption: Sendable {
  private let flag = Atomic<Bool>(false)
  private let followsSignals: Bool
  private let isArmed = Atomic<Bool>(false)

  /// A wish that nobody has yet.
  ///
  /// - Parameter followsSignals: whether SIGINT and SIGTERM express it; see ``handleSignals()``.
  public init(followsSignals: Bool = false) {
    self.followsSignals = followsSignals
    if followsSignals { arm() }
  }

  private init(later: Void) { followsSignals = true }

  /// A wish that signals express from the first step on. Until then they end the process as they always do: there
  /// is nothing to be saved.
  public static func whileTraining() -> Interruption { Interruption(later: ()) }

  /// Begins to listen to signals, where it is to do so.
  func arm() {
    guard followsSignals, !isArmed.exchange(true, ordering: .relaxed) else { return }
    Self.handleSignals()
  }

  /// Expresses the wish.
  public func request() { flag.store(true, ordering: .relaxed) }

  /// Whether somebody wishes to stop.
  public var isRequested: Bool {
    flag.load(ordering: .relaxed)
      || followsSignals && isArmed.load(ordering: .relaxed) && signalArrived.load(ordering: .relaxed)
  }

  /// Whether the process may end while the training is in the middle of something: only a program that follows
  /// signals is asked to end as a whole.
  var endsProcess: Bool { followsSignals }

  /// Takes over SIGINT and SIGTERM until one of them arrives.
  public static func handleSignals() {
    // Touched here, because a global must not be initialised inside a handler.
    signalArrived.store(false, ordering: .relaxed)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        signalArrived.store(true, ordering: .relaxed)
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
      }
    }
    // A process inherits the signals that the thread of its parent had blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}

private let signalArrived = Atomic<Bool>(false)
