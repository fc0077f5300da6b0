import AtelierCore
import AtelierData
import AtelierModels
import Testing
import Torch
import TorchNN

/// A U-Net of six levels for pictures of 64, as narrow as can be.
private func tiny() -> Pix2Pix.Configuration {
  var configuration = Pix2Pix.Configuration()
  configuration.imageSize = 64
  configuration.downsamplings = 6
  configuration.width = 2
  configuration.discriminatorWidth = 2
  configuration.layers = 2
  configuration.batchSize = 2
  return configuration
}

/// One picture that a system makes of another.
private func translated(_ system: some TranslatingSystem, _ source: Tensor, seed: UInt64 = 1) throws -> Tensor
{
  let direction = try system.direction(named: nil)
  return try withoutGradients {
    try system.translate(source, direction: direction, draws: StreamDraws(RandomStream(seed: seed)))
  }
}

@Suite struct Pix2PixTests {
  @Test func theNetworksHaveTheAuthorsSizes() throws {
    let system = try make(Pix2Pix.self, Pix2Pix.Configuration())
    #expect(system.network("generator")?.module.parameterCount == 54_413_955)
    #expect(system.network("discriminator")?.module.parameterCount == 2_768_705)
  }

  @Test func theUNetHasTheAuthorsNames() throws {
    let names = try authorsNames(make(Pix2Pix.self, tiny()).network("generator"))
    #expect(names.first == "model.model.0.weight")
    #expect(names.suffix(2) == ["model.model.3.weight", "model.model.3.bias"])
    #expect(names.contains("model.model.1.model.3.model.2.running_var"))
    // The innermost level has no norm on its way down, and no bias beside batch norm.
    let innermost = "model.model.1.model.3.model.3.model.3.model.3.model"
    #expect(names.contains(innermost + ".1.weight") && names.contains(innermost + ".3.weight"))
    #expect(!names.contains(innermost + ".1.bias") && names.contains(innermost + ".4.running_mean"))
  }

  @Test(arguments: 2...8) func aUNetHasAnyDepth(_ depth: Int) throws {
    var configuration = tiny()
    configuration.downsamplings = depth
    configuration.imageSize = 1 << max(depth, 4)
    configuration.layers = 1
    let system = try make(Pix2Pix.self, configuration)
    let wide = Tensor.zeros([1, 3, 1 << depth, 2 << depth])
    #expect(try translated(system, wide).shape == wide.shape)
    // Dropout stands behind every level of full width but the outer four and the innermost.
    let dropouts = system.network("generator")?.module.allModules().filter { $0 is Dropout } ?? []
    #expect(dropouts.count == max(0, depth - 5))
  }

