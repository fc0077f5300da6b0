import Atelier
import Foundation
import TestSupport
import Testing

/// Pictures from pictures on the command line.
@Suite struct TranslationCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder
  private let run: String

  /// A tiny pix2pix that was trained for two steps.
  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder("data"), size: 16)
    run = folder("run").path
    let trained = try atelier.run(Self.training("pix2pix", folder("data"), into: run, "downsamplings=2"))
    try #require(trained.status == 0, "\(trained.errors)")
  }

  static func training(
    _ system: String, _ data: URL, into run: String, _ changes: String...
  ) -> [String] {
    let sizes = ["imageSize=16", "width=4", "discriminatorWidth=4", "layers=1", "batchSize=2"] + changes
    return [
      "train", system, "--data", data.path, "--preset", "small", "--run", run, "--steps", "2", "--quiet",
    ]
      + sizes.flatMap { ["--set", $0] }
  }

  private func picture(_ name: String, width: Int = 21, height: Int = 13) throws -> URL {
    let file = folder(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try TinyData.coloured(number: 3, width: width, height: height).write(to: file)
    return file
  }

  private func bytes(_ url: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

  @Test func sizeFormatDepthAndOriginAreInTheResult() throws {
    let deep = folder("deep.png")
    try TinyData.coloured(number: 3, width: 21, height: 13).with16Bits().write(to: deep)
    let output = folder("result.png")
    let result = try atelier.run(["generate", run, deep.path, "--output", output.path])
    #expect(result.status == 0, "\(result.errors)")
    let image = try Image(contentsOf: output)
    #expect(image.width == 21 && image.height == 13 && image.depth == 16)
    let packet = try #require(try ImageCodec().metadata(of: bytes(output)))
    #expect(packet.contains(ImageOrigin.sourceType) && packet.contains("pix2pix"))
    #expect(packet.contains("step 2, sha256:"))
    let plain = folder("plain.png")
    _ = try atelier.run(["generate", run, deep.path, "--output", plain.path, "--no-provenance"])
    #expect(try ImageCodec().metadata(of: bytes(plain)) == nil)
    #expect(try Image(contentsOf: plain) == image)
    let tiled = try atelier.run(
      ["generate", run, deep.path, "--output", folder("t.png").path, "--tile", "16", "--overlap", "4"])
    #expect(tiled.status == 0, "\(tiled.errors)")
    #expect(try Image(contentsOf: folder("t.png")).width == 21)
  }

  @Test func foldersAndSeveralFilesGoIntoAFolderInTheirFormats() throws {
    _ = try picture("in/a.png")
    _ = try picture("in/b/c.jpg")
    let single = try picture("d.webp")
    let results = folder("results")
    let result = try atelier.run(
      ["generate", run, folder("in").path, single.path, "--files", results.path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(imageFiles(below: results) == ["a.png", "b/c.jpg", "d.webp"])
    #expect(
      try ImageCodec().information(of: results.appendingPathComponent("d.webp")).format == .webp)
    let homeless = try atelier.run(["generate", run, folder("in").path])
    #expect(homeless.status == 64 && homeless.errors.contains("--files"))
  }

  @Test func standardInputGoesToStandardOutput() throws {
    let source = try picture("a.png")
    let shell = Program(URL(fileURLWithPath: "/bin/sh"))
    let command = "'\(atelier.url.path)' generate '\(run)' - < '\(source.path)' > '\(folder("out.png").path)'"
    let result = try shell.run(["-c", command])
    #expect(result.status == 0, "\(result.errors)")
    #expect(try Image(contentsOf: folder("out.png")).width == 21)
  }

  @Test func anInputIsNeverWrittenOver() throws {
    let source = try picture("a.png")
    let before = try bytes(source)
    try FileManager.default.createSymbolicLink(at: folder("link.png"), withDestinationURL: source)
    for output in ["a.png", "link.png"] {
      let result = try atelier.run(["generate", run, source.path, "--output", folder(output).path])
      #expect(result.status == 64 && result.errors.contains("written over"))
    }
    _ = try picture("in/x.png")
    let folded = try atelier.run(["generate", run, folder("in").path, "--files", folder("in").path])
    #expect(folded.status == 64)
    #expect(try bytes(source) == before)
  }

  @Test func resultsNeverReplaceEachOther() throws {
    let pictures = try [picture("one/a.png"), picture("two/a.png")]
    let results = folder("results")
    let refused = try atelier.run(
      ["generate", run] + pictures.map(\.path) + ["--files", results.path, "--force"])
    #expect(
      refused.status == 64 && refused.errors.contains("two inputs would be written as"), "\(refused.errors)")
    #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: results.path))
    let single = try atelier.run(["generate", run, pictures[0].path, "--files", results.path])
    #expect(single.status == 0 && single.output.hasPrefix("1 image in "), "\(single.output)\(single.errors)")
    // A quality that no result has is refused.
    let quality = try atelier.run([
      "generate", run, pictures[0].path, "--output", folder("q.png").path, "--quality", "5",
    ])
    #expect(quality.status == 64 && quality.errors.contains("written as PNG"), "\(quality.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("q.png").path))
  }

  @Test func picturesForSystemsThatTakeNoneAreRefused() throws {
    try FileManager.default.createDirectory(at: folder("digits"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("digits"), size: 28)
    let gan = folder("gan").path
    let trained = try atelier.run([
      "train", "gan", "--preset", "small", "--data", folder("digits").path, "--steps", "1", "--run", gan,
      "--set", "batchSize=8", "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let source = try picture("a.png")
    let refused = try atelier.run(["generate", gan, source.path])
    #expect(refused.status == 64 && refused.errors.contains("does not start from images"))
    let needed = try atelier.run(["generate", run])
    #expect(needed.status == 64 && needed.errors.contains("starts from images"))
    let direction = try atelier.run(["generate", run, source.path, "--direction", "BtoA"])
    #expect(direction.status == 64 && direction.errors.contains("source-to-target"))
  }

  @Test func bothDirectionsOfUnpairedSetsAreTranslated() throws {
    try TinyData.writeUnpaired(to: folder("sets"), size: 16)
    let cycle = folder("cycle").path
    let trained = try atelier.run(
      Self.training("cyclegan", folder("sets"), into: cycle, "downsamplings=1", "blocks=1"))
    #expect(trained.status == 0, "\(trained.errors)")
    let backwards = try atelier.run([
      "generate", cycle, try picture("a.png").path, "--direction", "BtoA", "--output", folder("b.png").path,
    ])
    #expect(backwards.status == 0, "\(backwards.errors)")
  }

  @Test func conditionsAreDerivedAndDirectionsTurnedAsAsked() throws {
    try TinyData.writePhotographs(to: folder("photographs"), size: 16)
    for (index, arguments) in [
      ["--derive", "grayscale"], ["--derive", "mask"], ["--derive", "edges", "--direction", "BtoA"],
    ].enumerated() {
      let result = try atelier.run(
        Self.training(
          "pix2pix", folder("photographs"), into: folder("derived\(index)").path, "downsamplings=2")
          + arguments)
      #expect(result.status == 0, "\(result.errors)")
    }
    let missing = try atelier.run(
      Self.training("pix2pix", folder("photographs"), into: folder("none").path, "downsamplings=2"))
    #expect(missing.status == 65 && missing.errors.contains("derive the condition"))
    let unknown = try atelier.run(
      Self.training("pix2pix", folder("photographs"), into: folder("none").path) + ["--derive", "blurr"])
    #expect(unknown.status == 64)
  }

  @Test func aGreyPictureIsNoMapOfLabels() throws {
    try TinyData.writePhotographs(to: folder("photographs"), size: 16)
    let grey = TinyData.coloured(number: 3, width: 16, height: 16).grey()
    try grey.write(to: folder("grey.png"))
    try grey.rgb().write(to: folder("rgb.png"))
    let trained = try atelier.run(
      Self.training("pix2pix", folder("photographs"), into: folder("derived").path, "downsamplings=2")
        + ["--derive", "grayscale"])
    try #require(trained.status == 0, "\(trained.errors)")
    for name in ["grey", "rgb"] {
      let result = try atelier.run([
        "generate", folder("derived").path, folder("\(name).png").path, "--output",
        folder("of-\(name).png").path,
      ])
      #expect(result.status == 0, "\(result.errors)")
    }
    #expect(try Image(contentsOf: folder("of-grey.png")) == Image(contentsOf: folder("of-rgb.png")))
  }

  @Test func dataArePreparedOnceAndNeverOver() throws {
    try TinyData.writePhotographs(to: folder("photographs"), size: 16)
    let (source, target) = (folder("photographs/train").path, folder("edges").path)
    let made = try atelier.run(["data", "prepare", "edges", source, target])
    #expect(made.status == 0 && made.output.contains("6 in "), "\(made.errors)")
    let again = try atelier.run(["data", "prepare", "edges", source, target])
    #expect(again.status == 64 && again.errors.contains("already"))
    let pairs = try atelier.run(["data", "prepare", "pair", target, source, folder("pairs").path])
    #expect(pairs.status == 0, "\(pairs.errors)")
    let checked = try atelier.run(["data", "check", folder("pairs").path])
    #expect(checked.output.contains("pix2pix") && checked.output.contains("6 pairs"))
    let missing = try atelier.run(
      ["data", "prepare", "emoji", folder("emoji").path, "--font", folder("none.ttf").path])
    #expect(missing.status == 66 && missing.errors.contains("fonts-noto-color-emoji"))
  }

  @Test func aSystemThatIsShownClassesIsMeasuredOnThoseItNeverSaw() throws {
    let (data, run) = (folder("animals"), folder("few").path)
    try TinyData.writeClassFolders(
      to: data, classes: ["circle", "square", "star"], perClass: 110, size: 16)
    let sizes = [
      "imageSize=16", "width=2", "blocks=1", "discriminatorWidth=2", "discriminatorBlocks=4", "batchSize=2",
      "mlpWidth=4", "styleLength=3", "heldOutClasses=[\"star\"]",
    ]
    let trained = try atelier.run(
      ["train", "funit", "--data", data.path, "--preset", "small", "--run", run, "--steps", "1", "--quiet"]
        + sizes.flatMap { ["--set", $0] })
    try #require(trained.status == 0, "\(trained.errors)")
    // So short a time ends the classifier's training at its first look at the clock, on any machine.
    let measured = try atelier.run(["evaluate", run, "--samples", "20", "--classifier-seconds", "1e-6"])
    #expect(measured.status == 0, "\(measured.errors)")
    #expect(measured.output.contains("few-shot accuracy, top-1 of all, 5 shot(s): "), "\(measured.output)")
    #expect(measured.output.contains("classifier-") && measured.output.contains("never trained on, 5 random"))
    #expect(measured.output.contains("mean fréchet distance of unseen classes, 1 shot(s): "))
    #expect(measured.output.contains("for the contents untranslated"))
    let chosen = try atelier.run(["evaluate", run, "--measure", "few-shot", "--measure", "perplexity"])
    #expect(chosen.status == 64 && chosen.errors.contains("'perplexity' says nothing about funit"))
  }

  @Test func settingsOfTheJudgesAreCheckedBeforeAnythingIsMeasured() throws {
    for (arguments, named) in [
      (["--shots", "100,20"], "--shots"), (["--segmenter-seconds", "0"], "--segmenter-seconds"),
      (["--segmenter-range", "unit"], "--segmenter"),
      (["--measure", "beauty"], "no measure 'beauty'"),
      (["--measure", "lpips:crop=3"], "has no setting 'crop'; it has network"),
    ] {
      let result = try atelier.run(["evaluate", run] + arguments)
      #expect(result.status == 64 && result.errors.contains(named), "\(result.errors)")
    }
  }
}
