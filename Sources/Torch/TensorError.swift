internal import CTorch
public import Foundation

#if canImport(Runtime)
  import Runtime
#endif

/// A failed operation inside a ``withTensorErrors(_:)`` scope.
public struct TensorError: Error, Sendable, CustomStringConvertible, LocalizedError {
  /// The operation, the shapes it was given, the engine's reason and the caller's line.
  public let description: String
  /// Whether one of the operation's inputs held NaN or infinity, which is what some operations refuse.
  public let hasNonFiniteInput: Bool

  /// Whether the engine had no memory to give, as its allocators say it.
  public var isOutOfMemory: Bool {
    [
      "can't allocate memory", "out of memory", "not enough memory", "bad_alloc",
      "size calculation overflowed",
    ].contains {
      description.localizedCaseInsensitiveContains($0)
    }
  }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}

/// Runs `body` so that a failed operation throws instead of ending the process.
///
/// The first failure is thrown at the end of the scope; until then a failed operation returns zeros of the
/// expected rank with all lengths 1, so that reading its shape cannot trap. The closure is synchronous, as
/// the scope is thread-local.
public func withTensorErrors<Result>(_ body: () throws -> Result) throws -> Result {
  let scope = ErrorScope()
  let outer = CTThreadSlot(0)
  CTSetThreadSlot(0, Unmanaged.passUnretained(scope).toOpaque())
  defer { CTSetThreadSlot(0, outer) }
  let result = Swift.Result { try body() }
  return try withExtendedLifetime(scope) {
    if let first = scope.first { throw first }
    return try result.get()
  }
}

/// Requires a condition on shapes or values, as the engine itself would.
///
/// A violated condition ends the process with the message and the caller's line, or is recorded by
/// the surrounding ``withTensorErrors(_:)``.
@discardableResult
public func check(_ condition: Bool, _ message: @autoclosure () -> String) -> Bool {
  if !condition { fail(message()) }
  return condition
}

private final class ErrorScope {
  var first: TensorError?
  /// Failures after the first.
  var later = 0
}

/// Reports a failure of the engine: recorded in the scope of this thread, or the end of the process.
///
/// - Parameter inputs: what a failed operation was given.
func fail(_ message: String, given inputs: [Tensor] = []) {
  let scope = CTThreadSlot(0).map { Unmanaged<ErrorScope>.fromOpaque($0).takeUnretainedValue() }
  // Later failures follow from the first; reading the stack takes seconds in a debug build.
  if let scope, scope.first != nil {
    scope.later += 1
    return
  }
  let text = message + (callersLine().map { " (at \($0))" } ?? "")
  guard let scope else { fatalError(text) }
  scope.first = TensorError(description: text, hasNonFiniteInput: false)
  // A placeholder has no values to ask for. Where asking fails as well, as on a device without memory, the
  // inputs are not to blame.
  let isFinite = inputs.allSatisfy { !$0.dtype.isFloatingPoint || $0.isPlaceholder || $0.isFinite() }
  if !isFinite, scope.later == 0 { scope.first = TensorError(description: text, hasNonFiniteInput: true) }
}

/// The text for a failed operation: its name, what it was given, and the engine's reason.
func engineFailure(_ operation: StaticString, _ inputs: [Tensor]) -> String {
  let given = inputs.map { "\($0.dtype) \($0.shape)" }.joined(separator: ", ")
  guard !inputs.contains(where: \.isPlaceholder) else {
    return
      "\(operation)(\(given)) failed: a weight has a shape and no values; load the system with the networks "
      + "that only training needs, not for drawing alone"
  }
  let reason =
    String(cString: CTLastError()).split(separator: "\n").first.map(String.init) ?? "no reason given"
  return "\(operation)(\(given)) failed: \(reason)"
}

/// The first source line of the call stack outside the engine's own Swift files.
///
/// Operators cannot have `#line` as a default argument, and the line of the calling model is more useful than
/// one inside a layer; so the stack is read, only after a failure.
private func callersLine() -> String? {
  #if canImport(Runtime) && os(Linux)
    guard let backtrace = try? Backtrace.capture(limit: 64).symbolicated() else { return nil }
    for frame in backtrace.frames {
      guard let location = frame.symbol?.sourceLocation, location.line > 0 else { continue }
      let parts = location.path.split(separator: "/")
      if parts.contains("Torch") || parts.contains("TorchNN") || parts.contains("swift") { continue }
      return parts.suffix(2).joined(separator: "/") + ":\(location.line)"
    }
  #endif
  return nil
}
