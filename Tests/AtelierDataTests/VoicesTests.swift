import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct VoicesTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "voices-\(UUID().uuidString)")

  /// A frame of ten samples: its first one and the negative of that.
  private struct Tens: UtteranceFeatures {
    var sampleRate = 8000
    var bands = 2
    var shortest = 20

    func callAsFunction(_ samples: [Float]) throws -> HostTensor {
      let firsts = stride(from: 0, to: samples.count / 10 * 10, by: 10).map { samples[$0] }
      return HostTensor(firsts + firsts.map { -$0 }, shape: [2, firsts.count])
    }
  }

  /// Counts utterances and their samples.
  private struct Counting: SpeakerEmbedding {
    var sampleRate = 8000
    var utterances = 2

    func callAsFunction(of speakers: Int, utterances: (Int) throws -> [[Float]]) throws -> [[Float]] {
      try (0..<speakers).map { speaker in
        let own = try utterances(speaker)
        return [Float(own.count), Float(own.map(\.count).reduce(0, +))]
      }
    }
  }

  /// Sample t of a sound has the value (first + t) / 1000.
  private func write(_ name: String, frames: Int, first: Int = 0, level: Float = 1) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let samples = (0..<frames).map { Float(first + $0) / 1000 * level }
    try Audio(sampleRate: 8000, samples: samples).write(to: file, encoding: .float32)
  }

  private func voices(_ serving: Voices.Serving = .crops, standardises: Bool = false) -> Voices {
    Voices(
      utterance: "mel", speaker: "speaker", serving: serving, features: Tens(), standardises: standardises)
  }

  private func opening(frames: Int = 4, speakers: Int = 2) -> DataOpening {
    DataOpening([
      Field("mel", .spectrogram(bands: 2, frames: frames)), Field("speaker", .label(classes: speakers)),
    ])
  }

  private func remove() { try? FileManager.default.removeItem(at: folder) }

  @Test func cropsAreOfOneLengthAndHaveTheirSpeakersNumber() throws {
    defer { remove() }
    try write("anna/chapter/1.wav", frames: 100, first: 100)
    try write("bert/2.wav", frames: 30, first: 500)
    let dataset = try #require(try voices().open(folder, .train, opening(), Artefacts()).dataset)
    #expect(dataset.description.classNames == ["anna", "bert"])
    #expect(dataset.count == 2 && dataset.description.labelHistogram == [1, 1])
    // In order crops begin at the beginning; a short utterance ends in zeros.
    let first = try dataset.example(at: 0)
    #expect(first["speaker"]?.integers() == [0])
    #expect(first["mel"]?.floats() == [0.1, 0.11, 0.12, 0.13, -0.1, -0.11, -0.12, -0.13])
    let short = try #require(try dataset.example(at: 1)["mel"]).floats()
    #expect(short == [0.5, 0.51, 0.52, 0, -0.5, -0.51, -0.52, 0])
  }

  @Test func randomCropsAndTheirOrderResumeExactly() throws {
    defer { remove() }
    for index in 0..<3 { try write("anna/\(index).wav", frames: 400, first: 1000 * index) }
    try write("bert/0.wav", frames: 400)
    let dataset = try #require(try voices().open(folder, .train, opening(), Artefacts()).dataset)
    let loader = try Loader(dataset, batchSize: 2, seed: 3)
    var served: [HostBatch] = []
    for _ in 0..<3 { served.append(try loader.next()) }
    let place = loader.position
    let expected = try (0..<5).map { _ in try loader.next() }
    let other = try Loader(dataset, batchSize: 2, seed: 3)
    try other.seek(to: place)
    #expect(try (0..<5).map { _ in try other.next() } == expected)
    // Both speakers are in each batch, although one has three times as many utterances.
    for batch in served + expected { #expect(Set(batch["speaker"]?.integers() ?? []) == [0, 1]) }
    #expect(Set((served + expected).map { $0["mel"]?.floats() ?? [] }).count > 4)
  }

  @Test func roundsServeEachSpeakerInTurnTiledToAMultiple() throws {
    defer { remove() }
    for speaker in ["anna", "bert", "cleo"] {
      for index in 0..<4 { try write("\(speaker)/\(index).wav", frames: 30 + 10 * index, first: 100) }
    }
    let dataset = try #require(
      try voices(.rounds(multiple: 4)).open(folder, .train, opening(speakers: 3), Artefacts()).dataset)
    let loader = try Loader(dataset, batchSize: 2, seed: 1)
    for index in 0..<12 {
      let batch = try loader.next()
      #expect(batch["speaker"]?.integers() == [index % 3, index % 3])
      let mel = try #require(batch["mel"])
      #expect(mel.shape[0] == 2 && mel.shape[1] == 2 && [4, 8].contains(mel.shape[2]))
    }
    let pair = try dataset.batch(at: [0, 2])
    let mel = try #require(pair["mel"]).floats()
    // Three frames, longest of the batch is five, the next multiple of four is eight.
    #expect(Array(mel[0..<8]) == [0.1, 0.11, 0.12, 0.1, 0.11, 0.12, 0.1, 0.11])
    #expect(Array(mel[16..<24]) == [0.1, 0.11, 0.12, 0.13, 0.14, 0.1, 0.11, 0.12])
  }

  @Test func oneScalerStandardisesTheBandsOfAllParts() throws {
    defer { remove() }
    try write("train/anna/1.wav", frames: 40)
    try write("train/bert/1.wav", frames: 40, first: 40)
    try write("test/bert/2.wav", frames: 20, first: 35)
    try write("test/zoe/2.wav", frames: 20)
    var artefacts = Artefacts()
    let arrangement = voices(standardises: true)
    let training = try #require(try arrangement.survey(folder, opening(), &artefacts).dataset)
    let values = try (0..<2).flatMap { try #require(try training.example(at: $0)["mel"]).floats().prefix(4) }
    // 0, 10, … 70: mean 35, population deviation √525, in thousandths.
    for (index, value) in values.enumerated() {
      #expect(abs(Double(value) - (Double(index * 10) - 35) / 525.0.squareRoot()) < 1e-5)
    }
    let test = try #require(try arrangement.open(folder, .test, opening(frames: 2), artefacts).dataset)
    #expect(test.count == 1 && test.description.classNames == ["anna", "bert"])
    #expect(
      test.description.notes.contains(
        "The speaker zoe is not in the training part, and 1 sound is left out."))
    #expect(abs(try #require(try test.example(at: 0)["mel"]).floats()[0]) < 1e-5)
  }

  @Test func aSpeakerIsFoundWhateverTheCaseOfHisName() throws {
    defer { remove() }
    try write("train/en_Anna/1.wav", frames: 40)
    try write("train/bert/1.wav", frames: 40, first: 40)
    try write("test/EN_anna/2.wav", frames: 20)
    try write("test/bert/2.wav", frames: 20, first: 35)
    let test = try #require(
      try voices().open(folder, .test, opening(frames: 2), Artefacts()).dataset)
    #expect(test.count == 2 && test.description.classNames == ["bert", "en_Anna"])
    #expect(test.description.labelHistogram == [1, 1])
    #expect(
      test.description.notes.contains("The speaker EN_anna is taken for en_Anna of the training part."))
  }

  @Test func embeddingsAreOfAFewUtterancesOfEachSpeaker() throws {
    defer { remove() }
    for index in 0..<3 { try write("anna/\(index).wav", frames: 40 + index) }
    try write("bert/1.wav", frames: 50)
    var arrangement = voices()
    arrangement.embedding = Counting()
    var artefacts = Artefacts()
    _ = try arrangement.survey(folder, opening(), &artefacts)
    let found = try artefacts.decode(SpeakerEmbeddings.self, SpeakerEmbeddings.name)
    #expect(found == SpeakerEmbeddings(speakers: ["anna", "bert"], vectors: [[2, 81], [1, 50]]))
  }

  @Test func shortSilentAndDamagedFilesAreCountedAndNamed() throws {
    defer { remove() }
    try write("anna/good.wav", frames: 40)
    try write("anna/short.wav", frames: 19)
    try write("anna/silent.wav", frames: 4000, level: 0)
    try write("bert/good.wav", frames: 40)
    try write("bare.wav", frames: 40)
    try Data("no sound".utf8).write(to: folder.appendingPathComponent("bert/broken.wav"))
    let notes = try voices().open(folder, .train, opening(), Artefacts()).description.notes
    for part in [
      "1 sounds are shorter than 2 ms and are left out, such as anna/short.wav.",
      "1 sounds are silent and are left out, such as anna/silent.wav.",
      "1 sounds have no speaker and are left out, such as bare.wav.",
      "1 files are left out because they cannot be read, the first is bert/broken.wav",
    ] { #expect(notes.contains { $0.hasPrefix(part) }, "\(notes)") }
    try FileManager.default.removeItem(at: folder.appendingPathComponent("bert/good.wav"))
    try write("bert/short.wav", frames: 10)
    #expect(throws: DatasetError.self) { try voices().open(folder, .train, opening(), Artefacts()) }
  }

  @Test func aTableNamesFilesSpeakersAndParts() throws {
    defer { remove() }
    try write("a.wav", frames: 40)
    try write("b.wav", frames: 40)
    try write("c.wav", frames: 40)
    let table = folder.appendingPathComponent("voices.csv")
    try "file,speaker,split\na.wav,p1,train\nb.wav,p2,train\nc.wav,p2,test\n"
      .write(to: table, atomically: true, encoding: .utf8)
    let training = try voices().open(table, .train, opening(), Artefacts()).description
    #expect(training.classNames == ["p1", "p2"] && training.count == 2)
    let test = try voices().open(table, .test, opening(), Artefacts()).description
    #expect(test.classNames == ["p1", "p2"] && test.labelHistogram == [0, 1])
    let lines = folder.appendingPathComponent("metadata.jsonl")
    try "{\"path\": \"a.wav\", \"speaker_id\": \"x\"}\n{\"path\": \"../b.wav\", \"speaker_id\": \"y\"}\n"
      .write(to: lines, atomically: true, encoding: .utf8)
    #expect(throws: DatasetError.self) { try voices().open(folder, .train, opening(), Artefacts()) }
  }

  @Test func aShareIsHeldOutOfEachSpeaker() throws {
    defer { remove() }
    for speaker in ["anna", "bert"] {
      for index in 0..<10 { try write("\(speaker)/\(index).wav", frames: 30 + index, first: index) }
    }
    let whole = try voices(.rounds(multiple: 4)).open(folder, .train, opening(), Artefacts())
    let holdOut = try HoldOut(0.2)
    let training = try #require(try holdOut.part(.train, of: whole).dataset)
    #expect(training.description.labelHistogram == [8, 8])
    #expect(try holdOut.part(.test, of: whole).description.labelHistogram == [2, 2])
    let loader = try Loader(training, batchSize: 4, seed: 0)
    for index in 0..<8 {
      #expect(try loader.next()["speaker"]?.integers() == [Int](repeating: index % 2, count: 4))
    }
  }

  @Test func theCheckShowsTheSecondsOfEachSpeaker() throws {
    defer { remove() }
    try write("train/anna/1.wav", frames: 16_000)
    try write("train/bert/x/1.wav", frames: 24_000)
    try write("test/anna/2.wav", frames: 8000)
    let report = try #require(try checkMedia(at: folder))
    #expect(report.folders.map(\.name) == ["anna", "bert"] && report.folders.map(\.count) == [3, 3])
    #expect(report.description.contains("anna: 3.0 s"))
  }
}
