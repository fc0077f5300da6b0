public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// Tags for images by a conditional GAN: the second experiment of the first conditional GAN.
///
/// Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets", section 4.2. There is no code
/// of the authors.
///
/// Two stages. First word vectors are learned from what people wrote about the images, by ``SkipGram``. Then
/// the generator learns to give, for noise and an image's features, the vector of one of its tags: noise →
/// 500, features → 2000, both joined into a linear word vector; the discriminator judges a word vector beside
/// features: vector → 500, features → 1200, joined by maxout of 1000 units with 3 pieces. An image with
/// several tags is an example for each, an image without tags none. Word vectors and features stay as they
/// are.
///
/// To tag an image 100 vectors are drawn; each gives the 20 tags nearest by cosine; the 10 that are given
/// most often are the answer.
///
/// Deviations: the vocabulary is that of the training data, the paper's that of 100 million photographs;
/// vectors are learned with Adam; the generator minimises −log D, the paper does not say what. The paper's
/// 4096 features are those of a network for 21,000 classes that is not published; which network's features
/// are used here is the key `features`. The preset `small` deviates further, by keys that are off in the
/// paper's: features are levelled by batch normalisation, word vectors have one length, the discriminator
/// sees them with noise and must also refuse true tags beside another image (Reed et al. 2016, "Generative
/// Adversarial Text to Image Synthesis", algorithm 1), the generator is drawn to answer different noise
/// differently (Mao et al. 2019, "Mode Seeking Generative Adversarial Networks"), and Adam.
public final class ImageTagging: TaggingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "image-tagging", summary: "Tags for images, drawn as word vectors by a conditional GAN",
    paper: "Mirza and Osindero, Conditional Generative Adversarial Nets, section 4.2, 2014",
    reference: "the paper; Mikolov et al. 2013 for word vectors", suits: [.captionedImages])

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
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the word vectors, generator, discriminator and their optimisers.
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
    func optimizer(_ module: Module) -> Optimizer {
      switch configuration.optimizer {
      case .momentum:
        SGD(module, learningRate: configuration.learningRate, momentum: configuration.momentum)
      case .adam: Adam(module, learningRate: configuration.learningRate, beta1: configuration.beta1)
      }
    }
    generatorOptimizer = optimizer(generator)
    discriminatorOptimizer = optimizer(discriminator)
    networks = [
      Network("words", words) { _, inputs in
        ["vector": embedding(words.vectors, try inputs.required("word"))]
      },
      Network("generator", generator) { _, inputs in
        ["vector": generator(try inputs.required("latent"), try inputs.required("feature"))]
      },
      Network("discriminator", discriminator, isForTraining: true) { _, inputs in
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

  /// As it is: what the data tell, the words, is an artefact.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    configuration
  }

  // MARK: Training

  /// One step of the stage: word vectors from the text, or discriminator, then generator.
  public func step(_ step: TrainingStep) throws {
    if step.stage == "words" { try learnWords(step) } else { try adversarial(step) }
  }

  private func learnWords(_ step: TrainingStep) throws {
    guard
      let (centre, neighbour, negatives) = sampler.pairs(
        configuration.wordBatchSize, draws: step.draws.common)
    else { return }
    // A straight line down to a hundredth, as in the authors' word2vec.
    let left = 1 - Double(step.index) / Double(max(1, configuration.wordSteps))
    wordOptimizer.learningRate = configuration.wordLearningRate * max(0.01, left)
    let device = words.vectors.device
    try step.update("words", wordOptimizer) { loss in
      loss.add(
        "words",
        words.loss(
          centre: centre.to(device), neighbour: neighbour.to(device), negatives: negatives.to(device)))
    }
  }

  private func adversarial(_ step: TrainingStep) throws {
    let objective = configuration.loss
    schedule(step)
    let batch = try step.batch()
    let (feature, tag) = (batch["feature"], batch["tag"])
    let real = tagVectors(on: feature.device).indexSelected(0, tag)
    let latent = step.draws.normal("latent", [feature.shape[0], configuration.latentSize])
    let fake = generator(latent, feature)
    let (noise, share) = (configuration.vectorNoise, configuration.mismatchShare)
    func scores(_ vectors: Tensor, _ name: String, beside feature: Tensor) -> Tensor {
      let seen = noise > 0 ? vectors + step.draws.normal(name, vectors.shape) * noise : vectors
      return discriminator(seen, feature)
    }

    let discriminatorTerms = try step.update("discriminator", discriminatorOptimizer) { loss in
      loss.add(objective.real(scores(real, "real noise", beside: feature)))
      loss.backward()
      loss.add(objective.fake(scores(fake.detached(), "fake noise", beside: feature)), weight: 1 - share)
      guard share > 0 else { return }
      // Batches are shuffled: the next example's image is another, if not always.
      let all = feature.gatheredOverProcesses()
      let count = all.shape[0]
      let other = Tensor.concatenated([all.slice(0, 1, count), all.slice(0, 0, 1)], dim: 0).ownRows()
      loss.add(objective.fake(scores(real, "mismatch noise", beside: other)), weight: share)
    }
    step.log("discriminator", discriminatorTerms.total)

    let terms = try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      loss.add(objective.generator(scores(fake, "generator noise", beside: feature)))
      guard configuration.modeSeeking > 0 else { return }
      // Mao et al. 2019, "Mode Seeking Generative Adversarial Networks", equation 3, inverted as in their
      // code.
      let otherLatent = step.draws.normal("other latent", latent.shape)
      let apart = (fake - generator(otherLatent, feature)).abs().mean().averagedOverProcesses()
      let ratio = apart / (latent - otherLatent).abs().mean().averagedOverProcesses()
      loss.add(configuration.modeSeeking / (ratio + 1e-5))
    }
    step.log("generator", terms.total)
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
      (optimizer as? SGD)?.momentum = momentum
    }
  }

  /// The vectors of the tags `[tags, wordSize]`, without history.
  private func tagVectors(on device: Device) -> Tensor {
    let vectors = words.vectors.detached().indexSelected(0, Tensor(vocabulary.tags).to(device))
    return configuration.unitVectors
      ? Self.unit(vectors) * Double(configuration.wordSize).squareRoot() : vectors
  }

  /// Rows of length 1.
  private static func unit(_ x: Tensor) -> Tensor {
    x / x.norm(dims: [1], keepDim: true).clamped(min: 1e-12)
  }

  // MARK: Generation

  /// The tags, the most frequent of the training data first.
  public var tagNames: [String] { vocabulary.tagNames }

  /// How tags follow from drawn vectors.
  public var taggingProtocol: String {
    "the most common of \(configuration.samples) drawn vectors' \(configuration.nearest) nearest"
  }

  /// The paper's protocol: many vectors an image, the nearest tags of each by cosine, the most common of
  /// them; of equally common ones the nearer first.
  public func tags(for features: Tensor, count: Int, draws: any Draws) throws -> [[Int]] {
    guard features.rank == 2, features.shape[1] == configuration.features.size else {
      throw ConfigurationError(
        "features are [images, \(configuration.features.size)], not \(features.shape)")
    }
    let known = Self.unit(tagVectors(on: features.device)).transposed(0, 1)
    return (0..<features.shape[0]).map { picture in
      let samples = configuration.samples
      let latent = draws.normal("latent", [samples, configuration.latentSize])
      let feature = features.slice(0, picture, picture + 1).expanded([samples, features.shape[1]])
      let closest = Self.unit(generator(latent, feature)).matmul(known)
        .topK(min(configuration.nearest, known.shape[1]), dim: 1)
      var votes: [Int: (count: Int, closeness: Double)] = [:]
      for (tag, value) in zip(closest.indices.contiguous().integers(), closest.values.contiguous().floats()) {
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

  /// A line of ten tags for each of the request's `feature` vectors `[n, size]`.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let features = request.tensor("feature") else {
      throw ConfigurationError("image-tagging starts from an image's features; give them as 'feature'")
    }
    for found in try tags(for: features, count: 10, draws: request.draws) {
      try emit(Output("tags", text: found.map { tagNames[$0] }.joined(separator: ", ") + "\n"))
    }
  }

  // MARK: Networks

  private final class Generator: Module {
    let latentLayer: Linear
    let featureLayer: Linear
    let output: Linear
    /// Nil where features are taken as they are.
    let normalization: BatchNorm1d?
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
      normalization =
        configuration.normalizesFeatures
        ? BatchNorm1d(channels: configuration.features.size, isAffine: false) : nil
      latentDropout = Dropout(probability: configuration.dropout)
      featureDropout = Dropout(probability: configuration.dropout)
      super.init()
    }

    /// `[batch, wordSize]`.
    func callAsFunction(_ latent: Tensor, _ feature: Tensor) -> Tensor {
      let level = normalization?(feature) ?? feature
      return output(
        .concatenated(
          [latentDropout(latentLayer(latent).relu()), featureDropout(featureLayer(level).relu())], dim: 1))
    }
  }

  private final class Discriminator: Module {
    let wordLayer: Linear
    let featureLayer: Linear
    let joint: Maxout
    let score: Linear
    /// Nil where features are taken as they are.
    let normalization: BatchNorm1d?
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
      normalization =
        configuration.normalizesFeatures
        ? BatchNorm1d(channels: configuration.features.size, isAffine: false) : nil
      wordDropout = Dropout(probability: configuration.dropout)
      featureDropout = Dropout(probability: configuration.dropout)
      jointDropout = Dropout(probability: configuration.dropout)
      endsInSigmoid = configuration.loss.takesProbabilities
      super.init()
    }

    /// Scores `[batch]`.
    func callAsFunction(_ vector: Tensor, _ feature: Tensor) -> Tensor {
      let level = normalization?(feature) ?? feature
      let joined = Tensor.concatenated(
        [wordDropout(wordLayer(vector).relu()), featureDropout(featureLayer(level).relu())], dim: 1)
      let scores = score(jointDropout(joint(joined))).reshaped([-1])
      return endsInSigmoid ? scores.sigmoid() : scores
    }
  }
}
