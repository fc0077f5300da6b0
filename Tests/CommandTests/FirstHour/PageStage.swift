import Atelier
import Foundation
import TestSupport

/// A folder in which a page's commands can be run as they stand: small data, images and runs under the names that the
/// page gives them.
struct PageStage {
  /// Where the commands are run.
  let folder: URL
  private let atelier: TestedProgram
  private let temporary: TemporaryFolder

  init(_ atelier: TestedProgram) throws {
    self.atelier = atelier
    temporary = try TemporaryFolder()
    folder = temporary("page")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// Runs a command in its quick form.
  func run(_ command: DocumentedCommand) throws -> TestedProgram.Result {
    let words = command.words.map { $0.replacing("/usr/share/datasets/", with: "") }
    for (index, word) in words.enumerated() {
      let option = index > 0 ? words[index - 1] : ""
      // The file of a condition stands behind its name.
      let value =
        option == "--condition" ? word.split(separator: "=", maxSplits: 1).last.map(String.init) : nil
      try provide(value ?? word, after: option)
    }
    return try atelier.run(
      Self.quick(try expanded(words)), environment: ["CODE": "0110100101101001"], folder: folder)
  }

  // MARK: Quick forms

  /// The command with few steps, small networks and few samples.
  static func quick(_ words: [String]) -> [String] {
    var words = words
    switch words.first {
    case "train":
      words = without(["--seconds", "--epochs", "--steps", "--validate-every"], words)
      let measures = words.contains { $0.hasPrefix("--validate-by") || $0 == "--patience" }
      words += ["--steps", words.contains("--resume") ? "4" : "2"]
      if measures { words += ["--validate-every", "1", "--validate-samples", "20"] }
      guard !words.contains("--resume"), words.count > 1 else { return words }
      words += tiny(words[1]) + (words.contains("--threads") ? [] : ["--threads", "1"])
    case "plan" where words.count > 1: words += tiny(words[1]) + ["--threads", "1"]
    case "evaluate":
      words += ["--samples", "24", "--classifier-seconds", "1", "--segmenter-seconds", "1", "--threads", "1"]
    case "generate": words += ["--force"]
    default: break
    }
    return words
  }

  private static func without(_ options: Set<String>, _ words: [String]) -> [String] {
    var kept: [String] = []
    var isValue = false
    for word in words {
      if isValue {
        isValue = false
      } else if options.contains(word) {
        isValue = true
      } else {
        kept.append(word)
      }
    }
    return kept
  }

  private static func tiny(_ system: String) -> [String] {
    keys[system, default: ["batchSize=8"]].flatMap { ["--set", $0] }
  }

  private static let big = [
    "imageSize=8", "bottomWidth=1", "batchSize=4", "latentSize=4", "generatorChannels=1",
    "discriminatorChannels=1", "sharedEmbeddingSize=2", "generatorAttention=[]", "discriminatorAttention=[]",
    "standingStatistics=2", "featureEpochs=1",
  ]
  private static let narrow = [
    "imageSize=16", "loadSize=18", "width=2", "discriminatorWidth=2", "batchSize=1",
  ]
  private static let mapped = [
    "imageWidth=32", "imageHeight=32", "width=1", "spadeHidden=1", "spadeKernel=1", "discriminatorWidth=1",
    "batchSize=2",
  ]
  private static let translating = narrow + ["blocks=1", "layers=2"]
  private static let enlarging = ["imageSize=16", "width=4", "blocks=1", "batchSize=2"]
  private static let keys: [String: [String]] = [
    "dcgan": ["imageSize=16", "generatorChannels=2", "discriminatorChannels=2", "batchSize=8"],
    "biggan": big, "ic-gan": big + ["neighbours=3", "sharedFeatureSize=4", "selectedInstances=5"],
    "pix2pix": narrow + ["layers=1", "downsamplings=3"],
    "cyclegan": narrow + ["layers=1", "downsamplings=1", "blocks=1"],
    "munit": translating + ["mlpWidth=2", "styleLength=2", "scales=2"],
    "unit": translating + ["sharedLayers=1"],
    "funit": [
      "imageSize=16", "width=1", "blocks=1", "discriminatorWidth=1", "discriminatorBlocks=4", "batchSize=2",
      "mlpWidth=2", "styleLength=2",
    ],
    "spade": mapped + ["layers=2", "scales=1"],
    "sean": mapped + ["layers=2", "scales=1", "styleLength=4", "encoderWidth=2"],
    "oasis": mapped + ["blocks=2"],
    "pix2pix-hd": [
      "imageWidth=32", "imageHeight=32", "width=1", "downsamplings=2", "blocks=1", "discriminatorWidth=1",
      "layers=2", "scales=1", "batchSize=1",
    ],
    "srresnet": enlarging,
    "image-tagging": [
      "features=pixels", "wordSize=4", "minimumCount=1", "subsampling=0", "wordSteps=2", "wordBatchSize=8",
      "latentSize=3", "generatorHidden=[3, 4]", "discriminatorHidden=[3, 4]", "maxoutUnits=3", "batchSize=8",
    ],
    "audio-super-resolution": [
      "filters=[3, 4]", "kernelSizes=[5, 3]", "length=64", "hop=256", "sampleRate=8000", "batchSize=2",
      "factor=2",
    ],
    "vocoder": [
      "mels=6", "sampleRate=8000", "transform=64", "window=64", "hop=8", "maximumFrequency=null",
      "upsampleRates=[4, 2]", "upsampleKernels=[8, 4]", "initialChannels=8", "periods=[2, 3]",
      "periodChannels=[2, 2, 3, 3]", "scaleChannels=[16, 16, 16, 16]", "segment=64", "segmentHop=256",
      "batchSize=2",
    ],
    "everybody-dance-now": [
      "imageWidth=32", "imageHeight=32", "width=1", "downsamplings=2", "blocks=1", "discriminatorWidth=1",
      "layers=1", "scales=1", "batchSize=1",
    ],
    "vid2vid": [
      "imageWidth=32", "imageHeight=32", "width=1", "downsamplings=2", "blocks=1", "discriminatorWidth=1",
      "layers=1", "scales=1", "sequenceLength=2", "longestSequence=4", "batchSize=1",
    ],
    "stargan-vc": [
      "mels=6", "bottleneckSize=3", "generatorChannels=4", "embeddingSize=2", "discriminatorChannels=3",
      "sampleRate=8000", "transform=256", "hop=64", "maximumFrequency=4000", "batchSize=2",
    ],
    "autovc": [
      "mels=6", "encoderChannels=4", "bottleneckSize=2", "codeDownsampling=4", "decoderInputChannels=4",
      "decoderChannels=5", "postnetChannels=3", "frames=8", "batchSize=3",
    ],
    "cyclegan-vc2": ["mels=8", "frames=8", "blocks=1", "generatorWidth=2", "discriminatorWidth=2"],
    "ciagan": [
      "channels=[2, 2, 3, 3, 4]", "identityHidden=4", "identityChannels=2", "criticChannels=[2, 2, 3, 3]",
      "criticHidden=4", "siameseChannels=[2, 2, 3, 3]", "siameseHidden=4", "featureSize=3", "batchSize=2",
    ],
    "playable-video": [
      "imageSize=32", "frames=3", "groundTruthFrames=2", "representationChannels=[2, 3]", "stateFeatures=4",
      "hiddenSize=4", "batchSize=2",
    ],
    "deep-privacy": [
      "imageSize=16", "widths=[4, 3, 3]", "latentChannels=2", "growthImages=8", "batchSize=2",
    ],
    "speaker-encoder": [
      "hiddenSize=6", "embeddingSize=5", "layers=2", "frames=20", "batchSize=6", "utterances=3",
    ],
    "deepfake-detection": ["imageSize=16", "channels=[2, 2, 2, 2]", "batchSize=4"],
    "first-order-motion": [
      "imageSize=32", "keypoints=3", "detector={width: 2, maximumWidth: 4, blocks: 2}",
      "denseMotion={width: 2, maximumWidth: 4, blocks: 2}",
      "generator={width: 2, maximumWidth: 4, blocks: 1}",
      "discriminator={width: 2, maximumWidth: 4, blocks: 2}", "batchSize=2",
    ],
    "deepfake-autoencoder": [
      "imageSize=16", "encoderChannels=[3, 4]", "innerChannels=4", "latentSize=6", "decoderChannels=[4, 3]",
      "batchSize=2",
    ],
    "face-identity-transformer": [
      "imageSize=32", "generatorChannels=2", "residualBlocks=1", "discriminatorChannels=2",
      "discriminatorLayers=2",
      "classifierLayers=1", "recognizerChannels=2", "featureSize=4", "batchSize=2", "poolSize=3",
    ],
    "wav2lip": [
      "channels=[2, 2, 3, 3, 4, 4, 5]", "syncChannels=[2, 2, 3, 3, 4]", "qualityChannels=[2, 2, 2, 3, 3]",
      "expertSteps=1", "expertBatchSize=2", "batchSize=2",
    ],
    "rnn-language-model": ["embeddingSize=6", "hiddenSize=8", "sequenceLength=5", "batchSize=3"],
  ]

  // MARK: What commands name

  /// Words with `*` as a shell expands them.
  private func expanded(_ words: [String]) throws -> [String] {
    try words.flatMap { word -> [String] in
      guard word.contains("*"), let slash = word.lastIndex(of: "/") else { return [word] }
      let place = String(word[...slash])
      let parts = word[word.index(after: slash)...].split(separator: "*", omittingEmptySubsequences: false)
      let names = try FileManager.default.contentsOfDirectory(
        atPath: folder.appendingPathComponent(place).path)
      return names.sorted().filter { $0.hasPrefix(parts[0]) && $0.hasSuffix(parts[parts.count - 1]) }
        .map { place + $0 }
    }
  }

  /// Makes what a word names, unless it is there or the command itself writes it.
  private func provide(_ given: String, after option: String) throws {
    // A condition names its file behind its own name.
    let word = option == "--condition" ? String(given.drop { $0 != "=" }.dropFirst()) : given
    let path = word.hasSuffix("/") ? String(word.dropLast()) : word
    let place = folder.appendingPathComponent(path)
    guard !["--output", "--files", "--instances", "--name", "--save-statistics"].contains(option),
      !FileManager.default.fileExists(atPath: place.path)
    else { return }
    if path.hasPrefix("runs/") {
      try makeRun(String(path.split(separator: "/")[1]))
    } else if ["png", "jpg"].contains(place.pathExtension), !path.contains("*") {
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      let isMap = path.contains("map") || ["day.png", "dusk.png"].contains(path)
      try (isMap ? Self.map(0) : Self.image(7)).write(to: place)
    } else if place.pathExtension == "wav" {
      let samples = (0..<12_000).map { Float(sin(Double($0) * 0.3) * 0.3) }
      try Audio(sampleRate: 8000, samples: samples).write(to: place)
    } else if place.pathExtension == "mp4" {
      guard let rate = FrameRate(25) else { throw StageError(description: "there is no frame rate") }
      let writer = try VideoWriter(to: place, width: 40, height: 32, frameRate: rate)
      for number in 0..<5 { try writer.append(Self.image(number, 40, 32)) }
      try writer.finish()
    } else if let make = Self.data[String(path.prefix { $0 != "/" })] {
      let data = folder.appendingPathComponent(String(path.prefix { $0 != "/" }))
      if data.pathExtension.isEmpty {
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
      }
      try make(data)
    }
  }

  /// Trains what a page takes as trained: `runs/dcgan-photos-001` by dcgan on `photos`.
  private func makeRun(_ name: String) throws {
    let systems = SystemRegistry.standard.systems.map { $0.identity.name }.sorted { $0.count > $1.count }
    let system = systems.first { name.hasPrefix($0 + "-") } ?? "gan"
    let named = name.dropFirst(system.count + 1).split(separator: "-").dropLast().joined(separator: "-")
    let usual = [
      "pix2pix": "pairs", "srresnet": "photographs", "audio-super-resolution": "speech", "vocoder": "speech",
      "autovc": "speakers", "stargan-vc": "speakers", "cyclegan-vc2": "speakers",
      "speaker-encoder": "speakers", "deepfake-detection": "frames", "first-order-motion": "talks",
      "wav2lip": "talks",
      "ciagan": "faces", "deep-privacy": "faces", "playable-video": "videos",
      "deepfake-autoencoder": "alice-and-bob",
      "vid2vid": "street-video", "everybody-dance-now": "dance",
    ]
    let data = Self.data[named] != nil ? named : usual[system, default: "fashion-mnist"]
    try provide(data, after: "--data")
    var command = ["train", system, "--preset", "small", "--data", data, "--run", "runs/\(name)"]
    let agreed = [
      "autovc", "stargan-vc", "cyclegan-vc2", "first-order-motion", "wav2lip", "ciagan",
      "everybody-dance-now",
    ]
    if agreed.contains(system) || system == "deepfake-autoencoder" {
      let file = agreed.contains(system) ? "consent.yaml" : "both.yaml"
      try provide(file, after: "--consent")
      command += ["--consent", file]
    }
    // A page that trains it with measures on the way asks for its best checkpoint.
    if name == "dcgan-photos-001" {
      command += ["--hold-out", "0.1", "--hold-out-validation", "0.1", "--patience", "5"]
    }
    let result = try atelier.run(Self.quick(command), folder: folder)
    guard result.status == 0 else { throw StageError(description: "\(command): \(result.errors)") }
  }

  private struct StageError: Error, CustomStringConvertible { let description: String }

  // MARK: Data

  private static func image(_ number: Int, _ width: Int = 64, _ height: Int = 64) -> Image {
    TinyData.coloured(number: number, width: width, height: height)
  }

  private static func map(_ number: Int) -> Image {
    Image(
      width: 64, height: 64, channels: 1,
      bytes: (0..<(64 * 64)).map { UInt8(($0 / 64 / 16 + $0 % 64 / 16 + number) % 12) })
  }

  private static func write(_ image: Image, _ folder: URL, _ name: String) throws {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try image.write(to: file)
  }

  private static func classes(
    _ names: [String], _ count: Int, _ width: Int, _ height: Int,
    file: @escaping @Sendable (Int) -> String = { "\($0)" }
  ) -> @Sendable (URL) throws -> Void {
    { folder in
      for (label, name) in names.enumerated() {
        for number in 0..<count {
          try write(image(number + 60 * label, width, height), folder, "\(name)/\(file(number)).png")
        }
      }
    }
  }

  @Sendable private static func photographs(_ folder: URL) throws {
    for (part, count) in [("train", 8), ("test", 24)] {
      for number in 0..<count { try write(image(number, 96, 64), folder, "\(part)/\(number).png") }
    }
  }

  @Sendable private static func pairs(_ folder: URL) throws {
    try TinyData.writePairs(to: folder, count: 8, size: 64)
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("test"), to: folder.appendingPathComponent("val"))
  }

