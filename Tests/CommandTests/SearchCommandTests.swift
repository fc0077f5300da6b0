import Atelier
import Foundation
import TestSupport
import Testing

/// `atelier search` as a person uses it, and as machines end it.
@Suite(.serialized) struct SearchCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder
  private let data: String

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
    for part in ["train", "validation"] {
      try TinyData.writeClassFolders(to: folder("data/\(part)"), perClass: 24, size: 8)
    }
    data = folder("data").path
    try Data(
      """
      learningRate: {from: 0.0001, to: 0.01, scale: log}
      hidden: [[8], [16]]
      """.utf8
    ).write(to: folder("space.yaml"))
  }

  /// A search over tiny autoencoders, judged by their error on the validation part.
  private func search(_ place: String, _ more: [String], behind: [String] = []) -> [String] {
    [
      "search", "autoencoder", "--preset", "paper", "--data", data, "--space", folder("space.yaml").path,
      "--folder", folder(place).path, "--measure", "reconstruction-error", "--samples", "20", "--set",
      "imageSize=8",
      "--set", "batchSize=8",
    ] + more + ["--", "--threads", "1"] + behind
  }

  private func state(_ place: String) throws -> SearchState {
    try SearchState.read(SearchFolder(folder(place)).state)
  }

  @Test func aSearchTrainsMeasuresAndNamesItsBestConfiguration() throws {
    let found = try atelier.run(search("random", ["--trials", "3", "--steps", "4", "--parallel", "2"]))
    #expect(found.status == 0, "\(found.errors)")
    let state = try state("random")
    let place = SearchFolder(folder("random"))
    #expect(state.trials.count == 3 && state.trials.allSatisfy { $0.newest?.step == 4 })
    #expect(found.output.contains("3 of 3 trials, 3 measured") && found.output.contains("best"))
    for trial in state.trials {
      let run = try RunConfiguration.read(RunDirectory.open(place.run(of: trial)).configuration)
      #expect(run.configuration["learningRate"] == trial.values["learningRate"])
      #expect(run.configuration["hidden"] == trial.values["hidden"])
      #expect(run.options.steps == 4 && run.configuration["batchSize"] == 8)
    }
    // The same seed searches the same combinations, and finds the same numbers.
    let again = try atelier.run(search("again", ["--trials", "3", "--steps", "4"]))
    #expect(again.status == 0, "\(again.errors)")
    #expect(try self.state("again").trials == state.trials)
    // What was found can be trained.
    let trained = try atelier.run([
      "train", "autoencoder", "--data", data, "--configuration", place.best.path, "--steps", "1", "--run",
      folder("best").path, "--threads", "1", "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let best = try #require(state.best)
    #expect(
      try RunConfiguration.read(folder("best/configuration.yaml")).configuration
        == RunConfiguration.read(RunDirectory.open(place.run(of: best)).configuration).configuration)
    // A finished search has nothing left to do, and can be given more trials.
    let more = try atelier.run(["search", "--resume", folder("random").path, "--trials", "4"])
    #expect(more.status == 0 && more.output.contains("4 of 4 trials"), "\(more.errors)")
    #expect(try Array(self.state("random").trials.prefix(3)) == state.trials)
  }

  @Test func halvingResumesTrialsAndFailuresDoNotEndIt() throws {
    // No layer has a negative size.
    try Data("learningRate: {from: 0.0001, to: 0.01, scale: log}\nlatentSize: [2, -1]".utf8).write(
      to: folder("space.yaml"))
    let found = try atelier.run(
      search("halving", ["--method", "halving", "--rungs", "2", "--trials", "6", "--steps", "6"]))
    #expect(found.status == 0, "\(found.errors)")
    let state = try state("halving")
    let failed = state.trials.filter { $0.values["latentSize"] == -1 }
    #expect(!failed.isEmpty && failed.count < 6)
    #expect(failed.allSatisfy { $0.failure?.contains("latentSize") == true && $0.results.isEmpty })
    #expect(found.output.contains("failed: ") && found.errors.contains("failed: "))
    let promoted = state.trials.filter { $0.results.count == 2 }
    #expect(!promoted.isEmpty && promoted.allSatisfy { $0.results.map(\.step) == [2, 6] })
    let run = SearchFolder(folder("halving")).run(of: try #require(promoted.first))
    let events = try EventLog.read(run.appendingPathComponent("events.jsonl"))
    #expect(events.contains { $0.type == .resume && $0.step == 2 })
  }

  @Test func aKilledSearchGoesOnWithoutLosingOrRepeatingTrials() throws {
    let arguments = search("killed", ["--trials", "3", "--steps", "4"])
    let file = SearchFolder(folder("killed")).state
    var known: [SearchTrial] = []
    func measured() -> Int { (try? SearchState.read(file))?.trials.count { $0.newest != nil } ?? 0 }
    let resume = ["search", "--resume", folder("killed").path]
    let begun = folder("killed/trial-001/configuration.yaml").path
    let first = try atelier.run(
      arguments, killedWhen: { FileManager.default.fileExists(atPath: begun) })
    #expect(first.wasKilled)
    let second = try atelier.run(resume, killedWhen: { measured() >= 2 })
    known = try state("killed").trials.filter { $0.newest != nil }
    #expect(second.wasKilled ? known.count >= 2 : true)
    let last = try atelier.run(resume)
    #expect(last.status == 0, "\(last.errors)")
    let whole = try atelier.run(search("whole", ["--trials", "3", "--steps", "4"]))
    #expect(whole.status == 0, "\(whole.errors)")
    #expect(try state("killed").trials == state("whole").trials)
    for trial in known {
      // A trial that was measured is not begun again.
      let log = try String(contentsOf: SearchFolder(folder("killed")).log(of: trial), encoding: .utf8)
      #expect(log.components(separatedBy: "$ atelier evaluate").count == 2, "\(log)")
    }
  }

  @Test func aTrainingThatOutlivesItsSearchIsWaitedFor() throws {
    let log = folder("orphan/logs/trial-001.log").path
    // The training has its process by then, and no folder yet.
    let killed = try atelier.run(
      search("orphan", ["--trials", "1", "--steps", "4"]),
      killedWhen: { (FileManager.default.contents(atPath: log)?.count ?? 0) > 0 })
    #expect(killed.wasKilled)
    let resumed = try atelier.run(["search", "--resume", folder("orphan").path])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try state("orphan").trials.map(\.failure) == [nil])
  }

  /// The trainings have steps for hours.
  @Test func aSearchThatIsAskedToEndDoes() throws {
    let begun = folder("ended/trial-001/configuration.yaml").path
    let ended = try atelier.run(
      search("ended", ["--trials", "2", "--steps", "1000000", "--parallel", "2"]),
      killedWhen: { FileManager.default.fileExists(atPath: begun) }, signal: SIGTERM)
    #expect(ended.status == 130 && !ended.wasKilled, "\(ended.errors)")
    #expect(ended.errors.contains("--resume"))
    #expect(try state("ended").trials.allSatisfy { $0.failure == nil && $0.present == 0 })
    // The trainings ended with it, whole.
    let run = folder("ended/trial-001").path
    let free = try atelier.run(["train", "--resume", run, "--steps", "1", "--quiet"])
    #expect(free.status == 0, "\(free.errors)")
  }

  @Test func searchedKeysThatFitDataWhichThePresetDoesNotAreTried() throws {
    try Data("batchSize: [16, 8]".utf8).write(to: folder("batches.yaml"))
    // The preset's batch is larger than the training part.
    let arguments = search("batches", ["--method", "grid", "--steps", "1"])
      .map { $0 == folder("space.yaml").path ? folder("batches.yaml").path : $0 }
    let place = try #require(arguments.firstIndex(of: "batchSize=8"))
    let found = try atelier.run(Array(arguments[..<(place - 1)] + arguments[(place + 1)...]))
    #expect(found.status == 0, "\(found.errors)")
    #expect(try state("batches").trials.count == 2)
  }

  @Test func whatASearchComparesByStays() throws {
    let wrong = try atelier.run(search("by", ["--trials", "1", "--steps", "1", "--by", "beauty"]))
    #expect(
      wrong.status == 64 && wrong.errors.contains("'beauty'") && wrong.errors.contains("--by NUMBER"),
      "\(wrong.errors)")
    let folder = folder("by").path
    let known = try #require(
      wrong.errors.components(separatedBy: "there are ").last?.split { ",. ".contains($0) }.first)
    let right = try atelier.run(["search", "--resume", folder, "--by", String(known)])
    #expect(right.status == 0, "\(right.errors)")
    let file = SearchFolder(self.folder("by")).state
    let before = try Data(contentsOf: file)
    for (options, words) in [
      (["--by", "beauty"], "compared by"), (["--trials", "0"], "0 are asked for, and 1 was begun"),
    ] {
      let result = try atelier.run(["search", "--resume", folder] + options)
      #expect(result.status != 0 && result.errors.contains(words), "\(result.errors)")
      #expect(try Data(contentsOf: file) == before)
    }
  }

  @Test func whatEveryTrialWouldFailAtIsRefusedBeforeAnythingIsWritten() throws {
    let base = ["--trials", "2", "--steps", "2"]
    try Data("learningRat: [1, 2]".utf8).write(to: folder("wrong.yaml"))
    for (arguments, words) in [
      (search("none", ["--trials", "2"]), "--steps"), (search("none", ["--steps", "2"]), "--trials"),
      (search("none", base + ["--rungs", "2"]), "--method halving"),
      (search("none", base + ["--set", "learningRate=1"]), "'learningRate' is searched and given"),
      (search("none", base, behind: ["--seed", "3"]), "--seed"),
      (search("none", base, behind: ["--stepz"]), "--stepz"),
      (
        search("none", base).map { $0 == folder("space.yaml").path ? folder("wrong.yaml").path : $0 },
        "learningRate"
      ),
      (search("none", base).map { $0 == "reconstruction-error" ? "beauty" : $0 }, "no measure 'beauty'"),
      (search("none", base).map { $0 == "reconstruction-error" ? "bleu" : $0 }, "bleu"),
      (search("none", base).map { $0 == data ? folder("data/train").path : $0 }, "validation part"),
      (search("none", base).map { $0 == data ? folder("nowhere").path : $0 }, "nowhere"),
    ] {
      let result = try atelier.run(arguments)
      #expect(result.status != 0 && result.errors.contains(words), "\(words): \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder("none").path), "\(words)")
    }
  }
}
