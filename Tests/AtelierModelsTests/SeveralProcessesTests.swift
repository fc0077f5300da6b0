import Atelier
import Foundation
import TestSupport
import Testing

/// Two processes with half of every batch each learn what one learns with all of it: one system of each family. The
/// rest is in `kill-proof --alike`.
@Suite struct SeveralProcessesTests {
  /// The most that a weight may differ after 20 steps.
  private static let tolerance = 1e-5

  private func expectAlike(
    _ system: any GenerativeSystem.Type, _ changes: [String: ConfigurationValue],
    leavingOut endings: [String] = [], _ data: (URL) throws -> Void, file: String? = nil
  ) throws {
    let folder = try TemporaryFolder()
    let place = file.map { folder.url.appendingPathComponent($0) } ?? folder.url
    try data(place)
    let deviation = try SystemHarness(system, changes, data: place).deviation(leavingOut: endings)
    #expect(
      deviation.largest <= Self.tolerance, "\(system.identity.name): \(deviation.name) \(deviation.largest)")
  }

  private static let dense: [String: ConfigurationValue] = [
    "imageSize": 8, "batchSize": 10, "latentSize": 3, "generatorHidden": [6, 6],
    "discriminatorHidden": [6, 6],
  ]

  @Test func anAdversarialPair() throws {
    // One of the generator's layers has a bias before batch normalisation, which takes it off again.
    try expectAlike(
      ConditionalGAN.self, Self.dense, leavingOut: ["dense.model.2.bias", "dense.model.3.running_mean"]
    ) { try TinyData.writeIDX(to: $0) }
  }

  @Test func batchNormalisationOfAllProcesses() throws {
    try expectAlike(
      DCGAN.self,
      ["imageSize": 8, "batchSize": 10, "latentSize": 3, "generatorChannels": 2, "discriminatorChannels": 2]
    ) { try TinyData.writeIDX(to: $0) }
  }

  @Test func aPenaltyOnGradients() throws {
    // The critic's later biases are in both halves of its loss, which cancel, and so in the generator's normalisation.
    try expectAlike(
      WGANGP.self, Self.dense,
      leavingOut: [
        "discriminator/model.4.bias", "discriminator/model.2.bias", "generator/model.2.bias",
        "generator/model.3.running_mean",
      ]
    ) { try TinyData.writeIDX(to: $0) }
  }

  @Test func aTranslatorOfPairs() throws {
    try expectAlike(
      Pix2Pix.self,
      ["imageSize": 16, "width": 2, "discriminatorWidth": 2, "layers": 1, "downsamplings": 4, "batchSize": 6]
    ) { try TinyData.writePairs(to: $0, size: 16) }
  }

  @Test func aVariationalAutoencoder() throws {
    // Every convolution but the last has a bias before batch normalisation, which takes it off again.
    try expectAlike(
      VariationalAutoencoder.self, ["imageSize": 16, "hidden": [3, 4], "latentSize": 4, "batchSize": 10],
      leavingOut: [".0.bias", "running_mean"]
    ) { try TinyData.writeIDX(to: $0) }
  }

  @Test func aRecurrentLanguageModel() throws {
    try expectAlike(
      RNNLanguageModel.self,
      [
        "cell": "lstm", "tokenUnit": "word", "embeddingSize": 6, "hiddenSize": 8, "layers": 2,
        "sequenceLength": 7, "batchSize": 6, "learningRate": 0.1, "dropout": 0.2,
      ], { try TinyData.writeText(to: $0) }, file: "words.txt")
  }

  @Test func aTransformerOfText() throws {
    try expectAlike(
      GPT.self,
      ["contextLength": 8, "layers": 1, "heads": 2, "embeddingSize": 8, "batchSize": 6, "dropout": 0.2],
      { try TinyData.writeText(to: $0) }, file: "words.txt")
  }
}

