internal import CTorch

/// What numbers of several processes are reduced to.
public enum ProcessReduction: Sendable, Hashable {
  /// Their sum.
  case sum
  /// The largest of them.
  case maximum
}

/// Processes that compute the same thing on parts of the data: collectives over all of them.
///
/// Every process calls the same collectives in the same order, with tensors of the same shapes. A collective throws
/// where a process is gone or does not answer in time.
public protocol ProcessGroup: AnyObject {
  /// The number of this process, from 0; process 0 writes and speaks for all.
  var rank: Int { get }
  /// How many there are.
  var count: Int { get }
  /// The first failure of a collective, after which every other one fails alike; nil: none has failed.
  var failure: (any Error)? { get }
  /// Reduces tensors over all processes, in place, outside autograd; several at a time. Their types are float32,
  /// float64 or int64, and all the same.
  func allReduce(_ tensors: [Tensor], _ reduction: ProcessReduction) throws
  /// Begins to sum a tensor over all processes, in place, outside autograd; the caller goes on meanwhile, and leaves the
  /// tensor alone. All processes begin such sums in the same order, which that of other collectives does not touch.
  func beginSum(_ tensor: Tensor) throws -> any PendingSum
  /// Replaces bytes by those of a process; the others give as many.
  func broadcast(_ bytes: inout [UInt8], from rank: Int) throws
  /// The bytes of all processes by rank; each gives as many.
  func allGather(_ bytes: [UInt8]) throws -> [[UInt8]]
  /// Waits until all processes are here.
  ///
  /// - Parameter patience: how long; nil: as long as with every collective. For work that one process does alone.
  func barrier(patience: Duration?) throws
  /// Tells the others why this process ends, so that they need not wait for it. Does not throw.
  func leave(because reason: String)
}

/// A sum over processes that is under way.
public protocol PendingSum: AnyObject {
  /// Waits until the tensor holds the sum.
  func wait() throws
}

extension ProcessGroup {
  /// Whether this process writes and speaks for all.
  public var isFirst: Bool { rank == 0 }

  /// Waits until all processes are here, as long as with every collective.
  public func barrier() throws { try barrier(patience: nil) }

  /// Replaces the elements of tensors by those of a process, in place, outside autograd.
  public func broadcast(_ tensors: [Tensor], from root: Int) throws {
    for tensor in tensors {
      let host = tensor.host()
      var bytes = host.bytes
      try broadcast(&bytes, from: root)
      guard rank != root else { continue }
      tensor.copy(from: Tensor(HostTensor(shape: host.shape, dtype: host.dtype, bytes: bytes)))
    }
  }
}

/// Boxes the processes of a scope for the thread's ambient slot.
private final class ProcessesBox {
  let processes: any ProcessGroup
  init(_ processes: any ProcessGroup) { self.processes = processes }
}

/// Sets the processes over whose common batch the layers called by `body` take statistics, on this thread. A
/// collective that fails inside an operation is an engine error; ``ProcessGroup/failure`` says why.
public func withProcesses<Result>(
  _ processes: (any ProcessGroup)?, _ body: () throws -> Result
) rethrows -> Result {
  guard let processes, processes.count > 1 else { return try body() }
  return try Engine.withAmbientObject(ProcessesBox(processes), in: .processes, body)
}

/// The processes of the innermost ``withProcesses(_:_:)`` on this thread; nil: this process is alone.
public var currentProcesses: (any ProcessGroup)? {
  (Engine.ambientObject(.processes) as? ProcessesBox)?.processes
}

extension Tensor {
  /// The sum over the processes of ``withProcesses(_:_:)``, with a gradient: that of all processes' losses together.
  /// Without such processes the tensor itself.
  ///
  /// Every process computes and differentiates it at the same place; it can be differentiated twice.
  public func summedOverProcesses() -> Tensor {
    guard let box = Engine.ambientObject(.processes) as? ProcessesBox else { return self }
    let context = Unmanaged.passRetained(box).toOpaque()
    let result = CTSummedOverProcesses(
      handle, context, { sumOverProcesses($0, $1) }, { Unmanaged<ProcessesBox>.fromOpaque($0).release() })
    return Tensor(result, "summedOverProcesses", self, rank: rank)
  }

  /// The mean over the processes of ``withProcesses(_:_:)``, with a gradient: of numbers that are means over each
  /// process's equal part of a batch. Without such processes the tensor itself.
  public func averagedOverProcesses() -> Tensor {
    guard let processes = currentProcesses else { return self }
    return summedOverProcesses() * (1 / Double(processes.count))
  }

  /// The elements of a contiguous tensor in host memory, which may be changed outside autograd.
  ///
  /// - Returns: nil, without calling `body`, for a tensor elsewhere or of another order.
  public func withHostMemory<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result? {
    guard let start = CTTensorMemory(handle) else { return nil }
    return try withExtendedLifetime(self) {
      try body(UnsafeMutableRawBufferPointer(start: start, count: count * dtype.byteCount))
    }
  }
}

/// Called by the engine in a forward or a backward pass. Failures are returned as text, as Swift errors cannot cross
/// C++.
private func sumOverProcesses(_ context: UnsafeMutableRawPointer, _ handle: OpaquePointer) -> Bool {
  let box = Unmanaged<ProcessesBox>.fromOpaque(context).takeUnretainedValue()
  guard let alias = CTTensorAlias(handle) else { return false }
  let tensor = Tensor(owning: alias)
  do {
    try box.processes.allReduce([tensor], .sum)
    return true
  } catch {
    CTSetLastError("\(error)")
    return false
  }
}
