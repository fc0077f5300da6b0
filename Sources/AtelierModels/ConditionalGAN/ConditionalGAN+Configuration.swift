public import AtelierCore
import AtelierData

extension ConditionalGAN {
  /// The choices of a cgan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration, AveragedConfiguration,
    MomentumConfiguration
  {
    /// Which form.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// PyTorch-GAN's dense networks with embedded labels.
      case cgan
      /// The paper's networks for MNIST.
      case maxout
      /// Convolutional networks with a projection discriminator.
      case convolutional
    }

    /// How a convolutional generator learns the class.
    public enum GeneratorLabel: String, Codable, Sendable, Hashable, CaseIterable {
      /// By the scale and shift of its batch norms.
      case norm
      /// As an embedding behind the latent vector.
      case input
      /// Both ways.
      case both
    }

    /// How a convolutional discriminator learns the class.
    public enum DiscriminatorLabel: String, Codable, Sendable, Hashable, CaseIterable {
      /// By the product of its features with an embedding.
      case projection
      /// As a plane of ones among planes of zeros behind the colours.
      case input
    }

    /// Which form.
    public var model = Model.cgan
    /// Height and width of the images.
    public var imageSize = 32
    /// Number of channels.
    public var imageChannels = 1
    /// The number of classes.
    public var classes = 10
    /// The length of a latent vector.
    public var latentSize = 100
    /// The generator's widths, input side first; `maxout`: of the latent's, the label's and the joint
    /// layer; `convolutional`: the image doubles once for each.
    public var generatorHidden = [128, 256, 512, 1024]
    /// The discriminator's widths, input side first; `cgan`: a single one stands for three layers;
    /// `maxout`: units of the image's, the label's and the joint layer.
    public var discriminatorHidden = [512]
    /// Linear pieces of the units of those three layers; `maxout` only.
    public var pieces = [5, 5, 4]
    /// How the generator learns the class; `convolutional` only.
    public var generatorLabel = GeneratorLabel.both
    /// How the discriminator learns the class; `convolutional` only.
    public var discriminatorLabel = DiscriminatorLabel.projection
    /// The width of the discriminator's dense layer behind the convolutions; 0: their features are summed
    /// over places, as in the paper of the projection; `convolutional` only.
    public var featureSize = 0
    /// The epsilon of batch norms.
    public var normEpsilon = 0.8
    /// The slope of leaky relus.
    public var leakySlope = 0.2
    /// The share of hidden values dropped: by the discriminator, with `maxout` by both networks.
    public var dropout = 0.4
    /// The adversarial loss.
    public var loss = AdversarialLoss.leastSquares
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// Discriminator steps for each generator step, each on a batch of its own; `convolutional` only.
    public var discriminatorSteps = 1
    /// The learning rate of both optimisers.
    public var learningRate = 2e-4
    /// The generator's own learning rate.
    public var generatorLearningRate: Double?
    /// The discriminator's own learning rate.
    public var discriminatorLearningRate: Double?
    /// The step at which the learning rates, falling in a straight line, are 0; 0 keeps them constant.
    public var decaySteps = 0
    /// The learning rate is divided by this at every step; `maxout` only.
    public var learningRateDecay = 1.00004
    /// The learning rate falls no lower.
    public var minimumLearningRate = 1e-6
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// The momentum of gradient descent; `maxout` only.
    public var momentumSchedule = MomentumSchedule()
    /// The generator's moving average.
    public var average = AverageSettings(averageDecay: 0.0, averageStart: 0)
    /// Images in a batch.
    public var batchSize = 64

    /// PyTorch-GAN's script.
    public init() {}

    /// `[channels, height, width]`.
    var imageShape: [Int] { [imageChannels, imageSize, imageSize] }

