public import AtelierGeneration
import AtelierTraining
import Foundation
import Torch

/// How far a training lies from another that is to compute the same, by the checkpoints of every step of both.
///
/// Gradients are compared before weights, because the first ones follow from equal weights: they differ by rounding or by
/// a fault. They are read from the moments of the optimisers. Weights of which every gradient is 0 but for rounding,
/// such as a bias before a normalisation that takes it off again, are left out and counted: Adam makes full steps of
/// rounding, and they change nothing that a network computes.
public struct Alikeness {
  /// A difference and the tensor that it is found in.
  public struct Difference {
    /// The difference.
    public private(set) var value = 0.0
    /// The tensor.
    public private(set) var name = "nothing"

    /// Takes a larger one.
    fileprivate mutating func include(_ other: Double, _ name: @autoclosure () -> String) {
      guard !(other <= value) else { return }
      (value, self.name) = (other.isNaN ? .infinity : other, name())
    }
  }

  /// The largest difference of a tensor's gradients at the first step that it has any: a share of the tensor's largest
  /// gradient, and at least of a thousandth of the largest that its optimiser has. Tensors whose gradients are rounding
  /// then are left out.
  public private(set) var gradients = Difference()
  /// The largest difference at the first step of what has no gradient: running statistics, pools.
  public private(set) var states = Difference()
  /// The largest difference of a weight at the end.
  public private(set) var weights = Difference()
  /// The same with what was left out, and with running statistics and averages.
  public private(set) var all = Difference()
  /// How many weights were left out.
  public private(set) var roundings = 0
  /// How many weights were compared.
  public private(set) var compared = 0

  /// Gradients below this share of the largest that an optimiser has are rounding.
  private static let rounding = 1e-5

  /// A gradient that last bits change by more than this share is rounding as well.
  private static let noiseShare = 0.1

  /// Compares two runs that keep the checkpoints of every step.
  ///
  /// - Parameter disturbed: the second training with other last bits in its first weights; gradients that it has
  ///   altogether differently are rounding, however large they are.
  /// - Throws: ``Failure`` for runs that cannot be compared.
  public init(of run: RunDirectory, from other: RunDirectory, disturbed: [RunDirectory] = []) throws {
    let (own, others) = (CheckpointStore(run.checkpoints), CheckpointStore(other.checkpoints))
    let noisy = disturbed.map { CheckpointStore($0.checkpoints) }
    guard let last = own.steps.last, own.steps == others.steps else {
      throw Failure("the runs have other checkpoints: \(own.steps), and \(others.steps)")
    }
    var (moving, still, seen): (Set<String>, Set<String>, Set<String>) = ([], [], [])
    for step in own.steps where step > 0 {
      let (a, b) = (try Self.gradients(own, step), try Self.gradients(others, step))
      let largest = Dictionary(
        b.map { ($0.optimizer, Self.size($0.values)) }, uniquingKeysWith: { max($0, $1) })
      func table(_ gradients: [Gradient]) -> [String: [Double]] {
        Dictionary(gradients.map { ($0.name, $0.values) }) { first, _ in first }
      }
      let (found, noises) = (table(a), try noisy.map { table(try Self.gradients($0, step)) })
      for gradient in b where !moving.contains(gradient.name) {
        let (size, most) = (Self.size(gradient.values), largest[gradient.optimizer] ?? 0)
        let isFirst = size > 0 && seen.insert(gradient.name).inserted
        let isNoise = noises.contains {
          Self.difference($0[gradient.name] ?? [], gradient.values) > Self.noiseShare * size
        }
        guard size > 0, size >= Self.rounding * most, !isNoise else {
          still.insert(gradient.name)
          continue
        }
        moving.insert(gradient.name)
        // What was rounding at first follows weights that have drifted apart already.
        guard isFirst else { continue }
        let difference = Self.difference(found[gradient.name] ?? [], gradient.values)
        gradients.include(difference / max(size, 1e-3 * most), gradient.name)
      }
    }
    still.subtract(moving)
    (roundings, compared) = (still.count, moving.count)
    func isWeight(_ name: String, _ names: Set<String>) -> Bool {
      let parts = name.split(separator: "/", maxSplits: 2).map(String.init)
      guard parts.count == 3, parts[0] == "network" else { return false }
      return names.contains { name in
        let own = name.split(separator: "/", maxSplits: 1).map(String.init)
        guard own.count == 2 else { return false }
        return own[1] == parts[1] + "." + parts[2]
          || own[1] == parts[2] && (own[0].hasPrefix(parts[1]) || parts[1].hasPrefix(own[0]))
      }
    }
    let (end, otherEnd) = (try Self.model(own, last), try Self.model(others, last))
    guard end.keys == otherEnd.keys else { throw Failure("the runs have tensors of other names") }
    // Without moments every tensor that takes gradients counts as a weight.
    for (name, tensor) in end {
      let difference = Self.difference(tensor, otherEnd[name] ?? [])
      all.include(difference, name)
      if isWeight(name, moving) { weights.include(difference, name) }
    }
    if compared == 0 { weights = all }
    let first = own.steps.first { $0 > 0 } ?? last
    let (begun, otherBegun) = (try Self.states(own, first), try Self.states(others, first))
    for (name, values) in begun where !isWeight(name, moving) && !isWeight(name, still) {
      guard let other = otherBegun[name] else { continue }
      states.include(Self.difference(values, other) / max(1, Self.size(other)), name)
    }
  }

