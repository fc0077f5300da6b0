public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// pix2pix: a conditional GAN that turns one kind of image into another, learned from aligned pairs.
///
/// Paper: Isola, Zhu, Zhou and Efros 2017, "Image-to-Image Translation with Conditional Adversarial
/// Networks".
///
/// Reference: junyanz/pytorch-CycleGAN-and-pix2pix `models/pix2pix_model.py` and `models/networks.py`
/// (BSD-2-Clause), the authors' own port of phillipi/pix2pix.
///
/// The discriminator sees condition and image joined along the channels. It learns first, on the generated
/// and on the real pair, with half of their summed losses; the generator then learns through the updated
/// discriminator to be taken for real, and to be near the target value by value. There is no latent vector:
/// the noise is dropout, which the authors leave on when they test, as they leave batch norms in training
/// mode, so that an image is normalised by its own statistics.
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
    name: "pix2pix", summary: "Images into images, learned from pairs",
    paper: "Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017",
    reference: "junyanz/pytorch-CycleGAN-and-pix2pix models/pix2pix_model.py",
    suits: [.imagePairs])

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
      Network("discriminator", discriminator, isForTraining: true) { _, inputs in
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

  /// One step: the generator runs, the discriminator is updated, then the generator.
  public func step(_ step: TrainingStep) throws {
    for optimizer in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = configuration.learningRate(atEpoch: step.epoch)
    }
    let (weights, objective) = (configuration.weights, configuration.adversarialLoss.loss)
    let batch = try step.batch()
    let (source, target) = (batch["source"], batch["target"])
    // Its history waits for the discriminator's update.
    let fake = generator.checkpointed([source], when: step.isAccumulating) { [generator] in generator($0[0]) }

    if weights.adversarial > 0 {
      let terms = try step.update("discriminator", discriminatorOptimizer) { loss in
        let fakeScores = scores(source, fake.detached(), step, "diffAugment.fake")
        loss.add("discriminatorFake", objective.fake(fakeScores), weight: 0.5, logsWeighted: false)
        if !augment.regularization.takesScoresTogether { loss.backward() }
        let realScores = scores(source, target, step, "diffAugment.real")
        augment.observe(realScores: realScores)
        loss.add("discriminatorReal", objective.real(realScores), weight: 0.5, logsWeighted: false)
        augment.regularization.add(to: &loss, step, real: target, scores: (realScores, fakeScores)) {
          discriminator(.concatenated([source, $0], dim: 1))
        }
        step.observe("discriminatorAccuracy") { objective.accuracy(real: realScores, fake: fakeScores) }
      }
      step.log("discriminator", terms.total)
    }

    let terms = try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      if weights.adversarial > 0 {
        let fakeScores = scores(source, fake, step, "diffAugment.generator")
        loss.add("adversarial", objective.generator(fakeScores), weight: weights.adversarial)
      }
      loss.add(configuration.pixelLoss.rawValue, configuration.pixelLoss(fake, target), weight: weights.l1)
    }
    step.log("generator", terms.total)
    augment.endStep(step)
  }

  /// Scores of pairs, whose two images augmentation moves alike.
  private func scores(_ source: Tensor, _ image: Tensor, _ step: TrainingStep, _ name: String) -> Tensor {
    discriminator(augment(image, beside: source, draws: step.draws, name: name))
  }

  // MARK: Generation

  /// Images `[n, outputs, height, width]` in -1 … 1 for conditions `[n, inputs, height, width]`, tested as
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

  /// Refuses norms whose statistics depend on the image's size.
  public func validateExport() throws(ConfigurationError) {
    guard configuration.testBatchStatistics == nil else { return }
    throw ConfigurationError(
      "testBatchStatistics is null, which chooses by the image's size and cannot be one exported function; "
        + "set it to false for images of \(configuration.imageSize)×\(configuration.imageSize), or to true for "
        + "any size")
  }
}
