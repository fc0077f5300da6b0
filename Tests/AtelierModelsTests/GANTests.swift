import AtelierCore
import AtelierData
import AtelierModels
import Testing
import Torch
import TorchNN

/// Serves random pictures of a system's fields.
final class NoiseSource: BatchSource {
  private let fields: [Field]
  private let batchSize: Int
  private let stream: RandomStream
  private(set) var served = 0

  init(_ fields: [Field], batchSize: Int, seed: UInt64 = 11) {
    self.fields = fields
    self.batchSize = batchSize
    stream = RandomStream(seed: seed)
  }

  func next() -> Batch {
    served += 1
    var tensors: [String: Tensor] = [:]
    for field in fields {
      switch field.kind {
      case .image(let channels, let height, let width, let range):
        let drawn = stream.uniform([batchSize, channels, height, width])
        tensors[field.name] = range == .unit ? drawn : drawn * 2 - 1
      case .label(let classes): tensors[field.name] = stream.integers(below: classes, [batchSize])
      default: break
      }
    }
    return Batch(tensors)
  }
}

/// Runs steps of a system on noise and gives back what they logged.
@discardableResult
func train<System: GenerativeSystem>(
  _ system: System, steps: Range<Int>, epoch: Double = 0, seed: UInt64 = 5
) throws -> [[String: Double]] {
  let source = NoiseSource(
    system.configuration.plan.fields, batchSize: system.configuration.batchSize, seed: seed)
  return try steps.map { index in
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "draws", step: index))
    let step = TrainingStep(index: index, epoch: epoch, draws: draws, source: source)
    try step.run { try system.step($0) }
    return Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { _, last in last }
  }
}

/// A system with initial weights of a fixed seed.
func make<System: GenerativeSystem>(
  _ type: System.Type, _ configuration: System.Configuration, seed: UInt64 = 1
) throws -> System {
  try System(configuration, artefacts: Artefacts(), using: RandomStream(seed: seed))
}

/// The preset of a name.
func preset<System: GenerativeSystem>(_ type: System.Type, _ name: String) throws -> System.Configuration {
  try #require(System.Configuration.presets.first { $0.name == name }).configuration
}

/// The names in the authors' files, in the order of the state.
func authorsNames(_ network: Network?) throws -> [String] {
  let network = try #require(network)
  return try network.authorsNames.translate(names: network.module.state().map(\.name), toOurs: false)
}

/// The sentence of a refused configuration; empty where it is accepted.
func refusal(_ configuration: some SystemConfiguration) -> String {
  do {
    try configuration.validate()
    return ""
  } catch {
    return error.description
  }
}

/// Pictures that a latent system generates.
func pictures(_ system: some LatentSystem, _ request: Request) throws -> Tensor {
  var parts: [Tensor] = []
  try system.draw(request) { if let images = $0.tensor { parts.append(images) } }
  return .concatenated(parts, dim: 0)
}

@Suite struct GANTests {
  @Test func theNetworksOf2014HaveThePapersSizes() throws {
    let system = try make(GAN.self, preset(GAN.self, "mnist"))
    #expect(system.network("generator")?.module.parameterCount == 2_503_984)
    #expect(system.network("discriminator")?.module.parameterCount == 1_231_441)
  }

