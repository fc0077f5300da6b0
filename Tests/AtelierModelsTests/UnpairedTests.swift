import AtelierCore
import AtelierModels
import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

/// A picture of noise in -1 … 1.
private func noise(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
  RandomStream(seed: seed).uniform(shape) * 2 - 1
}

private func parameters(_ system: any GenerativeSystem, _ network: String) -> Int? {
  system.network(network)?.module.parameterCount
}

private func weightNames(_ system: any GenerativeSystem, _ network: String) throws -> Set<String> {
  Set(try authorsNames(system.network(network)))
}

@Suite struct UNITTests {
  private static func tiny(_ name: String = "small") throws -> UNIT.Configuration {
    var configuration = try preset(UNIT.self, name)
    configuration.imageSize = 16
    configuration.width = 2
    configuration.blocks = 1
    configuration.discriminatorWidth = 2
    return configuration
  }

  @Test func theReferenceHasTheAuthorsSizes() throws {
    let system = try make(UNIT.self, UNIT.Configuration())
    #expect(parameters(system, "generatorA") == 11_140_483)
    #expect(parameters(system, "discriminatorB") == 8_271_171)
  }

  @Test func thePapersModelSharesWhatLiesAroundTheCode() throws {
    let system = try make(UNIT.self, try Self.tiny("small-sharing"))
    #expect(system.networks.map(\.name) == ["generator", "discriminator"])
    let names = try weightNames(system, "generator")
    #expect(
      names.isSuperset(of: [
        "encode_A.0.model.0.weight", "encode_B.0.model.0.weight", "enc_shared.0.model.3.weight",
        "dec_shared.0.model.0.bias", "decode_A.1.model.0.weight", "decode_B.3.weight",
      ]))
    #expect(
      try weightNames(system, "discriminator").isSuperset(of: [
        "model_A.0.model.0.weight", "model_B.1.model.0.weight", "model_S.0.model.0.weight", "model_S.3.bias",
      ]))
  }

  @Test func aTranslationIsTheSameEachTime() throws {
    for name in ["small", "small-sharing"] {
      let system = try make(UNIT.self, try Self.tiny(name))
      let source = noise([1, 3, 16, 16])
      var outputs: [[Float]] = []
      for seed in [1, 2] as [UInt64] {
        let request = Request(
          conditions: ["B": .tensor(source)], draws: StreamDraws(RandomStream(seed: seed)))
        try system.draw(request) {
          if let images = $0.tensor { outputs.append(images.contiguous().floats()) }
        }
      }
      #expect(outputs.count == 2 && outputs[0] == outputs[1] && outputs[0].count == 3 * 16 * 16)
    }
  }

  @Test func whatCannotWorkIsRefused() throws {
    var configuration = UNIT.Configuration()
    configuration.imageSize = 30
    #expect(refusal(configuration).contains("multiple of 4"))
    configuration = UNIT.Configuration()
    configuration.model = .weightSharing
    #expect(refusal(configuration).contains("sharedLayers"))
    configuration.sharedLayers = 1
    #expect(refusal(configuration).contains("scales"))
    configuration = UNIT.Configuration()
    configuration.weights.kl = -1
    #expect(refusal(configuration).contains("weights.kl"))
    configuration = UNIT.Configuration()
    configuration.imageSize = 16
    #expect(refusal(configuration).contains("scales"))
  }

  @Test func perceptualTermsAreAddedInBothModels() throws {
    for name in ["small", "small-sharing"] {
      var configuration = try Self.tiny(name)
      configuration.weights.perceptual = 3
      let system = try make(UNIT.self, configuration)
      try system.fillFrozenNetworks(from: .drawn(seed: 3))
      let batch = ["A": noise([1, 3, 16, 16]), "B": noise([1, 3, 16, 16], seed: 2)]
      let loss = try #require(try DomainInvariantLoss(weight: 1))
      loss.vgg.drawWeights(seed: 3)
      let side = 16 >> configuration.downsamplings
      // Without noise a translation in training is one of generation.
      let noise = Tensor.zeros([6, 1, configuration.width << configuration.downsamplings, side, side])
      let draws = RecordedDraws(["noise": noise])
      let made = try withoutGradients {
        try system.translate(
          batch.required("A"), direction: system.direction(named: "A-to-B"), draws: draws)
      }
      let wanted = try withoutGradients { loss(made, try batch.required("A")).item() }
      let step = TrainingStep(index: 0, draws: draws, source: OneBatch(batch))
      try step.run(system.step)
      let logged = Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { _, last in last }
      #expect(abs((logged["perceptualB"] ?? .nan) - wanted) < 1e-5)
      #expect((logged["perceptualA"] ?? 0) > 0)
    }
  }

  @Test func theLearningRateFallsInSteps() throws {
    var configuration = try Self.tiny()
    configuration.decaySteps = 2
    let system = try make(UNIT.self, configuration)
    for (index, factor) in [(0, 1.0), (1, 1), (2, 0.5), (5, 0.25)] {
      let draws = StreamDraws(RandomStream(seed: 1))
      let source = OneBatch(["A": noise([1, 3, 16, 16]), "B": noise([1, 3, 16, 16], seed: 2)])
      try TrainingStep(index: index, draws: draws, source: source).run(system.step)
      #expect(
        system.optimizers.allSatisfy { $0.optimizer.learningRate == configuration.learningRate * factor })
    }
  }
}

