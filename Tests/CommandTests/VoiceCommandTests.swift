import Atelier
import Foundation
import TestSupport
import Testing

/// Voices on the command line.
@Suite(.serialized) struct VoiceCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func trained(_ system: String, _ changes: [String]) throws -> String {
    let data = try TinyLayout.voices.write(in: folder.url)
    let run = folder(system).path
    let result = try atelier.run(
      [
        "train", system, "--preset", "small", "--data", data.path, "--run", run, "--steps", "2", "--quiet",
        "--consent", data.appendingPathComponent("consent.yaml").path,
      ]
        + changes.flatMap { ["--set", $0] })
    try #require(result.status == 0, "\(result.errors)")
    return run
  }

  private func refused(_ result: Program.Result, _ words: String...) {
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    for word in words { #expect(result.errors.contains(word), "'\(word)' is missing in: \(result.errors)") }
  }

  @Test func speechIsConvertedIntoASpeakerOfTheTraining() throws {
    let run = try trained(
      "stargan-vc",
      [
        "mels=6", "bottleneckSize=3", "generatorChannels=4", "embeddingSize=2", "discriminatorChannels=3",
        "sampleRate=8000", "transform=256", "hop=64", "maximumFrequency=4000", "batchSize=2",
      ])
    let speech = folder("speech.wav")
    try Audio(sampleRate: 8000, samples: (0..<3001).map { Float(sin(Double($0) * 0.3) * 0.3) }).write(
      to: speech)
    let output = folder("converted.wav")
    let draw = ["generate", run, speech.path, "--output", output.path, "--sampling", "iterations=2"]
    let result = try atelier.run(draw + ["--to", "bert"])
    try #require(result.status == 0, "\(result.errors)")
    let sound = try Audio(contentsOf: output)
    #expect(sound.frames == 3001 && sound.sampleRate == 8000 && sound.channels == 1)
    #expect(!result.errors.contains("mixed"), "\(result.errors)")
    // Several channels are mixed into one, which is said.
    let wide = folder("wide.wav")
    let tone = try Audio(contentsOf: speech).samples
    for (sign, words) in [(Float(1), "wide.wav are mixed into one."), (-1, "they cancel each other")] {
      try Audio(sampleRate: 8000, channels: 2, samples: tone + tone.map { sign * $0 }).write(to: wide)
      let mixed = try atelier.run(
        [
          "generate", run, wide.path, "--to", "BERT", "--output", output.path, "--force", "--sampling",
          "iterations=2",
        ])
      #expect(mixed.status == 0 && mixed.errors.contains(words), "\(mixed.errors)")
    }
    try FileManager.default.removeItem(at: output)
    // Folders of sounds, under their names.
    let several = folder("several")
    for name in ["a.wav", "inner/b.wav"] {
      let file = folder("speeches").appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: speech, to: file)
    }
    let all = ["generate", run, folder("speeches").path, "--to", "bert", "--sampling", "iterations=1"]
    let files = try atelier.run(all + ["--files", several.path])
    #expect(files.status == 0, "\(files.errors)")
    for name in ["a.wav", "inner/b.wav"] {
      #expect(try Audio(contentsOf: several.appendingPathComponent(name)).frames == 3001)
    }
    refused(try atelier.run(all), "there are 2 sounds", "--files")
    refused(
      try atelier.run(["generate", run, "--condition", "signal=\(speech.path)", "--to", "bert"]),
      "--to is of no use to what is drawn from a request alone")
    refused(
      try atelier.run([
        "generate", run, folder("speeches").path, folder("speeches/a.wav").path, "--to", "bert", "--files",
        folder("x").path,
      ]), "two inputs would be written as")
    #expect(!FileManager.default.fileExists(atPath: folder("x").path))
    try Audio(sampleRate: 8000, samples: tone).write(to: output)
    refused(try atelier.run(draw), "--to", "anna and bert")
    refused(try atelier.run(draw + ["--to", "berd"]), "did you mean 'bert'?")
    refused(try atelier.run(draw + ["--to", speech.path]), "the training's speakers only")
    refused(try atelier.run(draw + ["--to", "anna", "--from", "bert"]), "--from")
    refused(try atelier.run(draw + ["--to", "anna", "--vocoder", run, "--force"]), "no vocoder")
    refused(try atelier.run(draw + ["--to", "anna"]), "exists already")
    refused(try atelier.run(["generate", run, "--to", "anna"]), "name files of them")
  }

  @Test func oneHotVoicesNeedToKnowWhoIsHeard() throws {
    let run = try trained(
      "autovc",
      [
        "mels=6", "encoderChannels=4", "bottleneckSize=2", "codeDownsampling=4", "decoderInputChannels=4",
        "decoderChannels=5", "postnetChannels=3", "frames=8", "batchSize=3",
      ])
    let speech = folder("data/test/anna/0.wav")
    let results = folder("converted")
    let draw = [
      "generate", run, speech.path, "--files", results.path, "--sampling", "iterations=2", "--to", "bert",
    ]
    refused(try atelier.run(draw), "--from")
    let result = try atelier.run(draw + ["--from", "anna"])
    try #require(result.status == 0, "\(result.errors)")
    #expect(try Audio(contentsOf: results.appendingPathComponent("0.wav")).frames == 4000)
  }
}
