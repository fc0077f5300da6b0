import AtelierCore
import AtelierModels
import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

private func tiny() -> Pix2PixHD.Configuration {
  var configuration = Pix2PixHD.Configuration()
  configuration.classes = 3
  configuration.imageWidth = 32
  configuration.imageHeight = 16
  configuration.width = 2
  configuration.downsamplings = 1
  configuration.blocks = 1
  configuration.discriminatorWidth = 2
  configuration.layers = 1
  return configuration
}

/// Batches of random label maps, instances and pictures.
private final class MapSource: BatchSource {
  private let configuration: Pix2PixHD.Configuration
  private let stream = RandomStream(seed: 8)

  init(_ configuration: Pix2PixHD.Configuration) { self.configuration = configuration }

  func next() -> Batch {
    let (height, width) = (configuration.imageHeight, configuration.imageWidth)
    return Batch([
      "label": stream.integers(below: max(1, configuration.classes), [1, height, width]),
      "instance": stream.integers(below: 4, [1, height, width]),
      "image": stream.uniform([1, configuration.outputChannels, height, width]) * 2 - 1,
    ])
  }
}

private func trainOnMaps(
  _ system: Pix2PixHD, steps: Int, epoch: Double = 0
) throws -> [[String: Double]] {
  let source = MapSource(system.configuration)
  return try (0..<steps).map { index in
    let draws = StreamDraws(RandomStream(seed: 5, purpose: "draws", step: index))
    let step = TrainingStep(index: index, epoch: epoch, draws: draws, source: source)
    try step.run { try system.step($0) }
    return Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { _, last in last }
  }
}

@Suite struct Pix2PixHDTests {
  @Test func theNetworksHaveTheAuthorsSizes() throws {
    // A quarter of the authors' width; at full width the generator would take a second to draw.
    var configuration = Pix2PixHD.Configuration()
    configuration.width = 16
    let coarse = try make(Pix2PixHD.self, configuration)
    #expect(coarse.network("generator")?.module.parameterCount == 11_436_115)
    #expect(coarse.network("discriminator")?.module.parameterCount == 5_603_202)
    configuration.generator = .local
    configuration.width = 8
    let fine = try make(Pix2PixHD.self, configuration)
    #expect(fine.network("generator")?.module.parameterCount == 11_465_307)
  }

