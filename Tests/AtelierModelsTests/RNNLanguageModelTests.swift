import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

struct RNNLanguageModelTests {
  private func tiny(
    _ change: (inout RNNLanguageModel.Configuration) -> Void = { _ in }
  ) -> RNNLanguageModel.Configuration {
    var configuration = RNNLanguageModel.Configuration()
    configuration.vocabularySize = 7
    configuration.embeddingSize = 6
    configuration.hiddenSize = 8
    configuration.dropout = 0
    configuration.sequenceLength = 4
    configuration.batchSize = 2
    configuration.learningRate = 1
    change(&configuration)
    return configuration
  }

  private func transformer() -> RNNLanguageModel.Configuration {
    tiny {
      $0.model = .transformerEncoder
      $0.maximumLength = 6
    }
  }

  /// Pieces of a stream of drawn tokens.
  private func pieces(_ configuration: RNNLanguageModel.Configuration, length: Int = 13, seed: UInt64 = 4)
    throws -> [Batch]
  {
    let tokens = RandomStream(seed: seed).integers(below: configuration.vocabularySize, [length, 2])
    let source = try #require(
      try RNNLanguageModel.recordedSource(["stream": tokens], configuration: configuration))
    return try (0..<((length - 2) / configuration.sequenceLength + 1)).map { _ in try source.next() }
  }

  /// Makes every token equally likely, so that a draw of (k + ½) / count picks token k.
  private func makeUniform(_ system: RNNLanguageModel) {
    for (name, tensor) in system.networks[0].module.state() where name.hasPrefix("output.") {
      tensor.detached().fill(0)
    }
  }

  private func draws(_ tokens: [Int], of count: Int) -> RecordedDraws {
    RecordedDraws(["draw": tokens.map { Tensor([(Float($0) + 0.5) / Float(count)]) }])
  }

  @Test(arguments: [RecurrentCell.lstm, .gru, .tanh, .relu])
  func everyCellHasTheScriptsNames(_ cell: RecurrentCell) throws {
    let system = try Trial.make(RNNLanguageModel.self, tiny { $0.cell = cell })
    let names = try Trial.authorsNames(system.networks[0])
    let layers = (0..<2).flatMap { layer in
      ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map { "rnn.\($0)_l\(layer)" }
    }
    #expect(names == ["encoder.weight"] + layers + ["decoder.weight", "decoder.bias"])
    let token = Tensor([0, 1, 2, 3, 4, 5], shape: [3, 2])
    let output = try system.networks[0].forward(nil, ["token": token])
    #expect(output["logProbability"]?.shape == [6, 7])
    #expect(output["hidden"]?.shape == [2, 2, 8])
    #expect((output["cell"] != nil) == (cell == .lstm))
    let sums = try output.required("logProbability").exp().sum(dims: [1]).doubles()
    #expect(Trial.close(sums, [1, 1, 1, 1, 1, 1]))
  }

  @Test func theTransformerHasTheScriptsNames() throws {
    let system = try Trial.make(RNNLanguageModel.self, transformer())
    let names = try Trial.authorsNames(system.networks[0])
    let parts = [
      "self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
      "self_attn.out_proj.bias",
      "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias",
      "norm2.weight", "norm2.bias",
    ]
    let layers = (0..<2).flatMap { layer in parts.map { "encoder.layers.\(layer).\($0)" } }
    #expect(
      names == layers + [
        "encoder.norm.weight", "encoder.norm.bias", "decoder.weight", "decoder.bias", "pos_encoder.pe",
        "input_emb.weight",
      ])
  }

  @Test func theTransformerSeesOnlyThePast() throws {
    let system = try Trial.make(RNNLanguageModel.self, transformer())
    func probabilities(_ tokens: [Int]) throws -> Tensor {
      try system.networks[0].forward(nil, ["token": Tensor(tokens, shape: [4, 1])]).required("logProbability")
    }
    let (a, b) = (try probabilities([1, 2, 3, 4]), try probabilities([1, 2, 6, 0]))
    #expect(Trial.close(a.slice(0, 0, 2).doubles(), b.slice(0, 0, 2).doubles(), 1e-6))
    #expect(!Trial.close(a.slice(0, 2, 3).doubles(), b.slice(0, 2, 3).doubles(), 1e-3))
  }

  @Test func aTiedTableIsOneTensorUnderTwoNames() throws {
    let configuration = tiny {
      $0.tiedEmbedding = true
      $0.embeddingSize = 8
    }
    let system = try Trial.make(RNNLanguageModel.self, configuration)
    let module = system.networks[0].module
    let names = try Trial.authorsNames(system.networks[0])
    #expect(names.contains("encoder.weight") && names.contains("decoder.weight"))
    #expect(module.namedParameters().count == names.count - 1)
    for batch in try pieces(configuration) { try Trial.step(system, batch) }
    let state = Dictionary(uniqueKeysWithValues: module.hostState().map { ($0.name, $0.tensor) })
    #expect(state["embedding.weight"] == state["output.weight"])
    let other = try Trial.make(RNNLanguageModel.self, configuration, seed: 2)
    try other.networks[0].module.load(module.hostState())
    #expect(other.networks[0].module.hostState().map(\.tensor) == module.hostState().map(\.tensor))
  }

  @Test func aStreamIsCutAsInTheReference() throws {
    let configuration = tiny { $0.sequenceLength = 6 }
    let stream = Tensor((0..<42).map { $0 % 7 }, shape: [21, 2])
    let source = try #require(
      try RNNLanguageModel.recordedSource(["stream": stream], configuration: configuration))
    let batches = try (0..<4).map { _ in try source.next() }
    #expect(batches.map { $0["token"].shape[0] } == [6, 6, 6, 2])
    #expect(batches.map(\.isFirst) == [true, false, false, false])
    #expect(batches[1]["token"].integers() == stream.slice(0, 6, 12).contiguous().integers())
    #expect(batches[3]["target"].integers() == stream.slice(0, 19, 21).contiguous().integers())
  }

  @Test func textInPiecesIsAsLikelyAsTextAtOnce() throws {
    let configuration = tiny()
    let system = try Trial.make(RNNLanguageModel.self, configuration)
    let whole = try pieces(tiny { $0.sequenceLength = 12 })
    let (sum, tokens) = try system.negativeLogLikelihood(over: try pieces(configuration))
    let atOnce = try system.negativeLogLikelihood(over: whole)
    #expect(tokens == 24 && atOnce.tokens == 24)
    #expect(abs(sum - atOnce.sum) < 1e-4)
    makeUniform(system)
    #expect(abs(try system.negativeLogLikelihood(over: whole).sum - 24 * log(7)) < 1e-4)
  }

  @Test func theStateIsCarriedAndCanBeRestored() throws {
    let configuration = tiny { $0.optimizer = .adamw }
    let system = try Trial.make(RNNLanguageModel.self, configuration)
    let batches = try pieces(configuration)
    for batch in batches.prefix(2) { try Trial.step(system, batch) }
    let twin = try Trial.make(RNNLanguageModel.self, configuration, seed: 99)
    try twin.networks[0].module.load(system.networks[0].module.hostState())
    try twin.optimizers[0].optimizer.load(system.optimizers[0].optimizer.state())
    let forgetful = try Trial.make(RNNLanguageModel.self, configuration, seed: 98)
    try forgetful.networks[0].module.load(system.networks[0].module.hostState())
    try twin.restoreCarriedState(system.carriedState())
    let last = batches[2]
    let expected = try Trial.step(system, last)["total"]
    #expect(try Trial.step(forgetful, last)["total"] != expected)
    #expect(try Trial.step(twin, last)["total"] == expected)
    #expect(twin.carriedState().map(\.tensor) == system.carriedState().map(\.tensor))
    #expect(
      twin.networks[0].module.hostState().map(\.tensor) == system.networks[0].module.hostState().map(\.tensor)
    )
  }

  @Test func aNewPassStartsFromZero() throws {
    let configuration = tiny { $0.learningRate = 1e-9 }
    let system = try Trial.make(RNNLanguageModel.self, configuration)
    let batches = try pieces(configuration)
    let first = try Trial.step(system, batches[0])["total"] ?? .nan
    try Trial.step(system, batches[1])
    #expect(abs((try Trial.step(system, batches[0])["total"] ?? .nan) - first) < 1e-6)
  }

  @Test func damagedCarriedStateIsRefused() throws {
    let system = try Trial.make(RNNLanguageModel.self, tiny())
    try Trial.step(system, pieces(tiny())[0])
    var state = system.carriedState()
    state.removeAll { $0.name == "cell" }
    #expect(throws: ConfigurationError.self) { try system.restoreCarriedState(state) }
    #expect(throws: ConfigurationError.self) { try system.restoreCarriedState([]) }
    #expect(throws: ConfigurationError.self) {
      try system.restoreCarriedState(
        system.carriedState() + [(name: "pool", tensor: HostTensor([1.0 as Float]))])
    }
  }

  @Test func theRateIsDividedWhenTheHeldOutLossDoesNotFall() throws {
    let system = try Trial.make(RNNLanguageModel.self, tiny { $0.learningRate = 16 })
    let rates = [5.0, 4, 4.5, 3.9, 3.9].map { loss in
      system.validated(loss: loss)
      return system.optimizers[0].optimizer.learningRate
    }
    #expect(rates == [16, 16, 4, 4, 1])
    let other = try Trial.make(RNNLanguageModel.self, tiny())
    try other.restoreCarriedState(system.carriedState())
    #expect(other.optimizers[0].optimizer.learningRate == 1)
  }

  @Test func tokensAreTakenByTheirCumulativeWeight() throws {
    let system = try Trial.make(RNNLanguageModel.self, tiny { $0.vocabularySize = 4 })
    makeUniform(system)
    let probabilities: [Double] = [0.1, 0.2, 0.3, 0.4]
    for (name, tensor) in system.networks[0].module.state() where name == "output.bias" {
      tensor.detached().copy(from: Tensor(probabilities.map { Float(log($0)) }))
    }
    func taken(_ values: [Float], temperature: Double = 1) throws -> [Int] {
      let draws = RecordedDraws(["draw": values.map { Tensor([$0]) }])
      return try system.continuation(
        of: Tensor([0], shape: [1, 1]), length: values.count, temperature: temperature, draws: draws
      ).integers()
    }
    #expect(try taken([0, 0.09, 0.11, 0.29, 0.31, 0.59, 0.61, 0.999]) == [0, 0, 1, 1, 2, 2, 3, 3])
    // At temperature ½ the weights are squares: 1, 4, 9 and 16 thirtieths.
    #expect(try taken([0.03, 0.04, 0.16, 0.17, 0.46, 0.47], temperature: 0.5) == [0, 1, 1, 2, 2, 3])
    #expect(try taken([0, 0], temperature: 0) == [3, 3])
  }

  @Test func wordsAreWrittenWithTheirSpaces() throws {
    let text = "the cat sat\non the mat\n"
    let vocabulary = try Vocabulary(of: Array(text.utf8), unit: .words)
    let artefacts = Artefacts(["vocabulary": try JSONEncoder().encode(vocabulary)])
    let configuration = tiny { $0.vocabularySize = vocabulary.count }
    let system = try Trial.make(RNNLanguageModel.self, configuration, artefacts: artefacts)
    makeUniform(system)
    let tokens = try vocabulary.encode(Array(text.utf8))
    func written(_ prompt: String?) throws -> String {
      var text = ""
      let request = Request(
        conditions: prompt.map { ["prompt": .text($0)] } ?? [:], sampling: TextSampling(length: tokens.count),
        draws: draws(tokens, of: vocabulary.count))
      try system.draw(request) { if let piece = $0.text { text += piece } }
      return text
    }
    #expect(try written(nil) == text)
    #expect(try written("the mat") == " " + text)
    #expect(try written("the mat\n") == text)
  }

  @Test func bytesAreWrittenAsWholeCharacters() throws {
    let configuration = tiny {
      $0.tokenUnit = .byte
      $0.vocabularySize = 256
    }
    let system = try Trial.make(RNNLanguageModel.self, configuration)
    makeUniform(system)
    var pieces: [String] = []
    let bytes = Array("né€😀".utf8).map { Int($0) } + [0xC3]
    let request = Request(
      conditions: ["prompt": .text("")], sampling: TextSampling(length: bytes.count),
      draws: draws(bytes, of: 256))
    try system.draw(request) { if let piece = $0.text { pieces.append(piece) } }
    #expect(pieces == ["n", "é", "€", "😀", "\u{FFFD}"])
  }

  @Test func generationFollowsItsDraws() throws {
    for configuration in [tiny(), transformer()] {
      let system = try Trial.make(RNNLanguageModel.self, configuration)
      func text(_ seed: UInt64) throws -> [Int] {
        // Longer than the transformer's table of positions.
        try system.continuation(
          of: Tensor([1, 2], shape: [2, 1]), length: 12, temperature: 1,
          draws: StreamDraws(RandomStream(seed: seed))
        ).integers()
      }
      #expect(try text(1) == text(1))
      #expect(try text(1) != text(2))
    }
  }

  @Test(arguments: [RNNLanguageModel.Model.recurrent, .transformerEncoder])
  func aRepeatedTextIsLearnedByHeart(_ model: RNNLanguageModel.Model) throws {
    let configuration = tiny {
      $0.model = model
      $0.optimizer = .adamw
      $0.learningRate = 1e-2
      $0.gradientClip = 1
      $0.layers = 1
      $0.embeddingSize = 16
      $0.hiddenSize = 24
    }
    let system = try Trial.make(RNNLanguageModel.self, configuration)
    let stream = try TokenStream((0..<100).map { ($0 * $0) % 7 }, batchSize: 2, sequenceLength: 10)
    var last = Double.infinity
    for index in 0..<250 {
      let piece = stream.next()
      let batch = Batch(piece.fields.mapValues { Tensor($0) }, isFirst: piece.isFirst)
      last = try Trial.step(system, batch, index: index)["total"] ?? .nan
    }
    #expect(last < 0.4)
  }

  @Test func theVocabularyDecidesTheSize() throws {
    let vocabulary = try Vocabulary(of: Array("abcab\n".utf8), unit: .characters)
    let description = DatasetDescription(
      layout: .text, name: "letters", split: .train, count: 6, fingerprint: "")
    let facts = DataFacts(
      description: description, artefacts: Artefacts(["vocabulary": try JSONEncoder().encode(vocabulary)]))
    let adapted = try RNNLanguageModel.adapted(tiny { $0.tokenUnit = .character }, to: facts)
    #expect(adapted.vocabularySize == 5)
    #expect(throws: DatasetError.self) { try RNNLanguageModel.adapted(tiny(), to: facts) }
    #expect(throws: ConfigurationError.self) {
      try RNNLanguageModel.adapted(tiny(), to: DataFacts(description: description))
    }
    let bytes = try RNNLanguageModel.adapted(
      tiny { $0.tokenUnit = .byte }, to: DataFacts(description: description))
    #expect(bytes.vocabularySize == 256)
  }

  @Test func everyPresetIsValidAndImpossibleOnesAreRefused() {
    for preset in RNNLanguageModel.Configuration.presets {
      #expect(Trial.refusal(preset.configuration).isEmpty, "\(preset.name)")
    }
    #expect(Trial.refusal(tiny { $0.tiedEmbedding = true }).contains("tiedEmbedding"))
    #expect(Trial.refusal(tiny { $0.dropout = 1 }).contains("dropout"))
    #expect(Trial.refusal(tiny { $0.gradientClip = 0 }).contains("gradientClip"))
    #expect(
      Trial.refusal(
        tiny {
          $0.model = .transformerEncoder
          $0.heads = 4
        }
      ).contains("heads"))
  }
}