@Suite struct MUNITTests {
  private static func tiny() throws -> MUNIT.Configuration {
    var configuration = try preset(MUNIT.self, "small")
    configuration.imageSize = 16
    configuration.width = 2
    configuration.blocks = 1
    configuration.mlpWidth = 4
    configuration.discriminatorWidth = 2
    return configuration
  }

  @Test func theReferenceHasTheAuthorsSizes() throws {
    let system = try make(MUNIT.self, MUNIT.Configuration())
    #expect(parameters(system, "generatorA") == 15_026_187)
    #expect(parameters(system, "discriminatorA") == 8_271_171)
    let last = try #require(
      system.network("generatorB")?.module.state().first { $0.name == "mlp.model.2.fc.weight" }?.tensor)
    #expect(last.shape == [4096, 256])
  }

  @Test func spectralNormHasTheAuthorsOwnNames() throws {
    var configuration = try Self.tiny()
    configuration.discriminatorNorm = .spectral
    let system = try make(MUNIT.self, configuration)
    let names = try weightNames(system, "discriminatorA")
    #expect(names.contains("cnns.0.0.conv.weight"))
    #expect(
      names.isSuperset(
        of: ["weight_bar", "weight_u", "weight_v", "bias"].map { "cnns.1.1.conv.module.\($0)" }))
    let network = try #require(system.network("discriminatorA"))
    let theirs = try network.authorsNames.translate(network.module.hostState(), toOurs: false)
    let back = try network.authorsNames.translate(theirs, toOurs: true)
    #expect(Set(back.map(\.name)) == Set(network.module.state().map(\.name)))
  }

  /// What a request gives, output after output.
  private func outputs(_ system: MUNIT, _ request: Request) throws -> [[Float]] {
    var outputs: [[Float]] = []
    try system.draw(request) {
      if let images = $0.tensor { outputs.append(images.contiguous().floats()) }
    }
    return outputs
  }

  @Test func onePictureHasManyStyles() throws {
    let system = try make(MUNIT.self, try Self.tiny())
    let source = noise([2, 3, 16, 16])
    func draws() -> StreamDraws { StreamDraws(RandomStream(seed: 4)) }
    let drawn = try outputs(
      system,
      Request(
        conditions: ["A": .tensor(source)], sampling: TranslationSampling(variations: 3), draws: draws()))
    #expect(drawn.count == 6 && Set(drawn).count == 6)
    let styles = noise([2, 3, 16, 16], seed: 9)
    let styled = try outputs(
      system, Request(conditions: ["A": .tensor(source), "style": .tensor(styles)], draws: draws()))
    #expect(styled.count == 4 && Set(styled).count == 4)
    let back = try outputs(
      system,
      Request(
        conditions: ["B": .tensor(source.slice(0, 0, 1)), "style": .tensor(styles)], draws: draws()))
    #expect(back.count == 2 && back[0] != styled[0])
  }

  @Test func aPicturesOwnStyleGivesItsReconstruction() throws {
    let system = try make(MUNIT.self, try Self.tiny())
    let picture = noise([1, 3, 16, 16])
    let network = try #require(system.network("generatorB"))
    network.module.eval()
    let first = try network.forward(nil, ["image": picture, "style": .zeros([1, 8])])
    let again = try network.forward(
      nil, ["image": picture, "style": try first.required("style").flattened(from: 1)])
    let difference = try (again.required("image") - first.required("reconstruction")).abs().max().item()
    #expect(difference < 1e-6)
  }

  @Test func theCycleIsLeftOutWithoutWeight() throws {
    var configuration = try Self.tiny()
    let source = ["A": noise([1, 3, 16, 16]), "B": noise([1, 3, 16, 16], seed: 2)]
    for weight in [0.0, 10] {
      configuration.weights.cycle = weight
      let step = TrainingStep(
        index: 0, draws: StreamDraws(RandomStream(seed: 1)), source: OneBatch(source))
      try step.run(make(MUNIT.self, configuration).step)
      #expect(step.logged.contains { $0.name == "cycleA" } == (weight > 0))
      #expect(step.logged.allSatisfy { $0.value.isFinite() })
    }
  }

  /// Pixel i of a row-major picture is ((a · i + b) mod m) / (m - 1) · 2 - 1.
  private func pattern(_ shape: [Int], _ a: Int, _ b: Int, modulo m: Int) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor((0..<count).map { Float((a * $0 + b) % m) / Float(m - 1) * 2 - 1 }, shape: shape)
  }

  @Test func thePerceptualLossIsTheAuthors() throws {
    // PyTorch 2.13 with the authors' stack of layers, preparation and norm, and weights drawn by the same rule.
    let loss = try #require(try DomainInvariantLoss(weight: 1))
    loss.vgg.drawWeights(seed: 5)
    let made = pattern([1, 3, 16, 24], 7, 3, modulo: 31)
    made.requiresGradient = true
    let value = loss(made, pattern([1, 3, 16, 24], 5, 1, modulo: 23))
    #expect(abs(value.item() - 0.168_568_83) < 1e-5)
    let gradient = gradients(of: value, withRespectTo: [made])[0].contiguous().floats()
    #expect(abs(gradient.reduce(0) { $0 + abs($1) } - 1.785_671) < 1e-4)
    let expected: [Float] = [-0.000_673_465, -0.001_003_339, 0.000_562_390, -0.000_405_852]
    #expect(zip(gradient, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(try DomainInvariantLoss(weight: 0) == nil)
  }

  @Test func perceptualTermsCompareWithThePictureATranslationWasMadeFrom() throws {
    var configuration = try Self.tiny()
    configuration.weights.perceptual = 2
    configuration.channelsB = 1
    let system = try make(MUNIT.self, configuration)
    #expect(system.trainedNetworks.count == 4 && system.networks.last?.name == "vgg16")
    try system.fillFrozenNetworks(from: .drawn(seed: 3))
    let (realA, realB) = (noise([1, 3, 16, 16]), noise([1, 1, 16, 16], seed: 2))
    let styles = RandomStream(seed: 6).normal([4, 1, 8])
    let loss = try #require(try DomainInvariantLoss(weight: 1))
    loss.vgg.drawWeights(seed: 3)
    // The generators' update has the last two styles, for A and for B.
    func expected(_ picture: Tensor, _ direction: String, style: Int) throws -> Double {
      try withoutGradients {
        let made = try system.translate(
          picture, direction: system.direction(named: direction), code: styles.selected(dim: 0, index: style))
        return loss(made, picture).item()
      }
    }
    let (wantedA, wantedB) = (
      try expected(realB, "B-to-A", style: 2), try expected(realA, "A-to-B", style: 3)
    )
    let step = TrainingStep(
      index: 0, draws: RecordedDraws(["style": styles]), source: OneBatch(["A": realA, "B": realB]))
    try step.run(system.step)
    let logged = Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { _, last in last }
    #expect(abs((logged["perceptualA"] ?? .nan) - wantedA) < 1e-5)
    #expect(abs((logged["perceptualB"] ?? .nan) - wantedB) < 1e-5)
    let parts = [
      ("adversarial", 1.0), ("reconstruction", 10), ("style", 1), ("content", 1), ("perceptual", 2),
    ]
    let sum = parts.reduce(0) { $0 + $1.1 * ((logged[$1.0 + "A"] ?? .nan) + (logged[$1.0 + "B"] ?? .nan)) }
    #expect(abs(sum - (logged["generator"] ?? .nan)) < 1e-4)
  }

  @Test func whatCannotWorkIsRefused() {
    var configuration = MUNIT.Configuration()
    configuration.weights.perceptual = 1
    configuration.channelsB = 4
    #expect(refusal(configuration).contains("weights.perceptual"))
    configuration = MUNIT.Configuration()
    configuration.styleDownsamplings = 1
    #expect(refusal(configuration).contains("styleDownsamplings"))
    configuration = MUNIT.Configuration()
    configuration.mlpLayers = 1
    #expect(refusal(configuration).contains("mlpLayers"))
    configuration = MUNIT.Configuration()
    configuration.loadSize = 200
    #expect(refusal(configuration).contains("loadSize"))
  }
}

