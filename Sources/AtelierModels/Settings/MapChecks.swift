import AtelierCore
import Torch

/// Sentences about keys that the three systems share.
enum MapChecks {
  /// A kernel that keeps the size.
  static func kernel(_ size: Int) throws(ConfigurationError) {
    try AdversarialChecks.require(
      size >= 1 && size % 2 == 1 && size <= 9, "spadeKernel is 1, 3, 5, 7 or 9, not \(size)")
  }

  /// Counts of halvings that no image could bear are refused before they overflow.
  static func halvings(_ values: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in values {
      try AdversarialChecks.require((0...8).contains(value), "\(key) is at most 8, not \(value)")
    }
  }

  /// Images that the networks can halve as often as they do.
  static func size(
    width: Int, height: Int, multiple: Int, layers: Int, scales: Int
  ) throws(ConfigurationError) {
    for (key, side) in [("imageWidth", width), ("imageHeight", height)] {
      try AdversarialChecks.require(
        side >= multiple && side % multiple == 0,
        "\(key) is a multiple of \(multiple), as the generator doubles its smallest map to it; \(side) is none"
      )
      try AdversarialChecks.require(
        side >> (scales - 1) >= 8,
        "\(key) \(side) is too small for \(scales) discriminators, each on half the resolution; lower scales")
    }
  }

  /// Factors of loss terms.
  static func weights(_ values: KeyValuePairs<String, Double>) throws(ConfigurationError) {
    for (key, value) in values {
      try AdversarialChecks.require(
        value >= 0 && value.isFinite, "weights.\(key) is at least 0, not \(value)")
    }
  }

  /// Rates, lengths of the schedule, and the batch.
  static func training(
    generatorRate: Double?, discriminatorRate: Double?, constantEpochs: Int, decayEpochs: Int,
    batchSize: Int, loadSize: Int?, imageSize: Int, initializationGain: Double
  ) throws(ConfigurationError) {
    try AdversarialChecks.require(
      initializationGain > 0 && initializationGain.isFinite,
      "initializationGain is above 0, not \(initializationGain)")
    for (key, rate) in [
      ("generatorLearningRate", generatorRate), ("discriminatorLearningRate", discriminatorRate),
    ] {
      guard let rate else { continue }
      try AdversarialChecks.require(rate > 0 && rate.isFinite, "\(key) is above 0, not \(rate)")
    }
    for (key, value) in [("constantEpochs", constantEpochs), ("decayEpochs", decayEpochs)] {
      try AdversarialChecks.require(value >= 0, "\(key) is at least 0, not \(value)")
    }
    try AdversarialChecks.positive(["batchSize": batchSize])
    if let loadSize {
      try AdversarialChecks.require(
        loadSize >= imageSize, "loadSize is at least the pictures' longer side, \(imageSize), not \(loadSize)"
      )
    }
  }

  /// Label maps whose every index has a class; anything else would end the process inside the engine.
  ///
  /// - Parameter source: what the error names.
  static func labels(_ map: Tensor, classes: Int, from source: String) throws(ConfigurationError) {
    let rank = map.rank
    try AdversarialChecks.require(
      rank == 3 || (rank == 4 && map.shape[1] == 1),
      "\(source) is a label map [batch, height, width], not \(map.shape)")
    guard map.count > 0 else { return }
    let flat = map.asType(.int64)
    let (low, high) = (Int(flat.min().item()), Int(flat.max().item()))
    try AdversarialChecks.require(
      low >= 0 && high < classes,
      "\(source) holds the label \(low < 0 ? low : high), and the classes are 0 … \(classes - 1)")
  }

  /// An image of the size of its map.
  static func sameSize(_ picture: Tensor, _ map: Tensor, from source: String) throws(ConfigurationError) {
    let (sides, expected) = (Array(picture.shape.suffix(2)), Array(map.shape.suffix(2)))
    try AdversarialChecks.require(
      sides == expected,
      "\(source) is \(sides[1]) × \(sides[0]) and its label map \(expected[1]) × \(expected[0]); "
        + "they have to show the same frame")
  }
}
