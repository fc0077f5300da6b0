/// The result of ``checkMedia(at:progress:)``: Codable for programs, ``MediaReport/description`` for people.
public struct MediaReport: Sendable, Codable, Hashable {
  /// The medium.
  public enum Medium: String, Sendable, Codable, Hashable, CaseIterable {
    case sounds, videos
  }

  /// The kind of a finding, for programs to switch on.
  public enum Kind: String, Sendable, Codable, Hashable, CaseIterable {
    case corrupt, duplicates, leakage, fewExamples, mixedRates, mixedChannels, mixedSizes
    case clipping, silence, longSilence, offset
    case coarse, lowRate, highRate, severalChannels, shortSounds, fewUtterances
    case frozen, variableRate
    case missing, otherSize, emptyPoses, cuts, shortVideos
  }

  /// One finding: a sentence that names files and the way out.
  public struct Finding: Sendable, Codable, Hashable {
    /// The severity.
    public var severity: DataReport.Severity
    /// The kind.
    public var kind: Kind
    /// The sentence.
    public var message: String
  }

  /// The path that was checked, as it was given.
  public var path: String
  /// The medium.
  public var medium: Medium
  /// The number of files that could be decoded.
  public var count: Int
  /// The total duration in seconds.
  public var duration: Double
  /// The shortest, the median and the longest duration in seconds.
  public var lengths: [Double]
  /// Rates such as `44100 Hz` or `25 frames/s`, the most frequent first.
  public var rates: [DataReport.Tally]
  /// Shapes such as `2 channels` or `640 x 480`, the most frequent first.
  public var shapes: [DataReport.Tally]
  /// Encodings such as `pcm16` or `h264`, the most frequent first.
  public var encodings: [DataReport.Tally]
  /// Whole seconds of the sounds in each folder of a speaker, the most first; empty where sounds lie in no folders.
  public var folders: [DataReport.Tally]
  /// Errors first, then warnings, then notes.
  public var findings: [Finding]
  /// Files that cannot be decoded.
  public var corrupt: [DataReport.Corrupt]
  /// Groups of files with equal decoded samples, or with equal frames at 32 x 32 pixels.
  public var duplicates: [[String]]
  /// A command that trains on the data; nil where no system suits them, or something would spoil it.
  public var suggestedCommand: String?

  /// Whether there is no finding of severity ``DataReport/Severity/error``.
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
    if !folders.isEmpty {
      lines.append("  folders")
      lines += folders.prefix(20).map { "    \($0.name): \(Self.seconds(Double($0.count)))" }
      if folders.count > 20 {
        lines.append("    … and \(folders.count - 20) more; the JSON report lists all")
      }
    }
    lines += Self.list("corrupt", corrupt.map { "\($0.path): \($0.reason)" })
    lines += Self.list("the same", duplicates.map { $0.joined(separator: " = ") })
    lines.append("")
    if findings.isEmpty { lines.append("Nothing wrong was found.") }
    for finding in findings { lines.append("\(finding.severity.rawValue): \(finding.message)") }
    if let suggestedCommand { lines += ["", "Begin with: \(suggestedCommand)"] }
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
    if entries.count > 10 { lines.append("  … and \(entries.count - 10) more; the JSON report lists all") }
    return lines
  }
}
