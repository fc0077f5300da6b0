public import AtelierCore
import AtelierData

extension DeepfakeAutoencoder {
  /// The choices of a deepfake autoencoder.
  public struct Configuration: SquareImageConfiguration, AdamConfiguration {
    /// The shape of the faces.
    public var images = SquareImages(imageSize: 64, imageChannels: 3)
    /// Channels of the encoder's convolutions, each of which halves the sides.
    public var encoderChannels = [128, 256, 512, 1024]
    /// Channels of the 4 × 4 map that the code is brought to.
    public var innerChannels = 1024
    /// Numbers of the code.
    public var latentSize = 1024
    /// Channels of the doublings: of the encoder's last, then of a decoder's.
    public var decoderChannels = [512, 256, 128, 64]
    /// Whether decoders give masks as well, learned from the alpha of the images.
    public var learnMask = false
    /// The slope of the leaky ReLUs.
    public var leakySlope = 0.1
    /// How faces are compared with what they should be.
    public var loss = FaceLoss.meanAbsolute
    /// Further losses by name, each with its weight beside the first one's 1.
    public var furtherLosses: [String: Double] = [:]
    /// How training faces are varied.
    public var augmentation = FaceAugmentation()
    /// Adam's learning rate.
    public var learningRate = 5e-5
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.99, adamEpsilon: 1e-7)
    /// Faces of each person in a batch.
    public var batchSize = 16

    /// The authors' model with the loss of the first script.
    public init() {}

    /// Losses are named freely.
    public var openTables: Set<String> { ["furtherLosses"] }

    /// The authors' model, their first one, the one for little memory, and one for two processor cores.
    public static var presets: [Preset<Configuration>] {
      var present = Configuration()
      present.loss = .ssim
      present.furtherLosses = [FaceLoss.meanSquared.rawValue: 1]
      var first = Configuration()
      first.beta2 = 0.999
      first.adamEpsilon = 1e-8
      var small = present
      small.encoderChannels = [32, 64, 128, 256]
      small.innerChannels = 128
      small.latentSize = 256
      small.decoderChannels = [128, 64, 32, 16]
      small.learningRate = 3e-4
      var low = present
      low.encoderChannels = [128, 256, 512]
      low.latentSize = 512
      return [
        Preset("paper", "faceswap's original model at 64×64: SSIM and squared differences", present),
        Preset("first", "the first script's loss and Adam: absolute differences", first),
        Preset("low-memory", "the original model without its last convolution, and half the code", low),
        Preset("small", "64×64 with narrow networks, minutes on two cores", small),
      ]
    }

    /// The side of what the encoder's convolutions give.
    var encodedSide: Int { encoderChannels.reduce(images.imageSize) { side, _ in (side + 1) / 2 } }

    /// Faces of two people without correspondence, each given back as itself or as the other.
    public var plan: SystemPlan {
      let size = images.imageSize
      let channels = images.imageChannels + (learnMask ? 1 : 0)
      let fields = ["A", "B"].map {
        Field($0, .image(channels: channels, height: size, width: size, range: .unit))
      }
      var plan = SystemPlan.translation(
        fields, UnpairedImages("A", "B", namesSides: true), changes: JointAugmentation(),
        [
          TranslationDirection("A-to-B", source: "A", target: "B", side: size),
          TranslationDirection("B-to-A", source: "B", target: "A", side: size),
        ], batchSize: batchSize)
      plan.sampling = FaceSwapDrawing()
      plan.abilities += [Likeness(.face), FaceSwapping()]
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try images.validate()
      try Checks.require(!encoderChannels.isEmpty, "encoderChannels has at least one width")
      try Checks.require(!decoderChannels.isEmpty, "decoderChannels has at least one width")
      for width in encoderChannels { try Checks.positive(["encoderChannels": width]) }
      for width in decoderChannels { try Checks.positive(["decoderChannels": width]) }
      try Checks.positive([
        "innerChannels": innerChannels, "latentSize": latentSize, "batchSize": batchSize,
      ])
      let made = decoderChannels.count < 12 ? 4 << decoderChannels.count : 0
      try Checks.require(
        images.imageSize == made,
        "imageSize is 4, doubled once for each width of decoderChannels, \(made) here, not \(images.imageSize)"
      )
      try Checks.require(
        [1, 3].contains(images.imageChannels),
        "imageChannels is 3, or 1 for grey faces, not \(images.imageChannels)")
      try Checks.notNegative(["leakySlope": leakySlope])
      _ = try losses
      try augmentation.validate()
      try adam.validate(["learningRate": learningRate])
    }

    /// All losses with their weights; those of no weight are left out.
    ///
    /// - Throws: ``ConfigurationError`` for names that stand for none, and for faces that are too small.
    var losses: [(loss: FaceLoss, weight: Double)] {
      get throws(ConfigurationError) {
        var all = [(loss, 1.0)]
        // Sorted: the order of a dictionary must not decide the rounding of a sum.
        for (name, weight) in furtherLosses.sorted(by: { $0.key < $1.key }) {
          guard let further = FaceLoss(rawValue: name) else {
            let known = FaceLoss.allCases.map(\.rawValue)
            throw ConfigurationError(
              "furtherLosses names '\(name)', which is no loss; did you mean '\(nearest(to: name, in: known))'? There are "
                + known.joined(separator: ", "))
          }
          try Checks.notNegative(["furtherLosses.\(name)": weight])
          if weight > 0 { all.append((further, weight)) }
        }
        for (loss, _) in all {
          try Checks.require(
            images.imageSize >= loss.smallestSide,
            "the loss \(loss.rawValue) compares images of at least \(loss.smallestSide) pixels, and imageSize is "
              + "\(images.imageSize)")
        }
        return all
      }
    }
  }
}
