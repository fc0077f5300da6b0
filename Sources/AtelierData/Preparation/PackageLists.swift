internal import Foundation

/// What `apt-get update` leaves: lists of packages, of their descriptions, and of the descriptions' translations.
///
/// A list lies there as text or compressed; apt's own program decompresses it.
struct PackageLists {
  /// Where apt keeps its lists, below the root.
  static let usualFolder = "var/lib/apt/lists"
  /// The program that decompresses what apt has compressed.
  private static let helper = "/usr/lib/apt/apt-helper"
  /// The largest list in bytes; Debian's have some fifty million.
  private static let limit = 1 << 29

  /// The folder of the lists.
  let folder: URL

  /// The text before the first blank line of a description, and the paragraphs behind it.
  struct Description {
    /// The first package that has it.
    let package: String
    /// The MD5 of the English description, by which translations are found.
    let digest: String
    /// The one line that says what the package is.
    let synopsis: String
    /// The paragraphs, with single spaces; what is set line by line is marked.
    let paragraphs: [(text: String, isVerbatim: Bool)]
  }

  /// What the list of packages says of one.
  struct Package {
    /// The section without its archive area, such as `games`.
    let section: String
    /// The source package.
    let source: String
  }

  /// Whether there are descriptions in a language, such as `en` or `zh_CN`.
  func hasDescriptions(in language: String) -> Bool { !files("Translation-\(language)").isEmpty }

  /// The distinct descriptions in a language, in the order of the lists; none where there is no list.
  ///
  /// - Throws: ``DatasetError`` that names the list, and the line where it is damaged.
  func descriptions(in language: String) throws(DatasetError) -> [Description] {
    let field = "Description-\(language)"
    var found: [Description] = []
    var seen: Set<String> = []
    for file in files("Translation-\(language)") {
      let wanted: Set<String> = ["Package", "Description-md5", field]
      try ControlFile.read(Self.bytes(of: file), path: file.path, wanted) { record in
        guard let package = record["Package"], let digest = record["Description-md5"],
          let text = record[field], seen.insert(digest).inserted
        else { return }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        found.append(
          Description(
            package: package, digest: digest, synopsis: Self.tidy(lines.first ?? ""),
            paragraphs: Self.paragraphs(lines.dropFirst())))
      }
    }
    return found
  }

  /// Sections and sources by the names of packages; none where there is no list.
  func packages() throws(DatasetError) -> [String: Package] {
    var found: [String: Package] = [:]
    for file in files("Packages") {
      try ControlFile.read(Self.bytes(of: file), path: file.path, ["Package", "Section", "Source"]) {
        record in
        guard let name = record["Package"], found[name] == nil, let section = record["Section"] else {
          return
        }
        // A source may have its version behind it: `gcc-12 (12.2.0-14)`.
        let source = record["Source"]?.split(separator: " ").first.map(String.init)
        found[name] = Package(
          section: section.split(separator: "/").last.map(String.init) ?? section, source: source ?? name)
      }
    }
    return found
  }

  /// What packages of one kind have in common, so that all of them stay in one part: the name of the source without
  /// versions and without the words for documentation, data and development.
  static func family(_ name: String) -> String {
    let words = name.lowercased().split(separator: "-")
    let kept = words.count - words.reversed().prefix { tails.contains(String($0)) || isVersion($0) }.count
    var stem = words.prefix(max(1, kept)).joined(separator: "-")[...]
    if stem.hasPrefix("lib"), stem.count > 5 { stem = stem.dropFirst(3) }
    let plain = stem.reversed().drop { $0.isNumber || $0 == "." }.reversed()
    return plain.isEmpty ? String(stem) : String(plain)
  }

  private static let tails: Set<String> = [
    "dev", "doc", "docs", "data", "common", "dbg", "dbgsym", "bin", "utils", "tools", "examples", "tests",
    "runtime", "core", "extra", "plugins", "gui", "cli", "client", "server", "headless", "static", "l10n",
  ]

  private static func isVersion(_ word: Substring) -> Bool { word.allSatisfy { $0.isNumber || $0 == "." } }

  private static func paragraphs(_ lines: ArraySlice<Substring>) -> [(text: String, isVerbatim: Bool)] {
    lines.split { $0.trimmingCharacters(in: .whitespaces) == "." }.compactMap { lines in
      let text = tidy(joined(lines)[...])
      return text.isEmpty ? nil : (text, lines.contains { $0.hasPrefix(" ") })
    }
  }

