public import AtelierCore
public import AtelierGeneration
import AtelierMetrics
public import AtelierTraining
import Foundation

/// Several runs side by side: the keys in which they differ, and their final numbers.
public struct RunComparison: Sendable, Encodable {
  /// A key that has not the same value in all runs.
  public struct Difference: Sendable, Hashable, Encodable {
    /// The key; one inside a table stands behind its table and a point.
    public var key: String
    /// The values in the order of the runs; nil where a run does not have the key.
    public var values: [ConfigurationValue?]
  }

  /// The runs' names.
  public let runs: [String]
  /// What is recorded of each.
  public let facts: [RunFacts]
  /// The keys that differ: what was trained on what, the system's configuration, then the options.
  public let differences: [Difference]
  /// The numbers, a row each.
  public let numbers: EvaluationTable

  /// Compares runs.
  ///
  /// - Parameter runs: at least two.
  /// - Throws: ``TrainingError`` for a run that cannot be read.
  public init(_ runs: [RunDirectory]) throws {
    facts = try runs.map { try RunFacts($0) }
    self.runs = Self.names(of: runs)
    let tables = facts.map(Self.table)
    var keys: [String] = []
    for key in tables.flatMap({ $0.map(\.key) }) where !keys.contains(key) { keys.append(key) }
    let byKey = tables.map { Dictionary($0.map { ($0.key, $0.value) }) { first, _ in first } }
    differences = keys.compactMap { key in
      let values = byKey.map { $0[key] }
      return Set(values).count > 1 ? Difference(key: key, values: values) : nil
    }
    var table = try EvaluationTable(
      title: "Numbers", runs: zip(self.runs, facts).map { ($0, $1.numbers) }, allowsDifferences: true)
    table.notes += Self.unlike(zip(self.runs, facts).map { ($0, $1.numbers) })
    numbers = table
  }

  /// The runs' own names; with their folders' where two have one name.
  private static func names(of runs: [RunDirectory]) -> [String] {
    let names = runs.map(\.name)
    guard Set(names).count < names.count else { return names }
    return runs.map { "\($0.url.deletingLastPathComponent().lastPathComponent)/\($0.name)" }
  }

  private static func table(_ facts: RunFacts) -> [(key: String, value: ConfigurationValue)] {
    var rows: [(key: String, value: ConfigurationValue)] = [("system", .string(facts.system))]
    rows.append(("preset", facts.preset.map(ConfigurationValue.string) ?? .null))
    if let data = facts.data {
      rows += [
        ("data", .string(data.name)), ("data.examples", .integer(data.examples)),
        ("data.fingerprint", .string(data.fingerprint)),
      ]
    }
    rows.append(("began with", facts.transfer.map { .string($0.hash) } ?? .null))
    if let training = facts.training { rows.append(("steps done", .integer(training.steps))) }
    for table in [facts.configuration, facts.options] {
      for (key, value) in table.sorted(by: { $0.key < $1.key }) { rows += flattened(key, value) }
    }
    return rows
  }

  /// Tables key by key, so that only what differs in them is shown.
  private static func flattened(
    _ key: String, _ value: ConfigurationValue
  ) -> [(key: String, value: ConfigurationValue)] {
    guard case .table(let table) = value, !table.isEmpty else { return [(key, value)] }
    return table.sorted { $0.key < $1.key }.flatMap { flattened("\(key).\($0.key)", $0.value) }
  }

  /// Which numbers of one name were measured differently, a sentence each.
  private static func unlike(_ runs: [(name: String, numbers: [MeasuredNumber])]) -> [String] {
    guard let first = runs.first else { return [] }
    var notes: [String] = []
    for number in first.numbers {
      for other in runs.dropFirst() {
        guard let same = other.numbers.first(where: { $0.id == number.id && $0.name == number.name }) else {
          continue
        }
        let fields = number.differences(from: same)
        guard !fields.isEmpty else { continue }
        notes.append(
          "'\(number.name)' was measured differently of \(first.name) and \(other.name): "
            + fields.map { "\($0) \(number.provenance[$0] ?? "none") and \(same.provenance[$0] ?? "none")" }
            .joined(separator: ", ") + "; these two do not compare.")
      }
    }
    return notes
  }

  /// The comparison for a terminal.
  public var text: String {
    let cells = differences.map { difference in
      [difference.key] + difference.values.map { $0?.description ?? "–" }
    }
    let training = [
      ["wall time"] + facts.map { $0.training.map { Self.duration($0.seconds) } ?? "–" },
      ["peak memory, MiB"] + facts.map { $0.training.map { String($0.peakMemory / 1_048_576) } ?? "–" },
      ["best step"] + facts.map { $0.validation?.bestStep.map(String.init) ?? "–" },
    ]
    var text = "Keys that differ\n\n" + Self.grid([[""] + runs] + (cells.isEmpty ? [["none"]] : cells))
    text += "\n\nTraining\n\n" + Self.grid([[""] + runs] + training)
    guard !numbers.rows.isEmpty else {
      return text + "\n\nNothing was measured yet: `atelier evaluate` does."
    }
    return text + "\n\n" + numbers.text
  }

  private static func duration(_ seconds: Double) -> String {
    seconds < 120 ? "\(Int(seconds.rounded())) s" : "\(Int((seconds / 60).rounded())) min"
  }

  private static func grid(_ rows: [[String]]) -> String {
    let longest = 48
    let rows = rows.map { $0.map { $0.count > longest ? String($0.prefix(longest - 1)) + "…" : $0 } }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { place, cell in
        place == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[place] - cell.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
