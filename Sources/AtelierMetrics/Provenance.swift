/// The provenance of a number: an ordered list of named facts about its measurement.
///
/// Two numbers may be compared only if they agree in every field that counts; see ``differences(from:)``.
public struct Provenance: Sendable, Hashable, Codable, ExpressibleByDictionaryLiteral {
  /// One fact about the measurement.
  public struct Field: Sendable, Hashable, Codable {
    /// The name: `features`, `samples`, `split`, `resize`, `seed`, …
    public var name: String
    /// The value, as printed.
    public var value: String

    /// A fact of the given name and value.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The facts, in the order of printing.
  public private(set) var fields: [Field] = []

  /// No facts.
  public init() {}

  /// The facts of a literal, in its order; for a repeated name the last value is kept.
  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { self[name] = value }
  }

  /// A value by name; a new one is appended, nil removes it.
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

  /// These facts followed by others; where both have one, the other's value is kept.
  public func merging(_ other: Provenance) -> Provenance {
    var result = self
    for field in other.fields { result[field.name] = field.value }
    return result
  }

  /// The fields that do not make it another measure: the program (`tool`), the seed of samples and subsets
  /// (`seed`), the checkpoint (`checkpoint`), and the kind of input (`manner`), in which compared systems differ.
  public static let uncounted: Set<String> = ["tool", "seed", "checkpoint", "manner"]

  /// The names of the fields in which two measurements differ, without the ``uncounted`` ones. Numbers may be
  /// compared only where there are none.
  public func differences(from other: Provenance) -> [String] {
    var seen = Self.uncounted
    return (fields + other.fields).map(\.name).filter { name in
      seen.insert(name).inserted && self[name] != other[name]
    }
  }
}
