package import Foundation

/// What a table says about images in words: rows of a file and a caption, read as every other table is; also a table of
/// labels with a column of captions, such as `metadata.jsonl`.
///
/// Cells may be separated by commas, semicolons or tabs, in quotes or not; there may be a line of titles, a column
/// of numbers, and a column `split`. Flickr8k's own form, `name.jpg#0` and a tab before each caption, is read
/// too.
package struct CaptionTable {
  /// The names a table may have, in the order they are looked for, whatever their case.
  static let fileNames = ["captions.txt", "captions.csv", "tags.csv", "tags.txt"]
  private static let wordColumns = [
    "caption", "captions", "text", "texts", "sentence", "sentences", "comment", "description", "tags",
    "words",
  ]

  /// One row.
  struct Row {
    /// The file's name as the table gives it.
    let file: String
    /// The words, in lower case.
    let words: [String]
    /// The cell of the column `split`; nil where there is none.
    let part: String?
  }

  let rows: [Row]
  /// Whether there is a column `split`.
  let hasParts: Bool

  /// The table of captions in a folder: one of ``fileNames``, or a table of labels (``LabelTable``) with a column of
  /// captions.
  ///
  /// - Throws: ``DatasetError/badTable(path:reason:)`` for a table of labels that cannot be read.
  static func findAny(in folder: URL) throws(DatasetError) -> URL? {
    if let table = find(in: folder) { return table }
    guard let table = LabelTable.find(in: folder), try captionColumn(LabelTable(table)) != nil else {
      return nil
    }
    return table
  }

  private static func captionColumn(_ table: LabelTable) -> String? {
    wordColumns.first { column in table.names.contains { $0.lowercased() == column } }.flatMap { column in
      table.names.first { $0.lowercased() == column }
    }
  }

  static func find(in folder: URL) -> URL? {
    let present = listing(of: folder, withImages: false)
    return fileNames.lazy.compactMap { name in present.first { $0.lowercased() == name } }.first
      .map { folder.appendingPathComponent($0) }
  }

  /// - Throws: ``DatasetError/badTable(path:reason:)`` that names the line.
  package init(_ file: URL) throws(DatasetError) {
    guard !LabelTable.fileNames.contains(file.lastPathComponent) else {
      let table = try LabelTable(file)
      guard let words = Self.captionColumn(table),
        let name = LabelTable.fileColumns.first(where: table.names.contains)
      else {
        throw .badTable(
          path: file.path,
          reason: "it needs a column of files (\(LabelTable.fileColumns[0])) and one of captions (caption)")
      }
      hasParts = table.names.contains(PartColumn.name)
      rows = try table.rows.enumerated().map { (index, row) throws(DatasetError) in
        // Behind the line of titles, where there is one.
        let line = index + (file.pathExtension.lowercased() == "jsonl" ? 1 : 2)
        return try Self.row(row[name] ?? "", row[words] ?? "", row[PartColumn.name], line, file)
      }
      return
    }
    let text = try LabelTable.text(of: file)
    if let rows = Self.tokens(text) {
      hasParts = false
      self.rows = try rows.map { (row) throws(DatasetError) in try Self.row(row.0, row.1, nil, row.2, file) }
      return
    }
    let cells = try LabelTable.cells(of: text, path: file.path)
      .filter { $0.cells.contains { !$0.trimmingCharacters(in: .whitespaces).isEmpty } }
    try Self.refuseSwallowedRows(cells, file)
    guard let first = cells.first else { throw .badTable(path: file.path, reason: "it has no rows") }
    let columns = Columns(first.cells, next: cells.dropFirst().first?.cells)
    hasParts = columns.part != nil
    let body = Array(columns.hasTitles ? cells.dropFirst() : cells[...])
    let counting = columns.counting(body.map(\.cells))
    rows = try body.map { (line, row) throws(DatasetError) in
      guard row.count > max(columns.file, columns.part ?? 0, 1) else {
        throw .badTable(
          path: file.path,
          reason: "line \(line) is not the name of a file and words, with a comma, semicolon or tab between")
      }
      let words = columns.words(of: row, without: counting)
      return try Self.row(row[columns.file], words, columns.part.map { row[$0] }, line, file)
    }
  }

  private static func row(
    _ name: String, _ words: String, _ part: String?, _ line: Int, _ file: URL
  ) throws(DatasetError) -> Row {
    let name = name.trimmingCharacters(in: .whitespaces)
    // A name that climbs out of the folder is nobody's image.
    guard !name.isEmpty, !name.split(separator: "/").contains(".."), !name.hasPrefix("/") else {
      throw .badTable(path: file.path, reason: "line \(line) names the file '\(name)'")
    }
    return Row(file: name, words: TaggedImageSet.words(of: words), part: part)
  }

  /// Refuses a cell with a line break in which further lines name images: two stray quotes made one cell of the rows
  /// between them.
  private static func refuseSwallowedRows(
    _ rows: [LabelTable.Line], _ file: URL
  ) throws(DatasetError) {
    for (line, cells) in rows {
      for cell in cells {
        let within = cell.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropFirst()
        for inner in within {
          guard let end = inner.firstIndex(where: { ",;\t".contains($0) }),
            ImageFolders.isImage(inner[..<end].trimmingCharacters(in: .whitespaces))
          else { continue }
          throw .badTable(
            path: file.path,
            reason:
              "a cell that begins in line \(line) with a quote goes on over the row of \(inner[..<end]); close the "
              + "quote in its line, or double it")
        }
      }
    }
  }

  /// Rows `name.jpg#0<TAB>caption`; nil where lines have another form.
  private static func tokens(_ text: String) -> [(String, String, Int)]? {
    var rows: [(String, String, Int)] = []
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    where !line.isEmpty {
      guard let tab = line.firstIndex(of: "\t"), let mark = line[..<tab].lastIndex(of: "#"),
        ImageFolders.isImage(String(line[..<mark])),
        line[line.index(after: mark)..<tab].allSatisfy(\.isNumber)
      else { return nil }
      rows.append((String(line[..<mark]), String(line[line.index(after: tab)...]), number + 1))
    }
    return rows.isEmpty ? nil : rows
  }

  /// Which cells of a row are what.
  private struct Columns {
    let hasTitles: Bool
    let file: Int
    /// The column that divides the rows into parts.
    let part: Int?
    /// Columns that are called words; empty: all others are words.
    let named: [Int]
    let titles: Int

    init(_ first: [String], next: [String]?) {
      func picture(_ cells: [String]) -> Int? {
        cells.firstIndex { ImageFolders.isImage($0.trimmingCharacters(in: .whitespaces)) }
      }
      let names = first.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
      titles = first.count
      // A first line that names an image is no line of titles.
      hasTitles = picture(first) == nil
      guard hasTitles else {
        (file, part, named) = (picture(first) ?? 0, nil, [])
        return
      }
      file =
        LabelTable.fileColumns.lazy.compactMap { names.firstIndex(of: $0) }.first
        ?? next.flatMap(picture) ?? 0
      part = names.firstIndex(of: PartColumn.name)
      named = first.count > 2 ? names.indices.filter { wordColumns.contains(names[$0]) } : []
    }

    /// Columns that number the rows, or the captions of each image, from 0 or 1. Other whole numbers are tags.
    func counting(_ rows: [[String]]) -> Set<Int> {
      let width = rows.map(\.count).min() ?? 0
      var seen: [String: Int] = [:]
      var places: [Int] = []
      if file < width {
        for row in rows {
          let place = seen[row[file], default: 0]
          places.append(place)
          seen[row[file]] = place + 1
        }
      }
      // Of images with one caption each, a column of zeros may as well be a tag.
      let hasSeveral = seen.values.contains { $0 > 1 }
      return Set(
        (0..<width).filter { column in
          guard column != file else { return false }
          let numbers = rows.compactMap { Int($0[column].trimmingCharacters(in: .whitespaces)) }
          guard numbers.count == rows.count else { return false }
          return [0, 1].contains { start in
            numbers == rows.indices.map { $0 + start } || hasSeveral && numbers == places.map { $0 + start }
          }
        })
    }

    /// The words of a row. What stands behind the last title belongs to the last column: a caption with commas
    /// that is not in quotes.
    func words(of row: [String], without counting: Set<Int>) -> String {
      row.indices.filter { column in
        if column == file || column == part { return false }
        if named.isEmpty { return row.count - counting.count < 2 || !counting.contains(column) }
        return named.contains(column) || column >= titles && named.contains(titles - 1)
      }.map { row[$0] }.joined(separator: ", ")
    }
  }
}
