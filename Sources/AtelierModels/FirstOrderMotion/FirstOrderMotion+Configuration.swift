public import AtelierCore
public import AtelierData

extension FirstOrderMotion {
  /// The shape of an hourglass.
  public struct Hourglass: Codable, Sendable, Hashable {
    /// Channels of the widest map; each halving doubles them.
    public var width: Int
    /// The most channels.
    public var maximumWidth: Int
    /// Halvings.
    public var blocks: Int

    /// A shape.
    public init(width: Int, maximumWidth: Int, blocks: Int) {
      (self.width, self.maximumWidth, self.blocks) = (width, maximumWidth, blocks)
    }

    /// Channels after some halvings.
    func channels(_ halvings: Int) -> Int { doubled(width, halvings, maximumWidth) }
  }

  /// The shape of the generator.
  public struct Generator: Codable, Sendable, Hashable {
    /// Channels of the widest map; each halving doubles them.
    public var width: Int
    /// The most channels.
    public var maximumWidth: Int
    /// How often the image is halved before features of it are moved.
    public var downsamplings: Int
    /// Residual blocks behind that.
    public var blocks: Int

    /// A shape.
    public init(width: Int, maximumWidth: Int, downsamplings: Int, blocks: Int) {
      (self.width, self.maximumWidth, self.downsamplings, self.blocks) = (
        width, maximumWidth, downsamplings, blocks
      )
    }

    /// Channels after some halvings.
    func channels(_ halvings: Int) -> Int { doubled(width, halvings, maximumWidth) }
  }

  /// The shape of a discriminator.
  public struct Discriminator: Codable, Sendable, Hashable {
    /// Half the channels of the first map; each block doubles them.
    public var width: Int
    /// The most channels.
    public var maximumWidth: Int
    /// Convolutions, each but the last with a halving.
    public var blocks: Int
    /// Whether weights are divided by their largest singular value.
    public var spectralNorm: Bool
    /// Whether Gaussians around the driving keypoints stand beside the image.
    public var keypoints: Bool

    /// A shape.
    public init(width: Int, maximumWidth: Int, blocks: Int, spectralNorm: Bool, keypoints: Bool) {
      (self.width, self.maximumWidth, self.blocks) = (width, maximumWidth, blocks)
      (self.spectralNorm, self.keypoints) = (spectralNorm, keypoints)
    }

    /// Channels after some blocks.
    func channels(_ blocks: Int) -> Int { doubled(width, blocks, maximumWidth) }
  }

  /// How images are warped at random, under which keypoints are to move along.
  public struct Transform: Codable, Sendable, Hashable {
    /// The deviation of the affine map from the identity.
    public var affine = 0.05
    /// The deviation of the control points' parameters.
    public var spline = 0.005
    /// Control points a side; 0: an affine map alone.
    public var points = 5

    /// The authors' values.
    public init() {}
  }

  /// The factors of the loss terms.
  public struct LossWeights: Codable, Sendable, Hashable {
    /// Of the adversarial term; 0: no discriminator is trained, and features are not matched.
    public var adversarial = 1.0
    /// Of the discriminators' loss.
    public var discriminator = 1.0
    /// Of the differences of the discriminators' features, one a block.
    public var featureMatching = [10.0, 10, 10, 10]
    /// Of the differences of VGG19's features on each scale of the pyramid: `relu1_1`, `relu2_1` … `relu5_1`.
    public var perceptual = [10.0, 10, 10, 10, 10]
    /// Of the mean absolute difference on each scale of the pyramid, which the authors do without.
    public var reconstruction = 0.0
    /// Of keypoints that do not move as the image is warped.
    public var equivariance = 10.0
    /// Of the keypoints' matrices that do not change as the image is warped.
    public var equivarianceJacobian = 10.0

    /// The authors' values with a discriminator.
    public init() {}
  }

  /// The choices of a first-order motion model.
  public struct Configuration: SystemConfiguration, AdamConfiguration {
    /// Height and width of images in pixels.
    public var imageSize = 256
    /// How many keypoints an image has.
    public var keypoints = 10
    /// Whether each keypoint has an affine frame of its own, without which motion is of order zero.
    public var jacobian = true
    /// Whether all keypoints share one map of matrices.
    public var singleJacobian = false
    /// What the keypoints' maps are divided by before the softmax.
    public var temperature = 0.1
    /// How large the images are that keypoints and dense motion are found in, as a share of imageSize.
    public var scaleFactor = 0.25
    /// Whether what of the source cannot be seen is hidden.
    public var occlusion = true
    /// Whether coordinates of ±1 are the centres of corner pixels when images are sampled, as in the PyTorch that the
    /// authors' weights were trained with; false: the images' edges, PyTorch's default since 1.3.
    public var alignCorners = true
    /// The keypoint detector's hourglass.
    public var detector = Hourglass(width: 32, maximumWidth: 1024, blocks: 5)
    /// The hourglass of dense motion.
    public var denseMotion = Hourglass(width: 64, maximumWidth: 1024, blocks: 5)
    /// The generator.
    public var generator = Generator(width: 64, maximumWidth: 512, downsamplings: 2, blocks: 6)
    /// The discriminators.
    public var discriminator = Discriminator(
      width: 32, maximumWidth: 512, blocks: 4, spectralNorm: false, keypoints: true)
    /// The scales of the pyramid that have a discriminator each.
    public var discriminatorScales = [1.0]
    /// The scales on which images are compared.
    public var pyramid = [1, 0.5, 0.25, 0.125]
    /// How images are warped for equivariance.
    public var transform = Transform()
    /// The factors of the loss terms.
    public var lossWeights = LossWeights()
    /// Whether clips are mirrored half of the time, and source and driving frames change places.
    public var flips = true
    /// By how much brightness, contrast and saturation vary as shares, and hue in turns.
    public var colourJitter = 0.1
    /// Adam's learning rate at first.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.5, beta2: 0.999)
    /// After how many epochs the learning rate is divided by ten, each time.
    public var milestones: [Int] = []
    /// Passes over the data in one of the authors' epochs.
    public var repeats = 75
    /// Pairs of frames in a batch.
    public var batchSize = 36
    /// Whether the videos show people, whose consent a training then needs.
    public var faces = true

