public import Foundation

/// How a training ended.
public struct TrainingOutcome: Sendable, Hashable {
  /// Why it ended.
  public enum Reason: Sendable, Hashable {
    /// A limit was reached.
    case finished
    /// What is measured on the way has not become better for long; the text says how long.
    case settled(String)
    /// Somebody wished it, by Ctrl-C for example.
    case interrupted
    /// The health watch ended it; the text says why.
    case stopped(String)
  }

  /// Why it ended.
  public let reason: Reason
  /// Steps done.
  public let step: Int
  /// Seconds of training, over all resumptions.
  public let seconds: Double
  /// The newest checkpoint.
  public let checkpoint: URL?
}
