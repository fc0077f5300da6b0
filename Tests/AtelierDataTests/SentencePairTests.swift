import AtelierData
import Foundation
import Testing
import Torch

struct SentencePairTests {
  private func words(_ longest: Int = 100, _ change: (inout SentencePairs.Reading) -> Void = { _ in })
    -> SentencePairs
  {
    var reading = SentencePairs.Reading()
    reading.longest = longest
    change(&reading)
    return SentencePairs(reading)
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func alignedFilesAreReadInEveryEncoding() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.en", "A cat.\r\nTwo dogs.\r\n")
      let german = "\u{FEFF}Eine Katze.\nZwei Hunde für uns.\n"
      let units = Array(german.utf16).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      try folder.write("train.de", units)
      let text = try SentencePairFiles(folder).read(.train)
      // By alphabet: de, then en.
      #expect(text.names == ("de", "en"))
      #expect(text.pairs.map(\.source) == ["Eine Katze.", "Zwei Hunde für uns."])
      #expect(text.pairs.map(\.target) == ["A cat.", "Two dogs."])
      let other = try SentencePairFiles(folder, source: "en", target: "de").read(.train)
      #expect(other.pairs[0].source == "A cat.")
      #expect(try SentencePairFiles(folder, isSwapped: true).read(.train).names == ("en", "de"))
      #expect(throws: DatasetError.self) { try SentencePairFiles(folder).read(.test) }
    }
  }

  @Test func wordsThatTrainingNeverMetAreNamed() throws {
    let words = try SentenceVocabulary(of: ["a red cat, here"], .init(.words))
    #expect(words.unknownPieces(of: "a blue cat, a blue dog!") == ["blue", "dog", "!"])
    #expect(words.unknownPieces(of: "a cat").isEmpty)
    let characters = try SentenceVocabulary(of: ["abc"], .init(.characters))
    #expect(characters.unknownPieces(of: "a日本a日") == ["日", "本"])
    let bytes = try SentenceVocabulary(of: ["abc"], .init(.bytes))
    #expect(bytes.unknownPieces(of: "日本").isEmpty)
  }

  @Test func faultsNameFileAndLine() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.en", "one\n\nthree\n")
      try folder.write("train.de", "eins\nzwei\ndrei\n")
      let empty = message { _ = try SentencePairFiles(folder).read(.train) }
      #expect(
        empty.contains("train.en") && empty.contains("line 2 is empty") && empty.contains("train.de is not"))
      try folder.write("train.de", "eins\n\n")
      let short = message { _ = try SentencePairFiles(folder).read(.train) }
      #expect(short.contains("train.de") && short.contains("ends after line 2") && short.contains("3 lines"))
      try folder.write("train.de", "eins\n\ndrei\n")
      #expect(try SentencePairFiles(folder).read(.train).emptyLines == [2])
      try folder.write("train.de", [UInt8]("eins\n\ndr".utf8) + [0xE9] + [UInt8]("i\n".utf8))
      let invalid = message { _ = try SentencePairFiles(folder).read(.train) }
      #expect(invalid.contains("train.de") && invalid.contains("byte 8 in line 3"))
      try FileManager.default.removeItem(at: folder.appendingPathComponent("train.de"))
      let alone = message { _ = try SentencePairFiles(folder).read(.train) }
      #expect(alone.contains("train.en has no partner"))
    }
  }

  @Test func tablesAreReadByTheirTitles() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.tsv", "Say \"hi\"\tSag „hi“\nTwo\tZwei\n")
      try folder.write("b/train.csv", "en,de,split\n\"A, b\",\"C, d\",train\nE,F,test\n")
      let first = try SentencePairFiles(folder).read(.train)
      #expect(first.pairs.map(\.source) == ["Say \"hi\"", "Two"])
      let csv = folder.appendingPathComponent("b/train.csv")
      #expect(try SentencePairFiles(csv).read(.train).pairs.map(\.target) == ["C, d"])
      #expect(try SentencePairFiles(csv).read(.test).pairs.map(\.source) == ["E"])
      #expect(try SentencePairFiles(csv, isSwapped: true).read(.test).pairs.map(\.source) == ["F"])
      try folder.write(
        "c.jsonl",
        "{\"translation\": {\"en\": \"A\", \"fr\": \"B\"}}\n{\"translation\": {\"fr\": \"D\", \"en\": \"C\"}}\n"
      )
      let lines = try SentencePairFiles(folder.appendingPathComponent("c.jsonl")).read(.train)
      #expect(lines.pairs.map(\.target) == ["B", "D"])
      try folder.write("d.tsv", "one\ttwo\nthree\n")
      let fault = message { _ = try SentencePairFiles(folder.appendingPathComponent("d.tsv")).read(.train) }
      #expect(fault.contains("d.tsv") && fault.contains("line 2"))
    }
  }

  @Test(arguments: [
    "The cat isn't here, is it?", "He said: \"no\" (twice) — 3.5 %.", "a-b  c/d", "定义控件的高度。",
  ])
  func wordsGiveTheSentenceBack(_ sentence: String) throws {
    let vocabulary = try SentenceVocabulary(of: [sentence], .init(.words))
    let tidy = sentence.split(separator: " ").joined(separator: " ")
    #expect(vocabulary.decode(vocabulary.encode(sentence)) == tidy)
    for unit in [SentenceVocabulary.Unit.characters, .bytes] {
      let other = try SentenceVocabulary(of: [sentence], .init(unit))
      #expect(other.decode(other.encode(sentence)) == sentence)
    }
  }

  @Test func specialTokensStandWhereTheyAreAskedFor() throws {
    let vocabulary = try SentenceVocabulary(
      of: ["b a b"], .init(.words), specials: .init(padding: 0, start: 5, end: 2))
    #expect(vocabulary.tokens == ["<pad>", "<unk>", "</s>", "b", "a", "<s>"])
    #expect(vocabulary.encode("b c a") == [5, 3, 1, 4, 2])
    let bytes = try SentenceVocabulary(of: [], .init(.bytes))
    #expect(bytes.count == 260 && bytes.decode(bytes.encode("é")) == "é")
    let rare = try SentenceVocabulary(of: ["a a b"], .init(.words), minimumCount: 2)
    #expect(rare.count == 5)
    let limited = try SentenceVocabulary(of: ["a a b b b c"], .init(.words), limit: 6)
    #expect(limited.tokens.suffix(2) == ["b", "a"])
    let composed = SentenceVocabulary.Rule(.words, lowercases: true, normalization: .nfkc)
    #expect(composed.pieces("Ｃafe\u{301}") == ["café"])
  }

  @Test func batchesArePaddedAndOfSimilarLength() throws {
    try withTemporaryFolder { folder in
      let lines = (0..<40).map { Array(repeating: "w\($0 % 3)", count: 1 + $0 % 10).joined(separator: " ") }
      try folder.write("train.a", lines.joined(separator: "\n"))
      try folder.write("train.b", lines.joined(separator: "\n"))
      var artefacts = Artefacts()
      let arrangement = words(9) { $0.batchTokens = 30 }
      let opening = DataOpening([])
      let part = try arrangement.survey(folder, opening, &artefacts)
      let dataset = try #require(part.dataset as? SentencePairDataset)
      // Sentences of 8 to 10 words with their two ends are too long.
      #expect(dataset.count == 28 && dataset.description.notes.contains { $0.hasPrefix("12 of 40") })
      var generator = SeededGenerator(seed: 3)
      let order = try #require(dataset.order(pass: 0, batchSize: 4, using: &generator))
      #expect(order.flatMap { $0 }.sorted() == Array(0..<28))
      for batch in order {
        let fields = try dataset.batch(at: batch)
        let shape = try #require(fields["source"]?.shape)
        #expect(shape[0] == batch.count && shape[0] * shape[1] <= 30)
      }
      let again = try arrangement.open(folder, .train, opening, artefacts)
      #expect(again.dataset?.description.fingerprint == dataset.description.fingerprint)
      let loader = try Loader(dataset, batchSize: 4, seed: 5)
      for _ in 0..<7 { _ = try loader.next() }
      let position = loader.position
      let next = try loader.next()
      let other = try Loader(dataset, batchSize: 4, seed: 5)
      try other.seek(to: position)
      #expect(try other.next() == next)
    }
  }

  @Test func theCheckNamesWhatSpoilsATranslator() throws {
    try withTemporaryFolder { folder in
      let lines = (0..<30).map { "sentence number \($0) is here" }
      let long = Array(repeating: "long", count: 120).joined(separator: " ")
      try folder.write(
        "train.en", (lines + ["", long, "one", "sentence number 3 is here"]).joined(separator: "\n"))
      try folder.write(
        "train.fr",
        (lines.map { $0.uppercased() } + ["", long, "a b c d e f g h i j", "SENTENCE NUMBER 3 IS HERE"])
          .joined(
            separator: "\n"))
      try folder.write("test.en", "sentence number 4 is here\nnew\n")
      try folder.write("test.fr", "SENTENCE NUMBER 4 IS HERE\nNEW\n")
      let report = try checkData(at: folder)
      #expect(report.layout == .sentencePairs && report.isUsable)
      let kinds = Set(report.findings.map(\.kind))
      #expect(
        kinds.isSuperset(of: [
          .emptyPairs, .longPairs, .lengthRatio, .untranslated, .exactDuplicates, .leakage,
        ]))
      #expect(report.parts.map(\.count) == [33, 2])
      #expect(report.findings.contains { $0.kind == .leakage && $0.message.contains("test[1]") })
    }
  }

  @Test func languagesWithoutSpacesAreCountedInCharacters() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.en", "A table\nThe cell\n")
      try folder.write("train.zh", "表格\n单元格\n")
      let tallies = try checkData(at: folder).parts[0].text
      #expect(tallies.map(\.name).prefix(3) == ["words of en", "distinct words of en", "characters of zh"])
      #expect(tallies.map(\.count).prefix(4) == [4, 4, 5, 4])
    }
  }
}

