/// What happens when training goes wrong.
public struct HealthPolicy: Sendable, Hashable, Codable {
  /// An answer to something that went wrong.
  public enum Reaction: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing is said.
    case ignore
    /// It is said, and training goes on.
    case warn
    /// Training ends; what was saved before stays.
    case stop
    /// The last good checkpoint is put back and training goes on with other random numbers.
    case rollBack = "roll-back"
  }

  /// Not-a-number or infinity in what is logged, in gradients or in weights.
  public var notANumber: Reaction
  /// A gradient norm far beyond what was usual.
  public var explodingGradients: Reaction
  /// A discriminator that is always right, or never better than a coin.
  public var discriminator: Reaction
  /// Samples that have become alike, or a codebook of which hardly a code is used.
  public var diversity: Reaction
  /// How many times this many of the running median a gradient norm may be.
  public var gradientFactor: Double
  /// The share of its own highest value that the diversity of samples must keep.
  public var diversityShare: Double
  /// After this many roll-backs training ends.
  public var maximumRollbacks: Int

  /// The usual policy: NaN rolls back, all else warns.
  public init(
    notANumber: Reaction = .rollBack, explodingGradients: Reaction = .warn, discriminator: Reaction = .warn,
    diversity: Reaction = .warn, gradientFactor: Double = 100, diversityShare: Double = 0.2,
    maximumRollbacks: Int = 3
  ) {
    self.notANumber = notANumber
    self.explodingGradients = explodingGradients
    self.discriminator = discriminator
    self.diversity = diversity
    self.gradientFactor = gradientFactor
    self.diversityShare = diversityShare
    self.maximumRollbacks = maximumRollbacks
  }

  /// One reaction to what endangers the run (NaN, exploding gradients), and at most a
  /// warning for the rest.
  public init(_ reaction: Reaction) {
    let mild: Reaction = reaction == .ignore ? .ignore : .warn
    self.init(notANumber: reaction, explodingGradients: reaction, discriminator: mild, diversity: mild)
  }

  /// The reaction to a finding.
  public func reaction(to kind: HealthFinding.Kind) -> Reaction {
    switch kind {
    case .notANumber: notANumber
    case .explodingGradients: explodingGradients
    case .discriminator: discriminator
    case .diversity: diversity
    }
  }
}

/// Something that the health watch saw.
public struct HealthFinding: Sendable, Hashable {
  /// What it is about.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Not-a-number or infinity.
    case notANumber
    /// Exploding gradients.
    case explodingGradients
    /// The balance of generator and discriminator.
    case discriminator
    /// The diversity of samples, or of codes.
    case diversity
  }

  /// What it is about.
  public let kind: Kind
  /// A sentence for people, without a full stop.
  public let message: String
}

/// What the health watch remembers between steps; part of every checkpoint.
public struct HealthState: Sendable, Hashable, Codable {
  /// The last gradient norms by the update's name.
  public var gradientNorms: [String: [Double]] = [:]
  /// How many observations in a row the discriminator was nearly always right, by the value's name.
  public var alwaysRight: [String: Int] = [:]
  /// How many in a row it was no better than a coin.
  public var coinFlips: [String: Int] = [:]
  /// The highest diversity so far.
  public var highestDiversity = 0.0
  /// Whether samples were alike when last looked at.
  public var isAlike = false
  /// How many observations in a row few codes of a codebook were in use; nil: none were.
  public var fewCodes: Int?

  /// Nothing remembered.
  public init() {}
}
