public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// The conditional GAN: generator and discriminator are told the class, so that it can be asked for.
///
/// Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets".
///
/// Three forms, by ``Configuration/model``:
///
/// - `cgan`, that of eriklindernoren/PyTorch-GAN `implementations/cgan/cgan.py`: dense networks that read
///   a label's embedding before the latent vector and behind the image; generator updated first. No
///   deviation.
/// - `maxout`, the paper's model of MNIST, which has no published code: latent and label meet in a joint
///   layer in both networks, maxout in the discriminator, dropout in both, gradient descent with
///   momentum. What the paper leaves open is taken from goodfeli/adversarial: weights from U(−0.05, 0.05)
///   and U(−0.005, 0.005), updates on the same images, momentum rising until epoch 250.
/// - `convolutional`, the form that draws well in minutes: a DCGAN generator whose batch norms learn a
///   scale and shift for each class (Dumoulin et al. 2017), a spectrally normalised discriminator that
///   compares its features with the class's embedding (Miyato and Koyama 2018, "cGANs with Projection
///   Discriminator"), hinge loss, and a moving average of the generator. Either network can take the
///   label as a further input instead, as Radford et al. 2016 did.
public final class ConditionalGAN: LatentSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "cgan", summary: "Conditional GAN: pictures by class",
    paper: "Mirza and Osindero, Conditional Generative Adversarial Nets, 2014",
    reference: "eriklindernoren/PyTorch-GAN implementations/cgan/cgan.py",
    suits: [.labelledImages])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: any ClassGenerator
  private let discriminator: any ClassDiscriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let average: MovingAverage?

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator: any ClassGenerator
    let discriminator: any ClassDiscriminator
    switch configuration.model {
    case .cgan:
      generator = EmbeddingGenerator(configuration, using: stream)
      discriminator = EmbeddingDiscriminator(configuration, using: stream)
    case .maxout:
      generator = JointGenerator(configuration, using: stream)
      discriminator = JointDiscriminator(configuration, using: stream)
    case .convolutional:
      generator = ConvolutionalGenerator(configuration, using: stream)
      discriminator = ConvolutionalDiscriminator(configuration, using: stream)
      generator.layOutChannelsLast()
      discriminator.layOutChannelsLast()
    }
    func optimizer(_ network: Module, _ learningRate: Double) -> Optimizer {
      configuration.model == .maxout
        ? SGD(network, learningRate: learningRate, momentum: configuration.momentum)
        : Adam(
          network, learningRate: learningRate, beta1: configuration.beta1, beta2: configuration.beta2,
          epsilon: configuration.adamEpsilon)
    }
    generatorOptimizer = optimizer(
      generator, configuration.generatorLearningRate ?? configuration.learningRate)
    discriminatorOptimizer = optimizer(
      discriminator, configuration.discriminatorLearningRate ?? configuration.learningRate)
    average =
      configuration.averageDecay > 0
      ? MovingAverage(of: generator, decay: configuration.averageDecay, start: configuration.averageStart)
      : nil
    self.generator = generator
    self.discriminator = discriminator
    augment = configuration.makeAugmentation(
      configuration.loss, isUnit: configuration.model == .maxout)
    networks = [
      Network("generator", generator, authorsNames: EmbeddingGenerator.authorsNames) { _, inputs in
        ["image": generator(try inputs.required("latent"), try inputs.required("label"))]
      },
      Network("discriminator", discriminator, isForTraining: true) { _, inputs in
        ["score": discriminator(try inputs.required("image"), try inputs.required("label"))]
      },
    ]
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// The generator's moving average, where there is one.
  public var averages: [(network: String, average: MovingAverage)] {
    average.map { [("generator", $0)] } ?? []
  }

  /// Takes over the data's channels and number of classes.
  ///
  /// - Throws: ``ConfigurationError`` for data without labels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    configuration.classes = try data.description.requiredClasses(for: identity)
    return configuration
  }

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    schedule(step)
    switch configuration.model {
    case .cgan, .maxout: try generatorFirst(step)
    case .convolutional: try discriminatorFirst(step)
    }
    augment.endStep(step)
  }

  /// PyTorch-GAN's order: the generator, then the discriminator on the same images, halves averaged.
  private func generatorFirst(_ step: TrainingStep) throws {
    let objective = configuration.loss
    let batch = try step.batch()
    let (real, label) = (batch["image"], batch["label"])
    let (latent, fakeLabel) = conditions(real.shape[0], step.draws)
    let fake = generator(latent, fakeLabel)

    try updateGenerator(step, fake, fakeLabel)
    try step.update("discriminator", discriminatorOptimizer) { loss in
      let scores = scores(step, real, label, fake.detached(), fakeLabel)
      loss.add("discriminator", (objective.real(scores.real) + objective.fake(scores.fake)) / 2)
    }
  }

  /// DCGAN's order: the discriminator, then the generator through the updated discriminator with the
  /// last images, so that a step draws and renders each latent once.
  private func discriminatorFirst(_ step: TrainingStep) throws {
    let objective = configuration.loss
    for round in 1...configuration.discriminatorSteps {
      let batch = try step.batch()
      let (real, label) = (batch["image"], batch["label"])
      let (latent, fakeLabel) = conditions(real.shape[0], step.draws)
      let fake = generator(latent, fakeLabel)

      try step.update("discriminator", discriminatorOptimizer) { loss in
        let scores = scores(step, real, label, fake.detached(), fakeLabel)
        loss.add("discriminator", objective.real(scores.real) + objective.fake(scores.fake))
      }
      if round == configuration.discriminatorSteps { try updateGenerator(step, fake, fakeLabel) }
    }
  }

  private func updateGenerator(_ step: TrainingStep, _ fake: Tensor, _ label: Tensor) throws {
    try step.update("generator", generatorOptimizer, freezing: [discriminator], average: average) { loss in
      let shown = augment(fake, draws: step.draws, name: "diffAugment.generator")
      loss.add("generator", configuration.loss.generator(discriminator(shown, label)))
    }
  }

  /// Scores of real and generated images from one call; the discriminators have no batch norm.
  private func scores(
    _ step: TrainingStep, _ real: Tensor, _ label: Tensor, _ fake: Tensor, _ fakeLabel: Tensor
  ) -> (real: Tensor, fake: Tensor) {
    let shown = augment(
      .concatenated([real, fake], dim: 0), draws: step.draws, name: "diffAugment.discriminator")
    let scores = discriminator(shown, .concatenated([label, fakeLabel], dim: 0)).chunked(2, dim: 0)
    augment.observe(realScores: scores[0])
    step.observe("discriminatorAccuracy") { configuration.loss.accuracy(real: scores[0], fake: scores[1]) }
    return (scores[0], scores[1])
  }

  private func conditions(_ batch: Int, _ draws: any Draws) -> (latent: Tensor, label: Tensor) {
    let latent = latentSpace.distribution.draw("latent", [batch, configuration.latentSize], from: draws)
    return (latent, draws.integers("fakeLabel", below: configuration.classes, [batch]))
  }

  private func schedule(_ step: TrainingStep) {
    var factor = 1.0
    if configuration.model == .maxout {
      factor = Schedule.exponential(factor: 1 / configuration.learningRateDecay).factor(at: step.index)
      let momentum = LinearRamp(
        from: configuration.momentum, to: configuration.finalMomentum, start: 1,
        length: configuration.momentumEpochs - 1
      ).value(at: Int(step.epoch))
      for case let optimizer as SGD in [generatorOptimizer, discriminatorOptimizer] {
        optimizer.momentum = momentum
      }
    } else if configuration.decaySteps > 0 {
      factor = max(0, 1 - Double(step.index) / Double(configuration.decaySteps))
    } else {
      return
    }
    for (optimizer, own) in [
      (generatorOptimizer, configuration.generatorLearningRate),
      (discriminatorOptimizer, configuration.discriminatorLearningRate),
    ] {
      optimizer.learningRate = max(
        factor * (own ?? configuration.learningRate), configuration.minimumLearningRate)
    }
  }

  /// Images in -1 … 1 for latents `[n, size]` and int64 labels `[n]`, which must be there.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    guard let labels else { throw ConfigurationError("cgan draws pictures of a class; name one") }
    let pictures = generator(latents, labels)
    return configuration.model == .maxout ? pictures * 2 - 1 : pictures
  }
}

