import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct VideosTests {
  /// Frames of one tone each, so that an example tells which frames it has.
  private func frames(_ folder: URL, _ name: String, _ tones: some Sequence<Int>, from first: Int = 0) throws
  {
    for (number, tone) in tones.enumerated() {
      let image = Image(width: 4, height: 2, channels: 1, bytes: [UInt8](repeating: UInt8(tone), count: 8))
      try folder.write(
        "\(name)\(first + number < 10 ? "0" : "")\(first + number).png", ImageCodec().encode(image, as: .png))
    }
  }

  private func open(
    _ folder: URL, _ split: DatasetSplit = .train, length: Int = 3, by arrangement: Videos = Videos(),
    others: [Field] = [], holdOut: HoldOut? = nil
  ) throws -> any VideoCollection {
    let video = Field("video", .video(frames: length, channels: 1, height: 2, width: 4, range: .unit))
    let part = try arrangement.open(
      folder, holdOut == nil ? split : .train, DataOpening([video] + others), Artefacts())
    let held = try holdOut.map { try $0.part(split, of: part) } ?? part
    return try #require(held.dataset as? any VideoCollection)
  }

  private func tones(_ example: Example) throws -> [Int] {
    let video = try #require(example["video"])
    return stride(from: 0, to: video.bytes.count, by: 8).map { Int(video.bytes[$0]) }
  }

  @Test func clipsAreConsecutiveFramesThatBeginAnywhere() throws {
    try withTemporaryFolder { folder in
      try frames(folder, "a/", 10..<20)
      try frames(folder, "b/", 30..<33)
      try frames(folder, "c/", [50, 51])
      let clips = try open(folder)
      #expect(clips.count == 3 + 1)
      #expect(
        try (0..<4).map { try tones(clips.example(at: $0)) } == [
          [10, 11, 12], [13, 14, 15], [16, 17, 18], [30, 31, 32],
        ])
      #expect(clips.title(of: 1) == "a, frame 3")
      #expect(clips.description.notes == ["A scene is shorter than the 3 frames of a clip and is left out."])
      var (generator, begun) = (SeededGenerator(seed: 1), Set<Int>())
      for _ in 0..<40 {
        let drawn = try tones(clips.example(at: 0, using: &generator))
        #expect(drawn == [drawn[0], drawn[0] + 1, drawn[0] + 2])
        begun.insert(drawn[0])
      }
      #expect(begun == [10, 11, 12])
      #expect(clips.videoNames == ["a", "b", "c"])
      #expect(try tones(clips.frames(4..<9, ofVideo: 0)) == [14, 15, 16, 17, 18])
      #expect(throws: DatasetError.self) { try clips.frames(4..<11, ofVideo: 0) }
      // Every second frame.
      let spaced = try open(folder, by: Videos(spacing: 2))
      #expect(try tones(spaced.example(at: 0)) == [10, 12, 14])
      #expect(spaced.count == 1)
    }
  }

  @Test func randomFramesAreOfOneSceneInTimeOrder() throws {
    try withTemporaryFolder { folder in
      try frames(folder, "a/", Array(10..<16) + Array(200..<206))
      let clips = try open(folder, length: 2, by: Videos(sampling: .random))
      #expect(clips.description.notes == ["A cut was found in the videos; no clip crosses one."])
      #expect(clips.count == 3 + 3)
      #expect(
        try (0..<6).map { try tones(clips.example(at: $0)) }
          == [[10, 13], [12, 15], [11, 14], [200, 203], [202, 205], [201, 204]])
      var (generator, found) = (SeededGenerator(seed: 1), Set<Int>())
      for index in 0..<60 {
        let drawn = try tones(clips.example(at: index % 3, using: &generator))
        #expect(drawn == drawn.sorted() && drawn.allSatisfy { $0 < 100 })
        found.formUnion(drawn)
      }
      #expect(found == Set(10..<16))
    }
  }

  @Test func aCutEndsAClip() throws {
    try withTemporaryFolder { folder in
      try frames(folder, "a/", Array(0..<5) + Array(100..<104) + Array(20..<24))
      let clips = try open(folder)
      #expect(
        try (0..<clips.count).map { try tones(clips.example(at: $0)) } == [
          [0, 1, 2], [100, 101, 102], [20, 21, 22],
        ])
      #expect(clips.frameCount(ofVideo: 0) == 13)
    }
  }

  @Test func imagesOfOneFolderWithOtherBeginningsAreOtherVideos() throws {
    try withTemporaryFolder { folder in
      try frames(folder, "train/0001TP_0", 0..<4)
      try frames(folder, "train/0006R0_f0", 100..<103)
      try frames(folder, "test/0001TP_1", 40..<43)
      #expect(try open(folder).videoNames == ["0001TP", "0006R0_f"])
      #expect(try tones(open(folder, .test).example(at: 0)) == [40, 41, 42])
      #expect(throws: DatasetError.self) { try open(folder, .validation) }
    }
  }

  @Test func whatLiesBesideTheFramesIsFoundByName() throws {
    try withTemporaryFolder { folder in
      try frames(folder, "frames/a/", 10..<15)
      try frames(folder, "labels/a/", [0, 1, 2, 0, 1])
      try frames(folder, "poses/a/", 110..<115)
      try folder.write("actions/a.csv", "action\nleft\njump\nleft\nleft\njump\n")
      let fields = [
        Field("map", .labelMaps(classes: 3, frames: 3, height: 2, width: 4)),
        Field("pose", .video(frames: 3, channels: 1, height: 2, width: 4, range: .unit)),
        Field("action", .labels(classes: 2, length: 3)),
      ]
      let clips = try open(folder, others: fields)
      let example = try clips.example(at: 0)
      #expect(example["map"]?.shape == [3, 2, 4])
      #expect(example["map"]?.integers() == [0, 1, 2].flatMap { [Int](repeating: $0, count: 8) })
      #expect(example["pose"]?.bytes.first == 110)
      #expect(example["action"]?.integers() == [1, 0, 1])
      #expect(clips.description.classNames == ["0", "1", "2"])

      let actions = try open(folder, others: [fields[2]])
      #expect(actions.description.classNames == ["jump", "left"])
      let known = try Videos().relabelled(
        .examples(actions), classes: ["left", "stand", "jump"], fields: [fields[2]])
      #expect(try known.dataset?.example(at: 0)["action"]?.integers() == [0, 2, 0])
      #expect(throws: DatasetError.self) {
        try Videos().relabelled(.examples(actions), classes: ["left"], fields: [fields[2]])
      }
    }
  }

  @Test func instancesKeepTheirIds() throws {
    try withTemporaryFolder { folder in
      let instances = Field(Videos.instance, .labelMaps(classes: .max, frames: 2, height: 2, width: 4))
      let maps = Field("map", .labelMaps(classes: 2, frames: 2, height: 2, width: 4))
      try frames(folder, "train/frames/a/", 10..<12)
      do {
        _ = try open(folder, length: 2, others: [instances])
        Issue.record("videos without instances were opened")
      } catch { #expect("\(error)".contains("no folder instances beside the frames")) }
      // 16 bits, as Cityscapes' ids of instances have.
      for frame in 0..<2 {
        let ids = [26_001 + frame, 7, 7, 7, 7, 7, 255, 256].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let image = Image(width: 4, height: 2, channels: 1, depth: 16, bytes: ids)
        try folder.write("train/inst/a/0\(frame).png", ImageCodec().encode(image, as: .png))
        let labels = Image(width: 4, height: 2, channels: 1, bytes: [1, 0, 0, 0, 0, 0, 0, 0])
        try folder.write("train/labels/a/0\(frame).png", ImageCodec().encode(labels, as: .png))
      }
      let clips = try open(folder, length: 2, others: [instances, maps])
      let example = try clips.example(at: 0)
      #expect(
        example[Videos.instance]?.integers() == [
          26_001, 7, 7, 7, 7, 7, 255, 256, 26_002, 7, 7, 7, 7, 7, 255, 256,
        ])
      // Ids are no classes: they are neither counted nor renamed.
      #expect(clips.description.classNames == ["0", "1"])
      let known = try Videos().relabelled(
        .examples(clips), classes: ["1", "0"], fields: [instances, maps])
      #expect(try known.dataset?.example(at: 0)[Videos.instance]?.integers().first == 26_001)
      #expect(try known.dataset?.example(at: 0)["map"]?.integers().prefix(2) == [0, 1])
    }
  }

  @Test func whatIsMissingBesideTheFramesIsNamed() throws {
    try withTemporaryFolder { folder in
      let maps = [Field("map", .labelMaps(classes: 3, frames: 3, height: 2, width: 4))]
      let actions = [Field("action", .labels(classes: 2, length: 3))]
      try frames(folder, "frames/a/", 10..<15)
      func reason(_ others: [Field]) -> String {
        do {
          _ = try open(folder, others: others)
          return ""
        } catch { return "\(error)" }
      }
      #expect(reason(maps).contains("it has no folder labels beside the frames"))
      try frames(folder, "labels/a/", 0..<2)
      #expect(reason(maps).contains("there are no labels for the frame a/02"))
      try folder.write("actions/a.csv", "action\nleft\njump\n")
      #expect(reason(actions).contains("it has 5 frames, and there are actions for 2"))
      try folder.write("actions/a.csv", "move\nleft\n")
      #expect(reason(actions).contains("it has no column named action; it has move"))
      try folder.write("actions/a.csv", "action\nleft\njump\nfly\njump\njump\n")
      try folder.write("actions/classes.txt", "jump\nleft\n")
      #expect(reason(actions).contains("there is no action fly; the actions are jump, left"))
      try FileManager.default.removeItem(at: folder.appendingPathComponent("actions/a.csv"))
      #expect(reason(actions).contains("there is no table a.csv"))
    }
  }

  @Test func ofFewVideosTheEndsAreHeldOutAndOfManyWholeOnes() throws {
    try withTemporaryFolder { folder in
      try frames(folder, "a/", 0..<20)
      let share = try HoldOut(0.2, validation: 0.2)
      let parts = try [DatasetSplit.train, .validation, .test].map { split in
        let clips = try open(folder, split, length: 2, holdOut: share)
        return try (0..<clips.count).flatMap { try tones(clips.example(at: $0)) }
      }
      #expect(parts == [Array(0..<12), Array(12..<16), Array(16..<20)])
      for name in ["b", "c", "d"] { try frames(folder, "\(name)/", 100..<104) }
      let whole = try HoldOut(0.25)
      let (train, test) = (
        try open(folder, length: 2, holdOut: whole), try open(folder, .test, length: 2, holdOut: whole)
      )
      #expect(Set(train.videoNames).union(test.videoNames) == ["a", "b", "c", "d"])
      #expect(train.videoNames.count == 3 && test.videoNames.count == 1)
    }
  }

  @Test func damagedAndMissingVideosAreNamed() throws {
    try withTemporaryFolder { folder in
      #expect(throws: DatasetError.self) { try open(folder) }
      try frames(folder, "a/", 0..<3)
      try folder.write("a/01.png", [UInt8]("no image".utf8))
      do {
        _ = try open(folder)
        Issue.record("a damaged frame was read")
      } catch { #expect("\(error)".contains("01.png")) }
    }
  }
}
