import AtelierCore
import AtelierData
import AtelierGeneration
import Foundation
import Torch
import TorchNN

/// Whether networks can be trained on this machine at all, before they are made.
///
/// The system grants memory that it does not have and ends a program that uses it, so that an engine that runs out of
/// memory is no safeguard.
enum MemoryNeed {
  /// Refuses networks whose weights and gradients alone take more than the memory that is free.
  ///
  /// - Throws: `TensorError`, as where the engine runs out of memory, and what making the networks throws.
  static func require(
    _ type: any GenerativeSystem.Type, _ configuration: [String: ConfigurationValue], _ artefacts: Artefacts
  ) throws {
    guard let free = available() else { return }
    let parameters = try withTensorErrors {
      try withoutInitialWeights {
        try makeSystem(type, configuration: configuration, artefacts: artefacts, using: RandomStream(seed: 0))
      }
    }.trainedNetworks.reduce(0) { $0 + $1.module.parameterCount }
    // Float32, and a gradient for each.
    let (needed, overflow) = parameters.multipliedReportingOverflow(by: 8)
    guard overflow || needed > free else { return }
    let named = overflow ? "more than any machine has" : text(needed)
    try withTensorErrors {
      check(
        false,
        "not enough memory: the networks of \(type.identity.name) have \(parameters) parameters, which take \(named) "
          + "with their gradients, and \(text(free)) are free; configure smaller ones")
    }
  }

  private static func text(_ bytes: Int) -> String { String(format: "%.1f GB", Double(bytes) / 1e9) }

  /// Bytes that this process can still get, swap and the limits of its control group counted; nil where that is unknown.
  private static func available() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
    func kilobytes(_ name: String) -> Int? {
      text.split(separator: "\n").first { $0.hasPrefix(name + ":") }?
        .split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
    guard let free = kilobytes("MemAvailable") else { return nil }
    let machine = 1024 * (free + (kilobytes("SwapFree") ?? 0))
    func number(_ file: String) -> Int? {
      (try? String(contentsOfFile: "/sys/fs/cgroup/" + file, encoding: .utf8))
        .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    guard let limit = number("memory.max"), let used = number("memory.current") else { return machine }
    // What is used is in part the cache of files, which gives way.
    return min(machine, max(limit - used, limit / 2))
  }
}
