public import AtelierTraining
import Foundation
import Torch

/// `report.md` of several seeds: mean, deviation and interval of every number, then the runs side by side.
public struct SeedReport {
  private let folder: SeedFolder
  private let tables: [EvaluationTable]

  /// The report of a folder of seeds.
  ///
  /// - Parameter tables: the runs' numbers side by side, a column a run, as ``EvaluationTable`` holds them.
  public init(_ folder: SeedFolder, tables: [EvaluationTable]) {
    self.folder = folder
    self.tables = tables
  }

  /// The runs taken together.
  public var together: [EvaluationTable] { tables.compactMap { $0.aggregated() } }

  /// Writes `report.md`, and `evaluation.json` with the runs taken together.
  public func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    try AtomicFile.write(try encoder.encode(together), to: folder.evaluation)
    var lines = ["# \(folder.url.lastPathComponent)", ""]
    lines += [
      "\(folder.seeds.count) runs that differ in their seed: "
        + folder.seeds.map { "[seed-\($0)](seed-\($0)/report.md)" }.joined(separator: ", ") + ".", "",
    ]
    for table in together { lines += ["## Together: \(table.title)", ""] + table.markdown + [""] }
    for table in tables { lines += ["## Each: \(table.title)", ""] + table.markdown + [""] }
    try AtomicFile.write(Data(lines.joined(separator: "\n").utf8), to: folder.report)
  }
}

extension EvaluationTable {
  /// The table in Markdown, then the protocols and notes.
  package var markdown: [String] {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ")
        + " |"
    }
    var lines = [line(["measure"] + columns), "|" + String(repeating: "---|", count: columns.count + 1)]
    lines += rows.map { line([Self.title(of: $0)] + cells(of: $0)) } + [""]
    lines += rows.flatMap { ["\($0.measure): \($0.protocolText)", ""] }
    return lines + notes.flatMap { [$0, ""] }
  }
}
