import Atelier
import Foundation
import TestSupport
import Testing

@Suite struct PoseTests {
  /// Somebody of a height whose ankles stand in a row, in 25 points.
  private func person(_ height: Double, ankles: Double, x: Double = 50) -> BodyPose {
    var body = [BodyPose.Point](repeating: BodyPose.Point(0, 0, confidence: 0), count: 25)
    body[0] = BodyPose.Point(x, ankles - height)
    body[1] = BodyPose.Point(x, ankles - height * 0.8)
    body[8] = BodyPose.Point(x, ankles - height * 0.5)
    body[11] = BodyPose.Point(x - 2, ankles)
    body[14] = BodyPose.Point(x + 2, ankles)
    return BodyPose(.body25, body: body)
  }

  private func json(_ value: Any) throws -> [UInt8] {
    [UInt8](try JSONSerialization.data(withJSONObject: value))
  }

  private func sentence(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func filesOfOpenPoseAndOfCOCOAreRead() throws {
    let points: [Double] = (0..<25).flatMap { [Double($0), Double(2 * $0), 0.5] }
    let openPose = try json(["people": [["pose_keypoints_2d": points, "face_keypoints_2d": []]]])
    let pose = try #require(try BodyPose.people(in: openPose, from: "a.json").first)
    #expect(pose.form == .body25 && pose.body[7] == BodyPose.Point(7, 14, confidence: 0.5))
    #expect(try BodyPose.people(in: json(["people": []]), from: "a.json").isEmpty)
    // COCO's left and right shoulder are 5 and 6, the left ankle is 15.
    let numbers: [Double] = (0..<17).flatMap { [Double($0), 10, 2] }
    let coco = try json(["annotations": [["keypoints": numbers]]])
    let other = try #require(try BodyPose.people(in: coco, from: "b.json").first)
    #expect(other.form == .coco && other.body[1].x == 5.5 && other.body[13].x == 15 && other.body[0].x == 0)
  }

  @Test func filesOfAnythingElseAreNamed() throws {
    for bytes in [
      Array("[]".utf8), Array("{}".utf8), [0xFF, 0x00],
      try json(["people": [["pose_keypoints_2d": [1, 2, 3]]]]),
      try json(["people": [["pose_keypoints_2d": [1, 2]]]]),
      try json(["annotations": [["keypoints": [1, 2, 3]]]]),
      try json(["keypoints": [1, 2, 3]]), try json(["keypoints": ["nose"]]),
      try json(["keypoints": [[1, 2, 3, 4]]]),
      try json(["people": [["pose_keypoints_2d": [Double](repeating: 1e9, count: 75)]]]),
    ] {
      #expect(sentence { _ = try BodyPose.people(in: bytes, from: "odd.json") }.contains("odd.json"))
    }
  }

  @Test func aPersonKeepsHerPlaceAmongHerOwnPoses() throws {
    let poses = [60.0, 70, 80, 90].map { person($0 / 2, ankles: $0) }
    let normal = try PoseNormalization(of: poses, to: poses)
    for (moved, pose) in zip(normal(poses, width: 100), poses) {
      for (one, other) in zip(moved.body, pose.body) {
        #expect(abs(one.x - other.x) < 1e-9 && abs(one.y - other.y) < 1e-9)
      }
    }
  }

  @Test func somebodySmallBecomesAsLargeAsTheOther() throws {
    // Twice as large, and 20 rows lower near the camera.
    let small = [60.0, 61, 62, 63, 80].map { person(20, ankles: $0) }
    let large = [80.0, 81, 82, 83, 100].map { person(40, ankles: $0) }
    let moved = try PoseNormalization(of: small, to: large)(small, width: 100)
    for pose in moved {
      #expect(abs((pose.body[11].y - pose.body[0].y) - 40) < 1e-9)
      // Around the middle of the picture.
      #expect(abs(pose.body[0].x - 50) < 1e-9)
      #expect(!pose.body[5].isFound && pose.body[5].x == 0)
    }
    #expect(abs((moved.last?.body[11].y ?? 0) - 100) < 1e-9)
  }

  @Test func posesWithoutAnklesCannotBeMeasured() throws {
    let nobody = BodyPose(
      .coco, body: [BodyPose.Point](repeating: BodyPose.Point(0, 0, confidence: 0), count: 18))
    #expect(
      sentence { _ = try PoseNormalization(of: [nobody], to: [person(20, ankles: 60)]) }.contains("ankles"))
  }

  @Test func aMedianTakesOutAJump() {
    var poses = (0..<7).map { person(20, ankles: 60, x: 50 + Double($0)) }
    poses[3].body[0].x = 500
    poses[4].body[0].confidence = 0
    let smooth = poses.smoothed(window: 3)
    #expect(smooth[3].body[0].x == (52 + 500) / 2)
    #expect(poses.smoothed(window: 5)[3].body[0].x == 53.5)
    #expect(smooth[1].body[0].x == 51 && !smooth[1].body[5].isFound)
  }

