internal import CDistributed
import Foundation
public import Torch

/// Processes that are connected by libtorch's collectives over gloo.
///
/// Numbers travel through host memory; those of an accelerator are copied there and back. Where a collective fails, every
/// process that still runs says so in the store of keys, and those that say nothing are named.
public final class GlooProcessGroup: ProcessGroup {
  /// How the processes were launched.
  public let launch: ProcessLaunch
  /// How long a process waits for another in a collective.
  public let timeout: Duration
  /// The first failure of a collective.
  public private(set) var failure: (any Error)?

  /// How long a process that fails waits for the others to say that they are there: those that wait for a process that
  /// hangs give up at about the same time, those that lose a connection at once.
  private static let grace = (hanging: Duration.seconds(8), lost: Duration.seconds(3))
  /// Bytes of one piece of text in an error.
  private static let longestReason = 300

  private let group: OpaquePointer

  /// The number of this process.
  public var rank: Int { launch.rank }
  /// How many there are.
  public var count: Int { launch.count }

  /// Connects with the other processes of a launch, and waits for them.
  ///
  /// - Parameter timeout: how long it waits for another process, now and in every collective.
  /// - Throws: ``ProcessError`` that names the processes that did not come.
  public init(_ launch: ProcessLaunch, timeout: Duration = .seconds(300)) throws(ProcessError) {
    self.launch = launch
    self.timeout = timeout
    guard CDistributedIsAvailable() else {
      throw .unavailable(reason: Self.reason())
    }
    // Keys of processes that were started before stay apart.
    let group = CDistributedOpen(
      launch.host, Int32(launch.port), launch.rank == 0 && !launch.launcherServesStore,
      "atelier/\(launch.restarts)", Int32(launch.rank), Int32(launch.count), timeout.milliseconds)
    guard let group else {
      throw .noStore(host: launch.host, port: launch.port, reason: Self.reason())
    }
    self.group = group
    set("here/\(rank)", "yes")
    guard CDistributedConnect(group, timeout.milliseconds) else {
      let reason = Self.reason()
      let absent = (0..<count).filter { has("here/\($0)") == false }
      if !absent.isEmpty {
        throw .missing(ranks: absent, count: count, during: "the start", reason: reason)
      }
      throw .failed(during: "the start", reason: reason)
    }
  }

  deinit { CDistributedFree(group) }

  // MARK: Collectives

  /// Reduces tensors over all processes, in place.
  public func allReduce(_ tensors: [Tensor], _ reduction: ProcessReduction) throws {
    guard !tensors.isEmpty else { return }
    let type = try Self.type(of: tensors[0])
    // What is elsewhere or in another order is copied here and back.
    let places = tensors.map { $0.withHostMemory { _ in true } == true }
    let held = zip(tensors, places).map { tensor, isHere in
      isHere ? tensor : withoutGradients { tensor.detached().to(.cpu).contiguous().cloned() }
    }
    let buffers = held.map { $0.withHostMemory { $0.baseAddress } ?? nil }
    try collective("a sum") {
      withExtendedLifetime(held) {
        CDistributedAllReduce(
          group, buffers.map { $0 ?? Self.nothing }, held.map { Int64($0.count) }, Int32(held.count),
          Int32(type), Int32(reduction == .sum ? CDistributedSum : CDistributedMaximum),
          timeout.milliseconds)
      }
    }
    for (index, tensor) in tensors.enumerated() where !places[index] {
      tensor.copy(from: held[index].to(tensor.device))
    }
  }

  private static func type(of tensor: Tensor) throws(ProcessError) -> Int {
    switch tensor.dtype {
    case .float32: CDistributedFloat32
    case .float64: CDistributedFloat64
    case .int64: CDistributedInt64
    default:
      throw .failed(during: "a sum", reason: "numbers of the type \(tensor.dtype) cannot be reduced")
    }
  }

  /// Begins to sum a tensor on connections of its own.
  public func beginSum(_ tensor: Tensor) throws -> any PendingSum {
    let type = try Self.type(of: tensor)
    let held =
      tensor.withHostMemory { _ in true } == true
      ? tensor : withoutGradients { tensor.detached().to(.cpu).contiguous().cloned() }
    let buffer = held.withHostMemory { $0.baseAddress } ?? nil
    var reduction: OpaquePointer?
    try collective("a sum") {
      reduction = CDistributedBeginSum(
        group, buffer ?? Self.nothing, Int64(held.count), Int32(type), timeout.milliseconds)
      return reduction != nil
    }
    return GlooSum(reduction, of: held, for: tensor, in: self)
  }

  /// A sum on its way through gloo's threads, which write into its memory until it is waited for.
  private final class GlooSum: PendingSum {
    /// Nil once it was waited for.
    private var reduction: OpaquePointer?
    private let held: Tensor
    private let tensor: Tensor
    private let group: GlooProcessGroup

    init(_ reduction: OpaquePointer?, of held: Tensor, for tensor: Tensor, in group: GlooProcessGroup) {
      self.reduction = reduction
      self.held = held
      self.tensor = tensor
      self.group = group
    }

    deinit {
      if let reduction { _ = CDistributedFinishSum(reduction) }
    }

    func wait() throws {
      guard let reduction else { return }
      self.reduction = nil
      try group.collective("a sum") { CDistributedFinishSum(reduction) }
      if held !== tensor { tensor.copy(from: held.to(tensor.device)) }
    }
  }

  /// An address for tensors without elements, where C wants one and Swift has none.
  ///
  /// Several threads may hand it on at once: it is only ever given together with a count of 0, for which nothing is read
  /// or written behind it, so that it is never shared as memory.
  nonisolated(unsafe) private static let nothing = UnsafeMutableRawPointer.allocate(
    byteCount: 8, alignment: 8)