// MARK: - Networks

/// Images `[batch, channels, height, width]` for latents `[batch, latent]` and int64 labels `[batch]`.
private protocol ClassGenerator: Module {
  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor
}

/// Scores of images and the classes they claim to show.
private protocol ClassDiscriminator: Module {
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor
}

/// PyTorch-GAN's generator.
private final class EmbeddingGenerator: Module, ClassGenerator {
  let labelEmbedding: Embedding
  let dense: DenseGenerator

  /// The authors' names: `label_emb.weight`, `model.0.weight`.
  static let authorsNames = KeyMap(["label_embedding": "label_emb", "dense.model": "model"])

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let classes = configuration.classes
    labelEmbedding = Embedding(count: classes, features: classes, using: stream)
    dense = DenseGenerator(
      inputs: configuration.latentSize + classes, hidden: configuration.generatorHidden,
      imageShape: configuration.imageShape, normEpsilon: configuration.normEpsilon,
      leakySlope: configuration.leakySlope, using: stream)
    super.init()
  }

  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
    dense(.concatenated([labelEmbedding(label), latent], dim: 1))
  }
}

/// PyTorch-GAN's discriminator; the layers' names are the authors'.
private final class EmbeddingDiscriminator: Module, ClassDiscriminator {
  let labelEmbedding: Embedding
  let model: Sequential

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let classes = configuration.classes
    labelEmbedding = Embedding(count: classes, features: classes, using: stream)
    let hidden = configuration.discriminatorHidden
    // The script has one width for its three layers, and the cases write it once.
    let widths = hidden.count == 1 ? [hidden[0], hidden[0], hidden[0]] : hidden
    var layers: [any Layer] = []
    var width = configuration.imageShape.reduce(1, *) + classes
    for (index, next) in widths.enumerated() {
      layers.append(Linear(inputFeatures: width, outputFeatures: next, using: stream))
      if index > 0 {
        layers.append(
          Dropout(probability: configuration.dropout, drawName: "discriminator.dropout.\(index)"))
      }
      layers.append(LeakyReLU(negativeSlope: configuration.leakySlope))
      width = next
    }
    layers.append(Linear(inputFeatures: width, outputFeatures: 1, using: stream))
    if configuration.loss.takesProbabilities { layers.append(Sigmoid()) }
    model = Sequential(layers)
    super.init()
  }

  /// `[batch, 1]`.
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor {
    model(.concatenated([image.flattened(from: 1), labelEmbedding(label)], dim: 1))
  }
}

