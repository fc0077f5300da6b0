import AtelierCore
import Perception
import Torch
import TorchNN

/// The keys of SPADE's training, which SEAN took over.
protocol MapConfiguration: AugmentedConfiguration, TwoTimeScaleConfiguration {
  /// Channels of the discriminators' first map.
  var discriminatorWidth: Int { get }
  /// The discriminators' normalisation.
  var discriminatorNorm: MapDiscriminatorNorm { get }
  /// Discriminators, each on half the resolution of the one before.
  var scales: Int { get }
  /// The adversarial loss.
  var adversarialLoss: AdversarialMode { get }
  /// Whose features the perceptual loss compares.
  var features: VGG.Architecture { get }
  /// Xavier's factor in front of what weights are drawn with.
  var initializationGain: Double { get }
}

extension MapConfiguration {
  /// The discriminators of an image beside its map, with the strides of their normalised convolutions.
  func makeDiscriminator(
    mapChannels: Int, strides: [Int], using stream: RandomStream
  ) -> MultiscaleDiscriminator {
    MultiscaleDiscriminator(
      inputChannels: mapChannels + 3, width: discriminatorWidth, strides: strides, scales: scales,
      norm: discriminatorNorm, using: stream)
  }
}

/// What SPADE's training, which SEAN took over, consists of: discriminators on several scales, which see
/// generated and real images beside their map as one batch, the generated first; the losses; the optimisers.
struct MapAdversary {
  let discriminator: MultiscaleDiscriminator
  let generatorOptimizer: Optimizer
  let discriminatorOptimizer: Optimizer
  let augment: DiscriminatorAugmentation
  private let objective: AdversarialLoss
  /// The network of the perceptual loss, where there is one.
  private let perceptual: (features: VGG, network: Network, weight: Double)?

  /// Draws the weights of generator, discriminators and encoder, in this order, and makes their optimisers.
  ///
  /// - Parameters:
  ///   - encoder: a network that the generator's optimiser trains too.
  ///   - perceptual: the factor of the perceptual loss.
  init(
    _ configuration: some MapConfiguration, generator: Module, discriminator: MultiscaleDiscriminator,
    encoder: Module? = nil, perceptual weight: Double, using stream: RandomStream
  ) throws {
    for network in [generator, discriminator, encoder].compactMap(\.self) {
      initialize(network, .xavierNormal(gain: configuration.initializationGain), using: stream)
      network.layOutChannelsLast()
    }
    self.discriminator = discriminator
    perceptual = try perceptualNetwork(configuration.features, weight: weight).map { ($0, $1, weight) }
    (generatorOptimizer, discriminatorOptimizer) = configuration.makeTwoTimeScaleAdam(
      generator: encoder.map { namedParameters(of: ["generator": generator, "encoder": $0]) }
        ?? generator.namedParameters(),
      discriminator: discriminator.namedParameters())
    objective = configuration.adversarialLoss.loss
    augment = configuration.makeAugmentation(objective)
  }

  /// The network of the perceptual loss, where there is one.
  var frozenNetworks: [Network] { perceptual.map { [$0.network] } ?? [] }

  /// The optimisers by their networks' names.
  var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Adds the generator's terms: adversarial, and where weighted the distances of the discriminators' and of
  /// the VGG's features of both images.
  func addGeneratorTerms(
    _ fake: Tensor, _ real: Tensor, _ map: MapPyramid, _ step: TrainingStep, featureMatching weight: Double,
    to loss: inout Loss
  ) {
    let outputs = outputs(fake, real, map, step, "diffAugment.generator")
    loss.add("adversarial", meanOverScales(outputs.fake, objective.generator))
    if weight > 0 {
      loss.add("featureMatching", featureDistance(outputs.fake, outputs.real), weight: weight)
    }
    if let perceptual {
      loss.add(
        "perceptual", perceptualDistance(perceptual.features, fake, real), weight: perceptual.weight)
    }
  }

  /// The discriminators' update.
  ///
  /// - Parameter fake: generated images, without gradients.
  func updateDiscriminator(
    _ fake: Tensor, _ real: Tensor, _ map: MapPyramid, _ step: TrainingStep
  ) throws {
    let terms = try step.update("discriminator", discriminatorOptimizer) { loss in
      let outputs = outputs(fake, real, map, step, "diffAugment.discriminator")
      augment.observe(realScores: outputs.real.compactMap(\.last))
      loss.add("discriminatorFake", meanOverScales(outputs.fake, objective.fake))
      loss.add("discriminatorReal", meanOverScales(outputs.real, objective.real))
    }
    step.log("discriminator", terms.total)
  }

  /// Features and scores of generated and of real images. Augmentation moves both and the map alike, because
  /// the features of one are to match the other's.
  private func outputs(
    _ fake: Tensor, _ real: Tensor, _ map: MapPyramid, _ step: TrainingStep, _ name: String
  ) -> (fake: [[Tensor]], real: [[Tensor]]) {
    let shown = augment.alike([fake, real], beside: map.full, draws: step.draws, name: name)
    return halvedBatch(discriminator(.concatenated(shown, dim: 0)))
  }
}
