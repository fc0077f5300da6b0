public import Torch

/// Changes parameters by their gradients.
///
/// Parameters are known by name, so that the state in a checkpoint can be checked. A parameter without
/// a gradient is left alone, and its moments too, as in PyTorch. Settings such as the learning rate
/// belong to the configuration and are not part of the state.
open class Optimizer {
  /// The parameters' names.
  public let names: [String]
  /// The parameters, as they were when the optimiser was made.
  public let parameters: [Tensor]
  /// The size of a step; a schedule may change it between steps.
  public var learningRate: Double

  /// Optimises named parameters; each must be given once.
  public init(_ parameters: [(name: String, tensor: Tensor)], learningRate: Double) {
    check(
      Set(parameters.map(\.name)).count == parameters.count,
      "an optimiser was given two parameters of one name")
    names = parameters.map(\.name)
    self.parameters = parameters.map(\.tensor)
    self.learningRate = learningRate
  }

  /// Takes all gradients away; the next backward pass starts from none.
  public func zeroGradients() { for parameter in parameters { parameter.gradient = nil } }

  /// Changes the parameters once.
  open func step() {}

  /// Evaluates a loss and its gradients, and changes the parameters; optimisers that need it evaluate more
  /// than once.
  ///
  /// - Parameter loss: sets the gradients anew and gives the loss.
  /// - Returns: the first evaluation's loss.
  @discardableResult
  open func step(evaluating loss: () throws -> Tensor) rethrows -> Tensor {
    let value = try loss()
    step()
    return value
  }

  /// Everything but the settings that later steps depend on.
  open func state() -> [(name: String, tensor: HostTensor)] { [] }

  /// Takes over a state that ``state()`` gave, strictly: when anything does not match, nothing is changed.
  ///
  /// - Parameter source: what an error names, for example the file's path.
  open func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the optimiser's state"
  ) throws(CheckpointError) {
    _ = try matched(tensors, to: [], from: source)
  }

  /// Takes gradients away, differentiates a loss, and makes a step.
  public func minimize(_ loss: Tensor) {
    zeroGradients()
    loss.backward()
    step()
  }

  // MARK: For subclasses

  /// The places of the parameters that have a gradient, and the gradients.
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

  /// Elements at the given places; the array itself where that is all of them.
  func picked(_ tensors: [Tensor], _ indices: [Int]) -> [Tensor] {
    indices.count == tensors.count ? tensors : indices.map { tensors[$0] }
  }
}

/// The moments of an optimiser: zeros of each parameter's shape, made when first needed, and how many
/// steps each parameter has made.
///
/// In a checkpoint they are called `<parameter>.<kind>` and `<parameter>.step`; all of them are always
/// there, so that the names do not depend on what was trained so far.
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

  /// One array of tensors a kind.
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