/// The paper's generator: latent and label each through rectified layers of their own, then jointly.
private final class JointGenerator: Module, ClassGenerator {
  let latentLayer: Linear
  let labelLayer: Linear
  let jointLayer: Linear
  let output: Linear
  private let classes: Int
  private let imageShape: [Int]
  private let dropouts: [Dropout]

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    classes = configuration.classes
    imageShape = configuration.imageShape
    let hidden = configuration.generatorHidden
    latentLayer = Linear(inputFeatures: configuration.latentSize, outputFeatures: hidden[0], using: stream)
    labelLayer = Linear(inputFeatures: classes, outputFeatures: hidden[1], using: stream)
    jointLayer = Linear(inputFeatures: hidden[0] + hidden[1], outputFeatures: hidden[2], using: stream)
    output = Linear(inputFeatures: hidden[2], outputFeatures: imageShape.reduce(1, *), using: stream)
    for layer in [latentLayer, labelLayer, jointLayer, output] {
      stream.fillUniform(layer.weight, low: -0.05, high: 0.05)
      layer.bias?.fill(0)
    }
    dropouts = (0..<2).map {
      Dropout(probability: configuration.dropout, drawName: "generator.dropout.\($0)")
    }
    super.init()
  }

  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
    let parts = [latentLayer(latent).relu(), labelLayer(label.oneHot(classes)).relu()]
    let joint = dropouts[1](jointLayer(dropouts[0](.concatenated(parts, dim: 1))).relu())
    return output(joint).sigmoid().reshaped([-1] + imageShape)
  }
}

/// The paper's discriminator: image and label each through maxout layers of their own, then jointly.
private final class JointDiscriminator: Module, ClassDiscriminator {
  let imageLayer: Maxout
  let labelLayer: Maxout
  let jointLayer: Maxout
  let output: Linear
  private let classes: Int
  private let dropouts: [Dropout]
  private let endsInSigmoid: Bool

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    classes = configuration.classes
    let (hidden, pieces) = (configuration.discriminatorHidden, configuration.pieces)
    imageLayer = Maxout(
      inputFeatures: configuration.imageShape.reduce(1, *), units: hidden[0], pieces: pieces[0], using: stream
    )
    labelLayer = Maxout(inputFeatures: classes, units: hidden[1], pieces: pieces[1], using: stream)
    jointLayer = Maxout(
      inputFeatures: hidden[0] + hidden[1], units: hidden[2], pieces: pieces[2], using: stream)
    output = Linear(inputFeatures: hidden[2], outputFeatures: 1, using: stream)
    for layer in [imageLayer.linear, labelLayer.linear, jointLayer.linear, output] {
      stream.fillUniform(layer.weight, low: -0.005, high: 0.005)
      layer.bias?.fill(0)
    }
    dropouts = (0..<2).map {
      Dropout(probability: configuration.dropout, drawName: "discriminator.dropout.\($0)")
    }
    endsInSigmoid = configuration.loss.takesProbabilities
    super.init()
  }

  /// `[batch, 1]`.
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor {
    let parts = [imageLayer(image.flattened(from: 1)), labelLayer(label.oneHot(classes))]
    let scores = output(dropouts[1](jointLayer(dropouts[0](.concatenated(parts, dim: 1)))))
    return endsInSigmoid ? scores.sigmoid() : scores
  }
}

