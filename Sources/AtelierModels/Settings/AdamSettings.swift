public import AtelierCore
public import Torch
public import TorchNN

/// How a network's weights are updated.
public enum UpdateRule: String, Codable, Sendable, Hashable, CaseIterable {
  /// Adam (Kingma and Ba 2015).
  case adam
  /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
  case adamW
  /// Gradient descent, with `beta1` as its momentum.
  case sgd
  /// RMSprop, with `beta2` as the decay of squares and `beta1` as momentum.
  case rmsprop
}

/// The keys of Adam (Kingma and Ba 2015) beside its learning rate, and of what may stand in its place.
public struct AdamSettings: ConfigurationFragment {
  /// Adam's β₁, the decay of the first moment.
  public var beta1: Double
  /// Adam's β₂, the decay of the second moment.
  public var beta2: Double
  /// Adam's ε.
  public var adamEpsilon: Double
  /// What takes Adam's place: adamW, sgd (momentum beta1) or rmsprop (decay beta2, momentum beta1).
  public var updateRule = UpdateRule.adam

  /// Adam's decays, and PyTorch's ε.
  public init(beta1: Double, beta2: Double, adamEpsilon: Double = 1e-8) {
    (self.beta1, self.beta2, self.adamEpsilon) = (beta1, beta2, adamEpsilon)
  }

  /// The optimiser of a module's parameters.
  public func optimizer(_ module: Module, learningRate: Double, weightDecay: Double = 0) -> Optimizer {
    optimizer(module.namedParameters(), learningRate: learningRate, weightDecay: weightDecay)
  }

  /// The optimiser of some parameters.
  public func optimizer(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double, weightDecay: Double = 0
  ) -> Optimizer {
    switch updateRule {
    case .adam:
      Adam(
        parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: adamEpsilon,
        weightDecay: weightDecay)
    case .adamW:
      AdamW(
        parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: adamEpsilon,
        weightDecay: weightDecay)
    case .sgd: SGD(parameters, learningRate: learningRate, momentum: beta1, weightDecay: weightDecay)
    case .rmsprop:
      RMSprop(
        parameters, learningRate: learningRate, alpha: beta2, epsilon: adamEpsilon, momentum: beta1,
        weightDecay: weightDecay)
    }
  }

  /// Checks the values, and the learning rates by their keys.
  ///
  /// - Parameter isUsed: whether the configuration's optimisers are made of these settings.
  func validate(
    _ learningRates: KeyValuePairs<String, Double>, isUsed: Bool = true
  ) throws(ConfigurationError) {
    try Checks.require(
      isUsed || updateRule == .adam,
      "updateRule takes Adam's place, and this configuration has another optimiser; leave updateRule out")
    try Checks.aboveZero(learningRates)
    try Checks.belowOne(["beta1": beta1, "beta2": beta2])
    try Checks.require(adamEpsilon > 0, "adamEpsilon is above 0, not \(adamEpsilon)")
  }
}

/// A configuration with ``AdamSettings``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol AdamConfiguration: SystemConfiguration {
  /// Adam's keys.
  var adam: AdamSettings { get set }
}

extension AdamConfiguration {
  /// A key of ``adam``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<AdamSettings, Value>) -> Value {
    get { adam[keyPath: key] }
    set { adam[keyPath: key] = newValue }
  }
}
