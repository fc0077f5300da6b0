import AtelierCore
import AtelierData
public import AtelierGeneration
public import AtelierMetrics
public import Foundation
import Torch

/// `report.md` and `report.json`: what was trained, on what, where, and what came of it; the same facts for people
/// and for programs.
///
/// They are made anew from the run's files whenever one of them has changed.
public struct Report {
  private let run: RunDirectory

  /// The report of a run.
  public init(_ run: RunDirectory) { self.run = run }

  /// Writes both files.
  public func write() throws {
    let facts = try RunFacts(run)
    try AtomicFile.write(Data(try text(facts).utf8), to: run.report)
    try AtomicFile.write(try facts.json(), to: run.reportData)
  }

  /// Keeps measured numbers beside the run and writes the report anew; numbers of the same name and
  /// protocol are replaced.
  public func add(_ numbers: [MeasuredNumber], step: Int) throws {
    var all = try self.numbers
    for var number in numbers {
      number.provenance["checkpoint"] = RunDirectory.stepName(step)
      all.removeAll { $0.name == number.name && $0.protocolText == number.protocolText }
      all.append(number)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    try AtomicFile.write(try encoder.encode(all), to: run.evaluation)
    try write()
  }

  /// What was measured so far; empty where nothing was.
  ///
  /// - Throws: ``TrainingError`` for numbers that are there and cannot be read, so that none are written over.
  public var numbers: [MeasuredNumber] {
    get throws(TrainingError) {
      let file = run.evaluation
      guard FileManager.default.fileExists(atPath: file.path) else { return [] }
      let data: Data
      do { data = try Data(contentsOf: file) } catch {
        throw .notFound(path: file.path, reason: "it cannot be read, \(readFailureReason(error, file))")
      }
      let decoder = JSONDecoder()
      decoder.nonConformingFloatDecodingStrategy = .convertFromString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      do { return try decoder.decode([MeasuredNumber].self, from: data) } catch {
        throw .damaged(
          path: file.path,
          reason: "it holds no measured numbers, \(decodingReason(error)); move it away and measure again")
      }
    }
  }

  /// The report as Markdown.
  public func text() throws -> String { try text(RunFacts(run)) }

  private func text(_ facts: RunFacts) throws -> String {
    var lines = ["# \(facts.name)", ""]
    lines += ["\(facts.system)\(facts.preset.map { ", preset \($0)" } ?? "").", ""]
    if let training = facts.training {
      lines += Markdown.table(
        "Training",
        [
          ("steps", String(training.steps)), ("passes over the data", fixed(training.passes, 2)),
          ("wall time", duration(training.seconds)),
          ("most memory", "\(fixed(Double(training.peakMemory) / 1_048_576, 0)) MiB"),
          ("roll-backs", String(training.rollbacks)), ("checkpoint", training.checkpoint),
        ])
    }
    if let transfer = facts.transfer {
      lines += ["## Weights to begin with", ""] + transfer.lines.flatMap { [Markdown.escaped($0), ""] }
    }
    if let validation = facts.validation { lines += Self.validation(validation) }
    if let data = facts.data { lines += Self.data(data) }
    if let machine = facts.machine {
      lines += Markdown.table(
        "Machine",
        [
          ("processor", machine.processor), ("instruction set", machine.instructionSet),
          ("threads", String(machine.threads)), ("device", machine.device), ("precision", machine.precision),
          ("libtorch", machine.libtorch), ("Atelier", machine.atelier), ("system", machine.system),
        ])
    }
    lines += Markdown.numbers(facts.numbers)
    if !facts.samples.isEmpty { lines += ["## Samples", ""] }
    for file in facts.samples {
      let name = URL(fileURLWithPath: file).lastPathComponent
      lines += [name.hasSuffix(".png") ? "![\(name)](\(file))" : "[\(name)](\(file))", ""]
    }
    // The file itself, whose keys stand in the system's own order.
    let written = try String(contentsOf: run.configuration, encoding: .utf8)
    lines += [
      "## Configuration", "", "```yaml", written.trimmingCharacters(in: .whitespacesAndNewlines), "```", "",
    ]
    return lines.joined(separator: "\n")
  }

  private static func validation(_ state: ValidationState) -> [String] {
    let best = state.best.map { "\(short($0)) at step \(state.bestStep ?? 0)" } ?? "never a number"
    return Markdown.table(
      "Validation",
      [
        ("deciding number", "\(state.number) (\(state.better.rawValue) is better)"),
        ("measured on", state.part), ("best", best), ("last measured", "step \(state.step)"),
        ("measurements since the best", String(state.stale)),
      ]) + [
        "The best checkpoint was chosen by this number on \(state.part); numbers below name the part that they were "
          + "measured on.", "",
      ]
  }

  private static func data(_ data: RunFacts.Data) -> [String] {
    var rows = [("name", data.name), ("layout", data.layout), ("examples", String(data.examples))]
    if let shape = data.imageShape {
      rows.append(("images as trained on", shape.map(String.init).joined(separator: " × ")))
    }
    rows.append(("fingerprint", "`\(data.fingerprint)`"))
    var lines = Markdown.table("Data", rows)
    lines += data.notes.flatMap { [$0, ""] }
    lines += (data.consent?.sentences ?? []).flatMap { [Markdown.escaped($0), ""] }
    guard !data.classes.isEmpty else { return lines }
    lines += ["| label | class | examples |", "|---|---|---|"]
    let mostRows = 100
    for row in data.classes.prefix(mostRows) {
      lines.append("| \(row.label) | \(Markdown.escaped(row.name)) | \(row.examples) |")
    }
    if data.classes.count > mostRows { lines.append("| … | | |") }
    return lines + [""]
  }
}

/// What reports and cards write alike.
enum Markdown {
  /// A heading and a table of two columns.
  static func table(_ title: String, _ rows: [(String, String)]) -> [String] {
    ["## \(title)", "", "| | |", "|---|---|"] + rows.map { "| \($0) | \(escaped($1)) |" } + [""]
  }

  /// Measured numbers with their protocols; nothing where there are none.
  static func numbers(_ numbers: [MeasuredNumber], title: String = "Numbers") -> [String] {
    guard !numbers.isEmpty else { return [] }
    var lines = [
      "## \(title)", "", "| measure | value | real against real, or baselines | protocol |",
      "|---|---|---|---|",
    ]
    for number in numbers {
      let others =
        (number.realAgainstReal.map { [short($0)] } ?? [])
        + (number.baselines ?? []).map { "\(escaped($0.name)) \(short($0.value))" }
      lines.append(
        "| \(escaped(number.name)) | \(number.withInterval) | \(others.joined(separator: ", ")) | "
          + "\(escaped(number.protocolText)) |")
    }
    return lines + [""]
  }

  static func escaped(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }
}

extension RunDirectory {
  /// `report.json`, the facts of `report.md` for programs.
  public var reportData: URL { url.appendingPathComponent("report.json") }
  /// `report.html`, the run on one page.
  public var page: URL { url.appendingPathComponent("report.html") }
  /// `card.md`, what somebody needs to know who uses the model.
  public var card: URL { url.appendingPathComponent("card.md") }
}
