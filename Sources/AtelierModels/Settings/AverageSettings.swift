public import AtelierCore

/// The moving average of a generator.
public struct AverageSettings: ConfigurationFragment {
  /// Decay of the generator's moving average; 0: there is none, or a copy.
  public var averageDecay: Double
  /// The step before which the average is a copy.
  public var averageStart: Int

  /// A decay and where it begins.
  public init(averageDecay: Double, averageStart: Int) {
    (self.averageDecay, self.averageStart) = (averageDecay, averageStart)
  }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.belowOne(["averageDecay": averageDecay])
    try Checks.notNegative(["averageStart": averageStart])
  }
}

/// A configuration with ``AverageSettings``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol AveragedConfiguration: SystemConfiguration {
  /// The generator's moving average.
  var average: AverageSettings { get set }
}

extension AveragedConfiguration {
  /// A key of ``average``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<AverageSettings, Value>) -> Value {
    get { average[keyPath: key] }
    set { average[keyPath: key] = newValue }
  }
}
