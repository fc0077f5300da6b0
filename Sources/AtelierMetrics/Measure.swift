import Foundation

/// What a number was measured on, as an ordered list of names and values.
///
/// Two numbers may only be compared when they agree in every field; see ``Measure/differences(from:)``.
public struct Provenance: Sendable, Hashable, Codable, ExpressibleByDictionaryLiteral {
  /// One fact about the measurement.
  public struct Field: Sendable, Hashable, Codable {
    /// What the fact is about: `features`, `samples`, `split`, `resize`, `seed`, …
    public var name: String
    /// The fact, as it is printed.
    public var value: String

    /// Names a fact.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The facts in the order in which they are printed.
  public private(set) var fields: [Field] = []

  /// Nothing is known yet.
  public init() {}

  /// The facts of a literal, in its order; of a repeated name the last value counts.
  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { self[name] = value }
  }

  /// A fact by its name; a new one is appended, nil removes it.
  public subscript(name: String) -> String? {
    get { fields.first { $0.name == name }?.value }
    set {
      let place = fields.firstIndex { $0.name == name }
      switch (place, newValue) {
      case (let place?, let value?): fields[place].value = value
      case (let place?, nil): fields.remove(at: place)
      case (nil, let value?): fields.append(Field(name: name, value: value))
      case (nil, nil): break
      }
    }
  }

  /// These facts and others behind them; the other's value counts where both know one.
  public func merging(_ other: Provenance) -> Provenance {
    var result = self
    for field in other.fields { result[field.name] = field.value }
    return result
  }
}

/// A measured number with its protocol: which features, how many samples, which split, which resize.
///
/// Foundation's `Measurement` is a physical quantity, hence the shorter name.
public struct Measure: Sendable, Hashable, Codable, CustomStringConvertible {
  /// A range that covers the true value with a given confidence.
  public struct Interval: Sendable, Hashable, Codable {
    /// The lower end.
    public var lower: Double
    /// The upper end.
    public var upper: Double
    /// The confidence, for example 0.95.
    public var confidence: Double

    /// A range with its confidence.
    public init(lower: Double, upper: Double, confidence: Double) {
      self.lower = lower
      self.upper = upper
      self.confidence = confidence
    }
  }

  /// What was measured, in words. A Fréchet distance on anything but the Inception network of the FID
  /// paper is never called FID; ``frechetDistanceName(for:)`` gives the right one.
  public var name: String
  /// The number.
  public var value: Double
  /// The standard error of the number, where the measure has one.
  public var standardError: Double?
  /// The deviation over repetitions (subsets, splits), where the measure repeats.
  public var deviation: Double?
  /// A confidence interval, where one was computed.
  public var interval: Interval?
  /// What the number was measured on.
  public var `protocol`: Provenance

  /// A number with what is needed to repeat it.
  public init(
    _ name: String, _ value: Double, standardError: Double? = nil, deviation: Double? = nil,
    interval: Interval? = nil, protocol provenance: Provenance = Provenance()
  ) {
    self.name = name
    self.value = value
    self.standardError = standardError
    self.deviation = deviation
    self.interval = interval
    self.protocol = provenance
  }

  /// The names of the fields in which two measures differ, `name` among them; they may be compared only
  /// when there are none. The program that measured (`tool`) does not count.
  public func differences(from other: Measure) -> [String] {
    var result = name == other.name ? [] : ["name"]
    var seen: Set<String> = ["tool"]
    for field in self.protocol.fields + other.protocol.fields where seen.insert(field.name).inserted {
      if self.protocol[field.name] != other.protocol[field.name] { result.append(field.name) }
    }
    return result
  }

  /// `fréchet distance [features=pixels, samples=1000] = 9.21`, then what is known of its uncertainty.
  public var description: String {
    var text = name
    if !self.protocol.fields.isEmpty {
      text += " [" + self.protocol.fields.map { "\($0.name)=\($0.value)" }.joined(separator: ", ") + "]"
    }
    text += " = " + Self.spelled(value)
    if let standardError { text += " ± \(Self.spelled(standardError)) s.e." }
    if let deviation { text += " (deviation \(Self.spelled(deviation)))" }
    if let interval {
      let percent = Self.spelled(interval.confidence * 100)
      text += " [\(percent) % interval \(Self.spelled(interval.lower)) … \(Self.spelled(interval.upper))]"
    }
    return text
  }

  /// Four decimals of a large number, four digits of a small one, without trailing zeros.
  private static func spelled(_ value: Double) -> String {
    guard value.magnitude >= 1, value.isFinite else { return String(format: "%.4g", value) }
    var text = String(format: "%.4f", value)[...]
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }
}
