public import AtelierCore
public import AtelierData

extension SpeakerEncoder {
  /// The choices of a speaker encoder.
  public struct Configuration: SystemConfiguration {
    /// Units of each LSTM layer.
    public var hiddenSize = 256
    /// The length of an embedding.
    public var embeddingSize = 256
    /// LSTM layers.
    public var layers = 3
    /// Frames of 10 ms in a piece of training.
    public var frames = 160
    /// Pieces that an utterance is read in, a second.
    public var rate = 1.3
    /// The least share of the last piece that an utterance covers.
    public var minimumCoverage = 0.75
    /// Whether long silences are cut out of the utterances of training and evaluation: windows of 30 ms that are 30 dB quieter than
    /// the loudest part, but for three beside speech.
    public var trimsSilence = false
    /// Pieces of utterances in a batch.
    public var batchSize = 640
    /// How many of them are of one speaker.
    public var utterances = 10
    /// Adam's learning rate.
    public var learningRate = 1e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// The largest norm of all gradients; 0: any.
    public var gradientClip = 3.0
    /// The share of their gradients by which the scale and the offset of similarities move.
    public var similarityShare = 0.01

    /// Resemblyzer's network.
    public init() {}

    /// Resemblyzer's network, and a small one.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.hiddenSize = 64
      small.embeddingSize = 64
      small.layers = 2
      small.batchSize = 32
      small.utterances = 8
      small.trimsSilence = true
      small.learningRate = 1e-3
      return [
        Preset("resemblyzer", "the network of resemblyzer, which reads its weights", Configuration()),
        Preset("small", "a narrow network for some speakers, minutes on two cores", small),
      ]
    }

    /// Pieces of utterances, each with its speaker.
    public var plan: SystemPlan {
      let mel = Field("mel", .spectrogram(bands: SpeakerEncoderFeatures().bands, frames: frames))
      // The number of speakers is found in the data; no batch is checked against it.
      let speaker = Field("speaker", .label(classes: .max))
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [mel, speaker],
              Voices(
                utterance: "mel", speaker: "speaker", serving: .groups(of: utterances),
                features: SpeakerEncoderFeatures(trimsSilence: trimsSilence))),
            batchSize: batchSize)
        ],
        conditions: [
          Condition("mel", .field(mel.kind), isRequired: true, help: "a piece of speech as a spectrogram")
        ],
        outputs: [Field("embedding", .features(size: embeddingSize))],
        abilities: [SpeakerRecognition(utterance: "mel", speaker: "speaker")])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "hiddenSize": hiddenSize, "embeddingSize": embeddingSize, "layers": layers, "frames": frames,
        "batchSize": batchSize,
      ])
      try Checks.require(
        utterances >= 2 && batchSize >= 2 * utterances,
        "utterances is 2 at least, and at most half of batchSize \(batchSize), not \(utterances)")
      try Checks.require(rate > 0 && rate <= 100, "rate is above 0 and at most 100, not \(rate)")
      try Checks.require(
        (0...1).contains(minimumCoverage), "minimumCoverage is 0 to 1, not \(minimumCoverage)")
      try Checks.require(gradientClip >= 0, "gradientClip is 0 or above, not \(gradientClip)")
      try Checks.require(
        (0...1).contains(similarityShare), "similarityShare is 0 to 1, not \(similarityShare)")
      try adam.validate(["learningRate": learningRate])
    }
  }
}
