import Atelier
import Foundation
import TestSupport
import Testing

/// What the fixtures in `Tests/Fixtures/Runs` are made from. A recipe whose fixture is there is left alone: old
/// runs are never made anew.
private struct OldRunRecipe {
  let name: String
  let system: String
  let data: String
  var changes: [String]
  var preset: String? = "small"
  var steps = 3
  var more: [String] = []
  var needsWeights = false
  var drawings: [[String]]

  private static let sampled = [["generate", "{run}", "--count", "4", "--seed", "5", "--files", "{drawn}"]]

  private static func translated(_ input: String, _ more: String...) -> [String] {
    ["generate", "{run}", "{data}/\(input)", "--seed", "5", "--output", "{drawn}/translated.png"] + more
  }

  /// One of each family; the sizes are the smallest that every layer of the networks bears.
  static let all: [OldRunRecipe] = pictures + translations + maps + words

  private static let pictures = [
    OldRunRecipe(
      name: "vae", system: "vae", data: "digits",
      changes: ["imageSize=16", "hidden=[3, 4]", "latentSize=4", "batchSize=4"],
      drawings: sampled + [
        [
          "generate", "{run}", "--interpolate", "3", "--count", "1", "--seed", "5", "--files",
          "{drawn}/between",
        ]
      ]),
    OldRunRecipe(
      name: "acgan-augmented", system: "acgan", data: "digits",
      changes: [
        "imageSize=16", "latentSize=5", "generatorHidden=[4, 4]", "discriminatorHidden=[4, 4, 4, 4]",
        "batchSize=4", "diffAugment=[color, translation, cutout]", "augmentationTarget=0.6",
        "augmentationRamp=100",
      ],
      drawings: [
        [
          "generate", "{run}", "--class", "2", "0", "--count", "4", "--seed", "5", "--files", "{drawn}",
        ]
      ]),
    OldRunRecipe(
      name: "biggan-average", system: "biggan", data: "classes",
      changes: big + ["averageDecay=0.9", "averageStart=1", "classes=2", "diffAugment=[]"],
      drawings: sampled),
    OldRunRecipe(
      name: "ic-gan-table", system: "ic-gan", data: "classes",
      changes: big + [
        "averageDecay=0.9", "averageStart=1", "neighbours=3", "sharedFeatureSize=4", "selectedInstances=5",
        "featureSize=6", "featureEpochs=1",
      ],
      drawings: sampled + [
        [
          "generate", "{run}", "--instance", "{data}/circle/0.png", "--count", "2", "--seed", "5", "--files",
          "{drawn}/alike",
        ]
      ]),
  ]

  private static let big = [
    "imageSize=8", "bottomWidth=1", "batchSize=4", "latentSize=4", "generatorChannels=1",
    "discriminatorChannels=1", "sharedEmbeddingSize=2", "generatorAttention=[]", "discriminatorAttention=[]",
    "standingStatistics=2",
  ]

  private static let tiny = ["imageSize=16", "width=2", "discriminatorWidth=2", "layers=1"]

  private static let translations = [
    OldRunRecipe(
      name: "pix2pix", system: "pix2pix", data: "pairs", changes: tiny + ["downsamplings=3", "batchSize=2"],
      drawings: [translated("test/A/0.png")]),
    OldRunRecipe(
      name: "cyclegan-pool", system: "cyclegan", data: "unpaired",
      changes: tiny + ["downsamplings=1", "blocks=1", "batchSize=1", "poolSize=2"], steps: 4,
      drawings: [
        translated("testA/a0.png"),
        [
          "generate", "{run}", "{data}/testB/b1.png", "--direction", "BtoA", "--output", "{drawn}/back.png",
        ],
      ]),
    OldRunRecipe(
      name: "esrgan-derived", system: "esrgan", data: "photographs",
      changes: [
        "imageSize=16", "width=3", "blocks=1", "growth=2", "discriminatorWidth=2", "batchSize=2", "scale=2",
        "discriminator=unet-spectral", "perceptualLayers={conv1_2: 1}", "pretrainingSteps=1",
        "averageDecay=0.9",
      ], needsWeights: true,
      drawings: [translated("test/0.png")]),
    OldRunRecipe(
      name: "fast-style-transfer", system: "fast-style-transfer", data: "photographs",
      changes: [
        "imageSize=32", "styleSize=32", "width=2", "blocks=1", "batchSize=2",
        "styleLayers=[relu1_1, relu1_2]",
        "contentLayer=relu1_2",
      ], more: ["--style", "{data}/train/1.png"], needsWeights: true,
      drawings: [translated("test/0.png")]),
    OldRunRecipe(
      name: "munit", system: "munit", data: "unpaired",
      changes: [
        "imageSize=16", "width=1", "blocks=1", "discriminatorWidth=1", "batchSize=1", "mlpWidth=2",
        "styleLength=2", "loadSize=18", "scales=2", "layers=2",
      ],
      drawings: [
        [
          "generate", "{run}", "{data}/testA/a0.png", "--seed", "5", "--variations", "2", "--files",
          "{drawn}",
        ]
      ]),
    OldRunRecipe(
      name: "funit-class-pairs", system: "funit", data: "classes",
      changes: [
        "imageSize=16", "width=1", "blocks=1", "discriminatorWidth=1", "discriminatorBlocks=4", "batchSize=2",
        "mlpWidth=2", "styleLength=2", "heldOutClasses=[star]",
      ],
      drawings: [translated("circle/0.png", "--style", "{data}/star/1.png")]),
  ]

