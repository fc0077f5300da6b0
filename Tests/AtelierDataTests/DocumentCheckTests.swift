import AtelierData
import Foundation
import Testing

/// What `data check` says of documents and labelled texts.
struct DocumentCheckTests {
  private func lines(_ rows: [[String: String]]) throws -> String {
    try rows.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }.joined(separator: "\n")
      + "\n"
  }

  private func documents(_ range: Range<Int>) -> [[String: String]] {
    range.map { ["title": "title \($0)", "text": "the text number \($0) has nine words in all"] }
  }

  /// What training says when it opens the same data.
  private func refusal(_ arrangement: some DataArrangement, _ place: URL, _ split: DatasetSplit) -> String {
    var artefacts = Artefacts()
    do {
      _ = try arrangement.survey(place, DataOpening([]), &artefacts)
      _ = try arrangement.open(place, split, DataOpening([]), artefacts)
      return ""
    } catch { return "\(error)" }
  }

  @Test func documentsAreCountedByTheirFields() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.jsonl", try lines(documents(0..<30)))
      try folder.write("test.jsonl", try lines(documents(30..<33)))
      let report = try checkData(at: folder, suggesting: { $0 == .documents ? "gpt" : nil })
      #expect(report.layout == .documents && report.isUsable)
      // The test file is not counted for the missing one of validation.
      #expect(report.parts.map(\.count) == [30, 3])
      let tallies = Dictionary(
        uniqueKeysWithValues: report.parts[1].text.prefix(1).map { ($0.name, $0.count) })
      #expect(tallies == ["words of text": 27])
      #expect(report.parts[0].text.map(\.name).contains("words of title"))
      #expect(report.suggestedCommand?.contains("train gpt") == true)
      #expect(report.suggestedCommand?.contains("--set 'conditionFields=[title]' --epochs") == true)
      #expect(report.description.contains("train: 30 documents"))
      #expect(!report.findings.contains { $0.kind == .nothingHeldOut })
    }
  }

  @Test func linesOfATableMayEndAsOnWindows() throws {
    try withTemporaryFolder { folder in
      try folder.write("a.jsonl", "{\"file\": \"1.png\", \"label\": \"x\"}\r\n{\"file\": \"2.png\"}\r\n")
      let table = try LabelTable(folder.appendingPathComponent("a.jsonl"))
      #expect(table.rows == [["file": "1.png", "label": "x"], ["file": "2.png"]])
    }
  }

  @Test func whatSpoilsDocumentsIsNamed() throws {
    try withTemporaryFolder { folder in
      var training = documents(0..<30)
      training[4]["text"] = ""
      training[5]["title"] = nil
      training[6]["text"] = Array(repeating: "long", count: 600).joined(separator: " ")
      training[7] = training[8]
      var test = documents(30..<33)
      test[0] = training[9]
      test[1]["text"] = (training[10]["text"] ?? "") + " and more"
      training[10]["text"] = test[1]["text"]
      try folder.write("train.jsonl", try lines(training))
      try folder.write("test.jsonl", try lines(test))
      let report = try checkData(at: folder)
      let messages = Dictionary(grouping: report.findings, by: \.kind).mapValues { $0.map(\.message) }
      #expect(
        messages[.emptyFields] == [
          "1 rows of the train part have no 'text', the first being row 5; training leaves out those without any.",
          "1 rows of the train part have no 'title', the first being row 6.",
        ])
      #expect(
        messages[.longTexts]?[0].hasPrefix("1 texts of the train part have more than 512 words") == true)
      #expect(messages[.exactDuplicates]?[0].hasPrefix("2 texts occur before") == true)
      #expect(messages[.leakage]?[0].contains("train[10] = test[1]") == true)
      #expect(messages[.nearLeakage]?[0].contains("train[11] = test[2]") == true)
      #expect(report.parts.map(\.count) == [29, 3] && report.isUsable)
      var options = DatasetOptions()
      options.context = 1000
      #expect(
        try checkData(at: folder, options: options).findings.contains {
          $0.message.hasPrefix("0 texts of the train")
        })
    }
  }

  @Test func labelledTextsHaveClasses() throws {
    try withTemporaryFolder { folder in
      var rows = (0..<60).map { ["text": "words of number \($0)", "label": $0 % 12 == 0 ? "rare" : "usual"] }
      rows += [["text": "words of number 1", "label": "rare"]]
      let file = folder.appendingPathComponent("reviews.jsonl")
      try folder.write("reviews.jsonl", try lines(rows))
      let report = try checkData(
        at: file, suggesting: { $0 == .labelledText ? "x --preset classifier" : nil })
      #expect(report.layout == .labelledText && report.isUsable)
      #expect(report.parts.map(\.count) == [55, 3, 3])
      #expect(report.parts[0].classes.map(\.name) == ["rare", "usual"])
      #expect(report.findings.contains { $0.kind == .conflictingLabels && $0.message.contains("train[2]") })
      #expect(
        report.findings.contains { $0.kind == .emptyClass && $0.message.contains("no text of \"rare\"") })
      #expect(report.suggestedCommand?.contains("x --preset classifier --epochs 20") == false)
      #expect(report.suggestedCommand?.contains("train x --preset classifier --data") == true)
    }
  }

  @Test func whatTrainingRefusesIsRefusedInItsWords() throws {
    try withTemporaryFolder { folder in
      let words = TextTokens.vocabulary(.words, minimumCount: 1)
      let documents = Documents(words, given: [], text: "text", learnsTextAlone: true)
      let labelled = LabelledText(words, text: "text", label: "label")
      func errors(_ place: URL) throws -> [String] {
        try checkData(at: place).findings.filter { $0.severity == .error }.map(\.message)
      }
      try folder.write("train.jsonl", "{\"text\": \"a b\"}\n{\"text\": \n")
      let broken = refusal(documents, folder, .train)
      #expect(broken.contains("line 2 is not a JSON object"))
      #expect(try errors(folder) == [broken])
      try folder.write("train.jsonl", "no object\n")
      #expect(try errors(folder) == [refusal(documents, folder, .train)])
      try folder.write("train.jsonl", "{\"text\": \"\"}\n{\"text\": \"\"}\n")
      #expect(try errors(folder) == [refusal(documents, folder, .train)])
      try folder.write(
        "train.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"y\"}\n")
      try folder.write("test.jsonl", "{\"text\": \"a\", \"label\": \"z\"}\n")
      let foreign = refusal(labelled, folder, .test)
      #expect(foreign.contains("class 'z', which the training part lacks"))
      #expect(Set(try errors(folder)) == [foreign])
      let missing = LabelledText(words, text: "text", label: "mood")
      #expect(
        try checkData(at: folder, options: DatasetOptions(labelColumn: "mood")).findings[0].message
          == refusal(missing, folder, .train))
    }
  }

  @Test func otherTablesStayWhatTheyAre() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.jsonl", "{\"source\": \"a b c\", \"target\": \"d e f\"}\n")
      #expect(try checkData(at: folder).layout == .sentencePairs)
      try folder.write("pairs.tsv", "one\teins\ntwo\tzwei\n")
      #expect(try checkData(at: folder.appendingPathComponent("pairs.tsv")).layout == .sentencePairs)
      try folder.write("texts.tsv", "text\tlabel\nsome words\tx\nother words\ty\n")
      #expect(try checkData(at: folder.appendingPathComponent("texts.tsv")).layout == .labelledText)
      try folder.write("answers.csv", "question,answer\nwho,me\nwhy,\"so, then\"\n")
      #expect(try checkData(at: folder.appendingPathComponent("answers.csv")).layout == .documents)
      try folder.picture("pictures/1.png", tone: 3)
      try folder.write("pictures/metadata.csv", "file_name,text\n1.png,a word\n")
      #expect(try checkData(at: folder.appendingPathComponent("pictures")).layout != .documents)
    }
  }
}
