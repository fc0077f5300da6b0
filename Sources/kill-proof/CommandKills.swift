import AtelierGeneration
import AtelierTraining
import Foundation
import TestSupport
import Torch

/// A command that is killed while it writes: what was there before stays, or the whole result is there, and the same
/// command afterwards gives what it gives without a kill.
struct CommandKills {
  let atelier: Program
  /// `export`, `evaluate`, `prepare` or `import`.
  let name: String
  /// The system, or what else tells one command from another.
  let subject: String
  /// A folder that holds everything the command reads and writes; each trial has a copy.
  let before: URL
  /// The arguments, with `{folder}` for the copy.
  let arguments: [String]
  /// The file or folder that is replaced whole or not at all, within the folder; the rest is the command's alone.
  let result: String
  /// What may change besides: the command's own files, which come and go whole.
  let own: [String]
  /// Whether the whole result is the same at every run.
  let isRepeatable: Bool
  let environment: [String: String]

  private func filled(_ place: URL) -> [String] {
    arguments.map { $0.replacingOccurrences(of: "{folder}", with: place.path) }
  }

  /// Runs the command to its end on a copy.
  ///
  /// - Returns: how long it took, and what it left; nil where the command refuses.
  func reference(in folder: URL) throws -> (seconds: Double, files: [String: Data])? {
    let place = folder.appendingPathComponent("reference")
    try copy(to: place)
    let start = ContinuousClock.now
    let ended = try atelier.run(filled(place), environment: environment)
    guard ended.status == 0 else { return nil }
    return ((ContinuousClock.now - start) / .seconds(1), try Self.files(in: place))
  }

  /// One kill and the same command after it.
  func kill(
    after delay: Double, in folder: URL, expected: [String: Data]
  ) throws -> Kill? {
    let place = folder.appendingPathComponent("trial")
    try copy(to: place)
    let first = try Self.files(in: place)
    let deadline = ContinuousClock.now + .seconds(delay)
    let ended = try atelier.run(
      filled(place), killedWhen: { ContinuousClock.now >= deadline }, environment: environment)
    guard ended.wasKilled else { return nil }
    var failure = lost(first, try Self.files(in: place), expected)
    if failure == nil {
      let again = try atelier.run(filled(place), environment: environment)
      let left = try Self.files(in: place)
      if again.status != 0 {
        // A result that is whole is not made anew.
        if !isWhole(left, expected) { failure = "the same command then fails: \(again.errors)" }
      } else {
        failure = lost(first, left, expected) ?? (isWhole(left, expected) ? nil : "its result is another one")
      }
    }
    return Kill(
      system: subject, command: name, seconds: delay, state: .inAnotherCommand,
      failure: failure.map { "\(name) of \(subject), killed after \(delay) s: \($0)" })
  }

  /// What was there before and is not any more, or is half.
  private func lost(_ first: [String: Data], _ now: [String: Data], _ expected: [String: Data]) -> String? {
    for (file, content) in first where !isOwn(file) && !isResult(file) {
      guard let found = now[file] else { return "\(file) is gone" }
      if found != content { return "\(file) is not as it was" }
    }
    let (before, after) = (first.filter { isResult($0.key) }, now.filter { isResult($0.key) })
    if isRepeatable {
      let whole = expected.filter { isResult($0.key) }
      return after == before || after == whole ? nil : "\(result) is neither as before nor whole"
    }
    // What depends on time is whole where it can be read.
    for (file, content) in after where file.hasSuffix(".json") {
      if (try? JSONSerialization.jsonObject(with: content)) == nil { return "\(file) is half a document" }
    }
    for file in before.keys where after[file]?.isEmpty ?? true { return "\(file) is gone" }
    return nil
  }

  private func isWhole(_ now: [String: Data], _ expected: [String: Data]) -> Bool {
    let (found, whole) = (now.filter { isResult($0.key) }, expected.filter { isResult($0.key) })
    return isRepeatable ? found == whole : Set(found.keys) == Set(whole.keys)
  }

  private func isResult(_ file: String) -> Bool { file == result || file.hasPrefix(result + "/") }

