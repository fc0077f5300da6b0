import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct RenderedFaceTests {
  private func options(_ change: (inout RenderedFaceOptions) -> Void = { _ in }) -> RenderedFaceOptions {
    var options = RenderedFaceOptions()
    (options.identities, options.clips, options.frames, options.size) = (2, 2, 3, 64)
    options.seed = 3
    change(&options)
    return options
  }

  private func frame(
    _ person: Int = 1, _ clip: Int = 1, _ frame: Int = 0,
    _ change: (inout RenderedFaceOptions) -> Void = { _ in }
  ) throws -> (image: Image, mask: Image, record: FaceRecord) {
    try RenderedFaceSet.frame(options(change), person: person, clip: clip, frame: frame)
  }

  @Test func aFaceFollowsFromSeedPersonClipAndFrameAlone() throws {
    let (image, mask, record) = try frame()
    let again = try frame(1, 1, 0) { ($0.identities, $0.clips, $0.frames) = (50, 9, 200) }
    #expect(again.image == image && again.mask == mask && again.record.keypoints == record.keypoints)
    for other in [try frame(2), try frame(1, 2), try frame(1, 1, 9), try frame { $0.seed = 4 }] {
      #expect(other.image != image && other.record.keypoints != record.keypoints)
    }
    // What this face looks like, within what rounding on other machines may change.
    let means = (0..<3).map { channel in
      let plane = image.channel(channel).bytes
      return plane.reduce(0.0) { $0 + Double($1) } / Double(plane.count)
    }
    #expect(zip(means, Self.means).allSatisfy { abs($0 - $1) < 0.05 }, "\(means)")
    let points = try #require(record.keypoints)
    for (index, x, y) in Self.points {
      #expect(abs(points[index].x - x) < 1e-4 && abs(points[index].y - y) < 1e-4, "\(index) \(points[index])")
    }
  }

  private static let means = [170.463, 133.533, 133.049]
  private static let points = [
    (8, 30.196561, 54.041623), (30, 33.373285, 38.668209), (36, 21.335254, 31.399499),
    (54, 37.075520, 45.953321),
  ]

  @Test func expressionAndIdentityAreIndependent() throws {
    func pose(_ person: Int, _ isShared: Bool) throws -> [FacePose] {
      try (0..<4).map { try frame(person, 1, 5 * $0) { $0.sharesMotion = isShared }.record.pose }
    }
    #expect(try pose(1, true) == pose(2, true))
    #expect(try pose(1, false) != pose(2, false))
    let (one, other) = (try frame(1) { $0.sharesMotion = true }, try frame(2) { $0.sharesMotion = true })
    #expect(one.image != other.image && one.record.keypoints != other.record.keypoints)
  }

  /// The outline of the mask is at the jaw's landmarks; those of eyes, nose and mouth lie within it.
  @Test(arguments: 1...4)
  func landmarksAreWhereTheFaceIsDrawn(_ person: Int) throws {
    let (_, mask, record) = try frame(person, 1, 7) { $0.size = 128 }
    let points = try #require(record.keypoints)
    #expect(points.count == FaceOutline.count)
    func isFace(_ x: Double, _ y: Double) -> Bool {
      let (x, y) = (Int(x.rounded()), Int(y.rounded()))
      return (0..<128).contains(x) && (0..<128).contains(y) && mask[x: x, y: y, channel: 0] > 127
    }
    for point in points[27...35] + points[48...67] { #expect(isFace(point.x, point.y)) }
    let middle = points[33]
    for point in points[5...11] {
      let (x, y) = (point.x - middle.x, point.y - middle.y)
      #expect(isFace(middle.x + 0.94 * x, middle.y + 0.94 * y))
      #expect(!isFace(middle.x + 1.06 * x, middle.y + 1.06 * y))
    }
    let box = record.face.box
    #expect(
      points.allSatisfy { box.left <= $0.x && $0.x <= box.right && box.top < $0.y && $0.y <= box.bottom })
  }

  @Test func framesFollowEachOtherSmoothlyAndPosesHaveTheirSigns() throws {
    var (last, turned, estimated): ([FacePoint], [Double], [Double]) = ([], [], [])
    for number in 0..<24 {
      let record = try frame(1, 1, number) { $0.size = 48 }.record
      let points = try #require(record.keypoints)
      for (one, other) in zip(points, last) {
        #expect(abs(one.x - other.x) < 2 && abs(one.y - other.y) < 2)
      }
      last = points
      turned.append(record.pose.yaw)
      estimated.append(FacePose(record.face.landmarks).yaw)
    }
    let products = zip(turned, estimated).reduce(0) { $0 + $1.0 * $1.1 }
    let squares = turned.reduce(0) { $0 + $1 * $1 } * estimated.reduce(0) { $0 + $1 * $1 }
    #expect(products / squares.squareRoot() > 0.8)
    let (sum, length) = (turned.max() ?? 0, turned.min() ?? 0)
    #expect(sum - length > 5)
  }

  @Test func cropsStandAsTheirLayoutSays() throws {
    let (image, _, record) = try frame(1, 1, 4) { ($0.layout, $0.size) = (.arcface, 112) }
    #expect(image.width == 112 && record.layout == .arcface)
    let eyes = [record.face.landmarks.leftEye, record.face.landmarks.rightEye].map(record.alignment.inCrop)
    #expect(abs(eyes[0].x - 38.3) < 5 && abs(eyes[1].x - 73.5) < 5 && abs(eyes[0].y - 51.7) < 6)
    // Where nothing is cropped, crop and image are one.
    let whole = try frame(1, 1, 4).record
    let point = whole.alignment.inCrop(FacePoint(x: 12.5, y: 40))
    #expect(abs(point.x - 12.5) < 1e-9 && abs(point.y - 40) < 1e-9 && whole.layout == nil)
  }

  // MARK: Speech

  /// Sounds of one voice: `count` files of half a second of a tone at 300 Hz, then half a second of silence.
  private func voices(_ name: String, _ count: Int, in folder: URL) throws {
    let place = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for number in 0..<count {
      let samples = (0..<16_000).map { $0 < 8000 ? 0.5 * sin(2 * Float.pi * 300 * Float($0) / 16_000) : 0 }
      try AudioCodec().write(
        Audio(sampleRate: 16_000, samples: samples), to: place.appendingPathComponent("\(number).wav"))
    }
  }

  @Test func mouthsOpenWhileSomethingIsHeard() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("spoken-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try voices("anna", 3, in: folder.appendingPathComponent("voices"))
    let output = folder.appendingPathComponent("faces")
    let speaking = options {
      ($0.speech, $0.frameRate, $0.frames) = (folder.appendingPathComponent("voices").path, 25, 50)
    }
    _ = try RenderedFaceSet.prepare(to: output, options: speaking)
    for part in ["train", "test"] {
      let place = output.appendingPathComponent(part)
      let clip = part == "train" ? "clip-1" : "clip-2"
      let sound = try Audio(contentsOf: place.appendingPathComponent("person-2/\(clip).wav"))
      #expect(sound.frames == 32_000 && sound.sampleRate == 16_000)
      let opening = try FaceTable.records(in: place).filter { $0.identity == "person-2" }.map { record in
        let points = try #require(record.keypoints)
        return (points[66].y - points[62].y) / (points[8].y - points[27].y)
      }
      // A tone for 12 frames, silence for 12 and for the 5 between two sounds.
      let (heard, silent) = (opening[1...10] + opening[31...40], opening[14...27] + opening[44...49])
      #expect((heard.min() ?? 0) > 0.05 + (silent.max() ?? 1), "\(opening)")
    }
  }

  @Test func eachPersonHasAVoiceAndHeldOutClipsSayOtherThings() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("spoken-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["anna", "bert"] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for number in 0..<4 {
        // A level for each file, so that samples tell what is said.
        let level = Float(number + 1) / 10 + (name == "anna" ? 0 : 0.4)
        try AudioCodec().write(
          Audio(sampleRate: 16_000, samples: [Float](repeating: level, count: 8000)),
          to: place.appendingPathComponent("\(number).wav"))
      }
    }
    let utterances = try FaceUtterances(folder, heldOut: 0.25)
    func said(_ person: Int, _ isHeldOut: Bool) throws -> Set<Int> {
      let samples = try utterances.samples(
        person: person, clip: 1, isHeldOut: isHeldOut, frames: 200, seed: 0)
      #expect(samples.count == 200 * 640)
      return Set(samples.map { Int(($0 * 10).rounded()) }).subtracting([0])
    }
    #expect(try said(1, false) == [1, 2, 3] && said(1, true) == [4])
    #expect(try said(2, false) == [5, 6, 7] && said(2, true) == [8])
    #expect(try said(3, true) == [4])
  }

  @Test func speechThatCannotBeSaidIsRefused() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("spoken-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("none"), withIntermediateDirectories: true)
    try voices("one", 1, in: folder)
    func refusal(_ name: String, _ rate: Double = 25) -> String? {
      let output = folder.appendingPathComponent("faces")
      let speaking = options { ($0.speech, $0.frameRate) = (folder.appendingPathComponent(name).path, rate) }
      do throws(DatasetError) { _ = try RenderedFaceSet.prepare(to: output, options: speaking) } catch {
        #expect(!FileManager.default.fileExists(atPath: output.path))
        return error.description
      }
      return nil
    }
    #expect(refusal("nowhere")?.contains("nothing at") == true)
    #expect(refusal("none")?.contains("no sounds") == true)
    #expect(refusal("one")?.contains("one sound") == true)
    #expect(refusal("one", 12)?.contains("25 frames a second") == true)
    // A person keeps its voice in held-out clips.
    for voice in ["train/anna", "train/bert", "test/bert"] {
      try voices(voice, 1, in: folder.appendingPathComponent("parts"))
    }
    #expect(refusal("parts")?.contains("test/anna cannot be used") == true)
    try Data("no sound".utf8).write(to: folder.appendingPathComponent("one/1.wav"))
    #expect(refusal("one")?.contains("1.wav") == true || refusal("one")?.contains("0.wav") == true)
  }

  // MARK: The set

  @Test func theSetIsLaidOutAsFacesAre() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("drawn-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appendingPathComponent("faces")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let report = try RenderedFaceSet.prepare(to: output, options: options { $0.hasMasks = true })
    #expect(report.written == 12 && report.leftOut.isEmpty)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: output.path).sorted()
        == ["consent.yaml", "contact-sheet.png", "provenance.json", "test", "train"])
    for part in ["train", "test"] {
      let place = output.appendingPathComponent(part)
      let records = try FaceTable.records(in: place)
      #expect(records.count == 6 && Set(records.map(\.identity)) == ["person-1", "person-2"])
      #expect(records.map(\.frame) == [0, 1, 2, 0, 1, 2] && Set(records.map(\.track)).count == 2)
      for record in records {
        #expect(record.keypoints?.count == FaceOutline.count && record.sharpness > 20)
        for name in [record.file, "masks/\(record.file)"] {
          #expect(try Image(contentsOf: place.appendingPathComponent(name)).width == 64)
        }
      }
    }
    #expect(
      try FaceTable.records(in: output.appendingPathComponent("train"))[0].file
        == "person-1/clip-1_000000.png")
    // A system of faces finds masks, drawings of landmarks, keypoints of both numbers and identities.
    func image(_ name: String, _ channels: Int) -> Field {
      Field(name, .image(channels: channels, height: 32, width: 32, range: .unit))
    }
    for points in [5, 68] {
      let fields = [
        image("image", 3), image("landmarks", 3), image("mask", 1),
        Field("keypoints", .features(size: 2 * points)), Field("identity", .label(classes: 2)),
      ]
      for split in [DatasetSplit.train, .test] {
        let part = try Faces(mask: .replaced).open(output, split, DataOpening(fields), Artefacts())
        let faces = try #require(part.dataset)
        #expect(faces.count == 6 && faces.description.classNames == ["person-1", "person-2"])
        let example = try faces.example(at: 5)
        #expect(example["identity"]?.integers() == [1] && example["keypoints"]?.count == 2 * points)
        #expect(example["mask"]?.bytes[16 * 32 + 16] == 255 && example["mask"]?.bytes[0] == 0)
      }
    }
    #expect { try RenderedFaceSet.prepare(to: output, options: options()) } throws: {
      "\($0)".contains("faces")
    }
  }

  @Test func otherSystemsFindTheirDataInTheSet() throws {
    let output = FileManager.default.temporaryDirectory.appendingPathComponent("drawn-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: output) }
    _ = try RenderedFaceSet.prepare(to: output, options: options { $0.size = 32 })
    // A video a clip, and two sides of people.
    let clip = Field("video", .video(frames: 2, channels: 3, height: 32, width: 32, range: .unit))
    let videos = try Videos(sampling: .random).open(output, .train, DataOpening([clip]), Artefacts()).dataset
    #expect((videos as? any VideoCollection)?.videoNames == ["person-1", "person-2"])
    let sides = ["A", "B"].map { Field($0, .image(channels: 3, height: 32, width: 32, range: .unit)) }
    let pairs = try UnpairedImages("A", "B", namesSides: true).open(
      output, .test, DataOpening(sides), Artefacts()
    ).dataset
    #expect(pairs?.count == 3 && pairs?.description.sideNames == ["person-1", "person-2"])
    let report = try checkData(at: output, suggesting: \.rawValue)
    #expect(report.suggestedCommand?.hasPrefix("atelier train landmarkedFaces ") == true, "\(report)")
  }

  @Test func impossibleSettingsAreNamed() {
    let changes: [((inout RenderedFaceOptions) -> Void, String)] = [
      ({ $0.identities = 0 }, "identities"), ({ $0.testClips = 2 }, "held out"), ({ $0.size = 8 }, "side"),
      ({ $0.frames = 0 }, "frames"), ({ $0.frameRate = 0 }, "frames a second"),
      ({ $0.first = 0 }, "counted from"),
      ({ $0.clips = 0 }, "clips"),
    ]
    for (change, words) in changes {
      let place = FileManager.default.temporaryDirectory.appendingPathComponent("never-\(UUID().uuidString)")
      #expect { try RenderedFaceSet.prepare(to: place, options: options(change)) } throws: {
        "\($0)".contains(words)
      }
      #expect(!FileManager.default.fileExists(atPath: place.path))
    }
  }
}
