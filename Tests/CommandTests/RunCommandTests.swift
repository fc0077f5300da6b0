import Atelier
import Foundation
import TestSupport
import Testing

/// Verbs about runs as a person uses them: train from other weights, measure on the way, report, card, compare.
@Suite struct RunCommandTests {
  private let atelier: Program
  private let tiny = [
    "--set", "imageSize=16", "--set", "generatorChannels=2", "--set", "discriminatorChannels=2",
  ]

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
  }

  private func data(in folder: TemporaryFolder) throws -> String {
    for part in ["train", "validation", "test"] {
      try TinyData.writeClassFolders(to: folder("data/\(part)"), perClass: 24, size: 16)
    }
    return folder("data").path
  }

  @Test func aTrainingFromOtherWeightsIsMeasuredReportedAndCompared() throws {
    let folder = try TemporaryFolder()
    let data = try data(in: folder)
    let (one, two) = (folder("one").path, folder("two").path)
    let base = ["train", "dcgan", "--data", data, "--threads", "1", "--preview-every", "4"]
    let first = try atelier.run(
      base + ["--preset", "small", "--run", one, "--steps", "4", "--set", "batchSize=8"] + tiny)
    #expect(first.status == 0, "\(first.errors)")
    let second = try atelier.run(
      base + [
        "--run", two, "--steps", "6", "--from", one, "--freeze-discriminator", "1", "--validate-every", "2",
        "--patience", "9", "--validate-measure", "frechet-distance", "--validate-samples", "24",
      ])
    #expect(second.status == 0, "\(second.errors)")
    for part in ["tensors taken", "Frozen: discriminator/", "Validation at step 0", "best"] {
      #expect(second.errors.contains(part), "\(part): \(second.errors)")
    }
    let evaluated = try atelier.run([
      "evaluate", two, "--best", "--samples", "24", "--measure", "frechet-distance", "--classifier-seconds",
      "5",
    ])
    #expect(evaluated.status == 0 && evaluated.output.contains("test"), "\(evaluated.errors)")
    let drawn = try atelier.run(["generate", two, "--best", "--output", folder("best.png").path])
    #expect(drawn.status == 0, "\(drawn.errors)")
    let none = try atelier.run(["generate", one, "--best", "--output", folder("none.png").path])
    #expect(none.status == 66 && none.errors.contains("nothing was measured"))
    let report = try atelier.run(["report", two, "--html"])
    #expect(report.status == 0 && report.output.contains("report.html"))
    #expect(
      try String(contentsOfFile: two + "/report.html", encoding: .utf8).contains("On the validation part"))
    let card = try atelier.run(["card", two])
    #expect(card.status == 0, "\(card.errors)")
    #expect(
      try String(contentsOfFile: two + "/card.md", encoding: .utf8).contains(
        "Training began with weights of one"))
    let compared = try atelier.run(["compare", one, two])
    #expect(compared.status == 0 && compared.output.contains("freezeDiscriminator"), "\(compared.errors)")
    #expect(!compared.output.contains("latentSize"))
    let exported = try atelier.run(["export", two, "--output", folder("net.safetensors").path])
    #expect(exported.status == 0, "\(exported.errors)")
    #expect(FileManager.default.fileExists(atPath: folder("net.card.md").path))
  }

  @Test func dataWithATestPartAloneAreMeasuredOnAPartKeptFromTraining() throws {
    let folder = try TemporaryFolder()
    let data = folder("digits")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data, perClass: 20, size: 16)
    let run = folder("run").path
    let base = [
      "train", "dcgan", "--preset", "small", "--data", data.path, "--threads", "1", "--run", run, "--steps",
      "2",
      "--set", "batchSize=8", "--validate-every", "1", "--validate-measure", "frechet-distance",
      "--validate-samples", "20",
    ]
    let refused = try atelier.run(base + tiny)
    #expect(refused.status != 0 && refused.errors.contains("hold-out-validation 0.1"), "\(refused.errors)")
    let both = try atelier.run(base + tiny + ["--hold-out", "0.1", "--hold-out-validation", "0.3"])
    #expect(both.status != 0 && both.errors.contains("hold out a validation part alone"), "\(both.errors)")
    let trained = try atelier.run(base + tiny + ["--hold-out-validation", "0.3"])
    #expect(trained.status == 0 && trained.errors.contains("24 as validation part"), "\(trained.errors)")
    let resumed = try atelier.run(["train", "--resume", run, "--steps", "4"])
    #expect(resumed.status == 0 && resumed.errors.contains("Validation at step 4"), "\(resumed.errors)")
    // The test part is the data's own, and was left alone.
    let evaluated = try atelier.run([
      "evaluate", run, "--best", "--samples", "24", "--measure", "frechet-distance", "--classifier-seconds",
      "5",
    ])
    #expect(evaluated.status == 0 && evaluated.output.contains("test"), "\(evaluated.errors)")
  }

  @Test func optionsThatSayNothingAreRefused() throws {
    let folder = try TemporaryFolder()
    let data = try data(in: folder)
    let base =
      ["train", "dcgan", "--preset", "small", "--data", data, "--steps", "1", "--run", folder("run").path]
      + ["--set", "batchSize=8"] + tiny
    for (more, words) in [
      (["--patience", "3"], "--validate-every"), (["--validate-every", "soon"], "10min"),
      (["--from", folder("nothing").path], "nothing of this name"),
      (["--validate-every", "5", "--validate-measure", "beauty"], "no measure 'beauty'"),
    ] {
      let result = try atelier.run(base + more)
      #expect(result.status != 0 && result.errors.contains(words), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder("run/configuration.yaml").path))
    }
    #expect(try atelier.run(["compare", "one"]).status == 64)
  }
}
