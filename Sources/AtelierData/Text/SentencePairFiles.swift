public import Foundation

/// Two sentences of the same meaning, and the line where they stand.
public struct SentencePair: Sendable, Hashable {
  /// The sentence to start from.
  public var source: String
  /// The sentence to come to.
  public var target: String
  /// The line in its file, from 1.
  public var line: Int
}

/// A part of sentence pairs as its files hold it.
public struct SentencePairText: Sendable, Hashable {
  /// The pairs that have both sentences.
  public var pairs: [SentencePair]
  /// The lines that are empty on both sides.
  public var emptyLines: [Int]
  /// The files it was read from, one or two.
  public var files: [URL]
  /// What source and target are called: the endings of two files, or the titles of columns.
  public var names: (source: String, target: String) { (languages[0], languages[1]) }
  private var languages: [String]

  fileprivate init(_ languages: [String], files: [URL]) {
    (self.languages, self.files, pairs, emptyLines) = (languages, files, [], [])
  }
}

/// Where sentence pairs lie: `train.en` and `train.de` line by line, or a table `train.tsv`, `train.csv`, `train.jsonl`,
/// with `valid` and `test` beside it; or one such table, divided by a column `split` or not at all.
public struct SentencePairFiles: Sendable, Hashable {
  /// A folder, or one table.
  public var place: URL
  /// What the source is called; nil: what the data say.
  public var source: String?
  /// What the target is called; nil: what the data say.
  public var target: String?
  /// Whether source and target are swapped.
  public var isSwapped: Bool

  /// Pairs at a place.
  public init(_ place: URL, source: String? = nil, target: String? = nil, isSwapped: Bool = false) {
    self.place = place
    self.source = source
    self.target = target
    self.isSwapped = isSwapped
  }

  static let tableEndings = ["tsv", "csv", "jsonl"]
  private static let sourceTitles = ["source", "src"]
  private static let targetTitles = ["target", "tgt"]

  private static func stems(of split: DatasetSplit) -> [String] {
    switch split {
    case .train: ["train", "training"]
    case .validation: ["valid", "validation", "val", "dev"]
    case .test: ["test"]
    }
  }

  /// Whether a place holds sentence pairs, by the names of its files alone; a single table by its titles.
  public static func isPresent(at place: URL) -> Bool {
    guard ImageFolders.isFolder(place) else {
      guard tableEndings.contains(place.pathExtension.lowercased()) else { return false }
      if place.pathExtension.lowercased() == "tsv" { return true }
      return (try? SentencePairFiles(place).table(place).hasTitles) == true
    }
    let names = listing(of: place, withImages: false)
    for stem in stems(of: .train) {
      for ending in tableEndings where names.contains("\(stem).\(ending)") {
        return isPresent(at: place.appendingPathComponent("\(stem).\(ending)"))
      }
    }
    return SentencePairFiles(place).aligned(.train, names).count == 2
  }

  /// A part.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` where there is no such part, ``DatasetError/unusable(path:reason:)``
  ///   or ``DatasetError/badTable(path:reason:)`` that names the line where sentences do not pair.
  public func read(_ split: DatasetSplit) throws(DatasetError) -> SentencePairText {
    guard FileManager.default.fileExists(atPath: place.path) else { throw .notFound(path: place.path) }
    guard ImageFolders.isFolder(place) else { return try part(split, of: table(place)) }
    let names = listing(of: place, withImages: false)
    for stem in Self.stems(of: split) {
      for ending in Self.tableEndings where names.contains("\(stem).\(ending)") {
        return try whole(table(place.appendingPathComponent("\(stem).\(ending)")))
      }
    }
    let files = aligned(split, names)
    if files.isEmpty {
      guard split != .train else {
        throw .unknownLayout(
          path: place.path,
          lookedFor: ["two files train.SOURCE and train.TARGET", "train.tsv, train.csv or train.jsonl"])
      }
      throw .missingSplit(
        path: place.path, split: split,
        reason: "there is no file \(Self.stems(of: split).map { $0 + ".…" }.joined(separator: " or ")) in it")
    }
    return try lines(of: files)
  }

  // MARK: Two files

