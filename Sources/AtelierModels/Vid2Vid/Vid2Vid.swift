public import AtelierCore
public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// vid2vid: videos from videos of label maps or poses, frame after frame.
///
/// Paper: Wang, Liu, Zhu, Liu, Tao, Kautz and Catanzaro 2018, "Video-to-Video Synthesis".
///
/// Reference: NVIDIA/vid2vid `models/vid2vid_model_G.py`, `models/vid2vid_model_D.py`, `models/networks.py` and `train.py`
/// (CC-BY-NC-SA-4.0).
///
/// A frame follows from some semantic frames and the frames before. The generator makes a picture, a flow by which it warps
/// the frame before, and a weight between both (`CompositeGenerator`); finer scales add to a coarser one. Discriminators
/// judge each frame beside its semantic frame, the final and the own picture alike, and groups of frames at several
/// distances beside the flow between them; one of its own may judge faces beside their part of the semantic frame. A step takes a sequence and makes an update of each network for every
/// `framesPerStep` frames of it, from losses that are all computed first; what was generated is carried through the
/// sequence without its history. Sequences become longer while training goes on.
///
/// Deviations: the reference flow is Atelier's matcher's (`Perception.OpticalFlow`) in place of FlowNet2's. Others are on
/// the system's page.
public final class Vid2Vid: StreamingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "vid2vid", summary: "Videos from videos of label maps or poses",
    paper: "Wang et al., Video-to-Video Synthesis, 2018",
    reference: "NVIDIA/vid2vid models/vid2vid_model_G.py", suits: [.labelledVideos])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator0` and finer ones, `discriminator`, with faces `faceDiscriminator`, `temporalDiscriminator` and further ones,
  /// and a frozen VGG.
  public let networks: [Network]
  let generator: FrameGenerator
  private let discriminator: MultiscaleDiscriminator
  private let faces: (square: FaceSquare, discriminator: MultiscaleDiscriminator)?
  private let temporal: [MultiscaleDiscriminator]
  private let perceptual: PerceptualLoss?
  private let matcher = OpticalFlow()
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let temporalOptimizers: [Optimizer]

  /// Builds the networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let scales = (0..<configuration.spatialScales).map {
      CompositeGenerator(configuration, scale: $0, using: stream)
    }
    func judge(_ channels: Int, scales: Int? = nil) -> MultiscaleDiscriminator {
      MultiscaleDiscriminator(
        inputChannels: channels, width: min(64, configuration.discriminatorWidth),
        layers: configuration.layers, scales: scales ?? configuration.scales,
        norm: TrackedNorm(kind: configuration.discriminatorNorm ?? configuration.norm), widest: 64,
        using: stream)
    }
    let discriminator = judge(configuration.mapChannels + 3)
    let frames = configuration.temporalFrames
    let temporal = (0..<configuration.temporalScales).map { _ in judge(3 * frames + 2 * (frames - 1)) }
    for network in scales { applyDCGANWeights(network, using: stream) }
    for network in [discriminator] + temporal { applyDCGANWeights(network, using: stream) }
    if configuration.faceDiscriminator != .none {
      let network = judge(configuration.mapChannels + 3, scales: configuration.faceScales)
      applyDCGANWeights(network, using: stream)
      faces = (FaceSquare(mark: configuration.faceDiscriminator, side: configuration.faceSquare), network)
    } else {
      faces = nil
    }
    generator = FrameGenerator(
      scales: scales, framesPerInput: configuration.framesPerInput,
      foregroundChannels: configuration.foregroundChannels)
    (self.discriminator, self.temporal) = (discriminator, temporal)
    func adam(_ parameters: [(name: String, tensor: Tensor)], _ rate: Double?) -> Optimizer {
      configuration.adam.optimizer(parameters, learningRate: rate ?? configuration.learningRate)
    }
    generatorOptimizer = adam(
      scales.enumerated().flatMap { scale, network in
        network.namedParameters().map { ("generator\(scale).\($0.name)", $0.tensor) }
      }, configuration.generatorLearningRate)
    let faceParameters = faces?.discriminator.namedParameters() ?? []
    discriminatorOptimizer = adam(
      discriminator.namedParameters() + faceParameters.map { ("faceDiscriminator.\($0.name)", $0.tensor) },
      configuration.discriminatorLearningRate)
    temporalOptimizers = temporal.map { adam($0.namedParameters(), nil) }
    let perceptual = try Self.makePerceptualLoss(configuration)
    self.perceptual = perceptual
    networks =
      Self.describe(configuration, generator, discriminator, faces?.discriminator, temporal)
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

  /// The optimisers by their networks' names; one trains all scales of the generator, and that of the discriminator also
  /// the one of faces.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
      + temporalOptimizers.enumerated().map { (Self.temporalName($0.offset), $0.element) }
  }

  /// What the discriminator of videos of a distance is called.
  static func temporalName(_ scale: Int) -> String {
    "temporalDiscriminator" + (scale == 0 ? "" : "\(scale)")
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

  /// One step: a sequence, and an update of each network for every `framesPerStep` frames of it.
  public func step(_ step: TrainingStep) throws {
    let isFixed = schedule(step)
    let batch = try step.batch()
    let (maps, frames) = mirrored(semantics(of: batch), batch["frames"], step)
    let before = configuration.framesPerInput - 1
    let beginning = frames.narrow(1, from: 0, length: before)
    var past = generator.pyramid(configuration.firstFrame == .given ? beginning : .zeros(like: beginning))
    var memory = Memory(configuration)
    var last: Tensor?
    let isShared = batch.tensors[Self.sharedFrames] != nil
    let length = configuration.framesPerStep
    let wanted = min(configuration.length(atEpoch: step.epoch), frames.shape[1] - before)
    for number in 0..<max(1, wanted / length) {
      let start = number * length
      let chunk = Chunk(
        maps: maps.narrow(1, from: start, length: before + length),
        real: frames.narrow(1, from: start + before, length: length),
        realBefore: frames.narrow(1, from: start + before - 1, length: length),
        reference: reference(batch, number))
      let made = generator.clip(
        chunk.maps, past: &past, rawOnly: configuration.firstFrame == .zeros && number == 0, fixed: isFixed)
      // What each generated frame is compared with, moved: the one before it, of a sequence's first a real one.
      let final = made.frames.narrow(1, from: length - 1, length: 1).detached()
      let previous =
        number == 0 ? chunk.realBefore.narrow(1, from: 0, length: 1) : isShared ? final : last ?? final
      var sources = [previous]
      if length > 1 { sources.append(made.frames.narrow(1, from: 0, length: length - 1).detached()) }
      last = final
      try update(step, chunk, made, fakeBefore: .concatenated(sources, dim: 1), &memory)
    }
  }

  /// The field of recorded batches of the authors' program without its parallel wrapper, see `Vid2Vid+Authors`.
  static let sharedFrames = "sharedFrames"

  /// Some frames of a sequence that are generated between two updates.
  private struct Chunk {
    /// `[batch, framesPerInput - 1 + time, channels, height, width]`.
    var maps: Tensor
    /// `[batch, time, 3, height, width]`.
    var real: Tensor
    /// The same one frame earlier.
    var realBefore: Tensor
    /// A flow that came with the data `[batch · time, 2, height, width]`, and its confidence.
    var reference: (flow: Tensor, confidence: Tensor)?
  }

  /// What discriminators of videos remember of a sequence.
  private struct Memory {
    var real: FrameMemory
    var fake: FrameMemory
    var flow: FrameMemory

    init(_ configuration: Configuration) {
      let frames = configuration.temporalFrames
      real = FrameMemory(length: frames, scales: configuration.temporalScales)
      fake = real
      flow = FrameMemory(length: frames, scales: 1)
    }
  }

  /// All losses of some frames, then the updates.
  private func update(
    _ step: TrainingStep, _ chunk: Chunk, _ made: FrameGenerator.Clip, fakeBefore: Tensor,
    _ memory: inout Memory
  ) throws {
    let weights = configuration.weights
    let newest = chunk.maps.slice(1, configuration.framesPerInput - 1, .max)
    let (maps, real, realBefore) = (flatFrames(newest), flatFrames(chunk.real), flatFrames(chunk.realBefore))
    let (fake, raw) = (flatFrames(made.frames), flatFrames(made.raw))
    let (flow, confidence) = chunk.reference ?? matcher(real, realBefore)
    let finals = judgement(discriminator, beside: maps, real: real, fake: fake)
    let raws = judgement(discriminator, beside: maps, real: real, fake: raw)
    let face = faceJudgement(newest, chunk.real, made.frames)
    let videos = videoJudgements(chunk, made, flow, &memory)

    let terms = try step.update("generator", generatorOptimizer) { loss in
      loss.add("adversarial", finals.adversarial + raws.adversarial)
      loss.add("featureMatching", finals.matching + raws.matching, weight: weights.featureMatching)
      if let perceptual {
        let target = Self.seen(real)
        loss.add(
          "perceptual", perceptual(Self.seen(fake), target) + perceptual(Self.seen(raw), target),
          weight: weights.perceptual)
      }
      func masked(_ one: Tensor, _ other: Tensor) -> Tensor {
        meanAbsoluteError(one * confidence, other * confidence)
      }
      // A generated frame is to be the one before it, moved by the reference flow.
      let moved = warped(flatFrames(fakeBefore), by: flow, alignCorners: configuration.alignCorners)
      loss.add("warp", masked(fake, moved), weight: weights.temporal)
      if let own = made.flow.map(flatFrames) {
        loss.add(
          "flow", masked(own, flow), weight: weights.flow / Double(1 << (configuration.spatialScales - 1)))
        let movedReal = warped(realBefore, by: own, alignCorners: configuration.alignCorners)
        loss.add("flowWarp", masked(movedReal, real), weight: weights.temporal)
      } else {
        for name in ["flow", "flowWarp"] { loss.add(name, .zeros(like: confidence).mean()) }
      }
      if configuration.firstFrame == .zeros, let share = made.weight.map(flatFrames) {
        loss.add("weight", (share * confidence).abs().mean())
      } else {
        step.log("weight", Tensor(scalar: 0))
      }
      addFaceTerms(face, step, to: &loss)
      addVideoTerms(videos.compactMap { $0?.judgement }, step, to: &loss)
    }
    step.log("generator", terms.total)

    let judged = try step.update("discriminator", discriminatorOptimizer) { loss in
      loss.add("discriminatorReal", finals.real + raws.real, weight: 0.5, logsWeighted: false)
      loss.add("discriminatorFake", finals.fake + raws.fake, weight: 0.5, logsWeighted: false)
      if let face {
        loss.add("faceDiscriminatorReal", face.real, weight: 0.5, logsWeighted: false)
        loss.add("faceDiscriminatorFake", face.fake, weight: 0.5, logsWeighted: false)
      } else if faces != nil {
        for name in ["faceDiscriminatorReal", "faceDiscriminatorFake"] { step.log(name, Tensor(scalar: 0)) }
      }
    }
    step.log("discriminator", judged.total)
    for case let video? in videos {
      try step.update(Self.temporalName(video.scale), temporalOptimizers[video.scale]) { loss in
        loss.add((video.judgement.real + video.judgement.fake) * 0.5)
      }
    }
  }

  /// The generator's terms of discriminators of videos, summed over distances, and what these discriminators' are; 0
  /// while there are too few frames.
  private func addVideoTerms(_ judgements: [Judgement], _ step: TrainingStep, to loss: inout Loss) {
    guard !temporal.isEmpty else { return }
    func sum(_ part: (Judgement) -> Tensor) -> Tensor {
      judgements.map(part).reduce(Tensor(scalar: 0, device: device), +)
    }
    let (real, fake) = (sum(\.real), sum(\.fake))
    step.log("temporalDiscriminatorReal", real)
    step.log("temporalDiscriminatorFake", fake)
    step.log("temporalDiscriminator", (real + fake) * 0.5)
    guard !judgements.isEmpty else {
      for name in ["temporalAdversarial", "temporalFeatureMatching"] { step.log(name, real) }
      return
    }
    loss.add("temporalAdversarial", sum(\.adversarial))
    loss.add("temporalFeatureMatching", sum(\.matching), weight: configuration.weights.featureMatching)
  }

  /// What the discriminator of faces says of the faces of final frames, beside their part of the semantic frames
  /// `[batch, time, channels, height, width]`; nil without one, and where no example shows a face.
  private func faceJudgement(_ maps: Tensor, _ real: Tensor, _ fake: Tensor) -> Judgement? {
    guard let (square, network) = faces else { return nil }
    let places = (0..<maps.shape[0]).map { square.place(in: maps.selected(dim: 0, index: $0)) }
    guard places.contains(where: { $0 != nil }) else { return nil }
    return judgement(
      network, beside: square.cut(maps, places), real: square.cut(real, places),
      fake: square.cut(fake, places))
  }

  /// The generator's terms of the discriminator of faces; 0 while no face is shown.
  private func addFaceTerms(_ judgement: Judgement?, _ step: TrainingStep, to loss: inout Loss) {
    guard faces != nil else { return }
    guard let judgement else {
      for name in ["faceAdversarial", "faceFeatureMatching"] { step.log(name, Tensor(scalar: 0)) }
      return
    }
    let weights = configuration.weights
    loss.add("faceAdversarial", judgement.adversarial, weight: weights.face)
    // The authors divide by the number of scales that the other discriminators have.
    let share = Double(configuration.faceScales) / Double(configuration.scales)
    loss.add(
      "faceFeatureMatching", judgement.matching, weight: weights.featureMatching * weights.face * share)
  }

  /// What a discriminator says of real and generated images.
  private struct Judgement {
    /// The discriminator's own losses.
    var real: Tensor
    var fake: Tensor
    /// The generator's.
    var adversarial: Tensor
    var matching: Tensor
  }

  /// Three passes, in the authors' order, as each changes the running statistics: real images, generated ones without
  /// their history for the discriminator, and generated ones for the generator, whose gradients leave the discriminator's
  /// weights alone.
  private func judgement(
    _ judge: MultiscaleDiscriminator, beside condition: Tensor?, real: Tensor, fake: Tensor
  ) -> Judgement {
    func input(_ image: Tensor) -> Tensor { condition.map { .concatenated([$0, image], dim: 1) } ?? image }
    let objective = configuration.adversarialLoss.loss
    let realOutputs = judge(input(real))
    let fakeOutputs = judge(input(fake.detached()))
    let seen = withFixedWeights(judge) { judge(input(fake)) }
    return Judgement(
      real: summedOverScales(realOutputs, objective.real),
      fake: summedOverScales(fakeOutputs, objective.fake),
      adversarial: summedOverScales(seen, objective.generator),
      matching: AtelierModels.featureMatching(seen, realOutputs, layers: configuration.layers))
  }

  /// What the discriminators of videos say of groups that end with new frames; nil while there are too few.
  private func videoJudgements(
    _ chunk: Chunk, _ made: FrameGenerator.Clip, _ flow: Tensor, _ memory: inout Memory
  ) -> [(scale: Int, judgement: Judgement)?] {
    guard !temporal.isEmpty else { return [] }
    let (real, fake) = (memory.real.add(chunk.real), memory.fake.add(made.frames))
    let shape = Array(chunk.real.shape.prefix(2)) + Array(flow.shape.suffix(3))
    let flows = memory.flow.add(flow.reshaped(shape))
    return temporal.indices.map { scale in
      guard let real = real[scale], let fake = fake[scale] else { return nil }
      func joined(_ group: Tensor) -> Tensor {
        group.reshaped([group.shape[0], -1, group.shape[3], group.shape[4]])
      }
      // Neighbours' flow is there; that over greater distances is not.
      let between: Tensor
      if scale == 0, let flows = flows[0] {
        between = flows.slice(1, 1, .max)
      } else {
        let steps = real.shape[1] - 1
        let found = matcher(
          flatFrames(real.slice(1, 1, .max)), flatFrames(real.narrow(1, from: 0, length: steps))
        ).flow
        between = found.reshaped([real.shape[0], steps] + Array(found.shape.suffix(3)))
      }
      let condition = joined(between) / 20
      func input(_ group: Tensor) -> Tensor { .concatenated([joined(group), condition], dim: 1) }
      return (scale, judgement(temporal[scale], beside: nil, real: input(real), fake: input(fake)))
    }
  }

  /// The reference flow that a batch brings for some frames `[updates, batch, time, …]`; nil: it is estimated.
  private func reference(_ batch: Batch, _ number: Int) -> (flow: Tensor, confidence: Tensor)? {
    guard let flow = batch.tensors["flowReference"], let confidence = batch.tensors["confidence"] else {
      return nil
    }
    func part(_ all: Tensor) -> Tensor { flatFrames(all.selected(dim: 0, index: number)) }
    return (part(flow), part(confidence))
  }

  /// Images as the VGG sees them: halved until they are at most 1024 wide.
  private static func seen(_ images: Tensor) -> Tensor {
    var images = images
    while images.shape[3] > 1024 { images = averagePool2d(images, kernelSize: (2, 2), stride: (2, 2)) }
    return images
  }

  /// Learning rates: constant, then in a straight line towards zero; those of discriminators of videos stay.
  ///
  /// Source: `models/base_model.py` `update_learning_rate`, `update_fixed_params`, `models/models.py` `update_models`.
  ///
  /// - Returns: whether only the finest scale learns.
  private func schedule(_ step: TrainingStep) -> Bool {
    if configuration.decayEpochs > 0 {
      let factor = Schedule.linearDecay(
        start: configuration.constantEpochs, length: configuration.decayEpochs - 1, offset: 0
      ).factor(at: Int(step.epoch))
      generatorOptimizer.learningRate =
        (configuration.generatorLearningRate ?? configuration.learningRate) * factor
      discriminatorOptimizer.learningRate =
        (configuration.discriminatorLearningRate ?? configuration.learningRate) * factor
    }
    guard configuration.fixGlobalEpochs > 0, generator.scales.count > 1 else { return false }
    let isFixed = Int(step.epoch) < configuration.fixGlobalEpochs
    for scale in generator.scales.dropLast() { scale.requiresGradients = !isFixed }
    return isFixed
  }
}
