import AtelierCore
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

private func tinySPADE() -> SPADE.Configuration {
  var configuration = SPADE.Configuration()
  configuration.classes = 3
  configuration.imageWidth = 64
  configuration.imageHeight = 32
  configuration.width = 2
  configuration.spadeHidden = 3
  configuration.discriminatorWidth = 2
  configuration.layers = 3
  configuration.latent = 4
  configuration.encoderSize = 16
  configuration.batchSize = 2
  return configuration
}

private func tinyOASIS() -> OASIS.Configuration {
  var configuration = OASIS.Configuration()
  configuration.classes = 3
  configuration.dontcare = false
  configuration.imageWidth = 32
  configuration.imageHeight = 32
  configuration.blocks = 4
  configuration.width = 2
  configuration.latent = 3
  configuration.spadeHidden = 3
  configuration.discriminatorWidth = 2
  configuration.batchSize = 2
  return configuration
}

private func tinySEAN() -> SEAN.Configuration {
  var configuration = SEAN.Configuration()
  configuration.classes = 3
  configuration.imageWidth = 32
  configuration.imageHeight = 32
  configuration.width = 2
  configuration.spadeHidden = 3
  configuration.styleLength = 4
  configuration.encoderWidth = 2
  configuration.discriminatorWidth = 2
  configuration.batchSize = 2
  return configuration
}

/// A map whose left half is class 0 and whose right half is class 1.
private func halves(_ height: Int, _ width: Int, count: Int = 1) -> Tensor {
  let row = (0..<width).map { $0 * 2 / width }
  return Tensor((0..<(count * height)).flatMap { _ in row }, shape: [count, height, width])
}

/// Batches of random maps and pictures.
private final class MapSource: BatchSource {
  private let stream = RandomStream(seed: 8)
  private let shape: [Int]
  private let classes: Int

  init(_ shape: [Int], classes: Int) {
    self.shape = shape
    self.classes = classes
  }

  func next() -> Batch {
    Batch([
      "label": stream.integers(below: classes, shape), "instance": stream.integers(below: 4, shape),
      "image": stream.uniform([shape[0], 3] + shape.dropFirst()) * 2 - 1,
    ])
  }
}

@discardableResult
private func train(
  _ system: any GenerativeSystem, on source: any BatchSource, steps: Int, epoch: Double = 0
) throws -> [[String: Double]] {
  try (0..<steps).map { index in
    let draws = StreamDraws(RandomStream(seed: 5, purpose: "draws", step: index))
    let step = TrainingStep(index: index, epoch: epoch, draws: draws, source: source)
    try step.run { try system.step($0) }
    return Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { _, last in last }
  }
}

/// What a system generates, as one tensor.
private func generated(
  _ system: any GenerativeSystem, _ inputs: [String: Tensor], seed: UInt64 = 1
) throws -> Tensor {
  var parts: [Tensor] = []
  let request = Request(
    conditions: inputs.mapValues { .tensor($0) }, draws: StreamDraws(RandomStream(seed: seed)))
  try system.draw(request) { if let images = $0.tensor { parts.append(images) } }
  return .concatenated(parts, dim: 0)
}

/// The sentence with which a request is refused; empty where it is not.
private func refusalOf(_ system: any GenerativeSystem, _ inputs: [String: Tensor]) -> String {
  do {
    _ = try generated(system, inputs)
    return ""
  } catch {
    return "\(error)"
  }
}

/// The largest difference between two pictures where a mask `[height, width]` is 1.
private func difference(_ a: Tensor, _ b: Tensor, where mask: Tensor) -> Double {
  ((a - b).abs() * mask).max().item()
}

@Suite struct SPADETests {
  @Test(arguments: [(151, false, 96_492_483, 5_836_930), (35, true, 93_048_003, 5_601_410)])
  func theNetworksHaveTheAuthorsSizes(
    _ classes: Int, _ hasEdges: Bool, _ generator: Int, _ discriminator: Int
  ) throws {
    var configuration = SPADE.Configuration()
    configuration.classes = classes
    configuration.instanceEdges = hasEdges
    let system = try make(SPADE.self, configuration)
    #expect(system.network("generator")?.module.parameterCount == generator)
    #expect(system.network("discriminator")?.module.parameterCount == discriminator)
  }

