import AtelierCore

/// Error messages for invalid configurations of adversarial systems.
enum AdversarialChecks {
  static func require(
    _ condition: Bool, _ sentence: @autoclosure () -> String
  ) throws(ConfigurationError) {
    if !condition { throw ConfigurationError(sentence()) }
  }

  /// Counts of at least 1.
  static func positive(_ values: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in values { try require(value >= 1, "\(key) is at least 1, not \(value)") }
  }

  /// Lists of at least one layer, each of at least one feature.
  static func widths(_ lists: KeyValuePairs<String, [Int]>) throws(ConfigurationError) {
    for (key, list) in lists {
      try require(!list.isEmpty, "\(key) lists at least one layer; give its width, for example [128]")
      try require(list.allSatisfy { $0 >= 1 }, "every width in \(key) is at least 1, not \(list)")
    }
  }

  /// A generator that doubles the image once for each width.
  static func doublings(imageSize: Int, _ key: String, _ widths: [Int]) throws(ConfigurationError) {
    let unit = widths.count < 16 ? 1 << widths.count : .max
    try require(
      imageSize >= unit && imageSize % unit == 0,
      "imageSize is a multiple of \(unit), as \(key) has \(widths.count) widths that double the picture; "
        + "\(imageSize) is none, so change one of the two")
  }

  /// Adam's settings.
  static func adam(
    learningRate: Double, beta1: Double, beta2: Double, adamEpsilon: Double
  ) throws(ConfigurationError) {
    try require(
      learningRate > 0 && learningRate.isFinite, "learningRate is above 0, not \(learningRate)")
    try require((0..<1).contains(beta1), "beta1 lies in 0 ..< 1, not at \(beta1)")
    try require((0..<1).contains(beta2), "beta2 lies in 0 ..< 1, not at \(beta2)")
    try require(adamEpsilon > 0, "adamEpsilon is above 0, not \(adamEpsilon)")
  }

  /// The details of layers.
  static func layers(
    normEpsilon: Double, leakySlope: Double, dropout: Double = 0
  ) throws(ConfigurationError) {
    try require(normEpsilon > 0, "normEpsilon is above 0, not \(normEpsilon)")
    try require((0..<1).contains(leakySlope), "leakySlope lies in 0 ..< 1, not at \(leakySlope)")
    try require((0..<1).contains(dropout), "dropout lies in 0 ..< 1, not at \(dropout)")
  }

  /// Batch norm needs two examples to have a variance.
  static func batch(_ size: Int) throws(ConfigurationError) {
    try require(size >= 2, "batchSize is at least 2 because of batch normalisation, not \(size)")
  }
}
