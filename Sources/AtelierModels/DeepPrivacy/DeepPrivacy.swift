public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// DeepPrivacy: a face that nobody has, filled in from its surroundings and keypoints without ever seeing the face.
///
/// Papers: Hukkelås, Mester and Lindseth 2019, "DeepPrivacy: A Generative Adversarial Network for Face Anonymization";
/// Hukkelås, Lindseth and Mester 2020, "Image Inpainting with Learnable Feature Imputation". Reference:
/// hukkelas/DeepPrivacy `progressive_generator.py`, `discriminator/original.py`, `loss/*`, `configs/defaults.py` (MIT).
///
/// Both networks grow (Karras et al. 2018): a stage for each size; a new size is blended in beside the old path over
/// `growthImages` images, and trained with as many more. Images of smaller sizes are means of the pixels of the full
/// ones.
///
/// A step updates the discriminator (Wasserstein, the mean square of real scores, and every few steps a penalty on the
/// gradient of the filled pixels beyond a norm of 1), then the generator and its moving average, which generates.
///
/// Deviations are on the system's page.
public final class DeepPrivacy: TranslatingSystem, ReferenceAnswering {
  /// The name, the papers and the reference implementation.
  public static let identity = SystemIdentity(
    name: "deep-privacy", summary: "faces anonymised: filled in from keypoints and surroundings alone",
    paper: "Hukkelås et al., DeepPrivacy: A Generative Adversarial Network for Face Anonymization, 2019",
    reference: "hukkelas/DeepPrivacy", suits: [.faces])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// The optimisers, of growing networks one for each stage, as the authors begin anew with each size.
  public let optimizers: [(name: String, optimizer: Optimizer)]
  private let generator: FaceInpainter
  private let discriminator: FaceDiscriminator
  private let average: MovingAverage
  private let stages: [(level: Int, start: Int, generator: Optimizer, discriminator: Optimizer)]

