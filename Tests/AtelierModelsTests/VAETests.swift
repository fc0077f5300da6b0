import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

struct VariationalLossTests {
  private func objective(
    loss: ReconstructionLoss = .binaryCrossEntropy, likelihood: PixelLikelihood? = nil, weight: Double = 1,
    warmup: Int = 0, freeBits: Double = 0, range: ImageRange = .unit
  ) -> VariationalObjective {
    VariationalObjective(
      loss: loss, likelihood: likelihood, standardDeviation: 0.5, divergenceWeight: weight,
      divergenceWarmup: warmup, freeBits: freeBits, range: range)
  }

  @Test func theDivergenceIsThatOfTwoNormalDistributions() {
    let mean = Tensor([0.5, -1, 0, 2], shape: [2, 2])
    let logVariance = Tensor([0, -1, 0.5, 1], shape: [2, 2])
    // torch.distributions.kl_divergence.
    let expected = [0.125, 0.68393970, 0.07436064, 2.35914087]
    #expect(Trial.close(standardNormalDivergence(mean: mean, logVariance: logVariance).doubles(), expected))
  }

  @Test func aDrawIsMeanPlusDeviationTimesNoise() {
    let drawn = reparameterized(
      mean: Tensor([1.0, -1]), logVariance: Tensor([Float(2 * log(3.0)), 0]), noise: Tensor([2, 0.5]))
    #expect(Trial.close(drawn.doubles(), [7, -0.5]))
  }