  @Test func moreClassesCostWhatThePaperSays() throws {
    // COCO-Stuff's 97,480,899 from ADE20K's 96,492,483: each class costs a kernel in every layer that sees it.
    func count(_ classes: Int) throws -> Int {
      var configuration = tinySPADE()
      configuration.classes = classes
      return try make(SPADE.self, configuration).network("generator")?.module.parameterCount ?? 0
    }
    let (hidden, width) = (3 * 9 * 18, 16 * 2 * 9)
    #expect(try count(13) - count(12) == hidden + width)
    let more = 33 * (128 * 9 * 18 + 16 * 64 * 9)
    #expect(97_480_899 - 96_492_483 == more)
  }

  @Test func theNetworksHaveTheAuthorsNames() throws {
    var configuration = tinySPADE()
    configuration.encoder = .convolutional
    configuration.upsampling = .most
    configuration.imageWidth = 128
    configuration.imageHeight = 128
    let system = try make(SPADE.self, configuration)
    let names = try authorsNames(system.network("generator"))
    #expect(names.first == "fc.weight" && names.last == "conv_img.bias")
    for name in [
      "head_0.conv_0.weight_orig", "G_middle_1.norm_0.mlp_shared.0.weight",
      "up_0.norm_s.param_free_norm.num_batches_tracked", "up_4.conv_s.weight_v", "up_3.norm_1.mlp_beta.bias",
    ] { #expect(names.contains(name), "\(name)") }
    let judge = try authorsNames(system.network("discriminator"))
    #expect(judge.contains("discriminator_1.model2.0.0.weight_u"))
    #expect(judge.contains("discriminator_0.model3.0.bias"))
    let encoder = try authorsNames(system.network("encoder"))
    #expect(encoder.contains("layer1.0.weight_orig") && encoder.contains("fc_var.bias"))
  }

  @Test func everyFormTrainsAndGenerates() throws {
    var forms = [tinySPADE()]
    for change in [
      { $0.norm = .none }, { $0.norm = .batch }, { $0.norm = .instance }, { $0.spectralNorm = false },
      { $0.spadeKernel = 1 }, { $0.instanceEdges = true }, { $0.layers = 1 },
      { $0.discriminatorNorm = .batch }, { $0.discriminatorNorm = .spectral },
      { $0.adversarialLoss = .lsgan }, { $0.weights.featureMatching = 0 }, { $0.encoder = .convolutional },
      {
        $0.generator = .global; $0.downsamplings = 2; $0.blocks = 1
      }, { $0.diffAugment = [.color, .translation, .cutout] },
    ] as [(inout SPADE.Configuration) -> Void] {
      var form = tinySPADE()
      change(&form)
      forms.append(form)
    }
    for form in forms {
      let system = try make(SPADE.self, form)
      let logged = try train(system, on: MapSource([2, 32, 64], classes: 3), steps: 2)
      #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
      #expect(try generated(system, ["label": halves(32, 64)]).shape == [1, 3, 32, 64])
    }
  }

  @Test func otherSizesThanTrainingsCanBeGenerated() throws {
    for hasEncoder in [false, true] {
      var configuration = tinySPADE()
      configuration.encoder = hasEncoder ? .convolutional : nil
      let system = try make(SPADE.self, configuration)
      #expect(try generated(system, ["label": halves(64, 64)]).shape == [1, 3, 64, 64])
    }
  }

  @Test func aStyleIsDrawnOrTakenFromAPicture() throws {
    var configuration = tinySPADE()
    configuration.encoder = .convolutional
    let system = try make(SPADE.self, configuration)
    try train(system, on: MapSource([2, 32, 64], classes: 3), steps: 2)
    let label = halves(32, 64)
    let picture = RandomStream(seed: 3).uniform([1, 3, 32, 64]) * 2 - 1
    let (one, other) = (
      try generated(system, ["label": label], seed: 1), try generated(system, ["label": label], seed: 2)
    )
    #expect(one.floats() != other.floats())
    let given = try generated(system, ["label": label, "style": picture], seed: 1)
    #expect(try given.floats() == generated(system, ["label": label, "style": picture], seed: 2).floats())
  }

  @Test func theStylesOfAStepAreOneDrawCalledEpsilon() throws {
    var configuration = tinySPADE()
    configuration.encoder = .convolutional
    let drawn = RandomStream(seed: 6).normal([2, 2, 4])
    // A training's own stream, whose numbers go by order and not by name, and the recording of them.
    let sources: [any Draws] = [StreamDraws(RandomStream(seed: 6)), RecordedDraws(["epsilon": drawn])]
    let after = try sources.map { draws in
      let system = try make(SPADE.self, configuration)
      let step = TrainingStep(index: 0, draws: draws, source: MapSource([2, 32, 64], classes: 3))
      try step.run { try system.step($0) }
      return system.networks.map { $0.module.hostState().map(\.tensor) }
    }
    #expect(after[0] == after[1])
    // The generator's own update has the first half.
    let system = try make(SPADE.self, configuration)
    let batch = MapSource([2, 32, 64], classes: 3).next()
    let inputs = batch.tensors.merging(["epsilon": drawn.selected(dim: 0, index: 0)]) { _, new in new }
    #expect(try system.network("generator")?.forward(nil, inputs)["image"]?.shape == [2, 3, 32, 64])
  }

  @Test func twoTimeScalesFallTogether() throws {
    var configuration = tinySPADE()
    configuration.constantEpochs = 10
    configuration.decayEpochs = 4
    let system = try make(SPADE.self, configuration)
    for (epoch, factor) in [(0.0, 1.0), (10, 1), (11, 0.75), (13, 0.25), (20, 0)] {
      try train(system, on: MapSource([2, 32, 64], classes: 3), steps: 1, epoch: epoch)
      let rates = system.optimizers.map(\.optimizer.learningRate)
      #expect(abs(rates[0] - 1e-4 * factor) < 1e-12 && abs(rates[1] - 4e-4 * factor) < 1e-12, "\(epoch)")
    }
  }

  @Test func mapsThatDoNotFitAreRefused() throws {
    var configuration = tinySPADE()
    configuration.instanceEdges = true
    let system = try make(SPADE.self, configuration)
    #expect(refusalOf(system, [:]).contains("label maps"))
    let beyond = Tensor.full([1, 32, 64], 7).asType(.int64)
    #expect(refusalOf(system, ["label": beyond]).contains("the label 7, and the classes are 0 … 2"))
    let instances = halves(16, 64)
    #expect(refusalOf(system, ["label": halves(32, 64), "instance": instances]).contains("64 × 16"))
  }

  @Test func valuesThatCannotWorkAreNamed() {
    func sentence(_ change: (inout SPADE.Configuration) -> Void) -> String {
      var configuration = tinySPADE()
      change(&configuration)
      return refusal(configuration)
    }
    #expect(sentence { _ in }.isEmpty)
    #expect(sentence { $0.imageWidth = 48 }.contains("imageWidth"))
    #expect(sentence { $0.spadeKernel = 2 }.contains("spadeKernel"))
    #expect(sentence { $0.scales = 4 }.contains("scales"))
    #expect(sentence { $0.encoderSize = 20 }.contains("encoderSize"))
    #expect(sentence { $0.latent = 0 }.isEmpty)
    #expect(sentence { $0.latent = -1 }.contains("latent"))
    let unstyled = sentence {
      $0.encoder = .convolutional
      $0.latent = 0
    }
    #expect(unstyled.contains("with an encoder latent is at least 1"))
    #expect(sentence { $0.weights.kl = -1 }.contains("weights.kl"))
    #expect(sentence { $0.generatorLearningRate = 0 }.contains("generatorLearningRate"))
    #expect(sentence { $0.initializationGain = -1 }.contains("initializationGain"))
    let styled = sentence {
      $0.generator = .global
      $0.encoder = .convolutional
    }
    #expect(styled.contains("encoder"))
  }
}

@Suite struct OASISTests {
  @Test(arguments: [
    (151, 74_314_691, 22_258_904), (35, 71_107_523, 22_251_364), (183, 75_199_427, 22_260_984),
  ])
  func theNetworksHaveTheAuthorsSizes(_ classes: Int, _ generator: Int, _ discriminator: Int) throws {
    // The authors count the weights of convolutions; here there are no others.
    var configuration = OASIS.Configuration()
    configuration.classes = classes
    let system = try make(OASIS.self, configuration)
    #expect(system.network("generator")?.module.parameterCount == generator)
    #expect(system.network("discriminator")?.module.parameterCount == discriminator)
  }

