import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

/// Training that begins with other weights.
@Suite(.serialized) struct TransferTests {
  private let registry = SystemRegistry([ToySystem.self, BigGAN.self, DCGAN.self, SRResNet.self])

  private static let tinyBigGAN: [String: ConfigurationValue] = [
    "imageSize": 8, "bottomWidth": 1, "batchSize": 4, "latentSize": 8, "generatorChannels": 2,
    "discriminatorChannels": 2, "sharedEmbeddingSize": 3, "generatorAttention": [4],
    "discriminatorAttention": [4], "standingStatistics": 2, "imageChannels": 1,
  ]

  private func folders(_ name: String, _ classes: [String], in folder: TemporaryFolder, size: Int = 8) throws
    -> URL
  {
    try TinyData.writeClassFolders(to: folder(name), classes: classes, size: size)
    return folder(name)
  }

  /// A run that begins with weights.
  private func train(
    _ type: any GenerativeSystem.Type, _ changes: [String: ConfigurationValue], data: URL,
    from source: TransferSource?, in folder: URL, _ options: TrainingOptions
  ) throws -> RunDirectory {
    let harness = try SystemHarness(type, changes, data: data)
    let run = try RunDirectory.create(in: folder, name: type.identity.name)
    Engine.threadCount = 1
    let binding = try DataBinding.open(
      data, for: type, configuration: harness.configuration, options: .init(seed: options.seed))
    try Training.start(binding, in: run, options: options, weights: .drawn(), from: source)
    return run
  }

  private func tensors(_ run: RunDirectory, step: Int) throws -> [String: HostTensor] {
    let file = CheckpointStore(run.checkpoints).url(step: step).appendingPathComponent(
      CheckpointStore.modelName)
    return Dictionary(uniqueKeysWithValues: try Safetensors.read(file).tensors.map { ($0.name, $0.tensor) })
  }