  @Sendable private static func streets(_ folder: URL) throws {
    for (part, count) in [("train", 8), ("val", 4), ("test", 24)] {
      for number in 0..<count {
        try write(image(number), folder, "\(part)/\(number).png")
        try write(map(number), folder, "\(part)annot/\(number).png")
      }
    }
    let names = "sky building pole road pavement tree sign fence car pedestrian bicyclist unlabelled"
    try Data(names.replacing(" ", with: "\n").utf8).write(to: folder.appendingPathComponent("classes.txt"))
  }

  private static func consent(of names: [String], _ file: URL) throws {
    let persons = names.map { "  - {name: \($0), purpose: a test, until: 9999-12-31}\n" }
    try Data(("persons:\n" + persons.joined()).utf8).write(to: file)
  }

  @Sendable private static func unpaired(_ folder: URL) throws {
    try TinyData.writeUnpaired(to: folder, count: 48, size: 64)
  }

  /// What the names in commands stand for, each a small set of the same layout.
  private static let data: [String: @Sendable (URL) throws -> Void] = [
    "fashion-mnist": { try TinyData.writeIDX(to: $0, classes: 10, perClass: 8, size: 28) },
    "photos": classes(["cat", "dog"], 110, 24, 20), "flowers": classes(["rose", "tulip"], 30, 24, 20),
    "cifar-10": classes(["train/cat", "train/dog", "test/cat", "test/dog"], 50, 32, 32),
    "cifar10": classes(["train/cat", "train/dog", "test/cat", "test/dog"], 50, 32, 32),
    "animals": classes(["fox", "lynx", "cat", "dog"], 24, 64, 64),
    "letters": classes(
      [
        "balker", "because-we-organize", "cabinsketch", "dustismo-roman", "gwmonospace", "liberation-sans",
        "other", "another",
      ], 8, 32, 32, file: { "small-\($0)" }),
    "photographs": photographs, "bsds": photographs, "set14": photographs,
    "pairs": pairs, "facades": pairs, "camvid": streets, "labelmefacade": streets,
    "cats-and-dogs": unpaired, "catsdogs": unpaired, "photographs-and-paintings": unpaired,
    "emoji": { for number in 0..<8 { try write(image(number, 72, 64), $0, "\(number).png") } },
    "flickr8k": { try TinyData.writeCaptioned(to: $0, count: 60, size: 16) },
    "shakespeare.txt": { try TinyData.writeText(to: $0, lines: 400) },
    "talks": { try TinyData.writeVideos(to: $0, size: 32) },
    "speech": { try TinyData.writeSounds(to: $0) },
    "dance": { try TinyData.writeVideos(to: $0, size: 32) },
    "keypoints": {
      let points = (0..<25).flatMap { ["\(10 * $0)", "\(8 * $0)", "1"] }.joined(separator: ",")
      for number in 0..<2 {
        try Data("{\"people\":[{\"pose_keypoints_2d\":[\(points)]}]}".utf8).write(
          to: $0.appendingPathComponent("\(number).json"))
      }
    },
    "dancer": {
      let points = (0..<25).flatMap { ["\(10 * $0)", "\(8 * $0)", "1"] }.joined(separator: ",")
      for number in 0..<2 {
        try Data("{\"people\":[{\"pose_keypoints_2d\":[\(points)]}]}".utf8).write(
          to: $0.appendingPathComponent("\(number).json"))
      }
    },
    "street-video": { try TinyData.writeVideos(to: $0, size: 32) },
    "speakers": { try TinyData.writeVoices(to: $0, perSpeaker: 5) },
    "frames": { place in
      try TinyData.writeFrames(to: place, videos: 10, parts: [""])
      try FileManager.default.moveItem(
        at: place.appendingPathComponent("swapped"), to: place.appendingPathComponent("fake"))
    },
    "videos": { try TinyData.writeVideos(to: $0, size: 32) },
    "faces": { try TinyData.writeFaces(to: $0, perPerson: 4) },
    "consent.yaml": { try consent(of: ["anna", "bert"], $0) },
    "alice-and-bob": classes(["alice", "bob"], 24, 64, 64),
    "both.yaml": { try consent(of: ["alice", "bob"], $0) },
    "people": classes(["alice", "bob"], 24, 64, 64),
    "maps": { for number in 0..<2 { try write(map(number), $0, "\(number).png") } },
    "foxes": { for number in 0..<2 { try write(image(number), $0, "\(number).png") } },
    "shots": { for number in 0..<2 { try write(image(number, 32, 32), $0, "\(number).png") } },
    "other-pictures": { try write(image(9), $0, "0.png") },
  ]
}
