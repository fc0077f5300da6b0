import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Sounds that cannot be learned from, or not as they are, and what is said of each.
@Suite struct BadSoundTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "bad-sounds-\(UUID().uuidString)")

  private func sine(frames: Int = 8000, rate: Int = 16_000, channels: Int = 1) -> Audio {
    Audio(
      sampleRate: rate, channels: channels,
      samples: (0..<frames * channels).map { Float(0.5 * sin(Double($0 % frames) * 0.2)) })
  }

  private func file(_ name: String) throws -> URL {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    return file
  }

  private func little(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A WAV of one channel at 16 kHz.
  ///
  /// - Parameter announced: what the header calls the size of the samples; nil: what it is.
  private func wav(_ data: [UInt8], bits: Int = 16, format: Int = 1, announced: Int? = nil) -> [UInt8] {
    let header =
      Array("fmt ".utf8) + little(16, 4) + little(format, 2) + little(1, 2) + little(16_000, 4)
      + little(16_000 * bits / 8, 4) + little(bits / 8, 2) + little(bits, 2)
    let body = Array("WAVE".utf8) + header + Array("data".utf8) + little(announced ?? data.count, 4) + data
    return Array("RIFF".utf8) + little(body.count, 4) + body
  }

  private func check(suggesting system: (DataKind) -> String? = { _ in nil }) throws -> MediaReport {
    try #require(try checkMedia(at: folder, suggesting: system))
  }

  private func message(_ kind: MediaReport.Kind, _ report: MediaReport) -> String {
    report.findings.filter { $0.kind == kind }.map(\.message).joined(separator: " ")
  }

  /// Files that cannot be decoded, and a part of the sentence on each.
  private var broken: [(name: String, bytes: [UInt8], reason: String)] {
    let samples = [UInt8](repeating: 7, count: 4000)
    let numbers: [Float] = [0, 0.5, .nan, 0]
    return [
      (
        "truncated.wav", wav(Array(samples.prefix(900)), announced: 4000),
        "declares 4000 bytes of samples, and there are 900"
      ),
      ("four-gigabytes.wav", wav(samples, announced: 4_294_967_000), "is damaged or cut short"),
      ("two-gigabytes.wav", wav(samples, announced: 2_147_483_600), "declares 2147483600 bytes of samples"),
      ("empty.wav", wav([]), "it holds no frames"), ("nothing.wav", [], "the file is empty"),
      (
        "nan.wav", wav(numbers.flatMap { little(Int($0.bitPattern), 4) }, bits: 32, format: 3),
        "frame 2 of channel 0 is NaN"
      ),
      ("text.wav", Array("This is a text that somebody renamed.\n".utf8), "is no sound"),
    ]
  }

  @Test func eachBrokenFileHasItsSentence() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try sine().write(to: file("good.wav"))
    for (name, bytes, _) in broken { try Data(bytes).write(to: file(name)) }
    let report = try check()
    #expect(report.count == 1 && report.isUsable)
    for (name, _, reason) in broken {
      let said = report.corrupt.first { $0.path == name }?.reason ?? "nothing"
      #expect(said.contains(reason) && said.hasSuffix(".") && !said.contains("\n"), "\(name): \(said)")
    }
  }

  /// A size near the largest stands in the header of what was written to a pipe, whose length nobody knew.
  @Test func aHeaderThatPromisesFourGigabytesPromisesNothing() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let samples = [UInt8](repeating: 7, count: 4000)
    try Data(wav(samples, announced: 0xFFFF_FFFF)).write(to: file("pipe.wav"))
    let report = try check()
    #expect(report.count == 1 && report.corrupt.isEmpty && report.duration == 2000.0 / 16_000)
  }

  @Test func brokenFilesAreLeftOutOfTrainingAndNamed() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try sine().write(to: file("good.wav"))
    for (name, bytes, _) in broken where name != "nan.wav" { try Data(bytes).write(to: file(name)) }
    let kind = FieldKind.audio(channels: 1, samples: 1000, sampleRate: 16_000)
    let sounds = Sounds(target: "target", hop: 1000)
    let part = try sounds.open(folder, .train, DataOpening([Field("target", kind)]), Artefacts())
    let dataset = try #require(part.dataset)
    #expect(dataset.count == 8)
    #expect(
      dataset.description.notes.contains { $0.contains("files are left out because they cannot be read") })
    // The header of the other says nothing of its samples.
    try FileManager.default.removeItem(at: file("good.wav"))
    let numbers = (0..<2000).flatMap { little(Int(($0 == 2 ? Float.nan : 0.25).bitPattern), 4) }
    try Data(wav(numbers, bits: 32, format: 3)).write(to: file("nan.wav"))
    let opened = try sounds.open(folder, .train, DataOpening([Field("target", kind)]), Artefacts())
    let rest = try #require(opened.dataset)
    do {
      _ = try rest.example(at: 0)
      Issue.record("samples that are NaN were read")
    } catch { #expect("\(error)".contains("frame 2 of channel 0 is NaN"), "\(error)") }
  }

  @Test func eightBitsAndUnusualRatesAreSaid() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(wav((0..<16_000).map { UInt8(128 + Int(60 * sin(Double($0) * 0.1))) }, bits: 8)).write(
      to: file("coarse.wav"))
    try sine(frames: 96_000, rate: 96_000).write(to: file("high.wav"))
    try sine(frames: 8000, rate: 8000).write(to: file("telephone.wav"))
    let report = try check()
    #expect(report.count == 3 && report.corrupt.isEmpty)
    #expect(message(.coarse, report).hasPrefix("1 of 3 sounds have 8 bits, such as coarse.wav"))
    #expect(message(.highRate, report).contains("high.wav with 96000 Hz"))
    #expect(
      message(.lowRate, report).contains(
        "telephone.wav with 8000 Hz, so that they have nothing above 4000 Hz"))
    #expect(message(.mixedRates, report).contains("3 different rates"))
  }

  @Test func channelsAreMixedDownAndThatIsSaid() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try sine(channels: 2).write(to: file("stereo.wav"))
    try sine().write(to: file("mono.wav"))
    #expect(
      message(.severalChannels, try check()).contains("stereo.wav; systems that take mono mix them down"))
    let kind = FieldKind.audio(channels: 1, samples: 1000, sampleRate: 16_000)
    let part = try Sounds(target: "target", hop: 1000).open(
      folder, .train, DataOpening([Field("target", kind)]), Artefacts())
    let dataset = try #require(part.dataset)
    #expect(dataset.description.notes.contains("1 of 2 sounds have several channels, which are mixed down."))
    #expect(try dataset.example(at: 0)["target"]?.shape == [1, 1000])
  }

  @Test func speakersWithTooLittleAreNamed() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["alice/1.wav", "alice/2.wav", "bob/1.wav"] { try sine().write(to: file(name)) }
    let report = try check()
    #expect(message(.fewUtterances, report).contains("1 of 2 speakers have one utterance only, such as bob"))
    #expect(
      message(.fewUtterances, report).contains(
        "1 of 2 speakers have less than a minute of sound, such as alice"))
  }

  @Test func theSuggestedCommandFitsTheFolders() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for number in 0..<2 { try sine(frames: 9000 + number).write(to: file("\(number).wav")) }
    func suggest(_ kind: DataKind) -> String? {
      ["sounds": "plain", "voices": "voiced --consent c"][kind.rawValue]
    }
    let quoted = folder.path
    #expect(
      try check(suggesting: suggest).suggestedCommand
        == "atelier train plain --data \(quoted) --preset small --epochs 20 --hold-out 0.1")
    #expect(try check().suggestedCommand == nil)
    for number in 0..<2 {
      let name = "\(number).wav"
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("speaker-\(number)"), withIntermediateDirectories: true)
      try FileManager.default.moveItem(at: file(name), to: file("speaker-\(number)/\(name)"))
    }
    let report = try check(suggesting: suggest)
    #expect(report.suggestedCommand?.hasPrefix("atelier train voiced --consent c --data ") == true)
    #expect(report.description.hasSuffix(try #require(report.suggestedCommand)))
    // Where no system learns voices, what learns sounds will do.
    #expect(try check { $0 == .sounds ? "plain" : nil }.suggestedCommand?.contains("train plain ") == true)
  }

  @Test func dividedFoldersOfSpeakersHoldNothingOut() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for (index, name) in ["train/a/1.wav", "train/b/1.wav", "test/a/1.wav", "test/b/1.wav"].enumerated() {
      try sine(frames: 9000 + index).write(to: file(name))
    }
    let command = try #require(try check { $0 == .voices ? "voiced" : nil }.suggestedCommand)
    #expect(command.hasSuffix("--epochs 20"))
  }

  @Test func sidesOfPairsAreNoSpeakers() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for (index, name) in ["low/1.wav", "high/1.wav"].enumerated() {
      try sine(frames: 9000 + index).write(to: file(name))
    }
    let report = try check { $0 == .voices ? "voiced" : "plain" }
    #expect(report.suggestedCommand?.contains("train plain ") == true)
    #expect(!report.description.contains("speaker"))
  }
}
