import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

/// What the tests of autoencoders and language models share.
enum Trial {
  /// Serves given batches, one after the other.
  final class Source: BatchSource {
    private var batches: [Batch]
    init(_ batches: [Batch]) { self.batches = batches.reversed() }
    func next() throws -> Batch {
      guard let batch = batches.popLast() else { throw ConfigurationError("the source has run out") }
      return batch
    }
  }

  /// Runs one step on one batch and gives back what it logged.
  @discardableResult
  static func step(
    _ system: some GenerativeSystem, _ batch: Batch, index: Int = 0, epoch: Double = 0,
    draws: (any Draws)? = nil
  ) throws -> [String: Double] {
    let draws = draws ?? StreamDraws(RandomStream(seed: 3, purpose: "draws", step: index))
    let step = TrainingStep(index: index, epoch: epoch, draws: draws, source: Source([batch]))
    try step.run(system.step)
    return Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { first, _ in first }
  }

  /// Blurry squares at places that depend on the example, in the given range.
  static func pictures(_ count: Int, channels: Int = 1, size: Int, range: ImageRange, classes: Int = 1)
    -> Batch
  {
    var values = [Float]()
    for example in 0..<count {
      for _ in 0..<channels {
        for place in 0..<(size * size) {
          let (row, column) = (place / size, place % size)
          let isInside = (row + example) % size < size / 2 && (column + 3 * example) % size < size / 2
          values.append(isInside ? 0.9 : 0.1)
        }
      }
    }
    let unit = Tensor(values, shape: [count, channels, size, size])
    return Batch([
      "image": range == .unit ? unit : unit * 2 - 1, "label": Tensor((0..<count).map { $0 % classes }),
    ])
  }

  /// A system with initial weights of a seed.
  static func make<System: GenerativeSystem>(
    _ type: System.Type, _ configuration: System.Configuration, artefacts: Artefacts = Artefacts(),
    seed: UInt64 = 1
  ) throws -> System {
    try System(configuration, artefacts: artefacts, using: RandomStream(seed: seed))
  }

  /// The names under which the authors save a network.
  static func authorsNames(_ network: Network) throws -> [String] {
    try network.authorsNames.translate(names: network.module.state().map(\.name), toOurs: false)
  }

  /// All pictures for a request, with the draws of a seed.
  static func generated(
    _ system: some GenerativeSystem, count: Int = 3, labels: [Int]? = nil, path: LatentPath = .random,
    seed: UInt64 = 9
  ) throws -> [Float] {
    var values: [Float] = []
    let draws = StreamDraws(RandomStream(seed: seed))
    let request = Request(
      count: count, conditions: labels.map { ["label": .labels($0)] } ?? [:],
      sampling: LatentSampling(path: path), draws: draws)
    try system.draw(request) {
      if let images = $0.tensor { values += images.floats() }
    }
    return values
  }

  /// The sentence with which a configuration is refused; empty where it is not.
  static func refusal(_ configuration: some SystemConfiguration) -> String {
    do throws(ConfigurationError) { try configuration.validate() } catch { return error.description }
    return ""
  }

  /// Whether numbers agree within a tolerance.
  static func close(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-5) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }
}

struct AutoencoderTests {
  private func tiny(_ change: (inout Autoencoder.Configuration) -> Void = { _ in })
    -> Autoencoder.Configuration
  {
    var configuration = Autoencoder.Configuration()
    configuration.imageSize = 8
    configuration.hidden = [24, 12]
    configuration.latentSize = 4
    configuration.batchSize = 6
    change(&configuration)
    return configuration
  }

