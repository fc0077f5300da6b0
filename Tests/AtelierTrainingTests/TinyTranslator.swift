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
    var plan: SystemPlan {
      let (source, target) =
        isUnpaired ? ("A", "B") : isLabelled ? ("label", "target") : ("source", "target")
      let small = imageSize / scale
      let fields = [
        Field(
          source,
          isLabelled
            ? .labelMap(classes: classes, height: imageSize, width: imageSize)
            : .image(channels: inputChannels, height: small, width: small, range: .signed)),
        Field(
          target, .image(channels: outputChannels, height: imageSize, width: imageSize, range: .unit)),
      ]
      let derivation = scale > 1 ? ImageDerivation.downscale(factor: scale) : nil
      var directions = [
        TranslationDirection(
          "\(source)-to-\(target)", source: source, target: target, sizeMultiple: sizeMultiple, scale: scale)
      ]
      if isUnpaired { directions.append(TranslationDirection("B-to-A", source: target, target: source)) }
      return .translation(
        fields,
        isUnpaired
          ? UnpairedImages(source, target) as any DataArrangement
          : ImagePairs(source: source, target: target, derivation: derivation),
        changes: JointAugmentation(resizeTo: resizeTo, flips: flips), directions, batchSize: batchSize)
    }
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

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if configuration.isLabelled { adapted.classes = data.description.classNames.count }
    return adapted
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
    let (source, target) = (directions[0].source, directions[0].target)
    try step.update("generator", optimizer) { loss in
      loss.add("total", (output(batch[source]) - batch[target]).square().mean())
    }
  }

  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    output(pictures).clamped(min: 0, max: 1)
  }
}
