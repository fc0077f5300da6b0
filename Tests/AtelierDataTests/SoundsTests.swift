import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct SoundsTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "sounds-\(UUID().uuidString)")

  private func write(_ name: String, frames: Int, rate: Int = 8000, channels: Int = 1) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let samples = (0..<frames * channels).map { Float(sin(Double($0 % frames) * 0.2) * 0.5) }
    try Audio(sampleRate: rate, channels: channels, samples: samples).write(
      to: file, encoding: name.hasSuffix("flac") ? .pcm16 : .float32)
  }

  private func open(
    _ split: DatasetSplit = .train, rate: Int = 8000, length: Int = 64, hop: Int = 32, factor: Int = 2
  ) throws -> any Dataset {
    let kind = FieldKind.audio(channels: 1, samples: length, sampleRate: rate)
    let sounds = Sounds(
      source: "signal", target: "target", hop: hop, degradation: SoundDegradation(factor: factor))
    let part = try sounds.open(
      folder, split, DataOpening([Field("signal", kind), Field("target", kind)]), Artefacts())
    return try #require(part.dataset)
  }

  @Test func clipsLieAHopApartAndHoldTheFilesSamples() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write("a/1.wav", frames: 160)
    try write("b.wav", frames: 64)
    try write("short.wav", frames: 63)
    let dataset = try open()
    #expect(dataset.count == 4 + 1)
    let clip = try #require(try dataset.example(at: 1)["target"]).floats()
    #expect(clip.count == 64)
    for (index, value) in clip.enumerated() {
      #expect(abs(value - Float(sin(Double(32 + index) * 0.2) * 0.5)) < 1e-6)
    }
    #expect(dataset.description.notes.contains { $0.contains("1 of 3 sounds are shorter than a clip of 64") })
    #expect(dataset.title(of: 1) == "a/1.wav at 0.0 s")
  }

  @Test func theSourceOfAClipIsThatOfTheWholeSoundAwayFromItsEnds() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write("long.wav", frames: 4000)
    let dataset = try open(hop: 1000)
    let whole = SoundDegradation(factor: 2)((0..<4000).map { Double(Float(sin(Double($0) * 0.2) * 0.5)) })
    let clip = try #require(try dataset.example(at: 2)["signal"]).floats()
    for (index, value) in clip.enumerated() { #expect(abs(Double(value) - whole[2000 + index]) < 1e-5) }
  }

  @Test func otherRatesAndChannelsAreBroughtToTheModelsAndSaid() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write("stereo.wav", frames: 4000, rate: 16_000, channels: 2)
    try write("low.wav", frames: 400, rate: 4000)
    let dataset = try open()
    let notes = dataset.description.notes.joined(separator: " ")
    #expect(notes.contains("1 of 2 sounds have several channels, which are mixed down."))
    #expect(notes.contains("lower sample rate than the model's 8000 Hz, as low.wav with 4000 Hz"))
    #expect(notes.contains("1 of 2 sounds are resampled to 8000 Hz."))
    // Every second sample of the 16 kHz, in the middle of the file.
    let last = try #require(try dataset.example(at: dataset.count - 30)["target"]).floats()
    #expect(last.contains { abs($0) > 0.4 } && last.allSatisfy { abs($0) < 0.55 })
  }

  @Test func linkedFoldersAreFoldersButForThoseAbove() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let elsewhere = folder.appendingPathExtension("elsewhere")
    defer { try? FileManager.default.removeItem(at: elsewhere) }
    try write("first/1.wav", frames: 64)
    try FileManager.default.moveItem(at: folder.appendingPathComponent("first"), to: elsewhere)
    try write("2.wav", frames: 64)
    for (name, target) in [("linked", elsewhere.path), ("linked.wav", "2.wav"), ("loop", folder.path)] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.appendingPathComponent(name).path, withDestinationPath: target)
    }
    let dataset = try open()
    #expect(
      (0..<dataset.count).map { dataset.title(of: $0) }
        == ["2.wav at 0.0 s", "linked.wav at 0.0 s", "linked/1.wav at 0.0 s"])
  }

  @Test func partsAreFoldersAndWhatIsMissingIsSaid() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write("train/1.wav", frames: 100)
    try write("dev/2.wav", frames: 70)
    #expect(try open(.validation).count == 1 && open(.train).count == 2)
    #expect(throws: DatasetError.self) { try open(.test) }
    #expect(throws: DatasetError.self) { try open(length: 4096) }
  }

  @Test func wholeSoundsAreHeldOutBecauseTheirClipsOverlap() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for index in 0..<10 { try write("\(index).wav", frames: 300) }
    let whole = DataPart.examples(try open())
    let names = try [DatasetSplit.train, .test].map { split -> Set<String> in
      let part = try #require(try HoldOut(0.3).part(split, of: whole).dataset)
      let sounds = try #require(part as? any SoundCollection)
      #expect(sounds.soundCount == (split == .test ? 3 : 7) && part.count == sounds.soundCount * 8)
      return Set((0..<part.count).compactMap { part.title(of: $0)?.components(separatedBy: " ").first })
    }
    #expect(names[0].count == 7 && names[1].count == 3 && names[0].isDisjoint(with: names[1]))
  }

  @Test func sourcesMayBeGivenInAFolderBesideTheSounds() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write("train/high/a/1.wav", frames: 1600, rate: 8000)
    try write("train/high/2.wav", frames: 1600, rate: 8000)
    try write("train/low/a/1.flac", frames: 700, rate: 4000)
    try write("train/low/3.wav", frames: 800, rate: 4000)
    try write("test/high/1.wav", frames: 1600, rate: 8000)
    try write("test/low/1.wav", frames: 800, rate: 4000)
    let dataset = try open(length: 64, hop: 64)
    // 700 samples of the lower rate are 1400 of the higher.
    #expect(dataset.count == 1400 / 64 && dataset.description.layout == .pairedFolders)
    let notes = dataset.description.notes.joined(separator: " ")
    #expect(notes.contains("1 sounds of high have no partner and are left out, such as 2.wav."))
    #expect(notes.contains("1 sounds of low have no partner and are left out, such as 3.wav."))
    let example = try dataset.example(at: 10)
    let (given, wanted) = (
      try #require(example["signal"]).floats(), try #require(example["target"]).floats()
    )
    // At its own rate the source has the angle 0.2 for each sample, so that it is 0.1 at the model's rate.
    for index in 0..<64 {
      #expect(abs(given[index] - Float(sin(Double(640 + index) * 0.1) * 0.5)) < 2e-3)
      #expect(abs(wanted[index] - Float(sin(Double(640 + index) * 0.2) * 0.5)) < 1e-6)
    }
    let whole = try #require(try open(.test) as? any SoundCollection).wholeSound(0, longest: 1 << 20)
    #expect(whole.source?.shape == [1, 1, 1600] && whole.target.shape == [1, 1, 1600])
    #expect(throws: DatasetError.self) { try open(.validation) }
  }

  @Test func whatIsNoSoundIsLeftOutAndNamed() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write("good.wav", frames: 100)
    try Data("this is a text".utf8).write(to: folder.appendingPathComponent("text.wav"))
    let dataset = try open()
    #expect(
      dataset.description.notes.contains { $0.contains("1 files are left out") && $0.contains("text.wav") })
    try FileManager.default.removeItem(at: folder.appendingPathComponent("good.wav"))
    #expect(throws: DatasetError.self) { try open() }
  }
}
