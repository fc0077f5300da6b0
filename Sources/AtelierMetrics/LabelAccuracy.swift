public import Torch

/// The agreement of a classifier with the requested classes.
public struct LabelAccuracy: Sendable, Hashable, Codable {
  /// The fraction of samples classified as requested, 0 … 1.
  public let accuracy: Double
  /// Its binomial standard error.
  public let standardError: Double
  /// The accuracy of each class; nil for a class without samples.
  public let perClass: [Double?]
  /// The confusion matrix: rows are requested classes, columns predicted ones.
  public let confusion: [[Int]]
}

/// Compares predicted classes with labels.
///
/// - Parameters:
///   - predictions: int64 `[samples]`.
///   - labels: int64 `[samples]`.
///   - classes: the number of classes.
/// - Throws: `MetricError` for shapes that do not fit or indices outside 0 ..< `classes`.
public func labelAccuracy(predictions: Tensor, labels: Tensor, classes: Int) throws -> LabelAccuracy {
  for (tensor, name) in [(predictions, "predictions"), (labels, "labels")] {
    guard tensor.rank == 1, tensor.shape[0] >= 1, tensor.dtype == .int64 else {
      throw MetricError("“\(name)” is \(tensor.dtype) \(tensor.shape), but class indices are int64 [samples]")
    }
  }
  let (seen, asked) = (predictions.integers(), labels.integers())
  guard seen.count == asked.count else {
    throw MetricError("there are \(seen.count) predictions for \(asked.count) labels; give one for each")
  }
  guard classes >= 1, (seen + asked).allSatisfy({ $0 >= 0 && $0 < classes }) else {
    throw MetricError(
      "predictions or labels name classes outside 0 ..< \(classes); check the number of classes")
  }
  var confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
  for (row, column) in zip(asked, seen) { confusion[row][column] += 1 }
  let perClass = confusion.enumerated().map { index, row -> Double? in
    let count = row.reduce(0, +)
    return count == 0 ? nil : Double(row[index]) / Double(count)
  }
  let right = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
  let accuracy = Double(right) / Double(asked.count)
  return LabelAccuracy(
    accuracy: accuracy, standardError: (accuracy * (1 - accuracy) / Double(asked.count)).squareRoot(),
    perClass: perClass, confusion: confusion)
}

/// Compares a classifier's predictions with labels; see ``labelAccuracy(predictions:labels:classes:)``.
///
/// - Parameters:
///   - logits: `[samples, classes]`; the largest logit is the prediction.
///   - labels: int64 `[samples]`.
/// - Throws: `MetricError` for shapes that do not fit or labels outside the classes.
public func labelAccuracy(logits: Tensor, labels: Tensor) throws -> LabelAccuracy {
  let logits = try withoutGradients { try featureMatrix(logits, "logits") }
  return try labelAccuracy(predictions: logits.argmax(dim: 1), labels: labels, classes: logits.shape[1])
}

/// Top-k accuracy: the fraction of samples whose class is among the `top` largest logits, 0 … 1.
///
/// - Parameters:
///   - logits: `[samples, classes]`.
///   - labels: int64 `[samples]`.
/// - Throws: `MetricError` for shapes that do not fit, labels outside the classes, or a `top` below 1.
public func topAccuracy(logits: Tensor, labels: Tensor, top: Int) throws -> Double {
  let logits = try withoutGradients { try featureMatrix(logits, "logits") }
  let (samples, classes) = (logits.shape[0], logits.shape[1])
  let asked = labels.integers()
  guard asked.count == samples, asked.allSatisfy({ (0..<classes).contains($0) }) else {
    throw MetricError(
      "there are \(asked.count) labels for \(samples) samples of \(classes) classes; give one for each, within them"
    )
  }
  guard top >= 1 else { throw MetricError("top is at least 1, not \(top)") }
  let best = logits.topK(min(top, classes), dim: 1).indices.contiguous().integers()
  let width = min(top, classes)
  let right = asked.indices.count { best[($0 * width)..<(($0 + 1) * width)].contains(asked[$0]) }
  return Double(right) / Double(samples)
}
