import AtelierData
public import AtelierGeneration
import AtelierMetrics
public import Foundation
import Torch

/// A run on one page: facts, curves, previews and numbers in one HTML file that needs nothing else, no server, no
/// script, no font, no network.
public struct RunPage {
  private let run: RunDirectory
  /// Steps whose previews are shown, spread over the run; the newest is among them.
  private let shownSteps: Int

  /// The page of a run.
  public init(_ run: RunDirectory, shownSteps: Int = 8) {
    self.run = run
    self.shownSteps = max(1, shownSteps)
  }

  /// Writes `report.html` into the run, or another file.
  ///
  /// - Returns: the file.
  /// - Throws: ``TrainingError`` for a run that cannot be read, and file errors.
  @discardableResult
  public func write(to file: URL? = nil) throws -> URL {
    let file = file ?? run.page
    try AtomicFile.write(Data(try text().utf8), to: file)
    return file
  }

  /// The page.
  public func text() throws -> String {
    let facts = try RunFacts(run)
    let title = "\(facts.name)"
    let events =
      FileManager.default.fileExists(atPath: run.events.path) ? try EventLog.read(run.events) : []
    var body = ["<h1>\(HTML.escaped(title))</h1>", HTML.table(overview(facts))]
    for group in RunCurves(events).groups {
      body.append("<h2>\(HTML.escaped(group.title))</h2><div class=\"row\">")
      body += group.curves.map { curve in
        RunCurves.svg(
          curve, marked: curve.name == facts.validation?.number ? facts.validation?.bestStep : nil)
      }
      body.append("</div>")
    }
    body += numbers(facts.numbers) + (try previews()) + remarks(facts, events)
    let written = try String(contentsOf: run.configuration, encoding: .utf8)
    body.append(
      "<details><summary>Configuration</summary><pre>\(HTML.escaped(written))</pre></details>")
    return HTML.document(title, body.joined(separator: "\n"))
  }

  private func overview(_ facts: RunFacts) -> [(String, String)] {
    var rows = [("system", facts.system + (facts.preset.map { ", preset \($0)" } ?? ""))]
    if let data = facts.data {
      let classes = data.classes.isEmpty ? "" : ", \(data.classes.count) classes"
      rows.append(("data", "\(data.name), \(data.examples) examples\(classes)"))
    }
    if let training = facts.training {
      rows += [
        ("steps", "\(training.steps), \(fixed(training.passes, 2)) passes over the data"),
        ("wall time", duration(training.seconds)),
        ("most memory", "\(fixed(Double(training.peakMemory) / 1_048_576, 0)) MiB"),
      ]
      if let parameters = training.parameters {
        rows.append(("weights and running statistics", String(parameters)))
      }
    }
    if let transfer = facts.transfer, let first = transfer.lines.first { rows.append(("began with", first)) }
    if let validation = facts.validation, let best = validation.best {
      rows.append(
        (
          "best checkpoint",
          "step \(validation.bestStep ?? 0): \(validation.number) \(short(best)) on \(validation.part)"
        ))
    }
    if let machine = facts.machine {
      rows.append(
        (
          "machine",
          "\(machine.processor), \(machine.device), \(machine.precision), libtorch \(machine.libtorch)"
        ))
    }
    return rows
  }

  private func numbers(_ numbers: [MeasuredNumber]) -> [String] {
    guard !numbers.isEmpty else { return [] }
    let rows = numbers.map { number in
      "<tr><td>\(HTML.escaped(number.name))</td><td>\(HTML.escaped(number.withInterval))</td>"
        + "<td>\(HTML.escaped(number.comparisons.joined(separator: ", ")))</td>"
        + "<td class=\"note\">\(HTML.escaped(number.protocolText))</td></tr>"
    }
    return [
      "<h2>Numbers</h2><table><tr><th>measure</th><th>value</th><th>beside it</th><th>protocol</th></tr>"
        + rows.joined() + "</table>"
    ]
  }

  /// The largest sound within the page, in bytes: a minute and a half at 22 kHz.
  private static let largestSound = 4_000_000

  /// The previews of some steps, the images and sounds within the page.
  private func previews() throws -> [String] {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: run.samples.path)) ?? []).sorted()
    var files: [Int: [String]] = [:]
    for name in names where name.hasPrefix("step-") {
      if let step = RunFacts.stepNumber(name) { files[step, default: []].append(name) }
    }
    let steps = files.keys.sorted()
    guard !steps.isEmpty else { return [] }
    let count = min(shownSteps, steps.count)
    let shown = (0..<count).map { steps[count == 1 ? steps.count - 1 : $0 * (steps.count - 1) / (count - 1)] }
    var body = ["<h2>Previews</h2>"]
    for step in shown {
      body.append("<h3>Step \(step)</h3>")
      for name in files[step] ?? [] {
        let file = run.samples.appendingPathComponent(name)
        let content = try Data(contentsOf: file)
        if name.hasSuffix(".png") {
          body.append(
            "<img alt=\"\(HTML.escaped(name))\" src=\"data:image/png;base64,\(content.base64EncodedString())\">"
          )
        } else if name.hasSuffix(".wav"), content.count <= Self.largestSound {
          body.append(
            "<p class=\"note\">\(HTML.escaped(name)) <audio controls preload=\"metadata\" "
              + "src=\"data:audio/wav;base64,\(content.base64EncodedString())\"></audio></p>")
        } else if let text = String(data: content, encoding: .utf8) {
          body.append("<pre>\(HTML.escaped(String(text.prefix(4000))))</pre>")
        } else {
          body.append("<p class=\"note\">samples/\(HTML.escaped(name))</p>")
        }
      }
    }
    return body
  }

  /// What is to be known, and what went wrong on the way.
  private func remarks(_ facts: RunFacts, _ events: [RunEvent]) -> [String] {
    let kinds: Set<RunEvent.Kind> = [.health, .rollback, .warning, .end]
    let most = 50
    let said = events.filter { kinds.contains($0.type) && $0.message != nil }
    let lines =
      (facts.data?.notes ?? []) + (facts.data?.consent?.sentences ?? [])
      + said.prefix(most).map { "Step \($0.step), \($0.type.rawValue): \($0.message ?? "")" }
      + (said.count > most ? ["… and \(said.count - most) more, see events.jsonl"] : [])
    guard !lines.isEmpty else { return [] }
    return ["<h2>Remarks</h2><ul>" + lines.map { "<li>\(HTML.escaped($0))</li>" }.joined() + "</ul>"]
  }
}
