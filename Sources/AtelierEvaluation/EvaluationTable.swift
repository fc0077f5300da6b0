public import AtelierTraining
import Foundation

/// Measured numbers side by side: a row a measure, a column a run or a baseline.
public struct EvaluationTable: Sendable, Hashable, Codable {
  /// What one measure gives for every column.
  public struct Row: Sendable, Hashable, Codable {
    /// The measure and its unit.
    public var measure: String
    /// All that somebody needs to measure it again.
    public var protocolText: String
    /// Whether larger is better; nil where neither is.
    public var largerIsBetter: Bool?
    /// The values in the order of the columns; nil where the measure does not apply.
    public var values: [Double?]
    /// The bounds of each value's 95 % interval, where it has one.
    public var intervals: [[Double]?]

    /// A row.
    public init(
      _ measure: String, protocolText: String, largerIsBetter: Bool?, values: [Double?],
      intervals: [[Double]?]? = nil
    ) {
      self.measure = measure
      self.protocolText = protocolText
      self.largerIsBetter = largerIsBetter
      self.values = values
      self.intervals = intervals ?? values.map { _ in nil }
    }
  }

  /// What is compared: the direction, the data, how many pictures.
  public var title: String
  /// The names of the columns, runs first.
  public var columns: [String]
  /// How many of the columns are runs; the others are baselines.
  public var runs: Int
  /// The measures.
  public var rows: [Row]
  /// What could not be measured, and the way to it.
  public var notes: [String]

  /// An empty table.
  public init(title: String, columns: [String], runs: Int, rows: [Row] = [], notes: [String] = []) {
    self.title = title
    self.columns = columns
    self.runs = runs
    self.rows = rows
    self.notes = notes
  }

  /// The table for a terminal; the best run of a row carries a star where there are several.
  public var text: String {
    let head = ["measure"] + columns
    let body = rows.map { row in [Self.title(of: row)] + cells(of: row) }
    let widths = head.indices.map { column in
      ([head] + body).map { $0[column].count }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      cells.enumerated().map { place, cell in
        let blank = String(repeating: " ", count: widths[place] - cell.count)
        return place == 0 ? cell + blank : blank + cell
      }.joined(separator: "  ")
    }
    var lines = [title, "", line(head)] + body.map(line)
    lines += [""] + rows.map { "\($0.measure): \($0.protocolText)" } + notes
    return lines.joined(separator: "\n")
  }

  /// The measure with the direction that is better.
  static func title(of row: Row) -> String {
    row.measure + (row.largerIsBetter.map { $0 ? " ↑" : " ↓" } ?? "")
  }

  /// The values of a row as they are printed.
  func cells(of row: Row) -> [String] {
    let best = bestRun(of: row)
    return row.values.enumerated().map { place, value in
      value.map { short($0) + (place == best ? "*" : "") } ?? "–"
    }
  }

  /// The place of the best run, where several are compared.
  func bestRun(of row: Row) -> Int? {
    guard runs > 1, let largerIsBetter = row.largerIsBetter else { return nil }
    let values = row.values.prefix(runs).enumerated().compactMap { place, value in value.map { (place, $0) } }
    guard values.count > 1 else { return nil }
    return (largerIsBetter ? values.max { $0.1 < $1.1 } : values.min { $0.1 < $1.1 })?.0
  }

  /// The numbers of one run with the baselines, for its report.
  public func numbers(ofRun run: Int) -> [MeasuredNumber] {
    rows.compactMap { row in
      guard row.values.indices.contains(run), let value = row.values[run] else { return nil }
      let baselines = columns.indices.dropFirst(runs).compactMap { place in
        row.values[place].map { BaselineNumber(name: columns[place], value: $0) }
      }
      return MeasuredNumber(
        name: row.measure, value: value, interval: row.intervals[run], baselines: baselines,
        protocolText: "\(title); \(row.protocolText)")
    }
  }
}
