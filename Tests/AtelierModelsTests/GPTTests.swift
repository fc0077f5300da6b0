import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

struct GPTTests {
  private func tiny(_ change: (inout GPT.Configuration) -> Void = { _ in }) -> GPT.Configuration {
    var configuration = GPT.Configuration()
    configuration.tokenUnit = .byte
    configuration.vocabularySize = 256
    configuration.contextLength = 8
    configuration.layers = 2
    configuration.heads = 2
    configuration.embeddingSize = 8
    configuration.batchSize = 2
    configuration.gradientAccumulation = 1
    configuration.warmupSteps = 0
    change(&configuration)
    return configuration
  }

  private func text(_ seed: UInt64, _ shape: [Int]) -> Tensor {
    RandomStream(seed: seed).integers(below: 256, shape)
  }

  @Test func weightsHaveNanoGPTsNames() throws {
    let system = try Trial.make(GPT.self, tiny { $0.layers = 1 })
    let parts = [
      "ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight",
      "attn.c_proj.bias", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias",
      "mlp.c_proj.weight", "mlp.c_proj.bias",
    ]
    #expect(
      try Trial.authorsNames(system.networks[0]) == ["transformer.wte.weight", "transformer.wpe.weight"]
        + parts.map { "transformer.h.0.\($0)" }
        + ["transformer.ln_f.weight", "transformer.ln_f.bias", "lm_head.weight"])
    let plain = try Trial.make(GPT.self, tiny { ($0.bias, $0.normFirst) = (false, false) })
    #expect(
      try !Trial.authorsNames(plain.networks[0]).contains { $0.contains("bias") || $0.contains("ln_f") })
  }

  @Test(arguments: [("paper", 124_439_808), ("gpt-1", 116_534_784)])
  func presetsHaveThePapersNumberOfParameters(_ name: String, _ count: Int) throws {
    let preset = try #require(GPT.Configuration.presets.first { $0.name == name })
    let system = try withoutInitialWeights { try Trial.make(GPT.self, preset.configuration) }
    #expect(system.networks[0].module.parameterCount == count)
  }

  @Test func noTokenSeesWhatComesAfterIt() throws {
    let system = try Trial.make(GPT.self, tiny { $0.normFirst = false })
    let token = text(1, [1, 8])
    let changed = Tensor.concatenated([token.slice(1, 0, 5), text(2, [1, 3])], dim: 1)
    func logits(_ token: Tensor) throws -> Tensor {
      try withoutGradients {
        try system.networks[0].forward(nil, ["token": token, "target": token]).required("logits")
      }
    }
    let (first, second) = (try logits(token), try logits(changed))
    #expect(first.slice(1, 0, 5).floats() == second.slice(1, 0, 5).floats())
    #expect(first.slice(1, 5, 8).floats() != second.slice(1, 5, 8).floats())
  }

  @Test func dropoutLeavesTheFutureUnseenAsWell() throws {
    let system = try Trial.make(GPT.self, tiny { $0.dropout = 0.3 })
    let token = text(1, [1, 8])
    let changed = Tensor.concatenated([token.slice(1, 0, 5), text(2, [1, 3])], dim: 1)
    func logits(_ token: Tensor) throws -> [Float] {
      try withDraws(StreamDraws(RandomStream(seed: 4))) {
        try system.networks[0].forward(nil, ["token": token, "target": token]).required("logits")
      }.slice(1, 0, 5).floats()
    }
    #expect(try logits(token) == logits(changed))
  }

  @Test(arguments: [true, false]) func cachedTextIsTheTextWithoutACache(_ normFirst: Bool) throws {
    let system = try Trial.make(GPT.self, tiny { $0.normFirst = normFirst })
    // Larger weights, so that the logits of a token are far apart.
    for (_, tensor) in system.networks[0].module.namedParameters() where tensor.rank >= 2 {
      tensor.detached().multiplyInPlace(20)
    }
    let sampling = TokenSampling(temperature: 0.9, length: 14, topK: 40, topP: 0.9, repetitionPenalty: 1.2)
    func tokens(_ usesCache: Bool) throws -> [[Int]] {
      try system.tokens(
        after: [[1, 2, 3], [7, 8, 9]], sampling, draws: StreamDraws(RandomStream(seed: 5)),
        usesCache: usesCache)
    }
    let cached = try tokens(true)
    #expect(try cached == tokens(false))
    #expect(cached.allSatisfy { $0.count == 17 } && Set(cached[0]).count > 3)
  }

  @Test func partsOfABatchAddUpToTheWhole() throws {
    let batch = ["token": text(1, [8, 4]), "target": text(2, [8, 4])]
    let halves = [0, 2].map { start in Batch(batch.mapValues { $0.slice(1, start, start + 2) }) }
    func weights(_ parts: Int, _ batches: [Batch]) throws -> (total: Double, weights: [Float]) {
      let system = try Trial.make(GPT.self, tiny { $0.gradientAccumulation = parts })
      let step = TrainingStep(
        index: 0, draws: StreamDraws(RandomStream(seed: 3)), source: Trial.Source(batches))
      try step.run(system.step)
      let total = try #require(step.logged.first { $0.name == "total" })
      return (total.value.item(), system.networks[0].module.parameters().flatMap { $0.floats() })
    }
    let (whole, parts) = (try weights(1, [Batch(batch)]), try weights(2, halves))
    #expect(abs(whole.total - parts.total) < 1e-5)
    // Adam's first step is as large for rounding noise as for anything else.
    let distant = zip(whole.weights, parts.weights).filter { abs($0 - $1) > 1e-5 }.count
    #expect(distant < whole.weights.count / 100)
  }

  @Test func theRateRisesAndFallsByHalfACosine() {
    let configuration = tiny { ($0.warmupSteps, $0.decaySteps) = (2, 6) }
    let system = try? Trial.make(GPT.self, configuration)
    var rates: [Double] = []
    for index in 0..<8 {
      let batch = Batch(["token": text(1, [4, 2]), "target": text(2, [4, 2])])
      if let system, let logged = try? Trial.step(system, batch, index: index)["learningRate"] {
        rates.append(logged)
      }
    }
    let expected =
      [2e-4, 4e-4, 6e-4] + [0.25, 0.5, 0.75].map { 6e-5 + 27e-5 * (1 + cos(.pi * $0)) } + [6e-5, 6e-5]
    #expect(rates.count == 8 && zip(rates, expected).allSatisfy { abs($0 - $1) < 1e-9 })
  }

  @Test func aPromptBeyondTheContextIsRefused() throws {
    let system = try Trial.make(GPT.self, tiny())
    let request = Request(
      conditions: ["prompt": .text("nine long")], sampling: TokenSampling(length: 3),
      draws: StreamDraws(RandomStream(seed: 1)))
    let error = #expect(throws: ConfigurationError.self) { try system.draw(request) { _ in } }
    #expect(error?.description.contains("9 tokens") == true)
    #expect(error?.description.contains("contextLength") == true)
  }

  @Test func generationEndsBeforeAStop() throws {
    let system = try Trial.make(GPT.self, tiny { $0.normFirst = false })
    // Every token as likely as any other, so that a draw picks the token.
    for (_, tensor) in system.networks[0].module.namedParameters() { tensor.detached().fill(0) }
    func written(_ text: String, stop: [String]) throws -> [String] {
      let bytes = Array(text.utf8)
      let draws = RecordedDraws(["draw": bytes.map { Tensor([(Float($0) + 0.5) / 256]) }])
      var pieces: [String] = []
      try system.draw(
        Request(
          conditions: ["prompt": .text("a")], sampling: TokenSampling(length: bytes.count, stop: stop),
          draws: draws)
      ) { if let text = $0.text { pieces.append(text) } }
      return pieces
    }
    #expect(try written("ab\ncd\n\nef", stop: ["\n\n"]) == ["a", "b", "\nc", "d"])
    #expect(try written("é.b\n", stop: ["\n\n"]).joined() == "é.b\n")
  }

  @Test func tokensArePickedByRankShareAndPenalty() {
    let logits: [Float] = [2, 1, 0, 1.5].map { Float($0) }
    func picked(_ sampling: TokenSampling, after text: [Int] = []) -> Set<Int> {
      let picker = TokenPicker(sampling: sampling)
      return Set((0..<200).map { picker.pick(logits, after: text, draw: (Float($0) + 0.5) / 200) })
    }
    #expect(picked(TokenSampling()) == [0, 1, 2, 3])
    #expect(picked(TokenSampling(topK: 2)) == [0, 3])
    #expect(picked(TokenSampling(temperature: 0)) == [0])
    // e², e^1.5, e, 1 of 15.59: 47 %, 29 %, 17 %, 6 %.
    #expect(picked(TokenSampling(topP: 0.47)) == [0])
    #expect(picked(TokenSampling(topP: 0.7)) == [0, 3])
    #expect(picked(TokenSampling(topP: 0.9)) == [0, 1, 3])
    #expect(picked(TokenSampling(temperature: 0, repetitionPenalty: 2), after: [0, 0]) == [3])
  }

  @Test func likelihoodCountsEachPieceByItself() throws {
    let system = try Trial.make(GPT.self, tiny())
    for (_, tensor) in system.networks[0].module.namedParameters() { tensor.detached().fill(0) }
    let batches = [4, 2].map { Batch(["token": text(1, [$0, 3]), "target": text(2, [$0, 3])]) }
    let pieces = try system.negativeLogLikelihoods(over: batches)
    #expect(pieces.map(\.tokens) == [12, 6])
    #expect(pieces.allSatisfy { abs($0.sum / Double($0.tokens) - log(256)) < 1e-5 })
  }

  @Test func valuesThatCannotWorkAreRefused() {
    for change: (inout GPT.Configuration) -> Void in [
      { $0.heads = 3 }, { $0.dropout = 1 }, { $0.contextLength = 0 }, { $0.gradientAccumulation = 0 },
      { $0.learningRate = 0 }, { $0.gradientClip = -1 },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(change).validate() }
    }
    for preset in GPT.Configuration.presets {
      #expect(throws: Never.self) { try preset.configuration.validate() }
    }
  }
}