    /// The authors' `vox-adv-256.yaml`.
    public init() {}

    /// Three of the authors' configurations, and a small one.
    public static var presets: [Preset<Configuration>] {
      var plain = Configuration()
      plain.discriminator.spectralNorm = true
      plain.discriminator.keypoints = false
      plain.lossWeights.adversarial = 0
      plain.milestones = [60, 90]
      plain.batchSize = 40
      var taichi = plain
      taichi.discriminator.spectralNorm = false
      taichi.repeats = 150
      taichi.batchSize = 30
      var small = Configuration()
      small.imageSize = 64
      small.keypoints = 6
      small.scaleFactor = 0.5
      small.detector = Hourglass(width: 12, maximumWidth: 64, blocks: 3)
      small.denseMotion = Hourglass(width: 12, maximumWidth: 64, blocks: 3)
      small.generator = Generator(width: 32, maximumWidth: 64, downsamplings: 1, blocks: 2)
      small.discriminator = Discriminator(
        width: 8, maximumWidth: 64, blocks: 3, spectralNorm: true, keypoints: false)
      small.pyramid = [1, 0.5, 0.25]
      small.lossWeights.adversarial = 0
      small.lossWeights.featureMatching = [10, 10, 10]
      small.lossWeights.perceptual = [0, 0, 0, 0, 0]
      small.lossWeights.reconstruction = 100
      small.colourJitter = 0.02
      small.learningRate = 1e-3
      small.batchSize = 8
      return [
        Preset("vox", "the authors' vox-256: faces of 256×256 without a discriminator", plain),
        Preset(
          "vox-adv", "the authors' vox-adv-256: with a discriminator that sees the keypoints", Configuration()
        ),
        Preset("taichi", "the authors' taichi-256: whole bodies, vox with other batches and epochs", taichi),
        Preset("small", "64×64 without VGG and discriminator, minutes on two cores", small),
      ]
    }

    /// Whether a discriminator is trained.
    var isAdversarial: Bool { lossWeights.adversarial != 0 }

