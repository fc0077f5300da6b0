public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The Wasserstein GAN with gradient penalty: the discriminator is a critic whose scores estimate a
/// distance between distributions, kept smooth by a penalty on the length of its derivatives.
///
/// Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs". Networks and update order are
/// those of eriklindernoren/PyTorch-GAN `implementations/wgan_gp/wgan_gp.py`: every step trains the
/// critic, every `discriminatorSteps`-th, from the first on, the generator too, with the same latents.
/// Deviation: the script leaves the generated images attached in the critic's step and throws the
/// generator's gradients away; here they are constants, which gives the same numbers. The first update of
/// the generator thus comes after one critic step, as in the script; the paper makes five first.
public final class WGANGP: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "wgan-gp", summary: "Wasserstein GAN with gradient penalty, dense layers",
    paper: "Gulrajani et al., Improved Training of Wasserstein GANs, 2017",
    reference: "eriklindernoren/PyTorch-GAN implementations/wgan_gp/wgan_gp.py")

  /// The choices of a wgan-gp.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration {
    /// Which networks.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// PyTorch-GAN's dense networks.
      case wganGP = "wgan-gp"
    }

    /// Which networks.
    public var model = Model.wganGP
    /// Height and width of the images.
    public var imageSize = 28
    /// Number of channels.
    public var imageChannels = 1
    /// The length of a latent vector.
    public var latentSize = 100
    /// The generator's hidden widths, input side first.
    public var generatorHidden = [128, 256, 512, 1024]
    /// The critic's hidden widths, input side first.
    public var discriminatorHidden = [512, 256]
    /// The epsilon of batch norms.
    public var normEpsilon = 0.8
    /// The slope of leaky relus.
    public var leakySlope = 0.2
    /// Always 0; the critic has no dropout, with which a penalty on its derivatives would make no sense.
    public var dropout = 0.0
    /// The adversarial loss.
    public var loss = AdversarialLoss.wasserstein
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// The weight of the gradient penalty.
    public var gradientPenalty = 10.0
    /// Critic steps for each generator step.
    public var discriminatorSteps = 5
    /// The learning rate of both optimisers.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Images in a batch.
    public var batchSize = 64

    /// PyTorch-GAN's script.
    public init() {}

    /// The reference script with the paper's settings of Adam, the script itself, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.learningRate = 1e-4
      paper.beta1 = 0
      paper.beta2 = 0.9
      var small = paper
      small.latentSize = 64
      small.generatorHidden = [128, 256]
      small.discriminatorHidden = [256, 128]
      small.learningRate = 2e-4
      return [
        Preset("paper", "Adam as in the paper's algorithm 1 (1e-4, 0, 0.9) on PyTorch-GAN's networks", paper),
        Preset("reference", "PyTorch-GAN's wgan_gp.py", Configuration()),
        Preset("small", "narrow dense networks for 28×28 images, minutes on two cores", small),
      ]
    }

    /// Images decoded from latent vectors.
    public var plan: SystemPlan {
      .latentImages(
        channels: imageChannels, size: imageSize,
        latent: LatentDecoding(size: latentSize, distribution: .normal),
        batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "imageChannels": imageChannels, "latentSize": latentSize,
        "discriminatorSteps": discriminatorSteps,
      ])
      try Checks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden,
      ])
      try Checks.layers(normEpsilon: normEpsilon, leakySlope: leakySlope)
      try Checks.require(dropout == 0, "wgan-gp has no dropout; set dropout to 0, not \(dropout)")
      try Checks.require(
        gradientPenalty >= 0, "gradientPenalty is a weight of at least 0, not \(gradientPenalty)")
      try adam.validate(["learningRate": learningRate])
      try Checks.batch(batchSize)
      try augmentation.validate(loss, regularizing: [.scores, .latents])
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: DenseGenerator
  private let discriminator: DenseDiscriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let size = configuration.imageSize
    let imageShape = [configuration.imageChannels, size, size]
    let generator = DenseGenerator(
      inputs: configuration.latentSize, hidden: configuration.generatorHidden, imageShape: imageShape,
      normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope, using: stream)
    let discriminator = DenseDiscriminator(
      inputs: imageShape.reduce(1, *), hidden: configuration.discriminatorHidden,
      leakySlope: configuration.leakySlope, endsInSigmoid: configuration.loss.takesProbabilities,
      using: stream)
    func adam(_ network: Module) -> Optimizer {
      configuration.adam.optimizer(network, learningRate: configuration.learningRate)
    }
    self.generator = generator
    self.discriminator = discriminator
    generatorOptimizer = adam(generator)
    discriminatorOptimizer = adam(discriminator)
    augment = configuration.makeAugmentation(configuration.loss)
    networks = [
      Network("generator", generator) { _, inputs in ["image": generator(try inputs.required("latent"))] },
      Network("discriminator", discriminator, isForTraining: true) { _, inputs in
        ["score": discriminator(try inputs.required("image"))]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Takes over the data's channels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    return configuration
  }

  /// One step of the critic, and at its turn of the generator.
  public func step(_ step: TrainingStep) throws {
    let objective = configuration.loss
    let real = try step.batch()["image"]
    let latent = step.draws.normal("latent", [real.shape[0], configuration.latentSize])
    let mixing = step.draws.uniform("mixing", [real.shape[0]])

    let fake = withoutGradients { generator(latent) }
    // Augmented once: the penalty belongs between the images that are scored.
    let shownReal = augment(real, draws: step.draws, name: "diffAugment.real")
    let shownFake = augment(fake, draws: step.draws, name: "diffAugment.fake")
    let terms = try step.update("discriminator", discriminatorOptimizer) { loss in
      let scores = discriminator(.concatenated([shownReal, shownFake], dim: 0)).chunked(2, dim: 0)
      augment.observe(realScores: scores[0])
      step.observe("discriminatorAccuracy") { objective.accuracy(real: scores[0], fake: scores[1]) }
      loss.add(objective.real(scores[0]) + objective.fake(scores[1]))
      augment.regularization.add(to: &loss, step, real: real, scores: (scores[0], scores[1])) {
        discriminator($0)
      }
      loss.backward()
      let penalty = GradientPenalty.interpolated(real: shownReal, fake: shownFake, mixing: mixing) {
        discriminator($0)
      }
      loss.add("gradientPenalty", penalty, weight: configuration.gradientPenalty, logsWeighted: false)
    }
    step.log("discriminator", terms.total)
    augment.endStep(step)

    guard step.index % configuration.discriminatorSteps == 0 else { return }
    try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let shown = augment(generator(latent), draws: step.draws, name: "diffAugment.generator")
      loss.add("generator", objective.generator(discriminator(shown)))
      augment.regularization.addPathLength(to: &loss, step, latent: latent) { generator($0) }
    }
  }

  /// Images in -1 … 1 for latents `[n, size]`; labels are ignored.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor { generator(latents) }
}
