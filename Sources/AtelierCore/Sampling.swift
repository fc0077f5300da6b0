// The settings of drawing that several systems share; a system of another kind declares its own `Settings`.

/// How latent vectors are drawn.
public struct LatentSampling: Settings {
  /// How the vectors of several outputs relate.
  public var path = LatentPath.random
  /// Entries beyond this many standard deviations are drawn again (Brock et al. 2019); nil: none are. Only a
  /// normal distribution is truncated.
  public var truncation: Double?

  /// Independent vectors.
  public init() {}

  /// Vectors along a path.
  public init(path: LatentPath = .random, truncation: Double? = nil) {
    self.path = path
    self.truncation = truncation
  }

  /// Refuses paths of no length and a truncation at 0.
  public func validate() throws(ConfigurationError) {
    if let truncation, !(truncation > 0) {
      throw ConfigurationError("truncation is above 0, not \(truncation)")
    }
    switch path {
    case .random: break
    case .interpolation(let steps):
      guard steps >= 2 else {
        throw ConfigurationError("an interpolation needs at least 2 steps, not \(steps)")
      }
    case .traversal(_, let from, let to, let steps):
      guard steps >= 1, from.isFinite, to.isFinite else {
        throw ConfigurationError(
          "a traversal goes between two finite numbers in at least 1 step, not from \(from) to \(to) in \(steps)"
        )
      }
    }
  }
}

/// How the latent vectors of several outputs relate.
public enum LatentPath: Sendable, Hashable {
  /// Each drawn for itself.
  case random
  /// On great circles between drawn ones, so many outputs from one to the next (White 2016).
  case interpolation(steps: Int)
  /// One drawn vector with one entry moved over a range, `steps` outputs.
  case traversal(dimension: Int, from: Double, to: Double, steps: Int)
}

extension LatentPath: Codable, LosslessStringConvertible {
  /// Reads `random`, `interpolation:STEPS`, or `traversal:INDEX` with `:FROM:TO` (default -3 … 3) and `:STEPS`
  /// (default 10) behind it.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("random", 1): self = .random
    case ("interpolation", 2):
      guard let steps = Int(parts[1]) else { return nil }
      self = .interpolation(steps: steps)
    case ("traversal", 2), ("traversal", 4), ("traversal", 5):
      guard let dimension = Int(parts[1]), let from = parts.count > 2 ? Double(parts[2]) : -3,
        let to = parts.count > 2 ? Double(parts[3]) : 3, let steps = parts.count > 4 ? Int(parts[4]) : 10
      else { return nil }
      self = .traversal(dimension: dimension, from: from, to: to, steps: steps)
    default: return nil
    }
  }

  /// As ``init(_:)`` reads it.
  public var description: String {
    switch self {
    case .random: "random"
    case .interpolation(let steps): "interpolation:\(steps)"
    case .traversal(let dimension, let from, let to, let steps):
      "traversal:\(dimension):\(from):\(to):\(steps)"
    }
  }

  /// Reads the text of ``init(_:)``.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let path = LatentPath(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "expected random, interpolation:STEPS or traversal:INDEX:FROM:TO:STEPS")
    }
    self = path
  }

  /// Writes ``description``.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// How text is continued token by token.
public struct TextSampling: Settings {
  /// Divides the logits: below 1 sharper, above 1 more random; at 0 the likeliest token.
  public var temperature = 1.0
  /// Tokens to generate.
  public var length = 400

  /// The most tokens of a text, which take hours already.
  static let longest = 1_000_000

  /// The usual settings.
  public init() {}

  /// Chosen settings.
  public init(temperature: Double = 1, length: Int = 400) {
    self.temperature = temperature
    self.length = length
  }

  /// Refuses what gives no text.
  public func validate() throws(ConfigurationError) {
    guard temperature >= 0, temperature.isFinite else {
      throw ConfigurationError("temperature is at least 0, not \(temperature)")
    }
    guard length >= 1 else { throw ConfigurationError("length is at least 1 token, not \(length)") }
    guard length <= Self.longest else {
      throw ConfigurationError(
        "length is at most \(Self.longest) tokens, not \(length); draw several texts instead")
    }
  }
}

/// How sources are translated that have a style beside them.
public struct TranslationSampling: Settings {
  /// How many outputs of each source, each in a drawn style; style images decide for themselves.
  public var variations = 1

  /// One output of each source.
  public init() {}

  /// Several outputs of each source.
  public init(variations: Int) { self.variations = variations }

  /// Refuses no outputs.
  public func validate() throws(ConfigurationError) {
    guard variations >= 1 else {
      throw ConfigurationError("variations is at least 1, not \(variations)")
    }
  }
}
