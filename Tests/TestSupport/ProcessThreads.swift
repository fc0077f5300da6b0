public import AtelierDistributed
public import Foundation
import Synchronization
public import Torch

/// Runs a test's body once for each of several ranks, each on a thread of its own with a group over gloo, as several
/// processes would.
///
/// - Returns: what the bodies gave, by rank.
/// - Throws: the first error of the lowest rank that threw.
public func onProcesses<Result: Sendable>(
  _ count: Int = 2, timeout: Duration = .seconds(60),
  _ body: @escaping @Sendable (GlooProcessGroup) throws -> Result
) throws -> [Result] {
  try resultsOnProcesses(count, timeout: timeout, body).map { try $0.get() }
}

/// ``onProcesses(_:timeout:_:)``, with each rank's result or error.
public func resultsOnProcesses<Result: Sendable>(
  _ count: Int = 2, timeout: Duration = .seconds(60),
  _ body: @escaping @Sendable (GlooProcessGroup) throws -> Result
) throws -> [Swift.Result<Result, any Error>] {
  let port = try freePort()
  let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
  let done = DispatchSemaphore(value: 0)
  for rank in 0..<count {
    let thread = Thread {
      let result = Swift.Result<Result, any Error> {
        let group = try GlooProcessGroup(
          ProcessLaunch(rank: rank, count: count, port: port), timeout: timeout)
        return try body(group)
      }
      results.withLock { $0[rank] = result }
      done.signal()
    }
    thread.stackSize = 16 << 20
    thread.start()
  }
  for _ in 0..<count { done.wait() }
  return results.withLock { results in (0..<count).compactMap { results[$0] } }
}

/// A port of this machine that nobody listens at.
public func freePort() throws -> Int {
  #if os(Linux)
    let stream = Int32(SOCK_STREAM.rawValue)
  #else
    let stream = SOCK_STREAM
  #endif
  let descriptor = socket(AF_INET, stream, 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let isBound = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
    }
  }
  guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
  return Int(UInt16(bigEndian: address.sin_port))
}
