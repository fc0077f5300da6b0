import AtelierCore

/// The checks that the configurations of the variational autoencoders share.
struct VariationalChecks {
  let isConvolutional: Bool
  let imageSize: Int
  let imageChannels: Int
  let hidden: [Int]
  let latentSize: Int
  let batchSize: Int
  let learningRate: Double
  let learningRateDecay: Double

  func validate() throws(ConfigurationError) {
    try Checks.positive([
      "imageSize": imageSize, "imageChannels": imageChannels, "latentSize": latentSize,
      "batchSize": batchSize,
    ])
    try Checks.widths(["hidden": hidden])
    if isConvolutional { try Checks.halvings(of: imageSize, "hidden", hidden) }
    try Checks.aboveZero(["learningRate": learningRate, "learningRateDecay": learningRateDecay])
  }
}
