public import AtelierCore
public import AtelierData

extension ImageTagging {
  /// The optimiser.
  public enum OptimizerKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Stochastic gradient descent with a momentum that rises: the paper's.
    case momentum
    /// Adam.
    case adam
  }

  /// The choices of an image-tagging.
  public struct Configuration: SystemConfiguration {
    /// Which network's features describe an image.
    public var features = ImageFeatureKind.vgg16
    /// The length of a word vector.
    public var wordSize = 200
    /// Words that occur less often are left out.
    public var minimumCount = 200
    /// The most words between a word and its neighbour.
    public var window = 5
    /// Random words a pair.
    public var negatives = 5
    /// Words more frequent than this share are left out at random; 0: none.
    public var subsampling = 1e-5
    /// Steps of the first stage.
    public var wordSteps = 100_000
    /// Captions a step of the first stage.
    public var wordBatchSize = 256
    /// Adam's learning rate in the first stage.
    public var wordLearningRate = 2e-3
    /// The length of a noise vector.
    public var latentSize = 100
    /// The generator's widths: of the noise's and of the features' layer.
    public var generatorHidden = [500, 2000]
    /// The discriminator's widths: of the word vector's and of the features' layer.
    public var discriminatorHidden = [500, 1200]
    /// Units of the discriminator's joint layer.
    public var maxoutUnits = 1000
    /// Linear pieces of each.
    public var pieces = 3
    /// The share of hidden values dropped, in both networks.
    public var dropout = 0.5
    /// Whether generator and discriminator see features that batch normalisation without scale and shift has
    /// levelled; not in the paper.
    public var normalizesFeatures = false
    /// Whether word vectors are scaled to the length √wordSize before adversarial training; not in the paper.
    public var unitVectors = false
    /// The standard deviation of noise on what the discriminator sees of word vectors; not in the paper.
    public var vectorNoise = 0.0
    /// The share of true tags beside another image in what the discriminator is to refuse, as in Reed et al.
    /// 2016; not in the paper.
    public var mismatchShare = 0.0
    /// The factor of what draws two outputs for one image apart, as in Mao et al. 2019; not in the paper.
    public var modeSeeking = 0.0
    /// The adversarial loss.
    public var loss = AdversarialLoss.binaryCrossEntropy
    /// The optimiser of generator and discriminator.
    public var optimizer = OptimizerKind.momentum
    /// Adam's β₁.
    public var beta1 = 0.5
    /// The initial learning rate of generator and discriminator.
    public var learningRate = 0.1
    /// It is divided by this at every step.
    public var learningRateDecay = 1.00004
    /// And falls no lower.
    public var minimumLearningRate = 1e-6
    /// The share of the velocity that is kept at first.
    public var momentum = 0.5
    /// The share that is kept in the end.
    public var finalMomentum = 0.7
    /// The epoch at which the momentum reaches its end.
    public var momentumEpochs = 250
    /// Word vectors drawn for an image.
    public var samples = 100
    /// Nearest tags of each.
    public var nearest = 20
    /// Pairs of an image and a tag in a batch.
    public var batchSize = 100

    /// The paper's.
    public init() {}

    /// The paper's, and one for a thousand captioned images.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.features = .efficientNetLite0
      small.wordSize = 64
      small.minimumCount = 25
      small.subsampling = 1e-3
      small.wordSteps = 1500
      // Slower ones end all near one direction, and every vector is then near the same rare words.
      small.wordLearningRate = 1e-2
      small.generatorHidden = [100, 400]
      small.discriminatorHidden = [300, 800]
      small.maxoutUnits = 500
      small.normalizesFeatures = true
      small.unitVectors = true
      // With little noise and without mode seeking the generator came to answer every latent alike.
      small.vectorNoise = 1
      small.modeSeeking = 3
      small.mismatchShare = 0.5
      small.dropout = 0.3
      small.optimizer = .adam
      small.learningRate = 5e-4
      return [
        Preset("paper", "the paper's networks and schedule, features of VGG16", .init()),
        Preset("small", "narrow networks for some thousand captions, minutes on two cores", small),
      ]
    }

    /// An image's features and one of its tags; the words' vectors first, where they are trained here.
    public var plan: SystemPlan {
      let feature = Field("feature", .features(size: features.size))
      // The number of tags is found in the data; no batch is checked against it.
      let data = DataPlan(
        [feature, Field("tag", .label(classes: .max))],
        TaggedImages(feature: "feature", tag: "tag", features: features, minimumCount: minimumCount))
      let tags = Stage("tags", data: data, batchSize: batchSize)
      return SystemPlan(
        stages: wordSteps > 0
          ? [Stage("words", steps: wordSteps, data: data, batchSize: batchSize), tags] : [tags],
        conditions: [
          Condition("feature", .field(feature.kind), isRequired: true, help: "features of the image to tag")
        ],
        outputs: [Field("tags", .text)], abilities: [Tagging()])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "wordSize": wordSize, "minimumCount": minimumCount, "window": window,
        "negatives": negatives, "wordBatchSize": wordBatchSize, "latentSize": latentSize,
        "maxoutUnits": maxoutUnits, "pieces": pieces, "samples": samples, "nearest": nearest,
        "batchSize": batchSize,
      ])
      try Checks.require(wordSteps >= 0, "wordSteps is at least 0, not \(wordSteps)")
      try Checks.require(
        subsampling >= 0 && subsampling <= 1, "subsampling lies in 0 … 1, not at \(subsampling)")
      try Checks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden,
      ])
      for (key, list) in [("generatorHidden", generatorHidden), ("discriminatorHidden", discriminatorHidden)]
      {
        try Checks.require(list.count == 2, "\(key) lists two widths, not \(list.count)")
      }
      for (key, share) in [
        ("dropout", dropout), ("momentum", momentum), ("finalMomentum", finalMomentum), ("beta1", beta1),
      ] {
        try Checks.require((0..<1).contains(share), "\(key) lies in 0 ..< 1, not at \(share)")
      }
      try Checks.require(
        vectorNoise >= 0 && vectorNoise.isFinite, "vectorNoise is at least 0, not \(vectorNoise)")
      try Checks.require(
        (0...1).contains(mismatchShare), "mismatchShare lies in 0 … 1, not at \(mismatchShare)")
      try Checks.require(
        modeSeeking >= 0 && modeSeeking.isFinite, "modeSeeking is at least 0, not \(modeSeeking)")
      for (key, rate) in [("learningRate", learningRate), ("wordLearningRate", wordLearningRate)] {
        try Checks.require(rate > 0 && rate.isFinite, "\(key) is above 0, not \(rate)")
      }
      try Checks.require(
        learningRateDecay >= 1, "learningRateDecay is at least 1, not \(learningRateDecay)")
    }
  }
}
