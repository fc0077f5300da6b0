public import AtelierCore
import AtelierData
public import Perception

extension SEAN {
  /// The choices of a sean.
  public struct Configuration: MapConfiguration, AugmentedConfiguration, AdamConfiguration,
    CroppedConfiguration, TwoTimeScaleConfiguration, EpochDecayConfiguration
  {
    /// The generator's form; there is one.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// The paper's.
      case sean
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// PatchGANs on the image and its halves.
      case multiscalePatch = "multiscale-patch"
    }

    /// Factors of the generator's loss terms beside the adversarial one.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the differences between the discriminator's features of both images; 0 leaves them out.
      public var featureMatching = 10.0
      /// Of the differences between a VGG's features of both images; 0 leaves them out, and needs no VGG.
      public var perceptual = 0.0

      /// The authors', without the VGG.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.sean
    /// Classes of the label map; taken from the data.
    public var classes = 19
    /// Width of training images.
    public var imageWidth = 256
    /// Height of training images.
    public var imageHeight = 256
    /// Channels of the generator at full resolution.
    public var width = 64
    /// How often the smallest map is doubled.
    public var upsampling = MapUpsampling.normal
    /// The normalisation that the layers' map branch is built with; what they normalise by is always batch
    /// normalisation.
    public var norm = UnconditionalNorm.syncbatch
    /// Whether the generator's residual convolutions have spectral normalisation.
    public var spectralNorm = true
    /// Hidden channels of the map branch.
    public var spadeHidden = 128
    /// Kernel size of the map branch, an odd number.
    public var spadeKernel = 3
    /// The length of a region's style.
    public var styleLength = 512
    /// Channels of the style encoder's first map.
    public var encoderWidth = 32
    /// Whether each block of the generator is recomputed in the backward pass (gradient checkpointing),
    /// which takes less memory and more time.
    public var gradientCheckpointing = false
    /// The discriminator's form.
    public var discriminator = Discriminator.multiscalePatch
    /// Channels of the discriminators' first map.
    public var discriminatorWidth = 64
    /// The discriminators' normalisation.
    public var discriminatorNorm = MapDiscriminatorNorm.spectralInstance
    /// Convolutions of each discriminator but the last.
    public var layers = 3
    /// Discriminators, each on half the resolution of the one before.
    public var scales = 2
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.hinge
    /// Whose features the perceptual loss compares.
    public var features = VGG.Architecture.vgg19
    /// Factors of the generator's loss terms.
    public var weights = Weights()
    /// Random changes of what the discriminator sees, the map moved with the image.
    public var augmentation = AugmentationSettings()
    /// Random crop and flip; `loadSize` is width and height of pairs before it, nil: they are not cropped.
    public var crop = CropAndFlip()
    /// The learning rates of generator and discriminators.
    public var rates = TwoTimeScaleRates()
    /// How the learning rates fall.
    public var decay = EpochDecay(constantEpochs: 50, decayEpochs: 0)
    /// Xavier's factor in front of what weights are drawn with. Spectral normalisation makes up for it, but
    /// Adam's steps are the larger beside the weights the smaller it is.
    public var initializationGain = 0.02
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.0, beta2: 0.9)
    /// Pairs in a batch.
    public var batchSize = 1

    /// The authors' options as they come, without the loss on a VGG19's features.
    public init() {}

    /// The paper's data sets and a small one.
    public static var presets: [Preset<Configuration>] {
      var faces = Configuration()
      faces.weights.perceptual = 10
      faces.decayEpochs = 50
      faces.flips = false
      faces.batchSize = 32
      var ade = faces
      ade.classes = 151
      ade.flips = true
      ade.loadSize = 286
      var cityscapes = faces
      cityscapes.classes = 35
      cityscapes.imageWidth = 512
      cityscapes.flips = true
      cityscapes.batchSize = 16
      var small = Configuration()
      small.classes = 12
      small.imageWidth = 64
      small.imageHeight = 64
      small.width = 12
      small.spadeHidden = 24
      small.styleLength = 32
      small.encoderWidth = 12
      small.discriminatorWidth = 24
      small.learningRate = 4e-4
      small.batchSize = 8
      // With the authors' 0.02 the first some hundred steps are far too large, which only long trainings
      // forgive.
      small.initializationGain = 1
      return [
        Preset("celebamask-hq", "the paper's for faces, 256×256", faces),
        Preset("ade20k", "the paper's for ADE20K, 256×256", ade),
        Preset("cityscapes", "the paper's for Cityscapes, 512×256", cityscapes),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    /// Photographs from label maps, each region in a style of its own.
    public var plan: SystemPlan {
      let label = FieldKind.labelMap(classes: classes, height: imageHeight, width: imageWidth)
      let image = FieldKind.image(channels: 3, height: imageHeight, width: imageWidth, range: .signed)
      var plan = SystemPlan.imagesFromMaps(
        label: label, channels: 3, height: imageHeight, width: imageWidth,
        changes: JointAugmentation(resizeTo: crop.loadSize, flips: crop.flips),
        sizeMultiple: upsampling.factor,
        batchSize: batchSize,
        conditions: [
          Condition(
            "style", .field(image), from: .data, help: "images whose styles the regions take; else means"),
          Condition(
            "styleLabel", .field(label), help: "the label maps of the style images; else the map itself"),
          Condition(
            "styleWeights", .tensor([[nil, classes, nil]]),
            help: "how much of each style image goes into the regions of a class"),
          Condition(
            "styleCodes", .tensor([[nil, classes, styleLength]]), from: .data,
            help: "the codes of the regions' styles, in place of images"),
          Condition(
            "image", .field(image), liesOnSource: true, help: "the map's own image, which is made again"),
        ])
      plan.abilities += [RegionalStyles(classes: classes), ImageReconstruction()]
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "classes": classes, "width": width, "spadeHidden": spadeHidden, "styleLength": styleLength,
        "encoderWidth": encoderWidth, "discriminatorWidth": discriminatorWidth, "layers": layers,
        "scales": scales,
      ])
      try Checks.kernel(spadeKernel)
      try Checks.halvings(["layers": layers, "scales": scales])
      try Checks.require(
        upsampling != .most || width % 2 == 0,
        "with upsampling 'most' the last block has half the width; \(width) is odd")
      try Checks.mapSize(
        width: imageWidth, height: imageHeight, multiple: upsampling.factor, layers: layers, scales: scales)
      try Checks.weights([
        "featureMatching": weights.featureMatching, "perceptual": weights.perceptual,
      ])
      try rates.validate()
      try decay.validate()
      try Checks.aboveZero(["initializationGain": initializationGain])
      try Checks.positive(["batchSize": batchSize])
      try crop.validate(imageSize: max(imageWidth, imageHeight), calling: "the images' longer side")
      try adam.validate([:])
      try augmentation.validate(adversarialLoss.loss)
    }
  }
}
