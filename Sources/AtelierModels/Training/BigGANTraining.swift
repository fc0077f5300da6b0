import AtelierCore
import Torch
import TorchNN

/// What the configurations of BigGAN's family say about training.
protocol BigGANConfiguration: BigGANNetworkConfiguration, AugmentedConfiguration, AdamConfiguration,
  AveragedConfiguration, RoundConfiguration
{
  var initialization: BigGANInitialization { get }
  var loss: AdversarialLoss { get }
  var generatorLearningRate: Double { get }
  var discriminatorLearningRate: Double { get }
  var standingStatistics: Int { get }
}

/// How the weights of BigGAN's family start: all convolutions, linear layers and tables; biases keep
/// PyTorch's values, norms theirs.
public enum BigGANInitialization: String, Codable, Sendable, Hashable, CaseIterable {
  /// Random orthogonal matrices, the authors' default.
  case orthogonal
  /// N(0, 0.02²), the authors' for CIFAR.
  case normal
  /// Xavier uniform.
  case xavier

  func apply(to module: Module, using stream: RandomStream) {
    initialize(module) { part in
      guard let layer = part as? WeightedLayer else { return }
      switch self {
      case .orthogonal: stream.fillOrthogonal(layer.weight)
      case .normal: stream.fillNormal(layer.weight, standardDeviation: 0.02)
      case .xavier: stream.fillXavierUniform(layer.weight)
      }
    }
  }
}

/// Adversarial training of BigGAN's family: networks, optimisers, moving average, and one step.
///
/// Source: ajbrock/BigGAN-PyTorch train_fns.py, which ic_gan keeps but for the conditions.
final class BigGANTraining<Configuration: BigGANConfiguration> {
  let configuration: Configuration
  let generator: BigGANGenerator
  let discriminator: BigGANDiscriminator
  let generatorOptimizer: Optimizer
  let discriminatorOptimizer: Optimizer
  let average: MovingAverage
  let augment: DiscriminatorAugmentation

  init(_ configuration: Configuration, using stream: RandomStream) throws(ConfigurationError) {
    guard let architecture = configuration.architecture else {
      throw ConfigurationError("there are no networks for images of imageSize \(configuration.imageSize)")
    }
    let generator = BigGANGenerator(configuration, architecture, using: stream)
    let discriminator = BigGANDiscriminator(configuration, architecture, using: stream)
    for network in [generator, discriminator] {
      configuration.initialization.apply(to: network, using: stream)
      network.layOutChannelsLast()
    }
    func adam(_ network: Module, _ learningRate: Double) -> Optimizer {
      configuration.adam.optimizer(network, learningRate: learningRate)
    }
    self.configuration = configuration
    self.generator = generator
    self.discriminator = discriminator
    generatorOptimizer = adam(generator, configuration.generatorLearningRate)
    discriminatorOptimizer = adam(discriminator, configuration.discriminatorLearningRate)
    // The authors count steps from 1 and copy below the start; every entry of the state is averaged.
    average = MovingAverage(
      of: generator, decay: configuration.averageDecay, start: max(0, configuration.averageStart - 1))
    augment = configuration.makeAugmentation(configuration.loss)
  }

  /// The networks with their authors' names.
  var networks: [Network] {
    func condition(_ inputs: [String: Tensor]) throws -> BigGANCondition {
      BigGANCondition(
        label: configuration.classConditional ? try inputs.required("label") : nil,
        features: configuration.instanceFeatureSize == nil ? nil : try inputs.required("features"))
    }
    let (generator, discriminator) = (self.generator, self.discriminator)
    return [
      Network("generator", generator, authorsNames: BigGANGenerator.authorsNames) { _, inputs in
        ["image": generator(try inputs.required("latent"), try condition(inputs))]
      },
      Network(
        "discriminator", discriminator, authorsNames: BigGANDiscriminator.authorsNames, isForTraining: true
      ) { _, inputs in
        ["score": discriminator(try inputs.required("image"), try condition(inputs))]
      },
    ]
  }

  /// Generated images that a step needs conditions for: those of all discriminator rounds, then the
  /// generator's.
  var conditionsPerStep: Int {
    (configuration.discriminatorSteps + 1) * configuration.gradientAccumulation
  }

