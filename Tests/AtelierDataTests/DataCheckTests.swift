import AtelierData
import AtelierMedia
import Foundation
import Testing

struct DataCheckTests {
  func kinds(_ report: DataReport) -> Set<DataReport.Kind> { Set(report.findings.map(\.kind)) }

  func counts(_ tallies: [DataReport.Tally]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: tallies.map { ($0.name, $0.count) })
  }

  /// Images that neither equal nor resemble each other: soft blotches from a seeded generator.
  func distinct(_ folder: URL, _ names: [String], seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for name in names {
      let tones: [UInt8] = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let image = try Image(width: 8, height: 8, channels: 1, bytes: tones).resized(width: 32, height: 32)
      try folder.write(name, ImageCodec().encode(image, as: .png))
    }
  }

  @Test(arguments: [(5, "faces"), (68, "landmarkedFaces")])
  func aTableOfFacesMakesFoldersFaces(_ points: Int, _ kind: String) throws {
    try withTemporaryFolder { folder in
      let names = (0..<12).flatMap { ["train/anna/\($0).png", "train/bert/\($0).png"] }
      try distinct(folder, names + ["test/anna/1.png", "test/bert/1.png"], seed: 2)
      #expect(
        try checkData(at: folder, suggesting: \.rawValue).suggestedCommand?.contains("train labelledImages ")
          == true)
      let line = (0..<points).map { "[\($0 % 8), \($0 / 8)]" }.joined(separator: ", ")
      try names.map { "{\"file\": \"\($0.dropFirst(6))\", \"keypoints\": [\(line)]}\n" }.joined()
        .write(to: folder.appendingPathComponent("train/faces.jsonl"), atomically: true, encoding: .utf8)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.suggestedCommand?.hasPrefix("atelier train \(kind) ") == true, "\(report)")
      #expect(!report.otherFiles.contains { $0.hasSuffix("faces.jsonl") })
    }
  }

  @Test func cleanDataHaveNothingWrongButTheirNumber() throws {
    try withTemporaryFolder { folder in
      try distinct(
        folder,
        (0..<60).flatMap { ["train/a/\($0).png", "train/b/\($0).png"] } + ["test/a/1.png", "test/b/1.png"],
        seed: 1)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.isEmpty, "\(report.findings)")
      #expect(report.isUsable && report.layout == .classFolders)
      #expect(report.parts.map(\.split) == [.train, .test] && report.parts.map(\.count) == [120, 2])
      #expect(counts(report.parts[0].sizes) == ["32 x 32": 120])
      #expect(counts(report.parts[0].modes) == ["grey, 8-bit": 120])
      #expect(counts(report.parts[0].classes) == ["a": 60, "b": 60])
      #expect(report.suggestedCommand?.hasPrefix("atelier train labelledImages --data ") == true)
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
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.corrupt.map(\.path) == ["a/empty.png", "a/words.png", "b/cut.jpg"])
      #expect(report.corrupt[0].reason == "the file is empty")
      #expect(report.corrupt[1].reason.contains("not a PNG"))
      #expect(!report.corrupt[2].reason.isEmpty)
      #expect(report.otherFiles == ["a/Thumbs.db"])
      #expect(kinds(report).isSuperset(of: [.corruptImages, .otherFiles, .fewExamples]))
      #expect(report.isUsable)
    }
  }

  @Test func nothingThatCanBeDecodedIsAnError() throws {
    try withTemporaryFolder { folder in
      try folder.write("a/1.png", "words")
      try folder.write("b/1.png", "words")
      let report = try checkData(at: folder, suggesting: \.rawValue)
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
      let report = try checkData(at: folder, suggesting: \.rawValue)
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
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.exactDuplicates.isEmpty)
      #expect(report.nearDuplicates.map(\.members) == [["train/a/1.png", "test/a/large.jpg"]])
      #expect(kinds(report).isSuperset(of: [.nearDuplicates, .nearLeakage]))
    }
  }

  @Test func aPathOneFolderTooHighIsAnErrorThatNamesTheRightOne() throws {
    try withTemporaryFolder { folder in
      try distinct(folder, ["animals/cat/1.png", "animals/dog/1.png"], seed: 5)
      let report = try checkData(at: folder, suggesting: \.rawValue)
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
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(kinds(report).isSuperset(of: [.emptyClass, .imbalance]))
      #expect(report.findings.contains { $0.kind == .emptyClass && $0.message.contains("\"empty\"") })
      #expect(report.findings.contains { $0.kind == .imbalance && $0.message.contains("\"rare\"") })
    }
  }

  @Test func flatFoldersIDXAndTextAreReportedToo() throws {
    try withTemporaryFolder { folder in
      let flat = folder.appendingPathComponent("flat")
      try distinct(flat, ["1.png", "2.png"], seed: 8)
      let report = try checkData(at: flat, suggesting: \.rawValue)
      #expect(kinds(report).contains(.noLabels))
      #expect(report.suggestedCommand?.contains("train images") == true)

      let idx = folder.appendingPathComponent("idx")
      try idx.idx("train-images-idx3-ubyte", shape: [2, 4, 4], [UInt8](repeating: 5, count: 32))
      try idx.idx("train-labels-idx1-ubyte", shape: [2], [0, 1])
      #expect(try checkData(at: idx).exactDuplicates.map(\.members) == [["train[0]", "train[1]"]])
      try idx.idx("train-labels-idx1-ubyte", shape: [3], [0, 1, 1])
      #expect(try kinds(checkData(at: idx)).contains(.unreadable))

      let text = folder.appendingPathComponent("book.txt")
      try folder.write("book.txt", String(repeating: "a b c\n", count: 100))
      let read = try checkData(at: text, suggesting: \.rawValue)
      #expect(read.layout == .text && read.parts.count == 3)
      #expect(read.parts[0].text.map(\.count) == [91, 273, 3, 546])
      #expect(read.suggestedCommand?.contains("train text") == true)
      #expect(throws: DatasetError.self) { try checkData(at: folder.appendingPathComponent("none")) }
    }
  }
}

