import AtelierCore
import AtelierData
import AtelierModels
import Testing
import Torch
import TorchNN

@Suite struct DCGANTests {
  @Test func theReferenceHasTheScriptsSizesAndNames() throws {
    let system = try make(DCGAN.self, DCGAN.Configuration())
    #expect(system.network("generator")?.module.parameterCount == 3_576_704)
    #expect(system.network("discriminator")?.module.parameterCount == 2_765_568)
    #expect(
      try authorsNames(system.network("generator")).filter { $0.hasSuffix("weight") } == [
        "main.0.weight", "main.1.weight", "main.3.weight", "main.4.weight", "main.6.weight", "main.7.weight",
        "main.9.weight", "main.10.weight", "main.12.weight",
      ])
    #expect(
      try authorsNames(system.network("discriminator")).filter { $0.hasSuffix("weight") } == [
        "main.0.weight", "main.2.weight", "main.3.weight", "main.5.weight", "main.6.weight", "main.8.weight",
        "main.9.weight", "main.11.weight",
      ])
  }

  @Test(arguments: [8, 16, 28, 32, 48, 128], DCGAN.Configuration.Model.allCases)
  func otherSizesHaveOtherDepths(_ size: Int, _ model: DCGAN.Configuration.Model) throws {
    var configuration = DCGAN.Configuration()
    configuration.model = model
    configuration.imageSize = size
    configuration.generatorChannels = 1
    configuration.discriminatorChannels = 1
    configuration.latentSize = 3
    let system = try make(DCGAN.self, configuration)
    let image = try #require(
      try system.network("generator")?.forward(nil, ["latent": .ones([2, 3, 1, 1])])["image"])
    #expect(image.shape == [2, 3, size, size])
    let score = try system.network("discriminator")?.forward(nil, ["image": image])["score"]
    #expect(score?.shape == [2])
  }

  @Test func sizesWithoutAStageAreRefused() {
    var configuration = DCGAN.Configuration()
    for size in [0, 4, 7, 9, 30, 36] {
      configuration.imageSize = size
      #expect(refusal(configuration).contains("imageSize"), "\(size)")
    }
  }

  @Test func weightsStartAsThePaperSays() throws {
    let system = try make(DCGAN.self, DCGAN.Configuration())
    let state = try #require(system.network("generator")?.module.state())
    let kernel = try #require(state.first { $0.name == "main.3.weight" }?.tensor)
    let scale = try #require(state.first { $0.name == "main.1.weight" }?.tensor)
    #expect(abs(kernel.detached().square().mean().item().squareRoot() - 0.02) < 2e-4)
    #expect(abs(scale.detached().mean().item() - 1) < 4e-3)
    #expect(abs((scale.detached() - 1).square().mean().item().squareRoot() - 0.02) < 2e-3)
  }

  @Test func theAuthorsCodeTrainsOneNetworkABatch() throws {
    var configuration = try preset(DCGAN.self, "faces")
    configuration.imageSize = 8
    configuration.generatorChannels = 2
    configuration.discriminatorChannels = 2
    configuration.batchSize = 4
    let logged = try train(make(DCGAN.self, configuration), steps: 0..<4)
    #expect(logged.map { $0["generator"] != nil } == [true, false, true, false])
    #expect(logged.map { $0["discriminator"] != nil } == [false, true, false, true])
  }

  @Test func aGenerationTakesFlatLatents() throws {
    var configuration = try preset(DCGAN.self, "small")
    configuration.generatorChannels = 2
    configuration.discriminatorChannels = 2
    let system = try make(DCGAN.self, configuration)
    let images = try pictures(system, Request(count: 3, draws: StreamDraws(RandomStream(seed: 2))))
    #expect(images.shape == [3, 1, 28, 28])
    #expect(images.abs().max().item() <= 1)
  }
}

