import AtelierCore

/// The adversarial losses of image systems, under the names that their authors' options have.
public enum AdversarialMode: String, Sendable, Hashable, Codable, CaseIterable {
  /// Cross-entropy of raw scores.
  case vanilla
  /// Squared distance of raw scores from 1 and 0.
  case lsgan
  /// Hinge.
  case hinge

  /// The loss on raw scores.
  public var loss: AdversarialLoss {
    switch self {
    case .vanilla: .logistic
    case .lsgan: .leastSquares
    case .hinge: .hinge
    }
  }
}
