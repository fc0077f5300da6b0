public import AtelierCore
public import AtelierData
public import Torch

extension Transformer {
  /// The network.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// Encoder and decoder of 2017.
    case transformer
  }

  /// How places are told apart.
  public enum Positions: String, Sendable, Hashable, Codable, CaseIterable {
    /// A fixed table of sines and cosines.
    case sinusoidal
    /// A table that is learned.
    case learned
  }

  /// Every choice; the defaults are those of pytorch/examples `language_translation/main.py`.
  public struct Configuration: AdamConfiguration, SentencePairConfiguration {
    /// The network.
    public var model = Model.transformer
    /// How sentences become tokens.
    public var text = SentencePairSettings(sourceVocabularySize: 19214, targetVocabularySize: 10837)
    /// Width of the model.
    public var embeddingSize = 192
    /// Attention heads.
    public var heads = 6
    /// Layers of the encoder.
    public var encoderLayers = 4
    /// Layers of the decoder.
    public var decoderLayers = 4
    /// Width of the feed-forward layers.
    public var hiddenSize = 192
    /// Nonlinearity of the feed-forward layers.
    public var activation = TransformerActivation.relu
    /// Whether norms stand before sublayers, and not behind their sums.
    public var normFirst = false
    /// Whether encoder and decoder end in a norm of their own.
    public var finalNorm = true
    /// Epsilon of the norms.
    public var normEpsilon = 1e-5
    /// How places are told apart.
    public var positions = Positions.sinusoidal
    /// The most tokens of a sentence, those that begin and end it included: the rows of the table of places.
    public var maximumLength = 5000
    /// Whether token vectors are multiplied by √embeddingSize, and begin that much smaller.
    public var scaledEmbedding = false
    /// Whether source, target and output have one table of tokens, and so one vocabulary.
    public var sharedEmbedding = false
    /// Whether target and output have one table of tokens.
    public var tiedEmbedding = false
    /// Probability of zero in training.
    public var dropout = 0.1
    /// The share of the target's probability that is spread over all tokens.
    public var labelSmoothing = 0.0
    /// Pairs in a batch.
    public var batchSize = 128
    /// Step size; with warm-up a factor of embeddingSize^-½ · min(step^-½, step · warmupSteps^-3/2).
    public var learningRate = 1e-4
    /// Steps over which the step size rises; null: it is constant.
    public var warmupSteps: Int?
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.98, adamEpsilon: 1e-9)
    /// Largest global norm of the gradients; null: whatever the trainer says.
    public var gradientClip: Double?
    /// The last so many weights whose mean translates, taken every `averageInterval` steps; 0: the newest weights.
    public var averagedWeights = 0
    /// Steps from one of these to the next.
    public var averageInterval = 1000

    /// The reference.
    public init() {}

    /// Named starting points, the paper's first.
    public static let presets: [Preset<Configuration>] = [
      Preset("base", "512 wide, 6 + 6 layers, post-norm, shared table (Vaswani et al. 2017)", base),
      Preset("small", "pre-norm, 192 wide, 3 + 3 layers; translates after minutes", small),
      Preset("big", "1024 wide, 16 heads, dropout 0.3 (Vaswani et al. 2017)", big),
      Preset("reference", "pytorch/examples language_translation", Configuration()),
    ]

    /// The paper's base model.
    public static let base: Configuration = {
      var configuration = Configuration()
      configuration.text = SentencePairSettings(sourceVocabularySize: 37000, targetVocabularySize: 37000)
      configuration.text.sourceUnit = .bpe
      configuration.text.targetUnit = .bpe
      configuration.text.vocabularyLimit = 37000
      configuration.text.batchTokens = 25000
      configuration.embeddingSize = 512
      configuration.heads = 8
      configuration.encoderLayers = 6
      configuration.decoderLayers = 6
      configuration.hiddenSize = 2048
      configuration.finalNorm = false
      configuration.maximumLength = 256
      configuration.scaledEmbedding = true
      configuration.sharedEmbedding = true
      configuration.labelSmoothing = 0.1
      configuration.learningRate = 1
      configuration.warmupSteps = 4000
      configuration.averagedWeights = 5
      return configuration
    }()

    /// The paper's big model.
    public static let big: Configuration = {
      var configuration = base
      configuration.embeddingSize = 1024
      configuration.heads = 16
      configuration.hiddenSize = 4096
      configuration.dropout = 0.3
      configuration.averagedWeights = 5
      return configuration
    }()

    /// For some ten thousand sentences of two processor cores.
    public static let small: Configuration = {
      var configuration = Configuration()
      configuration.embeddingSize = 192
      configuration.heads = 4
      configuration.encoderLayers = 3
      configuration.decoderLayers = 3
      configuration.hiddenSize = 512
      configuration.normFirst = true
      configuration.maximumLength = 120
      configuration.scaledEmbedding = true
      configuration.tiedEmbedding = true
      configuration.text.batchTokens = 1500
      configuration.labelSmoothing = 0.1
      configuration.batchSize = 64
      configuration.learningRate = 1
      configuration.warmupSteps = 400
      configuration.gradientClip = 1
      return configuration
    }()

    /// Sentences into sentences.
    public var plan: SystemPlan {
      text.plan(
        isShared: sharedEmbedding, longest: maximumLength, batchSize: batchSize, aligns: true,
        sampling: TranslationSearch(beams: 4))
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try text.validate()
      try adam.validate(["learningRate": learningRate])
      try Checks.positive([
        "embeddingSize": embeddingSize, "heads": heads, "encoderLayers": encoderLayers,
        "decoderLayers": decoderLayers, "hiddenSize": hiddenSize, "batchSize": batchSize,
        "warmupSteps": warmupSteps ?? 1, "averageInterval": averageInterval,
      ])
      try Checks.notNegative(["averagedWeights": averagedWeights])
      try Checks.belowOne(["dropout": dropout, "labelSmoothing": labelSmoothing])
      try Checks.aboveZero(["normEpsilon": normEpsilon, "gradientClip": gradientClip ?? 1])
      try Checks.require(maximumLength >= 3, "maximumLength is at least 3, not \(maximumLength)")
      try Checks.require(
        embeddingSize % heads == 0, "embeddingSize \(embeddingSize) is not a multiple of heads \(heads)")
      try Checks.require(
        !sharedEmbedding || text.targetUnit == text.sourceUnit && text.targetModel == nil,
        "sharedEmbedding needs one vocabulary; give both languages one unit, and name a model as sourceModel alone"
      )
      try Checks.require(
        !sharedEmbedding || text.sourceVocabularySize == text.targetVocabularySize,
        "sharedEmbedding needs one vocabulary, and sourceVocabularySize (\(text.sourceVocabularySize)) and "
          + "targetVocabularySize (\(text.targetVocabularySize)) differ; make them equal")
    }
  }
}
