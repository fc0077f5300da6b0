import Foundation

/// A value of a configuration as files and command lines write it.
public enum ConfigurationValue: Sendable, Hashable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case list([ConfigurationValue])
  case table([String: ConfigurationValue])
}

extension ConfigurationValue: Codable {
  /// Reads whatever a JSON or YAML value is.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([ConfigurationValue].self) {
      self = .list(value)
    } else {
      self = .table(try container.decode([String: ConfigurationValue].self))
    }
  }

  /// Writes the value as JSON or YAML would.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .table(let value): try container.encode(value)
    }
  }
}

extension ConfigurationValue: CustomStringConvertible {
  /// The value as a command line would write it.
  public var description: String {
    switch self {
    case .null: "null"
    case .boolean(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let value): value
    case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
    case .table(let values):
      "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
    }
  }

  /// Reads a value from a command line: JSON where it is JSON, else the text itself.
  public init(parsing text: String) {
    let decoded = try? JSONDecoder().decode(ConfigurationValue.self, from: Data(text.utf8))
    if let decoded {
      self = decoded
    } else if text.contains(","), !text.hasPrefix("[") {
      self = .list(
        text.split(separator: ",").map {
          ConfigurationValue(parsing: $0.trimmingCharacters(in: .whitespaces))
        })
    } else {
      self = .string(text)
    }
  }
}

extension ConfigurationValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
  /// A whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// A list.
  public init(arrayLiteral elements: ConfigurationValue...) { self = .list(elements) }
}
