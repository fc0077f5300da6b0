import Torch
import TorchNN

/// The gradients of a step's parts, and the updates that they are for, which are made once in the end.
final class GradientAccumulation {
  /// An update that waits for the gradients of all parts.
  struct Update {
    let name: String
    let optimizer: Optimizer
    let average: MovingAverage?
    let clip: Double?
    /// The sum of each parameter's gradients; nil where there was none.
    var sums: [Tensor?]
  }

  private let parts: Int
  private var updates: [Update] = []
  /// The optimisers that the present part has updated.
  private var taken: Set<ObjectIdentifier> = []

  init(parts: Int) { self.parts = parts }

  func beginPart() { taken = [] }

  /// - Throws: ``ConfigurationError`` for an update whose gradients cannot be added up.
  func begin(_ name: String, _ optimizer: Optimizer) throws(ConfigurationError) {
    guard !(optimizer is LBFGS) else {
      throw ConfigurationError(
        "'\(name)' is updated by an optimiser that evaluates its loss several times, so that gradients of several "
          + "batches cannot be added up; leave accumulation out")
    }
    guard taken.insert(ObjectIdentifier(optimizer)).inserted else {
      throw ConfigurationError(
        "'\(name)' is updated several times a step, so that gradients of several batches cannot be added up; leave "
          + "accumulation out, or let the system update once a step")
    }
  }

  /// Takes the parameters' gradients.
  func add(_ name: String, _ optimizer: Optimizer, _ average: MovingAverage?, _ clip: Double?) {
    let gradients = optimizer.parameters.map(\.gradient)
    guard let place = updates.firstIndex(where: { $0.optimizer === optimizer }) else {
      updates.append(
        Update(name: name, optimizer: optimizer, average: average, clip: clip, sums: gradients))
      return
    }
    for (index, gradient) in gradients.enumerated() {
      guard let gradient else { continue }
      if let sum = updates[place].sums[index] {
        sum.addInPlace(gradient)
      } else {
        updates[place].sums[index] = gradient
      }
    }
  }

  /// Makes the updates in the order in which parts began them, each with the mean of its gradients.
  ///
  /// - Parameter prepare: called with gradients in place, before the optimiser's step.
  func apply(step index: Int, prepare: (Update) throws -> Void) rethrows {
    for update in updates {
      withoutGradients {
        for (parameter, sum) in zip(update.optimizer.parameters, update.sums) {
          parameter.gradient = sum.map { $0 / Double(parts) }
        }
      }
      try prepare(update)
      update.optimizer.step()
      update.optimizer.zeroGradients()
      update.average?.update(step: index)
    }
  }
}