@Suite struct FUNITTests {
  private static func tiny() throws -> FUNIT.Configuration {
    var configuration = try preset(FUNIT.self, "small")
    configuration.imageSize = 16
    configuration.width = 2
    configuration.blocks = 1
    configuration.mlpWidth = 4
    configuration.styleLength = 3
    configuration.discriminatorWidth = 2
    configuration.discriminatorBlocks = 4
    configuration.classes = 3
    configuration.batchSize = 2
    return configuration
  }

  @Test func theReferenceHasTheAuthorsSizes() throws {
    let system = try make(FUNIT.self, FUNIT.Configuration())
    #expect(parameters(system, "generator") == 29_866_435)
    #expect(parameters(system, "discriminator") == 54_252_599)
    let last = try #require(
      system.network("generator")?.module.state().first { $0.name == "mlp.model.2.fc.weight" }?.tensor)
    #expect(last.shape == [4096, 256])
  }

  @Test func namesAreTheAuthors() throws {
    let system = try make(FUNIT.self, try Self.tiny())
    #expect(
      try weightNames(system, "generator").isSuperset(of: [
        "enc_class_model.model.5.weight", "enc_content.model.3.model.0.model.1.conv.bias",
        "mlp.model.0.fc.bias",
        "dec.model.0.model.0.model.0.norm.running_mean", "dec.model.5.conv.weight",
      ]))
    #expect(
      try weightNames(system, "discriminator").isSuperset(of: [
        "cnn_f.0.conv.weight", "cnn_f.1.conv_0.conv.weight", "cnn_f.2.conv_s.conv.weight",
        "cnn_f.5.conv_1.conv.bias", "cnn_c.0.conv.weight",
      ]))
    #expect(try !weightNames(system, "discriminator").contains("cnn_f.2.conv_s.conv.bias"))
  }

  @Test func theClassIsTheMeanOfItsShots() throws {
    let system = try make(FUNIT.self, try Self.tiny())
    let direction = try system.direction(named: nil)
    let content = noise([1, 3, 16, 16])
    let shots = noise([3, 3, 16, 16], seed: 5)
    let draws = StreamDraws(RandomStream(seed: 1))
    func made(_ style: Tensor) throws -> [Float] {
      try system.translate(content, direction: direction, style: .pictures(style), draws: draws)
        .contiguous().floats()
    }
    let all = try made(shots)
    let order = try made(shots.flipped([0]))
    #expect(zip(all, order).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(try made(shots.slice(0, 0, 1)) != all)
    // The same picture three times is that picture once.
    let once = try made(shots.slice(0, 0, 1))
    let thrice = try made(
      .concatenated([shots.slice(0, 0, 1), shots.slice(0, 0, 1), shots.slice(0, 0, 1)], dim: 0))
    #expect(zip(once, thrice).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func aClassThatNobodyShowsIsRefused() throws {
    let system = try make(FUNIT.self, try Self.tiny())
    let request = Request(
      conditions: ["content": .tensor(noise([1, 3, 16, 16]))], draws: StreamDraws(RandomStream(seed: 1)))
    #expect {
      try system.draw(request) { _ in }
    } throws: { "\($0)".contains("'style'") }
  }

  @Test func theAverageFollowsTheGeneratorAndDraws() throws {
    var configuration = try Self.tiny()
    configuration.averageDecay = 1
    configuration.learningRate = 0.01
    let system = try make(FUNIT.self, configuration)
    let direction = try system.direction(named: nil)
    let (content, shots) = (noise([1, 3, 16, 16]), noise([1, 3, 16, 16], seed: 5))
    func made() throws -> [Float] {
      try system.drawing {
        try system.translate(
          content, direction: direction, style: .pictures(shots), draws: StreamDraws(RandomStream(seed: 1))
        )
        .contiguous().floats()
      }
    }
    let before = try made()
    let batch = [
      "content": noise([2, 3, 16, 16]), "contentLabel": Tensor([0, 1]),
      "classImage": noise([2, 3, 16, 16], seed: 3), "classLabel": Tensor([2, 0]),
    ]
    let step = TrainingStep(index: 0, draws: StreamDraws(RandomStream(seed: 1)), source: OneBatch(batch))
    try step.run(system.step)
    // An average that keeps everything is still the first generator.
    #expect(try made() == before)
    #expect(
      Set(step.logged.map(\.name)) == [
        "discriminator", "discriminatorReal", "discriminatorFake", "gradientPenalty", "generator",
        "adversarial", "reconstruction", "content", "style",
      ])
  }

  @Test func whatCannotWorkIsRefused() {
    var configuration = FUNIT.Configuration()
    configuration.discriminatorBlocks = 5
    #expect(refusal(configuration).contains("even"))
    configuration = FUNIT.Configuration()
    configuration.heldOutClasses = ["cat", "cat"]
    #expect(refusal(configuration).contains("heldOutClasses"))
    configuration = FUNIT.Configuration()
    configuration.classDownsamplings = 9
    #expect(refusal(configuration).contains("classDownsamplings"))
  }
}

