import ArgumentParser
import Atelier
import Foundation

/// The commands that a search gives for its trials.
struct TrialCommands {
  let plan: SearchPlan

  init(_ plan: SearchPlan) { self.plan = plan }

  /// Trains a trial to the end of a rung: a new run, or the next part of one that was begun.
  ///
  /// - Parameter threads: those of each operation; nil: what the options or the engine say.
  func training(
    _ trial: SearchTrial, rung: Int, in folder: SearchFolder, threads: Int?
  ) -> [String] {
    let run = folder.run(of: trial)
    var words = ["train"]
    if FileManager.default.fileExists(atPath: RunDirectory(url: run).configuration.path) {
      words += ["--resume", run.path] + (plan.data.map { ["--data", $0] } ?? [])
    } else {
      words += [plan.system] + (plan.data.map { ["--data", $0] } ?? [])
      words += plan.preset.map { ["--preset", $0] } ?? []
      words += ["--configuration", folder.configuration(of: trial).path, "--run", run.path]
      words += plan.changes.flatMap { ["--set", $0] }
      words += ["--seed", String(plan.seed)] + plan.options
      if let threads, !plan.options.contains(where: { $0.hasPrefix("--threads") }) {
        words += ["--threads", String(threads)]
      }
    }
    return words + ["--\(plan.budget.unit.rawValue)", SearchBudget.numeral(plan.budget.rungs[rung])]
  }

  /// Measures a trial on the validation part.
  func evaluation(_ trial: SearchTrial, in folder: SearchFolder, threads: Int?) -> [String] {
    var words = ["evaluate", folder.run(of: trial).path, "--part", "validation", "--measure", plan.measure]
    words += ["--samples", String(plan.samples), "--seed", String(plan.seed), "--examples", "0"]
    words += ["--classifier", folder.classifier.path, "--json"]
    words += option("--device").map { ["--device", $0] } ?? []
    let count = option("--threads") ?? threads.map(String.init)
    if let count, count != "auto" { words += ["--threads", count] }
    return words
  }

  /// The value of an option among those of the trainings.
  private func option(_ name: String) -> String? {
    if let place = plan.options.firstIndex(of: name), place + 1 < plan.options.count {
      return plan.options[place + 1]
    }
    return plan.options.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }

  /// Hands on a training of the plan, its options read as the command line reads them.
  ///
  /// - Parameter values: those of searched keys; keys without one are the preset's.
  /// - Throws: ``Refusal`` for an option that is none, or that the search sets itself.
  func checkTraining(_ values: [String: ConfigurationValue], _ body: (Train) throws -> Void) throws {
    let own = try parsed([plan.system] + plan.options)
    let taken: [(String, Bool)] = [
      ("--resume", own.resume != nil), ("--data", own.data != nil),
      ("--preset, --configuration and --set", !own.choices.isEmpty),
      ("--run, --runs and --name", !own.placement.fixedInARun.isEmpty),
      (
        "--steps, --epochs and --seconds",
        own.limits.steps != nil || own.limits.epochs != nil || own.limits.seconds != nil
      ), ("--seed and --seeds", own.computing.seed != nil || own.computing.seeds != nil),
      ("--dry-run", own.dryRun),
    ]
    if let first = taken.first(where: \.1) {
      throw Refusal.usage("the search itself gives \(first.0) to its trainings; leave it out behind --")
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "atelier-\(UUID().uuidString).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    let keys = SearchSpace.overlaying(values, on: plan.configuration)
    try Data(ConfigurationFile.text(keys.sorted { $0.key < $1.key }.map { $0 }).utf8).write(
      to: file)
    var words = [plan.system, "--configuration", file.path, "--seed", String(plan.seed)]
    words += plan.data.map { ["--data", $0] } ?? []
    words += plan.preset.map { ["--preset", $0] } ?? []
    words += plan.changes.flatMap { ["--set", $0] } + plan.options
    try body(try parsed(words + ["--\(plan.budget.unit.rawValue)", "1"]))
  }

  private func parsed(_ words: [String]) throws -> Train {
    do { return try Train.parse(words) } catch {
      throw Refusal.usage("of the options behind --: " + Train.message(for: error))
    }
  }
}
