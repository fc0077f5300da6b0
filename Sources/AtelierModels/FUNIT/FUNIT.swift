public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// FUNIT: an image's content in the class that a few other images show, also a class never seen in training.
///
/// Paper: Liu, Huang, Mallya, Karras, Aila, Lehtinen and Kautz 2019, "Few-Shot Unsupervised Image-to-Image
/// Translation".
///
/// Reference: NVlabs/FUNIT `networks.py`, `blocks.py`, `funit_model.py`, `trainer.py` (CC BY-NC-SA 4.0).
///
/// One generator for all classes: a content encoder, a class encoder whose code is averaged over the K
/// images of a class, and a decoder whose norms the code sets. One discriminator with a map of decisions for
/// each class of the training data, of which only that of the wanted class counts. Content and class images
/// of a step are drawn independently.
///
/// Each step updates the discriminator on real class images, with the squared gradient of its response
/// there, and on translations; then the generator on translation and reconstruction; then the average of the
/// generator, which is what generates.
///
/// The authors' activations overwrite their inputs, so that a residual block without a convolution on its
/// shortcut adds the activated input, and the features that are matched are activated ones; here that is
/// written out.
///
/// No deviations. Off in the reference configuration: Adam, other losses than the hinge.
public final class FUNIT: StyledTranslatingSystem, AugmentedSystem, ExportingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "funit", summary: "Images into the class that a few images show, also an unseen one",
    paper: "Liu et al., Few-Shot Unsupervised Image-to-Image Translation, 2019",
    reference: "NVlabs/FUNIT networks.py, funit_model.py, trainer.py")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: ContentStyleGenerator
  private let discriminator: ClassPatchDiscriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let average: MovingAverage

  /// Builds both networks, their optimisers and the averaged generator.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = ContentStyleGenerator(
      configuration.networkPlan, channels: configuration.inputChannels,
      styleDownsamplings: configuration.classDownsamplings, styleLength: configuration.styleLength,
      mlpWidth: configuration.mlpWidth, mlpLayers: configuration.mlpLayers, using: stream)
    let discriminator = ClassPatchDiscriminator(configuration, using: stream)
    initializeKaiming(generator, using: stream)
    initializeKaiming(discriminator, using: stream)
    func optimizer(_ network: Module) -> Optimizer {
      switch configuration.optimizer {
      case .rmsprop:
        RMSprop(
          network, learningRate: configuration.learningRate, alpha: configuration.alpha,
          epsilon: configuration.adamEpsilon, weightDecay: configuration.weightDecay)
      case .adam:
        configuration.adam.optimizer(
          network, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
      }
    }
    self.generator = generator
    self.discriminator = discriminator
    generatorOptimizer = optimizer(generator)
    discriminatorOptimizer = optimizer(discriminator)
    // The authors average parameters only; the generator's buffers never change.
    average = MovingAverage(of: generator, decay: configuration.averageDecay, buffers: .kept)
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    networks = [
      Network(
        "generator", generator,
        authorsNames: ContentStyleGenerator.authorsNames(styleEncoder: "enc_class_model")
      ) { _, inputs in
        let content = generator.content(of: try inputs.required("content"))
        if let shots = inputs["classImages"] {
          return ["image": generator.decode(content, style: FUNIT.code(of: shots, generator))]
        }
        let code = generator.style(of: try inputs.required("classImage"))
        return [
          "content": content, "code": code.unsqueezed(-1).unsqueezed(-1),
          "image": generator.decode(content, style: code),
        ]
      },
      Network(
        "discriminator", discriminator, authorsNames: ClassPatchDiscriminator.authorsNames,
        isForTraining: true
      ) {
        _, inputs in
        let (logits, features) = discriminator(
          try inputs.required("image"), try inputs.required("label"))
        return ["logits": logits, "features": features]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// The averaged generator.
  public var averages: [(network: String, average: MovingAverage)] { [("generator", average)] }

  /// Takes over the number of classes that training sees.
  ///
  /// - Throws: ``ConfigurationError`` for data without labels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    configuration.classes = try data.description.requiredClasses(for: identity)
    return configuration
  }

  // MARK: Training

  /// One step: the discriminator, then the generator, then its average.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (content, contentLabel) = (batch["content"], batch["contentLabel"])
    let (shown, shownLabel) = (batch["classImage"], batch["classLabel"])
    try updateDiscriminator(step, content, shown, shownLabel)
    try updateGenerator(step, content, contentLabel, shown, shownLabel)
    augment.endStep(step)
  }

  private func updateDiscriminator(
    _ step: TrainingStep, _ content: Tensor, _ shown: Tensor, _ label: Tensor
  ) throws {
    let (weights, objective) = (configuration.weights, configuration.adversarialLoss.loss)
    let terms = try step.update("discriminator", discriminatorOptimizer) { loss in
      let real = shown.detached()
      real.requiresGradient = true
      // The gradient goes to the image as it was before any change.
      let seen = augment(real, draws: step.draws, name: "diffAugment.real")
      let response = discriminator(seen, label).logits
      augment.observe(realScores: response)
      // The squared gradient of the mean response, summed over an image and averaged over the batch.
      // The batch is that of all processes.
      let mean = response.mean() / Double(currentProcesses?.count ?? 1)
      let slope = gradients(of: mean, withRespectTo: [real], createGraph: true)[0]
      let penalty = slope.square().sum() / Double(real.shape[0])
      loss.add(
        "discriminatorReal", objective.real(response), weight: weights.adversarial, logsWeighted: false)
      loss.add("gradientPenalty", penalty, weight: weights.gradientPenalty, logsWeighted: false)
      loss.backward()

      let fake = withoutGradients {
        generator.decode(generator.content(of: content), style: generator.style(of: shown))
      }
      let scores = discriminator(augment(fake, draws: step.draws, name: "diffAugment.fake"), label).logits
      loss.add(
        "discriminatorFake", objective.fake(scores), weight: weights.adversarial, logsWeighted: false)
    }
    step.log("discriminator", terms.total)
  }

  private func updateGenerator(
    _ step: TrainingStep, _ content: Tensor, _ contentLabel: Tensor, _ shown: Tensor, _ shownLabel: Tensor
  ) throws {
    let (weights, objective) = (configuration.weights, configuration.adversarialLoss.loss)
    let terms = try step.update(
      "generator", generatorOptimizer, freezing: [discriminator], average: average
    ) { loss in
      let code = generator.content(of: content)
      let translation = generator.decode(code, style: generator.style(of: shown))
      let returned = generator.decode(code, style: generator.style(of: content))
      // What is compared by its features is changed alike.
      let seen = augment.alike([translation, shown], draws: step.draws, name: "diffAugment.translation")
      let seenReturned = augment.alike([returned, content], draws: step.draws, name: "diffAugment.returned")
      let output = discriminator(seen[0], shownLabel)
      let outputOfReturned = discriminator(seenReturned[0], contentLabel)
      let (wanted, wantedReturned) = withoutGradients {
        (
          discriminator(seen[1], shownLabel).features,
          discriminator(seenReturned[1], contentLabel).features
        )
      }
      func matching(_ made: Tensor, _ real: Tensor) -> Tensor {
        meanAbsoluteError(made.mean(dims: [2, 3]), real.mean(dims: [2, 3]))
      }
      let adversarial =
        (objective.generator(output.logits) + objective.generator(outputOfReturned.logits)) / 2
      loss.add("adversarial", adversarial, weight: weights.adversarial, logsWeighted: false)
      let reconstruction = meanAbsoluteError(returned, content)
      loss.add("reconstruction", reconstruction, weight: weights.reconstruction, logsWeighted: false)
      let contentMatch = matching(outputOfReturned.features, wantedReturned)
      let styleMatch = matching(output.features, wanted)
      step.log("content", contentMatch)
      step.log("style", styleMatch)
      loss.add(contentMatch + styleMatch, weight: weights.featureMatching)
    }
    step.log("generator", terms.total)
  }

  // MARK: Generation

  /// The mean code of K images of a class, `[1, styleLength]`.
  private static func code(of shots: Tensor, _ generator: ContentStyleGenerator) -> Tensor {
    generator.style(of: shots).mean(dims: [0], keepDim: true)
  }

  /// Images in the class that other images show, one of them or more for all.
  public func exportedFunction(direction name: String?) throws -> ExportedFunction {
    let (channels, side) = (configuration.inputChannels, configuration.imageSize)
    return .translation(
      try direction(named: name), channels: channels, side: side,
      with: [
        ExportedFunction.Input(
          "style", "one or more images of the class, \(channels) channels in -1 … 1"
        ) { batch, _, stream in stream.uniform([batch, channels, side, side]) * 2 - 1 }
      ]
    ) { [generator] in
      // The class's code is broadcast over the images.
      generator.decodeBroadcasting(generator.content(of: $0[0]), style: FUNIT.code(of: $0[1], generator))
    }
  }

  /// The mean code of the images that show a class, by the averaged generator.
  ///
  /// - Throws: ``ConfigurationError`` without pictures: a class has no distribution to draw from.
  public func styleCode(
    _ style: TranslationStyle, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    guard case .pictures(let shots) = style else {
      throw ConfigurationError("funit needs to see the class: give one or more images of it as 'style'")
    }
    return FUNIT.code(of: shots, generator)
  }

  /// Images in -1 … 1 of the class that a code stands for, by the averaged generator.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, code: Tensor
  ) throws -> Tensor {
    generator.decode(
      generator.content(of: pictures), style: code.expanded([pictures.shape[0], code.shape[1]]))
  }

  /// Each example's content in the class of its own class image.
  public func translate(
    _ examples: Batch, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    generator.decode(
      generator.content(of: examples["content"]), style: generator.style(of: examples["classImage"]))
  }
}

