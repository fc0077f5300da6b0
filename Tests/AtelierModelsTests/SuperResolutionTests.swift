import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

/// Networks so small that a step takes milliseconds.
private func tiny(_ change: (inout SRResNet.Configuration) -> Void = { _ in }) -> SRResNet.Configuration {
  var configuration = SRResNet.Configuration()
  configuration.width = 4
  configuration.blocks = 1
  configuration.growth = 2
  configuration.batchSize = 2
  configuration.imageSize = 32
  change(&configuration)
  return configuration
}

private func tinyGAN<Paper: EnlargementPaper>(
  _ type: AdversarialEnlargement<Paper>.Type,
  _ change: (inout AdversarialEnlargement<Paper>.Configuration) -> Void = { _ in }
) -> AdversarialEnlargement<Paper>.Configuration {
  var configuration = AdversarialEnlargement<Paper>.Configuration()
  configuration.width = 4
  configuration.blocks = 1
  configuration.growth = 2
  configuration.discriminatorWidth = 2
  configuration.perceptualLayers = [:]
  configuration.batchSize = 2
  configuration.imageSize = 32
  change(&configuration)
  return configuration
}

@Suite struct EnlargingNetworkTests {
  @Test func sizesAreThePublishedOnes() throws {
    func generator(_ change: (inout SRResNet.Configuration) -> Void) throws -> Int? {
      var configuration = SRResNet.Configuration()
      change(&configuration)
      return try make(SRResNet.self, configuration).network("generator")?.module.parameterCount
    }
    #expect(try generator { _ in } == 1_517_571)
    #expect(try generator { $0.scale = 2 } == 1_369_859)
    #expect(try generator { $0.scale = 3 } == 1_554_499)
    #expect(try generator { ($0.generator, $0.blocks) = (.rrdb, 23) } == 16_697_987)
    #expect(try generator { ($0.generator, $0.blocks, $0.scale) = (.rrdb, 23, 2) } == 16_703_171)
    #expect(try generator { $0.generator = .ledig } == 1_549_462)
    #expect(try generator { ($0.generator, $0.blocks) = (.johnson, 4) } == 401_859)
    #expect(try generator { ($0.generator, $0.blocks, $0.scale) = (.johnson, 4, 8) } == 438_915)
    func judge(_ change: (inout SRGAN.Configuration) -> Void) throws -> Int? {
      var configuration = tinyGAN(SRGAN.self) { ($0.discriminatorWidth, $0.imageSize) = (64, 128) }
      change(&configuration)
      return try make(SRGAN.self, configuration).network("discriminator")?.module.parameterCount
    }
    #expect(try judge { _ in } == 14_499_401)
    #expect(try judge { $0.imageSize = 256 } == 21_055_049)
    #expect(try judge { $0.discriminator = .unetSpectral } == 4_376_897)
    #expect(try judge { ($0.discriminator, $0.imageSize) = (.ledig, 96) } == 23_563_649)
  }

