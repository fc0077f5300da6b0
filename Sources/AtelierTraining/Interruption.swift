import Foundation
import Synchronization

/// A wish to stop that may come at any time: Ctrl-C, or a call.
///
/// The first signal only raises a flag, which the trainer reads between steps; it then saves and stops.
/// With the first signal the system's own handlers are back, so that a second one ends the process at
/// once.
public final class Interruption: Sendable {
  private let flag = Atomic<Bool>(false)
  private let followsSignals: Bool

  /// A wish that nobody has yet.
  ///
  /// - Parameter followsSignals: whether SIGINT and SIGTERM express it; see ``handleSignals()``.
  public init(followsSignals: Bool = false) {
    self.followsSignals = followsSignals
    if followsSignals { Self.handleSignals() }
  }

  /// Expresses the wish.
  public func request() { flag.store(true, ordering: .relaxed) }

  /// Whether somebody wishes to stop.
  public var isRequested: Bool {
    flag.load(ordering: .relaxed) || followsSignals && signalArrived.load(ordering: .relaxed)
  }

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
  }
}

private let signalArrived = Atomic<Bool>(false)
