import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct SpeakerEncoderTests {
  private func tiny() throws -> SpeakerEncoder {
    let values = try SpeakerEncoder.Configuration().overlaid(with: [
      "hiddenSize": 6, "embeddingSize": 5, "layers": 2, "frames": 20, "batchSize": 6, "utterances": 3,
    ])
    return try SpeakerEncoder(values, artefacts: Artefacts(), using: RandomStream(seed: 3))
  }

  @Test func anEmbeddingIsComparedWithTheMeanOfItsSpeakersOthers() throws {
    let contrast = try #require(try tiny().network("contrast"))
    let embedding = Tensor([1, 0, 0.6, 0.8, 0, 1, 0.8, 0.6] as [Float], shape: [4, 2])
    let membership = Tensor([1, 0, 1, 0, 0, 1, 0, 1] as [Float], shape: [4, 2])
    let found = try #require(
      try contrast.forward(nil, ["embedding": embedding, "membership": membership])["similarity"]
    ).floats()
    // The cosine of the first two is 0.6; the mean of the others is (0.4, 0.8), whose cosine with the first is 1/√5.
    #expect(abs(found[0] - (10 * 0.6 - 5)) < 1e-4)
    #expect(abs(Double(found[1]) - (10 / 5.0.squareRoot() - 5)) < 1e-4)
    // The mean of the first two is (0.8, 0.4): its cosine with the third is 1/√5, and that of the last two is 0.6.
    #expect(abs(Double(found[4]) - (10 / 5.0.squareRoot() - 5)) < 1e-4)
    #expect(abs(found[5] - (10 * 0.6 - 5)) < 1e-4)
  }

  @Test func embeddingsHaveUnitLengthAndAreNotNegative() throws {
    let system = try tiny()
    let found = try withoutGradients { try system.embeddings(of: RandomStream(seed: 1).normal([4, 40, 20])) }
    #expect(found.shape == [4, 5] && found.floats().allSatisfy { $0 >= 0 })
    for length in found.square().sum(dims: [1]).floats() { #expect(abs(length - 1) < 1e-5) }
  }

  @Test func longSilencesAreCutWhereTheConfigurationSaysSo() throws {
    let presets = SpeakerEncoder.Configuration.presets
    #expect(presets.map(\.configuration.trimsSilence) == [false, true])
    let speech = (0..<16_000).map { 0.3 * Float(sin(Double($0) * 0.1)) }
    let silence = [Float](repeating: 0, count: 48_000)
    let whole = try SpeakerEncoderFeatures()(silence + speech + silence)
    let cut = try SpeakerEncoderFeatures(trimsSilence: true)(silence + speech + silence)
    // 33 windows of 30 ms hold speech, and three more stay on each side.
    #expect(whole.shape == [40, 701] && (100...130).contains(cut.shape[1]), "\(cut.shape)")
    // Speech that is shorter than the averages reach stays as it is.
    let short = silence + speech.prefix(1_000)
    #expect(
      try SpeakerEncoderFeatures(trimsSilence: true)(short).shape == SpeakerEncoderFeatures()(short).shape)
    // Training reads what the preset says.
    for preset in presets {
      let arrangement = try #require(preset.configuration.plan.stages[0].data?.arrangement as? Voices)
      let features = try #require(arrangement.features as? SpeakerEncoderFeatures)
      #expect(features.trimsSilence == preset.configuration.trimsSilence)
    }
  }

  @Test func aRunResumesAndDrawsToTheByte() throws {
    let folder = try TemporaryFolder()
    let system = try SystemRegistry.standard.system(named: "speaker-encoder")
    let harness = try SystemHarness(
      system,
      [
        "hiddenSize": 6, "embeddingSize": 5, "layers": 2, "frames": 20, "batchSize": 6, "utterances": 3,
        "learningRate": 0.01,
      ], data: TinyLayout.voices.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }
}
