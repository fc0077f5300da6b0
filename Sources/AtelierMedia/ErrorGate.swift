internal import Foundation

/// A readers–writer lock: decoders run concurrently, and one runs alone to find the reason of a failure.
///
/// libvips has one error buffer for all threads. An image that fails is decoded again exclusively, so that
/// the message read from the buffer is its own.
final class ErrorGate: @unchecked Sendable {
  // Checked by hand: `running`, `waiting` and `isAlone` are touched only while `condition` is locked.
  private let condition = NSCondition()
  private var running = 0
  private var waiting = 0
  private var isAlone = false

  static let shared = ErrorGate()

  func shared<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    condition.lock()
    while isAlone || waiting > 0 { condition.wait() }
    running += 1
    condition.unlock()
    defer {
      condition.lock()
      running -= 1
      condition.broadcast()
      condition.unlock()
    }
    return try body()
  }

  func alone<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    condition.lock()
    waiting += 1
    while isAlone || running > 0 { condition.wait() }
    waiting -= 1
    isAlone = true
    condition.unlock()
    defer {
      condition.lock()
      isAlone = false
      condition.broadcast()
      condition.unlock()
    }
    return try body()
  }
}
