import AtelierData
import AtelierMedia
import Foundation
import Testing

struct DataCheckTests {
  func kinds(_ report: DataReport) -> Set<DataReport.Kind> { Set(report.findings.map(\.kind)) }

  func counts(_ tallies: [DataReport.Tally]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: tallies.map { ($0.name, $0.count) })
  }

  /// Pictures that neither equal nor resemble each other: soft blotches from a seeded generator.
  func distinct(_ folder: URL, _ names: [String], seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for name in names {
      let tones: [UInt8] = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let image = try Image(width: 8, height: 8, channels: 1, bytes: tones).resized(width: 32, height: 32)
      try folder.write(name, ImageCodec().encode(image, as: .png))
    }
  }

  @Test func cleanDataHaveNothingWrongButTheirNumber() throws {
    try withTemporaryFolder { folder in
      try distinct(
        folder,
        (0..<60).flatMap { ["train/a/\($0).png", "train/b/\($0).png"] } + ["test/a/1.png", "test/b/1.png"],
        seed: 1)
      let report = try checkData(at: folder)
      #expect(report.findings.isEmpty, "\(report.findings)")
      #expect(report.isUsable && report.layout == .classFolders)
      #expect(report.parts.map(\.split) == [.train, .test] && report.parts.map(\.count) == [120, 2])
      #expect(counts(report.parts[0].sizes) == ["32 x 32": 120])
      #expect(counts(report.parts[0].modes) == ["grey, 8-bit": 120])
      #expect(counts(report.parts[0].classes) == ["a": 60, "b": 60])
      #expect(report.suggestedCommand?.hasPrefix("atelier train cgan --data ") == true)
      #expect(report.description.contains("Nothing wrong was found."))
      #expect(try JSONDecoder().decode(DataReport.self, from: JSONEncoder().encode(report)) == report)
    }
  }

  @Test func corruptAndForeignFilesAreNamed() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, ["a/1.png", "b/1.png", "b/cut.jpg"], seed: 2)
      let jpeg = try ImageCodec().encode(Image(width: 64, height: 64, filledWith: [9, 99, 200]), as: .jpeg)
      try folder.write("b/cut.jpg", Array(jpeg[0..<(jpeg.count - 40)]))
      try folder.write("a/empty.png", [])
      try folder.write("a/words.png", "words")
      try folder.write("a/Thumbs.db", "x")
      try folder.write("readme.txt", "about these pictures")
      let report = try checkData(at: folder)
      #expect(report.corrupt.map(\.path) == ["a/empty.png", "a/words.png", "b/cut.jpg"])
      #expect(report.corrupt[0].reason == "the file is empty")
      #expect(report.corrupt[1].reason.contains("not a PNG"))
      #expect(!report.corrupt[2].reason.isEmpty)
      #expect(report.otherFiles == ["a/Thumbs.db"])
      #expect(kinds(report).isSuperset(of: [.corruptPictures, .otherFiles, .fewExamples]))
      #expect(report.isUsable)
    }
  }

  @Test func nothingThatCanBeDecodedIsAnError() throws {
    try withTemporaryFolder { folder in
      try folder.write("a/1.png", "words")
      try folder.write("b/1.png", "words")
      let report = try checkData(at: folder)
      #expect(!report.isUsable && report.suggestedCommand == nil)
    }
  }

  @Test func copiesLeaksAndConflictingLabelsAreFoundWhateverTheFormat() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, ["train/a/1.png", "train/a/2.png", "train/b/1.png", "test/a/9.png"], seed: 3)
      let original = folder.appendingPathComponent("train/a/1.png")
      let image = try Image(contentsOf: original)
      try image.write(to: folder.appendingPathComponent("train/a/copy.tiff"))
      try image.write(to: folder.appendingPathComponent("train/b/other.png"))
      try Image(contentsOf: folder.appendingPathComponent("train/a/2.png"))
        .write(to: folder.appendingPathComponent("test/a/leak.png"))
      let report = try checkData(at: folder)
      #expect(
        report.exactDuplicates.map(\.members) == [
          ["train/a/1.png", "train/a/copy.tiff", "train/b/other.png"], ["train/a/2.png", "test/a/leak.png"],
        ])
      #expect(report.exactDuplicates.map(\.crossesParts) == [false, true])
      #expect(report.exactDuplicates.map(\.labelsDiffer) == [true, false])
      #expect(kinds(report).isSuperset(of: [.exactDuplicates, .conflictingLabels, .leakage]))
    }
  }

  @Test func picturesThatLookTheSameAreFound() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, ["train/a/1.png", "train/a/2.png", "test/a/3.png"], seed: 4)
      let image = try Image(contentsOf: folder.appendingPathComponent("train/a/1.png"))
      try image.resized(width: 80, height: 80).write(to: folder.appendingPathComponent("test/a/large.jpg"))
      let report = try checkData(at: folder)
      #expect(report.exactDuplicates.isEmpty)
      #expect(report.nearDuplicates.map(\.members) == [["train/a/1.png", "test/a/large.jpg"]])
      #expect(kinds(report).isSuperset(of: [.nearDuplicates, .nearLeakage]))
    }
  }

  @Test func aPathOneFolderTooHighIsAnErrorThatNamesTheRightOne() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, ["animals/cat/1.png", "animals/dog/1.png"], seed: 5)
      let report = try checkData(at: folder)
      let finding = try #require(report.findings.first)
      #expect(finding.severity == .error && finding.kind == .oneClass)
      #expect(finding.message.contains("animals") && finding.message.contains("one folder too high"))
      #expect(try checkData(at: folder.appendingPathComponent("animals")).isUsable)
    }
  }

  @Test func severalFoldersInsideAClassAreAWarning() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, ["animals/cat/1.png", "animals/dog/1.png", "plants/1.png"], seed: 6)
      #expect(try kinds(checkData(at: folder)).contains(.nestedClass))
    }
  }

  @Test func emptyAndRareClassesAreNamed() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, (0..<20).map { "often/\($0).png" } + ["rare/1.png"], seed: 7)
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("empty"), withIntermediateDirectories: true)
      let report = try checkData(at: folder)
      #expect(kinds(report).isSuperset(of: [.emptyClass, .imbalance]))
      #expect(report.findings.contains { $0.kind == .emptyClass && $0.message.contains("\"empty\"") })
      #expect(report.findings.contains { $0.kind == .imbalance && $0.message.contains("\"rare\"") })
    }
  }

  @Test func flatFoldersIDXAndTextAreReportedToo() throws {
    try withTemporaryFolder { folder in
      let flat = folder.appendingPathComponent("flat")
      try distinct(flat, ["1.png", "2.png"], seed: 8)
      let report = try checkData(at: flat)
      #expect(kinds(report).contains(.noLabels))
      #expect(report.suggestedCommand?.contains("train dcgan") == true)

      let idx = folder.appendingPathComponent("idx")
      try idx.idx("train-images-idx3-ubyte", shape: [2, 4, 4], [UInt8](repeating: 5, count: 32))
      try idx.idx("train-labels-idx1-ubyte", shape: [2], [0, 1])
      #expect(try checkData(at: idx).exactDuplicates.map(\.members) == [["train[0]", "train[1]"]])
      try idx.idx("train-labels-idx1-ubyte", shape: [3], [0, 1, 1])
      #expect(try kinds(checkData(at: idx)).contains(.unreadable))

      let text = folder.appendingPathComponent("book.txt")
      try folder.write("book.txt", String(repeating: "a b c\n", count: 100))
      let read = try checkData(at: text)
      #expect(read.layout == .text && read.parts.count == 3)
      #expect(read.parts[0].text.map(\.count) == [91, 273, 3, 546])
      #expect(read.suggestedCommand?.contains("rnn-language-model") == true)
      #expect(throws: DatasetError.self) { try checkData(at: folder.appendingPathComponent("none")) }
    }
  }
}
