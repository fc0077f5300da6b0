import Atelier
import Foundation
import TestSupport
import Testing

/// Label maps on the command line: in indices, in colours, and not what they should be.
@Suite struct MapCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder
  private static let colours: [[UInt8]] = [[0, 0, 0], [200, 10, 10], [10, 200, 10], [10, 10, 200]]
  private static let names = ["wall", "door", "window", "sky"]

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func image(_ values: [UInt8], size: Int = 32) -> Image {
    Image(width: size, height: size, channels: 1, bytes: values)
  }

  /// Four blocks of the classes 0 … 3.
  private func blocks(size: Int = 32) -> [UInt8] {
    (0..<(size * size)).map { UInt8($0 / size * 2 / size * 2 + $0 % size * 2 / size) }
  }

  private func coloured(_ values: [UInt8], _ colours: [[UInt8]] = colours, size: Int = 32) -> Image {
    Image(width: size, height: size, channels: 3, bytes: values.flatMap { colours[Int($0)] })
  }

  private func write(_ image: Image, _ name: String) throws -> String {
    let file = folder(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try image.write(to: file)
    return file.path
  }

  /// Photographs with their maps and the table of their classes.
  private func data(_ name: String, inColours: Bool = false) throws -> URL {
    let root = folder(name)
    for (part, count) in [("train", 4), ("test", 2)] {
      for index in 0..<count {
        _ = try write(
          TinyData.coloured(number: index, width: 32, height: 32), "\(name)/\(part)/images/\(index).png")
        let map = inColours ? coloured(blocks()) : image(blocks())
        _ = try write(map, "\(name)/\(part)/labels/\(index).png")
      }
    }
    let entries = zip(Self.names, Self.colours).map { name, colour in
      inColours ? "{\"name\": \"\(name)\", \"color\": \(colour)}" : "\"\(name)\""
    }
    try Data("[\(entries.joined(separator: ", "))]".utf8).write(
      to: root.appendingPathComponent("classes.json"))
    return root
  }

  private func training(_ system: String, _ data: URL, _ run: String, _ more: String...) -> [String] {
    let changes = [
      "imageWidth=32", "imageHeight=32", "width=2", "spadeHidden=3", "discriminatorWidth=2", "batchSize=2",
    ]
    return [
      "train", system, "--preset", "small", "--data", data.path, "--run", folder(run).path, "--steps", "2",
      "--quiet",
    ] + (changes + more).flatMap { ["--set", $0] }
  }

  private func refused(_ result: Program.Result, _ status: Int32, _ words: String...) {
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    for word in words { #expect(result.errors.contains(word), "'\(word)' is missing in: \(result.errors)") }
  }

  @Test func mapsInColoursAreTranslatedByTheTableOfTheirTraining() throws {
    let trained = try atelier.run(training("spade", data("coloured", inColours: true), "run"))
    try #require(trained.status == 0, "\(trained.errors)")
    // A model file alone knows the colours too.
    let model = folder("model.safetensors")
    try FileManager.default.copyItem(
      at: folder("run/checkpoints/step-000002/model.safetensors"), to: model)
    try FileManager.default.removeItem(at: folder("coloured"))
    let inColours = try write(coloured(blocks()), "coloured.png")
    let inIndices = try write(image(blocks()), "indices.png")
    for (map, result) in [(inColours, "a.png"), (inIndices, "b.png")] {
      let drawn = try atelier.run(["generate", model.path, map, "--output", folder(result).path])
      #expect(drawn.status == 0, "\(drawn.errors)")
    }
    #expect(try Image(contentsOf: folder("a.png")) == Image(contentsOf: folder("b.png")))
    var values = blocks()
    values[5 * 32 + 7] = 4
    let unknown = try write(coloured(values, Self.colours + [[1, 2, 3]]), "unknown.png")
    let result = try atelier.run(["generate", model.path, unknown, "--output", folder("c.png").path])
    refused(result, 65, "unknown.png", "the pixel at 7, 5", "the colour 1 2 3")
    #expect(!FileManager.default.fileExists(atPath: folder("c.png").path))
  }

  @Test func mapsOfWrongValuesAreRefusedBeforeTrainingAndWhenTranslating() throws {
    let good = try data("good")
    let trained = try atelier.run(training("spade", good, "run"))
    try #require(trained.status == 0, "\(trained.errors)")
    let run = folder("run").path
    var values = blocks()
    values[0] = 20
    let beyond = try write(image(values), "beyond.png")
    refused(
      try atelier.run(["generate", run, beyond, "--output", folder("x.png").path]), 65, "beyond.png",
      "the label 20", "0 … 3")
    let empty = try write(image([UInt8](repeating: 255, count: 32 * 32)), "empty.png")
    refused(
      try atelier.run(["generate", run, empty, "--output", folder("x.png").path]), 65, "empty.png",
      "only 255")
    _ = try write(image(values), "good/train/labels/2.png")
    refused(
      try atelier.run(training("spade", good, "second")), 65, "labels/2.png", "the label 20", "0 … 3")
    #expect(!FileManager.default.fileExists(atPath: folder("second/checkpoints/step-000002").path))
    let checked = try atelier.run(["data", "check", good.path])
    #expect(checked.status == 65 && checked.output.contains("labels/2.png"), "\(checked.output)")
    for index in 0..<4 {
      _ = try write(image([UInt8](repeating: 255, count: 32 * 32)), "good/train/labels/\(index).png")
    }
    refused(try atelier.run(training("spade", good, "third")), 65, "good", "only 255")
  }

  @Test func mapsOfAnotherShapeThanTheirPicturesAreNamed() throws {
    let odd = try data("odd")
    for index in 0..<4 {
      let thin = Image(
        width: 16, height: 32, channels: 1, bytes: [UInt8](repeating: 1, count: 16 * 32))
      _ = try write(thin, "odd/train/labels/\(index).png")
    }
    refused(try atelier.run(training("spade", odd, "run")), 65, "16 x 32", "32 x 32")
  }

  @Test func styleOfRegionsIsCheckedAgainstWhatThePicturesShow() throws {
    let trained = try atelier.run(
      training("sean", data("data"), "run", "styleLength=4", "encoderWidth=2"))
    try #require(trained.status == 0, "\(trained.errors)")
    let map = try write(image(blocks()), "map.png")
    let noSky = try write(image(blocks().map { $0 == 3 ? 0 : $0 }), "nosky.png")
    var values = blocks()
    values[0] = 20
    let beyond = try write(image(values), "beyond.png")
    let small = try write(image([UInt8](repeating: 0, count: 256), size: 16), "small.png")
    let photo = try write(TinyData.coloured(number: 1, width: 32, height: 32), "photo.png")
    let broken = folder("broken.jpg")
    try Data([0xFF, 0xD8, 0xFF, 0xE0, 0]).write(to: broken)
    func styled(_ picture: String, _ more: String...) throws -> Program.Result {
      try atelier.run(
        ["generate", folder("run").path, map, "--output", folder("x.png").path, "--style", picture] + more)
    }
    refused(try styled(photo, "--style-map", noSky, "--region", "sky=1"), 64, "photo.png", "shows no 'sky'")
    refused(try styled(photo, "--style-map", map, "--region", "sky=2"), 64, "'2' is no image 1 … 1")
    refused(try styled(photo, "--style-map", map, "--region", "moon=1"), 64, "'moon'", "wall, door, window")
    refused(try styled(photo, "--style-map", beyond), 65, "beyond.png", "the label 20")
    refused(try styled(photo, "--style-map", small), 65, "small.png is 16×16")
    refused(try styled(photo), 64, "--style-map")
    refused(try styled(broken.path, "--style-map", map), 65, "broken.jpg")
    #expect(!FileManager.default.fileExists(atPath: folder("x.png").path))
    let right = try styled(photo, "--style-map", map, "--region", "sky=1")
    #expect(right.status == 0, "\(right.errors)")
    refused(try styled(photo, "--style-map", map, "--vary", "sky"), 64, "sean takes no --vary", "--region")
  }

  @Test func anEncoderTakesTheStyleOfAPicture() throws {
    let trained = try atelier.run(
      training(
        "spade", data("data"), "run", "encoder=convolutional", "encoderWidth=2", "encoderSize=16", "latent=3")
    )
    try #require(trained.status == 0, "\(trained.errors)")
    let map = try write(image(blocks()), "map.png")
    let style = try write(TinyData.coloured(number: 1, width: 24, height: 40), "style.png")
    func drawn(_ seed: Int, _ more: [String]) throws -> Image {
      let result = try atelier.run(
        [
          "generate", folder("run").path, map, "--output", folder("x.png").path, "--force", "--seed",
          "\(seed)",
        ] + more)
      try #require(result.status == 0, "\(result.errors)")
      return try Image(contentsOf: folder("x.png"))
    }
    // A style of an image follows from no draw; without one it is drawn.
    #expect(try drawn(1, ["--style", style]) == drawn(2, ["--style", style]))
    #expect(try drawn(1, []) != drawn(2, []))
  }

  /// 33 × 19 is no multiple of anything, so that the map is continued.
  @Test func conditionsThatLieOnTheMapAreCutWithIt() throws {
    let trained = try atelier.run(training("oasis", data("data"), "run", "latent=2"))
    try #require(trained.status == 0, "\(trained.errors)")
    let values = (0..<(33 * 19)).map { UInt8($0 % 33 / 9) }
    let map = try write(Image(width: 33, height: 19, channels: 1, bytes: values), "map.png")
    func noise(_ height: Int, _ width: Int) throws -> String {
      let file = folder("noise-\(width)x\(height).safetensors")
      let numbers = (0..<(2 * height * width)).map { Float($0 % 7) / 7 }
      try Safetensors.write([("noise", HostTensor(numbers, shape: [1, 2, height, width]))], to: file)
      return file.path
    }
    func drawn(_ noise: String, _ more: [String] = []) throws -> Program.Result {
      try atelier.run(
        [
          "generate", folder("run").path, map, "--condition", "noise=\(noise)", "--output",
          folder("x.png").path,
          "--force",
        ] + more)
    }
    for more in [[], ["--tile", "16", "--overlap", "4"]] {
      let result = try drawn(noise(19, 33), more)
      #expect(result.status == 0, "\(result.errors)")
      #expect(try Image(contentsOf: folder("x.png")).width == 33)
    }
    refused(try drawn(noise(32, 32)), 64, "'noise' is 32×32", "33×19")
  }

  @Test func variedClassesHaveToBeThere() throws {
    let trained = try atelier.run(training("oasis", data("data"), "run", "latent=2"))
    try #require(trained.status == 0, "\(trained.errors)")
    let map = try write(image(blocks()), "map.png")
    let result = try atelier.run([
      "generate", folder("run").path, map, "--vary", "moon", "--variations", "2", "--files",
      folder("out").path,
    ])
    refused(result, 64, "'moon'", "wall, door, window, sky")
    refused(
      try atelier.run([
        "generate", folder("run").path, map, "--style", map, "--output", folder("x.png").path,
      ]),
      64, "oasis takes no --style", "--vary")
    let varied = try atelier.run([
      "generate", folder("run").path, map, "--vary", "sky", "--variations", "2", "--files",
      folder("out").path,
    ])
    #expect(varied.status == 0, "\(varied.errors)")
    #expect(
      try Image(contentsOf: folder("out/map-1.png")) != Image(contentsOf: folder("out/map-2.png")))
  }

  @Test func mapsOfLabelsAreGivenToASystemOfMaps() throws {
    for inColours in [false, true] {
      let checked = try atelier.run(["data", "check", data("maps\(inColours)", inColours: inColours).path])
      #expect(checked.output.contains("Begin with: atelier train spade "), "\(checked.output)")
    }
    _ = try write(
      coloured(blocks(), Self.colours.dropLast() + [[9, 9, 9]]), "mapstrue/train/labels/1.png")
    let checked = try atelier.run(["data", "check", folder("mapstrue").path])
    #expect(checked.status == 65 && checked.output.contains("the colour 9 9 9"), "\(checked.output)")
    try TinyData.writePairs(to: folder("pairs"), size: 16)
    let pairs = try atelier.run(["data", "check", folder("pairs").path])
    #expect(pairs.output.contains("Begin with: atelier train pix2pix "), "\(pairs.output)")
  }

  @Test func listsNeedNoQuotesAndOneValueIsAListOfOne() throws {
    let maps = try data("data")
    for change in ["diffAugment=[color, translation]", "diffAugment=color", "diffAugment=[\"cutout\"]"] {
      let result = try atelier.run(training("spade", maps, "run", change) + ["--dry-run"])
      #expect(result.status == 0, "\(change): \(result.errors)")
    }
    let wrong = try atelier.run(training("spade", maps, "run", "diffAugment=colour") + ["--dry-run"])
    refused(wrong, 64, "diffAugment=[color, translation]", "color, translation or cutout")
    refused(
      try atelier.run(training("spade", maps, "run", "weights={kl: much}") + ["--dry-run"]), 64, "weights.kl",
      "a number")
  }

  @Test func theLicenceOfImportedWeightsIsShownAndKept() throws {
    let weights = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("ReferenceCases/spade/generator.pth")
    let model = folder("imported.safetensors").path
    let imported = try atelier.run([
      "weights", "import", weights.path, "--system", "spade", "--output", model,
    ])
    #expect(imported.status == 0 && imported.output.contains("CC BY-NC-SA 4.0"), "\(imported.errors)")
    let inspected = try atelier.run(["inspect", model])
    #expect(inspected.output.contains("CC BY-NC-SA 4.0"), "\(inspected.output.prefix(500))")
  }
}
