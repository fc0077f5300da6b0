import Atelier
import Foundation
import TestSupport
import Testing

/// Sounds on the command line: their mark, their check, and whose voices they are.
@Suite struct SoundCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  /// Noise that rises and falls four times a second.
  private func rustling(seconds: Double = 2.5, number: Int = 1) -> Audio {
    var state = UInt64(number)
    let samples = (0..<Int(seconds * 16_000)).map { sample -> Float in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let noise = Double(state >> 40) / Double(1 << 24) - 0.5
      return Float(0.2 * noise * (1.1 + sin(8 * .pi * Double(sample) / 16_000)))
    }
    return Audio(sampleRate: 16_000, samples: samples)
  }

  private func inspected(_ file: URL) throws -> String {
    let result = try atelier.run(["inspect", file.path])
    try #require(result.status == 0, "\(result.errors)")
    return result.output
  }

  @Test func inspectFindsTheMarkOfASoundWhateverItWasSavedAs() throws {
    let (marked, outcome) = InvisibleMark.marked(rustling())
    #expect(outcome == .marked)
    let origin = ImageOrigin(software: "Atelier", system: "toy", checkpoint: "run, step 7")
    try marked.write(to: folder("marked.wav"), tags: origin.tags)
    let text = try inspected(folder("marked.wav"))
    #expect(text.contains("system toy; checkpoint run, step 7") && text.contains("Inaudible mark: found ("))
    try rustling().write(to: folder("plain.flac"))
    let plain = try inspected(folder("plain.flac"))
    #expect(plain.contains("Inaudible mark: not found (") && plain.contains("Tags: none"))
    let json = try atelier.run(["inspect", folder("marked.wav").path, "--json"]).output
    #expect(json.contains("\"isFound\" : true") && json.contains("\"falseAlarm\""))
    guard FFmpeg.standard.isAvailable else { return }
    let lossy = folder("marked.mp3")
    let made = try Program(URL(fileURLWithPath: "/usr/bin/env")).run([
      "ffmpeg", "-loglevel", "error", "-i", folder("marked.wav").path, "-b:a", "128k", lossy.path,
    ])
    // Some builds of ffmpeg write no MP3.
    guard made.status == 0 else { return }
    #expect(try inspected(lossy).contains("Inaudible mark: found ("))
  }

  @Test func dataCheckOfSoundsSuggestsACommand() throws {
    let place = folder("sounds")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try rustling(number: 1).write(to: place.appendingPathComponent("a.wav"))
    try rustling(number: 2).write(to: place.appendingPathComponent("b.wav"))
    let result = try atelier.run(["data", "check", place.path])
    #expect(
      result.status == 0
        && result.output.contains("Begin with: atelier train audio-super-resolution --data \(place.path)"),
      "\(result.output)")
    // A folder a speaker.
    let voices = folder("voices")
    for (speaker, name) in ["anna", "bert"].enumerated() {
      let own = voices.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      for number in 0..<2 {
        try rustling(number: 3 + 2 * speaker + number).write(to: own.appendingPathComponent("\(number).wav"))
      }
    }
    let spoken = try atelier.run(["data", "check", voices.path])
    #expect(
      spoken.output.contains("Begin with: atelier train autovc --consent consent.yaml --data \(voices.path)"),
      "\(spoken.output)")
  }

  @Test func aSystemThatLearnsNobodyRefusesConsent() throws {
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 6)
    let file = folder("consent.yaml")
    try Data("persons: [{name: alice, purpose: a test, until: 9999-12-31}]".utf8).write(to: file)
    let train = [
      "train", "gan", "--data", folder("data").path, "--preset", "small", "--set", "batchSize=4", "--steps",
      "1",
      "--run", folder("run").path, "--consent",
    ]
    let result = try atelier.run(train + [file.path])
    #expect(result.status != 0 && result.errors.contains("gan learns nobody's voice or face"))
    try Data("persons: []".utf8).write(to: file)
    #expect(
      try atelier.run(train + [file.path]).errors.contains(
        "it names nobody; it should hold persons: [{name: alice"))
    #expect(!FileManager.default.fileExists(atPath: folder("run").path))
  }
}
