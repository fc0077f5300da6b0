import Atelier
import Foundation
import TestSupport
import Testing

/// Several seeds of one training, and what they are together.
@Suite(.serialized) struct SeedCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
    for part in ["train", "test"] {
      try TinyData.writeClassFolders(to: folder("data/\(part)"), perClass: 24, size: 8)
    }
  }

  private func training(_ more: [String] = [], steps: Int = 3) -> [String] {
    [
      "train", "autoencoder", "--data", folder("data").path, "--steps", "\(steps)", "--threads", "1", "--set",
      "imageSize=8", "--set", "hidden=8", "--set", "batchSize=8",
    ] + more
  }

  private func weights(_ run: String, step: Int = 3) throws -> Data {
    try Data(contentsOf: folder("\(run)/checkpoints/\(RunDirectory.stepName(step))/model.safetensors"))
  }

  @Test func everySeedIsTheRunThatItIsAloneAndEvaluationTakesThemTogether() throws {
    let together = try atelier.run(training(["--seeds", "3", "--seed", "5", "--runs", folder("runs").path]))
    #expect(together.status == 0, "\(together.errors)")
    let place = "runs/autoencoder-data-seeds-001"
    #expect(together.errors.contains("atelier evaluate"))
    let alone = try atelier.run(training(["--seed", "6", "--run", folder("alone").path, "--quiet"]))
    #expect(alone.status == 0, "\(alone.errors)")
    #expect(try weights("\(place)/seed-6") == weights("alone"))
    #expect(try weights("\(place)/seed-5") != weights("alone"))
    let evaluated = try atelier.run([
      "evaluate", folder(place).path, "--measure", "reconstruction-error", "--samples", "20",
    ])
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    for word in ["mean", "deviation", "lower", "upper", "seed-7"] {
      #expect(evaluated.output.contains(word), "\(evaluated.output)")
    }
    let report = try String(contentsOf: folder("\(place)/report.md"), encoding: .utf8)
    #expect(report.contains("| measure | mean | deviation | lower | upper |"), "\(report)")
    let tables = try JSONDecoder().decode(
      [EvaluationTable].self, from: Data(contentsOf: folder("\(place)/evaluation.json")))
    let row = try #require(tables.first?.rows.first)
    let values = try (5...7).map { seed in
      try #require(
        Report(RunDirectory.open(folder("\(place)/seed-\(seed)"))).numbers.first { $0.name == row.measure }
      ).value
    }
    let spread = RunSpread(values)
    #expect(row.values == [spread.mean, spread.deviation, spread.lower, spread.upper])
    // More steps for all of them.
    let resumed = try atelier.run(["train", "--resume", folder(place).path, "--steps", "4", "--quiet"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    for seed in 5...7 { _ = try weights("\(place)/seed-\(seed)", step: 4) }
  }

  @Test func aKilledCommandIsTakenUpByItself() throws {
    let command = training(["--seeds", "2", "--run", folder("seeds").path, "--quiet"])
    let begun = folder("seeds/seed-1/configuration.yaml").path
    let killed = try atelier.run(command, killedWhen: { FileManager.default.fileExists(atPath: begun) })
    #expect(killed.wasKilled)
    try FileManager.default.removeItem(at: folder("seeds/seed-1"))
    let missing = try atelier.run(["train", "--resume", folder("seeds").path, "--quiet"])
    #expect(missing.status == 66 && missing.errors.contains("seed-1"), "\(missing.errors)")
    let other = try atelier.run(command + ["--set", "latentSize=2"])
    #expect(other.status == 64 && other.errors.contains("was begun with --set"), "\(other.errors)")
    for (more, words) in [
      (["--hold-out", "0.3"], "no --hold-out"), (["--from", folder("none").path], "no --from"),
      (["--direction", "BtoA"], "no --direction"),
    ] {
      let changed = try atelier.run(command + more)
      #expect(changed.status == 64 && changed.errors.contains("was begun with \(words)"), "\(changed.errors)")
    }
    let again = try atelier.run(command)
    #expect(again.status == 0, "\(again.errors)")
    let whole = try atelier.run(training(["--seeds", "2", "--run", folder("whole").path, "--quiet"]))
    #expect(whole.status == 0, "\(whole.errors)")
    for seed in 0...1 { #expect(try weights("seeds/seed-\(seed)") == weights("whole/seed-\(seed)")) }
  }

  @Test func whatMakesNoSenseIsRefusedAndLeavesNothing() throws {
    let place = folder("none")
    for (arguments, words) in [
      (training(["--seeds", "1", "--run", place.path]), "--seeds must be 2"),
      (["train", "--resume", place.path, "--seeds", "2"], "--seeds"),
      (training(["--seeds", "2", "--run", place.path, "--set", "latentSize=0"]), "latentSize"),
      (training(["--seeds", "2", "--run", place.path, "--seed", "\(Int.max)"]), "no 2 seeds from it on"),
      (training(["--seeds", "2", "--run", place.path, "--processes", "2"]), "leave --processes out"),
      (training(["--seeds", "2", "--run", place.path, "--validate-every", "1"]), "validation part"),
      (["evaluate", folder("data").path, "--aggregate"], "--aggregate takes several runs"),
    ] {
      let result = try atelier.run(arguments)
      #expect(result.status != 0 && result.errors.contains(words), "\(words): \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: place.path), "\(words)")
    }
  }
}
