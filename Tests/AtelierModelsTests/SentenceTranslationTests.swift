import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

/// Systems that turn sentences into sentences.
@Suite(.serialized) struct SentenceTranslationTests {
  private func seq2seq(
    _ model: Seq2Seq.Model, _ change: (inout Seq2Seq.Configuration) -> Void = { _ in }
  ) -> Seq2Seq.Configuration {
    var configuration = Seq2Seq.Configuration()
    configuration.model = model
    configuration.text = SentencePairSettings(sourceVocabularySize: 11, targetVocabularySize: 9)
    configuration.embeddingSize = 6
    configuration.hiddenSize = 4
    configuration.decoderHiddenSize = 8
    configuration.dropout = 0
    configuration.maskPadding = true
    configuration.initialDeviation = nil
    configuration.initialRange = 0.5
    configuration.batchSize = 3
    change(&configuration)
    return configuration
  }

  private func transformer(
    _ change: (inout Transformer.Configuration) -> Void = { _ in }
  ) -> Transformer.Configuration {
    var configuration = Transformer.Configuration()
    configuration.text = SentencePairSettings(sourceVocabularySize: 11, targetVocabularySize: 9)
    configuration.embeddingSize = 8
    configuration.heads = 2
    configuration.encoderLayers = 2
    configuration.decoderLayers = 2
    configuration.hiddenSize = 12
    configuration.maximumLength = 20
    configuration.dropout = 0
    configuration.batchSize = 3
    change(&configuration)
    return configuration
  }

  /// Every form, with weights of a seed.
  private func systems() throws -> [any SentenceTranslatingSystem] {
    var all: [any SentenceTranslatingSystem] = []
    for model in Seq2Seq.Model.allCases {
      all.append(try Trial.make(Seq2Seq.self, seq2seq(model)))
      all.append(
        try Trial.make(
          Seq2Seq.self,
          seq2seq(model) {
            $0.cell = .lstm
            $0.layers = 2
            $0.bidirectional = false
            $0.hiddenSize = 8
            $0.reversedSource = true
            $0.inputFeeding = false
          }))
    }
    all.append(try Trial.make(Transformer.self, transformer()))
    all.append(
      try Trial.make(
        Transformer.self,
        transformer {
          $0.normFirst = true
          $0.positions = .learned
          $0.tiedEmbedding = true
          $0.scaledEmbedding = true
          $0.activation = .gelu
        }))
    return all
  }

  private let short = (source: [2, 7, 5, 3], target: [2, 4, 8, 3])
  private let long = (source: [2, 9, 4, 6, 10, 5, 3], target: [2, 6, 5, 4, 7, 3])

  private func batch(_ pairs: [(source: [Int], target: [Int])]) -> Batch {
    func padded(_ rows: [[Int]]) -> Tensor {
      let longest = rows.map(\.count).max() ?? 0
      return Tensor(
        rows.flatMap { $0 + [Int](repeating: 1, count: longest - $0.count) }, shape: [rows.count, longest])
    }
    return Batch(["source": padded(pairs.map(\.source)), "target": padded(pairs.map(\.target))])
  }

