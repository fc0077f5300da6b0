public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The variational autoencoder: a decoder of normal latents, trained with an encoder that guesses them.
///
/// Paper: Kingma and Welling 2014, "Auto-Encoding Variational Bayes"; β is Higgins et al. 2017.
/// References: pytorch/examples `vae/main.py` (model `variational-mlp`) and AntixK/PyTorch-VAE
/// `models/vanilla_vae.py` (`variational-convolutional`).
///
/// Deviations: the convolutional model takes any size that its halvings divide, and any number of colour
/// channels. Its reference also multiplies the rate by 0.95 after every pass: `learningRateDecay`. Warm-up,
/// free bits and exact likelihoods are additions, off unless asked for.
public final class VariationalAutoencoder: LatentSystem, ReconstructingSystem, LikelihoodSystem {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "vae", summary: "images from normal latents, with a bound on their likelihood",
    paper: "Kingma and Welling 2014, Auto-Encoding Variational Bayes",
    reference: "pytorch/examples vae; AntixK/PyTorch-VAE vanilla_vae")

  // MARK: - Configuration

  /// Which networks.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// Fully connected, images in 0 … 1.
    case mlp = "variational-mlp"
    /// Strided convolutions, images in -1 … 1.
    case convolutional = "variational-convolutional"

    var range: ImageRange { self == .mlp ? .unit : .signed }
  }

  /// Every choice; the defaults are pytorch/examples `vae/main.py`.
  public struct Configuration: AdamConfiguration, VariationalConfiguration {
    /// Which networks.
    public var model = Model.mlp
    /// Height and width of the images.
    public var imageSize = 28
    /// Colour channels.
    public var imageChannels = 1
    /// Widths or channels from the image to the latent; the decoder mirrors them.
    public var hidden = [400]
    /// Length of the latent vector.
    public var latentSize = 20
    /// What is minimised.
    public var variational = VariationalLoss(loss: .binaryCrossEntropy, divergenceWeight: 1.0)
    /// Epsilon of the batch norms of the convolutional model.
    public var normEpsilon = 1e-5
    /// Slope of the leaky relu of the convolutional model.
    public var leakySlope = 0.01
    /// Step size of Adam.
    public var learningRate = 1e-3
    /// Factor of the step size after every pass over the data; 1: constant.
    public var learningRateDecay = 1.0
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// L2 term added to the gradient.
    public var weightDecay = 0.0
    /// Images in a batch.
    public var batchSize = 128

    /// pytorch/examples for MNIST.
    public init() {}

    /// Named starting points, the reference first.
    public static let presets: [Preset<Configuration>] = [
      Preset("paper", "the MLP of pytorch/examples, 784-400-20, 28x28", Configuration()),
      Preset("small", "convolutions, 16 latents; learns Fashion-MNIST in minutes", small),
      Preset("convolutional", "PyTorch-VAE's model, 128 latents, 64x64 colour", convolutional),
      Preset("continuous", "the paper's MLP with a true density of grey values", continuous),
    ]

    /// Two halvings and 16 latents, for 28x28 grey images.
    public static let small: Configuration = {
      var configuration = Configuration()
      configuration.model = .convolutional
      configuration.hidden = [16, 32]
      configuration.latentSize = 16
      configuration.divergenceWarmup = 500
      return configuration
    }()

    /// PyTorch-VAE's `configs/vae.yaml`.
    public static let convolutional: Configuration = {
      var configuration = Configuration()
      configuration.model = .convolutional
      configuration.imageSize = 64
      configuration.imageChannels = 3
      configuration.hidden = [32, 64, 128, 256, 512]
      configuration.latentSize = 128
      configuration.loss = .meanSquared
      configuration.divergenceWeight = 0.00025
      configuration.learningRate = 0.005
      configuration.learningRateDecay = 0.95
      configuration.batchSize = 64
      return configuration
    }()

    /// The paper's network with the likelihood of Loaiza-Ganem and Cunningham 2019.
    public static let continuous: Configuration = {
      var configuration = Configuration()
      configuration.likelihood = .continuousBernoulli
      return configuration
    }()

    /// Images decoded from latent vectors.
    public var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: imageChannels, size: imageSize, range: model.range,
        latent: LatentDecoding(size: latentSize, distribution: .normal),
        batchSize: batchSize)
      plan.abilities.append(ImageReconstruction())
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
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
        hidden: configuration.hidden, latentSize: configuration.latentSize, using: stream)
    case .convolutional:
      network = VariationalConvolutional(
        imageChannels: configuration.imageChannels, imageSize: configuration.imageSize,
        hidden: configuration.hidden, latentSize: configuration.latentSize,
        normEpsilon: configuration.normEpsilon, leakySlope: configuration.leakySlope, using: stream)
    }
    optimizer = configuration.adam.optimizer(
      network, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
  }

  /// The data decide the number of colour channels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if let channels = data.description.imageShape?.first { adapted.imageChannels = channels }
    return adapted
  }

  /// `autoencoder` answers `image` and `noise` with `image`, `mean` and `logVariance`; part `encoder` needs
  /// no noise, and part `decoder` answers `latent` with `image`.
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

  /// One step: -E log p(x | z) + β KL(q(z | x) ‖ N(0, 1)) with z = μ + σ ε, then Adam.
  ///
  /// Draws `noise` `[batch, latentSize]`. Logs `total`, `reconstruction` and `divergence`.
  public func step(_ step: TrainingStep) throws {
    let image = try step.batch()["image"]
    let noise = step.draws.normal("noise", [image.shape[0], configuration.latentSize])
    optimizer.learningRate =
      configuration.learningRate * pow(configuration.learningRateDecay, step.epoch.rounded(.down))
    let target = network.arranged(image)
    try step.update("autoencoder", optimizer) { loss in
      let (mean, logVariance) = network.encode(image, label: nil)
      let latent = reparameterized(mean: mean, logVariance: logVariance, noise: noise)
      let reconstruction = objective.reconstruction(network.decode(latent, label: nil), target)
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
    let image = batch["image"]
    return network.evaluating {
      withoutGradients {
        network.decode(network.encode(image, label: nil).mean, label: nil).reshaped(image.shape)
      }
    }
  }

  /// log p(x, z) - log q(z | x) in nats; for the mean-squared loss of the normal model with variance
  /// `divergenceWeight` · values / 2, whose evidence bound that loss is up to scale.
  public func logWeights(_ batch: Batch, samples: Int, draws: any Draws) throws -> Tensor {
    try network.evaluating {
      try withoutGradients {
        try network.logWeights(
          batch["image"], label: nil, samples: samples, objective: objective, draws: draws)
      }
    }
  }

  /// Images in -1 … 1 for latents `[n, latentSize]`.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let picture = network.picture(network.decode(latents, label: nil))
    return network.range == .unit ? picture * 2 - 1 : picture
  }
}
