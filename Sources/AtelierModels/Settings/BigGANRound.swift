public import AtelierCore

/// How BigGAN's family updates its networks in one step. Source: ajbrock/BigGAN-PyTorch train_fns.py.
public struct BigGANRound: ConfigurationFragment {
  /// Updates of the discriminator for each of the generator.
  public var discriminatorSteps = 1
  /// Parts whose gradients are added before an update.
  public var gradientAccumulation: Int
  /// Whether the discriminator sees real and generated images in two passes.
  public var splitDiscriminatorBatch = false
  /// The strength of the generator's orthogonal regularisation.
  public var generatorOrthogonal = 0.0
  /// The strength of the discriminator's orthogonal regularisation.
  public var discriminatorOrthogonal = 0.0

  /// One update of each network, of gradients from so many parts.
  public init(gradientAccumulation: Int) { self.gradientAccumulation = gradientAccumulation }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.positive([
      "discriminatorSteps": discriminatorSteps, "gradientAccumulation": gradientAccumulation,
    ])
    try Checks.notNegative([
      "generatorOrthogonal": generatorOrthogonal, "discriminatorOrthogonal": discriminatorOrthogonal,
    ])
  }
}

/// A configuration with ``BigGANRound``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol RoundConfiguration: SystemConfiguration {
  /// How both networks are updated in one step.
  var round: BigGANRound { get set }
}

extension RoundConfiguration {
  /// A key of ``round``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<BigGANRound, Value>) -> Value {
    get { round[keyPath: key] }
    set { round[keyPath: key] = newValue }
  }
}
