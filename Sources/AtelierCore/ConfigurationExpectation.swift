/// What a configuration's key takes, read from the type of its property, so that an error can say it.
enum ConfigurationExpectation {
  /// The declared type at a path of keys into a configuration's tables; nil where there is no such property.
  static func type(at path: [String], of configuration: Any) -> Any.Type? {
    var value = configuration
    for key in path {
      guard let child = Fragments.keys(of: value).first(where: { $0.label == key }) else {
        return nil
      }
      value = child.value
    }
    return Swift.type(of: value)
  }

  /// Whether values of a type are lists.
  static func isList(_ type: Any.Type) -> Bool { (type as? any ListValue.Type) != nil }

  /// What values of a type look like: `a whole number`, `a list of color or cutout, as in key=[color]`; nil
  /// for types that only their own error describes.
  static func sentence(for type: Any.Type, key: String) -> String? {
    if let optional = type as? any OptionalValue.Type {
      return sentence(for: optional.wrapped, key: key).map { $0 + ", or null" }
    }
    if let list = type as? any ListValue.Type {
      if let names = caseNames(of: list.element), let first = names.first {
        let example = names.prefix(2).joined(separator: ", ")
        return "expected a list of \(spelled(names)), as in \(key)=[\(names.count > 1 ? example : first)]"
      }
      return "expected a list, as in \(key)=[\(example(of: list.element))]"
    }
    if let names = caseNames(of: type) { return "choose \(spelled(names))" }
    switch type {
    case is Bool.Type: return "expected true or false"
    case is Int.Type: return "expected a whole number"
    case is Double.Type, is Float.Type: return "expected a number"
    case is String.Type: return "expected a text"
    default: return nil
    }
  }

  /// The texts that stand for an enumeration's cases; nil for any other type.
  private static func caseNames(of type: Any.Type) -> [String]? {
    func names<Cases: CaseIterable>(_ type: Cases.Type) -> [String]? {
      let texts = type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
      return texts.isEmpty ? nil : texts
    }
    return (type as? any CaseIterable.Type).flatMap { names($0) }
  }

  private static func example(of element: Any.Type) -> String {
    switch element {
    case is Int.Type: "1, 2"
    case is Double.Type, is Float.Type: "0.5, 1"
    case is Bool.Type: "true, false"
    default: "one, another"
    }
  }

  /// `a, b or c`.
  private static func spelled(_ names: [String]) -> String {
    names.count < 2
      ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
  }
}

/// Lists, whatever they hold.
private protocol ListValue {
  static var element: Any.Type { get }
}

/// Values that may be missing, whatever they are.
private protocol OptionalValue {
  static var wrapped: Any.Type { get }
}

extension Array: ListValue {
  fileprivate static var element: Any.Type { Element.self }
}

extension Optional: OptionalValue {
  fileprivate static var wrapped: Any.Type { Wrapped.self }
}

extension Optional: ListValue where Wrapped: ListValue {
  fileprivate static var element: Any.Type { Wrapped.element }
}
