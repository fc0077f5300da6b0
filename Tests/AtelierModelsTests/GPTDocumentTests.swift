import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

struct GPTDocumentTests {
  private func tiny(_ change: (inout GPT.Configuration) -> Void = { _ in }) -> GPT.Configuration {
    var configuration = GPT.Configuration()
    configuration.tokenUnit = .byte
    configuration.vocabularySize = 256
    configuration.conditionFields = ["title"]
    configuration.contextLength = 12
    (configuration.layers, configuration.heads, configuration.embeddingSize) = (1, 2, 16)
    configuration.batchSize = 2
    configuration.gradientAccumulation = 1
    configuration.warmupSteps = 0
    configuration.learningRate = 1e-2
    change(&configuration)
    return configuration
  }

  /// Every token as likely as any other, so that a draw picks the token.
  private func makeUniform(_ system: GPT) {
    for (_, tensor) in system.networks[0].module.namedParameters() { tensor.detached().fill(0) }
  }

  private func written(
    _ system: GPT, _ conditions: [String: String], drawing text: String, length: Int? = nil
  ) throws -> String {
    let bytes = Array(text.utf8)
    let draws = RecordedDraws(["draw": bytes.map { Tensor([(Float($0) + 0.5) / 256]) }])
    var result = ""
    try system.draw(
      Request(
        conditions: conditions.mapValues { .text($0) },
        sampling: TokenSampling(length: length ?? bytes.count), draws: draws)
    ) { result += $0.text ?? "" }
    return result
  }

  @Test func planHasTheFieldsAsConditions() throws {
    let plan = tiny { $0.conditionFields = ["title", "section"] }.plan
    #expect(plan.conditions.map(\.name) == ["title", "section", "prompt"])
    #expect(plan.data?.arrangement is Documents)
    for fields in [["prompt"], ["text"], ["a", "a"], [""]] {
      #expect(throws: ConfigurationError.self) { try tiny { $0.conditionFields = fields }.validate() }
    }
  }

