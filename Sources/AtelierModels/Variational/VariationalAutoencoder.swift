public import AtelierCore
public import AtelierData
public import Torch

/// The variational autoencoder: a decoder of normal latents, trained with an encoder that guesses them.
///
/// Paper: Kingma and Welling 2014, "Auto-Encoding Variational Bayes"; β is Higgins et al. 2017.
/// References: pytorch/examples `vae/main.py` (model `variational-mlp`) and AntixK/PyTorch-VAE
/// `models/vanilla_vae.py` (`variational-convolutional`).
///
/// Deviations: the convolutional model takes any size that its halvings divide, and any number of colour
/// channels. Its reference also multiplies the rate by 0.95 after every pass: `learningRateDecay`. Warm-up,
/// free bits and exact likelihoods are additions, off unless asked for.
public final class VariationalAutoencoder: VariationalSystem {
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
  public struct Configuration: VariationalConfiguration {
    /// Which networks.
    public var model = Model.mlp
    /// The shape of the images.
    public var images = SquareImages(imageSize: 28, imageChannels: 1)
    /// Widths, objective and optimiser.
    public var variational = VariationalSettings.dense

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
      configuration.variational = .small
      return configuration
    }()

    /// PyTorch-VAE's `configs/vae.yaml`.
    public static let convolutional: Configuration = {
      var configuration = Configuration()
      configuration.model = .convolutional
      configuration.images = SquareImages(imageSize: 64, imageChannels: 3)
      configuration.variational = .convolutional
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
      var plan = latentPlan(range: model.range, latentSize: variational.latentSize)
      plan.abilities.append(ImageReconstruction())
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try variational.validate(images, isConvolutional: model == .convolutional)
    }
  }

  // MARK: - The system

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The networks, the objective and the optimiser.
  public let training: VariationalTraining

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    training = VariationalTraining(
      configuration, isConvolutional: configuration.model == .convolutional, using: stream)
  }

  /// The data decide the number of colour channels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if let channels = data.description.imageShape?.first { adapted.imageChannels = channels }
    return adapted
  }
}
