import Atelier
import Foundation
import TestSupport
import Testing

/// The program as a person uses it.
@Suite struct CommandTests {
  private let atelier: Program

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
  }

  @Test func everySystemIsListedAndShown() throws {
    let list = try atelier.run(["systems"])
    #expect(list.status == 0)
    for system in SystemRegistry.standard.systems {
      #expect(list.output.contains(system.identity.name))
      let shown = try atelier.run(["systems", system.identity.name])
      #expect(shown.status == 0 && shown.output.contains("Presets"))
    }
  }

  @Test func anUnknownSystemNamesTheNearestOneAndIsAUsageError() throws {
    let result = try atelier.run(["train", "cgann", "--data", "nowhere"])
    #expect(result.status == 64)
    #expect(result.errors.contains("'cgan'"))
  }

  @Test func anUnknownKeyNamesTheNearestOne() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, size: 28)
    let result = try atelier.run(
      ["train", "cgan", "--data", folder.url.path, "--set", "latentSiz=3", "--steps", "1"])
    #expect(result.status == 64)
    #expect(result.errors.contains("latentSize"))
  }

  @Test func aDotLeadsIntoATable() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder.url)
    let run = folder("run").path
    func train(_ change: String) throws -> Program.Result {
      try atelier.run([
        "train", "pix2pix", "--preset", "small", "--data", folder.url.path, "--steps", "1", "--run", run,
        "--quiet", "--set", "imageSize=16", "--set", "downsamplings=2", "--set", "layers=1", "--set", change,
      ])
    }
    let wrong = try train("weights.l3=7")
    #expect(wrong.status == 64 && wrong.errors.contains("weights.l1"))
    let right = try train("weights.l1=7")
    #expect(right.status == 0, "\(right.errors)")
    let stored = try String(contentsOfFile: run + "/configuration.yaml", encoding: .utf8)
    #expect(stored.contains("l1: 7") && stored.contains("adversarial: 1"))
  }

  @Test func dataThatAreNotThereAreAnInputError() throws {
    let folder = try TemporaryFolder()
    let result = try atelier.run(
      ["train", "cgan", "--data", folder("nowhere").path, "--steps", "1", "--runs", folder("runs").path])
    #expect(result.status == 66)
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(!FileManager.default.fileExists(atPath: folder("runs").path))
  }

  @Test func aRunIsTrainedResumedDrawnFromInspectedAndChecked() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, perClass: 20, size: 28)
    let run = folder("run").path
    let trained = try atelier.run([
      "train", "gan", "--preset", "small", "--data", folder.url.path, "--steps", "3", "--run", run, "--set",
      "batchSize=16", "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let resumed = try atelier.run(["train", "--resume", run, "--steps", "5", "--quiet"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    for file in [
      "configuration.yaml", "events.jsonl", "report.md", "checkpoints/step-000005/model.safetensors",
    ] {
      #expect(FileManager.default.fileExists(atPath: run + "/" + file), "\(file) is missing")
    }
    let grid = folder("grid.png")
    let generated = try atelier.run([
      "generate", run, "--count", "6", "--seed", "3", "--output", grid.path,
    ])
    #expect(generated.status == 0, "\(generated.errors)")
    #expect(try Image(contentsOf: grid).width > 56)
    let again = folder("again.png")
    _ = try atelier.run(["generate", run, "--count", "6", "--seed", "3", "--output", again.path])
    #expect(try Data(contentsOf: grid) == Data(contentsOf: again))
    let walk = try atelier.run([
      "generate", run, "--interpolate", "5", "--count", "2", "--files", folder("walk").path,
    ])
    #expect(walk.status == 0, "\(walk.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("walk").path).count == 10)
    let inspected = try atelier.run(["inspect", run, "--json"])
    #expect(inspected.status == 0 && inspected.output.contains("\"system\" : \"gan\""))
    let checked = try atelier.run(["data", "check", folder.url.path])
    #expect(checked.output.contains("80"))
  }

  @Test func aDamagedModelIsRefusedInOneSentence() throws {
    let folder = try TemporaryFolder()
    let file = folder("model.safetensors")
    try Data([1, 2, 3]).write(to: file)
    for verb in ["generate", "inspect"] {
      let result = try atelier.run([verb, file.path])
      #expect(result.status == 65)
      #expect(result.errors.contains("model.safetensors"))
    }
  }

  @Test func helpIsThereForEveryVerb() throws {
    for verb in ["train", "generate", "evaluate", "inspect", "data", "systems", "demo", "benchmark"] {
      let result = try atelier.run([verb, "--help"])
      #expect(result.status == 0 && result.output.contains("USAGE"))
    }
  }
}
