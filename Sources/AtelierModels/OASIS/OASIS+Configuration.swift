public import AtelierCore
import AtelierData
public import Perception

extension OASIS {
  /// The choices of an oasis.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration, CroppedConfiguration {
    /// The generator's form; there is one.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// The paper's.
      case oasis
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// A U-Net that names the class of every pixel, or that it is generated.
      case unetSegmentation = "unet-segmentation"
    }

    /// Normalisation of the discriminator's weights.
    public enum DiscriminatorNorm: String, Codable, Sendable, Hashable, CaseIterable {
      case spectral, none
    }

    /// Factors of loss terms beside the adversarial one.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of LabelMix's consistency in the discriminator's loss; 0 leaves it out.
      public var labelMix = 10.0
      /// Of the differences between a VGG's features of both images; 0 leaves them out, and needs no VGG.
      public var perceptual = 0.0

      /// The authors'.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.oasis
    /// Classes of the label map, one for unlabelled pixels included; taken from the data.
    public var classes = 151
    /// Whether class 0 means "unlabelled", and counts in no loss.
    public var dontcare = true
    /// Another class that counts in no loss; nil: none.
    public var ignoreLabel: Int?
    /// Width of training images.
    public var imageWidth = 256
    /// Height of training images.
    public var imageHeight = 256
    /// Channels of the generator at full resolution.
    public var width = 64
    /// Resolutions of the generator and of the discriminator, each half of the next.
    public var blocks = 6
    /// The length of the noise at each pixel; 0: none.
    public var latent = 64
    /// The normalisation inside the conditional layers.
    public var norm = UnconditionalNorm.syncbatch
    /// Whether the generator's residual convolutions have spectral normalisation.
    public var spectralNorm = true
    /// Hidden channels of the conditional layers.
    public var spadeHidden = 128
    /// Kernel size of the conditional layers, an odd number.
    public var spadeKernel = 3
    /// Whether each block of the generator is recomputed in the backward pass (gradient checkpointing),
    /// which takes less memory and more time.
    public var gradientCheckpointing = false
    /// The discriminator's form.
    public var discriminator = Discriminator.unetSegmentation
    /// Channels of the discriminator at full resolution.
    public var discriminatorWidth = 64
    /// Normalisation of the discriminator's weights; nil: spectral where the generator has it.
    public var discriminatorNorm: DiscriminatorNorm?
    /// Whether rare classes count as much as frequent ones.
    public var classBalancing = true
    /// Whose features the perceptual loss compares.
    public var features = VGG.Architecture.vgg19
    /// Factors of loss terms.
    public var weights = Weights()
    /// The decay of the averaged generator, which generation uses.
    public var averageDecay = 0.9999
    /// After every so many steps the averaged generator's running statistics are collected anew; 0: never.
    public var statisticsEvery = 5000
    /// Batches they are collected from.
    public var statisticsBatches = 50
    /// Random changes of what the discriminator sees, labels moved with the images.
    public var augmentation = AugmentationSettings()
    /// Random crop and flip; `loadSize` is width and height of pairs before it, nil: they are not cropped.
    public var crop = CropAndFlip()
    /// The generator's learning rate.
    public var generatorLearningRate = 1e-4
    /// The discriminator's learning rate.
    public var discriminatorLearningRate = 4e-4
    /// Xavier's factor in front of what weights are drawn with. Spectral normalisation makes up for it, but
    /// Adam's steps are the larger beside the weights the smaller it is.
    public var initializationGain = 0.02
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.0, beta2: 0.999)
    /// Pairs in a batch.
    public var batchSize = 32

    /// The authors' options for ADE20K.
    public init() {}

    /// The paper's data sets and a small one.
    public static var presets: [Preset<Configuration>] {
      let ade = Configuration()
      var coco = ade
      coco.classes = 184
      var cityscapes = ade
      cityscapes.classes = 35
      cityscapes.imageWidth = 512
      cityscapes.generatorLearningRate = 4e-4
      cityscapes.weights.labelMix = 5
      cityscapes.averageDecay = 0.999
      cityscapes.statisticsEvery = 2500
      cityscapes.batchSize = 20
      var perceptual = ade
      perceptual.weights.perceptual = 10
      var small = Configuration()
      small.classes = 12
      small.dontcare = false
      small.imageWidth = 64
      small.imageHeight = 64
      small.width = 16
      small.blocks = 5
      small.latent = 16
      small.spadeHidden = 32
      small.discriminatorWidth = 16
      small.averageDecay = 0.99
      // In a young network averaged statistics and singular vectors soon belong to no weights any more.
      small.statisticsEvery = 50
      small.statisticsBatches = 10
      small.batchSize = 8
      // With the authors' 0.02 the first some hundred steps are far too large, which only long trainings
      // forgive.
      small.initializationGain = 1
      return [
        Preset("ade20k", "the paper's for ADE20K, 256×256", ade),
        Preset("coco", "the paper's for COCO-Stuff, 256×256", coco),
        Preset("cityscapes", "the paper's for Cityscapes, 512×256", cityscapes),
        Preset("ade20k-perceptual", "with the loss on a VGG19's features, to compare", perceptual),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    /// Channels of the generator's map: noise and one-hot labels.
    var mapChannels: Int { classes + latent }
    /// The class that counts in no loss, or classes.
    var ignored: Set<Int> { Set((dontcare ? [0] : []) + (ignoreLabel.map { [$0] } ?? [])) }
    /// The discriminator's normalisation.
    var isDiscriminatorSpectral: Bool { discriminatorNorm.map { $0 == .spectral } ?? spectralNorm }
    /// What both sides of an image are multiples of.
    var sizeMultiple: Int { 1 << blocks }

    /// Photographs from label maps.
    public var plan: SystemPlan {
      var plan = SystemPlan.imagesFromMaps(
        label: .labelMap(classes: classes, height: imageHeight, width: imageWidth), channels: 3,
        height: imageHeight, width: imageWidth,
        changes: JointAugmentation(resizeTo: crop.loadSize, flips: crop.flips),
        sizeMultiple: 1 << (blocks - 1),
        batchSize: batchSize)
      guard latent > 0 else { return plan }
      plan.conditions += [
        Condition(
          "noise", .tensor([[nil, latent], [nil, latent, nil, nil]]), from: .drawn,
          liesOnSource: true, help: "the noise of an image, or of each of its pixels"),
        Condition(
          "regions", .tensor([[nil, nil, nil]]), liesOnSource: true,
          help: "1 where the noise is drawn once more, else 0"),
      ]
      plan.abilities.append(RegionalVariations(classes: classes))
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "classes": classes, "width": width, "spadeHidden": spadeHidden,
        "discriminatorWidth": discriminatorWidth, "statisticsBatches": statisticsBatches,
      ])
      try Checks.require((2...6).contains(blocks), "blocks lies in 2 … 6, not at \(blocks)")
      for (key, value) in [("latent", latent), ("statisticsEvery", statisticsEvery)] {
        try Checks.require(value >= 0, "\(key) is at least 0, not \(value)")
      }
      if let ignoreLabel {
        try Checks.require(
          (0..<classes).contains(ignoreLabel), "ignoreLabel lies in 0 … \(classes - 1), not at \(ignoreLabel)"
        )
      }
      try Checks.require(
        (0..<1).contains(averageDecay), "averageDecay lies in 0 ..< 1, not at \(averageDecay)")
      try Checks.require(
        !augmentation.diffAugment.contains(.color),
        "diffAugment takes translation and cutout here: changed colours would tell the parts of a mixed image"
      )
      // How sure the discriminator is has its border where "generated" is as likely as not.
      try augmentation.validate(.binaryCrossEntropy)
      try Checks.require(
        augmentation.augmentationPipeline.isEmpty,
        "augmentationPipeline is not for oasis, whose discriminator tells the parts of mixed images apart; name "
          + "translation and cutout in diffAugment")
      try Checks.kernel(spadeKernel)
      for (key, side) in [("imageWidth", imageWidth), ("imageHeight", imageHeight)] {
        try Checks.require(
          side >= sizeMultiple && side % sizeMultiple == 0,
          "\(key) is a multiple of \(sizeMultiple), as the discriminator halves it \(blocks) times; "
            + "\(side) is none")
      }
      try Checks.weights(["labelMix": weights.labelMix, "perceptual": weights.perceptual])
      try Checks.aboveZero(["initializationGain": initializationGain])
      try Checks.positive(["batchSize": batchSize])
      try crop.validate(imageSize: max(imageWidth, imageHeight), calling: "the images' longer side")
      try adam.validate([
        "generatorLearningRate": generatorLearningRate,
        "discriminatorLearningRate": discriminatorLearningRate,
      ])
    }
  }
}