  @Test func rareClassesWeighAsMuchAsFrequentOnes() throws {
    let system = try make(OASIS.self, tinyOASIS())
    // Twelve pixels of class 0, four of class 2, none of class 1: 16 / (2 · 12) and 16 / (2 · 4).
    let label = Tensor([Int](repeating: 0, count: 12) + [2, 2, 2, 2], shape: [1, 4, 4])
    let logits = Tensor.zeros([1, 4, 4, 4])
    let losses = try system.losses(of: ["logits": logits, "label": label])
    let balance = losses["balance"]?.floats() ?? []
    #expect(balance.prefix(12).allSatisfy { abs($0 - 2.0 / 3) < 1e-6 })
    #expect(balance.suffix(4).allSatisfy { abs($0 - 2) < 1e-6 })
    // Equal logits: the cross-entropy is log 4, and the weights have the mean 1.
    #expect(abs((losses["real"]?.item() ?? 0) - 1.3862944) < 1e-5)
    #expect(abs((losses["fake"]?.item() ?? 0) - 1.3862944) < 1e-5)
  }

  @Test func pixelsWithoutALabelCountNowhere() throws {
    var configuration = tinyOASIS()
    configuration.dontcare = true
    configuration.ignoreLabel = 2
    let system = try make(OASIS.self, configuration)
    let label = Tensor([0, 0, 1, 2], shape: [1, 2, 2])
    let losses = try system.losses(of: ["logits": .zeros([1, 4, 2, 2]), "label": label])
    #expect(losses["balance"]?.floats() == [0, 0, 4, 0])
    // A map of nothing else has a loss, and it is 0.
    let empty = try system.losses(of: [
      "logits": .zeros([1, 4, 2, 2]), "label": .zeros([1, 2, 2], dtype: .int64),
    ])
    #expect(empty["real"]?.item() == 0)
  }

