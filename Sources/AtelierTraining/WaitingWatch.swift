import Foundation
import Torch

/// Lets the threads of an operation sleep soon where they wait for each other, while other programs use the processors.
///
/// Threads that turn in a loop while they wait are the fastest on a machine that does nothing else, and the slowest beside a
/// busy program. Which it is, the system tells: beside others it takes processors away from threads that could go on. No
/// number depends on it. Trainings decide by the times of their steps instead.
package enum WaitingWatch {
  /// Seconds between two looks.
  private static let interval = 0.25

  /// Watches from now on until the program ends; asked twice it is done once.
  package static func begin() { _ = started }

  private static let started: Void = {
    let thread = Thread {
      var rule = WaitingRule()
      guard var before = Engine.interruptions else { return }
      while true {
        Thread.sleep(forTimeInterval: interval)
        let now = Engine.interruptions ?? before
        if let isBrief = rule.observe(Double(now - before) / interval) { _ = Engine.setBriefWaiting(isBrief) }
        before = now
      }
    }
    thread.stackSize = 1 << 19
    thread.start()
  }()
}

/// Decides by how often a second processors were taken away whether threads sleep soon.
package struct WaitingRule {
  /// Whether they do.
  package private(set) var isBrief = false
  /// How many looks in a row spoke against what is so.
  private var against = 0

  /// Interruptions a second from which on others use the processors, and below which they do not.
  package static let (busy, calm) = (25.0, 8.0)
  /// Looks that have to say so, one after the other.
  package static let (looksToSleep, looksToTurn) = (2, 12)

  /// Threads that turn while they wait.
  package init() {}

  /// Takes note of a look.
  ///
  /// - Returns: what holds from now on, where it is new.
  package mutating func observe(_ interruptionsPerSecond: Double) -> Bool? {
    let speaksAgainst = isBrief ? interruptionsPerSecond < Self.calm : interruptionsPerSecond > Self.busy
    against = speaksAgainst ? against + 1 : 0
    guard against >= (isBrief ? Self.looksToTurn : Self.looksToSleep) else { return nil }
    (isBrief, against) = (!isBrief, 0)
    return isBrief
  }
}
