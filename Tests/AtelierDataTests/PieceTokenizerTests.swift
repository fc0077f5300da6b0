import AtelierData
import Foundation
import Testing

/// Running text in SentencePiece's pieces; see `SentencePieceTests` for where the expected numbers come from.
@Suite(.enabled(if: SentencePieceModel.isAvailable)) struct PieceTokenizerTests {
  private func tokenizer(_ name: String) throws -> PieceTokenizer {
    let file = SentencePieceTests.fixtures.appendingPathComponent(name)
    return try PieceTokenizer(SentencePieceModel(Data(contentsOf: file)))
  }

  @Test func linesAreEncodedEachByItselfAndEndInATokenOfTheirOwn() throws {
    let bytes = try tokenizer("bytes.model")
    // <0x0A> is piece 13, as <unk>, <s>, </s> and <0x00> are 0 to 3.
    #expect(bytes.lineEnd == 13 && bytes.documentEnd == 2)
    #expect(
      try bytes.encode(Array("ﬁne Ärger\n\nﬁ".utf8)) == [
        260, 285, 311, 259, 260, 322, 274, 319, 274, 13, 13, 260, 285, 266,
      ])
    #expect(try bytes.encodePrompt("") == [] && bytes.encodePrompt(DocumentMarks.field) == [34])
    #expect(try bytes.decode(bytes.encode(Array("The cat\n\n sat 7 ☃\n".utf8))) == "The cat\n\nsat 7 ☃\n")
    let plain = try tokenizer("bpe.model")
    #expect(plain.lineEnd == 2 && plain.documentEnd == nil)
    #expect(throws: DatasetError.self) { try plain.encodePrompt(DocumentMarks.end) }
    #expect(throws: DatasetError.self) { try plain.encode([0xFF]) }
  }

  @Test func wordsWithCharactersThatHaveNoPieceAreUnknown() throws {
    #expect(try tokenizer("bytes.model").unknownPieces(of: "The ☃").pieces.isEmpty)
    #expect(try tokenizer("bpe.model").unknownPieces(of: "The ☃ cat ☃").pieces == ["☃"])
  }

  @Test func aPieceSaysWhatItAdds() throws {
    let bytes = try tokenizer("bytes.model")
    #expect(bytes.addition(of: 13) == .characters("\n") && bytes.addition(of: 14) == .bytes([11]))
    #expect(bytes.addition(of: 1) == .characters("") && bytes.addition(of: 10_000) == .characters(""))
    #expect(bytes.addition(of: 270) == .word("T") && bytes.addition(of: 260) == .word(""))
    #expect(bytes.addition(of: 268) == .characters("he"))
  }

  @Test func runningTextLearnsPiecesThatGiveItBack() throws {
    let lines = String(
      decoding: try Data(contentsOf: SentencePieceTests.fixtures.appendingPathComponent("sentences.txt")),
      as: UTF8.self)
    try withTemporaryFolder { folder in
      try folder.write("train.txt", lines)
      try folder.write("valid.txt", "The cat, ☃\n  has two spaces\n")
      let tokens = TextTokens.pieces(.init(.bpe, size: 400, isLossless: true), nil)
      let arrangement = RunningText(tokens, windows: true)
      var artefacts = Artefacts()
      _ = try arrangement.survey(folder, DataOpening([]), &artefacts)
      #expect(Array(artefacts.contents.keys) == ["tokens.model"])
      let learned = try tokens.tokenizer(in: artefacts)
      let text = "The cat, ☃\n  has two spaces\n"
      let pieces = try #require(learned as? PieceTokenizer)
      #expect(try pieces.decode(learned.encode(Array(text.utf8))) == text)
      _ = try arrangement.open(folder, .validation, DataOpening([]), artefacts)
      #expect(throws: DatasetError.self) { try tokens.tokenizer(in: Artefacts()) }
      let other = TextTokens.pieces(
        .init(.unigram), GivenPieces(SentencePieceTests.fixtures.path + "/bpe.model", key: "tokenModel"))
      var fresh = Artefacts()
      #expect(throws: DatasetError.self) {
        try RunningText(other).survey(folder, DataOpening([]), &fresh)
      }
      #expect(fresh.contents.isEmpty)
    }
  }
}