  @Test func limbsAreDrawnWhereTheyAre() throws {
    let drawing = PoseDrawing(width: 50, height: 50)
    let image = drawing(person(40, ankles: 90), of: (100, 100))
    func pixel(_ x: Int, _ y: Int) -> [UInt8] {
      Array(image.bytes[((y * 50 + x) * 3)..<((y * 50 + x) * 3 + 3)])
    }
    // Half way between neck and hip, at half the size.
    #expect(pixel(25, 32).contains { $0 > 150 })
    #expect(pixel(5, 5) == [0, 0, 0] && pixel(40, 30) == [0, 0, 0])
    // The nose is white, and nothing else: no face was found.
    let white = (0..<2500).filter { place in (0..<3).allSatisfy { image.bytes[3 * place + $0] > 200 } }
    let nose = person(40, ankles: 90).body[0]
    #expect(
      !white.isEmpty
        && white.allSatisfy {
          abs(Double($0 % 50) + 0.5 - nose.x / 2) < 2 && abs(Double($0 / 50) + 0.5 - nose.y / 2) < 2
        })
    #expect(drawing(nil, of: (100, 100)).bytes.allSatisfy { $0 == 0 })
  }

  @Test func aFileOfLinesIsAsAFolderOfFiles() throws {
    let folder = try TemporaryFolder()
    let source = folder("keys")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    var lines: [String] = []
    for number in 0..<3 {
      let points = (0..<17).map { [Double(10 + $0), Double(20 + 3 * $0 + number), 2] }
      try json(["annotations": [["keypoints": points.flatMap { $0 }]]])
        .withUnsafeBytes { try Data($0).write(to: source.appendingPathComponent("\(number).json")) }
      // As a list a point, flat, and as COCO has it.
      let line: [String: Any] =
        [
          ["keypoints": points], ["keypoints": points.flatMap { $0 }],
          ["annotations": [["keypoints": points.flatMap { $0 }]]],
        ][
          number]
      lines.append(String(decoding: try json(line), as: UTF8.self))
    }
    let file = folder("keys.jsonl")
    try (lines.joined(separator: "\n") + "\n\n").write(to: file, atomically: true, encoding: .utf8)
    #expect(try PosePictures.read(file) == PosePictures.read(source))
    try "{}\n".write(to: folder("bad.jsonl"), atomically: true, encoding: .utf8)
    #expect(sentence { _ = try PosePictures.read(folder("bad.jsonl")) }.contains("bad.jsonl, line 1,"))
    try Data().write(to: folder("empty.jsonl"))
    #expect(sentence { _ = try PosePictures.read(folder("empty.jsonl")) }.contains("no lines"))
    #expect(sentence { _ = try PosePictures.read(folder.url) }.contains("such as bad.jsonl"))
    #expect(sentence { _ = try PosePictures.read(folder("none.jsonl")) }.contains("none.jsonl"))
  }

  @Test func aFolderOfFilesBecomesAFolderOfPictures() throws {
    let folder = try TemporaryFolder()
    let source = folder("keys")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    for number in 0..<3 {
      let people: [[String: Any]] =
        number == 1
        ? []
        : [
          [
            "pose_keypoints_2d": person(20, ankles: 60 + Double(number)).body.flatMap {
              [$0.x, $0.y, $0.confidence]
            }
          ]
        ]
      try Data(json(["people": people])).write(to: source.appendingPathComponent("f\(number).json"))
    }
    let report = try PosePictures.prepare(
      from: source, to: folder("poses"), size: (100, 100), drawing: PoseDrawing(width: 32, height: 32),
      like: (source, (100, 100)), window: 3)
    #expect(report.written == 3 && report.leftOut == ["A frame shows nobody and stays black."])
    var names = try FileManager.default.contentsOfDirectory(atPath: folder("poses").path).sorted()
    #expect(names == ["000001.png", "000002.png", "000003.png"])
    // Names of frames, of which there have to be as many.
    let frames = folder("frames")
    try FileManager.default.createDirectory(at: frames, withIntermediateDirectories: true)
    func named() throws {
      _ = try PosePictures.prepare(
        from: source, to: folder("named"), size: (100, 100), drawing: PoseDrawing(width: 32, height: 32),
        named: frames)
    }
    #expect(sentence(named).contains("no folder of one video's frames"))
    for number in [9, 10, 11] {
      #expect(sentence(named) != "")
      try Data().write(to: frames.appendingPathComponent("shot_\(number).jpg"))
    }
    try named()
    names = try FileManager.default.contentsOfDirectory(atPath: folder("named").path).sorted()
    #expect(names == ["shot_10.png", "shot_11.png", "shot_9.png"])
    #expect(
      sentence {
        _ = try PosePictures.prepare(
          from: folder("poses"), to: folder("none"), size: (10, 10), drawing: PoseDrawing(width: 8, height: 8)
        )
      }.contains("no JSON file"))
  }
}
