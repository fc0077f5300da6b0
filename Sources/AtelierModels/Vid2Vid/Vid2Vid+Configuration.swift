public import AtelierCore
import AtelierData
import Torch

extension Vid2Vid {
  /// The choices of a vid2vid.
  public struct Configuration: AdamConfiguration, EpochDecayConfiguration {
    /// The generator's form; there is one.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// A picture, a flow and a weight between the picture and the warped frame, and a foreground of its own.
      case composite = "vid2vid-composite"
    }

    /// The discriminators' form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// PatchGANs on the image and its halves.
      case multiscalePatch = "multiscale-patch"
    }

    /// What each frame is made for.
    public enum Semantics: String, Codable, Sendable, Hashable, CaseIterable {
      /// A map of class indices, a channel a class.
      case oneHot = "one-hot"
      /// A picture, such as one of a pose or of edges.
      case continuous
    }

    /// Whether a discriminator of its own judges faces, and how semantic frames say where they are.
    public enum FaceDiscriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// There is none.
      case none
      /// Where the third channel is above 0.9: the heads of DensePose's body parts.
      case densepose
      /// Where the first three channels are the colour in which the authors draw OpenPose's limbs of the head.
      case openpose
      /// The white points of pictures of poses that Atelier draws.
      case poseDrawing = "pose-drawing"
    }

    /// What stands before the first frame of a sequence.
    public enum FirstFrame: String, Codable, Sendable, Hashable, CaseIterable {
      /// Real frames, which a request has to give.
      case given
      /// Zeros: the generator makes the first frame too, by its own picture alone.
      case zeros
    }

    /// Factors of the generator's loss terms beside the adversarial ones.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the differences between the discriminators' features of both videos; 0 leaves them out.
      public var featureMatching = 10.0
      /// Of the differences between a VGG's features of both images; 0 leaves them out. The authors' program takes 10
      /// unless it is told `--no_vgg`.
      public var perceptual = 0.0
      /// Of the difference from the reference flow.
      public var flow = 10.0
      /// Of the differences between frames and warped frames, real and generated.
      public var temporal = 10.0
      /// Of what the discriminator of faces adds to the generator's loss.
      public var face = 2.0

      /// The authors', without the loss that needs weights of others.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.composite
    /// Whether a flow is estimated, by which the frame before is warped.
    public var flow = true
    /// Whether the grid of the warp reaches from the centre of the first pixel to that of the last, as in the authors'
    /// time; false is what later PyTorch makes of their code.
    public var alignCorners = true
    /// What each frame is made for.
    public var semantics = Semantics.oneHot
    /// Channels of one semantic frame: classes, or channels of a picture.
    public var semanticChannels = 35
    /// Whether a channel of edges between instances follows the semantic channels (the authors' `use_instance`).
    public var instanceEdges = false
    /// Semantic frames that are seen for each frame; it also depends on one frame fewer before it.
    public var framesPerInput = 3
    /// Frames between two updates.
    public var framesPerStep = 1
    /// Scales of the generator, coarse to fine.
    public var spatialScales = 1
    /// Width of frames.
    public var imageWidth = 512
    /// Height of frames.
    public var imageHeight = 256
    /// Channels of the coarsest scale's widest map; each finer scale has half as many.
    public var width = 128
    /// How often the coarsest scale halves its input.
    public var downsamplings = 3
    /// Residual blocks of the coarsest scale, divided between encoders and branches.
    public var blocks = 9
    /// Residual blocks of each branch of finer scales.
    public var localBlocks = 3
    /// The normalisation of all networks.
    public var norm = ImageNorm.batch
    /// What stands before the first frame.
    public var firstFrame = FirstFrame.given
    /// Semantic channels that are the foreground, which a branch of its own makes; none: no such branch.
    public var foregroundChannels: [Int] = []
    /// Whether each residual block is recomputed in the backward pass (gradient checkpointing), which takes less
    /// memory and more time.
    public var gradientCheckpointing = false
    /// The discriminators' form.
    public var discriminator = Discriminator.multiscalePatch
    /// Channels of the discriminators' first map at full resolution; half the resolution has twice as many, up to 64.
    public var discriminatorWidth = 64
    /// The discriminators' normalisation; nil: the generator's.
    public var discriminatorNorm: ImageNorm?
    /// Strided convolutions of each discriminator.
    public var layers = 3
    /// Discriminators of images, and of videos, each on half the resolution of the one before.
    public var scales = 2
    /// Frames that a discriminator of videos sees at a time.
    public var temporalFrames = 3
    /// Discriminators of videos, each on frames that lie `temporalFrames` times as far apart; 0: none.
    public var temporalScales = 1
    /// Whether a discriminator of its own judges faces (the authors' `add_face_disc`), and where they are.
    public var faceDiscriminator = FaceDiscriminator.none
    /// Sides of the square around a face that is judged, in pixels; nil: the authors' quarter of `imageHeight`, a multiple of
    /// 8.
    public var faceSide: Int?
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.lsgan
    /// Factors of the generator's loss terms.
    public var weights = Weights()
    /// The network whose features `weights.perceptual` compares; nil: VGG19 as the authors, or VGG16 where only that one
    /// is there.
    public var features: FeatureNetwork?
    /// Frames that are generated one after the other of each sequence, at first.
    public var sequenceLength = 30
    /// The most frames that they become.
    public var longestSequence = 30
    /// Passes over the data after which sequences become twice as long; 0: never.
    public var lengthenEpochs = 5
    /// Passes over the data during which only the finest scale is trained.
    public var fixGlobalEpochs = 0
    /// Whether sequences are mirrored half of the time.
    public var flips = true
    /// The learning rate of all optimisers at first.
    public var learningRate = 2e-4
    /// The generator's learning rate; nil: `learningRate`.
    public var generatorLearningRate: Double?
    /// The learning rate of the discriminators of images; nil: `learningRate`.
    public var discriminatorLearningRate: Double?
    /// How the learning rates fall, but that of the discriminators of videos.
    public var decay = EpochDecay(constantEpochs: 10, decayEpochs: 10)
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Sequences in a batch.
    public var batchSize = 1

    /// The authors' options as they come, with one discriminator of videos and without the loss on a VGG19's features.
    public init() {}

    /// The paper's streets and people, and a small one.
    public static var presets: [Preset<Configuration>] {
      var street = Configuration()
      street.temporalScales = 2
      street.weights.perceptual = 10
      street.foregroundChannels = [26]
      street.instanceEdges = true
      street.sequenceLength = 6
      street.longestSequence = 24
      street.framesPerStep = 2
      var fine = street
      fine.imageWidth = 1024
      fine.imageHeight = 512
      fine.spatialScales = 2
      fine.scales = 3
      fine.sequenceLength = 4
      fine.fixGlobalEpochs = 10
      var people = Configuration()
      people.semantics = .continuous
      people.semanticChannels = 3
      people.imageWidth = 192
      people.imageHeight = 256
      people.temporalScales = 2
      people.weights.perceptual = 10
      people.firstFrame = .zeros
      people.sequenceLength = 12
      people.longestSequence = 24
      people.framesPerStep = 3
      people.constantEpochs = 5
      people.decayEpochs = 5
      people.batchSize = 8
      var figures = people
      figures.imageWidth = 384
      figures.imageHeight = 512
      figures.spatialScales = 2
      figures.scales = 3
      figures.faceDiscriminator = .poseDrawing
      figures.framesPerStep = 1
      figures.fixGlobalEpochs = 3
      figures.learningRate = 1e-4
      var small = Configuration()
      small.semanticChannels = 11
      small.imageWidth = 128
      small.imageHeight = 64
      small.framesPerInput = 2
      small.framesPerStep = 2
      small.width = 16
      small.downsamplings = 2
      small.blocks = 4
      small.norm = .instance
      small.firstFrame = .zeros
      small.discriminatorWidth = 16
      small.layers = 2
      small.temporalFrames = 2
      small.sequenceLength = 4
      small.longestSequence = 6
      small.lengthenEpochs = 10
      small.decayEpochs = 0
      return [
        Preset("paper", "the paper's streets at 512×256: foreground, two discriminators of videos", street),
        Preset("cityscapes-1024", "two scales for 1024×512, the finer one first", fine),
        Preset("pose", "the authors' people from pictures of poses, first frame included", people),
        Preset("pose-512", "a second scale for 384×512, and a discriminator of faces", figures),
        Preset("small", "128×64 with narrow networks, minutes on two cores", small),
      ]
    }

    /// The field and condition of the semantic maps.
    var source: String { semantics == .oneHot ? "label" : "pose" }
    /// Channels of one semantic frame with the edges.
    var mapChannels: Int { semanticChannels + (instanceEdges ? 1 : 0) }
    /// Sides of the square that the discriminator of faces judges.
    ///
    /// Source: NVIDIA/vid2vid `models/vid2vid_model_D.py` `get_face_region`.
    var faceSquare: Int { faceSide ?? max(8, imageHeight / 32 * 8) }
    /// How many resolutions the discriminator of faces sees: two fewer than the others.
    var faceScales: Int { max(1, scales - 2) }
    /// Frames of the clips that are loaded.
    package var clipFrames: Int { max(sequenceLength, longestSequence) + framesPerInput - 1 }
    /// What both sides of a frame are multiples of.
    var sizeMultiple: Int { 1 << (downsamplings + spatialScales - 1) }

    /// Frames that are generated of a clip in some pass over the data.
    ///
    /// Source: NVIDIA/vid2vid `data/base_dataset.py` `update_training_batch`.
    package func length(atEpoch epoch: Double) -> Int {
      guard lengthenEpochs > 0 else { return sequenceLength }
      let doublings = min(20, max(0, Int(epoch)) / lengthenEpochs)
      return min(max(sequenceLength, longestSequence), sequenceLength << doublings)
    }

    /// Clips of videos with a map, or a picture, of each frame.
    public var plan: SystemPlan {
      func video(_ frames: Int, _ channels: Int) -> FieldKind {
        .video(frames: frames, channels: channels, height: imageHeight, width: imageWidth, range: .signed)
      }
      let picture = FieldKind.image(channels: 3, height: imageHeight, width: imageWidth, range: .signed)
      let isMap = semantics == .oneHot
      let sources: FieldKind =
        isMap
        ? .labelMaps(
          classes: semanticChannels, frames: clipFrames, height: imageHeight, width: imageWidth)
        : video(clipFrames, semanticChannels)
      let next = Condition(
        source,
        .field(
          isMap
            ? .labelMap(classes: semanticChannels, height: imageHeight, width: imageWidth)
            : .image(channels: semanticChannels, height: imageHeight, width: imageWidth, range: .signed)),
        isRequired: true, help: isMap ? "the label map of the frame" : "the picture of the frame's pose")
      let first = Condition(
        "first", .field(picture), isRequired: firstFrame == .given,
        help: "the first frame itself" + (firstFrame == .given ? "" : "; else it is made too"))
      let frames = Field("frames", video(clipFrames, 3))
      // Ids of instances have no bound.
      let instances = Field(
        Videos.instance,
        .labelMaps(classes: .max, frames: clipFrames, height: imageHeight, width: imageWidth))
      let standIn = isMap ? "; else each class is one" : ""
      let nextInstances = Condition(
        Videos.instance, .field(.labelMap(classes: .max, height: imageHeight, width: imageWidth)),
        isRequired: !isMap, help: "the map of the frame's instances" + standIn)
      var conditions = [
        Condition(
          source, .field(sources), isRequired: true,
          help: isMap ? "the label maps of a video, one a frame" : "the pictures of poses of a video"),
        first,
      ]
      if instanceEdges {
        conditions.append(
          Condition(
            instances.name, .field(instances.kind), isRequired: !isMap, liesOnSource: true,
            help: "the maps of a video's instances, one a frame" + standIn))
      }
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [Field(source, sources), frames] + (instanceEdges ? [instances] : []), Videos()),
            batchSize: batchSize)
        ],
        conditions: conditions,
        outputs: [frames],
        abilities: [
          Streaming(
            beginning: [first], advancing: [next] + (instanceEdges ? [nextInstances] : []),
            output: Field("frame", picture)),
          FrameTranslation(
            source: source, beside: instanceEdges ? [instances.name] : [], target: frames.name,
            first: first.name),
        ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "semanticChannels": semanticChannels, "framesPerStep": framesPerStep, "spatialScales": spatialScales,
        "width": width, "discriminatorWidth": discriminatorWidth, "layers": layers, "scales": scales,
        "sequenceLength": sequenceLength, "longestSequence": longestSequence, "batchSize": batchSize,
      ])
      try Checks.notNegative([
        "blocks": blocks, "localBlocks": localBlocks, "downsamplings": downsamplings,
        "temporalScales": temporalScales, "lengthenEpochs": lengthenEpochs,
        "fixGlobalEpochs": fixGlobalEpochs,
      ])
      for (key, value) in [
        ("downsamplings", downsamplings), ("layers", layers), ("scales", scales),
        ("spatialScales", spatialScales),
        ("temporalScales", temporalScales), ("temporalFrames", temporalFrames),
      ] { try Checks.require(value <= 8, "\(key) is at most 8, not \(value)") }
      try Checks.require(
        framesPerInput >= 2,
        "framesPerInput is at least 2, as a frame follows from one before, not \(framesPerInput)")
      try Checks.require(
        temporalFrames >= 2,
        "temporalFrames is at least 2, as one frame alone is no video, not \(temporalFrames)")
      try Checks.require(
        width >> (spatialScales - 1) >= 1,
        "width is halved for each finer scale, and \(width) is too small for \(spatialScales) of them")
      for channel in foregroundChannels {
        try Checks.require(
          (0..<semanticChannels).contains(channel),
          "foregroundChannels are below semanticChannels, \(semanticChannels), and \(channel) is not")
      }
      try Checks.require(
        sequenceLength <= longestSequence,
        "longestSequence is at least sequenceLength, \(sequenceLength), not \(longestSequence)")
      try Checks.require(
        sequenceLength >= framesPerStep,
        "sequenceLength is at least framesPerStep, \(framesPerStep), not \(sequenceLength)")
      for (key, side) in [("imageWidth", imageWidth), ("imageHeight", imageHeight)] {
        let smallest = max(8, 2 * sizeMultiple)
        try Checks.require(
          side >= smallest && side % sizeMultiple == 0,
          "\(key) is a multiple of \(sizeMultiple) of at least \(smallest), as the networks halve it that often; \(side) is none"
        )
      }
      try Checks.weights([
        "featureMatching": weights.featureMatching, "perceptual": weights.perceptual, "flow": weights.flow,
        "temporal": weights.temporal, "face": weights.face,
      ])
      try validateFaces()
      try Checks.require(
        weights.perceptual == 0 || min(imageWidth, imageHeight) >= 16,
        "a VGG sees images of at least 16 pixels a side, not of \(imageWidth)×\(imageHeight); set weights.perceptual to 0"
      )
      try adam.validate([
        "learningRate": learningRate, "generatorLearningRate": generatorLearningRate ?? learningRate,
        "discriminatorLearningRate": discriminatorLearningRate ?? learningRate,
      ])
      try decay.validate()
    }

    private func validateFaces() throws(ConfigurationError) {
      guard faceDiscriminator != .none else {
        return try Checks.require(
          faceSide == nil,
          "faceSide is the square of the discriminator of faces, and there is none; set faceDiscriminator, or leave faceSide out"
        )
      }
      try Checks.require(
        semanticChannels >= 3,
        "faceDiscriminator finds faces in the first three of semanticChannels, and there are \(semanticChannels); set it to none"
      )
      let side = faceSquare
      try Checks.require(
        side >= 8 && side % 2 == 0 && side < min(imageWidth, imageHeight),
        "faceSide is an even number of at least 8 and less than imageWidth and imageHeight, \(imageWidth)×\(imageHeight), "
          + "not \(side)")
    }
  }
}
