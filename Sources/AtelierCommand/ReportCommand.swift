import ArgumentParser
import Atelier
import Foundation

/// `atelier report`: what is recorded of a run.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes a run's report anew: report.md, report.json, and a page with --html.",
    discussion: """
      The page is one file with curves, previews and numbers in it; it needs no server, no script and no network.

        atelier report runs/cgan-fashion-001 --html
        atelier report runs/cgan-fashion-001 --json
      """)

  @Argument(help: ArgumentHelp("A run's folder.", valueName: "run"), completion: .directory)
  var folder: String

  @Flag(help: "Also write report.html.")
  var html = false

  @Option(help: "Where the page goes (default: report.html in the run).", completion: .file())
  var output: String?

  @Flag(help: "Print report.json.")
  var json = false

  func validate() throws {
    if output != nil, !html {
      throw ValidationError("--output is the page's file; ask for the page with --html.")
    }
  }

  func run() throws {
    let run = try RunDirectory.open(URL(fileURLWithPath: folder))
    try Report(run).write()
    var written = [run.report.path, run.reportData.path]
    if html {
      written.append(try RunPage(run).write(to: output.map { URL(fileURLWithPath: $0) }).path)
    }
    if json {
      print(String(decoding: try RunFacts(run).json(), as: UTF8.self), terminator: "")
    } else {
      print(written.map { "Wrote \($0)" }.joined(separator: "\n"))
    }
  }
}

/// `atelier card`: what somebody needs to know who uses a model.
struct Card: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Writes card.md: a model's data, licence, numbers, intended use and limits, as they are recorded.",
    discussion: """
      Nothing is made up: what was not recorded is said to be so. `atelier export` writes the same card beside its file.

        atelier card runs/cgan-fashion-001
        atelier card mosaic.safetensors --output mosaic.md
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Option(help: "The file to write (default: card.md in the run, or beside the file).", completion: .file())
  var output: String?

  @Flag(help: "Of the checkpoint that was best on the validation part, and not of the newest.")
  var best = false

  func run() throws {
    let card = try modelCard(of: trained, best: best)
    let place = URL(fileURLWithPath: trained)
    let isRun = isRunFolder(place)
    let file =
      output.map { URL(fileURLWithPath: $0) }
      ?? (isRun ? place.appendingPathComponent("card.md") : cardFile(beside: place))
    try card.write(to: file)
    print("Wrote \(file.path)")
  }
}

/// The card of a run, a checkpoint or a model file.
func modelCard(of trained: String, best: Bool) throws -> ModelCard {
  let file = try modelFile(at: modelPlace(trained, best: best), say: { standardError("\($0)\n") })
  let description = try ModelFile.describe(file)
  let type = try AtelierTool.systems.system(named: description.system)
  // A checkpoint lies in its run: runs/NAME/checkpoints/step-N/model.safetensors.
  let folder = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  let isRun = isRunFolder(folder)
  return try ModelCard(type, description, isRun ? RunFacts(RunDirectory.open(folder)) : nil)
}

private func isRunFolder(_ folder: URL) -> Bool {
  FileManager.default.fileExists(atPath: folder.appendingPathComponent("configuration.yaml").path)
}

/// `facades.card.md` for `facades.pt`.
func cardFile(beside file: URL) -> URL { file.deletingPathExtension().appendingPathExtension("card.md") }

/// `atelier compare`: runs side by side.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows several runs side by side: the keys in which they differ, and their numbers.",
    discussion: """
      Numbers are those that `atelier evaluate` measured; which of them were measured differently is said.

        atelier compare runs/dcgan-001 runs/dcgan-002 runs/dcgan-003
      """)

  @Argument(help: ArgumentHelp("Folders of runs, at least two.", valueName: "run"), completion: .directory)
  var folders: [String]

  @Flag(help: "Print a JSON document.")
  var json = false

  func validate() throws {
    if folders.count < 2 { throw ValidationError("Name at least two runs.") }
  }

  func run() throws {
    let comparison = try RunComparison(folders.map { try RunDirectory.open(URL(fileURLWithPath: $0)) })
    if json { try printJSON(comparison) } else { print(comparison.text) }
  }
}
