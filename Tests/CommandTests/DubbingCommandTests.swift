import Atelier
import Foundation
import TestSupport
import Testing

/// Dubbed videos on the command line.
@Suite(.serialized) struct DubbingCommandTests {
  @Test(.enabled(if: FFmpeg.standard.isAvailable)) func aFaceSaysWhatASoundSays() throws {
    let atelier = try #require(
      Program(named: "atelier"), "the program atelier was not built beside the tests")
    let folder = try TemporaryFolder()
    let data = folder("data")
    try TinyData.writeVideos(to: data, frames: 12, size: 32)
    let consent = folder("consent.yaml")
    try Data("persons:\n  - {name: nobody, purpose: a test, until: 9999-12-31}\n".utf8).write(to: consent)
    let keys = [
      "channels=[2, 2, 3, 3, 4, 4, 5]", "syncChannels=[2, 2, 3, 3, 4]", "qualityChannels=[2, 2, 2, 3, 3]",
      "expertSteps=1", "expertBatchSize=2", "batchSize=2",
    ]
    let run = folder("run").path
    let trained = try atelier.run(
      [
        "train", "wav2lip", "--preset", "small", "--data", data.path, "--run", run, "--steps", "2", "--quiet",
        "--consent", consent.path,
      ] + keys.flatMap { ["--set", $0] })
    try #require(trained.status == 0, "\(trained.errors)")

    let sound = folder("speech.wav")
    try Audio(sampleRate: 8000, samples: (0..<8000).map { Float(sin(Double($0) * 0.3) * 0.3) }).write(
      to: sound)
    let face = folder("face.mp4")
    let writer = try VideoWriter(to: face, width: 48, height: 40, frameRate: try #require(FrameRate(10)))
    for number in 0..<6 { try writer.append(TinyData.coloured(number: number, width: 48, height: 40)) }
    try writer.finish()
    let output = folder("dubbed.mp4")
    let draw = ["generate", run, face.path, "--condition", "mels=\(sound.path)", "--output", output.path]
    let result = try atelier.run(draw + ["--sampling", "box=[4, 36, 8, 40]"])
    try #require(result.status == 0, "\(result.errors)")
    let video = try Video(contentsOf: output)
    #expect(video.width == 48 && video.height == 40 && video.information.hasAudio)
    // One second at ten frames: the last piece begins before 16 columns are left.
    #expect(video.frameCount == 10)
    for (words, part) in [
      (draw, "exists already"),
      (draw + ["--force", "--sampling", "box=[4, 90, 8, 40]"], "beyond the frames"),
      (Array(draw.prefix(3)) + ["--output", folder("b.mp4").path], "mels"),
      (draw + ["--force", "--sampling", "box=[4, 3, 8, 40]"], "box"),
    ] {
      let refused = try atelier.run(words)
      #expect(refused.status == 64 && refused.errors.contains(part), "\(refused.errors)")
    }
    // Without a box a face is looked for.
    let blind = try atelier.run(
      draw + ["--force"], environment: ["ATELIER_WEIGHTS": folder("no-weights").path])
    #expect(blind.status == 65 && blind.errors.contains("weights install mtcnn sface"), "\(blind.errors)")
    #expect(blind.errors.contains("box=[0,40,0,48]") && !blind.errors.contains("Fatal"))
  }
}
