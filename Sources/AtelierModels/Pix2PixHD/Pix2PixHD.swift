public import AtelierCore
public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// pix2pixHD: large photographs from label maps, coarse to fine.
///
/// Paper: Wang, Liu, Zhu, Tao, Kautz and Catanzaro 2018, "High-Resolution Image Synthesis and Semantic
/// Manipulation with Conditional GANs".
///
/// Reference: NVIDIA/pix2pixHD `models/pix2pixHD_model.py`, `models/networks.py` and `train.py`
/// (BSD-2-Clause).
///
/// The condition is a map of class indices, one-hot, and the edges of a map of instances; with `classes: 0`
/// it is an image instead, as with the authors' `--label_nc 0`. Discriminators on several scales judge
/// condition and image together, with least squares; the generator is also to match their features of the
/// real image, and those of a VGG19 (`weights.perceptual`), which the authors give images in -1 … 1 as
/// they are, without ImageNet's normalisation. An encoder may tell the generator how each instance looks: its
/// features of the real image, averaged over the instance, are a further condition. All losses come from one
/// set of forward passes; the generator is updated first.
///
/// Deviations: where VGG19's weights are missing and VGG16's are there, those are taken, and a training says
/// so. With `vanilla` the loss takes raw scores (the authors put a sigmoid behind them, which their chain of
/// stages drops where features are matched, so that their loss is undefined then). While only the outermost
/// enhancer is trained (`fixGlobalEpochs`), moments of the other layers rest; the authors begin with a new
/// optimiser afterwards. Generation takes the features of instances from an image, or draws them uniformly
/// from -1 … 1; the authors take those of clusters that they computed after training.
public final class Pix2PixHD: TranslatingSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "pix2pix-hd", summary: "Large photographs from label maps, coarse to fine",
    paper:
      "Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, 2018",
    reference: "NVIDIA/pix2pixHD models/pix2pixHD_model.py")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator`, `discriminator` and, where configured, `encoder` and a frozen VGG.
  public let networks: [Network]
  /// Discriminator augmentation.
  public let augment: DiscriminatorAugmentation
  private let generator: any Layer
  private let discriminator: MultiscaleDiscriminator
  private let encoder: ResidualGenerator?
  private let perceptual: PerceptualLoss?
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let (generator, names) = Self.makeGenerator(configuration, using: stream)
    let discriminator = MultiscaleDiscriminator(
      inputChannels: configuration.semanticChannels + configuration.outputChannels,
      width: configuration.discriminatorWidth, layers: configuration.layers, scales: configuration.scales,
      norm: configuration.discriminatorNorm ?? configuration.norm, using: stream)
    var encoder: ResidualGenerator?
    if configuration.encoder != nil {
      encoder = ResidualGenerator(
        inputChannels: configuration.outputChannels, outputChannels: configuration.featureChannels,
        width: configuration.encoderWidth, downsamplings: configuration.encoderDownsamplings, blocks: 0,
        norm: configuration.norm, hasBias: true, using: stream)
    }
    for network in [generator, discriminator, encoder].compactMap({ $0 as Module? }) {
      applyDCGANWeights(network, using: stream)
    }
    self.generator = generator
    self.discriminator = discriminator
    self.encoder = encoder
    // The encoder learns from what the generator makes of its features.
    generatorOptimizer = configuration.makeAdam(
      encoder.map { namedParameters(of: ["generator": generator, "encoder": $0]) }
        ?? generator.namedParameters())
    discriminatorOptimizer = configuration.makeAdam(discriminator.namedParameters())
    let perceptual = try Self.makePerceptualLoss(configuration)
    self.perceptual = perceptual
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    networks =
      Self.describe(configuration, generator, names, discriminator, encoder)
      + (perceptual.map { [$0.network] } ?? [])
  }

  /// The authors' layers and factors, on images as they are.
  private static func makePerceptualLoss(_ configuration: Configuration) throws -> PerceptualLoss? {
    guard configuration.weights.perceptual > 0 else { return nil }
    return try PerceptualLoss(
      (configuration.features ?? .vgg19).architecture,
      weights: [
        "relu1_1": 1.0 / 32, "relu2_1": 1.0 / 16, "relu3_1": 1.0 / 8, "relu4_1": 1.0 / 4, "relu5_1": 1,
      ], criterion: .l1, normalization: .none)
  }

  private static func makeGenerator(
    _ configuration: Configuration, using stream: RandomStream
  ) -> (any Layer, KeyMap) {
    let inputs =
      configuration.semanticChannels + (configuration.encoder == nil ? 0 : configuration.featureChannels)
    switch configuration.generator {
    case .global:
      let network = ResidualGenerator(
        inputChannels: inputs, outputChannels: configuration.outputChannels, width: configuration.width,
        downsamplings: configuration.downsamplings, blocks: configuration.blocks, norm: configuration.norm,
        hasBias: true, checkpointsBlocks: configuration.gradientCheckpointing, using: stream)
      return (network, KeyMap())
    case .local:
      let network = LocalEnhancer(
        inputChannels: inputs, outputChannels: configuration.outputChannels, width: configuration.width,
        downsamplings: configuration.downsamplings, blocks: configuration.blocks,
        enhancers: configuration.localEnhancers, localBlocks: configuration.localBlocks,
        norm: configuration.norm, checkpointsBlocks: configuration.gradientCheckpointing, using: stream)
      return (network, LocalEnhancer.authorsNames(enhancers: configuration.localEnhancers))
    }
  }

  /// The networks with the inputs and outputs of reference cases.
  private static func describe(
    _ configuration: Configuration, _ generator: any Layer, _ names: KeyMap,
    _ discriminator: MultiscaleDiscriminator, _ encoder: ResidualGenerator?
  ) -> [Network] {
    func semantics(_ inputs: [String: Tensor]) throws -> Tensor {
      let instances = configuration.instanceEdges ? try inputs.required("instance") : nil
      return configuration.semantics(label: try inputs.required("label"), instances: instances)
    }
    func features(_ encoder: ResidualGenerator, _ inputs: [String: Tensor]) throws -> Tensor {
      InstanceIndex(try inputs.required("instance")).means(encoder(try inputs.required("image")))
    }
    var networks = [
      Network("generator", generator, authorsNames: names) { _, inputs in
        let condition = try semantics(inputs)
        guard let encoder else { return ["image": generator(condition)] }
        let features = try features(encoder, inputs)
        return [
          "image": generator(.concatenated([condition, features], dim: 1)), "features": features,
        ]
      },
      Network(
        "discriminator", discriminator,
        authorsNames: MultiscaleDiscriminator.authorsNames(
          scales: configuration.scales, layers: configuration.layers,
          hasFeatures: configuration.weights.featureMatching > 0), isForTraining: true
      ) { _, inputs in
        let pair = [try semantics(inputs), try inputs.required("image")]
        let hasFeatures = configuration.weights.featureMatching > 0
        let outputs = discriminator.outputs(
          of: .concatenated(pair, dim: 1), prefix: "output", hasFeatures: hasFeatures)
        // Without features the authors' chain of stages ends in the sigmoid of their cross-entropy.
        return configuration.adversarialLoss == .vanilla && !hasFeatures
          ? outputs.mapValues { $0.sigmoid() } : outputs
      },
    ]
    if let encoder {
      networks.append(
        Network("encoder", encoder) { _, inputs in ["features": try features(encoder, inputs)] })
    }
    return networks
  }

  /// The optimisers by their networks' names; the generator's trains the encoder too.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Takes over the data's classes, where the condition is a label map.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    let found = data.description.classNames.count
    if configuration.classes > 0, found > 0 { configuration.classes = found }
    return configuration
  }

  /// With VGG16 in the place of VGG19 where the store does not have the authors' network.
  public static func adapted(
    _ configuration: Configuration, to store: WeightStore
  ) -> (configuration: Configuration, remark: String?) {
    guard configuration.weights.perceptual > 0, configuration.features == nil else {
      return (configuration, nil)
    }
    var chosen = configuration
    let (network, remark) = FeatureNetwork.ofPix2PixHD(in: store)
    chosen.features = network
    return (chosen, remark)
  }

  // MARK: Training

  /// One step: all forward passes, the generator's update (and the encoder's), the discriminator's.
  public func step(_ step: TrainingStep) throws {
    schedule(step)
    let weights = configuration.weights
    let objective = configuration.adversarialLoss.loss
    let batch = try step.batch()
    let real = batch["image"]
    let instances = configuration.needsInstances ? batch["instance"] : nil
    let semantics = configuration.semantics(
      label: batch["label"], instances: configuration.instanceEdges ? instances : nil)
    let features = encoder.flatMap { encoder in instances.map { InstanceIndex($0).means(encoder(real)) } }
    let fake = generator(features.map { .concatenated([semantics, $0], dim: 1) } ?? semantics)

    // Both images are changed alike, because the features of one are to match those of the other.
    let seen = augment.alike([fake, real], beside: semantics, draws: step.draws, name: "diffAugment")
    let fakeLoss = summedOverScales(discriminator(seen[0].detached()), objective.fake)
    let realOutputs = discriminator(seen[1])
    augment.observe(realScores: realOutputs.compactMap(\.last))
    let realLoss = summedOverScales(realOutputs, objective.real)

    let terms = try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let outputs = discriminator(seen[0])
      loss.add("adversarial", summedOverScales(outputs, objective.generator))
      let matching = AtelierModels.featureMatching(outputs, realOutputs, layers: configuration.layers)
      loss.add("featureMatching", matching, weight: weights.featureMatching)
      if let perceptual { loss.add("perceptual", perceptual(fake, real), weight: weights.perceptual) }
    }
    step.log("generator", terms.total)

    let discriminatorTerms = try step.update("discriminator", discriminatorOptimizer) { loss in
      loss.add("discriminatorFake", fakeLoss, weight: 0.5, logsWeighted: false)
      loss.add("discriminatorReal", realLoss, weight: 0.5, logsWeighted: false)
    }
    step.log("discriminator", discriminatorTerms.total)
    augment.endStep(step)
  }

  /// Constant, then in a straight line towards zero, and at first the outermost enhancer alone. Source:
  /// `models/pix2pixHD_model.py` `update_learning_rate`, `update_fixed_params`.
  private func schedule(_ step: TrainingStep) {
    if configuration.decayEpochs > 0 {
      let decay = Schedule.linearDecay(
        start: configuration.constantEpochs, length: configuration.decayEpochs - 1, offset: 0)
      let rate = decay.learningRate(base: configuration.learningRate, at: Int(step.epoch))
      generatorOptimizer.learningRate = rate
      discriminatorOptimizer.learningRate = rate
    }
    if let enhancer = generator as? LocalEnhancer, configuration.fixGlobalEpochs > 0 {
      let isFixed = Int(step.epoch) < configuration.fixGlobalEpochs
      generator.requiresGradients = !isFixed
      if isFixed { enhancer.enhancers.last?.requiresGradients = true }
    }
  }

  // MARK: Generation

  /// Images `[n, outputs, height, width]` in -1 … 1 for conditions: images, or class indices with
  /// `classes` above 0. Without a map of instances the label map stands in for it, so that each class is one
  /// instance.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    try photograph(label: pictures, instances: nil, example: nil, draws: draws)
  }

  /// Images for the request's `label`, with its `instance` and, for the encoder, `image` where given, one
  /// at a time.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let labels = request.tensor("label") else {
      throw ConfigurationError("pix2pix-hd starts from a label map or an image; give it as 'label'")
    }
    for index in 0..<labels.shape[0] {
      func one(_ name: String) -> Tensor? { request.tensor(name)?.slice(0, index, index + 1) }
      let picture = try photograph(
        label: labels.slice(0, index, index + 1), instances: one("instance"), example: one("image"),
        draws: request.draws)
      try emit(Output("image", picture))
    }
  }

  private func photograph(
    label: Tensor, instances: Tensor?, example: Tensor?, draws: any Draws
  ) throws -> Tensor {
    let map = configuration.classes > 0 ? instances ?? label : instances
    if configuration.needsInstances, map == nil {
      throw ConfigurationError(
        "pix2pix-hd needs a map of instances beside the image; give it as 'instance'")
    }
    let condition = configuration.semantics(
      label: label, instances: configuration.instanceEdges ? map : nil)
    return testing(generator, dropout: false, batchStatistics: true) {
      guard let encoder, let map else { return generator(condition) }
      let index = InstanceIndex(map)
      let features =
        example.map { index.means(encoder($0)) }
        ?? index.spread(draws.uniform("features", [index.count, configuration.featureChannels]) * 2 - 1)
      return generator(.concatenated([condition, features], dim: 1))
    }
  }
}
