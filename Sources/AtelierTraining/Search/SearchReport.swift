import AtelierCore
public import AtelierGeneration
import AtelierMetrics
public import Foundation
import Torch

/// The folder of a search and where things lie in it.
///
/// ```
/// runs/search-dcgan-photos-001/
///   search.json       where the search stands
///   trial-001/        an ordinary run, and so on
///   logs/             what each trial's programs said
///   configurations/   the keys that each trial was given
///   report.md         the table; search.html draws it
///   best.yaml         the best configuration, as `train --configuration` takes it
/// ```
public struct SearchFolder: Sendable, Hashable {
  /// The folder.
  public let url: URL

  /// A folder, whatever is in it.
  public init(_ url: URL) { self.url = url.standardizedFileURL }

  /// `search.json`
  public var state: URL { url.appendingPathComponent("search.json") }
  /// What keeps a second process out.
  public var lock: URL { url.appendingPathComponent(".lock") }
  /// `report.md`
  public var report: URL { url.appendingPathComponent("report.md") }
  /// `search.html`
  public var page: URL { url.appendingPathComponent("search.html") }
  /// `best.yaml`
  public var best: URL { url.appendingPathComponent("best.yaml") }
  /// `configurations/`
  public var configurations: URL { url.appendingPathComponent("configurations", isDirectory: true) }
  /// `logs/`
  public var logs: URL { url.appendingPathComponent("logs", isDirectory: true) }
  /// What judges the trials' images, the same for all.
  public var classifier: URL { url.appendingPathComponent("classifier.safetensors") }
  /// A trial's run.
  public func run(of trial: SearchTrial) -> URL { url.appendingPathComponent(trial.name, isDirectory: true) }
  /// The keys that a trial is given.
  public func configuration(of trial: SearchTrial) -> URL {
    configurations.appendingPathComponent(trial.name + ".yaml")
  }
  /// What a trial's programs said.
  public func log(of trial: SearchTrial) -> URL { logs.appendingPathComponent(trial.name + ".log") }
}

/// What a search found: a table for terminals and reports, a page, and the best configuration.
public struct SearchReport {
  private let state: SearchState
  private let folder: SearchFolder

  /// The report of a search.
  public init(_ state: SearchState, in folder: SearchFolder) {
    self.state = state
    self.folder = folder
  }

  private var plan: SearchPlan { state.plan }
  private var head: [String] {
    ["trial"] + plan.space.keys + ["step", state.number ?? plan.measure, "state"]
  }

  private func cells(_ trial: SearchTrial) -> [String] {
    let word =
      trial.failure.map { "failed: \($0)" } ?? trial.present.map { "under way to \(plan.budget.text($0))" }
      ?? (trial.number == state.best?.number ? "best" : "")
    var cells = [String(trial.number)]
    cells += plan.space.keys.map { trial.values[$0]?.description ?? "–" }
    cells.append(trial.newest.map { String($0.step) } ?? "–")
    cells.append(trial.newest.map { short($0.value) } ?? "–")
    return cells + [word]
  }

  private var rows: [[String]] { state.ranking.map(cells) }

  /// Which way is better, how many trials there are, and what the best is.
  public var summary: String {
    let measured = state.trials.count { $0.newest != nil }
    let failed = state.trials.count { $0.failure != nil }
    let way = state.better.map { " (\($0.rawValue) is better)" } ?? ""
    var text = "\(state.trials.count) of \(plan.trials) trials, \(measured) measured by \(plan.measure)\(way)"
    if failed > 0 { text += ", \(failed) failed" }
    return text
  }

