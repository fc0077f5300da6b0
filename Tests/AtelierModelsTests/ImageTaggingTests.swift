import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct ImageTaggingTests {
  private static let tiny: [String: ConfigurationValue] = [
    "features": .string("pixels"), "wordSize": .integer(8), "minimumCount": .integer(1),
    "subsampling": .integer(0), "wordSteps": .integer(1), "wordBatchSize": .integer(8),
    "latentSize": .integer(4), "generatorHidden": .list([.integer(6), .integer(8)]),
    "discriminatorHidden": .list([.integer(6), .integer(8)]), "maxoutUnits": .integer(5),
    "batchSize": .integer(8),
  ]

  private func harness(
    _ folder: TemporaryFolder, _ more: [String: ConfigurationValue] = [:]
  ) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeCaptioned(to: data)
    return try SystemHarness(ImageTagging.self, Self.tiny.merging(more) { _, new in new }, data: data)
  }

  @Test func aStepOfEachStageChangesTheNetworks() throws {
    let folder = try TemporaryFolder()
    #expect(try harness(folder).takesTwoSteps())
  }

  @Test func aSeedDecidesEveryByte() throws {
    let folder = try TemporaryFolder()
    #expect(try harness(folder).isDeterministic())
  }

  @Test func levelledFeaturesResumeExactly() throws {
    let folder = try TemporaryFolder()
    #expect(try harness(folder, Self.learning.merging(["wordSteps": .integer(1)]) { $1 }).resumesExactly())
  }

  @Test(arguments: [1, 3]) func resumingInEitherStageEqualsNotStopping(_ wordSteps: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(folder, ["wordSteps": .integer(wordSteps)]).resumesExactly())
  }

  @Test func theWidthsAreThePapers() throws {
    let vocabulary =
      #"{"words":["a","b"],"counts":[300,200],"tags":[0,1],"tagCounts":[3,2],"sentences":[[0,1]]}"#
    let system = try ImageTagging(
      ImageTagging.Configuration(),
      artefacts: Artefacts([TagVocabulary.artefactName: Data(vocabulary.utf8)]),
      using: RandomStream(seed: 1))
    // 100 → 500, 4096 → 2000, 2500 → 200; 200 → 500, 4096 → 1200, 1700 → 3 · 1000, 1000 → 1.
    #expect(
      system.network("generator")?.module.parameterCount
        == 101 * 500 + 4097 * 2000 + 2501 * 200)
    #expect(
      system.network("discriminator")?.module.parameterCount
        == 201 * 500 + 4097 * 1200 + 1701 * 3000 + 1001)
    #expect(system.networks.first?.module.parameterCount == 2 * 2 * 200)
  }

  @Test func skipGramPutsWordsOfOneKindTogether() throws {
    // Two kinds of words that never meet.
    let stream = RandomStream(seed: 5)
    let model = SkipGram(words: 8, size: 6, using: stream)
    let optimizer = Adam(model, learningRate: 0.05)
    for _ in 0..<150 {
      let centre = stream.integers(below: 8, [64])
      let other = (centre.integers().map { $0 / 4 * 4 }, stream.integers(below: 4, [64]).integers())
      let neighbour = Tensor(zip(other.0, other.1).map { $0 + $1 })
      optimizer.minimize(
        model.loss(centre: centre, neighbour: neighbour, negatives: stream.integers(below: 8, [64, 3])))
    }
    let vectors = model.vectors.detached()
    let unit = vectors / vectors.norm(dims: [1], keepDim: true)
    let cosines = unit.matmul(unit.transposed(0, 1))
    let near = cosines.slice(0, 0, 4).slice(1, 0, 4).mean().item()
    let far = cosines.slice(0, 0, 4).slice(1, 4, 8).mean().item()
    #expect(near > 0.8 && far < 0.2)
  }

  @Test func theLossOfEqualVectorsIsThatOfCoins() {
    let model = SkipGram(words: 3, size: 4, using: RandomStream(seed: 1))
    // Neighbours begin at zero: every product is 0, and every term log 2.
    let loss = model.loss(
      centre: Tensor([0, 1]), neighbour: Tensor([1, 2]), negatives: Tensor([0, 1, 2, 0]).reshaped([2, 2]))
    #expect(abs(loss.item() - 3 * 0.693_147_18) < 1e-5)
  }

  /// What the preset for few captions changes in the players, at a size that trains in seconds.
  private static let learning: [String: ConfigurationValue] = [
    "wordSteps": .integer(150), "wordLearningRate": .number(0.02),
    "generatorHidden": .list([.integer(16), .integer(48)]),
    "discriminatorHidden": .list([.integer(24), .integer(48)]), "maxoutUnits": .integer(24),
    "dropout": .number(0.1), "nearest": .integer(1), "batchSize": .integer(32),
    "normalizesFeatures": .boolean(true), "unitVectors": .boolean(true), "vectorNoise": .number(0.5),
    "mismatchShare": .number(0.5), "optimizer": .string("adam"), "learningRate": .number(0.002),
  ]

  @Test func eachOfFourKindsOfPicturesGetsAWordOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(folder, Self.learning)
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 1650))
    let system = try #require(
      try loadSystem(from: run.url, registry: SystemRegistry([ImageTagging.self])).system as? ImageTagging)
    let data = try DataBinding.open(
      harness.data, for: ImageTagging.self, configuration: harness.configuration)
    let pictures = try [DatasetSplit.train, .test].map {
      try #require(try data.dataset(of: $0) as? TagDataset)
    }
    // The held-out pictures are one of each kind.
    #expect(Set(pictures[1].tags.map { Set($0) }).count == 4)
    for part in pictures {
      let found = try system.tags(
        for: Tensor(part.features), count: 1, draws: StreamDraws(RandomStream(seed: 3)))
      let right = zip(found, part.tags).filter { Set($1).isSuperset(of: $0) }.count
      // A word for all pictures alike is right for a quarter of them.
      #expect(Double(right) / Double(found.count) > 0.8)
    }
  }

  @Test func modeSeekingDrawsTheOutputsForOnePictureApart() throws {
    func spread(_ factor: Double) throws -> Double {
      let folder = try TemporaryFolder()
      let harness = try harness(folder, Self.learning.merging(["modeSeeking": .number(factor)]) { $1 })
      let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 350))
      let system = try loadSystem(from: run.url, registry: SystemRegistry([ImageTagging.self])).system
      let generator = try #require(system.network("generator"))
      generator.module.eval()
      let stream = RandomStream(seed: 4)
      let features = stream.normal([1, ImageFeatureKind.pixels.size]).expanded([64, -1])
      let drawn = try generator.forward(nil, ["latent": stream.normal([64, 4]), "feature": features])
      let vectors = try #require(drawn["vector"])
      return (vectors - vectors.mean(dims: [0], keepDim: true)).square().mean().item()
    }
    #expect(try spread(10) > 2 * spread(0))
  }

  @Test func aPreviewNamesPicturesAndTheirTags() throws {
    let folder = try TemporaryFolder()
    var options = SystemHarness.options(steps: 2)
    options.previewEvery = 2
    let run = try harness(folder).train(in: folder.url, options: options)
    let text = try String(contentsOf: run.samples.appendingPathComponent("step-000002.txt"), encoding: .utf8)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 4)
    // Picture 9 is of the second kind, as (9 + 0) mod 4 is 1; what was found follows after the colon.
    #expect(lines.first?.hasPrefix("009.png (blue, boat): ") == true)
    #expect(lines.allSatisfy { $0.split(separator: ":").last?.split(separator: ",").count == 8 })
    #expect(try EventLog.read(run.events).filter { $0.type == .warning }.isEmpty)
  }

  @Test func whatThePaperDoesNotSayIsOffInIt() {
    let paper = ImageTagging.Configuration()
    #expect(!paper.normalizesFeatures && !paper.unitVectors)
    #expect(paper.vectorNoise == 0 && paper.mismatchShare == 0 && paper.modeSeeking == 0)
    #expect(paper.optimizer == .momentum && paper.learningRate == 0.1 && paper.nearest == 20)
  }

  @Test func whatCannotWorkIsRefused() {
    var configuration = ImageTagging.Configuration()
    configuration.generatorHidden = [5]
    #expect(refusal(configuration).contains("generatorHidden"))
    configuration = ImageTagging.Configuration()
    configuration.mismatchShare = 1.5
    #expect(refusal(configuration).contains("mismatchShare"))
    configuration = ImageTagging.Configuration()
    configuration.vectorNoise = -1
    #expect(refusal(configuration).contains("vectorNoise"))
    configuration = ImageTagging.Configuration()
    configuration.modeSeeking = -1
    #expect(refusal(configuration).contains("modeSeeking"))
    configuration = ImageTagging.Configuration()
    configuration.subsampling = 2
    #expect(refusal(configuration).contains("subsampling"))
  }
}
