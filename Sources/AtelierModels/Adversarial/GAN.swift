public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The generative adversarial network: a generator and a discriminator that play against each other.
///
/// Paper: Goodfellow et al. 2014, "Generative Adversarial Nets".
///
/// Two forms, by ``Configuration/model``:
///
/// - `gan`, the dense form of eriklindernoren/PyTorch-GAN `implementations/gan/gan.py`: leaky relu, batch
///   norm whose epsilon is 0.8 (an argument in the wrong place which the published script has), Adam. No
///   deviation.
/// - `maxout`, the paper's own, after goodfeli/adversarial `mnist.yaml`: rectified-linear generator,
///   maxout discriminator with dropout, gradient descent with momentum. Deviations: the output bias of
///   the generator starts from the marginals of the first batch, not of the whole training set, each
///   clipped to 0.1 % … 99.9 % as a hundred images know no better; velocities are multiplied by the
///   learning rate of the step that uses them, not of the step that made them.
///
/// Both update the generator first and the discriminator on the same images after it. Because those
/// were made before the update, this is the simultaneous update of the authors' code.
public final class GAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "gan", summary: "The generative adversarial network of 2014, dense layers only",
    paper: "Goodfellow et al., Generative Adversarial Nets, 2014",
    reference: "eriklindernoren/PyTorch-GAN implementations/gan/gan.py; goodfeli/adversarial mnist.yaml")

  /// The choices of a gan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration, MomentumConfiguration {
    /// Which form.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// PyTorch-GAN's dense networks.
      case gan
      /// The paper's networks with maxout.
      case maxout
    }

    /// Which form.
    public var model = Model.gan
    /// Height and width of the images.
    public var imageSize = 28
    /// Number of channels.
    public var imageChannels = 1
    /// The length of a latent vector.
    public var latentSize = 100
    /// The generator's hidden widths, input side first.
    public var generatorHidden = [128, 256, 512, 1024]
    /// The discriminator's hidden widths (maxout: units), input side first.
    public var discriminatorHidden = [512, 256]
    /// The epsilon of batch norms; `gan` only.
    public var normEpsilon = 0.8
    /// The slope of leaky relus; `gan` only.
    public var leakySlope = 0.2
    /// The share of hidden values the discriminator drops; `maxout` only.
    public var dropout = 0.0
    /// The share of image values the discriminator drops; `maxout` only.
    public var inputDropout = 0.0
    /// Linear pieces of a maxout unit; `maxout` only.
    public var pieces = 5
    /// The adversarial loss.
    public var loss = AdversarialLoss.binaryCrossEntropy
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// The learning rate of both optimisers.
    public var learningRate = 2e-4
    /// Adam's decays and ε; `gan` only.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// The momentum of gradient descent; `maxout` only.
    public var momentumSchedule = MomentumSchedule()
    /// The learning rate is divided by this at every step; `maxout` only.
    public var learningRateDecay = 1.000004
    /// The learning rate falls no lower; `maxout` only.
    public var minimumLearningRate = 1e-6
    /// Images in a batch.
    public var batchSize = 64

    /// PyTorch-GAN's script.
    public init() {}

    /// The paper's network for MNIST first, the reference script, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.model = .maxout
      paper.generatorHidden = [1200, 1200]
      paper.discriminatorHidden = [240, 240]
      paper.dropout = 0.5
      paper.inputDropout = 0.2
      paper.learningRate = 0.1
      paper.batchSize = 100
      var small = Configuration()
      small.latentSize = 64
      small.generatorHidden = [128, 256]
      small.discriminatorHidden = [256, 128]
      return [
        Preset("mnist", "the network and schedule of the 2014 paper for 28×28 digits", paper),
        Preset("reference", "PyTorch-GAN's gan.py", Configuration()),
        Preset("small", "narrow dense networks for 28×28 images, minutes on two cores", small),
      ]
    }

    /// Images decoded from latent vectors.
    public var plan: SystemPlan {
      .latentImages(
        channels: imageChannels, size: imageSize, range: model == .maxout ? .unit : .signed,
        latent: LatentDecoding(size: latentSize, distribution: .normal),
        batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "imageChannels": imageChannels, "latentSize": latentSize, "pieces": pieces,
      ])
      try Checks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden,
      ])
      try Checks.layers(normEpsilon: normEpsilon, leakySlope: leakySlope, dropout: dropout)
      try adam.validate(["learningRate": learningRate], isUsed: model != .maxout)
      try Checks.require(
        (0..<1).contains(inputDropout), "inputDropout lies in 0 ..< 1, not at \(inputDropout)")
      try momentumSchedule.validate()
      try Checks.require(
        learningRateDecay >= 1,
        "learningRateDecay divides the learning rate and is at least 1, not \(learningRateDecay)")
      try augmentation.validate(loss, regularizing: [.scores, .latents])
      switch model {
      case .gan:
        try Checks.batch(batchSize)
        try Checks.require(
          dropout == 0 && inputDropout == 0,
          "the model 'gan' has no dropout; set dropout to 0 or take model=maxout")
      case .maxout: try Checks.positive(["batchSize": batchSize])
      }
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: any Layer
  private let discriminator: any Layer
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let size = configuration.imageSize
    let imageShape = [configuration.imageChannels, size, size]
    let generator: any Layer
    let discriminator: any Layer
    switch configuration.model {
    case .gan:
      generator = DenseGenerator(
        inputs: configuration.latentSize, hidden: configuration.generatorHidden, imageShape: imageShape,
        normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope, using: stream)
      discriminator = DenseDiscriminator(
        inputs: imageShape.reduce(1, *), hidden: configuration.discriminatorHidden,
        leakySlope: configuration.leakySlope, endsInSigmoid: configuration.loss.takesProbabilities,
        using: stream)
      func adam(_ network: Module) -> Optimizer {
        configuration.adam.optimizer(network, learningRate: configuration.learningRate)
      }
      generatorOptimizer = adam(generator)
      discriminatorOptimizer = adam(discriminator)
    case .maxout:
      generator = RectifiedGenerator(
        latentSize: configuration.latentSize, hidden: configuration.generatorHidden, imageShape: imageShape,
        using: stream)
      discriminator = MaxoutDiscriminator(
        inputs: imageShape.reduce(1, *), configuration: configuration, using: stream)
      func descent(_ network: Module) -> Optimizer {
        SGD(network, learningRate: configuration.learningRate, momentum: configuration.momentum)
      }
      generatorOptimizer = descent(generator)
      discriminatorOptimizer = descent(discriminator)
    }
    self.generator = generator
    self.discriminator = discriminator
    augment = configuration.makeAugmentation(configuration.loss, isUnit: configuration.model == .maxout)
    networks = [
      Network("generator", generator) { _, inputs in ["image": generator(try inputs.required("latent"))] },
      Network("discriminator", discriminator, isForTraining: true) { _, inputs in
        ["score": discriminator(try inputs.required("image"))]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Takes over the data's channels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    return configuration
  }

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    let objective = configuration.loss
    let real = try step.batch()["image"]
    if configuration.model == .maxout { prepare(step, real) }
    let latent = step.draws.normal("latent", [real.shape[0], configuration.latentSize])
    let fake = generator(latent)

    try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let scores = discriminator(augment(fake, draws: step.draws, name: "diffAugment.generator"))
      loss.add("generator", objective.generator(scores))
      augment.regularization.addPathLength(to: &loss, step, latent: latent) { generator($0) }
    }

    try step.update("discriminator", discriminatorOptimizer) { loss in
      let shown = augment(
        .concatenated([real, fake.detached()], dim: 0), draws: step.draws, name: "diffAugment.discriminator")
      let scores = discriminator(shown).chunked(2, dim: 0)
      augment.observe(realScores: scores[0])
      step.observe("discriminatorAccuracy") { objective.accuracy(real: scores[0], fake: scores[1]) }
      loss.add("discriminator", (objective.real(scores[0]) + objective.fake(scores[1])) / 2)
      augment.regularization.add(to: &loss, step, real: real, scores: (scores[0], scores[1])) {
        discriminator($0)
      }
    }
    augment.endStep(step)
  }

  /// The schedules of the paper's code, and at the first step the output bias from the data.
  private func prepare(_ step: TrainingStep, _ real: Tensor) {
    if step.index == 0, step.accumulatedPart == 0 {
      (generator as? RectifiedGenerator)?.startFromMarginals(of: real)
    }
    let rate = Schedule.exponential(factor: 1 / configuration.learningRateDecay)
      .learningRate(base: configuration.learningRate, at: step.index)
    let momentum = LinearRamp(
      from: configuration.momentum, to: configuration.finalMomentum, start: 1,
      length: configuration.momentumEpochs - 1
    ).value(at: Int(step.epoch))
    for case let optimizer as SGD in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = max(rate, configuration.minimumLearningRate)
      optimizer.momentum = momentum
    }
  }

  /// Images in -1 … 1 for latents `[n, size]`; labels are ignored.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let pictures = generator(latents)
    return configuration.model == .maxout ? pictures * 2 - 1 : pictures
  }
}