    /// Two frames of each video, and images that move as a video does.
    public var plan: SystemPlan {
      let side = imageSize
      func video(_ frames: Int) -> FieldKind {
        .video(frames: frames, channels: 3, height: side, width: side, range: .unit)
      }
      let image = FieldKind.image(channels: 3, height: side, width: side, range: .unit)
      let source = Condition("source", .field(image), isRequired: true, help: "the still image that moves")
      var abilities: [any Ability] = [
        ImageAnimation(source: "source", driving: "driving", frames: "video"),
        Streaming(
          beginning: [
            source,
            Condition(
              "initial", .field(image),
              help: "the driving frame in whose pose the source is taken to be; else the first one"),
          ],
          advancing: [
            Condition(
              "driving", .field(image), isRequired: true, help: "the next frame that shows how to move")
          ], output: Field("image", image)),
      ]
      if faces { abilities.append(Likeness(.face, of: "video")) }
      return SystemPlan(
        stages: [
          Stage(data: DataPlan([Field("video", video(2))], Videos(sampling: .random)), batchSize: batchSize)
        ],
        conditions: [
          source,
          // As many frames as there are; the command line reads them one by one.
          Condition(
            "driving", .field(video(1 << 16)), isRequired: true, help: "the video that shows how it moves"),
        ],
        outputs: [Field("video", video(1))], sampling: AnimationDrawing(), abilities: abilities)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "keypoints": keypoints, "batchSize": batchSize, "repeats": repeats,
        "detector.width": detector.width, "detector.maximumWidth": detector.maximumWidth,
        "detector.blocks": detector.blocks, "denseMotion.width": denseMotion.width,
        "denseMotion.maximumWidth": denseMotion.maximumWidth, "denseMotion.blocks": denseMotion.blocks,
        "generator.width": generator.width, "generator.maximumWidth": generator.maximumWidth,
        "discriminator.width": discriminator.width,
        "discriminator.maximumWidth": discriminator.maximumWidth,
        "discriminator.blocks": discriminator.blocks,
      ])
      try Checks.notNegative([
        "generator.downsamplings": generator.downsamplings, "generator.blocks": generator.blocks,
        "transform.points": transform.points,
      ])
      try Checks.aboveZero(["temperature": temperature])
      try Checks.notNegative([
        "transform.affine": transform.affine, "transform.spline": transform.spline,
        "colourJitter": colourJitter,
        "lossWeights.adversarial": lossWeights.adversarial,
        "lossWeights.discriminator": lossWeights.discriminator,
        "lossWeights.reconstruction": lossWeights.reconstruction,
        "lossWeights.equivariance": lossWeights.equivariance,
        "lossWeights.equivarianceJacobian": lossWeights.equivarianceJacobian,
      ])
      try Checks.belowOne(["colourJitter": colourJitter])
      for (key, list) in [
        ("featureMatching", lossWeights.featureMatching), ("perceptual", lossWeights.perceptual),
      ] {
        try Checks.require(
          list.allSatisfy { $0 >= 0 && $0.isFinite }, "lossWeights.\(key) are at least 0, not \(list)")
      }
      try validateScales()
      try validateSizes()
      try Checks.require(
        milestones.allSatisfy { $0 > 0 }, "milestones are epochs above 0, not \(milestones)")
      try adam.validate(["learningRate": learningRate])
    }

    private func validateScales() throws(ConfigurationError) {
      try Checks.require(
        scaleFactor == 1 || (0..<1).contains(scaleFactor) && scaleFactor >= 1.0 / 32,
        "scaleFactor is 1, or a share such as 0.5 or 0.25, not \(scaleFactor)")
      for (key, scales) in [("pyramid", pyramid), ("discriminatorScales", discriminatorScales)] {
        try Checks.require(
          !scales.isEmpty && Set(scales).count == scales.count
            && scales.allSatisfy { $0 <= 1 && $0 >= 1.0 / 32 },
          "\(key) lists different scales such as 1, 0.5 and 0.25, not \(scales)")
      }
      try Checks.require(
        discriminatorScales.allSatisfy(pyramid.contains),
        "discriminatorScales are scales of pyramid \(pyramid); \(discriminatorScales) are not")
      try Checks.require(
        lossWeights.perceptual.count <= 5,
        "lossWeights.perceptual has up to 5 numbers, one for each block of VGG19, not \(lossWeights.perceptual.count)"
      )
      try Checks.require(
        !isAdversarial || lossWeights.featureMatching.allSatisfy { $0 == 0 }
          || lossWeights.featureMatching.count >= discriminator.blocks,
        "lossWeights.featureMatching has a number for each of the \(discriminator.blocks) blocks of the discriminator, not "
          + "\(lossWeights.featureMatching.count)")
    }

    private func validateSizes() throws(ConfigurationError) {
      try Checks.require(
        imageSize <= 4096 && keypoints <= 1024,
        "imageSize is at most 4096 and keypoints at most 1024, not \(imageSize) and \(keypoints)")
      for (key, halvings) in [
        ("detector.blocks", detector.blocks), ("denseMotion.blocks", denseMotion.blocks),
        ("discriminator.blocks", discriminator.blocks), ("generator.downsamplings", generator.downsamplings),
      ] { try Checks.require(halvings <= 8, "\(key) is at most 8, not \(halvings)") }
      let reduced = reducedSide(imageSize, scaleFactor)
      let unit = 1 << max(detector.blocks, denseMotion.blocks)
      try Checks.require(
        reduced % unit == 0 && reduced >= 8,
        "imageSize times scaleFactor is at least 8 and a multiple of \(unit), as the hourglasses halve it that often; "
          + "\(reduced) is none")
      try Checks.require(
        imageSize % (1 << generator.downsamplings) == 0,
        "imageSize is a multiple of \(1 << generator.downsamplings), as the generator halves it that often; \(imageSize) "
          + "is none")
      for scale in discriminatorScales {
        var side = reducedSide(imageSize, scale)
        for block in 0..<discriminator.blocks {
          side -= 3
          if block < discriminator.blocks - 1 { side /= 2 }
        }
        try Checks.require(
          side >= 1,
          "images of \(reducedSide(imageSize, scale)) pixels are too small for the \(discriminator.blocks) blocks of a "
            + "discriminator; lower discriminator.blocks or leave the scale \(scale) out of discriminatorScales"
        )
      }
    }
  }
}

/// A width doubled some times, up to a limit.
private func doubled(_ width: Int, _ times: Int, _ limit: Int) -> Int {
  var result = width
  for _ in 0..<times where result < limit { result *= 2 }
  return min(limit, result)
}

/// The side of an image of which every `1/scale`-th pixel is kept.
private func reducedSide(_ side: Int, _ scale: Double) -> Int {
  let step = max(1, Int(1 / scale))
  return (side + step - 1) / step
}
