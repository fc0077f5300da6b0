import ArgumentParser
import AtelierData
import AtelierGeneration
import AtelierHashing
import AtelierModels
import Foundation
import TestSupport
import Torch

/// Kills trainings and other commands at random instants, and looks for anything that was lost.
@main
struct KillProof: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kill-proof",
    abstract: "Kills trainings of every system at random instants, and compares them with whole ones.",
    discussion: """
      Each training of a few steps is killed by SIGKILL at instants that are evenly distributed over its time, and \
      resumed after each. After every kill the run has to open, its newest checkpoint has to be sound and to load, \
      and no step that was saved before may be gone; at the end weights, moments, samples, artefacts and the logged \
      numbers have to be those of a training that was never killed, to the byte. A part of the kills meets export, \
      evaluate, data prepare and weights import, after which what was there before has to be there.

      What was done is kept in --work, and the same command goes on with it. Another build of atelier begins anew.
      """)

  @Option(help: "The program atelier; default: the one beside this program.", completion: .file())
  var atelier: String?

  @Option(help: "Kills over all systems.")
  var kills = 1000

  @Option(help: "Of these, the share that meets other commands than train.")
  var others = 0.15

  @Option(help: "The folder of runs and of the record; default: a new one that is removed at the end.")
  var work: String?

  @Option(help: "What the random instants follow from.")
  var seed: UInt64 = 1

  @Option(help: "Stop after so many minutes and say how far it came.")
  var minutes: Double?

  @Option(help: "Steps of one training.")
  var steps = 16

  @Option(parsing: .upToNextOption, help: "Only these systems.")
  var system: [String] = []

  @Option(
    help: "Train in so many processes, of which one at a time is killed and which torchrun starts anew.")
  var processes: Int?

  @Flag(help: "Kill nothing: compare what --processes learn with what one process learns.")
  var alike = false

  @Option(help: "The folder of the reference cases, whose weights are imported.", completion: .directory)
  var cases = "Tests/ReferenceCases"

  func validate() throws {
    guard kills > 0, (0...0.9).contains(others), steps > 1, minutes ?? 1 > 0 else {
      throw ValidationError("--kills and --minutes must be above 0, --others in 0...0.9, --steps above 1.")
    }
    guard processes ?? 2 > 1 else { throw ValidationError("--processes must be at least 2.") }
  }

  func run() throws {
    let beside = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("atelier")
    let program = atelier.map { URL(fileURLWithPath: $0) } ?? beside
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw ValidationError("'\(program.path)' is no program; name atelier with --atelier.")
    }
    Engine.threadCount = 1
    let (all, missing) = KillRecipe.all()
    guard missing.isEmpty else {
      throw ProofError("no recipe trains \(missing.joined(separator: ", ")); add one to KillRecipe.swift")
    }
    let recipes = system.isEmpty ? all : all.filter { system.contains($0.system) }
    guard !recipes.isEmpty else { throw ValidationError("--system names no system.") }
    let temporary = work == nil ? try TemporaryFolder() : nil
    let folder = work.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? temporary?.url
    guard let folder else { return }
    try proof(Program(program), recipes, in: folder)
  }

  private func proof(_ atelier: Program, _ recipes: [KillRecipe], in folder: URL) throws {
    let data = folder.appendingPathComponent("data")
    for kind in KillRecipe.Data.allCases
    where !FileManager.default.fileExists(atPath: kind.url(in: data).path) {
      try kind.write(in: data)
    }
    let weights = folder.appendingPathComponent("weights")
    try KillRecipe.writeWeights(to: weights)
    let environment = [
      "ATELIER_WEIGHTS": weights.path, "XDG_CACHE_HOME": folder.appendingPathComponent("cache").path,
    ]
    let record = try KillRecord(
      folder.appendingPathComponent("kills.jsonl"),
      key: "\(try SHA256Hasher.hexDigest(of: atelier.url)) \(steps) \(processes ?? 1)")
    let start = ContinuousClock.now
    let end = minutes.map { start + .seconds(60 * $0) }
    let isLate = { end.map { ContinuousClock.now >= $0 } ?? false }
    let trainings = Int((Double(kills) * (1 - others)).rounded())
    if alike {
      return try compare(Program(atelier.url), recipes, in: folder, data, environment)
    }
    if let processes {
      return try killProcesses(
        processes, Program(atelier.url), recipes, in: folder, data, environment, record, isLate)
    }
    for (index, recipe) in recipes.enumerated() {
      let share = trainings * (index + 1) / recipes.count - trainings * index / recipes.count
      let rest = (kills - trainings) * 7 / 10
      let commands = rest * (index + 1) / recipes.count - rest * index / recipes.count
      try prove(
        recipe, trainings: share, commands: commands, atelier, folder, data, environment, record, isLate)
      let seconds = Int((ContinuousClock.now - start) / .seconds(1))
      print(
        "\(recipe.system): \(record.kills.count { $0.system == recipe.system }) kills; in all "
          + "\(record.kills.count) in \(seconds) s, \(record.failures.count) failures")
      fflush(nil)
    }
    let place = folder.appendingPathComponent("others")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let commands = try CommandKills.ofData(
      data, URL(fileURLWithPath: cases), in: place, atelier, environment)
    var generator = SeededGenerator(seed: seed, purpose: "data")
    try kill(commands, until: kills, in: place, record, isLate, using: &generator) { record.kills.count }
    print(record.summary)
    print("\(Int((ContinuousClock.now - start) / .seconds(1))) s in this process")
    for failure in record.failures { print("FAILED: \(failure)") }
    if !record.failures.isEmpty { throw ExitCode(1) }
  }

  private func prove(
    _ recipe: KillRecipe, trainings: Int, commands: Int, _ atelier: Program, _ folder: URL, _ data: URL,
    _ environment: [String: String], _ record: KillRecord, _ isLate: () -> Bool
  ) throws {
    func done(_ isTraining: Bool) -> Int {
      record.kills.count { $0.system == recipe.system && ($0.command == "train") == isTraining }
    }
    guard !isLate(), done(true) < trainings || done(false) < commands else { return }
    let place = folder.appendingPathComponent(recipe.system)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let proof = TrainingKills(
      atelier: atelier, recipe: recipe, folder: place, data: data, environment: environment, steps: steps,
      killsPerLife: 10)
    var seconds = try proof.reference()
    // Another stream of instants for what is still to be done.
    var generator = SeededGenerator(seed: seed, purpose: "\(recipe.system) \(done(true)) \(done(false))")
    var number = 0
    while done(true) < trainings, !isLate(), record.failures.count < 20 {
      try proof.live(
        number, lasting: &seconds, until: { done(true) >= trainings || isLate() }, record: record,
        using: &generator)
      number += 1
    }
    let run = place.appendingPathComponent("whole")
    let others = try CommandKills.ofSystem(recipe.system, run: run, in: place, atelier, environment)
    try kill(others, until: commands, in: place, record, isLate, using: &generator) { done(false) }
    try FileManager.default.removeItem(at: place.appendingPathComponent("commands"))
  }

  /// A command that takes longer than so many seconds is left out: the others are killed more often for it.
  private static let slowest = 8.0

  /// Kills commands in turn until there are so many; a command that refuses is left out.
  private func kill(
    _ commands: [CommandKills], until wanted: Int, in folder: URL, _ record: KillRecord, _ isLate: () -> Bool,
    using generator: inout some RandomNumberGenerator, _ done: () -> Int
  ) throws {
    var left = Array(commands.indices)
    var known: [Int: (seconds: Double, files: [String: Data])] = [:]
    // Another system begins with another command, as a few kills do not meet all of them.
    var turn = record.kills.count
    while !left.isEmpty, done() < wanted, !isLate(), record.failures.count < 20 {
      let place = left[turn % left.count]
      let command = commands[place]
      guard let whole = try known[place] ?? command.reference(in: folder), whole.seconds < Self.slowest else {
        left.removeAll { $0 == place }
        continue
      }
      known[place] = whole
      turn += 1
      let delay = Double.random(in: 0...whole.seconds, using: &generator)
      if let kill = try command.kill(after: delay, in: folder, expected: whole.files) { try record.add(kill) }
    }
    for name in ["trial", "reference"] {
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }

  // MARK: Several processes

  /// Prints for each system how far several processes come from one.
  private func compare(
    _ atelier: Program, _ recipes: [KillRecipe], in folder: URL, _ data: URL, _ environment: [String: String]
  ) throws {
    var failed = 0
    for recipe in recipes {
      let place = folder.appendingPathComponent(recipe.system)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let proof = ProcessProof(
        atelier: atelier, recipe: recipe, folder: place, data: data, environment: environment, steps: steps,
        processes: processes ?? 2)
      do {
        switch try proof.likeness() {
        case .trained(let alikeness, let disturbed):
          let isAlike = alikeness.isAlike(besideRounding: disturbed)
          if !isAlike { failed += 1 }
          print(
            "\(recipe.system): \(isAlike ? "" : "NOT ALIKE: ")\(alikeness.summary(besideRounding: disturbed))"
          )
        case .refused(let sentence):
          failed += 1
          print("\(recipe.system): refused: \(sentence)")
        }
      } catch {
        failed += 1
        print("\(recipe.system): FAILED: \(error)")
      }
      fflush(nil)
    }
    print("\(recipes.count) systems, \(failed) not alike")
    if failed > 0 { throw ExitCode(1) }
  }

  /// Kills processes of trainings, which have to end by themselves with the weights of those that were left alone.
  private func killProcesses(
    _ processes: Int, _ atelier: Program, _ recipes: [KillRecipe], in folder: URL, _ data: URL,
    _ environment: [String: String], _ record: KillRecord, _ isLate: () -> Bool
  ) throws {
    for (index, recipe) in recipes.enumerated() {
      let wanted = kills * (index + 1) / recipes.count - kills * index / recipes.count
      let place = folder.appendingPathComponent(recipe.system)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let proof = ProcessProof(
        atelier: atelier, recipe: recipe, folder: place, data: data, environment: environment, steps: steps,
        processes: processes)
      let whole = RunDirectory(url: place.appendingPathComponent("whole"))
      var done = record.kills.count { $0.system == recipe.system }
      guard done < wanted, !isLate() else { continue }
      let seconds = try proof.reference(whole)
      var generator = SeededGenerator(seed: seed, purpose: "\(recipe.system) processes \(done)")
      var number = record.lives.count { $0.system == recipe.system }
      while done < wanted, !isLate(), record.failures.count < 20 {
        done += try proof.live(
          number, kills: min(5, wanted - done), lasting: seconds, whole: whole, record: record,
          using: &generator)
        number += 1
      }
      print("\(recipe.system): \(done) kills, \(record.failures.count) failures")
      fflush(nil)
    }
    print(record.summary)
    for failure in record.failures { print("FAILED: \(failure)") }
    if !record.failures.isEmpty { throw ExitCode(1) }
  }
}
