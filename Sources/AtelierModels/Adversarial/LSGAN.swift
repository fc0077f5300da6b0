public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The least-squares GAN: scores are pulled towards 1 and 0 by their squared distance, which goes on
/// moving images that the discriminator already takes for real.
///
/// Paper: Mao et al. 2017, "Least Squares Generative Adversarial Networks". Networks and update order are
/// those of eriklindernoren/PyTorch-GAN `implementations/lsgan/lsgan.py`: upsampling generator,
/// convolutional discriminator with dropout before batch norm, generator updated first. No deviation;
/// images whose size is no multiple of 16 work here too, the discriminator's last map being rounded up.
public final class LSGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "lsgan", summary: "Least-squares GAN with an upsampling generator",
    paper: "Mao et al., Least Squares Generative Adversarial Networks, 2017",
    reference: "eriklindernoren/PyTorch-GAN implementations/lsgan/lsgan.py")

  /// The choices of an lsgan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration {
    /// Which networks.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// PyTorch-GAN's convolutional networks.
      case lsgan
    }

    /// Which networks.
    public var model = Model.lsgan
    /// Height and width of the images.
    public var imageSize = 32
    /// Number of channels.
    public var imageChannels = 1
    /// The length of a latent vector.
    public var latentSize = 100
    /// The generator's widths, input side first; the image doubles once for each.
    public var generatorHidden = [128, 64]
    /// The discriminator's widths, input side first; the image halves once for each.
    public var discriminatorHidden = [16, 32, 64, 128]
    /// The epsilon of batch norms.
    public var normEpsilon = 0.8
    /// The slope of leaky relus.
    public var leakySlope = 0.2
    /// The share of channels that the discriminator drops.
    public var dropout = 0.25
    /// The adversarial loss.
    public var loss = AdversarialLoss.leastSquares
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// The learning rate of both optimisers.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Images in a batch.
    public var batchSize = 64

    /// PyTorch-GAN's script.
    public init() {}

    /// The reference script and a small one.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.imageSize = 28
      small.latentSize = 64
      small.generatorHidden = [32, 16]
      small.discriminatorHidden = [16, 32, 64]
      return [
        Preset("reference", "PyTorch-GAN's lsgan.py", Configuration()),
        Preset("small", "narrow networks for 28×28 images, minutes on two cores", small),
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
      ])
      try Checks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden,
      ])
      try Checks.doublings(imageSize: imageSize, "generatorHidden", generatorHidden)
      try Checks.layers(normEpsilon: normEpsilon, leakySlope: leakySlope, dropout: dropout)
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
  private let generator: UpsamplingGenerator
  private let discriminator: Discriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = UpsamplingGenerator(
      latentSize: configuration.latentSize, hidden: configuration.generatorHidden,
      imageSize: configuration.imageSize, imageChannels: configuration.imageChannels, startsWithNorm: false,
      normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope, using: stream)
    let discriminator = Discriminator(configuration, using: stream)
    applyDCGANWeights(generator, using: stream)
    applyDCGANWeights(discriminator, using: stream)
    func adam(_ network: Module) -> Optimizer {
      configuration.adam.optimizer(network, learningRate: configuration.learningRate)
    }
    self.generator = generator
    self.discriminator = discriminator
    generatorOptimizer = adam(generator)
    discriminatorOptimizer = adam(discriminator)
    augment = configuration.makeAugmentation(configuration.loss)
    networks = [
      Network("generator", generator, authorsNames: UpsamplingGenerator.authorsNames) { _, inputs in
        ["image": generator(try inputs.required("latent"))]
      },
      Network("discriminator", discriminator, authorsNames: Discriminator.authorsNames, isForTraining: true) {
        _, inputs in
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

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    let objective = configuration.loss
    let real = try step.batch()["image"]
    let latent = step.draws.normal("latent", [real.shape[0], configuration.latentSize])
    let fake = generator(latent)

    try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let scores = discriminator(augment(fake, draws: step.draws, name: "diffAugment.generator"))
      loss.add("generator", objective.generator(scores))
      augment.regularization.addPathLength(to: &loss, step, latent: latent) { generator($0) }
    }

    try step.update("discriminator", discriminatorOptimizer) { loss in
      // Two calls, because batch norm must not see real and generated images together.
      let realScores = discriminator(augment(real, draws: step.draws, name: "diffAugment.real"))
      let fakeScores = discriminator(augment(fake.detached(), draws: step.draws, name: "diffAugment.fake"))
      augment.observe(realScores: realScores)
      step.observe("discriminatorAccuracy") { objective.accuracy(real: realScores, fake: fakeScores) }
      loss.add("discriminator", 0.5 * (objective.real(realScores) + objective.fake(fakeScores)))
      augment.regularization.add(to: &loss, step, real: real, scores: (realScores, fakeScores)) {
        discriminator($0)
      }
    }
    augment.endStep(step)
  }

  /// Images in -1 … 1 for latents `[n, size]`; labels are ignored.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor { generator(latents) }

  private final class Discriminator: Module {
    let blocks: Sequential
    let head: Linear
    private let endsInSigmoid: Bool

    /// The authors' names: `model.0.weight`, `adv_layer.weight`.
    static let authorsNames = KeyMap(["blocks": "model", "head": "adv_layer"])

    init(_ configuration: Configuration, using stream: RandomStream) {
      blocks = downsamplingTrunk(
        imageChannels: configuration.imageChannels, hidden: configuration.discriminatorHidden,
        normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope,
        dropout: configuration.dropout, using: stream)
      head = Linear(
        inputFeatures: downsamplingFeatures(
          imageSize: configuration.imageSize, hidden: configuration.discriminatorHidden),
        outputFeatures: 1, using: stream)
      endsInSigmoid = configuration.loss.takesProbabilities
      super.init()
    }

    /// Scores `[batch, 1]` for images `[batch, channels, height, width]`.
    func callAsFunction(_ image: Tensor) -> Tensor {
      let scores = head(blocks(image).flattened(from: 1))
      return endsInSigmoid ? scores.sigmoid() : scores
    }
  }
}
