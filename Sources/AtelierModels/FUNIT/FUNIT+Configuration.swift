public import AtelierCore
import AtelierData

extension FUNIT {
  /// The choices of a funit.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration, CroppedConfiguration {
    /// The generator's form; there is one.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// A content encoder, a class encoder, a decoder with adaptive instance norm.
      case funit
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// Residual blocks, with a map of decisions a class.
      case classPatchResidual = "class-patch-residual"
    }

    /// What changes the weights.
    public enum Optimizer: String, Codable, Sendable, Hashable, CaseIterable {
      /// The authors'.
      case rmsprop
      /// Adam.
      case adam
    }

    /// Factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the adversarial terms of generator and discriminator.
      public var adversarial = 1.0
      /// Of the differences between what the discriminator sees in made and in real images.
      public var featureMatching = 1.0
      /// Of the mean absolute difference between an image and what its own content and class give.
      public var reconstruction = 0.1
      /// Of the discriminator's squared gradient at real images.
      public var gradientPenalty = 10.0

      /// The authors'.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.funit
    /// Number of channels.
    public var inputChannels = 3
    /// Height and width of training images.
    public var imageSize = 128
    /// Channels of the generator's widest map.
    public var width = 64
    /// Halvings of the content encoder.
    public var downsamplings = 3
    /// Halvings of the class encoder, of which the first two double the width.
    public var classDownsamplings = 4
    /// Residual blocks of the content encoder, and as many of the decoder.
    public var blocks = 2
    /// The hidden width of what makes norms' parameters of a class code.
    public var mlpWidth = 256
    /// Its linear layers.
    public var mlpLayers = 3
    /// The length of a class code.
    public var styleLength = 64
    /// The discriminator's form.
    public var discriminator = Discriminator.classPatchResidual
    /// Channels of the discriminator's widest map.
    public var discriminatorWidth = 64
    /// Residual blocks of the discriminator, an even number; the map is halved after each pair but the last.
    public var discriminatorBlocks = 10
    /// Classes that the discriminator judges: those of the training data, unless given otherwise.
    public var classes = 119
    /// Classes that training never sees, by name; what is translated into them later proves the system.
    public var heldOutClasses: [String] = []
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.hinge
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// Factors of the loss terms.
    public var weights = Weights()
    /// Random crop and flip; without `loadSize`: 140 for 128, and so on.
    public var crop = CropAndFlip()
    /// What changes the weights.
    public var optimizer = Optimizer.rmsprop
    /// The learning rate of both optimisers.
    public var learningRate = 1e-4
    /// RMSprop's decay of the mean of squared gradients.
    public var alpha = 0.99
    /// Adam's decays, and the ε of whichever optimiser.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// The factor of the L2 term that is added to gradients.
    public var weightDecay = 1e-4
    /// Decay of the generator's moving average.
    public var averageDecay = 0.999
    /// Content images in a batch, and as many class images.
    public var batchSize = 64

    /// The authors' configuration for animal faces.
    public init() {}

    /// The authors' animals, and one that two processor cores can train.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.imageSize = 64
      small.width = 24
      small.downsamplings = 2
      small.classDownsamplings = 3
      small.mlpWidth = 128
      small.styleLength = 32
      small.discriminatorWidth = 24
      small.discriminatorBlocks = 8
      small.batchSize = 8
      small.averageDecay = 0.99
      return [
        Preset("animals", "the paper's animal faces at 128×128, 119 classes seen in training", .init()),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    var networkPlan: ContentPlan {
      ContentPlan(
        width: width, downsamplings: downsamplings, blocks: blocks, activation: .relu, border: .reflect,
        enlargingNorm: .instance)
    }

    /// A content and images of a class, drawn independently; some classes stay unseen.
    public var plan: SystemPlan {
      let image = FieldKind.image(
        channels: inputChannels, height: imageSize, width: imageSize, range: .signed)
      return .translation(
        [
          Field("content", image), Field("contentLabel", .label(classes: classes)),
          Field("classImage", image), Field("classLabel", .label(classes: classes)),
        ],
        ClassPairs(content: "content", shown: "classImage", heldOut: heldOutClasses),
        // The authors' jitter: enlarged, cropped at random, mirrored.
        changes: JointAugmentation(
          resizeTo: crop.loadSize ?? (imageSize * 140 + 64) / 128, flips: crop.flips),
        [
          TranslationDirection(
            "content-to-class", source: "content", target: "classImage", sizeMultiple: 1 << downsamplings)
        ], styles: .together, batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "inputChannels": inputChannels, "classes": classes, "discriminatorWidth": discriminatorWidth,
      ])
      try Checks.content(networkPlan, imageSize: imageSize)
      try Checks.styleEncoder(
        downsamplings: classDownsamplings, key: "classDownsamplings", imageSize: imageSize,
        length: styleLength, mlpWidth: mlpWidth, mlpLayers: mlpLayers)
      try Checks.require(
        discriminatorBlocks >= 2 && discriminatorBlocks % 2 == 0,
        "discriminatorBlocks is an even number of at least 2, not \(discriminatorBlocks)")
      try Checks.require(
        imageSize >> (discriminatorBlocks / 2 - 1) >= 2,
        "imageSize \(imageSize) is too small for \(discriminatorBlocks) discriminatorBlocks; lower them")
      try Checks.weights([
        "adversarial": weights.adversarial, "featureMatching": weights.featureMatching,
        "reconstruction": weights.reconstruction, "gradientPenalty": weights.gradientPenalty,
      ])
      try adam.validate(["learningRate": learningRate], isUsed: optimizer == .adam)
      try Checks.require((0..<1).contains(alpha), "alpha lies in 0 ..< 1, not at \(alpha)")
      try Checks.require(
        (0...1).contains(averageDecay), "averageDecay lies in 0 … 1, not at \(averageDecay)")
      try Checks.require(
        Set(heldOutClasses).count == heldOutClasses.count, "heldOutClasses names a class twice")
      try augmentation.validate(adversarialLoss.loss)
      try Checks.positive(["batchSize": batchSize])
      try Checks.notNegative(["weightDecay": weightDecay])
      try crop.validate(imageSize: imageSize)
    }
  }
}
