public import AtelierCore
public import AtelierData

extension DeepfakeDetection {
  /// The choices of a detector.
  public struct Configuration: SystemConfiguration {
    /// Which network classifies images.
    public enum Model: String, Codable, Sendable, Hashable, CaseIterable {
      /// Xception (Chollet 2017), images of 299 pixels.
      case xception
      /// ResNet-18 (He et al. 2016), images of 224 pixels.
      case resNet18 = "resnet-18"
    }

    /// Which network classifies images: xception or resnet-18.
    public var model = Model.xception
    /// Height and width of the images in pixels.
    public var imageSize = 299
    /// Classes, of which the first is real.
    public var classes = 2
    /// The network's widths: eight of Xception (both first convolutions, four of blocks, both last convolutions), four of
    /// ResNet-18.
    public var channels = [32, 64, 128, 256, 728, 1024, 1536, 2048]
    /// The share of the last features that training drops in front of the last layer.
    public var dropout = 0.0
    /// Steps of the last layer alone before everything is trained.
    public var headSteps = 0
    /// Passes over the data of the last layer alone, in place of headSteps; null: headSteps decides.
    public var headEpochs: Double?
    /// Steps of training everything; null: until the run ends.
    public var fullSteps: Int?
    /// Adam's learning rate, in both stages.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// Whether training images are flipped horizontally half of the time.
    public var flips = false
    /// Whether training shows real and fake images equally often, however many there are of each.
    public var balanced = false
    /// Images in a batch.
    public var batchSize = 32

    /// The authors' network.
    public init() {}

    /// The paper's two networks, and a narrow one.
    public static var presets: [Preset<Configuration>] {
      var xception = Configuration()
      xception.headEpochs = 3
      var residual = xception
      residual.model = .resNet18
      residual.imageSize = 224
      residual.channels = [64, 128, 256, 512]
      var small = Configuration()
      small.model = .resNet18
      small.imageSize = 64
      small.channels = [16, 32, 64, 128]
      small.learningRate = 1e-3
      small.flips = true
      small.balanced = true
      return [
        Preset("xception", "Xception at 299 pixels, the last layer first, as the paper trains it", xception),
        Preset("resnet-18", "ResNet-18 at 224 pixels, trained alike", residual),
        Preset("small", "a narrow ResNet-18 at 64 pixels from scratch, minutes on two cores", small),
      ]
    }

    /// The last layer's stage, where there is one, and that of everything.
    public var plan: SystemPlan {
      let image = Field(
        "image", .image(channels: 3, height: imageSize, width: imageSize, range: .signed))
      let data = DataPlan(
        [image, Field("label", .label(classes: classes))], LabelledFrames(isBalanced: balanced),
        changes: JointAugmentation(flips: flips))
      let everything = Stage("everything", steps: fullSteps, data: data, batchSize: batchSize)
      return SystemPlan(
        stages: headSteps > 0
          ? [Stage("last-layer", steps: headSteps, data: data, batchSize: batchSize), everything]
          : [everything],
        conditions: [
          Condition(
            "image", .field(image.kind), isRequired: true, help: "the image of a face, real or fake")
        ],
        outputs: [Field("heat", image.kind), Field("probability", .features(size: 1))],
        sampling: FakeDetectionSettings(), abilities: [FakeDetection(image: "image", label: "label")])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["imageSize": imageSize, "batchSize": batchSize])
      try Checks.require(classes >= 2, "classes is at least 2, real and fake, not \(classes)")
      try Checks.widths(["channels": channels])
      let widths = model == .xception ? 8 : 4
      try Checks.require(
        channels.count == widths,
        "channels lists \(widths) widths of \(model.rawValue), not \(channels.count)")
      let side = model == .xception ? Xception.lastSide(imageSize) : ResNet18.lastSide(imageSize)
      try Checks.require(
        side >= 1, "imageSize \(imageSize) leaves \(model.rawValue) no feature map; give 8 or more")
      try Checks.belowOne(["dropout": dropout])
      try Checks.notNegative(["headSteps": headSteps])
      if let headEpochs { try Checks.notNegative(["headEpochs": headEpochs]) }
      if let fullSteps { try Checks.positive(["fullSteps": fullSteps]) }
      // One number has no variance that batch norms could divide by.
      try Checks.require(
        batchSize * side * side >= 2,
        "batchSize is at least 2 where the last feature map is one pixel, as at imageSize \(imageSize)")
      try adam.validate(["learningRate": learningRate])
    }
  }
}
