public import AtelierCore
import AtelierData
import TorchNN

extension GPT {
  /// The nonlinearity of the feed-forward layers.
  public enum Activation: String, Sendable, Hashable, Codable, CaseIterable {
    /// x times the normal distribution function at x.
    case gelu
    /// Its approximation by a hyperbolic tangent, with which OpenAI trained.
    case geluTanh = "gelu-tanh"
    /// max(x, 0).
    case relu
  }

  /// Every choice; the defaults are nanoGPT's for GPT-2 of 124 million parameters.
  public struct Configuration: AdamConfiguration {
    /// What one token stands for; subwords are those of a byte-pair encoding in GPT-2's files, unigram and bpe
    /// SentencePiece's pieces of words.
    public var tokenUnit = TokenUnit.subword
    /// Pieces of words.
    public var pieces = PieceSettings()
    /// Words or characters that are rarer in the training text become `<unk>`.
    public var minimumCount = 1
    /// Columns of documents that are given, such as title; empty: the data are plain text.
    public var conditionFields: [String] = []
    /// The column of documents that follows from what is given.
    public var textField = "text"
    /// Whether only `textField` is learned, and not what is given.
    public var learnsTextAlone = true
    /// Tokens the model knows; taken from the data in training.
    public var vocabularySize = 50257
    /// The most tokens that the model sees at a time.
    public var contextLength = 1024
    /// Blocks.
    public var layers = 12
    /// Attention heads.
    public var heads = 12
    /// Length of a token's vector.
    public var embeddingSize = 768
    /// Whether linear layers and norms have biases.
    public var bias = true
    /// Nonlinearity of the feed-forward layers, which are four times as wide as `embeddingSize`.
    public var activation = Activation.gelu
    /// Whether norms stand before their sublayers, as in GPT-2, and not behind, as in GPT-1.
    public var normFirst = true
    /// Epsilon of the norms.
    public var normEpsilon = 1e-5
    /// Probability of zero in training, of embeddings, attention weights and sublayers.
    public var dropout = 0.0
    /// Whether input and output token tables are one.
    public var tiedEmbedding = true
    /// Texts in one part of a batch.
    public var batchSize = 12
    /// Parts of a batch whose gradients are added before a step.
    public var gradientAccumulation = 40
    /// How parameters change.
    public var optimizer = DecoupledAdam.adamw
    /// Step size after the warm-up.
    public var learningRate = 6e-4
    /// Step size at `decaySteps` and beyond.
    public var minimumLearningRate = 6e-5
    /// Steps in which the step size rises.
    public var warmupSteps = 2000
    /// The step at which the step size has fallen, by half a cosine, to `minimumLearningRate`.
    public var decaySteps = 600_000
    /// AdamW's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.95)
    /// Decoupled weight decay of matrices; biases and norms have none.
    public var weightDecay = 0.1
    /// Largest global norm of the gradients; 0: any.
    public var gradientClip = 1.0

    /// GPT-2 of 124 million parameters.
    public init() {}

    /// Named starting points, the paper's first.
    public static let presets: [Preset<Configuration>] = [
      Preset("paper", "GPT-2, 124 million parameters, as nanoGPT trains it", Configuration()),
      Preset("small", "4 layers of 128 over characters; writes dialogue after minutes on two cores", small),
      Preset("shakespeare", "6 layers of 384 over characters, nanoGPT's for a GPU", shakespeare),
      Preset("words", "2 layers of 200 over words, the sizes of pytorch/examples' transformer", words),
      Preset("gpt-1", "the first GPT, 117 million parameters, norms behind", first),
      Preset("gpt-2-medium", "GPT-2, 355 million parameters", sized(layers: 24, heads: 16, size: 1024)),
      Preset("gpt-2-large", "GPT-2, 774 million parameters", sized(layers: 36, heads: 20, size: 1280)),
      Preset("gpt-2-xl", "GPT-2, 1.5 billion parameters", sized(layers: 48, heads: 25, size: 1600)),
    ]

    private static func sized(layers: Int, heads: Int, size: Int) -> Configuration {
      var configuration = Configuration()
      (configuration.layers, configuration.heads, configuration.embeddingSize) = (layers, heads, size)
      return configuration
    }

    /// nanoGPT's `config/train_shakespeare_char.py`.
    public static let shakespeare: Configuration = {
      var configuration = sized(layers: 6, heads: 6, size: 384)
      configuration.tokenUnit = .character
      configuration.vocabularySize = 65
      configuration.contextLength = 256
      configuration.bias = false
      configuration.dropout = 0.2
      configuration.batchSize = 64
      configuration.gradientAccumulation = 1
      configuration.learningRate = 1e-3
      configuration.minimumLearningRate = 1e-4
      configuration.warmupSteps = 100
      configuration.decaySteps = 5000
      configuration.beta2 = 0.99
      return configuration
    }()