/// A linear layer to a small map, then transposed convolutions that double it, a norm before each relu.
private final class ConvolutionalGenerator: Module, ClassGenerator {
  let projection: Linear
  /// Where the label is an input.
  let labelEmbedding: Embedding?
  /// Where the norms have a scale and shift for each class; else empty.
  let classNorms: [ConditionalBatchNorm2d]
  /// Where they have one for all; else empty.
  let norms: [BatchNorm2d]
  let convolutions: [ConvTranspose2d]
  private let bottomShape: [Int]

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let widths = configuration.generatorHidden
    let bottomWidth = configuration.imageSize >> widths.count
    let (size, classes) = (configuration.latentSize, configuration.classes)
    bottomShape = [widths[0], bottomWidth, bottomWidth]
    let readsLabel = configuration.generatorLabel != .norm
    let hasClassNorms = configuration.generatorLabel != .input
    // As long as the latent vector and drawn from N(0, 1) like it, so that at the start the class weighs
    // as much as the latent: norms alone take hundreds of steps to grow apart.
    labelEmbedding = readsLabel ? Embedding(count: classes, features: size, using: stream) : nil
    projection = Linear(
      inputFeatures: readsLabel ? 2 * size : size, outputFeatures: bottomShape.reduce(1, *), using: stream)
    classNorms = (hasClassNorms ? widths : []).map {
      ConditionalBatchNorm2d(
        channels: $0, classes: classes, epsilon: configuration.normEpsilon, using: stream)
    }
    norms = (hasClassNorms ? [] : widths).map {
      BatchNorm2d(channels: $0, epsilon: configuration.normEpsilon)
    }
    convolutions = zip(widths, widths.dropFirst() + [configuration.imageChannels]).map { width, next in
      ConvTranspose2d(
        inputChannels: width, outputChannels: next, kernelSize: 4, stride: 2, padding: 1, using: stream)
    }
    super.init()
    applyDCGANWeights(self, using: stream)
  }

  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
    let input = labelEmbedding.map { Tensor.concatenated([latent, $0(label)], dim: 1) } ?? latent
    // The weights are laid out so too; see `layOutChannelsLast`.
    var x = projection(input).reshaped([-1] + bottomShape).channelsLast()
    for (index, convolution) in convolutions.enumerated() {
      x = norms.isEmpty ? classNorms[index](x, label) : norms[index](x)
      x = convolution(x.relu())
    }
    return x.tanh()
  }
}

/// Spectrally normalised convolutions, a dense layer (or the sum over places), then a linear score plus the
/// product with the class's embedding.
private final class ConvolutionalDiscriminator: Module, ClassDiscriminator {
  let convolutions: [Conv2d]
  /// With a `featureSize`; without, features are summed over places.
  let features: Linear?
  let score: Linear
  /// With `discriminatorLabel` = `projection`.
  let labelEmbedding: Embedding?
  private let classes: Int
  private let leakySlope: Double
  private let endsInSigmoid: Bool

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let readsLabel = configuration.discriminatorLabel == .input
    classes = configuration.classes
    leakySlope = configuration.leakySlope
    var side = configuration.imageSize
    var width = configuration.imageChannels + (readsLabel ? classes : 0)
    convolutions = configuration.discriminatorHidden.map { next in
      // Halve what can be halved; at an odd or small size go on with 3×3 kernels.
      let halves = side % 2 == 0 && side > 4
      defer { (side, width) = (halves ? side / 2 : side, next) }
      return Conv2d(
        inputChannels: width, outputChannels: next, kernelSize: halves ? 4 : 3, stride: halves ? 2 : 1,
        padding: 1, normalization: .spectral, using: stream)
    }
    features =
      configuration.featureSize > 0
      ? Linear(
        inputFeatures: width * side * side, outputFeatures: configuration.featureSize,
        normalization: .spectral, using: stream) : nil
    if configuration.featureSize > 0 { width = configuration.featureSize }
    score = Linear(inputFeatures: width, outputFeatures: 1, normalization: .spectral, using: stream)
    labelEmbedding =
      readsLabel ? nil : Embedding(count: classes, features: width, normalization: .spectral, using: stream)
    endsInSigmoid = configuration.loss.takesProbabilities
    super.init()
  }

  /// `[batch, 1]`.
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor {
    var x = image
    if labelEmbedding == nil {
      let planes = label.oneHot(classes).reshaped([label.count, classes, 1, 1])
      x = .concatenated(
        [x, planes.expanded([label.count, classes, image.shape[2], image.shape[3]])], dim: 1)
    }
    x = x.channelsLast()
    for convolution in convolutions { x = convolution(x).leakyRelu(leakySlope) }
    let seen = features.map { $0(x.flattened(from: 1)).leakyRelu(leakySlope) } ?? x.sum(dims: [2, 3])
    var scores = score(seen)
    if let labelEmbedding {
      scores = scores + (labelEmbedding(label) * seen).sum(dims: [1], keepDim: true)
    }
    return endsInSigmoid ? scores.sigmoid() : scores
  }
}
