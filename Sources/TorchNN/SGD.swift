public import Torch

/// Stochastic gradient descent with momentum as in `torch.optim.SGD`.
///
/// One call of the engine updates all parameters.
public final class SGD: Optimizer {
  /// The momentum, the decay of the velocity; a schedule may change it between steps.
  public var momentum: Double
  /// The dampening: 1 minus the weight of the gradient in the velocity.
  public let dampening: Double
  /// The coefficient of the L2 penalty.
  public let weightDecay: Double
  /// Whether to use Nesterov's momentum.
  public let isNesterov: Bool
  private let moments: Moments

  /// Optimises named parameters with PyTorch's defaults.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double = 1e-3, momentum: Double = 0,
    dampening: Double = 0, weightDecay: Double = 0, isNesterov: Bool = false
  ) {
    check(
      !isNesterov || (momentum > 0 && dampening == 0),
      "Nesterov's momentum needs a momentum above 0 and no dampening")
    self.momentum = momentum
    self.dampening = dampening
    self.weightDecay = weightDecay
    self.isNesterov = isNesterov
    let (names, tensors) = (parameters.map(\.name), parameters.map(\.tensor))
    moments = Moments(names, tensors, kinds: ["velocity"])
    super.init(parameters, learningRate: learningRate)
  }

  /// Optimises all parameters of a network.
  public convenience init(
    _ module: Module, learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0,
    weightDecay: Double = 0, isNesterov: Bool = false
  ) {
    self.init(
      module.namedParameters(), learningRate: learningRate, momentum: momentum, dampening: dampening,
      weightDecay: weightDecay, isNesterov: isNesterov)
  }

  /// Updates the parameters that have a gradient.
  public override func step() {
    let (indices, gradients) = gradients()
    guard !indices.isEmpty else { return }
    let velocities = momentum == 0 ? [] : moments.prepared()[0]
    // A velocity starts as the gradient itself, undamped; `step` counts the steps with momentum.
    for isFirst in [false, true] {
      let places = indices.indices.filter { (momentum != 0 && moments.steps[indices[$0]] == 0) == isFirst }
      guard !places.isEmpty else { continue }
      let chosen = places.map { indices[$0] }
      FusedUpdates.sgd(
        picked(parameters, chosen), gradients: picked(gradients, places),
        momenta: momentum == 0 ? [] : picked(velocities, chosen), learningRate: learningRate,
        momentum: momentum, dampening: dampening, weightDecay: weightDecay, nesterov: isNesterov,
        isFirstStep: isFirst)
      if momentum != 0 { for index in chosen { moments.steps[index] += 1 } }
    }
  }

  /// Steps and velocities by parameter: `<name>.step`, `<name>.velocity`.
  public override func state() -> [(name: String, tensor: HostTensor)] { moments.state() }

  /// Loads a state; throws unless every name and shape matches.
  public override func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the optimiser's state"
  ) throws(CheckpointError) {
    try moments.load(tensors, from: source)
  }
}
