import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

private func tiny() -> BigGAN.Configuration {
  var configuration = BigGAN.Configuration()
  configuration.imageSize = 8
  configuration.bottomWidth = 1
  configuration.imageChannels = 1
  configuration.generatorChannels = 2
  configuration.discriminatorChannels = 2
  configuration.latentSize = 9
  configuration.sharedEmbeddingSize = 3
  configuration.classes = 4
  configuration.generatorAttention = [4]
  configuration.discriminatorAttention = [4]
  configuration.batchSize = 4
  configuration.gradientAccumulation = 1
  configuration.averageStart = 0
  configuration.averageDecay = 0.5
  return configuration
}

extension BigGAN.Configuration {
  /// The length of a latent vector as it is drawn.
  fileprivate var effectiveLatent: Int {
    (try? make(BigGAN.self, self).latentSpace.size) ?? -1
  }
}

private func tinyInstances() -> ICGAN.Configuration {
  var configuration = ICGAN.Configuration()
  configuration.imageSize = 8
  configuration.bottomWidth = 1
  configuration.imageChannels = 1
  configuration.generatorChannels = 2
  configuration.discriminatorChannels = 2
  configuration.latentSize = 8
  configuration.sharedEmbeddingSize = 3
  configuration.classes = 4
  configuration.featureSize = 5
  configuration.sharedFeatureSize = 4
  configuration.neighbours = 2
  configuration.generatorAttention = []
  configuration.discriminatorAttention = []
  configuration.batchSize = 4
  return configuration
}

@Suite struct BigGANTests {
  @Test func theSizesAreThoseOfThePaper() throws {
    var configuration = BigGAN.Configuration()
    configuration.classes = 1000
    let counts = try BigGAN.parameterCounts(configuration)
    #expect(counts.generator == 70_433_988)
    #expect(counts.discriminator == 87_982_370)
  }

  @Test func namesAreTheAuthorsInBothDirections() throws {
    for model in BigGAN.Configuration.Model.allCases {
      var configuration = tiny()
      configuration.model = model
      let system = try make(BigGAN.self, configuration)
      let generator = try authorsNames(system.network("generator"))
      let discriminator = try authorsNames(system.network("discriminator"))
      #expect(generator.contains("shared.weight") && generator.contains("linear.u0"))
      #expect(generator.contains("output_layer.0.gain") && generator.contains("output_layer.0.stored_mean"))
      #expect(generator.contains("blocks.0.0.bn1.gain.sv0"))
      #expect(discriminator.contains("embed.sv0") && discriminator.contains("linear.weight"))
      #expect(discriminator.contains("input_conv.weight") == (model == .deep))
      for network in system.networks {
        let names = network.module.state().map(\.name)
        let there = try network.authorsNames.translate(names: names, toOurs: false)
        #expect(try network.authorsNames.translate(names: there, toOurs: true) == names)
      }
    }
  }

