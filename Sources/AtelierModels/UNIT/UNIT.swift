public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// UNIT: two kinds of images turned into each other through one latent space, learned without pairs.
///
/// Paper: Liu, Breuel and Kautz 2017, "Unsupervised Image-to-Image Translation Networks".
///
/// Each domain has a variational autoencoder; what ties them together is that a code of one, decoded by the
/// other, is to be taken for an image of that domain, to come back through it, and to have a code near
/// N(0, I) again. Two forms, by ``Configuration/model``:
///
/// - `independent`, the authors' later code, mingyuliutw/UNIT `networks.py` and `trainer.py`, branch master
///   (CC BY-NC-SA 4.0): no weights are shared.
/// - `weight-sharing`, the paper's model, the same repository's branch version_02, `COCOResGen2` and
///   `COCOSharedDis` of `src/trainers/cocogan_nets.py`: the layers around the code are common to both
/// domains,
///   and so are the last ones of the discriminator.
///
/// Each step updates the discriminators with one optimiser, then the generators with another. Noise from
/// N(0, I) is added to every code in training and to none in generation.
///
/// With `weights.perceptual` a translated image is also to show what the image it was made from shows
/// (`DomainInvariantLoss`, of the later code).
///
/// Deviations: in the weight-sharing model the two domains' batches pass one after the other, which
/// without batch norm gives the same numbers; its other discriminators (`COCODis`, `COCOMsDis`) and dropout
/// are left out.
public final class UNIT: TwoDomainSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "unit", summary: "Two kinds of images into each other through one latent space, without pairs",
    paper: "Liu et al., Unsupervised Image-to-Image Translation Networks, 2017",
    reference: "mingyuliutw/UNIT networks.py, trainer.py; version_02 src/trainers/cocogan_nets.py")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generatorA`, `generatorB`, `discriminatorA`, `discriminatorB`; with shared weights `generator` and
  /// `discriminator`; where configured the VGG of the perceptual loss.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let model: any SharedLatentModel
  private let perceptual: DomainInvariantLoss?
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the networks and their two optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let model: any SharedLatentModel =
      switch configuration.model {
      case .independent: IndependentModel(configuration, using: stream)
      case .weightSharing: WeightSharingModel(configuration, using: stream)
      }
    func parameters(_ networks: [Network]) -> [(name: String, tensor: Tensor)] {
      networks.flatMap { network in
        network.module.namedParameters().map { ("\(network.name).\($0.name)", $0.tensor) }
      }
    }
    self.model = model
    generatorOptimizer = configuration.makeAdam(parameters(model.generators))
    discriminatorOptimizer = configuration.makeAdam(parameters(model.discriminators))
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    let perceptual = try DomainInvariantLoss(weight: configuration.weights.perceptual)
    self.perceptual = perceptual
    networks = model.generators + model.discriminators + (perceptual.map { [$0.network] } ?? [])
  }

  /// One for the generators, one for the discriminators.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generators", generatorOptimizer), ("discriminators", discriminatorOptimizer)]
  }

  // MARK: Training

  /// One step: the discriminators on newly made images, then the generators.
  public func step(_ step: TrainingStep) throws {
    for optimizer in [generatorOptimizer, discriminatorOptimizer] {
      optimizer.learningRate = configuration.learningRate(atStep: step.index)
    }
    let batch = try step.batch()
    let (realA, realB) = (batch["A"], batch["B"])
    // The authors' order: for the discriminators' update the codes of A and B; for the generators' the same,
    // then the codes of the images translated to A and to B.
    let sides = realA.shape.suffix(2).map { $0 >> configuration.downsamplings }
    let drawn = step.draws.along(1).normal(
      "noise", [6, realA.shape[0], configuration.networkPlan.codeWidth] + sides)
    let noise = (0..<6).map { drawn.selected(dim: 0, index: $0) }
    try updateDiscriminators(step, realA, realB, noise: Array(noise[..<2]))
    try updateGenerators(step, realA, realB, noise: Array(noise[2...]))
    augment.endStep(step)
  }

  private func updateDiscriminators(
    _ step: TrainingStep, _ realA: Tensor, _ realB: Tensor, noise: [Tensor]
  ) throws {
    let fakes = withoutGradients {
      let codeA = model.encode(realA, .a) + noise[0]
      let codeB = model.encode(realB, .b) + noise[1]
      return (a: model.decode(codeB, .a), b: model.decode(codeA, .b))
    }
    try updateDiscriminators(
      step, discriminatorOptimizer, weight: configuration.weights.adversarial, fakes: fakes,
      reals: (realA, realB), scores: model.scores)
  }

  private func updateGenerators(
    _ step: TrainingStep, _ realA: Tensor, _ realB: Tensor, noise: [Tensor]
  ) throws {
    let weights = configuration.weights
    func adversarial(_ fake: Tensor, _ domain: Domain) -> Tensor {
      adversarialTerm(fake, domain, step, scores: model.scores)
    }
    let discriminators = model.discriminators.map(\.module)
    let terms = try step.update("generators", generatorOptimizer, freezing: discriminators) { loss in
      let (hiddenA, hiddenB) = (model.encode(realA, .a), model.encode(realB, .b))
      let (codeA, codeB) = (hiddenA + noise[0], hiddenB + noise[1])
      // Each within its domain, then each into the other, then the codes of what was generated.
      let (returnedA, returnedB) = (model.decode(codeA, .a), model.decode(codeB, .b))
      let (fakeA, fakeB) = (model.decode(codeB, .a), model.decode(codeA, .b))
      let (foundB, foundA) = (model.encode(fakeA, .a), model.encode(fakeB, .b))
      let (foundCodeB, foundCodeA) = (foundB + noise[2], foundA + noise[3])
      /// The paper's model takes the divergence of the noisy code, the later one of its mean.
      func divergence(_ hidden: Tensor, _ code: Tensor) -> Tensor {
        (configuration.model == .weightSharing ? code : hidden).square().mean()
      }
      func add(_ name: String, _ value: Tensor, _ weight: Double) {
        loss.add(name, value, weight: weight, logsWeighted: false)
      }
      add("adversarialA", adversarial(fakeA, .a), weights.adversarial)
      add("adversarialB", adversarial(fakeB, .b), weights.adversarial)
      add("reconstructionA", meanAbsoluteError(returnedA, realA), weights.reconstruction)
      add("klA", divergence(hiddenA, codeA), weights.kl)
      add("reconstructionB", meanAbsoluteError(returnedB, realB), weights.reconstruction)
      add("klB", divergence(hiddenB, codeB), weights.kl)
      if weights.cycle > 0 {
        let (cycledA, cycledB) = (model.decode(foundCodeA, .a), model.decode(foundCodeB, .b))
        add("cycleA", meanAbsoluteError(cycledA, realA), weights.cycle)
        add("cycleB", meanAbsoluteError(cycledB, realB), weights.cycle)
      }
      add("klCycleABA", divergence(foundA, foundCodeA), weights.klCycle)
      add("klCycleBAB", divergence(foundB, foundCodeB), weights.klCycle)
      if let perceptual {
        add("perceptualA", perceptual(fakeA, realB), weights.perceptual)
        add("perceptualB", perceptual(fakeB, realA), weights.perceptual)
      }
    }
    step.log("generator", terms.total)
  }

  // MARK: Generation

  /// Images of the other domain in -1 … 1, from codes without noise.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let (source, target): (Domain, Domain) = direction.source == "A" ? (.a, .b) : (.b, .a)
    return model.decode(model.encode(pictures, source), target)
  }
}

/// What both forms of UNIT can do; codes are `[batch, width · 2ⁿ, height / 2ⁿ, width / 2ⁿ]`.
protocol SharedLatentModel: AnyObject {
  /// The networks that the generators' optimiser changes.
  var generators: [Network] { get }
  /// The networks that the discriminators' optimiser changes.
  var discriminators: [Network] { get }
  /// The mean of an image's code, without noise.
  func encode(_ pictures: Tensor, _ domain: Domain) -> Tensor
  /// Images of a domain in -1 … 1.
  func decode(_ code: Tensor, _ domain: Domain) -> Tensor
  /// Raw scores by scale.
  func scores(_ pictures: Tensor, _ domain: Domain) -> [Tensor]
}

/// The authors' later form: a generator and a discriminator a domain.
private final class IndependentModel: SharedLatentModel {
  /// A domain's autoencoder. Source: mingyuliutw/UNIT `networks.py` `VAEGen`.
  private final class Generator: Module {
    let encoder: BlockChain
    let decoder: BlockChain

    init(_ plan: ContentPlan, channels: Int, using stream: RandomStream) {
      encoder = plan.encoder(channels: channels, using: stream)
      decoder = plan.decoder(channels: channels, residualNorm: .instance, using: stream)
      super.init()
    }
  }

  private let generatorA: Generator
  private let generatorB: Generator
  private let discriminatorA: ScaledDiscriminator
  private let discriminatorB: ScaledDiscriminator
  let generators: [Network]
  let discriminators: [Network]

  init(_ configuration: UNIT.Configuration, using stream: RandomStream) {
    func generator(_ channels: Int) -> Generator {
      let generator = Generator(configuration.networkPlan, channels: channels, using: stream)
      initializeKaiming(generator, using: stream)
      return generator
    }
    func discriminator(_ channels: Int) -> ScaledDiscriminator {
      let judge = ScaledDiscriminator(
        channels: channels, width: configuration.discriminatorWidth, layers: configuration.layers,
        scales: configuration.scales, norm: configuration.discriminatorNorm, border: configuration.padding,
        using: stream)
      initializeNarrow(judge, using: stream)
      return judge
    }
    func describe(_ name: String, _ generator: Generator) -> Network {
      Network(name, generator, authorsNames: KeyMap(["encoder": "enc", "decoder": "dec"])) { _, inputs in
        let hidden = generator.encoder(try inputs.required("image").channelsLast())
        return [
          "hidden": hidden, "image": generator.decoder(inputs["noise"].map { hidden + $0 } ?? hidden),
        ]
      }
    }
    func describe(_ name: String, _ judge: ScaledDiscriminator) -> Network {
      Network(name, judge, authorsNames: judge.authorsNames) { _, inputs in try judge.outputs(inputs) }
    }
    generatorA = generator(configuration.channelsA)
    generatorB = generator(configuration.channelsB)
    discriminatorA = discriminator(configuration.channelsA)
    discriminatorB = discriminator(configuration.channelsB)
    generators = [describe("generatorA", generatorA), describe("generatorB", generatorB)]
    discriminators = [
      describe("discriminatorA", discriminatorA), describe("discriminatorB", discriminatorB),
    ]
  }

  func encode(_ pictures: Tensor, _ domain: Domain) -> Tensor {
    (domain == .a ? generatorA : generatorB).encoder(pictures.channelsLast())
  }

  func decode(_ code: Tensor, _ domain: Domain) -> Tensor {
    (domain == .a ? generatorA : generatorB).decoder(code)
  }

  func scores(_ pictures: Tensor, _ domain: Domain) -> [Tensor] {
    (domain == .a ? discriminatorA : discriminatorB)(pictures)
  }
}