  @Test func namesAreBasicSRs() throws {
    let regressor = try make(SRResNet.self, tiny())
    #expect(
      try authorsNames(regressor.network("generator")).filter { $0.hasSuffix("weight") } == [
        "conv_first.weight", "body.0.conv1.weight", "body.0.conv2.weight", "upconv1.weight", "upconv2.weight",
        "conv_hr.weight", "conv_last.weight",
      ])
    let dense = try make(SRResNet.self, tiny { $0.generator = .rrdb })
    let names = try authorsNames(dense.network("generator")).filter { $0.hasSuffix("bias") }
    #expect(names.first == "conv_first.bias")
    #expect(names[7] == "body.0.rdb2.conv2.bias")
    #expect(
      names.suffix(5) == [
        "conv_body.bias", "conv_up1.bias", "conv_up2.bias", "conv_hr.bias", "conv_last.bias",
      ])
    let judge = try make(SRGAN.self, tinyGAN(SRGAN.self))
    #expect(
      try authorsNames(judge.network("discriminator")).filter { $0.hasSuffix("weight") } == [
        "conv0_0.weight", "conv0_1.weight", "bn0_1.weight", "conv1_0.weight", "bn1_0.weight",
        "conv1_1.weight", "bn1_1.weight", "conv2_0.weight", "bn2_0.weight", "conv2_1.weight", "bn2_1.weight",
        "linear1.weight", "linear2.weight",
      ])
    let spectral = try make(ESRGAN.self, tinyGAN(ESRGAN.self) { $0.discriminator = .unetSpectral })
    #expect(
      try authorsNames(spectral.network("discriminator")).prefix(5) == [
        "conv0.weight", "conv0.bias", "conv1.weight_orig", "conv1.weight_u", "conv1.weight_v",
      ])
  }

  @Test(arguments: [
    (EnlargingGenerator.msrresnet, [2, 3, 4, 8, 16]), (.rrdb, [1, 2, 4, 8]), (.ledig, [2, 3, 4, 8]),
    (.johnson, [2, 4, 8]),
  ])
  func everyScaleEnlargesPicturesOfAnyProportions(_ generator: EnlargingGenerator, _ scales: [Int]) throws {
    for scale in scales {
      let system = try make(
        SRResNet.self,
        tiny {
          $0.generator = generator
          $0.scale = scale
          $0.imageSize = 48 * scale
        })
      let network = try #require(system.network("generator"))
      network.module.eval()
      let image = try withoutGradients { try network.forward(nil, ["image": .ones([2, 3, 8, 12])])["image"] }
      #expect(image?.shape == [2, 3, 8 * scale, 12 * scale], "\(generator) ×\(scale)")
    }
  }

  @Test func greyPicturesAreEnlargedToo() throws {
    let system = try make(SRResNet.self, tiny { ($0.inputChannels, $0.outputChannels) = (1, 1) })
    let losses = try train(system, steps: 0..<2)
    #expect(losses.allSatisfy { $0["pixel"]?.isFinite == true && $0["pixel"] == $0["total"] })
  }

  @Test func whatCannotWorkIsRefusedByItsKey() {
    #expect(refusal(tiny { $0.scale = 5 }).contains("scale is one of 2, 3, 4, 8, 16"))
    #expect(refusal(tiny { ($0.generator, $0.scale) = (.rrdb, 3) }).contains("scale is one of 1, 2, 4"))
    #expect(refusal(tiny { $0.imageSize = 7 }).contains("imageSize is at least 8"))
    #expect(refusal(tiny { $0.weights.pixel = 0 }).contains("nothing to learn from"))
    #expect(refusal(tiny { $0.perceptualLayers = ["conv9_1": 1] }).contains("perceptualLayers"))
    #expect(refusal(tiny { $0.minimumLearningRate = 1 }).contains("minimumLearningRate"))
    #expect(refusal(tiny { $0.milestones = [0] }).contains("milestones"))
    #expect(refusal(tinyGAN(SRGAN.self) { $0.imageSize = 96 }).contains("power of two"))
    #expect(refusal(tinyGAN(SRGAN.self) { $0.scale = 3 }).contains("which scale 3 does not divide"))
  }

  @Test func picturesAreCutToWhatTheScaleDivides() {
    func side(_ fields: [Field]) -> [Int] {
      fields.compactMap { if case .image(_, _, let width, _) = $0.kind { width } else { nil } }
    }
    var regressor = SRResNet.Configuration()
    regressor.scale = 3
    #expect(refusal(regressor).isEmpty && side(regressor.plan.fields) == [42, 126])
    let adversarial = tinyGAN(SRGAN.self) {
      ($0.discriminator, $0.scale, $0.imageSize) = (.unetSpectral, 3, 128)
    }
    #expect(refusal(adversarial).isEmpty && side(adversarial.plan.fields) == [40, 120])
  }
}

@Suite struct EnlargementTrainingTests {
  @Test(arguments: PixelLoss.allCases)
  func aRegressorLearnsAFixedBatch(_ loss: PixelLoss) throws {
    let configuration = tiny {
      $0.pixelLoss = loss
      $0.learningRate = 2e-2
      $0.restartEvery = 0
      $0.averageDecay = 0.5
    }
    let system = try make(SRResNet.self, configuration)
    let small = RandomStream(seed: 3).uniform([2, 3, 8, 8])
    // What the network adds to the enlarged picture is a constant: four channels learn no more in a second.
    let large = upsampleBilinear(small, size: (32, 32)) + 0.3
    let source = FixedSource(["source": small, "target": large])
    let losses = try (0..<60).map { index in
      let step = TrainingStep(index: index, draws: StreamDraws(RandomStream(seed: 1)), source: source)
      try step.run { try system.step($0) }
      return step.logged.first { $0.name == "total" }?.value.item() ?? .nan
    }
    #expect(losses[59] < 0.5 * losses[0])
  }

