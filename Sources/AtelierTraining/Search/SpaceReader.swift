import AtelierCore
import Foundation

/// Reads the keys and values of a search space, and checks them against a configuration.
struct SpaceReader<Configuration: SystemConfiguration> {
  /// What errors call the file.
  let name: String
  /// What is searched is laid over it.
  let configuration: Configuration

  private static var rangeKeys: [String] { ["from", "points", "scale", "to"] }
  private static var scales: [String] { ["integer", "linear", "log"] }
  private static var mostPoints: Int { 10_000 }

  /// The dimensions of a table; tables that are no ranges lead to the keys of tables.
  func dimensions(
    of table: [String: ConfigurationValue], below prefix: String = ""
  ) throws(ConfigurationError) -> [SearchSpace.Dimension] {
    var found: [SearchSpace.Dimension] = []
    for (word, value) in table.sorted(by: { $0.key < $1.key }) {
      let key = prefix + word
      guard !word.isEmpty, !word.hasPrefix("."), !word.hasSuffix("."), !word.contains("..") else {
        throw ConfigurationError(
          "\(name): '\(key)' is no configuration key; name keys as `atelier systems` does")
      }
      switch value {
      case .list(let values): found.append(try list(values, key))
      case .table(let inner) where inner["from"] != nil || inner["to"] != nil:
        found.append(try range(inner, key))
      case .table(let inner) where !inner.isEmpty: found += try dimensions(of: inner, below: key + ".")
      default:
        throw ConfigurationError(
          "\(name): the key '\(key)' has one value, '\(value)'; give a list, as [1, 2], or a range, as {from: 1, to: 2}, "
            + "and what all trials share in their configuration")
      }
    }
    let keys = found.map(\.key)
    if let twice = keys.first(where: { key in keys.count { $0 == key } > 1 }) {
      throw ConfigurationError("\(name): the key '\(twice)' comes twice; remove one of them")
    }
    return found
  }

  private func list(
    _ values: [ConfigurationValue], _ key: String
  ) throws(ConfigurationError) -> SearchSpace.Dimension {
    guard !values.isEmpty else {
      throw ConfigurationError("\(name): the list of the key '\(key)' is empty; give values, as [1, 2]")
    }
    for (place, value) in values.enumerated() {
      try check(value, key)
      if values[..<place].contains(value) {
        throw ConfigurationError(
          "\(name): the key '\(key)' has the value '\(value)' twice; remove one of them")
      }
    }
    return SearchSpace.Dimension(key: key, values: values, range: nil)
  }

  private func range(
    _ table: [String: ConfigurationValue], _ key: String
  ) throws(ConfigurationError) -> SearchSpace.Dimension {
    if let unknown = table.keys.sorted().first(where: { !Self.rangeKeys.contains($0) }) {
      throw ConfigurationError(
        "\(name): the range of the key '\(key)' has no '\(unknown)'; a range is {from: 1, to: 2, scale: log, points: 5}"
      )
    }
    let (lower, upper) = (try number(table["from"], "from", key), try number(table["to"], "to", key))
    guard lower < upper else {
      throw ConfigurationError(
        "\(name): the range of the key '\(key)' goes from \(short(lower)) to \(short(upper)); 'from' is the smaller number"
      )
    }
    let scale = table["scale"].map(\.description) ?? "linear"
    guard Self.scales.contains(scale) else {
      throw ConfigurationError(
        "\(name): the range of the key '\(key)' has the scale '\(scale)'; choose linear, log or integer")
    }
    guard scale != "log" || lower > 0 else {
      throw ConfigurationError(
        "\(name): the range of the key '\(key)' begins at \(short(lower)), which has no logarithm; begin above 0"
      )
    }
    try check(.number(upper), key)
    guard let numbers = configuration.numbers(of: key) else {
      throw ConfigurationError(
        "\(name): the key '\(key)' takes no numbers, and so no range; give a list of values")
    }
    let isWhole = scale == "integer" || numbers == .whole
    let edge = 1e15
    if isWhole, let odd = [lower, upper].first(where: { $0 != $0.rounded() || abs($0) > edge }) {
      throw ConfigurationError(
        "\(name): the key '\(key)' takes whole numbers, and its range has the end \(odd); give whole ends")
    }
    let range = SearchSpace.Range(
      lower: lower, upper: upper, isLogarithmic: scale == "log", isWhole: isWhole)
    for end in [lower, upper] { try check(isWhole ? .integer(Int(end)) : .number(end), key) }
    guard let wanted = table["points"] else {
      return SearchSpace.Dimension(key: key, values: nil, range: range)
    }
    guard case .integer(let count) = wanted, (2...Self.mostPoints).contains(count) else {
      throw ConfigurationError(
        "\(name): the range of the key '\(key)' has '\(wanted)' points; give a whole number, 2 to \(Self.mostPoints)"
      )
    }
    // Whole numbers may coincide.
    var values: [ConfigurationValue] = []
    for value in range.points(count) where !values.contains(value) { values.append(value) }
    return SearchSpace.Dimension(key: key, values: values, range: nil)
  }

  private func number(
    _ value: ConfigurationValue?, _ end: String, _ key: String
  ) throws(ConfigurationError) -> Double {
    switch value {
    case .integer(let number)?: return Double(number)
    case .number(let number)? where number.isFinite: return number
    default:
      throw ConfigurationError(
        "\(name): '\(end)' of the range of the key '\(key)' is \(value.map { "'\($0)'" } ?? "missing"); give a number"
      )
    }
  }

  /// Refuses a key that is none, and a value of another type; whether a combination can work only shows with its trial.
  private func check(_ value: ConfigurationValue, _ key: String) throws(ConfigurationError) {
    do throws(ConfigurationError) {
      _ = try configuration.overlaid(with: SearchSpace.overlaying([key: value], on: [:]))
    } catch {
      // An end of a range that is no whole number is named with its range.
      if case .number(let number) = value, configuration.numbers(of: key) == .whole,
        number != number.rounded()
      {
        return
      }
      throw ConfigurationError("\(name): \(error.description)")
    }
  }
}
