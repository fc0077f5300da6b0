public import AtelierCore
import AtelierData
public import Torch

extension RNNLanguageModel {
  /// Which network.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// Recurrent layers with a carried state.
    case recurrent
    /// A transformer encoder with a causal mask, over each piece of text alone.
    case transformerEncoder = "transformer-encoder"
  }

  /// How parameters change.
  public enum OptimizerKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// p -= learningRate · gradient.
    case sgd
    /// AdamW with PyTorch's defaults.
    case adamw
  }

  /// Every choice; the defaults are those of pytorch/examples `word_language_model/main.py`.
  public struct Configuration: AdamConfiguration {
    /// Which network.
    public var model = Model.recurrent
    /// What one token stands for.
    public var tokenUnit = TokenUnit.word
    /// Pieces of words.
    public var pieces = PieceSettings()
    /// Words or characters that are rarer in the training text become `<unk>`.
    public var minimumCount = 1
    /// Tokens the model knows; taken from the data in training (33,278 words of WikiText-2).
    public var vocabularySize = 33278
    /// The recurrent cell.
    public var cell = RecurrentCell.lstm
    /// Length of a token's vector.
    public var embeddingSize = 200
    /// Length of the hidden state; in the transformer the width of the feed-forward layers.
    public var hiddenSize = 200
    /// Width of the transformer's feed-forward layers where it is not `hiddenSize`.
    public var intermediateSize: Int?
    /// Layers.
    public var layers = 2
    /// Attention heads of the transformer.
    public var heads = 2
    /// Rows of the transformer's table of positions.
    public var maximumLength = 5000
    /// Nonlinearity of the transformer's feed-forward layers.
    public var activation = TransformerActivation.relu
    /// Whether the transformer's norms stand before its sublayers.
    public var normFirst = false
    /// Epsilon of the transformer's norms.
    public var normEpsilon = 1e-5
    /// Whether generation with the transformer masks the future as training does; the reference does not.
    public var causalGeneration = false
    /// Probability of zero between the layers in training.
    public var dropout = 0.2
    /// Whether input and output token tables are one; needs `embeddingSize` = `hiddenSize` in the
    /// recurrent model.
    public var tiedEmbedding = false
    /// Tokens of one piece: how far back derivatives go.
    public var sequenceLength = 35
    /// Columns of text read side by side.
    public var batchSize = 20
    /// How parameters change.
    public var optimizer = OptimizerKind.sgd
    /// Step size.
    public var learningRate = 20.0
    /// Divides the step size whenever the held-out loss did not improve; 1: never.
    public var annealing = 4.0
    /// AdamW's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// AdamW's decoupled weight decay.
    public var weightDecay = 0.01
    /// Largest global norm of the gradients; nil: whatever the trainer says.
    public var gradientClip: Double? = 0.25

    /// The reference for WikiText-2.
    public init() {}

    /// Named starting points, the reference first.
    public static let presets: [Preset<Configuration>] = [
      Preset("paper", "the reference's LSTM over words, 2 x 200", Configuration()),
      Preset("small", "an LSTM over characters, 1 x 256; writes words after minutes", small),
      Preset("zaremba-medium", "2 x 650 over words, dropout 0.5 (Zaremba et al. 2014)", zarembaMedium),
    ]

    /// Characters, for a text of a few megabytes or less.
    public static let small: Configuration = {
      var configuration = Configuration()
      configuration.tokenUnit = .character
      configuration.embeddingSize = 64
      configuration.hiddenSize = 256
      configuration.layers = 1
      configuration.dropout = 0
      configuration.sequenceLength = 64
      configuration.batchSize = 32
      configuration.optimizer = .adamw
      configuration.learningRate = 3e-3
      configuration.gradientClip = 1
      return configuration
    }()

    /// The medium network of Zaremba et al. for the Penn Treebank, with the reference's own schedule.
    public static let zarembaMedium: Configuration = {
      var configuration = Configuration()
      configuration.embeddingSize = 650
      configuration.hiddenSize = 650
      configuration.dropout = 0.5
      configuration.learningRate = 1
      configuration.annealing = 1.2
      configuration.gradientClip = 5
      return configuration
    }()

    /// Text, token by token.
    public var plan: SystemPlan {
      let kind = FieldKind.tokens(vocabulary: vocabularySize, length: sequenceLength)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan([Field("token", kind), Field("target", kind)], RunningText(tokens)),
            batchSize: batchSize)
        ],
        conditions: [Condition("prompt", .text, from: .drawn, help: "the text to go on from")],
        outputs: [Field("text", .text)], sampling: TextSampling(),
        abilities: [TextContinuation(unit: tokenUnit)])
    }

    /// What the tokens are.
    var tokens: TextTokens { pieces.tokens(tokenUnit, minimumCount: minimumCount) }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.require(
        tokenUnit != .subword,
        "GPT-2's subwords are gpt's alone; tokenUnit is word, character, byte, unigram or bpe here")
      try pieces.validate(tokenUnit)
      try Checks.positive([
        "vocabularySize": vocabularySize, "embeddingSize": embeddingSize, "hiddenSize": hiddenSize,
        "intermediateSize": intermediateSize ?? 1, "layers": layers, "heads": heads,
        "maximumLength": maximumLength, "sequenceLength": sequenceLength, "batchSize": batchSize,
        "minimumCount": minimumCount,
      ])
      try Checks.belowOne(["dropout": dropout])
      try adam.validate(["learningRate": learningRate], isUsed: false)
      try Checks.aboveZero(["annealing": annealing, "gradientClip": gradientClip ?? 1])
      switch model {
      case .recurrent:
        guard !tiedEmbedding || embeddingSize == hiddenSize else {
          throw ConfigurationError(
            "tiedEmbedding needs embeddingSize (\(embeddingSize)) and hiddenSize (\(hiddenSize)) to be equal")
        }
      case .transformerEncoder:
        guard embeddingSize % heads == 0 else {
          throw ConfigurationError("embeddingSize \(embeddingSize) is not a multiple of heads \(heads)")
        }
        guard sequenceLength <= maximumLength else {
          throw ConfigurationError(
            "sequenceLength \(sequenceLength) is more than maximumLength \(maximumLength)")
        }
      }
    }
  }
}