  @Test func pixelLossesAreTheirFormulas() {
    let output = Tensor([0.1, 0.9, 0.4, 0.2] as [Float])
    let target = Tensor([0, 1, 0.5, -2] as [Float])
    #expect(abs(PixelLoss.l1(output, target).item() - 0.625) < 1e-6)
    #expect(abs(PixelLoss.l2(output, target).item() - 1.2175) < 1e-6)
    #expect(abs(PixelLoss.charbonnier(output, target).item() - 0.625) < 1e-5)
    #expect(PixelLoss.charbonnier(target, target).item() < 1.1e-6)
  }

  @Test(arguments: EnlargementAdversarialLoss.allCases, EnlargingDiscriminator.allCases)
  func everyLossTrainsAgainstEveryDiscriminator(
    _ loss: EnlargementAdversarialLoss, _ discriminator: EnlargingDiscriminator
  ) throws {
    let configuration = tinyGAN(SRGAN.self) {
      $0.adversarialLoss = loss
      $0.discriminator = discriminator
    }
    let logged = try train(make(SRGAN.self, configuration), steps: 0..<2)
    #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(
      Set(logged[0].keys) == [
        "pixel", "adversarial", "generator", "discriminatorReal", "discriminatorFake", "discriminator",
        "discriminatorAccuracy",
      ])
  }

  @Test func featuresOfAFrozenNetworkTrainTheGenerator() throws {
    let configuration = tiny {
      $0.features = .vgg16
      $0.perceptualLayers = ["relu1_2": 0.5, "conv2_1": 1]
      $0.weights.pixel = 0
    }
    let system = try make(SRResNet.self, configuration)
    try system.fillFrozenNetworks(from: .drawn())
    let logged = try train(system, steps: 0..<3)
    #expect(logged.allSatisfy { ($0["perceptual"] ?? 0) > 0 && $0["pixel"] == nil })
    #expect(system.trainedNetworks.map(\.name) == ["generator"])
    #expect(system.networks.map(\.name) == ["generator", "vgg16"])
    let frozen = try #require(system.network("vgg16")?.module)
    #expect(frozen.parameters().isEmpty)
  }

  @Test func aRegressionMayComeFirst() throws {
    let configuration = tinyGAN(ESRGAN.self) { ($0.pretrainingSteps, $0.milestones) = (10, [5]) }
    #expect(
      configuration.plan.stages.map { [$0.name: $0.steps] } == [["regression": 10], ["adversarial": nil]])
    #expect(tinyGAN(SRGAN.self).plan.stages.map(\.name) == ["training"])
    let system = try make(ESRGAN.self, configuration)
    let before = try #require(system.network("discriminator")).module.parameters().map { $0.floats() }
    let step = TrainingStep(
      index: 0, stage: "regression", draws: StreamDraws(RandomStream(seed: 1)),
      source: NoiseSource(configuration.plan.fields, batchSize: 2))
    try step.run { try system.step($0) }
    #expect(Set(step.logged.map(\.name)) == ["pixel", "generator"])
    #expect(system.network("discriminator")?.module.parameters().map { $0.floats() } == before)
    // The milestones count from the discriminator's first step.
    for (index, rate) in [(9, 1e-4), (14, 1e-4), (15, 5e-5)] {
      try train(system, steps: index..<(index + 1))
      #expect(abs(system.optimizers[0].optimizer.learningRate - rate) < 1e-12)
    }
  }

  @Test func learningRatesFollowTheAuthorsSchedules() throws {
    let restarting = try make(SRResNet.self, tiny { $0.restartEvery = 100 })
    for (index, rate) in [(0, 2e-4), (50, 1.0005e-4), (99, 1.4932e-7), (100, 2e-4)] {
      try train(restarting, steps: index..<(index + 1))
      #expect(abs(restarting.optimizers[0].optimizer.learningRate - rate) < 1e-8)
    }
    let stepped = try make(SRResNet.self, tiny { ($0.restartEvery, $0.milestones) = (0, [3, 5]) })
    for (index, rate) in [(2, 2e-4), (3, 1e-4), (5, 5e-5)] {
      try train(stepped, steps: index..<(index + 1))
      #expect(abs(stepped.optimizers[0].optimizer.learningRate - rate) < 1e-12)
    }
  }

  @Test func generationUsesTheAverageAndStaysInRange() throws {
    let system = try make(SRResNet.self, tiny { $0.averageDecay = 0.999 })
    let request = { () -> Request in
      Request(
        conditions: ["source": .tensor(RandomStream(seed: 4).uniform([2, 3, 9, 7]))],
        draws: StreamDraws(RandomStream(seed: 2)))
    }
    func draw() throws -> [Tensor] {
      var drawn: [Tensor] = []
      try system.draw(request()) { if let images = $0.tensor { drawn.append(images) } }
      return drawn
    }
    let before = try draw()
    #expect(before.map(\.shape) == [[1, 3, 36, 28], [1, 3, 36, 28]])
    #expect(before.allSatisfy { $0.abs().max().item() <= 1 })
    let weights = try #require(system.network("generator")?.module.parameters())
    withoutGradients { for weight in weights { weight.fill(0.3) } }
    #expect(try draw().map { $0.floats() } == before.map { $0.floats() })
  }

  @Test func histogramsAreTakenOver() throws {
    let system = try make(
      SRResNet.self,
      tiny {
        $0.scale = 2
        $0.matchesHistogram = true
      })
    let small = Tensor([0.9, 0.1, 0.5, 0.3] as [Float], shape: [1, 1, 2, 2]).expanded([1, 3, 2, 2])
    let direction = try system.direction(named: nil)
    let large = try withoutGradients {
      try system.translate(small, direction: direction, draws: StreamDraws(RandomStream(seed: 1)))
    }
    // Sixteen values in any order whose quantiles are those of the four, in straight lines between them.
    let expected = upsampleBilinear(
      Tensor([0.1, 0.3, 0.5, 0.9] as [Float], shape: [1, 1, 1, 4]), size: (1, 16)
    ).floats()
    for channel in 0..<3 {
      #expect(large.slice(1, channel, channel + 1).floats().sorted() == expected)
    }
  }

  @Test func everyPresetIsValidAndOneIsSmall() {
    func presets<System: GenerativeSystem>(_ type: System.Type) -> [(String, String)] {
      System.Configuration.presets.map { ($0.name, refusal($0.configuration)) }
    }
    for found in [presets(SRResNet.self), presets(SRGAN.self), presets(ESRGAN.self)] {
      #expect(found.allSatisfy { $0.1.isEmpty }, "\(found)")
      #expect(found.first?.0 == "paper" && found.map(\.0).contains("small"))
    }
  }
}

