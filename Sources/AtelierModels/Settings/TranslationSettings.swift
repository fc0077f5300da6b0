public import AtelierCore
import AtelierData
import Torch
import TorchNN

// What follows from the keys that pix2pix, CycleGAN and pix2pixHD have in common.

/// The keys of training that the three systems share.
public protocol TranslationTraining: AugmentedConfiguration, AdamConfiguration, EpochDecayConfiguration {
  /// The learning rate of both optimisers at first.
  var learningRate: Double { get }
}

extension TranslationTraining {
  /// The optimiser of some parameters.
  func makeAdam(_ parameters: [(name: String, tensor: Tensor)]) -> Optimizer {
    adam.optimizer(parameters, learningRate: learningRate)
  }

  /// Checks the values of training.
  func validateTraining() throws(ConfigurationError) {
    try adam.validate(["learningRate": learningRate])
    try Checks.positive(["batchSize": batchSize])
    try decay.validate()
  }
}

/// The networks of pix2pix and CycleGAN, which have one program, and the images that they are trained on.
public struct TranslatorNetworks: ConfigurationFragment {
  /// The generator's form.
  public var generator: TranslationGenerator
  /// Channels of the condition, or of images of domain A.
  public var inputChannels = 3
  /// Channels of the output, or of images of domain B.
  public var outputChannels = 3
  /// Height and width of training images; a generator then takes any multiple of its halvings.
  public var imageSize = 256
  /// Channels of the generator's widest map.
  public var width = 64
  /// How often the generator halves an image: the depth of a U-Net, 8 for `unet_256`; 2 for `resnet_…`.
  public var downsamplings: Int
  /// Residual blocks of a ResNet generator: 9 for images of 256, 6 for 128.
  public var blocks = 9
  /// How a ResNet generator doubles sides; a U-Net has transposed convolutions.
  public var upsampling = LearnedUpsampling.transposed
  /// The generator's normalisation.
  public var norm: ImageNorm
  /// Whether the generator has dropout layers.
  public var dropout: Bool

  /// The authors' networks for images of 256 pixels a side.
  public init(generator: TranslationGenerator, downsamplings: Int, norm: ImageNorm, dropout: Bool) {
    (self.generator, self.downsamplings, self.norm, self.dropout) = (generator, downsamplings, norm, dropout)
  }

  var plan: TranslationGeneratorPlan {
    TranslationGeneratorPlan(
      kind: generator, width: width, downsamplings: downsamplings, blocks: blocks, norm: norm,
      dropout: dropout, upsampling: upsampling)
  }
}

/// The discriminators of pix2pix and CycleGAN.
public struct TranslatorDiscriminators: ConfigurationFragment {
  /// The discriminator's form.
  public var discriminator = TranslationDiscriminator.patch
  /// Channels of the discriminator's widest map.
  public var discriminatorWidth = 64
  /// The discriminator's normalisation; nil: the generator's.
  public var discriminatorNorm: ImageNorm?
  /// Strided convolutions of a patch discriminator: 1, 3 or 5 for patches of 16, 70 or 286 pixels.
  public var layers = 3

  /// The authors'.
  public init() {}
}

/// A configuration with ``TranslatorNetworks`` and ``TranslatorDiscriminators``, whose keys can be read and set
/// like its own properties.
@dynamicMemberLookup
public protocol TranslatorConfiguration: TranslationTraining, CroppedConfiguration {
  /// The generators, and the images.
  var translator: TranslatorNetworks { get set }
  /// The discriminators.
  var discriminators: TranslatorDiscriminators { get set }
}

extension TranslatorConfiguration {
  /// A key of ``translator``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<TranslatorNetworks, Value>) -> Value {
    get { translator[keyPath: key] }
    set { translator[keyPath: key] = newValue }
  }

  /// A key of ``discriminators``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<TranslatorDiscriminators, Value>) -> Value {
    get { discriminators[keyPath: key] }
    set { discriminators[keyPath: key] = newValue }
  }

  var generatorPlan: TranslationGeneratorPlan { translator.plan }

  var discriminatorPlan: TranslationDiscriminatorPlan {
    TranslationDiscriminatorPlan(
      kind: discriminators.discriminator, width: discriminators.discriminatorWidth,
      layers: discriminators.layers, norm: discriminators.discriminatorNorm ?? translator.norm)
  }

  /// Two fields of images, the condition's first.
  func fields(_ source: String, _ target: String) -> [Field] {
    let size = translator.imageSize
    return [(source, translator.inputChannels), (target, translator.outputChannels)].map { name, channels in
      Field(name, .image(channels: channels, height: size, width: size, range: .signed))
    }
  }

  /// The authors' jitter: enlarged, cut at a random place, mirrored.
  var jitter: JointAugmentation {
    JointAugmentation(resizeTo: crop.loadSize ?? (translator.imageSize * 286 + 128) / 256, flips: crop.flips)
  }

  /// The schedule: a constant learning rate, then a straight line to zero, by passes over the data.
  ///
  /// Source: junyanz/pytorch-CycleGAN-and-pix2pix `models/networks.py` `get_scheduler`, `linear`.
  func learningRate(atEpoch epoch: Double) -> Double {
    guard decay.decayEpochs > 0 else { return learningRate }
    return Schedule.linearDecay(start: decay.constantEpochs, length: decay.decayEpochs).learningRate(
      base: learningRate, at: Int(epoch))
  }

  /// Refuses networks and images that do not go together.
  ///
  /// - Parameter hasDiscriminator: whether one is trained.
  func validateNetworks(hasDiscriminator: Bool = true) throws(ConfigurationError) {
    try Checks.positive([
      "inputChannels": translator.inputChannels, "outputChannels": translator.outputChannels,
    ])
    try generatorPlan.validate(imageSize: translator.imageSize)
    if hasDiscriminator { try discriminatorPlan.validate(imageSize: translator.imageSize) }
    try crop.validate(imageSize: translator.imageSize)
  }
}
