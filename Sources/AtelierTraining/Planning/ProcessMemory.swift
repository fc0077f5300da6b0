import Foundation

/// The memory of this process and of the machine, where the system tells.
enum ProcessMemory {
  /// The most bytes since ``resetPeak()``; nil where the system does not tell.
  static func peakSinceReset() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    return kibibytes("VmHWM:", in: text)
  }

  /// Begins a new peak; without effect where the system has no such switch.
  static func resetPeak() {
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    // A process may be forbidden to; then the peak is that of its whole life.
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }

  /// Bytes that a further process could take: what the system calls available, and no more than this process's
  /// group of processes may have; without either all of the machine's memory.
  static var available: Int {
    var limits: [Int] = []
    if let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let free = kibibytes("MemAvailable:", in: text)
    {
      limits.append(free)
    }
    if let text = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8),
      let most = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    {
      let used = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.current", encoding: .utf8))
        .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      limits.append(max(0, most - (used ?? 0)))
    }
    return limits.min() ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
  }

  private static func kibibytes(_ key: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }
}
