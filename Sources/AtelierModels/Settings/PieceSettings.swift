public import AtelierCore
public import AtelierData

/// The keys of pieces of words, for systems of running text.
public struct PieceSettings: ConfigurationFragment {
  /// A SentencePiece model of your own for `tokenUnit` unigram or bpe, the path of a `.model` file; null: learned from
  /// the training text. The run keeps its content.
  public var tokenModel: String?
  /// The most pieces that SentencePiece learns, characters and bytes included.
  public var vocabularyLimit = 8000
  /// The share of the text's characters that pieces cover, where SentencePiece learns them; 0.98 to 1. The others are
  /// spelled in bytes.
  public var characterCoverage = 0.9995

  /// 8000 pieces.
  public init() {}

  /// What the tokens of a text are.
  func tokens(_ unit: TokenUnit, minimumCount: Int) -> TextTokens {
    switch unit {
    case .word: .vocabulary(.words, minimumCount: minimumCount)
    case .character: .vocabulary(.characters, minimumCount: minimumCount)
    case .byte: .vocabulary(.bytes, minimumCount: minimumCount)
    case .subword: .byteLevelBPE
    case .unigram: .pieces(training(.unigram), GivenPieces(tokenModel, key: "tokenModel"))
    case .bpe: .pieces(training(.bpe), GivenPieces(tokenModel, key: "tokenModel"))
    }
  }

  private func training(_ kind: SentencePieceModel.Kind) -> SentencePieceModel.Training {
    SentencePieceModel.Training(
      kind, size: vocabularyLimit, characterCoverage: characterCoverage, isLossless: true)
  }

  /// Checks the values.
  func validate(_ unit: TokenUnit) throws(ConfigurationError) {
    try Checks.positive(["vocabularyLimit": vocabularyLimit])
    try Checks.require(
      (0.98...1).contains(characterCoverage),
      "characterCoverage lies in 0.98 … 1, not at \(characterCoverage)")
    try Checks.require(
      tokenModel == nil || unit == .unigram || unit == .bpe,
      "tokenModel names a SentencePiece model, and tokenUnit is \(unit.rawValue); set it to unigram or bpe")
  }
}