struct TranslationSetTests {
  @Test func helpAndMenusBecomeSentencePairs() throws {
    try withTemporaryFolder { folder in
      func page(_ sentences: [String]) -> String {
        let paragraphs = sentences.enumerated().map { "<p id=\"par_id\($0)\" class=\"paragraph\">\($1)</p>" }
        return "<html><body><h1 id=\"hd_id9\">\(sentences[0])</h1>\(paragraphs.joined())</body></html>"
      }
      let help = "x/usr/share/libreoffice/help"
      for number in 0..<40 {
        try folder.write(
          "\(help)/en-US/text/p\(number).html",
          page([
            "Press <span class=\"key\">F\(number)</span> &amp; wait<span hidden=\"true\" class=\"MAC\">Command <span>x</span></span>.",
            "Same here too \(number)", "if {x} then end \(number)",
          ]))
        try folder.write(
          "\(help)/de/text/p\(number).html",
          page([
            "Drücken Sie F\(number) &amp; warten Sie.", "Same here too \(number)", "wenn {x} dann \(number)",
          ]))
      }
      // A catalogue of one message with a context.
      let (original, translation) = (
        Array("menu\u{04}_Save all files".utf8), Array("Alle Dateien ~speichern".utf8)
      )
      func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(number >> (8 * $0) & 255) } }
      let catalogue =
        [0x9504_12DE, 0, 1, 28, 36, 0, 0].flatMap(bytes) + bytes(original.count) + bytes(44)
        + bytes(translation.count) + bytes(44 + original.count) + original + translation
      try folder.write("x/usr/lib/libreoffice/program/resource/de/LC_MESSAGES/a.mo", catalogue)
      let target = folder.appendingPathComponent("pairs")
      let report = try TranslationSet.prepare(
        to: target, language: "de", root: folder.appendingPathComponent("x"))
      #expect(report.written == 6 && report.leftOut.contains { $0.contains("not translated") })
      let files = SentencePairFiles(target, source: "en", target: "de")
      let all = try DatasetSplit.allCases.flatMap { try files.read($0).pairs }
      #expect(all.count == 41)
      #expect(all.contains { $0.source == "Press F7 & wait." && $0.target == "Drücken Sie F7 & warten Sie." })
      #expect(all.contains { $0.source == "Save all files" && $0.target == "Alle Dateien speichern" })
      #expect(throws: DatasetError.self) {
        try TranslationSet.prepare(to: folder.appendingPathComponent("no"), language: "de", root: folder)
      }
    }
  }
}