  @Test func theReferenceHasTheScriptsSizesAndNames() throws {
    let system = try Trial.make(Autoencoder.self, Autoencoder.Configuration())
    let network = try #require(system.network("autoencoder"))
    #expect(network.module.parameterCount == 219_891)
    let names = try Trial.authorsNames(network)
    #expect(names.prefix(4) == ["encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias"])
    #expect(names.last == "decoder.6.bias")
    let small = try Trial.make(Autoencoder.self, .convolutional)
    #expect(
      try Trial.authorsNames(#require(small.network("autoencoder"))).filter { $0.hasSuffix("weight") } == [
        "encoder.0.weight", "encoder.3.weight", "decoder.0.weight", "decoder.2.weight", "decoder.4.weight",
      ])
  }

  @Test func reconstructionLossesAreTheirFormulas() {
    let output = Tensor([0.1, 0.9, 0.4, 0.2], shape: [2, 2])
    let target = Tensor([0, 1, 0.5, -2], shape: [2, 2])
    // Computed with torch.nn.functional.
    let expected: [(ReconstructionLoss, Double)] = [
      (.meanSquared, 1.2175), (.meanAbsolute, 0.625), (.smoothL1, 0.42875), (.rootMeanSquared, 0.82862329),
    ]
    for (loss, value) in expected { #expect(abs(loss(output, target).item() - value) < 1e-6, "\(loss)") }
    let entropy = ReconstructionLoss.binaryCrossEntropy(output, Tensor([0.0, 1, 1, 0], shape: [2, 2])).item()
    #expect(abs(entropy + (log(0.9) + log(0.9) + log(0.4) + log(0.8)) / 4) < 1e-6)
  }

  @Test(arguments: [16, 28, 40])
  func theConvolutionalModelGivesBackThePicturesSize(_ size: Int) throws {
    var configuration = Autoencoder.Configuration.convolutional
    configuration.imageSize = size
    let system = try Trial.make(Autoencoder.self, configuration)
    let batch = Trial.pictures(2, size: size, range: .signed)
    #expect(
      try system.reconstruct(batch, draws: StreamDraws(RandomStream(seed: 0))).shape == [2, 1, size, size])
    #expect(
      try system.decode(.zeros([3, system.latentSpace.size]), labels: nil).shape == [3, 1, size, size])
  }

  @Test func flatPicturesAreAnsweredFlat() throws {
    let system = try Trial.make(Autoencoder.self, tiny())
    let network = try #require(system.network("autoencoder"))
    let flat = try network.forward(nil, ["image": Tensor.zeros([5, 64])])
    #expect(flat["image"]?.shape == [5, 64])
    #expect(flat["latent"]?.shape == [5, 4])
    let square = try network.forward(nil, ["image": Tensor.zeros([5, 1, 8, 8])])
    #expect(square["image"]?.floats() == flat["image"]?.floats())
  }

  @Test func theDenoisingLossComparesWithTheCleanPicture() throws {
    let system = try Trial.make(Autoencoder.self, tiny { $0.corruption = .masking })
    let image = Trial.pictures(6, size: 8, range: .signed)["image"].flattened(from: 1)
    let kept = RandomStream(seed: 4).bernoulli(0.7, [6, 64])
    // What is not kept becomes black, which is -1 in this range.
    let corrupted = Tensor.select(kept.greater(0), image, Tensor.full([1], -1))
    let network = try #require(system.network("autoencoder"))
    let expected = try withoutGradients {
      meanSquaredError(try network.forward(nil, ["image": corrupted]).required("image"), image).item()
    }
    let logged = try Trial.step(
      system, Batch(["image": image]), draws: RecordedDraws(["corruption": kept]))
    #expect(abs((logged["total"] ?? .nan) - expected) < 1e-6)
  }

  @Test func aDistributionPoolsTwoBatchesExactly() {
    let stream = RandomStream(seed: 2)
    let all = stream.normal([40, 3]) * 2 + stream.normal([1, 3])
    let distribution = CodeDistribution(size: 3)
    distribution.observe(all.slice(0, 0, 20))
    distribution.observe(all.slice(0, 20, 40))
    let mean = all.mean(dims: [0])
    let centred = all - mean
    let covariance = centred.transposed(0, 1).matmul(centred) / 40
    #expect(Trial.close(distribution.mean.doubles(), mean.doubles()))
    #expect(Trial.close(distribution.covariance.doubles(), covariance.doubles()))
    // Codes are linear in the noise, so that unit vectors show the whole map A, with A·Aᵀ the covariance.
    let axes = distribution.codes(from: .eye(3)) - distribution.mean
    #expect(Trial.close(axes.transposed(0, 1).matmul(axes).doubles(), covariance.doubles(), 1e-4))
    let lengths = axes.square().sum(dims: [1]).doubles()
    #expect(lengths == lengths.sorted(by: >))
  }

  @Test func thePriorIsSavedBesideTheAuthorsWeights() throws {
    let system = try Trial.make(Autoencoder.self, tiny())
    #expect(system.networks.map(\.name) == ["autoencoder", "prior"])
    #expect(system.network("prior")?.module.parameterCount == 0)
    let before = system.network("prior")?.module.hostState().map(\.tensor)
    try Trial.step(system, Trial.pictures(6, size: 8, range: .signed))
    #expect(system.network("prior")?.module.hostState().map(\.tensor) != before)
  }

  @Test func everyPresetTakesTwoStepsAndGenerates() throws {
    for preset in Autoencoder.Configuration.presets {
      var configuration = preset.configuration
      #expect(Trial.refusal(configuration).isEmpty, "\(preset.name)")
      if configuration.model == .deepConvolutional {
        configuration.hidden = configuration.hidden.map { $0 / 8 }
        configuration.imageSize = 16
      }
      configuration.latentSize = 5
      let system = try Trial.make(Autoencoder.self, configuration)
      let before = system.network("autoencoder")?.module.hostState().map(\.tensor)
      let batch = Trial.pictures(
        4, channels: configuration.imageChannels, size: configuration.imageSize, range: .signed)
      for index in 0..<2 {
        #expect(try Trial.step(system, batch, index: index)["total"]?.isFinite == true, "\(preset.name)")
      }
      #expect(system.network("autoencoder")?.module.hostState().map(\.tensor) != before)
      let drawn = try Trial.generated(system)
      #expect(drawn == (try Trial.generated(system)), "\(preset.name)")
      #expect(drawn != (try Trial.generated(system, seed: 10)), "\(preset.name)")
      #expect(drawn.allSatisfy { (-1...1).contains($0) }, "\(preset.name)")
    }
  }

  @Test(arguments: [ReconstructionLoss.meanSquared, .binaryCrossEntropy])
  func oneBatchIsLearnedByHeart(_ loss: ReconstructionLoss) throws {
    let configuration = tiny {
      $0.loss = loss
      $0.learningRate = 1e-2
    }
    let system = try Trial.make(Autoencoder.self, configuration)
    let range: ImageRange = loss == .binaryCrossEntropy ? .unit : .signed
    let batch = Trial.pictures(6, size: 8, range: range)
    for index in 0..<250 { try Trial.step(system, batch, index: index) }
    let output = try system.reconstruct(batch, draws: StreamDraws(RandomStream(seed: 0)))
    #expect((output - batch["image"]).abs().max().item() < 0.2)
    #expect(output.shape == batch["image"].shape)
  }

  @Test func impossibleChoicesAreRefusedWithSentences() {
    #expect(Trial.refusal(tiny { $0.model = .convolutional }).contains("16, 28, 40"))
    #expect(
      Trial.refusal(
        tiny {
          $0.model = .deepConvolutional
          $0.imageSize = 10
        }
      ).contains("halved 2 times"))
    #expect(
      Trial.refusal(
        tiny {
          $0.loss = .binaryCrossEntropy
          $0.imageRange = .signed
        }
      ).contains("imageRange"))
    #expect(
      Trial.refusal(
        tiny {
          $0.corruption = .masking
          $0.corruptionAmount = 1.5
        }
      ).contains("corruptionAmount"))
    #expect(Trial.refusal(tiny { $0.latentSize = 0 }).contains("latentSize"))
  }

  @Test func coloursComeFromTheData() throws {
    let description = DatasetDescription(
      layout: .flatImages, name: "colours", split: .train, count: 9, imageShape: [3, 50, 50],
      fingerprint: "")
    #expect(try Autoencoder.adapted(tiny(), to: DataFacts(description: description)).imageChannels == 3)
  }
}