  @Test func paddingDoesNotChangeASentencesLoss() throws {
    for system in try systems() {
      let alone = try system.targetScores(batch([short]))[0]
      let beside = try system.targetScores(batch([long, short]))
      #expect(alone.tokens == 3 && beside.map(\.tokens) == [5, 3])
      #expect(
        abs(alone.negativeLogLikelihood - beside[1].negativeLogLikelihood) < 1e-4, "\(system.configuration)")
      let other = try system.targetScores(batch([long]))[0]
      #expect(abs(other.negativeLogLikelihood - beside[0].negativeLogLikelihood) < 1e-4)
    }
  }

  @Test func aBeamOfOneIsTheGreedySearchAndMoreAreNotWorse() throws {
    for system in try systems() {
      let source = batch([long, short])["source"]
      let search = TranslationSearch(beams: 1, lengthPenalty: 0, extraLength: 4)
      let greedy = try system.translations(of: source, search)
      let beam =
        try (system as? Seq2Seq)?.beamTranslations(of: source, search)
        ?? (system as? Transformer)?.beamTranslations(of: source, search) ?? []
      #expect(greedy.map(\.tokens) == beam.map(\.tokens))
      for (one, other) in zip(greedy, beam) { #expect(abs(one.logProbability - other.logProbability) < 1e-4) }
      // Translated alone they are the same.
      #expect(try system.translations(of: batch([short])["source"], search)[0].tokens == greedy[1].tokens)
      // As many beams as there can be find the best of all sentences of three tokens.
      let wide = TranslationSearch(beams: 200, lengthPenalty: 0, extraLength: 1)
      let narrow = TranslationSearch(beams: 1, lengthPenalty: 0, extraLength: 1)
      let tiny = Tensor([2, 3], shape: [1, 2])
      #expect(
        try system.translations(of: tiny, wide)[0].logProbability
          >= system.translations(of: tiny, narrow)[0].logProbability - 1e-5)
    }
  }

  @Test func alignmentsAreSharesOfTheSource() throws {
    for system in try systems() {
      let found = try system.translations(
        of: batch([long, short])["source"], TranslationSearch(beams: 2, extraLength: 3))
      let aligns = system.plan.ability(SentenceTranslation.self)?.aligns ?? false
      for (sentence, length) in zip(found, [7, 4]) {
        #expect((sentence.alignment != nil) == aligns)
        guard let alignment = sentence.alignment else { continue }
        #expect(alignment.shape[1] == length && alignment.shape[0] >= sentence.tokens.count)
        let sums = Tensor(alignment).sum(dims: [1]).doubles()
        #expect(sums.allSatisfy { abs($0 - 1) < 1e-4 })
      }
    }
  }

  @Test func keptKeysAndValuesGiveTheSameTokens() throws {
    for change in [
      { (_: inout Transformer.Configuration) in }, { $0.normFirst = true }, { $0.positions = .learned },
    ] {
      let system = try Trial.make(Transformer.self, transformer(change), seed: 5)
      let source = Tensor(long.source, shape: [1, long.source.count])
      let found = try system.translations(of: source, TranslationSearch(beams: 1, extraLength: 3))[0].tokens
      let anew = system.uncachedTranslation(of: source, length: 10)
      let ended = anew.last == 3 ? anew.dropFirst().dropLast() : anew.dropFirst()
      #expect(found == Array(ended))
    }
  }

  @Test func theDecoderSeesOnlyWhatWasWritten() throws {
    for normFirst in [false, true] {
      let system = try Trial.make(Transformer.self, transformer { $0.normFirst = normFirst })
      func logits(_ target: [Int]) throws -> Tensor {
        try system.networks[0].forward(
          nil,
          [
            "source": Tensor(long.source, shape: [7, 1]), "target": Tensor(target, shape: [target.count, 1]),
          ]
        ).required("logits")
      }
      let (a, b) = (try logits([2, 6, 5, 4, 7, 3]), try logits([2, 6, 5, 8, 8, 3]))
      #expect(Trial.close(a.slice(0, 0, 3).doubles(), b.slice(0, 0, 3).doubles(), 1e-6))
      #expect(!Trial.close(a.slice(0, 3, 4).doubles(), b.slice(0, 3, 4).doubles(), 1e-3))
    }
  }

  @Test func parametersAreAsManyAsTheReferencePrints() throws {
    func count<System: GenerativeSystem>(_ type: System.Type, _ configuration: System.Configuration) throws
      -> Int
    {
      try Trial.make(type, configuration).networks[0].module.parameterCount
    }
    // The notebooks' own prints, systems.md A37.
    #expect(try count(Seq2Seq.self, Seq2Seq.Configuration()) == 20_518_405)
    #expect(try count(Seq2Seq.self, Seq2Seq.Configuration.context) == 14_219_781)
    var first = Seq2Seq.Configuration()
    first.model = .lastState
    first.cell = .lstm
    first.layers = 2
    first.bidirectional = false
    #expect(try count(Seq2Seq.self, first) == 13_898_501)
    // Two stacks, one table of 37,000, and the bias of the output, which shares the table.
    #expect(try count(Transformer.self, Transformer.Configuration.base) == 63_082_496 + 37_000)
  }

  @Test func theLossIsSmoothedOverAllTokens() throws {
    // torch.nn.CrossEntropyLoss(label_smoothing=0.1) of uniform scores is log V, whatever the smoothing.
    let system = try Trial.make(Transformer.self, transformer { $0.labelSmoothing = 0.1 })
    for (name, tensor) in system.networks[0].module.state() where name.hasPrefix("output.") {
      tensor.detached().fill(0)
    }
    let pairs = batch([long, short])
    let loss = try system.networks[0].forward(
      nil, ["source": pairs["source"].transposed(0, 1), "target": pairs["target"].transposed(0, 1)]
    ).required("loss")
    #expect(abs(loss.item() - log(9)) < 1e-5)
  }

  @Test func theMeanOfTheLastWeightsTranslatesAndIsCarried() throws {
    let configuration = transformer {
      $0.averagedWeights = 2
      $0.averageInterval = 1
      $0.learningRate = 1e-2
    }
    let system = try Trial.make(Transformer.self, configuration)
    var seen: [[Double]] = []
    for index in 0..<3 {
      try Trial.step(system, batch([long, short]), index: index)
      seen.append(system.networks[0].module.state()[0].tensor.doubles())
    }
    let mean = zip(seen[1], seen[2]).map { ($0 + $1) / 2 }
    #expect(Trial.close(system.averages[0].average.state()[0].tensor.doubles(), mean, 1e-6))
    let carried = system.carriedState()
    let other = try Trial.make(Transformer.self, configuration, seed: 8)
    try other.restoreCarriedState(carried)
    #expect(other.carriedState().map(\.name) == carried.map(\.name))
    #expect(other.carriedState().map(\.tensor) == carried.map(\.tensor))
    #expect(throws: ConfigurationError.self) { try other.restoreCarriedState([carried[0]]) }
  }

  @Test(arguments: ["seq2seq", "transformer"])
  func runsResumeToTheByteAndTranslate(_ name: String) throws {
    let folder = try TemporaryFolder()
    let data = try TinyLayout.sentencePairs.write(in: folder.url)
    let system = try SystemRegistry.standard.system(named: name)
    let harness = try SystemHarness(
      system,
      name == "seq2seq"
        ? [
          "batchSize": 4, "embeddingSize": 8, "hiddenSize": 8, "decoderHiddenSize": 16,
          "learningRate": .number(1e-2),
        ]
        : [
          "batchTokens": 60, "embeddingSize": 16, "hiddenSize": 16, "averagedWeights": 2,
          "averageInterval": 1,
        ], data: data)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
    let distance = try harness.overfitsOneBatch(steps: 120)
    #expect(distance.last < 0.7 * distance.first, "\(distance)")
  }

  @Test func sentencesThatDoNotFitAreRefused() throws {
    let system = try Trial.make(Transformer.self, transformer { $0.maximumLength = 6 })
    #expect(throws: ConfigurationError.self) {
      try system.translations(of: Tensor([2, 40, 3], shape: [1, 3]), TranslationSearch())
    }
    #expect(throws: ConfigurationError.self) {
      try system.translations(of: Tensor([2, 4, 4, 4, 4, 4, 3], shape: [1, 7]), TranslationSearch())
    }
    #expect(throws: ConfigurationError.self) {
      try Trial.make(
        Seq2Seq.self,
        seq2seq(.lastState),
        artefacts: Artefacts([
          SentencePairs.sourceArtefact: JSONEncoder().encode(SentenceVocabulary(of: ["a"], .init(.words))),
          SentencePairs.targetArtefact: JSONEncoder().encode(SentenceVocabulary(of: ["a"], .init(.words))),
        ]))
    }
  }
}