    /// The same for a processor, as nanoGPT's README has it.
    public static let small: Configuration = {
      var configuration = shakespeare
      (configuration.layers, configuration.heads, configuration.embeddingSize) = (4, 4, 128)
      configuration.contextLength = 64
      configuration.dropout = 0
      configuration.batchSize = 12
      configuration.decaySteps = 2000
      return configuration
    }()

    /// The sizes of `word_language_model/main.py --model Transformer`, with this system's recipe.
    public static let words: Configuration = {
      var configuration = sized(layers: 2, heads: 2, size: 200)
      configuration.tokenUnit = .word
      configuration.contextLength = 35
      configuration.normFirst = false
      configuration.dropout = 0.2
      configuration.batchSize = 20
      configuration.gradientAccumulation = 1
      configuration.learningRate = 1e-3
      configuration.minimumLearningRate = 1e-4
      configuration.warmupSteps = 100
      configuration.decaySteps = 20000
      return configuration
    }()

    /// GPT-1; 100 passes over the BooksCorpus at 64 texts a step.
    public static let first: Configuration = {
      var configuration = Configuration()
      configuration.vocabularySize = 40478
      configuration.contextLength = 512
      configuration.activation = .geluTanh
      configuration.normFirst = false
      configuration.dropout = 0.1
      configuration.batchSize = 64
      configuration.gradientAccumulation = 1
      configuration.learningRate = 2.5e-4
      configuration.minimumLearningRate = 0
      configuration.decaySteps = 3_000_000
      configuration.beta2 = 0.999
      configuration.weightDecay = 0.01
      return configuration
    }()

    /// Text, token by token, of a text or of documents.
    public var plan: SystemPlan {
      let fields: [Field]
      var conditions: [Condition] = []
      let data: DataPlan
      if let documents {
        fields = [("token", 0), ("target", -1)].map { name, padding in
          Field(
            name, .sequence(vocabulary: vocabularySize, longest: contextLength, padding: padding))
        }
        data = DataPlan(fields, documents)
        conditions = conditionFields.map {
          Condition($0, .text, from: .data, help: "the \($0) of the document; without any, held-out ones")
        }
      } else {
        let kind = FieldKind.tokens(vocabulary: vocabularySize, length: contextLength)
        fields = [Field("token", kind), Field("target", kind)]
        data = DataPlan(
          fields,
          RunningText(tokens, windows: true))
      }
      conditions.append(Condition("prompt", .text, from: .drawn, help: "the text to go on from"))
      return SystemPlan(
        stages: [Stage(data: data, batchSize: batchSize)], conditions: conditions,
        outputs: [Field("text", .text)], sampling: TokenSampling(),
        abilities: [TextContinuation(unit: tokenUnit, context: contextLength)])
    }

    /// What the tokens are.
    var tokens: TextTokens { pieces.tokens(tokenUnit, minimumCount: minimumCount) }

    /// How documents become tokens; nil for plain text.
    var documents: Documents? {
      conditionFields.isEmpty
        ? nil
        : Documents(tokens, given: conditionFields, text: textField, learnsTextAlone: learnsTextAlone)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "vocabularySize": vocabularySize, "contextLength": contextLength, "layers": layers, "heads": heads,
        "embeddingSize": embeddingSize, "batchSize": batchSize, "minimumCount": minimumCount,
        "gradientAccumulation": gradientAccumulation, "decaySteps": decaySteps,
      ])
      try pieces.validate(tokenUnit)
      try Checks.notNegative(["warmupSteps": warmupSteps])
      try Checks.notNegative([
        "minimumLearningRate": minimumLearningRate, "weightDecay": weightDecay, "gradientClip": gradientClip,
      ])
      try Checks.aboveZero(["normEpsilon": normEpsilon])
      try Checks.belowOne(["dropout": dropout])
      try adam.validate(["learningRate": learningRate], isUsed: false)
      let columns = conditionFields + [textField]
      try Checks.require(
        Set(columns).count == columns.count && !columns.contains("") && !conditionFields.contains("prompt"),
        "conditionFields and textField name different columns, none of them 'prompt'")
      try Checks.require(
        embeddingSize % heads == 0, "embeddingSize \(embeddingSize) is not a multiple of heads \(heads)")
    }

    /// A norm over a token's vector.
    func norm() -> LayerNorm { LayerNorm([embeddingSize], epsilon: normEpsilon, hasBias: bias) }

    /// The step size at a step, counted from 0: nanoGPT's `get_lr`.
    func learningRate(at step: Int) -> Double {
      let floor = min(1, minimumLearningRate / learningRate)
      return Schedule.cosine(length: decaySteps, minimum: floor, warmup: warmupSteps)
        .learningRate(base: learningRate, at: step)
    }
  }
}
