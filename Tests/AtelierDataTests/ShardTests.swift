import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Shards of WebDataset: written from folders, and read as the folders they were made of.
@Suite struct ShardTests {
  /// Folders of two classes, divided into parts.
  private func classes(_ folder: URL, perClass: Int = 12) throws -> URL {
    let root = folder.appendingPathComponent("classes")
    for (part, count) in [("train", perClass), ("test", 3)] {
      for (label, name) in ["cat", "dog"].enumerated() {
        for index in 0..<count {
          try root.picture("\(part)/\(name)/\(index).png", tone: UInt8(100 * label + index))
        }
      }
    }
    return root
  }

  private func files(_ folder: URL) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
      files[name] = FileManager.default.contents(atPath: folder.appendingPathComponent(name).path)
    }
    return files
  }

  /// Each image's bytes with its class.
  private func contents(_ data: any Dataset) throws -> Set<[Int]> {
    Set(
      try (0..<data.count).map { index in
        let example = try data.example(at: index)
        return try #require(example["label"]).integers()
          + (try #require(example["image"])).bytes.map(Int.init)
      })
  }

  @Test func classFoldersBecomeShardsWithTheSameImagesAndClasses() throws {
    try withTemporaryFolder { folder in
      let root = try classes(folder)
      let shards = folder.appendingPathComponent("shards")
      let report = try prepareShards(of: root, to: shards, limits: ShardLimits(count: 10))
      #expect(report.written == 30 && report.leftOut.isEmpty)
      #expect(
        try files(shards).keys.filter { $0.hasSuffix(".tar") }.sorted() == [
          "test/test-000000.tar", "train/train-000000.tar", "train/train-000001.tar",
          "train/train-000002.tar",
        ])
      for split in [DatasetSplit.train, .test] {
        let (one, other) = (
          try openDataset(at: root, split: split), try openDataset(at: shards, split: split)
        )
        #expect(other.description.layout == .shards && other.description.classNames == ["cat", "dog"])
        #expect(other.description.labelHistogram == one.description.labelHistogram)
        #expect(try contents(one) == contents(other))
      }
      #expect(throws: DatasetError.self) { try openDataset(at: shards, split: .validation) }
      // Nobody trains on grey images without knowing.
      #expect(ImageShapes(at: shards).images?.channels == 3 && ImageShapes(at: shards).images?.side == 4)
      let check = try checkData(at: shards)
      #expect(check.layout == .shards && check.isUsable && check.parts.map(\.count) == [24, 6])
      #expect(check.parts[0].classes.map(\.name) == ["cat", "dog"])
    }
  }

  @Test func theSameDataGiveTheSameBytesAndAnotherSeedAnotherOrder() throws {
    try withTemporaryFolder { folder in
      let root = try classes(folder)
      func made(_ name: String, seed: UInt64) throws -> [String: Data] {
        let place = folder.appendingPathComponent(name)
        _ = try prepareShards(of: root, to: place, limits: ShardLimits(count: 10), seed: seed)
        return try files(place)
      }
      let first = try made("a", seed: 0)
      // Times of files are in no shard.
      for name in ["train/cat/0.png", "train/dog/3.png"] {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1e9)],
          ofItemAtPath: root.appendingPathComponent(name).path)
      }
      #expect(try made("b", seed: 0) == first)
      #expect(try made("c", seed: 1) != first)
      #expect(throws: DatasetError.self) { try made("a", seed: 0) }
    }
  }

  @Test func shardsKeepTheirLimits() throws {
    try withTemporaryFolder { folder in
      let root = try classes(folder)
      let shards = folder.appendingPathComponent("small")
      // Three blocks an image and its class take, and two blocks end a shard.
      _ = try prepareShards(of: root, to: shards, limits: ShardLimits(count: 1000, bytes: 10_240))
      let sizes = try files(shards).filter { $0.key.hasSuffix(".tar") }.map(\.value.count)
      #expect(sizes.count > 4 && sizes.allSatisfy { $0 <= 10_240 && $0 % 512 == 0 }, "\(sizes)")
      let one = folder.appendingPathComponent("one")
      _ = try prepareShards(of: root, to: one, limits: ShardLimits(bytes: 1))
      #expect(try files(one).keys.count { $0.hasSuffix(".tar") } == 30)
      #expect(throws: DatasetError.self) {
        try prepareShards(of: root, to: folder.appendingPathComponent("none"), limits: ShardLimits(count: 0))
      }
      #expect(throws: DatasetError.self) {
        try prepareShards(of: one, to: folder.appendingPathComponent("again"))
      }
    }
  }

  @Test func captionsAndLongNamesAndColumnsAreKept() throws {
    try withTemporaryFolder { folder in
      let root = folder.appendingPathComponent("captioned")
      for index in 0..<20 { try root.picture("images/\(index).png", tone: UInt8(index)) }
      try root.write(
        "captions.txt",
        "file,caption\n" + (0..<20).map { "\($0).png,thing number \($0)\n" }.joined() + "3.png,another\n")
      let shards = folder.appendingPathComponent("shards")
      _ = try prepareShards(of: root, to: shards)
      for split in [DatasetSplit.train, .test] {
        let (one, other) = (
          try openTaggedImages(at: root, split: split), try openTaggedImages(at: shards, split: split)
        )
        #expect(Set(one.pictures.map(\.sentences)) == Set(other.pictures.map(\.sentences)))
        #expect(other.notes.isEmpty)
      }
      #expect(try checkData(at: shards).layout == .captions)
    }
  }

  @Test(arguments: [false, true]) func aTableOfLabelsKeepsItsCaptions(hasLabels: Bool) throws {
    try withTemporaryFolder { folder in
      let root = folder.appendingPathComponent("table")
      var lines = ""
      for index in 0..<8 {
        try root.picture("\(index).png", tone: UInt8(index))
        lines += #"{"file_name": "\#(index).png", "caption": "thing \#(index)""#
        lines += (hasLabels ? #", "label": "\#(index % 2 == 0 ? "even" : "odd")""# : "") + "}\n"
      }
      try root.write("metadata.jsonl", lines)
      #expect(try checkData(at: root).layout == (hasLabels ? .table : .captions))
      let shards = folder.appendingPathComponent("shards")
      _ = try prepareShards(of: root, to: shards)
      let pictures = try openTaggedImages(at: shards, split: .train).pictures
      #expect(Set(pictures.flatMap(\.sentences)) == Set((0..<8).map { ["thing", "\($0)"] }))
      let members = try files(shards).values.map { String(decoding: $0, as: UTF8.self) }.joined()
      #expect(members.contains(".cls") == hasLabels)
      if hasLabels {
        #expect(try openDataset(at: shards, split: .train).description.classNames == ["even", "odd"])
      }
    }
  }

  @Test func speakersHaveOneNumberInAllParts() throws {
    try withTemporaryFolder { folder in
      let root = folder.appendingPathComponent("voices")
      let sound = Audio(sampleRate: 8000, channels: 1, samples: [Float](repeating: 0.1, count: 100))
      for name in [
        "train/anna/1.wav", "train/bert/2.wav", "train/carl/3.wav", "test/bert/4.wav", "test/carl/5.wav",
      ] {
        let file = root.appendingPathComponent(name)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try sound.write(to: file, encoding: .pcm16)
      }
      let shards = folder.appendingPathComponent("shards")
      _ = try prepareShards(of: root, to: shards)
      let files = try files(shards)
      #expect(
        try JSONDecoder().decode([String].self, from: #require(files["classes.json"])) == [
          "anna", "bert", "carl",
        ])
      let tar = try #require(files["test/test-000000.tar"])
      // The first byte behind a header of 512 whose name ends in .cls.
      let labels = stride(from: 0, to: tar.count - 512, by: 512).compactMap { place -> String? in
        let name = String(decoding: tar[place..<(place + 100)].prefix { $0 != 0 }, as: UTF8.self)
        return name.hasSuffix(".cls")
          ? String(decoding: tar[(place + 512)...(place + 512)], as: UTF8.self) : nil
      }
      #expect(labels.sorted() == ["1", "2"])
    }
  }

  @Test func aPatternNamesItsShardsAndAMissingOneIsNamed() throws {
    #expect(
      BracePattern.expanded("a-{08..10}.{tar,tgz}")
        == ["a-08.tar", "a-08.tgz", "a-09.tar", "a-09.tgz", "a-10.tar", "a-10.tgz"])
    #expect(BracePattern.expanded("plain.tar") == ["plain.tar"])
    for text in ["{", "a}", "{1..x}", "{3..1}", "{a}", "{{1..2}}", "{0..9999999}"] {
      #expect(BracePattern.expanded(text) == nil, "\(text)")
    }
    try withTemporaryFolder { folder in
      let shards = folder.appendingPathComponent("shards")
      _ = try prepareShards(of: try classes(folder), to: shards, limits: ShardLimits(count: 10))
      let two = try openDataset(at: shards.appendingPathComponent("train/train-{000000..000001}.tar"))
      #expect(two.count == 20)
      let error = #expect(throws: DatasetError.self) {
        try openDataset(at: shards.appendingPathComponent("train/train-{000000..000007}.tar"))
      }
      #expect(error?.description.contains("train-000003.tar") == true, "\(String(describing: error))")
    }
  }

  @Test func aPassReadsShardByShardAndIsFoundAgainInTheMiddleOfOne() throws {
    try withTemporaryFolder { folder in
      let shards = folder.appendingPathComponent("shards")
      _ = try prepareShards(of: try classes(folder, perClass: 20), to: shards, limits: ShardLimits(count: 10))
      let data = try openDataset(at: shards)
      func loader() throws -> Loader { try Loader(data, batchSize: 6, seed: 3) }
      let whole = try loader()
      let batches = try (0..<14).map { _ in try whole.next() }
      let first = batches.prefix(6).flatMap(\.indices)
      #expect(Set(first).count == 36 && first != first.sorted())
      #expect(batches[6].epoch == 1 && batches[6].isFirst)
      for place in [1, 4, 6, 9] {
        let before = try loader()
        for _ in 0..<place { _ = try before.next() }
        let after = try loader()
        try after.seek(to: before.position)
        for batch in batches[place...] { #expect(try after.next() == batch) }
      }
    }
  }

  @Test func damagedAndOddShardsAreRefusedByName() throws {
    try withTemporaryFolder { folder in
      let shards = folder.appendingPathComponent("shards")
      _ = try prepareShards(of: try classes(folder), to: shards, limits: ShardLimits(count: 10))
      let file = shards.appendingPathComponent("train/train-000001.tar")
      let sound = try Data(contentsOf: file)
      for damaged in [sound.prefix(700), Data([1] + sound.dropFirst()), sound.prefix(3)] {
        try damaged.write(to: file)
        let error = #expect(throws: DatasetError.self) { try openDataset(at: shards) }
        #expect(error?.description.contains("train-000001.tar") == true, "\(String(describing: error))")
      }
    }
  }
}
