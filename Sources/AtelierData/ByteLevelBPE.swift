public import Foundation

/// Byte-pair encoding of bytes as OpenAI's GPT-2 has it: text is cut into words with their leading spaces, and the
/// bytes of each word are joined by the learned merges.
///
/// Source: Sennrich, Haddow and Birch 2016; Radford et al. 2019, section 2.2. Reference: openai/gpt-2
/// `src/encoder.py`, whose files `encoder.json` (`vocab.json`) and `vocab.bpe` (`merges.txt`) are read.
public struct ByteLevelBPE: TextTokenizer {
  /// The names of the artefacts that hold the two files.
  public static let artefactNames = ["vocab.json", "merges.txt"]
  /// The token between documents, where the vocabulary has it.
  public static let endOfText = "<|endoftext|>"

  /// The bytes of each token.
  private let tokens: [[UInt8]]
  /// The token of each byte.
  private let byteTokens: [Int]
  /// Two tokens in one key: how early they are merged, and into which.
  private let merges: [UInt64: (rank: Int, merged: Int)]
  /// The token ``endOfText``; nil where the vocabulary has none.
  public let documentEnd: Int?

  /// A tokeniser of the two files' contents.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` that names the file and the line or token at fault.
  public init(vocabulary: Data, merges text: Data) throws(DatasetError) {
    let table: [String: Int]
    do { table = try JSONDecoder().decode([String: Int].self, from: vocabulary) } catch {
      throw .invalid(reason: "vocab.json is no JSON table of tokens and their numbers; take GPT-2's own file")
    }
    let bytes = Self.bytesByScalar()
    var tokens = [[UInt8]?](repeating: nil, count: table.count)
    var numbers: [[UInt8]: Int] = [:]
    for (token, number) in table {
      guard tokens.indices.contains(number), tokens[number] == nil else {
        throw .invalid(
          reason:
            "vocab.json gives '\(token)' the number \(number); its \(table.count) tokens have each a number "
            + "from 0 to \(table.count - 1)")
      }
      guard let spelled = Self.spelled(token, bytes) else {
        throw .invalid(
          reason: "vocab.json has the token '\(token)' with a character that stands for no byte")
      }
      tokens[number] = spelled
      // The marker of documents is spelled like text, and is none.
      if token != Self.endOfText { numbers[spelled] = number }
    }
    documentEnd = table[Self.endOfText]
    self.tokens = tokens.map { $0 ?? [] }
    byteTokens = try (0...255).map { byte throws(DatasetError) in
      guard let number = numbers[[UInt8(byte)]] else {
        throw .invalid(
          reason: "vocab.json has no token for the byte \(byte); a byte-level vocabulary has all 256")
      }
      return number
    }
    self.merges = try Self.merges(text, numbers, bytes)
  }

