public import AtelierCore
public import AtelierData

/// How faces are filled in.
public struct InpaintingSettings: Settings {
  /// Entries of the latent map beyond this are drawn again; 0: the map is 0, and a face always the same.
  public var truncation = 0.0

  /// The authors' program: always the same face.
  public init() {}

  /// Refuses negative limits.
  public func validate() throws(ConfigurationError) {
    guard truncation >= 0 else {
      throw ConfigurationError("truncation is at least 0, not \(truncation)")
    }
  }
}

extension DeepPrivacy {
  /// The choices of a DeepPrivacy.
  public struct Configuration: AdamConfiguration {
    /// What becomes of a gradient's norm in the penalty.
    public enum Penalty: String, Codable, Sendable, Hashable, CaseIterable {
      /// What it exceeds 1 by.
      case oneSided
      /// The square of its difference from 1.
      case squared
    }

    /// The factors of the discriminator's further losses.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the gradient penalty, which is multiplied by its interval.
      public var gradientPenalty = 10.0
      /// Of the mean square of real scores. The authors' 0.001 is never used by their program.
      public var epsilonPenalty = 1.0

      /// The authors' program.
      public init() {}
    }

    /// Height and width of the images: 4 doubled once for each width but the first.
    public var imageSize = 128
    /// Keypoints of a face: 7 are nose, eyes, ears and shoulders, 5 eyes, nose and corners of the mouth.
    public var keypoints = 7
    /// The generator's channels at 4×4, 8×8, … up to the image's size.
    public var widths = [512, 512, 512, 512, 256, 128]
    /// The gain of convolutions' weights, which are scaled at run time.
    public var gain = 2.0.squareRoot()
    /// Channels of the latent 4×4 map.
    public var latentChannels = 32
    /// Whether the generator's blocks are residual.
    public var residual = false
    /// Whether the discriminator's blocks are, but for its last.
    public var discriminatorResidual = false
    /// Whether the path of half the size runs beside that of the newest size.
    public var progressive = true
    /// The weight of the new path; while networks grow, training sets it.
    public var transition = 1.0
    /// Images that each size is blended in over, and as many that it is then trained with before the next one; 0: all
    /// sizes are trained together from the beginning.
    public var growthImages = 0
    /// The size that growing networks begin with.
    public var startSize = 8
    /// Examples in a batch for each size from `startSize` to `imageSize`; empty: `batchSize` for all.
    public var batchSizes: [Int] = []
    /// What becomes of a gradient's norm in the penalty.
    public var penalty = Penalty.oneSided
    /// Whether the penalty sees the gradient of filled pixels alone.
    public var penaltyMasked = true
    /// The penalty is computed every so many steps.
    public var penaltyInterval = 16
    /// The factors of the discriminator's further losses.
    public var lossWeights = Weights()
    /// The generator's learning rate.
    public var learningRate = 0.0015
    /// The discriminator's; nil: that of the generator times n / (n + 1) for a penalty every n steps.
    public var discriminatorLearningRate: Double?
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0, beta2: 0.99)
    /// Adam's β₂ of the discriminator; nil: that of the generator to the power of n / (n + 1), as β₁ is.
    public var discriminatorBeta2: Double?
    /// Decay of the generator's moving average; the authors' halves what is older than 10,000 images.
    public var averageDecay = 0.9978
    /// Whether training images are mirrored at random.
    public var flips = true
    /// Examples in a batch.
    public var batchSize = 32

    /// The paper's sizes, all trained together.
    public init() {}

    /// The paper's sizes, the authors' defaults, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.growthImages = 1_200_000
      paper.batchSizes = [256, 256, 128, 96, 32]
      var defaults = paper
      defaults.widths = [128, 128, 128, 128, 64, 32]
      defaults.gain = 1
      defaults.learningRate = 0.001
      var small = Configuration()
      small.learningRate = 0.001
      small.imageSize = 64
      small.widths = [48, 48, 32, 24, 16]
      small.latentChannels = 8
      small.keypoints = 5
      small.growthImages = 2000
      small.batchSize = 8
      small.penaltyInterval = 4
      small.averageDecay = 0.99
      return [
        Preset("paper", "512 channels at 128×128, growing from 8×8", paper),
        Preset("narrow", "the authors' defaults: 128 channels", defaults),
        Preset("small", "64×64 with narrow networks and 5 keypoints, minutes on two cores", small),
      ]
    }

    /// What the networks are made of.
    var growth: FaceGrowth {
      let top = widths.count - 1
      let isGrowing = growthImages > 0
      return FaceGrowth(
        top: top,
        firstColours: isGrowing ? (startSize / 4).trailingZeroBitCount : progressive ? top - 1 : top,
        blends: progressive, transition: transition)
    }

    /// Examples in a batch at a level.
    func batchSize(at level: Int) -> Int {
      let place = level - growth.firstColours
      return batchSizes.indices.contains(place) && growthImages > 0 ? batchSizes[place] : batchSize
    }

    /// The stages of growth: their level and steps, the last without end.
    var growthStages: [(level: Int, steps: Int?)] {
      guard growthImages > 0 else { return [(widths.count - 1, nil)] }
      return (growth.firstColours..<widths.count).map { level in
        guard level < widths.count - 1 else { return (level, nil) }
        let images = level == growth.firstColours ? growthImages : 2 * growthImages
        let batch = batchSize(at: level)
        return (level, (images + batch - 1) / batch)
      }
    }

    /// Faces with keypoints and masks, in a stage for each size.
    public var plan: SystemPlan {
      func image(_ channels: Int, _ range: ImageRange) -> FieldKind {
        .image(channels: channels, height: imageSize, width: imageSize, range: range)
      }
      let points = FieldKind.features(size: 2 * keypoints)
      let data = DataPlan(
        [Field("image", image(3, .signed)), Field("mask", image(1, .unit)), Field("keypoints", points)],
        Faces(mask: .kept), changes: JointAugmentation(flips: flips))
      let stages = growthStages.map { stage in
        Stage(
          growthImages > 0 ? "\(4 << stage.level)x\(4 << stage.level)" : "training", steps: stage.steps,
          data: data, batchSize: batchSize(at: stage.level))
      }
      let direction = TranslationDirection("anonymise", source: "image", target: "image", takesTiles: false)
      return SystemPlan(
        stages: stages,
        conditions: [
          Condition("image", .field(image(3, .signed)), isRequired: true, help: "the face to anonymise"),
          Condition(
            "keypoints", .field(points), isRequired: true,
            help: "x and y of the face's \(keypoints) keypoints, in shares of width and height: 0.4,0.5,…"),
          Condition(
            "mask", .field(image(1, .unit)), liesOnSource: true,
            help: "white where the face is, which is replaced"),
          Condition(
            "box", .field(.features(size: 4)),
            help: "left, top, right and bottom of the face in shares of width and height, in place of a mask"),
        ],
        outputs: [Field("image", image(3, .signed))], sampling: InpaintingSettings(),
        abilities: [
          ImageTranslation([direction]), FaceAnonymization(image: "image", mask: "mask", maskIsKept: true),
        ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.require(
        widths.count >= 2 && widths.count <= 9 && widths.allSatisfy { $0 >= 1 },
        "widths are 2 to 9 numbers of at least 1, for 4×4, 8×8 and so on, not \(widths)")
      try Checks.require(
        imageSize == 4 << (widths.count - 1),
        "imageSize is \(4 << (widths.count - 1)) with \(widths.count) widths, not \(imageSize); give a width for each doubling of 4"
      )
      try Checks.positive([
        "keypoints": keypoints, "latentChannels": latentChannels, "penaltyInterval": penaltyInterval,
        "batchSize": batchSize,
      ])
      try Checks.aboveZero(["gain": gain])
      try Checks.require((0...1).contains(transition), "transition lies in 0 … 1, not at \(transition)")
      try Checks.notNegative(["growthImages": growthImages])
      if growthImages > 0 {
        try Checks.require(
          progressive, "networks grow with progressive alone; set progressive to true, or growthImages to 0")
        try Checks.require(
          (0..<widths.count).contains { $0 > 0 && startSize == 4 << $0 },
          "startSize is 8, 16, … up to imageSize, not \(startSize)")
        let sizes = widths.count - growth.firstColours
        try Checks.require(
          batchSizes.isEmpty || batchSizes.count == sizes && batchSizes.allSatisfy { $0 >= 1 },
          "batchSizes are \(sizes) numbers of at least 1, one for each size from startSize to imageSize, or none, not \(batchSizes)"
        )
      }
      try Checks.notNegative([
        "lossWeights.gradientPenalty": lossWeights.gradientPenalty,
        "lossWeights.epsilonPenalty": lossWeights.epsilonPenalty,
      ])
      try adam.validate(["learningRate": learningRate])
      if let rate = discriminatorLearningRate {
        try Checks.aboveZero(["discriminatorLearningRate": rate])
      }
      if let decay = discriminatorBeta2 { try Checks.belowOne(["discriminatorBeta2": decay]) }
      try Checks.belowOne(["averageDecay": averageDecay])
    }
  }
}
