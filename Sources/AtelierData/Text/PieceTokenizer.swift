/// Running text in the pieces of a SentencePiece model, line by line: a line's end is a token of its own.
///
/// The end of a line is the model's piece of the line feed, where it has one, else its byte piece, else its piece for the
/// end of a sentence.
public struct PieceTokenizer: TextTokenizer {
  /// The artefact of the model.
  public static let artefactName = "tokens.model"

  /// The model.
  public let model: SentencePieceModel
  /// The token that ends a line.
  public let lineEnd: Int
  /// The piece that ends a sentence, where lines do not end in it.
  public let documentEnd: Int?
  private let marks: [String: Int]

  /// A tokeniser of a model.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where the model has nothing that can end a line.
  public init(_ model: SentencePieceModel) throws(DatasetError) {
    self.model = model
    var marks: [String: Int] = [:]
    let places = Dictionary(zip(model.pieces, model.pieces.indices), uniquingKeysWith: { first, _ in first })
    for mark in ["\n", DocumentMarks.field, DocumentMarks.end] {
      let byte = places[SentenceVocabulary.name(ofByte: mark.utf8.first ?? 0)]
      marks[mark] = places[mark] ?? byte.flatMap { model.byte(of: $0) == nil ? nil : $0 }
    }
    self.marks = marks
    guard let lineEnd = marks["\n"] ?? model.end else {
      throw .invalid(
        reason:
          "the SentencePiece model has no piece that could end a line; train it with spm_train --byte_fallback, "
          + "or without --eos_id=-1")
    }
    self.lineEnd = lineEnd
    documentEnd = lineEnd == model.end ? nil : model.end
  }

  /// The number of pieces.
  public var count: Int { model.count }

  /// The pieces of every line, and the ends of lines.
  public func encode(_ text: [UInt8]) throws(DatasetError) -> [Int] {
    guard let string = String(validating: text, as: UTF8.self) else {
      throw .invalid(reason: "the text is not UTF-8; convert it, or use the unit bytes")
    }
    return try encodePrompt(string)
  }

  /// The same of a text that goes on: its last line has no end.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a mark of documents that the model has no piece for.
  public func encodePrompt(_ prompt: String) throws(DatasetError) -> [Int] {
    if prompt == DocumentMarks.field || prompt == DocumentMarks.end {
      guard let mark = marks[prompt] else {
        throw .invalid(
          reason:
            "the SentencePiece model has no piece for U+00\(prompt == DocumentMarks.end ? "03" : "1F"), which sets "
            + "the parts of documents apart; train it with spm_train --byte_fallback")
      }
      return [mark]
    }
    var tokens: [Int] = []
    let lines = prompt.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if index > 0 { tokens.append(lineEnd) }
      if !line.isEmpty { tokens += model.encode(String(line)) }
    }
    return tokens
  }

  /// What a piece adds: one that begins with a space is a word.
  public func addition(of token: Int) -> TokenAddition {
    if token == lineEnd { return .characters("\n") }
    if let byte = model.byte(of: token) { return .bytes([byte]) }
    guard model.pieces.indices.contains(token), token == model.unknown || !model.isSpecial(token) else {
      return .characters("")
    }
    if token == model.unknown { return .characters("⁇") }
    let text = String(
      String.UnicodeScalarView(model.pieces[token].unicodeScalars.map { $0 == "▁" ? " " : $0 }))
    return text.hasPrefix(" ") ? .word(String(text.unicodeScalars.dropFirst())) : .characters(text)
  }

  /// The text of tokens.
  public func decode(_ tokens: [Int]) -> String {
    tokens.split(separator: lineEnd, omittingEmptySubsequences: false).map { model.decode(Array($0)) }
      .joined(separator: "\n")
  }
}

extension TokenNames {
  /// The pieces of running text.
  public init(_ tokenizer: PieceTokenizer) {
    self.init(decode: { tokenizer.decode($0) }, encode: { try tokenizer.encodePrompt($0) })
  }
}