/// FUNIT's discriminator: activation-first residual blocks, and a map of decisions a class.
///
/// Source: NVlabs/FUNIT `networks.py` `GPPatchMcResDis`, `blocks.py` `ActFirstResBlock`.
private final class ClassPatchDiscriminator: Module {
  /// The authors' names; theirs are `conv_0`, `conv_1`, `conv_s` in a block.
  static let authorsNames = KeyMap(
    ["features": "cnn_f", "head": "cnn_c"],
    components: ["first": "conv_0", "second": "conv_1", "shortcut": "conv_s"])

  private static func convolution(
    _ inputs: Int, _ outputs: Int, kernel: Int, hasBias: Bool = true, using stream: RandomStream
  ) -> BlockConvolution {
    BlockConvolution(
      inputs, outputs, kernel: kernel, padding: kernel / 2, border: .reflect, norm: .none, activation: .none,
      hasBias: hasBias, using: stream)
  }

  private final class Block: Module, Layer {
    let first: BlockConvolution
    let second: BlockConvolution
    let shortcut: BlockConvolution?

    init(_ inputs: Int, _ outputs: Int, using stream: RandomStream) {
      let hidden = min(inputs, outputs)
      first = ClassPatchDiscriminator.convolution(inputs, hidden, kernel: 3, using: stream)
      second = ClassPatchDiscriminator.convolution(hidden, outputs, kernel: 3, using: stream)
      shortcut =
        inputs == outputs
        ? nil
        : ClassPatchDiscriminator.convolution(inputs, outputs, kernel: 1, hasBias: false, using: stream)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let activated = x.leakyRelu(0.2)
      // The authors' activation overwrites the input before it is added.
      return (shortcut?(x) ?? activated) + second(first(activated).leakyRelu(0.2))
    }
  }

