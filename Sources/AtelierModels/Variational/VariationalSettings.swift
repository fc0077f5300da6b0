public import AtelierCore
import AtelierData
import TorchNN

/// The keys that ``VariationalAutoencoder`` and ``ConditionalVAE`` share, but for their networks' forms.
public struct VariationalSettings: ConfigurationFragment {
  /// Widths or channels from the image to the latent; the decoder mirrors them.
  public var hidden: [Int]
  /// Length of the latent vector.
  public var latentSize: Int
  /// The reconstruction term: `binaryCrossEntropy` is summed over values and batch beside the summed
  /// divergence; the others are means over all values beside the batch's mean divergence.
  public var loss: ReconstructionLoss
  /// A negative log-likelihood in nats, summed, in place of `loss`; nil: `loss`.
  public var likelihood: PixelLikelihood?
  /// Standard deviation of the `gaussian` likelihood, in the range of the network's images.
  public var standardDeviation = 1.0
  /// Weight of the divergence: β.
  public var divergenceWeight: Double
  /// Steps over which the weight grows linearly from 0; 0: it is there at once.
  public var divergenceWarmup = 0
  /// Nats of divergence that each latent entry has for free.
  public var freeBits = 0.0
  /// Epsilon of the batch norms of the convolutional model.
  public var normEpsilon = 1e-5
  /// Slope of the leaky relu of the convolutional model.
  public var leakySlope = 0.01
  /// Step size of Adam.
  public var learningRate: Double
  /// Factor of the step size after every pass over the data; 1: constant.
  public var learningRateDecay: Double
  /// Adam's decays and ε.
  public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
  /// L2 term added to the gradient.
  public var weightDecay = 0.0
  /// Images in a batch.
  public var batchSize: Int

  /// pytorch/examples `vae/main.py`, for MNIST.
  static let dense = VariationalSettings(
    hidden: [400], latentSize: 20, loss: .binaryCrossEntropy, divergenceWeight: 1, learningRate: 1e-3,
    learningRateDecay: 1, batchSize: 128)
  /// PyTorch-VAE's `configs/vae.yaml` and `configs/cvae.yaml`, for faces of 64x64.
  static let convolutional = VariationalSettings(
    hidden: [32, 64, 128, 256, 512], latentSize: 128, loss: .meanSquared, divergenceWeight: 0.00025,
    learningRate: 0.005, learningRateDecay: 0.95, batchSize: 64)
  /// Two halvings and 16 latents, for 28x28 grey images.
  static let small: VariationalSettings = {
    var settings = dense
    settings.hidden = [16, 32]
    settings.latentSize = 16
    settings.divergenceWarmup = 500
    return settings
  }()

  /// The objective for networks that work in a range.
  func objective(range: ImageRange) -> VariationalObjective {
    VariationalObjective(
      loss: loss, likelihood: likelihood, standardDeviation: standardDeviation,
      divergenceWeight: divergenceWeight, divergenceWarmup: divergenceWarmup, freeBits: freeBits, range: range
    )
  }

  /// Checks the values, and that the networks can be built for the images.
  func validate(_ images: SquareImages, isConvolutional: Bool) throws(ConfigurationError) {
    try Checks.aboveZero(["standardDeviation": standardDeviation])
    try Checks.notNegative(["divergenceWeight": divergenceWeight, "freeBits": freeBits])
    try Checks.notNegative(["divergenceWarmup": divergenceWarmup])
    try adam.validate(["learningRate": learningRate])
    try images.validate()
    try Checks.positive(["latentSize": latentSize, "batchSize": batchSize])
    try Checks.widths(["hidden": hidden])
    if isConvolutional { try Checks.halvings(of: images.imageSize, "hidden", hidden) }
    try Checks.aboveZero(["learningRateDecay": learningRateDecay])
  }
}

/// A configuration with ``VariationalSettings``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol VariationalConfiguration: AdamConfiguration, SquareImageConfiguration {
  /// Everything but the networks' form.
  var variational: VariationalSettings { get set }
}

extension VariationalConfiguration {
  /// A key of ``variational``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<VariationalSettings, Value>) -> Value {
    get { variational[keyPath: key] }
    set { variational[keyPath: key] = newValue }
  }

  /// Adam's decays and ε.
  public var adam: AdamSettings {
    get { variational.adam }
    set { variational.adam = newValue }
  }

  /// Images in a batch.
  public var batchSize: Int {
    get { variational.batchSize }
    set { variational.batchSize = newValue }
  }
}
