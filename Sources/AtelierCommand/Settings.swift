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
    table = table.placing(ConfigurationValue(parsing: String(parts[1])), at: path)
  }
  return table
}