  /// The table for a terminal, the best trial first.
  public var text: String {
    let all = [head] + rows
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    let lines = all.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
    }
    return lines.joined(separator: "\n") + "\n\n" + summary
  }

  /// Writes `report.md`, `search.html` and, once a trial was measured, `best.yaml`.
  public func write() throws {
    try AtomicFile.write(Data(markdown.utf8), to: folder.report)
    try AtomicFile.write(Data(page.utf8), to: folder.page)
    if let best = state.best { try AtomicFile.write(Data(try configuration(best).utf8), to: folder.best) }
  }

  /// Every key that the best trial was trained with.
  private func configuration(_ trial: SearchTrial) throws -> String {
    let run = RunDirectory(url: folder.run(of: trial))
    let trained = try RunConfiguration.read(run.configuration)
    let keys = trained.keys.map { (key: $0, value: trained.configuration[$0] ?? .null) }
    return ConfigurationFile.text(
      keys,
      comment: """
        \(trial.name), the best of \(state.trials.count) trials of \(plan.system): \(state.number ?? "") \
        \(short(trial.newest?.value ?? .nan)) after \(trial.newest?.step ?? 0) steps.
        It takes part in a training as its configuration, without a preset.
        """)
  }

  private var facts: [(String, String)] {
    var rows = [
      ("system", plan.system + (plan.preset.map { ", preset \($0)" } ?? "")), ("data", plan.data ?? "none"),
      (
        "method", plan.method.rawValue + (plan.method == .halving ? ", one of \(plan.reduction) goes on" : "")
      ),
      ("measured by", plan.measure + (state.number.map { ", \($0)" } ?? "") + " on the validation part"),
      ("budget of a trial", plan.budget.rungs.indices.map(plan.budget.text).joined(separator: ", ")),
      ("seed", String(plan.seed)), ("trials", summary),
    ]
    if !plan.configuration.isEmpty || !plan.changes.isEmpty {
      let shared =
        plan.configuration.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + plan.changes
      rows.append(("keys of all trials", shared.joined(separator: ", ")))
    }
    if !plan.options.isEmpty { rows.append(("options of all trials", plan.options.joined(separator: " "))) }
    return rows
  }

  private var markdown: String {
    var lines = ["# \(folder.url.lastPathComponent)", ""] + Markdown.table("Search", facts)
    lines += ["## Trials", "", "| " + head.map(Markdown.escaped).joined(separator: " | ") + " |"]
    lines.append("|" + String(repeating: "---|", count: head.count))
    lines += rows.map { "| " + $0.map(Markdown.escaped).joined(separator: " | ") + " |" }
    return (lines + ["", "[The trials as lines](search.html)", ""]).joined(separator: "\n")
  }

  private var page: String {
    let title = "Search \(folder.url.lastPathComponent)"
    var body = ["<h1>\(HTML.escaped(title))</h1>", HTML.table(facts)]
    if let drawing = ParallelCoordinates(state) {
      body += [
        "<h2>Trials</h2><p class=\"note\">A line a trial: orange ones are better, blue ones worse, the best is thick. "
          + "Pointing at a line names it.</p>",
        drawing.svg(goodness: goodness),
      ]
    }
    body.append(
      "<table><tr>" + head.map { "<th>\(HTML.escaped($0))</th>" }.joined() + "</tr>"
        + rows.map { row in "<tr>" + row.map { "<td>\(HTML.escaped($0))</td>" }.joined() + "</tr>" }.joined()
        + "</table>")
    return HTML.document(
      title, body.joined(separator: "\n"),
      style: """
        svg .axis { font-weight: 600; }
        svg polyline.trial { stroke-width: 1.5; opacity: .75; }
        svg polyline.best { stroke-width: 3.5; opacity: 1; }
        svg polyline.trial:hover { stroke-width: 5; opacity: 1; }
        """)
  }

  /// By its place among the measured trials, so that one very bad trial does not make all others look alike.
  private var goodness: [Double] {
    let ranked = state.ranking.filter { $0.newest != nil }.map(\.number)
    return state.trials.filter { $0.newest != nil }.map { trial in
      guard ranked.count > 1, let place = ranked.firstIndex(of: trial.number) else { return 1 }
      return 1 - Double(place) / Double(ranked.count - 1)
    }
  }
}
