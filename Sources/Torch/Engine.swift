internal import CTorch
import Foundation

/// Facts and settings of libtorch as a whole.
public enum Engine {
  /// The version of libtorch, for example "2.13.0".
  public static var version: String { String(cString: CTEngineVersion()) }

  /// The instruction set that the processor's kernels were chosen for, for example "AVX2".
  ///
  /// Sums are grouped differently by different kernels, so exact resumption needs the same one.
  public static var cpuCapability: String { String(cString: CTCPUCapability()) }

  /// How many threads one operation uses on the processor.
  public static var threadCount: Int {
    get { Int(CTThreadCount()) }
    set { check(CTSetThreadCount(Int32(max(1, newValue))), "cannot use \(newValue) threads") }
  }

  /// Has large tensors take their memory from a pool that keeps the pages of those that are gone for the next,
  /// but never more than holds the process at the most that tensors took at one time.
  ///
  /// Without it the system clears every page anew at each step, or the C library keeps a heap with holes that
  /// nothing fits into. It is a setting of the whole process, and so a program's business, not a library's.
  /// Tensors that are there already stay where they are. On systems other than Linux it does nothing.
  public static func keepFreedMemory() { _ = CTPoolMemory() }

  /// The pool's bytes.
  package struct PoolFigures: Sendable, Hashable {
    /// Of tensors that are alive.
    package let held: Int
    /// Of pages that wait for the next tensor.
    package let kept: Int
    /// The most that tensors held at one time.
    package let peak: Int
  }

  /// What the pool of ``keepFreedMemory()`` holds; nil where there is none.
  package static func poolFigures() -> PoolFigures? {
    var (held, kept, peak) = (Int64(0), Int64(0), Int64(0))
    guard CTPoolFigures(&held, &kept, &peak) else { return nil }
    return PoolFigures(held: Int(held), kept: Int(kept), peak: Int(peak))
  }

  /// Runs `body` with convolutions as matrix products instead of oneDNN's kernels, which are about twice as
  /// fast and round otherwise; for comparisons with numbers that were computed without them.
  ///
  /// The setting belongs to the process, not to the thread.
  public static func withoutOneDNN<Result>(_ body: () throws -> Result) rethrows -> Result {
    let wasEnabled = CTOneDNNEnabled()
    check(CTSetOneDNN(false), "oneDNN cannot be switched off")
    defer { _ = CTSetOneDNN(wasEnabled) }
    return try body()
  }

  /// The shortest time of some float32 products of square matrices on the processor, in seconds: what programs that
  /// are linked with other libraries compare themselves by.
  package static func productSeconds(rows: Int, products: Int = 5) -> Double {
    withoutGradients {
      let matrix = RandomStream(seed: 1).normal([rows, rows])
      // The first product pays for the threads and for the choice of kernels.
      _ = matrix.matmul(matrix)
      var shortest = Double.infinity
      for _ in 0..<products {
        let start = ContinuousClock.now
        _ = matrix.matmul(matrix)
        let parts = (ContinuousClock.now - start).components
        shortest = min(shortest, Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
      }
      return shortest
    }
  }

  /// Bytes of memory: what the process or the device holds now, and the most it held.
  public struct MemoryFigures: Sendable, Hashable, Codable {
    /// Bytes held now.
    public let current: Int
    /// The most bytes held so far.
    public let peak: Int
  }

  /// The memory of the process (`.cpu`) or of the tensors on an accelerator; nil where unknown.
  public static func memory(on device: Device = .cpu) -> MemoryFigures? {
    guard device.kind == .cpu else {
      var current: Int64 = 0
      var peak: Int64 = 0
      guard CTDeviceMemory(device.kindCode, Int32(device.index), &current, &peak) else { return nil }
      return MemoryFigures(current: Int(current), peak: Int(peak))
    }
    var usage = rusage()
    #if os(Linux)
      guard getrusage(usageOfThisProcess, &usage) == 0 else { return nil }
      let peak = usage.ru_maxrss * 1024
      let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
        .split(separator: " ").dropFirst().first.flatMap { Int($0) }
      return MemoryFigures(current: (pages ?? 0) * sysconf(Int32(_SC_PAGESIZE)), peak: peak)
    #else
      guard getrusage(usageOfThisProcess, &usage) == 0 else { return nil }
      return MemoryFigures(current: usage.ru_maxrss, peak: usage.ru_maxrss)
    #endif
  }

  /// What scopes of other targets keep on a thread, one object each.
  public enum AmbientSlot: Int32, Sendable {
    /// The draws of `withDraws` in TorchNN.
    case draws = 1
    /// What passes of a checkpointed computation share, of `checkpointed` in TorchNN.
    case passes = 2
  }

  /// The object that a scope keeps on this thread.
  public static func ambientObject(_ slot: AmbientSlot) -> AnyObject? {
    CTThreadSlot(slot.rawValue).map { Unmanaged<AnyObject>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Sets ``ambientObject(_:)`` while `body` runs; the scope belongs to this thread.
  public static func withAmbientObject<Result>(
    _ object: AnyObject, in slot: AmbientSlot, _ body: () throws -> Result
  ) rethrows -> Result {
    let outer = CTThreadSlot(slot.rawValue)
    CTSetThreadSlot(slot.rawValue, Unmanaged.passUnretained(object).toOpaque())
    defer { CTSetThreadSlot(slot.rawValue, outer) }
    return try withExtendedLifetime(object) { try body() }
  }
}

#if os(Linux)
  private let usageOfThisProcess = __rusage_who_t(RUSAGE_SELF.rawValue)
#else
  private let usageOfThisProcess = RUSAGE_SELF
#endif
