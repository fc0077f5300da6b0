/// The direction in which a number is better.
public enum Better: String, Sendable, Hashable, Codable, CaseIterable {
  /// The larger the better: accuracies, similarities, likelihoods.
  case larger
  /// The smaller the better: distances, errors, perplexities.
  case smaller
  /// Neither: some value in between is ideal, or the number only describes.
  case neither
}

/// A confidence interval.
///
/// In JSON it is `[lower, upper]`, and `[lower, upper, confidence]` where that is not 0.95.
public struct ConfidenceInterval: Sendable, Hashable, Codable {
  /// The lower end.
  public var lower: Double
  /// The upper end.
  public var upper: Double
  /// The confidence, for example 0.95.
  public var confidence: Double

  /// An interval with its confidence.
  public init(lower: Double, upper: Double, confidence: Double = 0.95) {
    self.lower = lower
    self.upper = upper
    self.confidence = confidence
  }

  /// Reads `[lower, upper]` or `[lower, upper, confidence]`.
  public init(from decoder: any Decoder) throws {
    var values = try decoder.unkeyedContainer()
    lower = try values.decode(Double.self)
    upper = try values.decode(Double.self)
    confidence = values.isAtEnd ? 0.95 : try values.decode(Double.self)
  }

  /// Writes `[lower, upper]` or `[lower, upper, confidence]`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.unkeyedContainer()
    try values.encode(lower)
    try values.encode(upper)
    if confidence != 0.95 { try values.encode(confidence) }
  }
}

/// The number of a baseline.
public struct BaselineNumber: Sendable, Hashable, Codable {
  /// `bicubic`, `input`, `mean picture`.
  public var name: String
  /// The number.
  public var value: Double
  /// Its confidence interval, if it has one.
  public var interval: ConfidenceInterval?

  /// The number of the named baseline.
  public init(name: String, value: Double, interval: ConfidenceInterval? = nil) {
    self.name = name
    self.value = value
    self.interval = interval
  }
}

/// A measured number with its protocol.
///
/// Foundation's `Measurement` is a physical quantity, hence the other name.
public struct MeasuredNumber: Sendable, Hashable {
  /// A stable identifier for programs: `label-accuracy`.
  public var id: String
  /// The display name: `label accuracy`. A Fréchet distance on anything but the Inception network of the FID
  /// paper is never called FID; ``frechetDistanceName(for:)`` gives the right name.
  public var name: String
  /// The number.
  public var value: Double
  /// Its confidence interval, if it has one.
  public var interval: ConfidenceInterval?
  /// The direction in which it is better; nil for a number of an older file.
  public var better: Better?
  /// The same measure of real data against real data, if it was measured.
  public var realAgainstReal: Double?
  /// The same measure of baselines, if there are any.
  public var baselines: [BaselineNumber]?
  /// The facts of the measurement that decide whether numbers may be compared; empty for a number of an older
  /// file.
  public var provenance: Provenance
  /// The protocol as text: features, samples, split, resize, all that is needed to reproduce the number.
  public var protocolText: String

  /// A number with its protocol.
  ///
  /// - Parameter id: the stable identifier; by default the name.
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

  /// The facts that differ although comparison needs them equal: `name`, then fields of the provenance. A
  /// number of an older file has no provenance and can differ only in its name.
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

  /// Reads a number, also from older files without id, direction and provenance.
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

  /// Writes the fields that are set.
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