@Suite struct ForeignEnlargementTests {
  /// A network's weights as its authors' program would have written them.
  private func foreign(_ network: Network?, _ name: String) throws -> ForeignWeights {
    let network = try #require(network)
    return ForeignWeights(
      url: URL(fileURLWithPath: name),
      tensors: try network.authorsNames.translate(network.module.hostState(), toOurs: false))
  }

  @Test(arguments: [2, 3, 4, 8])
  func aGeneratorIsToldByItsShapes(_ scale: Int) throws {
    let made = try make(SRResNet.self, tiny { ($0.scale, $0.blocks) = (scale, 3) })
    let file = try foreign(made.network("generator"), "net_g_latest.pth")
    let (system, untouched) = try SRResNet.importing([file], using: RandomStream(seed: 8))
    #expect(untouched.isEmpty && system.configuration.scale == scale)
    #expect(system.configuration.blocks == 3 && system.configuration.width == 4)
    #expect(
      system.network("generator")?.module.hostState().map(\.tensor)
        == made.network("generator")?.module.hostState().map(\.tensor))
  }

  @Test(arguments: [1, 2, 4, 8], EnlargingDiscriminator.allCases.filter { $0 != .ledig })
  func bothPlayersAreToldByTheirShapes(_ scale: Int, _ discriminator: EnlargingDiscriminator) throws {
    let made = try make(
      ESRGAN.self,
      tinyGAN(ESRGAN.self) {
        $0.scale = scale
        $0.discriminator = discriminator
        $0.imageSize = 64
      })
    let files = [
      try foreign(made.network("discriminator"), "net_d_1.pth"),
      try foreign(made.network("generator"), "net_g_1.pth"),
    ]
    let (system, untouched) = try ESRGAN.importing(
      files, changes: ["perceptualLayers": .table([:])], using: RandomStream(seed: 8))
    #expect(untouched.isEmpty && system.configuration.scale == scale)
    #expect(system.configuration.growth == 2 && system.configuration.discriminator == discriminator)
    for name in ["generator", "discriminator"] {
      #expect(
        system.network(name)?.module.hostState().map(\.tensor)
          == made.network(name)?.module.hostState().map(\.tensor))
    }
  }

  @Test func olderNamesOfESRGANAreUnderstood() throws {
    let made = try make(ESRGAN.self, tinyGAN(ESRGAN.self))
    let today = try foreign(made.network("generator"), "RRDB_ESRGAN_x4.pth")
    let older = [
      ("body.", "RRDB_trunk."), (".rdb", ".RDB"), ("conv_body.", "trunk_conv."), ("conv_up", "upconv"),
      ("conv_hr.", "HRconv."),
    ]
    let tensors = today.tensors.map { entry in
      (name: older.reduce(entry.name) { $0.replacing($1.0, with: $1.1) }, tensor: entry.tensor)
    }
    #expect(tensors.contains { $0.name == "RRDB_trunk.0.RDB3.conv5.bias" })
    let (system, untouched) = try ESRGAN.importing(
      [ForeignWeights(url: today.url, tensors: tensors)], changes: ["perceptualLayers": .table([:])],
      using: RandomStream(seed: 8))
    #expect(untouched == ["discriminator"])
    #expect(
      system.network("generator")?.module.hostState().map(\.tensor)
        == made.network("generator")?.module.hostState().map(\.tensor))
  }

  @Test func otherFilesAreRefused() throws {
    let other = ForeignWeights(
      url: URL(fileURLWithPath: "other.pth"), tensors: [("a.weight", HostTensor([1.0] as [Float]))])
    #expect {
      _ = try SRResNet.recognise([other])
    } throws: {
      "\($0)".contains("other.pth is none of the networks")
    }
    let made = try make(SRResNet.self, tiny())
    let file = try foreign(made.network("generator"), "net_g.pth")
    #expect {
      _ = try SRResNet.recognise([file, file])
    } throws: {
      "\($0)".contains("a second generator")
    }
  }
}

