public import AtelierCore
import AtelierData

extension ELECTRA {
  /// What is learned.
  public enum Task: String, Sendable, Hashable, Codable, CaseIterable {
    /// Replaced-token detection on plain text.
    case pretraining
    /// The classes of a labelled text, by a head on the discriminator.
    case classification
  }

  /// How the generator learns.
  public enum GeneratorTraining: String, Sendable, Hashable, Codable, CaseIterable {
    /// Maximum likelihood of the masked tokens: the paper's method.
    case maximumLikelihood = "maximum-likelihood"
    /// To fool the discriminator, by policy gradients: the paper's comparison, appendix F.
    case adversarial
  }

  /// Every choice; the defaults are ELECTRA-Small's.
  public struct Configuration: AdamConfiguration {
    /// What is learned: replaced tokens of plain text, or classes of labelled text.
    public var task = Task.pretraining
    /// What one token stands for.
    public var tokenUnit = TokenUnit.word
    /// Pieces of words.
    public var pieces = PieceSettings()
    /// Words or characters that are rarer in the training text become `<unk>`.
    public var minimumCount = 1
    /// Tokens the model knows, five special ones among them; taken from the data in training.
    public var vocabularySize = 30522
    /// Length of a token's vector.
    public var embeddingSize = 128
    /// Rows of the table of positions.
    public var maximumLength = 512
    /// Tokens of one piece of text in training; never more than `maximumLength`.
    public var sequenceLength = 128
    /// Layers of each of the two networks.
    public var layers = 12
    /// Length of the discriminator's hidden states.
    public var hiddenSize = 256
    /// Attention heads of the discriminator.
    public var heads = 4
    /// Width of the discriminator's feed-forward layers.
    public var intermediateSize = 1024
    /// Length of the generator's hidden states.
    public var generatorHiddenSize = 64
    /// Attention heads of the generator.
    public var generatorHeads = 1
    /// Width of the generator's feed-forward layers.
    public var generatorIntermediateSize = 256
    /// Nonlinearity of the feed-forward layers and of the discriminator's head.
    public var activation = TransformerActivation.gelu
    /// Epsilon of the norms.
    public var normEpsilon = 1e-12
    /// Whether norms stand before their sublayers, as in GPT-2, and not behind, as in BERT.
    public var normFirst = false
    /// Weights begin normal with this deviation, biases at 0: BERT's `initializer_range`.
    public var initialDeviation = 0.02
    /// Probability of zero in training, of embeddings, attention weights and sublayers.
    public var dropout = 0.1
    /// Whether generator and discriminator have the same embeddings.
    public var tiedEmbedding = true
    /// Share of a text's tokens that are masked.
    public var maskShare = 0.15
    /// Share of the masked tokens that the generator sees as they are.
    public var keptShare = 0.15
    /// How the generator learns.
    public var generatorTraining = GeneratorTraining.maximumLikelihood
    /// Weight of the discriminator's loss beside the generator's.
    public var discriminatorWeight = 50.0
    /// Classes of labelled text; taken from the data in training.
    public var classes = 2
    /// The column of a table that holds the text.
    public var textField = "text"
    /// The column of a table that holds the class.
    public var labelField = "label"
    /// Texts in a batch.
    public var batchSize = 128
    /// How parameters change.
    public var optimizer = DecoupledAdam.adamWeightDecay
    /// Step size after the warm-up.
    public var learningRate = 5e-4
    /// Steps in which the step size rises.
    public var warmupSteps = 10000
    /// The step at which the step size has fallen to zero, in a straight line.
    public var decaySteps = 1_000_000
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999, adamEpsilon: 1e-6)
    /// Decoupled weight decay of matrices; biases and norms have none.
    public var weightDecay = 0.01
    /// Largest global norm of the gradients; 0: any.
    public var gradientClip = 1.0

    /// ELECTRA-Small.
    public init() {}

    /// Named starting points, the paper's first.
    public static let presets: [Preset<Configuration>] = [
      Preset("paper", "ELECTRA-Small, 14 million parameters", Configuration()),
      Preset("small", "4 layers of 128; learns a text of megabytes in minutes", small),
      Preset("classifier", "the classes of labelled text with the network of 'small'", classifier),
      Preset("base", "ELECTRA-Base, 110 million parameters", base),
      Preset("large", "ELECTRA-Large, 335 million parameters", large),
    ]

    /// A network for two processor cores.
    public static let small: Configuration = {
      var configuration = Configuration()
      configuration.embeddingSize = 64
      configuration.maximumLength = 128
      configuration.sequenceLength = 64
      configuration.layers = 4
      (configuration.hiddenSize, configuration.heads, configuration.intermediateSize) = (128, 4, 512)
      configuration.generatorHiddenSize = 64
      (configuration.generatorHeads, configuration.generatorIntermediateSize) = (2, 256)
      configuration.minimumCount = 2
      // 0.02 · √(768 / 128): BERT's 0.02 is that of a width of 768.
      configuration.initialDeviation = 0.05
      configuration.normFirst = true
      configuration.dropout = 0
      configuration.batchSize = 32
      // Without bias correction the first steps are three times as long, for as many steps as Adam's second moment is
      // short of its mean; the paper's 10,000 steps of warm-up pass over them.
      configuration.optimizer = .adamw
      configuration.learningRate = 5e-4
      configuration.warmupSteps = 300
      configuration.decaySteps = 6000
      return configuration
    }()

