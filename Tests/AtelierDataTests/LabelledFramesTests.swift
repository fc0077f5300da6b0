import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct LabelledFramesTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "frames-\(UUID().uuidString)")

  /// A picture that no other frame equals.
  private func write(_ name: String, _ number: Int) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let bytes = (0..<48).map { UInt8(($0 * 5 + number) % 256) }
    try Image(width: 4, height: 4, channels: 3, bytes: bytes).write(to: file)
  }

  private func write(videos: [String], frames: Int = 3) throws {
    for (video, name) in videos.enumerated() {
      for frame in 0..<frames { try write("\(name)/\(frame).png", video * frames + frame) }
    }
  }

  private func opening(_ changes: JointAugmentation = JointAugmentation()) -> DataOpening {
    DataOpening(
      [
        Field("image", .image(channels: 3, height: 4, width: 4, range: .signed)),
        Field("label", .label(classes: 2)),
      ], changes: changes)
  }

  private func part(
    _ split: DatasetSplit = .train, _ changes: JointAugmentation = JointAugmentation(), balanced: Bool = false
  ) throws -> any FrameCollection {
    let opened = try LabelledFrames(isBalanced: balanced).open(
      folder, split, opening(changes), Artefacts())
    return try #require(opened.dataset as? any FrameCollection)
  }

  private func labels(_ dataset: any Dataset) throws -> [Int] {
    try #require(try dataset.batch(at: Array(0..<dataset.count))["label"]).integers()
  }

  private func videos(_ dataset: any FrameCollection) -> Set<String> {
    Set((0..<dataset.count).map { dataset.video(of: $0) })
  }

  @Test func everyClassButTheRealOneIsFake() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(videos: ["Deepfakes/a", "FaceSwap/b", "Real/c", "Real/d"], frames: 2)
    let found = try part()
    #expect(found.description.classNames == ["real", "fake"])
    #expect(found.description.labelHistogram == [4, 4])
    #expect(try labels(found) == [1, 1, 1, 1, 0, 0, 0, 0])
    #expect(
      (0..<8).map { found.manipulation(of: $0) } == [
        "Deepfakes", "Deepfakes", "FaceSwap", "FaceSwap", nil, nil, nil, nil,
      ])
    #expect(found.video(of: 3) == "FaceSwap/b" && found.title(of: 3) == "FaceSwap/b/1.png")
    // Flipped examples have the same labels.
    #expect(try labels(part(.train, JointAugmentation(flips: true))) == [1, 1, 1, 1, 0, 0, 0, 0])
    // Previews show each video once, fake and real ones in turn.
    #expect(found.examplesToShow(3) == [0, 4, 2])
  }

  @Test func theFolderInsideAFolderOfFakesNamesTheManipulation() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(videos: ["fake/swap/x", "fake/redraw/y", "real/z"], frames: 1)
    let found = try part()
    #expect(Set((0..<3).compactMap { found.manipulation(of: $0) }) == ["swap", "redraw"])
  }

  @Test func aHoldOutDividesByVideoAndNeverByFrame() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(videos: (0..<10).map { "real/r\($0)" } + (0..<10).map { "fake/f\($0)" })
    let holdOut = try HoldOut(0.2, validation: 0.1)
    let whole = DataPart.examples(try part())
    let parts = try DatasetSplit.allCases.map { split in
      try #require(holdOut.part(split, of: whole).dataset as? any FrameCollection)
    }
    let names = parts.map { videos($0) }
    #expect(names.map(\.count) == [14, 2, 4])
    #expect(names.reduce(Set<String>()) { $0.union($1) }.count == 20)
    #expect(parts.map(\.count).reduce(0, +) == 60)
    // Both classes are in every part.
    for found in parts { #expect(Set(try labels(found)) == [0, 1]) }
  }

  @Test func fakesOfARealVideoStayWithIt() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let pairs = [("000", "003"), ("001", "870"), ("002", "006"), ("004", "982"), ("005", "010")]
    let names = pairs.flatMap { one, other in
      ["real/\(one)", "real/\(other)", "Deepfakes/\(one)_\(other)", "Deepfakes/\(other)_\(one)"]
    }
    try write(videos: names, frames: 2)
    let test = try #require(
      try HoldOut(0.2).part(.test, of: .examples(try part())).dataset as? any FrameCollection)
    let held = Set(videos(test).map { $0.split(separator: "/")[1] })
    #expect(test.count == 8)
    let pair = try #require(pairs.first { held.contains(Substring($0.0)) })
    #expect(
      held == [
        Substring(pair.0), Substring(pair.1), "\(pair.0)_\(pair.1)", "\(pair.1)_\(pair.0)",
      ])
  }

  @Test func videosOfAnIdentityStayTogether() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let names = ["anna", "bert", "cleo", "dora"].flatMap { name in
      ["real/\(name)/one", "real/\(name)/two", "fake/\(name)/three"]
    }
    try write(videos: names, frames: 1)
    let test = try #require(
      try HoldOut(0.25).part(.test, of: .examples(try part())).dataset as? any FrameCollection)
    #expect(test.count == 3 && Set(videos(test).map { $0.split(separator: "/")[1] }).count == 1)
  }

  @Test func balancedPassesShowBothKindsEquallyOften() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(videos: ["fake/a", "fake/b", "fake/c", "real/d"])
    let found = try part(.train, balanced: true)
    var generator = SeededGenerator(seed: 1, purpose: "test", epoch: 0)
    let order = try #require(found.order(pass: 0, batchSize: 4, using: &generator))
    #expect(order.count == 3 && order.allSatisfy { $0.count == 4 })
    let own = try labels(found)
    for batch in order { #expect(batch.map { own[$0] } == [0, 1, 0, 1]) }
    // All three real frames come before one comes again.
    #expect(Set(order.joined().filter { own[$0] == 0 }.prefix(3)).count == 3)
  }

  @Test func dataWithoutRealImagesAreRefused() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(videos: ["cat/a", "dog/b"], frames: 1)
    #expect {
      _ = try part()
    } throws: { "\($0)".contains("name that folder real") }
  }
}
