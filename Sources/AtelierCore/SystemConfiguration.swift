import AtelierMedia
public import Foundation

/// Every choice that a system's networks and training depend on.
///
/// A plain value: stored properties with defaults, no methods that compute. Property names are the
/// keys of configuration files, of `--set` and of the reference cases, one vocabulary for all systems
/// (`imageSize`, `latentSize`, `learningRate`, …). `init()` is the authors' reference implementation
/// without anything added to it; presets build on it.
public protocol SystemConfiguration: Settings {
  /// Named starting points; the first is the paper's, one is called `small` and learns in minutes on
  /// two processor cores.
  static var presets: [Preset<Self>] { get }

  /// Examples in one batch.
  var batchSize: Int { get }

  /// What a system of this configuration is: its data, stages, conditions and outputs.
  var plan: SystemPlan { get }
}

/// A table of named values that files and command lines write: a configuration, or the settings of drawing.
///
/// A plain value: stored properties with defaults. Property names are the keys.
public protocol Settings: Codable, Sendable, Hashable {
  /// The defaults; of a configuration, the authors' reference implementation at its own sizes.
  init()

  /// Keys whose values are tables that the user writes whole, such as layer → weight; every other table
  /// has fixed keys, which are laid over one by one.
  var openTables: Set<String> { get }

  /// Checks the values.
  ///
  /// - Throws: ``ConfigurationError`` that names the key and the way out.
  func validate() throws(ConfigurationError)
}

/// Keys that several configurations share, declared, documented and checked in one place.
///
/// A configuration holds it as one property, which is no key itself: in files, on command lines and in
/// reference cases the fragment's own properties stand among the configuration's keys, at the property's place.
/// Keys are unique in a configuration with its fragments. ``Settings/values()`` and
/// ``Settings/overlaid(with:)`` know fragments; encoding a configuration by itself nests them.
public protocol ConfigurationFragment: Codable, Sendable, Hashable {}

/// For what has nothing to set.
public struct NoSettings: Settings {
  /// Nothing.
  public init() {}

  /// Accepts everything, which is nothing.
  public func validate() throws(ConfigurationError) {}
}

/// A named configuration.
public struct Preset<Configuration: Sendable>: Sendable {
  /// What `--preset` takes.
  public let name: String
  /// One line for people.
  public let summary: String
  /// The values.
  public let configuration: Configuration

  /// Names a configuration.
  public init(_ name: String, _ summary: String, _ configuration: Configuration) {
    self.name = name
    self.summary = summary
    self.configuration = configuration
  }
}

/// A configuration that cannot be used; the text names the key and the way out.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible, LocalizedError {
  /// One sentence for people.
  public let description: String

  /// An error with its sentence.
  public init(_ description: String) { self.description = description.onOneLine }

  /// The same sentence, for Foundation.
  public var errorDescription: String? { description }
}

extension Settings {
  /// None.
  public var openTables: Set<String> { [] }

  /// Every key in the order of declaration; nil values are keys too.
  public var keys: [String] { Fragments.keys(of: self).map(\.label) }

  /// Every key with its value; nil is written as null, so that no key is missing from a file (inside a
  /// nested table a type writes its own nulls).
  public func values() throws(ConfigurationError) -> [String: ConfigurationValue] {
    do {
      let data = try JSONEncoder().encode(self)
      var table = try JSONDecoder().decode([String: ConfigurationValue].self, from: data)
      Fragments.flatten(&table, of: self)
      for key in keys where table[key] == nil { table[key] = .null }
      return table
    } catch {
      throw ConfigurationError("the configuration \(Self.self) cannot be written: \(error)")
    }
  }

  /// This configuration with some values replaced.
  ///
  /// - Throws: ``ConfigurationError`` that names an unknown key and its nearest known one, or a value
  ///   that does not fit its key.
  public func overlaid(with changes: [String: ConfigurationValue]) throws(ConfigurationError) -> Self {
    var table = try values()
    let known = keys
    for (key, value) in changes.sorted(by: { $0.key < $1.key }) {
      guard known.contains(key) else {
        throw ConfigurationError(
          "unknown configuration key '\(key)'; did you mean '\(nearest(to: key, in: known))'?")
      }
      table[key] = try merged(table[key], with: value, at: key)
      // Each key is decoded on its own first, so that the error can name it.
      try check(table, after: key, value)
    }
    return try Self.decode(table)
  }

