public import AtelierCore
import AtelierData
import Torch
import TorchNN

/// The keys that ``UNIT`` and ``MUNIT`` share.
public protocol TwoDomainConfiguration: AdamConfiguration, CroppedConfiguration, StepDecayConfiguration {
  /// Channels of images of domain A.
  var channelsA: Int { get }
  /// Channels of images of domain B.
  var channelsB: Int { get }
  /// Height and width of training images.
  var imageSize: Int { get }
  /// The adversarial loss.
  var adversarialLoss: AdversarialMode { get }
  /// Halvings of the generators' encoders.
  var downsamplings: Int { get }
  /// The learning rate of both optimisers at first.
  var learningRate: Double { get }
  /// The factor of the L2 term that is added to gradients.
  var weightDecay: Double { get }
}

extension TwoDomainConfiguration {
  /// Images of both domains without correspondence, each turned into the other.
  public var plan: SystemPlan { twoDomainPlan(styles: nil) }

  /// ``plan``, with styles where outputs depend on one.
  func twoDomainPlan(styles: StyleImages?) -> SystemPlan {
    func field(_ name: String, _ channels: Int) -> Field {
      Field(name, .image(channels: channels, height: imageSize, width: imageSize, range: .signed))
    }
    let multiple = 1 << downsamplings
    return .translation(
      [field("A", channelsA), field("B", channelsB)], UnpairedImages("A", "B"),
      changes: JointAugmentation(resizeTo: crop.loadSize, flips: crop.flips),
      [
        TranslationDirection("A-to-B", source: "A", target: "B", sizeMultiple: multiple),
        TranslationDirection("B-to-A", source: "B", target: "A", sizeMultiple: multiple),
      ], styles: styles, batchSize: batchSize)
  }

  /// The optimiser of some parameters.
  func makeAdam(_ parameters: [(name: String, tensor: Tensor)]) -> Optimizer {
    adam.optimizer(parameters, learningRate: learningRate, weightDecay: weightDecay)
  }

  /// The learning rate of a step.
  func learningRate(atStep index: Int) -> Double {
    steppedRate(learningRate, every: decay.decaySteps, factor: decay.decayFactor, at: index)
  }

  /// Checks the values of training.
  func validateTraining() throws(ConfigurationError) {
    try adam.validate(["learningRate": learningRate])
    try Checks.positive(["batchSize": batchSize])
    try Checks.notNegative(["weightDecay": weightDecay])
    try decay.validate()
    try crop.validate(imageSize: imageSize)
  }
}

/// A system that turns two kinds of images into each other, learned without pairs.
///
/// How many channels images have is a choice, and data are brought to it.
public protocol TwoDomainSystem: TranslatingSystem where Configuration: TwoDomainConfiguration {}

/// The two kinds of images.
enum Domain: String, CaseIterable {
  case a = "A"
  case b = "B"
}

/// A learning rate that is multiplied by a factor every so many steps; 0 steps: never.
func steppedRate(_ rate: Double, every steps: Int, factor: Double, at index: Int) -> Double {
  steps > 0 ? Schedule.step(every: steps, factor: factor).learningRate(base: rate, at: index) : rate
}

extension TwoDomainSystem where Self: AugmentedSystem {
  /// The discriminators' update of UNIT and MUNIT, domain by domain.
  ///
  /// - Parameters:
  ///   - fakes: made images of both domains, without gradients.
  ///   - scores: what the discriminator of a domain says of images, by scale.
  func updateDiscriminators(
    _ step: TrainingStep, _ optimizer: Optimizer, weight: Double, fakes: (a: Tensor, b: Tensor),
    reals: (a: Tensor, b: Tensor), scores: (Tensor, Domain) -> [Tensor]
  ) throws {
    let objective = configuration.adversarialLoss.loss
    func seen(_ images: Tensor, _ kind: String, _ domain: Domain) -> Tensor {
      augment(images, draws: step.draws, name: "diffAugment.\(kind)\(domain.rawValue)")
    }
    let terms = try step.update("discriminators", optimizer) { loss in
      for (domain, fake, real) in [(Domain.a, fakes.a, reals.a), (.b, fakes.b, reals.b)] {
        // Generated images first: it matters where a norm keeps statistics.
        let fakeScores = scores(seen(fake, "fake", domain), domain)
        let realScores = scores(seen(real, "real", domain), domain)
        augment.observe(realScores: realScores)
        loss.add(
          "discriminator\(domain.rawValue)",
          fakeScores.summed(objective.fake) + realScores.summed(objective.real), weight: weight,
          logsWeighted: false)
        loss.backward()
      }
    }
    step.log("discriminator", terms.total)
  }

  /// The generators' adversarial term in a domain, unweighted.
  func adversarialTerm(
    _ fake: Tensor, _ domain: Domain, _ step: TrainingStep, scores: (Tensor, Domain) -> [Tensor]
  ) -> Tensor {
    let seen = augment(fake, draws: step.draws, name: "diffAugment.generator\(domain.rawValue)")
    return scores(seen, domain).summed(configuration.adversarialLoss.loss.generator)
  }
}

extension ImportingSystem where Self: TwoDomainSystem {
  /// Both domains of the files of UNIT's and MUNIT's authors: `gen_*.pt` and `dis_*.pt` hold the networks of
  /// the domains below the keys `a` and `b`.
  ///
  /// - Parameters:
  ///   - encoder: what the files call the encoder of contents.
  ///   - style: further keys that a generator tells.
  static func recogniseDomains(
    _ files: [ForeignWeights], encoder: String,
    style: (ForeignTensors) throws -> [String: ConfigurationValue] = { _ in [:] }
  ) throws -> ForeignModel {
    func holders(of prefix: String, _ key: String) -> ForeignTensors? {
      let found = files.filter { $0.tensors.contains { $0.name.hasPrefix("\(key).\(prefix).") } }
      return found.isEmpty ? nil : ForeignTensors(found, below: key)
    }
    var model = ForeignModel()
    for (key, domain) in [("a", "A"), ("b", "B")] {
      if let generator = holders(of: encoder, key) {
        let (channels, keys) = try ContentPlan.keys(of: generator, encoder: encoder)
        try model.fill("generator" + domain, with: generator)
        try model.tell(["channels" + domain: .integer(channels)], from: generator)
        try model.tell(keys, from: generator)
        try model.tell(style(generator), from: generator)
      }
      if let discriminator = holders(of: "cnns", key) {
        let (channels, keys) = try ScaledDiscriminator.keys(of: discriminator)
        try model.fill("discriminator" + domain, with: discriminator)
        try model.tell(["channels" + domain: .integer(channels)], from: discriminator)
        try model.tell(keys, from: discriminator)
      }
    }
    guard !model.networks.isEmpty else {
      throw ConfigurationError(
        "the files hold no networks of \(identity.name): expected are the keys 'a' and 'b' of gen_*.pt or "
          + "dis_*.pt")
    }
    return model
  }
}
