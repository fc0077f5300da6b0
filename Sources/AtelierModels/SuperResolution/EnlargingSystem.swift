public import AtelierCore
public import AtelierData
import Torch
import TorchNN

/// The generator of a system of super-resolution.
public struct EnlargingNetwork: ConfigurationFragment {
  /// The form of the generator.
  public var generator = EnlargingGenerator.msrresnet
  /// Channels of the generator's maps.
  public var width = 64
  /// The generator's residual blocks.
  public var blocks = 16
  /// Channels that each dense convolution adds (`rrdb` only).
  public var growth = 32
  /// The scale factor.
  public var scale = 4
  /// Whether a network for a scale below 4 folds its input, as BasicSR's does; otherwise it doubles less often, as
  /// the first ESRGAN's (`rrdb` only).
  public var foldsInput = true
  /// Channels of small images.
  public var inputChannels = 3
  /// Channels of large images.
  public var outputChannels = 3

  /// BasicSR's MSRResNet ×4.
  public init() {}

  var plan: EnlargingGeneratorPlan {
    EnlargingGeneratorPlan(
      kind: generator, inputChannels: inputChannels, outputChannels: outputChannels, width: width,
      blocks: blocks, growth: growth, scale: scale, foldsInput: foldsInput)
  }
}

/// How a system of super-resolution compares its images with the true ones.
public struct EnlargingLosses: ConfigurationFragment {
  /// How values are compared.
  public var pixelLoss = PixelLoss.l1
  /// The network whose features a perceptual loss compares.
  public var features = FeatureNetwork.vgg19
  /// Layers of that network and their factors; empty: no perceptual loss.
  public var perceptualLayers: [String: Double]
  /// How features are compared.
  public var perceptualCriterion = PerceptualCriterion.l1

  /// BasicSR's, with features of the given layers.
  public init(perceptualLayers: [String: Double]) { self.perceptualLayers = perceptualLayers }
}

/// The keys that all systems of super-resolution have, and what follows from them; those of ``network`` and
/// ``losses`` can be read and set like the configuration's own properties.
@dynamicMemberLookup
public protocol EnlargingConfiguration: AdamConfiguration {
  /// The generator.
  var network: EnlargingNetwork { get set }
  /// How images are compared.
  var losses: EnlargingLosses { get set }
  /// Decay of the generator's moving average; 0: there is none.
  var averageDecay: Double { get }
  /// Adam's learning rate.
  var learningRate: Double { get }
  /// Adam's L2 term.
  var weightDecay: Double { get }
  /// Whether training images are flipped horizontally half of the time.
  var flips: Bool { get }
  /// Whether training images are rotated by multiples of 90 degrees.
  var turns: Bool { get }
  /// Height and width of the large images in training, as they are asked for.
  var imageSize: Int { get }
  /// Height and width that they have: what the networks can take of ``imageSize``.
  var cropSize: Int { get }
}

extension EnlargingConfiguration {
  /// A key of ``network``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<EnlargingNetwork, Value>) -> Value {
    get { network[keyPath: key] }
    set { network[keyPath: key] = newValue }
  }

  /// A key of ``losses``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<EnlargingLosses, Value>) -> Value {
    get { losses[keyPath: key] }
    set { losses[keyPath: key] = newValue }
  }

  /// The largest multiple of what the generator needs.
  public var cropSize: Int { generatorPlan.cropSize(imageSize) }

  var generatorPlan: EnlargingGeneratorPlan { network.plan }

  /// A small image and the large one that belongs to it, both in 0 … 1; single images are made smaller, and
  /// blurred where the network keeps the size and learns to sharpen. Crops are taken at the images' own size.
  public var plan: SystemPlan { enlargingPlan }

  /// ``plan``, for systems that train in further stages.
  var enlargingPlan: SystemPlan {
    let (size, scale) = (cropSize, network.scale)
    let small = size / scale
    return .translation(
      [
        Field("source", .image(channels: network.inputChannels, height: small, width: small, range: .unit)),
        Field("target", .image(channels: network.outputChannels, height: size, width: size, range: .unit)),
      ],
      ImagePairs(
        source: "source", target: "target",
        derivation: scale > 1 ? .downscale(factor: scale) : .blur(sigma: 1)),
      changes: JointAugmentation(flips: flips, cropsOriginals: true, turns: turns),
      [
        TranslationDirection(
          "source-to-target", source: "source", target: "target",
          sizeMultiple: generatorPlan.sizeMultiple, scale: scale)
      ], batchSize: batchSize)
  }

  /// The optimiser of a network.
  func makeAdam(_ network: Module) -> Optimizer {
    adam.optimizer(network, learningRate: learningRate, weightDecay: weightDecay)
  }

  /// The moving average of the generator, where there is one.
  func makeAverage(of generator: Module) -> MovingAverage? {
    averageDecay > 0 ? MovingAverage(of: generator, decay: averageDecay) : nil
  }

  /// How a generator's outputs are compared with their targets.
  ///
  /// - Parameters: factors of the two losses.
  /// - Throws: ``ConfigurationError`` that names an unknown layer.
  func makeComparison(pixel: Double, perceptual: Double) throws -> EnlargementComparison {
    EnlargementComparison(
      pixelLoss: losses.pixelLoss, pixelWeight: pixel,
      perceptual: losses.perceptualLayers.isEmpty || perceptual == 0
        ? nil
        : try PerceptualLoss(
          losses.features.architecture, weights: losses.perceptualLayers,
          criterion: losses.perceptualCriterion),
      perceptualWeight: perceptual)
  }

  /// Checks the values of training, whatever is compared.
  func validateTraining() throws(ConfigurationError) {
    try generatorPlan.validate(imageSize: imageSize)
    try adam.validate(["learningRate": learningRate])
    try Checks.require(weightDecay >= 0, "weightDecay is at least 0, not \(weightDecay)")
    try Checks.require(
      (0..<1).contains(averageDecay), "averageDecay lies in 0 ..< 1, not at \(averageDecay)")
    try Checks.positive(["batchSize": batchSize])
  }
}

/// The terms of a generator's loss that compare its output with the target: pixels and features, weighted.
struct EnlargementComparison {
  let pixelLoss: PixelLoss
  let pixelWeight: Double
  let perceptual: PerceptualLoss?
  let perceptualWeight: Double

  /// Adds the terms that count.
  func add(_ output: Tensor, _ target: Tensor, to loss: inout Loss) {
    if pixelWeight > 0 { loss.add("pixel", pixelLoss(output, target), weight: pixelWeight) }
    if let perceptual { loss.add("perceptual", perceptual(output, target), weight: perceptualWeight) }
  }
}

/// A system that makes large images of small ones: what its data are, and how they are read, is the same
/// whatever it learns from.
public protocol EnlargingSystem: TranslatingSystem where Configuration: EnlargingConfiguration {}

extension EnlargingSystem {

  /// Takes over the data's channels: one, or else three, because nothing here knows transparency.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels.map({ $0 < 3 ? 1 : 3 }) {
      (configuration.inputChannels, configuration.outputChannels) = (channels, channels)
    }
    return configuration
  }
}