  @Test(arguments: [(16, 2), (24, 3), (32, 4), (16, 1), (32, 1)])
  func picturesHaveTheSizeThatIsAskedFor(_ size: Int, _ bottom: Int) throws {
    for model in BigGAN.Configuration.Model.allCases {
      var configuration = tiny()
      configuration.model = model
      configuration.imageSize = size
      configuration.bottomWidth = bottom
      configuration.generatorAttention = []
      configuration.discriminatorAttention = []
      configuration.generatorChannels = 4
      configuration.discriminatorChannels = 4
      let system = try make(BigGAN.self, configuration)
      let label = Tensor([1, 3])
      let image = try #require(
        try system.network("generator")?.forward(
          nil, ["latent": .ones([2, system.latentSpace.size]), "label": label])["image"])
      #expect(image.shape == [2, 1, size, size])
      let score = try system.network("discriminator")?.forward(nil, ["image": image, "label": label])["score"]
      #expect(score?.shape == [2, 1])
    }
  }

  @Test func aHierarchicalLatentIsCutToItsChunks() throws {
    #expect(try make(BigGAN.self, tiny()).latentSpace.size == 8)
    var flat = tiny()
    flat.hierarchicalLatent = false
    #expect(try make(BigGAN.self, flat).latentSpace.size == 9)
  }

  @Test func theAttentionStartsAsTheIdentityAndWeightsOrthogonal() throws {
    let system = try make(BigGAN.self, tiny())
    let state = try #require(system.network("generator")?.module.state())
    let gamma = try #require(state.first { $0.name.hasSuffix("gamma") }?.tensor)
    #expect(gamma.item() == 0)
    let weight = try #require(state.first { $0.name == "blocks.0.0.conv1.weight" }?.tensor).detached()
    let matrix = weight.flattened(from: 1)
    let gram = matrix.matmul(matrix.transposed(0, 1)) - Tensor.eye(matrix.shape[0])
    #expect(gram.abs().max().item() < 1e-5)
  }

  @Test func configurationsThatCannotWorkAreRefused() {
    func refused(_ change: (inout BigGAN.Configuration) -> Void) -> String {
      var configuration = tiny()
      change(&configuration)
      return refusal(configuration)
    }
    #expect(refused { $0.imageSize = 12 }.contains("imageSize"))
    #expect(refused { $0.sharedEmbedding = false }.contains("hierarchicalLatent"))
    #expect(refused { $0.latentSize = 3 }.contains("latentSize"))
    #expect(refused { $0.generatorChannels = 1 }.contains("attention"))
    #expect(refused { $0.loss = .binaryCrossEntropy }.contains("loss"))
    #expect(refused { $0.augmentationTarget = 0.6 }.contains("diffAugment"))
    #expect(refused { $0.batchSize = 1 }.contains("batchSize"))
    #expect(
      refused {
        $0.model = .deep
        $0.imageSize = 16
        $0.generatorDepth = 1
        $0.generatorChannels = 8
        $0.discriminatorChannels = 8
        $0.generatorAttention = []
      }.contains("generatorDepth"))
  }

  @Test func theAdaptiveAugmentationMovesAndIsCarried() throws {
    var configuration = tiny()
    configuration.diffAugment = [.translation]
    configuration.augmentationTarget = 0.01
    configuration.augmentationRamp = 16
    let system = try make(BigGAN.self, configuration)
    // Scores at the beginning are of both signs, so four steps move the probability by ±1 or leave it at 0.
    let logged = try train(system, steps: 0..<4)
    let values = logged.compactMap { $0["augmentationProbability"] }
    #expect(values.count == 4 && values.allSatisfy { (0...1).contains($0) })
    let carried = system.carriedState()
    #expect(carried.map(\.name) == ["augmentation"])
    let other = try make(BigGAN.self, configuration)
    try other.restoreCarriedState(carried)
    #expect(other.carriedState().map(\.tensor) == carried.map(\.tensor))
    #expect(throws: ConfigurationError.self) { try other.restoreCarriedState([]) }
  }

  @Test func standingStatisticsLeaveTheNetworkAsItWas() throws {
    var configuration = tiny()
    configuration.standingStatistics = 3
    let system = try make(BigGAN.self, configuration)
    _ = try train(system, steps: 0..<1)
    let before = system.networks[0].module.hostState().map(\.tensor)
    let request = Request(count: 3, draws: StreamDraws(RandomStream(seed: 2)))
    let images = try pictures(system, request)
    #expect(images.shape == [3, 1, 8, 8])
    #expect(system.networks[0].module.hostState().map(\.tensor) == before)
  }
}

@Suite struct BigGANImportTests {
  /// A network's weights as its authors' program would have saved them.
  private func file(_ name: String, _ network: Network?) throws -> ForeignWeights {
    let network = try #require(network)
    return ForeignWeights(
      url: URL(fileURLWithPath: name),
      tensors: try network.authorsNames.translate(network.module.hostState(), toOurs: false))
  }