  @Test(arguments: [(0, 16), (1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
  func aPatchIsAsWideAsThePaperSays(_ layers: Int, _ width: Int) throws {
    var configuration = tiny()
    configuration.imageSize = 512
    configuration.downsamplings = 4
    configuration.discriminatorWidth = 1
    configuration.discriminatorNorm = ImageNorm.none
    configuration.layers = layers
    configuration.inputChannels = 1
    configuration.outputChannels = 1
    let system = try make(Pix2Pix.self, configuration)
    let discriminator = try #require(system.network("discriminator"))
    for (_, tensor) in discriminator.module.state() { withoutGradients { tensor.fill(0.1) } }
    let picture = Tensor.ones([1, 1, 512, 512])
    picture.requiresGradient = true
    let pair = ["source": picture, "target": Tensor.ones([1, 1, 512, 512])]
    let logits = try discriminator.forward(nil, pair).required("logits")
    let middle = logits.shape[2] / 2
    let score = logits.selected(dim: 2, index: middle).selected(dim: 2, index: middle).sum()
    let touched = gradients(of: score, withRespectTo: [picture])[0].notEqual(0).asType(.float32)
    #expect(touched.sum().item() == Double(width * width))
  }

  @Test func noiseIsDropoutAndCanBeSwitchedOff() throws {
    let source = RandomStream(seed: 4).normal([1, 3, 64, 64])
    var configuration = tiny()
    let system = try make(Pix2Pix.self, configuration)
    #expect(try translated(system, source, seed: 1).floats() == translated(system, source, seed: 1).floats())
    #expect(try translated(system, source, seed: 1).floats() != translated(system, source, seed: 2).floats())
    configuration.testDropout = false
    let quiet = try make(Pix2Pix.self, configuration)
    #expect(try translated(quiet, source, seed: 1).floats() == translated(quiet, source, seed: 2).floats())
  }

  @Test func generationUsesThePicturesOwnStatisticsAndLeavesNoTrace() throws {
    var configuration = tiny()
    configuration.testDropout = false
    let system = try make(Pix2Pix.self, configuration)
    let generator = try #require(system.network("generator")).module
    let before = generator.hostState().map(\.tensor)
    let source = RandomStream(seed: 4).normal([1, 3, 64, 64])
    generator.eval()
    let own = try translated(system, source)
    #expect(generator.hostState().map(\.tensor) == before)
    #expect(generator.allModules().allSatisfy { !$0.isTraining })
    generator.train()
    let trained = try withoutGradients {
      try withDraws(StreamDraws(RandomStream(seed: 1))) {
        configuration.dropout = false
        let plain = try make(Pix2Pix.self, configuration)
        try plain.network("generator")?.module.copyState(from: generator)
        return try #require(plain.network("generator")).forward(nil, ["image": source]).required("image")
      }
    }
    #expect(own.floats() == trained.floats())
    configuration.testBatchStatistics = false
    let running = try make(Pix2Pix.self, configuration)
    #expect(try translated(running, source).floats() != own.floats())
  }

  @Test func theStatisticsMayFollowThePicturesSize() throws {
    var configuration = tiny()
    configuration.testDropout = false
    func picture(_ statistics: Bool?, _ size: Int) throws -> [Float] {
      configuration.testBatchStatistics = statistics
      return try translated(
        make(Pix2Pix.self, configuration), RandomStream(seed: 4).normal([1, 3, size, size])
      ).floats()
    }
    let (trained, other) = (configuration.imageSize, 2 * configuration.imageSize)
    #expect(try picture(nil, trained) == picture(false, trained))
    #expect(try picture(nil, trained) != picture(true, trained))
    #expect(try picture(nil, other) == picture(true, other))
    #expect(try picture(nil, other) != picture(false, other))
  }

  @Test func theRegressorAloneLeavesTheDiscriminatorAlone() throws {
    var configuration = tiny()
    configuration.weights.adversarial = 0
    let system = try make(Pix2Pix.self, configuration)
    let discriminator = try #require(system.network("discriminator")).module
    let before = discriminator.hostState().map(\.tensor)
    let logged = try train(system, steps: 0..<2)
    #expect(Set(logged[0].keys) == ["l1", "generator"])
    #expect(discriminator.hostState().map(\.tensor) == before)
  }

  @Test func squaredErrorsAreCalledSo() throws {
    var configuration = tiny()
    configuration.pixelLoss = .l2
    let logged = try train(make(Pix2Pix.self, configuration), steps: 0..<1)
    #expect(logged[0]["l2"] != nil && logged[0]["l1"] == nil)
  }

  @Test func thePixelLossLearnsAFixedPair() throws {
    var configuration = tiny()
    configuration.width = 4
    configuration.learningRate = 5e-3
    configuration.weights.adversarial = 0
    configuration.dropout = false
    let system = try make(Pix2Pix.self, configuration)
    let fields = configuration.plan.fields
    let losses = try (0..<40).map { index in
      let source = NoiseSource(fields, batchSize: 1, seed: 9)
      let step = TrainingStep(index: index, draws: StreamDraws(RandomStream(seed: 4)), source: source)
      try step.run { try system.step($0) }
      return step.logged.first { $0.name == "l1" }?.value.item() ?? .nan
    }
    #expect((losses.last ?? .nan) < losses[0] * 0.9)
  }

  @Test func theLearningRateFallsAsTheAuthorsDoes() throws {
    var configuration = tiny()
    configuration.constantEpochs = 10
    configuration.decayEpochs = 4
    let system = try make(Pix2Pix.self, configuration)
    for (epoch, factor) in [(0.0, 1.0), (9.9, 1), (10, 0.8), (11.5, 0.6), (13, 0.2), (20, 0)] {
      try train(system, steps: 0..<1, epoch: epoch)
      let rates = system.optimizers.map(\.optimizer.learningRate)
      #expect(rates.allSatisfy { abs($0 - 2e-4 * factor) < 1e-12 }, "\(epoch)")
    }
  }

  @Test func anyChannelsGoInAndOut() throws {
    for kind in TranslationGenerator.allCases {
      var configuration = tiny()
      configuration.generator = kind
      configuration.downsamplings = kind == .unet ? 6 : 2
      configuration.blocks = 1
      configuration.inputChannels = 1
      configuration.outputChannels = 4
      let system = try make(Pix2Pix.self, configuration)
      try train(system, steps: 0..<1)
      #expect(try translated(system, .zeros([1, 1, 64, 64])).shape == [1, 4, 64, 64])
    }
  }

  @Test func changesOfWhatTheDiscriminatorSeesTrainToo() throws {
    var configuration = tiny()
    configuration.diffAugment = DiffAugment.Change.allCases
    let logged = try train(make(Pix2Pix.self, configuration), steps: 0..<2)
    #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
  }

  @Test func valuesThatCannotWorkAreNamed() {
    func sentence(_ change: (inout Pix2Pix.Configuration) -> Void) -> String {
      var configuration = tiny()
      change(&configuration)
      return refusal(configuration)
    }
    #expect(sentence { _ in }.isEmpty)
    #expect(sentence { $0.imageSize = 96 }.contains("multiple of 64"))
    #expect(sentence { $0.downsamplings = 1 }.contains("downsamplings"))
    #expect(sentence { $0.layers = 5 }.contains("at least 96"))
    #expect(sentence { $0.loadSize = 60 }.contains("loadSize"))
    #expect(sentence { $0.weights.l1 = -1 }.contains("weights.l1"))
    #expect(sentence { ($0.weights.l1, $0.weights.adversarial) = (0, 0) }.contains("nothing to learn"))
    #expect(sentence { $0.decayEpochs = -1 }.contains("decayEpochs"))
  }

  @Test func everyPresetIsValidAndOneIsSmall() {
    #expect(Pix2Pix.Configuration.presets.allSatisfy { refusal($0.configuration).isEmpty })
    #expect(CycleGAN.Configuration.presets.allSatisfy { refusal($0.configuration).isEmpty })
    #expect(Pix2PixHD.Configuration.presets.allSatisfy { refusal($0.configuration).isEmpty })
    #expect(Pix2Pix.Configuration.presets.map(\.name).contains("small"))
    #expect(CycleGAN.Configuration.presets.map(\.name).contains("small"))
    #expect(Pix2PixHD.Configuration.presets.map(\.name).contains("small"))
  }

  @Test func runningStatisticsOfOldInstanceNormsAreLeftOut() throws {
    var configuration = tiny()
    configuration.norm = .instance
    let network = try #require(try make(Pix2Pix.self, configuration).network("discriminator"))
    var old = network.module.hostState()
    for name in ["running_mean", "running_var"] { old.append(("model.3." + name, HostTensor([0, 0, 0, 0]))) }
    old.append(("model.3.num_batches_tracked", HostTensor([7], shape: [])))
    try network.loadAuthorsWeights(old, from: "latest_net_D.pth")
    old.append(("model.2.running_mean", HostTensor([0, 0, 0, 0])))
    #expect(throws: CheckpointError.self) { try network.loadAuthorsWeights(old, from: "latest_net_D.pth") }
  }
}

@Suite struct DiffAugmentTests {
  private let pictures = Tensor.arange(96).asType(.float32).reshaped([2, 3, 4, 4]) / 48 - 1

  private func changed(
    _ changes: [DiffAugment.Change], _ draws: [String: Tensor], beside condition: Tensor? = nil
  ) -> Tensor {
    let recorded = RecordedDraws(
      Dictionary(uniqueKeysWithValues: draws.map { ("d." + $0.key, $0.value.reshaped([2, 1, 1, 1])) }))
    return DiffAugment(changes)(pictures, beside: condition, draws: recorded, name: "d")
  }

  @Test func coloursChangeAsInTheAuthorsCode() {
    let draws = [
      "brightness": Tensor([0.1, 0.8] as [Float]), "saturation": Tensor([0.3, 0.9] as [Float]),
      "contrast": Tensor([0.6, 0.2] as [Float]),
    ]
    let pixel = changed([.color], draws).slice(2, 1, 2).slice(3, 2, 3).doubles()
    let expected = [-1.1647916, -0.9447916, -0.7247916, 0.3477083, 0.7677084, 1.1877084]
    #expect(zip(pixel, expected).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func shiftsAndHolesAreTheAuthors() {
    let shifts = ["translationX": Tensor([0, 2]), "translationY": Tensor([2, 1])]
    let moved = changed([.translation], shifts).slice(1, 1, 2).doubles()
    #expect(Array(moved[0..<5]) == [0, 0, 0, 0, moved[4]] && abs(moved[4] + 0.6458334) < 1e-6)
    #expect(moved[7] == 0 && abs(moved[16] - 0.4166666) < 1e-6 && moved[28...] == [0, 0, 0, 0])
    let holes = ["cutoutX": Tensor([0, 4]), "cutoutY": Tensor([3, 2])]
    let kept = changed([.cutout], holes).slice(1, 0, 1).notEqual(0).asType(.int64).integers()
    let expected = [1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    #expect(Array(kept[0..<16]) == expected)
    // The second picture begins with a value that is zero by itself.
    #expect(Array(kept[16...]) == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1])
  }

  @Test func aConditionMovesWithItsPictureAndKeepsItsColours() {
    let draws = [
      "brightness": Tensor([0.9, 0.9] as [Float]), "saturation": Tensor([0.5, 0.5] as [Float]),
      "contrast": Tensor([0.5, 0.5] as [Float]), "translationX": Tensor([2, 0]),
      "translationY": Tensor([1, 2]),
    ]
    let joined = changed([.color, .translation], draws, beside: pictures)
    let moved = changed([.translation], draws)
    #expect(joined.shape == [2, 6, 4, 4])
    #expect(joined.slice(1, 0, 3).floats() == moved.floats())
    let difference = (joined.slice(1, 3, 6) - joined.slice(1, 0, 3)).doubles()
    #expect(difference.allSatisfy { abs($0) < 1e-6 || abs($0 - 0.4) < 1e-5 })
    #expect(difference.contains { abs($0 - 0.4) < 1e-5 })
  }

  @Test func gradientsFlowThroughEveryChange() {
    let x = pictures.cloned()
    x.requiresGradient = true
    let draws = StreamDraws(RandomStream(seed: 3))
    let y = DiffAugment(DiffAugment.Change.allCases)(x, draws: draws, name: "d")
    let derivative = gradients(of: y.square().sum(), withRespectTo: [x])[0]
    #expect(derivative.isFinite() && derivative.abs().sum().item() > 0)
  }
}
