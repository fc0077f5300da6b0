public import AtelierCore
public import AtelierData
import Perception
public import Torch
public import TorchNN

/// OASIS: photographs from label maps, judged by a discriminator that segments them.
///
/// Paper: Schönfeld, Sushko, Zhang, Gall, Schiele and Khoreva 2021, "You Only Need Adversarial Supervision
/// for Semantic Image Synthesis".
///
/// Reference: boschresearch/OASIS `models/`, `train.py` (AGPL-3.0; nothing of it is here but facts).
///
/// The discriminator is a U-Net that gives every pixel one of N + 1 classes, the first of which is
/// "generated". Rare classes count as much as frequent ones. LabelMix shows it images that are real in some
/// classes' regions and generated in the others', and asks for the same mixture of its judgements. The
/// generator is SPADE's, with noise at every pixel beside the labels: drawn once an image in training, and in
/// generation also apart for single regions, which then change while the rest stays (`regions`). A step
/// updates the generator, then the discriminator with a newly generated image, then the average of the
/// generator.
///
/// Deviations: LabelMix draws one coin for each class, as the paper says; the authors' loop relabels a map in
/// place, so that a class whose number equals an earlier coin is tossed again. A batch that brings its own
/// `mask` is mixed by that. A batch of nothing but unlabelled pixels has a loss of 0. Running statistics of
/// the average are collected from batches of training itself, `statisticsEvery` steps apart, there before
/// each measurement. Images need not be 256 wide: with fewer `blocks` the narrowest ones are left out.
public final class OASIS: RegionalNoiseSystem, RegionalVariationSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "oasis", summary: "Photographs from label maps, judged by segmenting them",
    paper: "Schönfeld et al., You Only Need Adversarial Supervision for Semantic Image Synthesis, 2021",
    reference: "boschresearch/OASIS models/models.py")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator`, `discriminator`, and where configured the VGG of the perceptual loss.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  /// The generator's.
  public let averages: [(network: String, average: MovingAverage)]
  private let generator: Generator
  private let discriminator: Discriminator
  private let vgg: VGG?
  private let average: MovingAverage
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the networks, their optimisers and the average.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = Generator(configuration, using: stream)
    let discriminator = Discriminator(configuration, using: stream)
    for network in [generator, discriminator] {
      initialize(network, .xavierNormal(gain: configuration.initializationGain), using: stream)
      network.layOutChannelsLast()
    }
    func adam(_ network: Module, _ rate: Double) -> Optimizer {
      configuration.adam.optimizer(network, learningRate: rate)
    }
    self.generator = generator
    self.discriminator = discriminator
    augment = configuration.makeAugmentation(.binaryCrossEntropy)
    generatorOptimizer = adam(generator, configuration.generatorLearningRate)
    discriminatorOptimizer = adam(discriminator, configuration.discriminatorLearningRate)
    // As in the authors' code, where whole numbers go through a product that is cut off.
    average = MovingAverage(of: generator, decay: configuration.averageDecay, wholeNumbers: .truncated)
    averages = [("generator", average)]
    let perceptual = try perceptualNetwork(configuration.features, weight: configuration.weights.perceptual)
    vgg = perceptual?.0
    networks =
      Self.describe(configuration, generator, discriminator) + (perceptual.map { [$0.1] } ?? [])
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Takes over the number of classes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    configuration.classes = foundClasses(data, otherwise: configuration.classes)
    // Pixels without a class (255 in the files) are a class of their own, the last one.
    if data.description.classNames.last == "unlabelled", configuration.ignoreLabel == nil {
      configuration.ignoreLabel = configuration.classes - 1
    }
    return configuration
  }

  // MARK: Losses

  /// The weight of each pixel in the loss, `[batch, height, width]`: pixels over (classes present × pixels of
  /// the class), 0 where nothing is labelled. Source: `models/losses.py` `get_class_balancing`.
  func balance(_ labels: Tensor) -> Tensor {
    let map = flatMap(labels)
    var care = [Float](repeating: 1, count: configuration.classes)
    for index in configuration.ignored { care[index] = 0 }
    let cares = Tensor(care, device: map.device)
    let flat = map.reshaped([-1])
    guard configuration.classBalancing else {
      // The authors weigh all pixels alike then, those of class 0 too.
      guard configuration.ignoreLabel != nil else { return .ones(map.shape, device: map.device) }
      return cares.indexSelected(0, flat).reshaped(map.shape)
    }
    return withoutGradients {
      // The pixels of the whole batch.
      let counts =
        Tensor.zeros([configuration.classes], device: map.device)
        .scatterAdded(0, flat, .ones(flat.shape, device: map.device)).summedOverProcesses() * cares
      let pixels = Tensor(scalar: Double(flat.count)).to(map.device).summedOverProcesses()
      let isPresent = counts.greater(0).asType(.float32)
      let present = isPresent.sum().clamped(min: 1)
      let weights = isPresent * pixels / (counts.clamped(min: 1) * present)
      return weights.indexSelected(0, flat).reshaped(map.shape)
    }
  }

  /// Cross-entropy of the discriminator's logits `[batch, N + 1, height, width]`.
  ///
  /// - Parameter labels: what a real image shows; nil: "generated".
  func crossEntropy(_ logits: Tensor, labels: Tensor?, balance: Tensor?) -> Tensor {
    guard let labels, let balance else {
      let shape = logits.shape
      return Torch.crossEntropy(
        logits, .zeros([shape[0], shape[2], shape[3]], dtype: .int64, device: logits.device))
    }
    let targets = (flatMap(labels) + 1.0).asType(.int64)
    return (Torch.crossEntropy(logits, targets, .none) * balance).mean()
  }

  /// A mask `[batch, 1, height, width]`, 1 for pixels of classes that show the real picture: one coin a
  /// class. Source: section 3.2 of the paper.
  private func labelMixMask(_ labels: Tensor, _ draws: any Draws) -> Tensor {
    let map = flatMap(labels)
    let coins = draws.common.bernoulli("labelMix", probability: 0.5, [configuration.classes])
    return coins.indexSelected(0, map.reshaped([-1])).reshaped(map.shape).unsqueezed(1)
  }

  // MARK: Training

  /// One step: the generator's update, a new image, the discriminator's update, the average.
  public func step(_ step: TrainingStep) throws {
    let weights = configuration.weights
    let batch = try step.batch()
    let (real, labels) = (batch["image"], batch["label"])
    let map = oneHotLabels(labels, classes: configuration.classes)
    let noise =
      configuration.latent > 0
      ? step.draws.along(1).normal("noise", [2, real.shape[0], configuration.latent]) : nil
    func generated(pass: Int) -> Tensor {
      generator(map, noise: noise?.selected(dim: 0, index: pass))
    }

    let terms = try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let fake = generated(pass: 0)
      let seen = view(fake, labels, step.draws, "diffAugment.generator")
      loss.add(
        "adversarial",
        crossEntropy(discriminator(seen.pictures), labels: seen.labels, balance: balance(seen)))
      if let vgg {
        loss.add("perceptual", perceptualDistance(vgg, fake, real), weight: weights.perceptual)
      }
    }
    step.log("generator", terms.total)

    let again = withoutGradients { generated(pass: 1) }
    let mask =
      weights.labelMix > 0 ? batch.tensors["mask"] ?? labelMixMask(labels, step.draws) : nil
    // Moved together, so that the mixture stays one of the two images beside it.
    let joined = Tensor.concatenated([again, real] + (mask.map { [$0] } ?? []), dim: 1)
    let seen = view(joined, labels, step.draws, "diffAugment.discriminator")
    let (shownFake, shownReal) = (seen.pictures.slice(1, 0, 3), seen.pictures.slice(1, 3, 6))
    // Behind both passes of the generator, so that the average takes in the statistics of both.
    let discriminatorTerms = try step.update(
      "discriminator", discriminatorOptimizer, average: average
    ) { loss in
      let fakeLogits = discriminator(shownFake)
      loss.add("discriminatorFake", crossEntropy(fakeLogits, labels: nil, balance: nil))
      let realLogits = discriminator(shownReal)
      let pixelWeights = balance(seen)
      // How likely a pixel is real: all classes but "generated". What came in from outside is no sign of
      // anything.
      if augment.adapts {
        let realScores = 1 - realLogits.softmax(1).slice(1, 0, 1)
        augment.observe(realScores: realScores, where: pixelWeights.greater(0))
      }
      loss.add("discriminatorReal", crossEntropy(realLogits, labels: seen.labels, balance: pixelWeights))
      if mask != nil {
        let share = seen.pictures.slice(1, 6, 7)
        let mixed = discriminator(share * shownReal + (1 - share) * shownFake)
        let consistency = meanSquaredError(mixed, share * realLogits + (1 - share) * fakeLogits)
        loss.add("labelMix", consistency, weight: weights.labelMix)
      }
    }
    step.log("discriminator", discriminatorTerms.total)
    augment.endStep(step)

    if configuration.statisticsEvery > 0, (step.index + 1) % configuration.statisticsEvery == 0 {
      try collectStatistics(step)
    }
  }

  /// What the discriminator sees of images and their labels, and where a label counts: not beyond the border
  /// of an image that was moved.
  private struct View {
    let pictures: Tensor
    let labels: Tensor
    let counts: Tensor?
  }

  private func view(_ pictures: Tensor, _ labels: Tensor, _ draws: any Draws, _ name: String) -> View {
    guard !augment.isEmpty else { return View(pictures: pictures, labels: labels, counts: nil) }
    // Labels move as an image of indices from 1, so that 0 comes in from outside.
    let map = (flatMap(labels) + 1.0).unsqueezed(1).asType(.float32)
    let moved = augment(pictures, beside: map, draws: draws, name: name)
    let indices = moved.slice(1, 0, 1).detached().round().squeezed(1)
    return View(
      pictures: moved.slice(1, 1, moved.shape[1]),
      labels: (indices - 1).clamped(min: 0).asType(.int64), counts: indices.greater(0).asType(.float32))
  }

  private func balance(_ view: View) -> Tensor {
    let weights = balance(view.labels)
    return view.counts.map { weights * $0 } ?? weights
  }

  /// Collects the averaged generator's running statistics from further batches, because an average of weights
  /// has not the average of statistics. Source: `utils/utils.py` `update_EMA`.
  private func collectStatistics(_ step: TrainingStep) throws {
    try average.recollectingBuffers {
      try withoutGradients {
        for _ in 0..<configuration.statisticsBatches {
          let labels = try step.batch()["label"]
          let noise =
            configuration.latent > 0
            ? step.draws.normal("statistics", [labels.shape[0], configuration.latent]) : nil
          _ = generator(oneHotLabels(labels, classes: configuration.classes), noise: noise)
        }
      }
    }
  }

  // MARK: Generation

  /// False: the map is resized to each layer's size, which a recording keeps.
  public var exportsAnySize: Bool { false }

  /// Images in -1 … 1 for label maps `[n, height, width]`, of the averaged generator, with noise drawn once a
  /// image.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let batch = pictures.shape[0]
    let noise = configuration.latent > 0 ? draws.normal("noise", [batch, configuration.latent]) : nil
    return generator(oneHotLabels(pictures, classes: configuration.classes), noise: noise)
  }

  /// The same with a noise vector for each class, whose regions then vary independently.
  public func translateWithRegionalNoise(_ labels: Tensor, draws: any Draws) throws -> Tensor {
    let (map, latent) = (flatMap(labels), configuration.latent)
    var noise: Tensor?
    if latent > 0 {
      let table = draws.normal("noise", [configuration.classes, latent])
      noise = table.indexSelected(0, map.reshaped([-1])).reshaped(map.shape + [latent])
        .permuted([0, 3, 1, 2])
    }
    return generator(oneHotLabels(labels, classes: configuration.classes), noise: noise)
  }

  /// Images for the request's `label`, one at a time. With `regions`, a float map `[n, height, width]` of 0
  /// and 1, the noise is drawn once more for where it is 1: maps that are repeated with the same draws then
  /// differ there alone. With `noise` `[n, latent]` or `[n, latent, height, width]` nothing is drawn.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let labels = request.tensor("label") else {
      throw ConfigurationError("oasis starts from label maps; give them as 'label'")
    }
    try MapChecks.labels(labels, classes: configuration.classes, from: "the source")
    if let regions = request.tensor("regions") {
      try MapChecks.sameSize(regions, labels, from: "the mask of regions")
    }
    let latent = configuration.latent
    let common = latent > 0 ? request.draws.normal("noise", [1, latent]) : nil
    for index in 0..<labels.shape[0] {
      func one(_ name: String) -> Tensor? {
        request.tensor(name).map { $0.shape[0] == 1 ? $0 : $0.slice(0, index, index + 1) }
      }
      let label = labels.slice(0, index, index + 1)
      var noise = one("noise")
      if noise == nil, let common {
        let own = request.draws.normal("noise", [1, latent])
        noise = own
        if let region = one("regions") {
          noise = Self.noise(common, except: own, where: region)
        }
      }
      try emit(Output("image", generator(oneHotLabels(label, classes: configuration.classes), noise: noise)))
    }
  }

  /// The image's noise, and in the regions of the classes that of the variation.
  public func regionalVariation(
    of map: Tensor, varying classes: [Int], variation number: Int, seed: UInt64
  ) -> [String: Tensor] {
    func drawn(_ purpose: String, _ seed: UInt64) -> Tensor {
      RandomStream(seed: seed, purpose: purpose).normal([1, configuration.latent])
    }
    let chosen = classes.reduce(Tensor.zeros(map.shape)) { $0 + map.equal(Double($1)).asType(.float32) }
    let noise = Self.noise(
      drawn("picture", seed), except: drawn("regions", seed &+ UInt64(number)), where: chosen)
    return ["noise": noise]
  }

  /// Noise at every pixel, `[n, latent, height, width]`: one vector, and another where `region` is 1.
  public static func noise(_ global: Tensor, except local: Tensor, where region: Tensor) -> Tensor {
    let mask = (region.rank == 3 ? region.unsqueezed(1) : region).asType(.float32)
    func spread(_ vector: Tensor) -> Tensor { vector.unsqueezed(2).unsqueezed(3) }
    return spread(global) * (1 - mask) + spread(local) * mask
  }

}
