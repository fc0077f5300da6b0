public import AtelierCore
public import AtelierData

extension DALLE {
  /// What is trained.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// Both stages: a discrete autoencoder, then a transformer over captions and codes.
    case dallE = "dall-e"
    /// The first stage alone, DALLE-pytorch's.
    case discreteVAE = "discrete-vae"
    /// The first stage alone, openai/DALL-E's.
    case openAIDiscreteVAE = "openai-discrete-vae"
  }

  /// The autoencoder of both stages.
  public enum AutoencoderKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// DALLE-pytorch's.
    case discreteVAE = "discrete-vae"
    /// openai/DALL-E's, which halves three times.
    case openAIDiscreteVAE = "openai-discrete-vae"
  }

  /// How the autoencoder's temperature and learning rate change.
  public enum Annealing: String, Sendable, Hashable, Codable, CaseIterable {
    /// Multiplied by a factor every annealInterval: DALLE-pytorch's.
    case exponential
    /// Half a cosine from the first value to the last: Ramesh et al. 2021, appendix A.2.
    case cosine
  }

  /// Every choice; the defaults are those of DALLE-pytorch's `train_vae.py` and `train_dalle.py`.
  public struct Configuration: AdamConfiguration {
    /// What is trained.
    public var model = Model.dallE
    /// The autoencoder of the model dall-e.
    public var autoencoder = AutoencoderKind.discreteVAE
    /// The shape of the images.
    public var images = SquareImages(imageSize: 128, imageChannels: 3)
    /// Codes that a place of an image can have.
    public var imageVocabularySize = 8192
    /// Length of a code's vector.
    public var codebookSize = 512
    /// Halvings from the image to its codes; openai-discrete-vae has three.
    public var downsamplings = 2
    /// Residual blocks of encoder and decoder.
    public var residualBlocks = 2
    /// Channels of the autoencoder's inner layers; of openai-discrete-vae the narrowest.
    public var hiddenChannels = 256
    /// Channels behind the first layer of openai-discrete-vae's decoder.
    public var initialChannels = 128
    /// Residual blocks between two halvings of openai-discrete-vae.
    public var blocksPerGroup = 2
    /// What the autoencoder's reconstruction minimises; openai-discrete-vae has the logit-Laplace likelihood.
    public var loss = ReconstructionLoss.meanSquared
    /// The temperature of codes outside training.
    public var temperature = 0.9
    /// Whether codes are one-hot forward and relaxed backward.
    public var straightThrough = false
    /// Whether the gradient of one-hot codes is that of ReinMax (Liu et al. 2023).
    public var reinmax = false
    /// Weight of the divergence of codes from an even distribution; for openai-discrete-vae in nats a value of the
    /// image, at its end.
    public var divergenceWeight = 0.0
    /// Steps over which openai-discrete-vae's divergence gains its weight.
    public var divergenceSteps = 5000
    /// The first temperature of codes.
    public var startTemperature = 1.0
    /// The last temperature of codes.
    public var minimumTemperature = 0.5
    /// How temperature and learning rate of the autoencoder fall: exponential as DALLE-pytorch has it, or cosine as the
    /// paper has it, the divergence's weight then rising likewise.
    public var annealing = Annealing.exponential
    /// Steps over which the temperature falls to the last one, for annealing cosine.
    public var temperatureSteps = 150_000
    /// Steps over which the autoencoder's learning rate falls to the last one, for annealing cosine.
    public var learningRateSteps = 1_200_000
    /// The autoencoder's last learning rate, for annealing cosine.
    public var minimumLearningRate = 1.25e-6
    /// How fast the temperature falls: it is multiplied by exp(-annealRate · step) at every annealInterval.
    public var annealRate = 1e-6
    /// Steps between changes of temperature and of the autoencoder's learning rate.
    public var annealInterval = 100
    /// The autoencoder's learning rate is multiplied by this at every annealInterval.
    public var learningRateDecay = 0.98
    /// Steps of the first stage of the model dall-e; 0: the autoencoder comes from other weights.
    public var autoencoderSteps = 0
    /// Step size of the first stage of the model dall-e.
    public var autoencoderLearningRate = 1e-3
    /// Images a step of the first stage of the model dall-e.
    public var autoencoderBatchSize = 8
    /// The scorer's keys.
    public var scorer = ScorerSettings()
    /// What a token of text stands for.
    public var textUnit = SentenceVocabulary.Unit.words
    /// Tokens that are rarer in the training captions are unknown.
    public var minimumCount = 1
    /// Tokens of text that are known; taken from the data in training.
    public var textVocabularySize = 10_000
    /// Tokens of a caption; longer ones are cut off.
    public var textLength = 256
    /// Layers of the transformer.
    public var layers = 2
    /// Width of the transformer.
    public var embeddingSize = 512
    /// Attention heads.
    public var heads = 8
    /// Width of a head.
    public var headSize = 64
    /// What the layers look at, in turn.
    public var attentionKinds = [ImageAttentionKind.full]
    /// Weight of the image's cross-entropy beside the text's.
    public var imageLossWeight = 7.0
    /// The reference's form for 16 bits: softmaxes of small scores, outputs divided by their largest.
    public var stable = false
    /// Whether a norm also stands behind each sublayer.
    public var sandwichNorm = false
    /// Whether places take a part of their features from their neighbours before them.
    public var shiftTokens = true
    /// Rotary positions (Su et al. 2021) in place of learned ones.
    public var rotaryEmbedding = true
    /// Whether tokens' vectors are the rows of the output layer.
    public var tiedEmbedding = false
    /// The share of captions that are left out in training, so that guidance has what it compares with.
    public var captionDropout = 0.0
    /// Step size: of the transformer, or of the autoencoder where it is trained alone.
    public var learningRate = 3e-4
    /// Adam's keys.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// Largest global norm of the transformer's gradients; nil: whatever the trainer says.
    public var gradientClip: Double? = 0.5
    /// Examples a step.
    public var batchSize = 4

    /// The reference's.
    public init() {}

    /// The reference's first, then smaller and larger ones.
    public static let presets: [Preset<Configuration>] = {
      var paper = Configuration()
      paper.autoencoderSteps = 100_000
      var small = Configuration()
      small.images.imageSize = 32
      small.imageVocabularySize = 128
      small.codebookSize = 64
      small.residualBlocks = 1
      small.hiddenChannels = 48
      small.straightThrough = true
      small.autoencoderSteps = 1500
      small.autoencoderBatchSize = 32
      small.scorer.scorerSteps = 500
      small.textLength = 12
      small.layers = 4
      small.embeddingSize = 128
      small.heads = 4
      small.headSize = 32
      small.attentionKinds = [.full, .axialRow, .axialColumn, .convolutional]
      small.captionDropout = 0.1
      small.learningRate = 1e-3
      small.batchSize = 16
      var vae = Configuration()
      vae.model = .discreteVAE
      vae.learningRate = 1e-3
      vae.batchSize = 8
      vae.gradientClip = nil
      var openAI = vae
      openAI.model = .openAIDiscreteVAE
      openAI.images.imageSize = 256
      openAI.divergenceWeight = 6.6
      openAI.annealing = .cosine
      openAI.minimumTemperature = 1.0 / 16
      openAI.learningRate = 1e-4
      var smallVAE = small
      smallVAE.model = .discreteVAE
      smallVAE.scorer.scorerSteps = 0
      smallVAE.learningRate = 1e-3
      smallVAE.batchSize = 32
      smallVAE.gradientClip = nil
      return [
        Preset("paper", "DALLE-pytorch's autoencoder and transformer, 128x128", paper),
        Preset(
          "small", "32x32, 128 codes, 4 layers with all kinds of attention; minutes on two cores", small),
        Preset("discrete-vae", "DALLE-pytorch's autoencoder alone, 128x128", vae),
        Preset("openai-discrete-vae", "openai/DALL-E's autoencoder alone, 256x256, 8192 codes", openAI),
        Preset("small-vae", "the autoencoder of small alone", smallVAE),
      ]
    }()

    var codeSide: Int { images.imageSize >> (isOpenAI ? 3 : downsamplings) }
    var isOpenAI: Bool {
      model == .openAIDiscreteVAE || model == .dallE && autoencoder == .openAIDiscreteVAE
    }
    var layout: TextImageLayout { TextImageLayout(textLength: textLength, side: codeSide) }

    /// Images from captions; images and back where the autoencoder is trained alone.
    public var plan: SystemPlan {
      func kind(_ range: ImageRange) -> FieldKind {
        .image(
          channels: images.imageChannels, height: images.imageSize, width: images.imageSize, range: range)
      }
      let image = Field("image", kind(.unit))
      guard model == .dallE else {
        return SystemPlan(
          stages: [Stage(data: DataPlan([image]), batchSize: batchSize)],
          conditions: [
            Condition("image", .field(image.kind), isRequired: true, help: "the image to give back")
          ], outputs: [Field("image", kind(.signed))],
          abilities: [ImageReconstruction(), ImageCoding(vocabulary: imageVocabularySize)])
      }
      let text = Field("text", .sequence(vocabulary: textVocabularySize, longest: textLength, padding: 0))
      let data = DataPlan(
        [image, text],
        CaptionedImages(
          image: "image", text: "text", rule: SentenceVocabulary.Rule(textUnit, lowercases: true),
          minimumCount: minimumCount, longest: textLength))
      let transformer = Stage("transformer", data: data, batchSize: batchSize)
      let first = Stage("autoencoder", steps: autoencoderSteps, data: data, batchSize: autoencoderBatchSize)
      let second = Stage("scorer", steps: scorer.scorerSteps, data: data, batchSize: scorer.scorerBatchSize)
      return SystemPlan(
        stages: (autoencoderSteps > 0 ? [first] : []) + (scorer.scorerSteps > 0 ? [second] : [])
          + [transformer],
        conditions: [
          Condition("prompt", .text, from: .drawn, help: "the caption"),
          Condition("image", .field(image.kind), help: "an image whose upper part is kept"),
        ], outputs: [Field("image", kind(.signed))], sampling: CodeSampling(),
        abilities: [
          CaptionedDrawing(condition: "prompt", field: "text"), ImageCoding(vocabulary: imageVocabularySize),
        ] + (scorer.scorerSteps > 0 ? [CaptionScoring()] : []))
    }

    var transformerShape: TextImageTransformer.Shape {
      TextImageTransformer.Shape(
        layout: layout, textVocabulary: textVocabularySize, codeVocabulary: imageVocabularySize,
        features: embeddingSize, layers: layers, heads: heads, headSize: headSize, kinds: attentionKinds,
        isStable: stable, isSandwich: sandwichNorm, shiftsTokens: shiftTokens, isRotary: rotaryEmbedding,
        isTied: tiedEmbedding)
    }

    var scorerShape: TextImageScorer.Shape {
      TextImageScorer.Shape(
        channels: images.imageChannels, imageSize: images.imageSize, vocabulary: textVocabularySize,
        textLength: textLength, features: scorer.scorerSize, layers: scorer.scorerLayers,
        heads: scorer.scorerHeads, width: scorer.scorerChannels)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try images.validate()
      try scorer.validate()
      try Checks.require(
        model == .dallE || scorer.scorerSteps == 0,
        "scorerSteps train a scorer of the model dall-e; leave them out for \(model.rawValue)")
      try Checks.require(
        annealing == .exponential || isOpenAI,
        "annealing is cosine for openai-discrete-vae alone; leave it out for discrete-vae")
      try Checks.positive([
        "imageVocabularySize": imageVocabularySize, "codebookSize": codebookSize,
        "downsamplings": downsamplings,
        "hiddenChannels": hiddenChannels, "initialChannels": initialChannels,
        "blocksPerGroup": blocksPerGroup,
        "annealInterval": annealInterval, "autoencoderBatchSize": autoencoderBatchSize,
        "minimumCount": minimumCount, "textVocabularySize": textVocabularySize, "textLength": textLength,
        "layers": layers, "embeddingSize": embeddingSize, "heads": heads, "headSize": headSize,
        "batchSize": batchSize, "divergenceSteps": divergenceSteps, "temperatureSteps": temperatureSteps,
        "learningRateSteps": learningRateSteps,
      ])
      try Checks.notNegative(["residualBlocks": residualBlocks, "autoencoderSteps": autoencoderSteps])
      try Checks.notNegative([
        "divergenceWeight": divergenceWeight, "annealRate": annealRate, "imageLossWeight": imageLossWeight,
      ])
      try Checks.aboveZero([
        "temperature": temperature, "startTemperature": startTemperature,
        "minimumTemperature": minimumTemperature, "learningRateDecay": learningRateDecay,
        "minimumLearningRate": minimumLearningRate,
        "gradientClip": gradientClip ?? 1,
      ])
      try Checks.belowOne(["captionDropout": captionDropout])
      try adam.validate(["learningRate": learningRate, "autoencoderLearningRate": autoencoderLearningRate])
      try Checks.require(
        loss == .meanSquared || loss == .meanAbsolute || loss == .smoothL1,
        "loss is meanSquared, meanAbsolute or smoothL1 for images in -1 … 1, not \(loss.rawValue)")
      try Checks.require(
        !reinmax || straightThrough, "reinmax is a gradient of one-hot codes; set straightThrough too")
      let halvings = isOpenAI ? 3 : downsamplings
      try Checks.require(
        halvings < 16 && images.imageSize % (1 << halvings) == 0,
        "imageSize is a multiple of \(halvings < 16 ? String(1 << halvings) : "a huge number") for "
          + "\(halvings) halvings, not \(images.imageSize)")
      try Checks.require(!attentionKinds.isEmpty, "attentionKinds names at least one kind")
      try Checks.require(
        !rotaryEmbedding || headSize >= 6, "headSize is at least 6 for rotary positions, not \(headSize)")
    }
  }
}
