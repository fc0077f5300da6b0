public import AtelierCore
import AtelierData
public import AtelierGeneration
public import Foundation

/// The configuration keys that a search varies, and the values that each of them may take.
///
/// In YAML a key has a list of values, or a range:
///
/// ```yaml
/// batchSize: [16, 32, 64]
/// learningRate: {from: 0.0001, to: 0.01, scale: log}
/// layers: {from: 1, to: 4}
/// dropout: {from: 0, to: 0.5, points: 6}
/// weights.l1: [10, 100]
/// ```
public struct SearchSpace: Sendable, Hashable, Codable {
  /// A key with its values.
  public struct Dimension: Sendable, Hashable, Codable {
    /// The key; dots lead into tables.
    public let key: String
    /// The values; nil for a range.
    public let values: [ConfigurationValue]?
    /// The range; nil for a list.
    public let range: Range?
  }

  /// Numbers between two ends, both included.
  public struct Range: Sendable, Hashable, Codable {
    /// The smallest.
    public let lower: Double
    /// The largest.
    public let upper: Double
    /// Whether logarithms are evenly spread, and not the numbers.
    public let isLogarithmic: Bool
    /// Whether only whole numbers are meant.
    public let isWhole: Bool
  }

  /// The keys in alphabetical order.
  public let dimensions: [Dimension]

  /// Reads the space of a system's configuration from a file.
  ///
  /// - Parameter configuration: the values that all trials share; what is searched is laid over them.
  /// - Throws: ``TrainingError`` for a file that is none, and `ConfigurationError` that names a key which the system
  ///   does not have, or whose values do not fit it.
  public init(contentsOf file: URL, for configuration: some SystemConfiguration) throws {
    try self.init(try ConfigurationFile.read(file), named: file.lastPathComponent, for: configuration)
  }

  /// Reads a space from a table.
  ///
  /// - Parameter name: what errors call it.
  public init(
    _ table: [String: ConfigurationValue], named name: String, for configuration: some SystemConfiguration
  ) throws(ConfigurationError) {
    let reader = SpaceReader(name: name, configuration: configuration)
    dimensions = try reader.dimensions(of: table).sorted { $0.key < $1.key }
    guard !dimensions.isEmpty else {
      throw ConfigurationError("\(name) names no key; write lines such as `learningRate: [0.001, 0.01]`")
    }
  }

  /// The keys.
  public var keys: [String] { dimensions.map(\.key) }

  /// How many combinations of values there are; nil where a range has any number of them.
  public var count: Int? {
    var count = 1
    for dimension in dimensions {
      guard let values = dimension.gridValues else { return nil }
      let (product, overflows) = count.multipliedReportingOverflow(by: values.count)
      guard !overflows else { return nil }
      count = product
    }
    return count
  }

  /// The combination of a number, the last key's values changing first.
  ///
  /// - Precondition: `number` lies below ``count``.
  func combination(_ number: Int) -> [String: ConfigurationValue] {
    var rest = number
    var found: [String: ConfigurationValue] = [:]
    for dimension in dimensions.reversed() {
      let values = dimension.gridValues ?? []
      found[dimension.key] = values[rest % values.count]
      rest /= values.count
    }
    return found
  }

  /// The smallest number of every key; of values that are no numbers the first.
  package var smallest: [String: ConfigurationValue] {
    Dictionary(dimensions.map { ($0.key, $0.smallest) }) { first, _ in first }
  }

  /// A combination drawn at random, each key by itself.
  func draw(using generator: inout SeededGenerator) -> [String: ConfigurationValue] {
    var found: [String: ConfigurationValue] = [:]
    for dimension in dimensions { found[dimension.key] = dimension.draw(using: &generator) }
    return found
  }

  /// Values by dotted keys laid over a table of a configuration's keys.
  public static func overlaying(
    _ values: [String: ConfigurationValue], on table: [String: ConfigurationValue]
  ) -> [String: ConfigurationValue] {
    values.sorted { $0.key < $1.key }.reduce(table) { table, entry in
      table.placing(entry.value, at: path(entry.key))
    }
  }

  static func path(_ key: String) -> [String] { key.split(separator: ".").map(String.init) }
}

extension SearchSpace.Dimension {
  /// Whether values can be drawn of it, as of all that ``SearchSpace`` reads itself.
  var isSound: Bool {
    guard let range else { return values?.isEmpty == false }
    let edge = 1e15
    return values == nil && range.lower < range.upper && range.lower.isFinite && range.upper.isFinite
      && (!range.isLogarithmic || range.lower > 0)
      && (!range.isWhole || [range.lower, range.upper].allSatisfy { $0 == $0.rounded() && abs($0) <= edge })
  }

  fileprivate var smallest: ConfigurationValue {
    if let range { return range.isWhole ? .integer(Int(range.lower)) : .number(range.lower) }
    let values = values ?? [.null]
    func size(_ value: ConfigurationValue) -> Double {
      switch value {
      case .integer(let number): Double(number)
      case .number(let number): number
      default: .infinity
      }
    }
    return values.min { size($0) < size($1) } ?? .null
  }

  /// The most whole numbers of a range that a grid takes one by one.
  private static let mostWhole = 10_000

  /// All values; nil where they are any numbers of a range.
  var gridValues: [ConfigurationValue]? {
    if let values { return values }
    guard let range, range.isWhole, range.upper - range.lower < Double(Self.mostWhole) else { return nil }
    return (Int(range.lower)...Int(range.upper)).map { .integer($0) }
  }

  func draw(using generator: inout SeededGenerator) -> ConfigurationValue {
    if let values { return values[generator.integer(below: values.count)] }
    guard let range else { return .null }
    // 53 bits of the draw: every number of 0 ..< 1 that a Double holds evenly.
    let share = Double(generator.next() >> 11) * 0x1p-53
    return range.isWhole ? .integer(range.whole(share)) : .number(range.number(share))
  }
}

extension SearchSpace.Range {
  /// The number at a share 0 … 1 of the way, with six digits that count, so that files and tables say all of it.
  func number(_ share: Double) -> Double {
    let value =
      isLogarithmic
      ? exp(log(lower) + share * (log(upper) - log(lower))) : lower + share * (upper - lower)
    return min(upper, max(lower, Self.rounded(value)))
  }

  /// The whole number at a share 0 ..< 1 of the way, each one as likely as its part of the range.
  func whole(_ share: Double) -> Int {
    let value =
      isLogarithmic
      ? exp(log(lower) + share * (log(upper + 1) - log(lower))) : lower + share * (upper - lower + 1)
    return Int(min(upper, max(lower, value.rounded(.down))))
  }

  /// Evenly spread numbers, both ends among them.
  func points(_ count: Int) -> [ConfigurationValue] {
    (0..<count).map { place in
      let share = count == 1 ? 0 : Double(place) / Double(count - 1)
      return isWhole ? .integer(Int(number(share).rounded())) : .number(number(share))
    }
  }

  private static func rounded(_ value: Double) -> Double {
    guard value != 0, value.isFinite else { return value }
    let scale = pow(10, 5 - log10(abs(value)).rounded(.down))
    return scale.isFinite ? Double(String(format: "%.5e", value)) ?? value : value
  }
}