/// The paper's generator: rectified linear layers and a sigmoid, all weights from U(−0.05, 0.05).
private final class RectifiedGenerator: Module, Layer {
  let layers: [Linear]
  private let imageShape: [Int]

  init(latentSize: Int, hidden: [Int], imageShape: [Int], using stream: RandomStream) {
    let widths = [latentSize] + hidden + [imageShape.reduce(1, *)]
    layers = zip(widths, widths.dropFirst()).map { inputs, outputs in
      let layer = Linear(inputFeatures: inputs, outputFeatures: outputs, using: stream)
      stream.fillUniform(layer.weight, low: -0.05, high: 0.05)
      layer.bias?.fill(0)
      return layer
    }
    self.imageShape = imageShape
    super.init()
  }

  /// Images `[batch, channels, height, width]` in 0 … 1 for `[batch, latent]`.
  func callAsFunction(_ latent: Tensor) -> Tensor {
    var x = latent
    for layer in layers.dropLast() { x = layer(x).relu() }
    let pictures = layers.last.map { $0(x).sigmoid() } ?? x
    return pictures.reshaped([-1] + imageShape)
  }

  /// Sets the output bias to the logit of each value's mean, so that training starts from images whose
  /// pixels have the right brightness. Source: pylearn2 `init_sigmoid_bias_from_marginals`.
  func startFromMarginals(of pictures: Tensor) {
    withoutGradients {
      let mean = pictures.flattened(from: 1).mean(dims: [0]).clamped(min: 0.001, max: 0.999)
      layers.last?.bias?.copy(from: mean.log() - (1 - mean).log())
    }
  }
}