  /// One round: some updates of the discriminator, each on real and generated images of its own, then one
  /// of the generator.
  ///
  /// - Parameter conditions: what generated images are to show, ``conditionsPerStep`` batches.
  func round(_ step: TrainingStep, conditions: [BigGANCondition]) throws {
    let (objective, parts) = (configuration.loss, configuration.gradientAccumulation)
    let real = try realParts(step, configuration.discriminatorSteps * parts)
    let latents = step.draws.along(1).normal(
      "latent",
      [conditionsPerStep, step.share(of: configuration.batchSize), configuration.effectiveLatentSize])
    var losses: [String: Tensor] = [:]

    for turn in 0..<configuration.discriminatorSteps {
      let terms = try step.update("discriminator", discriminatorOptimizer) { loss in
        for place in turn * parts..<(turn + 1) * parts {
          // Without gradients, but in training mode: norms and spectral vectors of the generator move here
          // too.
          let fake = withoutGradients {
            generator(latents.selected(dim: 0, index: place), conditions[place])
          }
          let scores = judge(fake, conditions[place], beside: real[place], step.draws)
          augment.observe(realScores: scores.real)
          // Once a step, for the last part.
          if place == real.count - 1 {
            step.observe("discriminatorAccuracy") { objective.accuracy(real: scores.real, fake: scores.fake) }
          }
          let (onReal, onFake) = (objective.real(scores.real), objective.fake(scores.fake))
          losses["discriminatorReal"] = onReal.detached()
          losses["discriminatorFake"] = onFake.detached()
          loss.add((onReal + onFake) / Double(parts))
          augment.regularization.add(
            to: &loss, step, real: real[place].image, scores: scores, share: 1 / Double(parts)
          ) { discriminator($0, real[place].condition) }
          loss.backward()
        }
        let strength = configuration.discriminatorOrthogonal
        if strength > 0 { loss.add(orthogonalPenalty(discriminator.parameters()), weight: strength) }
      }
      losses["discriminator"] = terms.total
    }

    try step.update("generator", generatorOptimizer, freezing: [discriminator], average: average) { loss in
      for part in 0..<parts {
        let place = configuration.discriminatorSteps * parts + part
        let fake = generator(latents.selected(dim: 0, index: place), conditions[place])
        let shown = augment(fake, draws: step.draws, name: "diffAugment.generator")
        let value = objective.generator(discriminator(shown, conditions[place])) / Double(parts)
        losses["generator"] = value.detached()
        loss.add(value)
        if part == 0 {
          augment.regularization.addPathLength(
            to: &loss, step, latent: latents.selected(dim: 0, index: place)
          ) { generator($0, conditions[place]) }
        }
        loss.backward()
      }
      let strength = configuration.generatorOrthogonal
      if strength > 0 {
        // The shared table is left out: its rows are classes, which need not be orthogonal.
        let table = generator.classEmbedding?.weight
        loss.add(orthogonalPenalty(generator.parameters().filter { $0 !== table }), weight: strength)
      }
    }
    augment.endStep(step)
    for (name, value) in losses.sorted(by: { $0.key < $1.key }) { step.log(name, value) }
  }

  /// A part of the real examples.
  private struct RealPart {
    let image: Tensor
    let condition: BigGANCondition
  }

  /// As many parts of `batchSize` real examples as asked for; a batch may hold several.
  private func realParts(_ step: TrainingStep, _ count: Int) throws -> [RealPart] {
    var parts: [RealPart] = []
    let size = step.share(of: configuration.batchSize)
    while parts.count < count {
      let batch = try step.batch()
      let image = batch["image"]
      for start in stride(from: 0, to: image.shape[0], by: size) where parts.count < count {
        func rows(_ tensor: Tensor) -> Tensor { tensor.slice(0, start, min(start + size, tensor.shape[0])) }
        parts.append(
          RealPart(
            image: rows(image),
            condition: BigGANCondition(
              label: configuration.classConditional ? rows(batch["label"]) : nil,
              features: configuration.instanceFeatureSize == nil ? nil : rows(batch["features"]))))
      }
    }
    return parts
  }

  /// The discriminator's scores, of both kinds in one pass (generated first) unless the batch is split.
  private func judge(
    _ fake: Tensor, _ condition: BigGANCondition, beside real: RealPart, _ draws: any Draws
  ) -> (real: Tensor, fake: Tensor) {
    if configuration.splitDiscriminatorBatch {
      let seenFake = augment(fake, draws: draws, name: "diffAugment.fake")
      let seenReal = augment(real.image, draws: draws, name: "diffAugment.real")
      let scores = discriminator(seenFake, condition)
      return (discriminator(seenReal, real.condition), scores)
    }
    let count = fake.shape[0]
    let joined = augment(
      .concatenated([fake, real.image], dim: 0), draws: draws, name: "diffAugment.discriminator")
    let scores = discriminator(joined, condition.joined(with: real.condition))
    return (scores.slice(0, count, scores.shape[0]), scores.slice(0, 0, count))
  }

  /// Runs `body` with the averaged generator in evaluation mode and, where the configuration says so, with
  /// standing statistics, which are forgotten afterwards.
  ///
  /// - Parameter conditions: a batch of conditions for each pass of the standing statistics.
  func drawing(draws: any Draws, conditions: () throws -> BigGANCondition, _ body: () throws -> Void) throws {
    generator.eval()
    try withoutGradients {
      try average.applied {
        guard configuration.standingStatistics > 0 else { return try body() }
        let kept = generator.namedBuffers().map { ($0.tensor, $0.tensor.cloned()) }
        defer { for (buffer, value) in kept { buffer.copy(from: value) } }
        try generator.reestimateStatistics(passes: configuration.standingStatistics) { _ in
          let latent = draws.normal(
            "standingLatent", [configuration.batchSize, configuration.effectiveLatentSize])
          _ = generator(latent, try conditions())
        }
        try body()
      }
    }
  }
}

