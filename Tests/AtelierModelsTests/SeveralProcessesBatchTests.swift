import Atelier
import Foundation
import TestSupport
import Testing

/// Losses, pools, statistics and random numbers that are of a whole batch and not of an example: two processes begin with
/// the gradients and states that one begins with.
@Suite struct SeveralProcessesBatchTests {
  @Test func scoresAreComparedWithTheMeanOfTheWholeBatch() throws {
    try expectAlike(
      ESRGAN.self,
      [
        "width": 4, "blocks": 1, "growth": 2, "imageSize": 32, "batchSize": 4, "features": "vgg16",
        "perceptualLayers": .table(["conv1_2": 1]), "discriminatorWidth": 2, "pretrainingSteps": 0,
      ]
    ) { try TinyData.writePhotographs(to: $0, size: 40) }
  }

  @Test func aPenaltyOnTheSlopeOfAMeanKnowsTheWholeBatch() throws {
    try expectAlike(
      FUNIT.self,
      [
        "imageSize": 16, "width": 2, "blocks": 1, "discriminatorWidth": 2, "batchSize": 4, "mlpWidth": 2,
        "styleLength": 2, "discriminatorBlocks": 4, "heldOutClasses": ["star"],
      ]
    ) { try TinyData.writeClassFolders(to: $0, classes: ["circle", "square", "star"], size: 16) }
  }

  @Test func aPoolIsThatOfTheWholeBatch() throws {
    // Both pools are full after the first image of a step: the rest of the batch is exchanged.
    try expectAlike(
      CycleGAN.self,
      [
        "imageSize": 16, "width": 2, "discriminatorWidth": 2, "layers": 1, "downsamplings": 1, "blocks": 1,
        "poolSize": 1, "batchSize": 4,
      ]
    ) { try TinyData.writeUnpaired(to: $0, size: 16) }
  }

  @Test func whatIsChosenOfSeveralBatchesIsChosenOfWholeOnes() throws {
    try expectAlike(
      FaceIdentityTransformer.self,
      [
        "imageSize": 32, "generatorChannels": 2, "residualBlocks": 1, "discriminatorChannels": 2,
        "discriminatorLayers": 2, "classifierLayers": 1, "recognizerChannels": 2, "featureSize": 4,
        "batchSize": 4, "poolSize": 3,
      ]
    ) { try TinyData.writeClassFolders(to: $0, classes: ["circle", "square", "star"], size: 16) }
  }

  @Test func aDistributionIsFittedToTheWholeBatch() throws {
    try expectAlike(
      Autoencoder.self, ["imageSize": 8, "hidden": [6], "latentSize": 3, "batchSize": 6]
    ) { try TinyData.writeIDX(to: $0) }
  }

  @Test func centroidsAndProbabilitiesAreThoseOfTheWholeBatch() throws {
    // The third step is the first without pretraining.
    try expectAlike(
      PlayableVideo.self,
      [
        "imageSize": 32, "frames": 3, "groundTruthFrames": 2, "representationChannels": [2, 3],
        "stateFeatures": 4, "hiddenSize": 4, "pretrainingSteps": 2, "temperatureSteps": 5, "batchSize": 4,
      ], steps: 3
    ) { try TinyData.writeVideos(to: $0, count: 6) }
  }

  @Test func anotherExampleMayBeTheNextProcesss() throws {
    // Two steps of word vectors, whose draws belong to no example, and two of the adversarial stage.
    try expectAlike(
      ImageTagging.self,
      [
        "features": "pixels", "wordSize": 4, "minimumCount": 1, "subsampling": 0, "wordSteps": 2,
        "wordBatchSize": 8, "latentSize": 3, "generatorHidden": [3, 4], "discriminatorHidden": [3, 4],
        "maxoutUnits": 3, "batchSize": 8, "mismatchShare": 0.5, "modeSeeking": 0.1,
      ], steps: 4
    ) { try TinyData.writeCaptioned(to: $0) }
  }

  @Test func severalDrawsOfABatchAreDividedByTheirExamples() throws {
    // Four styles of four examples in each process, so that two axes are of one length.
    try expectAlike(
      MUNIT.self,
      [
        "imageSize": 16, "width": 2, "blocks": 1, "discriminatorWidth": 2, "batchSize": 8, "mlpWidth": 2,
        "styleLength": 2, "loadSize": 18, "scales": 2, "layers": 2,
      ]
    ) { try TinyData.writeUnpaired(to: $0, count: 8, size: 16) }
  }

  @Test(arguments: [(2, 1, 6), (1, 2, 8)])
  func everyPartOfARoundIsDivided(updates: Int, parts: Int, size: Int) throws {
    // As many latent batches as each process has examples of a part, so that two axes are of one length.
    try expectAlike(
      BigGAN.self,
      [
        "imageSize": 8, "bottomWidth": 1, "batchSize": .integer(size), "latentSize": 8,
        "generatorChannels": 2,
        "discriminatorChannels": 2, "sharedEmbeddingSize": 3, "generatorAttention": [4],
        "discriminatorAttention": [4], "discriminatorSteps": .integer(updates),
        "gradientAccumulation": .integer(parts),
      ]
    ) { try TinyData.writeClassFolders(to: $0, classes: ["circle", "square", "star"]) }
  }
}