  @Test func everyFormTrainsAndGenerates() throws {
    var forms = [tinyOASIS()]
    for change in [
      { $0.latent = 0 }, { $0.norm = .none }, { $0.norm = .batch }, { $0.spectralNorm = false },
      { $0.discriminatorNorm = OASIS.Configuration.DiscriminatorNorm.none }, { $0.classBalancing = false },
      { $0.weights.labelMix = 0 }, { $0.dontcare = true }, { $0.blocks = 2 },
      { $0.diffAugment = [.translation, .cutout] },
    ] as [(inout OASIS.Configuration) -> Void] {
      var form = tinyOASIS()
      change(&form)
      forms.append(form)
    }
    for form in forms {
      let system = try make(OASIS.self, form)
      let logged = try train(system, on: MapSource([2, 32, 32], classes: 3), steps: 2)
      #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
      #expect(try generated(system, ["label": halves(32, 32)]).shape == [1, 3, 32, 32])
    }
  }

  @Test func withoutNoiseAndLabelMixNothingIsDrawn() throws {
    var configuration = tinyOASIS()
    configuration.latent = 0
    configuration.weights.labelMix = 0
    let system = try make(OASIS.self, configuration)
    let source = MapSource([2, 32, 32], classes: 3)
    for index in 0..<2 {
      let step = TrainingStep(index: index, draws: RecordedDraws([String: Tensor]()), source: source)
      try step.run { try system.step($0) }
      #expect(!step.logged.contains { $0.name == "labelMix" })
    }
    // The first convolution sees the labels alone.
    let names = try #require(system.network("generator")).module.state()
    #expect(names.first { $0.name == "entrance.weight" }?.tensor.shape[1] == 3)
    #expect(
      try generated(system, ["label": halves(32, 32)], seed: 1).floats()
        == generated(system, ["label": halves(32, 32)], seed: 2).floats())
  }

  @Test func aGivenMaskMixesThePictures() throws {
    // A mask of ones shows the real picture: its logits are compared with themselves.
    final class Masked: BatchSource {
      let mask: Tensor
      private let source = MapSource([2, 32, 32], classes: 3)
      init(_ mask: Tensor) { self.mask = mask }
      func next() -> Batch { Batch(source.next().tensors.merging(["mask": mask]) { _, new in new }) }
    }
    var configuration = tinyOASIS()
    // Spectral normalisation improves between two passes, so that they would differ a little.
    configuration.spectralNorm = false
    for value in [0.0, 1] {
      let system = try make(OASIS.self, configuration)
      let logged = try train(system, on: Masked(.full([2, 1, 32, 32], value)), steps: 1)
      #expect(abs(logged[0]["labelMix"] ?? 1) < 1e-9)
    }
    let system = try make(OASIS.self, configuration)
    // Sometimes all of the coins fall alike.
    let mixed = try train(system, on: MapSource([2, 32, 32], classes: 3), steps: 6)
    #expect(mixed.contains { ($0["labelMix"] ?? 0) > 0 })
  }

