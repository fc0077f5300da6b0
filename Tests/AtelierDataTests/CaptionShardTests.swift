import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Captioned images in the shards of WebDataset.
@Suite struct CaptionShardTests {
  private func png(_ tone: UInt8) throws -> [UInt8] {
    try ImageCodec().encode(
      Image(width: 4, height: 4, channels: 1, bytes: (0..<16).map { tone &+ UInt8($0) }), as: .png)
  }

  /// Ten examples a shard, their captions as texts, JSON and classes.
  private func shard(_ first: Int, more: [(name: String, bytes: [UInt8])] = []) throws -> [UInt8] {
    var files: [(name: String, bytes: [UInt8])] = []
    for index in first..<(first + 10) {
      let stem = String(format: "%04d", index)
      files.append(("\(stem).png", try png(UInt8(7 * index % 200))))
      switch index % 3 {
      case 0: files.append(("\(stem).txt", Array("Thing number \(index) .\nnot read".utf8)))
      case 1:
        files.append(
          ("\(stem).json", Array(#"{"caption": ["thing \#(index)", "a thing"], "width": 4}"#.utf8)))
      default: files.append(("\(stem).cls", Array("\(index)\n".utf8)))
      }
    }
    return tarArchive(files + more)
  }

  private func arrangement() -> (CaptionedImages, DataOpening) {
    (
      CaptionedImages(
        image: "image", text: "text", rule: SentenceVocabulary.Rule(.words, lowercases: true),
        minimumCount: 1,
        longest: 8),
      DataOpening([
        Field("image", .image(channels: 1, height: 4, width: 4, range: .unit)),
        Field("text", .sequence(vocabulary: 90, longest: 8, padding: 0)),
      ])
    )
  }

  @Test func membersOfOneStemAreAnExample() throws {
    try withTemporaryFolder { folder in
      try folder.write("a-000.tar", try shard(0))
      try folder.write("a-001.tar", try shard(10))
      let training = try openTaggedImages(at: folder)
      #expect(training.pictures.count == 18 && training.notes.isEmpty)
      #expect(
        training.pictures.map(\.sentences).prefix(3) == [
          [["thing", "number", "0"]], [["thing", "1"], ["a", "thing"]], [["2"]],
        ])
      let test = try openTaggedImages(at: folder, split: .test)
      #expect(test.pictures.map { $0.member?.name } == ["0009.png", "0019.png"])
      #expect(test.fingerprint != training.fingerprint)
      #expect(throws: DatasetError.self) { try openTaggedImages(at: folder, split: .validation) }
      let (arrangement, opening) = arrangement()
      var artefacts = Artefacts()
      let data = try #require(try arrangement.survey(folder, opening, &artefacts).dataset)
      // Of 18 images six have two captions.
      #expect(data.count == 24)
      let last = try data.example(at: 23)
      #expect(last["image"]?.bytes == (0..<16).map { UInt8(7 * 18) + UInt8($0) })
      #expect(data.title(of: 23) == "thing number 18")
      #expect(data.examplesToShow(3) == [0, 1, 3])
    }
  }

  @Test func foldersOfShardsAreParts() throws {
    try withTemporaryFolder { folder in
      for (part, first) in [("train", 0), ("val", 10), ("test", 20)] {
        try folder.write("\(part)/000.tar", try shard(first))
      }
      for (split, name) in [(DatasetSplit.train, "0000.png"), (.validation, "0010.png"), (.test, "0020.png")]
      {
        let found = try openTaggedImages(at: folder, split: split)
        #expect(found.pictures.count == 10 && found.pictures.first?.member?.name == name)
      }
    }
  }

  @Test func whatIsLeftOutIsNamedByShardAndMember() throws {
    try withTemporaryFolder { folder in
      try folder.write("0.tar", try shard(0))
      try folder.write(
        "1.tar",
        try shard(
          10,
          more: [
            ("silent.png", try png(3)), ("empty.png", try png(4)), ("empty.txt", Array(" .\n".utf8)),
            ("lonely.txt", Array("nobody".utf8)), ("x/lonely.json", Array("{}".utf8)), ("readme.md", [1]),
            ("damaged.png", [1, 2, 3]), ("damaged.txt", Array("a broken thing".utf8)),
            ("mask.seg.png", try png(9)),
          ]))
      let notes = try openTaggedImages(at: folder).notes
      #expect(
        notes == [
          "1.tar: 2 images without caption are left out: silent.png, empty.png.",
          "1.tar: 2 captions without image are left out: lonely.txt, x/lonely.json.",
        ])
      let report = try checkData(at: folder)
      #expect(report.layout == .captions && report.otherFiles.isEmpty)
      let messages = report.findings.map(\.message)
      for note in notes { #expect(messages.contains { $0.contains(note) }, "\(messages)") }
      #expect(report.corrupt.map(\.path) == ["1.tar/damaged.png"])
      #expect(report.parts.map(\.count) == [19, 2])
    }
  }

  @Test func damagedShardsAreRefusedByName() throws {
    try withTemporaryFolder { folder in
      func refusal(_ bytes: [UInt8]) throws -> String {
        try folder.write("0.tar", bytes)
        do { _ = try openTaggedImages(at: folder) } catch { return "\(error)" }
        return "nothing was refused"
      }
      let sound = try shard(0)
      #expect(try refusal(Array(sound.prefix(560))).contains("0.tar is damaged"))
      #expect(try refusal(try shard(0, more: [("0000.jpg", [1])])).contains("0000.png and 0000.jpg"))
      #expect(
        try refusal(try shard(0, more: [("z.png", [1]), ("z.json", [1])])).contains("z.json is no JSON"))
      let long = [UInt8](repeating: 32, count: (1 << 20) + 1)
      #expect(try refusal(try shard(0, more: [("z.png", [1]), ("z.txt", long)])).contains("at most 1048576"))
      #expect(try refusal(tarArchive([("a.md", [1])])).contains("none of its 1 shards"))
    }
  }
}