  /// Replaces bytes by those of a process.
  public func broadcast(_ bytes: inout [UInt8], from root: Int) throws {
    guard !bytes.isEmpty else { return }
    let count = Int64(bytes.count)
    try collective("a broadcast") {
      bytes.withUnsafeMutableBytes {
        CDistributedBroadcast(
          group, $0.baseAddress ?? Self.nothing, count, Int32(root), timeout.milliseconds)
      }
    }
  }

  /// The bytes of all processes by rank.
  public func allGather(_ bytes: [UInt8]) throws -> [[UInt8]] {
    guard !bytes.isEmpty else { return Array(repeating: [], count: count) }
    var all = [UInt8](repeating: 0, count: bytes.count * count)
    try collective("a gathering") {
      all.withUnsafeMutableBytes { all in
        bytes.withUnsafeBytes {
          CDistributedAllGather(
            group, $0.baseAddress ?? UnsafeRawPointer(Self.nothing), Int64($0.count),
            all.baseAddress ?? Self.nothing, timeout.milliseconds)
        }
      }
    }
    return (0..<count).map { Array(all[$0 * bytes.count..<($0 + 1) * bytes.count]) }
  }

  /// Waits until all processes are here.
  public func barrier(patience: Duration?) throws {
    var one: Int64 = 1
    try collective("a barrier") {
      withUnsafeMutablePointer(to: &one) { pointer in
        CDistributedAllReduce(
          group, [UnsafeMutableRawPointer(pointer)], [1], 1, Int32(CDistributedInt64), Int32(CDistributedSum),
          (patience ?? timeout).milliseconds)
      }
    }
  }

  private func collective(_ name: String, _ body: () -> Bool) throws {
    if let failure { throw failure }
    guard !body() else { return }
    let failed = explained(name, Self.reason())
    failure = failed
    throw failed
  }

  // MARK: Who is missing

  /// Tells the others why this process ends.
  public func leave(because reason: String) {
    // One that only passes on what another said is not the one to be named.
    if failure == nil { set("ended/\(rank)", String(reason.prefix(Self.longestReason))) }
    set("stopped/\(rank)", "yes")
    CDistributedDisconnect(group)
  }

  /// Finds out who is missing after a failed collective: all others come here as well, and say so.
  private func explained(_ name: String, _ reason: String) -> ProcessError {
    set("stopped/\(rank)", "yes")
    // The others wait for this process as well, and shall not.
    CDistributedDisconnect(group)
    let isHanging = reason.localizedCaseInsensitiveContains("timed out")
    let end = ContinuousClock.now + (isHanging ? Self.grace.hanging : Self.grace.lost)
    var absent: [Int] = []
    repeat {
      absent = []
      for other in 0..<count where other != rank {
        if has("ended/\(other)") == true, let text = get("ended/\(other)") {
          return .ended(rank: other, count: count, reason: text)
        }
        switch has("stopped/\(other)") {
        case true?: break
        case false?: absent.append(other)
        case nil:
          // The store went with the process that served it.
          guard !launch.launcherServesStore else {
            return .failed(during: name, reason: "\(reason), and \(launch.launcher) does not answer")
          }
          return .missing(ranks: [0], count: count, during: name, reason: reason)
        }
      }
      if absent.isEmpty { break }
      usleep(100_000)
    } while ContinuousClock.now < end
    return absent.isEmpty
      ? .failed(during: name, reason: reason)
      : .missing(ranks: absent, count: count, during: name, reason: reason)
  }

  // MARK: The store

  /// Sets a key of this start of the processes.
  private func set(_ key: String, _ text: String) {
    let bytes = Array(text.utf8)
    _ = CDistributedSet(group, false, key, bytes, Int64(bytes.count))
  }

  private func has(_ key: String) -> Bool? {
    switch CDistributedHas(group, false, key) {
    case 1: true
    case 0: false
    default: nil
    }
  }

  private func get(_ key: String) -> String? {
    var count: Int64 = 0
    guard let bytes = CDistributedGet(group, false, key, 1000, &count) else { return nil }
    defer { CDistributedFreeBuffer(bytes) }
    return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
  }

  /// A text that process 0 leaves for processes that the launcher starts anew; nil where there is none, or the
  /// launcher keeps no store.
  public func lastingText(_ key: String) -> String? {
    guard launch.launcherServesStore, CDistributedHas(group, true, "atelier/" + key) == 1 else { return nil }
    var count: Int64 = 0
    guard let bytes = CDistributedGet(group, true, "atelier/" + key, 1000, &count) else { return nil }
    defer { CDistributedFreeBuffer(bytes) }
    return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
  }

  /// Leaves a text for processes that the launcher starts anew.
  public func leave(lastingText text: String, under key: String) {
    let bytes = Array(text.utf8)
    _ = CDistributedSet(group, true, "atelier/" + key, bytes, Int64(bytes.count))
  }

  /// Why the last call failed, on one line.
  private static func reason() -> String {
    let text = String(cString: CDistributedLastError())
    let line = text.split(separator: "\n").first.map(String.init) ?? "no reason given"
    // gloo begins with the place in its own source.
    let words =
      line.hasPrefix("[") ? String(line.drop { $0 != "]" }.dropFirst()).trimmingPrefix(" ").description : line
    // The first sentence, without the address that follows.
    let sentence = words.range(of: ". ").map { words[..<$0.lowerBound] } ?? words[...]
    return String(sentence.range(of: " [").map { sentence[..<$0.lowerBound] } ?? sentence)
      .prefix(longestReason).description
  }
}

extension Duration {
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
