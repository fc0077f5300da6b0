import AtelierCore

/// Sentences about keys that these systems share.
enum UnpairedChecks {
  /// The shape of an encoder and its decoder for images of a size.
  static func content(_ plan: ContentPlan, imageSize: Int) throws(ConfigurationError) {
    try AdversarialChecks.positive(["width": plan.width, "imageSize": imageSize])
    try AdversarialChecks.require(
      (0...6).contains(plan.downsamplings), "downsamplings lies in 0 … 6, not at \(plan.downsamplings)")
    try AdversarialChecks.require(plan.blocks >= 0, "blocks is at least 0, not \(plan.blocks)")
    let multiple = 1 << plan.downsamplings
    try AdversarialChecks.require(
      imageSize % multiple == 0,
      "imageSize is a multiple of \(multiple), as downsamplings is \(plan.downsamplings); \(imageSize) is "
        + "none, so change one of the two")
    // The mirrored borders are 3 wide outside, 1 inside, and a mirror needs more than its own width.
    try AdversarialChecks.require(
      imageSize >= 4 && imageSize / multiple >= 2,
      "imageSize \(imageSize) is too small for \(plan.downsamplings) halvings; take larger pictures or fewer")
  }

  /// A style encoder and what makes norms' parameters of its codes.
  static func style(
    downsamplings: Int, key: String, imageSize: Int, length: Int, mlpWidth: Int, mlpLayers: Int
  ) throws(ConfigurationError) {
    try AdversarialChecks.positive(["styleLength": length, "mlpWidth": mlpWidth])
    try AdversarialChecks.require(mlpLayers >= 2, "mlpLayers is at least 2, not \(mlpLayers)")
    try AdversarialChecks.require(
      (2...8).contains(downsamplings), "\(key) lies in 2 … 8, not at \(downsamplings)")
    try AdversarialChecks.require(
      imageSize >> downsamplings >= 1,
      "imageSize \(imageSize) is too small for \(downsamplings) halvings of the style encoder; lower \(key)")
  }

  /// The optimiser and its schedule.
  static func training(
    weightDecay: Double, decaySteps: Int, decayFactor: Double, batchSize: Int, loadSize: Int?, imageSize: Int
  ) throws(ConfigurationError) {
    try AdversarialChecks.positive(["batchSize": batchSize])
    try AdversarialChecks.require(weightDecay >= 0, "weightDecay is at least 0, not \(weightDecay)")
    try AdversarialChecks.require(decaySteps >= 0, "decaySteps is at least 0, not \(decaySteps)")
    try AdversarialChecks.require(
      decayFactor > 0 && decayFactor <= 1, "decayFactor is above 0 and at most 1, not \(decayFactor)")
    if let loadSize {
      try AdversarialChecks.require(
        loadSize >= imageSize, "loadSize is at least imageSize, \(imageSize), not \(loadSize)")
    }
  }
}
