internal import Foundation
internal import Synchronization

/// Sentences about long readings of data: a folder that is listed for its index, files that are read for their
/// fingerprint.
public enum DataProgress {
  private static let listener = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// Names who is told, on any thread; nil: nobody.
  public static func announce(to listener: (@Sendable (String) -> Void)?) {
    self.listener.withLock { $0 = listener }
  }

  static func say(_ sentence: String) {
    // Outside of the lock, as a listener may open data itself.
    let told = listener.withLock { $0 }
    told?(sentence)
  }
}
