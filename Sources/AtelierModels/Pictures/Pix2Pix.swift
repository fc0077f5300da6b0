public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// pix2pix: a conditional GAN that turns one kind of picture into another, learned from aligned pairs.
///
/// Paper: Isola, Zhu, Zhou and Efros 2017, "Image-to-Image Translation with Conditional Adversarial Networks".
///
/// Reference: junyanz/pytorch-CycleGAN-and-pix2pix `models/pix2pix_model.py` and `models/networks.py`
/// (BSD-2-Clause), the authors' own port of phillipi/pix2pix.
///
/// The discriminator sees condition and picture joined along the channels. It learns first, on the generated
/// and on the real pair, with half of their summed losses; the generator then learns through the updated
/// discriminator to be taken for real, and to be near the target value by value. There is no latent vector:
/// the noise is dropout, which the authors leave on when they test, as they leave batch norms in training
/// mode, so that a picture is normalised by its own statistics.
///
/// Deviations, all of them off in the reference configuration: U-Nets of fewer than 5 levels; ResNet
/// generators of other depths than 2 halvings, or that repeat pixels (`upsampling`); a squared pixel loss;
/// `weights.adversarial`, which the authors do not have (0 leaves the regressor alone, without a
/// discriminator); ``DiffAugment``; learning rates decay by passes over the data, begun where the authors'
/// first version did. The authors write no running statistics while they test, and neither does generation
/// here.
public final class Pix2Pix: TranslatingSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "pix2pix", summary: "Pictures into pictures, learned from pairs",
    paper: "Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017",
    reference: "junyanz/pytorch-CycleGAN-and-pix2pix models/pix2pix_model.py",
    suits: [.imagePairs])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// What the discriminator sees of pictures.
  public let augment: DiscriminatorAugmentation
  private let generator: any Layer
  private let discriminator: any Layer
  private let generatorOptimizer: Adam
  private let discriminatorOptimizer: Adam

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let (inputs, outputs) = (configuration.inputChannels, configuration.outputChannels)
    let generator = configuration.generatorPlan.make(inputs, outputs, using: stream)
    let discriminator = configuration.discriminatorPlan.make(inputs + outputs, using: stream)
    self.generator = generator
    self.discriminator = discriminator
    generatorOptimizer = configuration.makeAdam(generator.namedParameters())
    discriminatorOptimizer = configuration.makeAdam(discriminator.namedParameters())
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    networks = [
      Network("generator", generator) { _, inputs in ["image": generator(try inputs.required("image"))] },
      Network("discriminator", discriminator) { _, inputs in
        let pair = [try inputs.required("source"), try inputs.required("target")]
        return ["logits": discriminator(.concatenated(pair, dim: 1))]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  // MARK: Training

  /// One step: the generator runs, the discriminator learns, then the generator.
  public func step(_ step: TrainingStep) throws {
    for optimizer in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = configuration.learningRate(atEpoch: step.epoch)
    }
    let weights = configuration.weights
    let batch = try step.batch()
    let (source, target) = (batch["source"], batch["target"])
    let fake = generator(source)
    let isAdversarial = weights.adversarial > 0
    if isAdversarial { try teachDiscriminator(step, source: source, fake: fake, real: target) }

    var (adversarial, pixel): (Tensor?, Tensor?)
    let total = try withFrozen(discriminator) {
      try step.update(
        "generator", generatorOptimizer,
        minimizing: { [self] in
          let near = configuration.pixelLoss(fake, target) * weights.l1
          pixel = near
          guard isAdversarial else { return near }
          let scores = judge(source, fake, "diffAugment.generator", step.draws)
          let fooling = configuration.adversarialLoss.loss.generator(scores) * weights.adversarial
          adversarial = fooling
          return fooling + near
        })
    }
    if let adversarial { step.log("adversarial", adversarial) }
    if let pixel { step.log(configuration.pixelLoss.rawValue, pixel) }
    step.log("generator", total)
    augment.endStep(step)
  }

  /// The discriminator's update: the generated pair first, then the real one, half of each loss.
  private func teachDiscriminator(
    _ step: TrainingStep, source: Tensor, fake: Tensor, real: Tensor
  ) throws {
    let loss = configuration.adversarialLoss.loss
    var (fakeLoss, realLoss): (Tensor?, Tensor?)
    var (fakeScores, realScores): (Tensor?, Tensor?)
    let total = try step.update(
      "discriminator", discriminatorOptimizer,
      minimizing: { [self] in
        let scores = judge(source, fake.detached(), "diffAugment.fake", step.draws)
        fakeScores = scores.detached()
        let value = loss.fake(scores)
        fakeLoss = value.detached()
        return value * 0.5
      },
      { [self] in
        let scores = judge(source, real, "diffAugment.real", step.draws)
        augment.observe(realScores: scores)
        realScores = scores.detached()
        let value = loss.real(scores)
        realLoss = value.detached()
        return value * 0.5
      })
    if let fakeLoss { step.log("discriminatorFake", fakeLoss) }
    if let realLoss { step.log("discriminatorReal", realLoss) }
    step.log("discriminator", total)
    if let realScores, let fakeScores {
      step.observe("discriminatorAccuracy") { loss.accuracy(real: realScores, fake: fakeScores) }
    }
  }

  /// Scores of pairs, whose two pictures may have been moved alike.
  private func judge(_ source: Tensor, _ picture: Tensor, _ name: String, _ draws: any Draws) -> Tensor {
    discriminator(augment(picture, beside: source, draws: draws, name: name))
  }

  // MARK: Generation

  /// Pictures `[n, outputs, height, width]` in -1 … 1 for conditions `[n, inputs, height, width]`, tested as
  /// `testDropout` and `testBatchStatistics` say.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let isTrainedSize = pictures.shape.suffix(2) == [configuration.imageSize, configuration.imageSize]
    return testing(
      generator, dropout: configuration.testDropout,
      batchStatistics: configuration.testBatchStatistics ?? !isTrainedSize
    ) {
      withDraws(draws) { generator(pictures) }
    }
  }

  /// Refuses norms whose statistics depend on the picture's size.
  public func validateExport() throws(ConfigurationError) {
    guard configuration.testBatchStatistics == nil else { return }
    throw ConfigurationError(
      "testBatchStatistics is null, which chooses by the picture's size and cannot be one exported function; "
        + "set it to false for pictures of \(configuration.imageSize)×\(configuration.imageSize), or to true for "
        + "any size")
  }
}
