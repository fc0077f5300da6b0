public import AtelierMetrics
import AtelierTraining
import Foundation

/// Measured numbers side by side: a row a measure, a column a run or a baseline.
public struct EvaluationTable: Sendable, Hashable, Codable {
  /// What one measure gives for every column.
  public struct Row: Sendable, Hashable, Codable {
    /// The measure and its unit.
    public var measure: String
    /// All that somebody needs to measure it again.
    public var protocolText: String
    /// Which way is better.
    public var better: Better
    /// The values in the order of the columns; nil where the measure does not apply.
    public var values: [Double?]
    /// The bounds of each value's 95 % interval, where it has one.
    public var intervals: [[Double]?]

    /// A row.
    public init(
      _ measure: String, protocolText: String, better: Better, values: [Double?],
      intervals: [[Double]?]? = nil
    ) {
      self.measure = measure
      self.protocolText = protocolText
      self.better = better
      self.values = values
      self.intervals = intervals ?? values.map { _ in nil }
    }
  }

  /// What is compared: the direction, the data, how many images.
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
    switch row.better {
    case .larger: row.measure + " ↑"
    case .smaller: row.measure + " ↓"
    case .neither: row.measure
    }
  }

  /// The values of a row as they are printed.
  func cells(of row: Row) -> [String] {
    let best = bestRun(of: row)
    return row.values.enumerated().map { place, value in
      value.map { short($0) + (place == best ? "*" : "") } ?? "–"
    }
  }

  /// The place of the best run, where several are compared.
  package func bestRun(of row: Row) -> Int? {
    guard runs > 1, row.better != .neither else { return nil }
    let values = row.values.prefix(runs).enumerated().compactMap { place, value in value.map { (place, $0) } }
    guard values.count > 1 else { return nil }
    return (row.better == .larger ? values.max { $0.1 < $1.1 } : values.min { $0.1 < $1.1 })?.0
  }
}

/// In JSON the better way is `largerIsBetter`: true, false, or absent where neither is.
extension EvaluationTable.Row {
  private enum Key: String, CodingKey { case measure, protocolText, largerIsBetter, values, intervals }

  /// Reads a row.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    let larger = try keys.decodeIfPresent(Bool.self, forKey: .largerIsBetter)
    self.init(
      try keys.decode(String.self, forKey: .measure),
      protocolText: try keys.decode(String.self, forKey: .protocolText),
      better: larger.map { $0 ? .larger : .smaller } ?? .neither,
      values: try keys.decode([Double?].self, forKey: .values),
      intervals: try keys.decode([[Double]?].self, forKey: .intervals))
  }

  /// Writes a row.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: Key.self)
    try keys.encode(measure, forKey: .measure)
    try keys.encode(protocolText, forKey: .protocolText)
    if better != .neither { try keys.encode(better == .larger, forKey: .largerIsBetter) }
    try keys.encode(values, forKey: .values)
    try keys.encode(intervals, forKey: .intervals)
  }
}