  /// The two files of a part, source first; another number where they do not pair.
  private func aligned(_ split: DatasetSplit, _ names: [String]) -> [URL] {
    for stem in Self.stems(of: split) {
      let endings = names.filter { $0.hasPrefix(stem + ".") }.map { String($0.dropFirst(stem.count + 1)) }
        .filter { $0.allSatisfy { $0.isLetter || $0.isNumber || "-_".contains($0) } && !$0.isEmpty }
        .filter {
          !(Self.tableEndings + ["txt", "json", "gz", "md", "bin", "npz", "npy", "pt"]).contains($0)
        }.sorted()
      guard !endings.isEmpty else { continue }
      let wanted = [source, target].compactMap { $0 }
      var chosen = wanted.count == 2 ? wanted.filter(endings.contains) : endings
      if wanted.count == 1, endings.count == 2, let only = wanted.first, endings.contains(only) {
        let isSource = source != nil
        chosen = (endings[0] == only) == isSource ? endings : endings.reversed()
      }
      if isSwapped { chosen.reverse() }
      return chosen.map { place.appendingPathComponent("\(stem).\($0)") }
    }
    return []
  }

  private func lines(of files: [URL]) throws(DatasetError) -> SentencePairText {
    guard files.count == 2 else {
      let found = files.map(\.lastPathComponent).joined(separator: ", ")
      throw .unusable(
        path: place.path,
        reason: files.count == 1
          ? "\(found) has no partner of the same name with the other language's ending"
          : "\(found) are more than two languages; name two by sourceLanguage and targetLanguage")
    }
    let (sources, targets) = (try TextFile.lines(of: files[0]), try TextFile.lines(of: files[1]))
    guard sources.count == targets.count else {
      throw .unusable(
        path: files[sources.count < targets.count ? 0 : 1].path,
        reason:
          "it ends after line \(min(sources.count, targets.count)), and \(files[sources.count < targets.count ? 1 : 0].lastPathComponent) "
          + "has \(max(sources.count, targets.count)) lines; line n of one is the translation of line n of the other"
      )
    }
    var text = SentencePairText(files.map(\.pathExtension), files: files)
    for (index, (source, target)) in zip(sources, targets).enumerated() {
      try text.add(source, target, line: index + 1, files)
    }
    return text
  }

  // MARK: Tables

  /// The rows of a table with what its columns are.
  private struct Table {
    let file: URL
    let hasTitles: Bool
    let names: [String]
    let rows: [(line: Int, source: String, target: String, part: String?)]
    let hasParts: Bool
  }

  private func whole(_ table: Table) throws(DatasetError) -> SentencePairText {
    try text(table.rows, table)
  }

  private func part(_ split: DatasetSplit, of table: Table) throws(DatasetError) -> SentencePairText {
    guard table.hasParts else {
      guard split == .train else {
        throw .missingSplit(
          path: place.path, split: split, reason: "it is one table without a column '\(PartColumn.name)'")
      }
      return try whole(table)
    }
    let rows = table.rows.filter { Self.stems(of: split).contains($0.part?.lowercased() ?? "train") }
    guard !rows.isEmpty else {
      throw .missingSplit(
        path: place.path, split: split,
        reason: "no row has '\(split.rawValue)' in the column '\(PartColumn.name)'")
    }
    return try text(rows, table)
  }

  private func text(
    _ rows: [(line: Int, source: String, target: String, part: String?)], _ table: Table
  ) throws(DatasetError) -> SentencePairText {
    var text = SentencePairText(table.names, files: [table.file])
    for row in rows { try text.add(row.source, row.target, line: row.line, [table.file]) }
    return text
  }