/// The paper's discriminator: maxout layers behind dropout, a sigmoid, weights from U(−0.005, 0.005).
private final class MaxoutDiscriminator: Module, Layer {
  let hidden: [Maxout]
  let output: Linear
  private let dropouts: [Dropout]
  private let endsInSigmoid: Bool

  init(inputs: Int, configuration: GAN.Configuration, using stream: RandomStream) {
    let widths = [inputs] + configuration.discriminatorHidden
    hidden = zip(widths, widths.dropFirst()).map { inputs, units in
      Maxout(inputFeatures: inputs, units: units, pieces: configuration.pieces, using: stream)
    }
    output = Linear(inputFeatures: widths.last ?? 1, outputFeatures: 1, using: stream)
    for layer in hidden.map(\.linear) + [output] {
      stream.fillUniform(layer.weight, low: -0.005, high: 0.005)
      layer.bias?.fill(0)
    }
    dropouts = (0...hidden.count).map { index in
      Dropout(
        probability: index == 0 ? configuration.inputDropout : configuration.dropout,
        drawName: "discriminator.dropout.\(index)")
    }
    endsInSigmoid = configuration.loss.takesProbabilities
    super.init()
  }

  /// Scores `[batch, 1]` for images of any shape.
  func callAsFunction(_ image: Tensor) -> Tensor {
    var x = dropouts[0](image.flattened(from: 1))
    for (layer, dropout) in zip(hidden, dropouts.dropFirst()) { x = dropout(layer(x)) }
    let scores = output(x)
    return endsInSigmoid ? scores.sigmoid() : scores
  }
}
