public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// Super-resolution by regression: a network that enlarges an image, and a loss that compares.
///
/// Papers: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
/// Network" (SRResNet); Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
/// Super-Resolution". Reference implementation: XPixelGroup/BasicSR `archs/srresnet_arch.py`,
/// `archs/rrdbnet_arch.py`, `models/sr_model.py`, `losses/basic_loss.py`, Apache-2.0.
///
/// `init()` is BasicSR's MSRResNet ×4 without its moving average: residual blocks without norms, pixel loss
/// L1, a cosine that restarts every 250,000 steps. No deviation.
///
/// - The generator `ledig` with `pixelLoss: l2` (preset `paper`) is the SRResNet of Ledig et al. Deviation:
/// both
///   images are in 0 … 1, where the paper has large ones in -1 … 1.
/// - The generator `johnson` with `perceptualLayers: {relu2_2: 1}` on VGG16 and no pixel loss (preset
///   `perceptual`) is the super-resolution of Johnson et al., with histograms matched at the end. Deviations:
///   small images are made by bicubic interpolation alone, without the paper's blur of deviation 1 before
///   it; VGG16 is torchvision's, normalised as it was trained, where the paper has Caffe's.
/// - Scales that BasicSR does not know (8, 16) add doublings of the same form.
public final class SRResNet: EnlargingSystem {
  /// The name, the papers and the reference implementation.
  public static let identity = SystemIdentity(
    name: "srresnet", summary: "Super-resolution by regression, pixel by pixel or by features",
    paper: "Ledig et al., Photo-Realistic Single Image Super-Resolution Using a GAN, 2017; "
      + "Johnson et al., Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016",
    reference: "XPixelGroup/BasicSR archs/srresnet_arch.py, models/sr_model.py",
    suits: [.photographs])

  /// The choices of an srresnet.
  public struct Configuration: EnlargingConfiguration, AdamConfiguration {
    /// Factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the pixel loss.
      public var pixel = 1.0
      /// Of the perceptual loss, on top of each layer's own weight.
      public var perceptual = 1.0

      /// BasicSR's.
      public init() {}
    }