  @Test func weightsOfARunAreTakenAndTheTrainingResumesExactly() throws {
    let folder = try TemporaryFolder()
    let data = try folders("data", ["circle", "square"], in: folder)
    var options = SystemHarness.options(steps: 3, seed: 1)
    let first = try train(ToySystem.self, [:], data: data, from: nil, in: folder("runs"), options)
    let source = try TransferSource.open([first.url], for: ToySystem.self)
    (options.seed, options.steps, options.keepLast) = (2, 6, 9)
    let whole = try train(ToySystem.self, [:], data: data, from: source, in: folder("runs"), options)
    #expect(try tensors(whole, step: 0) == tensors(first, step: 3))
    let record = try #require(try TransferRecord.read(whole))
    #expect(record.taken.count == 4 && record.reinitialised.isEmpty && record.left.isEmpty)
    #expect(record.step == 3 && record.hash.count == 64 && record.system == "toy")
    let notes = try ModelFile.describe(modelFile(at: whole.url)).data.notes
    #expect(notes.contains { $0.contains(record.hash) && $0.contains("toy-001") })
    options.steps = 3
    let parts = try train(ToySystem.self, [:], data: data, from: source, in: folder("runs"), options)
    try Training.resume(parts.url, registry: registry) { $0.steps = 6 }
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: parts))
    // Killed before the first checkpoint it begins with the same weights again, or not at all.
    try FileManager.default.removeItem(at: parts.checkpoints)
    try Training.resume(parts.url, registry: registry) { $0.steps = 6 }
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: parts))
    try FileManager.default.removeItem(at: parts.checkpoints)
    try Training.resume(first.url, registry: registry) { $0.steps = 4 }
    let error = #expect(throws: TrainingError.self) {
      try Training.resume(parts.url, registry: registry) { $0.steps = 6 }
    }
    #expect("\(error as Any)".contains("are others now"))
  }

  @Test func wordsAreNumberedAsTheWeightsHaveThemUnlessTheUserChooses() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<60).map { "the \(["cat", "dog", "bird"][$0 % 3]) sees \(["one", "two"][$0 % 2]) fish" }
    try Data(lines.joined(separator: "\n").utf8).write(to: folder("text.txt"))
    let run = try train(
      ELECTRA.self,
      [
        "tokenUnit": "unigram", "vocabularyLimit": 285, "embeddingSize": 4, "hiddenSize": 4, "heads": 1,
        "intermediateSize": 4, "generatorHiddenSize": 4, "generatorHeads": 1, "generatorIntermediateSize": 4,
        "layers": 1, "sequenceLength": 8, "maximumLength": 8, "batchSize": 2,
      ], data: folder("text.txt"), from: nil, in: folder("runs"), SystemHarness.options(steps: 1, seed: 1))
    let source = try TransferSource.open([run.url], for: ELECTRA.self)
    var said: [String] = []
    let words = ELECTRA.Configuration()
    let adapted = source.adapted(words, keeping: ["layers"]) { said.append("\($0): \($1), not \($2)") }
    #expect(adapted.tokenUnit == .unigram && said == ["tokenUnit: unigram, not word"])
    // What the user names stays, and what fits is not spoken of.
    #expect(
      source.adapted(words, keeping: ["tokenUnit"]) { key, _, _ in said.append(key) }.tokenUnit == .word)
    #expect(
      source.adapted(adapted, keeping: []) { key, _, _ in said.append(key) } == adapted && said.count == 1)
  }

  @Test func classesAreTakenByTheirNamesAndNewOnesKeepInitialWeights() throws {
    let folder = try TemporaryFolder()
    let old = try folders("old", ["bird", "cat", "dog"], in: folder)
    let new = try folders("new", ["ant", "cat", "dog", "eel"], in: folder)
    var options = SystemHarness.options(steps: 2, seed: 1)
    options.keepLast = 9
    let first = try train(BigGAN.self, Self.tinyBigGAN, data: old, from: nil, in: folder("runs"), options)
    options.seed = 2
    let source = try TransferSource.open([first.url], for: BigGAN.self)
    #expect(source.classNames == ["bird", "cat", "dog"])
    let run = try train(BigGAN.self, Self.tinyBigGAN, data: new, from: source, in: folder("runs"), options)
    let plain = try train(BigGAN.self, Self.tinyBigGAN, data: new, from: nil, in: folder("runs"), options)
    let record = try #require(try TransferRecord.read(run))
    let names = ["network/generator/class_embedding.weight", "network/discriminator/class_embedding.weight"]
    #expect(Set(names).isSubset(of: record.takenByClass.map(\.tensor)))
    #expect(record.reinitialised.isEmpty, "\(record.reinitialised)")
    #expect(Double(record.taken.count) >= 0.9 * Double(record.count))
    #expect(record.takenByClass.allSatisfy { $0.reason == "2 of 4 classes taken by name, new: ant, eel" })
    let (before, after, initial) = (
      try tensors(first, step: 2), try tensors(run, step: 0), try tensors(plain, step: 0)
    )
    for name in names {
      let width = try #require(after[name]?.shape.last)
      func row(_ table: [String: HostTensor], _ label: Int) throws -> [Float] {
        Array(try #require(table[name]).floats()[(label * width)..<((label + 1) * width)])
      }
      #expect(try row(after, 1) == row(before, 1) && row(after, 2) == row(before, 2))
      #expect(try row(after, 0) == row(initial, 0) && row(after, 3) == row(initial, 3))
    }
  }

  @Test func equalNumbersOfOtherClassesAreNotTakenByTheirNumbers() throws {
    let folder = try TemporaryFolder()
    let old = try folders("old", ["bird", "cat"], in: folder)
    let new = try folders("new", ["ant", "bird"], in: folder)
    var options = SystemHarness.options(steps: 1, seed: 1)
    options.keepLast = 9
    let first = try train(BigGAN.self, Self.tinyBigGAN, data: old, from: nil, in: folder("runs"), options)
    let source = try TransferSource.open([first.url], for: BigGAN.self)
    let run = try train(BigGAN.self, Self.tinyBigGAN, data: new, from: source, in: folder("runs"), options)
    let name = "network/generator/class_embedding.weight"
    let (before, after) = (try tensors(first, step: 1)[name], try tensors(run, step: 0)[name])
    #expect(try Array(#require(after).floats()[3..<6]) == Array(#require(before).floats()[0..<3]))
    #expect(try TransferRecord.read(run)?.takenByClass.contains { $0.tensor == name } == true)
  }

  @Test func weightsThatFitNothingAreRefusedBeforeAnythingIsWritten() throws {
    let folder = try TemporaryFolder()
    let data = try folders("data", ["circle", "square"], in: folder)
    let options = SystemHarness.options(steps: 1)
    let first = try train(ToySystem.self, [:], data: data, from: nil, in: folder("runs"), options)
    let source = try TransferSource.open([first.url], for: ToySystem.self)
    let error = #expect(throws: TrainingError.self) {
      try train(ToySystem.self, ["imageSize": 4], data: data, from: source, in: folder("others"), options)
    }
    #expect("\(error as Any)".contains("no tensor of") && "\(error as Any)".contains("generator/weight"))
    let left = try FileManager.default.contentsOfDirectory(atPath: folder("others/toy-001").path)
    #expect(Set(left).isSubset(of: ["checkpoints", "samples", "artefacts"]))
    #expect(throws: TrainingError.self) { try TransferSource.open([folder("nothing")], for: ToySystem.self) }
    try Data([1]).write(to: folder("other.pth"))
    let foreign = #expect(throws: TrainingError.self) {
      try TransferSource.open([folder("other.pth")], for: ToySystem.self)
    }
    #expect("\(foreign as Any)".contains("reads no files of other programs"))
  }

  @Test func filesOfOtherProgramsAreTakenThroughTheImporters() throws {
    let folder = try TemporaryFolder()
    let data = try folders("data", ["circle"], in: folder, size: 40)
    let changes: [String: ConfigurationValue] = [
      "width": 4, "blocks": 1, "imageSize": 32, "batchSize": 2, "averageDecay": 0.9,
    ]
    var options = SystemHarness.options(steps: 1, seed: 1)
    let first = try train(SRResNet.self, changes, data: data, from: nil, in: folder("runs"), options)
    let (system, description) = try loadSystem(from: first.url, registry: registry)
    _ = try ModelExport.safetensors(system, description, to: folder("net_g.safetensors"))
    let source = try TransferSource.open([folder("net_g.safetensors")], for: SRResNet.self)
    #expect(source.step == nil && source.configuration["width"] == 4)
    options.keepLast = 9
    let run = try train(SRResNet.self, changes, data: data, from: source, in: folder("runs"), options)
    let record = try #require(try TransferRecord.read(run))
    #expect(record.reinitialised.isEmpty && record.left.isEmpty && !record.taken.isEmpty)
    // What draws is the average; here it is what both begin with.
    let (old, new) = (try tensors(first, step: 1), try tensors(run, step: 0))
    for (name, tensor) in new where name.hasPrefix("average/") { #expect(tensor == old[name], "\(name)") }
    for (name, tensor) in new where name.hasPrefix("network/generator/") {
      #expect(tensor == new["average/" + name.dropFirst("network/".count)], "\(name)")
    }
  }

  @Test func frozenLayersStayAsTheyAreAlsoAfterAResumption() throws {
    let folder = try TemporaryFolder()
    let data = try folders("data", ["circle", "square"], in: folder, size: 16)
    let changes: [String: ConfigurationValue] = [
      "imageSize": 16, "imageChannels": 1, "latentSize": 4, "generatorChannels": 2,
      "discriminatorChannels": 2,
      "batchSize": 4,
    ]
    var options = SystemHarness.options(steps: 4, seed: 1)
    (options.freezeDiscriminator, options.keepLast) = (1, 9)
    let whole = try train(DCGAN.self, changes, data: data, from: nil, in: folder("runs"), options)
    options.steps = 2
    let parts = try train(DCGAN.self, changes, data: data, from: nil, in: folder("runs"), options)
    try Training.resume(parts.url, registry: registry) { $0.steps = 4 }
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: parts))
    let (before, after) = (try tensors(whole, step: 0), try tensors(whole, step: 4))
    let weights = try Safetensors.header(of: modelFile(at: whole.url)).entries
      .filter { $0.name.hasPrefix("network/discriminator/") && $0.shape.count == 4 }.map(\.name)
    #expect(weights.count > 2)
    #expect(before[weights[0]] == after[weights[0]])
    for name in weights.dropFirst() { #expect(before[name] != after[name], "\(name)") }
    // A layer that begins at random must not stay so.
    let source = try TransferSource.open([whole.url], for: DCGAN.self)
    let colours = folder("colours")
    try TinyData.writePhotographs(to: colours, size: 16)
    let random = #expect(throws: TrainingError.self) {
      try train(
        DCGAN.self, changes.merging(["imageChannels": 3]) { $1 }, data: colours, from: source,
        in: folder("runs"), options)
    }
    #expect("\(random as Any)".contains("frozen it would stay as random"))
    options.freezeDiscriminator = 40
    let error = #expect(throws: TrainingError.self) {
      try train(DCGAN.self, changes, data: data, from: nil, in: folder("runs"), options)
    }
    #expect("\(error as Any)".contains("at most \(weights.count - 1) can be frozen"))
    #expect(throws: TrainingError.self) {
      try train(ToySystem.self, [:], data: data, from: nil, in: folder("runs"), options)
    }
  }
}
