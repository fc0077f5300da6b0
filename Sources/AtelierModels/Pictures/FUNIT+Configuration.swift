public import AtelierCore
import AtelierData

extension FUNIT {
  /// The choices of a funit.
  public struct Configuration: AugmentedConfiguration {
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
      /// Of both players' adversarial terms.
      public var adversarial = 1.0
      /// Of the differences between what the discriminator sees in made and in real pictures.
      public var featureMatching = 1.0
      /// Of the mean absolute difference between a picture and what its own content and class give.
      public var reconstruction = 0.1
      /// Of the discriminator's squared gradient at real pictures.
      public var gradientPenalty = 10.0

      /// The authors'.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.funit
    /// Colours of a pixel.
    public var inputChannels = 3
    /// Height and width of training pictures.
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
    /// What the players minimise.
    public var adversarialLoss = AdversarialMode.hinge
    /// Random changes of what the discriminator sees.
    public var diffAugment: [DiffAugment.Change] = []
    /// The mean sign of real scores that the probability of those changes is steered to; 0: always changed.
    public var augmentationTarget = 0.0
    /// Real pictures over which that probability can rise from 0 to 1.
    public var augmentationRamp = 500_000.0
    /// Factors of the loss terms.
    public var weights = Weights()
    /// Sides of pictures before a crop is taken at a random place; nil: 140 for 128, and so on.
    public var loadSize: Int?
    /// Whether pictures are mirrored half of the time.
    public var flips = true
    /// What changes the weights.
    public var optimizer = Optimizer.rmsprop
    /// The learning rate of both optimisers.
    public var learningRate = 1e-4
    /// RMSprop's decay of the mean of squared gradients.
    public var alpha = 0.99
    /// Adam's decay of the mean of gradients.
    public var beta1 = 0.5
    /// Adam's decay of the mean of squared gradients.
    public var beta2 = 0.999
    /// The optimiser's epsilon, whichever it is.
    public var adamEpsilon = 1e-8
    /// The factor of the L2 term that is added to gradients.
    public var weightDecay = 1e-4
    /// How much of the averaged generator is kept at a step.
    public var averageDecay = 0.999
    /// Content pictures in a batch, and as many class pictures.
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
        .classPairs("content", "classImage", heldOut: heldOutClasses),
        // The authors' jitter: enlarged, cropped at random, mirrored.
        changes: JointAugmentation(resizeTo: loadSize ?? (imageSize * 140 + 64) / 128, flips: flips),
        [
          TranslationDirection(
            "content-to-class", source: "content", target: "classImage", sizeMultiple: 1 << downsamplings)
        ], styles: .together, batchSize: batchSize)
    }

    /// Refuses what cannot work.
    public func validate() throws(ConfigurationError) {
      try AdversarialChecks.positive([
        "inputChannels": inputChannels, "classes": classes, "discriminatorWidth": discriminatorWidth,
      ])
      try UnpairedChecks.content(networkPlan, imageSize: imageSize)
      try UnpairedChecks.style(
        downsamplings: classDownsamplings, key: "classDownsamplings", imageSize: imageSize,
        length: styleLength, mlpWidth: mlpWidth, mlpLayers: mlpLayers)
      try AdversarialChecks.require(
        discriminatorBlocks >= 2 && discriminatorBlocks % 2 == 0,
        "discriminatorBlocks is an even number of at least 2, not \(discriminatorBlocks)")
      try AdversarialChecks.require(
        imageSize >> (discriminatorBlocks / 2 - 1) >= 2,
        "imageSize \(imageSize) is too small for \(discriminatorBlocks) discriminatorBlocks; lower them")
      try TranslationChecks.weights([
        "adversarial": weights.adversarial, "featureMatching": weights.featureMatching,
        "reconstruction": weights.reconstruction, "gradientPenalty": weights.gradientPenalty,
      ])
      try AdversarialChecks.adam(
        learningRate: learningRate, beta1: beta1, beta2: beta2, adamEpsilon: adamEpsilon)
      try AdversarialChecks.require((0..<1).contains(alpha), "alpha lies in 0 ..< 1, not at \(alpha)")
      try AdversarialChecks.require(
        (0...1).contains(averageDecay), "averageDecay lies in 0 … 1, not at \(averageDecay)")
      try AdversarialChecks.require(
        Set(heldOutClasses).count == heldOutClasses.count, "heldOutClasses names a class twice")
      try validateAugmentation(adversarialLoss.loss)
      try UnpairedChecks.training(
        weightDecay: weightDecay, decaySteps: 0, decayFactor: 1, batchSize: batchSize, loadSize: loadSize,
        imageSize: imageSize)
    }
  }
}
