public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// BigGAN: residual networks with spectral normalisation, a class embedding shared by all norms of the
/// generator, a latent that enters at every depth, self-attention, and a projection discriminator.
///
/// Paper: Brock, Donahue and Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image
/// Synthesis". Reference: ajbrock/BigGAN-PyTorch, the authors' own in PyTorch.
///
/// Two forms, by ``Configuration/model``: `biggan` (BigGAN.py) and `biggan-deep` (BigGANdeep.py), whose
/// blocks are bottlenecks, two a resolution, and whose latent joins the class everywhere.
///
/// The networks, shared with ``ICGAN``, stand in `Networks/BigGANNetworks.swift` and
/// `Networks/BigGANLayers.swift`, the round of updates in `Training/BigGANTraining.swift`.
///
/// Deviations:
/// - 1×1 shortcuts run on the smaller side of their enlargement or pooling, with which they change places;
///   values agree up to rounding.
/// - The orthogonal regularisation is a term of the loss whose gradient is the authors', from the smaller
/// Gram
///   matrix.
/// - Standing statistics are estimated when images are drawn, with the norms alone in training mode, and are
///   not kept.
/// - Our own, off by default: images of other sizes through `bottomWidth`, ``Configuration/diffAugment`` and
///   its adaptive strength, classes that are clusters of features.
public final class BigGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "biggan", summary: "Class-conditional residual GAN with attention; images by class",
    paper: "Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2019",
    reference: "ajbrock/BigGAN-PyTorch BigGAN.py, BigGANdeep.py, train_fns.py")

  /// The choices of a biggan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration, AveragedConfiguration,
    RoundConfiguration
  {
    /// Which networks.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// BigGAN.py.
      case biggan
      /// BigGANdeep.py.
      case deep = "biggan-deep"
    }

    /// Which networks.
    public var model = Model.biggan
    /// Height and width of the pictures: 8, 16, 32, 64 or (not deep) 128 times ``bottomWidth``.
    public var imageSize = 128
    /// Number of channels.
    public var imageChannels = 3
    /// The side of the generator's first map.
    public var bottomWidth = 4
    /// The base of the generator's widths.
    public var generatorChannels = 96
    /// The base of the discriminator's widths.
    public var discriminatorChannels = 96
    /// The length of a latent vector; a hierarchical one is cut down to a multiple of its chunks.
    public var latentSize = 120
    /// Whether the latent enters at every depth: a chunk a block, or in the deep form all of it everywhere.
    public var hierarchicalLatent = true
    /// The number of classes.
    public var classes = 1000
    /// Whether one table of classes serves all norms; else each norm has its own.
    public var sharedEmbedding = true
    /// The length of a row of the shared table; nil: that of the latent.
    public var sharedEmbeddingSize: Int? = 128
    /// Resolutions behind whose block the generator attends.
    public var generatorAttention = [64]
    /// Resolutions behind whose block the discriminator attends; at 32 pixels all its blocks count as 16.
    public var discriminatorAttention = [64]
    /// Whether a discriminator block is as wide inside as its output, else as its input.
    public var discriminatorWide = true
    /// Residual blocks a resolution of the deep generator.
    public var generatorDepth = 2
    /// Residual blocks a resolution of the deep discriminator.
    public var discriminatorDepth = 2
    /// Whether the generator's weights are normalised too.
    public var generatorSpectralNorm = true
    /// Whether each block of the generator is recomputed in the backward pass (gradient checkpointing),
    /// which takes less memory and more time.
    public var gradientCheckpointing = false
    /// Power iterations a pass.
    public var powerIterations = 1
    /// The smallest length that a singular vector is divided by.
    public var spectralNormEpsilon = 1e-6
    /// The epsilon of conditional batch norms.
    public var normEpsilon = 1e-5
    /// How weights start.
    public var initialization = BigGANInitialization.orthogonal
    /// The adversarial loss, one of raw scores.
    public var loss = AdversarialLoss.hinge
    /// The generator's learning rate.
    public var generatorLearningRate = 1e-4
    /// The discriminator's learning rate.
    public var discriminatorLearningRate = 4e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.0, beta2: 0.999, adamEpsilon: 1e-6)
    /// Real images in a part of a discriminator's update, and generated ones in every part.
    public var batchSize = 256
    /// How both networks are updated in one step.
    public var round = BigGANRound(gradientAccumulation: 8)
    /// The generator's moving average; its start is counted from 1.
    public var average = AverageSettings(averageDecay: 0.9999, averageStart: 20_000)
    /// Batches from which the norms' statistics are estimated before images are drawn; 0: running averages.
    public var standingStatistics = 0
    /// Changes of the images that the discriminator sees.
    public var augmentation = AugmentationSettings()
    /// Where classes come from: the data's labels, or clusters of instance features.
    public var classSource = ClassSource.labels
    /// Where instance features come from, for clusters.
    public var featureSource = InstanceFeatureSource.selfSupervised
    /// Length of the feature vectors of a network that Atelier trains, for clusters.
    public var featureSize = 128
    /// How often the network that gives the features sees each image, for clusters.
    public var featureEpochs = 20.0

    /// The authors' script `launch_BigGAN_bs256x8.sh`.
    public init() {}

    /// The paper, the authors' scripts, the deep form and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.generatorLearningRate = 5e-5
      paper.discriminatorLearningRate = 2e-4
      paper.adamEpsilon = 1e-8
      paper.discriminatorSteps = 2
      paper.batchSize = 2048
      paper.gradientAccumulation = 1
      paper.generatorOrthogonal = 1e-4
      paper.standingStatistics = 100
      var deep = Configuration()
      deep.model = .deep
      deep.latentSize = 128
      deep.generatorChannels = 128
      deep.discriminatorChannels = 128
      var cifar = Configuration()
      cifar.imageSize = 32
      cifar.generatorChannels = 64
      cifar.discriminatorChannels = 64
      cifar.latentSize = 128
      cifar.hierarchicalLatent = false
      cifar.sharedEmbedding = false
      cifar.sharedEmbeddingSize = nil
      cifar.generatorAttention = []
      cifar.discriminatorAttention = []
      cifar.classes = 10
      cifar.initialization = .normal
      cifar.generatorLearningRate = 2e-4
      cifar.discriminatorLearningRate = 2e-4
      cifar.adamEpsilon = 1e-8
      cifar.spectralNormEpsilon = 1e-8
      cifar.batchSize = 50
      cifar.discriminatorSteps = 4
      cifar.gradientAccumulation = 1
      cifar.averageStart = 1000
      return [
        Preset("paper", "the paper's 128×128: batches of 2048, two discriminator updates", paper),
        Preset("reference", "the authors' script for 128×128: 256 times 8 accumulated", Configuration()),
        Preset("deep", "BigGAN-deep at 128×128", deep),
        Preset("cifar", "the authors' script for CIFAR at 32×32", cifar),
        Preset("small", "narrow networks for 32×32 images, minutes on two cores", small),
      ]
    }

    private static var small: Configuration {
      var small = Configuration()
      small.imageSize = 32
      small.generatorChannels = 12
      small.discriminatorChannels = 12
      small.latentSize = 64
      small.sharedEmbeddingSize = 32
      small.classes = 10
      small.generatorAttention = [16]
      small.discriminatorAttention = []
      small.generatorLearningRate = 4e-4
      small.discriminatorLearningRate = 4e-4
      small.batchSize = 32
      small.gradientAccumulation = 1
      small.averageDecay = 0.995
      small.averageStart = 200
      small.standingStatistics = 8
      return small
    }

    /// Images of classes, or of clusters of the training images' features.
    public var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: imageChannels, size: imageSize,
        latent: LatentDecoding(size: effectiveLatentSize, distribution: .normal, classes: classes),
        batchSize: batchSize)
      if classSource == .clusters {
        // The network learns from mirrored images too, as that of IC-GAN does, so that both stand on the same
        // one.
        plan.components.append(
          InstancePlan(
            purpose: .clusters(count: classes), source: featureSource, featureSize: featureSize,
            mirrors: true,
            epochs: featureEpochs))
      }
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateBigGAN()
      try Checks.positive(["featureSize": featureSize])
      try Checks.require(featureEpochs > 0, "featureEpochs is above 0, not \(featureEpochs)")
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  private let training: BigGANTraining<Configuration>

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    training = try BigGANTraining(configuration, using: stream)
    networks = training.networks
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", training.generatorOptimizer), ("discriminator", training.discriminatorOptimizer)]
  }

  /// The generator's moving average, buffers included, as the authors keep it.
  public var averages: [(network: String, average: MovingAverage)] { [("generator", training.average)] }

  /// Takes over the data's channels and, where classes are its labels, their number.
  ///
  /// - Throws: ``ConfigurationError`` for data without labels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    if configuration.classSource == .labels {
      configuration.classes = try data.description.requiredClasses(for: identity)
    }
    return configuration
  }

  /// Discriminator augmentation.
  public var augment: DiscriminatorAugmentation { training.augment }

  /// One step of training: classes of generated images are uniform.
  public func step(_ step: TrainingStep) throws {
    let labels = step.draws.along(1).integers(
      "fakeLabel", below: configuration.classes,
      [training.conditionsPerStep, step.share(of: configuration.batchSize)])
    try training.round(
      step,
      conditions: (0..<training.conditionsPerStep).map {
        BigGANCondition(label: labels.selected(dim: 0, index: $0))
      })
  }

  /// How many parameters the networks have, without initialising them, which takes long for the paper's.
  package static func parameterCounts(
    _ configuration: Configuration
  ) throws -> (generator: Int, discriminator: Int) {
    try bigGANParameterCounts(configuration)
  }

  // MARK: Generation

  /// Images of the averaged generator, with standing statistics where the configuration wants them.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let draws = StreamDraws(RandomStream(seed: 0, purpose: "standing statistics"))
    let size = configuration.batchSize
    try training.drawing(
      draws: draws,
      conditions: {
        BigGANCondition(label: draws.integers("standingLabel", below: self.configuration.classes, [size]))
      },
      { try drawImages(request, emit: emit) })
  }

  /// Images in -1 … 1 for latents `[n, size]` and int64 labels `[n]`, which must be there.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    guard let labels else { throw ConfigurationError("biggan draws images of a class; name one") }
    return training.generator(latents, BigGANCondition(label: labels))
  }
}

/// Where a system's classes come from.
public enum ClassSource: String, Codable, Sendable, Hashable, CaseIterable {
  /// The labels of the data.
  case labels
  /// Clusters of the images' features: IC-GAN's baseline, which needs no labels.
  case clusters
}

extension BigGAN.Configuration: BigGANConfiguration {
  /// Whether the networks are BigGAN-deep's.
  var isDeep: Bool { model == .deep }
  /// Always.
  var classConditional: Bool { true }
  /// None.
  var instanceFeatureSize: Int? { nil }
  /// None.
  var sharedFeatureSize: Int? { nil }
}
