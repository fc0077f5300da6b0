public import AtelierCore
public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// Everybody Dance Now: videos of somebody from pictures of poses.
///
/// Paper: Chan, Ginosar, Zhou and Efros 2019, "Everybody Dance Now".
///
/// Reference: carolineec/EverybodyDanceNow `models/pix2pixHD_model_fullts.py`, `models/networks.py` and `train_fullts.py`.
///
/// pix2pixHD's networks make a frame of a picture of its pose and of the frame before, which is black before the first. Two
/// frames are made at a time, the second from the first, and judged together beside both poses, so that they have to follow
/// each other. A generator of its own may correct the face: its output is added within a box, which a further
/// discriminator judges beside the pose. All losses come from one set of forward passes; the generator is updated first.
///
/// Deviations are on the system's page.
public final class EverybodyDanceNow: StreamingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "everybody-dance-now", summary: "Videos of somebody from pictures of poses",
    paper: "Chan et al., Everybody Dance Now, 2019",
    reference: "carolineec/EverybodyDanceNow models/pix2pixHD_model_fullts.py", suits: [.posedVideos])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator`, `discriminator`, with a face `faceGenerator` and `faceDiscriminator`, and a frozen VGG.
  public let networks: [Network]
  private let generator: any Layer
  private let discriminator: MultiscaleDiscriminator
  private let face: (generator: ResidualGenerator, discriminator: StagedPatchDiscriminator)?
  private let perceptual: PerceptualLoss?
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let faceOptimizer: Optimizer?

  /// Builds the networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let (generator, names) = Self.makeGenerator(configuration, using: stream)
    let norm = configuration.discriminatorNorm ?? configuration.norm
    let discriminator = MultiscaleDiscriminator(
      inputChannels: 12, width: configuration.discriminatorWidth, layers: configuration.layers,
      scales: configuration.scales, norm: norm, using: stream)
    var face: (generator: ResidualGenerator, discriminator: StagedPatchDiscriminator)?
    if configuration.faceGenerator != .none {
      let strides = (1..<(configuration.layers + 1)).map { $0 < configuration.layers ? 2 : 1 }
      face = (
        ResidualGenerator(
          inputChannels: 6, outputChannels: 3, width: configuration.faceWidth,
          downsamplings: configuration.faceDownsamplings, blocks: configuration.faceBlocks,
          norm: configuration.norm, hasBias: true, checkpointsBlocks: configuration.gradientCheckpointing,
          using: stream),
        // Batch norm whatever the others have.
        StagedPatchDiscriminator(
          inputChannels: 6, width: configuration.faceWidth, strides: strides, norm: ImageNorm.batch,
          using: stream)
      )
    }
    for network in [generator, discriminator, face?.generator, face?.discriminator].compactMap({
      $0 as Module?
    }) { applyDCGANWeights(network, using: stream) }
    (self.generator, self.discriminator, self.face) = (generator, discriminator, face)
    func adam(_ module: Module) -> Optimizer {
      configuration.adam.optimizer(module, learningRate: configuration.learningRate)
    }
    // With a face only the face's generator learns.
    generatorOptimizer = adam(face?.generator ?? generator)
    discriminatorOptimizer = adam(discriminator)
    faceOptimizer = face.map { adam($0.discriminator) }
    let perceptual = try Self.makePerceptualLoss(configuration)
    self.perceptual = perceptual
    networks =
      Self.describe(configuration, generator, names, discriminator, face)
      + (perceptual.map { [$0.network] } ?? [])
  }

  /// pix2pixHD's layers and factors, on images as they are.
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
    switch configuration.generator {
    case .global:
      let network = ResidualGenerator(
        inputChannels: 6, outputChannels: 3, width: configuration.width,
        downsamplings: configuration.downsamplings, blocks: configuration.blocks, norm: configuration.norm,
        hasBias: true, checkpointsBlocks: configuration.gradientCheckpointing, using: stream)
      return (network, KeyMap())
    case .local:
      let network = LocalEnhancer(
        inputChannels: 6, outputChannels: 3, width: configuration.width,
        downsamplings: configuration.downsamplings, blocks: configuration.blocks,
        enhancers: configuration.localEnhancers, localBlocks: configuration.localBlocks,
        norm: configuration.norm, checkpointsBlocks: configuration.gradientCheckpointing, using: stream)
      return (network, LocalEnhancer.authorsNames(enhancers: configuration.localEnhancers))
    }
  }

  /// The optimisers by their networks' names; with a face the generator's trains the face's.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
      + (faceOptimizer.map { [("faceDiscriminator", $0)] } ?? [])
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

  /// One step on two neighbouring frames: all forward passes, the generator's update, the discriminators'.
  public func step(_ step: TrainingStep) throws {
    schedule(step)
    let weights = configuration.weights
    let objective = configuration.adversarialLoss.loss
    let clip = Clip(try step.batch())
    // The frame before the first is black; gradients flow through the first into the second.
    let first = frame(clip.pose, after: .zeros(like: clip.pose))
    let second = frame(clip.nextPose, after: first)
    let faces = face.map { face in
      [(clip.pose, first, clip.image), (clip.nextPose, second, clip.nextImage)].map { pose, fake, real in
        let boxes = head.boxes(pose)
        return judgement(
          face.discriminator, pose: HeadBox.cut(pose, boxes), fake: HeadBox.cut(fake, boxes),
          real: HeadBox.cut(real, boxes))
      }
    }
    func pair(_ one: Tensor, _ two: Tensor) -> Tensor {
      .concatenated([clip.pose, clip.nextPose, one, two], dim: 1)
    }
    let fakeLoss = summedOverScales(discriminator(pair(first.detached(), second.detached())), objective.fake)
    let realOutputs = discriminator(pair(clip.image, clip.nextImage))
    let realLoss = summedOverScales(realOutputs, objective.real)

    let terms = try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
      let outputs = discriminator(pair(first, second))
      loss.add("adversarial", summedOverScales(outputs, objective.generator))
      loss.add(
        "featureMatching", featureMatching(outputs, realOutputs, layers: configuration.layers),
        weight: weights.featureMatching)
      if let perceptual {
        // Both frames, at half weight for the global generator, and both faces at half weight.
        var distance = perceptual(first, clip.image) + perceptual(second, clip.nextImage)
        if configuration.generator == .global { distance = distance * 0.5 }
        if face != nil {
          let (boxes, next) = (head.boxes(clip.pose), head.boxes(clip.nextPose))
          distance =
            distance + perceptual(HeadBox.cut(first, boxes), HeadBox.cut(clip.image, boxes)) * 0.5
            + perceptual(HeadBox.cut(second, next), HeadBox.cut(clip.nextImage, next)) * 0.5
        }
        loss.add("perceptual", distance, weight: weights.perceptual)
      }
      if let faces {
        loss.add("faceAdversarial", (faces[0].adversarial + faces[1].adversarial) * 0.5)
      }
    }
    step.log("generator", terms.total)

    var total = (fakeLoss.detached() + realLoss.detached()) * 0.5
    if Int(step.epoch) >= configuration.fixMainEpochs {
      try step.update("discriminator", discriminatorOptimizer) { loss in
        loss.add("discriminatorFake", fakeLoss, weight: 0.5, logsWeighted: false)
        loss.add("discriminatorReal", realLoss, weight: 0.5, logsWeighted: false)
      }
    } else {
      step.log("discriminatorFake", fakeLoss)
      step.log("discriminatorReal", realLoss)
    }
    if let faces, let faceOptimizer {
      let judged = try step.update("faceDiscriminator", faceOptimizer) { loss in
        loss.add(
          "faceDiscriminatorFake", (faces[0].fake + faces[1].fake) * 0.5, weight: 0.5, logsWeighted: false)
        loss.add(
          "faceDiscriminatorReal", (faces[0].real + faces[1].real) * 0.5, weight: 0.5, logsWeighted: false)
      }
      total = total + judged.total
    }
    step.log("discriminator", total)
  }

  /// Two neighbouring frames and their poses, `[batch, 3, height, width]` each.
  private struct Clip {
    let pose: Tensor
    let nextPose: Tensor
    let image: Tensor
    let nextImage: Tensor

    /// Of clips `[batch, 2, 3, height, width]`, or of frames by themselves.
    init(_ batch: Batch) {
      if batch.tensors["nextPose"] != nil {
        (pose, nextPose) = (batch["pose"], batch["nextPose"])
        (image, nextImage) = (batch["image"], batch["nextImage"])
        return
      }
      func at(_ name: String, _ time: Int) -> Tensor { batch[name].selected(dim: 1, index: time) }
      (pose, nextPose) = (at(Videos.pose, 0), at(Videos.pose, 1))
      (image, nextImage) = (at("frames", 0), at("frames", 1))
    }
  }

  /// What the face's discriminator says of a face: in the authors' order, as each pass changes running statistics.
  private func judgement(
    _ judge: StagedPatchDiscriminator, pose: Tensor, fake: Tensor, real: Tensor
  ) -> (fake: Tensor, real: Tensor, adversarial: Tensor) {
    let objective = configuration.adversarialLoss.loss
    func scores(_ image: Tensor) -> [[Tensor]] { [judge(.concatenated([pose, image], dim: 1))] }
    let seen = (fake: scores(fake.detached()), real: scores(real))
    let deceived = withFixedWeights(judge) { scores(fake) }
    return (
      summedOverScales(seen.fake, objective.fake), summedOverScales(seen.real, objective.real),
      summedOverScales(deceived, objective.generator)
    )
  }

  /// Where faces are.
  private var head: HeadBox {
    HeadBox(standard: configuration.faceBox, follows: configuration.faceFollowsPose)
  }

  /// A frame of a pose after the frame before, with its corrected face.
  private func frame(_ pose: Tensor, after before: Tensor) -> Tensor {
    let coarse = generator(.concatenated([pose, before], dim: 1))
    guard let face else { return coarse }
    let boxes = head.boxes(pose)
    let parts = [HeadBox.cut(pose, boxes), HeadBox.cut(coarse, boxes)]
    let residual = face.generator(.concatenated(parts, dim: 1))
    return coarse
      + HeadBox.paste(residual, boxes, height: coarse.shape[2], width: coarse.shape[3])
  }

  /// Constant, then in a straight line towards zero, and at first the outermost enhancer alone. Source:
  /// `models/pix2pixHD_model_fullts.py` `update_learning_rate`, `update_fixed_params`.
  private func schedule(_ step: TrainingStep) {
    if configuration.decayEpochs > 0 {
      let rate = Schedule.linearDecay(
        start: configuration.constantEpochs, length: configuration.decayEpochs - 1, offset: 0
      ).learningRate(base: configuration.learningRate, at: Int(step.epoch))
      for entry in optimizers { entry.optimizer.learningRate = rate }
    }
    if face != nil {
      generator.requiresGradients = false
    } else if let enhancer = generator as? LocalEnhancer, configuration.fixGlobalEpochs > 0 {
      let isFixed = Int(step.epoch) < configuration.fixGlobalEpochs
      generator.requiresGradients = !isFixed
      if isFixed { enhancer.enhancers.last?.requiresGradients = true }
    }
  }

  // MARK: Drawing

  /// A whole video of the request's poses, one frame each.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    try emit(
      Output("frames", frames(following: request.required(Videos.pose), draws: request.draws)))
  }

  /// Begins a video with nothing before it.
  public func begin(_ request: Request) throws -> any DrawingSession { Session(self) }

  /// A video so far: its last frame.
  private final class Session: DrawingSession {
    private let system: EverybodyDanceNow
    private var last: Tensor?

    init(_ system: EverybodyDanceNow) { self.system = system }

    func advance(_ conditions: [String: ConditionValue]) throws -> Output {
      guard case .tensor(let pose)? = conditions[Videos.pose] else {
        throw ConfigurationError("the condition '\(Videos.pose)' is missing, or is no tensor")
      }
      let configuration = system.configuration
      let multiple = configuration.sizeMultiple
      let (height, width) = (pose.shape[2], pose.shape[3])
      let box = configuration.faceBox
      try Checks.require(
        height % multiple == 0 && width % multiple == 0 && min(height, width) >= 2 * multiple,
        "a pose is \(width) × \(height), and both sides are multiples of \(multiple), at least \(2 * multiple)"
      )
      try Checks.require(
        configuration.faceGenerator == .none || box[1] <= height && box[3] <= width,
        "a pose is \(width) × \(height), and faceBox, \(box), does not lie within")
      if let last, last.shape != pose.shape {
        throw ConfigurationError(
          "a pose is \(width) × \(height), and the frames before are \(last.shape[3]) × \(last.shape[2])")
      }
      let before = last ?? .zeros(like: pose)
      let made = testing(system.generator, dropout: false, batchStatistics: true) {
        system.frame(pose, after: before).asType(.float32)
      }
      last = made
      return Output("frame", made)
    }
  }

  /// Two frames side by side, for reference cases.
  private static func pair(
    _ system: (_ pose: Tensor, _ before: Tensor) -> Tensor, _ inputs: [String: Tensor]
  ) throws -> [String: Tensor] {
    let pose = try inputs.required("pose")
    let first = system(pose, .zeros(like: pose))
    return ["pair": .concatenated([first, system(try inputs.required("nextPose"), first)], dim: 3)]
  }

  /// The networks with the inputs and outputs of reference cases.
  private static func describe(
    _ configuration: Configuration, _ generator: any Layer, _ names: KeyMap,
    _ discriminator: MultiscaleDiscriminator,
    _ face: (generator: ResidualGenerator, discriminator: StagedPatchDiscriminator)?
  ) -> [Network] {
    let hasFeatures = configuration.weights.featureMatching > 0
    var networks = [
      Network("generator", generator, authorsNames: names) { _, inputs in
        try pair({ generator(.concatenated([$0, $1], dim: 1)) }, inputs)
      },
      Network(
        "discriminator", discriminator,
        authorsNames: MultiscaleDiscriminator.authorsNames(
          scales: configuration.scales, layers: configuration.layers, hasFeatures: hasFeatures),
        isForTraining: true
      ) { _, inputs in
        let parts = try ["pose", "nextPose", "image", "nextImage"].map { try inputs.required($0) }
        return discriminator.outputs(
          of: .concatenated(parts, dim: 1), prefix: "output", hasFeatures: hasFeatures)
      },
    ]
    guard let face else { return networks }
    var judging: [String: String] = [:]
    var place = 0
    for stage in 0...(configuration.layers + 1) {
      let length = stage == 0 ? 2 : stage <= configuration.layers ? 3 : 1
      for layer in 0..<length { judging["stages.\(stage).\(layer)"] = "facemodel.\(place + layer)" }
      place += length
    }
    networks += [
      Network("faceGenerator", face.generator) { _, inputs in
        let parts = try ["pose", "image"].map { try inputs.required($0) }
        return ["residual": face.generator(.concatenated(parts, dim: 1))]
      },
      Network("faceDiscriminator", face.discriminator, authorsNames: KeyMap(judging), isForTraining: true) {
        _, inputs in
        let parts = try ["pose", "image"].map { try inputs.required($0) }
        return face.discriminator(.concatenated(parts, dim: 1)).last.map {
          ["scores": $0, "output0.layer0": $0]
        } ?? [:]
      },
    ]
    return networks
  }
}

extension EverybodyDanceNow: ReferenceAnswering {
  /// Two frames with their corrected faces.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "generator", check.part == nil else { return nil }
    try check.refuseSettings()
    return try withoutGradients {
      try Self.pair({ frame($0, after: $1) }, inputs.tensors()).mapValues { .tensor($0) }
    }
  }
}