/// Serves one batch again and again.
private final class FixedSource: BatchSource {
  private let tensors: [String: Tensor]

  init(_ tensors: [String: Tensor]) { self.tensors = tensors }

  func next() -> Batch { Batch(tensors) }
}

private func makeSystems() -> [any GenerativeSystem.Type] { [SRResNet.self, SRGAN.self, ESRGAN.self] }

/// The systems of super-resolution through the harness that all systems share.
@Suite struct EnlargementHarnessTests {
  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try TinyData.writeClassFolders(to: data, size: 40)
    var changes: [String: ConfigurationValue] = [
      "width": 4, "blocks": 1, "imageSize": 32, "batchSize": 2, "averageDecay": 0.9,
      "perceptualLayers": .table(["conv1_2": 1]), "features": "vgg16",
    ]
    let system = makeSystems()[index]
    if system != SRResNet.self {
      changes["discriminatorWidth"] = 2
      changes["pretrainingSteps"] = 1
    }
    return try SystemHarness(system, changes, data: data)
  }

  @Test(arguments: makeSystems().indices) func twoStepsChangeTheNetworks(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).takesTwoSteps())
  }

  @Test(arguments: makeSystems().indices) func aSeedDecidesEveryByte(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).isDeterministic())
  }

  @Test(arguments: makeSystems().indices) func resumingEqualsNotStopping(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).resumesExactly())
  }
}
