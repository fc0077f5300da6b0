public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// A paper of adversarial super-resolution: its name, its defaults and its presets.
public protocol EnlargementPaper: Sendable {
  /// The name, the paper and the reference implementation.
  static var identity: SystemIdentity { get }
  /// The authors' reference implementation.
  static func reference(_ configuration: inout AdversarialEnlargement<Self>.Configuration)
  /// Named starting points, the paper's first.
  static var presets: [Preset<AdversarialEnlargement<Self>.Configuration>] { get }
}

/// The adversarial losses of super-resolution.
public enum EnlargementAdversarialLoss: String, Sendable, Hashable, Codable, CaseIterable {
  /// Cross-entropy of logits.
  case vanilla
  /// The squared distance of scores from 1 and 0.
  case lsgan
  /// Hinge.
  case hinge
  /// Cross-entropy of how much more real one kind looks than the other on average (ESRGAN).
  case relativistic

  /// The loss on scores; for ``relativistic`` on how far they lie above the other kind's mean.
  var loss: AdversarialLoss {
    switch self {
    case .vanilla, .relativistic: .logistic
    case .lsgan: .leastSquares
    case .hinge: .hinge
    }
  }
}

/// Super-resolution by a generator, a discriminator and a perceptual loss: what ``SRGAN`` and ``ESRGAN``
/// share.
///
/// The two differ in their networks and in the adversarial loss; their files hold the paper, the defaults and
/// the update that belongs to the loss. Either takes the other's by configuration.
public final class AdversarialEnlargement<Paper: EnlargementPaper>: EnlargingSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static var identity: SystemIdentity { Paper.identity }

  /// The choices of an adversarial super-resolution.
  public struct Configuration: EnlargingConfiguration, AugmentedConfiguration, AdamConfiguration {
    /// The generator.
    public var network = EnlargingNetwork()
    /// The form of the discriminator.
    public var discriminator = EnlargingDiscriminator.vggStyle
    /// Channels of the discriminator's first map.
    public var discriminatorWidth = 64
    /// The adversarial loss.
    public var adversarialLoss = EnlargementAdversarialLoss.vanilla
    /// Random changes of what the discriminator sees of large images.
    public var augmentation = AugmentationSettings()
    /// How images are compared.
    public var losses = EnlargingLosses(perceptualLayers: ["conv5_4": 1])
    /// Factors of the generator's loss terms.
    public var weights = EnlargementWeights()
    /// Steps of plain regression by the pixel loss before the discriminator joins in; the authors start from
    /// a trained regressor.
    public var pretrainingSteps = 0
    /// Decay of the generator's moving average; 0: there is none.
    public var averageDecay = 0.0
    /// The learning rate of both optimisers.
    public var learningRate = 1e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.99)
    /// Adam's L2 term.
    public var weightDecay = 0.0
    /// Steps from which the learning rate is multiplied by ``decayFactor`` once more, counted from the
    /// discriminator's first.
    public var milestones = [50_000, 100_000, 200_000, 300_000]
    /// What the learning rate is multiplied by at each milestone.
    public var decayFactor = 0.5
    /// Whether training images are flipped horizontally half of the time.
    public var flips = true
    /// Whether training images are rotated by multiples of 90 degrees.
    public var turns = true
    /// Examples in one batch.
    public var batchSize = 16
    /// Height and width of the large images in training, crops of whole ones; the side of what
    /// `vgg-style` and `ledig` judge.
    public var imageSize = 128

    /// The authors' reference implementation.
    public init() { Paper.reference(&self) }

    /// Layers are named freely.
    public var openTables: Set<String> { ["perceptualLayers"] }

    /// The paper's, and others.
    public static var presets: [Preset<Configuration>] { Paper.presets }

    /// Pairs of small and large images; regression first, where the configuration asks for it.
    public var plan: SystemPlan {
      var plan = enlargingPlan
      if pretrainingSteps > 0 {
        var regression = plan.stages[0]
        (regression.name, regression.steps) = ("regression", pretrainingSteps)
        plan.stages[0].name = "adversarial"
        plan.stages.insert(regression, at: 0)
      }
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateTraining()
      try augmentation.validate(adversarialLoss.loss)
      try discriminatorPlan.validate()
      let side = "the discriminator \(discriminator.rawValue) judges images of imageSize, \(imageSize)"
      try Checks.require(
        cropSize == imageSize || discriminatorPlan.judgesAnySize,
        "\(side), which scale \(network.scale) does not divide; change one of the two, or take unet-spectral")
      try Checks.require(cropSize > 0, "imageSize \(imageSize) is too small; raise it")
      try Enlargement.checkLosses(
        losses, pixel: weights.pixel, perceptual: weights.perceptual, adversarial: weights.adversarial,
        channels: network.outputChannels)
      try Checks.require(
        pretrainingSteps >= 0, "pretrainingSteps is at least 0, not \(pretrainingSteps)")
      try schedule.validate()
    }

    var discriminatorPlan: EnlargingDiscriminatorPlan {
      EnlargingDiscriminatorPlan(
        kind: discriminator, inputChannels: network.outputChannels, width: discriminatorWidth,
        imageSize: imageSize)
    }

    /// What generator and discriminator can take of ``imageSize``.
    public var cropSize: Int { generatorPlan.cropSize(imageSize, multiple: discriminatorPlan.sizeMultiple) }

    var schedule: EnlargementSchedule {
      EnlargementSchedule(
        learningRate: learningRate, milestones: milestones, decayFactor: decayFactor, restartEvery: 0,
        minimumLearningRate: 0)
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator, the discriminator, and the frozen network of the perceptual loss.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  let generator: any Layer
  let discriminator: any Layer
  let average: MovingAverage?
  let comparison: EnlargementComparison
  let generatorOptimizer: Optimizer
  let discriminatorOptimizer: Optimizer

  /// Builds the networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = configuration.generatorPlan.make(using: stream)
    let discriminator = configuration.discriminatorPlan.make(using: stream)
    let comparison = try configuration.makeComparison(
      pixel: configuration.weights.pixel, perceptual: configuration.weights.perceptual)
    self.generator = generator
    self.discriminator = discriminator
    self.comparison = comparison
    average = configuration.makeAverage(of: generator)
    generatorOptimizer = configuration.makeAdam(generator)
    discriminatorOptimizer = configuration.makeAdam(discriminator)
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss, isUnit: true)
    networks =
      [
        Network("generator", generator, authorsNames: configuration.generatorPlan.authorsNames) { _, inputs in
          ["image": generator(try inputs.required("image"))]
        },
        Network(
          "discriminator", discriminator, authorsNames: configuration.discriminatorPlan.authorsNames,
          isForTraining: true
        ) {
          _, inputs in ["logits": discriminator(try inputs.required("image"))]
        },
      ] + (comparison.perceptual.map { [$0.network] } ?? [])
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// The generator's moving average, where there is one.
  public var averages: [(network: String, average: MovingAverage)] {
    average.map { [("generator", $0)] } ?? []
  }

  private static var regressionStage: String { "regression" }

  /// One step: the generator against the discriminator, then the discriminator on the same images.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let rate = configuration.schedule.rate(at: max(0, step.index - configuration.pretrainingSteps))
    generatorOptimizer.learningRate = rate
    discriminatorOptimizer.learningRate = rate
    if step.stage == Self.regressionStage {
      try regression(step, batch["source"], batch["target"])
    } else if configuration.adversarialLoss == .relativistic {
      try relativistic(step, batch["source"], batch["target"])
    } else {
      try adversarial(step, batch["source"], batch["target"])
    }
    augment.endStep(step)
  }

  /// The pixel loss alone.
  private func regression(_ step: TrainingStep, _ source: Tensor, _ target: Tensor) throws {
    let terms = try step.update("generator", generatorOptimizer, average: average) { loss in
      loss.add("pixel", configuration.losses.pixelLoss(generator(source).asType(.float32), target))
    }
    step.log("generator", terms.total)
  }

  /// Large images in 0 … 1 for small ones, by the average where there is one.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    Enlargement.translate(pictures, by: generator, matchingHistogram: false)
  }
}

/// Factors of the loss terms of a generator of adversarial super-resolution.
public struct EnlargementWeights: Codable, Sendable, Hashable {
  /// Of the pixel loss.
  public var pixel = 0.01
  /// Of the perceptual loss, on top of each layer's own weight.
  public var perceptual = 1.0
  /// Of the adversarial loss.
  public var adversarial = 0.005

  /// BasicSR's.
  public init() {}
}
