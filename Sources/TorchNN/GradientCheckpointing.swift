public import Torch

/// Computes without keeping what the gradient needs, and once more when it is differentiated: less memory for
/// about one more forward pass.
///
/// Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". Between the two passes only the
/// inputs are kept, and what layers may do once only:
///
/// - Random numbers from ``currentDraws`` are remembered, and given out again.
/// - Running statistics of norms take the first pass in alone.
/// - Spectral normalisation keeps the vectors of the first pass for the second, and steps its power iteration
///   once.
///
/// Where no history is recorded, as in ``withoutGradients(_:)``, `body` runs once and nothing is remembered.
/// Bodies may contain further checkpointed computations. They run in the autocast of this call both times.
///
/// The gradients are those of `body` itself, to the last bit; but where a tensor is used in several checkpointed
/// computations, or under autocast more than once, sums of its gradients are grouped otherwise. They cannot be
/// differentiated again.
///
/// - Parameters:
///   - inputs: every tensor with a history that `body` uses; it has to use those that it is given, and must not
///     change them in place.
///   - parameters: every parameter that `body` reads, mostly ``Module/parameters()``. Those of another thing end
///     the backward pass with an error rather than without their gradient.
///   - isEnabled: false runs `body` as it is.
///   - body: a function of its inputs, of weights that do not change before the backward pass and of
///     ``currentDraws``. Modes of modules have to be the same in the backward pass. It is kept until the history
///     is gone, and has to come to the same operations both times.
/// - Returns: what `body` returns.
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
  /// ``checkpointed(_:parameters:when:_:)`` with the parameters of this module, which is all that `body` reads.
  public func checkpointed(
    _ inputs: [Tensor], when isEnabled: Bool = true, _ body: @escaping ([Tensor]) throws -> Tensor
  ) rethrows -> Tensor {
    guard isEnabled else { return try body(inputs) }
    return try TorchNN.checkpointed(inputs, parameters: parameters(), body)
  }
}

/// What the first pass of a checkpointed computation leaves for those that repeat it.
final class CheckpointPasses {
  /// Whether what layers do once only is done: this pass repeats another, or stands in one that does.
  private(set) var isRepeated: Bool

  private let outer: CheckpointPasses?
  private let isInsideRepetition: Bool
  private var notes: [(name: String, values: [Tensor])] = []
  /// The place of the next note to be read; nil while they are written.
  private var next: Int?

  /// - Parameter outer: the passes of the computation that this one is part of.
  init(inside outer: CheckpointPasses?) {
    self.outer = outer
    isInsideRepetition = outer?.isRepeated ?? false
    isRepeated = isInsideRepetition
  }

  /// Those of the innermost checkpointed computation that runs on this thread.
  static var current: CheckpointPasses? { Engine.ambientObject(.passes) as? CheckpointPasses }

  /// The tensors that `make` gave in the first pass: made now if this is it, else remembered.
  ///
  /// Layers come here through ``onceInCheckpoints(_:_:)``.
  func once(_ name: String, _ make: () -> [Tensor]) -> [Tensor] {
    guard let place = next else {
      // A first pass inside a repetition remembers what the outer one already knows.
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

/// Whether this pass repeats one that has already been: then what a layer counts or averages over passes is to
/// be left alone. See ``checkpointed(_:parameters:when:_:)``.
public var isRepeatedPass: Bool { CheckpointPasses.current?.isRepeated ?? false }

/// Running statistics for a pass that changes them: themselves, or where the pass repeats another, a copy whose
/// change is lost.
///
/// Leaving them out would do as well, were there not engine operations that then compute by another kernel, which
/// rounds otherwise.
public func changedOnce(_ statistics: Tensor?) -> Tensor? {
  isRepeatedPass ? statistics.map { tensor in withoutGradients { tensor.detached().cloned() } } : statistics
}

/// The tensors that `make` gives; inside ``checkpointed(_:parameters:when:_:)`` it runs in the first pass alone,
/// and the passes that repeat it get the same tensors.
///
/// - Parameters:
///   - name: what is asked for, so that passes that differ are told apart.
///   - make: what changes a layer's state; its tensors have no history and are never overwritten.
public func onceInCheckpoints(_ name: String, _ make: () -> [Tensor]) -> [Tensor] {
  CheckpointPasses.current?.once(name, make) ?? make()
}

/// Draws that every pass of a checkpointed computation gets alike.
final class RepeatedDraws: Draws {
  let passes: CheckpointPasses
  private let source: (any Draws)?

  /// - Parameter source: where the first pass draws; a pass that repeats it needs none.
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
