public import AtelierCore
import AtelierData
import Torch

extension Pix2PixHD {
  /// The choices of a pix2pix-hd.
  public struct Configuration: TranslationTraining, AugmentedConfiguration, AdamConfiguration,
    EpochDecayConfiguration
  {
    /// The generator's form.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// One residual generator.
      case global
      /// Enhancers around a global generator on the shrunk condition.
      case local
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// PatchGANs on the image and its halves.
      case multiscalePatch = "multiscale-patch"
    }

    /// What tells the generator how instances look.
    public enum Encoder: String, Codable, Sendable, Hashable, CaseIterable {
      /// Features of the real image, averaged over each instance.
      case instanceFeatures = "instance-features"
    }

    /// Factors of the generator's loss terms beside the adversarial one.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the differences between the discriminator's features of both images; 0 leaves them out.
      public var featureMatching = 10.0
      /// Of the differences between a VGG's features of both images; 0 leaves them out. The authors'
      /// program takes 10, its `lambda_feat`, unless it is told `--no_vgg_loss`.
      public var perceptual = 0.0

      /// The authors', without the loss that needs weights of others.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.global
    /// Classes of the label map; 0: the condition is an image.
    public var classes = 35
    /// Channels of the condition where it is an image.
    public var inputChannels = 3
    /// Channels of the output.
    public var outputChannels = 3
    /// Whether one channel of edges between instances follows the labels.
    public var instanceEdges = true
    /// Width of training images.
    public var imageWidth = 1024
    /// Height of training images.
    public var imageHeight = 512
    /// Channels of the generator at full resolution.
    public var width = 64
    /// How often the global generator halves its input.
    public var downsamplings = 4
    /// Residual blocks of the global generator.
    public var blocks = 9
    /// Enhancers around it, each for twice the resolution (`generator: local`).
    public var localEnhancers = 1
    /// Residual blocks of each enhancer.
    public var localBlocks = 3
    /// The normalisation of generator and encoder.
    public var norm = ImageNorm.instance
    /// What tells the generator how instances look; nil: nothing.
    public var encoder: Encoder?
    /// Channels of the encoder's widest map.
    public var encoderWidth = 16
    /// How often the encoder halves the image.
    public var encoderDownsamplings = 4
    /// Features of an instance.
    public var featureChannels = 3
    /// Whether each block of the generator is recomputed in the backward pass (gradient checkpointing),
    /// which takes less memory and more time.
    public var gradientCheckpointing = false
    /// The discriminator's form.
    public var discriminator = Discriminator.multiscalePatch
    /// Channels of the discriminators' widest map.
    public var discriminatorWidth = 64
    /// The discriminators' normalisation; nil: the generator's.
    public var discriminatorNorm: ImageNorm?
    /// Strided convolutions of each discriminator.
    public var layers = 3
    /// Discriminators, each on half the resolution of the one before.
    public var scales = 2
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.lsgan
    /// Random changes of what the discriminator sees, condition and image moved alike.
    public var augmentation = AugmentationSettings()
    /// Factors of the generator's loss terms.
    public var weights = Weights()
    /// The network whose features `weights.perceptual` compares; nil: VGG19 as the authors, or VGG16 where
    /// only that one is there.
    public var features: FeatureNetwork?
    /// Passes over the data during which only the outermost enhancer is trained.
    public var fixGlobalEpochs = 0
    /// Whether pairs are mirrored half of the time.
    public var flips = true
    /// The learning rate of both optimisers at first.
    public var learningRate = 2e-4
    /// How the learning rates fall.
    public var decay = EpochDecay(constantEpochs: 100, decayEpochs: 100)
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Pairs in a batch.
    public var batchSize = 1

    /// The authors' options as they come, without the loss on a VGG19's features (`--no_vgg_loss`).
    public init() {}

