public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The conditional variational autoencoder: a decoder of normal latents and a class.
///
/// Paper: Sohn, Lee and Yan 2015, "Learning Structured Output Representation using Deep Conditional
/// Generative Models". Reference: AntixK/PyTorch-VAE `models/cvae.py` (model
/// `conditional-variational-convolutional`); a second model, `conditional-variational-mlp`, is the form
/// usual for MNIST: the one-hot class appended to the image and to the latent of pytorch/examples'
/// `vae/main.py`.
///
/// Deviations: the prior is N(0, 1) whatever the class, as in the reference; the paper learns p(z | class).
/// Labels are class indices; the reference's several attributes at once are left out. The convolutional
/// model takes any size that its halvings divide. Warm-up, free bits and exact likelihoods are additions,
/// off unless asked for.
public final class ConditionalVAE: LatentSystem, ReconstructingSystem, LikelihoodSystem {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "conditional-vae", summary: "images of a wanted class from normal latents",
    paper: "Sohn, Lee and Yan 2015, Learning Structured Output Representation using Deep Conditional "
      + "Generative Models",
    reference: "AntixK/PyTorch-VAE cvae")

  // MARK: - Configuration

  /// Which networks.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// Fully connected, images in 0 … 1.
    case mlp = "conditional-variational-mlp"
    /// Strided convolutions, images in -1 … 1.
    case convolutional = "conditional-variational-convolutional"

    var range: ImageRange { self == .mlp ? .unit : .signed }
  }

  /// Every choice; the defaults are PyTorch-VAE's `configs/cvae.yaml`.
  public struct Configuration: AdamConfiguration, VariationalConfiguration {
    /// Which networks.
    public var model = Model.convolutional
    /// Height and width of the images.
    public var imageSize = 64
    /// Colour channels.
    public var imageChannels = 3
    /// Classes; taken from the data in training.
    public var classes = 40
    /// Widths or channels from the image to the latent; the decoder mirrors them.
    public var hidden = [32, 64, 128, 256, 512]
    /// Length of the latent vector.
    public var latentSize = 128
    /// What is minimised.
    public var variational = VariationalLoss(loss: .meanSquared, divergenceWeight: 0.00025)
    /// Epsilon of the batch norms of the convolutional model.
    public var normEpsilon = 1e-5
    /// Slope of the leaky relu of the convolutional model.
    public var leakySlope = 0.01
    /// Step size of Adam.
    public var learningRate = 0.005
    /// Factor of the step size after every pass over the data; 1: constant.
    public var learningRateDecay = 0.95
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// L2 term added to the gradient.
    public var weightDecay = 0.0
    /// Images in a batch.
    public var batchSize = 64

    /// PyTorch-VAE for faces with 40 attributes.
    public init() {}

    /// Named starting points, the reference first.
    public static let presets: [Preset<Configuration>] = [
      Preset("paper", "PyTorch-VAE's model, 128 latents, 64x64 colour", Configuration()),
      Preset("small", "convolutions, 16 latents; learns Fashion-MNIST in minutes", small),
      Preset("mlp", "one-hot class beside an image of 784 values, 400 wide, 20 latents", mlp),
    ]

    /// Two halvings and 16 latents, for 28x28 grey images.
    public static let small: Configuration = {
      var configuration = mlp
      configuration.model = .convolutional
      configuration.hidden = [16, 32]
      configuration.latentSize = 16
      configuration.divergenceWarmup = 500
      return configuration
    }()

    /// The form usual for MNIST.
    public static let mlp: Configuration = {
      var configuration = Configuration()
      configuration.model = .mlp
      configuration.imageSize = 28
      configuration.imageChannels = 1
      configuration.classes = 10
      configuration.hidden = [400]
      configuration.latentSize = 20
      configuration.loss = .binaryCrossEntropy
      configuration.divergenceWeight = 1
      configuration.learningRate = 1e-3
      configuration.learningRateDecay = 1
      configuration.batchSize = 128
      return configuration
    }()

    /// Images of classes decoded from latent vectors.
    public var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: imageChannels, size: imageSize, range: model.range,
        latent: LatentDecoding(size: latentSize, distribution: .normal, classes: classes),
        batchSize: batchSize)
      plan.abilities.append(ImageReconstruction())
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["classes": classes])
      try variational.validate()
      try adam.validate(["learningRate": learningRate])
      try VariationalChecks(
        isConvolutional: model == .convolutional, imageSize: imageSize, imageChannels: imageChannels,
        hidden: hidden, latentSize: latentSize, batchSize: batchSize, learningRate: learningRate,
        learningRateDecay: learningRateDecay
      ).validate()
    }

  }

  // MARK: - The system

  /// The choices this system was built from.
  public let configuration: Configuration
  private let network: any VariationalNetwork
  private let objective: VariationalObjective
  private let optimizer: Adam

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    objective = configuration.variational.objective(range: configuration.model.range)
    switch configuration.model {
    case .mlp:
      network = VariationalMLP(
        imageShape: [configuration.imageChannels, configuration.imageSize, configuration.imageSize],
        hidden: configuration.hidden, latentSize: configuration.latentSize,
        classes: configuration.classes, using: stream)
    case .convolutional:
      network = VariationalConvolutional(
        imageChannels: configuration.imageChannels, imageSize: configuration.imageSize,
        hidden: configuration.hidden, latentSize: configuration.latentSize,
        classes: configuration.classes, normEpsilon: configuration.normEpsilon,
        leakySlope: configuration.leakySlope, using: stream)
    }
    optimizer = configuration.adam.optimizer(
      network, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
  }

  /// The data decide the numbers of classes and of colour channels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    guard !data.description.classNames.isEmpty else {
      throw ConfigurationError(
        "'\(data.description.name)' has no labels, which \(identity.name) needs; give one folder a class, "
          + "or train vae"
      )
    }
    adapted.classes = data.description.classNames.count
    if let channels = data.description.imageShape?.first { adapted.imageChannels = channels }
    return adapted
  }

  /// `autoencoder` answers `image`, `noise` and `label` with `image`, `mean` and `logVariance`; part
  /// `encoder` needs no noise, and part `decoder` answers `latent` and `label` with `image`.
  public var networks: [Network] {
    let names =
      configuration.model == .mlp ? VariationalMLP.authorsNames : VariationalConvolutional.authorsNames
    return [
      Network("autoencoder", network, authorsNames: names) { [network] in try network.forward($0, $1) }
    ]
  }

  /// The one optimiser, by the name of its network.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("autoencoder", optimizer)] }

  // MARK: - Training

  /// One step: -E log p(x | z, y) + β KL(q(z | x, y) ‖ N(0, 1)) with z = μ + σ ε, then Adam.
  ///
  /// Draws `noise` `[batch, latentSize]`. Logs `total`, `reconstruction` and `divergence`.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (image, label) = (batch["image"], batch["label"])
    let noise = step.draws.normal("noise", [image.shape[0], configuration.latentSize])
    optimizer.learningRate =
      configuration.learningRate * pow(configuration.learningRateDecay, step.epoch.rounded(.down))
    let target = network.arranged(image)
    try step.update("autoencoder", optimizer) { loss in
      let (mean, logVariance) = network.encode(image, label: label)
      let latent = reparameterized(mean: mean, logVariance: logVariance, noise: noise)
      let reconstruction = objective.reconstruction(network.decode(latent, label: label), target)
      let divergence = objective.divergence(mean: mean, logVariance: logVariance)
      loss.add(
        "total",
        objective.total(
          reconstruction: reconstruction, divergence: divergence, mean: mean, logVariance: logVariance,
          step: step.index))
      step.log("reconstruction", reconstruction)
      step.log("divergence", divergence)
    }
  }

  // MARK: - Reconstruction, likelihood and generation

  /// The images decoded from the means of their posteriors, in the batch's shape and range.
  public func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor {
    let (image, label) = (batch["image"], batch["label"])
    return network.evaluating {
      withoutGradients {
        network.decode(network.encode(image, label: label).mean, label: label).reshaped(image.shape)
      }
    }
  }

  /// log p(x, z | y) - log q(z | x, y) in nats; for the mean-squared loss of the normal model with variance
  /// `divergenceWeight` · values / 2, whose evidence bound that loss is up to scale.
  public func logWeights(_ batch: Batch, samples: Int, draws: any Draws) throws -> Tensor {
    try network.evaluating {
      try withoutGradients {
        try network.logWeights(
          batch["image"], label: batch["label"], samples: samples, objective: objective, draws: draws)
      }
    }
  }

  /// Images in -1 … 1 for latents `[n, latentSize]` and labels `[n]`.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let picture = network.picture(network.decode(latents, label: labels))
    return network.range == .unit ? picture * 2 - 1 : picture
  }
}
