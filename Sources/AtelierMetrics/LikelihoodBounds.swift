import Foundation
public import Torch

/// A bound on log p(x) of a model with latent variables, in nats.
public struct LikelihoodBound: Sendable, Hashable, Codable {
  /// The mean over examples.
  public let mean: Double
  /// Its standard error over examples.
  public let standardError: Double
  /// The bound of each example.
  public let perExample: [Double]
  /// The number of latent samples per example.
  public let samples: Int

  init(_ perExample: [Double], samples: Int) {
    let (mean, deviation) = meanAndDeviation(perExample)
    self.mean = mean
    standardError = deviation / Double(perExample.count).squareRoot()
    self.perExample = perExample
    self.samples = samples
  }
}

/// log w = log p(x|z) + log p(z) - log q(z|x), float64 of the arguments' common shape.
///
/// - Parameters:
///   - logLikelihood: log p(x|z), `[samples, examples]`, summed over the elements of an example.
///   - logPrior: log p(z), likewise; `logPosterior` log q(z|x), of the z drawn from it.
public func logImportanceWeights(logLikelihood: Tensor, logPrior: Tensor, logPosterior: Tensor) -> Tensor {
  logLikelihood.asType(.float64) + logPrior.asType(.float64) - logPosterior.asType(.float64)
}

/// The evidence lower bound: the mean of log w over latent samples (Kingma and Welling 2014, equation 2).
///
/// - Parameter logWeights: `[samples, examples]`, see
///   ``logImportanceWeights(logLikelihood:logPrior:logPosterior:)``.
/// - Throws: `MetricError` for another shape or numbers that are not finite.
public func evidenceLowerBound(logWeights: Tensor) throws -> LikelihoodBound {
  try withoutGradients {
    let weights = try featureMatrix(logWeights, "logWeights")
    return LikelihoodBound(weights.mean(dims: [0]).doubles(), samples: weights.shape[0])
  }
}

/// The importance-weighted bound log (1/k Σ w), which grows towards log p(x) with k (Burda et al. 2016,
/// equation 8).
///
/// - Parameter logWeights: `[samples, examples]`, see
///   ``logImportanceWeights(logLikelihood:logPrior:logPosterior:)``.
/// - Throws: `MetricError` for another shape or numbers that are not finite.
public func importanceWeightedLogLikelihood(logWeights: Tensor) throws -> LikelihoodBound {
  try importanceWeightedLogLikelihood(samples: max(1, logWeights.shape.first ?? 1), chunk: .max) { _ in
    logWeights
  }
}

/// The importance-weighted bound over many latent samples, drawn in chunks to bound the memory.
///
/// - Parameters:
///   - samples: k; papers use 5,000.
///   - chunk: the maximum number of samples per call of `logWeights`.
///   - logWeights: draws the given number of latents per example, and returns log w, `[number, examples]`.
/// - Throws: `MetricError` for another shape or numbers that are not finite; rethrows errors of the closure.
public func importanceWeightedLogLikelihood(
  samples: Int, chunk: Int = 50, logWeights: (Int) throws -> Tensor
) throws -> LikelihoodBound {
  guard samples >= 1, chunk >= 1 else {
    throw MetricError(
      "\(samples) samples in chunks of \(chunk) give no likelihood; use at least 1 of each")
  }
  return try withoutGradients {
    var total: Tensor?
    var done = 0
    while done < samples {
      let count = min(chunk, samples - done)
      let weights = try featureMatrix(try logWeights(count), "logWeights")
      guard weights.shape[0] == count, total.map({ $0.count == weights.shape[1] }) ?? true else {
        throw MetricError(
          "“logWeights” has the shape \(weights.shape), but \(count) samples of the same examples were asked for"
        )
      }
      let part = weights.logSumExp(dims: [0])
      total = total.map { Tensor.stacked([$0, part]).logSumExp(dims: [0]) } ?? part
      done += count
    }
    guard let total else { throw MetricError("no samples were drawn; use at least 1") }
    return LikelihoodBound((total - log(Double(samples))).doubles(), samples: samples)
  }
}
