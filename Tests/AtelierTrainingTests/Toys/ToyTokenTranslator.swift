import Atelier

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
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [Field("source", sequence(sourceWords)), Field("target", sequence(targetWords))],
              SentencePairs(source: "source", target: "target")), batchSize: batchSize)
        ], outputs: [Field("text", .text)])
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

  func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let source = Tensor([SentencePairs.begin, SentencePairs.end]).reshaped([1, 2])
    let logits = model(source, Tensor([SentencePairs.begin]).reshaped([1, 1]))
    let word = logits.reshaped([-1]).argmax(dim: 0).integers().first ?? 0
    try emit(
      Output(
        "text", text: word < SentencePairs.firstWord ? "?" : words[word - SentencePairs.firstWord]))
  }
}
