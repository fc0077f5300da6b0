/// How text is continued token by token, with all that language models are drawn with.
public struct TokenSampling: Settings {
  /// Divides the logits: below 1 sharper, above 1 more random; at 0 the likeliest token.
  public var temperature = 1.0
  /// Tokens to generate at most.
  public var length = 400
  /// How many of the likeliest tokens are drawn from (Fan et al. 2018); nil: all.
  public var topK: Int?
  /// The share of probability whose likeliest tokens are drawn from (Holtzman et al. 2020); nil: all.
  public var topP: Double?
  /// Lowers the logits of tokens that have occurred, by division where they are positive (Keskar et al. 2019); 1: none.
  public var repetitionPenalty = 1.0
  /// Texts before which generation ends.
  public var stop: [String] = []

  /// The usual settings.
  public init() {}

  /// Chosen settings.
  public init(
    temperature: Double = 1, length: Int = 400, topK: Int? = nil, topP: Double? = nil,
    repetitionPenalty: Double = 1, stop: [String] = []
  ) {
    self.temperature = temperature
    self.length = length
    self.topK = topK
    self.topP = topP
    self.repetitionPenalty = repetitionPenalty
    self.stop = stop
  }

  /// Refuses what gives no text.
  public func validate() throws(ConfigurationError) {
    try TextSampling(temperature: temperature, length: length).validate()
    if let topK { try Checks.require(topK >= 1, "topK is at least 1, not \(topK)") }
    if let topP { try Checks.require(topP > 0 && topP <= 1, "topP is above 0 and at most 1, not \(topP)") }
    try Checks.aboveZero(["repetitionPenalty": repetitionPenalty])
    try Checks.require(
      !stop.contains(""), "stop has an empty text, which every text contains; leave it out")
  }
}
