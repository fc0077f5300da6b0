import Foundation
public import Torch

/// An inception score over several splits.
public struct InceptionScore: Sendable, Hashable, Codable {
  /// The mean over the splits; between 1 and the number of classes.
  public let mean: Double
  /// The population standard deviation over the splits.
  public let deviation: Double
  /// The score of each split.
  public let splits: [Double]
}

/// The inception score: exp of the mean divergence KL(p(y|x) ‖ p(y)) of a classifier's predictions.
///
/// Source: Salimans et al. 2016; agrees with torch-fidelity `metric_isc.py` without shuffling. Split i holds
/// the rows from i·n/splits (integer division) up to the first row of the next split. The score is meaningful
/// only for images like the classifier's training images.
///
/// - Parameters:
///   - logits: `[samples, classes]` before the softmax.
///   - splits: the number of consecutive parts.
///   - stream: shuffles the samples first if given, as consecutive samples are often of one class.
/// - Throws: `MetricError` for another shape, numbers that are not finite, or more splits than samples.
public func inceptionScore(
  logits: Tensor, splits: Int = 10, shuffledBy stream: RandomStream? = nil
) throws -> InceptionScore {
  try withoutGradients {
    var logits = try featureMatrix(logits, "logits")
    let count = logits.shape[0]
    guard splits >= 1, splits <= count else {
      throw MetricError("\(count) samples cannot be cut into \(splits) splits; choose between 1 and \(count)")
    }
    if let stream { logits = logits.indexSelected(0, stream.permutation(count)) }
    let values = (0..<splits).map { split in
      let (first, end) = (split * count / splits, (split + 1) * count / splits)
      let logProbabilities = logits.narrow(0, from: first, length: end - first).logSoftmax(1)
      let probabilities = logProbabilities.exp()
      // The logarithm of the mean probability, without underflow.
      let logMarginal = logProbabilities.logSumExp(dims: [0], keepDim: true) - log(Double(end - first))
      let divergence = (probabilities * (logProbabilities - logMarginal)).sum(dims: [1]).mean().item()
      return exp(divergence)
    }
    let (mean, deviation) = meanAndDeviation(values)
    return InceptionScore(mean: mean, deviation: deviation, splits: values)
  }
}
