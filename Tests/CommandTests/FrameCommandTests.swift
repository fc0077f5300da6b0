import Atelier
import Foundation
import TestSupport
import Testing

/// Videos that follow label maps and poses, on the command line.
@Suite struct FrameCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func train(_ system: String, _ keys: [String]) throws -> URL {
    let data = folder("videos")
    if !FileManager.default.fileExists(atPath: data.path) {
      try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
      try TinyData.writeVideos(to: data, count: 2, frames: 6, size: 16)
    }
    let run = folder(system)
    let tiny = [
      "imageWidth=16", "imageHeight=16", "width=2", "downsamplings=1", "blocks=1", "discriminatorWidth=2",
      "layers=1", "scales=1", "batchSize=1",
    ]
    let result = try atelier.run(
      [
        "train", system, "--preset", "small", "--data", data.path, "--run", run.path, "--steps", "2",
        "--threads", "1",
      ] + (tiny + keys).flatMap { ["--set", $0] })
    try #require(result.status == 0, "\(result.errors)")
    return run
  }

  @Test func aFolderOfLabelMapsBecomesAVideo() throws {
    let run = try train("vid2vid", ["sequenceLength=2", "longestSequence=2"])
    let maps = folder("videos").appendingPathComponent("test/labels/0").path
    let frames = folder("frames")
    let drawn = try atelier.run(["generate", run.path, maps, "--output", frames.path])
    try #require(drawn.status == 0, "\(drawn.errors)")
    #expect(drawn.output.contains("6 frames in"))
    let names = try FileManager.default.contentsOfDirectory(atPath: frames.path).sorted()
    #expect(names == (1...6).map { String(format: "%06d.png", $0) })
    let first = try ImageCodec().decode(frames.appendingPathComponent(names[0]))
    #expect(first.width == 16 && first.height == 16)
    // Nothing is written over.
    let again = try atelier.run(["generate", run.path, maps, "--output", frames.path])
    #expect(again.status != 0 && again.errors.contains("exists already"))
    let forced = try atelier.run(["generate", run.path, maps, "--output", frames.path, "--force"])
    #expect(forced.status == 0, "\(forced.errors)")
    // Also not by force, where the result would replace what it is made of.
    let before = try FileManager.default.contentsOfDirectory(atPath: maps).sorted()
    let own = try atelier.run(["generate", run.path, maps, "--output", maps, "--force"])
    #expect(own.status == 64 && own.errors.contains("is an input, and is not written over"), "\(own.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: maps).sorted() == before)
    // The first frame as it is given.
    let image = folder("videos").appendingPathComponent("test/frames/0/000.png")
    let given = folder("given")
    let begun = try atelier.run([
      "generate", run.path, maps, "--output", given.path, "--condition", "first=\(image.path)", "--no-mark",
      "--no-label",
    ])
    #expect(begun.status == 0, "\(begun.errors)")
    #expect(
      try ImageCodec().decode(given.appendingPathComponent("000001.png")).bytes
        == ImageCodec().decode(image).bytes)
    guard FFmpeg.standard.isAvailable else { return }
    let file = folder("street.mp4")
    let filmed = try atelier.run(["generate", run.path, maps, "--output", file.path])
    try #require(filmed.status == 0, "\(filmed.errors)")
    let video = try Video(contentsOf: file)
    #expect(video.width == 16 && video.height == 16 && (video.frameCount ?? 6) == 6)
  }

  @Test func badInputIsOneSentence() throws {
    let run = try train("vid2vid", ["sequenceLength=2", "longestSequence=2"]).path
    let maps = folder("videos").appendingPathComponent("test/labels/0").path
    try Data("no video".utf8).write(to: folder("maps.mp4"))
    for (arguments, words) in [
      ([maps, "--output", folder("a.avi").path], "written as .mp4"),
      ([folder("nowhere").path, "--output", folder("a").path], "does not exist"),
      ([folder("maps.mp4").path, "--output", folder("a").path], "label maps are a folder"),
      ([maps, maps, "--output", folder("a").path], "--output takes one video"),
      ([maps, maps], "two inputs"),
    ] {
      let result = try atelier.run(["generate", run] + arguments)
      #expect(result.status != 0 && result.errors.contains(words), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder("a").path))
    }
    // A frame that is missing in the numbers, and one of another size, stop it before anything is written.
    let gap = folder("gap")
    try FileManager.default.copyItem(at: URL(fileURLWithPath: maps), to: gap)
    try FileManager.default.removeItem(at: gap.appendingPathComponent("002.png"))
    let lacking = try atelier.run(["generate", run, maps, gap.path, "--files", folder("b").path])
    #expect(lacking.status == 65 && lacking.errors.contains("number 2 is missing"), "\(lacking.errors)")
    try Image(width: 9, height: 5, channels: 1, bytes: [UInt8](repeating: 0, count: 45)).write(
      to: gap.appendingPathComponent("002.png"))
    let other = try atelier.run(["generate", run, maps, gap.path, "--files", folder("b").path])
    #expect(
      other.status == 65 && other.errors.contains("002.png: 9 x 5 pixels instead of 16 x 16"),
      "\(other.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("b").path))
  }

  @Test func posesBecomeAVideo() throws {
    let run = try train("everybody-dance-now", ["faces=false"])
    let poses = folder("videos").appendingPathComponent("test/poses/0").path
    let drawn = try atelier.run(["generate", run.path, poses, "--output", folder("dance").path])
    try #require(drawn.status == 0, "\(drawn.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("dance").path).count == 6)
  }

  @Test func keyPointsBecomePictures() throws {
    let keys = folder("keys")
    try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true)
    let points = (0..<25).map { "\(4 * $0),\(4 * $0),1" }.joined(separator: ",")
    for number in 0..<3 {
      try Data("{\"people\":[{\"pose_keypoints_2d\":[\(points)]}]}".utf8).write(
        to: keys.appendingPathComponent("\(number).json"))
    }
    let result = try atelier.run([
      "data", "prepare", "poses", keys.path, folder("poses").path, "--frames", "100x100", "--size", "32x16",
      "--like", keys.path, "--smooth", "3",
    ])
    try #require(result.status == 0, "\(result.errors)")
    let picture = try ImageCodec().decode(folder("poses").appendingPathComponent("000001.png"))
    #expect(picture.width == 32 && picture.height == 16 && picture.bytes.contains { $0 > 100 })
    try Data("{}".utf8).write(to: keys.appendingPathComponent("3.json"))
    let bad = try atelier.run([
      "data", "prepare", "poses", keys.path, folder("others").path, "--frames", "100x100",
    ])
    #expect(bad.status != 0 && bad.errors.contains("3.json"), "\(bad.errors)")
  }
}