    /// The generator.
    public var network = EnlargingNetwork()
    /// How images are compared.
    public var losses = EnlargingLosses(perceptualLayers: [:])
    /// Factors of the loss terms.
    public var weights = Weights()
    /// Whether generated images take over the histogram of the small ones, as in Johnson et al.
    public var matchesHistogram = false
    /// Decay of the generator's moving average; 0: there is none.
    public var averageDecay = 0.0
    /// Adam's learning rate.
    public var learningRate = 2e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.99)
    /// Adam's L2 term.
    public var weightDecay = 0.0
    /// Steps from which the learning rate is multiplied by ``decayFactor`` once more.
    public var milestones: [Int] = []
    /// What the learning rate is multiplied by at each milestone.
    public var decayFactor = 0.5
    /// The length of a cosine's half, after which the learning rate jumps up again; 0: no cosine.
    public var restartEvery = 250_000
    /// What the cosine falls to.
    public var minimumLearningRate = 1e-7
    /// Whether training images are flipped horizontally half of the time.
    public var flips = true
    /// Whether training images are rotated by multiples of 90 degrees.
    public var turns = true
    /// Examples in one batch.
    public var batchSize = 16
    /// Height and width of the large images in training, crops of whole ones; fewer pixels where the
    /// scale does not divide it.
    public var imageSize = 128

    /// BasicSR's MSRResNet ×4.
    public init() {}

    /// Layers are named freely.
    public var openTables: Set<String> { ["perceptualLayers"] }

    /// The papers' networks, BasicSR's, and small ones.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.generator = .ledig
      paper.pixelLoss = .l2
      paper.learningRate = 1e-4
      paper.beta2 = 0.999
      paper.restartEvery = 0
      paper.imageSize = 96
      paper.turns = false
      var basic = Configuration()
      basic.averageDecay = 0.999
      var squared = basic
      squared.pixelLoss = .l2
      var perceptual = Configuration()
      perceptual.generator = .johnson
      perceptual.blocks = 4
      perceptual.features = .vgg16
      perceptual.perceptualLayers = ["relu2_2": 1]
      perceptual.perceptualCriterion = .l2
      perceptual.weights.pixel = 0
      perceptual.matchesHistogram = true
      perceptual.learningRate = 1e-3
      perceptual.beta2 = 0.999
      perceptual.restartEvery = 0
      perceptual.batchSize = 4
      perceptual.imageSize = 288
      perceptual.turns = false
      var small = Configuration()
      small.width = 32
      small.blocks = 4
      small.averageDecay = 0.99
      small.learningRate = 1e-3
      small.restartEvery = 0
      small.batchSize = 8
      small.imageSize = 64
      var smallSquared = small
      smallSquared.pixelLoss = .l2
      var smallPerceptual = small
      smallPerceptual.features = .vgg16
      smallPerceptual.perceptualLayers = ["relu2_2": 1]
      smallPerceptual.perceptualCriterion = .l2
      smallPerceptual.weights.pixel = 0
      return [
        Preset("paper", "Ledig et al.: batch norms, mean squared error, ×4", paper),
        Preset("basicsr", "BasicSR's MSRResNet: no norms, L1, moving average, ×4", basic),
        Preset("l2", "basicsr with the mean squared error, and nothing else different", squared),
        Preset("perceptual", "Johnson et al.: features of VGG16 in place of pixels, ×4", perceptual),
        Preset("small", "a narrow network and L1, minutes on two cores", small),
        Preset("small-l2", "small with the mean squared error", smallSquared),
        Preset("small-perceptual", "small with features of VGG16 in place of pixels", smallPerceptual),
      ]
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try validateTraining()
      try Enlargement.checkLosses(
        losses, pixel: weights.pixel, perceptual: weights.perceptual, channels: network.outputChannels)
      try schedule.validate()
    }

    var schedule: EnlargementSchedule {
      EnlargementSchedule(
        learningRate: learningRate, milestones: milestones, decayFactor: decayFactor,
        restartEvery: restartEvery, minimumLearningRate: minimumLearningRate)
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator, and the frozen network of a perceptual loss.
  public let networks: [Network]
  private let generator: any Layer
  private let average: MovingAverage?
  private let comparison: EnlargementComparison
  private let optimizer: Optimizer

  /// Builds the network and its optimiser.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = configuration.generatorPlan.make(using: stream)
    let comparison = try configuration.makeComparison(
      pixel: configuration.weights.pixel, perceptual: configuration.weights.perceptual)
    self.generator = generator
    self.comparison = comparison
    average = configuration.makeAverage(of: generator)
    optimizer = configuration.makeAdam(generator)
    networks =
      [
        Network("generator", generator, authorsNames: configuration.generatorPlan.authorsNames) { _, inputs in
          ["image": generator(try inputs.required("image"))]
        }
      ] + (comparison.perceptual.map { [$0.network] } ?? [])
  }

  /// The generator's optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }

  /// The generator's moving average, where there is one.
  public var averages: [(network: String, average: MovingAverage)] {
    average.map { [("generator", $0)] } ?? []
  }

  /// One step: what the network makes of small images against the large ones.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (source, target) = (batch["source"], batch["target"])
    optimizer.learningRate = configuration.schedule.rate(at: step.index)

    let terms = try step.update("generator", optimizer, average: average) { loss in
      comparison.add(generator(source).asType(.float32), target, to: &loss)
    }
    step.log("total", terms.total)
  }

  /// Large images in 0 … 1 for small ones, by the average where there is one.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    Enlargement.translate(pictures, by: generator, matchingHistogram: configuration.matchesHistogram)
  }

  /// Refuses to match histograms, which counts the values of an image.
  public func validateExport() throws(ConfigurationError) {
    guard configuration.matchesHistogram else { return }
    throw ConfigurationError(
      "matchesHistogram is true, which counts the values of each image and cannot be one exported function; set it to "
        + "false")
  }
}
