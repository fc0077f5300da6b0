package import Foundation

/// Rows of texts by the names of their columns: a table in CSV, TSV or JSON lines, or plain text with one document a
/// line, which then has the column `text`.
///
/// A folder has the files `train`, `valid` (or `val`, `validation`) and `test` in one of these forms. A single file, or
/// a folder with `train` alone, is divided by a column `split`, or else by number: of every twenty rows the
/// nineteenth is for validation, and the last for tests.
package struct TextTable {
  private static let endings = ["jsonl", "csv", "tsv", "txt"]

  /// The name of the folder or file.
  let name: String
  /// The file that the rows come from.
  let path: String
  /// The columns.
  let columns: [String]
  /// The cells by row; a missing or empty cell is absent.
  let rows: [[String: String]]
  /// See ``contentFingerprint(of:)``.
  let fingerprint: String

  /// The rows of a part.
  ///
  /// - Throws: ``DatasetError`` that names the file; ``DatasetError/missingSplit(path:split:reason:)`` for a part
  ///   without rows.
  package init(_ place: URL, _ split: DatasetSplit) throws(DatasetError) {
    guard FileManager.default.fileExists(atPath: place.path) else { throw .notFound(path: place.path) }
    name = place.lastPathComponent
    var file = place
    var isDivided = true
    if ImageFolders.isFolder(place) {
      guard let train = Self.file(["train"], in: place) else {
        throw .unknownLayout(
          path: place.path, lookedFor: ["train.jsonl, train.csv, train.tsv or train.txt, and test beside it"])
      }
      let second = Self.file(["valid", "val", "validation"], in: place)
      let third = Self.file(["test"], in: place)
      isDivided = second == nil && third == nil
      switch split {
      case .train: file = train
      case .validation: file = second ?? third ?? train
      case .test: file = third ?? second ?? train
      }
    }
    path = file.path
    let text = try LabelTable.text(of: file)
    fingerprint = contentFingerprint(of: Array(text.utf8))
    let all: [[String: String]]
    if file.pathExtension.lowercased() == "txt" {
      columns = ["text"]
      all = text.split(whereSeparator: \.isNewline).map { ["text": String($0)] }
    } else {
      let table = try LabelTable(file)
      (columns, all) = (table.names, table.rows.map { row in row.filter { !$0.value.isEmpty } })
    }
    guard isDivided else {
      rows = all
      return
    }
    let hasParts = columns.contains("split")
    rows = all.enumerated().filter { index, row in
      (hasParts ? Self.part(row["split"]) : Self.part(index)) == split
    }.map(\.element)
    guard !rows.isEmpty else {
      throw .missingSplit(
        path: file.path, split: split, reason: "none of its \(all.count) rows belongs to it")
    }
  }

  private static func file(_ names: [String], in folder: URL) -> URL? {
    let present = listing(of: folder, withImages: false)
    for name in names {
      for ending in endings where present.contains("\(name).\(ending)") {
        return folder.appendingPathComponent("\(name).\(ending)")
      }
    }
    return nil
  }

  private static func part(_ index: Int) -> DatasetSplit {
    switch index % 20 {
    case 18: .validation
    case 19: .test
    default: .train
    }
  }

  private static func part(_ cell: String?) -> DatasetSplit? {
    switch cell?.lowercased() {
    case "train", "training": .train
    case "valid", "val", "validation", "dev": .validation
    case "test": .test
    default: nil
    }
  }

  /// Refuses a table that lacks a column.
  ///
  /// - Throws: ``DatasetError/badTable(path:reason:)`` with the columns that it has.
  func require(_ column: String) throws(DatasetError) {
    guard columns.contains(column) else {
      throw .badTable(
        path: path, reason: "it has no column '\(column)'; it has \(columns.joined(separator: ", "))")
    }
  }
}
