import Foundation
public import Torch

/// A statistic with its bootstrap standard error and interval (Efron 1979).
public struct BootstrapInterval: Sendable, Hashable, Codable {
  /// The statistic of the sample itself.
  public let value: Double
  /// The standard deviation over the resamples, an estimate of the standard error.
  public let standardError: Double
  /// The percentile interval.
  public let interval: ConfidenceInterval
}

/// The percentile bootstrap interval of a mean.
///
/// - Parameters:
///   - values: the sample.
///   - resamples: the number of resamples.
///   - confidence: between 0 and 1.
/// - Throws: `MetricError` for an empty sample, no resamples, or a confidence outside 0 … 1.
public func bootstrapInterval(
  ofMean values: [Double], resamples: Int = 1000, confidence: Double = 0.95, using stream: RandomStream
) throws -> BootstrapInterval {
  try checkBootstrap(values.count, resamples, confidence)
  let means = withoutGradients {
    let sample = Tensor(HostTensor(values))
    return blocks(of: resamples, width: values.count).flatMap { rows in
      let indices = stream.integers(below: values.count, [rows.count * values.count])
      return sample.indexSelected(0, indices).reshaped([rows.count, values.count]).mean(dims: [1]).doubles()
    }
  }
  return interval(meanAndDeviation(values).mean, means, confidence)
}

/// The percentile bootstrap interval of any statistic.
///
/// - Parameters:
///   - count: the size of the sample.
///   - statistic: computes the statistic of the examples at the given indices, which may repeat.
/// - Throws: `MetricError` for an empty sample, no resamples, or a confidence outside 0 … 1; rethrows errors
///   of the closure.
public func bootstrapInterval(
  count: Int, resamples: Int = 1000, confidence: Double = 0.95, using stream: RandomStream,
  statistic: ([Int]) throws -> Double
) throws -> BootstrapInterval {
  try checkBootstrap(count, resamples, confidence)
  let value = try statistic(Array(0..<count))
  let values = try (0..<resamples).map { _ in try statistic(stream.integers(below: count, [count]).integers())
  }
  return interval(value, values, confidence)
}

private func checkBootstrap(_ count: Int, _ resamples: Int, _ confidence: Double) throws {
  guard count >= 1, resamples >= 1, confidence > 0, confidence < 1 else {
    throw MetricError(
      "a bootstrap of \(count) examples with \(resamples) resamples and confidence \(confidence) is not "
        + "possible; give examples, resamples, and a confidence between 0 and 1")
  }
}

private func interval(_ value: Double, _ resampled: [Double], _ confidence: Double) -> BootstrapInterval {
  let sorted = resampled.sorted()
  let tail = (1 - confidence) / 2
  return BootstrapInterval(
    value: value, standardError: meanAndDeviation(resampled).deviation,
    interval: ConfidenceInterval(
      lower: quantile(tail, of: sorted), upper: quantile(1 - tail, of: sorted), confidence: confidence))
}

/// The quantile of sorted values by linear interpolation (numpy's default).
private func quantile(_ share: Double, of sorted: [Double]) -> Double {
  let place = share * Double(sorted.count - 1)
  let low = max(0, min(sorted.count - 1, Int(place)))
  let high = min(sorted.count - 1, low + 1)
  return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
}
