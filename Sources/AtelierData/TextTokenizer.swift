/// What turns text into numbers of tokens and back: a ``Vocabulary``, ``ByteLevelBPE`` or ``PieceTokenizer``.
public protocol TextTokenizer: Sendable {
  /// The number of tokens.
  var count: Int { get }
  /// The token that ends a line, which a text without a prompt goes on from.
  var lineEnd: Int { get }
  /// The token that ends a document; nil where documents end in ``DocumentMarks/end``.
  var documentEnd: Int? { get }
  /// The tokens of a text.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for bytes that are no UTF-8, where tokens are made of text.
  func encode(_ text: [UInt8]) throws(DatasetError) -> [Int]
  /// The tokens of a text that goes on.
  func encodePrompt(_ prompt: String) throws(DatasetError) -> [Int]
  /// What a token adds to a text.
  func addition(of token: Int) -> TokenAddition
  /// What a text has that no token stands for.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` as ``encode(_:)`` does.
  func unknownPieces(of text: String) throws(DatasetError) -> UnknownPieces
}

/// What a token adds to a text.
public enum TokenAddition: Sendable, Hashable {
  /// A word, set apart by a space.
  case word(String)
  /// Characters as they are.
  case characters(String)
  /// Bytes, which may be a part of a character.
  case bytes([UInt8])
}

extension Vocabulary: TextTokenizer {
  /// `<eos>` of words, a line feed otherwise.
  public var lineEnd: Int {
    switch unit {
    case .words: index(of: Self.endOfLine) ?? 0
    case .characters: index(of: "\n") ?? 0
    case .bytes: 10
    }
  }

  /// None.
  public var documentEnd: Int? { nil }

  /// The token's word, character or byte.
  public func addition(of token: Int) -> TokenAddition {
    switch unit {
    case .words: .word(decode([token]))
    case .characters: .characters(decode([token]))
    case .bytes: .bytes([UInt8(truncatingIfNeeded: token)])
    }
  }
}