/// The parameters of both networks; of a generator without classes without its table of them.
func bigGANParameterCounts(
  _ configuration: some BigGANConfiguration
) throws -> (generator: Int, discriminator: Int) {
  try configuration.validate()
  guard let architecture = configuration.architecture else { return (0, 0) }
  let stream = RandomStream(seed: 0)
  let generator = BigGANGenerator(configuration, architecture, using: stream)
  let unread = configuration.classConditional ? 0 : generator.classEmbedding?.parameterCount ?? 0
  return (
    generator.parameterCount - unread,
    BigGANDiscriminator(configuration, architecture, using: stream).parameterCount
  )
}

/// ½·Σ‖(W Wᵀ)∘(1 − I)‖² over all weights of two or more axes, each as a matrix with a row an output: BigGAN's
/// modified orthogonal regularisation, whose gradient the authors write down as 2·(W Wᵀ∘(1 − I))·W.
///
/// Computed as ½·(‖G‖² − Σ|wᵢ|⁴) with the smaller of the two Gram matrices G, W Wᵀ or Wᵀ W, which have the
/// same norm: rows may be tens of thousands.
/// Source: Brock et al. 2019, equation 3; ajbrock/BigGAN-PyTorch utils.py `ortho`.
func orthogonalPenalty(_ parameters: [Tensor]) -> Tensor {
  var total = Tensor(scalar: 0)
  for parameter in parameters where parameter.rank >= 2 {
    let matrix = parameter.flattened(from: 1)
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let gram =
      rows <= columns
      ? matrix.matmul(matrix.transposed(0, 1)) : matrix.transposed(0, 1).matmul(matrix)
    let lengths = matrix.square().sum(dims: [1]).square().sum()
    total = total + 0.5 * (gram.square().sum() - lengths)
  }
  return total
}

extension BigGANConfiguration {
  /// Checks the values.
  func validateBigGAN() throws(ConfigurationError) {
    try Checks.positive([
      "imageChannels": imageChannels, "generatorChannels": generatorChannels,
      "discriminatorChannels": discriminatorChannels, "latentSize": latentSize, "classes": classes,
      "bottomWidth": bottomWidth, "powerIterations": powerIterations,
      "generatorDepth": generatorDepth, "discriminatorDepth": discriminatorDepth,
    ])
    guard let architecture else {
      throw ConfigurationError(
        "imageSize is \(isDeep ? "8, 16, 32 or 64" : "8, 16, 32, 64 or 128") times bottomWidth; "
          + "\(imageSize) is not with a bottomWidth of \(bottomWidth)")
    }
    if isDeep {
      try Checks.require(
        hierarchicalLatent && sharedEmbedding,
        "biggan-deep joins the latent to a shared embedding everywhere; leave hierarchicalLatent and "
          + "sharedEmbedding at true")
      try Checks.require(
        architecture.generator.allSatisfy { $0 == architecture.generator[0] } || generatorDepth == 2,
        "generatorDepth is 2 at imageSize \(imageSize), because the authors' widths fit no other depth; "
          + "\(generatorDepth) works at 32 pixels only")
      try Checks.require(
        generatorChannels * (architecture.generator.min() ?? 1) >= 4
          && discriminatorChannels * (architecture.discriminator.min() ?? 1) >= 4,
        "the narrowest map of biggan-deep needs 4 channels; raise generatorChannels and discriminatorChannels"
      )
    } else {
      try Checks.require(
        !hierarchicalLatent || sharedEmbedding,
        "hierarchicalLatent joins the latent to the shared embedding; set sharedEmbedding to true")
      try Checks.require(
        !hierarchicalLatent || latentChunk >= 1,
        "latentSize is at least \(architecture.generator.count), a number for each chunk, not \(latentSize)")
    }
    for (stage, resolution) in architecture.generatorResolutions.enumerated()
    where generatorAttention.contains(resolution) {
      try Checks.require(
        architecture.generator[stage + 1] * generatorChannels >= 8,
        "attention needs 8 channels; at \(resolution) the generator has "
          + "\(architecture.generator[stage + 1] * generatorChannels), so raise generatorChannels")
    }
    for (stage, resolution) in architecture.discriminatorResolutions.enumerated()
    where discriminatorAttention.contains(resolution) {
      let width = architecture.discriminator[stage + (isDeep ? 1 : 0)] * discriminatorChannels
      try Checks.require(
        width >= 8,
        "attention needs 8 channels; at \(resolution) the discriminator has \(width), so raise discriminatorChannels"
      )
    }
    try Checks.require(
      spectralNormEpsilon > 0 && normEpsilon > 0, "spectralNormEpsilon and normEpsilon are above 0")
    try adam.validate([
      "generatorLearningRate": generatorLearningRate, "discriminatorLearningRate": discriminatorLearningRate,
    ])
    try round.validate()
    try average.validate()
    try Checks.require(
      !loss.takesProbabilities,
      "loss is one of raw scores (hinge, logistic, leastSquares, wasserstein), not \(loss.rawValue)")
    try augmentation.validate(loss, regularizing: [.scores, .latents])
    try Checks.require(standingStatistics >= 0, "standingStatistics is at least 0")
    try Checks.batch(batchSize)
  }
}
