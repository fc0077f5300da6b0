public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// MUNIT: two kinds of images turned into each other, each in many ways, learned without pairs.
///
/// Paper: Huang, Liu, Belongie and Kautz 2018, "Multimodal Unsupervised Image-to-Image Translation".
///
/// Reference: NVlabs/MUNIT `networks.py` and `trainer.py` (CC BY-NC-SA 4.0).
///
/// An image is a content, which both domains share, and a style, which is its domain's own. A generator a
/// domain takes its images apart and puts contents and styles together by adaptive instance norm. What is
/// asked for: an image comes back from its own content and style; content and style come back from an image
/// that was made of them, the style being drawn from N(0, I); and made images are taken for real. With
/// `weights.cycle` an image also comes back through the other domain, in its own style.
///
/// Each step updates both discriminators with one optimiser, then both generators with another, with newly
/// drawn styles.
///
/// With `weights.perceptual` a made image is also to show what the image it was made from shows
/// (`DomainInvariantLoss`).
///
/// Deviations: off in the reference configuration are other depths of the style encoder
/// (`styleDownsamplings`), other numbers of `mlpLayers`, the hinge loss.
public final class MUNIT: StyledTranslatingSystem, TwoDomainSystem, AugmentedSystem, ExportingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "munit", summary: "Two kinds of images into each other in many styles, learned without pairs",
    paper: "Huang et al., Multimodal Unsupervised Image-to-Image Translation, 2018",
    reference: "NVlabs/MUNIT networks.py, trainer.py")

  /// The choices of a munit.
  public struct Configuration: TwoDomainConfiguration, AugmentedConfiguration, AdamConfiguration,
    CroppedConfiguration, StepDecayConfiguration
  {
    /// The generator's form; there is one.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// Content and style encoders, a decoder with adaptive instance norm.
      case munit
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// Several, on the image and its halves.
      case multiscalePatch = "multiscale-patch"
    }

    /// Factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the adversarial terms of generator and discriminator.
      public var adversarial = 1.0
      /// Of the mean absolute difference between an image and what its own codes give.
      public var reconstruction = 10.0
      /// Of the mean absolute difference between a drawn style and the one that is found again.
      public var style = 1.0
      /// Of the mean absolute difference between a content and the one that is found again.
      public var content = 1.0
      /// Of the mean absolute difference between an image and what comes back through the other domain;
      /// 0 leaves it out.
      public var cycle = 0.0
      /// Of the difference between a VGG16's features of a made image and of the one it was made from
      /// (the authors' `vgg_w`); 0 leaves it out, and needs no VGG.
      public var perceptual = 0.0

      /// The authors'.
      public init() {}
    }

    /// The generators' form.
    public var generator = Generator.munit
    /// Channels of images of domain A.
    public var channelsA = 3
    /// Channels of images of domain B.
    public var channelsB = 3
    /// Height and width of training images.
    public var imageSize = 256
    /// Channels of the generators' widest map.
    public var width = 64
    /// Halvings of the content encoder.
    public var downsamplings = 2
    /// Residual blocks of the content encoder, and as many of the decoder.
    public var blocks = 4
    /// The activation between the generators' layers.
    public var activation = HiddenActivation.relu
    /// What convolutions see beyond the border, in generator and discriminator.
    public var padding = BorderPadding.reflect
    /// The hidden width of what makes norms' parameters of a style.
    public var mlpWidth = 256
    /// Its linear layers.
    public var mlpLayers = 3
    /// The length of a style.
    public var styleLength = 8
    /// Halvings of the style encoder, of which the first two double the width.
    public var styleDownsamplings = 4
    /// The discriminators' form.
    public var discriminator = Discriminator.multiscalePatch
    /// Channels of the discriminators' widest map.
    public var discriminatorWidth = 64
    /// The discriminators' normalisation.
    public var discriminatorNorm = ScaledDiscriminatorNorm.none
    /// Strided convolutions of a discriminator.
    public var layers = 4
    /// Discriminators of a domain, each on half the size of the one before.
    public var scales = 3
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.lsgan
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// Factors of the loss terms.
    public var weights = Weights()
    /// Random crop and flip; without `loadSize`: no larger than wanted.
    public var crop = CropAndFlip()
    /// The learning rate of both optimisers at first.
    public var learningRate = 1e-4
    /// How the learning rates fall.
    public var decay = StepDecay(decaySteps: 100_000, decayFactor: 0.5)
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// The factor of the L2 term that is added to gradients.
    public var weightDecay = 1e-4
    /// Images of each domain in a batch.
    public var batchSize = 1

    /// The authors' configuration for edges and shoes.
    public init() {}

    /// The authors' two, and one that two processor cores can train.
    public static var presets: [Preset<Configuration>] {
      var seasons = Configuration()
      seasons.weights.cycle = 10
      var small = Configuration()
      small.imageSize = 64
      small.width = 24
      small.blocks = 3
      small.mlpWidth = 128
      small.styleDownsamplings = 3
      small.discriminatorWidth = 32
      small.layers = 3
      small.scales = 2
      small.learningRate = 2e-4
      small.decaySteps = 0
      return [
        Preset("edges2shoes", "the paper's recipe at 256×256: styles and contents are found again", .init()),
        Preset("summer2winter", "the same with a cycle through the other domain", seasons),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    var networkPlan: ContentPlan {
      ContentPlan(
        width: width, downsamplings: downsamplings, blocks: blocks, activation: activation, border: padding)
    }

    /// Images of both domains, each turned into the other in a style that is drawn or taken from an image.
    public var plan: SystemPlan { twoDomainPlan(styles: .oneByOne) }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["channelsA": channelsA, "channelsB": channelsB])
      try Checks.content(networkPlan, imageSize: imageSize)
      try Checks.styleEncoder(
        downsamplings: styleDownsamplings, key: "styleDownsamplings", imageSize: imageSize,
        length: styleLength, mlpWidth: mlpWidth, mlpLayers: mlpLayers)
      try ScaledDiscriminator.validate(
        width: discriminatorWidth, layers: layers, scales: scales, imageSize: imageSize)
      try Checks.weights([
        "adversarial": weights.adversarial, "reconstruction": weights.reconstruction, "style": weights.style,
        "content": weights.content, "cycle": weights.cycle, "perceptual": weights.perceptual,
      ])
      try DomainInvariantLoss.validate(
        weight: weights.perceptual, channelsA: channelsA, channelsB: channelsB, imageSize: imageSize)
      try augmentation.validate(adversarialLoss.loss)
      try validateTraining()
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generatorA`, `generatorB`, `discriminatorA`, `discriminatorB`, and where configured the VGG of the
  /// perceptual loss.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generatorA: ContentStyleGenerator
  private let generatorB: ContentStyleGenerator
  private let discriminatorA: ScaledDiscriminator
  private let discriminatorB: ScaledDiscriminator
  private let perceptual: DomainInvariantLoss?
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the four networks and their two optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    func generator(_ channels: Int) -> ContentStyleGenerator {
      let network = ContentStyleGenerator(
        configuration.networkPlan, channels: channels, styleDownsamplings: configuration.styleDownsamplings,
        styleLength: configuration.styleLength, mlpWidth: configuration.mlpWidth,
        mlpLayers: configuration.mlpLayers, using: stream)
      initializeKaiming(network, using: stream)
      return network
    }
    func discriminator(_ channels: Int) -> ScaledDiscriminator {
      let network = ScaledDiscriminator(
        channels: channels, width: configuration.discriminatorWidth, layers: configuration.layers,
        scales: configuration.scales, norm: configuration.discriminatorNorm, border: configuration.padding,
        using: stream)
      initializeNarrow(network, using: stream)
      return network
    }
    generatorA = generator(configuration.channelsA)
    generatorB = generator(configuration.channelsB)
    discriminatorA = discriminator(configuration.channelsA)
    discriminatorB = discriminator(configuration.channelsB)
    generatorOptimizer = configuration.makeAdam(
      namedParameters(of: ["generatorA": generatorA, "generatorB": generatorB]))
    discriminatorOptimizer = configuration.makeAdam(
      namedParameters(of: ["discriminatorA": discriminatorA, "discriminatorB": discriminatorB]))
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    let perceptual = try DomainInvariantLoss(weight: configuration.weights.perceptual)
    self.perceptual = perceptual
    let names = ContentStyleGenerator.authorsNames(styleEncoder: "enc_style")
    func describe(_ name: String, _ generator: ContentStyleGenerator) -> Network {
      Network(name, generator, authorsNames: names) { _, inputs in
        let picture = try inputs.required("image")
        let (content, own) = (generator.content(of: picture), generator.style(of: picture))
        return [
          "content": content, "style": own.unsqueezed(-1).unsqueezed(-1),
          "image": generator.decode(content, style: try inputs.required("style")),
          "reconstruction": generator.decode(content, style: own),
        ]
      }
    }
    func describe(_ name: String, _ discriminator: ScaledDiscriminator) -> Network {
      Network(name, discriminator, authorsNames: discriminator.authorsNames, isForTraining: true) {
        _, inputs in
        try discriminator.outputs(inputs)
      }
    }
    networks =
      [
        describe("generatorA", generatorA), describe("generatorB", generatorB),
        describe("discriminatorA", discriminatorA), describe("discriminatorB", discriminatorB),
      ] + (perceptual.map { [$0.network] } ?? [])
  }

  /// One for both generators, one for both discriminators.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generators", generatorOptimizer), ("discriminators", discriminatorOptimizer)]
  }

  // MARK: Training

  /// One step: both discriminators on newly made images, then both generators.
  public func step(_ step: TrainingStep) throws {
    for optimizer in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = configuration.learningRate(atStep: step.index)
    }
    let batch = try step.batch()
    let (realA, realB) = (batch["A"], batch["B"])
    // The authors' order: for the discriminators' update a style of A and of B, then for the generators'.
    let drawn = step.draws.along(1).normal("style", [4, realA.shape[0], configuration.styleLength])
    let styles = (0..<4).map { drawn.selected(dim: 0, index: $0) }
    try updateDiscriminators(step, realA, realB, styleA: styles[0], styleB: styles[1])
    try updateGenerators(step, realA, realB, styleA: styles[2], styleB: styles[3])
    augment.endStep(step)
  }

  private func updateDiscriminators(
    _ step: TrainingStep, _ realA: Tensor, _ realB: Tensor, styleA: Tensor, styleB: Tensor
  ) throws {
    let fakes = withoutGradients {
      let (contentA, contentB) = (generatorA.content(of: realA), generatorB.content(of: realB))
      return (a: generatorA.decode(contentB, style: styleA), b: generatorB.decode(contentA, style: styleB))
    }
    try updateDiscriminators(
      step, discriminatorOptimizer, weight: configuration.weights.adversarial, fakes: fakes,
      reals: (realA, realB), scores: scores)
  }

  private func scores(_ images: Tensor, _ domain: Domain) -> [Tensor] {
    (domain == .a ? discriminatorA : discriminatorB)(images)
  }

  private func updateGenerators(
    _ step: TrainingStep, _ realA: Tensor, _ realB: Tensor, styleA: Tensor, styleB: Tensor
  ) throws {
    let weights = configuration.weights
    func adversarial(_ fake: Tensor, _ domain: Domain) -> Tensor {
      adversarialTerm(fake, domain, step, scores: scores)
    }
    let terms = try step.update(
      "generators", generatorOptimizer, freezing: [discriminatorA, discriminatorB]
    ) { loss in
      let (contentA, ownA) = (generatorA.content(of: realA), generatorA.style(of: realA))
      let (contentB, ownB) = (generatorB.content(of: realB), generatorB.style(of: realB))
      // Each within its domain, then each into the other.
      let returnedA = generatorA.decode(contentA, style: ownA)
      let returnedB = generatorB.decode(contentB, style: ownB)
      let fakeA = generatorA.decode(contentB, style: styleA)
      let fakeB = generatorB.decode(contentA, style: styleB)
      // What went in is found again.
      let (foundContentB, foundStyleA) = (generatorA.content(of: fakeA), generatorA.style(of: fakeA))
      let (foundContentA, foundStyleB) = (generatorB.content(of: fakeB), generatorB.style(of: fakeB))
      func add(_ name: String, _ value: Tensor, _ weight: Double) {
        loss.add(name, value, weight: weight, logsWeighted: false)
      }
      add("adversarialA", adversarial(fakeA, .a), weights.adversarial)
      add("adversarialB", adversarial(fakeB, .b), weights.adversarial)
      add("reconstructionA", meanAbsoluteError(returnedA, realA), weights.reconstruction)
      add("styleA", meanAbsoluteError(foundStyleA, styleA), weights.style)
      add("contentA", meanAbsoluteError(foundContentA, contentA), weights.content)
      add("reconstructionB", meanAbsoluteError(returnedB, realB), weights.reconstruction)
      add("styleB", meanAbsoluteError(foundStyleB, styleB), weights.style)
      add("contentB", meanAbsoluteError(foundContentB, contentB), weights.content)
      if weights.cycle > 0 {
        let cycledA = generatorA.decode(foundContentA, style: ownA)
        let cycledB = generatorB.decode(foundContentB, style: ownB)
        add("cycleA", meanAbsoluteError(cycledA, realA), weights.cycle)
        add("cycleB", meanAbsoluteError(cycledB, realB), weights.cycle)
      }
      if let perceptual {
        add("perceptualA", perceptual(fakeA, realB), weights.perceptual)
        add("perceptualB", perceptual(fakeB, realA), weights.perceptual)
      }
    }
    step.log("generator", terms.total)
  }

  // MARK: Generation

  /// Images of the other domain, each in a style of its own.
  public func exportedFunction(direction name: String?) throws -> ExportedFunction {
    let direction = try direction(named: name)
    let (source, target) = direction.source == "A" ? (generatorA, generatorB) : (generatorB, generatorA)
    let channels = direction.source == "A" ? configuration.channelsA : configuration.channelsB
    return .translation(
      direction, channels: channels, side: configuration.imageSize,
      with: [
        ExportedFunction.Input(
          "style", "a style of \(configuration.styleLength) numbers for each image, standard normal"
        ) { [length = configuration.styleLength] batch, _, stream in stream.normal([batch, length]) }
      ]
    ) { target.decode(source.content(of: $0[0]), style: $0[1]) }
  }

  /// A style from N(0, I), or the mean style of images of the other domain.
  public func styleCode(
    _ style: TranslationStyle, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    switch style {
    case .drawn: draws.normal("style", [1, configuration.styleLength])
    case .pictures(let given):
      (direction.target == "A" ? generatorA : generatorB).style(of: given).mean(dims: [0], keepDim: true)
    }
  }

  /// Images of the other domain in -1 … 1: the sources' content in a style.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, code: Tensor
  ) throws -> Tensor {
    let (source, target) = direction.source == "A" ? (generatorA, generatorB) : (generatorB, generatorA)
    return target.decode(
      source.content(of: pictures), style: code.expanded([pictures.shape[0], configuration.styleLength]))
  }
}
