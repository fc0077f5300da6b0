public import Torch

/// How often a threshold tells positive from negative examples: the share of rightly told ones where those above it are
/// taken for positive.
public func accuracy(_ scores: [Double], _ isPositive: [Bool], above threshold: Double) -> Double {
  precondition(scores.count == isPositive.count && !scores.isEmpty)
  return Double(zip(scores, isPositive).count { ($0 > threshold) == $1 }) / Double(scores.count)
}

/// The threshold that tells most examples rightly, half way between two scores; of equally good ones that which is
/// nearest to one half; nil where there are only positive or only negative examples.
public func bestThreshold(_ scores: [Double], _ isPositive: [Bool]) -> Double? {
  precondition(scores.count == isPositive.count)
  let positives = isPositive.count { $0 }
  guard positives > 0, positives < scores.count else { return nil }
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  // Below all scores everything is taken for positive.
  var right = positives
  var best = (right: right, threshold: min(0, scores[order[0]]))
  func consider(_ threshold: Double) {
    guard
      right > best.right
        || right == best.right && abs(threshold - 0.5) < abs(best.threshold - 0.5)
    else { return }
    best = (right, threshold)
  }
  for (place, index) in order.enumerated() {
    right += isPositive[index] ? -1 : 1
    let next = place + 1 < order.count ? scores[order[place + 1]] : max(1, scores[index])
    if next > scores[index] {
      let (low, high) = (scores[index], next)
      consider((low..<high).contains(0.5) ? 0.5 : (low + high) / 2)
    } else if place + 1 == order.count {
      consider(scores[index])
    }
  }
  return best.threshold
}

/// How far probabilities are from the shares that they promise.
public struct CalibrationError: Sendable, Hashable {
  /// Examples of similar probability.
  public struct Bin: Sendable, Hashable {
    /// How many there are.
    public let count: Int
    /// The mean of their probabilities.
    public let probability: Double
    /// The share of positive ones.
    public let share: Double
  }

  /// The bins from the lowest probability up; empty ones are left out.
  public let bins: [Bin]
  /// The expected calibration error: the mean distance of a bin's probability from its share of positive examples,
  /// weighted by its examples. Source: Naeini et al. 2015, in the form for the probability of one class.
  public let value: Double

  /// The error of probabilities of being positive, in bins of equal width.
  ///
  /// - Throws: `MetricError` where there are no examples.
  public init(_ probabilities: [Double], _ isPositive: [Bool], bins count: Int = 15) throws {
    guard !probabilities.isEmpty, probabilities.count == isPositive.count, count >= 1 else {
      throw MetricError(
        "a calibration error takes a class for each of at least one probability, and at least one bin")
    }
    var sums = [(count: Int, probability: Double, positives: Int)](repeating: (0, 0, 0), count: count)
    for (probability, positive) in zip(probabilities, isPositive) {
      let bin = min(count - 1, max(0, Int(probability * Double(count))))
      sums[bin].count += 1
      sums[bin].probability += probability
      if positive { sums[bin].positives += 1 }
    }
    bins = sums.filter { $0.count > 0 }.map {
      Bin(
        count: $0.count, probability: $0.probability / Double($0.count),
        share: Double($0.positives) / Double($0.count))
    }
    value =
      bins.reduce(0) { $0 + Double($1.count) * abs($1.probability - $1.share) }
      / Double(probabilities.count)
  }
}

extension MetricRegistry {
  /// The measures of what is told from something else.
  static let detectionMetrics: [String: @Sendable (MetricArguments) throws -> [String: Tensor]] = [
    "videoDetection": { arguments in
      try arguments.allow(inputs: ["logits", "video", "label"], parameters: [])
      let logits = try arguments.input("logits")
      let videos = try arguments.input("video").integers()
      let labels = try arguments.input("label").integers()
      guard logits.rank == 2, logits.shape[1] == 2, logits.shape[0] == videos.count, !videos.isEmpty,
        videos.allSatisfy(labels.indices.contains), labels.allSatisfy({ (0...1).contains($0) })
      else {
        throw MetricError(
          "“videoDetection” takes logits [frames, 2], the number of each frame's video, and 0 or 1 for each video"
        )
      }
      let fake = logits.asType(.float64).softmax(1).selected(dim: 1, index: 1).contiguous().doubles()
      let isFake = videos.map { labels[$0] == 1 }
      var frames: [Int: [Double]] = [:]
      for (video, probability) in zip(videos, fake) { frames[video, default: []].append(probability) }
      let seen = frames.sorted { $0.key < $1.key }
      let scores = seen.map { $0.value.reduce(0, +) / Double($0.value.count) }
      let areFake = seen.map { labels[$0.key] == 1 }
      func scalar(_ value: Double?) -> Tensor { Tensor(HostTensor([value ?? .nan])) }
      return [
        "videoScore": Tensor(HostTensor(scores)),
        "frameAccuracy": scalar(accuracy(fake, isFake, above: 0.5)),
        "videoAccuracy": scalar(accuracy(scores, areFake, above: 0.5)),
        "frameAUC": scalar(areaUnderCurve(fake, isFake)),
        "videoAUC": scalar(areaUnderCurve(scores, areFake)),
        "equalErrorRate": scalar(equalErrorRate(scores, areFake)),
      ]
    }
  ]
}
