public import Foundation
internal import Torch

/// Where the shards of data lie: a folder of tar archives, divided into folders of parts or not, or a pattern such as
/// `train-{000..009}.tar`.
struct ShardFiles {
  /// The archives of each part; of undivided ones those of training.
  let parts: [DatasetSplit: [URL]]
  /// Whether the parts have archives of their own.
  let isDivided: Bool

  /// The shards at a place; nil where there are none, or where images or a table of captions lie beside them.
  ///
  /// - Throws: ``DatasetError/notFound(path:)`` for a shard of a pattern that is not there.
  init?(at path: URL) throws(DatasetError) {
    if let files = Self.matching(path) {
      for file in files where !FileManager.default.fileExists(atPath: file.path) {
        throw .notFound(path: file.path)
      }
      (parts, isDivided) = ([.train: files], false)
      return
    }
    guard ImageFolders.isFolder(path), CaptionTable.find(in: path) == nil else { return nil }
    let own = Self.files(in: path)
    let divided = own.isEmpty ? Self.partsWithShards(in: path) : [:]
    guard !own.isEmpty || !divided.isEmpty, !ImageFolders.folderHoldsImages(path) else { return nil }
    (parts, isDivided) = own.isEmpty ? (divided, true) : ([.train: own], false)
  }

  /// The archives of a part.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` where there is no such part.
  func files(of split: DatasetSplit, at path: URL) throws(DatasetError) -> [URL] {
    guard let files = parts[split] else {
      throw .missingSplit(
        path: path.path, split: split,
        reason: isDivided
          ? "there is no folder \(ImageFolders.names(of: split).joined(separator: " or ")) with shards in it"
          : "the shards are not divided into parts")
    }
    return files
  }

  /// The archives in a folder itself, in order of their names.
  private static func files(in folder: URL) -> [URL] {
    listing(of: folder, withImages: false).filter { $0.lowercased().hasSuffix(".tar") }.map(
      folder.appendingPathComponent
    )
    .filter { !ImageFolders.isFolder($0) }
  }

  private static func partsWithShards(in path: URL) -> [DatasetSplit: [URL]] {
    var parts: [DatasetSplit: [URL]] = [:]
    for split in DatasetSplit.allCases {
      let files = ImageFolders.folder(of: split, in: path).map(files(in:)) ?? []
      if !files.isEmpty { parts[split] = files }
    }
    return parts
  }

  /// Whether shards lie at a place.
  static func arePresent(at path: URL) -> Bool {
    if matching(path) != nil { return true }
    do throws(DatasetError) { return try ShardFiles(at: path) != nil } catch { return true }
  }

  /// The archives that a pattern names; nil for a path without braces, and for one that is there as it is.
  private static func matching(_ path: URL) -> [URL]? {
    guard path.lastPathComponent.lowercased().hasSuffix(".tar"), path.path.contains("{"),
      !FileManager.default.fileExists(atPath: path.path), let names = BracePattern.expanded(path.path),
      names.count > 1 || names.first != path.path
    else { return nil }
    return names.map { URL(fileURLWithPath: $0) }
  }
}

/// Patterns of names as shells and WebDataset write them: `{000..009}` for numbers, `{a,b}` for words.
public enum BracePattern {
  private static let most = 1_000_000

  /// The names that a pattern stands for, in order; nil where braces do not match, or there are more than a million.
  ///
  /// Numbers have the digits of their first end: `{00..10}` begins with `00`. A text without braces stands for itself.
  public static func expanded(_ pattern: String) -> [String]? {
    guard let opening = pattern.firstIndex(of: "{") else { return pattern.contains("}") ? nil : [pattern] }
    guard let closing = pattern[opening...].firstIndex(of: "}"),
      !pattern[pattern.index(after: opening)..<closing].contains("{"),
      !pattern[..<opening].contains("}"),
      let choices = choices(String(pattern[pattern.index(after: opening)..<closing])),
      let rest = expanded(String(pattern[pattern.index(after: closing)...])),
      choices.count * rest.count <= most
    else { return nil }
    let head = pattern[..<opening]
    return choices.flatMap { choice in rest.map { head + choice + $0 } }
  }

  private static func choices(_ text: String) -> [String]? {
    if let dots = text.range(of: "..") {
      let (first, last) = (text[..<dots.lowerBound], text[dots.upperBound...])
      guard first.allSatisfy(\.isASCIIDigit), last.allSatisfy(\.isASCIIDigit), let start = Int(first),
        let end = Int(last), start <= end, end - start < most
      else { return nil }
      return (start...end).map { number in
        let digits = String(number)
        return String(repeating: "0", count: max(0, first.count - digits.count)) + digits
      }
    }
    let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return words.count > 1 ? words : nil
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

/// Checks that a file is a tar archive of whole files, by all of its headers.
///
/// - Throws: ``DatasetError/corruptFile(path:reason:)`` for any other file, and for one that is cut short.
public func requireTarArchive(at file: URL) throws {
  let source = try ByteSource(file)
  guard TarReader.isPresent(in: source) else {
    throw DatasetError.corruptFile(path: file.path, reason: "it is no tar archive")
  }
  let files = try TarReader(source, limit: 1 << 26).entries
  // Behind the last file, in whole blocks of 512 bytes, stands at least one of zeros.
  let end = ((files.last?.range.upperBound ?? 0) + 511) / 512 * 512
  guard source.count >= end + 512 else {
    throw DatasetError.corruptFile(path: file.path, reason: "it is cut short behind a file of it")
  }
}
