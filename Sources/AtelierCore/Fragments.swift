/// How the keys of fragments stand among those of the configuration that holds them.
enum Fragments {
  private static func children(of value: Any) -> [(label: String, value: Any)] {
    Mirror(reflecting: value).children.compactMap { child in child.label.map { ($0, child.value) } }
  }

  /// The properties that are keys, in the order of declaration, those of fragments in the fragments' places.
  static func keys(of value: Any) -> [(label: String, value: Any)] {
    children(of: value).flatMap { $0.value is any ConfigurationFragment ? keys(of: $0.value) : [$0] }
  }

  /// The names of the properties that are fragments, nested ones included.
  static func labels(of value: Any) -> Set<String> {
    Set(
      children(of: value).flatMap {
        $0.value is any ConfigurationFragment ? [$0.label] + labels(of: $0.value) : []
      })
  }

  /// Puts the keys of fragments in the place of their tables.
  static func flatten(_ table: inout [String: ConfigurationValue], of value: Any) {
    for child in children(of: value) where child.value is any ConfigurationFragment {
      guard case .table(var inner)? = table.removeValue(forKey: child.label) else { continue }
      flatten(&inner, of: child.value)
      table.merge(inner) { _, new in new }
    }
  }

  /// The table with a table for each fragment, as configurations decode it.
  ///
  /// - Parameter value: a configuration or fragment of the kind that is decoded.
  static func nested(_ table: [String: ConfigurationValue], like value: Any) -> [String: ConfigurationValue] {
    var table = table
    for child in children(of: value) where child.value is any ConfigurationFragment {
      let keys = keys(of: child.value).map(\.label)
      let inner = table.filter { keys.contains($0.key) }
      for key in keys { table[key] = nil }
      table[child.label] = .table(nested(inner, like: child.value))
    }
    return table
  }
}
