public import AtelierCore
public import AtelierData
public import Torch

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
public final class ConditionalVAE: VariationalSystem {
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
  public struct Configuration: VariationalConfiguration {
    /// Which networks.
    public var model = Model.convolutional
    /// The shape of the images.
    public var images = SquareImages(imageSize: 64, imageChannels: 3)
    /// Classes; taken from the data in training.
    public var classes = 40
    /// Widths, objective and optimiser.
    public var variational = VariationalSettings.convolutional

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
      configuration.variational = .small
      return configuration
    }()

    /// The form usual for MNIST.
    public static let mlp: Configuration = {
      var configuration = Configuration()
      configuration.model = .mlp
      configuration.images = SquareImages(imageSize: 28, imageChannels: 1)
      configuration.classes = 10
      configuration.variational = .dense
      return configuration
    }()

    /// Images of classes decoded from latent vectors.
    public var plan: SystemPlan {
      var plan = latentPlan(range: model.range, latentSize: variational.latentSize, classes: classes)
      plan.abilities.append(ImageReconstruction())
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["classes": classes])
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
      configuration, isConvolutional: configuration.model == .convolutional, classes: configuration.classes,
      using: stream)
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
}
