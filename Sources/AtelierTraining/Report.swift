import AtelierCore
import AtelierData
public import AtelierGeneration
public import AtelierMetrics
import Foundation
import Torch

/// `report.md`: what was trained, on what, where, and what came of it.
///
/// It is made anew from the run's files whenever one of them has changed.
public struct Report {
  private let run: RunDirectory

  /// The report of a run.
  public init(_ run: RunDirectory) { self.run = run }

  /// Writes `report.md`.
  public func write() throws { try AtomicFile.write(Data(try text().utf8), to: run.report) }

  /// Keeps measured numbers beside the run and writes the report anew; numbers of the same name and
  /// protocol are replaced.
  public func add(_ numbers: [MeasuredNumber], step: Int) throws {
    var all = self.numbers
    for number in numbers {
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

  /// What was measured so far.
  public var numbers: [MeasuredNumber] {
    guard let data = try? Data(contentsOf: run.evaluation) else { return [] }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return (try? decoder.decode([MeasuredNumber].self, from: data)) ?? []
  }

  /// The report as Markdown.
  public func text() throws -> String {
    let configuration = try RunConfiguration.read(run.configuration)
    let found = CheckpointStore(run.checkpoints).newestSound()
    var lines = ["# \(run.name)", ""]
    lines += ["\(configuration.system)\(configuration.preset.map { ", preset \($0)" } ?? "").", ""]
    if let checkpoint = found.checkpoint {
      let state = checkpoint.state
      let model = try ModelFile.describe(checkpoint.url.appendingPathComponent(CheckpointStore.modelName))
      lines += [
        "## Training", "", "| | |", "|---|---|", row("steps", String(state.step)),
        row("passes over the data", fixed(state.epoch, 2)), row("wall time", duration(state.seconds)),
        row("most memory", "\(fixed(Double(state.peakMemory) / 1_048_576, 0)) MiB"),
        row("roll-backs", String(state.rollbacks)),
        row("checkpoint", "checkpoints/\(checkpoint.url.lastPathComponent)"), "",
      ]
      lines += data(model.data) + surroundings(state.surroundings)
    }
    lines += measures + samples
    // The file itself, whose keys stand in the system's own order.
    let written = (try? String(contentsOf: run.configuration, encoding: .utf8)) ?? ""
    lines += ["## Configuration", "", "```yaml", written.trimmed, "```", ""]
    return lines.joined(separator: "\n")
  }

  private func data(_ data: DatasetDescription) -> [String] {
    var lines = [
      "## Data", "", "| | |", "|---|---|", row("name", data.name), row("layout", data.layout.rawValue),
    ]
    lines.append(row("examples", String(data.count)))
    if let shape = data.imageShape {
      lines.append(row("images as trained on", shape.map(String.init).joined(separator: " × ")))
    }
    lines += [row("fingerprint", "`\(data.fingerprint)`"), ""]
    lines += data.notes.flatMap { [$0, ""] }
    guard !data.labelHistogram.isEmpty else { return lines }
    lines += ["| label | class | examples |", "|---|---|---|"]
    let mostRows = 100
    for (label, count) in data.labelHistogram.enumerated().prefix(mostRows) {
      let name = data.classNames.indices.contains(label) ? data.classNames[label] : String(label)
      lines.append("| \(label) | \(escaped(name)) | \(count) |")
    }
    if data.labelHistogram.count > mostRows { lines.append("| … | | |") }
    return lines + [""]
  }

  private func surroundings(_ surroundings: Surroundings) -> [String] {
    [
      "## Machine", "", "| | |", "|---|---|", row("processor", processorName),
      row("instruction set", surroundings.cpuCapability), row("threads", String(surroundings.threads)),
      row("device", surroundings.device.description), row("precision", surroundings.precision.rawValue),
      row("libtorch", surroundings.engineVersion), row("Atelier", surroundings.packageVersion),
      row("system", ProcessInfo.processInfo.operatingSystemVersionString), "",
    ]
  }

  private var measures: [String] {
    let numbers = self.numbers
    guard !numbers.isEmpty else { return [] }
    var lines = [
      "## Numbers", "", "| measure | value | real against real, or baselines | protocol |",
      "|---|---|---|---|",
    ]
    for number in numbers {
      let interval = number.interval.map { " (\(short($0.lower)) … \(short($0.upper)))" } ?? ""
      let others =
        (number.realAgainstReal.map { [short($0)] } ?? [])
        + (number.baselines ?? []).map { "\(escaped($0.name)) \(short($0.value))" }
      let real = others.joined(separator: ", ")
      lines.append(
        "| \(escaped(number.name)) | \(short(number.value))\(interval) | \(real) | \(escaped(number.protocolText)) |"
      )
    }
    return lines + [""]
  }

  private var samples: [String] {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: run.samples.path)) ?? []).sorted()
    let steps = names.filter { $0.hasPrefix("step-") }
    guard let newest = steps.compactMap({ stepNumber($0) }).max() else { return [] }
    let prefix = RunDirectory.stepName(newest)
    var lines = ["## Samples", ""]
    for name in steps where name.hasPrefix(prefix) {
      lines += [name.hasSuffix(".png") ? "![\(name)](samples/\(name))" : "[\(name)](samples/\(name))", ""]
    }
    return lines
  }

  private func stepNumber(_ name: String) -> Int? {
    RunDirectory.step(
      ofName: String(name.prefix { $0 != "." }.prefix(5)) + name.dropFirst(5).prefix { $0.isNumber })
  }

  private func row(_ name: String, _ value: String) -> String { "| \(name) | \(escaped(value)) |" }

  private func escaped(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }

  private var processorName: String {
    let cores = "\(ProcessInfo.processInfo.activeProcessorCount) cores"
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    for line in info.split(separator: "\n") where line.hasPrefix("model name") {
      if let name = line.split(separator: ":", maxSplits: 1).last {
        return String(name).trimmed + ", " + cores
      }
    }
    return cores
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