  @Test func aTextEndsWhereItsDocumentEnds() throws {
    let system = try Trial.make(GPT.self, tiny())
    makeUniform(system)
    #expect(try written(system, ["title": "ab"], drawing: "xyz\u{3}", length: 9) == "xyz")
    #expect(throws: ConfigurationError.self) { try written(system, [:], drawing: "x") }
    #expect(throws: ConfigurationError.self) {
      try written(system, ["title": "twelve bytes"], drawing: "x")
    }
  }

  @Test func heldOutBeginningsAreWrittenWhereNoneIsNamed() throws {
    let artefacts = Artefacts([
      Documents.examplesName: try JSONEncoder().encode([["moon"], ["sun"]])
    ])
    let system = try Trial.make(GPT.self, tiny(), artefacts: artefacts)
    makeUniform(system)
    #expect(try written(system, [:], drawing: "xy") == "title: moon\nxy")
  }

  @Test func paddingChangesNoDocumentsLoss() throws {
    let system = try Trial.make(GPT.self, tiny())
    func loss(_ padding: Int) throws -> (sum: Double, tokens: Int) {
      let token = [97, 31, 98, 99] + [Int](repeating: 0, count: padding)
      let target = [-1, 98, 99, 3] + [Int](repeating: -1, count: padding)
      return try system.negativeLogLikelihood(over: [
        Batch([
          "token": Tensor(token, shape: [1, token.count]), "target": Tensor(target, shape: [1, token.count]),
        ])
      ])
    }
    let (plain, padded) = (try loss(0), try loss(5))
    #expect(plain.tokens == 3 && padded.tokens == 3)
    #expect(abs(plain.sum - padded.sum) < 1e-4)
  }

  @Test func documentsAreReadWithTheirParts() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<40).map { "{\"title\": \"t\($0)\", \"text\": \"\($0 == 3 ? "" : "abc")\"}" }
    let file = folder.url.appendingPathComponent("documents.jsonl")
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    let arrangement = Documents(
      .vocabulary(.characters, minimumCount: 1), given: ["title"], text: "text", learnsTextAlone: true)
    let opening = DataOpening(
      ["token", "target"].map {
        Field($0, .sequence(vocabulary: 100, longest: 7, padding: 0))
      })
    var artefacts = Artefacts()
    let dataset = try #require(
      try arrangement.survey(file, opening, &artefacts).dataset)
    #expect(dataset.count == 35 && dataset.description.notes.count == 1)
    let vocabulary = try artefacts.decode(Vocabulary.self, RunningText.artefactName)
    let first = try dataset.example(at: 0)
    #expect(vocabulary.decode(first["token"]?.integers() ?? []) == "t0\u{1F}abc")
    #expect(first["target"]?.integers().prefix(2) == [-1, -1])
    #expect(vocabulary.decode(Array(first["target"]?.integers().dropFirst(2) ?? [])) == "abc\u{3}")
    // Six characters and two marks just go into seven tokens and the one behind them.
    let longest = try dataset.example(at: 15)
    #expect(longest["token"]?.count == 7)
    let batch = try dataset.batch(at: [0, 15])
    #expect(batch["target"]?.shape == [2, 7] && batch["target"]?.integers()[6] == -1)
    #expect(try artefacts.decode([[String]].self, Documents.examplesName) == [["t18"], ["t38"]])
    #expect(throws: DatasetError.self) {
      var other = arrangement
      other.text = "body"
      var none = Artefacts()
      _ = try other.survey(file, opening, &none)
    }
  }

  @Test func aValidationFileThatCannotBeReadIsNamedAndNotPassedBy() throws {
    let folder = try TemporaryFolder()
    let line = #"{"title": "a", "text": "b"}"# + "\n"
    for name in ["train", "test"] { try Data(line.utf8).write(to: folder(name + ".jsonl")) }
    try Data((line + "{no object\n").utf8).write(to: folder("valid.jsonl"))
    let plan = try #require(tiny().plan.data)
    let error = #expect(throws: DatasetError.self) {
      var artefacts = Artefacts()
      _ = try plan.arrangement.survey(folder.url, DataOpening(plan.fields), &artefacts)
    }
    #expect(error?.description.contains("valid.jsonl") == true, "\(String(describing: error))")
  }

  @Test func anAnswerIsLearnedFromItsQuestion() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<20).map { "q\($0 % 2),\($0 % 2 == 0 ? "yes" : "no")" }
    let file = folder.url.appendingPathComponent("answers.csv")
    try Data((["question,answer"] + rows).joined(separator: "\n").utf8).write(to: file)
    let configuration = tiny {
      ($0.conditionFields, $0.textField) = (["question"], "answer")
      $0.decaySteps = 100
    }
    var artefacts = Artefacts()
    let data = try #require(configuration.plan.data)
    let dataset = try #require(
      try data.arrangement.survey(file, DataOpening(data.fields), &artefacts).dataset)
    let system = try Trial.make(GPT.self, configuration, artefacts: artefacts)
    let batch = Batch(try dataset.batch(at: Array(0..<8)).mapValues { Tensor($0) })
    for index in 0..<60 { try Trial.step(system, batch, index: index) }
    func answer(_ question: String) throws -> String {
      var result = ""
      try system.draw(
        Request(
          conditions: ["question": .text(question)], sampling: TokenSampling(temperature: 0, length: 8),
          draws: StreamDraws(RandomStream(seed: 1)))
      ) { result += $0.text ?? "" }
      return result
    }
    #expect(try answer("q0") == "yes")
    #expect(try answer("q1") == "no")
  }
}

/// GPT-2's released form, against a program in PyTorch with the same weights.
struct GPTImportTests {
  /// Weights that follow from their number, so that no file of them is needed.
  private func weight(_ number: Int, _ shape: [Int], _ scale: Double, _ shift: Double = 0) -> HostTensor {
    let count = shape.reduce(1, *)
    return HostTensor(
      (0..<count).map { Float(sin(Double($0) * 0.7345 + Double(number) * 1.3) * scale + shift) }, shape: shape
    )
  }

  private func checkpoint() -> [(name: String, tensor: HostTensor)] {
    var tensors: [(name: String, tensor: HostTensor)] = []
    func put(_ name: String, _ shape: [Int], _ scale: Double, _ shift: Double = 0) {
      tensors.append((name, weight(tensors.count, shape, scale, shift)))
    }
    let c = 128
    put("wte.weight", [300, c], 0.3)
    put("wpe.weight", [16, c], 0.1)
    for layer in 0..<2 {
      let p = "h.\(layer)."
      put(p + "ln_1.weight", [c], 0.2, 1)
      put(p + "ln_1.bias", [c], 0.1)
      put(p + "attn.c_attn.weight", [c, 3 * c], 0.2)
      put(p + "attn.c_attn.bias", [3 * c], 0.1)
      put(p + "attn.c_proj.weight", [c, c], 0.2)
      put(p + "attn.c_proj.bias", [c], 0.1)
      put(p + "ln_2.weight", [c], 0.2, 1)
      put(p + "ln_2.bias", [c], 0.1)
      put(p + "mlp.c_fc.weight", [c, 4 * c], 0.2)
      put(p + "mlp.c_fc.bias", [4 * c], 0.1)
      put(p + "mlp.c_proj.weight", [4 * c, c], 0.2)
      put(p + "mlp.c_proj.bias", [c], 0.1)
    }
    put("ln_f.weight", [c], 0.2, 1)
    put("ln_f.bias", [c], 0.1)
    return tensors
  }

