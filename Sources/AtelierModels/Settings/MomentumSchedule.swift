public import AtelierCore

/// The momentum of gradient descent, which rises in a straight line. Source: goodfeli/adversarial `mnist.yaml`.
public struct MomentumSchedule: ConfigurationFragment {
  /// The share of the velocity that is kept at first; `maxout` only.
  public var momentum = 0.5
  /// The share of the velocity that is kept in the end; `maxout` only.
  public var finalMomentum = 0.7
  /// The epoch at which the momentum reaches its end, rising from epoch 1 on; `maxout` only.
  public var momentumEpochs = 250

  /// The authors'.
  public init() {}

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.belowOne(["momentum": momentum, "finalMomentum": finalMomentum])
    try Checks.positive(["momentumEpochs": momentumEpochs])
  }
}

/// A configuration with ``MomentumSchedule``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol MomentumConfiguration: SystemConfiguration {
  /// The momentum of gradient descent.
  var momentumSchedule: MomentumSchedule { get set }
}

extension MomentumConfiguration {
  /// A key of ``momentumSchedule``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<MomentumSchedule, Value>) -> Value {
    get { momentumSchedule[keyPath: key] }
    set { momentumSchedule[keyPath: key] = newValue }
  }
}