  private func isOwn(_ file: String) -> Bool { own.contains { file == $0 || file.hasPrefix($0 + "/") } }

  private func copy(to place: URL) throws {
    try? FileManager.default.removeItem(at: place)
    try FileManager.default.copyItem(at: before, to: place)
  }

  /// All files below a folder by their paths; hidden ones are what a kill may leave behind.
  static func files(in folder: URL) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
      let file = folder.appendingPathComponent(name)
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue,
        !name.split(separator: "/").contains(where: { $0.hasPrefix(".") })
      else { continue }
      files[name] = try Data(contentsOf: file)
    }
    return files
  }

  // MARK: The commands

  /// The commands for one trained system: `evaluate` and `export`.
  static func ofSystem(
    _ system: String, run: URL, in folder: URL, _ atelier: Program, _ environment: [String: String]
  ) throws -> [CommandKills] {
    let manager = FileManager.default
    let before = folder.appendingPathComponent("commands")
    try? manager.removeItem(at: before)
    try manager.createDirectory(at: before, withIntermediateDirectories: true)
    try manager.copyItem(at: run, to: before.appendingPathComponent("run"))
    let old = Data("what was exported before".utf8)
    for file in ["model.safetensors", "model.pt"] { try old.write(to: before.appendingPathComponent(file)) }
    func command(
      _ name: String, _ arguments: [String], _ result: String, own: [String], isRepeatable: Bool
    ) -> CommandKills {
      CommandKills(
        atelier: atelier, name: name, subject: system, before: before,
        arguments: arguments + ["--threads", "1"], result: result, own: own, isRepeatable: isRepeatable,
        environment: environment)
    }
    let weights = command(
      "export", ["export", "{folder}/run", "--output", "{folder}/model.safetensors", "--force"],
      "model.safetensors", own: ["model.card.md", "model.safetensors.json"], isRepeatable: true)
    let module = command(
      "export",
      ["export", "{folder}/run", "--output", "{folder}/model.pt", "--check", "libtorch", "--force"],
      "model.pt", own: ["model.card.md"], isRepeatable: false)
    let evaluation = command(
      "evaluate",
      [
        "evaluate", "{folder}/run", "--samples", "20", "--classifier-seconds", "0.2", "--segmenter-seconds",
        "0.2", "--importance-samples", "2",
      ], "run/evaluation.json",
      own: ["run/report.md", "run/report.json", "run/events.jsonl", "run/evaluation", "run/classifier"],
      isRepeatable: false)
    return [weights, module, evaluation]
  }

  /// `data prepare` on photographs, and `weights import` of a file of the authors' that lies in the repository.
  static func ofData(
    _ data: URL, _ cases: URL, in folder: URL, _ atelier: Program, _ environment: [String: String]
  ) throws -> [CommandKills] {
    let manager = FileManager.default
    func started(_ name: String) throws -> URL {
      let before = folder.appendingPathComponent("before-" + name)
      try? manager.removeItem(at: before)
      try manager.createDirectory(at: before, withIntermediateDirectories: true)
      return before
    }
    let photographs = try started("prepare")
    try TinyData.writePhotographs(to: photographs.appendingPathComponent("photographs"), count: 40, size: 96)
    var commands = ["edges", "grayscale"].map { recipe in
      CommandKills(
        atelier: atelier, name: "prepare", subject: recipe, before: photographs,
        arguments: ["data", "prepare", recipe, "{folder}/photographs", "{folder}/made"], result: "made",
        own: [], isRepeatable: true, environment: environment)
    }
    for (place, system) in KillRecipe.imported {
      let source = cases.appendingPathComponent("\(place)/generator.pth")
      guard manager.fileExists(atPath: source.path) else { continue }
      let before = try started("import-" + system)
      try manager.copyItem(at: source, to: before.appendingPathComponent("latest_net_G.pth"))
      commands.append(
        CommandKills(
          atelier: atelier, name: "import", subject: system, before: before,
          arguments: [
            "weights", "import", "{folder}/latest_net_G.pth", "--system", system, "--output",
            "{folder}/model.safetensors",
          ], result: "model.safetensors", own: [], isRepeatable: true, environment: environment))
    }
    return commands
  }
}
