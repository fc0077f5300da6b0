internal import Foundation
public import Torch

/// Adam (Kingma and Ba 2015) as in `torch.optim.Adam`; weight decay is an L2 term of the gradient.
///
/// One call of the engine updates all parameters.
open class Adam: Optimizer {
  /// The decay of the first moment.
  public var beta1: Double
  /// The decay of the second moment.
  public var beta2: Double
  /// Added to the square root of the second moment.
  public let epsilon: Double
  /// The coefficient of the L2 penalty.
  public let weightDecay: Double
  private let moments: Moments

  /// Optimises named parameters with PyTorch's defaults.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double = 1e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    moments = Moments(
      parameters.map(\.name), parameters.map(\.tensor), kinds: ["first_moment", "second_moment"])
    super.init(parameters, learningRate: learningRate)
  }

  /// Optimises all parameters of a network.
  public convenience init(
    _ module: Module, learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.init(
      module.namedParameters(), learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay)
  }

  /// Whether weight decay is decoupled from the gradient.
  var isDecoupled: Bool { false }
  /// Parameters without weight decay.
  var undecayed: Set<String> { [] }
  /// Whether the moments are divided by 1 - β^step.
  var correctsBias: Bool { true }
  /// What is added to the root of the corrected second moment at a step, counted from 1.
  func epsilon(at step: Int) -> Double { epsilon }

  /// Updates the parameters that have a gradient.
  public override func step() {
    let (indices, gradients) = gradients()
    guard let first = indices.first else { return }
    let columns = moments.prepared()
    for index in indices { moments.steps[index] += 1 }
    // Parameters are mostly at the same step and share one counter, which is only read.
    let device = parameters[first].device
    var counters: [Int: Tensor] = [:]
    let steps = indices.map { index in
      // After very many steps the correction is 1.
      let step = correctsBias ? moments.steps[index] : 1 << 30
      if let counter = counters[step] { return counter }
      let counter = Tensor(scalar: Double(step), device: device)
      counters[step] = counter
      return counter
    }
    func update(_ places: [Int], weightDecay: Double) {
      let chosen = places.map { indices[$0] }
      FusedUpdates.adam(
        picked(parameters, chosen), gradients: picked(gradients, places),
        firstMoments: picked(columns[0], chosen), secondMoments: picked(columns[1], chosen),
        steps: picked(steps, places), learningRate: learningRate, beta1: beta1, beta2: beta2,
        epsilon: epsilon(at: moments.steps[first]), weightDecay: weightDecay, decoupled: isDecoupled)
    }
    guard weightDecay != 0, !undecayed.isEmpty else {
      return update(Array(indices.indices), weightDecay: weightDecay)
    }
    update(indices.indices.filter { !undecayed.contains(names[indices[$0]]) }, weightDecay: weightDecay)
    update(indices.indices.filter { undecayed.contains(names[indices[$0]]) }, weightDecay: 0)
  }

  /// Steps and moments by parameter: `<name>.step`, `<name>.first_moment`, `<name>.second_moment`.
  public override func state() -> [(name: String, tensor: HostTensor)] { moments.state() }

  /// Loads a state; throws unless every name and shape matches.
  public override func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the optimiser's state"
  ) throws(CheckpointError) {
    try moments.load(tensors, from: source)
  }
}

/// Adam as TensorFlow 1 computes it: ε is added to the root of the second moment before its correction, so that it weighs
/// more in the first steps.
///
/// All parameters take their gradients in every step. Source: `tf.train.AdamOptimizer`.
public final class TensorFlowAdam: Adam {
  override func epsilon(at step: Int) -> Double { epsilon / (1 - pow(beta2, Double(step))).squareRoot() }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019) as in `torch.optim.AdamW`.
public final class AdamW: Adam {
  private let spared: Set<String>
  private let hasCorrection: Bool

  /// Optimises named parameters with PyTorch's defaults.
  public convenience override init(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double = 1e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 1e-2
  ) {
    self.init(
      parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay, undecayed: [])
  }

  /// Optimises named parameters, some of which do not decay.
  ///
  /// - Parameters:
  ///   - undecayed: the names of parameters without weight decay.
  ///   - correctsBias: whether moments are corrected for their zeros at the beginning; BERT's `AdamWeightDecay`
  ///     does not.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double, beta1: Double, beta2: Double,
    epsilon: Double, weightDecay: Double, undecayed: Set<String>, correctsBias: Bool = true
  ) {
    spared = undecayed
    hasCorrection = correctsBias
    super.init(
      parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay)
  }

  /// Optimises all parameters of a network.
  public convenience init(
    _ module: Module, learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: Double = 1e-2
  ) {
    self.init(
      module.namedParameters(), learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weightDecay: weightDecay)
  }

  override var isDecoupled: Bool { true }
  override var undecayed: Set<String> { spared }
  override var correctsBias: Bool { hasCorrection }
}
