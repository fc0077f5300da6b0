/// What the values of configurations have to meet: one sentence for each condition, the same in every system.
public enum Checks {
  /// A condition with a sentence of its own, which names the key and the way out.
  public static func require(
    _ condition: Bool, _ sentence: @autoclosure () -> String
  ) throws(ConfigurationError) {
    if !condition { throw ConfigurationError(sentence()) }
  }

  /// Counts of at least 1.
  public static func positive(_ counts: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in counts { try require(value >= 1, "\(key) is at least 1, not \(value)") }
  }

  /// Counts of at least 0.
  public static func notNegative(_ counts: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in counts { try require(value >= 0, "\(key) is at least 0, not \(value)") }
  }

  /// Finite numbers of at least 0.
  public static func notNegative(_ numbers: KeyValuePairs<String, Double>) throws(ConfigurationError) {
    for (key, value) in numbers {
      try require(value >= 0 && value.isFinite, "\(key) is at least 0, not \(value)")
    }
  }

  /// Finite numbers above 0.
  public static func aboveZero(_ numbers: KeyValuePairs<String, Double>) throws(ConfigurationError) {
    for (key, value) in numbers {
      try require(value > 0 && value.isFinite, "\(key) is above 0, not \(value)")
    }
  }

  /// Shares and decays: numbers of at least 0 and below 1.
  public static func belowOne(_ numbers: KeyValuePairs<String, Double>) throws(ConfigurationError) {
    for (key, value) in numbers {
      try require((0..<1).contains(value), "\(key) lies in 0 ..< 1, not at \(value)")
    }
  }
}
