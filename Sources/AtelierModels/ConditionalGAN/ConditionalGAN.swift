public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The conditional GAN: generator and discriminator are told the class, so that it can be asked for.
///
/// Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets".
///
/// Three forms, by ``Configuration/model``:
///
/// - `cgan`, that of eriklindernoren/PyTorch-GAN `implementations/cgan/cgan.py`: dense networks that read
///   a label's embedding before the latent vector and behind the image; generator updated first. No
///   deviation.
/// - `maxout`, the paper's model of MNIST, which has no published code: latent and label meet in a joint
///   layer in both networks, maxout in the discriminator, dropout in both, gradient descent with
///   momentum. What the paper leaves open is taken from goodfeli/adversarial: weights from U(−0.05, 0.05)
///   and U(−0.005, 0.005), updates on the same images, momentum rising until epoch 250.
/// - `convolutional`, the form that draws well in minutes: a DCGAN generator whose batch norms learn a
///   scale and shift for each class (Dumoulin et al. 2017), a spectrally normalised discriminator that
///   compares its features with the class's embedding (Miyato and Koyama 2018, "cGANs with Projection
///   Discriminator"), hinge loss, and a moving average of the generator. Either network can take the
///   label as a further input instead, as Radford et al. 2016 did.
public final class ConditionalGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "cgan", summary: "Conditional GAN: images by class",
    paper: "Mirza and Osindero, Conditional Generative Adversarial Nets, 2014",
    reference: "eriklindernoren/PyTorch-GAN implementations/cgan/cgan.py",
    suits: [.labelledImages])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: any ClassGenerator
  private let discriminator: any ClassDiscriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let average: MovingAverage?

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator: any ClassGenerator
    let discriminator: any ClassDiscriminator
    switch configuration.model {
    case .cgan:
      generator = EmbeddingGenerator(configuration, using: stream)
      discriminator = EmbeddingDiscriminator(configuration, using: stream)
    case .maxout:
      generator = JointGenerator(configuration, using: stream)
      discriminator = JointDiscriminator(configuration, using: stream)
    case .convolutional:
      generator = ConvolutionalGenerator(configuration, using: stream)
      discriminator = ConvolutionalDiscriminator(configuration, using: stream)
      generator.layOutChannelsLast()
      discriminator.layOutChannelsLast()
    }
    func optimizer(_ network: Module, _ learningRate: Double) -> Optimizer {
      configuration.model == .maxout
        ? SGD(network, learningRate: learningRate, momentum: configuration.momentum)
        : configuration.adam.optimizer(network, learningRate: learningRate)
    }
    generatorOptimizer = optimizer(
      generator, configuration.generatorLearningRate ?? configuration.learningRate)
    discriminatorOptimizer = optimizer(
      discriminator, configuration.discriminatorLearningRate ?? configuration.learningRate)
    average =
      configuration.averageDecay > 0
      ? MovingAverage(of: generator, decay: configuration.averageDecay, start: configuration.averageStart)
      : nil
    self.generator = generator
    self.discriminator = discriminator
    augment = configuration.makeAugmentation(
      configuration.loss, isUnit: configuration.model == .maxout)
    networks = [
      Network("generator", generator, authorsNames: EmbeddingGenerator.authorsNames) { _, inputs in
        ["image": generator(try inputs.required("latent"), try inputs.required("label"))]
      },
      Network("discriminator", discriminator, isForTraining: true) { _, inputs in
        ["score": discriminator(try inputs.required("image"), try inputs.required("label"))]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// The generator's moving average, where there is one.
  public var averages: [(network: String, average: MovingAverage)] {
    average.map { [("generator", $0)] } ?? []
  }

  /// Takes over the data's channels and number of classes.
  ///
  /// - Throws: ``ConfigurationError`` for data without labels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    configuration.classes = try data.description.requiredClasses(for: identity)
    return configuration
  }

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    schedule(step)
    switch configuration.model {
    case .cgan, .maxout: try generatorFirst(step)
    case .convolutional: try discriminatorFirst(step)
    }
    augment.endStep(step)
  }

  /// PyTorch-GAN's order: the generator, then the discriminator on the same images, halves averaged.
  private func generatorFirst(_ step: TrainingStep) throws {
    let objective = configuration.loss
    let batch = try step.batch()
    let (real, label) = (batch["image"], batch["label"])
    let (latent, fakeLabel) = conditions(real.shape[0], step.draws)
    let fake = generator(latent, fakeLabel)

    try updateGenerator(step, fake, fakeLabel, latent)
    try step.update("discriminator", discriminatorOptimizer) { loss in
      let scores = scores(step, real, label, fake.detached(), fakeLabel)
      loss.add("discriminator", (objective.real(scores.real) + objective.fake(scores.fake)) / 2)
      augment.regularization.add(to: &loss, step, real: real, scores: scores) { discriminator($0, label) }
    }
  }

  /// DCGAN's order: the discriminator, then the generator through the updated discriminator with the
  /// last images, so that a step draws and renders each latent once.
  private func discriminatorFirst(_ step: TrainingStep) throws {
    let objective = configuration.loss
    for round in 1...configuration.discriminatorSteps {
      let batch = try step.batch()
      let (real, label) = (batch["image"], batch["label"])
      let (latent, fakeLabel) = conditions(real.shape[0], step.draws)
      // Its history waits for the discriminator's update.
      let fake = generator.checkpointed([latent], when: step.isAccumulating) { [generator] in
        generator($0[0], fakeLabel)
      }

      try step.update("discriminator", discriminatorOptimizer) { loss in
        let scores = scores(step, real, label, fake.detached(), fakeLabel)
        loss.add("discriminator", objective.real(scores.real) + objective.fake(scores.fake))
        augment.regularization.add(to: &loss, step, real: real, scores: scores) { discriminator($0, label) }
      }
      if round == configuration.discriminatorSteps { try updateGenerator(step, fake, fakeLabel, latent) }
    }
  }

  private func updateGenerator(_ step: TrainingStep, _ fake: Tensor, _ label: Tensor, _ latent: Tensor) throws
  {
    try step.update("generator", generatorOptimizer, freezing: [discriminator], average: average) { loss in
      let shown = augment(fake, draws: step.draws, name: "diffAugment.generator")
      loss.add("generator", configuration.loss.generator(discriminator(shown, label)))
      augment.regularization.addPathLength(to: &loss, step, latent: latent) { generator($0, label) }
    }
  }

  /// Scores of real and generated images from one call; the discriminators have no batch norm.
  private func scores(
    _ step: TrainingStep, _ real: Tensor, _ label: Tensor, _ fake: Tensor, _ fakeLabel: Tensor
  ) -> (real: Tensor, fake: Tensor) {
    let shown = augment(
      .concatenated([real, fake], dim: 0), draws: step.draws, name: "diffAugment.discriminator")
    let scores = discriminator(shown, .concatenated([label, fakeLabel], dim: 0)).chunked(2, dim: 0)
    augment.observe(realScores: scores[0])
    step.observe("discriminatorAccuracy") { configuration.loss.accuracy(real: scores[0], fake: scores[1]) }
    return (scores[0], scores[1])
  }

  private func conditions(_ batch: Int, _ draws: any Draws) -> (latent: Tensor, label: Tensor) {
    let latent = latentSpace.distribution.draw("latent", [batch, configuration.latentSize], from: draws)
    return (latent, draws.integers("fakeLabel", below: configuration.classes, [batch]))
  }

  private func schedule(_ step: TrainingStep) {
    var factor = 1.0
    if configuration.model == .maxout {
      factor = Schedule.exponential(factor: 1 / configuration.learningRateDecay).factor(at: step.index)
      let momentum = LinearRamp(
        from: configuration.momentum, to: configuration.finalMomentum, start: 1,
        length: configuration.momentumEpochs - 1
      ).value(at: Int(step.epoch))
      for case let optimizer as SGD in [generatorOptimizer, discriminatorOptimizer] {
        optimizer.momentum = momentum
      }
    } else if configuration.decaySteps > 0 {
      factor = max(0, 1 - Double(step.index) / Double(configuration.decaySteps))
    } else {
      return
    }
    for (optimizer, own) in [
      (generatorOptimizer, configuration.generatorLearningRate),
      (discriminatorOptimizer, configuration.discriminatorLearningRate),
    ] {
      optimizer.learningRate = max(
        factor * (own ?? configuration.learningRate), configuration.minimumLearningRate)
    }
  }

  /// Images in -1 … 1 for latents `[n, size]` and int64 labels `[n]`, which must be there.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    guard let labels else { throw ConfigurationError("cgan draws images of a class; name one") }
    let pictures = generator(latents, labels)
    return configuration.model == .maxout ? pictures * 2 - 1 : pictures
  }
}