  /// Imports a system's own weights and compares what comes back.
  private func comesBack<System: ImportingSystem>(_ system: System) throws -> System {
    let files = [
      try file("G.pth", system.network("generator")), try file("D.pth", system.network("discriminator")),
    ]
    let (read, untouched) = try System.importing(files, using: RandomStream(seed: 8))
    #expect(untouched.isEmpty)
    for (a, b) in zip(system.networks, read.networks) {
      #expect(a.module.hostState().map(\.tensor) == b.module.hostState().map(\.tensor))
    }
    // Pictures are drawn by the average, which has to be what was read.
    #expect(
      read.averages.first?.average.state().map(\.tensor)
        == read.networks.first?.module.hostState().map(\.tensor))
    return read
  }

  @Test func shapesTellABigGAN() throws {
    var flat = tiny()
    flat.hierarchicalLatent = false
    flat.sharedEmbedding = false
    flat.sharedEmbeddingSize = nil
    flat.discriminatorWide = false
    flat.generatorSpectralNorm = false
    var large = tiny()
    large.imageSize = 32
    large.bottomWidth = 2
    large.generatorChannels = 4
    large.discriminatorChannels = 8
    large.generatorAttention = [8, 16]
    large.discriminatorAttention = [16]
    for configuration in [tiny(), flat, large] {
      let read = try comesBack(make(BigGAN.self, configuration)).configuration
      #expect(read.imageSize == configuration.imageSize)
      #expect(read.generatorAttention == configuration.generatorAttention)
      #expect(read.discriminatorAttention == configuration.discriminatorAttention)
      #expect(read.effectiveLatent == configuration.effectiveLatent)
    }
    var deep = tiny()
    deep.model = .deep
    #expect(try comesBack(make(BigGAN.self, deep)).configuration.model == .deep)
  }

  @Test func shapesTellWhichConditionsAnICGANHas() throws {
    for usesClasses in [false, true] {
      var configuration = tinyInstances()
      configuration.classConditional = usesClasses
      let read = try comesBack(make(ICGAN.self, configuration)).configuration
      #expect(read.classConditional == usesClasses && read.featureSize == 5 && read.sharedFeatureSize == 4)
    }
  }

  @Test func theAverageKeepsItsOwnFile() throws {
    /// What the average holds after an import of all three files, each of another system's weights.
    func averaged<System: ImportingSystem>(_ type: System.Type, _ configuration: System.Configuration) throws
    {
      let (plain, averaged) = (try make(type, configuration, seed: 1), try make(type, configuration, seed: 2))
      let files = [
        try file("G.pth", plain.network("generator")), try file("G_ema.pth", averaged.network("generator")),
        try file("D.pth", plain.network("discriminator")),
      ]
      let (read, untouched) = try type.importing(files, using: RandomStream(seed: 8))
      #expect(untouched.isEmpty)
      let weights = { (system: System) in system.network("generator")?.module.hostState().map(\.tensor) }
      #expect(weights(read) == weights(plain) && weights(plain) != weights(averaged))
      #expect(read.averages.first?.average.state().map(\.tensor) == weights(averaged))
    }
    try averaged(BigGAN.self, tiny())
    try averaged(ICGAN.self, tinyInstances())
  }

  @Test func otherWeightsAreRefused() throws {
    let judge = try file("D.pth", make(BigGAN.self, tiny()).network("discriminator"))
    #expect(throws: ConfigurationError.self) { try BigGAN.recognise([judge]) }
    let instances = try file("G.pth", make(ICGAN.self, tinyInstances()).network("generator"))
    #expect(throws: ConfigurationError.self) { try BigGAN.recognise([instances]) }
    #expect(BigGAN.foreignLicence == WeightLicence("MIT (ajbrock/BigGAN-PyTorch)", allowsCommercialUse: true))
  }
}

@Suite struct ICGANTests {
  private func makeTable(_ count: Int = 6, features: Int = 5) throws -> InstanceTable {
    let values = RandomStream(seed: 4).normal([count, features])
    let neighbours = (0..<count).flatMap { [($0 + 1) % count, ($0 + 2) % count] }
    return try InstanceTable(
      features: values, neighbours: Tensor(neighbours, shape: [count, 2]), radius: .ones([count]),
      label: Tensor((0..<count).map { $0 % 4 }), selected: Tensor([1, 3]))
  }

  private func built(_ configuration: ICGAN.Configuration, _ table: InstanceTable) throws -> ICGAN {
    try ICGAN(
      configuration, artefacts: Artefacts([InstanceTable.artefact: try table.data()]),
      using: RandomStream(seed: 1))
  }

  @Test func theSizesAreThoseOfThePaper() throws {
    let counts = try ICGAN.parameterCounts(ICGAN.Configuration())
    #expect(counts.generator == 36_527_876)
    #expect(counts.discriminator == 21_646_018)
  }

