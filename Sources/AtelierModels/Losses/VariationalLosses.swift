import AtelierCore
public import AtelierData
import Foundation
public import Torch

/// KL(N(mean, exp(logVariance)) ‖ N(0, 1)) of every entry, in nats: `[batch, latent]`.
///
/// -½ (1 + log σ² - μ² - σ²); Kingma and Welling 2014, appendix B.
public func standardNormalDivergence(mean: Tensor, logVariance: Tensor) -> Tensor {
  (logVariance + 1 - mean.square() - logVariance.exp()) * -0.5
}

/// A draw from N(mean, exp(logVariance)) as a function of its parameters: mean + exp(½ logVariance) noise.
public func reparameterized(mean: Tensor, logVariance: Tensor, noise: Tensor) -> Tensor {
  mean + (logVariance * 0.5).exp() * noise
}

/// The logarithm of N(x; mean, exp(logVariance)) of each example, in nats: `[batch]` for `[batch, size]`.
public func normalLogDensity(_ x: Tensor, mean: Tensor, logVariance: Tensor) -> Tensor {
  let terms = logVariance + (x - mean).square() * (-logVariance).exp() + log(2 * Double.pi)
  return terms.sum(dims: [1]) * -0.5
}

/// A distribution of images given what a decoder says of each value.
public enum PixelLikelihood: String, Sendable, Hashable, Codable, CaseIterable {
  /// Each value is 1 with the decoder's probability. Of grey values it is a cross-entropy and no
  /// density: the classic choice, and the best-looking one.
  case bernoulli
  /// The Bernoulli form divided by its integral over 0 … 1, a density of grey values (Loaiza-Ganem and
  /// Cunningham 2019).
  case continuousBernoulli = "continuous-bernoulli"
  /// A normal distribution around the decoder's value with one standard deviation for all values.
  case gaussian

  /// log p(image | output) of each example, in nats: `[batch]`.
  ///
  /// - Parameters:
  ///   - image, output: any shape with the batch in front; in 0 … 1 for the two Bernoulli forms.
  ///   - standardDeviation: of the normal form, in the images' own range.
  public func logProbability(_ image: Tensor, given output: Tensor, standardDeviation: Double) -> Tensor {
    let (x, y) = (image.flattened(from: 1), output.flattened(from: 1))
    switch self {
    case .bernoulli: return -binaryCrossEntropy(y, x, .none).sum(dims: [1])
    case .continuousBernoulli:
      // The integral's logarithm has its zeros over zeros at both ends, as the authors' code knows.
      let safe = y.clamped(min: 1e-4, max: 1 - 1e-4)
      return (continuousBernoulliLogNormalizer(safe) - binaryCrossEntropy(safe, x, .none)).sum(dims: [1])
    case .gaussian:
      let scaled = (x - y).square().sum(dims: [1]) * (-0.5 / (standardDeviation * standardDeviation))
      return scaled - Double(x.shape.last ?? 1) * log(standardDeviation * (2 * Double.pi).squareRoot())
    }
  }
}

/// log C(λ), C = 2 artanh(1 - 2λ) / (1 - 2λ): what makes λ^x (1 - λ)^(1 - x) integrate to 1 over 0 … 1.
///
/// Near λ = ½, where C is 0 / 0, its Taylor series takes over: log 2 + 4/3 d² + 104/45 d⁴, d = λ - ½.
public func continuousBernoulliLogNormalizer(_ probability: Tensor) -> Tensor {
  let distance = probability - 0.5
  let isNear = distance.abs().less(0.05)
  let square = distance.square()
  let series = square * (4.0 / 3) + square.square() * (104.0 / 45) + log(2.0)
  // The branch that is not taken must be finite, too, for its derivative is multiplied by zero.
  let far = Tensor.select(isNear, Tensor.full([1], 0.25, device: probability.device), probability)
  let exact = (((1 - far) / far).log() / (1 - far * 2)).log()
  return .select(isNear, series, exact)
}

/// The two terms of the evidence lower bound as a configuration wants them, and their weighted sum.
///
/// Two conventions live here, those of the two reference implementations: sums over values, latent
/// entries and the batch (pytorch/examples; likelihoods in nats), and means over all values beside the
/// batch's mean divergence (PyTorch-VAE).
public struct VariationalObjective: Sendable, Hashable {
  /// The reconstruction term; `binaryCrossEntropy` sums, the others take means.
  public let loss: ReconstructionLoss
  /// A negative log-likelihood, summed, in place of `loss`.
  public let likelihood: PixelLikelihood?
  /// The standard deviation of the normal likelihood.
  public let standardDeviation: Double
  /// The weight of the divergence (β of Higgins et al. 2017).
  public let divergenceWeight: Double
  /// Steps over which the weight grows linearly from 0 (Bowman et al. 2016); 0: it is there at once.
  public let divergenceWarmup: Int
  /// Nats of divergence that each latent entry has for free (Kingma et al. 2016).
  public let freeBits: Double
  /// Whether networks work in 0 … 1 or in -1 … 1.
  public let range: ImageRange