    /// The same network with a head for classes; the reference's constants of fine-tuning.
    public static let classifier: Configuration = {
      var configuration = small
      configuration.task = .classification
      configuration.dropout = 0.1
      configuration.learningRate = 3e-4
      configuration.warmupSteps = 50
      configuration.decaySteps = 500
      return configuration
    }()

    private static let base: Configuration = {
      var configuration = Configuration()
      configuration.embeddingSize = 768
      configuration.sequenceLength = 512
      (configuration.hiddenSize, configuration.heads, configuration.intermediateSize) = (768, 12, 3072)
      configuration.generatorHiddenSize = 256
      (configuration.generatorHeads, configuration.generatorIntermediateSize) = (4, 1024)
      configuration.batchSize = 256
      configuration.learningRate = 2e-4
      return configuration
    }()

    private static let large: Configuration = {
      var configuration = base
      configuration.embeddingSize = 1024
      configuration.layers = 24
      (configuration.hiddenSize, configuration.heads, configuration.intermediateSize) = (1024, 16, 4096)
      configuration.maskShare = 0.25
      configuration.batchSize = 2048
      return configuration
    }()

    /// Plain text for replaced-token detection, a table of labelled text for classes.
    public var plan: SystemPlan {
      let prompt = Condition("prompt", .text, from: .drawn, help: "the text to look at")
      guard task == .pretraining else {
        return SystemPlan(
          stages: [
            Stage(
              data: DataPlan(
                [
                  Field(
                    "token",
                    .sequence(vocabulary: vocabularySize, longest: pieceLength - 2, padding: -1)),
                  Field("label", .label(classes: classes)),
                ],
                LabelledText(tokens, text: textField, label: labelField)),
              batchSize: batchSize)
          ],
          conditions: [prompt], outputs: [Field("text", .text)],
          abilities: [TextClassification(classes: classes)])
      }
      let kind = FieldKind.tokens(
        vocabulary: max(1, vocabularySize - SpecialToken.count), length: pieceLength - 2)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [Field("token", kind)], RunningText(tokens, windows: true)),
            batchSize: batchSize)
        ],
        conditions: [prompt], outputs: [Field("text", .text)], abilities: [ReplacedTokenDetection()])
    }

    /// What the tokens are.
    var tokens: TextTokens { pieces.tokens(tokenUnit, minimumCount: minimumCount) }

    /// Tokens of a piece with its frame.
    var pieceLength: Int { min(sequenceLength, maximumLength) }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "vocabularySize": vocabularySize, "embeddingSize": embeddingSize, "maximumLength": maximumLength,
        "layers": layers, "hiddenSize": hiddenSize, "heads": heads, "intermediateSize": intermediateSize,
        "generatorHiddenSize": generatorHiddenSize, "generatorHeads": generatorHeads,
        "generatorIntermediateSize": generatorIntermediateSize, "batchSize": batchSize,
        "minimumCount": minimumCount, "classes": classes, "decaySteps": decaySteps,
      ])
      try Checks.require(
        vocabularySize > SpecialToken.count,
        "vocabularySize is more than \(SpecialToken.count), the number of special tokens, not \(vocabularySize)"
      )
      for (key, value) in ["sequenceLength": sequenceLength, "maximumLength": maximumLength] as KeyValuePairs
      {
        try Checks.require(value >= 3, "\(key) is at least 3, not \(value)")
      }
      try Checks.notNegative(["warmupSteps": warmupSteps])
      try Checks.notNegative([
        "discriminatorWeight": discriminatorWeight, "weightDecay": weightDecay, "gradientClip": gradientClip,
      ])
      try Checks.aboveZero([
        "normEpsilon": normEpsilon, "maskShare": maskShare, "initialDeviation": initialDeviation,
      ])
      try Checks.belowOne(["dropout": dropout, "maskShare": maskShare, "keptShare": keptShare])
      try adam.validate(["learningRate": learningRate], isUsed: false)
      for (key, size, heads) in [
        ("hiddenSize", hiddenSize, heads), ("generatorHiddenSize", generatorHiddenSize, generatorHeads),
      ] {
        try Checks.require(size % heads == 0, "\(key) \(size) is not a multiple of its heads, \(heads)")
      }
      try Checks.require(
        tokenUnit != .subword,
        "GPT-2's subwords are gpt's alone; tokenUnit is word, character, byte, unigram or bpe here")
      try pieces.validate(tokenUnit)
    }

    /// The step size at a step, counted from 0: a straight line to zero at `decaySteps`, below it the warm-up.
    func learningRate(at step: Int) -> Double {
      let falling = max(0, 1 - Double(step) / Double(decaySteps))
      let rising = warmupSteps > 0 ? min(1, Double(step) / Double(warmupSteps)) : 1
      return learningRate * falling * rising
    }
  }
}
