public import Foundation

/// What the tokens of running text are, and where their tokeniser comes from.
public enum TextTokens: Sendable, Hashable {
  /// Those of the training text that occur so often.
  case vocabulary(Vocabulary.Unit, minimumCount: Int)
  /// Those of GPT-2's two files beside the text.
  case byteLevelBPE
  /// Pieces of words by SentencePiece, learned from the training text, or of the user's model.
  case pieces(SentencePieceModel.Training, GivenPieces?)

  /// The artefacts that hold the tokeniser.
  public var artefactNames: [String] {
    switch self {
    case .vocabulary: [RunningText.artefactName]
    case .byteLevelBPE: ByteLevelBPE.artefactNames
    case .pieces: [PieceTokenizer.artefactName]
    }
  }

  /// Whether bytes that are no UTF-8 have no tokens.
  var needsUTF8: Bool { if case .vocabulary(.bytes, _) = self { false } else { true } }

  /// The tokeniser of the artefacts; where it is missing, it is made and stored.
  ///
  /// - Parameters:
  ///   - place: the folder or file of the text, beside which GPT-2's files lie.
  ///   - text: the training text.
  /// - Throws: ``DatasetError`` where it cannot be made, or is damaged.
  func survey(
    _ artefacts: inout Artefacts, beside place: URL, text: () throws -> [UInt8]
  ) throws -> any TextTokenizer {
    switch self {
    case .vocabulary(let unit, let minimumCount):
      return try artefacts.value(RunningText.artefactName) {
        try Vocabulary(of: text(), unit: unit, minimumCount: minimumCount)
      }
    case .byteLevelBPE:
      try artefacts.addBytePairs(besideTextAt: place)
    case .pieces(let training, let given):
      let kept = artefacts.contents[PieceTokenizer.artefactName]
      if let kept {
        try given?.check(against: kept)
      } else {
        let model = try given?.read() ?? Self.learned(training, text())
        guard model.kind == training.kind else {
          throw DatasetError.invalid(
            reason:
              "the SentencePiece model is \(model.kind.map { "a \($0.rawValue) model" } ?? "of another kind"), and "
              + "tokenUnit is \(training.kind.rawValue); set the unit that it has")
        }
        artefacts.contents[PieceTokenizer.artefactName] = model.data
      }
    }
    return try tokenizer(in: artefacts)
  }

  private static func learned(
    _ training: SentencePieceModel.Training, _ text: [UInt8]
  ) throws(DatasetError) -> SentencePieceModel {
    guard let string = String(validating: text, as: UTF8.self) else {
      throw .invalid(reason: "the text is not UTF-8; convert it, or use the unit bytes")
    }
    // The marks of documents are no text.
    let plain = string.replacing(" \(DocumentMarks.field) ", with: "\n").replacing(
      " \(DocumentMarks.end)", with: "")
    return try SentencePieceModel(
      of: plain.unicodeScalars.split(separator: "\n").lazy.map { String($0) }, training)
  }

  /// The tokeniser that the artefacts hold.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where it is missing, damaged or of another unit.
  public func tokenizer(in artefacts: Artefacts) throws -> any TextTokenizer {
    switch self {
    case .vocabulary(let unit, _):
      let vocabulary = try artefacts.decode(Vocabulary.self, RunningText.artefactName)
      guard vocabulary.unit == unit else {
        throw DatasetError.invalid(
          reason: "tokenUnit says \(unit.rawValue), but the artefact '\(RunningText.artefactName)' holds "
            + vocabulary.unit.rawValue)
      }
      return vocabulary
    case .byteLevelBPE: return try ByteLevelBPE(artefacts)
    case .pieces:
      let name = PieceTokenizer.artefactName
      guard let data = artefacts.contents[name] else {
        throw DatasetError.invalid(
          reason: "the artefact '\(name)' is missing; train on the data again, or use the whole run folder")
      }
      do { return try PieceTokenizer(SentencePieceModel(data)) } catch {
        guard case .invalid(let reason) = error, SentencePieceModel.isAvailable else { throw error }
        throw DatasetError.invalid(
          reason: "the artefact '\(name)' is damaged (\(reason)); use the whole run folder as it was saved")
      }
    }
  }

  /// The same, and nil where the artefacts hold none, unless bytes are the tokens, which need none.
  public func tokenizerIfPresent(in artefacts: Artefacts) throws -> (any TextTokenizer)? {
    if artefactNames.contains(where: { artefacts.contents[$0] != nil }) {
      return try tokenizer(in: artefacts)
    }
    if case .vocabulary(.bytes, _) = self { return try Vocabulary(unit: .bytes, tokens: []) }
    return nil
  }

  /// The texts of tokens; none for GPT-2's.
  func names(in artefacts: Artefacts) throws -> FieldNames {
    switch try tokenizer(in: artefacts) {
    case let vocabulary as Vocabulary: FieldNames(tokens: TokenNames(vocabulary))
    case let pieces as PieceTokenizer: FieldNames(tokens: TokenNames(pieces))
    default: FieldNames()
    }
  }
}
