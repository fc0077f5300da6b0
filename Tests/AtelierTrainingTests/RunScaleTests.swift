import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch

/// The scale of a set's numbers is decided when data are opened for a new run, and stays with the run.
@Suite struct RunScaleTests {
  /// Floating-point images of -1 … 1 in two classes.
  private func signedImages() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      for number in 0..<6 {
        let image = Image(
          width: 8, height: 8, channels: 1, floats: (0..<64).map { Float(($0 + 8 * number) % 64) / 31.5 - 1 })
        try image.write(to: folder("\(name)/\(number).tif"))
      }
    }
    return folder
  }

  @Test func itIsDecidedOnceSaidAndKeptByRunAndModel() throws {
    let folder = try signedImages()
    var said: [String] = []
    let data = try DataBinding.open(
      folder.url, for: ToySystem.self, configuration: [:], say: { said.append($0) })
    let scale = try #require(data.options.reading.scale)
    #expect(scale.description == "-1:1" && data.facts.description.scale == scale)
    #expect(said.contains { $0.contains("-1 … 1") && $0.contains("--range") })
    // Every image by the same scale: the darkest number of each is black.
    let dataset = try #require(try data.dataset(of: .train))
    for index in 0..<dataset.count {
      let bytes = try #require(try dataset.example(at: index)["image"]).bytes
      #expect(bytes.min() == 0 && bytes.max() == 255)
    }
    let configuration = RunConfiguration(
      system: "toy", data: folder.url.path, reading: data.options.reading, options: TrainingOptions(steps: 1),
      configuration: data.configuration, keys: data.keys)
    let file = folder("configuration.yaml")
    try Data(try configuration.text().utf8).write(to: file)
    #expect(try RunConfiguration.read(file).reading.scale == scale)
  }

  @Test func aRunFromBeforeThereWereScalesKeepsNone() throws {
    let folder = try signedImages()
    let data = try DataBinding.open(
      folder.url, for: ToySystem.self, configuration: [:], options: DataBindingOptions(isRecorded: true))
    #expect(data.options.reading.scale == nil && data.facts.description.scale == nil)
    let configuration = RunConfiguration(
      system: "toy", options: TrainingOptions(steps: 1), configuration: [:], keys: [])
    let file = folder("configuration.yaml")
    let old = try configuration.text().split(separator: "\n").filter { !$0.hasPrefix("range:") }
    try Data(old.joined(separator: "\n").utf8).write(to: file)
    #expect(try RunConfiguration.read(file).reading.scale == nil)
  }

  /// Training images keep more than 256 levels; measures and previews read 8 bits, and so do runs from before.
  @Test func trainingImagesHaveTheDepthOfTheScale() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      for number in 0..<4 {
        // 64 levels within one of the 256.
        let image = Image(
          width: 8, height: 8, channels: 1, floats: (0..<64).map { Float(32768 + $0) / 65535 })
        try image.withDepth(16).write(to: folder("\(name)/\(number).png"))
      }
    }
    func levels(_ options: DataBindingOptions) throws -> (
      training: Set<Float>, measured: Set<Float>, depth: Int
    ) {
      let data = try DataBinding.open(folder.url, for: ToySystem.self, configuration: [:], options: options)
      let batch = try data.training.next()
      let field = try #require(data.fields.first { if case .image = $0.kind { true } else { false } })
      let dataset = try #require(try data.dataset(of: .train))
      let measured = try data.batch(of: 0, in: dataset)
      return (
        Set(try batch[field.name].floats()), Set(try measured[field.name].floats()),
        data.options.reading.depth
      )
    }
    var options = DataBindingOptions()
    options.reading.scale = SampleScale(black: 0, white: 65535)
    let new = try levels(options)
    #expect(new.depth == 16 && new.training.count == 64 && new.measured.count == 1)
    #expect(new.training.min().map { abs($0 - Float(32768.0 / 65535 * 2 - 1)) < 1e-6 } == true)
    options.isRecorded = true
    let old = try levels(options)
    #expect(old.depth == 8 && old.training == old.measured)
    // A run says its depth.
    options.reading.depth = 16
    let text = try RunConfiguration(
      system: "toy", reading: options.reading, options: TrainingOptions(steps: 1), configuration: [:],
      keys: []
    ).text()
    try Data(text.utf8).write(to: folder("configuration.yaml"))
    #expect(try RunConfiguration.read(folder("configuration.yaml")).reading.depth == 16)
    try Data(text.replacingOccurrences(of: "depth: 16", with: "depth: 12").utf8).write(
      to: folder("configuration.yaml"))
    #expect(throws: TrainingError.self) { try RunConfiguration.read(folder("configuration.yaml")) }
  }

  /// 64 levels within one of the 256 of 8 bits.
  private func fine(_ number: Int) -> Image {
    let levels: [Int] = (0..<64).map { 32768 + ($0 + number) % 64 }
    let image = Image(width: 8, height: 8, channels: 1, floats: levels.map { Float($0) / 65535 })
    return image.withDepth(16)
  }

  private var words: DataBindingOptions {
    var options = DataBindingOptions(seed: 3)
    options.reading.scale = SampleScale(black: 0, white: 65535)
    return options
  }

  @Test(arguments: [true, false]) func imagesOfInstancesHaveTheDepthOfTheScale(_ mirrors: Bool) throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      for number in 0..<6 { try fine(7 * number).write(to: folder("\(name)/\(number).png")) }
    }
    let keys: [String: ConfigurationValue] = [
      "imageSize": 8, "bottomWidth": 1, "batchSize": 4, "latentSize": 8, "generatorChannels": 2,
      "discriminatorChannels": 2, "sharedEmbeddingSize": 3, "generatorAttention": [],
      "discriminatorAttention": [], "featureSize": 6, "sharedFeatureSize": 4, "neighbours": 3,
      "selectedInstances": 5, "featureEpochs": 1, "mirrors": .boolean(mirrors),
    ]
    let data = try DataBinding.open(folder.url, for: ICGAN.self, configuration: keys, options: words)
    #expect(data.options.reading.depth == 16)
    // Each image is one of the set, as it is or from right to left.
    let sources = (0..<6).map { (number: Int) -> [Float] in
      let levels: [Int] = (0..<64).map { 32768 + ($0 + 7 * number) % 64 }
      return levels.map { Float($0) / 65535 * 2 - 1 }
    }
    func reversed(_ image: [Float]) -> [Float] {
      stride(from: 0, to: 64, by: 8).flatMap { (start: Int) -> [Float] in image[start..<start + 8].reversed()
      }
    }
    var turned = 0
    for _ in 0..<6 {
      let batch = try data.training.next()
      for row in 0..<4 {
        let image = batch["image"].selected(dim: 0, index: row).floats()
        func isLike(_ source: [Float]) -> Bool { zip(image, source).allSatisfy { abs($0 - $1) < 1e-6 } }
        let isTurned = sources.contains { isLike(reversed($0)) }
        turned += isTurned ? 1 : 0
        #expect(isTurned || sources.contains(where: isLike))
      }
    }
    #expect((turned > 0) == mirrors)
    // A run from before goes on with 8 bits.
    var old = words
    old.isRecorded = true
    let before = try DataBinding.open(
      folder.url, for: ICGAN.self, configuration: keys, artefacts: data.facts.artefacts, options: old)
    #expect(try Set(before.training.next()["image"].floats()).count == 1)
  }

  @Test func captionedImagesHaveTheDepthOfTheScale() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder("images"), withIntermediateDirectories: true)
    var lines = ["image,caption"]
    for number in 0..<20 {
      try fine(number).write(to: folder("images/\(number).png"))
      lines.append("\(number).png,a grey square number \(number % 3)")
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder("captions.txt"))
    let keys: [String: ConfigurationValue] = [
      "imageSize": 8, "imageVocabularySize": 6, "codebookSize": 5, "downsamplings": 1, "hiddenChannels": 4,
      "autoencoderSteps": 3, "autoencoderBatchSize": 6, "textLength": 6, "layers": 2, "embeddingSize": 12,
      "heads": 2, "headSize": 6, "batchSize": 6,
    ]
    func levels(_ options: DataBindingOptions) throws -> (training: Int, measured: Int) {
      let data = try DataBinding.open(folder.url, for: DALLE.self, configuration: keys, options: options)
      let dataset = try #require(try data.dataset(of: .train))
      return try (
        Set(data.training.next()["image"].floats()).count,
        Set(data.batch(of: 0, in: dataset)["image"].floats()).count
      )
    }
    #expect(try levels(words) == (64, 1))
    var old = words
    old.isRecorded = true
    #expect(try levels(old) == (1, 1))
  }
}
