internal import AtelierMedia
package import Foundation
internal import SwiftCSV

/// A table beside images with file names, labels and other columns.
package struct LabelTable {
  /// The file names of a table, in the order of search.
  static let fileNames = ["metadata.jsonl", "metadata.csv", "labels.csv"]
  static let fileColumns = ["file_name", "filename", "file", "image", "path"]
  static let labelColumns = ["label", "class", "category"]

  let path: String
  /// The column names in order.
  let names: [String]
  /// The cells by row; a missing cell is absent.
  package let rows: [[String: String]]

  /// Whether it has a column of labels.
  var hasLabels: Bool { Self.labelColumns.contains { names.contains($0) } }

  static func find(in folder: URL) -> URL? {
    let present = listing(of: folder, withImages: false)
    return fileNames.first { present.contains($0) }.map { folder.appendingPathComponent($0) }
  }

  package init(_ file: URL) throws(DatasetError) {
    let text = try Self.text(of: file)
    path = file.path
    (names, rows) =
      file.pathExtension.lowercased() == "jsonl"
      ? try Self.parseJSONLines(text, path) : try Self.parseCSV(text, path)
    guard !rows.isEmpty else { throw .badTable(path: path, reason: "it has no rows") }
  }

  /// The text of a table, without a byte order mark.
  static func text(of file: URL) throws(DatasetError) -> String {
    guard FileManager.default.fileExists(atPath: file.path) else { throw .notFound(path: file.path) }
    let data: Data
    do { data = try Data(contentsOf: file) } catch {
      throw .badTable(
        path: file.path, reason: "it is there and cannot be read; it has to be a file that you may read")
    }
    guard var text = String(data: data, encoding: .utf8) else {
      throw .badTable(path: file.path, reason: "it is not text in UTF-8")
    }
    if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
    return text
  }

  /// A row of a table, with the line where it begins, from 1.
  typealias Line = (line: Int, cells: [String])

  /// The cells of comma-, semicolon- or tab-separated text, row by row, as RFC 4180 describes them: what begins with
  /// a quote ends with one and may hold separators, line breaks and doubled quotes; in any other cell a quote is a
  /// character. Blanks around quoted cells do not count.
  ///
  /// - Throws: ``DatasetError/badTable(path:reason:)`` with the line of a quote that is not closed, or not followed by
  ///   a separator.
  static func cells(of text: String, path: String) throws(DatasetError) -> [Line] {
    let delimiter = CSVDelimiter.guessed(string: text)
    let (regular, lines) = try regular(text, delimiter.rawValue, path)
    let rows: [[String]]
    do {
      let table = try EnumeratedCSV(string: regular, delimiter: delimiter, loadColumns: false)
      rows = [table.header] + table.rows
    } catch {
      throw .badTable(path: path, reason: "it is not valid CSV")
    }
    return zip(lines, rows).map { (line: $0, cells: $1) }
  }

  /// The text with doubled quotes in cells that do not begin with one, as SwiftCSV takes them for characters, and the
  /// line where each row begins.
  private static func regular(
    _ text: String, _ delimiter: Character, _ path: String
  ) throws(DatasetError) -> (text: String, lines: [Int]) {
    enum Place { case start, plain, quoted, quote }
    var place = Place.start
    var result = ""
    var lines = [1]
    var (line, opened) = (1, 1)
    for character in text {
      let isBreak = character == "\n" || character == "\r\n" || character == "\r"
      if isBreak { line += 1 }
      result.append(character)
      switch (place, character) {
      case (.quoted, "\""): place = .quote
      case (.quoted, _): break
      case (.quote, "\""): place = .quoted
      case (_, delimiter): place = .start
      case (_, _) where isBreak:
        place = .start
        lines.append(line)
      case (.start, "\""): (place, opened) = (.quoted, line)
      case (.plain, "\""): result.append(character)
      case (.quote, _) where !character.isWhitespace:
        throw .badTable(
          path: path,
          reason:
            "behind the quote that closes a cell, line \(line) goes on with '\(character)'; a cell that begins with "
            + "a quote ends with one, and quotes within it are doubled")
      case (.start, _) where !character.isWhitespace: place = .plain
      default: break
      }
    }
    if place == .quoted {
      throw .badTable(
        path: path, reason: "nothing closes the quote with which a cell begins in line \(opened)")
    }
    return (result, lines)
  }

  private static func parseCSV(_ text: String, _ path: String) throws(DatasetError) -> (
    [String], [[String: String]]
  ) {
    let table = try cells(of: text, path: path).map(\.cells)
    guard !table.isEmpty else { throw .badTable(path: path, reason: "it has no rows") }
    let names = table[0].map { $0.trimmingCharacters(in: .whitespaces) }
    guard Set(names).count == names.count else {
      throw .badTable(path: path, reason: "two of its columns have the same name")
    }
    var rows: [[String: String]] = []
    for row in table.dropFirst() where row.contains(where: { !$0.isEmpty }) {
      var cells: [String: String] = [:]
      for (name, cell) in zip(names, row) where !cell.isEmpty { cells[name] = cell }
      rows.append(cells)
    }
    return (names, rows)
  }

  private static func parseJSONLines(
    _ text: String, _ path: String
  ) throws(DatasetError) -> ([String], [[String: String]]) {
    var names: [String] = []
    var rows: [[String: String]] = []
    for (number, line) in TextFile.lines(of: text).enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty { continue }
      guard let object = try? JSONDecoder().decode([String: Cell].self, from: Data(line.utf8)) else {
        throw .badTable(path: path, reason: "line \(number + 1) is not a JSON object")
      }
      for name in object.keys.sorted() where !names.contains(name) { names.append(name) }
      rows.append(object.compactMapValues(\.text))
    }
    return (names, rows)
  }

  /// A JSON value as the text of a CSV cell; nested values are dropped.
  private struct Cell: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(String.self) {
        text = value
      } else if let value = try? container.decode(Bool.self) {
        text = value ? "1" : "0"
      } else if let value = try? container.decode(Int.self) {
        text = String(value)
      } else if let value = try? container.decode(Double.self) {
        text = String(value)
      } else {
        text = nil
      }
    }
  }

  /// The rows of a part with the path that each names in one of the file columns, relative to the table's folder.
  ///
  /// - Parameter columns: names of the column of paths, in the order of search.
  func named(
    _ split: DatasetSplit, columns: [String]
  ) throws(DatasetError) -> [(path: String, row: [String: String])] {
    guard let column = columns.first(where: { names.contains($0) }) else {
      throw .badTable(
        path: path,
        reason:
          "it has no column named \(columns.joined(separator: ", ")); it has \(names.joined(separator: ", "))"
      )
    }
    var found: [(path: String, row: [String: String])] = []
    for (number, row) in try rows(of: split).enumerated() {
      guard let name = row[column] else {
        throw .badTable(path: path, reason: "row \(number + 1) has no file name")
      }
      // An untrusted table must not lead to files outside its folder.
      guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
        throw .badTable(path: path, reason: "\"\(name)\" leads out of the folder")
      }
      found.append((name, row))
    }
    return found
  }

  /// Opens the images listed in the table.
  func dataset(
    root: URL, split: DatasetSplit, labelColumn: String?, preparation: ImagePreparation?, codec: ImageCodec,
    depth: Int = 8
  ) throws(DatasetError) -> ImageDataset {
    guard let fileColumn = Self.fileColumns.first(where: { names.contains($0) }) else {
      throw .badTable(
        path: path,
        reason:
          "it has no column named \(Self.fileColumns.joined(separator: ", ")); it has \(names.joined(separator: ", "))"
      )
    }
    if let labelColumn, !names.contains(labelColumn) {
      throw .badTable(
        path: path, reason: "it has no column \"\(labelColumn)\"; it has \(names.joined(separator: ", "))")
    }
    let chosen = try rows(of: split)
    let column = labelColumn ?? Self.labelColumns.first { names.contains($0) }
    var files: [URL] = []
    var hashed: [(name: String, url: URL)] = []
    for (number, row) in chosen.enumerated() {
      guard let name = row[fileColumn] else {
        throw .badTable(path: path, reason: "row \(number + 1) has no file name")
      }
      // An untrusted table must not lead to files outside its folder.
      guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
        throw .badTable(path: path, reason: "\"\(name)\" leads out of the folder")
      }
      let url = root.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: url.path) else {
        throw .badTable(path: path, reason: "there is no file \"\(name)\" beside it")
      }
      files.append(url)
      hashed.append((name, url))
    }
    // Of all parts, once.
    let notes = split == .train ? leftOut(fileColumn, root) : []
    var description = DatasetDescription(
      layout: .table, name: root.lastPathComponent, split: split, count: files.count,
      fingerprint: try contentFingerprint(
        of: hashed + [(URL(filePath: path).lastPathComponent, URL(filePath: path))]))
    var labels = [Int](repeating: 0, count: files.count)
    if let column {
      // Classes are collected from all parts, so that labels agree between them.
      description.classNames = try classNames(of: column)
      let index = Dictionary(uniqueKeysWithValues: description.classNames.enumerated().map { ($1, $0) })
      for (number, row) in chosen.enumerated() { labels[number] = row[column].flatMap { index[$0] } ?? 0 }
    } else {
      description.classNames = ["0"]
      description.notes.append(
        "The table has no column \(Self.labelColumns.joined(separator: ", ")); every label is 0.")
    }
    let (columns, left) = numericColumns(chosen, except: [fileColumn, column ?? "", "split"])
    if !left.isEmpty {
      description.notes.append("Columns that are not numbers are left out: \(left.joined(separator: ", ")).")
    }
    description.notes += notes
    return ImageDataset(
      description: description, files: ImageFiles(files), labels: labels, columns: columns,
      preparation: preparation,
      codec: codec, depth: depth)
  }

  /// Rows of no part, and images that the table does not name, a sentence each.
  private func leftOut(_ fileColumn: String, _ root: URL) -> [String] {
    var sentences: [String] = []
    if let sentence = PartColumn(rows.map { $0[PartColumn.name] }, isThere: hasParts).leftOut {
      sentences.append(sentence)
    }
    let named = Set(rows.compactMap { $0[fileColumn] }.map { Self.plainPath($0) })
    let others = ImageFolders.pictures(below: root).filter { !named.contains($0) }
    if let first = others.first {
      sentences.append(
        others.count == 1
          ? "An image that the table does not name is left out: \(first)."
          : "\(others.count) images that the table does not name are left out, such as \(first).")
    }
    if let clause = UnreadFormats.clause(below: root) { sentences.append("Left out: \(clause).") }
    return sentences
  }

  /// A path without the parts `.` and empty ones.
  private static func plainPath(_ path: String) -> String {
    path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  private var hasParts: Bool { names.contains(PartColumn.name) }

  /// The rows of a part: all of them count as training data where there is no column `split`.
  private func rows(of split: DatasetSplit) throws(DatasetError) -> [[String: String]] {
    guard hasParts else {
      guard split == .train else {
        throw .missingSplit(path: path, split: split, reason: "the table has no column \"split\"")
      }
      return rows
    }
    let column = PartColumn(rows.map { $0[PartColumn.name] }, isThere: true)
    let chosen = zip(rows, column.parts).filter { $1 == split }.map(\.0)
    guard !chosen.isEmpty else {
      let wanted = ImageFolders.names(of: split).joined(separator: " or ")
      let unknown = column.unknown.isEmpty ? "" : "; there are \(column.unknownText)"
      throw .missingSplit(path: path, split: split, reason: "no row's \"split\" is \(wanted)\(unknown)")
    }
    return chosen
  }

  /// The part of each file by its name without the ending, and the words of those that are no part's; nil
  /// where the table does not divide its files.
  func parts() -> (known: [String: DatasetSplit], unknown: [String: String])? {
    guard hasParts, let column = Self.fileColumns.first(where: { names.contains($0) }) else { return nil }
    var known: [String: DatasetSplit] = [:]
    var unknown: [String: String] = [:]
    for row in rows {
      guard let file = row[column] else { continue }
      let stem = (file as NSString).deletingPathExtension
      let cell = row[PartColumn.name] ?? ""
      if let part = PartColumn.part(cell) { known[stem] = part } else { unknown[stem] = cell }
    }
    return (known, unknown)
  }

  /// The rows of some files as JSON lines, for copies of the files.
  ///
  /// - Parameter files: the name of each copy by that of the file.
  func jsonLines(ofFiles files: [String: String]) throws(DatasetError) -> [UInt8] {
    guard let column = Self.fileColumns.first(where: { names.contains($0) }) else { return [] }
    return try Self.jsonLines(
      rows.compactMap { row in
        guard let file = row[column], let copy = files[file] else { return nil }
        var named = row
        named[column] = nil
        named[Self.fileColumns[0]] = copy
        return named
      })
  }

  /// The text of a table `metadata.jsonl`.
  static func jsonLines(_ rows: [[String: String]]) throws(DatasetError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines = Data()
    for row in rows {
      do { lines += try encoder.encode(row) } catch {
        throw .invalid(reason: "the row of \(row[fileColumns[0]] ?? "a file") cannot be written as JSON")
      }
      lines += Data("\n".utf8)
    }
    return [UInt8](lines)
  }

  /// The distinct labels, sorted by value if all are integers, otherwise by name.
  private func classNames(of column: String) throws(DatasetError) -> [String] {
    var distinct: Set<String> = []
    for (number, row) in rows.enumerated() {
      guard let label = row[column] else {
        throw .badTable(path: path, reason: "row \(number + 1) has an empty cell in the column \"\(column)\"")
      }
      distinct.insert(label)
    }
    let numbers = distinct.compactMap { Int($0) }
    if numbers.count == distinct.count { return distinct.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) } }
    return distinct.sorted()
  }

  private func numericColumns(
    _ rows: [[String: String]], except: Set<String>
  ) -> (columns: [String: [Float]], left: [String]) {
    var columns: [String: [Float]] = [:]
    var left: [String] = []
    for name in names where !except.contains(name) && name != "image" {
      let values = rows.compactMap { $0[name].flatMap { Float($0) } }
      if values.count == rows.count { columns[name] = values } else { left.append(name) }
    }
    return (columns, left)
  }
}

