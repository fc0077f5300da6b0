import Atelier
import AtelierCommand
import Foundation
import TestSupport
import Testing

/// What a run says of the machine that made it, on another machine; and what a machine lacks.
@Suite struct MachineTests {
  private let atelier: TestedProgram
  private let folder: TemporaryFolder

  init() throws {
    let program = TestedProgram(named: "atelier")
    atelier = try #require(program, "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func oldRun(_ name: String) -> String { OldRun.folder.appendingPathComponent("\(name)/run").path }

  @Test(arguments: [
    ["generate", "acgan-augmented"], ["evaluate", "acgan-augmented"], ["neighbours", "ic-gan"],
    ["export", "acgan-augmented", "--output", "model.safetensors"], ["train", "--resume", "acgan-augmented"],
    ["demo"],
  ])
  func aDeviceThatIsNotThereIsOneSentenceOfEveryVerb(_ words: [String]) throws {
    guard !Device.cuda(7).isAvailable else { return }
    let command = words.map { OldRun.names.contains($0) ? oldRun($0) : $0 }
    for (device, named) in [("cuda:7", "--device cpu"), ("gpu", "'gpu'")] {
      let result = try atelier.run(command + ["--device", device], folder: folder.url)
      #expect(result.status == 64 && result.errors.contains(named), "\(words): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(words): \(result.errors)")
    }
  }

  @Test(arguments: ["generate", "evaluate", "export"])
  func countsOfThreadsHaveBounds(_ verb: String) throws {
    for threads in ["0", "100000"] {
      var command = [verb, oldRun("acgan-augmented"), "--threads", threads]
      if verb == "export" { command += ["--output", "model.safetensors"] }
      let result = try atelier.run(command, folder: folder.url)
      #expect(result.status == 64 && result.errors.contains("threads is \(threads)"), "\(result.errors)")
    }
  }

  @Test func aRunOfAnotherMachinesDeviceIsMeasuredAndDrawnFromHere() throws {
    let run = folder("run")
    try FileManager.default.copyItem(atPath: oldRun("acgan-augmented"), toPath: run.path)
    let file = run.appendingPathComponent("configuration.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    try Data(text.replacing("device: cpu", with: "device: 'cuda:7'").utf8).write(to: file)
    let drawn = try atelier.run(["generate", "run", "--count", "1", "--output", "a.png"], folder: folder.url)
    #expect(drawn.status == 0, "\(drawn.errors)")
    guard !Device.cuda(7).isAvailable else { return }
    let before = try Data(contentsOf: file)
    let resumed = try atelier.run(["train", "--resume", "run"], folder: folder.url)
    #expect(resumed.status == 64 && resumed.errors.contains("--device cpu"), "\(resumed.errors)")
    #expect(try Data(contentsOf: file) == before)
  }

  @Test func everyKindOfErrorHasItsCode() {
    #expect(ExitCodes.code(of: TrainingError.inUse(path: "x")) == 75)
    #expect(ExitCodes.code(of: TrainingError.unwritable(path: "x", reason: "y")) == 73)
    #expect(ExitCodes.code(of: TrainingError.brokenOff(cause: .machine, reason: "x", saved: "y")) == 71)
    #expect(ExitCodes.code(of: DatasetError.exhausted(path: "x", reason: "y")) == 71)
    #expect(ExitCodes.code(of: DatasetError.corruptImage(path: "x", reason: "y")) == 65)
    #expect(ExitCodes.code(of: ImageError.unwritable(file: "x", reason: "y")) == 73)
    #expect(ExitCodes.code(of: VideoError.frame(.exhausted(file: "x", reason: "y"))) == 71)
    #expect(ExitCodes.code(of: CocoaError(.fileWriteNoPermission)) == 73)
  }

  @Test func aFolderInTheWayIsOneSentenceAndNotAFault() throws {
    try Data("x".utf8).write(to: folder("taken"))
    for command in [
      ["generate", oldRun("vae"), "--count", "2", "--files", "taken"],
      ["generate", oldRun("vae"), "--count", "2", "--output", "nowhere/a.png"],
      ["generate", oldRun("rnn-language-model"), "--count", "2", "--files", "taken/texts"],
      ["export", oldRun("vae"), "--output", "nowhere/model.safetensors"],
    ] {
      let result = try atelier.run(command, folder: folder.url)
      #expect(result.status == 73, "\(command): \(result.errors)")
      #expect(
        result.errors.split(separator: "\n").count == 1 && result.errors.contains("cannot be written")
          || result.errors.contains("folder"), "\(result.errors)")
      #expect(!result.errors.contains("NSCocoa") && !result.errors.contains("partial"), "\(result.errors)")
    }
  }

  @Test func aDamagedCheckpointIsNeverReplacedWithoutAWord() throws {
    let run = folder("run")
    try FileManager.default.copyItem(atPath: oldRun("vae"), toPath: run.path)
    let checkpoints = run.appendingPathComponent("checkpoints")
    let newest = try #require(CheckpointStore(checkpoints).steps.last)
    let place = CheckpointStore(checkpoints).url(step: newest)
    let model = place.appendingPathComponent("model.safetensors")
    var bytes = try Data(contentsOf: model)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: model)
    for named in [place.path, model.path] {
      for verb in [
        ["generate", named, "--count", "1"], ["export", named, "--output", "m.safetensors"],
        ["inspect", named],
      ] {
        let result = try atelier.run(verb, folder: folder.url)
        #expect(result.status == 65 && result.errors.contains("SHA-256"), "\(verb): \(result.errors)")
      }
    }
    // A model file that was copied out of its checkpoint says nothing of its hash.
    try FileManager.default.copyItem(at: model, to: folder("copy.safetensors"))
    #expect(
      try atelier.run(["generate", "copy.safetensors", "--count", "1"], folder: folder.url).status == 0)
  }

  @Test func textsAreOneUnlessMoreAreAskedForAndHaveFiles() throws {
    let run = oldRun("rnn-language-model")
    let one = try atelier.run(["generate", run, "--length", "6", "--seed", "3"], folder: folder.url)
    #expect(one.status == 0 && one.errors.contains("Drawn from step "), "\(one.errors)")
    let two = try atelier.run(
      ["generate", run, "--length", "6", "--seed", "3", "--count", "2"], folder: folder.url)
    let files = try atelier.run(
      ["generate", run, "--length", "6", "--seed", "3", "--count", "2", "--files", "texts"],
      folder: folder.url)
    #expect(files.status == 0, "\(files.errors)")
    let texts = try (0..<2).map {
      try String(contentsOf: folder("texts/0000\($0).txt"), encoding: .utf8).dropLast()
    }
    #expect(two.output == texts.joined(separator: "\n\n") + "\n")
    #expect(one.output == texts[0] + "\n")
    let again = try atelier.run(["generate", run, "--count", "2", "--files", "texts"], folder: folder.url)
    #expect(again.status == 64 && again.errors.contains("--force"), "\(again.errors)")
  }

  @Test func aConditionThatWasDerivedInTrainingIsDerivedWhereImagesAreDrawnFrom() throws {
    try TinyData.writePhotographs(to: folder("photographs"), size: 16)
    let trained = try atelier.run(
      TranslationCommandTests.training(
        "pix2pix", folder("photographs"), into: folder("run").path, "downsamplings=2", "dropout=false",
        "inputChannels=1") + ["--derive", "edges"])
    #expect(trained.status == 0, "\(trained.errors)")
    let photo = TinyData.coloured(number: 9, width: 16, height: 16)
    try photo.write(to: folder("photo.png"))
    try ImageDerivation.edges(photo).converted(toChannels: 1).write(to: folder("outline.png"))
    func draw(_ image: String, _ more: [String] = []) throws -> TestedProgram.Result {
      let output = folder("out.png")
      return try atelier.run(
        ["generate", "run", image, "--output", output.path, "--force", "--no-provenance"] + more,
        folder: folder.url)
    }
    let derived = try draw("photo.png")
    #expect(derived.status == 0 && derived.errors.contains("--given"), "\(derived.errors)")
    let first = try Image(contentsOf: folder("out.png"))
    #expect(try draw("outline.png", ["--given"]).status == 0)
    #expect(try Image(contentsOf: folder("out.png")).bytes == first.bytes)
    #expect(try draw("photo.png", ["--given"]).status == 0)
    #expect(try Image(contentsOf: folder("out.png")).bytes != first.bytes)
    let plain = try atelier.run(["generate", oldRun("pix2pix"), "photo.png", "--given"], folder: folder.url)
    #expect(plain.status == 64 && plain.errors.contains("--given"), "\(plain.errors)")
  }
}
