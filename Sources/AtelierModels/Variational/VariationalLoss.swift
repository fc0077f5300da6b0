public import AtelierCore
import AtelierData

/// What ``VariationalAutoencoder`` and ``ConditionalVAE`` minimise; see ``VariationalObjective``.
public struct VariationalLoss: ConfigurationFragment {
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

  /// A reconstruction term and the weight of the divergence beside it.
  public init(loss: ReconstructionLoss, divergenceWeight: Double) {
    (self.loss, self.divergenceWeight) = (loss, divergenceWeight)
  }

  /// The objective for networks that work in a range.
  func objective(range: ImageRange) -> VariationalObjective {
    VariationalObjective(
      loss: loss, likelihood: likelihood, standardDeviation: standardDeviation,
      divergenceWeight: divergenceWeight, divergenceWarmup: divergenceWarmup, freeBits: freeBits, range: range
    )
  }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.aboveZero(["standardDeviation": standardDeviation])
    try Checks.notNegative(["divergenceWeight": divergenceWeight, "freeBits": freeBits])
    try Checks.notNegative(["divergenceWarmup": divergenceWarmup])
  }
}

/// A configuration with ``VariationalLoss``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol VariationalConfiguration: SystemConfiguration {
  /// What is minimised.
  var variational: VariationalLoss { get set }
}

extension VariationalConfiguration {
  /// A key of ``variational``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<VariationalLoss, Value>) -> Value {
    get { variational[keyPath: key] }
    set { variational[keyPath: key] = newValue }
  }
}