@Suite struct UnpairedImportTests {
  /// The weights of some networks, under the authors' names behind the keys of their files.
  private func file(
    _ system: any GenerativeSystem, _ networks: KeyValuePairs<String, String>
  ) throws -> ForeignWeights {
    let tensors = try networks.flatMap { key, name in
      let network = try #require(system.network(name))
      return try network.authorsNames.translate(network.module.hostState(), toOurs: false)
        .map { (name: "\(key).\($0.name)", tensor: $0.tensor) }
    }
    return ForeignWeights(url: URL(fileURLWithPath: "/gen.pt"), tensors: tensors)
  }

  @Test func bothDomainsOfMunitAreRecognised() throws {
    var configuration = try preset(MUNIT.self, "small")
    configuration.imageSize = 32
    (configuration.width, configuration.blocks, configuration.styleLength) = (2, 1, 3)
    (configuration.channelsB, configuration.mlpWidth, configuration.mlpLayers) = (1, 5, 4)
    (configuration.discriminatorWidth, configuration.discriminatorNorm) = (3, .spectral)
    let system = try make(MUNIT.self, configuration)
    let files = [
      try file(system, ["a": "generatorA", "b": "generatorB"]),
      try file(system, ["a": "discriminatorA", "b": "discriminatorB"]),
    ]
    let (imported, untouched) = try MUNIT.importing(files, using: RandomStream(seed: 9))
    #expect(untouched.isEmpty)
    for key in [
      \MUNIT.Configuration.width, \.blocks, \.downsamplings, \.styleLength, \.mlpWidth, \.mlpLayers,
    ] {
      #expect(imported.configuration[keyPath: key] == configuration[keyPath: key])
    }
    #expect(imported.configuration.channelsB == 1 && imported.configuration.discriminatorNorm == .spectral)
    #expect(imported.configuration.scales == 2 && imported.configuration.layers == 3)
    for (one, other) in zip(system.networks, imported.networks) {
      #expect(one.module.hostState().map(\.tensor) == other.module.hostState().map(\.tensor))
    }
  }