/// The column of a table that divides its rows into parts.
struct PartColumn {
  /// What the column is called.
  static let name = "split"

  /// The part of each row; nil for a word that names none.
  let parts: [DatasetSplit?]
  /// How often each such word occurs; an empty cell is an empty word.
  let unknown: [String: Int]

  /// Reads the cells of all rows.
  ///
  /// - Parameter isThere: whether the table has the column; without it all rows are training data.
  init(_ cells: [String?], isThere: Bool) {
    guard isThere else {
      parts = cells.map { _ in .train }
      unknown = [:]
      return
    }
    let parts = cells.map { Self.part($0 ?? "") }
    var unknown: [String: Int] = [:]
    for (cell, part) in zip(cells, parts) where part == nil {
      unknown[(cell ?? "").trimmingCharacters(in: .whitespaces), default: 0] += 1
    }
    self.parts = parts
    self.unknown = unknown
  }

  /// The part that a word names, whatever its case and the blanks around it.
  static func part(_ cell: String) -> DatasetSplit? {
    let word = cell.trimmingCharacters(in: .whitespaces).lowercased()
    return DatasetSplit.allCases.first { ImageFolders.names(of: $0).contains(word) }
  }

  /// The unknown words and how often they occur.
  var unknownText: String {
    unknown.sorted { $0.key < $1.key }.map { word, count in
      "\(word.isEmpty ? "an empty cell" : "\"\(word)\"") (\(count) \(count == 1 ? "row" : "rows"))"
    }.joined(separator: ", ")
  }

  /// Counts and names the rows of no part; nil where there are none.
  var leftOut: String? {
    guard !unknown.isEmpty else { return nil }
    return "Rows whose \"split\" is \(unknownText) are in no part and left out; the parts are train, val and "
      + "test."
  }
}
