public import Torch

/// RMSprop as in `torch.optim.RMSprop`, uncentred.
///
/// The engine has no fused kernel for it, so a step makes several calls per parameter.
public final class RMSprop: Optimizer {
  /// The decay of the second moment.
  public let alpha: Double
  /// Added to the square root of that mean.
  public let epsilon: Double
  /// The momentum, the decay of the velocity.
  public var momentum: Double
  /// The coefficient of the L2 penalty.
  public let weightDecay: Double
  private let moments: Moments

  /// Optimises named parameters with PyTorch's defaults.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double = 1e-2, alpha: Double = 0.99,
    epsilon: Double = 1e-8, momentum: Double = 0, weightDecay: Double = 0
  ) {
    self.alpha = alpha
    self.epsilon = epsilon
    self.momentum = momentum
    self.weightDecay = weightDecay
    moments = Moments(
      parameters.map(\.name), parameters.map(\.tensor), kinds: ["second_moment", "velocity"])
    super.init(parameters, learningRate: learningRate)
  }

  /// Optimises all parameters of a network.
  public convenience init(
    _ module: Module, learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8,
    momentum: Double = 0, weightDecay: Double = 0
  ) {
    self.init(
      module.namedParameters(), learningRate: learningRate, alpha: alpha, epsilon: epsilon,
      momentum: momentum, weightDecay: weightDecay)
  }

  /// Updates the parameters that have a gradient.
  public override func step() {
    let columns = moments.prepared()
    let (indices, gradients) = gradients()
    withoutGradients {
      for (index, rawGradient) in zip(indices, gradients) {
        let parameter = parameters[index]
        let (mean, velocity) = (columns[0][index], columns[1][index])
        let gradient = weightDecay == 0 ? rawGradient : rawGradient + parameter * weightDecay
        mean.multiplyInPlace(alpha)
        mean.addInPlace(gradient.square(), scale: 1 - alpha)
        let direction = gradient / (mean.sqrt() + epsilon)
        if momentum > 0 {
          velocity.multiplyInPlace(momentum)
          velocity.addInPlace(direction)
          parameter.addInPlace(velocity, scale: -learningRate)
        } else {
          parameter.addInPlace(direction, scale: -learningRate)
        }
        moments.steps[index] += 1
      }
    }
  }

  /// Steps and moments by parameter: `<name>.step`, `<name>.second_moment`, `<name>.velocity`.
  public override func state() -> [(name: String, tensor: HostTensor)] { moments.state() }

  /// Loads a state; throws unless every name and shape matches.
  public override func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the optimiser's state"
  ) throws(CheckpointError) {
    try moments.load(tensors, from: source)
  }
}