  private static let mapped = [
    "imageWidth=32", "imageHeight=32", "width=1", "spadeHidden=1", "spadeKernel=1", "discriminatorWidth=1",
    "batchSize=2",
  ]

  private static let maps = [
    OldRunRecipe(
      name: "spade", system: "spade", data: "maps",
      changes: mapped + ["instanceEdges=true", "layers=2", "scales=1"],
      drawings: [translated("val_label/0.png")])
  ]

  private static let words = [
    OldRunRecipe(
      name: "rnn-language-model", system: "rnn-language-model", data: "words.txt",
      changes: [
        "cell=lstm", "tokenUnit=word", "embeddingSize=6", "hiddenSize=8", "layers=2", "sequenceLength=5",
        "batchSize=3", "learningRate=1", "dropout=0.2",
      ], preset: nil, steps: 4,
      drawings: [
        [
          "generate", "{run}", "--prompt", "the cat", "--length", "20", "--count", "1", "--seed", "5",
          "--output", "{drawn}/written.txt",
        ]
      ]),
    OldRunRecipe(
      name: "image-tagging", system: "image-tagging", data: "captions",
      changes: [
        "features=pixels", "wordSize=4", "minimumCount=1", "subsampling=0", "wordSteps=2", "wordBatchSize=8",
        "latentSize=3", "generatorHidden=[3, 4]", "discriminatorHidden=[3, 4]", "maxoutUnits=3",
        "batchSize=8",
      ], steps: 4,
      drawings: [
        ["generate", "{run}", "{data}/images", "--seed", "5", "--output", "{drawn}/tags.txt"]
      ]),
  ]

  /// Writes what a kind of data is called by, unless it is there.
  static func writeData(_ name: String) throws {
    let place = OldRun.data.appendingPathComponent(name)
    guard !FileManager.default.fileExists(atPath: place.path) else { return }
    try FileManager.default.createDirectory(
      at: name.hasSuffix(".txt") ? OldRun.data : place, withIntermediateDirectories: true)
    switch name {
    case "digits": try TinyData.writeIDX(to: place, perClass: 3, size: 16)
    case "classes":
      try TinyData.writeClassFolders(
        to: place, classes: ["circle", "square", "star"], perClass: 4, size: 16)
    case "pairs": try TinyData.writePairs(to: place, count: 4, size: 16)
    case "unpaired": try TinyData.writeUnpaired(to: place, count: 4, size: 16)
    case "photographs": try TinyData.writePhotographs(to: place, count: 4, size: 32)
    case "maps": try TinyData.writeLabelled(to: place, count: 4, size: 32)
    case "captions": try TinyData.writeCaptioned(to: place, count: 20, size: 8)
    default: try TinyData.writeText(to: place)
    }
  }

  var fixture: OldRun {
    OldRun(
      commit: "", system: system, data: data, needsWeights: needsWeights, steps: steps,
      resumedSteps: steps + 2, drawings: drawings, platform: OldRun.platform, hashes: [:],
      weightTolerance: 0, pictureTolerance: 0)
  }
}

