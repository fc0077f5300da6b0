public import AtelierCore
import AtelierData

extension FaceIdentityTransformer {
  /// The choices of a face identity transformer.
  public struct Configuration: AdamConfiguration {
    /// What the bits of a passcode become in the generator's input.
    public enum PasswordValues: String, Codable, Sendable, Hashable, CaseIterable {
      /// -½ and ½.
      case half
      /// -¼ and ¼.
      case quarter

      /// The larger of the two.
      var value: Double { self == .half ? 0.5 : 0.25 }
    }

    /// The adversarial loss, on raw scores.
    public enum Objective: String, Codable, Sendable, Hashable, CaseIterable {
      /// Squared distance from 1 and 0.
      case leastSquares
      /// Cross-entropy.
      case binaryCrossEntropy
      /// The scores themselves.
      case wasserstein
      /// Hinge.
      case hinge

      var loss: AdversarialLoss {
        switch self {
        case .leastSquares: .leastSquares
        case .binaryCrossEntropy: .logistic
        case .wasserstein: .wasserstein
        case .hinge: .hinge
        }
      }
    }

    /// How features of two faces are driven apart.
    public enum FeatureLoss: String, Codable, Sendable, Hashable, CaseIterable {
      /// Cosines are to be at most 0.
      case cosine
      /// Squared differences are to grow.
      case meanSquared
    }

    /// What tells identities apart in training.
    public enum Recognizer: String, Codable, Sendable, Hashable, CaseIterable {
      /// A small network that begins with drawn weights and learns from the training's identities alone.
      case standIn = "stand-in"
      /// SphereFace, weights `sphereface`.
      case sphereFace = "sphereface"
    }

    /// The factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of what the recogniser says.
      public var recognition = 2.0
      /// Of anonymised faces in it.
      public var recognitionModified = 1.0
      /// Of wrongly recovered faces in it.
      public var recognitionWrong = 1.0
      /// Of what the discriminators say.
      public var adversarial = 1.0
      /// Of anonymised faces in it.
      public var adversarialModified = 1.0
      /// Of recovered faces in it.
      public var adversarialRecovered = 1.0
      /// Of wrongly recovered faces in it.
      public var adversarialWrong = 1.0
      /// Of the passcodes that are to be told from images; 0 leaves the classifier out.
      public var code = 1.0
      /// Of the absolute difference between anonymised faces and faces.
      public var modifiedL1 = 10.0
      /// Of that between wrongly recovered faces and faces.
      public var wrongL1 = 10.0
      /// Of that between recovered faces and faces.
      public var recoveredL1 = 100.0
      /// Of the features of faces anonymised by two passcodes.
      public var feature = 2.0
      /// Of the features of faces recovered by two wrong passcodes.
      public var featureWrong = 1.0
      /// Of the features of anonymised and wrongly recovered faces.
      public var featureModifiedWrong = 1.0

      /// The authors'.
      public init() {}

      fileprivate var all: KeyValuePairs<String, Double> {
        [
          "lossWeights.recognition": recognition, "lossWeights.recognitionModified": recognitionModified,
          "lossWeights.recognitionWrong": recognitionWrong, "lossWeights.adversarial": adversarial,
          "lossWeights.adversarialModified": adversarialModified,
          "lossWeights.adversarialRecovered": adversarialRecovered,
          "lossWeights.adversarialWrong": adversarialWrong, "lossWeights.code": code,
          "lossWeights.modifiedL1": modifiedL1, "lossWeights.wrongL1": wrongL1,
          "lossWeights.recoveredL1": recoveredL1, "lossWeights.feature": feature,
          "lossWeights.featureWrong": featureWrong, "lossWeights.featureModifiedWrong": featureModifiedWrong,
        ]
      }
    }

    /// Height and width of the training's faces.
    public var imageSize = 128
    /// Bits of a passcode, a multiple of 4.
    public var passwordLength = 16
    /// What they become in the generator's input.
    public var passwordValues = PasswordValues.half
    /// Channels of the generator's widest map.
    public var generatorChannels = 64
    /// Halvings in the generator.
    public var downsamplings = 2
    /// Residual blocks in the generator.
    public var residualBlocks = 9
    /// Whether the generator has leaky ReLUs (0.1) in place of ReLUs.
    public var leaky = false
    /// Whether the generator repeats pixels in front of a convolution in place of transposed convolutions.
    public var resizeConvolution = true
    /// What convolutions of residual blocks see beyond the border.
    public var padding = FacePadding.reflect
    /// The normalisation of generator, discriminator and classifier.
    public var norm = FaceNorm.batch
    /// Channels of the widest map of discriminator and classifier.
    public var discriminatorChannels = 64
    /// Convolutions that halve the image in a discriminator.
    public var discriminatorLayers = 3
    /// Convolutions that halve the image at the classifier's front.
    public var classifierLayers = 3
    /// What tells identities apart in training.
    public var recognizer = Recognizer.standIn
    /// Channels of the stand-in's first convolution.
    public var recognizerChannels = 32
    /// Features of the stand-in.
    public var featureSize = 512
    /// How many identities there are, taken from the data.
    public var identities = 10
    /// The adversarial loss.
    public var loss = Objective.leastSquares
    /// How features of two faces are driven apart.
    public var featureLoss = FeatureLoss.cosine
    /// The factors of the loss terms.
    public var lossWeights = Weights()
    /// Earlier images that each discriminator may see again; 0: none.
    public var poolSize = 0
    /// The learning rate of the generator, and of the others where theirs is not given.
    public var learningRate = 1e-4
    /// The classifier's learning rate.
    public var classifierLearningRate: Double?
    /// The discriminator's learning rate.
    public var discriminatorLearningRate: Double?
    /// The recogniser's learning rate; without one a tenth of `learningRate`.
    public var recognizerLearningRate: Double?
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Faces in a batch.
    public var batchSize = 48

