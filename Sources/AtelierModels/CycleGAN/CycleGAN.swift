public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// CycleGAN: two kinds of images turned into each other, learned without pairs.
///
/// Paper: Zhu, Park, Isola and Efros 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent
/// Adversarial Networks".
///
/// Reference: junyanz/pytorch-CycleGAN-and-pix2pix `models/cycle_gan_model.py` and `models/networks.py`
/// (BSD-2-Clause).
///
/// Both generators learn first, with one optimiser: each is to be taken for real, to be undone by the other
/// (cycle), and to leave images of its own target domain as they are (identity). Then both discriminators
/// learn, with one optimiser, on real images and on generated ones, some of them of earlier steps
/// (`ImagePool`). Networks are called by what they do: `generatorAB` is the authors' `netG_A`,
/// `discriminatorB`, which judges images of domain B, their `netD_A`.
///
/// Deviations: the terms are differentiated one after the other, which needs less memory and adds up the same
/// gradient; learning rates decay by passes over the data, begun where the authors' first version did. Off in
/// the reference configuration: U-Nets of fewer than 5 levels, ResNet generators of other depths than 2
/// halvings, or that repeat pixels (`upsampling`, which the `small` presets set), ``DiffAugment``.
public final class CycleGAN: TranslatingSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "cyclegan", summary: "Two kinds of images into each other, learned without pairs",
    paper:
      "Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, 2017",
    reference: "junyanz/pytorch-CycleGAN-and-pix2pix models/cycle_gan_model.py",
    suits: [.unpairedImages])

  /// The choices of a cyclegan.
  public struct Configuration: TranslatorConfiguration, AugmentedConfiguration, AdamConfiguration,
    CroppedConfiguration, EpochDecayConfiguration
  {
    /// Factors of the generators' loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the mean absolute difference between an image and what came back, both ways.
      public var cycle = 10.0
      /// Of the identity loss, on top of `cycle`; 0 leaves it out.
      public var identity = 0.5

      /// The authors'.
      public init() {}
    }

    /// The generators, and the images.
    public var translator = TranslatorNetworks(
      generator: .resnet, downsamplings: 2, norm: .instance, dropout: false)
    /// The discriminators.
    public var discriminators = TranslatorDiscriminators()
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.lsgan
    /// Factors of the generators' loss terms.
    public var weights = Weights()
    /// Earlier images that each discriminator may see again; 0: none.
    public var poolSize = 50
    /// Discriminator augmentation.
    public var augmentation = AugmentationSettings()
    /// Random crop and flip; without `loadSize`: 286 for 256, and so on.
    public var crop = CropAndFlip()
    /// The learning rate of both optimisers at first.
    public var learningRate = 2e-4
    /// How the learning rates fall.
    public var decay = EpochDecay(constantEpochs: 100, decayEpochs: 100)
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Images of each domain in a batch.
    public var batchSize = 1

    /// The authors' options as they come.
    public init() {}

    /// The paper's sizes, and one that two processor cores can train.
    public static var presets: [Preset<Configuration>] {
      var objects = Configuration()
      objects.weights.identity = 0
      var middle = Configuration()
      middle.imageSize = 128
      middle.blocks = 6
      var small = Configuration()
      small.imageSize = 64
      small.width = 24
      // A second halving leaves 16 pixels a side, and images blurred.
      small.downsamplings = 1
      small.blocks = 4
      small.upsampling = .resized
      small.discriminatorWidth = 32
      small.layers = 2
      small.decayEpochs = 0
      var small128 = small
      small128.imageSize = 128
      small128.downsamplings = 2
      small128.blocks = 6
      return [
        Preset("photo2painting", "the paper's photographs and paintings at 256×256, with identity", .init()),
        Preset("horse2zebra", "the paper's object transfiguration at 256×256, without identity", objects),
        Preset("paper-128", "the paper's generator with 6 blocks for 128×128", middle),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
        Preset("small-128", "128×128 with narrow networks, hours on two cores", small128),
      ]
    }

    /// Images of two domains without correspondence, each turned into the other.
    public var plan: SystemPlan {
      let multiple = generatorPlan.sizeMultiple
      return .translation(
        fields("A", "B"), UnpairedImages("A", "B"), changes: jitter,
        [
          TranslationDirection("A-to-B", source: "A", target: "B", sizeMultiple: multiple),
          TranslationDirection("B-to-A", source: "B", target: "A", sizeMultiple: multiple),
        ], batchSize: batchSize)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateNetworks()
      try Checks.weights(["cycle": weights.cycle, "identity": weights.identity])
      try Checks.require(
        weights.identity == 0 || translator.inputChannels == translator.outputChannels,
        "the identity loss needs as many inputChannels (\(translator.inputChannels)) as outputChannels "
          + "(\(translator.outputChannels)); set weights.identity to 0")
      try Checks.require(poolSize >= 0, "poolSize is at least 0, not \(poolSize)")
      try validateTraining()
      try augmentation.validate(adversarialLoss.loss, regularizing: .scores)
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generatorAB`, `generatorBA`, `discriminatorA`, `discriminatorB`.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generatorAB: any Layer
  private let generatorBA: any Layer
  private let discriminatorA: any Layer
  private let discriminatorB: any Layer
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let poolA: ImagePool
  private let poolB: ImagePool

  /// Builds the four networks and their two optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let (channelsA, channelsB) = (configuration.inputChannels, configuration.outputChannels)
    generatorAB = configuration.generatorPlan.make(channelsA, channelsB, using: stream)
    generatorBA = configuration.generatorPlan.make(channelsB, channelsA, using: stream)
    discriminatorA = configuration.discriminatorPlan.make(channelsA, using: stream)
    discriminatorB = configuration.discriminatorPlan.make(channelsB, using: stream)
    generatorOptimizer = configuration.makeAdam(
      namedParameters(of: ["generatorAB": generatorAB, "generatorBA": generatorBA]))
    discriminatorOptimizer = configuration.makeAdam(
      namedParameters(of: ["discriminatorA": discriminatorA, "discriminatorB": discriminatorB]))
    poolA = ImagePool("poolA", capacity: configuration.poolSize)
    poolB = ImagePool("poolB", capacity: configuration.poolSize)
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    func network(_ name: String, _ layer: any Layer, _ output: String) -> Network {
      Network(name, layer, isForTraining: output == "logits") { _, inputs in
        [output: layer(try inputs.required("image"))]
      }
    }
    networks = [
      network("generatorAB", generatorAB, "image"), network("generatorBA", generatorBA, "image"),
      network("discriminatorA", discriminatorA, "logits"),
      network("discriminatorB", discriminatorB, "logits"),
    ]
  }

  /// One for both generators, one for both discriminators.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generators", generatorOptimizer), ("discriminators", discriminatorOptimizer)]
  }

  /// The pools, as far as they are filled, and the adaptive augmentation.
  public func carriedState() -> [(name: String, tensor: HostTensor)] {
    poolA.state() + poolB.state() + augment.state
  }

  /// Puts back the pools and the augmentation.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    try augment.restore(state.filter { !["poolA", "poolB"].contains($0.name) })
    let device = generatorAB.parameters().first?.device ?? .cpu
    let table = Dictionary(state.map { ($0.name, $0.tensor) }) { first, _ in first }
    try poolA.restore(table["poolA"], channels: configuration.inputChannels, device: device)
    try poolB.restore(table["poolB"], channels: configuration.outputChannels, device: device)
  }

  // MARK: Training

  /// One step: both generators, then both discriminators on the images made before that update.
  public func step(_ step: TrainingStep) throws {
    for optimizer in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = configuration.learningRate(atEpoch: step.epoch)
    }
    let (weights, objective) = (configuration.weights, configuration.adversarialLoss.loss)
    let batch = try step.batch()
    let (realA, realB) = (batch["A"], batch["B"])
    func scores(_ discriminator: any Layer, _ images: Tensor, _ name: String) -> Tensor {
      discriminator(augment(images, draws: step.draws, name: "diffAugment.\(name)"))
    }

    let (terms, (fakeA, fakeB)) = try step.update(
      "generators", generatorOptimizer, freezing: [discriminatorA, discriminatorB]
    ) { loss in
      let fakeB = generatorAB(realA)
      let cycledA = generatorBA(fakeB)
      loss.add("adversarialAB", objective.generator(scores(discriminatorB, fakeB, "generatorAB")))
      loss.add("cycleA", meanAbsoluteError(cycledA, realA), weight: weights.cycle)
      loss.backward()

      let fakeA = generatorBA(realB)
      let cycledB = generatorAB(fakeA)
      loss.add("adversarialBA", objective.generator(scores(discriminatorA, fakeA, "generatorBA")))
      loss.add("cycleB", meanAbsoluteError(cycledB, realB), weight: weights.cycle)
      loss.backward()

      if weights.identity > 0 {
        let weight = weights.cycle * weights.identity
        loss.add("identityB", meanAbsoluteError(generatorAB(realB), realB), weight: weight)
        loss.backward()
        loss.add("identityA", meanAbsoluteError(generatorBA(realA), realA), weight: weight)
      } else {
        for name in ["identityB", "identityA"] { step.log(name, Tensor(scalar: 0, device: realA.device)) }
      }
      return (fakeA.detached(), fakeB.detached())
    }
    step.log("generator", terms.total)

    let shownB = poolB.exchanged(fakeB, draws: step.draws)
    let shownA = poolA.exchanged(fakeA, draws: step.draws)
    let discriminatorTerms = try step.update("discriminators", discriminatorOptimizer) { loss in
      for (name, discriminator, real, fake) in [
        ("B", discriminatorB, realB, shownB), ("A", discriminatorA, realA, shownA),
      ] {
        let realScores = scores(discriminator, real, "real\(name)")
        augment.observe(realScores: realScores)
        let realLoss = objective.real(realScores) * 0.5
        loss.add(realLoss)
        if !augment.regularization.takesScoresTogether { loss.backward() }
        let fakeScores = scores(discriminator, fake, "fake\(name)")
        let fakeLoss = objective.fake(fakeScores) * 0.5
        loss.add(fakeLoss)
        augment.regularization.add(
          to: &loss, step, part: name, real: real, scores: (realScores, fakeScores)
        ) { discriminator($0) }
        loss.backward()
        step.log("discriminator\(name)", realLoss.detached() + fakeLoss.detached())
      }
    }
    step.log("discriminator", discriminatorTerms.total)
    augment.endStep(step)
  }

  // MARK: Generation

  /// Images of the other domain in -1 … 1. As in the authors' `test.py` dropout and batch norms, where
  /// configured, are as in training; instance norms know no difference.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let generator = direction.source == "A" ? generatorAB : generatorBA
    return testing(generator, dropout: true, batchStatistics: true) {
      withDraws(draws) { generator(pictures) }
    }
  }
}