  /// An objective of the given choices.
  public init(
    loss: ReconstructionLoss, likelihood: PixelLikelihood?, standardDeviation: Double,
    divergenceWeight: Double,
    divergenceWarmup: Int, freeBits: Double, range: ImageRange
  ) {
    self.loss = loss
    self.likelihood = likelihood
    self.standardDeviation = standardDeviation
    self.divergenceWeight = divergenceWeight
    self.divergenceWarmup = divergenceWarmup
    self.freeBits = freeBits
    self.range = range
  }

  /// Whether the terms are sums over the batch.
  public var isSummed: Bool { likelihood != nil || loss == .binaryCrossEntropy }

  /// The reconstruction term as a scalar; `output` and `image` of one shape.
  public func reconstruction(_ output: Tensor, _ image: Tensor) -> Tensor {
    if let likelihood {
      let (x, y) = likelihood == .gaussian ? (image, output) : (unit(image), unit(output))
      let sum = -likelihood.logProbability(x, given: y, standardDeviation: standardDeviation).sum()
      return sum.summedOverProcesses()
    }
    return loss == .binaryCrossEntropy
      ? binaryCrossEntropy(unit(output), unit(image), .sum).summedOverProcesses() : loss(output, image)
  }

  /// The divergence of the posterior from the prior as a scalar: the batch's sum or mean.
  public func divergence(mean: Tensor, logVariance: Tensor) -> Tensor {
    let sum = standardNormalDivergence(mean: mean, logVariance: logVariance).sum()
    return isSummed ? sum.summedOverProcesses() : sum * (1 / Double(max(1, mean.shape[0])))
  }

  /// What is minimised: reconstruction + weight · divergence.
  ///
  /// With free bits the divergence is replaced by the sum over latent entries of the larger of the
  /// batch's mean and the allowance.
  ///
  /// - Parameter step: the number of the step, for the warm-up.
  public func total(
    reconstruction: Tensor, divergence: Tensor, mean: Tensor, logVariance: Tensor, step: Int
  ) -> Tensor {
    let warm = divergenceWarmup > 0 ? min(1, Double(step + 1) / Double(divergenceWarmup)) : 1
    var divergence = divergence
    if freeBits > 0 {
      let entries = standardNormalDivergence(mean: mean, logVariance: logVariance).mean(dims: [0])
        .averagedOverProcesses()
      let examples = mean.shape[0] * (currentProcesses?.count ?? 1)
      divergence = entries.clamped(min: freeBits).sum() * (isSummed ? Double(examples) : 1)
    }
    return reconstruction + divergence * (divergenceWeight * warm)
  }

  /// log p(image | output) of each example, in nats, of the model whose evidence bound the objective is.
  ///
  /// The mean-squared form is one, too, up to scale: ‖x - y‖² / D + w KL is, times D / (2σ²), the
  /// bound of a normal likelihood with σ² = w D / 2 for images of D values in the network's range.
  ///
  /// - Throws: ``ConfigurationError`` for losses that belong to no likelihood.
  public func logProbability(_ image: Tensor, given output: Tensor) throws -> Tensor {
    let values = image.flattened(from: 1).shape.last ?? 1
    switch (likelihood, loss) {
    case (.gaussian?, _):
      return PixelLikelihood.gaussian.logProbability(
        image, given: output, standardDeviation: standardDeviation)
    case (let likelihood?, _):
      return likelihood.logProbability(unit(image), given: unit(output), standardDeviation: 1)
    case (nil, .binaryCrossEntropy):
      return PixelLikelihood.bernoulli.logProbability(unit(image), given: unit(output), standardDeviation: 1)
    case (nil, .meanSquared) where divergenceWeight > 0:
      let deviation = (divergenceWeight * Double(values) / 2).squareRoot()
      return PixelLikelihood.gaussian.logProbability(image, given: output, standardDeviation: deviation)
    default:
      throw ConfigurationError(
        "the loss '\(loss.rawValue)' with divergenceWeight \(divergenceWeight) belongs to no likelihood; "
          + "set likelihood to bernoulli, continuous-bernoulli or gaussian")
    }
  }

  /// Values in 0 … 1, whatever the network's range.
  private func unit(_ x: Tensor) -> Tensor { range == .unit ? x : (x + 1) * 0.5 }
}
