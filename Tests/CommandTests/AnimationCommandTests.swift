import Atelier
import Foundation
import TestSupport
import Testing

/// Still images in motion on the command line.
@Suite(.serialized) struct AnimationCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func trained() throws -> String {
    let data = folder("data")
    try TinyData.writeVideos(to: data, size: 32)
    let consent = folder("consent.yaml")
    try Data("persons:\n  - {name: nobody, purpose: a test, until: 9999-12-31}\n".utf8).write(to: consent)
    let run = folder("run").path
    let keys = [
      "imageSize=32", "keypoints=3", "detector={width: 2, maximumWidth: 4, blocks: 2}",
      "denseMotion={width: 2, maximumWidth: 4, blocks: 2}",
      "generator={width: 2, maximumWidth: 4, blocks: 1}",
      "discriminator={width: 2, maximumWidth: 4, blocks: 2}", "batchSize=2",
    ]
    let train = [
      "train", "first-order-motion", "--preset", "small", "--data", data.path, "--run", run, "--steps", "2",
      "--quiet",
    ]
    refused(try atelier.run(train), "--consent")
    let result = try atelier.run(train + ["--consent", consent.path] + keys.flatMap { ["--set", $0] })
    try #require(result.status == 0, "\(result.errors)")
    return run
  }

  private func refused(_ result: Program.Result, _ words: String...) {
    #expect(result.status == 64 || result.status == 66, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    for word in words { #expect(result.errors.contains(word), "'\(word)' is missing in: \(result.errors)") }
  }

  @Test func anImageMovesAsAVideoDoes() throws {
    let run = try trained()
    let still = folder("still.png")
    try TinyData.coloured(number: 1, width: 40, height: 48).write(to: still)
    let driving = folder("data/test/frames/0").path
    let output = folder("moving").path
    let draw = ["generate", run, still.path, "--condition", "driving=\(driving)"]

    // A folder of frames.
    let result = try atelier.run(draw + ["--output", output, "--sampling", "bestFrame=true"])
    try #require(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("Motion counts from frame"))
    let frames = try FrameFolder(folder("moving"))
    #expect(frames.names.count == 8 && frames.width == 32 && frames.height == 32)
    let inspected = try atelier.run(["inspect", folder("moving/000001.png").path])
    #expect(inspected.output.contains("first-order-motion"), "\(inspected.output)\(inspected.errors)")

    // The first frame of absolute motion by the own video differs from that of another image.
    let absolute = try atelier.run(
      draw + ["--output", folder("absolute").path, "--sampling", "relative=false"])
    #expect(absolute.status == 0, "\(absolute.errors)")

    refused(try atelier.run(draw + ["--output", output]), "exists already")
    refused(try atelier.run(["generate", run, still.path, "--output", folder("a").path]), "driving")
    refused(
      try atelier.run(["generate", run, still.path, "--condition", "driving=\(folder("none.mp4").path)"]),
      "does not exist")
    refused(try atelier.run(["generate", run, "--condition", "driving=\(driving)"]), "still images")
    refused(try atelier.run(draw + ["--condition", "dirving=x"]), "dirving")
    refused(
      try atelier.run(draw + ["--sampling", "bestFrame=true", "--sampling", "relative=false"]), "bestFrame")
    refused(try atelier.run(draw + ["--class", "cat"]), "--class")
  }

  @Test(.enabled(if: FFmpeg.standard.isAvailable)) func aVideoKeepsItsSound() throws {
    let run = try trained()
    let still = folder("still.png")
    try TinyData.coloured(number: 1, width: 40, height: 48).write(to: still)
    let sound = folder("sound.wav")
    try Audio(sampleRate: 8000, samples: (0..<8000).map { Float(sin(Double($0) * 0.3) * 0.3) }).write(
      to: sound)
    let driving = folder("driving.mp4")
    let writer = try VideoWriter(
      to: driving, width: 48, height: 32, frameRate: try #require(FrameRate(10)), sound: .init(sound))
    for number in 0..<10 { try writer.append(TinyData.coloured(number: number, width: 48, height: 32)) }
    try writer.finish()

    let output = folder("moving.mp4")
    let draw = [
      "generate", run, still.path, "--condition", "driving=\(driving.path)", "--output", output.path,
    ]
    let result = try atelier.run(draw)
    try #require(result.status == 0, "\(result.errors)")
    let video = try Video(contentsOf: output)
    #expect(video.information.hasAudio && video.information.codec == "h264")
    #expect(video.width == 32 && video.height == 32 && video.frameRate == FrameRate(10))
    #expect(video.frameCount == 10)
    refused(try atelier.run(draw.dropLast() + [driving.path, "--force"]), "not written over")
    let evaluated = try atelier.run(["evaluate", run])
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(evaluated.output.contains("keypoint distance (own detector)"), "\(evaluated.output)")
  }
}