  /// A table laid over a table key by key; any other value takes the place of the old one. A single value
  /// stands for the list of it where the key takes a list.
  private func merged(
    _ old: ConfigurationValue?, with new: ConfigurationValue, at path: String
  ) throws(ConfigurationError) -> ConfigurationValue {
    guard case .table(var table)? = old, case .table(let changes) = new, !openTables.contains(path) else {
      switch new {
      case .null, .list, .table: return new
      default:
        let type = ConfigurationExpectation.type(at: path.split(separator: ".").map(String.init), of: self)
        return type.map(ConfigurationExpectation.isList) == true ? .list([new]) : new
      }
    }
    for (key, value) in changes.sorted(by: { $0.key < $1.key }) {
      guard table[key] != nil else {
        throw ConfigurationError(
          "unknown configuration key '\(path).\(key)'; did you mean "
            + "'\(path).\(nearest(to: key, in: table.keys.sorted()))'?")
      }
      table[key] = try merged(table[key], with: value, at: path + "." + key)
    }
    return .table(table)
  }

  private func check(
    _ table: [String: ConfigurationValue], after key: String, _ value: ConfigurationValue
  ) throws(ConfigurationError) {
    do {
      _ = try Self.decoded(table)
    } catch {
      throw ConfigurationError(
        "'\(value)' does not fit the configuration key '\(key)': \(sentence(for: error, key: key))")
    }
  }

  private static func decode(_ table: [String: ConfigurationValue]) throws(ConfigurationError) -> Self {
    do { return try decoded(table) } catch { throw ConfigurationError(sentence(for: error)) }
  }

  private static func decoded(_ table: [String: ConfigurationValue]) throws -> Self {
    try JSONDecoder().decode(
      Self.self, from: try JSONEncoder().encode(Fragments.nested(table, like: Self())))
  }

  /// What a key takes, as its property says; else what the decoder complains of.
  private func sentence(for error: any Error, key: String) -> String {
    let context: DecodingError.Context? =
      switch error as? DecodingError {
      case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?, .dataCorrupted(let context)?:
        context
      default: nil
      }
    // Places in a list belong to the list's own key. Of a number that does not fit the decoder names no
    // place.
    let fragments = Fragments.labels(of: self)
    let places = (context?.codingPath ?? []).prefix { $0.intValue == nil }.map(\.stringValue)
      .drop { fragments.contains($0) }
    let path = places.isEmpty ? [key] : Array(places)
    guard !path.isEmpty, let type = ConfigurationExpectation.type(at: path, of: self),
      let expected = ConfigurationExpectation.sentence(for: type, key: path.joined(separator: "."))
    else { return Self.sentence(for: error) }
    return path.count > 1 && path.last != key ? "\(expected) at '\(path.joined(separator: "."))'" : expected
  }

  private static func sentence(for error: any Error) -> String {
    switch error as? DecodingError {
    case .typeMismatch(let type, let context)?: "expected \(type) at '\(path(context))'"
    case .valueNotFound(let type, let context)?: "expected \(type), not null, at '\(path(context))'"
    case .keyNotFound(let key, _)?: "the key '\(key.stringValue)' is missing"
    case .dataCorrupted(let context)?: "'\(path(context))': \(context.debugDescription)"
    default: "\(error)"
    }
  }

  private static func path(_ context: DecodingError.Context) -> String {
    context.codingPath.map(\.stringValue).drop { Fragments.labels(of: Self()).contains($0) }
      .joined(separator: ".")
  }
}

/// The candidate that needs the fewest edits (Levenshtein 1966) to become `word`; for error messages.
public func nearest(to word: String, in candidates: [String]) -> String {
  func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
  let letters = Array(word.lowercased())
  return candidates.min {
    distance(letters, Array($0.lowercased())) < distance(letters, Array($1.lowercased()))
  }
    ?? word
}