    /// The paper's two stages, and a small one on images.
    public static var presets: [Preset<Configuration>] {
      var coarse = Configuration()
      coarse.weights.perceptual = 10
      var fine = coarse
      fine.generator = .local
      fine.width = 32
      fine.scales = 3
      fine.imageWidth = 2048
      fine.imageHeight = 1024
      fine.fixGlobalEpochs = 10
      var features = coarse
      features.encoder = .instanceFeatures
      var small = Configuration()
      small.classes = 0
      small.instanceEdges = false
      small.imageWidth = 64
      small.imageHeight = 64
      small.width = 24
      small.downsamplings = 3
      small.blocks = 3
      small.discriminatorWidth = 24
      small.layers = 2
      small.decayEpochs = 0
      return [
        Preset("cityscapes-512p", "the paper's global generator for 1024×512", coarse),
        Preset("cityscapes-1024p", "the paper's enhancer for 2048×1024, three scales", fine),
        Preset("cityscapes-512p-features", "with the encoder of instances' looks", features),
        Preset("small", "64×64 from images with narrow networks, minutes on two cores", small),
      ]
    }

    /// Channels of the condition without an encoder's features.
    var semanticChannels: Int { (classes > 0 ? classes : inputChannels) + (instanceEdges ? 1 : 0) }
    /// Whether a map of instances has to come with each example.
    var needsInstances: Bool { instanceEdges || encoder != nil }
    /// What both sides of an image are multiples of.
    var sizeMultiple: Int { 1 << (downsamplings + (generator == .local ? localEnhancers : 0)) }

    /// The condition `[batch, semanticChannels, height, width]`: one-hot labels or an image, then edges.
    func semantics(label: Tensor, instances: Tensor?) -> Tensor {
      let condition = classes > 0 ? oneHotLabels(label, classes: classes) : label
      guard let instances else { return condition }
      return .concatenated([condition, AtelierModels.instanceEdges(instances)], dim: 1)
    }

    /// Images from label maps or other images, with instances where something depends on them.
    public var plan: SystemPlan {
      var plan = SystemPlan.imagesFromMaps(
        label: classes > 0
          ? .labelMap(classes: classes, height: imageHeight, width: imageWidth)
          : .image(channels: inputChannels, height: imageHeight, width: imageWidth, range: .signed),
        channels: outputChannels, height: imageHeight, width: imageWidth, withInstances: needsInstances,
        changes: JointAugmentation(flips: flips), sizeMultiple: sizeMultiple, batchSize: batchSize)
      if encoder != nil {
        plan.conditions.append(
          Condition(
            "image",
            .field(.image(channels: outputChannels, height: imageHeight, width: imageWidth, range: .signed)),
            from: .drawn, liesOnSource: true, help: "an image whose features the instances take"))
      }
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "inputChannels": inputChannels, "outputChannels": outputChannels, "width": width,
        "encoderWidth": encoderWidth, "featureChannels": featureChannels, "localEnhancers": localEnhancers,
        "discriminatorWidth": discriminatorWidth, "layers": layers, "scales": scales,
      ])
      for (key, value) in [
        ("classes", classes), ("blocks", blocks), ("localBlocks", localBlocks),
        ("fixGlobalEpochs", fixGlobalEpochs),
      ] { try Checks.require(value >= 0, "\(key) is at least 0, not \(value)") }
      for (key, value) in [
        ("downsamplings", downsamplings), ("encoderDownsamplings", encoderDownsamplings),
        ("localEnhancers", localEnhancers), ("layers", layers), ("scales", scales),
      ] { try Checks.require(value <= 8, "\(key) is at most 8, not \(value)") }
      try Checks.require(downsamplings >= 0, "downsamplings is at least 0, not \(downsamplings)")
      try Checks.require(
        encoderDownsamplings >= 0, "encoderDownsamplings is at least 0, not \(encoderDownsamplings)")
      let multiple = max(sizeMultiple, encoder == nil ? 1 : 1 << encoderDownsamplings)
      for (key, side) in [("imageWidth", imageWidth), ("imageHeight", imageHeight)] {
        try Checks.require(
          side >= max(4, 2 * multiple) && side % multiple == 0,
          "\(key) is a multiple of \(multiple) of at least \(max(4, 2 * multiple)), as the networks halve it "
            + "that often; \(side) is none")
      }
      try Checks.weights([
        "featureMatching": weights.featureMatching, "perceptual": weights.perceptual,
      ])
      try Checks.require(
        weights.perceptual == 0
          || (outputChannels == 1 || outputChannels == 3) && min(imageWidth, imageHeight) >= 16,
        "a VGG sees images of 1 or 3 channels and of at least 16 pixels a side, not of \(outputChannels) and "
          + "\(imageWidth)×\(imageHeight); set weights.perceptual to 0")
      try validateTraining()
      try augmentation.validate(adversarialLoss.loss)
    }
  }
}
