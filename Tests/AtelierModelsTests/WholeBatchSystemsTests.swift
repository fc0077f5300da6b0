import Atelier
import Foundation
import TestSupport
import Testing

/// Systems whose losses take the examples of a batch together, or whose examples differ in length, learn in two processes
/// what they learn in one.
@Suite struct WholeBatchSystemsTests {
  /// Of five sentences the parts differ in size, and one cannot be divided.
  @Test(arguments: [12, 5, 1]) func tokensOfPaddedSentences(count: Int) throws {
    try expectAlike(
      Seq2Seq.self,
      [
        "embeddingSize": 6, "hiddenSize": 4, "decoderHiddenSize": 8, "batchSize": 6, "dropout": 0.2,
        "teacherForcing": 1,
      ]
    ) { try TinyData.writeSentencePairs(to: $0, count: count) }
    try expectAlike(
      Transformer.self,
      [
        "embeddingSize": 8, "heads": 2, "encoderLayers": 1, "decoderLayers": 1, "hiddenSize": 12,
        "maximumLength": 20, "batchSize": 6,
      ]
    ) { try TinyData.writeSentencePairs(to: $0, count: count) }
  }

  @Test func voicesAreToldFromThoseOfAllProcesses() throws {
    try expectAlike(
      SpeakerEncoder.self,
      ["hiddenSize": 6, "embeddingSize": 5, "layers": 2, "frames": 20, "batchSize": 6, "utterances": 3]
    ) { try TinyData.writeVoices(to: $0, perSpeaker: 5) }
  }

  @Test func spectrogramsAreComparedWithThoseOfAllProcesses() throws {
    try expectAlike(
      AutoVC.self,
      [
        "mels": 6, "encoderChannels": 4, "bottleneckSize": 2, "codeDownsampling": 4,
        "decoderInputChannels": 4, "decoderChannels": 5, "postnetChannels": 3, "frames": 8, "batchSize": 6,
        "reconstruction": "pairwise",
      ]
    ) { try TinyData.writeVoices(to: $0, perSpeaker: 5) }
  }

  @Test func cropsOfTwoSpeakersInPartsOfThree() throws {
    try expectAlike(
      CycleGANVC2.self,
      [
        "mels": 8, "frames": 8, "blocks": 1, "generatorWidth": 2, "discriminatorWidth": 2,
        "constantSteps": 4, "decaySteps": 20, "identitySteps": 3, "batchSize": 6,
      ]
    ) { try TinyData.writeVoices(to: $0, perSpeaker: 5) }
  }

  @Test func wholeUtterancesAreRepeatedToTheLongestOfAll() throws {
    try expectAlike(
      StarGANVC.self,
      [
        "mels": 6, "bottleneckSize": 3, "generatorChannels": 4, "embeddingSize": 2,
        "discriminatorChannels": 3, "sampleRate": 8000, "transform": 256, "hop": 64,
        "maximumFrequency": 4000, "norm": "layer", "batchSize": 4,
      ]
    ) { try TinyData.writeVoices(to: $0, perSpeaker: 5) }
  }

  @Test func captionsAreToldFromThoseOfAllProcesses() throws {
    try expectAlike(
      DALLE.self,
      [
        "imageSize": 8, "imageVocabularySize": 6, "codebookSize": 5, "downsamplings": 1,
        "hiddenChannels": 4, "autoencoderSteps": 3, "autoencoderBatchSize": 6, "textLength": 6, "layers": 2,
        "embeddingSize": 12, "heads": 2, "headSize": 6, "batchSize": 6, "scorerSteps": 3,
        "scorerBatchSize": 6, "scorerSize": 8, "scorerHeads": 2, "scorerChannels": 2,
        "divergenceWeight": 0.01,
      ], steps: 8
    ) { try TinyData.writeCaptioned(to: $0) }
  }

  private static let mapped: [String: ConfigurationValue] = [
    "imageWidth": 32, "imageHeight": 32, "width": 1, "spadeHidden": 1, "spadeKernel": 1,
    "discriminatorWidth": 1, "batchSize": 4, "weights": .table(["perceptual": 0]),
  ]

  private func expectMapsAlike(
    _ system: any GenerativeSystem.Type, _ changes: [String: ConfigurationValue]
  ) throws {
    try expectAlike(system, Self.mapped.merging(changes) { $1 }) {
      try TinyData.writeLabelled(to: $0, count: 8, size: 32)
    }
  }

  /// Parts of two examples, as long as the axis of the generator's two passes.
  @Test func classesAreBalancedOverAllProcesses() throws {
    try expectMapsAlike(OASIS.self, ["latent": 2, "statisticsEvery": 2, "statisticsBatches": 2])
  }

  @Test func stylesAndNoiseOfAPartAreThoseOfTheWholeBatch() throws {
    try expectMapsAlike(SEAN.self, ["styleLength": 2, "encoderWidth": 1, "layers": 2, "scales": 1])
  }

  @Test func theDivergenceOfStylesIsThatOfTheWholeBatch() throws {
    try expectMapsAlike(
      SPADE.self,
      [
        "encoder": "convolutional", "encoderWidth": 1, "encoderSize": 16, "latent": 3, "layers": 2,
        "scales": 1,
      ])
  }
}