  @Test func localNoiseChangesItsRegionOnly() throws {
    var configuration = tinyOASIS()
    configuration.spadeKernel = 1
    // Running statistics before any training say nothing, and every pixel would be black or white.
    configuration.norm = .instance
    let system = try make(OASIS.self, configuration)
    let label = halves(32, 32, count: 2)
    let region = halves(32, 32).asType(.float32)
    func pair(_ inputs: [String: Tensor]) throws -> (Tensor, Tensor) {
      let both = try generated(system, inputs)
      return (both.slice(0, 0, 1), both.slice(0, 1, 2))
    }
    let (a, b) = try pair(["label": label, "regions": region])
    // What convolutions carry over the border stays near it.
    let far = Tensor((0..<32).map { Float($0 < 4 ? 1 : 0) }, shape: [1, 1, 1, 32])
    let inside = Tensor((0..<32).map { Float($0 >= 28 ? 1 : 0) }, shape: [1, 1, 1, 32])
    #expect(difference(a, b, where: inside) > difference(a, b, where: far))
    let (c, d) = try pair(["label": label])
    #expect(difference(c, d, where: far) > 0)
    let same = try generated(system, ["label": label, "noise": .zeros([1, 3])])
    #expect(same.slice(0, 0, 1).floats() == same.slice(0, 1, 2).floats())
  }

  @Test func generationUsesTheAverage() throws {
    let system = try make(OASIS.self, tinyOASIS())
    let label = halves(32, 32)
    let noise = Tensor.zeros([1, 3])
    let before = try generated(system, ["label": label, "noise": noise])
    for (_, tensor) in system.network("generator")?.module.namedParameters() ?? [] { tensor.fill(0) }
    #expect(try generated(system, ["label": label, "noise": noise]).floats() == before.floats())
  }

  @Test func mapsThatDoNotFitAreRefused() throws {
    let system = try make(OASIS.self, tinyOASIS())
    let label = halves(32, 32)
    #expect(refusalOf(system, ["label": label + 5.0]).contains("the classes are 0 … 2"))
    let mask = Tensor.zeros([1, 16, 16])
    #expect(refusalOf(system, ["label": label, "regions": mask]).contains("the mask of regions is 16 × 16"))
  }

  @Test func valuesThatCannotWorkAreNamed() {
    func sentence(_ change: (inout OASIS.Configuration) -> Void) -> String {
      var configuration = tinyOASIS()
      change(&configuration)
      return refusal(configuration)
    }
    #expect(sentence { _ in }.isEmpty)
    #expect(sentence { $0.imageHeight = 40 }.contains("imageHeight"))
    #expect(sentence { $0.blocks = 7 }.contains("blocks"))
    #expect(sentence { $0.ignoreLabel = 3 }.contains("ignoreLabel"))
    #expect(sentence { $0.averageDecay = 1 }.contains("averageDecay"))
    #expect(sentence { $0.diffAugment = [.color] }.contains("diffAugment"))
    #expect(sentence { $0.initializationGain = 0 }.contains("initializationGain"))
  }

  @Test func theGainIsAFactorOfTheFirstWeights() throws {
    func first(_ gain: Double) throws -> [Float] {
      var configuration = tinyOASIS()
      configuration.initializationGain = gain
      return try make(OASIS.self, configuration).networks.flatMap { network in
        network.module.namedParameters().filter { $0.0.hasSuffix("weight") }
          .flatMap { $0.1.detached().contiguous().floats() }
      }
    }
    let ratios = zip(try first(1), try first(0.02)).map { $0 / $1 }
    #expect(!ratios.isEmpty && ratios.allSatisfy { abs($0 / 50 - 1) < 1e-4 })
  }
}

@Suite struct SEANTests {
  private func pictures(_ count: Int, seed: UInt64 = 3) -> Tensor {
    RandomStream(seed: seed).uniform([count, 3, 32, 32]) * 2 - 1
  }

