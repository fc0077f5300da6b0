public import AtelierCore
import AtelierData
import Torch
import TorchNN

/// The keys that ``UNIT`` and ``MUNIT`` share.
public protocol TwoDomainConfiguration: SystemConfiguration {
  /// Channels of images of domain A.
  var channelsA: Int { get }
  /// Channels of images of domain B.
  var channelsB: Int { get }
  /// Height and width of training images.
  var imageSize: Int { get }
  /// Halvings of the generators' encoders.
  var downsamplings: Int { get }
  /// Size before the random crop; nil: no larger than wanted.
  var loadSize: Int? { get }
  /// Whether images are flipped horizontally half of the time.
  var flips: Bool { get }
  /// The learning rate of both optimisers at first.
  var learningRate: Double { get }
  /// Steps after which it is multiplied by `decayFactor`, again and again; 0: never.
  var decaySteps: Int { get }
  /// The factor.
  var decayFactor: Double { get }
  /// Adam's β₁, the decay of the first moment.
  var beta1: Double { get }
  /// Adam's β₂, the decay of the second moment.
  var beta2: Double { get }
  /// Adam's ε.
  var adamEpsilon: Double { get }
  /// The factor of the L2 term that is added to gradients.
  var weightDecay: Double { get }
}

extension TwoDomainConfiguration {
  /// Images of both domains without correspondence, each turned into the other.
  public var plan: SystemPlan { twoDomainPlan(styles: nil) }

  /// ``plan``, with styles where outputs depend on one.
  func twoDomainPlan(styles: StylePictures?) -> SystemPlan {
    func field(_ name: String, _ channels: Int) -> Field {
      Field(name, .image(channels: channels, height: imageSize, width: imageSize, range: .signed))
    }
    let multiple = 1 << downsamplings
    return .translation(
      [field("A", channelsA), field("B", channelsB)], UnpairedImages("A", "B"),
      changes: JointAugmentation(resizeTo: loadSize, flips: flips),
      [
        TranslationDirection("A-to-B", source: "A", target: "B", sizeMultiple: multiple),
        TranslationDirection("B-to-A", source: "B", target: "A", sizeMultiple: multiple),
      ], styles: styles, batchSize: batchSize)
  }

  /// The optimiser of some parameters.
  func makeAdam(_ parameters: [(name: String, tensor: Tensor)]) -> Adam {
    Adam(
      parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: adamEpsilon,
      weightDecay: weightDecay)
  }

  /// The learning rate of a step.
  func learningRate(atStep index: Int) -> Double {
    steppedRate(learningRate, every: decaySteps, factor: decayFactor, at: index)
  }

  /// Checks the values of training.
  func validateTraining() throws(ConfigurationError) {
    try AdversarialChecks.adam(
      learningRate: learningRate, beta1: beta1, beta2: beta2, adamEpsilon: adamEpsilon)
    try UnpairedChecks.training(
      weightDecay: weightDecay, decaySteps: decaySteps, decayFactor: decayFactor, batchSize: batchSize,
      loadSize: loadSize, imageSize: imageSize)
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
