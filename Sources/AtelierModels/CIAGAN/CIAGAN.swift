public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// CIAGAN: another person's face in place of one of whom only landmarks and surroundings are seen.
///
/// Paper: Maximov, Elezi and Leal-Taixé 2020, "CIAGAN: Conditional Identity Anonymization Generative Adversarial
/// Networks". Reference: dvl-tum/ciagan `arch_unet_flex.py`, `arch_resnet_siam.py`, `util_loss.py`, `train.py` (MIT).
///
/// The generator sees the landmarks' drawing, the image without the face, and which of the training's identities is
/// wanted; what it makes is pasted where the mask is. The critic judges images beside their landmarks. The siamese
/// network learns features that are near for two images of a person and a margin apart for two people; the generator's
/// faces are to be near a real image of the wanted person.
///
/// A step takes a batch for the siamese network, two for each update of the critic, generated from the first and real
/// from the second, and one for each update of the generator. The siamese network stays in training mode where the
/// generator is judged by it, so that its running statistics move there too.
///
/// Deviations are on the system's page.
public final class CIAGAN: TranslatingSystem, ReferenceAnswering {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "ciagan", summary: "faces anonymised: another identity with the same pose, mouth and surroundings",
    paper: "Maximov et al., CIAGAN: Conditional Identity Anonymization Generative Adversarial Networks, 2020",
    reference: "dvl-tum/ciagan", suits: [.landmarkedFaces])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator, the critic and the siamese network.
  public let networks: [Network]
  private let generator: IdentityGenerator
  private let critic: LandmarkCritic
  private let siamese: IdentityFeatures
  private let generatorOptimizer: Optimizer
  private let criticOptimizer: Optimizer
  private let siameseOptimizer: Optimizer

  /// Builds the networks with PyTorch's initial weights drawn from `stream`.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = IdentityGenerator(configuration, using: stream)
    let critic = LandmarkCritic(configuration, using: stream)
    let siamese = IdentityFeatures(configuration, using: stream)
    (self.generator, self.critic, self.siamese) = (generator, critic, siamese)
    let rate = configuration.learningRate
    generatorOptimizer = configuration.adam.optimizer(generator, learningRate: rate)
    criticOptimizer = configuration.adam.optimizer(critic, learningRate: rate)
    siameseOptimizer = configuration.adam.optimizer(siamese, learningRate: rate)
    networks = Self.describe(generator, critic, siamese)
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("critic", criticOptimizer), ("siamese", siameseOptimizer)]
  }

  /// Takes over the number of identities.
  ///
  /// - Throws: ``ConfigurationError`` for data without identities.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    configuration.identities = try data.description.requiredClasses(for: identity)
    return configuration
  }

  // MARK: Training

  /// Images that a person is anonymised in.
  struct Seen {
    let image: Tensor
    let landmarks: Tensor
    let mask: Tensor
    let wanted: Tensor

    init(_ batch: Batch) {
      image = batch["image"]
      landmarks = batch["landmarks"]
      mask = batch["mask"]
      wanted = batch["wanted"]
    }

    /// What is seen of the image.
    var surroundings: Tensor { image * (1 - mask) }

    /// The image with another face.
    func with(_ face: Tensor) -> Tensor { surroundings + face * mask }
  }

  /// One step: the siamese network, the critic, the generator.
  public func step(_ step: TrainingStep) throws {
    step.log("siamese", try updateSiamese(step))
    var critics: [(total: Tensor, real: Tensor)] = []
    for _ in 0..<configuration.criticSteps { critics.append(try updateCritic(step)) }
    step.log("critic", Self.sum(critics.map(\.total)))
    step.log("criticReal", Self.sum(critics.map(\.real)))
    var generators: [(adversarial: Tensor, identity: Tensor)] = []
    for _ in 0..<configuration.generatorSteps { generators.append(try updateGenerator(step)) }
    step.log("generatorAdversarial", Self.sum(generators.map(\.adversarial)))
    step.log("generatorIdentity", Self.sum(generators.map(\.identity)))
  }

  private static func sum(_ values: [Tensor]) -> Tensor { Tensor.stacked(values).sum() }

  /// Features of images, of faces alone where the configuration says so.
  private func features(_ image: Tensor, _ mask: @autoclosure () -> Tensor) -> Tensor {
    siamese(configuration.siameseMask ? image * mask() : image)
  }

  /// Half the squared distance of features of one person, and half the square of what the distance of two people lacks of
  /// the margin; `same` is 1 or 0 for each pair.
  private func contrast(_ first: Tensor, _ second: Tensor, same: Tensor) -> Tensor {
    let squared = (second - first).square().sum(dims: [1])
    let missing = (configuration.margin - (squared + 1e-9).sqrt()).relu()
    return ((same * squared + (1 - same) * missing.square()) * 0.5).mean()
  }

  private func updateSiamese(_ step: TrainingStep) throws -> Tensor {
    let batch = try step.batch()
    let same = batch["identity"].equal(batch["wanted"]).asType(.float32)
    return try step.update("siamese", siameseOptimizer) { loss in
      let first = features(batch["image"], batch["mask"])
      let second = features(batch["target"], batch["targetMask"])
      loss.add(contrast(first, second, same: same))
    }.total
  }

  private func updateCritic(_ step: TrainingStep) throws -> (total: Tensor, real: Tensor) {
    let objective = configuration.adversarialLoss
    let seen = Seen(try step.batch())
    let made = withoutGradients { seen.with(generator(seen.landmarks, seen.surroundings, seen.wanted)) }
    let shown = Seen(try step.batch())
    let fake = Tensor.concatenated([made, seen.landmarks], dim: 1)
    let real = Tensor.concatenated([shown.image, shown.landmarks], dim: 1)
    let (terms, realLoss) = try step.update("critic", criticOptimizer) { loss in
      loss.add(objective.fake(critic(fake)))
      let realLoss = objective.real(critic(real))
      loss.add(realLoss)
      if objective == .wasserstein {
        let mixing = step.draws.uniform("mix", [real.shape[0]])
        loss.add(
          GradientPenalty.interpolated(real: real, fake: fake, mixing: mixing) { critic($0) },
          weight: configuration.gradientPenalty)
      }
      return realLoss.detached()
    }
    return (terms.total, realLoss)
  }

  private func updateGenerator(_ step: TrainingStep) throws -> (adversarial: Tensor, identity: Tensor) {
    let batch = try step.batch()
    let seen = Seen(batch)
    return try step.update("generator", generatorOptimizer, freezing: [critic, siamese]) { loss in
      let made = seen.with(generator(seen.landmarks, seen.surroundings, seen.wanted))
      let adversarial = configuration.adversarialLoss.real(
        critic(Tensor.concatenated([made, seen.landmarks], dim: 1)))
      let madeFeatures = features(made, seen.mask)
      let wantedFeatures = features(batch["target"], batch["targetMask"])
      let identity = contrast(
        madeFeatures, wantedFeatures, same: .ones([made.shape[0]], device: made.device))
      loss.add(adversarial)
      loss.add(identity)
      return (adversarial.detached(), identity.detached())
    }.result
  }

  // MARK: Generation

  /// Refused: an image alone does not say where the face is.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    throw Self.nothingToSee
  }

  /// Each example's face as that of its second image's identity, in 0 … 1.
  public func translate(
    _ examples: Batch, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let seen = Seen(examples)
    return seen.with(generator(seen.landmarks, seen.surroundings, seen.wanted)).clamped(min: 0, max: 1)
  }

  private static let nothingToSee = ConfigurationError(
    "ciagan has to see where the face is: give the conditions 'landmarks' and 'mask', images of the size of the face's, or "
      + "'keypoints', its 68 points")

  /// The request's images of any size with the faces replaced, one at a time; what lies outside the masks stays as it is.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let images = try request.required("image")
    var (landmarks, masks) = (request.tensor("landmarks"), request.tensor("mask"))
    let size = configuration.imageSize
    if let points = request.tensor("keypoints") {
      guard landmarks == nil, masks == nil else {
        throw ConfigurationError(
          "the condition 'keypoints' stands for 'landmarks' and 'mask'; give either the points or the images")
      }
      let found = try FaceOutline(shares: points.to(.cpu).contiguous().host().floats())
      landmarks = Tensor(found.drawing(size: size), device: images.device).unsqueezed(0)
      masks = Tensor(
        found.mask(width: images.shape[3], height: images.shape[2]), device: images.device
      ).unsqueezed(0)
    }
    guard let landmarks, let masks else { throw Self.nothingToSee }
    for index in 0..<images.shape[0] {
      func one(_ tensor: Tensor) -> Tensor {
        tensor.shape[0] == 1 ? tensor : tensor.slice(0, index, index + 1)
      }
      let image = one(images)
      let mask = one(masks).greater(0.5).asType(.float32)
      let wanted: Tensor
      if let labels = request.labels("identity"), !labels.isEmpty {
        wanted = Tensor([labels[index % labels.count]], device: images.device)
      } else {
        wanted = request.draws.integers("identity", below: configuration.identities, [1])
      }
      let height = image.shape[2]
      let width = image.shape[3]
      func small(_ tensor: Tensor) -> Tensor {
        tensor.shape[2] == size && tensor.shape[3] == size
          ? tensor : upsampleBilinear(tensor, size: (size, size), antialias: true)
      }
      let face = generator(small(one(landmarks)), small(image * (1 - mask)), wanted)
      let whole =
        height == size && width == size ? face : upsampleBilinear(face, size: (height, width))
      try emit(Output("image", (image * (1 - mask) + whole * mask).clamped(min: 0, max: 1)))
    }
  }

  /// False: what is generated has one size.
  public var exportsAnySize: Bool { false }
}
