import Atelier
import AtelierFaiss
import Foundation
import TestSupport
import Testing

/// Systems that are conditioned on instances, bound to data.
@Suite struct InstanceTests {
  private static let changes: [String: ConfigurationValue] = [
    "imageSize": 8, "bottomWidth": 1, "batchSize": 4, "latentSize": 8, "generatorChannels": 2,
    "discriminatorChannels": 2, "sharedEmbeddingSize": 3, "generatorAttention": [],
    "discriminatorAttention": [], "featureSize": 6, "sharedFeatureSize": 4, "neighbours": 3,
    "selectedInstances": 5, "featureEpochs": 1,
  ]

  private func binding(
    _ data: URL, _ more: [String: ConfigurationValue] = [:], artefacts: Artefacts? = nil,
    cache: URL? = nil, say: @escaping (String) -> Void = { _ in }
  ) throws -> DataBinding {
    try DataBinding.open(
      data, for: ICGAN.self, configuration: Self.changes.merging(more) { _, new in new },
      artefacts: artefacts, options: DataBindingOptions(seed: 3, instances: cache), say: say)
  }

  @Test func anExampleIsAnInstancesFeaturesAndANeighboursPicture() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    let data = try binding(folder.url, ["mirrors": false])
    let table = try #require(try InstanceTable(data.facts.artefacts))
    #expect(table.count == 32 && table.featureSize == 6 && table.neighbours.shape == [32, 3])
    #expect((1...5).contains(table.selected.count))
    #expect(data.configuration["instances"] == 32 && data.configuration["imageChannels"] == 1)
    let pictures = try #require(try data.dataset(of: .train))
    let batch = try data.training.next()
    #expect(batch["image"].shape == [4, 1, 8, 8] && batch["features"].shape == [4, 6])
    // Each row of features is an instance's, and its picture one of that instance's neighbours.
    let all = Tensor(try #require(try pictures.batch(at: Array(0..<32))["image"])).asType(.float32)
    let signed = all * (2.0 / 255) - 1
    for row in 0..<4 {
      let features = batch["features"].narrow(0, from: row, length: 1)
      let instance = Int((table.features - features).square().sum(dims: [1]).min(dim: 0).indices.item())
      let image = batch["image"].narrow(0, from: row, length: 1)
      let distances = (signed - image).abs().sum(dims: [1, 2, 3]).doubles()
      let neighbours = table.neighbours.integers()[(instance * 3)..<(instance * 3 + 3)]
      #expect(neighbours.contains { distances[$0] < 1e-4 })
      #expect(!neighbours.contains(instance))
    }
  }

