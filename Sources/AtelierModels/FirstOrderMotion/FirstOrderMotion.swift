public import AtelierCore
public import AtelierData
import Perception
public import Torch
public import TorchNN

/// The first-order motion model: still images that move as a video does, by keypoints that nobody names.
///
/// Paper: Siarohin, Lathuilière, Tulyakov, Ricci and Sebe 2019, "First Order Motion Model for Image Animation". Reference
/// implementation, by the authors: AliaksandrSiarohin/first-order-model `modules`, `train.py`, `animate.py`, `demo.py`, MIT.
///
/// Two frames of a video are source and driving frame. Generator and keypoint detector learn together to draw the driving
/// frame from the source, by the differences of VGG19's features on several scales and, where adversarial, by a
/// discriminator and the differences of its features; under a random warp keypoints and their matrices are to move along.
/// Then the discriminator makes its own step, with least squares.
///
/// Deviations are on the system's page.
public final class FirstOrderMotion: AnimatingSystem, ReferenceAnswering {
  /// The name, paper and reference implementation.
  public static let identity = SystemIdentity(
    name: "first-order-motion", summary: "still images that move as a video does",
    paper: "Siarohin et al., First Order Motion Model for Image Animation, 2019",
    reference: "AliaksandrSiarohin/first-order-model", suits: [.videos])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `detector`, `generator`, `discriminator` and, where configured, a frozen VGG19.
  public let networks: [Network]
  let detector: KeypointDetector
  let generator: MotionGenerator
  private let discriminator: MotionDiscriminators
  private let vgg: VGG?
  private let pyramid: ImagePyramid
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let detector = KeypointDetector(configuration, using: stream)
    let generator = MotionGenerator(configuration, using: stream)
    let discriminator = MotionDiscriminators(configuration, using: stream)
    (self.detector, self.generator, self.discriminator) = (detector, generator, discriminator)
    pyramid = ImagePyramid(configuration.pyramid)
    // Adam treats every parameter by itself, so that one optimiser is the authors' two.
    generatorOptimizer = configuration.adam.optimizer(
      namedParameters(of: ["generator": generator, "detector": detector]),
      learningRate: configuration.learningRate)
    discriminatorOptimizer = configuration.adam.optimizer(
      discriminator, learningRate: configuration.learningRate)
    vgg =
      configuration.lossWeights.perceptual.contains { $0 != 0 }
      ? try VGG(.vgg19, upTo: configuration.perceptualLayers.map(\.name)) : nil
    networks = Self.describe(configuration, detector, generator, discriminator, vgg)
  }

  /// The optimisers: of generator and detector together, and of the discriminators.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  // MARK: Training

  /// One step on pairs of frames: generator and detector, then the discriminators.
  public func step(_ step: TrainingStep) throws {
    let weights = configuration.lossWeights
    let rate = Schedule.multiStep(milestones: configuration.milestones, factor: 0.1)
      .learningRate(base: configuration.learningRate, at: Int(step.epoch) / configuration.repeats)
    (generatorOptimizer.learningRate, discriminatorOptimizer.learningRate) = (rate, rate)
    let (source, driving) = try pair(step)
    let isWarped = weights.equivariance + weights.equivarianceJacobian != 0
    let warp = isWarped ? RandomWarp(configuration.transform, count: driving.shape[0], step.draws) : nil
    let real = pyramid(driving)

    let (terms, drawn) = try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let (own, wanted) = (detector(source), detector(driving))
      let image = generator(source, source: own, driving: wanted).image
      let generated = pyramid(image)
      addPerceptual(generated, real, to: &loss)
      if weights.reconstruction != 0 {
        let differences = zip(generated, real).map { meanAbsoluteError($0, $1) }
        loss.add("reconstruction", Self.sum(differences), weight: weights.reconstruction)
      }
      if configuration.isAdversarial { addAdversarial(generated, real, wanted, to: &loss) }
      if let warp { addEquivariance(warp, driving, wanted, to: &loss) }
      return (image: image.detached(), keypoints: wanted.points.detached())
    }
    step.log("generator", terms.total)

    guard configuration.isAdversarial else { return }
    try step.update("discriminator", discriminatorOptimizer) { loss in
      let generated = discriminator(judged(pyramid(drawn.image)), at: drawn.keypoints)
      let judged = zip(discriminator(judged(real), at: drawn.keypoints), generated).map { real, generated in
        ((1 - real.scores.asType(.float32)).square() + generated.scores.asType(.float32).square()).mean()
      }
      loss.add("discriminator", Self.sum(judged), weight: weights.discriminator)
    }
  }

  /// Σ over scales and layers of weight · the mean absolute difference of VGG19's features.
  private func addPerceptual(_ generated: [Tensor], _ real: [Tensor], to loss: inout Loss) {
    guard let vgg else { return }
    let layers = configuration.perceptualLayers
    let names = layers.map(\.name)
    func features(_ images: Tensor) -> [String: Tensor] {
      vgg.activations(of: InputNormalization.imagenet(images, from: .unit), at: names)
    }
    let terms = zip(generated, real).flatMap { generated, real in
      let wanted = withoutGradients { features(real) }
      let got = features(generated)
      return layers.map { meanAbsoluteError(got.activation($0.name), wanted.activation($0.name)) * $0.weight }
    }
    loss.add("perceptual", Self.sum(terms))
  }

  /// Least squares of generated scores against 1, and the differences of the discriminators' features.
  private func addAdversarial(
    _ generated: [Tensor], _ real: [Tensor], _ keypoints: MotionKeypoints, to loss: inout Loss
  ) {
    let weights = configuration.lossWeights
    let points = keypoints.points.detached()
    let outputs = discriminator(judged(generated), at: points)
    let targets = discriminator(judged(real), at: points)
    loss.add(
      "adversarial", Self.sum(outputs.map { (1 - $0.scores.asType(.float32)).square().mean() }),
      weight: weights.adversarial)
    guard weights.featureMatching.contains(where: { $0 != 0 }) else { return }
    let differences = zip(outputs, targets).flatMap { output, target in
      zip(zip(output.features, target.features), weights.featureMatching).map { features, weight in
        meanAbsoluteError(features.0.asType(.float32), features.1.asType(.float32)) * weight
      }
    }
    loss.add("featureMatching", Self.sum(differences))
  }

  /// Keypoints of the warped driving frame, warped back, against those of the frame itself; and the matrices likewise.
  private func addEquivariance(
    _ warp: RandomWarp, _ driving: Tensor, _ keypoints: MotionKeypoints, to loss: inout Loss
  ) {
    let weights = configuration.lossWeights
    let warped = detector(
      withoutGradients { warp.frames(driving, alignCorners: configuration.alignCorners) })
    if weights.equivariance != 0 {
      let differences = (keypoints.points - warp.points(warped.points)).abs().mean()
      loss.add("equivariance", differences, weight: weights.equivariance)
    }
    guard weights.equivarianceJacobian != 0, let own = keypoints.jacobians, let other = warped.jacobians
    else {
      return
    }
    let product = inverted(own).matmul(warp.jacobians(at: warped.points).matmul(other))
    let identity = Tensor.eye(2).to(product.device)
    loss.add(
      "equivarianceJacobian", (identity - product).abs().mean(), weight: weights.equivarianceJacobian)
  }

  /// The images of a pyramid that have a discriminator.
  private func judged(_ images: [Tensor]) -> [Tensor] {
    configuration.discriminatorScales.compactMap { scale in
      configuration.pyramid.firstIndex(of: scale).map { images[$0] }
    }
  }

  private static func sum(_ terms: [Tensor]) -> Tensor { terms.dropFirst().reduce(terms[0], +) }

  /// Source and driving frames `[batch, 3, height, width]`: the two of each clip, changed alike at random; a recording has
  /// them as they are.
  private func pair(_ step: TrainingStep) throws -> (source: Tensor, driving: Tensor) {
    let batch = try step.batch()
    if let source = batch.tensors["source"], let driving = batch.tensors["driving"] {
      return (source, driving)
    }
    let clip = FrameChanges(flips: configuration.flips, jitter: configuration.colourJitter)(
      batch["video"], step.draws)
    return (clip.selected(dim: 1, index: 0), clip.selected(dim: 1, index: 1))
  }

  // MARK: Drawing

  /// Keypoints of images.
  public func keypoints(of images: Tensor) throws -> Tensor { detector(images).points }

  /// A session that begins with a still image and takes driving frames, one or several at a time.
  public func begin(_ request: Request) throws -> any DrawingSession {
    let source = try request.required("source")
    guard source.shape[0] == 1 else {
      throw ConfigurationError("a session animates one image, and 'source' has \(source.shape[0])")
    }
    return MotionSession(
      self, source, initial: request.tensor("initial"), try request.sampling(as: AnimationDrawing.self))
  }

  /// A video for each source and its driving video; one driving video stands for all.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let (sources, videos) = (try request.required("source"), try request.required("driving"))
    guard videos.shape[0] == sources.shape[0] || videos.shape[0] == 1 else {
      throw ConfigurationError(
        "there are \(sources.shape[0]) images to move and \(videos.shape[0]) driving videos; give one video, or one for each"
      )
    }
    let drawing = try request.sampling(as: AnimationDrawing.self)
    for index in 0..<sources.shape[0] {
      let source = sources.slice(0, index, index + 1)
      let frames = videos.selected(dim: 0, index: videos.shape[0] == 1 ? 0 : index)
      let pieces = stride(from: 0, to: frames.shape[0], by: 8).map {
        frames.slice(0, $0, min($0 + 8, frames.shape[0]))
      }
      var initial: Tensor?
      if drawing.bestFrame {
        let distances = try pieces.flatMap { try poseDistances(of: source, to: $0) }
        let best = distances.indices.min { distances[$0] < distances[$1] } ?? 0
        initial = frames.slice(0, best, best + 1)
      }
      let session = MotionSession(self, source, initial: initial, drawing)
      try emit(
        Output("video", .concatenated(pieces.map { session.drawn($0) }, dim: 0).unsqueezed(0)))
    }
  }
}

