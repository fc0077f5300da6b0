public import AtelierCore
public import AtelierData
public import Torch

extension CIAGAN {
  /// The choices of a CIAGAN.
  public struct Configuration: AdamConfiguration {
    /// What scores are made large or small.
    public enum Objective: String, Codable, Sendable, Hashable, CaseIterable {
      /// The squared distance from 1 and 0.
      case leastSquares
      /// Scores themselves, with a gradient penalty.
      case wasserstein
      /// Cross-entropy of logits.
      case binaryCrossEntropy

      /// Of scores that should be those of real images.
      func real(_ scores: Tensor) -> Tensor {
        switch self {
        case .leastSquares: (scores - 1).square().mean()
        case .wasserstein: -scores.mean()
        case .binaryCrossEntropy: binaryCrossEntropyWithLogits(scores, .ones(like: scores))
        }
      }

      /// Of scores that should be those of generated images.
      func fake(_ scores: Tensor) -> Tensor {
        switch self {
        case .leastSquares: scores.square().mean()
        case .wasserstein: scores.mean()
        case .binaryCrossEntropy: binaryCrossEntropyWithLogits(scores, .zeros(like: scores))
        }
      }
    }

    /// Height and width of the images, a multiple of 32; the authors' networks have 128.
    public var imageSize = 128
    /// How many identities there are, taken from the data.
    public var identities = 1200
    /// The generator's channels: of its last layer, and after 1, 2, 3 and more halvings.
    public var channels = [16, 32, 64, 128, 256]
    /// The width of the linear layers that an identity goes through.
    public var identityHidden = 256
    /// Channels of the smallest map that an identity becomes.
    public var identityChannels = 32
    /// The critic's channels after 1, 2, 3 and more halvings.
    public var criticChannels = [64, 128, 256, 512]
    /// The width of the critic's linear layer.
    public var criticHidden = 1024
    /// The siamese network's channels, at full size and after each of three halvings.
    public var siameseChannels = [64, 128, 256, 512]
    /// The width of the siamese network's linear layer.
    public var siameseHidden = 1024
    /// The length of the siamese network's features.
    public var featureSize = 1200
    /// The distance of features beyond which two identities are apart enough.
    public var margin = 3.0
    /// Whether images are multiplied by the mask of the face in front of the siamese network.
    public var siameseMask = false
    /// What scores are made large or small.
    public var adversarialLoss = Objective.leastSquares
    /// The factor of the gradient penalty, which belongs to the Wasserstein loss alone.
    public var gradientPenalty = 10.0
    /// The critic's updates in a step.
    public var criticSteps = 1
    /// The generator's updates in a step.
    public var generatorSteps = 3
    /// The learning rate of all three networks.
    public var learningRate = 1e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// Whether training images are random crops of a half to three quarters of each side, as the authors' are.
    public var randomCrop = true
    /// Pairs of images in a batch.
    public var batchSize = 16

    /// The authors' program.
    public init() {}

    /// The authors' sizes, and a small one.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.imageSize = 64
      small.channels = [8, 16, 24, 32, 48]
      small.identityHidden = 64
      small.identityChannels = 16
      small.criticChannels = [16, 24, 32, 48]
      small.criticHidden = 128
      small.siameseChannels = [8, 16, 24, 32]
      small.siameseHidden = 64
      small.featureSize = 32
      small.generatorSteps = 1
      small.batchSize = 4
      return [
        Preset("paper", "the authors' networks at 128×128, 1200 identities of CelebA", Configuration()),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    /// Height and width of the smallest maps.
    var bottomSize: Int { imageSize / 32 }

    /// Pairs of faces with landmarks, masks and identities.
    public var plan: SystemPlan {
      func image(_ channels: Int) -> FieldKind {
        .image(channels: channels, height: imageSize, width: imageSize, range: .unit)
      }
      let identity = FieldKind.label(classes: identities)
      let fields = [
        Field("image", image(3)), Field("landmarks", image(3)), Field("mask", image(1)),
        Field("identity", identity), Field("target", image(3)), Field("targetMask", image(1)),
        Field("wanted", identity),
      ]
      let direction = TranslationDirection(
        "anonymise", source: "image", target: "image", takesTiles: false)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(fields, Faces(mask: .replaced, pairs: true, zooms: randomCrop)),
            batchSize: batchSize)
        ],
        conditions: [
          Condition("image", .field(image(3)), isRequired: true, help: "the face to anonymise"),
          Condition(
            "landmarks", .field(image(3)), liesOnSource: true,
            help: "jaw, nose and mouth drawn as lines on white, as in the data"),
          Condition(
            "mask", .field(image(1)), liesOnSource: true, help: "white where the face is, which is replaced"),
          Condition(
            "keypoints", .field(.features(size: 2 * FaceOutline.count)),
            help:
              "68 points of the face, x and y in shares of width and height, from which landmarks and mask are drawn"
          ),
          Condition(
            "identity", .label(classes: identities), from: .drawn,
            help: "whose face it becomes; drawn where nobody is named"),
        ],
        outputs: [Field("image", image(3))],
        abilities: [
          ImageTranslation([direction]), Likeness(.face, of: "identity"),
          FaceAnonymization(image: "image", person: "identity", mask: "mask"),
        ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.require(
        imageSize >= 64 && imageSize % 32 == 0,
        "imageSize is a multiple of 32 of at least 64, not \(imageSize)")
      for (key, widths, count) in [
        ("channels", channels, 5), ("criticChannels", criticChannels, 4),
        ("siameseChannels", siameseChannels, 4),
      ] {
        try Checks.require(
          widths.count == count && widths.allSatisfy { $0 >= 1 },
          "\(key) are \(count) numbers of at least 1, not \(widths)")
      }
      try Checks.require(identities >= 2, "ciagan needs at least 2 identities, not \(identities)")
      try Checks.positive([
        "identityHidden": identityHidden, "identityChannels": identityChannels, "criticHidden": criticHidden,
        "siameseHidden": siameseHidden, "featureSize": featureSize, "criticSteps": criticSteps,
        "generatorSteps": generatorSteps, "batchSize": batchSize,
      ])
      try Checks.aboveZero(["margin": margin])
      try Checks.notNegative(["gradientPenalty": gradientPenalty])
      try adam.validate(["learningRate": learningRate])
    }
  }
}