  @Test func theEnhancersHaveTheAuthorsNames() throws {
    var configuration = tiny()
    configuration.generator = .local
    configuration.localBlocks = 1
    let names = try authorsNames(make(Pix2PixHD.self, configuration).network("generator"))
    #expect(
      names.filter { $0.hasSuffix("weight") } == [
        "model.1.weight", "model.4.weight", "model.7.conv_block.1.weight", "model.7.conv_block.5.weight",
        "model.8.weight", "model1_1.1.weight", "model1_1.4.weight", "model1_2.0.conv_block.1.weight",
        "model1_2.0.conv_block.5.weight", "model1_2.1.weight", "model1_2.5.weight",
      ])
  }

  @Test func theDiscriminatorsHaveTheAuthorsNamesInBothForms() throws {
    var configuration = tiny()
    func names() throws -> [String] {
      try authorsNames(make(Pix2PixHD.self, configuration).network("discriminator")).filter {
        $0.hasSuffix("weight")
      }
    }
    #expect(
      try names() == [
        "scale1_layer0.0.weight", "scale1_layer1.0.weight", "scale1_layer2.0.weight",
        "scale0_layer0.0.weight", "scale0_layer1.0.weight", "scale0_layer2.0.weight",
      ])
    configuration.weights.featureMatching = 0
    #expect(
      try names() == [
        "layer1.0.weight", "layer1.2.weight", "layer1.5.weight", "layer0.0.weight", "layer0.2.weight",
        "layer0.5.weight",
      ])
  }

  @Test func withoutFeatureMatchingTheScoresAreTheOnlyLayer() throws {
    var configuration = tiny()
    let batch = MapSource(configuration).next()
    func outputs() throws -> [String: Tensor] {
      try #require(make(Pix2PixHD.self, configuration).network("discriminator")).forward(nil, batch.tensors)
    }
    let all = try outputs()
    #expect(all.keys.filter { $0.hasPrefix("output0.") }.sorted() == (0...2).map { "output0.layer\($0)" })
    configuration.weights.featureMatching = 0
    let scores = try outputs()
    #expect(scores.keys.filter { $0.contains(".") }.sorted() == ["output0.layer0", "output1.layer0"])
    #expect(try scores.required("output0.layer0").floats() == all.required("output0.layer2").floats())
    configuration.adversarialLoss = .vanilla
    let probabilities = try outputs()
    #expect(
      try probabilities.required("output0.layer0").floats() == all.required("output0").sigmoid().floats())
  }

  @Test func edgesStandWhereInstancesMeet() {
    let map = Tensor([1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1], shape: [1, 4, 3])
    #expect(
      instanceEdges(map).integersOfMask() == [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0])
    #expect(instanceEdges(map.unsqueezed(1)).shape == [1, 1, 4, 3])
  }

  @Test func featuresAreAveragedOverEachInstanceOfEachExample() {
    let map = Tensor([5, 5, -9, 5, 5, 5, 5, 7], shape: [2, 1, 4])
    let features = Tensor([1, 3, 9, 5, 2, 4, 6, 8] as [Float], shape: [2, 1, 1, 4])
    let index = InstanceIndex(map)
    #expect(index.count == 4)
    #expect(index.means(features).floats() == [3, 3, 9, 3, 4, 4, 4, 8])
    let spread = index.spread(Tensor([1, 2, 3, 4] as [Float], shape: [4, 1]))
    #expect(spread.floats() == [1, 1, 2, 1, 3, 3, 3, 4])
  }

  @Test func theGeneratorTellsTheFeaturesOfInstancesThatItSaw() throws {
    var configuration = tiny()
    configuration.encoder = .instanceFeatures
    configuration.encoderDownsamplings = 1
    let system = try make(Pix2PixHD.self, configuration)
    let batch = MapSource(configuration).next()
    func features(_ network: String) throws -> [Float] {
      let outputs = try #require(system.network(network)).forward(nil, batch.tensors)
      return try outputs.required("features").contiguous().floats()
    }
    let found = try features("generator")
    #expect(found == (try features("encoder")) && found.count == 3 * 16 * 32)
    // Alike wherever the instance is the same.
    let ids = batch["instance"].contiguous().integers()
    for id in 0..<4 {
      #expect(Set(zip(ids, found).filter { $0.0 == id }.map(\.1)).count == 1)
    }
  }

  @Test func everyFormTrains() throws {
    var forms: [Pix2PixHD.Configuration] = [tiny()]
    for change in [
      { $0.generator = .local },
      {
        $0.encoder = .instanceFeatures; $0.encoderDownsamplings = 1
      },
      { $0.norm = .batch }, { $0.adversarialLoss = .vanilla }, { $0.weights.featureMatching = 0 },
      { $0.instanceEdges = false },
    ] as [(inout Pix2PixHD.Configuration) -> Void] {
      var form = tiny()
      change(&form)
      forms.append(form)
    }
    for form in forms {
      let system = try make(Pix2PixHD.self, form)
      let before = system.networks.map { $0.module.hostState().map(\.tensor) }
      let logged = try trainOnMaps(system, steps: 2)
      #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
      let after = system.networks.map { $0.module.hostState().map(\.tensor) }
      #expect(zip(before, after).allSatisfy { $0 != $1 })
      var drawn: Tensor?
      let request = Request(
        conditions: ["label": .tensor(.zeros([1, 16, 32], dtype: .int64))],
        draws: StreamDraws(RandomStream(seed: 2)))
      try system.draw(request) { if let images = $0.tensor { drawn = images } }
      #expect(drawn?.shape == [1, 3, 16, 32])
    }
  }

  @Test func aPictureCanBeTheCondition() throws {
    var configuration = tiny()
    configuration.classes = 0
    configuration.instanceEdges = false
    configuration.inputChannels = 1
    let system = try make(Pix2PixHD.self, configuration)
    let logged = try train(system, steps: 0..<1)
    #expect(logged.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    let picture = try system.translate(
      .zeros([1, 1, 16, 32]), direction: system.direction(named: nil),
      draws: StreamDraws(RandomStream(seed: 2)))
    #expect(picture.shape == [1, 3, 16, 32])
  }

  @Test func atFirstTheOutermostEnhancerLearnsAlone() throws {
    var configuration = tiny()
    configuration.generator = .local
    configuration.fixGlobalEpochs = 2
    let system = try make(Pix2PixHD.self, configuration)
    let generator = try #require(system.network("generator")).module
    func changed(by epoch: Double) throws -> Set<String> {
      let before = generator.hostState()
      _ = try trainOnMaps(system, steps: 1, epoch: epoch)
      let pairs = zip(before, generator.hostState()).filter { $0.tensor != $1.tensor }
      return Set(pairs.map { String($0.0.name.prefix(6)) })
    }
    #expect(try changed(by: 1.5) == ["enhanc"])
    #expect(try changed(by: 2) == ["enhanc", "global"])
  }

  @Test func thePerceptualLossComparesFiveLayersOfPicturesAsTheyAre() throws {
    var configuration = tiny()
    configuration.weights.perceptual = 10
    configuration.features = .vgg16
    let system = try make(Pix2PixHD.self, configuration)
    try system.fillFrozenNetworks(from: .drawn(seed: 3))
    #expect(system.trainedNetworks.map(\.name) == ["generator", "discriminator"])
    let batch = MapSource(configuration).next()
    let generator = try #require(system.network("generator"))
    let fake = try withoutGradients {
      try #require(
        try generator.forward(nil, ["label": batch["label"], "instance": batch["instance"]])["image"])
    }
    let layers = [
      ("relu1_1", 1.0 / 32), ("relu2_1", 1.0 / 16), ("relu3_1", 0.125), ("relu4_1", 0.25), ("relu5_1", 1),
    ]
    let vgg = try VGG(.vgg16, upTo: layers.map(\.0))
    vgg.drawWeights(seed: 3)
    let (made, real) = (
      vgg.activations(of: fake, at: layers.map(\.0)), vgg.activations(of: batch["image"], at: layers.map(\.0))
    )
    let expected = try layers.reduce(0.0) { sum, layer in
      let (a, b) = (try #require(made[layer.0]), try #require(real[layer.0]))
      return sum + layer.1 * (a - b).abs().mean().item()
    }
    let logged = try trainOnMaps(system, steps: 2)
    let found = try #require(logged[0]["perceptual"])
    #expect(abs(found - 10 * expected) < 1e-4 * found, "\(found) \(10 * expected)")
    let sum = ["adversarial", "featureMatching", "perceptual"].reduce(0) { $0 + (logged[0][$1] ?? .nan) }
    #expect(abs(sum - (logged[0]["generator"] ?? .nan)) < 1e-4 * sum)
  }

  @Test func vgg16StandsInWhereVGG19IsMissing() throws {
    let folder = try TemporaryFolder()
    try withExtendedLifetime(folder) {
      let store = WeightStore(folder.url)
      var configuration = tiny()
      #expect(Pix2PixHD.adapted(configuration, to: store).configuration == configuration)
      configuration.weights.perceptual = 10
      let found = Pix2PixHD.adapted(configuration, to: store)
      #expect(found.configuration.features == .vgg16)
      #expect(found.remark?.contains("VGG19") == true)
      let file = try #require(store.url(of: "vgg19"))
      try Data().write(to: file)
      let own = Pix2PixHD.adapted(configuration, to: store)
      #expect(own.configuration.features == .vgg19 && own.remark == nil)
      configuration.features = .vgg16
      #expect(Pix2PixHD.adapted(configuration, to: store).configuration == configuration)
    }
  }

  @Test func theLearningRateFallsAsTheAuthorsDoes() throws {
    var configuration = tiny()
    configuration.constantEpochs = 10
    configuration.decayEpochs = 4
    let system = try make(Pix2PixHD.self, configuration)
    for (epoch, factor) in [(0.0, 1.0), (10, 1), (11, 0.75), (13, 0.25), (20, 0)] {
      _ = try trainOnMaps(system, steps: 1, epoch: epoch)
      let rates = system.optimizers.map(\.optimizer.learningRate)
      #expect(rates.allSatisfy { abs($0 - 2e-4 * factor) < 1e-12 }, "\(epoch)")
    }
  }

  @Test func valuesThatCannotWorkAreNamed() {
    func sentence(_ change: (inout Pix2PixHD.Configuration) -> Void) -> String {
      var configuration = tiny()
      change(&configuration)
      return refusal(configuration)
    }
    #expect(sentence { _ in }.isEmpty)
    #expect(sentence { $0.imageWidth = 33 }.contains("imageWidth"))
    #expect(sentence { $0.layers = 0 }.contains("layers"))
    #expect(sentence { $0.weights.perceptual = -1 }.contains("weights.perceptual"))
    #expect(
      sentence {
        $0.weights.perceptual = 1
        $0.outputChannels = 4
      }.contains("weights.perceptual"))
    #expect(sentence { $0.scales = 9 }.contains("scales"))
    #expect(sentence { $0.downsamplings = 5 }.contains("imageWidth"))
  }
}

extension Tensor {
  /// A mask's values as numbers.
  fileprivate func integersOfMask() -> [Int] { asType(.int64).integers() }
}
