/// What a number was measured on, as an ordered list of names and values.
///
/// Two numbers may only be compared when they agree in every field that counts; see ``differences(from:)``.
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

  /// The fields that say how a number came about without making it another measure: the program (`tool`),
  /// what samples and subsets were drawn with (`seed`), and what a system was given to start from (`manner`),
  /// in which systems that are compared differ.
  public static let uncounted: Set<String> = ["tool", "seed", "manner"]

  /// The names of the fields in which two measurements differ, without the ``uncounted`` ones, in the order
  /// of these facts and then of the other's. Numbers may be compared only where there are none.
  public func differences(from other: Provenance) -> [String] {
    var seen = Self.uncounted
    return (fields + other.fields).map(\.name).filter { name in
      seen.insert(name).inserted && self[name] != other[name]
    }
  }
}
