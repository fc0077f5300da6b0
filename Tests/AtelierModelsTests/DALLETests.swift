import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct DALLETests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": 8, "imageChannels": 1, "imageVocabularySize": 6, "codebookSize": 5, "downsamplings": 1,
    "residualBlocks": 1, "hiddenChannels": 4, "autoencoderSteps": 1, "autoencoderBatchSize": 4,
    "textLength": 6, "scorerSteps": 0,
    "layers": 4, "embeddingSize": 12, "heads": 2, "headSize": 6, "batchSize": 4,
  ]

  private func harness(
    _ folder: TemporaryFolder, _ more: [String: ConfigurationValue] = [:]
  ) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeCaptioned(to: data)
    return try SystemHarness(DALLE.self, Self.tiny.merging(more) { $1 }, data: data)
  }

  private func system(_ more: [String: ConfigurationValue]) throws -> DALLE {
    let values = Self.tiny.merging(["textVocabularySize": 9]) { $1 }.merging(more) { $1 }
    return try DALLE(
      DALLE.Configuration().overlaid(with: values), artefacts: Artefacts(), using: RandomStream(seed: 3))
  }

  @Test func aStepOfEachStageChangesTheNetworks() throws {
    let folder = try TemporaryFolder()
    #expect(try harness(folder).takesTwoSteps())
  }

  @Test(arguments: [1, 3]) func resumingInEitherStageEqualsNotStopping(_ steps: Int) throws {
    let folder = try TemporaryFolder()
    #expect(
      try harness(folder, ["autoencoderSteps": .integer(steps), "captionDropout": 0.3]).resumesExactly())
  }

  @Test(arguments: ["discrete-vae", "openai-discrete-vae"])
  func anAutoencoderAloneLearnsAndGivesImagesBack(_ model: String) throws {
    let folder = try TemporaryFolder()
    #expect(
      try harness(
        folder,
        [
          "model": .string(model), "hiddenChannels": 4, "initialChannels": 4, "blocksPerGroup": 1,
          "divergenceWeight": 0.1,
        ]
      ).resumesExactly())
  }

  /// Which places change their logits where one code is another, by each kind of attention.
  @Test(arguments: ["full", "axialRow", "axialColumn", "convolutional"])
  func aPlaceSeesOnlyWhatItsAttentionAllows(_ kind: String) throws {
    let system = try system([
      "layers": 1, "shiftTokens": false, "attentionKinds": .list([.string(kind)]), "imageSize": 16,
      "downsamplings": 1,
    ])
    let network = try #require(system.network("model"))
    let (side, length) = (8, 6)
    let text = Tensor([3, 4, 0, 0, 0, 0], shape: [1, 6])
    var codes = [Int](repeating: 1, count: side * side)
    let (row, column) = (2, 3)
    func logits() throws -> Tensor {
      try withoutGradients {
        try #require(
          network.forward(nil, ["text": text, "token": Tensor(codes, shape: [1, side * side])])["logits"])
      }
    }
    let before = try logits()
    codes[row * side + column] = 4
    let changed = (try logits() - before).abs().sum(dims: [0, 2]).floats().map { $0 > 0 }
    #expect(changed.prefix(length + 1).allSatisfy { !$0 })
    // The place of code i is length + 1 + i, and the last code is not fed.
    for place in 0..<(side * side - 1) {
      let (own, across) = (place / side, place % side)
      let isAfter = place >= row * side + column
      let expected =
        switch kind {
        case "full": isAfter
        case "axialRow": isAfter && own == row
        case "axialColumn": isAfter && across == column
        default: (0...4).contains(own - row) && (0...4).contains(across - column)
        }
      #expect(changed[length + 1 + place] == expected, "row \(own), column \(across)")
    }
  }

  @Test func theCaptionIsSeenByEveryCodeAndPaddingIsATokenOfItsPlace() throws {
    let system = try system([:])
    let network = try #require(system.network("model"))
    let codes = Tensor([Int](repeating: 2, count: 16), shape: [1, 16])
    func logits(_ text: [Int]) throws -> Tensor {
      try withoutGradients {
        try #require(
          network.forward(nil, ["text": Tensor(text, shape: [1, text.count]), "token": codes])["logits"])
      }
    }
    let other = (try logits([3, 4, 5]) - logits([3, 4, 6])).abs().sum(dims: [0, 2]).floats()
    #expect(other.prefix(3).allSatisfy { $0 == 0 })
    #expect(other.dropFirst(6).allSatisfy { $0 > 0 })
    #expect(try logits([3, 4, 5]).floats() == logits([3, 4, 5, 0, 0, 0]).floats())
  }

  @Test func guidanceOfOneDrawsWhatNoGuidanceDraws() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeCaptioned(to: data)
    var artefacts = Artefacts()
    let configuration = try DALLE.Configuration().overlaid(with: Self.tiny)
    let plan = try #require(configuration.plan.data)
    _ = try plan.arrangement.survey(data, DataOpening(plan.fields), &artefacts)
    let known = try artefacts.sentenceVocabulary(CaptionedImages.artefact)
    let system = try DALLE(
      configuration.overlaid(with: ["textVocabularySize": .integer(known.count)]), artefacts: artefacts,
      using: RandomStream(seed: 3))
    func drawn(_ guidance: Double, _ prompt: String) throws -> [Float] {
      var images: [Float] = []
      try system.draw(
        Request(
          count: 2, conditions: ["prompt": .text(prompt)],
          sampling: CodeSampling(temperature: 1, filterThreshold: 0.2, guidance: guidance),
          draws: StreamDraws(RandomStream(seed: 5)))
      ) { images += $0.tensor?.floats() ?? [] }
      return images
    }
    let plain = try drawn(1, "a red dog")
    #expect(plain.count == 2 * 64 && plain.allSatisfy { abs($0) <= 1 })
    #expect(try drawn(1, "A red, dog.") == plain)
    #expect(try drawn(1.0000001, "a red dog") == plain)
  }

  @Test func theParametersAreThePublishedOnes() throws {
    // openai/DALL-E: 256 wide, 2 blocks a group, 8192 codes; the encoder has 53,786,240.
    var configuration = DALLE.Configuration()
    configuration.model = .openAIDiscreteVAE
    configuration.images.imageSize = 256
    let system = try DALLE(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
    #expect(system.network("encoder")?.module.parameterCount == 53_786_240)
  }

  @Test func theCosinesOfThePaperAreFollowedByTheAutoencoder() throws {
    var configuration = try #require(
      DALLE.Configuration.presets.first { $0.name == "openai-discrete-vae" }?.configuration)
    configuration.images.imageSize = 16
    configuration.hiddenChannels = 4
    configuration.initialChannels = 4
    configuration.imageVocabularySize = 8
    let system = try DALLE(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
    func near(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) <= 1e-12 * expected }
    // Half-way a cosine stands at the mean of its ends; at a third it has gone a quarter of the way.
    for (step, expected) in [(0, 1), (50_000, 1 - 0.25 * 15 / 16), (75_000, 17.0 / 32), (150_000, 1.0 / 16)] {
      #expect(near(system.temperature(at: step), expected))
    }
    #expect(near(system.temperature(at: 900_000), 1.0 / 16))
    #expect(system.divergenceWeight(at: 0) == 0)
    #expect(near(system.divergenceWeight(at: 2500), 3.3))
    #expect(abs(system.divergenceWeight(at: 1250) - 3.3 * (1 - 0.5.squareRoot())) < 1e-12)
    #expect(system.divergenceWeight(at: 5000) == 6.6 && system.divergenceWeight(at: 80_000) == 6.6)
    #expect(near(system.autoencoderLearningRate(at: 0), 1e-4))
    #expect(near(system.autoencoderLearningRate(at: 600_000), (1e-4 + 1.25e-6) / 2))
    #expect(near(system.autoencoderLearningRate(at: 1_200_000), 1.25e-6))
  }

  @Test func dallePytorchsExponentialsStay() throws {
    let system = try system(["learningRateDecay": 0.5, "annealRate": 0.01, "annealInterval": 10])
    let temperatures = [0, 1, 10, 11, 21].map(system.temperature(at:))
    #expect(temperatures == [1, 1, 1, exp(-0.1), max(exp(-0.1 - 0.2), 0.5)])
    #expect([0, 1, 11].map(system.autoencoderLearningRate(at:)) == [1e-3, 5e-4, 2.5e-4])
  }

  @Test(arguments: ["weights.", "weights_"])
  func bothNamesOfLearnedPositionsAreRead(_ name: String) throws {
    let (first, second) = (try system(["rotaryEmbedding": false]), try system(["rotaryEmbedding": false]))
    let (own, other) = (try #require(first.network("model")), try #require(second.network("model")))
    for parameter in own.module.parameters() { parameter.detached().fill(0.25) }
    let saved = try own.authorsNames.translate(own.module.hostState(), toOurs: false).map {
      (name: $0.name.replacing("image_pos_emb.weights.", with: "image_pos_emb." + name), tensor: $0.tensor)
    }
    #expect(saved.count { $0.name.hasPrefix("image_pos_emb." + name) } == 2)
    try other.loadAuthorsWeights(saved, from: "saved")
    #expect(other.module.hostState().map(\.tensor) == own.module.hostState().map(\.tensor))
    let twice =
      saved
      + saved.filter { $0.name.contains("image_pos_emb") }.map {
        (name: $0.name.replacing(name, with: name == "weights." ? "weights_" : "weights."), tensor: $0.tensor)
      }
    #expect(throws: CheckpointError.self) { try other.loadAuthorsWeights(twice, from: "saved") }
  }

  @Test func captionsKeepTheirImagesAndTokens() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeCaptioned(to: folder.url)
    let arrangement = CaptionedImages(
      image: "image", text: "text", rule: SentenceVocabulary.Rule(.words, lowercases: true), minimumCount: 1,
      longest: 3)
    let opening = DataOpening([
      Field("image", .image(channels: 1, height: 8, width: 8, range: .unit)),
      Field("text", .sequence(vocabulary: 50, longest: 3, padding: 0)),
    ])
    var artefacts = Artefacts()
    let train = try #require(try arrangement.survey(folder.url, opening, &artefacts).dataset)
    #expect(train.count == 72)
    let test = try #require(try arrangement.open(folder.url, .test, opening, artefacts).dataset)
    #expect(test.count == 8)
    #expect(train.description.notes.contains { $0.contains("36 of 72 captions have more than 3 tokens") })
    let vocabulary = try artefacts.sentenceVocabulary(CaptionedImages.artefact)
    let first = try train.example(at: 0)
    #expect(vocabulary.decode(first["text"]?.integers() ?? []) == "a red dog")
    #expect(first["image"]?.shape == [1, 8, 8])
    let batch = try train.collate([
      first, Example(["image": #require(first["image"]), "text": HostTensor([5])]),
    ])
    #expect(batch["text"]?.shape == [2, 3] && batch["text"]?.integers().suffix(2) == [0, 0])
  }

  @Test func aTableOfLabelsWithCaptionsServes() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeCaptioned(to: folder.url)
    try FileManager.default.removeItem(at: folder("captions.txt"))
    let rows = (0..<40).map { index in
      #"{"file_name":"\#(String(format: "%03d", index)).png","label":"x","caption":"thing \#(index)","split":"\#(index < 30 ? "train" : "test")"}"#
    }
    try Data(rows.joined(separator: "\n").utf8).write(to: folder("metadata.jsonl"))
    #expect(try openTaggedImages(at: folder.url).pictures.count == 30)
    let test = try openTaggedImages(at: folder.url, split: .test)
    #expect(test.pictures.count == 10 && test.pictures.first?.sentences == [["thing", "30"]])
  }

  @Test(
    arguments: [
      (["annealing": "cosine"], "openai-discrete-vae"),
      (["scorerSteps": 1, "scorerHeads": 3], "scorerHeads"),
      (["scorerSteps": 1, "model": "discrete-vae"], "scorerSteps"), (["reinmax": true], "straightThrough"),
      (["imageSize": 9], "multiple of 2"),
      (["attentionKinds": .list([])], "attentionKinds"), (["loss": "binaryCrossEntropy"], "loss"),
    ] as [([String: ConfigurationValue], String)])
  func whatCannotWorkIsRefusedByItsKey(_ changes: [String: ConfigurationValue], _ word: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try system(changes) }
    #expect(error?.description.contains(word) == true)
  }
}
