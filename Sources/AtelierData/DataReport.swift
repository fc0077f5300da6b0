/// The result of ``checkData(at:options:suggesting:progress:)``: Codable for programs,
/// ``DataReport/description`` for people.
public struct DataReport: Sendable, Codable, Hashable {
  /// The severity of a finding.
  public enum Severity: String, Sendable, Codable, Hashable, CaseIterable {
    /// Training on this data will fail or go wrong.
    case error
    /// Training will run, but probably not as intended.
    case warning
    /// Information only.
    case note
  }

  /// The kind of a finding, for programs to switch on.
  public enum Kind: String, Sendable, Codable, Hashable, CaseIterable {
    case unreadable
    case corruptImages = "corruptPictures"
    case oneClass, emptyClass, nestedClass, imbalance, noLabels, fewExamples
    case exactDuplicates, nearDuplicates, conflictingLabels, leakage, nearLeakage, otherFiles, mixedSizes,
      mixedModes
    case unmatched, mismatchedPairs, sideBySide, animations
    case notUTF8, remark, leftOut, nothingHeldOut
    case mixedScales, clippedValues, unusedRange
    case emptyPairs, longPairs, lengthRatio, untranslated
    case emptyFields, longTexts
  }

  /// One finding: a sentence that names files and the way out.
  public struct Finding: Sendable, Codable, Hashable {
    /// The severity.
    public var severity: Severity
    /// The kind.
    public var kind: Kind
    /// The sentence.
    public var message: String
  }

  /// A named count.
  public struct Tally: Sendable, Codable, Hashable {
    /// The name.
    public var name: String
    /// The count.
    public var count: Int
  }

  /// A corrupt file.
  public struct Corrupt: Sendable, Codable, Hashable {
    /// The path relative to the data's root, or `train[17]` where one file holds all images.
    public var path: String
    /// The reason why it cannot be used.
    public var reason: String
  }

  /// A group of equal or nearly equal images.
  public struct Duplicates: Sendable, Codable, Hashable {
    /// Relative paths, or `train[17]` where one file holds all images.
    public var members: [String]
    /// Whether members are in different parts, so that measures on held-out data are too optimistic.
    public var crossesParts: Bool
    /// Whether members have different labels.
    public var labelsDiffer: Bool
  }

  /// One part of the data.
  public struct Part: Sendable, Codable, Hashable {
    /// The part.
    public var split: DatasetSplit
    /// The number of examples (images) or bytes (text).
    public var count: Int
    /// The number of examples per class, in the order of the labels.
    public var classes: [Tally]
    /// Image sizes such as `640 x 480`, the most frequent first.
    public var sizes: [Tally]
    /// Image modes such as `RGB, 8-bit`, the most frequent first.
    public var modes: [Tally]
    /// For text: the numbers of lines, words, distinct words and characters.
    public var text: [Tally]
    /// See ``contentFingerprint(of:)``.
    public var fingerprint: String
  }

  /// The path that was checked, as it was given.
  public var path: String
  /// The layout of the data.
  public var layout: DataLayout
  /// The existing parts, training first.
  public var parts: [Part]
  /// Errors first, then warnings, then notes.
  public var findings: [Finding]
  /// The images that cannot be decoded.
  public var corrupt: [Corrupt]
  /// Groups of images whose decoded pixels are equal.
  public var exactDuplicates: [Duplicates]
  /// Pairs of images that look the same and are not equal.
  public var nearDuplicates: [Duplicates]
  /// Files that are not images by their extensions.
  public var otherFiles: [String]
  /// A command to start training; nil where the data is not fit for it.
  public var suggestedCommand: String?

  /// Whether there is no finding of severity ``Severity/error``.
  public var isUsable: Bool { !findings.contains { $0.severity == .error } }
}

extension DataReport: CustomStringConvertible {
  /// The report as a table for a terminal.
  public var description: String {
    var lines = ["\(path): \(Self.name(of: layout))"]
    let areTexts = layout == .documents || layout == .labelledText
    let areFolders = layout == .pairedFolders || layout == .unpairedFolders
    for part in parts {
      let unit =
        layout == .text
        ? "bytes"
        : [.pairedFolders, .sideBySide, .sentencePairs].contains(layout)
          ? "pairs" : layout == .documents ? "documents" : layout == .labelledText ? "texts" : "images"
      lines.append("")
      lines.append("\(part.split.rawValue): \(part.count) \(unit), \(part.fingerprint.prefix(19))…")
      for tally in part.text { lines.append("  " + Self.row(tally.name, tally.count)) }
      lines += Self.table("sizes", part.sizes, limit: 5)
      lines += Self.table("pixels", part.modes, limit: 8)
      lines += Self.table(areFolders ? "folders" : "classes", part.classes, limit: 20, bars: true)
    }
    lines += Self.list("corrupt", corrupt.map { "\($0.path): \($0.reason)" })
    lines += Self.list(
      layout == .sentencePairs ? "the same pair" : areTexts ? "the same text" : "the same image",
      exactDuplicates.map { Self.text($0) })
    lines += Self.list("nearly the same image", nearDuplicates.map { Self.text($0) })
    lines += Self.list("other files", otherFiles)
    lines.append("")
    if findings.allSatisfy({ $0.kind == .nothingHeldOut }) { lines.append("Nothing wrong was found.") }
    for finding in findings { lines.append("\(finding.severity.rawValue): \(finding.message)") }
    if let suggestedCommand {
      lines.append("")
      lines.append("Begin with: \(suggestedCommand)")
    }
    return lines.joined(separator: "\n")
  }

  private static func name(of layout: DataLayout) -> String {
    switch layout {
    case .idx: "images in IDX files"
    case .cifar10: "images in CIFAR-10's binary files"
    case .cifar100: "images in CIFAR-100's binary files"
    case .classFolders: "one folder of images per class"
    case .table: "images and a table of labels"
    case .flatImages: "images without labels"
    case .sideBySide: "pairs of images side by side in one file"
    case .pairedFolders: "folders of pairs"
    case .unpairedFolders: "two folders of images without correspondence"
    case .captions: "images with captions"
    case .text: "plain text"
    case .sentencePairs: "sentence pairs"
    case .documents: "documents"
    case .labelledText: "texts with classes"
    case .shards: "images in shards of WebDataset"
    case .arrays: "images in NumPy's arrays"
    case .sounds: "sounds"
    case .videos: "videos"
    case .memory: "images in memory"
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
    if entries.count > 10 { lines.append("  … and \(entries.count - 10) more; the JSON report lists all") }
    return lines
  }
}
