import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct FacesTests {
  private static func image(_ name: String, channels: Int = 3, size: Int = 32) -> Field {
    Field(name, .image(channels: channels, height: size, width: size, range: .unit))
  }

  private static let fields = [
    image("image"), image("landmarks"), image("mask", channels: 1), Field("identity", .label(classes: 2)),
    image("target"), image("targetMask", channels: 1), Field("wanted", .label(classes: 2)),
  ]

  private func open(
    _ folder: URL, _ arrangement: Faces, _ fields: [Field] = fields, _ split: DatasetSplit = .train,
    holdOut: HoldOut? = nil, flips: Bool = false
  ) throws -> any Dataset {
    let opening = DataOpening(fields, changes: JointAugmentation(flips: flips))
    let part = try arrangement.open(folder, split, opening, Artefacts())
    return try #require(holdOut?.part(split, of: part).dataset ?? part.dataset)
  }

  private func write(_ image: Image, _ folder: URL, _ name: String) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try image.write(to: file)
  }

  private func grey(_ size: Int, _ value: (Int, Int) -> UInt8) -> Image {
    Image(
      width: size, height: size, channels: 1,
      bytes: (0..<(size * size)).map { value($0 % size, $0 / size) })
  }

  @Test func aPairHasASecondFaceOfTheNextIdentityOutsideOfTraining() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeFaces(to: folder.url)
    let faces = try open(folder.url, Faces(mask: .replaced, pairs: true))
    #expect(faces.count == 6 && faces.description.classNames == ["anna", "bert"] && faces.isRandom)
    for index in 0..<6 {
      let example = try faces.example(at: index)
      let (own, wanted) = (example["identity"]?.integers(), example["wanted"]?.integers())
      #expect(own == [index / 3] && wanted == [1 - index / 3])
      #expect(example["image"]?.shape == [3, 32, 32] && example["mask"]?.shape == [1, 32, 32])
      #expect(Set(example["mask"]?.bytes ?? []) == [0, 255] && example["mask"]?.bytes[16 * 32 + 16] == 255)
    }
    var generator = SeededGenerator(seed: 1, purpose: "test", epoch: 0)
    let same = try (0..<40).count { _ in
      let example = try faces.example(at: 0, using: &generator)
      return example["wanted"]?.integers() == [0]
    }
    // One half on purpose, and a quarter by chance.
    #expect((20...38).contains(same))
    #expect(try open(folder.url, Faces(mask: .replaced, pairs: true), Self.fields, .test).count == 4)
  }

  @Test func aMaskMayMeanWhatIsKept() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeFaces(to: folder.url)
    let fields = [
      Self.image("image"), Self.image("mask", channels: 1), Field("keypoints", .features(size: 10)),
    ]
    let replaced = try open(folder.url, Faces(mask: .replaced), fields).example(at: 0)
    let kept = try open(folder.url, Faces(mask: .kept), fields).example(at: 0)
    #expect(kept["mask"]?.bytes == replaced["mask"]?.bytes.map { 255 - $0 })
    #expect(kept["keypoints"]?.count == 10)
  }

  @Test func theAuthorsFoldersAreReadAsTheyAre() throws {
    let folder = try TemporaryFolder()
    for person in ["0", "1"] {
      try write(grey(32) { x, _ in UInt8(x * 8) }, folder.url, "clr/\(person)/000001.jpg")
      try write(grey(32) { _, _ in 255 }, folder.url, "lndm/\(person)/000001.jpg")
      try write(grey(32) { x, _ in x < 16 ? 0 : 255 }, folder.url, "msk/\(person)/000001.jpg")
    }
    let example = try open(folder.url, Faces(mask: .replaced, pairs: true)).example(at: 0)
    let mask = try #require(example["mask"]).bytes
    #expect(mask[5] == 255 && mask[25] == 0)
  }

  @Test func boxesKeypointsAndCropsFollowTheImage() throws {
    let folder = try TemporaryFolder()
    try write(grey(64) { x, _ in UInt8(x * 4) }, folder.url, "anna/1.png")
    // Cut out of a larger image: twice its pixels, moved by 10.
    let line =
      #"{"file": "anna/1.png", "landmarks": [[15, 15], [35, 15], [25, 25], [17, 35], [33, 35]], "box": [10, 10, 26, 42], "#
      + #""alignment": {"width": 64, "height": 64, "matrix": [2, 0, -20, 0, 2, -20]}, "score": 0.9}"#
    try (line + "\n").write(to: folder("faces.jsonl"), atomically: true, encoding: .utf8)
    let fields = [
      Self.image("image"), Self.image("mask", channels: 1), Field("keypoints", .features(size: 10)),
    ]
    let faces = try open(folder.url, Faces(mask: .replaced), fields, flips: true)
    let example = try faces.example(at: 0)
    #expect(
      example["keypoints"]?.floats() == [10, 10, 50, 10, 30, 30, 14, 50, 46, 50].map { Float($0) / 64 })
    let mask = try #require(example["mask"]).bytes
    // The box is 0 … 32 of 64 pixels wide and high as the image.
    #expect(mask[15] == 255 && mask[16] == 0 && mask[31 * 32 + 15] == 255)
    // A mirrored face has its left eye where the right one was.
    var generator = SeededGenerator(seed: 1, purpose: "test", epoch: 0)
    let mirrored = try #require(
      try (0..<20).lazy.map { _ in try faces.example(at: 0, using: &generator) }.first {
        $0["keypoints"] != example["keypoints"]
      })
    #expect(
      mirrored["keypoints"]?.floats() == [14, 10, 54, 10, 34, 30, 18, 50, 50, 50].map { Float($0) / 64 })
    let other = try #require(mirrored["mask"]).bytes
    #expect(other[15] == 0 && other[16] == 255)
  }

  @Test func heldOutFacesAreNoSecondFacesOfTraining() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeFaces(to: folder.url, perPerson: 8)
    let undivided = folder("train")
    let arrangement = Faces(mask: .replaced, pairs: true)
    let training = try open(undivided, arrangement, holdOut: HoldOut(0.25))
    let held = try #require(
      try HoldOut(0.25).part(
        .test, of: arrangement.open(undivided, .train, DataOpening(Self.fields), Artefacts())
      ).dataset)
    #expect(training.count == 12 && held.count == 4)
    let seen = Set(try (0..<4).map { try held.example(at: $0)["image"]?.bytes })
    var generator = SeededGenerator(seed: 2, purpose: "test", epoch: 0)
    for index in 0..<12 {
      #expect(!seen.contains(try training.example(at: index, using: &generator)["target"]?.bytes))
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    func reason(_ arrange: (URL) throws -> Void, _ fields: [Field] = Self.fields) throws -> String {
      let folder = try TemporaryFolder()
      try arrange(folder.url)
      do {
        _ = try open(folder.url, Faces(mask: .replaced, pairs: true), fields)
        return ""
      } catch { return "\(error)" }
    }
    let face = grey(32) { x, _ in UInt8(x) }
    #expect(try reason { _ in }.contains("images"))
    #expect(try reason { try write(face, $0, "images/anna/1.png") }.contains("landmarks"))
    #expect(
      try reason({ try write(face, $0, "images/1.png") }, [Self.image("image"), Self.fields[3]])
        .contains("a folder a person"))
    #expect(
      try reason({ try write(face, $0, "images/anna/1.png") }, [Self.image("image"), Self.fields[3]])
        .contains("two at least"))
    #expect(
      try reason(
        { try write(face, $0, "images/1.png") },
        [Self.image("image"), Field("keypoints", .features(size: 14))]
      ).contains("7 keypoints"))
    for (line, word) in [
      ("{", "line 1"), (#"{"file": "images/1.png", "keypoints": [[1]]}"#, "keypoints"),
      (#"{"file": "images/1.png", "box": [4, 4, 2, 8]}"#, "box"),
      (#"{"file": "images/1.png", "alignment": {"matrix": [1]}}"#, "alignment"),
    ] {
      let found = try reason {
        try write(face, $0, "images/1.png")
        try line.write(to: $0.appendingPathComponent("faces.jsonl"), atomically: true, encoding: .utf8)
      }
      #expect(found.contains(word), "\(found)")
    }
  }
}
