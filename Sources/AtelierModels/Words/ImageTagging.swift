public import AtelierData
public import Torch
public import TorchNN

/// Tags for pictures by a conditional GAN: the second experiment of the first conditional GAN.
///
/// Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets", section 4.2. There is no code of
/// the authors.
///
/// Two stages. First word vectors are learned from what people wrote about the pictures, by ``SkipGram``. Then
/// the generator learns to give, for noise and a picture's features, the vector of one of its tags: noise →
/// 500, features → 2000, both joined into a linear word vector; the discriminator judges a word vector beside
/// features: vector → 500, features → 1200, joined by maxout of 1000 units with 3 pieces. A picture with
/// several tags is an example for each, a picture without tags none. Word vectors and features stay as they
/// are.
///
/// To tag a picture 100 vectors are drawn; each gives the 20 tags nearest by cosine; the 10 that are given
/// most often are the answer.
///
/// Deviations: the vocabulary is that of the training data, the paper's that of 100 million photographs;
/// vectors are learned with Adam; the generator minimises −log D, the paper does not say what. The paper's
/// 4096 features are those of a network for 21,000 classes that is not published; which network's features
/// are used here is the key `features`.
public final class ImageTagging: TaggingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "image-tagging", summary: "Tags for pictures, drawn as word vectors by a conditional GAN",
    paper: "Mirza and Osindero, Conditional Generative Adversarial Nets, section 4.2, 2014",
    reference: "the paper; Mikolov et al. 2013 for word vectors")

  /// The choices of an image-tagging.
  public struct Configuration: SystemConfiguration {
    /// Which network's features describe a picture.
    public var features = PictureFeatureKind.vgg16
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
    /// What the players minimise.
    public var loss = AdversarialLoss.binaryCrossEntropy
    /// The learning rate of both players at first.
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
    /// Word vectors drawn for a picture.
    public var samples = 100
    /// Nearest tags of each.
    public var nearest = 20
    /// Pairs of a picture and a tag in a batch.
    public var batchSize = 100

    /// The paper's.
    public init() {}

    /// The paper's, and one for a thousand captioned pictures.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.features = .efficientNetLite0
      small.wordSize = 64
      small.minimumCount = 5
      small.subsampling = 1e-3
      small.wordSteps = 1500
      small.generatorHidden = [100, 400]
      small.discriminatorHidden = [100, 300]
      small.maxoutUnits = 200
      return [
        Preset("paper", "the paper's networks and schedule, features of VGG16", .init()),
        Preset("small", "narrow networks for some thousand captions, minutes on two cores", small),
      ]
    }

    /// Refuses what cannot work.
    public func validate() throws(ConfigurationError) {
      try AdversarialChecks.positive([
        "wordSize": wordSize, "minimumCount": minimumCount, "window": window,
        "negatives": negatives, "wordBatchSize": wordBatchSize, "latentSize": latentSize,
        "maxoutUnits": maxoutUnits, "pieces": pieces, "samples": samples, "nearest": nearest,
        "batchSize": batchSize,
      ])
      try AdversarialChecks.require(wordSteps >= 0, "wordSteps is at least 0, not \(wordSteps)")
      try AdversarialChecks.require(
        subsampling >= 0 && subsampling <= 1, "subsampling lies in 0 … 1, not at \(subsampling)")
      try AdversarialChecks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden,
      ])
      for (key, list) in [("generatorHidden", generatorHidden), ("discriminatorHidden", discriminatorHidden)]
      {
        try AdversarialChecks.require(list.count == 2, "\(key) lists two widths, not \(list.count)")
      }
      try AdversarialChecks.require((0..<1).contains(dropout), "dropout lies in 0 ..< 1, not at \(dropout)")
      for (key, rate) in [("learningRate", learningRate), ("wordLearningRate", wordLearningRate)] {
        try AdversarialChecks.require(rate > 0 && rate.isFinite, "\(key) is above 0, not \(rate)")
      }
      try AdversarialChecks.require(
        learningRateDecay >= 1, "learningRateDecay is at least 1, not \(learningRateDecay)")
      for (key, share) in [("momentum", momentum), ("finalMomentum", finalMomentum)] {
        try AdversarialChecks.require((0..<1).contains(share), "\(key) lies in 0 ..< 1, not at \(share)")
      }
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `words`, `generator`, `discriminator`.
  public let networks: [Network]
  private let vocabulary: TagVocabulary
  private let sampler: SkipGramSampler
  private let words: SkipGram
  private let generator: Generator
  private let discriminator: Discriminator
  private let wordOptimizer: Adam
  private let generatorOptimizer: SGD
  private let discriminatorOptimizer: SGD

  /// Builds the word vectors, both players and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work, or without the vocabulary.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    vocabulary = try artefacts.decode(TagVocabulary.self, TagVocabulary.artefactName)
    sampler = SkipGramSampler(
      vocabulary, window: configuration.window, negatives: configuration.negatives,
      subsampling: configuration.subsampling)
    let words = SkipGram(words: vocabulary.words.count, size: configuration.wordSize, using: stream)
    let generator = Generator(configuration, using: stream)
    let discriminator = Discriminator(configuration, using: stream)
    (self.words, self.generator, self.discriminator) = (words, generator, discriminator)
    wordOptimizer = Adam(words, learningRate: configuration.wordLearningRate)
    generatorOptimizer = SGD(
      generator, learningRate: configuration.learningRate, momentum: configuration.momentum)
    discriminatorOptimizer = SGD(
      discriminator, learningRate: configuration.learningRate, momentum: configuration.momentum)
    networks = [
      Network("words", words) { _, inputs in
        ["vector": embedding(words.vectors, try inputs.required("word"))]
      },
      Network("generator", generator) { _, inputs in
        ["vector": generator(try inputs.required("latent"), try inputs.required("feature"))]
      },
      Network("discriminator", discriminator) { _, inputs in
        ["score": discriminator(try inputs.required("vector"), try inputs.required("feature"))]
      },
    ]
  }

  /// One a network.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [
      ("words", wordOptimizer), ("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer),
    ]
  }

  /// A picture's features and one of its tags.
  public static func fields(_ configuration: Configuration) -> [Field] {
    [
      Field("feature", .features(size: configuration.features.size)),
      // The number of tags is found in the data; no batch is checked against it.
      Field("tag", .label(classes: .max)),
    ]
  }

  /// Pictures with words.
  public static func examplePlan(_ configuration: Configuration) -> ExamplePlan {
    .tagged(
      feature: "feature", tag: "tag", by: configuration.features, minimumCount: configuration.minimumCount)
  }

  /// As it is: what the data tell, the words, is an artefact.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    configuration
  }

  /// Word vectors, then the game.
  public static func stages(_ configuration: Configuration) -> [TrainingStage] {
    configuration.wordSteps > 0
      ? [TrainingStage("words", steps: configuration.wordSteps), TrainingStage("tags")]
      : [TrainingStage("tags")]
  }

  // MARK: Training

  /// One step of the stage: word vectors from the text, or discriminator, then generator.
  public func step(_ step: TrainingStep) throws {
    if step.stage == "words" { try learnWords(step) } else { try play(step) }
  }

  private func learnWords(_ step: TrainingStep) throws {
    guard let (centre, neighbour, negatives) = sampler.pairs(configuration.wordBatchSize, draws: step.draws)
    else { return }
    // A straight line down to a hundredth, as in the authors' word2vec.
    let left = 1 - Double(step.index) / Double(max(1, configuration.wordSteps))
    wordOptimizer.learningRate = configuration.wordLearningRate * max(0.01, left)
    let words = self.words
    let device = words.vectors.device
    let loss = try step.update(
      "words", wordOptimizer,
      minimizing: {
        words.loss(
          centre: centre.to(device), neighbour: neighbour.to(device), negatives: negatives.to(device))
      })
    step.log("words", loss)
  }

  private func play(_ step: TrainingStep) throws {
    let (generator, discriminator, loss) = (self.generator, self.discriminator, configuration.loss)
    schedule(step)
    let batch = try step.batch()
    let (feature, tag) = (batch["feature"], batch["tag"])
    let real = tagVectors(on: feature.device).indexSelected(0, tag)
    let latent = step.draws.normal("latent", [feature.shape[0], configuration.latentSize])
    let fake = generator(latent, feature)
    let judged = try step.update(
      "discriminator", discriminatorOptimizer,
      minimizing: { loss.real(discriminator(real, feature)) },
      { loss.fake(discriminator(fake.detached(), feature)) })
    let fooled = try withFrozen(discriminator) {
      try step.update(
        "generator", generatorOptimizer, minimizing: { loss.generator(discriminator(fake, feature)) })
    }
    step.log("discriminator", judged)
    step.log("generator", fooled)
  }

  private func schedule(_ step: TrainingStep) {
    let games = max(0, step.index - configuration.wordSteps)
    let rate = Schedule.exponential(
      factor: 1 / configuration.learningRateDecay,
      minimum: configuration.minimumLearningRate / configuration.learningRate
    ).learningRate(base: configuration.learningRate, at: games)
    let momentum = LinearRamp(
      from: configuration.momentum, to: configuration.finalMomentum, start: 1,
      length: max(0, configuration.momentumEpochs - 1)
    ).value(at: Int(step.epoch))
    for optimizer in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = rate
      optimizer.momentum = momentum
    }
  }

  /// The vectors of the tags `[tags, wordSize]`, without history.
  private func tagVectors(on device: Device) -> Tensor {
    words.vectors.detached().indexSelected(0, Tensor(vocabulary.tags).to(device))
  }

  // MARK: Generation

  /// The tags, the most frequent of the training data first.
  public var tagNames: [String] { vocabulary.tagNames }

  /// The paper's protocol: many vectors a picture, the nearest tags of each by cosine, the most common of
  /// them; of equally common ones the nearer first.
  public func tags(for features: Tensor, count: Int, draws: any Draws) throws -> [[Int]] {
    guard features.rank == 2, features.shape[1] == configuration.features.size else {
      throw ConfigurationError(
        "features are [pictures, \(configuration.features.size)], not \(features.shape)")
    }
    for module in networks.map(\.module) { module.eval() }
    func unit(_ x: Tensor) -> Tensor {
      x / x.norm(dims: [1], keepDim: true).clamped(min: 1e-12)
    }
    return withoutGradients {
      let known = unit(tagVectors(on: features.device)).transposed(0, 1)
      return (0..<features.shape[0]).map { picture in
        let samples = configuration.samples
        let latent = draws.normal("latent", [samples, configuration.latentSize])
        let feature = features.slice(0, picture, picture + 1).expanded([samples, features.shape[1]])
        let closest = unit(generator(latent, feature)).matmul(known)
          .topK(min(configuration.nearest, known.shape[1]), dim: 1)
        var votes: [Int: (count: Int, closeness: Double)] = [:]
        for (tag, value) in zip(closest.indices.contiguous().integers(), closest.values.contiguous().floats())
        {
          let vote = votes[tag] ?? (0, 0)
          votes[tag] = (vote.count + 1, vote.closeness + Double(value))
        }
        // The smaller number, which is the more frequent tag, settles what is equal in both.
        let ranked = votes.sorted { first, second in
          let (one, other) = (first.value, second.value)
          if one.count != other.count { return one.count > other.count }
          if one.closeness != other.closeness { return one.closeness > other.closeness }
          return first.key < second.key
        }
        return ranked.prefix(count).map(\.key)
      }
    }
  }

  /// A line of ten tags for each of the request's `feature` vectors `[n, size]`.
  public func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    guard let features = request.inputs["feature"] else {
      throw ConfigurationError("image-tagging starts from pictures; give a picture or a folder of them")
    }
    for found in try tags(for: features, count: 10, draws: request.draws) {
      try emit(.text(found.map { tagNames[$0] }.joined(separator: ", ") + "\n"))
    }
  }

  // MARK: Networks

  private final class Generator: Module {
    let latentLayer: Linear
    let featureLayer: Linear
    let output: Linear
    private let latentDropout: Dropout
    private let featureDropout: Dropout

    init(_ configuration: Configuration, using stream: RandomStream) {
      let widths = configuration.generatorHidden
      latentLayer = Linear(
        inputFeatures: configuration.latentSize, outputFeatures: widths[0], using: stream)
      featureLayer = Linear(
        inputFeatures: configuration.features.size, outputFeatures: widths[1], using: stream)
      output = Linear(
        inputFeatures: widths[0] + widths[1], outputFeatures: configuration.wordSize, using: stream)
      latentDropout = Dropout(probability: configuration.dropout)
      featureDropout = Dropout(probability: configuration.dropout)
      super.init()
    }

    /// `[batch, wordSize]`.
    func callAsFunction(_ latent: Tensor, _ feature: Tensor) -> Tensor {
      output(
        .concatenated(
          [latentDropout(latentLayer(latent).relu()), featureDropout(featureLayer(feature).relu())], dim: 1))
    }
  }

  private final class Discriminator: Module {
    let wordLayer: Linear
    let featureLayer: Linear
    let joint: Maxout
    let score: Linear
    private let wordDropout: Dropout
    private let featureDropout: Dropout
    private let jointDropout: Dropout
    private let endsInSigmoid: Bool

    init(_ configuration: Configuration, using stream: RandomStream) {
      let widths = configuration.discriminatorHidden
      wordLayer = Linear(inputFeatures: configuration.wordSize, outputFeatures: widths[0], using: stream)
      featureLayer = Linear(
        inputFeatures: configuration.features.size, outputFeatures: widths[1], using: stream)
      joint = Maxout(
        inputFeatures: widths[0] + widths[1], units: configuration.maxoutUnits, pieces: configuration.pieces,
        using: stream)
      score = Linear(inputFeatures: configuration.maxoutUnits, outputFeatures: 1, using: stream)
      wordDropout = Dropout(probability: configuration.dropout)
      featureDropout = Dropout(probability: configuration.dropout)
      jointDropout = Dropout(probability: configuration.dropout)
      endsInSigmoid = configuration.loss.takesProbabilities
      super.init()
    }

    /// Scores `[batch]`.
    func callAsFunction(_ vector: Tensor, _ feature: Tensor) -> Tensor {
      let joined = Tensor.concatenated(
        [wordDropout(wordLayer(vector).relu()), featureDropout(featureLayer(feature).relu())], dim: 1)
      let scores = score(jointDropout(joint(joined))).reshaped([-1])
      return endsInSigmoid ? scores.sigmoid() : scores
    }
  }
}
