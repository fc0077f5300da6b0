public import AtelierCore
public import AtelierGeneration
public import Foundation
import Torch
import Yams

/// Configuration files: YAML tables of scalars, lists and tables.
///
/// Scalars are read by YAML 1.2's core schema, so that `no` is a text; every key that is written has a
/// value, `null` where there is none.
public enum ConfigurationFile {
  /// Reads a file.
  ///
  /// - Throws: ``TrainingError`` that names the file, and the line where it is not YAML.
  public static func read(_ url: URL) throws(TrainingError) -> [String: ConfigurationValue] {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      guard FileManager.default.fileExists(atPath: url.path) else {
        throw .notFound(path: url.path, reason: "there is no such file; check the path")
      }
      throw .notFound(path: url.path, reason: "it cannot be read, \(readFailureReason(error, url))")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw .damaged(path: url.path, reason: "it is not UTF-8 text; save it as UTF-8")
    }
    return try parse(text, named: url.path)
  }

  /// Reads a text.
  ///
  /// - Parameter name: what errors call it.
  public static func parse(
    _ text: String, named name: String
  ) throws(TrainingError) -> [String: ConfigurationValue] {
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch let error as YamlError {
      throw .damaged(path: name, reason: "it is not YAML, \(reason(error))")
    } catch {
      throw .damaged(path: name, reason: "it is not YAML, \(error)".trimmedSentence)
    }
    guard let node else { return [:] }
    var rest = mostValues
    guard case .table(let table) = try value(of: node, named: name, &rest) else {
      throw .damaged(path: name, reason: "it should hold `key: value` lines; write one setting a line")
    }
    return table
  }

  /// The text of a file, keys in the given order.
  ///
  /// - Parameter comment: lines that stand at its head behind `#`.
  public static func text(_ pairs: [(key: String, value: ConfigurationValue)], comment: String = "") -> String
  {
    let head = comment.isEmpty ? "" : comment.split(whereSeparator: \.isNewline).map { "# \($0)\n" }.joined()
    return head + pairs.map { lines(key: $0.key, $0.value, indent: 0) }.joined()
  }

  // MARK: Reading

  /// What a parser complains of, with the line, as a part of a sentence.
  private static func reason(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): \(problem)"
    case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem),
      .representer(let problem):
      problem
    case .duplicatedKeysInMapping(let keys, let context):
      "the table that begins in line \(context.mark.line) has twice: \(keys.sorted().joined(separator: ", "))"
    case .memory: "there is not memory enough to read it"
    case .no, .dataCouldNotBeDecoded: "it cannot be decoded"
    }
  }

  /// The most values of a file: a few lines of aliases of aliases stand for more than any memory holds.
  private static let mostValues = 100_000

  /// - Parameter rest: how many values there may still be.
  private static func value(
    of node: Node, named name: String, _ rest: inout Int
  ) throws(TrainingError) -> ConfigurationValue {
    rest -= 1
    guard rest >= 0 else {
      throw .damaged(
        path: name, reason: "it stands for more than \(mostValues) values; write fewer, without aliases")
    }
    switch node {
    case .scalar(let scalar):
      return scalar.style == .plain || scalar.style == .any ? plain(scalar.string) : .string(scalar.string)
    case .sequence(let sequence):
      var values: [ConfigurationValue] = []
      for element in sequence { values.append(try value(of: element, named: name, &rest)) }
      return .list(values)
    case .mapping(let mapping):
      var table: [String: ConfigurationValue] = [:]
      for (key, element) in mapping {
        guard case .scalar(let scalar) = key else {
          throw .damaged(path: name, reason: "a key is a list or a table; keys are words")
        }
        guard table[scalar.string] == nil else {
          throw .damaged(path: name, reason: "the key '\(scalar.string)' comes twice; remove one of them")
        }
        table[scalar.string] = try value(of: element, named: name, &rest)
      }
      return .table(table)
    case .alias:
      throw .damaged(path: name, reason: "it uses YAML aliases; write the value out")
    }
  }

  private static func plain(_ text: String) -> ConfigurationValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    default: break
    }
    if let integer = Int(text) { return .integer(integer) }
    // Double would also take "nan", "infinity" and hexadecimal numbers, which are words here.
    let isNumeral = text.allSatisfy { $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }
    if isNumeral, text.contains(where: \.isNumber), let number = Double(text) { return .number(number) }
    return .string(text)
  }

  // MARK: Writing

  private static func lines(key: String, _ value: ConfigurationValue, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    let name = margin + scalar(key) + ":"
    switch value {
    case .table(let table) where !table.isEmpty:
      return name + "\n"
        + table.sorted { $0.key < $1.key }.map { lines(key: $0.key, $0.value, indent: indent + 2) }.joined()
    default:
      return name + " " + flow(value) + "\n"
    }
  }

  private static func flow(_ value: ConfigurationValue) -> String {
    switch value {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): numeral(value)
    case .string(let value): scalar(value)
    case .list(let values): "[" + values.map(flow).joined(separator: ", ") + "]"
    case .table(let table):
      "{"
        + table.sorted { $0.key < $1.key }.map { "\(scalar($0.key)): \(flow($0.value))" }.joined(
          separator: ", ")
        + "}"
    }
  }

  /// The shortest numeral that reads back as the same number; readers of YAML 1.1 want a point in it.
  private static func numeral(_ value: Double) -> String {
    let text = "\(value)"
    guard let e = text.firstIndex(of: "e"), !text[..<e].contains(".") else { return text }
    return text[..<e] + ".0" + text[e...]
  }

  /// A text, quoted unless every reader takes it for the same text without.
  private static func scalar(_ text: String) -> String {
    let isWord =
      text.first?.isLetter == true
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./".contains($0)) }
    // What YAML 1.1 takes for booleans is quoted for the readers that follow it.
    let reserved: Set = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
    if isWord, !reserved.contains(text.lowercased()) { return text }
    var quoted = "\""
    for unit in text.unicodeScalars {
      switch unit {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case "\r": quoted += "\\r"
      default:
        if unit.properties.generalCategory == .control || unit.value == 0x2028 || unit.value == 0x2029 {
          let digits = String(unit.value, radix: 16, uppercase: true)
          quoted += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        } else {
          quoted.unicodeScalars.append(unit)
        }
      }
    }
    return quoted + "\""
  }
}
