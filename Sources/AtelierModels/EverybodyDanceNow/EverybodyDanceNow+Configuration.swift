public import AtelierCore
import AtelierData
import Torch

extension EverybodyDanceNow {
  /// The choices of an everybody-dance-now.
  public struct Configuration: AdamConfiguration, EpochDecayConfiguration {
    /// The generator's form.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// One residual generator.
      case global
      /// Enhancers around a global generator on the shrunk condition.
      case local
    }

    /// What corrects the face.
    public enum FaceGenerator: String, Codable, Sendable, Hashable, CaseIterable {
      /// Nothing.
      case none
      /// A residual generator on the face's box.
      case global

      /// A form by its name, or true for the one that there is.
      public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let isOn = try? container.decode(Bool.self) {
          self = isOn ? .global : .none
          return
        }
        let name = try container.decode(String.self)
        guard let known = FaceGenerator(rawValue: name) else {
          throw DecodingError.dataCorruptedError(
            in: container, debugDescription: "none or global, not \(name)")
        }
        self = known
      }
    }

    /// The discriminator's form; there is one.
    public enum Discriminator: String, Codable, Sendable, Hashable, CaseIterable {
      /// PatchGANs on the images and their halves.
      case multiscalePatch = "multiscale-patch"
    }

    /// Factors of the generator's loss terms beside the adversarial ones.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the differences between the discriminator's features of both pairs; 0 leaves them out.
      public var featureMatching = 10.0
      /// Of the differences between a VGG's features of both images; 0 leaves them out.
      public var perceptual = 10.0

      /// The authors'.
      public init() {}
    }

    /// The generator's form.
    public var generator = Generator.global
    /// Width of frames.
    public var imageWidth = 1024
    /// Height of frames.
    public var imageHeight = 512
    /// Channels of the generator at full resolution.
    public var width = 64
    /// How often the global generator halves its input.
    public var downsamplings = 4
    /// Residual blocks of the global generator.
    public var blocks = 9
    /// Enhancers around it, each for twice the resolution (`generator: local`).
    public var localEnhancers = 1
    /// Residual blocks of each enhancer.
    public var localBlocks = 3
    /// The normalisation of generator and discriminator.
    public var norm = ImageNorm.instance
    /// What corrects the face; with it the rest of the generator stays as it is.
    public var faceGenerator = FaceGenerator.none
    /// Channels of the widest map of the face's generator and discriminator.
    public var faceWidth = 64
    /// How often the face's generator halves its box.
    public var faceDownsamplings = 3
    /// Residual blocks of the face's generator.
    public var faceBlocks = 5
    /// The face's box: first row, end row, first column, end column, ends excluded.
    public var faceBox = [0, 128, 448, 576]
    /// Whether the box is moved to the head of each pose, the white points of its picture; its size stays, and so does its place
    /// where no head is drawn.
    public var faceFollowsPose = false
    /// Whether the data show people, whose consent training needs; false for drawn figures.
    public var faces = true
    /// Whether each residual block is recomputed in the backward pass (gradient checkpointing), which takes less
    /// memory and more time.
    public var gradientCheckpointing = false
    /// The discriminator's form.
    public var discriminator = Discriminator.multiscalePatch
    /// Channels of the discriminators' widest map.
    public var discriminatorWidth = 64
    /// The discriminators' normalisation; nil: the generator's.
    public var discriminatorNorm: ImageNorm?
    /// Strided convolutions of each discriminator.
    public var layers = 3
    /// Discriminators, each on half the resolution of the one before.
    public var scales = 2
    /// The adversarial loss.
    public var adversarialLoss = AdversarialMode.lsgan
    /// Factors of the generator's loss terms.
    public var weights = Weights()
    /// The network whose features `weights.perceptual` compares; nil: VGG19 as the authors, or VGG16 where only that one
    /// is there.
    public var features: FeatureNetwork?
    /// Passes over the data during which only the outermost enhancer is trained.
    public var fixGlobalEpochs = 0
    /// Passes over the data during which of both discriminators the face's alone is trained.
    public var fixMainEpochs = 0
    /// The learning rate of all optimisers at first.
    public var learningRate = 2e-4
    /// How the learning rates fall.
    public var decay = EpochDecay(constantEpochs: 100, decayEpochs: 100)
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Pairs of frames in a batch.
    public var batchSize = 1

    /// The authors' options as they come.
    public init() {}

    /// The authors' stages, and a small one.
    public static var presets: [Preset<Configuration>] {
      var local = Configuration()
      local.generator = .local
      local.width = 32
      local.scales = 3
      var face = local
      face.faceGenerator = .global
      face.faceFollowsPose = true
      face.fixMainEpochs = 10
      var coarse = Configuration()
      coarse.imageWidth = 512
      coarse.imageHeight = 256
      var small = Configuration()
      small.imageWidth = 64
      small.imageHeight = 64
      small.width = 16
      small.downsamplings = 3
      small.blocks = 4
      small.faceWidth = 8
      small.faceDownsamplings = 1
      small.faceBlocks = 2
      small.faceBox = [0, 16, 24, 40]
      small.discriminatorWidth = 16
      small.layers = 2
      small.weights.perceptual = 0
      small.decayEpochs = 0
      return [
        Preset("paper", "the authors' first stage: the global generator at 512×256", coarse),
        Preset("local", "their second: an enhancer around it for 1024×512, three scales", local),
        Preset("face", "their third: the face's generator beside the second stage's networks", face),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    /// What both sides of a frame are multiples of.
    var sizeMultiple: Int { 1 << (downsamplings + (generator == .local ? localEnhancers : 0)) }

    /// Pairs of neighbouring frames with their poses.
    public var plan: SystemPlan {
      func video(_ frames: Int) -> FieldKind {
        .video(frames: frames, channels: 3, height: imageHeight, width: imageWidth, range: .signed)
      }
      let picture = FieldKind.image(channels: 3, height: imageHeight, width: imageWidth, range: .signed)
      let help = "of poses, as the training had them"
      var plan = SystemPlan(
        stages: [
          Stage(
            data: DataPlan([Field(Videos.pose, video(2)), Field("frames", video(2))], Videos()),
            batchSize: batchSize)
        ],
        conditions: [
          Condition(Videos.pose, .field(video(2)), isRequired: true, help: "the pictures \(help)")
        ],
        outputs: [Field("frames", video(2))],
        abilities: [
          Streaming(
            advancing: [
              Condition(Videos.pose, .field(picture), isRequired: true, help: "the picture \(help)")
            ],
            output: Field("frame", picture)),
          FrameTranslation(source: Videos.pose, target: "frames"),
        ])
      if faces { plan.abilities.append(Likeness(.face, of: "frames")) }
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "width": width, "localEnhancers": localEnhancers, "faceWidth": faceWidth,
        "discriminatorWidth": discriminatorWidth, "layers": layers, "scales": scales, "batchSize": batchSize,
      ])
      try Checks.notNegative([
        "downsamplings": downsamplings, "blocks": blocks, "localBlocks": localBlocks,
        "faceDownsamplings": faceDownsamplings, "faceBlocks": faceBlocks, "fixGlobalEpochs": fixGlobalEpochs,
        "fixMainEpochs": fixMainEpochs,
      ])
      for (key, value) in [
        ("downsamplings", downsamplings), ("localEnhancers", localEnhancers), ("layers", layers),
        ("scales", scales), ("faceDownsamplings", faceDownsamplings),
      ] { try Checks.require(value <= 8, "\(key) is at most 8, not \(value)") }
      for (key, side) in [("imageWidth", imageWidth), ("imageHeight", imageHeight)] {
        let smallest = max(8, 2 * sizeMultiple)
        try Checks.require(
          side >= smallest && side % sizeMultiple == 0,
          "\(key) is a multiple of \(sizeMultiple) of at least \(smallest), as the networks halve it that often; \(side) is none"
        )
      }
      if faceGenerator != .none {
        let multiple = 1 << faceDownsamplings
        try Checks.require(
          faceBox.count == 4 && faceBox[0] >= 0 && faceBox[2] >= 0,
          "faceBox is [first row, end row, first column, end column], not \(faceBox)")
        for (first, end) in [(faceBox[0], faceBox[1]), (faceBox[2], faceBox[3])] {
          try Checks.require(
            end - first >= max(4, 2 * multiple) && (end - first) % multiple == 0,
            "the sides of faceBox are multiples of \(multiple) of at least \(max(4, 2 * multiple)), not \(end - first)"
          )
        }
      }
      try Checks.require(
        !faceFollowsPose || faceGenerator != .none,
        "faceFollowsPose moves the box of the face's generator, and there is none; set faceGenerator to global"
      )
      try Checks.require(
        fixMainEpochs == 0 || faceGenerator != .none,
        "fixMainEpochs trains the face's discriminator alone, and there is none; set faceGenerator to global")
      try Checks.weights(["featureMatching": weights.featureMatching, "perceptual": weights.perceptual])
      try Checks.require(
        weights.perceptual == 0 || min(imageWidth, imageHeight) >= 16,
        "a VGG sees images of at least 16 pixels a side; set weights.perceptual to 0")
      try adam.validate(["learningRate": learningRate])
      try decay.validate()
    }
  }
}
