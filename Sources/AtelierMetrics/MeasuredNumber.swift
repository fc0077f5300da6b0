/// Which way a number is better.
public enum Better: String, Sendable, Hashable, Codable, CaseIterable {
  /// The larger the better: accuracies, similarities, likelihoods.
  case larger
  /// The smaller the better: distances, errors, perplexities.
  case smaller
  /// Neither: some value in between is ideal, or the number only describes.
  case neither
}

/// A range that covers the true value with a given confidence.
///
/// In JSON it is `[lower, upper]`, and `[lower, upper, confidence]` where that is not 0.95.
public struct ConfidenceInterval: Sendable, Hashable, Codable {
  /// The lower end.
  public var lower: Double
  /// The upper end.
  public var upper: Double
  /// The confidence, for example 0.95.
  public var confidence: Double

  /// A range with its confidence.
  public init(lower: Double, upper: Double, confidence: Double = 0.95) {
    self.lower = lower
    self.upper = upper
    self.confidence = confidence
  }

  /// Reads two numbers, or three.
  public init(from decoder: any Decoder) throws {
    var values = try decoder.unkeyedContainer()
    lower = try values.decode(Double.self)
    upper = try values.decode(Double.self)
    confidence = values.isAtEnd ? 0.95 : try values.decode(Double.self)
  }

  /// Writes two numbers, or three.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.unkeyedContainer()
    try values.encode(lower)
    try values.encode(upper)
    if confidence != 0.95 { try values.encode(confidence) }
  }
}

/// What a measure gives for a baseline.
public struct BaselineNumber: Sendable, Hashable, Codable {
  /// `bicubic`, `input`, `mean picture`.
  public var name: String
  /// The number.
  public var value: Double
  /// Its interval, if it has one.
  public var interval: ConfidenceInterval?

  /// A baseline's number.
  public init(name: String, value: Double, interval: ConfidenceInterval? = nil) {
    self.name = name
    self.value = value
    self.interval = interval
  }
}

/// A measured number with how it was measured.
///
/// Foundation's `Measurement` is a physical quantity, hence the other name.
public struct MeasuredNumber: Sendable, Hashable {
  /// What programs know it by, the same for every version of its name: `label-accuracy`.
  public var id: String
  /// What it is called: `label accuracy`. A Fréchet distance on anything but the Inception network of the FID
  /// paper is never called FID; ``frechetDistanceName(for:)`` gives the right name.
  public var name: String
  /// The number.
  public var value: Double
  /// Its interval, if it has one.
  public var interval: ConfidenceInterval?
  /// Which way it is better; nil for a number of an older file, which does not say.
  public var better: Better?
  /// What the same measure gives for real data against real data, if that was measured.
  public var realAgainstReal: Double?
  /// What the same measure gives for baselines, if there are any.
  public var baselines: [BaselineNumber]?
  /// What it was measured on, to be compared; empty for a number of an older file.
  public var provenance: Provenance
  /// Features, samples, split, resize in words: all that somebody needs to measure it again.
  public var protocolText: String

  /// A number with its protocol.
  ///
  /// - Parameter id: what programs know it by; the name where there is no other.
  public init(
    id: String? = nil, name: String, value: Double, interval: ConfidenceInterval? = nil, better: Better,
    realAgainstReal: Double? = nil, baselines: [BaselineNumber]? = nil,
    provenance: Provenance = Provenance(), protocolText: String
  ) {
    self.id = id ?? name
    self.name = name
    self.value = value
    self.interval = interval
    self.better = better
    self.realAgainstReal = realAgainstReal
    self.baselines = baselines
    self.provenance = provenance
    self.protocolText = protocolText
  }

  /// What two numbers differ in that has to be equal before they are compared: `name`, then the fields of
  /// their provenance. A number of an older file, which has no provenance, differs in its name at most.
  public func differences(from other: MeasuredNumber) -> [String] {
    let isKnown = !provenance.fields.isEmpty && !other.provenance.fields.isEmpty
    return (name == other.name ? [] : ["name"])
      + (isKnown ? provenance.differences(from: other.provenance) : [])
  }
}

extension MeasuredNumber: Codable {
  private enum Key: String, CodingKey {
    case id, name, value, interval, better, realAgainstReal, baselines, provenance, protocolText
  }

  /// Reads a number, also of a file that knows neither its id nor its better way nor its provenance.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    name = try keys.decode(String.self, forKey: .name)
    id = try keys.decodeIfPresent(String.self, forKey: .id) ?? name
    value = try keys.decode(Double.self, forKey: .value)
    interval = try keys.decodeIfPresent(ConfidenceInterval.self, forKey: .interval)
    better = try keys.decodeIfPresent(Better.self, forKey: .better)
    realAgainstReal = try keys.decodeIfPresent(Double.self, forKey: .realAgainstReal)
    baselines = try keys.decodeIfPresent([BaselineNumber].self, forKey: .baselines)
    provenance = try keys.decodeIfPresent(Provenance.self, forKey: .provenance) ?? Provenance()
    protocolText = try keys.decode(String.self, forKey: .protocolText)
  }

  /// Writes what is known.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: Key.self)
    if id != name { try keys.encode(id, forKey: .id) }
    try keys.encode(name, forKey: .name)
    try keys.encode(value, forKey: .value)
    try keys.encodeIfPresent(interval, forKey: .interval)
    try keys.encodeIfPresent(better, forKey: .better)
    try keys.encodeIfPresent(realAgainstReal, forKey: .realAgainstReal)
    try keys.encodeIfPresent(baselines, forKey: .baselines)
    if !provenance.fields.isEmpty { try keys.encode(provenance, forKey: .provenance) }
    try keys.encode(protocolText, forKey: .protocolText)
  }
}
