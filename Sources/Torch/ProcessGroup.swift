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

  /// The bytes of a process in all of them, as many as it has.
  ///
  /// - Parameters:
  ///   - bytes: of that process; the others' are not looked at.
  ///   - patience: how long the others wait while it makes them; nil: as long as with every collective.
  public func broadcast(
    varying bytes: [UInt8], from root: Int = 0, patience: Duration? = nil
  ) throws -> [UInt8] {
    if let patience { try barrier(patience: patience) }
    var length = withUnsafeBytes(of: Int64(bytes.count).littleEndian) { Array($0) }
    try broadcast(&length, from: root)
    let count = length.withUnsafeBytes { Int(Int64(littleEndian: $0.loadUnaligned(as: Int64.self))) }
    var own = rank == root ? bytes : [UInt8](repeating: 0, count: count)
    try broadcast(&own, from: root)
    return own
  }

  /// The bytes of all processes by rank, of which each gives as many as it has.
  public func allGather(varying bytes: [UInt8]) throws -> [[UInt8]] {
    let own = withUnsafeBytes(of: Int64(bytes.count).littleEndian) { Array($0) }
    let lengths = try allGather(own).map { length in
      length.withUnsafeBytes { Int(Int64(littleEndian: $0.loadUnaligned(as: Int64.self))) }
    }
    let longest = lengths.max() ?? 0
    guard longest > 0 else { return lengths.map { _ in [] } }
    let padded = bytes + [UInt8](repeating: 0, count: longest - bytes.count)
    return zip(try allGather(padded), lengths).map { Array($0.prefix($1)) }
  }

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
  let weight: () -> Double
  private let isDivided: () -> Bool
  init(
    _ processes: any ProcessGroup, _ weight: @escaping () -> Double, _ isDivided: @escaping () -> Bool
  ) {
    self.processes = processes
    self.weight = weight
    self.isDivided = isDivided
  }

  /// That of this thread; nil where there is none, or where every process has the whole batch.
  static var current: ProcessesBox? {
    (Engine.ambientObject(.processes) as? ProcessesBox).flatMap { $0.isDivided() ? $0 : nil }
  }
}

/// Sets the processes over whose common batch the layers called by `body` take statistics, on this thread. A
/// collective that fails inside an operation is an engine error; ``ProcessGroup/failure`` says why.
///
/// - Parameters:
///   - weight: what a mean over this process's part of the batch counts for in the mean over the whole batch, as
///     ``BatchPart/weight(among:)`` has it: 1, the default, where all parts are of one size.
///   - isDivided: whether the batch is divided at present; where every process has all of it, each computes as if it were
///     alone.
public func withProcesses<Result>(
  _ processes: (any ProcessGroup)?, weight: @escaping () -> Double = { 1 },
  isDivided: @escaping () -> Bool = { true }, _ body: () throws -> Result
) rethrows -> Result {
  guard let processes, processes.count > 1 else { return try body() }
  return try Engine.withAmbientObject(
    ProcessesBox(processes, weight, isDivided), in: .processes, body)
}

/// The processes of the innermost ``withProcesses(_:weight:isDivided:_:)`` on this thread; nil: this process is alone, or
/// has the whole batch as every other one has.
public var currentProcesses: (any ProcessGroup)? {
  ProcessesBox.current?.processes
}

extension Tensor {
  /// The sum over the processes of ``withProcesses(_:weight:isDivided:_:)``, with a gradient: that of all processes'
  /// losses together. Without such processes the tensor itself.
  ///
  /// Every process computes and differentiates it at the same place; it can be differentiated twice.
  public func summedOverProcesses() -> Tensor {
    guard let box = ProcessesBox.current else { return self }
    let context = Unmanaged.passRetained(box).toOpaque()
    let result = CTSummedOverProcesses(
      handle, context, { sumOverProcesses($0, $1) }, { Unmanaged<ProcessesBox>.fromOpaque($0).release() })
    return Tensor(result, "summedOverProcesses", self, rank: rank)
  }

  /// The mean over the processes of ``withProcesses(_:weight:isDivided:_:)``, with a gradient: of numbers that are means over each
  /// process's part of a batch, which count as the parts do. Without such processes the tensor itself.
  public func averagedOverProcesses() -> Tensor {
    guard let box = ProcessesBox.current else { return self }
    return (self * (box.weight() / Double(box.processes.count))).summedOverProcesses()
  }

  /// The mean over the things of all processes, with a gradient, of a mean over this process's things, of which every
  /// process has another number, such as the tokens of padded sentences. Without processes the tensor itself.
  ///
  /// As a loss it is the same number in all processes, the one that one process finds for the whole batch.
  ///
  /// - Parameter count: how many things this mean is of, a scalar without a gradient. Where it is 0 the mean may be any
  ///   finite number.
  public func averagedOverProcesses(counting count: Tensor) -> Tensor {
    guard currentProcesses != nil else { return self }
    let own = count.detached().asType(dtype)
    return (self * own).summedOverProcesses() / own.summedOverProcesses().clamped(min: 1e-12)
  }

  /// ``averagedOverProcesses(counting:)`` of a mean over so many things.
  public func averagedOverProcesses(counting count: Int) -> Tensor {
    guard currentProcesses != nil else { return self }
    return averagedOverProcesses(counting: Tensor(scalar: Double(count)).to(device))
  }

  /// The rows of all processes behind each other, by rank, with a gradient to those of this one: the rows of the whole
  /// batch, for losses that compare its examples. Without processes the tensor itself.
  ///
  /// A loss of all rows is the same number in all processes. The parts may be of different lengths along axis 0.
  public func gatheredOverProcesses() -> Tensor {
    guard let processes = currentProcesses else { return self }
    var own = [Int](repeating: 0, count: processes.count)
    own[processes.rank] = shape[0]
    let lengths = Tensor(own).summedOverProcesses().integers()
    func rows(_ ranks: Range<Int>) -> Tensor {
      .zeros([ranks.reduce(0) { $0 + lengths[$1] }] + shape.dropFirst(), dtype: dtype, device: device)
    }
    let parts = [rows(0..<processes.rank), self, rows((processes.rank + 1)..<processes.count)]
    return Tensor.concatenated(parts, dim: 0).summedOverProcesses()
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

/// Batch normalisation by the statistics of all processes' batches together, where this process has a part of a batch.
///
/// One small sum over the processes in a forward pass and one in a backward pass. It is differentiated twice where a penalty
/// asks for it, so that every process gets the gradient of the whole batch. The processes may have parts of different sizes.
/// Statistics are float32, as without processes. Without such processes nil.
func synchronizedBatchNorm(
  _ x: Tensor, weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?,
  momentum: Double, epsilon: Double
) -> Tensor? {
  guard let box = ProcessesBox.current else { return nil }
  return withoutAutocast(on: x.device) {
    let wide = x.dtype == .float32 || x.dtype == .float64 ? x : x.asType(.float32)
    let context = Unmanaged.passRetained(box).toOpaque()
    let handle = CTSynchronizedBatchNorm(
      wide.handle, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle, momentum,
      epsilon,
      context, { sumOverProcesses($0, $1) }, { Unmanaged<ProcessesBox>.fromOpaque($0).release() })
    let result = Tensor(handle, "synchronizedBatchNorm", wide, rank: x.rank)
    return result.dtype == x.dtype ? result : result.asType(x.dtype)
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
