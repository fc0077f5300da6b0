import AtelierData
import Foundation
import Testing
import Torch

struct TextTests {
  @Test func aTextIsDividedByPositionAtEndsOfLines() throws {
    try withTemporaryFolder { folder in
      let text = (0..<100).map { "line \($0 + 100)\n" }.joined()
      try folder.write("book.txt", text)
      let corpus = try openText(at: folder.appendingPathComponent("book.txt"))
      #expect(corpus.train + corpus.validation + corpus.test == Array(text.utf8))
      #expect(corpus.train.last == 10 && corpus.validation.last == 10)
      #expect(corpus.train.count == 91 * 9 && corpus.validation.count == 5 * 9)
      #expect(try openText(at: folder).part(.test) == corpus.test)
    }
  }

  @Test func partsOfAFolderAreTakenAsTheyAre() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.txt", "a b\n")
      try folder.write("valid.txt", "c\n")
      try folder.write("test.txt", "d\n")
      let corpus = try openText(at: folder)
      #expect(corpus.part(.train) == Array("a b\n".utf8))
      #expect(corpus.part(.validation) == Array("c\n".utf8))
      #expect(corpus.part(.test) == Array("d\n".utf8))
    }
  }

  @Test func charactersAreNeverCutInTwo() throws {
    try withTemporaryFolder { folder in
      try folder.write("a.txt", String(repeating: "ß", count: 501))
      let corpus = try openText(at: folder.appendingPathComponent("a.txt"))
      for part in [corpus.train, corpus.validation, corpus.test] {
        #expect(String(validating: part, as: UTF8.self) != nil && !part.isEmpty)
      }
    }
  }

  @Test func tooLittleTextAndNoTextAreErrors() throws {
    try withTemporaryFolder { folder in
      #expect(throws: DatasetError.self) { try openText(at: folder) }
      try folder.write("a.txt", "short")
      #expect(throws: DatasetError.self) { try openText(at: folder.appendingPathComponent("a.txt")) }
      #expect(throws: DatasetError.self) { try openText(at: folder.appendingPathComponent("none.txt")) }
    }
  }
}

struct VocabularyTests {
  let text = Array("the cat  saw\nthe dog\n\nno end".utf8)

  @Test func wordsAreNumberedByFirstAppearanceAndLinesEnd() throws {
    let words = try Vocabulary(of: text, unit: .words)
    #expect(words.tokens == ["the", "cat", "saw", "<eos>", "dog", "no", "end", "<unk>"])
    #expect(try words.encode(text) == [0, 1, 2, 3, 0, 4, 3, 3, 5, 6, 3])
    #expect(words.decode([0, 1, 2, 3, 0, 4, 3]) == "the cat saw\nthe dog\n")
    #expect(try words.encode(Array("the bird\n".utf8)) == [0, 7, 3])
    #expect(try words.encodePrompt("the cat") == [0, 1])
    #expect(try words.encodePrompt("the cat\n") == [0, 1, 3])
    #expect(try words.encodePrompt("") == [])
  }

  @Test func rareWordsAreUnknown() throws {
    let words = try Vocabulary(of: text, unit: .words, minimumCount: 2)
    #expect(words.tokens == ["the", "<eos>", "<unk>"])
    #expect(try words.encode(Array("the cat\n".utf8)) == [0, 2, 1])
    #expect(try Vocabulary(of: Array("<unk> a\n".utf8), unit: .words).tokens == ["<unk>", "a", "<eos>"])
  }

  @Test func whatAVocabularyLacksIsNamedOnce() throws {
    let words = try Vocabulary(of: Array("the cat sat\n".utf8), unit: .words)
    #expect(
      try words.unknownPieces(of: "the dog sat\non a dog")
        == UnknownPieces(["dog", "on", "a"], areCharacters: false))
    let characters = try Vocabulary(of: Array("cat".utf8), unit: .characters)
    #expect(try characters.unknownPieces(of: "cot o") == UnknownPieces(["o", " "], areCharacters: true))
    #expect(try Vocabulary(of: [], unit: .bytes).unknownPieces(of: "☃").pieces.isEmpty)
  }

  @Test func charactersAndBytes() throws {
    let characters = try Vocabulary(of: Array("añb\n".utf8), unit: .characters)
    #expect(characters.count == 5)
    #expect(try characters.decode(characters.encode(Array("bañ\n".utf8))) == "bañ\n")
    #expect(try characters.encode(Array("x".utf8)) == [4])
    let bytes = try Vocabulary(of: [], unit: .bytes)
    #expect(bytes.count == 256 && bytes.unknownIndex == nil)
    #expect(try bytes.encode([0, 255]) == [0, 255])
    #expect(try bytes.decode(bytes.encode(Array("ñ".utf8))) == "ñ")
    #expect(throws: DatasetError.self) { try Vocabulary(of: [0xFF], unit: .words) }
  }

  @Test func vocabulariesAreSavedAndCheckedWhenRead() throws {
    let words = try Vocabulary(of: text, unit: .words)
    #expect(try JSONDecoder().decode(Vocabulary.self, from: JSONEncoder().encode(words)) == words)
    for json in [
      #"{"unit": "words", "tokens": ["a", "a", "<unk>"]}"#, #"{"unit": "words", "tokens": ["a"]}"#,
    ] {
      #expect(throws: DatasetError.self) { try JSONDecoder().decode(Vocabulary.self, from: Data(json.utf8)) }
    }
  }
}

struct TokenStreamTests {
  /// The alphabet in four columns, as the comment in pytorch/examples draws it.
  @Test func theTextStandsInColumnsAndIsCutIntoPieces() throws {
    let stream = try TokenStream(Array(0..<26), batchSize: 4, sequenceLength: 2)
    #expect(stream.piecesPerEpoch == 3 && stream.targetsPerEpoch == 20)
    let first = stream.next()
    #expect(first["token"] == HostTensor([0, 6, 12, 18, 1, 7, 13, 19], shape: [2, 4]))
    #expect(first["target"] == HostTensor([1, 7, 13, 19, 2, 8, 14, 20], shape: [2, 4]))
    #expect(first.isFirst && first.epoch == 0)
    let second = stream.next()
    #expect(!second.isFirst)
    let last = stream.next()
    #expect(last["token"] == HostTensor([4, 10, 16, 22], shape: [1, 4]))
    #expect(last["target"] == HostTensor([5, 11, 17, 23], shape: [1, 4]))
    let again = stream.next()
    #expect(again.fields == first.fields && again.isFirst && again.epoch == 1)
  }

  @Test func resumingContinuesTheText() throws {
    let stream = try TokenStream(Array(0..<50), batchSize: 3, sequenceLength: 4)
    for steps in 0..<7 {
      let resumed = try TokenStream(Array(0..<50), batchSize: 3, sequenceLength: 4)
      let saved = try JSONEncoder().encode(stream.position)
      try resumed.seek(to: JSONDecoder().decode(TokenStream.Position.self, from: saved))
      #expect(stream.next() == resumed.next(), "after \(steps) pieces")
    }
    let other = try TokenStream(Array(1..<51), batchSize: 3, sequenceLength: 4)
    #expect(throws: DatasetError.self) { try other.seek(to: stream.position) }
  }

  @Test func tooFewTokensAreAnError() {
    #expect(throws: DatasetError.self) { try TokenStream([1, 2, 3], batchSize: 2, sequenceLength: 4) }
    #expect(throws: DatasetError.self) { try TokenStream([1, 2, 3], batchSize: 1, sequenceLength: 0) }
  }
}
