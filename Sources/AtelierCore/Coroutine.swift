import CCoroutine

/// A computation that can pause and go on, on the thread that runs it: see the C functions for why it is no thread.
///
/// It must be resumed until it has ended, unless it was never begun: what it holds is given back by its own code.
final class Coroutine {
  private let body: () -> Void
  private var handle: OpaquePointer?
  private(set) var hasEnded = false
  var hasBegun: Bool { handle != nil }

  /// A computation that has not begun.
  init(_ body: @escaping () -> Void) { self.body = body }

  /// Begins, or goes on behind the last pause, until the next pause or the end.
  ///
  /// - Returns: whether it has paused.
  /// - Throws: ``ConfigurationError`` where there is no memory to begin in.
  func resume() throws(ConfigurationError) -> Bool {
    guard !hasEnded else { return false }
    if handle == nil {
      let context = Unmanaged.passUnretained(self).toOpaque()
      handle = CCoroutineCreate({ runBody(of: $0) }, context)
    }
    guard let handle else {
      throw ConfigurationError(
        "there is no memory for the stack of one more part of a step; accumulate fewer batches")
    }
    hasEnded = withExtendedLifetime(self) { !CCoroutineResume(handle) }
    return !hasEnded
  }

  /// Called by its own code: whoever resumed it goes on, until it is resumed again.
  func pause() {
    guard let handle else { preconditionFailure("a computation that was not begun cannot pause") }
    CCoroutinePause(handle)
  }

  deinit {
    precondition(hasEnded || handle == nil, "a computation was left before its end")
    if let handle { CCoroutineFree(handle) }
  }

  fileprivate func run() { body() }
}

private func runBody(of context: UnsafeMutableRawPointer?) {
  guard let context else { return }
  Unmanaged<Coroutine>.fromOpaque(context).takeUnretainedValue().run()
}