  @Test func normalDensitiesAreThoseOfPyTorch() {
    let (output, image) = (
      Tensor([0.1, 0.9, 0.4, 0.2], shape: [2, 2]), Tensor([0, 1, 0.5, -2], shape: [2, 2])
    )
    let values = PixelLikelihood.gaussian.logProbability(image, given: output, standardDeviation: 0.5)
    #expect(Trial.close(values.doubles(), [-0.49158263, -10.15158272]))
    let logVariance = Tensor.full([2, 2], 2 * log(0.5))
    #expect(
      Trial.close(normalLogDensity(image, mean: output, logVariance: logVariance).doubles(), values.doubles())
    )
  }

  @Test func continuousBernoulliDensitiesAreThoseOfPyTorch() {
    let probability = Tensor([0.01, 0.3, 0.47, 0.5, 0.56, 0.9], shape: [6, 1])
    let image = Tensor([0.2, 0.9, 0.1, 0.5, 0.3, 1], shape: [6, 1])
    let values = PixelLikelihood.continuousBernoulli.logProbability(
      image, given: probability, standardDeviation: 1)
    // torch.distributions.ContinuousBernoulli in float64.
    let expected = [0.61612323, -0.36865522, 0.04745635, 0, -0.05065453, 0.90497796]
    #expect(Trial.close(values.doubles(), expected, 2e-6))
  }

  @Test(arguments: [0.02, 0.4, 0.449, 0.451, 0.5, 0.97])
  func continuousBernoulliDensitiesIntegrateToOne(_ probability: Double) {
    let count = 2001
    let image = Tensor.linspace(0, 1, count).reshaped([count, 1])
    let density = PixelLikelihood.continuousBernoulli.logProbability(
      image, given: .full([count, 1], probability), standardDeviation: 1
    ).exp().doubles()
    let integral = (density.reduce(0, +) - (density[0] + density[count - 1]) / 2) / Double(count - 1)
    #expect(abs(integral - 1) < 1e-4)
  }

  @Test func theContinuousBernoulliHasFiniteDerivativesEverywhere() {
    let probability = Tensor([0, 0.45, 0.5, 0.55, 1], shape: [1, 5])
    probability.requiresGradient = true
    PixelLikelihood.continuousBernoulli.logProbability(
      Tensor([0, 0.2, 0.5, 1, 1], shape: [1, 5]), given: probability, standardDeviation: 1
    ).sum().backward()
    #expect(probability.gradient?.isFinite() == true)
  }

  @Test func theWeightGrowsDuringTheWarmUp() {
    let objective = objective(weight: 2, warmup: 4)
    let (mean, reconstruction) = (Tensor.ones([3, 2]), Tensor(scalar: 10))
    let zeros = Tensor.zeros([3, 2])
    let divergence = objective.divergence(mean: mean, logVariance: zeros)
    #expect(divergence.item() == 3)
    let totals = [0, 1, 3, 9].map {
      objective.total(
        reconstruction: reconstruction, divergence: divergence, mean: mean, logVariance: zeros, step: $0
      ).item()
    }
    #expect(Trial.close(totals, [11.5, 13, 16, 16]))
  }

  @Test func freeBitsAreNotPaidFor() {
    // The entries' mean divergences are 0.5 and 0; the first is above the allowance, the second below.
    let mean = Tensor([1.0, 0, 1, 0], shape: [2, 2])
    let objective = objective(freeBits: 0.1)
    let zeros = Tensor.zeros([2, 2])
    let total = objective.total(
      reconstruction: Tensor(scalar: 0), divergence: objective.divergence(mean: mean, logVariance: zeros),
      mean: mean, logVariance: zeros, step: 0)
    #expect(abs(total.item() - 2 * (0.5 + 0.1)) < 1e-6)
  }

  @Test func theMeanSquaredFormIsABoundUpToScale() throws {
    let objective = objective(loss: .meanSquared, weight: 0.02, range: .signed)
    let stream = RandomStream(seed: 6)
    let (image, output) = (stream.normal([3, 10]), stream.normal([3, 10]))
    let (mean, logVariance) = (stream.normal([3, 4]), stream.normal([3, 4]))
    let divergence = objective.divergence(mean: mean, logVariance: logVariance)
    let total = objective.total(
      reconstruction: objective.reconstruction(output, image), divergence: divergence, mean: mean,
      logVariance: logVariance, step: 0)
    // sigma² = weight · values / 2 = 0.1, so the scale is values / (2 sigma²) = 50.
    let bound = try objective.logProbability(image, given: output).mean().item() - divergence.item()
    let constant = 10 * 0.5 * log(2 * Double.pi * 0.1)
    #expect(abs(50 * total.item() + bound + constant) < 1e-3)
  }

  @Test func picturesOfBothRangesHaveOneLikelihood() throws {
    let stream = RandomStream(seed: 8)
    let (image, output) = (stream.uniform([2, 9]), stream.uniform([2, 9]) * 0.8 + 0.1)
    let unit = objective().reconstruction(output, image).item()
    let signed = objective(range: .signed).reconstruction(output * 2 - 1, image * 2 - 1).item()
    #expect(abs(unit - signed) < 1e-4)
  }

  @Test func lossesWithoutALikelihoodSaySo() {
    #expect(throws: ConfigurationError.self) {
      try objective(loss: .smoothL1).logProbability(.zeros([1, 2]), given: .zeros([1, 2]))
    }
  }
}

struct VAETests {
  private func tiny(
    _ change: (inout VariationalAutoencoder.Configuration) -> Void = { _ in }
  ) -> VariationalAutoencoder.Configuration {
    var configuration = VariationalAutoencoder.Configuration()
    configuration.imageSize = 8
    configuration.hidden = [24]
    configuration.latentSize = 3
    configuration.batchSize = 6
    change(&configuration)
    return configuration
  }