/// `data check` on pairs and unpaired sets.
struct PairCheckTests {
  @Test func unmatchedAndMismatchedPairsAreNamed() throws {
    try withTemporaryFolder { folder in
      for number in 0..<6 {
        try folder.picture("train/A/\(number).png", tone: UInt8(40 * number), width: 40, height: 40)
        if number > 0 {
          let width = number == 2 ? 60 : 40
          try folder.picture("train/B/\(number).png", tone: UInt8(40 * number + 9), width: width, height: 40)
        }
      }
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.layout == .pairedFolders && report.isUsable)
      #expect(report.parts[0].count == 5)
      let unmatched = try #require(report.findings.first { $0.kind == .unmatched })
      #expect(unmatched.message.contains("no target, such as 0"))
      let mismatched = try #require(report.findings.first { $0.kind == .mismatchedPairs })
      #expect(mismatched.message.contains("2 (40 x 40 and 60 x 40)"))
      #expect(
        report.suggestedCommand
          == "atelier train imagePairs --data \(folder.relativePath) --preset small --epochs 20 --hold-out 0.1"
      )
      #expect(report.description.contains("train: 5 pairs"))
    }
  }

  @Test func foldersWithoutCommonNamesAreUnpaired() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try folder.picture("trainA/a\(number).png", tone: UInt8(40 * number))
        try folder.picture("trainB/b\(number).png", tone: UInt8(40 * number + 9))
      }
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.layout == .unpairedFolders)
      #expect(report.suggestedCommand?.contains("train unpairedImages") == true)
    }
  }

  @Test func capitalLettersAreSidesAndSmallOnesAreClasses() throws {
    try withTemporaryFolder { folder in
      for (letters, layout) in [("AB", DataLayout.pairedFolders), ("ab", .classFolders)] {
        let data = folder.appendingPathComponent("\(layout.rawValue)")
        for letter in letters {
          for number in 0..<3 { try data.picture("\(letter)/\(number).png", tone: UInt8(40 * number)) }
        }
        #expect(try checkData(at: data).layout == layout)
      }
    }
  }

  @Test func outlinesThatLookAlikeAreNoDuplicates() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        // Sources that differ in one pixel, targets that differ everywhere.
        let source = Image(
          width: 40, height: 40, channels: 1, bytes: (0..<1600).map { $0 / 40 < 20 ? 0 : 255 })
        var bytes = source.bytes
        bytes[number] = 255
        try folder.write(
          "A/\(number).png",
          ImageCodec().encode(Image(width: 40, height: 40, channels: 1, bytes: bytes), as: .png))
        try folder.picture("B/\(number).png", tone: UInt8(80 * number), width: 40, height: 40)
      }
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.nearDuplicates.isEmpty && report.exactDuplicates.isEmpty)
    }
  }

  @Test func mapsOfLabelsAreCounted() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        let map = Image(width: 4, height: 4, channels: 1, bytes: (0..<16).map { UInt8($0 % 5) })
        try folder.write("labels/\(number).png", ImageCodec().encode(map, as: .png))
        try folder.picture("images/\(number).jpg", tone: UInt8(40 * number), width: 4, height: 4)
      }
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.message.contains("classes 0 … 4") })
      try folder.write("classes.txt", "sky\nwall\n")
      #expect(try !checkData(at: folder).isUsable)
    }
  }

  @Test func sheetsAreNotedByTheirProportionsOrWhenAsked() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try folder.picture("\(number).png", tone: UInt8(40 * number), width: 8, height: 4)
      }
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.layout == .sideBySide && report.suggestedCommand?.contains("imagePairs") == true)
      #expect(report.description.contains("train: 3 pairs"))
      try folder.picture("3.png", tone: 7, width: 12, height: 4)
      #expect(try checkData(at: folder).layout == .flatImages)
      let asked = try checkData(
        at: folder, options: DatasetOptions(isSideBySide: true), suggesting: \.rawValue)
      #expect(asked.layout == .sideBySide && asked.suggestedCommand?.contains("--side-by-side") == true)
    }
  }
}