  @Test func bothConditionsShareTheDiscriminatorsFeatures() throws {
    var configuration = tinyInstances()
    configuration.classConditional = true
    let system = try make(ICGAN.self, configuration)
    let names = try authorsNames(system.network("discriminator"))
    #expect(names.contains("linear_feat.weight") && names.contains("embed.weight"))
    let state = try #require(system.network("discriminator")?.module.state())
    #expect(state.first { $0.name == "feature_projection.weight" }?.tensor.shape == [4, 5])
    #expect(state.first { $0.name == "class_embedding.weight" }?.tensor.shape == [4, 4])
  }

  @Test func conditionsAreAnInstancesFeaturesAndANeighboursLabel() throws {
    let table = try makeTable()
    let drawn = table.conditions(instance: Tensor([0, 5, 2]), neighbour: Tensor([1, 0, 0]))
    #expect(drawn.label.integers() == [2, 0, 3])
    let norms = drawn.features.norm(dims: [1])
    #expect((norms - 1).abs().max().item() < 1e-6)
  }

  @Test func tablesOutliveTheirFile() throws {
    let table = try makeTable()
    let read = try #require(try InstanceTable(Artefacts([InstanceTable.artefact: try table.data()])))
    #expect(read.neighbours.integers() == table.neighbours.integers())
    #expect(read.selected.integers() == [1, 3])
    #expect((read.features - table.features).abs().max().item() < 1e-7)
    #expect(throws: ConfigurationError.self) {
      try InstanceTable(Artefacts([InstanceTable.artefact: Data("no table".utf8)]))
    }
    #expect(throws: ConfigurationError.self) {
      try InstanceTable(
        features: .ones([2, 3]), neighbours: Tensor([2, 0], shape: [2, 1]), radius: .ones([2]),
        label: Tensor([0, 0]))
    }
  }

  @Test func picturesOfAGivenInstanceCanBeDrawn() throws {
    let system = try built(tinyInstances(), makeTable())
    var request = Request(count: 3, draws: StreamDraws(RandomStream(seed: 2)))
    let drawn = try pictures(system, request)
    request.conditions["features"] = .tensor(RandomStream(seed: 9).normal([1, 5]))
    request.draws = StreamDraws(RandomStream(seed: 2))
    let given = try pictures(system, request)
    #expect(drawn.shape == [3, 1, 8, 8] && given.shape == [3, 1, 8, 8])
    #expect((drawn - given).abs().max().item() > 1e-4)
  }

  @Test func anInstanceCanHaveAnotherClass() throws {
    var configuration = tinyInstances()
    configuration.classConditional = true
    let system = try built(configuration, makeTable())
    func drawn(_ label: Int) throws -> Tensor {
      var request = Request(
        count: 2, conditions: ["label": .labels([label])], draws: StreamDraws(RandomStream(seed: 2)))
      request.conditions["features"] = .tensor(RandomStream(seed: 9).normal([1, 5]))
      return try pictures(system, request)
    }
    let difference = try drawn(0) - drawn(3)
    #expect(difference.abs().max().item() > 1e-5)
    #expect(throws: ConfigurationError.self) { try drawn(4) }
  }

  @Test func anInstanceOfAnotherLengthIsRefused() throws {
    let system = try built(tinyInstances(), makeTable())
    var request = Request(count: 1, draws: StreamDraws(RandomStream(seed: 2)))
    request.conditions["features"] = .tensor(.ones([1, 7]))
    #expect(throws: ConfigurationError.self) { try pictures(system, request) }
    request.conditions["features"] = .tensor(Tensor([Float.nan, 1, 1, 1, 1], shape: [1, 5]))
    #expect(throws: ConfigurationError.self) { try pictures(system, request) }
    #expect(throws: ConfigurationError.self) { _ = try built(tinyInstances(), makeTable(6, features: 4)) }
  }

  @Test func neighbourhoodsBeyondTheDataAreRefused() {
    var configuration = tinyInstances()
    configuration.instances = 2
    #expect(refusal(configuration).contains("neighbours"))
    configuration.instances = 3
    #expect(refusal(configuration).isEmpty)
  }
}
