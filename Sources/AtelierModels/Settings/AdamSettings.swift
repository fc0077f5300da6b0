public import AtelierCore
public import Torch
public import TorchNN

/// The keys of Adam (Kingma and Ba 2015) beside its learning rate.
public struct AdamSettings: ConfigurationFragment {
  /// Adam's β₁, the decay of the first moment.
  public var beta1: Double
  /// Adam's β₂, the decay of the second moment.
  public var beta2: Double
  /// Adam's ε.
  public var adamEpsilon: Double

  /// Adam's decays, and PyTorch's ε.
  public init(beta1: Double, beta2: Double, adamEpsilon: Double = 1e-8) {
    (self.beta1, self.beta2, self.adamEpsilon) = (beta1, beta2, adamEpsilon)
  }

  /// The optimiser of a module's parameters.
  public func optimizer(_ module: Module, learningRate: Double, weightDecay: Double = 0) -> Adam {
    optimizer(module.namedParameters(), learningRate: learningRate, weightDecay: weightDecay)
  }

  /// The optimiser of some parameters.
  public func optimizer(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double, weightDecay: Double = 0
  ) -> Adam {
    Adam(
      parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: adamEpsilon,
      weightDecay: weightDecay)
  }

  /// Checks the values, and the learning rates by their keys.
  func validate(_ learningRates: KeyValuePairs<String, Double>) throws(ConfigurationError) {
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