@Suite struct UpsamplingGANTests {
  @Test func lsganHasTheScriptsNames() throws {
    let system = try make(LSGAN.self, LSGAN.Configuration())
    #expect(
      try authorsNames(system.network("generator")).filter { $0.hasSuffix("weight") } == [
        "l1.0.weight", "conv_blocks.1.weight", "conv_blocks.2.weight", "conv_blocks.5.weight",
        "conv_blocks.6.weight", "conv_blocks.8.weight",
      ])
    #expect(
      try authorsNames(system.network("discriminator")).filter { $0.hasSuffix("weight") } == [
        "model.0.weight", "model.3.weight", "model.6.weight", "model.7.weight", "model.10.weight",
        "model.11.weight", "model.14.weight", "adv_layer.weight",
      ])
  }

  @Test func acganHasTheScriptsNames() throws {
    let system = try make(ACGAN.self, ACGAN.Configuration())
    #expect(
      try authorsNames(system.network("generator")).filter { $0.hasSuffix("weight") } == [
        "label_emb.weight", "l1.0.weight", "conv_blocks.0.weight", "conv_blocks.2.weight",
        "conv_blocks.3.weight", "conv_blocks.6.weight", "conv_blocks.7.weight", "conv_blocks.9.weight",
      ])
    #expect(
      try authorsNames(system.network("discriminator")).suffix(4) == [
        "adv_layer.0.weight", "adv_layer.0.bias", "aux_layer.0.weight", "aux_layer.0.bias",
      ])
  }

  @Test(arguments: [(28, [6, 5]), (32, [6, 5]), (24, [4, 3, 2]), (16, [4])])
  func listsOfWidthsDecideTheDepth(_ size: Int, _ widths: [Int]) throws {
    var configuration = LSGAN.Configuration()
    configuration.imageSize = size
    configuration.imageChannels = 3
    configuration.generatorHidden = widths
    configuration.discriminatorHidden = [2, 3, 4]
    configuration.dropout = 0
    let system = try make(LSGAN.self, configuration)
    let latent = Tensor.ones([2, configuration.latentSize])
    let image = try #require(try system.network("generator")?.forward(nil, ["latent": latent])["image"])
    #expect(image.shape == [2, 3, size, size])
    #expect(try system.network("discriminator")?.forward(nil, ["image": image])["score"]?.shape == [2, 1])
  }

  @Test func sizesThatCannotBeDoubledToAreRefused() {
    var configuration = ACGAN.Configuration()
    configuration.imageSize = 30
    #expect(refusal(configuration).contains("multiple of 4"))
  }

  @Test func acganRewardsTheRightClass() throws {
    var configuration = try preset(ACGAN.self, "small")
    configuration.imageSize = 8
    configuration.generatorHidden = [4, 4]
    configuration.discriminatorHidden = [4, 4]
    configuration.classes = 3
    configuration.batchSize = 8
    let logged = try train(make(ACGAN.self, configuration), steps: 0..<2)
    #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(Set(logged[0].keys) == ["generator", "discriminator", "discriminatorAccuracy", "classAccuracy"])
  }
}

@Suite struct ConvolutionalConditionalGANTests {
  private func tiny() throws -> ConditionalGAN.Configuration {
    var configuration = try preset(ConditionalGAN.self, "fashion")
    configuration.imageSize = 8
    configuration.generatorHidden = [8, 4]
    configuration.discriminatorHidden = [4, 8]
    configuration.latentSize = 4
    configuration.classes = 3
    configuration.batchSize = 6
    return configuration
  }

  @Test(
    arguments: ConditionalGAN.Configuration.GeneratorLabel.allCases,
    ConditionalGAN.Configuration.DiscriminatorLabel.allCases)
  func everyWayOfTellingTheClassTrains(
    _ generatorLabel: ConditionalGAN.Configuration.GeneratorLabel,
    _ discriminatorLabel: ConditionalGAN.Configuration.DiscriminatorLabel
  ) throws {
    var configuration = try tiny()
    configuration.generatorLabel = generatorLabel
    configuration.discriminatorLabel = discriminatorLabel
    let system = try make(ConditionalGAN.self, configuration)
    let logged = try train(system, steps: 0..<2)
    #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(Set(logged[0].keys) == ["generator", "discriminator", "discriminatorAccuracy"])
  }

  @Test func severalDiscriminatorStepsPullSeveralBatches() throws {
    var configuration = try tiny()
    configuration.discriminatorSteps = 3
    let system = try make(ConditionalGAN.self, configuration)
    let source = NoiseSource(configuration.plan.fields, batchSize: 6)
    let step = TrainingStep(index: 0, draws: StreamDraws(RandomStream(seed: 1)), source: source)
    try step.run { try system.step($0) }
    #expect(source.served == 3)
    #expect(step.logged.filter { $0.name == "discriminator" }.count == 3)
    #expect(step.logged.filter { $0.name == "generator" }.count == 1)
  }

  @Test func learningRatesFallInAStraightLine() throws {
    var configuration = try tiny()
    configuration.decaySteps = 100
    configuration.learningRate = 1e-3
    configuration.discriminatorLearningRate = 4e-3
    configuration.minimumLearningRate = 0
    let system = try make(ConditionalGAN.self, configuration)
    for (index, factor) in [(0, 1.0), (25, 0.75), (99, 0.01), (300, 0)] {
      try train(system, steps: index..<(index + 1))
      let rates = system.optimizers.map(\.optimizer.learningRate)
      #expect(abs(rates[0] - 1e-3 * factor) < 1e-12 && abs(rates[1] - 4e-3 * factor) < 1e-12)
    }
  }

