public import AtelierCore

/// A learning rate that is constant for some passes over the data, and then falls in a straight line.
public struct EpochDecay: ConfigurationFragment {
  /// Passes over the data at the full learning rate.
  public var constantEpochs: Int
  /// Passes over which the learning rate then falls to zero; 0: it never falls.
  public var decayEpochs: Int

  /// A schedule by passes.
  public init(constantEpochs: Int, decayEpochs: Int) {
    (self.constantEpochs, self.decayEpochs) = (constantEpochs, decayEpochs)
  }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.notNegative(["constantEpochs": constantEpochs, "decayEpochs": decayEpochs])
  }
}

/// A configuration with ``EpochDecay``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol EpochDecayConfiguration: SystemConfiguration {
  /// How the learning rate falls.
  var decay: EpochDecay { get set }
}

extension EpochDecayConfiguration {
  /// A key of ``decay``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<EpochDecay, Value>) -> Value {
    get { decay[keyPath: key] }
    set { decay[keyPath: key] = newValue }
  }
}

/// A learning rate that is multiplied by a factor every so many steps.
public struct StepDecay: ConfigurationFragment {
  /// Steps after which it is multiplied by `decayFactor`, again and again; 0: never.
  public var decaySteps: Int
  /// The factor.
  public var decayFactor: Double

  /// A schedule by steps.
  public init(decaySteps: Int, decayFactor: Double) {
    (self.decaySteps, self.decayFactor) = (decaySteps, decayFactor)
  }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.notNegative(["decaySteps": decaySteps])
    try Checks.require(
      decayFactor > 0 && decayFactor <= 1, "decayFactor is above 0 and at most 1, not \(decayFactor)")
  }
}

/// A configuration with ``StepDecay``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol StepDecayConfiguration: SystemConfiguration {
  /// How the learning rate falls.
  var decay: StepDecay { get set }
}

extension StepDecayConfiguration {
  /// A key of ``decay``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<StepDecay, Value>) -> Value {
    get { decay[keyPath: key] }
    set { decay[keyPath: key] = newValue }
  }
}
