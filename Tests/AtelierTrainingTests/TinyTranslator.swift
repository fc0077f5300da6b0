import Atelier

/// The smallest system that turns pictures into pictures: a 1 × 1 convolution, and for a scale above 1 an
/// enlargement before it.
final class TinyTranslator: TranslatingSystem {
  struct Configuration: SystemConfiguration {
    var imageSize = 8
    var inputChannels = 3
    var outputChannels = 3
    var scale = 1
    var sizeMultiple = 1
    var batchSize = 2
    var learningRate = 0.05
    /// Whether the two pictures are unpaired sets `A` and `B`.
    var isUnpaired = false
    /// Whether the condition is a map of labels.
    var isLabelled = false
    var classes = 4
    var resizeTo: Int?
    var flips = false

    static let presets = [
      Preset("paper", "a toy", Configuration()), Preset("small", "a toy", Configuration()),
    ]
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(
    name: "tiny-translator", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let generator: Conv2d
  private let optimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    generator = Conv2d(
      inputChannels: configuration.isLabelled ? configuration.classes : configuration.inputChannels,
      outputChannels: configuration.outputChannels, kernelSize: 1, using: stream)
    optimizer = Adam(generator, learningRate: configuration.learningRate)
  }

  private static func names(_ configuration: Configuration) -> (source: String, target: String) {
    configuration.isUnpaired
      ? ("A", "B") : configuration.isLabelled ? ("label", "target") : ("source", "target")
  }

  static func fields(_ configuration: Configuration) -> [Field] {
    let (source, target) = names(configuration)
    let (size, small) = (configuration.imageSize, configuration.imageSize / configuration.scale)
    return [
      Field(
        source,
        configuration.isLabelled
          ? .labelMap(classes: configuration.classes, height: size, width: size)
          : .image(channels: configuration.inputChannels, height: small, width: small, range: .signed)),
      Field(target, .image(channels: configuration.outputChannels, height: size, width: size, range: .unit)),
    ]
  }

  static func examplePlan(_ configuration: Configuration) -> ExamplePlan {
    let (source, target) = names(configuration)
    if configuration.isUnpaired { return .unpaired(source, target) }
    let derivation = configuration.scale > 1 ? PictureDerivation.downscale(factor: configuration.scale) : nil
    return .pairs(source: source, target: target, derivation: derivation)
  }

  static func augmentation(_ configuration: Configuration) -> JointAugmentation {
    JointAugmentation(resizeTo: configuration.resizeTo, flips: configuration.flips)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if configuration.isLabelled { adapted.classes = data.description.classNames.count }
    return adapted
  }

  static func directions(_ configuration: Configuration) -> [TranslationDirection] {
    let (source, target) = names(configuration)
    let forwards = TranslationDirection(
      "\(source)-to-\(target)", source: source, target: target, sizeMultiple: configuration.sizeMultiple,
      scale: configuration.scale)
    guard configuration.isUnpaired else { return [forwards] }
    return [forwards, TranslationDirection("B-to-A", source: target, target: source)]
  }

  var networks: [Network] {
    [
      Network("generator", generator) { [self] _, inputs in
        ["target": generator(try inputs.required("source"))]
      }
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }

  private func output(_ source: Tensor) -> Tensor {
    let input =
      configuration.isLabelled
      ? source.oneHot(configuration.classes).permuted([0, 3, 1, 2]).contiguous() : source
    let (height, width) = (input.shape[2] * configuration.scale, input.shape[3] * configuration.scale)
    return generator(configuration.scale == 1 ? input : upsampleNearest(input, size: (height, width)))
  }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (source, target) = Self.names(configuration)
    step.log(
      "total",
      try step.update("generator", optimizer) {
        (self.output(batch[source]) - batch[target]).square().mean()
      })
  }

  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    output(pictures).clamped(min: 0, max: 1)
  }
}
