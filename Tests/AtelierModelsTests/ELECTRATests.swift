import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

struct ELECTRATests {
  private func tiny(_ change: (inout ELECTRA.Configuration) -> Void = { _ in }) -> ELECTRA.Configuration {
    var configuration = ELECTRA.Configuration()
    configuration.tokenUnit = .byte
    configuration.vocabularySize = 261
    configuration.embeddingSize = 8
    configuration.maximumLength = 16
    configuration.sequenceLength = 12
    configuration.layers = 1
    (configuration.hiddenSize, configuration.heads, configuration.intermediateSize) = (12, 2, 16)
    (configuration.generatorHiddenSize, configuration.generatorHeads) = (8, 2)
    configuration.generatorIntermediateSize = 16
    configuration.dropout = 0
    configuration.batchSize = 3
    configuration.learningRate = 1e-2
    configuration.warmupSteps = 0
    configuration.decaySteps = 1000
    change(&configuration)
    return configuration
  }

  private func text(_ seed: UInt64 = 1) -> Batch {
    Batch(["token": RandomStream(seed: seed).integers(below: 256, [10, 3])])
  }

  @Test func embeddingsAreOneSetOrTwo() throws {
    func count(_ isTied: Bool) throws -> Int {
      let system = try Trial.make(ELECTRA.self, tiny { $0.tiedEmbedding = isTied })
      return system.optimizers[0].optimizer.parameters.reduce(0) { $0 + $1.count }
    }
    // Tokens, positions, segments, and a norm.
    #expect(try count(false) - count(true) == (261 + 16 + 2 + 2) * 8)
    let system = try Trial.make(ELECTRA.self, tiny())
    let names = try system.networks.map { Set(try Trial.authorsNames($0)) }
    #expect(names[0].contains("generator_lm_head.weight") && names[0].contains("generator_lm_head.bias"))
    #expect(names[1].contains("discriminator_predictions.dense_prediction.bias"))
    #expect(names[1].contains("electra.encoder.layer.0.attention.output.LayerNorm.weight"))
    #expect(names[1].contains("electra.embeddings_project.weight"))
    // The generator's states are as long as its embeddings.
    #expect(!names[0].contains("electra.embeddings_project.weight"))
  }

  @Test func paddingIsNotSeen() throws {
    let system = try Trial.make(ELECTRA.self, tiny())
    let token = RandomStream(seed: 3).integers(below: 261, [1, 8])
    let mask = Tensor([1, 1, 1, 1, 1, 0, 0, 0], shape: [1, 8])
    let other = Tensor.concatenated([token.slice(1, 0, 5), Tensor([9, 8, 7], shape: [1, 3])], dim: 1)
    for network in system.networks {
      func logits(_ token: Tensor) throws -> [Float] {
        try withoutGradients {
          try network.forward(nil, ["token": token, "mask": mask]).required("logits")
        }.slice(1, 0, 5).floats()
      }
      #expect(Trial.close(try logits(token).map(Double.init), try logits(other).map(Double.init)))
    }
  }

  @Test(arguments: ELECTRA.GeneratorTraining.allCases)
  func replacedTokensAreFoundInATextThatRepeats(_ training: ELECTRA.GeneratorTraining) throws {
    let system = try Trial.make(ELECTRA.self, tiny { $0.generatorTraining = training })
    let batch = Batch(["token": Tensor((0..<30).map { 97 + ($0 / 3) % 2 }, shape: [10, 3])])
    var (first, last) = (0.0, 0.0)
    for index in 0..<80 {
      let loss = try #require(try Trial.step(system, batch, index: index)["discriminator"])
      if index == 0 { first = loss }
      last = loss
    }
    #expect(last < 0.7 * first)
  }

  @Test func everyTokenIsJudgedAndSomeAreReplaced() throws {
    let system = try Trial.make(ELECTRA.self, tiny())
    let (score, isReplaced) = try system.replacedTokens(
      in: text(), draws: StreamDraws(RandomStream(seed: 5)))
    // Ten tokens and two of the frame in each of three texts, two of twelve masked.
    #expect(score.shape == [36] && isReplaced.shape == [36])
    let count = isReplaced.sum().item()
    #expect(count > 3 && count <= 6)
  }

  @Test func theRateRisesAndFallsInStraightLines() throws {
    let system = try Trial.make(ELECTRA.self, tiny { ($0.warmupSteps, $0.decaySteps) = (2, 4) })
    let rates = try (0..<5).map { try Trial.step(system, text(), index: $0)["learningRate"] ?? -1 }
    #expect(Trial.close(rates, [0, 0.00375, 0.005, 0.0025, 0]))
  }

