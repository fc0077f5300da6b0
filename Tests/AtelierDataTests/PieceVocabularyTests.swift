import AtelierData
import Foundation
import Testing

/// Vocabularies of SentencePiece's pieces. Expected numbers are those of spm_encode with the models of
/// `Tests/Fixtures/SentencePiece`; see `SentencePieceTests`.
@Suite(.enabled(if: SentencePieceModel.isAvailable)) struct PieceVocabularyTests {
  private func file(_ name: String) -> URL { SentencePieceTests.fixtures.appendingPathComponent(name) }

  private func model(_ name: String) throws -> SentencePieceModel {
    try SentencePieceModel(Data(contentsOf: file(name)))
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  private func pairs(_ change: (inout SentencePairs.Reading) -> Void) -> SentencePairs {
    var reading = SentencePairs.Reading()
    (reading.sourceRule, reading.targetRule) = (.init(.unigram), .init(.bpe))
    reading.sourceLanguage = "en"
    change(&reading)
    return SentencePairs(reading)
  }

  private func withPairs(_ body: (URL) throws -> Void) throws {
    let lines = String(decoding: try Data(contentsOf: file("sentences.txt")), as: UTF8.self)
    try withTemporaryFolder { folder in
      try folder.write("train.en", lines)
      try folder.write("train.de", lines)
      try body(folder)
    }
  }

  @Test func tokensAreTheModelsIdsWhereItsSpecialPiecesStandAsAsked() throws {
    let vocabulary = try SentenceVocabulary(.init(.unigram), specials: .init(), model: model("unigram.model"))
    #expect(
      vocabulary.encode("The oldest cat sat on the boat.")
        == [2, 16, 12, 4, 57, 27, 43, 49, 9, 4, 20, 8, 5, 42, 18, 6, 3])
    #expect(
      vocabulary.tokens[16] == "▁T" && vocabulary.tokens[1] == "<pad>" && vocabulary.encode("") == [2, 3])
    #expect(vocabulary.decode([2, 16, 12, 4, 57, 3, 9]) == "The old")
    #expect(vocabulary.decode([16, 12, 999]) == "The ⁇ ")
  }

  @Test func otherPiecesFollowAroundSpecialTokensThatTheModelHasElsewhere() throws {
    // The model has unknown 0, start 1, end 2 and no padding; here padding is 1, start 2 and end 3.
    let moved = try SentenceVocabulary(.init(.bpe), specials: .init(), model: model("bpe.model"))
    #expect(moved.count == 111)
    #expect(
      moved.encode("The oldest cat sat on the boat.")
        == [2] + [25, 73, 77, 28, 12, 53, 58, 31, 8, 61, 85].map { $0 + 1 } + [3])
    #expect(
      moved.decode(moved.encode("Der Hund läuft über die Straße.")) == "Der Hund läuft über die Straße.")
    // Padding behind all pieces leaves the ids as they are.
    let kept = try SentenceVocabulary(
      .init(.bpe), specials: .init(padding: 110, start: 1, end: 2), model: model("bpe.model"))
    #expect(kept.count == 111 && kept.encode("The") == [1, 25, 2] && kept.decode([25, 110]) == "The")
    #expect(
      refusal { _ = try SentenceVocabulary(.init(.unigram), specials: .init(), model: model("bpe.model")) }
        .contains("a bpe model, and the unit is unigram"))
  }

  @Test func theRunKeepsTheModelBesideItsVocabulary() throws {
    try withPairs { folder in
      var artefacts = Artefacts()
      let arrangement = pairs { $0.vocabularyLimit = 100 }
      _ = try arrangement.survey(folder, DataOpening([]), &artefacts)
      #expect(
        artefacts.contents.keys.sorted() == [
          "source-vocabulary.json", "source-vocabulary.model", "target-vocabulary.json",
          "target-vocabulary.model",
        ])
      #expect(Set(artefacts.contents.keys).isSubset(of: arrangement.numberingArtefacts))
      let source = try artefacts.sentenceVocabulary(SentencePairs.sourceArtefact)
      #expect(
        source.model?.kind == .unigram && source.model?.data == artefacts.contents["source-vocabulary.model"])
      let target = try artefacts.sentenceVocabulary(SentencePairs.targetArtefact)
      #expect(target.decode(target.encode("Wir lesen Bücher.")) == "Wir lesen Bücher.")
      // A model of another run, and none.
      var other = artefacts
      other.contents["source-vocabulary.model"] = artefacts.contents["target-vocabulary.model"]
      #expect(
        refusal { _ = try other.sentenceVocabulary(SentencePairs.sourceArtefact) }.contains(
          "'source-vocabulary.model' is another model"))
      other.contents["source-vocabulary.model"] = nil
      #expect(
        refusal { _ = try other.sentenceVocabulary(SentencePairs.sourceArtefact) }.contains("is missing"))
      let old = #"{"rule":{"lowercases":false,"normalization":"nfc","unit":"subwords"},"tokens":[]}"#
      other.contents[SentencePairs.sourceArtefact] = Data(old.utf8)
      let sentence = refusal { _ = try other.sentenceVocabulary(SentencePairs.sourceArtefact) }
      #expect(sentence.contains("no longer has") && sentence.contains("unigram or bpe"))
    }
  }

  @Test func bothLanguagesCanHaveOneModel() throws {
    try withPairs { folder in
      var artefacts = Artefacts()
      _ = try pairs {
        $0.isShared = true
        $0.vocabularyLimit = 100
      }.survey(folder, DataOpening([]), &artefacts)
      #expect(artefacts.contents["source-vocabulary.model"] == artefacts.contents["target-vocabulary.model"])
    }
  }

  @Test func aModelOfTheUserIsTakenOnceAndKept() throws {
    try withPairs { folder in
      let path = folder.appendingPathComponent("own.model")
      try FileManager.default.copyItem(at: file("unigram.model"), to: path)
      let arrangement = pairs {
        $0.sourceModel = GivenPieces(path.path, key: "sourceModel")
        $0.vocabularyLimit = 100
      }
      var artefacts = Artefacts()
      _ = try arrangement.survey(folder, DataOpening([]), &artefacts)
      #expect(artefacts.contents["source-vocabulary.model"] == (try Data(contentsOf: path)))
      // The same file again, and none at all.
      _ = try arrangement.survey(folder, DataOpening([]), &artefacts)
      try FileManager.default.removeItem(at: path)
      _ = try arrangement.survey(folder, DataOpening([]), &artefacts)
      // Another one.
      try FileManager.default.copyItem(at: file("bytes.model"), to: path)
      let other = refusal { _ = try arrangement.survey(folder, DataOpening([]), &artefacts) }
      #expect(other.contains("own.model") && other.contains("sourceModel") && other.contains("another model"))
      var fresh = Artefacts()
      try Data("no model".utf8).write(to: path)
      let damaged = refusal { _ = try arrangement.survey(folder, DataOpening([]), &fresh) }
      #expect(damaged.contains("own.model") && damaged.contains("no SentencePiece model"))
      try FileManager.default.removeItem(at: path)
      #expect(
        refusal { _ = try arrangement.survey(folder, DataOpening([]), &fresh) }.contains("cannot be read"))
    }
  }
}
