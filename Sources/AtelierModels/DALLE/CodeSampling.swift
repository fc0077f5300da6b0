public import AtelierCore

/// How codes are drawn.
public struct CodeSampling: Settings {
  /// Divides the logits: below 1 sharper, above 1 more random.
  public var temperature = 1.0
  /// The share of logits that are left out, the lowest first.
  public var filterThreshold = 0.5
  /// How far logits go from those without a caption towards those with it (Ho and Salimans 2021); 1: those with it. It
  /// needs a model trained with captionDropout.
  public var guidance = 1.0
  /// The share of an image's codes that a given image keeps, from above.
  public var kept = 0.4375
  /// Images that are drawn for the prompt, of which those are given that a scorer finds to fit it best, the best first;
  /// nil: no more than are given. It needs a model trained with scorerSteps.
  public var candidates: Int?

  /// The reference's.
  public init() {}

  /// Chosen settings.
  public init(
    temperature: Double = 1, filterThreshold: Double = 0.5, guidance: Double = 1, kept: Double = 0.4375,
    candidates: Int? = nil
  ) {
    self.temperature = temperature
    self.filterThreshold = filterThreshold
    self.guidance = guidance
    self.kept = kept
    self.candidates = candidates
  }

  /// Refuses what draws nothing.
  public func validate() throws(ConfigurationError) {
    try Checks.aboveZero(["temperature": temperature])
    try Checks.belowOne(["filterThreshold": filterThreshold, "kept": kept])
    try Checks.notNegative(["guidance": guidance])
    if let candidates { try Checks.positive(["candidates": candidates]) }
  }
}
