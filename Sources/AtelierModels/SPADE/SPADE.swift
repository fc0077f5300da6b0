public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// SPADE, also known as GauGAN: photographs from label maps, which scale and shift every normalised feature
/// of the generator, so that normalising does not wash them out.
///
/// Paper: Park, Liu, Wang and Zhu 2019, "Semantic Image Synthesis with Spatially-Adaptive Normalization".
///
/// Reference: NVlabs/SPADE `models/networks/`, `models/pix2pix_model.py`, `trainers/pix2pix_trainer.py`
/// (CC BY-NC-SA 4.0; nothing of it is here but facts).
///
/// The generator begins with the labels at the size of the smallest map, or with a style: a vector that the
/// encoder draws from the real image. Discriminators on several scales judge map and image together; real
/// and generated images go through them as one batch, the generated first. In a step the generator (and the
/// encoder) is updated first, then the discriminators with a newly generated image.
///
/// `generator: global` is the paper's baseline: pix2pixHD's residual generator, which sees the map at its
/// input alone, trained in every other respect the same way.
///
/// Deviations: the baseline's convolutions have no spectral normalisation, as in pix2pixHD. `norm: none` and
/// discriminators without spectral normalisation exist here, not there. The encoder looks at images of
/// `encoderSize`, there always 256, and halves them down to 4×4. Generation without a style image draws the
/// style from a standard normal, as the authors' `--use_vae` does when it is given none.
public final class SPADE: TranslatingSystem, AugmentedSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "spade", summary: "Photographs from label maps that modulate every layer",
    paper: "Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, 2019",
    reference: "NVlabs/SPADE models/pix2pix_model.py",
    suits: [.labelMaps])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator`, `discriminator`, and where configured `encoder` and the VGG of the perceptual loss.
  public let networks: [Network]
  private let generator: any MapGenerator
  private let encoder: StyleDistributionEncoder?
  private let adversary: MapAdversary
  /// The discriminators' augmentation.
  public var augment: DiscriminatorAugmentation { adversary.augment }

  /// Builds the networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator: any MapGenerator =
      configuration.generator == .spade
      ? Generator(configuration, using: stream) : Baseline(configuration, using: stream)
    let discriminator = configuration.makeDiscriminator(
      mapChannels: configuration.mapChannels,
      strides: Self.discriminatorStrides(layers: configuration.layers), using: stream)
    let encoder = configuration.encoder.map { _ in
      StyleDistributionEncoder(
        width: configuration.encoderWidth ?? configuration.width, size: configuration.encoderSize,
        latent: configuration.latent, using: stream)
    }
    adversary = try MapAdversary(
      configuration, generator: generator, discriminator: discriminator, encoder: encoder,
      perceptual: configuration.weights.perceptual, using: stream)
    self.generator = generator
    self.encoder = encoder
    networks =
      Self.describe(configuration, generator, discriminator, encoder) + adversary.frozenNetworks
  }

  /// Strides of the normalised convolutions: all halve the image but the last.
  private static func discriminatorStrides(layers: Int) -> [Int] {
    (1..<max(1, layers)).map { $0 == layers - 1 ? 1 : 2 }
  }

  /// What the networks are conditioned on at every pixel, `[batch, mapChannels, height, width]`: one-hot
  /// labels, then edges between instances.
  static func map(_ configuration: Configuration, _ values: [String: Tensor]) throws -> Tensor {
    let labels = oneHotLabels(try values.required("label"), classes: configuration.classes)
    guard configuration.instanceEdges else { return labels }
    return .concatenated([labels, AtelierModels.instanceEdges(try values.required("instance"))], dim: 1)
  }

  /// The optimisers by their networks' names; the generator's trains the encoder too.
  public var optimizers: [(name: String, optimizer: Optimizer)] { adversary.optimizers }

  /// Takes over the number of classes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    configuration.classes = foundClasses(data, otherwise: configuration.classes)
    return configuration
  }

  // MARK: Training

  /// One step: the generator's update (and the encoder's), newly generated images, the discriminators'
  /// update.
  public func step(_ step: TrainingStep) throws {
    configuration.setTwoTimeScales(
      adversary.generatorOptimizer, adversary.discriminatorOptimizer, epoch: step.epoch)
    let weights = configuration.weights
    let batch = try step.batch()
    let real = batch["image"]
    let map = MapPyramid(try Self.map(configuration, batch.tensors))
    // Both passes of the generator draw, the generator's own first.
    let epsilon = encoder.map { _ in
      step.draws.along(1).normal("epsilon", [2, real.shape[0], configuration.latent])
    }
    func style(_ distribution: StyleDistribution?, pass: Int) -> Tensor? {
      guard let distribution, let epsilon else { return nil }
      return distribution.sample(epsilon.selected(dim: 0, index: pass))
    }

    let terms = try step.update(
      "generator", adversary.generatorOptimizer, freezing: [adversary.discriminator]
    ) { loss in
      let distribution = encoder?(real)
      let fake = generator(map, style: style(distribution, pass: 0))
      adversary.addGeneratorTerms(
        fake, real, map, step, featureMatching: weights.featureMatching, to: &loss)
      if let distribution { loss.add("kl", distribution.divergence, weight: weights.kl) }
    }
    step.log("generator", terms.total)

    let fake = withoutGradients { generator(map, style: style(encoder?(real), pass: 1)) }
    try adversary.updateDiscriminator(fake, real, map, step)
    augment.endStep(step)
  }

  // MARK: Generation

  /// False: the map is resized to each layer's size, which a recording keeps.
  public var exportsAnySize: Bool { false }

  /// Images in -1 … 1 for label maps `[n, height, width]`, each in a style that is drawn where there is an
  /// encoder. Without a map of instances the label map stands in for it.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    try photograph(label: pictures, instances: nil, example: nil, draws: draws)
  }

  /// Images for the request's `label`, one at a time, `count` of them a map where there is an encoder; with
  /// its `instance`, and in the style of the image `style`, where given.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let labels = request.tensor("label") else {
      throw ConfigurationError("spade starts from label maps; give them as 'label'")
    }
    try MapChecks.labels(labels, classes: configuration.classes, from: "the source")
    for index in 0..<labels.shape[0] {
      func one(_ name: String) -> Tensor? {
        request.tensor(name).map { $0.shape[0] == 1 ? $0 : $0.slice(0, index, index + 1) }
      }
      let picture = try photograph(
        label: labels.slice(0, index, index + 1), instances: one("instance"), example: one("style"),
        draws: request.draws)
      try emit(Output("image", picture))
    }
  }

  private func photograph(
    label: Tensor, instances: Tensor?, example: Tensor?, draws: any Draws
  ) throws -> Tensor {
    if let instances { try MapChecks.sameSize(instances, label, from: "the map of instances") }
    let map = try Self.map(configuration, ["label": label, "instance": instances ?? label])
    var style: Tensor?
    if let encoder {
      style =
        example.map { encoder($0).mean } ?? draws.normal("noise", [label.shape[0], configuration.latent])
    }
    return generator(MapPyramid(map), style: style)
  }

}
