public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The instance-conditioned GAN: the generator draws what lies near a given image in a space of features, so
/// that no labels are needed, and images never seen in training can be given.
///
/// Paper: Casanova, Careil, Verbeek, Drozdzal and Romero-Soriano 2021, "Instance-Conditioned GAN". Reference:
/// facebookresearch/ic_gan with the BigGAN backbone.
///
/// The real examples of a condition h(i) are the neighbours of instance i by cosine similarity, never i
/// itself; with classes, the label is the neighbour's. Generated images are conditioned on instances drawn
/// uniformly. Networks and round of updates are ``BigGAN``'s, with the instance's features beside the class
/// in every norm of the generator and in the discriminator's projection.
///
/// Deviations: those of ``BigGAN``; features come from a network that Atelier trains on the same images
/// (self-supervised, so that the unlabelled form leans on no labels; or a classifier), or from the caller, in
/// place of ResNet-50; instances are drawn uniformly (`instance_balance`), not by class.
public final class ICGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "ic-gan", summary: "GAN conditioned on the features of a picture; pictures like a given one",
    paper: "Casanova et al., Instance-Conditioned GAN, 2021",
    reference: "facebookresearch/ic_gan BigGAN_PyTorch, data_utils")

  /// The choices of an ic-gan.
  public struct Configuration: SystemConfiguration {
    /// Which networks.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// BigGAN's.
      case biggan
    }

    /// Which networks.
    public var model = Model.biggan
    /// Height and width of the pictures: 8, 16, 32, 64 or 128 times ``bottomWidth``.
    public var imageSize = 64
    /// Number of channels.
    public var imageChannels = 3
    /// The side of the generator's first map.
    public var bottomWidth = 4
    /// The base of the generator's widths.
    public var generatorChannels = 64
    /// The base of the discriminator's widths.
    public var discriminatorChannels = 64
    /// The length of a latent vector; a hierarchical one is cut down to a multiple of its chunks.
    public var latentSize = 120
    /// Whether a chunk of the latent enters each block.
    public var hierarchicalLatent = true
    /// The number of classes; without labels only the size of a table that the authors keep and never read.
    public var classes = 1000
    /// Whether class labels are a condition too.
    public var classConditional = false
    /// Whether instances are a condition.
    public var instanceConditional = true
    /// The length of an instance's features.
    public var featureSize = 2048
    /// The width to which the generator projects features; nil: none.
    public var sharedFeatureSize: Int? = 512
    /// Instances in a neighbourhood.
    public var neighbours = 50
    /// The number of instances, which the data decide; 0: not known yet.
    public var instances = 0
    /// Whether one table of classes serves all norms.
    public var sharedEmbedding = true
    /// The length of a row of the shared table; nil: that of the latent.
    public var sharedEmbeddingSize: Int? = 128
    /// Resolutions behind whose block the generator attends.
    public var generatorAttention = [32]
    /// Resolutions behind whose block the discriminator attends; at 32 pixels all its blocks count as 16.
    public var discriminatorAttention = [32]
    /// Whether a discriminator block is as wide inside as its output, else as its input.
    public var discriminatorWide = true
    /// Whether the generator's weights are normalised too.
    public var generatorSpectralNorm = true
    /// Whether each block of the generator is recomputed in the backward pass (gradient checkpointing),
    /// which takes less memory and more time.
    public var gradientCheckpointing = false
    /// Power iterations a pass.
    public var powerIterations = 1
    /// The smallest length that a singular vector is divided by.
    public var spectralNormEpsilon = 1e-6
    /// The epsilon of conditional batch norms.
    public var normEpsilon = 1e-5
    /// How weights start.
    public var initialization = BigGANInitialization.orthogonal
    /// The adversarial loss, one of raw scores.
    public var loss = AdversarialLoss.hinge
    /// The generator's learning rate.
    public var generatorLearningRate = 1e-4
    /// The discriminator's learning rate.
    public var discriminatorLearningRate = 1e-4
    /// Adam's β₁, the decay of the first moment.
    public var beta1 = 0.0
    /// Adam's β₂, the decay of the second moment.
    public var beta2 = 0.999
    /// Adam's ε.
    public var adamEpsilon = 1e-6
    /// Real images in a part of a discriminator's update, and generated ones in every part.
    public var batchSize = 256
    /// Updates of the discriminator for each of the generator.
    public var discriminatorSteps = 1
    /// Parts whose gradients are added before an update.
    public var gradientAccumulation = 1
    /// Whether the discriminator sees real and generated images in two passes.
    public var splitDiscriminatorBatch = false
    /// The strength of the generator's orthogonal regularisation.
    public var generatorOrthogonal = 0.0
    /// The strength of the discriminator's orthogonal regularisation.
    public var discriminatorOrthogonal = 0.0
    /// How much of the generator's moving average is kept at a step.
    public var averageDecay = 0.9999
    /// The step, counted from 1, below which the average is a copy.
    public var averageStart = 20_000
    /// Batches from which the norms' statistics are estimated before images are drawn; 0: running averages.
    public var standingStatistics = 0
    /// Changes of the images that the discriminator sees.
    public var diffAugment: [DiffAugment.Change] = []
    /// ADA's target for the mean sign of real scores; 0 turns the adaptation off: images are always changed.
    public var augmentationTarget = 0.0
    /// ADA's ramp: real images over which the probability of a change can rise from 0 to 1.
    public var augmentationRamp = 500_000.0
    /// Where features come from.
    public var featureSource = InstanceFeatureSource.selfSupervised
    /// How often the network that gives the features sees each image.
    public var featureEpochs = 20.0
    /// Whether real images and, apart from them, instances are mirrored half of the time.
    public var mirrors = true
    /// Instances that generation draws from, the nearest to as many k-means centres; 0: all.
    public var selectedInstances = 1000

    /// The authors' ImageNet recipe for 64×64.
    public init() {}

    /// The authors' recipes and a small one.
    public static var presets: [Preset<Configuration>] {
      var large = Configuration()
      large.imageSize = 128
      large.generatorChannels = 96
      large.discriminatorChannels = 96
      large.generatorAttention = [64]
      large.discriminatorAttention = [64]
      large.batchSize = 2048
      large.generatorLearningRate = 4e-5
      var classes = large
      classes.classConditional = true
      classes.featureSource = .classifier
      var coco = large
      coco.generatorChannels = 48
      coco.discriminatorChannels = 48
      coco.batchSize = 256
      coco.generatorLearningRate = 1e-4
      coco.discriminatorLearningRate = 4e-4
      coco.neighbours = 5
      coco.diffAugment = [.translation]
      return [
        Preset("imagenet-64", "the paper's ImageNet at 64×64", Configuration()),
        Preset("imagenet-128", "the paper's ImageNet at 128×128", large),
        Preset("imagenet-128-classes", "the same with class labels", classes),
        Preset("coco-128", "the paper's COCO-Stuff at 128×128", coco),
        Preset("small", "narrow networks for 32×32 pictures, minutes on two cores", small),
        Preset("small-classes", "the small one with class labels", smallWithClasses),
      ]
    }

    private static var small: Configuration {
      var small = Configuration()
      small.imageSize = 32
      small.generatorChannels = 12
      small.discriminatorChannels = 12
      small.latentSize = 64
      small.classes = 1
      small.featureSize = 128
      small.sharedFeatureSize = 48
      small.sharedEmbeddingSize = 32
      small.neighbours = 10
      small.generatorAttention = [16]
      small.discriminatorAttention = []
      small.generatorLearningRate = 4e-4
      small.discriminatorLearningRate = 4e-4
      small.batchSize = 32
      small.averageDecay = 0.995
      small.averageStart = 200
      small.standingStatistics = 8
      small.diffAugment = [.translation]
      small.selectedInstances = 500
      return small
    }

    private static var smallWithClasses: Configuration {
      var configuration = small
      configuration.classConditional = true
      configuration.classes = 10
      configuration.featureSource = .classifier
      return configuration
    }

    /// Images of the neighbourhoods of instances, of classes, or of both.
    public var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: imageChannels, size: imageSize,
        latent: LatentDecoding(
          size: effectiveLatentSize, distribution: .normal, classes: classConditional ? classes : nil),
        batchSize: batchSize)
      guard instanceConditional else { return plan }
      let features = FieldKind.features(size: featureSize)
      plan.stages[0].data?.fields.insert(Field("features", features), at: 1)
      plan.conditions.append(
        Condition(
          "features", .field(features), from: .data, help: "features of the instance that outputs resemble"))
      plan.components.append(
        InstancePlan(
          purpose: .neighbourhoods(size: neighbours), source: featureSource, featureSize: featureSize,
          selected: selectedInstances, mirrors: mirrors, epochs: featureEpochs))
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateBigGAN()
      try AdversarialChecks.positive(["featureSize": featureSize, "neighbours": neighbours])
      try AdversarialChecks.require(
        sharedFeatureSize ?? 1 >= 1, "sharedFeatureSize is at least 1, or null for no projection")
      try AdversarialChecks.require(
        instanceConditional || classConditional,
        "ic-gan needs a condition; set instanceConditional or classConditional to true")
      try AdversarialChecks.require(
        sharedEmbedding, "ic-gan joins class and instance in one vector; leave sharedEmbedding at true")
      try AdversarialChecks.require(
        instances >= 0 && selectedInstances >= 0, "instances and selectedInstances are at least 0")
      try AdversarialChecks.require(
        instances == 0 || neighbours < instances,
        "neighbours is below the number of instances, an instance itself not counted; there are "
          + "\(instances), so \(neighbours) is too many")
      try AdversarialChecks.require(featureEpochs > 0, "featureEpochs is above 0, not \(featureEpochs)")
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// The instances; nil without an artefact, when conditions themselves are drawn.
  public let table: InstanceTable?
  private let players: BigGANPlayers<Configuration>

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work, and for a table of instances
  /// whose
  ///   features have another length.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    table = configuration.instanceConditional ? try InstanceTable(artefacts) : nil
    if let table, table.featureSize != configuration.featureSize {
      throw ConfigurationError(
        "the table of instances has features of length \(table.featureSize), and featureSize is "
          + "\(configuration.featureSize)")
    }
    players = try BigGANPlayers(configuration, using: stream)
    networks = players.networks
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", players.generatorOptimizer), ("discriminator", players.discriminatorOptimizer)]
  }

  /// The generator's moving average, buffers included, as the authors keep it.
  public var averages: [(network: String, average: MovingAverage)] { [("generator", players.average)] }

  /// Takes over the data's channels, its count and, where labels are a condition, their number.
  ///
  /// - Throws: ``ConfigurationError`` for data without the labels that are asked for, and for fewer images
  ///   than a neighbourhood needs.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    if configuration.classConditional || configuration.featureSource == .classifier {
      let classes = try data.description.requiredClasses(for: identity)
      if configuration.classConditional { configuration.classes = classes }
    }
    configuration.instances = data.description.count
    configuration.selectedInstances = min(configuration.selectedInstances, data.description.count)
    try configuration.validate()
    return configuration
  }

  /// Discriminator augmentation.
  public var augment: DiscriminatorAugmentation { players.augment }

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    let (count, size) = (players.conditionsPerStep, configuration.batchSize)
    let drawn = conditions(step.draws, [count, size])
    try players.round(
      step,
      conditions: (0..<count).map { place in
        BigGANCondition(
          label: drawn.label?.selected(dim: 0, index: place),
          features: drawn.features?.selected(dim: 0, index: place))
      })
  }

  /// Conditions of generated pictures: features of instances drawn uniformly, and the class of a neighbour.
  ///
  /// A system without a table (in a reference case) draws the features themselves.
  private func conditions(_ draws: any Draws, _ shape: [Int]) -> BigGANCondition {
    guard let table else {
      return BigGANCondition(
        label: configuration.classConditional
          ? draws.integers("fakeLabel", below: configuration.classes, shape) : nil,
        features: configuration.instanceConditional
          ? draws.normal("fakeFeatures", shape + [configuration.featureSize]) : nil)
    }
    let instance = draws.integers("instance", below: table.count, shape).flattened(from: 0)
    let neighbour = draws.integers("neighbour", below: configuration.neighbours, shape).flattened(from: 0)
    let device = instance.device
    let chosen = table.conditions(instance: instance.to(.cpu), neighbour: neighbour.to(.cpu))
    return BigGANCondition(
      label: configuration.classConditional ? chosen.label.to(device).reshaped(shape) : nil,
      features: chosen.features.to(device).reshaped(shape + [configuration.featureSize]))
  }

  /// How many parameters the networks have, the table of classes that is never read left out.
  package static func parameterCounts(
    _ configuration: Configuration
  ) throws -> (generator: Int, discriminator: Int) {
    try bigGANParameterCounts(configuration)
  }

  // MARK: Generation

  /// Images for given instances, or for instances drawn from those that were selected.
  ///
  /// `inputs["features"]` `[n, features]` are instances' features, of any length of vector, also of images
  /// that were never trained on; with several, outputs take them in turn. Classes may be other than the
  /// instances' own. Without given features, an instance's class is that of one of its neighbours unless
  /// classes are asked for.
  ///
  /// - Throws: ``ConfigurationError`` for features of another length or numbers that are not finite.
  public func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    let given = try request.inputs["features"].map(checked)
    let draws = StreamDraws(RandomStream(seed: 0, purpose: "standing statistics"))
    try players.drawing(
      draws: draws, conditions: { self.conditions(draws, [self.configuration.batchSize]) },
      {
        let latents = try latents(for: request)
        let total = latents.shape[0]
        let labels = try labels(for: request, count: total).map { Tensor($0, device: latents.device) }
        let condition = generationConditions(total, given, labels, request.draws)
        for start in stride(from: 0, to: total, by: 100) {
          let end = min(start + 100, total)
          let part = BigGANCondition(
            label: condition.label?.slice(0, start, end), features: condition.features?.slice(0, start, end))
          try emit(.images(players.generator(latents.slice(0, start, end), part)))
        }
      })
  }

  /// Images in -1 … 1 for latents, of instances that are drawn with a seed of their own: latents and classes
  /// alone do not say which.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let draws = StreamDraws(RandomStream(seed: 0, purpose: "instances"), device: latents.device)
    return players.generator(latents, generationConditions(latents.shape[0], nil, labels, draws))
  }

  private func checked(_ features: Tensor) throws(ConfigurationError) -> Tensor {
    guard configuration.instanceConditional else {
      throw ConfigurationError("this ic-gan is conditioned on classes only; leave the instance out")
    }
    guard features.rank == 2, features.shape[0] >= 1, features.shape[1] == configuration.featureSize else {
      throw ConfigurationError(
        "an instance has features of the shape [n, \(configuration.featureSize)], not \(features.shape); "
          + "take them from the network that this model was trained with")
    }
    guard features.isFinite() else {
      throw ConfigurationError("the instance's features hold numbers that are not finite")
    }
    return InstanceTable.unit(features)
  }

  private func generationConditions(
    _ count: Int, _ given: Tensor?, _ labels: Tensor?, _ draws: any Draws
  ) -> BigGANCondition {
    if let given {
      let turns = Tensor((0..<count).map { $0 % given.shape[0] }, device: given.device)
      return BigGANCondition(label: labels, features: given.indexSelected(0, turns))
    }
    guard let table else {
      let drawn = conditions(draws, [count])
      return BigGANCondition(label: labels ?? drawn.label, features: drawn.features.map(InstanceTable.unit))
    }
    let places = draws.integers("instance", below: table.selected.count, [count])
    let features = table.features.indexSelected(0, table.selected.indexSelected(0, places.to(.cpu)))
    return BigGANCondition(label: labels, features: features.to(places.device))
  }
}

extension ICGAN.Configuration: BigGANConfiguration {
  /// Never.
  var isDeep: Bool { false }
  /// One, as in BigGAN.
  var generatorDepth: Int { 1 }
  /// One, as in BigGAN.
  var discriminatorDepth: Int { 1 }
  /// The features' length where instances are a condition.
  var instanceFeatureSize: Int? { instanceConditional ? featureSize : nil }
}