/// What several processes write, and how they go on.
@Suite struct SeveralProcessesRunTests {
  private func harness(_ folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder.url.appendingPathComponent("words.txt")
    try TinyData.writeText(to: data)
    // Each process has hidden states of its own.
    return try SystemHarness(
      RNNLanguageModel.self,
      [
        "cell": "lstm", "tokenUnit": "word", "embeddingSize": 6, "hiddenSize": 8, "layers": 1,
        "sequenceLength": 5, "batchSize": 6, "learningRate": 1, "dropout": 0.2,
      ], data: data)
  }

  @Test func aRunInTwoProcessesResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(folder)
    func options(_ steps: Int) -> TrainingOptions { SystemHarness.options(steps: steps) }
    let whole = try harness.trainTogether(in: folder("whole"), options: options(4))
    let resumed = try harness.trainTogether(in: folder("resumed"), options: options(2))
    _ = try harness.trainTogether(in: folder("resumed"), options: options(4))
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: resumed))
    #expect(try SystemHarness.bytes(of: whole).count == 2)
  }

  @Test func anotherNumberOfProcessesIsRefusedUnlessItIsAskedFor() throws {
    let folder = try TemporaryFolder()
    let data = folder("digits")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data)
    let harness = try SystemHarness(
      VariationalAutoencoder.self, ["imageSize": 16, "hidden": [3, 4], "latentSize": 4, "batchSize": 6],
      data: data)
    let whole = try harness.trainTogether(in: folder("whole"), options: SystemHarness.options(steps: 6))
    let run = try harness.trainTogether(in: folder("run"), options: SystemHarness.options(steps: 3))
    let error = #expect(throws: TrainingError.self) {
      _ = try harness.trainTogether(
        in: folder("run"), processes: 3, options: SystemHarness.options(steps: 6))
    }
    #expect(error?.description.contains("it was trained in 2 processes and is resumed in 3") == true)
    _ = try harness.trainTogether(
      in: folder("run"), processes: 3, options: SystemHarness.options(steps: 6), reshards: true)
    #expect(
      try SystemHarness.deviation(of: run, from: whole, leavingOut: [".0.bias", "running_mean"]).largest
        < 1e-5)
    #expect(
      try EventLog.read(run.events).contains {
        $0.type == .warning && $0.message?.contains("in 3 processes instead of 2") == true
      })
  }

  @Test func hiddenStatesOfEachProcessCannotBeDividedAnew() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(folder)
    _ = try harness.trainTogether(in: folder("run"), options: SystemHarness.options(steps: 2))
    let error = #expect(throws: TrainingError.self) {
      _ = try harness.trainTogether(
        in: folder("run"), processes: 3, options: SystemHarness.options(steps: 4), reshards: true)
    }
    #expect(error?.description.contains("cannot be divided anew") == true, "\(String(describing: error))")
  }

  @Test func loggedNumbersAreThoseOfTheWholeBatch() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(folder)
    let alone = try harness.train(in: folder("alone"), options: SystemHarness.options(steps: 5))
    let together = try harness.trainTogether(in: folder("two"), options: SystemHarness.options(steps: 5))
    func numbers(_ run: RunDirectory) throws -> [[String: Double]] {
      try EventLog.read(run.events).filter { $0.type == .step }.compactMap(\.values)
    }
    let (one, two) = (try numbers(alone), try numbers(together))
    #expect(one.count == 5 && two.count == 5)
    for (a, b) in zip(one, two) {
      #expect(a.keys == b.keys)
      // The mean of perplexities is not that of the mean.
      for (name, value) in a where name != "perplexity" {
        #expect(abs(value - (b[name] ?? .nan)) < 1e-4 * max(1, abs(value)), "\(name)")
      }
    }
  }

  @Test func aBatchThatCannotBeDividedIsRefused() throws {
    let folder = try TemporaryFolder()
    let data = folder("digits")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data)
    let harness = try SystemHarness(
      VariationalAutoencoder.self, ["imageSize": 16, "hidden": [3], "latentSize": 4, "batchSize": 5],
      data: data)
    let error = #expect(throws: DatasetError.self) {
      _ = try harness.trainTogether(in: folder("run"), options: SystemHarness.options(steps: 2))
    }
    #expect(error?.description.contains("cannot be divided equally among 2 processes") == true)
  }
}
