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

@Suite struct TextImageScorerTests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": 8, "imageChannels": 1, "imageVocabularySize": 6, "codebookSize": 5, "downsamplings": 1,
    "residualBlocks": 0, "hiddenChannels": 4, "autoencoderSteps": 1, "autoencoderBatchSize": 4,
    "textLength": 6, "layers": 1, "embeddingSize": 12, "heads": 2, "headSize": 6, "batchSize": 4,
    "scorerSteps": 2, "scorerBatchSize": 4, "scorerSize": 8, "scorerHeads": 2, "scorerLayers": 1,
    "scorerChannels": 4, "scorerShift": 0.125,
  ]

  private func harness(
    _ folder: TemporaryFolder, _ more: [String: ConfigurationValue] = [:]
  ) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeCaptioned(to: data)
    return try SystemHarness(DALLE.self, Self.tiny.merging(more) { $1 }, data: data)
  }

  /// A system that was trained for some steps.
  private func trained(
    _ folder: TemporaryFolder, steps: Int, _ more: [String: ConfigurationValue] = [:]
  ) throws -> DALLE {
    let run = try harness(folder, more).train(in: folder.url, options: SystemHarness.options(steps: steps))
    return try #require(
      try loadSystem(from: run.url, registry: SystemRegistry([DALLE.self])).system as? DALLE)
  }

  @Test func theContrastiveLossIsPyTorchs() {
    let images = Tensor([0.6, 0.8, 0, 0, 1, 0, 0, 0.6, -0.8, 1, 0, 0] as [Float], shape: [4, 3])
    let captions = Tensor([0, 0.8, 0.6, 0.28, 0.96, 0, 0, 0, -1, 0.8, 0.6, 0] as [Float], shape: [4, 3])
    let scale = Tensor([1.5] as [Float], shape: [1])
    for tensor in [images, scale] { tensor.requiresGradient = true }
    let loss = contrastiveLoss(images: images, captions: captions, logitScale: scale)
    loss.backward()
    #expect(abs(loss.item() - 0.82057774) < 1e-6)
    #expect(abs((scale.gradient?.item() ?? 0) + 0.00257199) < 1e-6)
    let expected: [Float] = [
      0.59560937, 0.09489828, -0.54655856, -0.04431146, -0.00979211, 0.29542342, 0.10872521, 0.23349005,
      0.24999854, -0.36615929, -0.21095249, -0.01369266,
    ]
    #expect(zip(images.gradient?.floats() ?? [], expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func theContrastiveLossOfPerfectPairsHasAClosedForm() {
    // Unit vectors along the axes: a logit of exp(s) for the own caption, and zeros.
    for (count, scale) in [(2, 0.0), (5, 1.0), (8, log(100))] {
      let pairs = Tensor((0..<count).map { $0 }).oneHot(count).asType(.float32)
      let loss = contrastiveLoss(
        images: pairs, captions: pairs, logitScale: Tensor([Float(scale)], shape: [1]))
      #expect(abs(loss.item() - log(1 + Double(count - 1) * exp(-exp(scale)))) < 1e-6)
    }
  }

  /// Four steps are the autoencoder's one, the scorer's two and the transformer's first.
  @Test(arguments: [1, 2]) func resumingBesideTheScorerEqualsNotStopping(_ scorerSteps: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(folder, ["scorerSteps": .integer(scorerSteps)]).resumesExactly())
  }

  @Test func theLossFallsAndMatchingPairsArePreferred() throws {
    let folder = try TemporaryFolder()
    let more: [String: ConfigurationValue] = [
      "scorerSteps": 60, "scorerBatchSize": 16, "scorerSize": 16, "scorerLearningRate": 3e-3,
      "scorerShift": 0,
    ]
    let run = try harness(folder, more).train(in: folder.url, options: SystemHarness.options(steps: 61))
    let losses = try EventLog.read(run.events).compactMap { $0.values?["contrastive"] }
    #expect(losses.count == 60 && losses.allSatisfy(\.isFinite))
    // Captions of one kind stand several times in a batch, and the loss of those cannot vanish.
    let (first, last) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
    #expect(last < 0.75 * first)
    let system = try #require(
      try loadSystem(from: run.url, registry: SystemRegistry([DALLE.self])).system as? DALLE)
    let captions = ["a red dog", "a blue boat", "a green tree", "a white snow"]
    let arrangement = try #require(system.plan.data)
    let test = try #require(
      try arrangement.arrangement.open(
        folder("data"), .test, DataOpening(arrangement.fields),
        try ModelFile.describe(modelFile(at: run.url)).artefacts
      ).dataset)
    var right = 0
    try withoutGradients {
      try system.drawing {
        let read = try system.embeddings(ofCaptions: captions)
        for index in 0..<test.count {
          let image = Tensor(try #require(try test.example(at: index)["image"])).asType(.float32) / 255
          let seen = try system.embeddings(ofImages: image.unsqueezed(0))
          #expect(abs(seen.norm().item() - 1) < 1e-5)
          let scores = seen.matmul(read.transposed(0, 1)).floats()
          let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
          let words = Set(captions[best].split(separator: " ").dropFirst())
          if words.isSubset(of: Set((test.title(of: index) ?? "").split(separator: " "))) { right += 1 }
        }
      }
    }
    #expect(test.count == 8 && right == 8)
  }

  @Test func theBestCandidatesAreKeptTheBestFirst() throws {
    let folder = try TemporaryFolder()
    let system = try trained(folder, steps: 4)
    let prompt = "a red dog"
    func drawn(_ count: Int, _ candidates: Int?, _ prompt: String?) throws -> Tensor {
      var pieces: [Tensor] = []
      try withoutGradients {
        try system.draw(
          Request(
            count: count, conditions: prompt.map { ["prompt": .text($0)] } ?? [:],
            sampling: CodeSampling(filterThreshold: 0, candidates: candidates),
            draws: StreamDraws(RandomStream(seed: 5)))
        ) { if let tensor = $0.tensor { pieces.append(tensor) } }
      }
      return .concatenated(pieces, dim: 0)
    }
    let all = try drawn(20, nil, prompt)
    let scores = try withoutGradients {
      try system.drawing {
        try system.embeddings(ofImages: (all + 1) / 2).matmul(
          try system.embeddings(ofCaptions: [prompt]).transposed(0, 1)
        ).floats()
      }
    }
    let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    #expect(Set(scores).count > 3)
    let best = try drawn(3, 20, prompt)
    let expected = order.prefix(3).map { all.slice(0, $0, $0 + 1) }
    #expect(best.floats() == Tensor.concatenated(expected, dim: 0).floats())
    for (count, candidates, prompt, word) in [(5, 4, prompt, "4 candidates"), (1, 4, nil, "prompt")] {
      let error = #expect(throws: ConfigurationError.self) { try drawn(count, candidates, prompt) }
      #expect(error?.description.contains(word) == true)
    }
  }

  @Test func aGivenImageIsCompletedByTheBestCandidate() throws {
    let folder = try TemporaryFolder()
    let system = try trained(folder, steps: 4)
    func drawn(_ images: Int) throws -> [Int] {
      var shapes: [Int] = []
      try withoutGradients {
        try system.draw(
          Request(
            conditions: ["prompt": .text("a red dog"), "image": .tensor(.full([images, 1, 8, 8], 0.5))],
            sampling: CodeSampling(candidates: 6), draws: StreamDraws(RandomStream(seed: 5)))
        ) { shapes += $0.tensor?.shape ?? [] }
      }
      return shapes
    }
    #expect(try drawn(1) == [1, 1, 8, 8])
    let error = #expect(throws: ConfigurationError.self) { try drawn(2) }
    #expect(error?.description.contains("one by one") == true)
  }

  @Test func withoutAScorerCandidatesAreRefusedWithTheWayOut() throws {
    let folder = try TemporaryFolder()
    let system = try trained(folder, steps: 2, ["scorerSteps": 0])
    #expect(system.network("scorer") == nil && system.plan.ability(CaptionScoring.self) == nil)
    let error = #expect(throws: ConfigurationError.self) {
      try system.draw(
        Request(
          conditions: ["prompt": .text("a red dog")], sampling: CodeSampling(candidates: 4),
          draws: StreamDraws(RandomStream(seed: 5)))
      ) { _ in }
    }
    #expect(error?.description.contains("scorerSteps=1000") == true)
  }
}
