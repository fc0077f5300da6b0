public import AtelierCore
import AtelierData

extension Pix2Pix {
  /// The choices of a pix2pix.
  public struct Configuration: TranslatorConfiguration, AugmentedConfiguration, AdamConfiguration,
    CroppedConfiguration, EpochDecayConfiguration
  {
    /// Factors of the generator's loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of being taken for real; 0 leaves the regressor alone, without a discriminator.
      public var adversarial = 1.0
      /// Of the pixel loss, squared or not.
      public var l1 = 100.0

      /// The authors'.
      public init() {}
    }

    /// The generator, and the images.
    public var translator = TranslatorNetworks(
      generator: .unet, downsamplings: 8, norm: .batch, dropout: true)
    /// Whether generation draws dropout too: the noise that makes images of one condition differ.
    public var testDropout = true
    /// Whether generation normalises an image by its own statistics, as the authors do, or by running ones;
    /// nil: by running ones at the size that was trained on, by its own at any other.
    public var testBatchStatistics: Bool? = true
    /// The discriminator.
    public var discriminators = TranslatorDiscriminators()
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.vanilla
    /// How images are compared value by value.
    public var pixelLoss = PixelLoss.l1
    /// Factors of the generator's loss terms.
    public var weights = Weights()
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// Random crop and flip; without `loadSize`: 286 for 256, and so on.
    public var crop = CropAndFlip()
    /// The learning rate of both optimisers at first.
    public var learningRate = 2e-4
    /// How the learning rates fall.
    public var decay = EpochDecay(constantEpochs: 100, decayEpochs: 100)
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Pairs in a batch.
    public var batchSize = 1

    /// The authors' options as they come, which are those for façades.
    public init() {}

    /// The paper's data sets, and sizes that two processor cores can train.
    public static var presets: [Preset<Configuration>] {
      let facades = Configuration()
      var edges = Configuration()
      edges.batchSize = 4
      edges.constantEpochs = 15
      edges.decayEpochs = 0
      edges.loadSize = 256
      var middle = small
      middle.imageSize = 128
      middle.downsamplings = 7
      middle.layers = 3
      return [
        Preset("facades", "the paper's labels to façades at 256×256, 200 passes", facades),
        Preset("maps", "the paper's maps and aerial photographs: as façades", facades),
        Preset("edges2shoes", "the paper's outlines to shoes at 256×256: batch 4, 15 passes", edges),
        Preset("small", "64×64 with half the width, minutes on two cores", small),
        Preset("small-128", "128×128 with half the width, an hour on two cores", middle),
      ]
    }

    private static var small: Configuration {
      var small = Configuration()
      small.imageSize = 64
      small.downsamplings = 6
      small.width = 32
      small.discriminatorWidth = 32
      small.layers = 2
      small.batchSize = 4
      // Trained with four images' statistics, it draws worse with one image's own; but the running
      // ones describe maps of the trained size, and ruin whole photographs.
      small.testBatchStatistics = nil
      small.decayEpochs = 0
      return small
    }

    /// Images from aligned images.
    public var plan: SystemPlan {
      let fields = fields("source", "target")
      var plan = SystemPlan.translation(
        fields, ImagePairs(source: "source", target: "target"), changes: jitter,
        [
          TranslationDirection(
            "source-to-target", source: "source", target: "target", sizeMultiple: generatorPlan.sizeMultiple)
        ], batchSize: batchSize)
      plan.stages[0].data?.bucketMultiple = generatorPlan.sizeMultiple
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateNetworks(hasDiscriminator: weights.adversarial > 0)
      try Checks.weights(["adversarial": weights.adversarial, "l1": weights.l1])
      try Checks.require(
        weights.adversarial > 0 || weights.l1 > 0,
        "weights.adversarial and weights.l1 are both 0, so there is nothing to learn; raise one of them")
      try validateTraining()
      try augmentation.validate(adversarialLoss.loss, regularizing: .scores)
    }
  }
}