/// A still image in motion: its keypoints, and those of the driving frame that motion counts from.
private final class MotionSession: DrawingSession {
  private let system: FirstOrderMotion
  private let source: Tensor
  private let keypoints: MotionKeypoints
  private let drawing: AnimationDrawing
  private var transfer: MotionTransfer?

  init(_ system: FirstOrderMotion, _ source: Tensor, initial: Tensor?, _ drawing: AnimationDrawing) {
    (self.system, self.source, self.drawing) = (system, source, drawing)
    keypoints = system.detector(source)
    if let initial { begin(system.detector(initial)) }
  }

  private func begin(_ initial: MotionKeypoints) {
    transfer = MotionTransfer(
      source: keypoints, initial: initial, relative: drawing.relative, relativeJacobian: drawing.relative,
      adaptScale: drawing.adaptScale)
  }

  func advance(_ conditions: [String: ConditionValue]) throws -> Output {
    guard case .tensor(let frames)? = conditions["driving"] else {
      throw ConfigurationError("the next frame is missing; give it as 'driving'")
    }
    return Output("image", drawn(frames))
  }

  /// The image in the poses of frames `[n, 3, height, width]`.
  func drawn(_ frames: Tensor) -> Tensor {
    let driving = system.detector(frames)
    if transfer == nil {
      begin(
        MotionKeypoints(
          points: driving.points.slice(0, 0, 1), jacobians: driving.jacobians.map { $0.slice(0, 0, 1) }))
    }
    let wanted = transfer.map { $0(driving) } ?? driving
    let count = frames.shape[0]
    func repeated(_ x: Tensor) -> Tensor { x.expanded([count] + x.shape.dropFirst()) }
    let own = MotionKeypoints(
      points: repeated(keypoints.points), jacobians: keypoints.jacobians.map(repeated))
    return system.generator(repeated(source), source: own, driving: wanted).image.asType(.float32)
  }
}