  @Test func theReferencesHaveTheScriptsSizesAndNames() throws {
    let system = try Trial.make(VariationalAutoencoder.self, VariationalAutoencoder.Configuration())
    let network = try #require(system.network("autoencoder"))
    #expect(network.module.parameterCount == 652_824)
    #expect(
      try Trial.authorsNames(network)
        == ["fc1", "fc21", "fc22", "fc3", "fc4"].flatMap { ["\($0).weight", "\($0).bias"] })
    let configuration = tiny {
      $0.model = .convolutional
      $0.hidden = [4, 6]
    }
    let convolutional = try Trial.make(VariationalAutoencoder.self, configuration)
    let names = try Trial.authorsNames(#require(convolutional.network("autoencoder")))
    let layers = names.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(7)) }
    #expect(
      layers == [
        "encoder.0.0", "encoder.0.1", "encoder.1.0", "encoder.1.1", "fc_mu", "fc_var", "decoder_input",
        "decoder.0.0", "decoder.0.1", "final_layer.0", "final_layer.1", "final_layer.3",
      ])
  }

  @Test func aConditionalModelHasTheScriptsNames() throws {
    var configuration = ConditionalVAE.Configuration()
    configuration.imageSize = 8
    configuration.hidden = [4, 6]
    configuration.classes = 3
    configuration.latentSize = 5
    let system = try Trial.make(ConditionalVAE.self, configuration)
    let network = try #require(system.network("autoencoder"))
    let shapes = try zip(Trial.authorsNames(network), network.module.state().map(\.tensor.shape)).map {
      ($0, $1)
    }
    let table = Dictionary(uniqueKeysWithValues: shapes)
    #expect(table["embed_class.weight"] == [64, 3])
    #expect(table["embed_data.weight"] == [3, 3, 1, 1])
    #expect(table["encoder.0.0.weight"] == [4, 4, 3, 3])
    #expect(table["decoder_input.weight"] == [6 * 2 * 2, 5 + 3])
    #expect(table["final_layer.3.weight"] == [3, 4, 3, 3])
  }

  @Test func theMeanLogWeightIsMinusTheObjective() throws {
    let system = try Trial.make(VariationalAutoencoder.self, tiny())
    let batch = Trial.pictures(2, size: 8, range: .unit)
    let draws = StreamDraws(RandomStream(seed: 5))
    let weights = try system.logWeights(batch, samples: 400, draws: draws)
    #expect(weights.shape == [400, 2])
    let bound = weights.mean().item()
    var totals = 0.0
    // The rate is next to nothing, so that every step sees the same weights.
    let still = try Trial.make(VariationalAutoencoder.self, tiny { $0.learningRate = 1e-12 })
    for index in 0..<400 { totals += try Trial.step(still, batch, index: index)["total"] ?? .nan }
    #expect(abs(bound + totals / 400 / 2) < 0.1)
    let importance = (weights.logSumExp(dims: [0]) - log(400)).mean().item()
    #expect(importance >= bound)
  }

  @Test func theRateFallsAfterEveryPass() throws {
    let system = try Trial.make(VariationalAutoencoder.self, tiny { $0.learningRateDecay = 0.5 })
    let batch = Trial.pictures(2, size: 8, range: .unit)
    let rates = try [0.0, 0.9, 1, 2.5].map { epoch in
      try Trial.step(system, batch, epoch: epoch)
      return system.optimizers[0].optimizer.learningRate
    }
    #expect(Trial.close(rates, [1e-3, 1e-3, 5e-4, 2.5e-4], 1e-12))
  }

  @Test func everyPresetTakesTwoStepsAndGenerates() throws {
    for preset in VariationalAutoencoder.Configuration.presets {
      #expect(Trial.refusal(preset.configuration).isEmpty, "\(preset.name)")
      var configuration = preset.configuration
      configuration.imageSize = 32
      configuration.hidden = configuration.hidden.map { $0 / 8 }
      try check(
        VariationalAutoencoder.self, configuration, preset.name, configuration.model == .mlp ? .unit : .signed
      )
    }
    for preset in ConditionalVAE.Configuration.presets {
      #expect(Trial.refusal(preset.configuration).isEmpty, "\(preset.name)")
      var configuration = preset.configuration
      configuration.imageSize = 32
      configuration.classes = 3
      configuration.hidden = configuration.hidden.map { $0 / 8 }
      try check(
        ConditionalVAE.self, configuration, preset.name, configuration.model == .mlp ? .unit : .signed)
    }
  }

  private func check<System: LatentSystem & ReconstructingSystem & LikelihoodSystem>(
    _ type: System.Type, _ configuration: System.Configuration, _ name: String, _ range: ImageRange
  ) throws {
    let system = try Trial.make(type, configuration)
    guard case .image(let channels, let size, _, let declared)? = configuration.plan.fields.first?.kind
    else {
      Issue.record("no image among the fields")
      return
    }
    #expect(declared == range)
    let batch = Trial.pictures(4, channels: channels, size: size, range: range, classes: 3)
    let before = system.networks[0].module.hostState().map(\.tensor)
    for index in 0..<2 {
      let logged = try Trial.step(system, batch, index: index)
      #expect(Set(logged.keys) == ["total", "reconstruction", "divergence"])
      #expect(logged.values.allSatisfy { $0.isFinite }, "\(name)")
    }
    #expect(system.networks[0].module.hostState().map(\.tensor) != before)
    let drawn = try Trial.generated(system, path: .interpolation(steps: 3))
    #expect(drawn.count == 3 * 3 * channels * size * size)
    #expect(drawn == (try Trial.generated(system, path: .interpolation(steps: 3))), "\(name)")
    #expect(drawn.allSatisfy { (-1...1).contains($0) })
    let draws = StreamDraws(RandomStream(seed: 1))
    #expect(try system.reconstruct(batch, draws: draws).shape == batch["image"].shape)
    #expect(try system.logWeights(batch, samples: 2, draws: draws).isFinite())
  }

  @Test func oneBatchIsLearnedByHeart() throws {
    let system = try Trial.make(
      VariationalAutoencoder.self,
      tiny {
        $0.learningRate = 1e-2
        $0.divergenceWeight = 0.01
      })
    let batch = Trial.pictures(6, size: 8, range: .unit)
    for index in 0..<250 { try Trial.step(system, batch, index: index) }
    let output = try system.reconstruct(batch, draws: StreamDraws(RandomStream(seed: 0)))
    #expect((output - batch["image"]).abs().max().item() < 0.25)
  }

  @Test func aConditionalModelDrawsTheWantedClass() throws {
    var configuration = ConditionalVAE.Configuration.mlp
    configuration.imageSize = 8
    configuration.hidden = [32]
    configuration.latentSize = 2
    configuration.classes = 2
    configuration.learningRate = 1e-2
    let system = try Trial.make(ConditionalVAE.self, configuration)
    // Class 0 is dark and class 1 is bright.
    let label = Tensor([0, 1, 0, 1])
    let image = label.asType(.float32).reshaped([4, 1, 1, 1]).expanded([4, 1, 8, 8]) * 0.8 + 0.1
    for index in 0..<150 { try Trial.step(system, Batch(["image": image, "label": label]), index: index) }
    let dark = try Trial.generated(system, labels: [0])
    let bright = try Trial.generated(system, labels: [1])
    #expect(dark.allSatisfy { $0 < -0.4 })
    #expect(bright.allSatisfy { $0 > 0.4 })
    #expect(throws: ConfigurationError.self) { try Trial.generated(system, labels: [2]) }
  }

  @Test func aConditionalModelNeedsLabels() throws {
    var description = DatasetDescription(
      layout: .flatImages, name: "bare", split: .train, count: 4, imageShape: [1, 8, 8], fingerprint: "")
    let configuration = ConditionalVAE.Configuration.mlp
    #expect(throws: ConfigurationError.self) {
      try ConditionalVAE.adapted(configuration, to: DataFacts(description: description))
    }
    description.classNames = ["cat", "dog", "owl"]
    #expect(try ConditionalVAE.adapted(configuration, to: DataFacts(description: description)).classes == 3)
  }

  @Test func impossibleChoicesAreRefusedWithSentences() {
    #expect(
      Trial.refusal(
        tiny {
          $0.model = .convolutional
          $0.hidden = [4, 4, 4, 4]
        }
      ).contains("halved 4 times"))
    #expect(Trial.refusal(tiny { $0.hidden = [] }).contains("hidden"))
    #expect(Trial.refusal(tiny { $0.divergenceWeight = -1 }).contains("divergenceWeight"))
    #expect(Trial.refusal(tiny { $0.standardDeviation = 0 }).contains("standardDeviation"))
  }

  @Test func deeperNetworksKeepTheFirstNamesAndGoOn() throws {
    let system = try Trial.make(VariationalAutoencoder.self, tiny { $0.hidden = [20, 12, 6] })
    let network = try #require(system.network("autoencoder"))
    let names = network.module.state().map(\.name)
    let theirs = try network.authorsNames.translate(names: names, toOurs: false)
    #expect(try network.authorsNames.translate(names: theirs, toOurs: true) == names)
    let output = try network.forward("decoder", ["latent": Tensor.zeros([2, 3])])
    #expect(output["image"]?.shape == [2, 64])
  }
}