    /// The paper's model of MNIST, the reference script, the demonstration's networks, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.model = .maxout
      paper.imageSize = 28
      paper.generatorHidden = [200, 1000, 1200]
      paper.discriminatorHidden = [240, 50, 240]
      paper.dropout = 0.5
      paper.loss = .binaryCrossEntropy
      paper.learningRate = 0.1
      paper.batchSize = 100
      var small = Configuration()
      small.imageSize = 28
      small.latentSize = 64
      small.generatorHidden = [128, 256]
      small.discriminatorHidden = [256]
      return [
        Preset("mnist", "the model and schedule of the 2014 paper for 28×28 digits", paper),
        Preset("reference", "PyTorch-GAN's cgan.py", Configuration()),
        Preset("fashion", "convolutional, 28×28 clothes in three minutes on two cores", fashion),
        Preset("small", "narrow dense networks for 28×28 images, minutes on two cores", small),
      ]
    }

    /// The demonstration, tuned for what 300 seconds of two cores give. Measured beside one another for 70 to
    /// 80 seconds: a learning rate of 1e-3 without Adam's momentum learns in 750 steps what 2e-4 with 0.5
    /// learns in 2,500; a generator of 96 and 48 channels gains more from its extra steps than it loses
    /// against 128 and 64, and one of 64 and 32 does not. Over the whole 300 seconds a constant rate gave a
    /// label accuracy of 0.939, one that falls to 0 only 0.895 (one run each, so chance is not ruled out).
    static var fashion: Configuration {
      var fashion = Configuration()
      fashion.model = .convolutional
      fashion.imageSize = 28
      fashion.latentSize = 64
      fashion.generatorHidden = [96, 48]
      fashion.discriminatorHidden = [32, 64]
      fashion.featureSize = 128
      fashion.learningRate = 1e-3
      fashion.beta1 = 0
      fashion.normEpsilon = 1e-5
      fashion.leakySlope = 0.1
      fashion.dropout = 0
      fashion.loss = .hinge
      fashion.averageDecay = 0.995
      return fashion
    }

    /// Images of classes decoded from latent vectors.
    public var plan: SystemPlan {
      .latentImages(
        channels: imageChannels, size: imageSize, range: model == .maxout ? .unit : .signed,
        latent: LatentDecoding(
          size: latentSize, distribution: model == .maxout ? .unitUniform : .normal, classes: classes),
        batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "imageChannels": imageChannels, "latentSize": latentSize, "classes": classes,
        "discriminatorSteps": discriminatorSteps,
      ])
      try Checks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden, "pieces": pieces,
      ])
      try Checks.layers(normEpsilon: normEpsilon, leakySlope: leakySlope, dropout: dropout)
      try adam.validate(
        [
          "learningRate": learningRate, "generatorLearningRate": generatorLearningRate ?? learningRate,
          "discriminatorLearningRate": discriminatorLearningRate ?? learningRate,
        ], isUsed: model != .maxout)
      try Checks.require(featureSize >= 0, "featureSize is at least 0, not \(featureSize)")
      try Checks.require(decaySteps >= 0, "decaySteps is at least 0, not \(decaySteps)")
      try Checks.require(
        learningRateDecay >= 1,
        "learningRateDecay divides the learning rate and is at least 1, not \(learningRateDecay)")
      try momentumSchedule.validate()
      try average.validate()
      try Checks.batch(batchSize)
      try augmentation.validate(loss, regularizing: [.scores, .latents])
      switch model {
      case .cgan: break
      case .maxout:
        try Checks.require(
          generatorHidden.count == 3 && discriminatorHidden.count == 3 && pieces.count == 3,
          "the model 'maxout' has three widths in generatorHidden, discriminatorHidden and pieces: of the latent's "
            + "or image's, the label's and the joint layer")
      case .convolutional:
        try Checks.doublings(imageSize: imageSize, "generatorHidden", generatorHidden)
        try Checks.require(
          dropout == 0, "the model 'convolutional' has no dropout; set dropout to 0, not \(dropout)")
      }
      try Checks.require(
        model == .convolutional || discriminatorSteps == 1,
        "discriminatorSteps is 1 in the model '\(model.rawValue)', not \(discriminatorSteps)")
    }
  }
}
