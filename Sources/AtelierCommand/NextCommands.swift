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
    let place = Self.shown(folder)
    var rows: [(String, String)] = []
    let newest = ((try? FileManager.default.contentsOfDirectory(atPath: run.samples.path)) ?? [])
      .filter { $0.hasPrefix("step-") }.max()
    if let newest { rows.append(("Samples", "\(place)/samples/\(newest)")) }
    rows.append(("Report", "\(place)/report.md"))
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
    var drawing = "atelier generate \(place)"
    if plan.startsFromImages {
      drawing += " image.png --output result.png"
      if plan.ability(PasscodeTransformation.self) != nil { drawing += " --anonymise" }
      if let name = description.data.sideNames?.last { drawing += " --to \(Self.quoted(name))" }
    } else if plan.ability(FakeDetection.self) != nil {
      drawing += " video.mp4"
    } else if plan.ability(SoundTranslation.self) != nil {
      drawing += " sound.wav --output result.wav"
    } else if plan.ability(VoiceConversion.self) != nil, let name = description.classNames.last {
      drawing += " speech.wav --to \(Self.quoted(name)) --output result.wav"
    } else if case .label? = plan.condition("label")?.kind, let name = description.classNames.first {
      drawing += " --class \(Self.quoted(name)) --count 16"
    } else if plan.condition("prompt") != nil {
      drawing += " --prompt \"…\""
    } else if plan.drawsMany {
      drawing += " --count 16"
    }
    return [drawing, "atelier evaluate \(place)", "atelier train --resume \(place)   (with a later end)"]
  }

  /// A name as a shell takes it.
  private static func quoted(_ name: String) -> String { name.contains(" ") ? "'\(name)'" : name }

  /// A path as short as it can be said from here.
  private static func shown(_ url: URL) -> String {
    let here = FileManager.default.currentDirectoryPath + "/"
    let path = url.standardizedFileURL.path
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }
}
