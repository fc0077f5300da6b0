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

  /// Reads a value from a command line: JSON where it is JSON; a list in brackets or with commas, whose texts
  /// need no quotes (`[color, translation]`, `[[1, 2], [3]]`, `32,64`); a table in braces (`{kl: 0.1}`); else
  /// the text itself.
  public init(parsing text: String) {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    if let decoded = try? JSONDecoder().decode(ConfigurationValue.self, from: Data(text.utf8)) {
      self = decoded
    } else if let inner = Self.inside(text, "[", "]"), let parts = Self.parts(of: inner) {
      self = .list(parts.filter { !$0.isEmpty }.map { ConfigurationValue(parsing: $0) })
    } else if let inner = Self.inside(text, "{", "}"), let entries = Self.parts(of: inner),
      let table = Self.table(entries)
    {
      self = .table(table)
    } else if let parts = Self.parts(of: text), parts.count > 1 {
      self = .list(parts.filter { !$0.isEmpty }.map { ConfigurationValue(parsing: $0) })
    } else {
      self = .string(text)
    }
  }

  private static func inside(_ text: String, _ opening: Character, _ closing: Character) -> String? {
    guard text.count >= 2, text.first == opening, text.last == closing else { return nil }
    return String(text.dropFirst().dropLast())
  }

  /// The parts between commas that stand in no brackets and in no quotes; nil where brackets or quotes do not
  /// match. Nothing but spaces has no parts.
  private static func parts(of text: String) -> [String]? {
    var parts = [""]
    var open: [Character] = []
    var isQuoted = false
    for character in text {
      switch character {
      case "\"": isQuoted.toggle()
      case "[" where !isQuoted: open.append("]")
      case "{" where !isQuoted: open.append("}")
      case "]" where !isQuoted, "}" where !isQuoted:
        guard open.popLast() == character else { return nil }
      case "," where !isQuoted && open.isEmpty:
        parts.append("")
        continue
      default: break
      }
      parts[parts.count - 1].append(character)
    }
    guard open.isEmpty, !isQuoted else { return nil }
    let trimmed = parts.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    return trimmed == [""] ? [] : trimmed
  }

  /// `key: value` entries; nil where one is none, or two have one key.
  private static func table(_ entries: [String]) -> [String: ConfigurationValue]? {
    var table: [String: ConfigurationValue] = [:]
    for entry in entries {
      let sides = entry.split(separator: ":", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespacesAndNewlines)
      }
      guard sides.count == 2 else { return nil }
      let key = ConfigurationValue(parsing: sides[0]).description
      guard table.updateValue(ConfigurationValue(parsing: sides[1]), forKey: key) == nil else { return nil }
    }
    return table
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
