public import AtelierCore

/// The keys of terms that stabilise adversarial training; see ``DiscriminatorRegularization``.
public struct RegularizationSettings: ConfigurationFragment {
  /// The weight of R1, ½ |∇D|² at real images (Mescheder et al. 2018); StyleGAN2's is 10, as γ.
  public var r1Weight = 0.0
  /// The weight of DRAGAN's penalty, (|∇D| - 1)² around real images (Kodali et al. 2017); the paper's is 10.
  public var draganWeight = 0.0
  /// The weight of LeCam's regularisation by running averages of scores (Tseng et al. 2021); the paper's is 0.3 to 0.01.
  public var lecamWeight = 0.0
  /// The decay of LeCam's running averages.
  public var lecamDecay = 0.99
  /// The weight of the generator's path length regularisation (Karras et al. 2020); StyleGAN2's is 2.
  public var pathLengthWeight = 0.0
  /// R1, DRAGAN's penalty and path lengths are taken in every so many steps, with as many times the weight.
  public var regularizationInterval = 1

  /// None.
  public init() {}

  /// Which of the terms a system has a place for.
  struct Terms: OptionSet, Sendable {
    let rawValue: Int
    /// R1, DRAGAN and LeCam: of a discriminator's scores.
    static let scores = Terms(rawValue: 1)
    /// Path lengths: of a generator of latent vectors.
    static let latents = Terms(rawValue: 2)
  }

  /// Checks the values.
  ///
  /// - Parameter terms: what the system has a place for.
  func validate(_ terms: Terms) throws(ConfigurationError) {
    let weights: KeyValuePairs = [
      "r1Weight": r1Weight, "draganWeight": draganWeight, "lecamWeight": lecamWeight,
      "pathLengthWeight": pathLengthWeight,
    ]
    try Checks.notNegative(weights)
    try Checks.belowOne(["lecamDecay": lecamDecay])
    try Checks.positive(["regularizationInterval": regularizationInterval])
    for (key, weight) in weights where weight > 0 {
      let isLatent = key == "pathLengthWeight"
      try Checks.require(
        terms.contains(isLatent ? .latents : .scores),
        "\(key) is 0 in this system, which has "
          + (isLatent
            ? "no generator of latent vectors alone" : "scores of another kind than that term takes"))
    }
  }
}
