import Atelier
import Foundation
import TestSupport
import Testing

/// What two processes measure together on the way, each on its part of the examples, is what one process measures.
@Suite struct SharedMeasuringTests {
  /// Measures the initial weights, which are the same, in one process and in two.
  private func expectAlike(
    _ system: any GenerativeSystem.Type, _ changes: [String: ConfigurationValue], _ measures: [String],
    holdsOut: Double? = 0.4, samples: Int = 24, file: String? = nil, _ data: (URL) throws -> Void
  ) throws {
    let folder = try TemporaryFolder()
    let place = file.map { folder("data/\($0)") } ?? folder("data")
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try data(place)
    let harness = try SystemHarness(system, changes, data: place)
    var options = SystemHarness.options(steps: 1)
    options.validation = ValidationPolicy(steps: 1, measures: measures, samples: samples)
    var reading = ReadingOptions()
    if let holdsOut { reading.holdOut = try HoldOut(validation: holdsOut) }
    let measuring: @Sendable () -> ValidationMeasuring = {
      .by(options: EvaluationOptions(importanceSamples: 10, classifierSeconds: 30, weights: .drawn()))
    }
    let alone = try harness.train(in: folder.url, options: options, reading: reading, measuring: measuring())
    let together = try harness.trainTogether(
      in: folder("together"), options: options, reading: reading, measuring: measuring)
    func values(_ run: RunDirectory) throws -> [String: Double] {
      let events = try EventLog.read(run.events).filter { $0.type == .validation }
      #expect(Set(events.map(\.step)) == [0, 1])
      return events.first?.values ?? [:]
    }
    let (own, others) = (try values(alone), try values(together))
    #expect(own.keys == others.keys && own.count >= measures.count, "\(own.keys) and \(others.keys)")
    for (name, value) in own {
      let other = others[name] ?? .nan
      #expect(abs(value - other) <= 1e-5 * max(1, abs(value)), "\(name): \(other) instead of \(value)")
    }
  }

  @Test func samplesAndTheirFeatures() throws {
    try expectAlike(
      ConditionalGAN.self,
      [
        "imageSize": 8, "batchSize": 4, "latentSize": 3, "generatorHidden": [6, 6],
        "discriminatorHidden": [6, 6],
      ],
      ["frechet-distance", "kernel-distance", "precision-recall", "label-accuracy", "classifier-score"]
    ) { try TinyData.writeIDX(to: $0, perClass: 40) }
  }

  @Test func reconstructionsAndBounds() throws {
    try expectAlike(
      VariationalAutoencoder.self, ["imageSize": 16, "hidden": [3, 4], "latentSize": 4, "batchSize": 4],
      ["reconstruction-error", "likelihood-bounds"]
    ) { try TinyData.writeIDX(to: $0, perClass: 40) }
  }

  @Test func pairsOfImages() throws {
    try expectAlike(
      Pix2Pix.self,
      [
        "imageSize": 16, "width": 2, "discriminatorWidth": 2, "layers": 1, "downsamplings": 4, "batchSize": 2,
      ],
      ["pixel-error", "psnr", "ssim"]
    ) { try TinyData.writePairs(to: $0, count: 15, size: 16) }
  }

  @Test func setsWithoutCorrespondence() throws {
    try expectAlike(
      CycleGAN.self,
      [
        "imageSize": 16, "width": 2, "discriminatorWidth": 2, "layers": 1, "downsamplings": 1, "blocks": 1,
        "batchSize": 2,
      ],
      ["cycle-error", "identity-error"]
    ) { try TinyData.writeUnpaired(to: $0, count: 12, size: 16) }
  }

  @Test func piecesOfText() throws {
    try expectAlike(
      GPT.self, ["contextLength": 8, "layers": 1, "heads": 2, "embeddingSize": 8, "batchSize": 2],
      ["perplexity"], holdsOut: nil, file: "words.txt"
    ) { try TinyData.writeText(to: $0) }
  }

  /// Four sentences are one batch, which one process translates, and ninety are three.
  @Test(arguments: [false, true]) func sentences(areMany: Bool) throws {
    try expectAlike(
      Transformer.self,
      [
        "embeddingSize": 8, "heads": 2, "encoderLayers": 1, "decoderLayers": 1, "hiddenSize": 12,
        "maximumLength": 20, "batchSize": 6,
      ],
      ["bleu", "target-perplexity"], holdsOut: nil, samples: 90
    ) { folder in
      try TinyData.writeSentencePairs(to: folder, count: 90)
      guard areMany else { return }
      for language in ["aa", "bb"] {
        let held = folder.appendingPathComponent("valid.\(language)")
        try Data(contentsOf: folder.appendingPathComponent("train.\(language)")).write(to: held)
      }
    }
  }
}
