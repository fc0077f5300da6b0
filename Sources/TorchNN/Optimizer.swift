public import Torch

/// Base class of optimisers.
///
/// Parameters have names, so that the state of a checkpoint can be checked. A parameter without a gradient
/// and its moments are not updated, as in PyTorch. Hyperparameters such as the learning rate belong to the
/// configuration, not to the state.
open class Optimizer {
  /// The parameters' names.
  public let names: [String]
  /// The parameters, captured at initialisation, in the order of ``names``.
  public let parameters: [Tensor]
  /// The learning rate; a schedule may change it between steps.
  public var learningRate: Double

  /// An optimiser of named parameters, each given once.
  public init(_ parameters: [(name: String, tensor: Tensor)], learningRate: Double) {
    check(
      Set(parameters.map(\.name)).count == parameters.count,
      "an optimiser was given two parameters of one name")
    names = parameters.map(\.name)
    self.parameters = parameters.map(\.tensor)
    self.learningRate = learningRate
  }

  /// Sets all gradients to nil.
  public func zeroGradients() { for parameter in parameters { parameter.gradient = nil } }

  /// Updates the parameters.
  open func step() {}

  /// Evaluates a loss with its gradients, and updates the parameters; some optimisers evaluate it more than
  /// once.
  ///
  /// - Parameter loss: computes the gradients and returns the loss.
  /// - Returns: the loss of the first evaluation.
  @discardableResult
  open func step(evaluating loss: () throws -> Tensor) rethrows -> Tensor {
    let value = try loss()
    step()
    return value
  }

  /// All state that later steps depend on, without hyperparameters.
  open func state() -> [(name: String, tensor: HostTensor)] { [] }

  /// Loads a state of ``state()``; throws, without changing anything, unless every name and shape matches.
  ///
  /// - Parameter source: the source named in errors, for example the file's path.
  open func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the optimiser's state"
  ) throws(CheckpointError) {
    _ = try matched(tensors, to: [], from: source)
  }

  /// Zeroes the gradients, runs the backward pass of a loss, and updates the parameters.
  public func minimize(_ loss: Tensor) {
    zeroGradients()
    loss.backward()
    step()
  }

  // MARK: For subclasses

  /// The indices of the parameters that have a gradient, and the gradients.
  func gradients() -> (indices: [Int], gradients: [Tensor]) {
    var indices: [Int] = []
    var gradients: [Tensor] = []
    indices.reserveCapacity(parameters.count)
    gradients.reserveCapacity(parameters.count)
    for (index, parameter) in parameters.enumerated() {
      guard let gradient = parameter.gradient else { continue }
      indices.append(index)
      gradients.append(gradient)
    }
    return (indices, gradients)
  }

  /// The elements at the given indices; the array itself where that is all of them.
  func picked(_ tensors: [Tensor], _ indices: [Int]) -> [Tensor] {
    indices.count == tensors.count ? tensors : indices.map { tensors[$0] }
  }
}

/// The moments of an optimiser, initially zeros, and the step count of each parameter.
///
/// In a checkpoint they are named `<parameter>.<kind>` and `<parameter>.step`; all are always written, so
/// that the names do not depend on which parameters were trained.
final class Moments {
  private let names: [String]
  private let parameters: [Tensor]
  private let kinds: [String]
  private(set) var tensors: [[Tensor]] = []
  var steps: [Int]

  init(_ names: [String], _ parameters: [Tensor], kinds: [String]) {
    self.names = names
    self.parameters = parameters
    self.kinds = kinds
    steps = [Int](repeating: 0, count: parameters.count)
  }

  /// The tensors, one array per kind.
  func prepared() -> [[Tensor]] {
    if tensors.isEmpty {
      tensors = kinds.map { _ in withoutGradients { parameters.map { Tensor.zeros(like: $0.detached()) } } }
    }
    return tensors
  }

  func state() -> [(name: String, tensor: HostTensor)] {
    let tensors = prepared()
    var result: [(name: String, tensor: HostTensor)] = []
    for (index, name) in names.enumerated() {
      result.append(("\(name).step", HostTensor([steps[index]], shape: [])))
      for (kind, column) in zip(kinds, tensors) { result.append(("\(name).\(kind)", column[index].host())) }
    }
    return result
  }

  func load(_ given: [(name: String, tensor: HostTensor)], from source: String) throws(CheckpointError) {
    let tensors = prepared()
    var expected: [(name: String, shape: [Int], dtype: DType)] = []
    for (index, name) in names.enumerated() {
      expected.append(("\(name).step", [], .int64))
      for (kind, column) in zip(kinds, tensors) {
        expected.append(("\(name).\(kind)", column[index].shape, column[index].dtype))
      }
    }
    var values = try matched(given, to: expected, from: source)[...]
    for index in names.indices {
      steps[index] = values.popFirst()?.integers().first ?? 0
      for column in tensors {
        if let value = values.popFirst() { column[index].copy(from: Tensor(value)) }
      }
    }
  }
}