  private func imported(
    _ tensors: [(name: String, tensor: HostTensor)], changes: [String: ConfigurationValue] = [:]
  ) throws -> GPT {
    try GPT.importing(
      [ForeignWeights(url: URL(fileURLWithPath: "/model.safetensors"), tensors: tensors)], changes: changes,
      using: RandomStream(seed: 0)
    ).system
  }

  @Test func aReleasedCheckpointGivesPyTorchsLogits() throws {
    let mask = HostTensor([Float](repeating: 1, count: 256), shape: [1, 1, 16, 16])
    let system = try imported(checkpoint() + [("h.0.attn.bias", mask), ("h.1.attn.bias", mask)])
    let c = system.configuration
    #expect(c.vocabularySize == 300 && c.contextLength == 16 && c.layers == 2 && c.heads == 2)
    #expect(c.activation == .geluTanh && c.bias && c.normFirst && c.tiedEmbedding)
    let token = Tensor([1, 5, 299, 42, 7, 7, 100], shape: [1, 7])
    let logits = try withoutGradients {
      try system.networks[0].forward(nil, ["token": token, "target": token]).required("logits")
    }
    // Computed by a program of our own in PyTorch 2.13, float32.
    let last: [Double] = [
      14.336181640625, 9.133996963500977, 3.443315267562866, -2.431523084640503, -8.17631721496582,
      -13.483832359313965,
    ]
    let middle: [Double] = [
      26.023040771484375, 26.281511306762695, 25.134401321411133, 22.64304542541504, 18.940717697143555,
      14.225400924682617,
    ]
    func close(_ place: Int, _ from: Int, _ expected: [Double]) -> Bool {
      let own = logits.selected(dim: 0, index: 0).selected(dim: 0, index: place).slice(0, from, from + 6)
      return zip(own.doubles(), expected).allSatisfy { abs($0 - $1) < 2e-3 }
    }
    #expect(close(6, 0, last))
    #expect(close(3, 290, middle))
    let greedy = try system.tokens(
      after: [[1, 5, 299, 42, 7, 7, 100]], TokenSampling(temperature: 0, length: 4),
      draws: StreamDraws(RandomStream(seed: 0)))
    #expect(greedy[0].suffix(4) == [294, 105, 78, 51])
  }

  @Test func namesOfOtherProgramsAreKnown() throws {
    let plain = checkpoint()
    let first = try imported(plain).networks[0].module.hostState().map(\.tensor)
    // With the prefix of a language model and an output of its own that is the table.
    let prefixed = plain.map { ("transformer." + $0.name, $0.tensor) }
    let tied = try imported(prefixed + [("lm_head.weight", plain[0].tensor)])
    #expect(tied.configuration.tiedEmbedding)
    #expect(tied.networks[0].module.hostState().map(\.tensor) == first)
    let apart = try imported(prefixed + [("lm_head.weight", weight(99, [300, 128], 1))])
    #expect(!apart.configuration.tiedEmbedding)
    // nanoGPT's matrices are transposed.
    let turned = prefixed.map { name, tensor in
      let isMatrix = name.hasSuffix("weight") && name.contains(".c_")
      return (name, isMatrix ? Tensor(tensor).transposed(0, 1).contiguous().host() : tensor)
    }
    let nano = try imported(turned)
    #expect(nano.configuration.activation == .gelu)
    #expect(nano.networks[0].module.hostState().map(\.tensor) == first)
    // GPT-1 has no norm behind the last block.
    let old = plain.filter { !$0.name.hasPrefix("ln_f") }.map {
      ($0.name.replacing("wte", with: "tokens_embed").replacing("wpe", with: "positions_embed"), $0.tensor)
    }
    #expect(try !imported(old).configuration.normFirst)
  }

  @Test func damagedCheckpointsAreRefused() {
    let plain = checkpoint()
    #expect(throws: (any Error).self) { try imported(plain.filter { $0.name != "h.1.mlp.c_fc.bias" }) }
    #expect(throws: (any Error).self) { try imported(plain + [("h.0.attn.extra", plain[2].tensor)]) }
    #expect(throws: ConfigurationError.self) { try imported([("weight", plain[0].tensor)]) }
  }
}
