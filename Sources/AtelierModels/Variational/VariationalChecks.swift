import AtelierCore

/// The checks that the configurations of the variational autoencoders share.
struct VariationalChecks {
  let isConvolutional: Bool
  let imageSize: Int
  let imageChannels: Int
  let hidden: [Int]
  let latentSize: Int
  let batchSize: Int
  let standardDeviation: Double
  let divergenceWeight: Double
  let divergenceWarmup: Int
  let freeBits: Double
  let learningRate: Double
  let learningRateDecay: Double

  func validate() throws(ConfigurationError) {
    for (key, value) in [
      ("imageSize", imageSize), ("imageChannels", imageChannels), ("latentSize", latentSize),
      ("batchSize", batchSize), ("every width in hidden", hidden.min() ?? 1),
    ] where value < 1 {
      throw ConfigurationError("\(key) is \(value), but must be at least 1")
    }
    guard !hidden.isEmpty else {
      throw ConfigurationError("hidden is empty, but needs at least one width")
    }
    if isConvolutional {
      guard hidden.count < 16, imageSize % (1 << hidden.count) == 0 else {
        throw ConfigurationError(
          "imageSize \(imageSize) cannot be halved \(hidden.count) times, once for each width in hidden; "
            + "choose a multiple of \(1 << min(hidden.count, 16)) or fewer widths")
      }
    }
    for (key, value) in [
      ("standardDeviation", standardDeviation), ("learningRate", learningRate),
      ("learningRateDecay", learningRateDecay),
    ] where !(value > 0) {
      throw ConfigurationError("\(key) is \(value), but must be above 0")
    }
    for (key, value) in [
      ("divergenceWeight", divergenceWeight), ("divergenceWarmup", Double(divergenceWarmup)),
      ("freeBits", freeBits),
    ] where !(value >= 0) {
      throw ConfigurationError("\(key) is \(value), but must not be negative")
    }
  }
}