  @Test func theNetworksHaveTheAuthorsNames() throws {
    let system = try make(SEAN.self, tinySEAN())
    let names = try authorsNames(system.network("generator"))
    #expect(names.first == "Zencoder.model.1.weight" && names.last == "conv_img.bias")
    for name in [
      "Zencoder.model.10.weight", "head_0.ace_0.blending_gamma", "up_1.ace_s.fc_mu18.bias",
      "G_middle_1.ace_1.Spade.mlp_shared.0.weight", "up_2.ace_0.conv_beta.weight", "up_0.conv_s.weight_orig",
      "up_3.ace_1.noise_var",
    ] { #expect(names.contains(name), "\(name)") }
    #expect(!names.contains("up_3.ace_0.fc_mu0.weight"))
  }

  @Test func everyFormTrainsAndGenerates() throws {
    var forms = [tinySEAN()]
    for change in [
      { $0.norm = .none }, { $0.norm = .instance }, { $0.spectralNorm = false }, { $0.spadeKernel = 5 },
      { $0.weights.featureMatching = 0 }, { $0.diffAugment = [.color, .translation] },
      {
        $0.upsampling = .more; $0.imageWidth = 64; $0.imageHeight = 64
      },
    ] as [(inout SEAN.Configuration) -> Void] {
      var form = tinySEAN()
      change(&form)
      forms.append(form)
    }
    for form in forms {
      let system = try make(SEAN.self, form)
      let (height, width) = (form.imageHeight, form.imageWidth)
      let logged = try train(system, on: MapSource([2, height, width], classes: 3), steps: 2)
      #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
      #expect(try generated(system, ["label": halves(height, width)]).shape == [1, 3, height, width])
    }
  }

  @Test func aRegionWithoutAPictureHasNoStyle() throws {
    let system = try make(SEAN.self, tinySEAN())
    let codes = try system.styles(of: pictures(1), labels: halves(32, 32))
    #expect(codes.shape == [1, 3, 4])
    #expect(codes.selected(dim: 1, index: 2).abs().max().item() == 0)
    #expect(codes.selected(dim: 1, index: 1).abs().max().item() > 0)
  }

  @Test func oneRegionsStyleChangesThatRegion() throws {
    let system = try make(SEAN.self, tinySEAN())
    // Running statistics before any training say nothing, and every pixel would be black or white.
    try train(system, on: MapSource([2, 32, 32], classes: 3), steps: 24)
    let label = halves(32, 32)
    let codes = try system.styles(of: pictures(1), labels: label)
    let onlyOne = Tensor([0, 1, 0] as [Float], shape: [1, 3, 1])
    let a = try generated(system, ["label": label, "styleCodes": codes])
    let b = try generated(system, ["label": label, "styleCodes": codes * (1 - onlyOne) + onlyOne * 0.9])
    let far = Tensor((0..<32).map { Float($0 < 4 ? 1 : 0) }, shape: [1, 1, 1, 32])
    let inside = Tensor((0..<32).map { Float($0 >= 20 ? 1 : 0) }, shape: [1, 1, 1, 32])
    #expect(difference(a, b, where: inside) > difference(a, b, where: far))
  }

  @Test func stylesOfSeveralPicturesAreMixedByRegion() throws {
    let system = try make(SEAN.self, tinySEAN())
    let (label, maps) = (halves(32, 32), halves(32, 32, count: 2))
    let two = pictures(2)
    let codes = try system.styles(of: two, labels: maps)
    // The left region from the first picture, the right one from the middle of both.
    let weights = Tensor([1, 0, 0.5, 0.5, 1, 0] as [Float], shape: [1, 3, 2])
    let mixed = Tensor.concatenated(
      [
        codes.slice(0, 0, 1).slice(1, 0, 1),
        (codes.slice(0, 0, 1).slice(1, 1, 2) + codes.slice(0, 1, 2).slice(1, 1, 2)) * 0.5,
        Tensor.zeros([1, 1, 4]),
      ], dim: 1)
    let expected = try generated(system, ["label": label, "styleCodes": mixed])
    let found = try generated(
      system, ["label": label, "style": two, "styleLabel": maps, "styleWeights": weights])
    #expect(difference(expected, found, where: .ones([1])) < 1e-5)
    let own = try generated(system, ["label": maps, "image": two])
    let alone = try generated(system, ["label": label, "image": two.slice(0, 0, 1)])
    #expect(difference(own.slice(0, 0, 1), alone, where: .ones([1])) < 1)
  }

  @Test func theMeanStyleStandsInForWhatAPictureLacks() throws {
    let system = try make(SEAN.self, tinySEAN())
    let label = halves(32, 32)
    let zero = Tensor.zeros([1, 32, 32], dtype: .int64)
    let inputs = ["label": label, "style": pictures(1), "styleLabel": zero]
    #expect(refusalOf(system, inputs).contains("the region of class 1 has no style"))
    try train(system, on: MapSource([2, 32, 32], classes: 3), steps: 1)
    #expect(refusalOf(system, inputs).isEmpty)
    let means = try system.network("meanStyles")?.forward(nil, [:])["codes"]
    #expect((means?.abs().max().item() ?? 0) > 0)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let system = try make(SEAN.self, tinySEAN())
    let label = halves(32, 32)
    let small = RandomStream(seed: 1).uniform([1, 3, 16, 16])
    #expect(refusalOf(system, ["label": label, "image": small]).contains("a style image is 16 × 16"))
    #expect(refusalOf(system, ["label": label, "style": pictures(2)]).contains("styleLabel"))
    #expect(refusalOf(system, ["label": label, "styleCodes": .zeros([1, 2, 4])]).contains("styleCodes"))
    let weights = Tensor.ones([1, 3, 2])
    let wrong = ["label": label, "style": pictures(1), "styleWeights": weights]
    #expect(refusalOf(system, wrong).contains("styleWeights"))
    #expect(refusalOf(system, ["label": label - 1.0, "image": pictures(1)]).contains("the label -1"))
  }
}

@Suite struct MapImportTests {
  /// A system's weights as its authors' programs would save them.
  private func files(_ system: any GenerativeSystem, _ names: [String]) throws -> [ForeignWeights] {
    try names.map { name in
      let network = try #require(system.network(name))
      let tensors = try network.authorsNames.translate(network.module.hostState(), toOurs: false)
      return ForeignWeights(url: URL(filePath: "/latest_\(name).pth"), tensors: tensors)
    }
  }

