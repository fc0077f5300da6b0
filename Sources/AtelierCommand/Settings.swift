import AtelierCore
import AtelierModels

/// `key=value` arguments as a table; a dot leads into a table, as in `weights.style=1e9`.
func parsedKeys(_ changes: [String]) throws -> [String: ConfigurationValue] {
  var table: [String: ConfigurationValue] = [:]
  for change in changes {
    let parts = change.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !path.contains("") else {
      throw Refusal.usage("--set takes key=value or table.key=value, not '\(change)'")
    }
    table = placing(ConfigurationValue(parsing: String(parts[1])), at: path[...], in: table)
  }
  return table
}

/// A table with a value at the end of a path; the tables on the way keep their other keys.
private func placing(
  _ value: ConfigurationValue, at path: ArraySlice<String>, in table: [String: ConfigurationValue]
) -> [String: ConfigurationValue] {
  guard let key = path.first else { return table }
  var table = table
  if path.count == 1 {
    table[key] = value
  } else if case .table(let inner)? = table[key] {
    table[key] = .table(placing(value, at: path.dropFirst(), in: inner))
  } else {
    table[key] = .table(placing(value, at: path.dropFirst(), in: [:]))
  }
  return table
}
