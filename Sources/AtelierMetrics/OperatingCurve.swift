/// The area under the receiver operating characteristic: the share of pairs of a positive and a negative example in
/// which the positive one has the higher score, ties counted half (Mann and Whitney 1947); nil without such pairs.
public func areaUnderCurve(_ scores: [some Comparable], _ isPositive: [Bool]) -> Double? {
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  var (rankSum, positives) = (0.0, 0.0)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
    let rank = Double(start + end + 1) / 2
    for place in order[start..<end] where isPositive[place] {
      rankSum += rank
      positives += 1
    }
    start = end
  }
  let negatives = Double(scores.count) - positives
  guard positives > 0, negatives > 0 else { return nil }
  return (rankSum - positives * (positives + 1) / 2) / (positives * negatives)
}

/// The error rate at the threshold where as many negative examples are taken as positive ones are refused: the mean of
/// both rates at the first threshold, from the highest down, at which they differ least; nil where one kind is missing.
///
/// An example is taken where its score is the threshold or higher.
public func equalErrorRate(_ scores: [Double], _ isPositive: [Bool]) -> Double? {
  precondition(scores.count == isPositive.count)
  let positives = isPositive.count { $0 }
  let negatives = isPositive.count - positives
  guard positives > 0, negatives > 0 else { return nil }
  let order = scores.indices.sorted { scores[$0] > scores[$1] }
  var (taken, wrong) = (0, 0)
  var best = (gap: 1.0, rate: 0.5)
  var start = 0
  while start < order.count {
    var end = start
    while end < order.count, scores[order[end]] == scores[order[start]] {
      if isPositive[order[end]] { taken += 1 } else { wrong += 1 }
      end += 1
    }
    let falseAlarms = Double(wrong) / Double(negatives)
    let misses = 1 - Double(taken) / Double(positives)
    if abs(falseAlarms - misses) < best.gap {
      best = (abs(falseAlarms - misses), (falseAlarms + misses) / 2)
    }
    start = end
  }
  return best.rate
}
