import AtelierCore
public import Torch

/// What generator and discriminator minimise, each a mean over scores `[batch]` or `[batch, 1]`.
///
/// `s` is the discriminator's score of a real image, `f` that of a generated one. A discriminator's
/// loss is ``real(_:)`` plus ``fake(_:)``, or half of it where the authors average the two.
public enum AdversarialLoss: String, Sendable, Hashable, Codable, CaseIterable {
  /// Discriminator −log s − log(1 − f); generator log(1 − f), the value function itself. Scores are
  /// probabilities. Source: Goodfellow et al. 2014, equation 1.
  case minimax
  /// Discriminator −log s − log(1 − f); generator −log f, which does not saturate. Scores are
  /// probabilities. Source: Goodfellow et al. 2014, section 3.
  case binaryCrossEntropy
  /// ``binaryCrossEntropy`` of sigmoids, computed without overflow: softplus(−s) + softplus(f);
  /// generator softplus(−f). Scores are raw. Called vanilla or logistic elsewhere.
  case logistic
  /// Discriminator (s − 1)² + f²; generator (f − 1)². Source: Mao et al. 2017, "Least Squares
  /// Generative Adversarial Networks", equation 9 with a = 0, b = c = 1, without its factor ½.
  case leastSquares
  /// Discriminator max(0, 1 − s) + max(0, 1 + f); generator −f. Source: Lim and Ye 2017, "Geometric
  /// GAN"; Miyato et al. 2018, equations 16 and 17.
  case hinge
  /// Discriminator −s + f; generator −f. Source: Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1.
  case wasserstein

  /// Whether scores are probabilities, so that the discriminator ends in a sigmoid.
  public var takesProbabilities: Bool { self == .minimax || self == .binaryCrossEntropy }

  /// The discriminator's part for scores of real images.
  public func real(_ scores: Tensor) -> Tensor {
    switch self {
    case .minimax, .binaryCrossEntropy: crossEntropy(scores, toward: 1)
    case .logistic: (-scores).softplus().mean()
    case .leastSquares: meanSquaredError(scores, .ones(like: scores))
    case .hinge: (1 - scores).relu().mean()
    case .wasserstein: -scores.mean()
    }
  }

  /// The discriminator's part for scores of generated images.
  public func fake(_ scores: Tensor) -> Tensor {
    switch self {
    case .minimax, .binaryCrossEntropy: crossEntropy(scores, toward: 0)
    case .logistic: scores.softplus().mean()
    case .leastSquares: scores.square().mean()
    case .hinge: (1 + scores).relu().mean()
    case .wasserstein: scores.mean()
    }
  }

  /// The generator's loss for scores of generated images.
  public func generator(_ scores: Tensor) -> Tensor {
    switch self {
    case .minimax: -crossEntropy(scores, toward: 0)
    case .binaryCrossEntropy: crossEntropy(scores, toward: 1)
    case .logistic: (-scores).softplus().mean()
    case .leastSquares: meanSquaredError(scores, .ones(like: scores))
    case .hinge, .wasserstein: -scores.mean()
    }
  }

  private func crossEntropy(_ probabilities: Tensor, toward target: Double) -> Tensor {
    Torch.binaryCrossEntropy(probabilities, .full(probabilities.shape, target, device: probabilities.device))
  }

  /// The score above which an image counts as real; nil for a critic (Wasserstein), which has no such border.
  var threshold: Double? {
    switch self {
    case .minimax, .binaryCrossEntropy, .leastSquares: 0.5
    case .logistic, .hinge: 0
    case .wasserstein: nil
    }
  }

  /// The share of right decisions between real and generated images, a scalar in 0 … 1.
  ///
  /// Near 1 the discriminator has won, near ½ it cannot tell. A critic (Wasserstein) has no threshold of
  /// its own; the mean of all scores stands in for it.
  public func accuracy(real: Tensor, fake: Tensor) -> Tensor {
    let threshold =
      self.threshold.map { Tensor(scalar: $0, device: real.device) } ?? (real.mean() + fake.mean()) / 2
    let right = real.greater(threshold).asType(.float32).mean() + fake.less(threshold).asType(.float32).mean()
    return right / 2
  }
}
