public import AtelierCore
public import AtelierData

extension Wav2Lip {
  /// The factors of the generator's losses; the reconstruction has what is left to 1.
  public struct LossWeights: Codable, Sendable, Hashable {
    /// Of the sync expert's judgement, once it is taken into account; 0: never.
    public var sync = 0.03
    /// Of the quality discriminator's; 0: there is none.
    public var quality = 0.07

    /// The authors', with a quality discriminator.
    public init() {}
  }

  /// The choices of a Wav2Lip.
  public struct Configuration: SystemConfiguration, AdamConfiguration {
    /// Channels of the generator that stand for the authors' 16, 32, 64, 128, 256, 384 and 512.
    public var channels = [16, 32, 64, 128, 256, 384, 512]
    /// Channels of the sync expert that stand for the authors' 32, 64, 128, 256 and 512.
    public var syncChannels = [32, 64, 128, 256, 512]
    /// Channels of the quality discriminator that stand for the authors' 32, 64, 128, 256 and 512.
    public var qualityChannels = [32, 64, 128, 256, 512]
    /// Steps of the sync expert before the generator's; 0: its weights are given, by an import.
    public var expertSteps = 100_000
    /// Windows in a batch of the sync expert.
    public var expertBatchSize = 64
    /// The mean of the expert's loss on generated lips below which lossWeights.sync is taken into account, and never left out
    /// again; null: from the first step on.
    public var syncThreshold: Double? = 0.75
    /// The factors of the generator's losses.
    public var lossWeights = LossWeights()
    /// Adam's learning rate, of all three networks.
    public var learningRate = 1e-4
    /// Adam's decays of generator and expert, and ε; β₁ of the quality discriminator is 0.5.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// Windows in a batch.
    public var batchSize = 16
    /// Whether the videos show people, whose consent a training then needs.
    public var faces = true

    /// The authors' `hq_wav2lip_train.py`.
    public init() {}

    /// The authors' two programs, and a small one.
    public static var presets: [Preset<Configuration>] {
      var plain = Configuration()
      plain.lossWeights = LossWeights()
      plain.lossWeights.sync = 0.01
      plain.lossWeights.quality = 0
      var small = Configuration()
      small.channels = [4, 8, 12, 16, 24, 32, 32]
      small.syncChannels = [8, 12, 16, 24, 32]
      small.qualityChannels = [4, 6, 8, 12, 16]
      small.expertSteps = 1500
      small.expertBatchSize = 16
      // The expert normalises by the batch, so that of few windows it judges noise; at the paper's weight lips tore.
      small.lossWeights.sync = 0.003
      small.lossWeights.quality = 0.01
      small.learningRate = 5e-4
      small.batchSize = 6
      return [
        Preset("paper", "the authors' program with the quality discriminator", Configuration()),
        Preset("plain", "the authors' program without it: better in time, less sharp", plain),
        Preset("small", "narrow networks, minutes on two cores", small),
      ]
    }

    /// Height and width of a face, which the layers allow alone.
    static let side = 96
    /// Frames of a window.
    static let window = 5

    /// Two windows of each video with what is said at the first.
    public var plan: SystemPlan {
      let (side, window) = (Self.side, Self.window)
      let clip = FieldKind.video(frames: window, channels: 3, height: side, width: side, range: .unit)
      let said = FieldKind.spectrogram(bands: LipSpeech.bands, frames: window * LipSpeech.columns)
      let speech = VideoSpeech(
        field: "mels", columns: LipSpeech.columns, columnsPerSecond: 80, lead: 1, features: LipSpeech())
      let data = DataPlan(
        [Field("frames", clip), Field(Videos.reference, clip), Field("mels", said)], Videos(speech: speech))
      var stages = [Stage("generator", data: data, batchSize: batchSize)]
      if expertSteps > 0 {
        stages.insert(Stage("expert", steps: expertSteps, data: data, batchSize: expertBatchSize), at: 0)
      }
      var abilities: [any Ability] = [FaceDubbing(frames: "frames", speech: speech)]
      if faces { abilities.append(Likeness(.face, of: "frames")) }
      return SystemPlan(
        stages: stages,
        conditions: [
          Condition(
            "frames", .field(clip), isRequired: true, help: "a face whose lips are to move, frame by frame"),
          Condition(
            "mels", .field(said), isRequired: true,
            help:
              "what is said: of the command line a sound, else 16 columns of its spectrogram for each frame"),
        ], outputs: [Field("frames", clip)], sampling: DubbingDrawing(), abilities: abilities)
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.widths([
        "channels": channels, "syncChannels": syncChannels, "qualityChannels": qualityChannels,
      ])
      for (key, list, count) in [
        ("channels", channels, 7), ("syncChannels", syncChannels, 5),
        ("qualityChannels", qualityChannels, 5),
      ] {
        try Checks.require(list.count == count, "\(key) has \(count) numbers, not \(list.count)")
      }
      try Checks.positive(["expertBatchSize": expertBatchSize])
      try Checks.batch(batchSize)
      try Checks.batch(expertBatchSize)
      try Checks.notNegative(["expertSteps": expertSteps])
      try Checks.notNegative([
        "lossWeights.sync": lossWeights.sync, "lossWeights.quality": lossWeights.quality,
      ])
      try Checks.require(
        lossWeights.sync + lossWeights.quality < 1,
        "lossWeights.sync and lossWeights.quality leave something of 1 to the reconstruction, and come to "
          + "\(lossWeights.sync + lossWeights.quality)")
      if let syncThreshold { try Checks.aboveZero(["syncThreshold": syncThreshold]) }
      try adam.validate(["learningRate": learningRate])
    }
  }
}