  /// The merges, of lines `LEFT RIGHT` in the order in which they are made.
  private static func merges(
    _ text: Data, _ numbers: [[UInt8]: Int], _ bytes: [Unicode.Scalar: UInt8]
  ) throws(DatasetError) -> [UInt64: (rank: Int, merged: Int)] {
    guard let text = String(validating: text, as: UTF8.self) else {
      throw .invalid(reason: "merges.txt is not UTF-8; take GPT-2's own file")
    }
    var merges: [UInt64: (rank: Int, merged: Int)] = [:]
    for (index, line) in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      var line = line
      if line.last == "\r" { line.removeLast() }
      if line.isEmpty || (index == 0 && String(line).hasPrefix("#version")) { continue }
      let parts = line.split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 2, let left = spelled(String(parts[0]), bytes),
        let right = spelled(String(parts[1]), bytes)
      else {
        throw .invalid(
          reason: "merges.txt, line \(index + 1): it is not two tokens with a space between them")
      }
      guard let first = numbers[left], let second = numbers[right], let merged = numbers[left + right] else {
        throw .invalid(
          reason:
            "merges.txt, line \(index + 1): '\(String(line).prefix(60))' joins tokens that vocab.json lacks; the two "
            + "files belong to different tokenisers")
      }
      let key = pair(first, second)
      if merges[key] == nil { merges[key] = (merges.count, merged) }
    }
    return merges
  }

  /// The tokeniser that the artefacts hold.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where one is missing or damaged.
  public init(_ artefacts: Artefacts) throws(DatasetError) {
    let files = Self.artefactNames.map { artefacts.contents[$0] }
    guard let vocabulary = files[0], let merges = files[1] else {
      throw .invalid(
        reason:
          "the tokeniser's files \(Self.artefactNames.joined(separator: " and ")) are missing; lay them beside "
          + "the text, or use the whole run folder")
    }
    try self.init(vocabulary: vocabulary, merges: merges)
  }

  /// The number of tokens.
  public var count: Int { tokens.count }

  /// The line feed's token.
  public var lineEnd: Int { documentEnd ?? byteTokens[10] }

  /// The tokens of a text in UTF-8.
  public func encode(_ text: [UInt8]) throws(DatasetError) -> [Int] {
    guard let string = String(validating: text, as: UTF8.self) else {
      throw .invalid(reason: "the text is not UTF-8; convert it, or use the unit bytes")
    }
    var result: [Int] = []
    result.reserveCapacity(text.count / 3)
    var known: [[UInt8]: [Int]] = [:]
    for word in Self.words(string) {
      if let tokens = known[word] {
        result += tokens
      } else {
        let tokens = merged(word)
        known[word] = tokens
        result += tokens
      }
    }
    return result
  }

  /// The tokens of a prompt.
  public func encodePrompt(_ prompt: String) throws(DatasetError) -> [Int] { try encode(Array(prompt.utf8)) }

  /// The token's bytes; none for ``documentEnd``.
  public func addition(of token: Int) -> TokenAddition {
    .bytes(tokens.indices.contains(token) && token != documentEnd ? tokens[token] : [])
  }

  /// None: every byte has a token.
  public func unknownPieces(of text: String) -> UnknownPieces { UnknownPieces([], areCharacters: false) }

  /// The text of tokens; bytes that are no UTF-8 become U+FFFD.
  public func decode(_ numbers: [Int]) -> String {
    String(
      decoding: numbers.flatMap { tokens.indices.contains($0) ? tokens[$0] : [] }, as: UTF8.self)
  }

  // MARK: Merging

  private static func pair(_ left: Int, _ right: Int) -> UInt64 {
    UInt64(UInt32(truncatingIfNeeded: left)) << 32 | UInt64(UInt32(truncatingIfNeeded: right))
  }

  /// The tokens of one word: of all neighbours those are joined that were learned first, until none is left.
  private func merged(_ word: [UInt8]) -> [Int] {
    var parts = word.map { byteTokens[Int($0)] }
    while parts.count > 1 {
      var best: (rank: Int, merged: Int)?
      var key: UInt64 = 0
      for index in 0..<(parts.count - 1) {
        let own = Self.pair(parts[index], parts[index + 1])
        if let merge = merges[own], merge.rank < best?.rank ?? .max {
          best = merge
          key = own
        }
      }
      guard let best else { break }
      var joined: [Int] = []
      joined.reserveCapacity(parts.count)
      var index = 0
      while index < parts.count {
        if index + 1 < parts.count, Self.pair(parts[index], parts[index + 1]) == key {
          joined.append(best.merged)
          index += 2
        } else {
          joined.append(parts[index])
          index += 1
        }
      }
      parts = joined
    }
    return parts
  }

  // MARK: Characters that stand for bytes

  /// The character that stands for each byte in the files: itself where it can be printed, otherwise one from
  /// U+0100 on (`bytes_to_unicode`).
  private static func bytesByScalar() -> [Unicode.Scalar: UInt8] {
    var table: [Unicode.Scalar: UInt8] = [:]
    var next: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: table[Unicode.Scalar(byte)] = byte
      default:
        if let scalar = Unicode.Scalar(next) { table[scalar] = byte }
        next += 1
      }
    }
    return table
  }

  private static func spelled(_ token: String, _ bytes: [Unicode.Scalar: UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in token.unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result.isEmpty ? nil : result
  }

  // MARK: Words

  private enum Kind { case letter, number, space, other }

  private static func kind(_ scalar: Unicode.Scalar) -> Kind {
    if scalar.isASCII {
      switch scalar {
      case "a"..."z", "A"..."Z": return .letter
      case "0"..."9": return .number
      case " ", "\t"..."\r": return .space
      default: return .other
      }
    }
    if scalar.properties.isWhitespace { return .space }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return .other
    }
  }

  private static let contractions: [[Unicode.Scalar]] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map {
    Array($0.unicodeScalars)
  }

  /// The words of a text as the regular expression
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` cuts them, each in UTF-8.
  package static func words(_ text: String) -> [[UInt8]] {
    let scalars = Array(text.unicodeScalars)
    var words: [[UInt8]] = []
    var start = 0
    while start < scalars.count {
      let end = self.end(ofWordAt: start, in: scalars)
      var bytes: [UInt8] = []
      for scalar in scalars[start..<end] { bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter }
      words.append(bytes)
      start = end
    }
    return words
  }

  private static func end(ofWordAt start: Int, in scalars: [Unicode.Scalar]) -> Int {
    if scalars[start] == "'" {
      for word in contractions where scalars[start...].starts(with: word) { return start + word.count }
    }
    // One space belongs to the letters, numbers or signs behind it.
    let first = scalars[start] == " " && start + 1 < scalars.count ? start + 1 : start
    for place in first == start ? [start] : [first, start] {
      let kind = self.kind(scalars[place])
      guard kind != .space else { continue }
      var end = place + 1
      while end < scalars.count, self.kind(scalars[end]) == kind { end += 1 }
      return end
    }
    var end = start
    while end < scalars.count, kind(scalars[end]) == .space { end += 1 }
    // The last space of several goes to the word behind them.
    return end < scalars.count && end - start > 1 ? end - 1 : end
  }
}
