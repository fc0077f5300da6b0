import AtelierCore
import AtelierData
import Torch
import TorchNN

// What follows from the keys that pix2pix, CycleGAN and pix2pixHD have in common.

/// The keys of training that the three systems share.
protocol TranslationTraining: AugmentedConfiguration, AdamConfiguration, EpochDecayConfiguration {
  /// The learning rate of both optimisers at first.
  var learningRate: Double { get }
}

extension TranslationTraining {
  /// The optimiser of some parameters.
  func makeAdam(_ parameters: [(name: String, tensor: Tensor)]) -> Adam {
    adam.optimizer(parameters, learningRate: learningRate)
  }

  /// Checks the values of training.
  func validateTraining() throws(ConfigurationError) {
    try adam.validate(["learningRate": learningRate])
    try Checks.positive(["batchSize": batchSize])
    try decay.validate()
  }
}

/// The keys of pix2pix and CycleGAN, which have one program, networks and data alike.
protocol TranslatorConfiguration: TranslationTraining, CroppedConfiguration {
  /// The generator's form.
  var generator: TranslationGenerator { get }
  /// Channels of the condition.
  var inputChannels: Int { get }
  /// Channels of the output.
  var outputChannels: Int { get }
  /// Height and width of training images.
  var imageSize: Int { get }
  /// Channels of the generator's widest map.
  var width: Int { get }
  /// How often the generator halves an image.
  var downsamplings: Int { get }
  /// Residual blocks of a ResNet generator.
  var blocks: Int { get }
  /// How a ResNet generator doubles sides.
  var upsampling: LearnedUpsampling { get }
  /// The generator's normalisation.
  var norm: ImageNorm { get }
  /// Whether the generator has dropout layers.
  var dropout: Bool { get }
  /// The discriminator's form.
  var discriminator: TranslationDiscriminator { get }
  /// Channels of the discriminator's widest map.
  var discriminatorWidth: Int { get }
  /// The discriminator's normalisation; nil: the generator's.
  var discriminatorNorm: ImageNorm? { get }
  /// Strided convolutions of a patch discriminator.
  var layers: Int { get }
}

extension TranslatorConfiguration {
  var generatorPlan: TranslationGeneratorPlan {
    TranslationGeneratorPlan(
      kind: generator, width: width, downsamplings: downsamplings, blocks: blocks, norm: norm,
      dropout: dropout, upsampling: upsampling)
  }

  var discriminatorPlan: TranslationDiscriminatorPlan {
    TranslationDiscriminatorPlan(
      kind: discriminator, width: discriminatorWidth, layers: layers, norm: discriminatorNorm ?? norm)
  }

  /// Two fields of images, the condition's first.
  func fields(_ source: String, _ target: String) -> [Field] {
    [(source, inputChannels), (target, outputChannels)].map { name, channels in
      Field(name, .image(channels: channels, height: imageSize, width: imageSize, range: .signed))
    }
  }

  /// The authors' jitter: enlarged, cut at a random place, mirrored.
  var jitter: JointAugmentation {
    JointAugmentation(resizeTo: crop.loadSize ?? (imageSize * 286 + 128) / 256, flips: crop.flips)
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
    try Checks.positive(["inputChannels": inputChannels, "outputChannels": outputChannels])
    try generatorPlan.validate(imageSize: imageSize)
    if hasDiscriminator { try discriminatorPlan.validate(imageSize: imageSize) }
    try crop.validate(imageSize: imageSize)
  }
}
