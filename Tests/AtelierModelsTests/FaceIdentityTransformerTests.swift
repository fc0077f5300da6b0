import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct FaceIdentityTransformerTests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": 32, "generatorChannels": 2, "residualBlocks": 1, "discriminatorChannels": 2,
    "discriminatorLayers": 2, "classifierLayers": 1, "recognizerChannels": 2, "featureSize": 4,
    "batchSize": 2,
    "identities": 2, "poolSize": 3, "passwordLength": 8,
  ]

  private func configuration(
    _ changes: [String: ConfigurationValue] = [:]
  ) throws -> FaceIdentityTransformer.Configuration {
    try FaceIdentityTransformer.Configuration().overlaid(with: Self.tiny.merging(changes) { _, new in new })
  }

  private func faces(_ count: Int, side: Int = 32) -> Tensor {
    RandomStream(seed: 4).uniform([count, 3, side, side]) * 2 - 1
  }

  // MARK: Networks

  @Test func theAuthorsNetworksHaveTheAuthorsParameters() throws {
    let system = try FaceIdentityTransformer(
      FaceIdentityTransformer.Configuration(), artefacts: Artefacts(), using: RandomStream(seed: 0))
    func count(_ name: String) -> Int {
      let sizes = (system.network(name)?.module.parameters() ?? []).map { $0.shape.reduce(1, *) }
      return sizes.reduce(0, +)
    }
    // PyTorch's counts of the authors' classes.
    let counts = ["generator", "discriminator", "classifier"].map(count)
    #expect(counts == [11_433_795, 11_062_528, 6_988_672])
  }

  @Test func sphereFaceHasTwentyLayersOfItsAuthorsNames() {
    let network = SphereFaceNetwork()
    let names = network.state().map(\.name)
    #expect(names.count == 20 * 3 + 2 && names.first == "conv1_1.weight" && names.last == "fc5.bias")
    #expect(names.contains("relu3_9.weight") && names.contains("conv4_3.bias"))
    network.drawWeights(seed: 1, gain: 0.5)
    #expect(network(.zeros([2, 3, 112, 96])).shape == [2, 512])
  }

  @Test(
    arguments: [
      ["norm": "instance"], ["norm": "none"], ["padding": "zero"], ["padding": "replicate"], ["leaky": true],
      ["resizeConvolution": false], ["loss": "binaryCrossEntropy"], ["loss": "wasserstein"],
      ["featureLoss": "meanSquared"], ["passwordValues": "quarter"], ["poolSize": 0],
    ] as [[String: ConfigurationValue]]) func everyFormTrains(_ changes: [String: ConfigurationValue]) throws
  {
    let system = try Trial.make(FaceIdentityTransformer.self, configuration(changes))
    for index in 0..<2 {
      let logged = try Trial.step(system, Batch(["image": faces(2), "label": Tensor([0, 1])]), index: index)
      #expect(logged.count == 27 && logged.values.allSatisfy(\.isFinite))
    }
  }

  // MARK: Passcodes

  private func transformed(
    _ system: FaceIdentityTransformer, _ faces: Tensor, _ bits: [Float]
  ) throws -> Tensor {
    var made: [Tensor] = []
    let request = Request(
      conditions: ["image": .tensor(faces), "passcode": .tensor(Tensor(bits, shape: [bits.count / 8, 8]))],
      draws: StreamDraws(RandomStream(seed: 0)))
    try system.draw(request) { if let tensor = $0.tensor { made.append(tensor) } }
    return .concatenated(made, dim: 0)
  }

  @Test func onePasscodeGivesOneFaceAndOthersGiveOthers() throws {
    let system = try Trial.make(FaceIdentityTransformer.self, configuration())
    let bits: [Float] = [1, 0, 1, 1, 0, 0, 1, 0]
    let first = try transformed(system, faces(2), bits)
    #expect(first.shape == [2, 3, 32, 32])
    #expect(try transformed(system, faces(2), bits).floats() == first.floats())
    #expect(try transformed(system, faces(2), bits.map { 1 - $0 }).floats() != first.floats())
    // Faces do not see each other, and a row a face is a passcode a face.
    #expect(try transformed(system, faces(2).slice(0, 1, 2), bits).floats() == first.slice(0, 1, 2).floats())
    #expect(try transformed(system, faces(2), bits + bits).floats() == first.floats())
    #expect(try transformed(system, faces(1, side: 37), bits).shape == [1, 3, 37, 37])
  }

  /// The shared discriminator ends in two convolutions of 4 pixels, which need maps of 3.
  @Test func imagesThatADiscriminatorCannotSeeAreRefused() throws {
    func validate(layers: Int) throws {
      try configuration(["discriminatorLayers": .integer(layers)]).validate()
    }
    try validate(layers: 2)
    let error = #expect(throws: ConfigurationError.self) { try validate(layers: 3) }
    #expect("\(error as Any)".contains("discriminatorLayers"))
  }

  @Test func passcodesOfAnotherFormAreRefused() throws {
    let system = try Trial.make(FaceIdentityTransformer.self, configuration())
    for (bits, shape) in [
      ([0, 1, 1] as [Float], [1, 3]), ([0, 1, 0, 1, 0, 1, 0, 0.5], [1, 8]),
      ([Float](repeating: 1, count: 24), [3, 8]),
    ] {
      #expect(throws: ConfigurationError.self) {
        try system.draw(
          Request(
            conditions: ["image": .tensor(faces(2)), "passcode": .tensor(Tensor(bits, shape: shape))],
            draws: StreamDraws(RandomStream(seed: 0)))
        ) { _ in }
      }
    }
    #expect(throws: ConfigurationError.self) {
      try system.draw(
        Request(conditions: ["image": .tensor(faces(1))], draws: StreamDraws(RandomStream(seed: 0)))
      ) { _ in }
    }
  }

  @Test func aPhraseIsAPasscodeAndBitsAreThemselves() throws {
    let bits = try Passcode(parsing: "0110\n", length: 4)
    #expect(bits.bits == [false, true, true, false] && bits.undoing.bits == [true, false, false, true])
    // The first digits of `printf 'passcode:correct horse' | sha256sum`.
    let phrase = try Passcode(parsing: "correct horse", length: 16)
    #expect(phrase.bits.map { $0 ? "1" : "0" }.joined() == "0111011100010100")
    for (text, word) in [("", "empty"), ("010", "the passcode has 3 bits, and this model's have 16")] {
      #expect {
        try Passcode(parsing: text, length: 16)
      } throws: { error in
        "\(error)".contains(word) && (text.isEmpty || !"\(error)".contains("'\(text)'"))
      }
    }
  }

  // MARK: Training

  private func harness(_ folder: TemporaryFolder) throws -> SystemHarness {
    let data = try TinyLayout.classFolders.write(in: folder.url)
    var tiny = Self.tiny
    tiny["identities"] = nil
    return try SystemHarness(FaceIdentityTransformer.self, tiny, data: data)
  }

  @Test func aRunRepeatsAndResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(folder)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic(steps: 2))
    #expect(try harness.resumesExactly(half: 2))
  }

  @Test func withoutWeightsAStandInIsUsedAndSaid() throws {
    let paper = try #require(FaceIdentityTransformer.Configuration.presets.first { $0.name == "paper" })
    let folder = try TemporaryFolder()
    let (chosen, remark) = FaceIdentityTransformer.adapted(
      paper.configuration, to: WeightStore(folder("weights")))
    #expect(chosen.recognizer == .standIn && remark?.contains("stands in") == true)
  }

  @Test func onePersonIsNobodyToTellApart() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("faces"), classes: ["alice"], size: 32)
    #expect {
      try DataBinding.open(
        folder("faces"), for: FaceIdentityTransformer.self, configuration: ["imageSize": 128])
    } throws: { error in
      "\(error)".contains("at least two people")
    }
  }

  @Test(
    arguments: [
      (["passwordLength": 6], "passwordLength"), (["passwordLength": 28], "passwordLength"),
      (["imageSize": 48], "imageSize is 16, doubled once"), (["classifierLayers": 5], "classifierLayers"),
      (["discriminatorLayers": 4], "discriminatorLayers"),
      (["lossWeights": .table(["feature": -1])], "lossWeights.feature"),
      (
        [
          "lossWeights": .table([
            "adversarialModified": 0, "adversarialRecovered": 0, "adversarialWrong": 0,
          ])
        ], "set lossWeights.adversarial to 0"
      ),
    ] as [([String: ConfigurationValue], String)])
  func whatCannotWorkIsRefused(_ changes: [String: ConfigurationValue], _ word: String) throws {
    #expect {
      try configuration(changes).validate()
    } throws: { error in
      "\(error)".contains(word)
    }
  }
}
