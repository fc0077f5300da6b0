internal import CTorch
import Foundation

/// Facts and settings of libtorch as a whole.
public enum Engine {
  /// The version of libtorch, for example "2.13.0".
  public static var version: String { String(cString: CTEngineVersion()) }

  /// The instruction set of the selected CPU kernels, for example "AVX2".
  ///
  /// Kernels for other instruction sets group sums differently, so exact resumption needs the same one.
  public static var cpuCapability: String { String(cString: CTCPUCapability()) }

  /// The number of threads of an operation on the CPU.
  public static var threadCount: Int {
    get { Int(CTThreadCount()) }
    set { check(CTSetThreadCount(Int32(max(1, newValue))), "cannot use \(newValue) threads") }
  }

  /// Makes the threads of an operation sleep soon where they wait for each other, or turn in a loop for some
  /// milliseconds first, which is faster unless other programs use the processors. Numbers do not depend on it.
  ///
  /// It affects the whole process. Returns false where the engine's threads cannot be told: it is only for libgomp.
  package static func setBriefWaiting(_ isBrief: Bool) -> Bool { CTSetBriefWaiting(isBrief) }

  /// Allocates large tensors from a pool that reuses the pages of freed ones, without exceeding the peak
  /// memory of the tensors.
  ///
  /// Without it the system clears every page again at each step, or the C library's heap fragments. It
  /// affects the whole process, so programs should call it and libraries should not. Existing tensors are not
  /// moved. Linux only; no effect elsewhere.
  public static func keepFreedMemory() { _ = CTPoolMemory() }

  /// Statistics of the pool in bytes.
  package struct PoolFigures: Sendable, Hashable {
    /// Held by live tensors.
    package let held: Int
    /// Held in free pages for reuse.
    package let kept: Int
    /// The peak held by live tensors.
    package let peak: Int
  }

  /// The statistics of the pool of ``keepFreedMemory()``; nil where there is none.
  package static func poolFigures() -> PoolFigures? {
    var (held, kept, peak) = (Int64(0), Int64(0), Int64(0))
    guard CTPoolFigures(&held, &kept, &peak) else { return nil }
    return PoolFigures(held: Int(held), kept: Int(kept), peak: Int(peak))
  }

  /// Runs `body` without oneDNN, so that convolutions are matrix products. oneDNN's kernels are about twice
  /// as fast but round differently; for comparisons with numbers computed without them.
  ///
  /// The setting affects the whole process.
  public static func withoutOneDNN<Result>(_ body: () throws -> Result) rethrows -> Result {
    let wasEnabled = CTOneDNNEnabled()
    check(CTSetOneDNN(false), "oneDNN cannot be switched off")
    defer { _ = CTSetOneDNN(wasEnabled) }
    return try body()
  }

  /// The shortest time in seconds of several float32 products of square matrices on the CPU, to compare
  /// programs linked with different BLAS libraries.
  package static func productSeconds(rows: Int, products: Int = 5) -> Double {
    withoutGradients {
      let matrix = RandomStream(seed: 1).normal([rows, rows])
      // The first product starts the threads and selects the kernels.
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

  /// The current and peak memory of the process or a device, in bytes.
  public struct MemoryFigures: Sendable, Hashable, Codable {
    /// The current memory in bytes.
    public let current: Int
    /// The peak memory in bytes.
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

  /// How often the system has taken a processor from a thread of this process that could have gone on; nil where unknown.
  package static var interruptions: Int? {
    var usage = rusage()
    return getrusage(usageOfThisProcess, &usage) == 0 ? Int(usage.ru_nivcsw) : nil
  }

  /// Thread-local slots for the scopes of other targets, one object each.
  public enum AmbientSlot: Int32, Sendable {
    /// The draws of `withDraws` in TorchNN.
    case draws = 1
    /// The state shared by the passes of a checkpointed computation, of `checkpointed` in TorchNN.
    case passes = 2
    /// The processes of ``withProcesses(_:_:)``.
    case processes = 3
  }

  /// The object in a slot of this thread.
  public static func ambientObject(_ slot: AmbientSlot) -> AnyObject? {
    CTThreadSlot(slot.rawValue).map { Unmanaged<AnyObject>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Sets ``ambientObject(_:)`` on this thread while `body` runs.
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