  @Test func funitTakesTheAveragedGenerator() throws {
    var configuration = try preset(FUNIT.self, "small")
    (configuration.imageSize, configuration.width, configuration.blocks) = (32, 2, 1)
    (configuration.discriminatorWidth, configuration.discriminatorBlocks, configuration.classes) = (2, 4, 3)
    let first = try make(FUNIT.self, configuration)
    let second = try make(FUNIT.self, configuration, seed: 2)
    let files = [
      try file(first, ["gen": "generator"]), try file(second, ["gen_test": "generator"]),
      try file(first, ["dis": "discriminator"]),
    ]
    let imported = try FUNIT.importing(files, using: RandomStream(seed: 9)).system
    #expect(imported.configuration.discriminatorBlocks == 4 && imported.configuration.classes == 3)
    let wanted = second.networks[0].module.hostState().map(\.tensor)
    #expect(imported.networks[0].module.hostState().map(\.tensor) == wanted)
    #expect(imported.averages[0].average.state().map(\.tensor) == wanted)
  }

  @Test func aTensorThatNoNetworkReadsIsRefused() throws {
    var configuration = try preset(UNIT.self, "small")
    (configuration.imageSize, configuration.width, configuration.blocks) = (32, 2, 1)
    let whole = try file(make(UNIT.self, configuration), ["a": "generatorA", "b": "generatorB"])
    let more = ForeignWeights(
      url: whole.url, tensors: whole.tensors + [("c.enc.model.0.conv.weight", HostTensor([Float(1)]))])
    #expect {
      try UNIT.importing([more], using: RandomStream(seed: 0))
    } throws: {
      "\($0)".contains("'c.enc.model.0.conv.weight', which belongs to no network")
    }
  }

  @Test func filesOfTwoModelsAreRefused() throws {
    var configuration = try preset(UNIT.self, "small")
    (configuration.imageSize, configuration.width, configuration.blocks) = (32, 2, 1)
    let one = try file(make(UNIT.self, configuration), ["a": "generatorA"])
    configuration.width = 3
    let other = try file(make(UNIT.self, configuration), ["b": "generatorB"])
    #expect { try UNIT.recognise([one, other]) } throws: { "\($0)".contains("they are not of one model") }
  }

  @Test func otherFilesAreRefused() throws {
    let file = ForeignWeights(
      url: URL(fileURLWithPath: "/other.pt"), tensors: [("weight", HostTensor([Float(1)]))])
    #expect { try UNIT.recognise([file]) } throws: { "\($0)".contains("gen_*.pt") }
    #expect { try FUNIT.recognise([file]) } throws: { "\($0)".contains("gen_test") }
  }
}

/// Serves one batch again and again.
private final class OneBatch: BatchSource {
  private let batch: Batch

  init(_ tensors: [String: Tensor]) { batch = Batch(tensors) }

  func next() -> Batch { batch }
}
