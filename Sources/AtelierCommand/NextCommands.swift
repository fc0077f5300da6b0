import Atelier
import Foundation

/// What a training leaves behind, and what can be done with it now.
struct NextCommands {
  /// Lines for people.
  let text: String

  /// Of a training that ended; nil where it left nothing.
  init?(_ outcome: TrainingOutcome) {
    guard let checkpoint = outcome.checkpoint else { return nil }
    let folder = checkpoint.deletingLastPathComponent().deletingLastPathComponent()
    let run = RunDirectory(url: folder)
    let (shown, place) = (Self.shown(folder), shellWord(Self.shown(folder)))
    var rows: [(String, String)] = []
    let newest = ((try? FileManager.default.contentsOfDirectory(atPath: run.samples.path)) ?? [])
      .filter { $0.hasPrefix("step-") }.max()
    if let newest { rows.append(("Samples", "\(shown)/samples/\(newest)")) }
    rows.append(("Report", "\(shown)/report.md"))
    let commands = Self.commands(for: checkpoint, place)
    for (index, command) in commands.enumerated() { rows.append((index == 0 ? "Next" : "", command)) }
    text = columns(rows, indent: 0) + "\n"
  }

  private static func commands(for checkpoint: URL, _ place: String) -> [String] {
    let model = checkpoint.appendingPathComponent("model.safetensors")
    guard let description = try? ModelFile.describe(model),
      let type = try? AtelierTool.systems.system(named: description.system),
      let plan = try? type.plan(description.configuration)
    else { return ["atelier generate \(place)"] }
    let suggested = SuggestedDrawing(plan, classes: description.classNames, sides: description.data.sideNames)
    let drawing = (["atelier", "generate", place] + suggested.words.map(shellWord)).joined(separator: " ")
    return [drawing, "atelier evaluate \(place)", "atelier train --resume \(place)   (with a later end)"]
  }

  /// A path as short as it can be said from here.
  private static func shown(_ url: URL) -> String {
    let here = FileManager.default.currentDirectoryPath + "/"
    let path = url.standardizedFileURL.path
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }
}
