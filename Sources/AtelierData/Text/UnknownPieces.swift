/// The words or characters of a text that a model has no tokens for, and takes for one unknown token.
public struct UnknownPieces: Sendable, Hashable {
  /// Each once, in the text's order.
  public let pieces: [String]
  /// Whether they are characters, and not words.
  public let areCharacters: Bool

  /// Pieces, of which repetitions are left out.
  public init(_ pieces: [String], areCharacters: Bool) {
    var seen: Set<String> = []
    self.pieces = pieces.filter { seen.insert($0).inserted }
    self.areCharacters = areCharacters
  }
}

extension Vocabulary {
  /// What `text` has that the vocabulary does not.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` as ``encode(_:)-([UInt8])`` does.
  public func unknownPieces(of text: String) throws(DatasetError) -> UnknownPieces {
    guard unit != .bytes else { return UnknownPieces([], areCharacters: true) }
    return UnknownPieces(
      try Self.split(Array(text.utf8), unit).filter { $0 != Self.endOfLine && index(of: $0) == nil },
      areCharacters: unit == .characters)
  }
}

extension PieceTokenizer {
  /// The words of `text` in which the model has no piece for a character.
  public func unknownPieces(of text: String) -> UnknownPieces {
    UnknownPieces(
      text.split(whereSeparator: \.isWhitespace).map(String.init).filter {
        model.encode($0).contains(model.unknown)
      }, areCharacters: false)
  }
}

extension SentenceVocabulary {
  /// What the sentences have that the vocabulary does not.
  public func unknownPieces(of sentences: [String]) -> UnknownPieces {
    UnknownPieces(
      sentences.flatMap { unknownPieces(of: $0) }, areCharacters: rule.unit == .characters)
  }
}
