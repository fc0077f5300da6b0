import Atelier
import AtelierTraining
import Foundation
import TestSupport
import Testing

/// What is said of a run: report, page, card, comparison, forecast.
@Suite(.serialized) struct ReportTests {
  private func run(
    _ changes: [String: ConfigurationValue] = [:], steps: Int = 3, in folder: TemporaryFolder
  ) throws -> RunDirectory {
    if !FileManager.default.fileExists(atPath: folder("data").path) {
      try TinyData.writeClassFolders(to: folder("data"), classes: ["cat <b>", "dog"])
    }
    var options = SystemHarness.options(steps: steps)
    options.previewEvery = 2
    return try SystemHarness(ToySystem.self, changes, data: folder("data")).train(
      in: folder("runs"), options: options)
  }

  private let number = MeasuredNumber(
    id: "error", name: "error", value: 0.25, interval: ConfidenceInterval(lower: 0.2, upper: 0.3),
    better: .smaller, baselines: [BaselineNumber(name: "mean", value: 0.5)], provenance: ["part": "test"],
    protocolText: "a test")

  @Test func theReportForProgramsHoldsTheFactsOfTheOneForPeople() throws {
    let folder = try TemporaryFolder()
    let run = try run(in: folder)
    try Report(run).add([number], step: 3)
    let value = try JSONDecoder().decode(ConfigurationValue.self, from: Data(contentsOf: run.reportData))
    guard case .table(let facts) = value, case .table(let training)? = facts["training"],
      case .table(let data)? = facts["data"], case .list(let classes)? = data["classes"],
      case .list(let numbers)? = facts["numbers"], case .table(let first)? = numbers.first
    else {
      Issue.record("\(value)")
      return
    }
    #expect(facts["system"] == "toy" && facts["format"] == 1 && training["steps"] == 3)
    // 5 × 64 weights and 64 biases.
    #expect(training["parameters"] == 384)
    #expect(classes.first == .table(["label": 0, "name": "cat <b>", "examples": 6]))
    #expect(first["name"] == "error" && first["interval"] == [0.2, 0.3])
    let text = try String(contentsOf: run.report, encoding: .utf8)
    for part in ["| steps | 3 |", "| 0 | cat <b> | 6 |", "0.2500 (0.2000 … 0.3000)", "learningRate"] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func thePageNeedsNothingElse() throws {
    let folder = try TemporaryFolder()
    let run = try run(steps: 5, in: folder)
    try Report(run).add([number], step: 5)
    try Audio(sampleRate: 8000, samples: [0, 0.5, -0.5, 0])
      .write(to: run.samples.appendingPathComponent("step-000005-tone.wav"))
    let page = try String(contentsOf: RunPage(run).write(), encoding: .utf8)
    for part in [
      "<svg", "<polyline", "data:image/png;base64,", "<audio controls", "data:audio/wav;base64,",
      "media-src data:",
      "0.2500 (0.2000 … 0.3000)", "Step 5", "gradient",
    ] { #expect(page.localizedCaseInsensitiveContains(part), "\(part)") }
    for part in ["<script", "http://", "https://", "src=\"samples", "<link"] {
      #expect(!page.contains(part), "\(part)")
    }
  }

  @Test func curvesForgetWhatAResumptionMadeVoid() throws {
    func event(_ kind: RunEvent.Kind, _ step: Int, _ value: Double? = nil) -> RunEvent {
      RunEvent(kind, step: step, epoch: 0, values: value.map { ["loss": $0] })
    }
    let curves = RunCurves([
      event(.step, 1, 5), event(.step, 2, 4), event(.step, 3, 9), event(.resume, 2), event(.step, 3, 3),
      event(.validation, 3, 7), event(.rollback, 1), event(.step, 2, .nan), event(.step, 3, 2),
    ])
    #expect(curves.groups.map(\.title) == ["Losses and what was observed"])
    let points = try #require(curves.groups.first?.curves.first?.points)
    #expect(points.map(\.step) == [1, 2, 3] && points[2].value == 2 && points[1].value.isNaN)
    let chart = try RunCurves.svg(#require(curves.groups.first?.curves.first))
    #expect(chart.contains("1 not finite") && !chart.contains("nan,"))
    var long = RunCurves.Curve(name: "a & b")
    for step in 0..<5000 { long.add(step, step == 1234 ? 100 : 0) }
    let thin = RunCurves.svg(long)
    #expect(thin.split(separator: " ").count < 600 && thin.contains("a &amp; b") && thin.contains(",8.0"))
  }

  @Test func theCardHoldsRecordedFactsAndSaysWhatIsNotRecorded() throws {
    let folder = try TemporaryFolder()
    let run = try run(in: folder)
    func card() throws -> String {
      try ModelCard(ToySystem.self, ModelFile.describe(modelFile(at: run.url)), RunFacts(run)).text
    }
    let before = try card()
    #expect(before.contains("Knows the classes"))
    for part in ["Nothing was measured.", "No licence", "not recorded", "cat <b>, dog", "12 examples"] {
      #expect(before.contains(part), "\(part)")
    }
    try Report(run).add([number], step: 3)
    let after = try card()
    for part in ["0.2500 (0.2000 … 0.3000)", "Measured on: test.", "step-000003"] {
      #expect(after.contains(part), "\(part)")
    }
    #expect(!after.contains("Nothing was measured"))
    var imported = try ModelFile.describe(modelFile(at: run.url))
    imported.data.notes = ["The licence of the imported weights: for research only."]
    #expect(try ModelCard(ToySystem.self, imported).text.contains("for research only"))
  }

  @Test func aComparisonShowsOnlyKeysThatDiffer() throws {
    let folder = try TemporaryFolder()
    let one = try run(["learningRate": 0.01], in: folder)
    let other = try run(["learningRate": 0.02], steps: 4, in: folder)
    try Report(one).add([number], step: 3)
    var better = number
    (better.value, better.provenance["part"]) = (0.125, "validation")
    try Report(other).add([better], step: 4)
    let comparison = try RunComparison([one, other])
    #expect(comparison.differences.map(\.key) == ["steps done", "learningRate", "steps"])
    #expect(comparison.differences[1].values == [0.01, 0.02])
    #expect(comparison.runs == ["toy-001", "toy-002"])
    #expect(comparison.numbers.rows.first?.values.prefix(2) == [0.25, 0.125])
    let text = comparison.text
    #expect(text.contains("part test and validation") && !text.contains("latentSize"))
  }
}