/// Makes fixtures of old runs with the program of an old commit, which `ATELIER_RECORD_RUNS` names as
/// `COMMIT:/its/atelier`; see `Tests/Fixtures/Runs/README.md`.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["ATELIER_RECORD_RUNS"] != nil))
struct OldRunRecorder {
  @Test(arguments: OldRunRecipe.all.map(\.name))
  func record(_ name: String) throws {
    let recipe = try #require(OldRunRecipe.all.first { $0.name == name })
    let place = OldRun.folder.appendingPathComponent(name)
    guard !FileManager.default.fileExists(atPath: place.path) else { return }
    let setting = try #require(ProcessInfo.processInfo.environment["ATELIER_RECORD_RUNS"])
    let parts = setting.split(separator: ":", maxSplits: 1).map(String.init)
    try #require(parts.count == 2, "ATELIER_RECORD_RUNS is COMMIT:/its/atelier")
    let program = Program(URL(fileURLWithPath: parts[1]))
    var fixture = recipe.fixture
    fixture.commit = parts[0]
    try OldRunRecipe.writeData(recipe.data)
    let folder = try TemporaryFolder()
    let run = try train(recipe, program, in: folder)
    let made = folder("fixture")
    try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: run, to: made.appendingPathComponent("run"))

    func trial(_ kernels: OldRun.Kernels) throws -> OldRun.Trial {
      let trial = try OldRun.Trial(program, fixture, of: run, kernels, in: try newFolder(folder))
      let drawn = kernels == .common ? made.appendingPathComponent("drawn") : folder("other")
      for result in try trial.draw(into: drawn) { try #require(result.status == 0, "\(result.errors)") }
      let resumed = try trial.resume(isInexact: kernels == .own)
      try #require(resumed.status == 0, "\(resumed.errors)")
      return trial
    }
    let checkpoint = try trial(.common).checkpoint(fixture.resumedSteps)
    fixture.hashes = checkpoint.state.hashes.filter { $0.key.hasSuffix(".safetensors") }
    let model = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    let weights = try OldRun.weights(in: model)

    // Four times what the old program itself differs by where it computes with this machine's own kernels.
    let other = try trial(.own).checkpoint(fixture.resumedSteps).url
    let others = try OldRun.weights(in: other.appendingPathComponent(CheckpointStore.modelName))
    fixture.weightTolerance = max(1e-6, 4 * (zip(weights, others).map { $0.distance(to: $1) }.max() ?? 0))
    let distances = try OldRun.drawings(in: made.appendingPathComponent("drawn"))
      .filter { $0.hasSuffix("png") }.map {
        try #require(
          try OldRun.pictureDistance(made.appendingPathComponent("drawn/\($0)"), folder("other/\($0)")))
      }
    fixture.pictureTolerance = max(1, 4 * (distances.max() ?? 0))

    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(fixture) + Data("\n".utf8)).write(to: made.appendingPathComponent("fixture.json"))
    encoder.outputFormatting = [.sortedKeys]
    let lines = try weights.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    try Data(("[\n" + lines.joined(separator: ",\n") + "\n]\n").utf8).write(
      to: made.appendingPathComponent("weights.json"))
    try FileManager.default.copyItem(at: made, to: place)
  }

  private func newFolder(_ folder: TemporaryFolder) throws -> URL {
    let place = folder(UUID().uuidString)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    return place
  }

  /// A new run, without what resumption does not look at.
  private func train(_ recipe: OldRunRecipe, _ program: Program, in folder: TemporaryFolder) throws -> URL {
    let run = folder("run")
    try OldRun.writeWeights(to: folder("weights"))
    // The run remembers where its data lay, which is to be no place of this machine.
    let data = folder(recipe.data)
    try FileManager.default.copyItem(at: OldRun.data.appendingPathComponent(recipe.data), to: data)
    var arguments = ["train", recipe.system, "--data", data.path, "--run", run.path, "--quiet"]
    arguments += ["--steps", "\(recipe.steps)", "--seed", "3", "--threads", "1"]
    arguments += ["--keep-last", "1", "--log-every", "1"]
    if let preset = recipe.preset { arguments += ["--preset", preset] }
    for change in recipe.changes { arguments += ["--set", change] }
    for argument in recipe.more {
      arguments.append(argument.replacingOccurrences(of: "{data}", with: data.path))
    }
    var environment = OldRun.Kernels.common.environment
    environment["ATELIER_WEIGHTS"] = folder("weights").path
    let trained = try program.run(arguments, environment: environment)
    try #require(trained.status == 0, "\(recipe.name): \(trained.errors)")
    let kept = ["configuration.yaml", "events.jsonl", "checkpoints", "artefacts"]
    for entry in try FileManager.default.contentsOfDirectory(atPath: run.path) where !kept.contains(entry) {
      try FileManager.default.removeItem(at: run.appendingPathComponent(entry))
    }
    return run
  }
}