  @Test func aSPADEIsRecognisedByItsShapes() throws {
    var configuration = tinySPADE()
    configuration.encoder = .convolutional
    configuration.spadeKernel = 5
    configuration.norm = .instance
    let own = try make(SPADE.self, configuration)
    let weights = try files(own, ["discriminator", "generator", "encoder"])
    let (system, untouched) = try SPADE.importing(
      weights, changes: ["imageWidth": .integer(64), "imageHeight": .integer(32)],
      using: RandomStream(seed: 9))
    #expect(untouched.isEmpty && system.configuration.latent == 4 && system.configuration.encoderSize == 16)
    #expect(system.configuration.layers == 3 && system.configuration.spadeHidden == 3)
    let label = halves(32, 64)
    #expect(try generated(system, ["label": label]).floats() == generated(own, ["label": label]).floats())
  }

  @Test func anImportedOASISIsItsOwnAverage() throws {
    var configuration = tinyOASIS()
    configuration.norm = .syncbatch
    let own = try make(OASIS.self, configuration)
    let (system, untouched) = try OASIS.importing(
      files(own, ["generator", "discriminator"]),
      changes: ["imageWidth": .integer(32), "imageHeight": .integer(32), "dontcare": .boolean(false)],
      using: RandomStream(seed: 9))
    #expect(untouched.isEmpty && system.configuration.latent == 3 && system.configuration.blocks == 4)
    let label = halves(32, 32)
    #expect(try generated(system, ["label": label]).floats() == generated(own, ["label": label]).floats())
  }

  @Test func aSEANIsRecognisedByItsShapes() throws {
    let own = try make(SEAN.self, tinySEAN())
    let (system, untouched) = try SEAN.importing(
      files(own, ["generator"]), changes: ["imageWidth": .integer(32), "imageHeight": .integer(32)],
      using: RandomStream(seed: 9))
    #expect(untouched == ["discriminator", "meanStyles"] && system.configuration.styleLength == 4)
    let inputs = ["label": halves(32, 32), "image": RandomStream(seed: 3).uniform([1, 3, 32, 32]) * 2 - 1]
    #expect(try generated(system, inputs).floats() == generated(own, inputs).floats())
  }

  @Test func filesThatDoNotBelongAreRefused() throws {
    let own = try make(SEAN.self, tinySEAN())
    let weights = try files(own, ["discriminator", "generator"])
    #expect(throws: ConfigurationError.self) { try OASIS.recognise(weights) }
    #expect(throws: ConfigurationError.self) { try SEAN.recognise([weights[0]]) }
    #expect(throws: ConfigurationError.self) { try SEAN.recognise([weights[1], weights[1]]) }
  }
}
