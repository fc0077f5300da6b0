public import AtelierCore
import AtelierData
public import Perception

extension SPADE {
  /// The choices of a spade.
  public struct Configuration: MapConfiguration, AugmentedConfiguration, AdamConfiguration,
    CroppedConfiguration, TwoTimeScaleConfiguration, EpochDecayConfiguration
  {
    /// The generator's form.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// The paper's: the map scales and shifts every normalised feature.
      case spade
      /// The baseline: pix2pixHD's residual generator, which sees the map at its input alone.
      case global
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// PatchGANs on the image and its halves.
      case multiscalePatch = "multiscale-patch"
    }

    /// What tells the generator which style an image has.
    public enum Encoder: String, Codable, Sendable, Hashable, CaseIterable {
      /// Strided convolutions to a mean and a variance.
      case convolutional
    }

    /// Factors of the generator's loss terms beside the adversarial one.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the differences between the discriminator's features of both images; 0 leaves them out.
      public var featureMatching = 10.0
      /// Of the differences between a VGG's features of both images; 0 leaves them out, and needs no VGG.
      public var perceptual = 0.0
      /// Of the encoder's divergence from a standard normal.
      public var kl = 0.05

      /// The authors', without the VGG.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.spade
    /// Classes of the label map, one for unlabelled pixels included; taken from the data.
    public var classes = 182
    /// Whether one channel of edges between instances follows the labels.
    public var instanceEdges = false
    /// Width of training images.
    public var imageWidth = 256
    /// Height of training images.
    public var imageHeight = 256
    /// Channels of the generator at full resolution.
    public var width = 64
    /// How often the smallest map is doubled.
    public var upsampling = MapUpsampling.normal
    /// The normalisation inside the conditional layers.
    public var norm = UnconditionalNorm.syncbatch
    /// Whether the generator's residual convolutions have spectral normalisation.
    public var spectralNorm = true
    /// Hidden channels of the conditional layers.
    public var spadeHidden = 128
    /// Kernel size of the conditional layers, an odd number.
    public var spadeKernel = 3
    /// How often the baseline's generator halves its input (`generator: global`).
    public var downsamplings = 4
    /// The baseline's residual blocks.
    public var blocks = 9
    /// What tells the generator the style; nil: nothing, and the smallest map comes from the labels.
    public var encoder: Encoder?
    /// Channels of the encoder's first map; nil: `width`.
    public var encoderWidth: Int?
    /// Height and width at which the encoder looks at an image: 4 times a power of two.
    public var encoderSize = 256
    /// The length of a style, where there is an encoder; without one it means nothing, and may be 0.
    public var latent = 256
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
    public var layers = 4
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

    /// The paper's data sets, the baseline, the style encoder, and a small one.
    public static var presets: [Preset<Configuration>] {
      var coco = Configuration()
      coco.classes = 184
      coco.instanceEdges = true
      coco.loadSize = 286
      coco.weights.perceptual = 10
      coco.constantEpochs = 100
      coco.batchSize = 32
      var ade = coco
      ade.classes = 151
      ade.instanceEdges = false
      ade.decayEpochs = 100
      var cityscapes = ade
      cityscapes.classes = 35
      cityscapes.instanceEdges = true
      cityscapes.imageWidth = 512
      cityscapes.loadSize = nil
      cityscapes.batchSize = 16
      var style = ade
      style.encoder = .convolutional
      var small = Configuration()
      small.classes = 12
      small.imageWidth = 64
      small.imageHeight = 64
      small.width = 16
      small.spadeHidden = 32
      small.encoderSize = 64
      small.latent = 64
      small.discriminatorWidth = 24
      small.layers = 3
      small.learningRate = 4e-4
      small.batchSize = 8
      // With the authors' 0.02 the first some hundred steps are far too large, which only long trainings
      // forgive.
      small.initializationGain = 1
      var concatenation = small
      concatenation.generator = .global
      concatenation.width = 24
      concatenation.downsamplings = 3
      concatenation.blocks = 4
      var smallStyle = small
      smallStyle.encoder = .convolutional
      return [
        Preset("coco", "the paper's for COCO-Stuff, 256×256", coco),
        Preset("ade20k", "the paper's for ADE20K, 256×256", ade),
        Preset("cityscapes", "the paper's for Cityscapes, 512×256", cityscapes),
        Preset("ade20k-style", "with the encoder of styles (the authors' --use_vae)", style),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
        Preset("small-concatenation", "the baseline at that size: the map at the input alone", concatenation),
        Preset("small-style", "the small one with the encoder of styles", smallStyle),
      ]
    }

    /// Channels of what the networks are conditioned on.
    var mapChannels: Int { classes + (instanceEdges ? 1 : 0) }
    /// What both sides of an image are multiples of.
    var sizeMultiple: Int { generator == .spade ? upsampling.factor : 1 << downsamplings }

    /// Photographs from label maps, with instances where their edges are shown.
    public var plan: SystemPlan {
      .imagesFromMaps(
        label: .labelMap(classes: classes, height: imageHeight, width: imageWidth), channels: 3,
        height: imageHeight, width: imageWidth, withInstances: instanceEdges,
        changes: JointAugmentation(resizeTo: crop.loadSize, flips: crop.flips), sizeMultiple: sizeMultiple,
        batchSize: batchSize,
        conditions: encoder == nil
          ? []
          : [
            Condition(
              "style", .field(.image(channels: 3, height: imageHeight, width: imageWidth, range: .signed)),
              from: .drawn, help: "an image whose style the output takes")
          ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "classes": classes, "width": width, "spadeHidden": spadeHidden,
        "encoderWidth": encoderWidth ?? 1, "discriminatorWidth": discriminatorWidth, "layers": layers,
        "scales": scales, "blocks": blocks,
      ])
      try Checks.require(
        latent >= (encoder == nil ? 0 : 1),
        encoder == nil
          ? "latent is at least 0, not \(latent)" : "with an encoder latent is at least 1, not \(latent)")
      try Checks.kernel(spadeKernel)
      try Checks.halvings(["layers": layers, "scales": scales, "downsamplings": downsamplings])
      try Checks.require(
        encoderSize >= 8 && encoderSize & (encoderSize - 1) == 0,
        "encoderSize is a power of two of at least 8, not \(encoderSize)")
      try Checks.require(
        encoder == nil || generator == .spade,
        "the generator 'global' takes no style; leave encoder out, or take the generator 'spade'")
      try Checks.require(
        upsampling != .most || width % 2 == 0,
        "with upsampling 'most' the last block has half the width; \(width) is odd")
      try Checks.mapSize(
        width: imageWidth, height: imageHeight, multiple: sizeMultiple, layers: layers, scales: scales)
      try Checks.weights([
        "featureMatching": weights.featureMatching, "perceptual": weights.perceptual, "kl": weights.kl,
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
