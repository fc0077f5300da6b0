/// The tokens of one language's sentences: words, pieces of words, characters or bytes, with tokens that begin, end and
/// fill up a sentence.
///
/// Words keep what stands between them: a mark of punctuation is a token of its own with a joiner (`￭`) on each side
/// where no space is, so that decoding gives back the sentence with its spaces.
public struct SentenceVocabulary: Sendable, Hashable {
  /// What a token is.
  public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
    /// Words between spaces, marks of punctuation apart.
    case words
    /// Pieces of words, the likeliest of a unigram language model, by SentencePiece.
    case unigram
    /// Pieces of words by byte-pair encoding, by SentencePiece.
    case bpe
    /// Unicode scalars, spaces included.
    case characters
    /// The bytes of UTF-8: none is unknown.
    case bytes

    /// How SentencePiece learns pieces; nil for the other units.
    public var pieces: SentencePieceModel.Kind? { SentencePieceModel.Kind(rawValue: rawValue) }
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

    /// A sentence in the form in which it becomes tokens.
    public func normalized(_ sentence: String) -> String {
      let normal = normalization(sentence)
      return lowercases ? normal.lowercased() : normal
    }

    /// The words, characters or bytes of a sentence; where pieces of words are the tokens, the whole words.
    public func pieces(_ sentence: String) -> [String] {
      let text = normalized(sentence)
      switch unit {
      case .words, .unigram, .bpe: return SentenceVocabulary.words(text)
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
  /// What cuts words into pieces; nil for the other units.
  public let model: SentencePieceModel?
  private let numbers: [String: Int]
  /// The tokens of the model's pieces, and the pieces of tokens, by their ids; empty without a model.
  private let pieceTokens: [Int]
  private let tokenPieces: [Int]

  static let joiner: Unicode.Scalar = "￭"

  /// The tokens of training sentences, the most frequent first.
  ///
  /// - Parameters:
  ///   - minimumCount: a token that occurs less often is unknown; of no effect on pieces of words.
  ///   - limit: the most tokens, special ones included; nil: all, and of pieces of words ``usualPieces``.
  ///   - characterCoverage: the share of the sentences' characters that pieces of words cover.
  public init(
    of sentences: [String], _ rule: Rule, specials: Specials = Specials(), minimumCount: Int = 1,
    limit: Int? = nil, characterCoverage: Double = 0.9995
  ) throws(DatasetError) {
    if let kind = rule.unit.pieces {
      try Self.check(specials)
      let training = SentencePieceModel.Training(
        kind, size: limit ?? Self.usualPieces, characterCoverage: characterCoverage, specials: specials)
      try self.init(
        rule, specials: specials,
        model: SentencePieceModel(of: sentences.lazy.map(rule.normalized), training))
      return
    }
    var counts: [String: Int] = [:]
    if rule.unit == .bytes {
      for byte in UInt8.min...UInt8.max { counts[Self.name(ofByte: byte)] = 256 - Int(byte) }
    } else {
      for sentence in sentences { for piece in rule.pieces(sentence) { counts[piece, default: 0] += 1 } }
    }
    let isBytes = rule.unit == .bytes
    var known = counts.filter { isBytes || $0.value >= minimumCount }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    if let limit, !isBytes { known = Array(known.prefix(max(0, limit - 4))) }
    let special = Self.names(specials)
    let tokens = Self.laidOut(known.filter { !special.values.contains($0) }, around: special) {
      "<unused \($0)>"
    }
    try self.init(rule, specials: specials, tokens: tokens)
  }

  /// The most pieces of words where no limit is given.
  public static let usualPieces = 8000

  /// Tokens that are known.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a token that occurs twice and for special ones that are not there.
  public init(_ rule: Rule, specials: Specials, tokens: [String]) throws(DatasetError) {
    guard rule.unit.pieces == nil else {
      throw .invalid(
        reason: "a vocabulary of \(rule.unit.rawValue) has a SentencePiece model, and none is there")
    }
    (self.rule, self.specials, self.tokens, model) = (rule, specials, tokens, nil)
    (pieceTokens, tokenPieces) = ([], [])
    numbers = Dictionary(zip(tokens, tokens.indices), uniquingKeysWith: { first, _ in first })
    guard numbers.count == tokens.count else { throw .invalid(reason: "a vocabulary contains a token twice") }
    try Self.check(specials, count: tokens.count)
  }

  /// The pieces of a model. Where it has special pieces at the numbers of `specials`, tokens are the ids of its pieces;
  /// otherwise the other pieces follow in their order around the special tokens.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where the model is of another kind than the rule says.
  public init(_ rule: Rule, specials: Specials, model: SentencePieceModel) throws(DatasetError) {
    guard let kind = rule.unit.pieces, kind == model.kind else {
      let own = model.kind.map { "a \($0.rawValue) model" } ?? "a model of whole words or characters"
      throw .invalid(
        reason:
          "the SentencePiece model is \(own), and the unit is \(rule.unit.rawValue); set the unit that it has"
      )
    }
    try Self.check(specials)
    let own = [
      specials.padding: model.padding, specials.start: model.start, specials.end: model.end,
      specials.unknown: model.unknown,
    ]
    let taken = Set(own.values.compactMap { $0 })
    let pieces = Self.laidOut(model.pieces.indices.filter { !taken.contains($0) }, around: own) { _ in nil }
    let names = Self.names(specials)
    var pieceTokens = [Int](repeating: specials.unknown, count: model.count)
    for (token, piece) in pieces.enumerated() { if let piece { pieceTokens[piece] = token } }
    (self.rule, self.specials, self.model) = (rule, specials, model)
    self.pieceTokens = pieceTokens
    tokenPieces = pieces.map { $0 ?? model.unknown }
    tokens = pieces.enumerated().map { token, piece in
      names[token] ?? piece.map { model.pieces[$0] } ?? "<unused \(token)>"
    }
    numbers = [:]
    try Self.check(specials, count: tokens.count)
  }

  private static func names(_ specials: Specials) -> [Int: String] {
    [specials.padding: "<pad>", specials.start: "<s>", specials.end: "</s>", specials.unknown: "<unk>"]
  }

  /// - Parameter count: the number of tokens; nil: it follows from the special ones.
  private static func check(_ specials: Specials, count: Int? = nil) throws(DatasetError) {
    let special = Set([specials.padding, specials.start, specials.end, specials.unknown])
    guard special.count == 4, special.allSatisfy({ (0..<(count ?? .max)).contains($0) }) else {
      throw .invalid(
        reason: "paddingToken, startToken and endToken are three different numbers of tokens, not "
          + "\(specials.padding), \(specials.start) and \(specials.end)" + (count.map { " of \($0)" } ?? ""))
    }
  }

  /// Entries in their order around those that have places of their own; what is missing before the last of these is
  /// filled up.
  private static func laidOut<Entry>(
    _ entries: [Entry], around fixed: [Int: Entry], filler: (Int) -> Entry
  ) -> [Entry] {
    var result: [Entry] = []
    var rest = entries.makeIterator()
    let last = fixed.keys.max() ?? -1
    while true {
      if let own = fixed[result.count] {
        result.append(own)
      } else if let next = rest.next() {
        result.append(next)
      } else if result.count <= last {
        result.append(filler(result.count))
      } else {
        return result
      }
    }
  }

  /// The number of tokens.
  public var count: Int { tokens.count }

  /// The tokens of a sentence, between those that begin and end it.
  public func encode(_ sentence: String) -> [Int] {
    let tokens =
      model.map { $0.encode(rule.normalized(sentence)).map { pieceTokens[$0] } }
      ?? rule.pieces(sentence).map { numbers[$0] ?? specials.unknown }
    return [specials.start] + tokens + [specials.end]
  }

  /// The words or characters of a sentence that no tokens stand for, each once and in their order.
  public func unknownPieces(of sentence: String) -> [String] {
    var seen: Set<String> = []
    return rule.pieces(sentence).compactMap { piece -> String? in
      let text = String(String.UnicodeScalarView(piece.unicodeScalars.filter { $0 != Self.joiner }))
      let isKnown =
        model.map { model in !model.encode(text).contains(model.unknown) } ?? (numbers[piece] != nil)
      return isKnown || text.isEmpty || !seen.insert(text).inserted ? nil : text
    }
  }

  /// The pieces of tokens up to the end of the sentence, special ones left out.
  public func pieces(_ numbers: [Int]) -> [String] {
    numbers.prefix { $0 != specials.end }.filter { $0 != specials.start && $0 != specials.padding }.map {
      tokens.indices.contains($0) ? tokens[$0] : tokens[specials.unknown]
    }
  }

  /// The sentence of tokens.
  public func decode(_ numbers: [Int]) -> String {
    if let model {
      let text = numbers.prefix { $0 != specials.end }.filter {
        $0 != specials.start && $0 != specials.padding
      }
      return model.decode(text.map { tokenPieces.indices.contains($0) ? tokenPieces[$0] : model.unknown })
    }
    let pieces = pieces(numbers)
    switch rule.unit {
    case .characters: return pieces.joined()
    case .bytes: return String(decoding: pieces.compactMap(Self.byte(named:)), as: UTF8.self)
    case .words, .unigram, .bpe: return Self.sentence(of: pieces)
    }
  }
}

extension TokenNames {
  /// The tokens of sentences, with those that begin and end them.
  public init(_ vocabulary: SentenceVocabulary) {
    self.init(decode: { vocabulary.decode($0) }, encode: { vocabulary.encode($0) })
  }
}