  @Test func featuresAreComputedOnceAndKept() throws {
    let folder = try TemporaryFolder()
    let (place, cache) = (folder("data"), folder("features"))
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: place)
    var said: [String] = []
    let first = try binding(place, cache: cache) { said.append($0) }
    #expect(said.contains { $0.hasPrefix("Training a self-supervised network") })
    said = []
    let again = try binding(place, cache: cache) { said.append($0) }
    #expect(said.count == 1 && said.first?.hasPrefix("Using the features") == true)
    #expect(again.facts.artefacts == first.facts.artefacts)
    // Other neighbourhoods and clusters are other tables, of the same network's features.
    said = []
    let other = try binding(place, ["neighbours": 4], cache: cache) { said.append($0) }
    #expect(said.first?.hasPrefix("Using the network") == true)
    #expect(other.facts.artefacts != first.facts.artefacts)
    var changes = Self.changes
    for key in ["sharedFeatureSize", "neighbours", "selectedInstances"] { changes[key] = nil }
    changes["classSource"] = "clusters"
    changes["classes"] = 5
    let clusters = try DataBinding.open(
      place, for: BigGAN.self, configuration: changes,
      options: DataBindingOptions(seed: 3, instances: cache), say: { _ in })
    let tables = try [first, clusters].map { try #require(try InstanceTable($0.facts.artefacts)) }
    #expect(tables[0].features.doubles() == tables[1].features.doubles())
    said = []
    _ = try binding(place, cache: cache) { said.append($0) }
    #expect(said.first?.hasPrefix("Using the features") == true)
    // A run goes on with its own artefacts, and with no others.
    let resumed = try binding(place, artefacts: first.facts.artefacts)
    #expect(resumed.facts.artefacts == first.facts.artefacts)
    #expect(throws: TrainingError.self) {
      try binding(place, ["neighbours": 5], artefacts: first.facts.artefacts)
    }
  }

  @Test func aNeighbourhoodLargerThanTheDataIsRefused() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    let error = #expect(throws: ConfigurationError.self) { try binding(folder.url, ["neighbours": 32]) }
    #expect(error?.description.contains("neighbours") == true)
  }

  @Test func picturesThatCannotBeReadAreNoInstances() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url)
    try Data("no image".utf8).write(to: folder("circle").appendingPathComponent("3.png"))
    var said: [String] = []
    let data = try binding(folder.url, ["imageChannels": 1]) { said.append($0) }
    let table = try #require(try InstanceTable(data.facts.artefacts))
    #expect(table.count == 11)
    #expect(said.contains { $0.contains("3.png") })
    #expect(data.exampleNumber(ofInstance: 10) == 11)
    for _ in 0..<5 { _ = try data.training.next() }
  }

  @Test func clustersAreClasses() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    var changes = Self.changes
    for key in ["sharedFeatureSize", "neighbours", "selectedInstances"] { changes[key] = nil }
    changes["classSource"] = "clusters"
    changes["classes"] = 5
    let data = try DataBinding.open(folder.url, for: BigGAN.self, configuration: changes)
    #expect(data.facts.description.classNames.count == 5)
    let labels = try data.training.next()["label"].integers()
    #expect(labels.count == 4 && labels.allSatisfy { (0..<5).contains($0) })
    // Measures go on to see the data's own labels.
    #expect(try data.dataset(of: .train)?.description.classNames.count == 4)
    changes["classes"] = 33
    #expect(throws: ConfigurationError.self) {
      try DataBinding.open(folder.url, for: BigGAN.self, configuration: changes)
    }
  }

  /// As many clusters as the data have classes are no classes all the same: no sample is of a class.
  @Test(arguments: ["clusters", "labels"]) func samplesAreOfClassesOnlyWhereTheDataKnowThem(
    _ source: String
  ) throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    var changes = Self.changes
    for key in ["sharedFeatureSize", "neighbours", "selectedInstances"] { changes[key] = nil }
    changes["classSource"] = .string(source)
    changes["classes"] = 4
    let data = try DataBinding.open(folder.url, for: BigGAN.self, configuration: changes)
    let configuration = try BigGAN.Configuration().overlaid(with: data.configuration)
    let system = try BigGAN(
      configuration, artefacts: data.facts.artefacts, using: RandomStream(seed: 1))
    let evaluation = Evaluation(system, data: data, options: EvaluationOptions(samples: 8))
    let labels = try evaluation.context.samples().labels
    #expect(labels?.integers() == (source == "labels" ? [0, 1, 2, 3, 0, 1, 2, 3] : nil))
  }

  @Test func featuresOfImagesThatDoNotFitIntoMemoryAreComputedInParts() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    var said: [String] = []
    // Ten of the 32 images fit.
    let data = try InstancePreparation.$mostImageBytes.withValue(10 * 64) {
      try binding(folder.url) { said.append($0) }
    }
    #expect(said.contains { $0.hasSuffix("the network learns from 10 of them.") }, "\(said)")
    #expect(said.contains("Training a self-supervised network on 10 images."))
    let table = try #require(try InstanceTable(data.facts.artefacts))
    #expect(table.count == 32 && table.mirrored?.shape == [32, 6])
    let network = try InstanceFeatures(data.facts.artefacts)
    let bytes = try #require(try data.dataset(of: .train)?.batch(at: Array(0..<32))["image"])
    let images = Tensor(bytes).asType(.float32) / 127.5 - 1
    #expect((network(images) - table.features).abs().max().item() < 1e-4)
    let mirrored = try #require(table.mirrored)
    #expect((network(images.flipped([3])) - mirrored).abs().max().item() < 1e-4)
  }

  @Test(.enabled(if: InvertedFileIndex.isAvailable, "Faiss is not installed"))
  func neighboursThroughAnIndexAreThoseOfAllDistances() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, perClass: 25)
    let exact = try binding(folder.url)
    var said: [String] = []
    let found = try InstancePreparation.$mostExactProducts.withValue(0) {
      try binding(folder.url) { said.append($0) }
    }
    #expect(said.contains { $0.contains("index of Faiss") }, "\(said)")
    let tables = try [exact, found].map { try #require(try InstanceTable($0.facts.artefacts)) }
    #expect(tables[0].neighbours.integers() == tables[1].neighbours.integers())
    #expect(tables[0].radius.doubles() == tables[1].radius.doubles())
  }

  @Test func newPicturesGetFeaturesOfTheModelsOwnNetwork() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    let data = try binding(folder.url)
    let table = try #require(try InstanceTable(data.facts.artefacts))
    let network = try InstanceFeatures(data.facts.artefacts)
    #expect(network.name.hasPrefix("simclr-"))
    let bytes = try #require(try data.dataset(of: .train)?.batch(at: [0, 7])["image"])
    let features = network(Tensor(bytes).asType(.float32) / 127.5 - 1)
    #expect((features - table.features.indexSelected(0, Tensor([0, 7]))).abs().max().item() < 1e-4)
    #expect(throws: ConfigurationError.self) { try InstanceFeatures(Artefacts()) }
  }
}
