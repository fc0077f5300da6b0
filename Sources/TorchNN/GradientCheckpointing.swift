public import Torch

/// Gradient checkpointing: intermediate results are not kept but recomputed in the backward pass, which saves
/// memory at the cost of about one more forward pass.
///
/// Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". Between the two passes only the
/// inputs are kept, and state that layers change once:
///
/// - Random numbers from ``currentDraws`` are stored and replayed.
/// - Running statistics are updated in the first pass only.
/// - Spectral normalisation runs its power iteration once and reuses the vectors of the first pass.
///
/// Where no history is recorded, as in `withoutGradients(_:)`, `body` runs once and nothing is stored.
/// Checkpointed computations may be nested. Both passes run under the autocast of this call.
///
/// The gradients are bitwise those of `body`, except where a tensor is used in several checkpointed
/// computations, or repeatedly under autocast: sums of its gradients are then grouped differently. Double
/// backward is not supported.
///
/// - Parameters:
///   - inputs: every tensor with a history that `body` uses; it must use its arguments and must not change
///     them in place.
///   - parameters: every parameter that `body` reads, mostly ``Module/parameters()``. A missing one is an
///     error in the backward pass.
///   - isEnabled: false runs `body` without checkpointing.
///   - body: a function of its inputs, of weights that do not change before the backward pass, and of
///     ``currentDraws``. Modules must be in the same mode in the backward pass, and both passes must run the
///     same operations. It is retained as long as the history.
/// - Returns: the result of `body`.
public func checkpointed(
  _ inputs: [Tensor], parameters: [Tensor], when isEnabled: Bool = true,
  _ body: @escaping ([Tensor]) throws -> Tensor
) rethrows -> Tensor {
  guard isEnabled, isRecordingGradients, (inputs + parameters).contains(where: \.requiresGradient) else {
    return try body(inputs)
  }
  let passes = CheckpointPasses(inside: .current)
  let value = try passes.first { try withoutGradients { try body(inputs) } }
  return repeatedInBackward(value, inputs: inputs, parameters: parameters) { inputs in
    try passes.again { try body(inputs) }
  }
}

extension Module {
  /// ``checkpointed(_:parameters:when:_:)`` with the parameters of this module; `body` must read no others.
  public func checkpointed(
    _ inputs: [Tensor], when isEnabled: Bool = true, _ body: @escaping ([Tensor]) throws -> Tensor
  ) rethrows -> Tensor {
    guard isEnabled else { return try body(inputs) }
    return try TorchNN.checkpointed(inputs, parameters: parameters(), body)
  }
}

/// The state that the first pass of a checkpointed computation stores for its repetitions.
final class CheckpointPasses {
  /// Whether this pass repeats another, or is inside one that does.
  private(set) var isRepeated: Bool

  private let outer: CheckpointPasses?
  private let isInsideRepetition: Bool
  private var notes: [(name: String, values: [Tensor])] = []
  /// The index of the next stored value to read; nil while they are written.
  private var next: Int?

  /// - Parameter outer: the passes of the enclosing computation.
  init(inside outer: CheckpointPasses?) {
    self.outer = outer
    isInsideRepetition = outer?.isRepeated ?? false
    isRepeated = isInsideRepetition
  }

  /// The passes of the innermost checkpointed computation on this thread.
  static var current: CheckpointPasses? { Engine.ambientObject(.passes) as? CheckpointPasses }

  /// The result of `make` in the first pass: computed now if this is the first, otherwise stored.
  ///
  /// Layers call it through ``onceInCheckpoints(_:_:)``.
  func once(_ name: String, _ make: () -> [Tensor]) -> [Tensor] {
    guard let place = next else {
      // A first pass inside a repetition takes the values of the outer one.
      let values = outer?.once(name, make) ?? make()
      notes.append((name, values))
      return values
    }
    next = place + 1
    guard
      check(
        place < notes.count && notes[place].name == name,
        "a checkpointed computation asked for \"\(name)\" when it was repeated, and for "
          + (place < notes.count ? "\"\(notes[place].name)\"" : "nothing more") + " at first")
    else { return make() }
    return notes[place].values
  }

  func first<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Engine.withAmbientObject(self, in: .passes, body)
  }

  func again<Result>(_ body: () throws -> Result) rethrows -> Result {
    let place = next
    (next, isRepeated) = (0, true)
    defer { (next, isRepeated) = (place, isInsideRepetition) }
    let result = try Engine.withAmbientObject(self, in: .passes, body)
    let asked = next ?? 0
    check(
      asked == notes.count,
      "a checkpointed computation did \(notes.count) things once at first, and \(asked) when it was repeated")
    return result
  }
}

/// Whether this is a repeated pass, in which layers must not update counters and running averages. See
/// ``checkpointed(_:parameters:when:_:)``.
public var isRepeatedPass: Bool { CheckpointPasses.current?.isRepeated ?? false }

/// Running statistics for a pass that updates them: the tensor itself, or in a repeated pass a copy, whose
/// update is dropped.
///
/// Passing none would select another kernel in some operations, which rounds differently.
public func changedOnce(_ statistics: Tensor?) -> Tensor? {
  isRepeatedPass ? statistics.map { tensor in withoutGradients { tensor.detached().cloned() } } : statistics
}

/// Runs `make`; inside ``checkpointed(_:parameters:when:_:)`` only in the first pass, whose tensors repeated
/// passes reuse.
///
/// - Parameters:
///   - name: the name of the values, to detect passes that differ.
///   - make: updates a layer's state; its tensors have no history and are never overwritten.
public func onceInCheckpoints(_ name: String, _ make: () -> [Tensor]) -> [Tensor] {
  CheckpointPasses.current?.once(name, make) ?? make()
}

/// Draws that are the same in every pass of a checkpointed computation.
final class RepeatedDraws: Draws {
  let passes: CheckpointPasses
  private let source: (any Draws)?

  /// - Parameter source: the draws of the first pass; nil in a repeated one.
  init(_ source: (any Draws)?, _ passes: CheckpointPasses) {
    self.source = source
    self.passes = passes
  }

  func normal(_ name: String, _ shape: [Int]) -> Tensor { drawn(name, shape) { $0.normal(name, shape) } }

  func uniform(_ name: String, _ shape: [Int]) -> Tensor { drawn(name, shape) { $0.uniform(name, shape) } }

  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    drawn(name, shape) { $0.integers(name, below: bound, shape) }
  }

  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    drawn(name, shape) { $0.bernoulli(name, probability: probability, shape) }
  }

  private func drawn(_ name: String, _ shape: [Int], _ draw: (any Draws) -> Tensor) -> Tensor {
    let values = passes.once("the draw \(name)") { source.map { [draw($0)] } ?? [] }
    guard let value = values.first,
      check(
        value.shape == shape,
        "a checkpointed computation drew \"\(name)\" of shape \(shape) when it was repeated, and of "
          + "\(value.shape) at first")
    else { return .zeros(shape) }
    return value
  }
}
