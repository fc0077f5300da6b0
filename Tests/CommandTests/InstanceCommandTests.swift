import Atelier
import Foundation
import TestSupport
import Testing

/// Classes, styles and instances on the command line that are not what they should be: one clear line each.
@Suite struct InstanceCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func training(_ system: String, _ run: String, _ changes: [String]) -> [String] {
    [
      "train", system, "--preset", "small", "--data", folder("data").path, "--run", folder(run).path,
      "--steps",
      "2", "--quiet",
    ] + changes.flatMap { ["--set", $0] }
  }

  private func refused(_ result: Program.Result, _ status: Int32, _ words: String...) {
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    for word in words { #expect(result.errors.contains(word), "'\(word)' is missing in: \(result.errors)") }
  }

  private let few = [
    "imageSize=16", "width=2", "blocks=1", "discriminatorWidth=2", "batchSize=2", "mlpWidth=4",
    "styleLength=3",
    "discriminatorBlocks=4",
  ]

  @Test func classesThatAreHeldOutHaveToBeThereAndLeaveTwo() throws {
    try TinyData.writeClassFolders(
      to: folder("data"), classes: ["cat", "dog", "fox", "lynx"], perClass: 3, size: 16)
    refused(
      try atelier.run(training("funit", "a", few + ["heldOutClasses=wolf"])), 64, "'wolf'",
      "cat, dog, fox, lynx")
    refused(
      try atelier.run(training("funit", "b", few + ["heldOutClasses=[cat, dog, fox]"])), 64, "leaves 1 class",
      "at least two")
    refused(
      try atelier.run(training("funit", "c", few + ["heldOutClasses=[fox, lynx, fox]"])), 64,
      "names a class twice")
    let trained = try atelier.run(training("funit", "c", few + ["heldOutClasses=[fox, lynx]"]))
    try #require(trained.status == 0, "\(trained.errors)")
    try stylesThatCannotBeReadAreNamed(folder("c").path)
  }

  private func stylesThatCannotBeReadAreNamed(_ run: String) throws {
    let photo = folder("photo.png")
    try TinyData.coloured(number: 1, width: 16, height: 16).write(to: photo)
    let broken = folder("broken.jpg")
    try Data([0xFF, 0xD8, 0xFF, 0xE0, 0]).write(to: broken)
    let empty = folder("empty")
    try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
    let draw = ["generate", run, photo.path, "--output", folder("x.png").path]
    refused(try atelier.run(draw), 64, "--style")
    refused(try atelier.run(draw + ["--style", broken.path]), 65, "broken.jpg")
    refused(try atelier.run(draw + ["--style", empty.path]), 65, "no image in", "empty")
    refused(try atelier.run(draw + ["--style", folder("none").path]), 66, "none does not exist")
    #expect(!FileManager.default.fileExists(atPath: folder("x.png").path))
  }

  private let big = [
    "imageSize=8", "bottomWidth=1", "batchSize=4", "latentSize=8", "generatorChannels=2",
    "discriminatorChannels=2", "sharedEmbeddingSize=3", "generatorAttention=4", "discriminatorAttention=4",
    "standingStatistics=2", "featureSize=6", "featureEpochs=1",
  ]

  @Test func neighboursAndClustersAreFewerThanThePictures() throws {
    try TinyData.writeClassFolders(to: folder("data"), perClass: 12, size: 8)
    refused(
      try atelier.run(training("ic-gan", "a", big + ["neighbours=50", "sharedFeatureSize=4"])), 64,
      "neighbours",
      "24", "50")
    let clusters = [
      "classSource=clusters", "hierarchicalLatent=false", "sharedEmbedding=false", "classes=50",
    ]
    refused(try atelier.run(training("biggan", "b", big + clusters)), 64, "classes is 50", "24 images")
  }

  @Test func aTableOfInstancesThatIsCutShortIsNamedAndKept() throws {
    try TinyData.writeClassFolders(to: folder("data"), perClass: 12, size: 8)
    let trained = try atelier.run(
      training("ic-gan", "run", big + ["neighbours=3", "sharedFeatureSize=4", "selectedInstances=5"]))
    try #require(trained.status == 0, "\(trained.errors)")
    let run = folder("run").path
    let broken = folder("broken.png")
    try Data([0x89, 0x50, 0x4E, 0x47]).write(to: broken)
    let draw = ["generate", run, "--count", "2", "--output", folder("x.png").path]
    refused(try atelier.run(draw + ["--instance", broken.path]), 65, "broken.png")
    refused(try atelier.run(draw + ["--instance", folder("none").path]), 66, "none does not exist")
    let table = folder("run/artefacts/instances.safetensors")
    let short = try Data(contentsOf: table).prefix(100)
    try short.write(to: table)
    for command in [["train", "--resume", run, "--steps", "4", "--quiet"], ["neighbours", run]] {
      refused(try atelier.run(command), 65, "instances.safetensors", "begin a new run")
    }
    #expect(try Data(contentsOf: table) == short)
    // The model file has its own copy.
    let drawn = try atelier.run(draw)
    #expect(drawn.status == 0, "\(drawn.errors)")
  }
}
