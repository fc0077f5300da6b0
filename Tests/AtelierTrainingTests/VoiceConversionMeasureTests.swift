import Atelier
import Foundation
import TestSupport
import Testing

/// Measures of converted voices.
@Suite(.serialized) struct VoiceConversionMeasureTests {
  /// Something like a vowel: harmonics of a pitch under two formants that rise in even sentences and fall in odd ones.
  private func voice(_ speaker: Int, _ sentence: Int) -> Audio {
    let rate = 16_000
    let base = speaker == 0 ? 110.0 : 210
    var phase = 0.0
    let samples = (0..<(rate * 5 / 4)).map { sample -> Float in
      let time = Double(sample) / Double(rate)
      phase += 2 * .pi * (base + 12 * sin(5 * time + Double(sentence))) / Double(rate)
      let slope = (sentence.isMultiple(of: 2) ? 1 : -1) * (time / 1.25 - 0.5)
      let first = (speaker == 0 ? 500.0 : 600) + 500 * slope + 40 * sin(4 * time + Double(sentence))
      var sum = 0.0
      for harmonic in 1...16 {
        let frequency = Double(harmonic) * base
        sum +=
          sin(Double(harmonic) * phase)
          * (exp(-pow((frequency - first) / 150, 2)) + 0.5 * exp(-pow((frequency - 3 * first) / 300, 2))
            + 0.02)
      }
      return Float(0.15 * sum)
    }
    return Audio(sampleRate: rate, samples: samples)
  }

  private func data(in folder: TemporaryFolder, parallel: Bool = true) throws -> URL {
    let place = folder("voices")
    for (part, sentences) in [("train", 0..<4), ("test", 4..<6)] {
      for (speaker, name) in ["alice", "bob"].enumerated() {
        let folder = place.appendingPathComponent("\(part)/\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for sentence in sentences {
          let file = parallel ? "\(sentence).wav" : "\(name)-\(sentence).wav"
          try voice(speaker, sentence).write(to: folder.appendingPathComponent(file))
        }
      }
    }
    return place
  }

  private func numbers(
    _ place: URL, in folder: TemporaryFolder, reversed: Bool = false,
    _ said: @escaping (String) -> Void = { _ in }
  )
    throws -> [MeasuredNumber]
  {
    Engine.threadCount = 1
    let binding = try DataBinding.open(
      place, for: ToyParrot.self, configuration: ["batchSize": 2, "reverses": .boolean(reversed)])
    let system = try ToyParrot(
      ToyParrot.Configuration().overlaid(with: binding.configuration), artefacts: binding.facts.artefacts,
      using: RandomStream(seed: 1))
    let nothing = WeightStore(folder("no-weights"))
    let options = EvaluationOptions(
      samples: 4, classifierSeconds: 20, classifierFile: folder("classifier.safetensors"), weights: nothing,
      shownExamples: 0)
    let measures = try MeasureList.standard.only(["voice-conversion:iterations=16,steps=60"])
    return try Evaluation(system, data: binding, options: options, measures: measures, say: said).run()
  }

  @Test func whatLeavesVoicesAsTheyAreMeasuresAsTheGivenUtterances() throws {
    let folder = try TemporaryFolder()
    var said: [String] = []
    let found = try numbers(data(in: folder), in: folder) { said.append($0) }
    #expect(
      found.map(\.id) == [
        "speaker-accuracy", "keyword-error", "word-error", "mel-cepstral-distortion",
        "mel-cepstral-distortion-speech",
        "pitch-error",
        "voicing-error", "pitch-correlation",
      ])
    let words = try #require(found.first { $0.id == "word-error" })
    #expect(words.value == 0 && words.baselines?.first?.value == 0.5)
    let keywords = try #require(found.first { $0.id == "keyword-error" })
    #expect(keywords.value == 0 && keywords.realAgainstReal == 0)
    #expect(keywords.protocolText.hasPrefix("4 conversions of 2 prompts"))
    for number in found where number.id != "word-error" {
      #expect(number.baselines?.first?.value == number.value, "\(number.name)")
    }
    let accuracy = try #require(found.first)
    // Two speakers who differ by an octave are told apart, and nobody is taken for the other.
    #expect(accuracy.realAgainstReal == 1 && accuracy.value == 0)
    let distortion = try #require(found.first { $0.id == "mel-cepstral-distortion" })
    #expect(distortion.value > 1 && distortion.protocolText.hasPrefix("4 conversions of held-out utterances"))
    // Nearly an octave apart.
    let cents = try #require(found.first { $0.id == "pitch-error" })
    #expect(abs(cents.value - 1200 * log2(210.0 / 110)) < 150, "\(cents.value)")
    #expect(said.contains { $0.hasPrefix("no speaker similarity") })
  }

  @Test func wordsThatAreSwappedAreAllWrong() throws {
    let folder = try TemporaryFolder()
    // What rises falls when it is played backwards.
    let found = try numbers(data(in: folder), in: folder, reversed: true)
    let keywords = try #require(found.first { $0.id == "keyword-error" })
    #expect(keywords.value == 1 && keywords.realAgainstReal == 0)
    #expect(keywords.baselines?.map(\.value) == [0, 0.5])
  }

  @Test func filesOfOneNameThatSayDifferentThingsGiveNoWordErrorByAClassifier() throws {
    let folder = try TemporaryFolder()
    let place = try data(in: folder)
    let (first, second) = (
      place.appendingPathComponent("test/bob/4.wav"), place.appendingPathComponent("test/bob/5.wav")
    )
    let other = place.appendingPathComponent("test/bob/other.wav")
    try FileManager.default.moveItem(at: first, to: other)
    try FileManager.default.moveItem(at: second, to: first)
    try FileManager.default.moveItem(at: other, to: second)
    var said: [String] = []
    let found = try numbers(place, in: folder) { said.append($0) }
    #expect(!found.contains { $0.id == "keyword-error" })
    #expect(said.contains { $0.contains("gets 100 % wrong, so that it cannot judge conversions") })
  }

  @Test func withoutParallelUtterancesTheReasonIsSaid() throws {
    let folder = try TemporaryFolder()
    var said: [String] = []
    let found = try numbers(data(in: folder, parallel: false), in: folder) { said.append($0) }
    #expect(found.map(\.id) == ["speaker-accuracy", "word-error"])
    #expect(said.contains { $0.hasPrefix("no word error by a classifier: it needs two held-out utterances") })
    #expect(
      said.contains { $0.contains("no held-out utterance of one speaker has the file name of another's") })
  }
}
