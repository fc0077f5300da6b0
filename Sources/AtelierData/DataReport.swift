/// What ``checkData(at:options:suggesting:progress:)`` found: for programs as JSON (it is Codable), for
/// people as ``DataReport/description``.
public struct DataReport: Sendable, Codable, Hashable {
  /// How much a finding matters.
  public enum Severity: String, Sendable, Codable, Hashable, CaseIterable {
    /// Training on these data will fail or go wrong.
    case error
    /// Training will run, and probably not do what is wanted.
    case warning
    /// Good to know.
    case note
  }

  /// What a finding is about; programs switch on it.
  public enum Kind: String, Sendable, Codable, Hashable, CaseIterable {
    case unreadable, corruptPictures, oneClass, emptyClass, nestedClass, imbalance, noLabels, fewExamples
    case exactDuplicates, nearDuplicates, conflictingLabels, leakage, nearLeakage, otherFiles, mixedSizes,
      mixedModes
    case unmatched, mismatchedPairs, sideBySide, animations
    case notUTF8, remark, leftOut
  }

  /// One finding: a sentence that names files and the way out.
  public struct Finding: Sendable, Codable, Hashable {
    /// How much it matters.
    public var severity: Severity
    /// What it is about.
    public var kind: Kind
    /// The sentence.
    public var message: String
  }

  /// Something counted under a name.
  public struct Tally: Sendable, Codable, Hashable {
    /// What was counted.
    public var name: String
    /// How often.
    public var count: Int
  }

  /// A file and what is wrong with it.
  public struct Corrupt: Sendable, Codable, Hashable {
    /// Relative to the data's root, or `train[17]` where images lie in one file.
    public var path: String
    /// Why it cannot be used.
    public var reason: String
  }

  /// Images that are one and the same, or nearly.
  public struct Duplicates: Sendable, Codable, Hashable {
    /// Relative paths, or `train[17]` where images lie in one file.
    public var members: [String]
    /// Whether members lie in different parts, so that a measure on held-out data would be too good.
    public var crossesParts: Bool
    /// Whether members carry different labels.
    public var labelsDiffer: Bool
  }

  /// One part of the data.
  public struct Part: Sendable, Codable, Hashable {
    /// Which part.
    public var split: DatasetSplit
    /// Examples (images) or bytes (text).
    public var count: Int
    /// Examples of each class, in the order of the labels.
    public var classes: [Tally]
    /// `640 x 480` and how often, the most frequent first.
    public var sizes: [Tally]
    /// `RGB 8-bit` and how often, the most frequent first.
    public var modes: [Tally]
    /// Of text: lines, words, distinct words, characters.
    public var text: [Tally]
    /// See ``contentFingerprint(of:)``.
    public var fingerprint: String
  }

  /// The path that was checked, as it was given.
  public var path: String
  /// How the data lie.
  public var layout: DataLayout
  /// Training first; a part that does not exist is left out.
  public var parts: [Part]
  /// Errors first, then warnings, then notes.
  public var findings: [Finding]
  /// Images that cannot be decoded.
  public var corrupt: [Corrupt]
  /// Groups of images whose decoded pixels are equal.
  public var exactDuplicates: [Duplicates]
  /// Pairs of images that look the same.
  public var nearDuplicates: [Duplicates]
  /// Files that are no images by their names.
  public var otherFiles: [String]
  /// A command to begin with, or nil if the data are not fit for training.
  public var suggestedCommand: String?

  /// Whether nothing stands in the way of training.
  public var isUsable: Bool { !findings.contains { $0.severity == .error } }
}

extension DataReport: CustomStringConvertible {
  /// The report as a table for a terminal.
  public var description: String {
    var lines = ["\(path): \(Self.name(of: layout))"]
    let areFolders = layout == .pairedFolders || layout == .unpairedFolders
    for part in parts {
      let unit =
        layout == .text ? "bytes" : layout == .pairedFolders || layout == .sideBySide ? "pairs" : "pictures"
      lines.append("")
      lines.append("\(part.split.rawValue): \(part.count) \(unit), \(part.fingerprint.prefix(19))…")
      for tally in part.text { lines.append("  " + Self.row(tally.name, tally.count)) }
      lines += Self.table("sizes", part.sizes, limit: 5)
      lines += Self.table("pixels", part.modes, limit: 8)
      lines += Self.table(areFolders ? "folders" : "classes", part.classes, limit: 20, bars: true)
    }
    lines += Self.list("corrupt", corrupt.map { "\($0.path): \($0.reason)" })
    lines += Self.list("the same picture", exactDuplicates.map { Self.text($0) })
    lines += Self.list("nearly the same picture", nearDuplicates.map { Self.text($0) })
    lines += Self.list("other files", otherFiles)
    lines.append("")
    if findings.isEmpty { lines.append("Nothing wrong was found.") }
    for finding in findings { lines.append("\(finding.severity.rawValue): \(finding.message)") }
    if let suggestedCommand {
      lines.append("")
      lines.append("Begin with: \(suggestedCommand)")
    }
    return lines.joined(separator: "\n")
  }

  private static func name(of layout: DataLayout) -> String {
    switch layout {
    case .idx: "pictures in IDX files"
    case .cifar10: "pictures in CIFAR-10's binary files"
    case .cifar100: "pictures in CIFAR-100's binary files"
    case .classFolders: "a folder of pictures a class"
    case .table: "pictures and a table of labels"
    case .flatPictures: "pictures without labels"
    case .sideBySide: "pairs of pictures side by side in one file"
    case .pairedFolders: "folders of pairs"
    case .unpairedFolders: "two folders of pictures without correspondence"
    case .captions: "pictures with captions"
    case .text: "plain text"
    case .memory: "pictures in memory"
    }
  }

  private static func text(_ group: Duplicates) -> String {
    let shown = group.members.prefix(4).joined(separator: " = ")
    let more = group.members.count > 4 ? " and \(group.members.count - 4) more" : ""
    return shown + more + (group.crossesParts ? " (in different parts)" : "")
      + (group.labelsDiffer ? " (under different labels)" : "")
  }

  private static func row(_ name: String, _ count: Int, width: Int = 24) -> String {
    let shown = name.count > width ? String(name.prefix(width - 1)) + "…" : name
    let number = String(count)
    return shown + String(repeating: " ", count: width - shown.count)
      + String(repeating: " ", count: max(1, 9 - number.count)) + number
  }

  private static func table(_ title: String, _ tallies: [Tally], limit: Int, bars: Bool = false) -> [String] {
    guard !tallies.isEmpty else { return [] }
    let largest = max(1, tallies.reduce(0) { max($0, $1.count) })
    var lines = ["  \(title)"]
    for tally in tallies.prefix(limit) {
      let bar = bars ? "  " + String(repeating: "▇", count: tally.count * 30 / largest) : ""
      lines.append("    " + row(tally.name, tally.count) + bar)
    }
    if tallies.count > limit { lines.append("    … and \(tallies.count - limit) more") }
    return lines
  }

  private static func list(_ title: String, _ entries: [String]) -> [String] {
    guard !entries.isEmpty else { return [] }
    var lines = ["", "\(title) (\(entries.count)):"]
    lines += entries.prefix(10).map { "  " + $0 }
    if entries.count > 10 { lines.append("  … and \(entries.count - 10) more; --json lists all") }
    return lines
  }
}
