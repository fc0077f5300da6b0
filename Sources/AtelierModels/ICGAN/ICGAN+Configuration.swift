public import AtelierCore
import AtelierData

extension ICGAN {
  /// The choices of an ic-gan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration, AveragedConfiguration,
    RoundConfiguration
  {
    /// Which networks.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// BigGAN's.
      case biggan
    }

    /// Which networks.
    public var model = Model.biggan
    /// Height and width of the pictures: 8, 16, 32, 64 or 128 times ``bottomWidth``.
    public var imageSize = 64
    /// Number of channels.
    public var imageChannels = 3
    /// The side of the generator's first map.
    public var bottomWidth = 4
    /// The base of the generator's widths.
    public var generatorChannels = 64
    /// The base of the discriminator's widths.
    public var discriminatorChannels = 64
    /// The length of a latent vector; a hierarchical one is cut down to a multiple of its chunks.
    public var latentSize = 120
    /// Whether a chunk of the latent enters each block.
    public var hierarchicalLatent = true
    /// The number of classes; without labels only the size of a table that the authors keep and never read.
    public var classes = 1000
    /// Whether class labels are a condition too.
    public var classConditional = false
    /// Whether instances are a condition.
    public var instanceConditional = true
    /// The length of an instance's features.
    public var featureSize = 2048
    /// The width to which the generator projects features; nil: none.
    public var sharedFeatureSize: Int? = 512
    /// Instances in a neighbourhood.
    public var neighbours = 50
    /// The number of instances, which the data decide; 0: not known yet.
    public var instances = 0
    /// Whether one table of classes serves all norms.
    public var sharedEmbedding = true
    /// The length of a row of the shared table; nil: that of the latent.
    public var sharedEmbeddingSize: Int? = 128
    /// Resolutions behind whose block the generator attends.
    public var generatorAttention = [32]
    /// Resolutions behind whose block the discriminator attends; at 32 pixels all its blocks count as 16.
    public var discriminatorAttention = [32]
    /// Whether a discriminator block is as wide inside as its output, else as its input.
    public var discriminatorWide = true
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
    public var discriminatorLearningRate = 1e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.0, beta2: 0.999, adamEpsilon: 1e-6)
    /// Real images in a part of a discriminator's update, and generated ones in every part.
    public var batchSize = 256
    /// How both networks are updated in one step.
    public var round = BigGANRound(gradientAccumulation: 1)
    /// The generator's moving average; its start is counted from 1.
    public var average = AverageSettings(averageDecay: 0.9999, averageStart: 20_000)
    /// Batches from which the norms' statistics are estimated before images are drawn; 0: running averages.
    public var standingStatistics = 0
    /// Changes of the images that the discriminator sees.
    public var augmentation = AugmentationSettings()
    /// Where features come from.
    public var featureSource = InstanceFeatureSource.selfSupervised
    /// How often the network that gives the features sees each image.
    public var featureEpochs = 20.0
    /// Whether real images and, apart from them, instances are mirrored half of the time.
    public var mirrors = true
    /// Instances that generation draws from, the nearest to as many k-means centres; 0: all.
    public var selectedInstances = 1000

    /// The authors' ImageNet recipe for 64×64.
    public init() {}

    /// The authors' recipes and a small one.
    public static var presets: [Preset<Configuration>] {
      var large = Configuration()
      large.imageSize = 128
      large.generatorChannels = 96
      large.discriminatorChannels = 96
      large.generatorAttention = [64]
      large.discriminatorAttention = [64]
      large.batchSize = 2048
      large.generatorLearningRate = 4e-5
      var classes = large
      classes.classConditional = true
      classes.featureSource = .classifier
      var coco = large
      coco.generatorChannels = 48
      coco.discriminatorChannels = 48
      coco.batchSize = 256
      coco.generatorLearningRate = 1e-4
      coco.discriminatorLearningRate = 4e-4
      coco.neighbours = 5
      coco.diffAugment = [.translation]
      return [
        Preset("imagenet-64", "the paper's ImageNet at 64×64", Configuration()),
        Preset("imagenet-128", "the paper's ImageNet at 128×128", large),
        Preset("imagenet-128-classes", "the same with class labels", classes),
        Preset("coco-128", "the paper's COCO-Stuff at 128×128", coco),
        Preset("small", "narrow networks for 32×32 images, minutes on two cores", small),
        Preset("small-classes", "the small one with class labels", smallWithClasses),
      ]
    }

    private static var small: Configuration {
      var small = Configuration()
      small.imageSize = 32
      small.generatorChannels = 12
      small.discriminatorChannels = 12
      small.latentSize = 64
      small.classes = 1
      small.featureSize = 128
      small.sharedFeatureSize = 48
      small.sharedEmbeddingSize = 32
      small.neighbours = 10
      small.generatorAttention = [16]
      small.discriminatorAttention = []
      small.generatorLearningRate = 4e-4
      small.discriminatorLearningRate = 4e-4
      small.batchSize = 32
      small.averageDecay = 0.995
      small.averageStart = 200
      small.standingStatistics = 8
      small.diffAugment = [.translation]
      small.selectedInstances = 500
      return small
    }

    private static var smallWithClasses: Configuration {
      var configuration = small
      configuration.classConditional = true
      configuration.classes = 10
      configuration.featureSource = .classifier
      return configuration
    }

    /// Images of the neighbourhoods of instances, of classes, or of both.
    public var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: imageChannels, size: imageSize,
        latent: LatentDecoding(
          size: effectiveLatentSize, distribution: .normal, classes: classConditional ? classes : nil),
        batchSize: batchSize)
      guard instanceConditional else { return plan }
      let features = FieldKind.features(size: featureSize)
      plan.stages[0].data?.fields.insert(Field("features", features), at: 1)
      plan.conditions.append(
        Condition(
          "features", .field(features), from: .data, help: "features of the instance that outputs resemble"))
      plan.components.append(
        InstancePlan(
          purpose: .neighbourhoods(size: neighbours), source: featureSource, featureSize: featureSize,
          selected: selectedInstances, mirrors: mirrors, epochs: featureEpochs))
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateBigGAN()
      try Checks.positive(["featureSize": featureSize, "neighbours": neighbours])
      try Checks.require(
        sharedFeatureSize ?? 1 >= 1, "sharedFeatureSize is at least 1, or null for no projection")
      try Checks.require(
        instanceConditional || classConditional,
        "ic-gan needs a condition; set instanceConditional or classConditional to true")
      try Checks.require(
        sharedEmbedding, "ic-gan joins class and instance in one vector; leave sharedEmbedding at true")
      try Checks.require(
        instances >= 0 && selectedInstances >= 0, "instances and selectedInstances are at least 0")
      try Checks.require(
        instances == 0 || neighbours < instances,
        "neighbours is below the number of instances, an instance itself not counted; there are "
          + "\(instances), so \(neighbours) is too many")
      try Checks.require(featureEpochs > 0, "featureEpochs is above 0, not \(featureEpochs)")
    }
  }
}

extension ICGAN.Configuration: BigGANConfiguration {
  /// Never.
  var isDeep: Bool { false }
  /// One, as in BigGAN.
  var generatorDepth: Int { 1 }
  /// One, as in BigGAN.
  var discriminatorDepth: Int { 1 }
  /// The features' length where instances are a condition.
  var instanceFeatureSize: Int? { instanceConditional ? featureSize : nil }
}
