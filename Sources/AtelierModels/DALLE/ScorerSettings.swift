public import AtelierCore

/// The keys of the scorer of images for captions, whose training stands between those of the autoencoder and of the
/// transformer.
public struct ScorerSettings: ConfigurationFragment {
  /// Steps of training a scorer of images for captions, which chooses among candidates; 0: there is none.
  public var scorerSteps = 0
  /// Images with captions in a step of the scorer; each is told from all the others.
  public var scorerBatchSize = 64
  /// Step size of the scorer.
  public var scorerLearningRate = 5e-4
  /// Decoupled weight decay of the scorer's matrices.
  public var scorerWeightDecay = 0.2
  /// Length of the vectors of captions and images that the scorer compares, and width of its transformer.
  public var scorerSize = 128
  /// Layers of the scorer's transformer over the caption.
  public var scorerLayers = 2
  /// Attention heads of the scorer.
  public var scorerHeads = 4
  /// Channels of the scorer's first convolution of the image; each halving doubles them, to eight times as many.
  public var scorerChannels = 32
  /// The share of images that the scorer sees as their codes give them back, since it is to judge such images.
  public var scorerReconstructions = 0.5
  /// How far images are shifted at random before the scorer sees them, at most, as a share of their side.
  public var scorerShift = 0.0625

  /// No scorer.
  public init() {}

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.notNegative(["scorerSteps": scorerSteps])
    try Checks.positive([
      "scorerSize": scorerSize, "scorerLayers": scorerLayers, "scorerHeads": scorerHeads,
      "scorerChannels": scorerChannels,
    ])
    try Checks.require(
      scorerBatchSize >= 2,
      "scorerBatchSize is at least 2, since images are told from each other, not \(scorerBatchSize)")
    try Checks.require(
      scorerSize % scorerHeads == 0,
      "scorerHeads divide scorerSize (\(scorerSize)), and \(scorerHeads) do not")
    try Checks.aboveZero(["scorerLearningRate": scorerLearningRate])
    try Checks.notNegative(["scorerWeightDecay": scorerWeightDecay])
    try Checks.belowOne(["scorerShift": scorerShift])
    try Checks.require(
      (0...1).contains(scorerReconstructions),
      "scorerReconstructions is a share in 0 … 1, not \(scorerReconstructions)")
  }
}
