import Torch
import TorchNN

/// When the updates of a step are made whose gradients are added up over several batches.
public enum AccumulationOrder: String, Sendable, Hashable, Codable, CaseIterable {
  /// Each as soon as all parts have its gradients, before any of them goes on: a step of N parts computes what one of a
  /// batch N times as large does.
  case eachUpdate
  /// All at the end of the step, with gradients of the weights before its first; a network is updated once a step. Runs
  /// from before the other order go on with it.
  case wholeStep
}

/// The gradients of a step's parts, and the updates that they are for.
///
/// Parts are computations side by side: each goes on until its next update has its gradients, then waits for the
/// others. The update is made with the mean, and all go on with the new weights in the order of their numbers.
final class GradientAccumulation {
  /// An update that waits for the gradients of all parts.
  struct Update {
    let name: String
    let optimizer: Optimizer
    let average: MovingAverage?
    let clip: Double?
    /// The sum of each parameter's gradients; nil where there was none.
    var sums: [Tensor?]
    /// How many parts have come to it.
    var count = 1
  }

  /// Thrown through the parts that wait once another has failed.
  private struct Abandoned: Error {}

  private let parts: Int
  private let order: AccumulationOrder
  /// The part that is computed now, from 0.
  private(set) var part = 0
  private var coroutines: [Coroutine] = []
  private var updates: [Update] = []
  private var failure: (any Error)?
  /// The optimisers that the present part has updated, where that is done once a step.
  private var taken: Set<ObjectIdentifier> = []

  init(parts: Int, _ order: AccumulationOrder) {
    self.parts = parts
    self.order = order
  }

  /// Computes all parts and makes their updates.
  ///
  /// - Parameters:
  ///   - body: computes one part.
  ///   - prepare: called before an optimiser's step, with the mean gradients in place.
  /// - Throws: the first error of a part; the others are left at the updates that they wait for.
  func run(step index: Int, _ body: () throws -> Void, prepare: (Update) throws -> Void) throws {
    guard order == .eachUpdate else {
      for number in 0..<parts {
        (part, taken) = (number, [])
        try body()
      }
      return try apply(step: index, prepare)
    }
    try withoutActuallyEscaping(body) { body in
      coroutines = (0..<parts).map { _ in
        Coroutine { [unowned self] in
          do { try body() } catch { failure = failure ?? error }
        }
      }
      defer { coroutines = [] }
      var going = Array(coroutines.indices)
      while !going.isEmpty {
        var paused: [Int] = []
        for number in going {
          part = number
          do {
            if try coroutines[number].resume(unless: failure != nil) { paused.append(number) }
          } catch { failure = failure ?? error }
        }
        going = paused
        if failure == nil { do { try apply(step: index, prepare) } catch { failure = error } }
      }
    }
    if let failure { throw failure }
  }

  /// - Throws: ``ConfigurationError`` for an update whose gradients cannot be added up.
  func begin(_ name: String, _ optimizer: Optimizer) throws(ConfigurationError) {
    guard !(optimizer is LBFGS) else {
      throw ConfigurationError(
        "'\(name)' is updated by an optimiser that evaluates its loss several times, so that gradients of several "
          + "batches cannot be added up; leave accumulation out")
    }
    guard order == .eachUpdate || taken.insert(ObjectIdentifier(optimizer)).inserted else {
      throw ConfigurationError(
        "'\(name)' is updated several times a step, and this run makes all updates at a step's end; begin a new run, "
          + "which makes each in its turn")
    }
  }

  /// Takes the parameters' gradients, and waits until the update is made; not where that is at the end of the step.
  func add(_ name: String, _ optimizer: Optimizer, _ average: MovingAverage?, _ clip: Double?) throws {
    let gradients = optimizer.parameters.map(\.gradient)
    optimizer.zeroGradients()
    if let place = updates.firstIndex(where: { $0.optimizer === optimizer }) {
      updates[place].count += 1
      for (index, gradient) in gradients.enumerated() {
        guard let gradient else { continue }
        if let sum = updates[place].sums[index] {
          sum.addInPlace(gradient)
        } else {
          updates[place].sums[index] = gradient
        }
      }
    } else {
      updates.append(
        Update(name: name, optimizer: optimizer, average: average, clip: clip, sums: gradients))
    }
    guard order == .eachUpdate else { return }
    coroutines[part].pause()
    if failure != nil { throw Abandoned() }
  }

  /// Makes the updates that wait, in the order in which parts came to them, each with the mean of its gradients.
  private func apply(step index: Int, _ prepare: (Update) throws -> Void) throws {
    defer { updates = [] }
    for update in updates {
      withoutGradients {
        for (parameter, sum) in zip(update.optimizer.parameters, update.sums) {
          parameter.gradient = sum.map { $0 / Double(update.count) }
        }
      }
      try prepare(update)
      update.optimizer.step()
      update.optimizer.zeroGradients()
      update.average?.update(step: index)
    }
  }
}

extension Coroutine {
  /// Goes on; does not begin where a part before it has failed.
  fileprivate func resume(unless isFailed: Bool) throws(ConfigurationError) -> Bool {
    isFailed && !hasBegun ? false : try resume()
  }
}