  @Test func theReferenceHasTheScriptsSizesAndNames() throws {
    let system = try make(GAN.self, GAN.Configuration())
    #expect(system.network("generator")?.module.parameterCount == 1_510_032)
    #expect(system.network("discriminator")?.module.parameterCount == 533_505)
    #expect(
      try authorsNames(system.network("generator")).prefix(8) == [
        "model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias", "model.3.weight", "model.3.bias",
        "model.3.running_mean", "model.3.running_var",
      ])
    #expect(
      try authorsNames(system.network("discriminator")) == [
        "model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias", "model.4.weight", "model.4.bias",
      ])
  }

  @Test func maxoutFollowsThePapersSchedules() throws {
    var configuration = try preset(GAN.self, "mnist")
    configuration.imageSize = 4
    configuration.generatorHidden = [6]
    configuration.discriminatorHidden = [3, 3]
    configuration.batchSize = 3
    let system = try make(GAN.self, configuration)
    let optimizer = try #require(system.optimizers.first?.optimizer as? SGD)
    try train(system, steps: 0..<1)
    #expect(optimizer.learningRate == 0.1 && optimizer.momentum == 0.5)
    try train(system, steps: 250_000..<250_001, epoch: 125.5)
    #expect(abs(optimizer.learningRate - 0.1 / 2.71828) < 1e-4)
    #expect(abs(optimizer.momentum - (0.5 + 0.2 * 124 / 249)) < 1e-9)
    try train(system, steps: 9_000_000..<9_000_001, epoch: 900)
    #expect(optimizer.learningRate == 1e-6 && abs(optimizer.momentum - 0.7) < 1e-9)
  }

  @Test func maxoutStartsFromTheDatasBrightness() throws {
    var configuration = try preset(GAN.self, "mnist")
    configuration.imageSize = 4
    configuration.learningRate = 1e-12
    configuration.minimumLearningRate = 0
    configuration.latentSize = 2
    configuration.generatorHidden = [2]
    configuration.discriminatorHidden = [3]
    let system = try make(GAN.self, configuration)
    let source = NoiseSource(configuration.plan.fields, batchSize: 100, seed: 5)
    let means = source.next()["image"].mean(dims: [0]).doubles()
    try train(system, steps: 0..<1)
    let bias = try #require(system.network("generator")?.module.state().last?.tensor)
    let expected = bias.sigmoid().doubles()
    #expect(zip(means, expected).allSatisfy { abs($0 - $1) < 1e-3 })
  }

  @Test func maxoutDropsPicturesLessThanFeatures() throws {
    var configuration = try preset(GAN.self, "mnist")
    configuration.imageSize = 2
    configuration.latentSize = 2
    configuration.generatorHidden = [2]
    configuration.discriminatorHidden = [3]
    let system = try make(GAN.self, configuration)
    let asked = AskedDraws()
    try withDraws(asked) {
      _ = try system.network("discriminator")?.forward(nil, ["image": .ones([2, 1, 2, 2])])
    }
    #expect(asked.probabilities["discriminator.dropout.0"] == 0.8)
    #expect(asked.probabilities["discriminator.dropout.1"] == 0.5)
  }

  @Test func theGeneratorsUpdateLeavesTheDiscriminatorAlone() throws {
    var configuration = try preset(GAN.self, "small")
    configuration.imageSize = 4
    configuration.batchSize = 4
    let system = try make(GAN.self, configuration)
    let names = system.optimizers.map(\.name)
    let before = system.networks.map { $0.module.parameters().map { $0.host() } }
    try train(system, steps: 0..<1)
    #expect(names == ["generator", "discriminator"])
    // Both were updated, each parameter requires its gradient again, and no gradient takes memory.
    for (network, old) in zip(system.networks, before) {
      #expect(network.module.parameters().allSatisfy { $0.requiresGradient && $0.gradient == nil })
      #expect(zip(network.module.parameters(), old).contains { $0.host() != $1 })
    }
  }

  @Test func impossibleChoicesAreRefusedWithSentences() {
    var configuration = GAN.Configuration()
    configuration.dropout = 0.5
    #expect(refusal(configuration).contains("model=maxout"))
    configuration = GAN.Configuration()
    configuration.generatorHidden = []
    #expect(refusal(configuration).contains("generatorHidden"))
    configuration = GAN.Configuration()
    configuration.beta1 = 1
    #expect(refusal(configuration).contains("beta1"))
    configuration = GAN.Configuration()
    configuration.batchSize = 1
    #expect(refusal(configuration).contains("batchSize"))
  }
}

/// Notes with which probability each mask is drawn; every mask keeps everything.
final class AskedDraws: Draws {
  private(set) var probabilities: [String: Double] = [:]
  private(set) var names: [String] = []

  func normal(_ name: String, _ shape: [Int]) -> Tensor { noted(name, .zeros(shape)) }
  func uniform(_ name: String, _ shape: [Int]) -> Tensor { noted(name, .full(shape, 0.5)) }
  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    noted(name, .zeros(shape, dtype: .int64))
  }
  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    probabilities[name] = probability
    return noted(name, .ones(shape))
  }

  private func noted(_ name: String, _ tensor: Tensor) -> Tensor {
    names.append(name)
    return tensor
  }
}

@Suite struct WGANGPTests {
  private func tiny() throws -> WGANGP.Configuration {
    var configuration = try preset(WGANGP.self, "small")
    configuration.imageSize = 4
    configuration.latentSize = 3
    configuration.generatorHidden = [8, 8]
    configuration.discriminatorHidden = [8, 8]
    configuration.batchSize = 4
    return configuration
  }

