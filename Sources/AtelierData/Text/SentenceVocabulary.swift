/// The tokens of one language's sentences: words, characters or bytes, with tokens that begin, end and fill up a
/// sentence.
///
/// Words keep what stands between them: a mark of punctuation is a token of its own with a joiner (`￭`) on each side
/// where no space is, so that decoding gives back the sentence with its spaces.
public struct SentenceVocabulary: Sendable, Hashable, Codable {
  /// What a token is.
  public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
    /// Words between spaces, marks of punctuation apart.
    case words
    /// Parts of words, by byte-pair encoding that is learned from the training sentences.
    case subwords
    /// Unicode scalars, spaces included.
    case characters
    /// The bytes of UTF-8: none is unknown.
    case bytes
  }

  /// The numbers of the tokens that are no text.
  public struct Specials: Sendable, Hashable, Codable {
    /// Fills up the shorter sentences of a batch.
    public var padding: Int
    /// Begins a sentence.
    public var start: Int
    /// Ends a sentence.
    public var end: Int
    /// Stands for what is not in the vocabulary: the smallest number that is free.
    public var unknown: Int { (0...3).first { ![padding, start, end].contains($0) } ?? 3 }

    /// Three numbers that differ.
    public init(padding: Int = 1, start: Int = 2, end: Int = 3) {
      (self.padding, self.start, self.end) = (padding, start, end)
    }
  }

  /// How sentences become tokens.
  public struct Rule: Sendable, Hashable, Codable {
    /// What a token is.
    public var unit: Unit
    /// Whether capitals become small letters.
    public var lowercases: Bool
    /// The form of Unicode text.
    public var normalization: TextNormalization

    /// A rule.
    public init(_ unit: Unit, lowercases: Bool = false, normalization: TextNormalization = .nfc) {
      (self.unit, self.lowercases, self.normalization) = (unit, lowercases, normalization)
    }

    /// The pieces of a sentence; of parts of words the whole words.
    public func pieces(_ sentence: String) -> [String] {
      let normal = normalization(sentence)
      let text = lowercases ? normal.lowercased() : normal
      switch unit {
      case .words, .subwords: return SentenceVocabulary.words(text)
      case .characters: return text.unicodeScalars.map { String($0) }
      case .bytes: return text.utf8.map(SentenceVocabulary.name(ofByte:))
      }
    }
  }

  /// How sentences become tokens.
  public let rule: Rule
  /// The tokens that are no text.
  public let specials: Specials
  /// The tokens by their numbers, special ones included.
  public let tokens: [String]
  /// How words are divided; nil where they are not.
  public let merges: SubwordMerges?
  private let numbers: [String: Int]

  static let joiner: Unicode.Scalar = "￭"

  /// The tokens of training sentences, the most frequent first.
  ///
  /// - Parameters:
  ///   - minimumCount: a token that occurs less often is unknown.
  ///   - limit: the most tokens, special ones included; nil: all.
  public init(
    of sentences: [String], _ rule: Rule, specials: Specials = Specials(), minimumCount: Int = 1,
    limit: Int? = nil
  ) throws(DatasetError) {
    var counts: [String: Int] = [:]
    if rule.unit == .bytes {
      for byte in UInt8.min...UInt8.max { counts[Self.name(ofByte: byte)] = 256 - Int(byte) }
    } else {
      for sentence in sentences { for piece in rule.pieces(sentence) { counts[piece, default: 0] += 1 } }
    }
    var merges: SubwordMerges?
    if rule.unit == .subwords {
      let words = counts
      let learned = SubwordMerges(
        of: words, pieces: (limit ?? Self.usualSubwords) - 4, minimumCount: minimumCount)
      counts = [:]
      for (word, count) in words {
        for piece in learned.pieces(of: word) { counts[piece, default: 0] += count }
      }
      merges = learned
    }
    let isBytes = rule.unit == .bytes
    var known = counts.filter { isBytes || $0.value >= minimumCount }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    if let limit, !isBytes { known = Array(known.prefix(max(0, limit - 4))) }
    let special = [
      specials.padding: "<pad>", specials.start: "<s>", specials.end: "</s>", specials.unknown: "<unk>",
    ]
    var tokens: [String] = []
    var words = known.filter { !special.values.contains($0) }.makeIterator()
    let last = special.keys.max() ?? 0
    while true {
      if let name = special[tokens.count] {
        tokens.append(name)
      } else if let word = words.next() {
        tokens.append(word)
      } else if tokens.count <= last {
        tokens.append("<unused \(tokens.count)>")
      } else {
        break
      }
    }
    try self.init(rule, specials: specials, tokens: tokens, merges: merges)
  }

  /// The most parts of words where no limit is given.
  static let usualSubwords = 8000

  /// Tokens that are known.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a token that occurs twice and for special ones that are not there.
  public init(
    _ rule: Rule, specials: Specials, tokens: [String], merges: SubwordMerges? = nil
  ) throws(DatasetError) {
    (self.rule, self.specials, self.tokens, self.merges) = (rule, specials, tokens, merges)
    numbers = Dictionary(zip(tokens, tokens.indices), uniquingKeysWith: { first, _ in first })
    guard numbers.count == tokens.count else { throw .invalid(reason: "a vocabulary contains a token twice") }
    let special = Set([specials.padding, specials.start, specials.end, specials.unknown])
    guard special.count == 4, special.allSatisfy(tokens.indices.contains) else {
      throw .invalid(
        reason: "paddingToken, startToken and endToken are three different numbers of tokens, not "
          + "\(specials.padding), \(specials.start) and \(specials.end) of \(tokens.count)")
    }
  }

  private enum Key: String, CodingKey { case rule, specials, tokens, merges }

  /// Reads a vocabulary, and checks it.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    try self.init(
      keys.decode(Rule.self, forKey: .rule), specials: keys.decode(Specials.self, forKey: .specials),
      tokens: keys.decode([String].self, forKey: .tokens),
      merges: keys.decodeIfPresent(SubwordMerges.self, forKey: .merges))
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: Key.self)
    try keys.encode(rule, forKey: .rule)
    try keys.encode(specials, forKey: .specials)
    try keys.encode(tokens, forKey: .tokens)
    try keys.encodeIfPresent(merges, forKey: .merges)
  }

  /// The number of tokens.
  public var count: Int { tokens.count }

  /// The tokens of a sentence, between those that begin and end it.
  public func encode(_ sentence: String) -> [Int] {
    var known: [String: [Int]] = [:]
    return encode(sentence, remembering: &known)
  }

  /// The tokens of a sentence; words that were divided before are taken from `known`.
  func encode(_ sentence: String, remembering known: inout [String: [Int]]) -> [Int] {
    var result = [specials.start]
    for word in rule.pieces(sentence) {
      guard let merges else {
        result.append(numbers[word] ?? specials.unknown)
        continue
      }
      let parts = known[word] ?? merges.pieces(of: word).map { numbers[$0] ?? specials.unknown }
      known[word] = parts
      result += parts
    }
    return result + [specials.end]
  }

  /// The pieces of tokens up to the end of the sentence, special ones left out.
  public func pieces(_ numbers: [Int]) -> [String] {
    numbers.prefix { $0 != specials.end }.filter { $0 != specials.start && $0 != specials.padding }.map {
      tokens.indices.contains($0) ? tokens[$0] : tokens[specials.unknown]
    }
  }

  /// The sentence of tokens.
  public func decode(_ numbers: [Int]) -> String {
    let pieces = pieces(numbers)
    switch rule.unit {
    case .characters: return pieces.joined()
    case .bytes: return String(decoding: pieces.compactMap(Self.byte(named:)), as: UTF8.self)
    case .words, .subwords: return Self.sentence(of: pieces)
    }
  }

  // MARK: Words

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber, .nonspacingMark, .spacingMark, .enclosingMark:
      true
    default: scalar == "_"
    }
  }

  /// Words and marks of punctuation, which carry joiners where no space is beside them.
  static func words(_ text: String) -> [String] {
    let scalars = Array(text.unicodeScalars).map { $0 == joiner ? "■" : $0 }
    func isSpace(_ place: Int) -> Bool {
      !scalars.indices.contains(place) || scalars[place].properties.isWhitespace
    }
    var words: [String] = []
    var place = 0
    while place < scalars.count {
      if isSpace(place) {
        place += 1
        continue
      }
      var end = place
      while end < scalars.count {
        let isApostrophe =
          (scalars[end] == "'" || scalars[end] == "\u{2019}") && end > place && end + 1 < scalars.count
          && isWord(scalars[end + 1])
        guard isWord(scalars[end]) || isApostrophe else { break }
        end += 1
      }
      var word = String.UnicodeScalarView()
      if end > place {
        word.append(contentsOf: scalars[place..<end])
      } else {
        end = place + 1
        if !isSpace(place - 1) { word.append(joiner) }
        word.append(scalars[place])
        if !isSpace(end) { word.append(joiner) }
      }
      words.append(String(word))
      place = end
    }
    return words
  }

  /// Words with spaces between them, except beside joiners.
  static func sentence(of words: [String]) -> String {
    var text = String.UnicodeScalarView()
    var isJoined = true
    for word in words {
      let scalars = word.unicodeScalars
      let begins = scalars.first == joiner && scalars.count > 1
      let ends = scalars.last == joiner && scalars.count > 1
      if !isJoined, !begins { text.append(" ") }
      text.append(contentsOf: scalars.dropFirst(begins ? 1 : 0).dropLast(ends ? 1 : 0))
      isJoined = ends
    }
    return String(text)
  }

  // MARK: Bytes

  static func name(ofByte byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x" + (digits.count < 2 ? "0" : "") + digits + ">"
  }

  private static func byte(named name: String) -> UInt8? {
    name.hasPrefix("<0x") ? UInt8(name.dropFirst(3).dropLast(), radix: 16) : nil
  }
}

extension TokenNames {
  /// The tokens of sentences, with those that begin and end them.
  public init(_ vocabulary: SentenceVocabulary) {
    self.init(decode: { vocabulary.decode($0) }, encode: { vocabulary.encode($0) })
  }
}
