extension [String: ConfigurationValue] {
  /// This table with a value at the end of a path of keys; the tables on the way keep their other keys.
  ///
  /// - Parameter path: keys that lead into tables, as `weights`, `style`; nothing changes where it is empty.
  package func placing(_ value: ConfigurationValue, at path: some Collection<String>) -> Self {
    guard let key = path.first else { return self }
    var table = self
    if path.count == 1 {
      table[key] = value
    } else if case .table(let inner)? = table[key] {
      table[key] = .table(inner.placing(value, at: path.dropFirst()))
    } else {
      table[key] = .table(Self().placing(value, at: path.dropFirst()))
    }
    return table
  }
}

/// What numbers a configuration's key takes.
package enum KeyNumbers: Sendable, Hashable {
  /// Whole numbers alone.
  case whole
  /// Any number.
  case any
}

extension Settings {
  /// What numbers a key takes; nil where it takes none, or is no key. With dots that of a key of tables.
  package func numbers(of key: String) -> KeyNumbers? {
    switch ConfigurationExpectation.type(at: key.split(separator: ".").map(String.init), of: self) {
    case is Int.Type, is Int?.Type: .whole
    case is Double.Type, is Double?.Type, is Float.Type, is Float?.Type: .any
    default: nil
    }
  }
}