  @Test func textsAreWrittenWithTheirReplacementsNamed() throws {
    let system = try Trial.make(ELECTRA.self, tiny())
    func written(_ prompt: String?) throws -> String {
      var text = ""
      try system.draw(
        Request(
          conditions: prompt.map { ["prompt": .text($0)] } ?? [:],
          draws: StreamDraws(RandomStream(seed: 6)))
      ) { text += $0.text ?? "" }
      return text
    }
    #expect(try !written("abcdef").isEmpty)
    #expect(try !written(nil).isEmpty)
    #expect(throws: ConfigurationError.self) { try written("eleven byte") }
  }

  @Test func classesOfALabelledTextAreLearned() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<40).map { "\($0 % 2 == 0 ? "good day" : "a bad one"),\($0 % 2 == 0 ? "plus" : "minus")" }
    let file = folder.url.appendingPathComponent("texts.csv")
    try Data((["text,label"] + rows).joined(separator: "\n").utf8).write(to: file)
    var configuration = tiny { ($0.task, $0.tokenUnit) = (.classification, .word) }
    let data = try #require(configuration.plan.data)
    var artefacts = Artefacts()
    let part = try data.arrangement.survey(file, DataOpening(data.fields), &artefacts)
    #expect(part.description.classNames == ["minus", "plus"])
    configuration = try ELECTRA.adapted(
      configuration, to: DataFacts(description: part.description, artefacts: artefacts))
    #expect(configuration.classes == 2)
    let system = try Trial.make(ELECTRA.self, configuration, artefacts: artefacts)
    let dataset = try #require(part.dataset)
    let batch = Batch(try dataset.batch(at: Array(0..<6)).mapValues { Tensor($0) })
    for index in 0..<40 { try Trial.step(system, batch, index: index) }
    let test = try #require(
      try data.arrangement.open(file, .test, DataOpening(data.fields), artefacts).dataset)
    let held = Batch(try test.batch(at: [0, 1]).mapValues { Tensor($0) })
    let found = try system.networks[0].module.evaluating { try system.classes(of: held) }
    #expect(found.integers() == held["label"].integers())
    var text = ""
    try system.draw(
      Request(
        conditions: ["prompt": .text("good day")], draws: StreamDraws(RandomStream(seed: 1)))
    ) { text += $0.text ?? "" }
    #expect(text.hasPrefix("plus ("))
  }

  @Test func previewsShowHeldOutTextsWithTheirClasses() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<40).map { "\($0 % 2 == 0 ? "good day" : "a bad one"),\($0 % 2 == 0 ? "plus" : "minus")" }
    try Data((["text,label"] + rows).joined(separator: "\n").utf8).write(to: folder("texts.csv"))
    let harness = try SystemHarness(
      ELECTRA.self,
      [
        "task": "classification", "embeddingSize": 4, "hiddenSize": 4, "heads": 1, "intermediateSize": 4,
        "layers": 1, "sequenceLength": 8, "maximumLength": 8, "batchSize": 2,
      ], data: folder("texts.csv"))
    var options = SystemHarness.options(steps: 1)
    options.previewEvery = 1
    let run = try harness.train(in: folder.url, options: options)
    let files = try FileManager.default.contentsOfDirectory(atPath: run.samples.path)
    let file = try #require(files.first { $0.hasSuffix(".txt") })
    let lines = try String(contentsOf: run.samples.appendingPathComponent(file), encoding: .utf8).split(
      separator: "\n")
    // Each line has the class that is given, the text's own where that is another, and the text.
    #expect(!lines.isEmpty)
    for line in lines {
      let own = line.hasSuffix(": good day") ? "plus" : "minus"
      #expect(line.hasPrefix("\(own): ") || line.contains(" (is \(own)): "), "\(line)")
    }
  }

  @Test func valuesThatCannotWorkAreRefused() {
    for change: (inout ELECTRA.Configuration) -> Void in [
      { $0.heads = 5 }, { $0.maskShare = 0 }, { $0.maskShare = 1 }, { $0.sequenceLength = 2 },
      { $0.vocabularySize = 5 }, { $0.tokenUnit = .subword },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(change).validate() }
    }
    for preset in ELECTRA.Configuration.presets {
      #expect(throws: Never.self) { try preset.configuration.validate() }
    }
  }
}
