public import AtelierCore
import AtelierData

extension CycleGANVC2 {
  /// The choices of a CycleGAN-VC2.
  public struct Configuration: SystemConfiguration {
    /// The factors of the generators' loss terms; both adversarial losses have 1.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the way to the other voice and back.
      public var cycle = 10.0
      /// Of the identity loss.
      public var identity = 5.0

      /// The paper's.
      public init() {}
    }

    /// Mel bands of AutoVC's spectrograms, a multiple of four.
    public var mels = 80
    /// Frames of a crop, a multiple of four.
    public var frames = 128
    /// Channels of the generators' outer layers behind their gates; the inner ones have up to four times as many.
    public var generatorWidth = 64
    /// Residual blocks of each generator.
    public var blocks = 6
    /// Channels of the discriminators' first layer behind its gate; the last has eight times as many.
    public var discriminatorWidth = 64
    /// The factors of the loss terms.
    public var lossWeights = Weights()
    /// Steps with the identity loss.
    public var identitySteps = 10_000
    /// The generators' learning rate at first.
    public var generatorLearningRate = 2e-4
    /// The discriminators' learning rate at first.
    public var discriminatorLearningRate = 1e-4
    /// Steps at these learning rates.
    public var constantSteps = 200_000
    /// Steps over which they then fall to zero in a straight line; 0: they never fall.
    public var decaySteps = 200_000
    /// Adam's β₁.
    public var beta1 = 0.5
    /// Adam's β₂.
    public var beta2 = 0.999
    /// Crops in a batch, half of them of each speaker.
    public var batchSize = 2

    /// The paper's.
    public init() {}

    /// The paper's sizes, and one that two processor cores can train.
    public static var presets: [Preset<Configuration>] {
      var small = Configuration()
      small.generatorWidth = 16
      small.discriminatorWidth = 16
      small.blocks = 3
      small.frames = 64
      small.batchSize = 4
      small.decaySteps = 0
      small.identitySteps = 500
      return [
        Preset("paper", "the paper's networks on 80 bands", Configuration()),
        Preset("small", "narrow networks, minutes on two cores", small),
      ]
    }

    /// Random crops of both speakers.
    public var plan: SystemPlan {
      let features = AutoVCFeatures(bands: mels)
      let conversion = VoiceConversion(frontEnd: features, speakers: 2, source: .any, takesRecordings: false)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [
                Field("mel", .spectrogram(bands: mels, frames: frames)), Field("speaker", .label(classes: 2)),
              ],
              Voices(
                utterance: "mel", speaker: "speaker", serving: .crops, features: features, standardises: true)
            ),
            batchSize: batchSize)
        ],
        conditions: conversion.conditions, outputs: conversion.outputs(frames: frames),
        sampling: VoiceDrawing(),
        abilities: [conversion, Likeness(.voice, of: conversion.speaker)])
    }

    /// What a learning rate is multiplied by.
    func rateFactor(at step: Int) -> Double {
      guard decaySteps > 0, step > constantSteps else { return 1 }
      return max(0, 1 - Double(step - constantSteps) / Double(decaySteps))
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "mels": mels, "frames": frames, "generatorWidth": generatorWidth, "blocks": blocks,
        "discriminatorWidth": discriminatorWidth, "batchSize": batchSize,
      ])
      for (name, value) in [("mels", mels), ("frames", frames)] {
        try Checks.require(value % 4 == 0, "\(name) is a multiple of 4, not \(value)")
      }
      try Checks.require(
        batchSize % 2 == 0, "batchSize is even, half of it of each speaker, not \(batchSize)")
      try Checks.notNegative([
        "identitySteps": identitySteps, "constantSteps": constantSteps, "decaySteps": decaySteps,
      ])
      try Checks.notNegative([
        "lossWeights.cycle": lossWeights.cycle, "lossWeights.identity": lossWeights.identity,
      ])
      try Checks.aboveZero([
        "generatorLearningRate": generatorLearningRate,
        "discriminatorLearningRate": discriminatorLearningRate,
      ])
      try Checks.belowOne(["beta1": beta1, "beta2": beta2])
    }
  }
}