  @Test func generationUsesTheAverage() throws {
    var configuration = try tiny()
    configuration.averageDecay = 0.999
    let system = try make(ConditionalGAN.self, configuration)
    func draw() throws -> [Float] {
      try pictures(
        system,
        Request(
          count: 3, conditions: ["label": .labels([0, 1, 2])], draws: StreamDraws(RandomStream(seed: 2)))
      ).floats()
    }
    let weights = try #require(system.network("generator")?.module.parameters().first)
    let before = try draw()
    withoutGradients { weights.fill(0) }
    #expect(try draw() == before)
    #expect(weights.abs().max().item() == 0)
  }

  @Test func classesThatDoNotExistAreNamed() throws {
    let system = try make(ConditionalGAN.self, tiny())
    #expect {
      try pictures(
        system, Request(conditions: ["label": .labels([3])], draws: StreamDraws(RandomStream(seed: 2))))
    } throws: {
      "\($0)".contains("no class 3")
    }
  }

  @Test func theDiscriminatorLearnsAFixedBatch() throws {
    var configuration = try tiny()
    configuration.generatorLearningRate = 1e-12
    configuration.discriminatorLearningRate = 1e-2
    configuration.minimumLearningRate = 0
    let system = try make(ConditionalGAN.self, configuration)
    let fields = configuration.plan.fields
    let losses = try (0..<60).map { index in
      let step = TrainingStep(
        index: index, draws: StreamDraws(RandomStream(seed: 4)),
        source: NoiseSource(fields, batchSize: 6, seed: 9))
      try step.run { try system.step($0) }
      return step.logged.last { $0.name == "discriminator" }?.value.item() ?? .nan
    }
    #expect(losses[0] > 1.5 && (losses.last ?? .nan) < 0.3)
  }
}

@Suite struct AdversarialSystemTests {
  /// Every preset, shrunk so far that a step takes milliseconds.
  private func shrunk<System: GenerativeSystem>(_ type: System.Type) throws -> [System.Configuration] {
    try System.Configuration.presets.map { preset in
      var changes: [String: ConfigurationValue] = ["imageSize": .integer(8), "batchSize": .integer(4)]
      let keys = Set(preset.configuration.keys)
      for (key, value) in ["latentSize": 5, "generatorChannels": 2, "discriminatorChannels": 2, "classes": 3]
      where keys.contains(key) { changes[key] = .integer(value) }
      for key in ["generatorHidden", "discriminatorHidden"] {
        if case .list(let widths)? = try preset.configuration.values()[key] {
          changes[key] = .list(widths.prefix(3).map { _ in .integer(6) })
        }
      }
      return try preset.configuration.overlaid(with: changes)
    }
  }

  private func check<System: LatentSystem>(_ type: System.Type) throws {
    for configuration in try shrunk(type) {
      let systems = try [1, 1, 2].map { try make(type, configuration, seed: $0) }
      let logged = try systems.map { try train($0, steps: 0..<3) }
      #expect(logged[0] == logged[1])
      #expect(logged[0] != logged[2])
      #expect(logged[0].allSatisfy { $0.values.allSatisfy(\.isFinite) })
      let states = systems.map { system in system.networks.map { $0.module.hostState().map(\.tensor) } }
      #expect(states[0] == states[1])
      // Single parameters may stand still: a bias before a batch norm, the last bias of a critic.
      for (trained, fresh) in zip(systems[0].networks, try make(type, configuration, seed: 1).networks) {
        let pairs = zip(trained.module.parameters(), fresh.module.parameters())
        #expect(pairs.contains { $0.floats() != $1.floats() }, "\(type.identity.name) \(trained.name)")
      }
      let images = try pictures(
        systems[0], Request(count: 2, draws: StreamDraws(RandomStream(seed: 3))))
      #expect(images.shape[0] == 2 && images.abs().max().item() <= 1)
    }
  }

  @Test func everyPresetTrainsDeterministically() throws {
    try check(GAN.self)
    try check(ConditionalGAN.self)
    try check(DCGAN.self)
    try check(LSGAN.self)
    try check(WGANGP.self)
    try check(ACGAN.self)
  }

  @Test func everyPresetIsValidAndOneIsSmall() throws {
    func presets<System: GenerativeSystem>(_ type: System.Type) -> [(String, String)] {
      System.Configuration.presets.map { ($0.name, refusal($0.configuration)) }
    }
    for system in [GAN.self, ConditionalGAN.self, DCGAN.self, LSGAN.self, WGANGP.self, ACGAN.self]
      as [any GenerativeSystem.Type]
    {
      let presets = presets(system)
      #expect(presets.allSatisfy { $0.1.isEmpty }, "\(system.identity.name): \(presets)")
      #expect(presets.map(\.0).contains("small"))
    }
  }
}
