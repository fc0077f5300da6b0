import Atelier
import Foundation
import TestSupport
import Testing

/// Systems that learn from pairs and from two sets, bound to data and trained.
@Suite struct TranslationTests {
  private func binding(
    _ data: URL, _ changes: [String: ConfigurationValue] = [:], reading: ReadingOptions = ReadingOptions()
  ) throws -> DataBinding {
    try DataBinding.open(
      data, for: TinyTranslator.self, configuration: changes,
      options: DataBindingOptions(seed: 3, reading: reading))
  }

  @Test func pairsAreServedByTheNamesOfTheFieldsInTheirRanges() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder.url)
    let data = try binding(folder.url)
    let batch = try data.training.next()
    #expect(batch["source"].shape == [2, 3, 8, 8] && batch["target"].shape == [2, 3, 8, 8])
    // The target is the negative: -1 … 1 on one side, 0 … 1 on the other.
    #expect(((batch["source"] + 1) / 2 + batch["target"] - 1).abs().max().item() < 1e-5)
    #expect(data.facts.description.layout == .pairedFolders)
    #expect(try data.batches(of: .test)?.reduce(0) { $0 + $1.indices.count } == 3)
    #expect(try data.batches(of: .validation) == nil)
    let backwards = try binding(folder.url, reading: ReadingOptions(swapsDirection: true))
    let other = try backwards.training.next()
    #expect(((other["source"] + 1) / 2 - (batch["target"])).abs().max().item() < 1e-5)
  }

  @Test func aConditionIsDerivedAsTheSystemOrTheUserSays() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder.url, size: 16)
    let small = try binding(folder.url, ["scale": 4, "imageSize": 16])
    #expect(try small.training.next()["source"].shape == [2, 3, 4, 4])
    let grey = try binding(
      folder.url, ["inputChannels": 1], reading: ReadingOptions(derivation: .grayscale))
    #expect(try grey.training.next()["source"].shape == [2, 1, 8, 8])
    let error = #expect(throws: DatasetError.self) { try binding(folder.url) }
    #expect(error?.description.contains("derive the condition") == true)
  }

  @Test func labelsAreServedAsIndices() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeLabelled(to: folder.url)
    let data = try binding(folder.url, ["isLabelled": true, "classes": 40])
    #expect(data.configuration["classes"] == 4)
    let batch = try data.training.next()
    #expect(batch["label"].shape == [2, 8, 8] && batch["label"].dtype == .int64)
    #expect(batch["label"].max().item() <= 3)
  }

  @Test func wholePicturesCanBeMeasured() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder.url, size: 18)
    let data = try binding(folder.url, ["scale": 4, "imageSize": 8])
    let whole = try #require(try data.wholeDataset(of: .test))
    let batch = try data.batch(of: 1, in: whole)
    #expect(batch["target"].shape == [1, 3, 16, 24] && batch["source"].shape == [1, 3, 4, 6])
    #expect(try data.wholeDataset(of: .validation) == nil)
  }

  @Test(arguments: ["pairs", "halves", "unpaired", "labelled", "photographs"])
  func everyKindOfDataTrainsIsPreviewedAndResumesToTheByte(kind: String) throws {
    let folder = try TemporaryFolder()
    var changes: [String: ConfigurationValue] = ["resizeTo": 11, "flips": true]
    switch kind {
    case "pairs": try TinyData.writePairs(to: folder("data"))
    case "halves": try TinyData.writeSideBySide(to: folder("data"))
    case "unpaired":
      try TinyData.writeUnpaired(to: folder("data"))
      changes["isUnpaired"] = true
    case "labelled":
      try TinyData.writeLabelled(to: folder("data"))
      changes["isLabelled"] = true
    default:
      try TinyData.writePhotographs(to: folder("data"))
      changes["scale"] = 2
    }
    let harness = try SystemHarness(TinyTranslator.self, changes, data: folder("data"))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.resumesExactly(half: 4))
    #expect(try harness.isDeterministic())
    var options = SystemHarness.options(steps: 2)
    options.previewEvery = 2
    let run = try harness.train(in: folder.url, options: options)
    let sheet = try Image(contentsOf: run.samples.appendingPathComponent("step-000002.png"))
    // source | output | target, or source | output for each of two directions.
    let columns = kind == "unpaired" ? 4 : 3
    #expect(sheet.width == columns * 66 + 2)
  }

  @Test func aRunRemembersHowItsDataAreRead() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder("data"))
    let reading = ReadingOptions(
      fit: .stretch, derivation: .blur(sigma: 2), swapsDirection: true, isSideBySide: true)
    let data = try binding(folder("data"), reading: reading)
    let run = try RunDirectory.create(in: folder.url, name: "tiny")
    try Training.start(data, in: run, options: SystemHarness.options(steps: 1))
    #expect(try RunConfiguration.read(run.configuration).reading == reading)
    let again = try Training.openData(of: run.url, registry: SystemRegistry([TinyTranslator.self]))
    #expect(again.options.reading == reading)
    var text = try String(contentsOf: run.configuration, encoding: .utf8)
    text = text.replacingOccurrences(of: "direction: BtoA", with: "direction: back")
    try Data(text.utf8).write(to: run.configuration)
    let error = #expect(throws: TrainingError.self) { try RunConfiguration.read(run.configuration) }
    #expect(error?.description.contains("direction") == true)
  }

  // MARK: Pictures of any size

  private func translation(
    _ changes: [String: ConfigurationValue] = [:], classNames: [String] = [], tiling: Tiling? = nil,
    alpha: AlphaTreatment = .keep, direction: String? = nil, layout: DataLayout = .pairedFolders
  ) throws -> ImageTranslator {
    let configuration = try TinyTranslator.Configuration().overlaid(with: changes)
    let system = try TinyTranslator(
      configuration, artefacts: Artefacts(), using: RandomStream(seed: 2))
    // A permutation of the channels, so that the result is known.
    let outputs = configuration.outputChannels
    let inputs = configuration.isLabelled ? configuration.classes : configuration.inputChannels
    var weights = [Float](repeating: 0, count: outputs * inputs)
    for output in 0..<outputs { weights[output * inputs + (output + 1) % inputs] = 0.5 }
    try system.networks[0].module.load([
      ("weight", HostTensor(weights, shape: [outputs, inputs, 1, 1])),
      ("bias", HostTensor([Float](repeating: 0.5, count: outputs))),
    ])
    let data = DatasetDescription(
      layout: layout, name: "x", split: .train, count: 1, classNames: classNames, fingerprint: "")
    let description = ModelDescription(
      system: "tiny-translator", configuration: [:], data: data, artefacts: Artefacts(), step: 0)
    return try ImageTranslator(
      system, description, direction: direction, tiling: tiling, alpha: alpha)
  }

  /// What the permutation makes of a picture: red becomes green, green blue, blue red.
  private func turned(_ image: Image) -> [UInt8] {
    let order = [1, 2, 0]
    return image.bytes.indices.map { image.bytes[$0 / 3 * 3 + order[$0 % 3]] }
  }

  @Test(arguments: [(1, 1), (7, 5), (64, 3), (33, 40)], [1, 8, 256])
  func anySizeIsKept(size: (Int, Int), multiple: Int) throws {
    let picture = TinyData.coloured(number: 3, width: size.0, height: size.1)
    let result = try translation(["sizeMultiple": .integer(multiple)])(picture)
    #expect(result.width == size.0 && result.height == size.1)
    #expect(result.bytes == turned(picture))
  }

  @Test func tilesAreSeamless() throws {
    let picture = TinyData.coloured(number: 1, width: 150, height: 90)
    for (multiple, scale) in [(1, 1), (16, 1), (1, 4)] {
      let changes: [String: ConfigurationValue] = [
        "sizeMultiple": .integer(multiple), "scale": .integer(scale),
      ]
      let whole = try translation(changes)(picture)
      let tiled = try translation(changes, tiling: Tiling(tile: 64, overlap: 20))(picture)
      #expect(whole == tiled && whole.width == 150 * scale)
    }
    #expect(throws: ConfigurationError.self) {
      try translation(tiling: Tiling(tile: 64, overlap: 32))(picture)
    }
  }

  @Test func depthAndAlphaAreKept() throws {
    let picture = TinyData.coloured(number: 1, width: 9, height: 6)
    let deep = try translation()(picture.with16Bits())
    #expect(deep.depth == 16 && deep.with8Bits().bytes == turned(picture))
    #expect(try translation()(picture.withFloats()).depth == 32)
    let mask = Image(width: 9, height: 6, channels: 1, bytes: (0..<54).map { UInt8($0 * 4) })
    let veiled = picture.withAlpha(mask)
    let kept = try translation(["scale": 2])(veiled)
    #expect(kept.channels == 4 && kept.width == 18)
    #expect(try kept.alpha == mask.resized(width: 18, height: 12))
    #expect(try translation(alpha: .white)(veiled).bytes == turned(veiled.rgb()))
    #expect(try translation(alpha: .black)(veiled).bytes == turned(veiled.rgb(alpha: .flattenOnBlack)))
  }

  @Test func otherChannelsAreBroughtToTheSystems() throws {
    let picture = TinyData.coloured(number: 1, width: 9, height: 6)
    #expect(try translation(["inputChannels": 1])(picture).channels == 3)
    #expect(try translation()(picture.grey()).channels == 3)
    let bands = Image(width: 2, height: 2, channels: 6, bytes: (0..<24).map { UInt8(10 * $0) })
    #expect(try translation(["inputChannels": 6, "outputChannels": 6])(bands).channels == 6)
    #expect(throws: ImageError.self) { try translation(["inputChannels": 6])(picture) }
  }

  @Test func labelsAreGivenAsInTraining() throws {
    let map = LabelMap(indices: Image(width: 2, height: 1, channels: 1, bytes: [1, 3]))
    // Labels as indices: the weights of a class are a column.
    let indexed = try translation(["isLabelled": true])
    #expect(indexed.takesLabels)
    #expect(try indexed(map).bytes == [255, 128, 128, 128, 128, 255])
    // As colours, where the data had names of classes: maroon and olive.
    let coloured = try translation(classNames: ["a", "b"])
    #expect(coloured.takesLabels)
    #expect(try coloured(map).bytes == turned(map.coloured()))
    #expect(try !translation().takesLabels)
    let beyond = LabelMap(indices: Image(width: 1, height: 1, channels: 1, bytes: [9]))
    #expect(throws: ImageError.self) { try indexed(beyond) }
  }

  /// Classes of images, which single images have, say nothing about the condition that is derived from them.
  @Test func whatAFileIsFollowsFromTheDataOfTheTraining() throws {
    for layout in [DataLayout.flatImages, .classFolders, .table, .idx, .sideBySide, .unpairedFolders] {
      #expect(try !translation(classNames: ["0", "1"], layout: layout).takesLabels)
      #expect(try !translation(["inputChannels": 6], classNames: ["0"], layout: layout).takesLabels)
      #expect(try translation(["isLabelled": true], classNames: ["0"], layout: layout).needsLabels)
    }
    #expect(try translation(["inputChannels": 6]).takesLabels)
    #expect(try !translation(["inputChannels": 6, "isUnpaired": true]).takesLabels)
  }

  /// The folders of other data may have any names: the model knows what its sources are.
  @Test func otherDataAreReadAsTheModelsWere() throws {
    let folder = try TemporaryFolder()
    for (name, source) in [("maps", "labels"), ("plain", "A")] {
      let (small, target) = (
        Image(width: 8, height: 8, channels: 1, bytes: (0..<64).map { $0 / 16 }),
        name == "maps" ? "images" : "B"
      )
      for part in ["train", "test"] {
        for index in 0..<4 {
          for (side, image) in [
            (source, small), (target, TinyData.coloured(number: index, width: 8, height: 8)),
          ] {
            let file = folder("\(name)/\(part)/\(side)/\(index).png")
            try FileManager.default.createDirectory(
              at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try image.write(to: file)
          }
        }
      }
    }
    let registry = SystemRegistry([TinyTranslator.self])
    var first: [String: [Float]] = [:]
    for name in ["maps", "plain"] {
      let data = try binding(folder(name))
      let run = try RunDirectory.create(in: folder.url, name: "of-\(name)")
      try Training.start(data, in: run, options: SystemHarness.options(steps: 1))
      for other in ["maps", "plain"] {
        let opened = try Training.openData(of: run.url, registry: registry, dataPath: folder(other))
        first["\(name) \(other)"] = try opened.training.next()["source"].host().floats()
      }
    }
    // PASCAL VOC's colours of 0 … 3 against the levels 0 … 3.
    #expect(first["maps maps"] == first["maps plain"] && first["plain plain"] == first["plain maps"])
    #expect(first["maps maps"]?.max() == Float(128) * Float(2.0 / 255) - 1)
    #expect((first["plain plain"]?.max() ?? 1) < -0.97)
  }

  @Test func directionsAreNamedOrNumbered() throws {
    #expect(try translation(["isUnpaired": true]).direction.source == "A")
    #expect(try translation(["isUnpaired": true], direction: "BtoA").direction.source == "B")
    #expect(try translation(["isUnpaired": true], direction: "B-to-A").direction.source == "B")
    let error = #expect(throws: ConfigurationError.self) { try translation(direction: "BtoA") }
    #expect(error?.description.contains("source-to-target") == true)
  }
}