  private func table(_ file: URL) throws(DatasetError) -> Table {
    let text = try TextFile.text(of: file)
    switch file.pathExtension.lowercased() {
    case "jsonl": return try objects(text, file)
    case "csv":
      return try cells(LabelTable.cells(of: text, path: file.path).map { ($0.line, $0.cells) }, file)
    default:
      let lines = TextFile.lines(of: text).enumerated().map { number, line in
        (number + 1, line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
      }
      return try cells(lines, file)
    }
  }

  private func cells(_ rows: [(Int, [String])], _ file: URL) throws(DatasetError) -> Table {
    let rows = rows.filter { !($0.1.count == 1 && $0.1[0].isEmpty) }
    guard let first = rows.first else { throw .badTable(path: file.path, reason: "it has no rows") }
    let titles = first.1.map { $0.trimmingCharacters(in: .whitespaces) }
    let found = columns(titles)
    let hasTitles = found != nil
    var (one, other) = found ?? (0, 1)
    if isSwapped { swap(&one, &other) }
    let part = hasTitles ? titles.map { $0.lowercased() }.firstIndex(of: PartColumn.name) : nil
    var parsed: [(line: Int, source: String, target: String, part: String?)] = []
    for (line, cells) in hasTitles ? Array(rows.dropFirst()) : rows {
      guard cells.count > max(one, other) else {
        throw .badTable(
          path: file.path,
          reason:
            "line \(line) is not two sentences with a \(file.pathExtension == "csv" ? "comma" : "tab") between"
        )
      }
      parsed.append((line, cells[one], cells[other], part.flatMap { $0 < cells.count ? cells[$0] : nil }))
    }
    return Table(
      file: file, hasTitles: hasTitles,
      names: hasTitles ? [titles[one], titles[other]] : ["source", "target"],
      rows: parsed, hasParts: part != nil)
  }

  /// The columns of source and target by their titles; nil where a line is none of titles.
  private func columns(_ titles: [String]) -> (Int, Int)? {
    let lower = titles.map { $0.lowercased() }
    func place(_ wanted: [String]) -> Int? { lower.firstIndex { wanted.contains($0) } }
    if let one = place(source.map { [$0.lowercased()] } ?? Self.sourceTitles),
      let other = place(target.map { [$0.lowercased()] } ?? Self.targetTitles)
    {
      return (one, other)
    }
    // Codes of languages, such as en and zh-CN, are no sentences.
    let codes = lower.indices.filter { $0 < 2 && Self.isCode(lower[$0]) }
    return source == nil && target == nil && codes.count == 2 ? (0, 1) : nil
  }

  private static func isCode(_ text: String) -> Bool {
    let parts = text.split(whereSeparator: { "-_".contains($0) })
    guard let first = parts.first, parts.count <= 2, (2...3).contains(first.count) else { return false }
    return parts.joined().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }

  private func objects(_ text: String, _ file: URL) throws(DatasetError) -> Table {
    var rows: [(line: Int, source: String, target: String, part: String?)] = []
    var names: [String] = []
    var hasParts = false
    for (index, line) in TextFile.lines(of: text).enumerated() where !line.isEmpty {
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
        throw .badTable(path: file.path, reason: "line \(index + 1) is not a JSON object")
      }
      let pair = object["translation"] as? [String: Any] ?? object
      if names.isEmpty { names = try keys(of: pair, file, line: index + 1) }
      guard let one = pair[names[0]] as? String, let other = pair[names[1]] as? String else {
        throw .badTable(
          path: file.path,
          reason: "line \(index + 1) has no text '\(pair[names[0]] is String ? names[1] : names[0])'")
      }
      let part = object[PartColumn.name] as? String
      if part != nil { hasParts = true }
      rows.append((index + 1, one, other, part))
    }
    guard !rows.isEmpty else { throw .badTable(path: file.path, reason: "it has no rows") }
    return Table(file: file, hasTitles: true, names: names, rows: rows, hasParts: hasParts)
  }

  private func keys(of pair: [String: Any], _ file: URL, line: Int) throws(DatasetError) -> [String] {
    func key(_ wanted: [String]) -> String? { pair.keys.first { wanted.contains($0.lowercased()) } }
    var found = [
      key(source.map { [$0.lowercased()] } ?? Self.sourceTitles),
      key(target.map { [$0.lowercased()] } ?? Self.targetTitles),
    ].compactMap { $0 }
    if found.count != 2, source == nil, target == nil { found = pair.keys.filter(Self.isCode).sorted() }
    guard found.count == 2 else {
      throw .badTable(
        path: file.path,
        reason:
          "line \(line) has the keys \(pair.keys.sorted().joined(separator: ", ")); name two of them by "
          + "sourceLanguage and targetLanguage, or call them source and target")
    }
    return isSwapped ? found.reversed() : found
  }
}

extension SentencePairText {
  /// Adds a pair; counts one that is empty on both sides, and refuses one that is empty on one.
  fileprivate mutating func add(
    _ source: String, _ target: String, line: Int, _ files: [URL]
  ) throws(DatasetError) {
    let pair = [source, target].map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    switch (pair[0].isEmpty, pair[1].isEmpty) {
    case (true, true): emptyLines.append(line)
    case (false, false): pairs.append(SentencePair(source: pair[0], target: pair[1], line: line))
    case (let isSource, _):
      let side = isSource ? 0 : 1
      let fault =
        files.count == 2
        ? "line \(line) is empty, and line \(line) of \(files[1 - side].lastPathComponent) is not"
        : "line \(line) has no \(languages[side]) sentence"
      throw .unusable(
        path: files[files.count == 2 ? side : 0].path,
        reason: "\(fault); fill it in, or take the line out of both languages")
    }
  }
}