  /// The runs cannot be compared: one sentence.
  public struct Failure: Error, CustomStringConvertible {
    /// The sentence.
    public let description: String

    fileprivate init(_ description: String) { self.description = description }
  }

  // MARK: Judgement

  /// The most that a weight may differ at the end.
  private static let tolerance = 1e-5
  /// The most that first gradients and states may differ, as shares: far above the rounding of sums, and far below what
  /// a loss does that knows only a part of its batch.
  private static let firstTolerance = 1e-3

  /// Whether the first gradients and states are the same but for rounding.
  public var beginsAlike: Bool {
    gradients.value <= Self.firstTolerance && states.value <= Self.firstTolerance
  }

  /// Whether the trainings compute the same.
  ///
  /// - Parameter disturbed: how far the training lies from itself where its first weights' last bits are others. What is
  ///   unstable drifts apart from any rounding, and a gradient jumps where a ReLU's input is 0 but for rounding; several
  ///   processes cannot be nearer than that.
  public func isAlike(besideRounding disturbed: [Alikeness]) -> Bool {
    func most(_ value: (Alikeness) -> Difference) -> Double {
      10 * (disturbed.map { value($0).value }.max() ?? 0)
    }
    return gradients.value <= max(Self.firstTolerance, most(\.gradients))
      && states.value <= max(Self.firstTolerance, most(\.states))
      && weights.value <= max(Self.tolerance, most(\.weights))
  }

  /// One line.
  ///
  /// - Parameter disturbed: as ``isAlike(besideRounding:)`` takes it.
  public func summary(besideRounding disturbed: [Alikeness] = []) -> String {
    func text(_ value: Double) -> String { String(format: "%.0e", value) }
    func text(_ difference: Difference) -> String { "\(text(difference.value)) (\(difference.name))" }
    let own =
      "first gradients \(text(gradients)), first states \(text(states)), weights \(text(weights)); "
      + "\(roundings) of \(roundings + compared) weights left out, whose gradients are rounding; everything "
      + text(all)
    guard !disturbed.isEmpty else { return own }
    func most(_ value: (Alikeness) -> Difference) -> String {
      text(disturbed.map { value($0).value }.max() ?? 0)
    }
    return own + "; by other roundings in one process first gradients \(most(\.gradients)), weights "
      + "\(most(\.weights)), everything \(most(\.all))"
  }

  // MARK: Reading

  /// A tensor's gradients as an optimiser remembers them, up to a factor.
  private struct Gradient {
    let optimizer: String
    /// `optimizer/weight`.
    let name: String
    let values: [Double]
  }

  private static func gradients(_ store: CheckpointStore, _ step: Int) throws -> [Gradient] {
    let file = store.url(step: step).appendingPathComponent(CheckpointStore.trainingName)
    var found: [String: [String: [Double]]] = [:]
    for (name, tensor) in try Safetensors.read(file).tensors where name.hasPrefix("optimizer/") {
      guard let dot = name.lastIndex(of: ".") else { continue }
      let kind = String(name[name.index(after: dot)...])
      guard ["first_moment", "velocity", "second_moment"].contains(kind) else { continue }
      found[String(name[..<dot].dropFirst("optimizer/".count)), default: [:]][kind] = tensor.doubles()
    }
    return found.sorted { $0.key < $1.key }.compactMap { name, moments in
      // A velocity of zeros is one without momentum.
      let values =
        moments["first_moment"] ?? moments["velocity"].flatMap { size($0) > 0 ? $0 : nil }
        ?? moments["second_moment"]?.map { $0.squareRoot() }
      guard let values, let optimizer = name.split(separator: "/").first else { return nil }
      return Gradient(optimizer: String(optimizer), name: name, values: values)
    }
  }

  private static func tensors(_ file: URL) throws -> [String: [Double]] {
    Dictionary(
      try Safetensors.read(file).tensors.filter { $0.tensor.dtype.isFloatingPoint }
        .map { ($0.name, $0.tensor.doubles()) }
    ) { first, _ in first }
  }

  private static func model(_ store: CheckpointStore, _ step: Int) throws -> [String: [Double]] {
    try tensors(store.url(step: step).appendingPathComponent(CheckpointStore.modelName))
  }

  /// What is neither a moment nor a moving average.
  private static func states(_ store: CheckpointStore, _ step: Int) throws -> [String: [Double]] {
    let training = try tensors(store.url(step: step).appendingPathComponent(CheckpointStore.trainingName))
    return try model(store, step).filter { $0.key.hasPrefix("network/") }
      .merging(training.filter { !$0.key.hasPrefix("optimizer/") }) { first, _ in first }
  }

  private static func size(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }

  /// The largest absolute difference; infinite for tensors of other sizes. NaN in either is a difference as well.
  private static func difference(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { most, pair in
      let own = pair.0 == pair.1 ? 0 : abs(pair.0 - pair.1)
      return own.isNaN ? .infinity : max(most, own)
    }
  }
}
