import Atelier
import Foundation

/// How sentences are searched for.
struct BeamSearch: Settings {
  /// Sentences that are followed at a time.
  var beams = 1
  /// Words at most.
  var longest = 8

  func validate() throws(ConfigurationError) {
    if beams < 1 { throw ConfigurationError("beams is \(beams), and must be at least 1") }
    if longest < 1 { throw ConfigurationError("longest is \(longest), and must be at least 1") }
  }

  /// The most probable sentence that was found, from its beginning to its end.
  ///
  /// - Parameter next: the logarithms of the probabilities of each word behind a sentence.
  func callAsFunction(begin: Int, end: Int, next: ([Int]) -> [Float]) -> [Int] {
    var found: [(tokens: [Int], score: Float)] = [([begin], 0)]
    for _ in 0...longest where found.contains(where: { $0.tokens.last != end }) {
      let longer = found.flatMap { sentence -> [(tokens: [Int], score: Float)] in
        guard sentence.tokens.last != end else { return [sentence] }
        return next(sentence.tokens).enumerated().map {
          (sentence.tokens + [$0.offset], sentence.score + $0.element)
        }
      }
      found = Array(longer.sorted { $0.score > $1.score }.prefix(beams))
    }
    return found.first?.tokens ?? []
  }
}

/// Sequences into sequences: each word of the target follows from the one before it and the mean of the
/// source.
final class ToyTokenTranslator: GenerativeSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 4
    var features = 6
    var sourceWords = 8
    var targetWords = 8
    var longest = 50

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      func sequence(_ words: Int) -> FieldKind {
        .sequence(vocabulary: words, longest: longest, padding: SentencePairs.padding)
      }
      let (source, target) = (
        Field("source", sequence(sourceWords)), Field("target", sequence(targetWords))
      )
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan([source, target], SentencePairs(source: "source", target: "target")),
            batchSize: batchSize)
        ],
        conditions: [Condition("source", .field(source.kind), isRequired: true, help: "the sentence")],
        outputs: [target], sampling: BeamSearch())
    }
    func validate() throws(ConfigurationError) {}
  }

  private final class Model: Module {
    let source: Embedding
    let target: Embedding
    let output: Linear

    init(_ configuration: Configuration, using stream: RandomStream) {
      source = Embedding(count: configuration.sourceWords, features: configuration.features, using: stream)
      target = Embedding(count: configuration.targetWords, features: configuration.features, using: stream)
      output = Linear(
        inputFeatures: configuration.features, outputFeatures: configuration.targetWords, using: stream)
    }

    /// Logits `[batch, time, words]` of the words behind those of `target`, int64 `[batch, time]`.
    func callAsFunction(_ source: Tensor, _ target: Tensor) -> Tensor {
      let isWord = source.notEqual(Double(SentencePairs.padding)).asType(.float32).unsqueezed(2)
      let mean = (self.source(source) * isWord).sum(dims: [1]) / isWord.sum(dims: [1])
      return output(self.target(target) + mean.unsqueezed(1))
    }
  }

  static let identity = SystemIdentity(
    name: "toy-token-translator", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let model: Model
  private let optimizer: Adam
  private let words: [String]

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    words = try artefacts.decode([String].self, SentencePairs.targetWords)
    model = Model(configuration, using: stream)
    optimizer = Adam(model, learningRate: 0.05)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    func count(_ name: String) throws -> Int {
      try data.artefacts.decode([String].self, name).count + SentencePairs.firstWord
    }
    adapted.sourceWords = try count(SentencePairs.sourceWords)
    adapted.targetWords = try count(SentencePairs.targetWords)
    return adapted
  }

  var networks: [Network] {
    [
      Network("model", model) { [model] _, inputs in
        ["logits": model(try inputs.required("source"), try inputs.required("target"))]
      }
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (source, target) = (batch["source"], batch["target"])
    let length = target.shape[1]
    try step.update("model", optimizer) { loss in
      let logits = model(source, target.slice(1, 0, length - 1))
      loss.add(
        "total",
        crossEntropy(
          logits.reshaped([-1, configuration.targetWords]), target.slice(1, 1, length).reshaped([-1]),
          ignoredIndex: SentencePairs.padding))
    }
  }

  func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    let source = try request.inputs.required("source")
    let found = withoutGradients {
      (0..<source.shape[0]).map { translation(of: source.slice(0, $0, $0 + 1), BeamSearch()) }
    }
    let length = found.map(\.count).max() ?? 0
    let padded = found.flatMap {
      $0 + [Int](repeating: SentencePairs.padding, count: length - $0.count)
    }
    try emit(.images(Tensor(padded).reshaped([found.count, length])))
  }

  /// The translation of one sentence `[1, time]`.
  func translation(of source: Tensor, _ search: BeamSearch) -> [Int] {
    search(begin: SentencePairs.begin, end: SentencePairs.end) { tokens in
      let logits = model(source, Tensor(tokens.suffix(1)).reshaped([1, 1]))
      return logits.reshaped([-1]).logSoftmax(0).floats()
    }
  }
}

extension ToyTokenTranslator: ReferenceAnswering {
  /// The sentence that a search finds where each word depends on the last alone.
  static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "beam-search" else { return nil }
    try check.refuseSettings(knowing: ["beams"])
    guard case .integer(let beams)? = check.settings["beams"] else {
      throw ConfigurationError("the check '\(check.name)' needs the setting 'beams'")
    }
    let table = try inputs.tensors().required("probabilities").floats()
    let words = Int(Double(table.count).squareRoot())
    var search = BeamSearch()
    search.beams = beams
    let found = search(begin: SentencePairs.begin, end: SentencePairs.end) { tokens in
      table[((tokens.last ?? 0) * words)..<(((tokens.last ?? 0) + 1) * words)].map { Float(log(Double($0))) }
    }
    return ["tokens": .tensor(Tensor(found))]
  }
}

/// How many words of the held-out sentences follow rightly from the words before them.
struct WordAccuracy: Measure {
  static let id = "word-accuracy"

  func applies(to plan: SystemPlan) -> Bool {
    if case .sequence? = plan.outputs.first?.kind { true } else { false }
  }

  func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let batches = try context.data.batches(of: .test), let network = context.system.network("model")
    else { return [] }
    var (right, all) = (0.0, 0.0)
    for batch in batches.map(context.data.batch) {
      let target = batch["target"]
      let length = target.shape[1]
      let drawn = try network.forward(
        nil, ["source": batch["source"], "target": target.slice(1, 0, length - 1)])
      let expected = target.slice(1, 1, length)
      let isWord = expected.notEqual(Double(SentencePairs.padding)).asType(.float32)
      let hits = (try drawn.required("logits").argmax(dim: 2) - expected).equal(0).asType(.float32)
      right += (hits * isWord).sum().item()
      all += isWord.sum().item()
    }
    return [
      MeasuredNumber(
        id: Self.id, name: "word accuracy", value: right / all, better: .larger,
        provenance: context.provenance(part: "test"), protocolText: "share of words")
    ]
  }
}
