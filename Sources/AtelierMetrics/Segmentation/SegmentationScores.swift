public import Torch

/// Semantic segmentation scores over any number of images.
///
/// Pixel counts are summed over all images before dividing: a mean over images would weight a class that is
/// rare in one image like one that fills another.
public struct SegmentationScores: Sendable, Hashable, Codable {
  /// The confusion matrix in pixels: rows are classes of the map, columns predicted ones.
  public private(set) var confusion: [[Int]]

  /// Scores without any pixels.
  ///
  /// - Parameter classes: the number of classes, at least 1.
  /// - Throws: `MetricError` unless `classes` is 1 … 4096.
  public init(classes: Int) throws {
    guard (1...4096).contains(classes) else {
      throw MetricError("segmentation is measured over 1 to 4096 classes, not \(classes)")
    }
    confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
  }

  /// Adds the pixels of a prediction.
  ///
  /// - Parameters:
  ///   - prediction: int64 of any shape.
  ///   - target: int64 of the same shape; pixels of the class `ignore` are left out.
  /// - Throws: `MetricError` for shapes that differ or classes outside 0 ..< `classes`.
  public mutating func add(prediction: Tensor, target: Tensor, ignoring ignore: Int? = nil) throws {
    guard prediction.shape == target.shape, prediction.dtype == .int64, target.dtype == .int64 else {
      throw MetricError(
        "predicted classes are \(prediction.dtype) \(prediction.shape) and the map \(target.dtype) "
          + "\(target.shape); both are int64 of one shape")
    }
    let classes = confusion.count
    let (seen, truth) = (prediction.reshaped([-1]), target.reshaped([-1]))
    let counted = ignore.map { truth.notEqual(Double($0)) } ?? truth.equal(truth)
    // Ignored pixels are counted in an extra last bin.
    let isKnown = seen.greaterOrEqual(0).logicalAnd(seen.less(Double(classes)))
      .logicalAnd(truth.greaterOrEqual(0)).logicalAnd(truth.less(Double(classes)))
    guard truth.count == 0 || counted.logicalAnd(isKnown.logicalNot()).any().item() == 0 else {
      throw MetricError(
        "a pixel has a class outside 0 ..< \(classes); give the number of classes and the ignored label")
    }
    let bins = classes * classes
    let place = Tensor.select(
      counted, (truth * Double(classes) + seen).asType(.int64), Tensor.full([1], Double(bins)).asType(.int64))
    let counts = Tensor.zeros([bins + 1], dtype: .int64, device: place.device)
      .scatterAdded(0, place, .ones(place.shape, dtype: .int64, device: place.device)).integers()
    for row in 0..<classes {
      for column in 0..<classes { confusion[row][column] += counts[row * classes + column] }
    }
  }

  /// Adds the counts of other images; the numbers of classes must be equal.
  public mutating func add(_ other: SegmentationScores) throws {
    guard other.confusion.count == confusion.count else {
      throw MetricError(
        "counts of \(other.confusion.count) and of \(confusion.count) classes cannot be added")
    }
    for row in confusion.indices {
      for column in confusion.indices { confusion[row][column] += other.confusion[row][column] }
    }
  }

  private func inMap(_ index: Int) -> Int { confusion[index].reduce(0, +) }
  private func predicted(_ index: Int) -> Int { confusion.reduce(0) { $0 + $1[index] } }

  /// The number of pixels counted.
  public var pixels: Int { confusion.indices.reduce(0) { $0 + inMap($1) } }

  /// Intersection over union of each class; nil for a class in neither map nor prediction.
  public var intersectionOverUnion: [Double?] {
    confusion.indices.map { index in
      let union = inMap(index) + predicted(index) - confusion[index][index]
      return union == 0 ? nil : Double(confusion[index][index]) / Double(union)
    }
  }

  /// The mean of ``intersectionOverUnion`` over the classes that have one; 0 where there are no pixels.
  public var meanIntersectionOverUnion: Double {
    let values = intersectionOverUnion.compactMap { $0 }
    return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// The fraction of pixels with the right class; 0 without pixels.
  public var pixelAccuracy: Double {
    let right = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
    return pixels == 0 ? 0 : Double(right) / Double(pixels)
  }

  /// The mean over the map's classes of their recall.
  public var meanAccuracy: Double {
    let values = confusion.indices.filter { inMap($0) > 0 }.map {
      Double(confusion[$0][$0]) / Double(inMap($0))
    }
    return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// ``intersectionOverUnion`` weighted by the frequency of each class in the map.
  public var weightedIntersectionOverUnion: Double {
    guard pixels > 0 else { return 0 }
    return zip(confusion.indices, intersectionOverUnion).reduce(0) {
      $0 + Double(inMap($1.0)) * ($1.1 ?? 0)
    } / Double(pixels)
  }
}

extension MetricRegistry {
  /// The measures of segmentations.
  static let segmentationMetrics: [String: @Sendable (MetricArguments) throws -> [String: Tensor]] = [
    "segmentation": { arguments in
      try arguments.allow(inputs: ["prediction", "target"], parameters: ["classes", "ignore"])
      let classes = try arguments.count("classes", otherwise: 0)
      let ignore = try arguments.number("ignore").map { Int($0) }
      var scores = try SegmentationScores(classes: classes)
      try scores.add(
        prediction: arguments.input("prediction"), target: arguments.input("target"), ignoring: ignore)
      func scalar(_ value: Double) -> Tensor { Tensor(scalar: value, dtype: .float64) }
      return [
        "confusion": Tensor(scores.confusion.flatMap { $0 }, shape: [classes, classes]),
        "iou": Tensor(HostTensor(scores.intersectionOverUnion.map { $0 ?? -1 }, shape: [classes])),
        "meanIou": scalar(scores.meanIntersectionOverUnion), "pixelAccuracy": scalar(scores.pixelAccuracy),
        "meanAccuracy": scalar(scores.meanAccuracy),
        "weightedIou": scalar(scores.weightedIntersectionOverUnion),
      ]
    }
  ]
}
