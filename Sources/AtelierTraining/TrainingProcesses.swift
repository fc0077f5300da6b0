import AtelierCore
import AtelierGeneration
import AtelierHashing
import Foundation
import Torch
import TorchNN

/// What a training in several processes agrees upon: weights, decisions, logged numbers. In one process everything is
/// as this process says, and nothing is sent.
struct TrainingProcesses {
  /// The processes; nil: this one alone.
  let group: (any ProcessGroup)?

  /// How long others wait for what process 0 does alone: drawing previews, measuring, writing. One that dies
  /// meanwhile is noticed at once.
  private static let patience = Duration.seconds(24 * 3600)

  /// A training in several processes, or, without a group of more than one, in this one.
  init(_ group: (any ProcessGroup)?) { self.group = group.flatMap { $0.count > 1 ? $0 : nil } }

  /// How many there are.
  var count: Int { group?.count ?? 1 }
  /// Whether this process writes, logs, draws and measures.
  var isFirst: Bool { group?.isFirst ?? true }

  /// What process 0 has decided, after whatever it does alone.
  func decision<Value: Codable>(_ own: () throws -> Value) throws -> Value {
    guard let group else { return try own() }
    let own = group.isFirst ? try own() : nil
    let bytes = try own.map { try [UInt8](JSONEncoder().encode($0)) } ?? []
    let text = try group.broadcast(varying: bytes, patience: Self.patience)
    return try own ?? JSONDecoder().decode(Value.self, from: Data(text))
  }

  /// Which of several things any process says.
  func any(_ own: [Bool]) throws -> [Bool] {
    guard let group else { return own }
    let flags = Tensor(own.map { $0 ? 1 : 0 })
    try group.allReduce([flags], .maximum)
    return flags.integers().map { $0 == 1 }
  }

  /// Means over all processes of numbers that each computed for its part of the batch; a process that has no number of
  /// a name is left out of it.
  ///
  /// - Parameter weight: what this process's part counts for.
  func averaged(
    _ own: [(name: String, value: Double)], weight: Double = 1
  ) throws -> [(name: String, value: Double)] {
    guard let group else { return own }
    // JSON has no NaN.
    let lines = own.map { "\($0.value.bitPattern) \(weight.bitPattern) \($0.name)" }
    let texts = try gathered(lines.joined(separator: "\n"), in: group)
    var order: [String] = []
    var sums: [String: (sum: Double, weight: Double)] = [:]
    for line in texts.flatMap({ $0.split(separator: "\n") }) {
      let parts = line.split(separator: " ", maxSplits: 2)
      guard parts.count == 3, let bits = UInt64(parts[0]), let weight = UInt64(parts[1]) else { continue }
      let name = String(parts[2])
      if sums[name] == nil { order.append(name) }
      let (sum, weights) = sums[name] ?? (0, 0)
      let share = Double(bitPattern: weight)
      sums[name] = (sum + share * Double(bitPattern: bits), weights + share)
    }
    return order.compactMap { name in sums[name].map { (name, $0.sum / $0.weight) } }
  }

  /// The texts of all processes, of any lengths.
  private func gathered(_ own: String, in group: any ProcessGroup) throws -> [String] {
    try group.allGather(varying: Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Gives all processes the weights, buffers and averages of process 0.
  func broadcast(_ system: any GenerativeSystem) throws {
    guard let group else { return }
    for network in system.trainedNetworks {
      try group.broadcast(network.module.state().map(\.tensor), from: 0)
    }
  }

  /// Checks that all processes have the same weights, buffers, averages and moments, to the bit.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` that names a process and a tensor.
  func requireEqual(_ system: any GenerativeSystem, step: Int) throws {
    guard let group else { return }
    let own = SystemState.model(of: system) + SystemState.moments(of: system)
    let lines = own.map { "\(Self.hash($0.tensor.bytes)) \($0.name)" }
    let whole = Self.hash(Array(lines.joined(separator: "\n").utf8))
    let hashes = try group.allGather(Array(whole.utf8))
    guard let other = hashes.indices.first(where: { hashes[$0] != hashes[0] }) else { return }
    let texts = try gathered(lines.joined(separator: "\n"), in: group)
    let names = zip(texts[0].split(separator: "\n"), texts[other].split(separator: "\n"))
      .first { $0 != $1 }.map { $0.0.drop { $0 != " " }.dropFirst() }
    throw TrainingError.invalid(
      reason:
        "after step \(step) process \(other) of \(count) has another '\(names ?? "state")' than process 0; use "
        + "machines of one kind with the same build, and go on from the last checkpoint")
  }

  /// 64 bits of SHA-256.
  private static func hash(_ bytes: [UInt8]) -> String {
    String(Data(bytes).sha256Hex.prefix(16))
  }

  /// The carried state of every process that differs from that of process 0, such as the hidden states of its part of
  /// a text, by number; empty in all processes but process 0.
  func carriedStates(of system: any GenerativeSystem) throws -> [Int: SystemState.Tensors] {
    guard let group else { return [:] }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let own = try encoder.encode(system.carriedState().map { CarriedTensor($0.name, $0.tensor) })
    let texts = try gathered(String(decoding: own, as: UTF8.self), in: group)
    guard group.isFirst else { return [:] }
    var others: [Int: SystemState.Tensors] = [:]
    for (rank, text) in texts.enumerated() where text != texts[0] {
      let tensors = try JSONDecoder().decode([CarriedTensor].self, from: Data(text.utf8))
      others[rank] = tensors.map { ($0.name, $0.tensor) }
    }
    return others
  }

  /// A tensor of a carried state on its way.
  private struct CarriedTensor: Codable {
    let name: String
    let shape: [Int]
    let dtype: Int
    let bytes: Data

    init(_ name: String, _ tensor: HostTensor) {
      self.name = name
      shape = tensor.shape
      dtype = DType.allCases.firstIndex(of: tensor.dtype) ?? 0
      bytes = Data(tensor.bytes)
    }

    var tensor: HostTensor { HostTensor(shape: shape, dtype: DType.allCases[dtype], bytes: [UInt8](bytes)) }
  }
}
