/// The vocabulary of a language model, and its tokeniser.
///
/// Indices follow the first appearance in the training text, as in pytorch/examples `word_language_model`;
/// `<unk>` is last unless the text contains it (as WikiText does).
public struct Vocabulary: Sendable, Hashable {
  /// What a token is.
  public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
    /// Words separated by white space, with `<eos>` at the end of every line.
    case words
    /// Unicode scalars.
    case characters
    /// Bytes: always 256 tokens, none unknown.
    case bytes
  }

  /// The token at the end of every line of words.
  public static let endOfLine = "<eos>"
  /// The token for unknown words or characters.
  public static let unknown = "<unk>"

  /// What a token is.
  public let unit: Unit
  /// The tokens in order of their indices; empty for bytes.
  public let tokens: [String]
  private let numbers: [String: Int]

  /// A vocabulary of known tokens, as read from a checkpoint.
  ///
  /// Throws ``DatasetError/invalid(reason:)`` if a token occurs twice or `<unk>` is missing.
  public init(unit: Unit, tokens: [String]) throws(DatasetError) {
    self.unit = unit
    guard unit != .bytes else {
      self.tokens = []
      self.numbers = [:]
      return
    }
    self.tokens = tokens
    numbers = Dictionary(zip(tokens, tokens.indices), uniquingKeysWith: { first, _ in first })
    guard numbers.count == tokens.count else { throw .invalid(reason: "a vocabulary contains a token twice") }
    guard numbers[Self.unknown] != nil else {
      throw .invalid(reason: "a vocabulary lacks the token \(Self.unknown)")
    }
  }

  /// Builds the vocabulary of a training text.
  ///
  /// - Parameters:
  ///   - text: the training text; anything that is not UTF-8 is an error, except for bytes.
  ///   - minimumCount: tokens that occur less often become `<unk>`.
  public init(of text: [UInt8], unit: Unit, minimumCount: Int = 1) throws(DatasetError) {
    guard unit != .bytes else {
      try self.init(unit: .bytes, tokens: [])
      return
    }
    var counts: [String: Int] = [:]
    var order: [String] = []
    for token in try Self.split(text, unit) {
      if let count = counts[token] {
        counts[token] = count + 1
      } else {
        counts[token] = 1
        order.append(token)
      }
    }
    var tokens = order.filter { token in
      (counts[token] ?? 0) >= minimumCount || token == Self.unknown || token == Self.endOfLine
    }
    if counts[Self.unknown] == nil { tokens.append(Self.unknown) }
    try self.init(unit: unit, tokens: tokens)
  }

  /// The number of tokens.
  public var count: Int { unit == .bytes ? 256 : tokens.count }

  /// The index of `<unk>`; nil for bytes.
  public var unknownIndex: Int? { numbers[Self.unknown] }

  /// The index of a token; nil if it is unknown.
  public func index(of token: String) -> Int? { numbers[token] }

  /// Encodes text; unknown tokens become `<unk>`.
  public func encode(_ text: [UInt8]) throws(DatasetError) -> [Int] {
    if unit == .bytes { return text.map { Int($0) } }
    let unknown = unknownIndex ?? 0
    return try Self.split(text, unit).map { numbers[$0] ?? unknown }
  }

  /// Encodes a prompt: like ``encode(_:)-([UInt8])``, but without `<eos>` after an unterminated last line.
  public func encodePrompt(_ prompt: String) throws(DatasetError) -> [Int] {
    var numbers = try encode(Array(prompt.utf8))
    if unit == .words, !prompt.isEmpty, prompt.last?.isNewline != true { numbers.removeLast() }
    return numbers
  }

  /// Decodes tokens: words are joined by spaces, and `<eos>` ends a line.
  public func decode(_ numbers: [Int]) -> String {
    switch unit {
    case .bytes: return String(decoding: numbers.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    case .characters:
      return numbers.map { tokens.indices.contains($0) ? tokens[$0] : Self.unknown }.joined()
    case .words:
      var text = ""
      for number in numbers {
        let token = tokens.indices.contains(number) ? tokens[number] : Self.unknown
        if token == Self.endOfLine {
          text += "\n"
        } else {
          text += (text.isEmpty || text.hasSuffix("\n") ? "" : " ") + token
        }
      }
      return text
    }
  }

  /// Splits text into tokens.
  static func split(_ text: [UInt8], _ unit: Unit) throws(DatasetError) -> [String] {
    guard let string = String(validating: text, as: UTF8.self) else {
      throw .invalid(reason: "the text is not UTF-8; convert it, or use the unit bytes")
    }
    if unit == .characters { return string.unicodeScalars.map { String($0) } }
    var tokens: [String] = []
    var lines = string.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    // A line feed terminates a line, so no empty line follows the last one.
    if lines.last?.isEmpty == true { lines.removeLast() }
    for line in lines {
      for word in line.split(whereSeparator: \.properties.isWhitespace) { tokens.append(String(word)) }
      tokens.append(endOfLine)
    }
    return tokens
  }
}

extension Vocabulary: Codable {
  private enum CodingKeys: String, CodingKey { case unit, tokens }

  /// Reads `unit` and `tokens`, and checks them.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      unit: container.decode(Unit.self, forKey: .unit),
      tokens: container.decode([String].self, forKey: .tokens))
  }

  /// Writes `unit` and `tokens`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(unit, forKey: .unit)
    try container.encode(tokens, forKey: .tokens)
  }
}
