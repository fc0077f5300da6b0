public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The deep convolutional GAN: transposed convolutions up, strided convolutions down, batch norm in both.
///
/// Paper: Radford, Metz and Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
/// Generative Adversarial Networks".
///
/// Two forms, by ``Configuration/model``:
///
/// - `dcgan`, that of pytorch/examples `dcgan/main.py`: 4×4 kernels without bias, the discriminator updated
///   first on real and generated images apart, the generator through the updated discriminator. No
///   deviation at 64 pixels. Other sizes add or take away stages, so that the smallest map is 4 to 7 wide
///   (the script's is 4); its kernel is as wide as the map.
/// - `theano`, that of Newmu/dcgan_code `faces/train_uncond_dcgan.py`, which the paper's numbers come from:
///   5×5 kernels, linear first and last layers, twice the width, latents from U(−1, 1), weight decay,
///   batch statistics also when generating, and the two networks updated on alternate batches. Deviation:
///   weight decay is Adam's L2 term on all parameters, norms included, as in the authors' code; the
///   transposed convolution pads its output on one side only, as frameworks do today.
public final class DCGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "dcgan", summary: "Deep convolutional GAN without classes",
    paper: "Radford et al., Unsupervised Representation Learning with Deep Convolutional GANs, 2016",
    reference: "pytorch/examples dcgan/main.py; Newmu/dcgan_code faces/train_uncond_dcgan.py",
    suits: [.images])

  /// The choices of a dcgan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration {
    /// Which form.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// pytorch/examples.
      case dcgan
      /// The authors' code.
      case theano
    }

    /// Which form.
    public var model = Model.dcgan
    /// Height and width of the pictures: 4, 5, 6 or 7 times a power of two of at least 2.
    public var imageSize = 64
    /// Number of channels.
    public var imageChannels = 3
    /// The length of a latent vector.
    public var latentSize = 100
    /// Channels of the generator's widest map; maps have twice as many for each halving.
    public var generatorChannels = 64
    /// Channels of the discriminator's widest map; maps have twice as many for each halving.
    public var discriminatorChannels = 64
    /// The epsilon of batch norms.
    public var normEpsilon = 1e-5
    /// The slope of leaky relus.
    public var leakySlope = 0.2
    /// The adversarial loss.
    public var loss = AdversarialLoss.binaryCrossEntropy
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// The learning rate of both optimisers.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// The factor of the L2 term in both optimisers.
    public var weightDecay = 0.0
    /// Images in a batch.
    public var batchSize = 64

    /// The script of pytorch/examples.
    public init() {}

    /// The paper's faces, the reference script, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.model = .theano
      paper.generatorChannels = 128
      paper.discriminatorChannels = 128
      paper.weightDecay = 1e-5
      paper.normEpsilon = 1e-8
      paper.batchSize = 128
      var small = Configuration()
      small.imageSize = 28
      small.imageChannels = 1
      small.latentSize = 64
      small.generatorChannels = 32
      small.discriminatorChannels = 32
      return [
        Preset("faces", "the authors' code for 64×64 faces", paper),
        Preset("reference", "the script of pytorch/examples, 64×64", Configuration()),
        Preset("small", "narrow networks for 28×28 images, minutes on two cores", small),
      ]
    }

    /// Images decoded from latent vectors.
    public var plan: SystemPlan {
      .latentImages(
        channels: imageChannels, size: imageSize,
        latent: LatentDecoding(
          size: latentSize, distribution: model == .theano ? .symmetricUniform : .normal),
        batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageChannels": imageChannels, "latentSize": latentSize, "generatorChannels": generatorChannels,
        "discriminatorChannels": discriminatorChannels,
      ])
      try Checks.require(
        Stages(imageSize: imageSize) != nil,
        "imageSize is 4, 5, 6 or 7 times a power of two of at least 2 (28, 32, 48, 64, 96, 128, …), not \(imageSize)"
      )
      try Checks.layers(normEpsilon: normEpsilon, leakySlope: leakySlope)
      try adam.validate(["learningRate": learningRate])
      try Checks.require(weightDecay >= 0, "weightDecay is at least 0, not \(weightDecay)")
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
  private let generator: any Layer
  private let discriminator: any Layer
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    guard let stages = Stages(imageSize: configuration.imageSize) else {
      throw ConfigurationError("imageSize \(configuration.imageSize) cannot be halved down to a small map")
    }
    let generator: any Layer
    let discriminator: any Layer
    switch configuration.model {
    case .dcgan:
      generator = Generator(configuration, stages, using: stream)
      discriminator = Discriminator(configuration, stages, using: stream)
    case .theano:
      generator = TheanoGenerator(configuration, stages, using: stream)
      discriminator = TheanoDiscriminator(configuration, stages, using: stream)
    }
    applyDCGANWeights(generator, using: stream)
    applyDCGANWeights(discriminator, using: stream)
    generator.layOutChannelsLast()
    discriminator.layOutChannelsLast()
    func adam(_ network: Module) -> Optimizer {
      configuration.adam.optimizer(
        network, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
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

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    switch configuration.model {
    case .dcgan: try reference(step)
    case .theano: try alternating(step)
    }
    augment.endStep(step)
  }

  /// Discriminator on real, discriminator on generated, its update; then the generator.
  private func reference(_ step: TrainingStep) throws {
    let real = try step.batch()["image"]
    let latent = latents(real.shape[0], step.draws)
    // Its history waits for the discriminator's update.
    let fake = generator.checkpointed([latent], when: step.isAccumulating) { [generator] in generator($0[0]) }
    try updateDiscriminator(step, real, fake.detached())
    try updateGenerator(step, latent) { fake }
  }

  /// The authors' order: every batch trains one of the two, the generator first.
  private func alternating(_ step: TrainingStep) throws {
    let real = try step.batch()["image"]
    let latent = latents(real.shape[0], step.draws)
    if step.index % 2 == 1 {
      try updateDiscriminator(step, real, withoutGradients { generator(latent) })
    } else {
      try updateGenerator(step, latent) { generator(latent) }
    }
  }

  private func updateDiscriminator(_ step: TrainingStep, _ real: Tensor, _ fake: Tensor) throws {
    let objective = configuration.loss
    let terms = try step.update("discriminator", discriminatorOptimizer) { loss in
      let realScores = discriminator(augment(real, draws: step.draws, name: "diffAugment.real"))
      augment.observe(realScores: realScores)
      loss.add(objective.real(realScores))
      if !augment.regularization.takesScoresTogether { loss.backward() }
      let fakeScores = discriminator(augment(fake, draws: step.draws, name: "diffAugment.fake"))
      loss.add(objective.fake(fakeScores))
      augment.regularization.add(to: &loss, step, real: real, scores: (realScores, fakeScores)) {
        discriminator($0)
      }
      step.observe("discriminatorAccuracy") { objective.accuracy(real: realScores, fake: fakeScores) }
    }
    step.log("discriminator", terms.total)
  }

  private func updateGenerator(
    _ step: TrainingStep, _ latent: Tensor, _ generated: () -> Tensor
  ) throws {
    try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let shown = augment(generated(), draws: step.draws, name: "diffAugment.generator")
      loss.add("generator", configuration.loss.generator(discriminator(shown)))
      augment.regularization.addPathLength(to: &loss, step, latent: latent) { generator($0) }
    }
  }

  /// `[batch, latent, 1, 1]`, the shape in which the script draws them.
  private func latents(_ batch: Int, _ draws: any Draws) -> Tensor {
    latentSpace.distribution.draw("latent", [batch, configuration.latentSize, 1, 1], from: draws)
  }

  /// Images in -1 … 1 for latents `[n, size]`; labels are ignored.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor { generator(latents) }

}
