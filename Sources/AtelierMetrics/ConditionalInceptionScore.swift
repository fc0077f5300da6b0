import Foundation
public import Torch

/// The diversity of a classifier's predictions for the outputs of one input, and over all outputs; both in
/// nats.
public struct ConditionalInceptionScore: Sendable, Hashable, Codable {
  /// The mean divergence of an output's class distribution from the mean over the outputs of the same input:
  /// 0 where every input has only one kind of output.
  public let withinInputs: Double
  /// The mean divergence of an output's class distribution from the mean over all outputs: the logarithm of
  /// the inception score. The sum of ``withinInputs`` and ``betweenInputs``.
  public let overall: Double
  /// The number of inputs.
  public let inputs: Int
  /// The number of outputs per input.
  public let outputs: Int

  /// The mean divergence of an input's mean class distribution from the mean over all outputs: the part due
  /// to the inputs rather than the styles.
  public var betweenInputs: Double { max(0, overall - withinInputs) }
  /// exp of ``withinInputs``, between 1 and the number of classes.
  public var exponential: Double { exp(withinInputs) }
  /// exp of ``overall``: the inception score.
  public var inceptionScore: Double { exp(overall) }
}

/// The conditional inception score: the mean over inputs x of the mean over their outputs y of
/// KL(p(c|x, y) ‖ p(c|x)), where p(c|x) is the mean of p(c|x, y) over the outputs of x.
///
/// Source: Huang et al. 2018 (MUNIT), section 5.3, whose numbers below 1 are divergences, not their
/// exponentials.
///
/// - Parameter logits: `[inputs, outputs, classes]` of a classifier of the target's classes, before the
///   softmax; at least two outputs of each input.
/// - Throws: `MetricError` for another shape or numbers that are not finite.
public func conditionalInceptionScore(logits: Tensor) throws -> ConditionalInceptionScore {
  guard logits.rank == 3, logits.shape[0] >= 1, logits.shape[1] >= 2, logits.shape[2] >= 2 else {
    throw MetricError(
      "a conditional inception score needs logits [inputs, outputs, classes] with two outputs and two classes at "
        + "least, not \(logits.shape)")
  }
  let (inputs, outputs, classes) = (logits.shape[0], logits.shape[1], logits.shape[2])
  return try withoutGradients {
    let rows = try featureMatrix(logits.reshaped([inputs * outputs, classes]), "logits")
    let logProbabilities = rows.logSoftmax(1).reshaped([inputs, outputs, classes])
    let probabilities = logProbabilities.exp()
    func divergence(from logMean: Tensor) -> Double {
      max(0, (probabilities * (logProbabilities - logMean)).sum(dims: [2]).mean().item())
    }
    // The logarithms of mean probabilities, without underflow.
    let ofInputs = logProbabilities.logSumExp(dims: [1], keepDim: true) - log(Double(outputs))
    let ofAll = ofInputs.logSumExp(dims: [0], keepDim: true) - log(Double(inputs))
    return ConditionalInceptionScore(
      withinInputs: divergence(from: ofInputs), overall: divergence(from: ofAll), inputs: inputs,
      outputs: outputs)
  }
}