  @Test func everyFifthStepTrainsTheGenerator() throws {
    let logged = try train(make(WGANGP.self, tiny()), steps: 0..<11)
    #expect(logged.indices.filter { logged[$0]["generator"] != nil } == [0, 5, 10])
    #expect(logged.allSatisfy { $0["discriminator"]?.isFinite ?? false })
  }

  @Test func theCriticsLossHoldsTheWeightedPenalty() throws {
    var light = try tiny()
    light.gradientPenalty = 0
    var heavy = light
    heavy.gradientPenalty = 4
    let (without, with) = (
      try train(make(WGANGP.self, light), steps: 0..<1)[0],
      try train(make(WGANGP.self, heavy), steps: 0..<1)[0]
    )
    let penalty = try #require(with["gradientPenalty"])
    #expect(penalty == without["gradientPenalty"])
    #expect(abs((with["discriminator"] ?? .nan) - (without["discriminator"] ?? .nan) - 4 * penalty) < 1e-5)
  }

  @Test func aStepDrawsLatentsThenMixing() throws {
    let system = try make(WGANGP.self, tiny())
    let draws = AskedDraws()
    let step = TrainingStep(
      index: 1, draws: draws, source: NoiseSource(system.configuration.plan.fields, batchSize: 4))
    try step.run { try system.step($0) }
    #expect(draws.names == ["latent", "mixing"])
  }
}

@Suite struct ConditionalGANTests {
  @Test func thePapersModelHasThePapersLayers() throws {
    let system = try make(ConditionalGAN.self, preset(ConditionalGAN.self, "mnist"))
    // 100·200 + 200, 10·1000 + 1000, 1200·1200 + 1200, 1200·784 + 784
    #expect(system.network("generator")?.module.parameterCount == 2_413_984)
    // 784·1200 + 1200, 10·250 + 250, 290·960 + 960, 240 + 1
    #expect(system.network("discriminator")?.module.parameterCount == 1_224_351)
    #expect(system.latentSpace.distribution == .unitUniform)
  }

  @Test func theReferenceHasTheScriptsNames() throws {
    let system = try make(ConditionalGAN.self, preset(ConditionalGAN.self, "small"))
    #expect(
      try authorsNames(system.network("generator")).prefix(3) == [
        "label_emb.weight", "model.0.weight", "model.0.bias",
      ])
    #expect(
      try authorsNames(system.network("discriminator")) == [
        "label_embedding.weight", "model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias",
        "model.5.weight", "model.5.bias", "model.8.weight", "model.8.bias",
      ])
  }

  @Test func severalWidthsAreSeveralLayers() throws {
    var configuration = try preset(ConditionalGAN.self, "small")
    configuration.imageSize = 4
    configuration.discriminatorHidden = [7, 6, 5, 4]
    let network = try make(ConditionalGAN.self, configuration).network("discriminator")
    let weights = network?.module.namedParameters().filter { $0.name.hasSuffix("weight") }.map(
      \.tensor.shape[0])
    #expect(weights == [10, 7, 6, 5, 4, 1])
  }

  @Test func aStepDrawsLatentsThenLabels() throws {
    var configuration = try preset(ConditionalGAN.self, "small")
    configuration.imageSize = 4
    configuration.dropout = 0
    let system = try make(ConditionalGAN.self, configuration)
    let draws = AskedDraws()
    let step = TrainingStep(
      index: 0, draws: draws, source: NoiseSource(configuration.plan.fields, batchSize: 4))
    try step.run { try system.step($0) }
    #expect(draws.names == ["latent", "fakeLabel"])
  }

  @Test func theDataDecideHowManyClassesThereAre() throws {
    var description = DatasetDescription(
      layout: .memory, name: "clothes", split: .train, count: 4, imageShape: [3, 8, 8],
      classNames: ["coat", "shirt", "bag"], labelHistogram: [2, 1, 1], fingerprint: "")
    let adapted = try ConditionalGAN.adapted(
      ConditionalGAN.Configuration(), to: DataFacts(description: description))
    #expect(adapted.classes == 3 && adapted.imageChannels == 3)
    description.classNames = []
    #expect(throws: ConfigurationError.self) {
      try ConditionalGAN.adapted(ConditionalGAN.Configuration(), to: DataFacts(description: description))
    }
  }
}
