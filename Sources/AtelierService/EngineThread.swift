import Foundation
import Synchronization

/// Hands work to the one thread that owns a state which no other may touch, such as a model.
///
/// The thread is that which calls ``run(_:whileWaiting:)``. Work is done in the order in which it came.
public final class EngineThread<State>: Sendable {
  private struct Queue {
    /// Each is called once: with the state, or with nil where the thread stopped before.
    var jobs: [@Sendable (State?) -> Void] = []
    var isStopped = false
  }

  private let queue = Mutex(Queue())
  private let signal = DispatchSemaphore(value: 0)
  private let limit: Int

  /// - Parameter limit: how much work may wait.
  public init(limit: Int) { self.limit = max(1, limit) }

  /// Has work done, and waits for its result.
  ///
  /// - Throws: what the work throws; ``ServiceError/busy`` and ``ServiceError/stopped`` where it is not done.
  public func perform<Value: Sendable>(
    _ work: @escaping @Sendable (State) throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
      let refusal = queue.withLock { queue -> ServiceError? in
        if queue.isStopped { return .stopped }
        guard queue.jobs.count < limit else { return .busy }
        queue.jobs.append { state in
          guard let state else { return continuation.resume(throwing: ServiceError.stopped) }
          continuation.resume(with: Result { try work(state) })
        }
        return nil
      }
      if let refusal { continuation.resume(throwing: refusal) } else { signal.signal() }
    }
  }

  /// Works on the calling thread until ``stop()``.
  ///
  /// - Parameter wait: called about once a second while nothing is to be done.
  public func run(_ state: State, whileWaiting wait: () -> Void = {}) {
    while true {
      guard signal.wait(timeout: .now() + 1) == .success else {
        wait()
        continue
      }
      let (job, isStopped) = queue.withLock { queue in
        (queue.jobs.isEmpty ? nil : queue.jobs.removeFirst(), queue.isStopped)
      }
      if let job { job(isStopped ? nil : state) }
      if isStopped {
        let rest = queue.withLock { queue in
          defer { queue.jobs = [] }
          return queue.jobs
        }
        for job in rest { job(nil) }
        return
      }
    }
  }

  /// Ends the thread's work; what waits is refused.
  public func stop() {
    queue.withLock { $0.isStopped = true }
    signal.signal()
  }
}
