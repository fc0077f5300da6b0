public import AtelierCore
public import AtelierData
public import Torch

extension Seq2Seq {
  /// How the decoder reads the source.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// By the encoder's last state alone, from which it begins (Sutskever et al. 2014).
    case lastState = "last-state"
    /// By the encoder's last state, which it is fed at every step (Cho et al. 2014).
    case fedContext = "fed-context"
    /// By additive attention (Bahdanau et al. 2015).
    case additiveAttention = "additive-attention"
    /// By Luong's dot product of decoder and encoder states.
    case dotAttention = "dot-attention"
    /// By Luong's product of both with a matrix between.
    case generalAttention = "general-attention"
    /// By Luong's network of both, joined.
    case concatAttention = "concat-attention"

    /// Whether the decoder looks at the whole source at every step.
    var attends: Bool { self != .lastState && self != .fedContext }
    /// Whether it is one of Luong's.
    var isLuong: Bool { attends && self != .additiveAttention }
  }

  /// Every choice; the defaults are those of bentrevett/pytorch-seq2seq, notebook 3, additive attention.
  public struct Configuration: AdamConfiguration, SentencePairConfiguration {
    /// How the decoder reads the source.
    public var model = Model.additiveAttention
    /// How sentences become tokens.
    public var text = SentencePairSettings(sourceVocabularySize: 7853, targetVocabularySize: 5893)
    /// The recurrent cell.
    public var cell = RecurrentCell.gru
    /// Layers of the encoder, and of the decoder.
    public var layers = 1
    /// Whether the encoder reads each sentence from both ends.
    public var bidirectional = true
    /// Length of a token's vector.
    public var embeddingSize = 256
    /// Length of the encoder's state, in one direction.
    public var hiddenSize = 512
    /// Length of the decoder's state.
    public var decoderHiddenSize = 512
    /// Whether Luong's decoder is fed what it read at the last step.
    public var inputFeeding = true
    /// Whether the source is read from its end to its beginning.
    public var reversedSource = false
    /// Whether encoder and attention pass over padding in training; translations never see any.
    public var maskPadding = false
    /// Probability of zero in training.
    public var dropout = 0.5
    /// The share of steps in training that are given the true last token, and not the decoder's own.
    public var teacherForcing = 0.5
    /// The share at the end of the schedule; null: it stays.
    public var finalTeacherForcing: Double?
    /// Steps over which the share goes to its last value in a straight line.
    public var teacherForcingSteps = 10000
    /// The most tokens of a sentence, those that begin and end it included.
    public var maximumLength = 100
    /// Pairs in a batch.
    public var batchSize = 128
    /// Step size.
    public var learningRate = 1e-3
    /// Passes after which the step size begins to be halved; null: never.
    public var halvingStart: Double?
    /// Passes from one halving to the next.
    public var halvingInterval = 0.5
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// Largest global norm of the gradients; null: whatever the trainer says.
    public var gradientClip: Double? = 1
    /// Weights begin uniform within ± this.
    public var initialRange: Double?
    /// Weights begin normal with this deviation, biases at 0; null, with initialRange: PyTorch's.
    public var initialDeviation: Double? = 0.01

    /// The reference.
    public init() {}

    /// Named starting points, the reference first.
    public static let presets: [Preset<Configuration>] = [
      Preset(
        "paper", "additive attention, both directions, GRU of 512 (Bahdanau et al. 2015)", Configuration()),
      Preset("small", "Luong's general attention, LSTM of 256; translates after minutes", small),
      Preset(
        "sutskever", "last state alone, LSTM 4 x 1000, source reversed (Sutskever et al. 2014)", sutskever),
      Preset("context", "last state fed to every step, GRU of 512 (Cho et al. 2014)", context),
      Preset("luong", "general attention with input feeding, LSTM 4 x 1000 (Luong et al. 2015)", luong),
      Preset(
        "small-last-state", "last state alone, LSTM of 256, source reversed; the small one without attention",
        smallLastState),
    ]

    /// For some ten thousand sentences of two processor cores.
    public static let small: Configuration = {
      var configuration = Configuration()
      configuration.model = .generalAttention
      configuration.cell = .lstm
      configuration.embeddingSize = 128
      configuration.hiddenSize = 128
      configuration.decoderHiddenSize = 256
      configuration.maskPadding = true
      configuration.dropout = 0.2
      configuration.teacherForcing = 1
      configuration.maximumLength = 60
      configuration.batchSize = 64
      configuration.learningRate = 2e-3
      configuration.initialDeviation = nil
      configuration.initialRange = 0.08
      return configuration
    }()

    /// The small one without attention.
    public static let smallLastState: Configuration = {
      var configuration = small
      configuration.model = .lastState
      configuration.bidirectional = false
      configuration.hiddenSize = 256
      configuration.reversedSource = true
      return configuration
    }()

    /// Sutskever et al. 2014.
    public static let sutskever: Configuration = {
      var configuration = Configuration()
      configuration.model = .lastState
      configuration.text = SentencePairSettings(sourceVocabularySize: 160_000, targetVocabularySize: 80_000)
      configuration.text.vocabularyLimit = 160_000
      configuration.cell = .lstm
      configuration.layers = 4
      configuration.bidirectional = false
      configuration.embeddingSize = 1000
      configuration.hiddenSize = 1000
      configuration.decoderHiddenSize = 1000
      configuration.reversedSource = true
      configuration.maskPadding = true
      configuration.dropout = 0
      configuration.teacherForcing = 1
      configuration.learningRate = 0.7
      configuration.adam.updateRule = .sgd
      configuration.adam.beta1 = 0
      configuration.halvingStart = 5
      configuration.gradientClip = 5
      configuration.initialRange = 0.08
      configuration.initialDeviation = nil
      return configuration
    }()

    /// The reference's notebook 2.
    public static let context: Configuration = {
      var configuration = Configuration()
      configuration.model = .fedContext
      configuration.bidirectional = false
      return configuration
    }()

    /// Luong et al. 2015.
    public static let luong: Configuration = {
      var configuration = sutskever
      configuration.model = .generalAttention
      configuration.text = SentencePairSettings(sourceVocabularySize: 50_000, targetVocabularySize: 50_000)
      configuration.text.vocabularyLimit = 50_000
      configuration.dropout = 0.2
      configuration.maximumLength = 52
      configuration.learningRate = 1
      configuration.halvingStart = 8
      configuration.halvingInterval = 1
      configuration.initialRange = 0.1
      return configuration
    }()

    /// Sentences into sentences.
    public var plan: SystemPlan {
      text.plan(
        longest: maximumLength, batchSize: batchSize, aligns: model.attends, sampling: TranslationSearch())
    }

    /// The length of a vector that the encoder gives for a token.
    var memorySize: Int { hiddenSize * (bidirectional ? 2 : 1) }

    /// Whether the decoder begins from a layer of the encoder's states, and not from them as they are.
    var hasBridge: Bool {
      model == .additiveAttention || bidirectional || hiddenSize != decoderHiddenSize
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try text.validate()
      try adam.validate(["learningRate": learningRate])
      try Checks.positive([
        "layers": layers, "embeddingSize": embeddingSize, "hiddenSize": hiddenSize,
        "decoderHiddenSize": decoderHiddenSize, "batchSize": batchSize,
      ])
      try Checks.notNegative(["teacherForcingSteps": teacherForcingSteps])
      try Checks.belowOne(["dropout": dropout])
      try Checks.aboveZero([
        "gradientClip": gradientClip ?? 1, "halvingInterval": halvingInterval,
        "initialRange": initialRange ?? 1, "initialDeviation": initialDeviation ?? 1,
      ])
      try Checks.notNegative(["halvingStart": halvingStart ?? 0])
      for (key, share) in [
        ("teacherForcing", teacherForcing), ("finalTeacherForcing", finalTeacherForcing ?? 0),
      ] {
        try Checks.require((0...1).contains(share), "\(key) lies in 0 … 1, not at \(share)")
      }
      try Checks.require(maximumLength >= 3, "maximumLength is at least 3, not \(maximumLength)")
      try Checks.require(
        initialRange == nil || initialDeviation == nil,
        "initialRange and initialDeviation are two ways to begin; set one of them to null")
      try Checks.require(
        model != .dotAttention || decoderHiddenSize == memorySize,
        "dot-attention needs decoderHiddenSize (\(decoderHiddenSize)) to be hiddenSize times the encoder's directions "
          + "(\(memorySize)); choose them so, or general-attention")
    }
  }
}