  /// Builds both networks with normally distributed weights drawn from `stream`.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = FaceInpainter(configuration, using: stream)
    let discriminator = FaceDiscriminator(configuration, using: stream)
    (self.generator, self.discriminator) = (generator, discriminator)
    average = MovingAverage(of: generator, decay: configuration.averageDecay, buffers: .leftOut)
    let growth = configuration.growth
    let interval = Double(configuration.penaltyInterval)
    let lazy = interval / (interval + 1)
    var judging = configuration.adam
    judging.beta1 = pow(judging.beta1, lazy)
    judging.beta2 = configuration.discriminatorBeta2 ?? pow(judging.beta2, lazy)
    let judgingRate = configuration.discriminatorLearningRate ?? configuration.learningRate * lazy
    let isGrowing = configuration.growthImages > 0
    var (start, named) = (0, [(name: String, optimizer: Optimizer)]())
    stages = configuration.growthStages.map { stage in
      func parameters(_ module: Module) -> [(name: String, tensor: Tensor)] {
        module.namedParameters().filter { !isGrowing || Self.isUsed($0.name, at: stage.level, growth) }
      }
      let making = configuration.adam.optimizer(
        parameters(generator), learningRate: configuration.learningRate)
      let deciding = judging.optimizer(parameters(discriminator), learningRate: judgingRate)
      let suffix = isGrowing ? "-\(4 << stage.level)" : ""
      named += [("generator" + suffix, making), ("discriminator" + suffix, deciding)]
      defer { start += stage.steps ?? 0 }
      return (stage.level, start, making, deciding)
    }
    optimizers = named
    networks = Self.describe(generator, discriminator, growth)
  }

  /// The averaged generator.
  public var averages: [(network: String, average: MovingAverage)] { [("generator", average)] }

  // MARK: Training

  /// How far networks have grown at a step: the newest size is blended in over `growthImages` images, in steps of four
  /// batches as the authors', and the first one is there from the beginning.
  package func transition(at step: Int, of stage: (level: Int, start: Int)) -> Double {
    guard configuration.growthImages > 0 else { return configuration.transition }
    guard stage.level > configuration.growth.firstColours else { return 1 }
    let images = max(0, step - stage.start) / 4 * 4 * configuration.batchSize(at: stage.level)
    return min(1, Double(images) / Double(configuration.growthImages))
  }

  /// One step: the discriminator, the generator, its average.
  public func step(_ step: TrainingStep) throws {
    let stage = stages.last { $0.start <= step.index } ?? stages[0]
    let transition = transition(at: step.index, of: (stage.level, stage.start))
    generator.grow(to: stage.level, transition: transition)
    discriminator.transition = transition
    if configuration.growthImages > 0 { step.log("transition", Tensor(scalar: transition)) }

    let batch = try step.batch()
    let factor = 1 << (configuration.widths.count - 1 - stage.level)
    let real = Self.reduced(batch["image"], factor)
    // A pixel is kept where all of it is.
    let mask = Self.reduced(batch["mask"], factor).greaterOrEqual(1).asType(.float32)
    let keypoints = batch["keypoints"]
    let condition = real * mask
    let latents = step.draws.along(1).normal(
      "latent", [2, real.shape[0], configuration.latentChannels, 4, 4])
    func filled(_ use: Int) -> Tensor {
      generator(condition, mask, keypoints, latents.selected(dim: 0, index: use))
    }
    func judged(_ image: Tensor) -> Tensor { discriminator(image, condition, mask, keypoints) }

    let weights = configuration.lossWeights
    let fake = withoutGradients { filled(0) }
    var penalty = Tensor.zeros([], device: real.device)
    try step.update("discriminator", stage.discriminator) { loss in
      let realScores = judged(real)
      let distance = realScores.mean() - judged(fake).mean()
      loss.add(-distance)
      if (step.index + 1) % configuration.penaltyInterval == 0 {
        let mixing = step.draws.uniform("mix", [real.shape[0]])
        let term = slope(between: real, fake, mixing, mask, judged)
        penalty = term.detached()
        loss.add(term, weight: weights.gradientPenalty * Double(configuration.penaltyInterval))
      }
      let epsilon = realScores.square().mean()
      loss.add(epsilon, weight: weights.epsilonPenalty)
      step.log("wasserstein", distance)
      step.log("epsilonPenalty", epsilon)
      step.log("realScore", realScores.mean())
    }
    step.log("gradientPenalty", penalty)
    try step.update("generator", stage.generator, freezing: [discriminator], average: average) { loss in
      loss.add("generator", -judged(filled(1)).mean())
    }
  }

  /// The penalty on the gradient's norm between real and generated images.
  private func slope(
    between real: Tensor, _ fake: Tensor, _ mixing: Tensor, _ mask: Tensor, _ judged: (Tensor) -> Tensor
  ) -> Tensor {
    withoutAutocast(on: real.device) {
      let mix = mixing.reshaped([-1, 1, 1, 1])
      let points = (mix * real + (1 - mix) * fake).detached()
      points.requiresGradient = true
      var slope = gradients(of: judged(points), withRespectTo: [points], createGraph: true)[0]
      if configuration.penaltyMasked { slope = slope * (1 - mask) }
      let excess = slope.flattened(from: 1).norm(dims: [1]) - 1
      return (configuration.penalty == .oneSided ? excess.relu() : excess.square()).mean()
    }
  }

  /// The means of squares of pixels.
  private static func reduced(_ images: Tensor, _ factor: Int) -> Tensor {
    factor == 1 ? images : averagePool2d(images, kernelSize: (factor, factor))
  }

  // MARK: Generation

  /// Refused: an image alone does not say where the face is.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    throw Self.nothingToSee
  }

  private static let nothingToSee = ConfigurationError(
    "deep-privacy has to know where the face is: give the condition 'keypoints' and with it 'mask', an image of the face's "
      + "size, or 'box'")

  /// Each example's face filled in.
  public func translate(
    _ examples: Batch, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    filled(examples["image"], examples["mask"], examples["keypoints"], InpaintingSettings(), draws)
  }

  /// Images of any size in -1 … 1, filled at the size that the networks have grown to.
  ///
  /// - Parameter mask: 1 where the image is kept.
  private func filled(
    _ image: Tensor, _ mask: Tensor, _ keypoints: Tensor, _ settings: InpaintingSettings, _ draws: any Draws
  ) -> Tensor {
    let size = 4 << generator.state.level
    let (height, width) = (image.shape[2], image.shape[3])
    let isWhole = height == size && width == size
    let seen = isWhole ? image : upsampleBilinear(image, size: (size, size), antialias: true)
    let kept = (isWhole ? mask : upsampleBilinear(mask, size: (size, size), antialias: true))
      .greater(0.999).asType(.float32)
    let latent = latent([image.shape[0], configuration.latentChannels, 4, 4], settings, draws, image.device)
    let face = generator(seen * kept, kept, keypoints, latent)
    let whole = isWhole ? face : upsampleBilinear(face, size: (height, width))
    return (image * mask + whole * (1 - mask)).clamped(min: -1, max: 1)
  }

  /// The latent map: 0, or drawn again beyond the limit.
  private func latent(
    _ shape: [Int], _ settings: InpaintingSettings, _ draws: any Draws, _ device: Device
  ) -> Tensor {
    let limit = settings.truncation
    guard limit > 0 else { return .zeros(shape, device: device) }
    var latent = draws.normal("latent", shape)
    // Below one draw in a thousand is left outside of common limits after thirty rounds, and clamped.
    for _ in 0..<30 {
      let outside = latent.abs().greater(limit)
      guard outside.any().item() != 0 else { return latent }
      latent = .select(outside, draws.normal("latent", shape), latent)
    }
    return latent.clamped(min: -limit, max: limit)
  }

  /// The request's images of any size with their faces filled in, one at a time; what is kept stays as it is.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let images = try request.required("image")
    let keypoints = try request.required("keypoints")
    let settings = try request.sampling(as: InpaintingSettings.self)
    let (masks, boxes) = (request.tensor("mask"), request.tensor("box"))
    guard (masks == nil) != (boxes == nil) else {
      guard masks == nil else {
        throw ConfigurationError("the conditions 'mask' and 'box' both say where the face is; choose one")
      }
      throw Self.nothingToSee
    }
    for index in 0..<images.shape[0] {
      func one(_ tensor: Tensor) -> Tensor {
        tensor.shape[0] == 1 ? tensor : tensor.slice(0, index, index + 1)
      }
      let image = one(images)
      var mask = masks.map { one($0).lessOrEqual(0.5).asType(.float32) }
      if let boxes {
        mask = try Self.mask(around: one(boxes), height: image.shape[2], width: image.shape[3])
          .to(image.device)
      }
      guard let mask else { throw Self.nothingToSee }
      try emit(Output("image", filled(image, mask, one(keypoints), settings, request.draws)))
    }
  }

  /// 0 within a box in shares of width and height, and 1 elsewhere, `[1, 1, height, width]`.
  private static func mask(around box: Tensor, height: Int, width: Int) throws -> Tensor {
    let sides = box.to(.cpu).floats().map { Double($0) }
    guard sides.count == 4, sides.allSatisfy({ (-1...2).contains($0) }), sides[0] < sides[2],
      sides[1] < sides[3]
    else {
      throw ConfigurationError(
        "the condition 'box' is left, top, right and bottom in shares of width and height, such as 0.2,0.1,0.8,0.9"
      )
    }
    func inside(_ count: Int, _ from: Double, _ to: Double) -> [Float] {
      (0..<count).map { place in
        let share = (Double(place) + 0.5) / Double(count)
        return share >= from && share < to ? 1 : 0
      }
    }
    let rows = Tensor(inside(height, sides[1], sides[3]), shape: [1, 1, height, 1])
    let columns = Tensor(inside(width, sides[0], sides[2]), shape: [1, 1, 1, width])
    return 1 - rows * columns
  }

  /// False: what is generated has one size.
  public var exportsAnySize: Bool { false }
}
