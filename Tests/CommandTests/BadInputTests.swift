import Atelier
import Foundation
import TestSupport
import Testing

/// What happens with pictures, pairs and checkpoints that are not what they should be: one clear line each, the
/// rest is done, and nothing is lost.
@Suite struct BadInputTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  /// A tiny pix2pix that was trained for two steps.
  private func trainedRun() throws -> String {
    try TinyData.writePairs(to: folder("data"), size: 16)
    let run = folder("run").path
    let trained = try atelier.run(
      TranslationCommandTests.training("pix2pix", folder("data"), into: run, "downsamplings=2"))
    try #require(trained.status == 0, "\(trained.errors)")
    return run
  }

  /// Photographs, and odd pictures among both parts.
  private func oddPhotographs() throws -> URL {
    let data = folder("photographs")
    try TinyData.writePhotographs(to: data, size: 16)
    for part in ["train", "test"] { try OddPictures.write(to: data.appendingPathComponent(part)) }
    return data
  }

  private func lines(_ text: String, naming name: String) -> [Substring] {
    text.split(separator: "\n").filter { $0.contains(name) }
  }

  private func everything(below folder: URL) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func badPicturesAreNamedAndTheOthersTranslated() throws {
    let run = try trainedRun()
    let inputs = folder("in")
    try FileManager.default.createDirectory(at: inputs, withIntermediateDirectories: true)
    try TinyData.coloured(number: 3, width: 21, height: 13).write(to: folder("in/good.png"))
    try OddPictures.write(to: inputs)
    let before = try everything(below: inputs)
    let results = folder("results")
    let result = try atelier.run(["generate", run, inputs.path, "--files", results.path])
    #expect(result.status == 65)
    for name in OddPictures.unusable {
      #expect(lines(result.errors, naming: name).count == 1, "\(name) in: \(result.errors)")
    }
    #expect(result.errors.contains("jpeg.png is a JPEG by its contents"))
    #expect(result.errors.contains("moving.gif has 2 frames; its first is used"))
    #expect(imageFiles(below: results) == ["dot.png", "good.png", "jpeg.jpg", "moving.gif", "press.tif"])
    #expect(try Image(contentsOf: results.appendingPathComponent("dot.png")).width == 1)
    #expect(try everything(below: inputs) == before)
  }

  @Test func trainingAndMeasuringGoOnWithoutWhatCannotBeDecoded() throws {
    let data = try oddPhotographs()
    let before = try everything(below: data)
    let run = folder("odd").path
    let options = TranslationCommandTests.training("pix2pix", data, into: run, "downsamplings=2")
    let trained = try atelier.run(
      options.filter { $0 != "--quiet" } + ["--derive", "grayscale", "--steps", "8"])
    #expect(trained.status == 0, "\(trained.errors)")
    for name in OddPictures.unusable {
      #expect(!lines(trained.output + trained.errors, naming: name).isEmpty, "\(name) was not named")
    }
    let measured = try atelier.run(["evaluate", run, "--json"])
    #expect(measured.status == 0, "\(measured.errors)")
    #expect(measured.output.contains("left out: \(OddPictures.unusable.count)"), "\(measured.output)")
    let strict = try atelier.run(
      TranslationCommandTests.training("pix2pix", data, into: folder("strict").path, "downsamplings=2")
        + ["--derive", "grayscale", "--corrupt", "stop"])
    #expect(strict.status == 65 && strict.errors.split(separator: "\n").count == 1, "\(strict.errors)")
    #expect(try everything(below: data) == before)
  }

  @Test func preparationsAndChecksNameEveryBadPictureOnce() throws {
    let data = try oddPhotographs().appendingPathComponent("train")
    let made = try atelier.run(["data", "prepare", "grayscale", data.path, folder("grey").path])
    #expect(made.status == 0)
    // words.jpg and jpeg.png are no namesakes of others here.
    #expect(made.output.contains("10 in "), "\(made.output) \(made.errors)")
    for name in OddPictures.unusable {
      #expect(lines(made.errors, naming: name).count == 1, "\(name) in: \(made.errors)")
    }
    let checked = try atelier.run(["data", "check", data.path, "--json"])
    let report = try JSONDecoder().decode(DataReport.self, from: Data(checked.output.utf8))
    #expect(report.corrupt.map(\.path).sorted() == OddPictures.unusable.sorted())
    #expect(report.findings.contains { $0.message.contains("moving.gif is an animation") })
  }

  @Test func pairsThatDoNotMatchAreNamedAndMostlyUnmatchedOnesRefused() throws {
    let data = folder("data")
    try TinyData.writePairs(to: data, size: 16)
    let targets = data.appendingPathComponent("train/B")
    let names = imageFiles(below: targets)
    try FileManager.default.removeItem(at: targets.appendingPathComponent(names[0]))
    let wide = TinyData.coloured(number: 3, width: 32, height: 16)
    try wide.write(to: targets.appendingPathComponent(names[1]))
    let training = TranslationCommandTests.training(
      "pix2pix", data, into: folder("r").path, "downsamplings=2")
    let trained = try atelier.run(training.filter { $0 != "--quiet" } + ["--steps", "6"])
    #expect(trained.status == 0, "\(trained.errors)")
    let said = trained.output + trained.errors
    let stem = (names[0] as NSString).deletingPathExtension
    #expect(said.contains("no target, such as \(stem)") && said.contains(names[1]), "\(said)")
    let checked = try atelier.run(["data", "check", data.path])
    #expect(checked.output.contains("no target, such as \(stem)"), "\(checked.output)")
    #expect(checked.output.contains("different aspect ratios"), "\(checked.output)")

    for name in names.dropFirst() {
      try FileManager.default.moveItem(
        at: targets.appendingPathComponent(name), to: targets.appendingPathComponent("other-" + name))
    }
    let refused = try atelier.run(
      TranslationCommandTests.training("pix2pix", data, into: folder("s").path, "downsamplings=2"))
    #expect(refused.status == 65 && refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    #expect(refused.errors.contains("partner of the same name") && refused.errors.contains("cyclegan"))
  }

  @Test func aCheckpointOfAnotherSystemIsRefusedAndKept() throws {
    let run = try trainedRun()
    try TinyData.writeUnpaired(to: folder("sets"), size: 16)
    let cycle = folder("cycle").path
    let trained = try atelier.run(
      TranslationCommandTests.training("cyclegan", folder("sets"), into: cycle, "downsamplings=1", "blocks=1")
    )
    #expect(trained.status == 0, "\(trained.errors)")
    let checkpoints = URL(fileURLWithPath: run).appendingPathComponent("checkpoints")
    try FileManager.default.removeItem(at: checkpoints)
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: cycle).appendingPathComponent("checkpoints"), to: checkpoints)
    let before = try everything(below: checkpoints)
    let resumed = try atelier.run(["train", "--resume", run, "--steps", "4", "--quiet"])
    #expect(resumed.status == 64)
    #expect(
      resumed.errors.contains("is a checkpoint of cyclegan")
        && resumed.errors.split(separator: "\n").count == 1, "\(resumed.errors)")
    #expect(try everything(below: checkpoints) == before)
  }

  @Test func optionsThatAResumptionCannotFollowAreRefused() throws {
    let run = try trainedRun()
    let configuration = URL(fileURLWithPath: run).appendingPathComponent("configuration.yaml")
    let before = try Data(contentsOf: configuration)
    for (options, named) in [
      (["--device", "gpu", "--steps", "40"], "gpu"), (["--fit", "pad"], "--fit"),
      (["--label-column", "x"], "--label-column"), (["--corrupt", "stop"], "--corrupt"),
      (["--derive", "gray"], "--derive"), (["--direction", "AtoB"], "--direction"),
      (["--side-by-side"], "--side-by-side"), (["--name", "x"], "--name"), (["--workers", "0"], "workers"),
    ] {
      let result = try atelier.run(["train", "--resume", run] + options)
      #expect(result.status == 64 && result.errors.contains(named), "\(options): \(result.errors)")
      #expect(try Data(contentsOf: configuration) == before)
    }
  }

  @Test func networksThatDoNotFitInMemoryAreOneSentence() throws {
    let data = folder("data")
    try TinyData.writePairs(to: data, size: 16)
    let result = try atelier.run(
      TranslationCommandTests.training(
        "pix2pix", data, into: folder("large").path, "downsamplings=2", "width=1000000000"))
    #expect(result.status == 71, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count { $0.contains("atelier:") } == 1, "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("large").path))
  }
}
