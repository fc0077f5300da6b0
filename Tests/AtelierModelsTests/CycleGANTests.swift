import AtelierCore
import AtelierData
import AtelierModels
import Testing
import Torch
import TorchNN

private func tiny() -> CycleGAN.Configuration {
  var configuration = CycleGAN.Configuration()
  configuration.imageSize = 16
  configuration.width = 2
  configuration.blocks = 1
  configuration.discriminatorWidth = 2
  configuration.layers = 1
  return configuration
}

@Suite struct CycleGANTests {
  @Test func theNetworksHaveTheAuthorsSizes() throws {
    let system = try make(CycleGAN.self, CycleGAN.Configuration())
    #expect(
      system.networks.map(\.module.parameterCount) == [11_378_179, 11_378_179, 2_764_737, 2_764_737])
    #expect(
      system.networks.map(\.name) == ["generatorAB", "generatorBA", "discriminatorA", "discriminatorB"])
    let six = try make(CycleGAN.self, preset(CycleGAN.self, "paper-128"))
    #expect(six.network("generatorAB")?.module.parameterCount == 7_837_699)
  }

  @Test func theResNetHasTheAuthorsNames() throws {
    let names = try authorsNames(make(CycleGAN.self, tiny()).network("generatorAB"))
    #expect(
      names.filter { $0.hasSuffix("weight") } == [
        "model.1.weight", "model.4.weight", "model.7.weight", "model.10.conv_block.1.weight",
        "model.10.conv_block.5.weight", "model.11.weight", "model.14.weight", "model.18.weight",
      ])
  }

  @Test func aResizingGeneratorHasNoTransposedConvolution() throws {
    var configuration = tiny()
    configuration.upsampling = .resized
    let generator = try #require(make(CycleGAN.self, configuration).network("generatorAB"))
    #expect(!generator.module.allModules().contains { $0 is ConvTranspose2d })
    let picture = try generator.forward(nil, ["image": .zeros([1, 3, 16, 16])]).required("image")
    #expect(picture.shape == [1, 3, 16, 16])
  }

  @Test func bothDirectionsAreKnownByName() throws {
    var configuration = tiny()
    configuration.weights.identity = 0
    configuration.outputChannels = 1
    let system = try make(CycleGAN.self, configuration)
    let draws = StreamDraws(RandomStream(seed: 1))
    func shape(_ name: String, _ channels: Int) throws -> [Int] {
      let direction = try system.direction(named: name)
      return try system.translate(.zeros([1, channels, 16, 16]), direction: direction, draws: draws).shape
    }
    #expect(try shape("A-to-B", 3) == [1, 1, 16, 16])
    #expect(try shape("B-to-A", 1) == [1, 3, 16, 16])
    #expect { try system.direction(named: "C") } throws: { "\($0)".contains("A-to-B, B-to-A") }
  }

  @Test func everyTermIsLogged() throws {
    let logged = try train(make(CycleGAN.self, tiny()), steps: 0..<2)
    #expect(
      Set(logged[0].keys) == [
        "adversarialAB", "adversarialBA", "cycleA", "cycleB", "identityA", "identityB", "generator",
        "discriminatorA", "discriminatorB", "discriminator",
      ])
    let parts = ["adversarialAB", "adversarialBA", "cycleA", "cycleB", "identityA", "identityB"]
    let sum = parts.reduce(0) { $0 + (logged[1][$1] ?? .nan) }
    #expect(abs(sum - (logged[1]["generator"] ?? .nan)) < 1e-4)
  }

  @Test func theCycleLearnsAFixedPair() throws {
    var configuration = tiny()
    configuration.width = 6
    configuration.learningRate = 5e-3
    let system = try make(CycleGAN.self, configuration)
    let losses = try (0..<60).map { index in
      let source = NoiseSource(configuration.plan.fields, batchSize: 1, seed: 9)
      let step = TrainingStep(index: index, draws: StreamDraws(RandomStream(seed: 4)), source: source)
      try step.run { try system.step($0) }
      return step.logged.first { $0.name == "cycleA" }?.value.item() ?? .nan
    }
    #expect((losses.last ?? .nan) < losses[0] * 0.6)
  }

  @Test func poolsTakeThePicturesMadeBeforeTheUpdate() throws {
    var configuration = tiny()
    configuration.poolSize = 2
    let (system, same) = (try make(CycleGAN.self, configuration), try make(CycleGAN.self, configuration))
    let source = NoiseSource(configuration.plan.fields, batchSize: 1, seed: 9)
    let batch = NoiseSource(configuration.plan.fields, batchSize: 1, seed: 9).next()
    func made(_ name: String, _ domain: String) throws -> HostTensor {
      let network = try #require(same.network(name))
      return try withoutGradients { try network.forward(nil, ["image": batch[domain]]).required("image") }
        .host()
    }
    let expected = [try made("generatorBA", "B"), try made("generatorAB", "A")]
    let step = TrainingStep(index: 0, draws: StreamDraws(RandomStream(seed: 4)), source: source)
    try step.run { try system.step($0) }
    #expect(system.carriedState().map(\.name) == ["poolA", "poolB"])
    #expect(system.carriedState().map { $0.tensor.floats() } == expected.map { $0.floats() })
  }

  @Test func poolsAreCarriedOver() throws {
    var configuration = tiny()
    configuration.poolSize = 3
    let whole = try make(CycleGAN.self, configuration)
    try train(whole, steps: 0..<2)
    let carried = whole.carriedState()
    #expect(carried.map(\.name) == ["poolA", "poolB"])
    #expect(carried.map(\.tensor.shape) == [[2, 3, 16, 16], [2, 3, 16, 16]])
    let other = try make(CycleGAN.self, configuration)
    try other.restoreCarriedState(carried)
    #expect(other.carriedState().map(\.tensor) == carried.map(\.tensor))
    try other.restoreCarriedState([])
    #expect(other.carriedState().isEmpty)
    #expect(throws: ConfigurationError.self) { try other.restoreCarriedState([("pool", carried[0].tensor)]) }
    configuration.poolSize = 1
    let small = try make(CycleGAN.self, configuration)
    #expect { try small.restoreCarriedState(carried) } throws: { "\($0)".contains("poolSize") }
  }

  @Test func valuesThatCannotWorkAreNamed() {
    func sentence(_ change: (inout CycleGAN.Configuration) -> Void) -> String {
      var configuration = tiny()
      change(&configuration)
      return refusal(configuration)
    }
    #expect(sentence { _ in }.isEmpty)
    #expect(sentence { $0.outputChannels = 1 }.contains("weights.identity"))
    #expect(sentence { $0.poolSize = -1 }.contains("poolSize"))
    #expect(sentence { $0.imageSize = 18 }.contains("multiple of 4"))
    #expect(sentence { $0.layers = 3 }.contains("at least 24"))
  }
}