  /// Lines as one; where a line ends and the next begins with Chinese or Japanese, no space is between them.
  private static func joined(_ lines: ArraySlice<Substring>) -> String {
    lines.reduce(into: "") { text, line in
      let line = line.drop { $0 == " " }
      let isUnspaced = [text.unicodeScalars.last, line.unicodeScalars.first].allSatisfy {
        $0.map { (0x3000...0x9FFF).contains($0.value) || (0xFF00...0xFFEF).contains($0.value) } ?? false
      }
      text += (text.isEmpty || isUnspaced ? "" : " ") + line
    }
  }

  private static func tidy(_ text: Substring) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// The lists of one name, whatever archive and compression they have.
  private func files(_ name: String) -> [URL] {
    listing(of: folder).filter { file in
      var plain = file.removingPercentEncoding ?? file
      if let ending = Self.endings.first(where: plain.hasSuffix) { plain.removeLast(ending.count) }
      return plain == name || plain.hasSuffix("_" + name)
    }.sorted().map { folder.appendingPathComponent($0) }
  }

  private static let endings = [".lz4", ".gz", ".xz", ".zst", ".bz2", ".lzma"]

  /// The text of a list.
  private static func bytes(of file: URL) throws(DatasetError) -> [UInt8] {
    guard endings.contains(where: file.path.hasSuffix) else {
      let size = (try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
      guard size <= limit else { throw tooLarge(file) }
      do { return [UInt8](try Data(contentsOf: file)) } catch {
        throw .unusable(
          path: file.path, reason: "it is there and cannot be read; it has to be a file that you may read")
      }
    }
    guard FileManager.default.isExecutableFile(atPath: helper) else {
      throw .unusable(
        path: file.path, reason: "it is compressed, and \(helper) is not here to read it; decompress it first"
      )
    }
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: helper)
    process.arguments = ["cat-file", file.path]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    var bytes: [UInt8] = []
    do {
      try process.run()
      while let piece = try output.fileHandleForReading.read(upToCount: 1 << 20), !piece.isEmpty {
        bytes += piece
        if bytes.count > limit { break }
      }
    } catch {
      throw .unusable(path: file.path, reason: "\(helper) cannot be run to read it")
    }
    if bytes.count > limit {
      process.terminate()
      throw tooLarge(file)
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw .corruptFile(
        path: file.path, reason: "\(helper) cannot decompress it; fetch it anew (apt-get update)")
    }
    return bytes
  }

  private static func tooLarge(_ file: URL) -> DatasetError {
    .unusable(path: file.path, reason: "it has more than \(limit >> 20) MB, which no list of packages has")
  }
}

/// Debian's control files: records of fields, with blank lines between them.
enum ControlFile {
  /// Calls for each record with those of its fields that are wanted. Lines behind the first of a field are kept without
  /// the blank that they begin with.
  ///
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` with the line that is no field or not UTF-8.
  static func read(
    _ bytes: [UInt8], path: String, _ wanted: Set<String>, _ record: ([String: String]) -> Void
  ) throws(DatasetError) {
    var fields: [String: String] = [:]
    var open: String?
    var start = 0
    for (number, end) in lineEnds(bytes).enumerated() {
      defer { start = end + 1 }
      if start == end {
        if !fields.isEmpty { record(fields) }
        (fields, open) = ([:], nil)
        continue
      }
      let isContinued = bytes[start] == 32 || bytes[start] == 9
      if isContinued, open == nil { continue }
      func text(_ range: Range<Int>) throws(DatasetError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
          throw .corruptFile(path: path, reason: "line \(number + 1) is not UTF-8")
        }
        return text
      }
      if isContinued {
        if let open { fields[open, default: ""] += "\n" + (try text((start + 1)..<end)) }
        continue
      }
      var colon = start
      while colon < end, bytes[colon] != UInt8(ascii: ":") { colon += 1 }
      guard colon < end, colon > start else {
        throw .corruptFile(
          path: path, reason: "line \(number + 1) is no field, which is a name, a colon and its contents")
      }
      let name = try text(start..<colon)
      // A blank value keeps later lines from being taken for those of the field before.
      open = wanted.contains(name) ? name : nil
      if open != nil { fields[name] = try text((colon + 1)..<end).trimmingCharacters(in: .whitespaces) }
    }
    if !fields.isEmpty { record(fields) }
  }

  /// The place behind each line's last byte.
  private static func lineEnds(_ bytes: [UInt8]) -> [Int] {
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return [] }
      var ends: [Int] = []
      var start = 0
      while start < buffer.count {
        guard let found = memchr(base + start, 10, buffer.count - start) else { break }
        let end = UnsafeRawPointer(found) - base
        ends.append(end)
        start = end + 1
      }
      if start < buffer.count { ends.append(buffer.count) }
      return ends
    }
  }
}
