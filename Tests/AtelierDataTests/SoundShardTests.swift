import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Sounds in the shards of WebDataset are read as the folders they were made of.
@Suite struct SoundShardTests {
  private func write(_ name: String, below root: URL, pitch: Double) throws {
    let file = root.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let samples = (0..<400).map { Float(sin(Double($0) * pitch) * 0.5) }
    try Audio(sampleRate: 8000, channels: 1, samples: samples).write(
      to: file, encoding: name.hasSuffix("wav") ? .float32 : .pcm16)
  }

  /// Two speakers, with sounds of several formats.
  private func voices(_ folder: URL) throws -> URL {
    let root = folder.appendingPathComponent("voices")
    for (number, name) in ["anna/1.wav", "anna/2.flac", "ben/1.aiff", "ben/2.wav"].enumerated() {
      for part in ["train", "test"] {
        try write(
          "\(part)/\(name)", below: root, pitch: 0.1 + 0.05 * Double(number) + (part == "test" ? 0.3 : 0))
      }
    }
    return root
  }

  private func clips(_ place: URL, _ split: DatasetSplit = .train) throws -> any Dataset {
    let kind = FieldKind.audio(channels: 1, samples: 100, sampleRate: 8000)
    let part = try Sounds(target: "target", hop: 50).open(
      place, split, DataOpening([Field("target", kind)]), Artefacts())
    return try #require(part.dataset)
  }

  private func contents(_ data: any Dataset) throws -> Set<[Float]> {
    Set(try (0..<data.count).map { try #require(try data.example(at: $0)["target"]).floats() })
  }

  @Test func clipsOfShardsAreThoseOfTheFolder() throws {
    try withTemporaryFolder { folder in
      let (root, shards) = (try voices(folder), folder.appendingPathComponent("shards"))
      _ = try prepareShards(of: root, to: shards, limits: ShardLimits(count: 3))
      for split in [DatasetSplit.train, .test] {
        let (one, other) = (try clips(root, split), try clips(shards, split))
        #expect(one.count == 4 * 7 && other.count == one.count)
        #expect(try contents(one) == contents(other))
      }
      #expect(throws: DatasetError.self) { try clips(shards, .validation) }
      // A pattern names some of them, which no parts divide.
      let pattern = shards.appendingPathComponent("train/train-{000000..000001}.tar")
      #expect(try contents(clips(pattern)) == contents(clips(root)))
    }
  }

  @Test func theCheckOfShardsNamesSoundsByPartAndSpeaker() throws {
    try withTemporaryFolder { folder in
      let (root, shards) = (try voices(folder), folder.appendingPathComponent("shards"))
      // A copy in the other part.
      try FileManager.default.copyItem(
        at: root.appendingPathComponent("train/anna/1.wav"),
        to: root.appendingPathComponent("test/anna/3.wav"))
      _ = try prepareShards(of: root, to: shards)
      let report = try #require(try checkMedia(at: shards))
      #expect(report.medium == .sounds && report.count == 9 && report.corrupt.isEmpty)
      #expect(report.folders.map(\.name).sorted() == ["anna", "ben"])
      #expect(report.findings.contains { $0.kind == .leakage && $0.message.contains("train/anna/") })
      // Images are no sounds.
      let images = folder.appendingPathComponent("images")
      for index in 0..<3 { try images.picture("\(index).png", tone: UInt8(index)) }
      let others = folder.appendingPathComponent("others")
      _ = try prepareShards(of: images, to: others)
      #expect(try checkMedia(at: others) == nil)
    }
  }

  @Test func aDamagedMemberIsNamedAndLeftOut() throws {
    try withTemporaryFolder { folder in
      let shards = folder.appendingPathComponent("shards")
      try write("a.wav", below: folder, pitch: 0.1)
      let sound = try [UInt8](Data(contentsOf: folder.appendingPathComponent("a.wav")))
      try shards.write(
        "0.tar",
        tarArchive([
          ("anna/0.wav", sound), ("anna/1.wav", Array("no sound".utf8)), ("anna/1.txt", Array("hello".utf8)),
        ]))
      let data = try clips(shards)
      #expect(data.count == 7)
      #expect(
        data.description.notes.contains { $0.contains("1 files are left out") && $0.contains("anna/1.wav") })
      let report = try #require(try checkMedia(at: shards))
      #expect(report.count == 1 && report.corrupt.map(\.path) == ["anna/1.wav"])
    }
  }
}