    /// The authors' networks.
    public init() {}

    /// The authors' two configurations, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.recognizer = .sphereFace
      paper.poolSize = 500
      var alternative = paper
      alternative.passwordValues = .quarter
      alternative.discriminatorLearningRate = 5e-5
      alternative.recognizerLearningRate = 1e-5
      var small = Configuration()
      small.imageSize = 64
      small.generatorChannels = 24
      small.residualBlocks = 4
      small.discriminatorChannels = 16
      small.classifierLayers = 2
      small.recognizerChannels = 16
      small.featureSize = 64
      small.poolSize = 48
      small.learningRate = 2e-4
      small.batchSize = 12
      return [
        Preset("paper", "the authors' main configuration: 128×128, bits as -½ and ½, SphereFace", paper),
        Preset(
          "quarter", "their alternative: bits as -¼ and ¼, half the discriminator's learning rate",
          alternative),
        Preset("small", "64×64 with narrow networks and a recogniser of the training's identities", small),
      ]
    }

    /// The passcodes of a face: how many bits, and the condition that takes them.
    var passcodes: PasscodeTransformation { PasscodeTransformation(length: passwordLength) }

    /// Faces with their identities; faces by passcodes into other faces.
    public var plan: SystemPlan {
      let image = Field("image", .image(channels: 3, height: imageSize, width: imageSize, range: .signed))
      var plan = SystemPlan.translation(
        [image, Field("label", .label(classes: identities))], LabelledImages(), changes: JointAugmentation(),
        [
          TranslationDirection(
            "by-passcode", source: "image", target: "transformed", sizeMultiple: 1 << downsamplings)
        ], batchSize: batchSize)
      plan.outputs = [Field("transformed", image.kind)]
      plan.conditions.append(passcodes.codeCondition)
      plan.abilities.append(passcodes)
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "generatorChannels": generatorChannels,
        "discriminatorChannels": discriminatorChannels, "recognizerChannels": recognizerChannels,
        "featureSize": featureSize, "identities": identities, "batchSize": batchSize,
      ])
      try Checks.require(
        (4...24).contains(passwordLength) && passwordLength % 4 == 0,
        "passwordLength is a multiple of 4 in 4 … 24, not \(passwordLength)")
      try Checks.notNegative(["residualBlocks": residualBlocks, "poolSize": poolSize])
      try Checks.require(
        (0...6).contains(downsamplings), "downsamplings lies in 0 … 6, not at \(downsamplings)")
      try Checks.require(
        (1...6).contains(discriminatorLayers),
        "discriminatorLayers lies in 1 … 6, not at \(discriminatorLayers)")
      try Checks.require(
        (1...4).contains(classifierLayers), "classifierLayers lies in 1 … 4, not at \(classifierLayers)")
      // Behind its halvings the classifier has one more, one to a quarter, and a mean of two.
      let classified = 16 << classifierLayers
      try Checks.require(
        imageSize == classified,
        "imageSize is 16, doubled once for each of the classifierLayers, \(classified) here, not \(imageSize)"
      )
      try Checks.require(
        imageSize % (1 << downsamplings) == 0 && imageSize >> downsamplings >= 2,
        "imageSize \(imageSize) is no multiple of two to the power of downsamplings \(downsamplings), or too small"
      )
      // The shared discriminator sees half the size, and ends in two convolutions of 4 pixels that lose one each.
      try Checks.require(
        (imageSize / 2) >> discriminatorLayers >= 3,
        "imageSize \(imageSize) is too small for \(discriminatorLayers) discriminatorLayers; take fewer")
      try Checks.notNegative(lossWeights.all)
      try Checks.require(
        lossWeights.adversarialModified + lossWeights.adversarialRecovered + lossWeights.adversarialWrong > 0,
        "lossWeights.adversarialModified, .adversarialRecovered and .adversarialWrong are not all 0; set "
          + "lossWeights.adversarial to 0")
      try adam.validate([
        "learningRate": learningRate, "classifierLearningRate": classifierLearningRate ?? learningRate,
        "discriminatorLearningRate": discriminatorLearningRate ?? learningRate,
        "recognizerLearningRate": recognizerLearningRate ?? learningRate,
      ])
    }
  }
}
