/// What ``checkMedia(at:progress:)`` found: for programs as JSON (it is Codable), for people as
/// ``MediaReport/description``.
public struct MediaReport: Sendable, Codable, Hashable {
  /// What the folder holds.
  public enum Medium: String, Sendable, Codable, Hashable, CaseIterable {
    case sounds, videos
  }

  /// What a finding is about; programs switch on it.
  public enum Kind: String, Sendable, Codable, Hashable, CaseIterable {
    case corrupt, duplicates, leakage, fewExamples, mixedRates, mixedChannels, mixedSizes
    case clipping, silence, longSilence, offset
    case frozen, variableRate
  }

  /// One finding: a sentence that names files and the way out.
  public struct Finding: Sendable, Codable, Hashable {
    /// How much it matters.
    public var severity: DataReport.Severity
    /// What it is about.
    public var kind: Kind
    /// The sentence.
    public var message: String
  }

  /// The path that was checked, as it was given.
  public var path: String
  /// What the folder holds.
  public var medium: Medium
  /// Files that could be decoded.
  public var count: Int
  /// Seconds of all of them.
  public var duration: Double
  /// Seconds of the shortest, the middle one and the longest.
  public var lengths: [Double]
  /// `44100 Hz` or `25 frames/s`, and how often, the most frequent first.
  public var rates: [DataReport.Tally]
  /// `2 channels` or `640 x 480`, and how often, the most frequent first.
  public var shapes: [DataReport.Tally]
  /// `pcm16` or `h264`, and how often, the most frequent first.
  public var encodings: [DataReport.Tally]
  /// Errors first, then warnings, then notes.
  public var findings: [Finding]
  /// Files that cannot be decoded.
  public var corrupt: [DataReport.Corrupt]
  /// Groups of files whose decoded samples, or whose frames at a small size, are equal.
  public var duplicates: [[String]]

  /// Whether nothing stands in the way of training.
  public var isUsable: Bool { !findings.contains { $0.severity == .error } }
}

extension MediaReport: CustomStringConvertible {
  /// The report as a table for a terminal.
  public var description: String {
    var lines = ["\(path): \(count) \(medium.rawValue), \(Self.seconds(duration)) in all"]
    if lengths.count == 3 {
      lines.append(
        "  from \(Self.seconds(lengths[0])) to \(Self.seconds(lengths[2])), the middle one "
          + Self.seconds(lengths[1]))
    }
    for tallies in [rates, shapes, encodings] where !tallies.isEmpty {
      let shown = tallies.prefix(6).map { "\($0.count) × \($0.name)" }.joined(separator: ", ")
      lines.append("  " + shown + (tallies.count > 6 ? " and \(tallies.count - 6) others" : ""))
    }
    lines += Self.list("corrupt", corrupt.map { "\($0.path): \($0.reason)" })
    lines += Self.list("the same", duplicates.map { $0.joined(separator: " = ") })
    lines.append("")
    if findings.isEmpty { lines.append("Nothing wrong was found.") }
    for finding in findings { lines.append("\(finding.severity.rawValue): \(finding.message)") }
    return lines.joined(separator: "\n")
  }

  private static func seconds(_ value: Double) -> String {
    let tenths = Int((min(value, 1e12) * 10).rounded())
    if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
    let whole = tenths / 10
    return whole < 3600
      ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  private static func list(_ title: String, _ entries: [String]) -> [String] {
    guard !entries.isEmpty else { return [] }
    var lines = ["", "\(title) (\(entries.count)):"]
    lines += entries.prefix(10).map { "  " + $0 }
    if entries.count > 10 { lines.append("  … and \(entries.count - 10) more; --json lists all") }
    return lines
  }
}
