public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The auxiliary-classifier GAN: the discriminator also names the class, and generator and discriminator are
/// rewarded for the right one.
///
/// Paper: Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs". Networks,
/// losses and update order are those of eriklindernoren/PyTorch-GAN `implementations/acgan/acgan.py`: the
/// label's embedding multiplies the latent vector; the class head ends in a softmax, and the
/// cross-entropy applies another to it, which flattens its gradients but is what the script does. No
/// deviation; images whose size is no multiple of 16 work here too, the discriminator's last map being
/// rounded up.
public final class ACGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "acgan", summary: "GAN whose discriminator also classifies; images by class",
    paper: "Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2017",
    reference: "eriklindernoren/PyTorch-GAN implementations/acgan/acgan.py")

  /// The choices of an acgan.
  public struct Configuration: AugmentedConfiguration, AdamConfiguration {
    /// Which networks.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// PyTorch-GAN's convolutional networks.
      case acgan
    }

    /// Which networks.
    public var model = Model.acgan
    /// Height and width of the images.
    public var imageSize = 32
    /// Number of channels.
    public var imageChannels = 1
    /// The number of classes.
    public var classes = 10
    /// The length of a latent vector and of a label's embedding.
    public var latentSize = 100
    /// The generator's widths, input side first; the image doubles once for each.
    public var generatorHidden = [128, 64]
    /// The discriminator's widths, input side first; the image halves once for each.
    public var discriminatorHidden = [16, 32, 64, 128]
    /// The epsilon of batch norms, the generator's first excepted.
    public var normEpsilon = 0.8
    /// The slope of leaky relus.
    public var leakySlope = 0.2
    /// The share of channels that the discriminator drops.
    public var dropout = 0.25
    /// The adversarial loss, beside the class.
    public var loss = AdversarialLoss.binaryCrossEntropy
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// The learning rate of both optimisers.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Images in a batch.
    public var batchSize = 64

    /// PyTorch-GAN's script.
    public init() {}

    /// The reference script and a small one.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.imageSize = 28
      small.latentSize = 64
      small.generatorHidden = [32, 16]
      small.discriminatorHidden = [16, 32, 64]
      return [
        Preset("reference", "PyTorch-GAN's acgan.py", Configuration()),
        Preset("small", "narrow networks for 28×28 images, minutes on two cores", small),
      ]
    }

    /// Images of classes decoded from latent vectors.
    public var plan: SystemPlan {
      .latentImages(
        channels: imageChannels, size: imageSize,
        latent: LatentDecoding(size: latentSize, distribution: .normal, classes: classes),
        batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "imageChannels": imageChannels, "latentSize": latentSize, "classes": classes,
      ])
      try Checks.widths([
        "generatorHidden": generatorHidden, "discriminatorHidden": discriminatorHidden,
      ])
      try Checks.doublings(imageSize: imageSize, "generatorHidden", generatorHidden)
      try Checks.layers(normEpsilon: normEpsilon, leakySlope: leakySlope, dropout: dropout)
      try adam.validate(["learningRate": learningRate])
      try Checks.batch(batchSize)
      try augmentation.validate(loss, regularizing: [.scores, .latents])
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: Generator
  private let discriminator: Discriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = Generator(configuration, using: stream)
    let discriminator = Discriminator(configuration, using: stream)
    applyDCGANWeights(generator, using: stream)
    applyDCGANWeights(discriminator, using: stream)
    func adam(_ network: Module) -> Optimizer {
      configuration.adam.optimizer(network, learningRate: configuration.learningRate)
    }
    self.generator = generator
    self.discriminator = discriminator
    generatorOptimizer = adam(generator)
    discriminatorOptimizer = adam(discriminator)
    augment = configuration.makeAugmentation(configuration.loss)
    networks = [
      Network("generator", generator, authorsNames: Generator.authorsNames) { _, inputs in
        ["image": generator(try inputs.required("latent"), try inputs.required("label"))]
      },
      Network("discriminator", discriminator, authorsNames: Discriminator.authorsNames, isForTraining: true) {
        _, inputs in
        let outputs = discriminator(try inputs.required("image"))
        return ["score": outputs.score, "classProbability": outputs.classProbability]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Takes over the data's channels and number of classes.
  ///
  /// - Throws: ``ConfigurationError`` for data without labels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    configuration.classes = try data.description.requiredClasses(for: identity)
    return configuration
  }

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    let objective = configuration.loss
    let batch = try step.batch()
    let (real, label) = (batch["image"], batch["label"])
    let latent = step.draws.normal("latent", [real.shape[0], configuration.latentSize])
    let fakeLabel = step.draws.integers("fakeLabel", below: configuration.classes, [real.shape[0]])
    let fake = generator(latent, fakeLabel)

    try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let output = discriminator(augment(fake, draws: step.draws, name: "diffAugment.generator"))
      loss.add(
        "generator",
        0.5 * (objective.generator(output.score) + crossEntropy(output.classProbability, fakeLabel)))
      augment.regularization.addPathLength(to: &loss, step, latent: latent) { generator($0, fakeLabel) }
    }

    try step.update("discriminator", discriminatorOptimizer) { loss in
      // Two calls, because batch norm must not see real and generated images together.
      let onReal = discriminator(augment(real, draws: step.draws, name: "diffAugment.real"))
      let onFake = discriminator(augment(fake.detached(), draws: step.draws, name: "diffAugment.fake"))
      augment.observe(realScores: onReal.score)
      step.observe("discriminatorAccuracy") { objective.accuracy(real: onReal.score, fake: onFake.score) }
      step.observe("classAccuracy") {
        onReal.classProbability.argmax(dim: 1).equal(label).asType(.float32).mean()
      }
      let realLoss = (objective.real(onReal.score) + crossEntropy(onReal.classProbability, label)) / 2
      let fakeLoss = (objective.fake(onFake.score) + crossEntropy(onFake.classProbability, fakeLabel)) / 2
      loss.add("discriminator", (realLoss + fakeLoss) / 2)
      augment.regularization.add(to: &loss, step, real: real, scores: (onReal.score, onFake.score)) {
        discriminator($0).score
      }
    }
    augment.endStep(step)
  }

  /// Images in -1 … 1 for latents `[n, size]` and int64 labels `[n]`, which must be there.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    guard let labels else { throw ConfigurationError("acgan draws images of a class; name one") }
    return generator(latents, labels)
  }

  private final class Generator: Module {
    let labelEmbedding: Embedding
    let pictures: UpsamplingGenerator

    /// The authors' names: `label_emb.weight`, `l1.0.weight`, `conv_blocks.0.weight`.
    static let authorsNames = KeyMap([
      "label_embedding": "label_emb", "pictures.projection": "l1.0", "pictures.blocks": "conv_blocks",
    ])

    init(_ configuration: Configuration, using stream: RandomStream) {
      labelEmbedding = Embedding(
        count: configuration.classes, features: configuration.latentSize, using: stream)
      pictures = UpsamplingGenerator(
        latentSize: configuration.latentSize, hidden: configuration.generatorHidden,
        imageSize: configuration.imageSize, imageChannels: configuration.imageChannels, startsWithNorm: true,
        normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope, using: stream)
      super.init()
    }

    /// Images in -1 … 1 for `[batch, latent]` and int64 `[batch]`.
    func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
      pictures(labelEmbedding(label) * latent)
    }
  }

  private final class Discriminator: Module {
    let blocks: Sequential
    let adversarialHead: Linear
    let classHead: Linear
    private let endsInSigmoid: Bool

    /// The authors' names: `conv_blocks.0.weight`, `adv_layer.0.weight`, `aux_layer.0.weight`.
    static let authorsNames = KeyMap([
      "blocks": "conv_blocks", "adversarial_head": "adv_layer.0", "class_head": "aux_layer.0",
    ])

    init(_ configuration: Configuration, using stream: RandomStream) {
      blocks = downsamplingTrunk(
        imageChannels: configuration.imageChannels, hidden: configuration.discriminatorHidden,
        normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope,
        dropout: configuration.dropout, using: stream)
      let features = downsamplingFeatures(
        imageSize: configuration.imageSize, hidden: configuration.discriminatorHidden)
      adversarialHead = Linear(inputFeatures: features, outputFeatures: 1, using: stream)
      classHead = Linear(inputFeatures: features, outputFeatures: configuration.classes, using: stream)
      endsInSigmoid = configuration.loss.takesProbabilities
      super.init()
    }

    /// Scores `[batch, 1]` and class probabilities `[batch, classes]` of images.
    func callAsFunction(_ image: Tensor) -> (score: Tensor, classProbability: Tensor) {
      let features = blocks(image).flattened(from: 1)
      let scores = adversarialHead(features)
      return (endsInSigmoid ? scores.sigmoid() : scores, classHead(features).softmax(1))
    }
  }
}
