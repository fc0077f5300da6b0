import Atelier
import Foundation
import TestSupport
import Testing

/// Detection of fakes on the command line.
@Suite(.serialized) struct DetectionCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func trained() throws -> String {
    let data = folder("faces")
    try TinyData.writeFrames(to: data, parts: [""])
    let run = folder("run").path
    let result = try atelier.run(
      [
        "train", "deepfake-detection", "--preset", "small", "--data", data.path, "--run", run, "--steps", "2",
        "--hold-out", "0.5", "--quiet",
      ] + ["imageSize=16", "channels=[2, 2, 2, 2]", "batchSize=2", "headSteps=1"].flatMap { ["--set", $0] })
    try #require(result.status == 0, "\(result.errors)")
    return run
  }

  private struct Line: Decodable {
    let file: String
    let frame: Int?
    let frames: Int?
    let fakeFrames: Int?
    let probability: Double
    let fake: Bool?
  }

  private func lines(_ text: String) throws -> [Line] {
    try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
  }

  @Test func picturesFoldersAndVideosGetAProbabilityEach() throws {
    let run = try trained()
    let picture = folder("picture.png")
    try TinyData.coloured(number: 3, width: 20, height: 16).write(to: picture)
    let video = folder("faces").appendingPathComponent("swapped").path
    let plain = try atelier.run(["generate", run, picture.path, video])
    try #require(plain.status == 0, "\(plain.errors)")
    let rows = plain.output.split(separator: "\n")
    #expect(rows.count == 3 && rows[0].contains("picture.png") && rows[1].contains("(2 frames"))

    let output = folder("answers.jsonl")
    let heat = folder("heat")
    let result = try atelier.run(["generate", run, picture.path, video, "--output", output.path])
    try #require(result.status == 0, "\(result.errors)")
    let drawn = try atelier.run(["generate", run, picture.path, video, "--files", heat.path])
    try #require(drawn.status == 0, "\(drawn.errors)")
    let found = try lines(String(contentsOf: output, encoding: .utf8))
    // A line for the picture; two frames and a sum for each of two videos.
    #expect(found.count == 7 && found.allSatisfy { (0...1).contains($0.probability) })
    #expect(found[0].frame == nil && found[0].fake != nil && found[1].frame == 0 && found[2].frame == 1)
    let mean = (found[1].probability + found[2].probability) / 2
    #expect(found[3].frames == 2 && abs(found[3].probability - mean) < 1e-9)
    #expect(
      imageFiles(below: heat) == [
        "picture.png", "swapped/v0/0.png", "swapped/v0/1.png", "swapped/v1/0.png", "swapped/v1/1.png",
      ])

    if FFmpeg.standard.isAvailable {
      let film = folder("film.mp4")
      let writer = try VideoWriter(
        to: film, width: 32, height: 32, frameRate: try #require(FrameRate(10)))
      for number in 0..<4 { try writer.append(TinyData.coloured(number: number, width: 32, height: 32)) }
      try writer.finish()
      let seen = try atelier.run(
        [
          "generate", run, film.path, "--output", "-", "--sampling", "every=2", "--sampling",
          "videoScore=top",
        ])
      try #require(seen.status == 0, "\(seen.errors)")
      let found = try lines(seen.output)
      #expect(found.map(\.frame) == [0, 2, nil] && found[2].frames == 2)
    }
  }

  @Test func whatCannotBeLookedAtIsRefusedInOneSentence() throws {
    let run = try trained()
    func refused(_ words: [String], _ status: Int32, _ clue: String) throws {
      let result = try atelier.run(["generate", run] + words)
      #expect(result.status == status, "\(result.errors)")
      #expect(
        result.errors.split(separator: "\n").count == 1 && result.errors.contains(clue), "\(result.errors)")
    }
    try refused([], 64, "name files or folders")
    try refused(["nothing.mp4"], 66, "does not exist")
    let picture = folder("picture.png")
    try TinyData.coloured(number: 3, width: 20, height: 16).write(to: picture)
    try refused([picture.path, "--sampling", "face=[30, 30, 40, 40]"], 64, "outside")
    try refused([picture.path, "--sampling", "face=[4, 4, 2, 8]"], 64, "left, top, right and bottom")
    try refused([picture.path, "--sampling", "every=0"], 64, "every")
    let text = folder("words.txt")
    try Data("words".utf8).write(to: text)
    try refused([text.path], 65, "words.txt")
    try refused([picture.path, "--style", picture.path], 64, "--style")
  }

  @Test func theHoldOutIsMeasuredByVideo() throws {
    let run = try trained()
    let result = try atelier.run(["evaluate", run, "--measure", "fake-detection", "--json"])
    try #require(result.status == 0, "\(result.errors)")
    let found = try JSONDecoder().decode([MeasuredNumber].self, from: Data(result.output.utf8))
    #expect(found.contains { $0.id == "video-auc" } && found.contains { $0.id == "video-recall-swapped" })
  }
}