@Suite struct PicturePoolTests {
  private func picture(_ value: Double) -> Tensor { .full([1, 1, 1, 1], value) }

  @Test func itFillsFirstAndThenExchangesHalfOfTheTime() {
    let pool = ImagePool("pool", capacity: 2)
    let draws = RecordedDraws([
      "pool.exchange": [Tensor([0.4] as [Float]), Tensor([0.6] as [Float]), Tensor([0.9] as [Float])],
      "pool.place": [Tensor([1]), Tensor([1])],
    ])
    let first = Tensor.concatenated([picture(1), picture(2)], dim: 0)
    #expect(pool.exchanged(first, draws: draws).floats() == [1, 2])
    #expect(pool.exchanged(picture(3), draws: draws).floats() == [3])
    #expect(pool.exchanged(picture(4), draws: draws).floats() == [2])
    #expect(pool.exchanged(picture(5), draws: draws).floats() == [4])
    #expect(pool.state().first?.tensor.floats() == [1, 5])
    #expect(draws.unused.isEmpty)
  }

  @Test func withoutCapacityItGivesBackWhatItIsGiven() {
    let pool = ImagePool("pool", capacity: 0)
    #expect(pool.exchanged(picture(3), draws: RecordedDraws([:] as [String: Tensor])).floats() == [3])
    #expect(pool.state().isEmpty)
  }

  @Test func whatItKeepsHasNoHistoryAndMemoryOfItsOwn() {
    let pool = ImagePool("pool", capacity: 4)
    let given = picture(1)
    given.requiresGradient = true
    let seen = pool.exchanged(given * 2, draws: RecordedDraws([:] as [String: Tensor]))
    #expect(!seen.requiresGradient)
    withoutGradients { seen.fill(9) }
    #expect(pool.state().first?.tensor.floats() == [2])
  }
}