  let features: Sequential
  let head: Sequential

  init(_ configuration: FUNIT.Configuration, using stream: RandomStream) {
    let widest = 1024
    var width = configuration.discriminatorWidth
    var layers: [any Layer] = [
      Self.convolution(configuration.inputChannels, width, kernel: 7, using: stream)
    ]
    for group in 0..<(configuration.discriminatorBlocks / 2) {
      if group > 0 {
        layers += [Pad2d(1, mode: .reflection), AveragePool2d(kernelSize: 3, stride: 2)]
      }
      let next = min(2 * width, widest)
      layers += [Block(width, width, using: stream), Block(width, next, using: stream)]
      width = next
    }
    features = Sequential(layers)
    head = Sequential(Self.convolution(width, configuration.classes, kernel: 1, using: stream))
    super.init()
  }

  /// The decisions `[batch, height, width]` for images and their int64 classes `[batch]`, and the activated
  /// features `[batch, channels, height, width]` in front of them.
  func callAsFunction(_ pictures: Tensor, _ label: Tensor) -> (logits: Tensor, features: Tensor) {
    let seen = features(pictures.channelsLast()).leakyRelu(0.2)
    let maps = head(seen)
    let shape = maps.shape
    let places = label.reshaped([shape[0], 1, 1, 1]).expanded([shape[0], 1, shape[2], shape[3]])
    return (maps.gathered(1, places).squeezed(1), seen)
  }
}
