public import AtelierCore

extension UNIT {
  /// The choices of a unit.
  public struct Configuration: TwoDomainConfiguration, AugmentedConfiguration {
    /// The generator's form; there is one name for both models.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// Encoders into one latent space, decoders out of it.
      case unit
    }

    /// What ties the two domains together.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// The losses alone: the authors' later code.
      case independent
      /// Common layers around the latent space and at the discriminator's end: the paper's model.
      case weightSharing = "weight-sharing"
    }

    /// The discriminator's form; there is one name for both models.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// Several, on the image and its halves; one in the weight-sharing model.
      case multiscalePatch = "multiscale-patch"
    }

    /// Factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the adversarial terms of generator and discriminator.
      public var adversarial = 1.0
      /// Of the mean absolute difference between an image and what its code gives in its own domain.
      public var reconstruction = 10.0
      /// Of the mean absolute difference between an image and what comes back through the other domain;
      /// 0 leaves it out.
      public var cycle = 10.0
      /// Of the mean square of an image's code, a KL divergence from N(0, I) of unit variance.
      public var kl = 0.01
      /// Of the mean square of a translated image's code.
      public var klCycle = 0.01
      /// Of the difference between a VGG16's features of a translated image and of the one it was made from
      /// (the authors' `vgg_w`); 0 leaves it out, and needs no VGG.
      public var perceptual = 0.0

      /// The authors' later ones.
      public init() {}
    }

    /// The generators' form.
    public var generator = Generator.unit
    /// What ties the two domains together.
    public var model = Model.independent
    /// Channels of images of domain A.
    public var channelsA = 3
    /// Channels of images of domain B.
    public var channelsB = 3
    /// Height and width of training images.
    public var imageSize = 256
    /// Channels of the generators' widest map.
    public var width = 64
    /// Halvings of an encoder.
    public var downsamplings = 2
    /// Residual blocks of an encoder, and as many of a decoder.
    public var blocks = 4
    /// Residual blocks that both domains share, on either side of the code; in the weight-sharing model only.
    public var sharedBlocks = 1
    /// The activation between the generators' layers; the weight-sharing model has its own.
    public var activation = HiddenActivation.relu
    /// What convolutions see beyond the border, in generator and discriminator; the weight-sharing model pads
    /// with zeros.
    public var padding = BorderPadding.reflect
    /// The discriminators' form.
    public var discriminator = Discriminator.multiscalePatch
    /// Channels of the discriminators' widest map.
    public var discriminatorWidth = 64
    /// The discriminators' normalisation; the weight-sharing model has none.
    public var discriminatorNorm = ScaledDiscriminatorNorm.none
    /// Strided convolutions of a discriminator.
    public var layers = 4
    /// How many of them, counted from the end, both domains share; in the weight-sharing model only.
    public var sharedLayers = 4
    /// Discriminators of a domain, each on half the size of the one before; one in the weight-sharing model.
    public var scales = 3
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.lsgan
    /// Discriminator augmentation (DiffAugment): the changes of real and generated images; empty: none.
    public var diffAugment: [DiffAugment.Change] = []
    /// ADA's target for the mean sign of real scores; 0 turns the adaptation off: images are always changed.
    public var augmentationTarget = 0.0
    /// ADA's ramp: real images over which the probability of a change can rise from 0 to 1.
    public var augmentationRamp = 500_000.0
    /// Factors of the loss terms.
    public var weights = Weights()
    /// Size before the random crop; nil: no larger than wanted.
    public var loadSize: Int?
    /// Whether images are flipped horizontally half of the time.
    public var flips = true
    /// The learning rate of both optimisers at first.
    public var learningRate = 1e-4
    /// Steps after which it is multiplied by `decayFactor`, again and again; 0: never.
    public var decaySteps = 100_000
    /// The factor.
    public var decayFactor = 0.5
    /// Adam's β₁, the decay of the first moment.
    public var beta1 = 0.5
    /// Adam's β₂, the decay of the second moment.
    public var beta2 = 0.999
    /// Adam's ε.
    public var adamEpsilon = 1e-8
    /// The factor of the L2 term that is added to gradients.
    public var weightDecay = 1e-4
    /// Images of each domain in a batch.
    public var batchSize = 1

    /// The authors' later recipe.
    public init() {}

    /// The paper's faces, the authors' later recipe, and both for two processor cores.
    public static var presets: [Preset<Configuration>] {
      var faces = Configuration()
      faces.model = .weightSharing
      faces.imageSize = 128
      faces.blocks = 3
      faces.layers = 6
      faces.scales = 1
      faces.adversarialLoss = .vanilla
      faces.weights.adversarial = 10
      faces.weights.reconstruction = 100
      faces.weights.cycle = 100
      faces.weights.kl = 0.1
      faces.weights.klCycle = 0.1
      faces.decaySteps = 0
      var small = Configuration()
      small.imageSize = 64
      small.width = 24
      small.blocks = 3
      small.discriminatorWidth = 32
      small.layers = 3
      small.scales = 2
      small.learningRate = 2e-4
      small.decaySteps = 0
      var smallFaces = faces
      smallFaces.imageSize = 64
      smallFaces.width = 24
      smallFaces.blocks = 2
      smallFaces.discriminatorWidth = 16
      smallFaces.layers = 5
      smallFaces.sharedLayers = 3
      smallFaces.learningRate = 2e-4
      return [
        Preset("faces", "the paper's weight-sharing model for 128×128", faces),
        Preset("reference", "the authors' later recipe at 256×256, without shared weights", .init()),
        Preset("small", "the later recipe for 64×64 with narrow networks, minutes on two cores", small),
        Preset("small-sharing", "the paper's model for 64×64 with narrow networks", smallFaces),
      ]
    }

    var networkPlan: ContentPlan {
      ContentPlan(
        width: width, downsamplings: downsamplings, blocks: blocks, activation: activation, border: padding)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try AdversarialChecks.positive(["channelsA": channelsA, "channelsB": channelsB])
      try UnpairedChecks.content(networkPlan, imageSize: imageSize)
      switch model {
      case .independent:
        try ScaledDiscriminator.validate(
          width: discriminatorWidth, layers: layers, scales: scales, imageSize: imageSize)
      case .weightSharing:
        try AdversarialChecks.positive(["discriminatorWidth": discriminatorWidth, "layers": layers])
        try AdversarialChecks.require(
          sharedBlocks >= 0, "sharedBlocks is at least 0, not \(sharedBlocks)")
        try AdversarialChecks.require(
          (0..<layers).contains(sharedLayers),
          "sharedLayers lies in 0 ..< layers, which is \(layers), not at \(sharedLayers)")
        try AdversarialChecks.require(layers <= 10, "layers is at most 10, not \(layers)")
        try AdversarialChecks.require(
          scales == 1, "the weight-sharing model has one discriminator a domain; set scales to 1")
      }
      try TranslationChecks.weights([
        "adversarial": weights.adversarial, "reconstruction": weights.reconstruction, "cycle": weights.cycle,
        "kl": weights.kl, "klCycle": weights.klCycle, "perceptual": weights.perceptual,
      ])
      try DomainInvariantLoss.validate(
        weight: weights.perceptual, channelsA: channelsA, channelsB: channelsB, imageSize: imageSize)
      try validateAugmentation(adversarialLoss.loss)
      try validateTraining()
    }
  }
}
