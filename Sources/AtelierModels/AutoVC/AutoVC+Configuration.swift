public import AtelierCore
public import AtelierData
import Perception

extension AutoVC {
  /// The choices of an AutoVC.
  public struct Configuration: SystemConfiguration, AdamConfiguration {
    /// What tells speakers apart.
    public enum Embedding: String, Codable, Sendable, Hashable, CaseIterable {
      /// A vector with a 1 at the speaker's number: no weights are needed, and no other speakers are possible.
      case oneHot = "one-hot"
      /// The authors' speaker encoder, whose weights the user gives as `d-vector`.
      case dVector = "d-vector"
      /// resemblyzer's speaker encoder, weights `resemblyzer`.
      case resemblyzer
    }

    /// What a reconstruction is compared with.
    public enum Reconstruction: String, Codable, Sendable, Hashable, CaseIterable {
      /// Each item with itself.
      case paired
      /// Each item with all items of the batch, as the authors' program computes it by an axis too many.
      case pairwise
    }

    /// The factors of the loss terms; those of the reconstructions are 1.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the code's difference from the code of the reconstruction.
      public var code = 1.0

      /// The authors'.
      public init() {}
    }

    /// Mel bands.
    public var mels = 80
    /// Channels of the encoder's convolutions.
    public var encoderChannels = 512
    /// Features of a code in each direction of time; too many let the speaker through, too few lose words.
    public var bottleneckSize = 16
    /// Frames of a code.
    public var codeDownsampling = 16
    /// The length of a speaker's embedding; one-hot embeddings have as many entries as the data have speakers.
    public var embeddingSize = 256
    /// Features of the decoder's first LSTM, and channels of its convolutions.
    public var decoderInputChannels = 512
    /// Features of the decoder's second LSTM.
    public var decoderChannels = 1024
    /// Channels of the postnet.
    public var postnetChannels = 512
    /// What tells speakers apart.
    public var embedding = Embedding.dVector
    /// Layers of the authors' speaker encoder.
    public var speakerEncoderLayers = 3
    /// Features of the authors' speaker encoder.
    public var speakerEncoderHidden = 768
    /// How many speakers there are, taken from the data.
    public var speakers = 4
    /// What a reconstruction is compared with.
    public var reconstruction = Reconstruction.paired
    /// The factors of the loss terms.
    public var lossWeights = Weights()
    /// Adam's learning rate.
    public var learningRate = 1e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// Crops in one batch.
    public var batchSize = 2
    /// Frames of a crop, a multiple of codeDownsampling.
    public var frames = 128
    /// Whether long silences are cut out of utterances that are learned from, and out of those that embed a speaker: windows of
    /// 30 ms that are 30 dB quieter than the loudest part, but for three beside speech.
    public var trimsSilence = false

    /// The authors' code.
    public init() {}

    /// The authors' code, their published weights, and a small one.
    public static var presets: [Preset<Configuration>] {
      var published = Configuration()
      published.bottleneckSize = 32
      published.codeDownsampling = 32
      var resemblyzer = Configuration()
      resemblyzer.embedding = .resemblyzer
      var small = Configuration()
      small.encoderChannels = 128
      // With the paper's 16 every 16 frames words are lost in minutes of training.
      (small.bottleneckSize, small.codeDownsampling) = (32, 8)
      small.decoderInputChannels = 128
      small.decoderChannels = 192
      small.postnetChannels = 128
      small.embedding = .oneHot
      small.embeddingSize = 4
      small.learningRate = 1e-3
      small.batchSize = 8
      return [
        Preset(
          "paper", "the authors' code: codes of 2 × 16 every 16 frames, embeddings by the weights d-vector",
          Configuration()),
        Preset("published", "the authors' published weights: codes of 2 × 32 every 32 frames", published),
        Preset("resemblyzer", "paper with embeddings by the weights resemblyzer", resemblyzer),
        Preset("small", "narrow networks for the training's own speakers, minutes on two cores", small),
      ]
    }

    /// The spectrograms.
    var frontEnd: AutoVCFeatures { AutoVCFeatures(bands: mels) }

    /// What makes embeddings of recordings; nil: one-hot embeddings have none.
    var embedder: AutoVCEmbedder? {
      embedding == .oneHot
        ? nil
        : AutoVCEmbedder(
          kind: embedding, bands: mels, hiddenSize: speakerEncoderHidden, size: embeddingSize,
          layers: speakerEncoderLayers, trimsSilence: trimsSilence)
    }

    /// Random crops, each with its speaker.
    public var plan: SystemPlan {
      let conversion = VoiceConversion(
        frontEnd: frontEnd, speakers: speakers, source: embedding == .oneHot ? .speaker : .sound,
        takesRecordings: embedding != .oneHot)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [
                Field("mel", .spectrogram(bands: mels, frames: frames)),
                Field("speaker", .label(classes: speakers)),
              ],
              Voices(
                utterance: "mel", speaker: "speaker", serving: .crops,
                features: AutoVCFeatures(bands: mels, trimsSilence: trimsSilence), embedding: embedder
              )),
            batchSize: batchSize)
        ],
        conditions: conversion.conditions, outputs: conversion.outputs(frames: frames),
        sampling: VoiceDrawing(),
        abilities: [conversion, Likeness(.voice, of: conversion.speaker)])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "mels": mels, "encoderChannels": encoderChannels, "bottleneckSize": bottleneckSize,
        "codeDownsampling": codeDownsampling, "embeddingSize": embeddingSize,
        "decoderInputChannels": decoderInputChannels, "decoderChannels": decoderChannels,
        "postnetChannels": postnetChannels, "speakerEncoderLayers": speakerEncoderLayers,
        "speakerEncoderHidden": speakerEncoderHidden, "speakers": speakers, "batchSize": batchSize,
        "frames": frames,
      ])
      try Checks.require(
        frames % codeDownsampling == 0,
        "frames is a multiple of codeDownsampling \(codeDownsampling), not \(frames)")
      try Checks.require(
        embedding != .oneHot || embeddingSize >= speakers,
        "one-hot embeddings of \(speakers) speakers have that many entries, and embeddingSize is \(embeddingSize)"
      )
      try Checks.require(
        embedding != .resemblyzer || embeddingSize == 256,
        "resemblyzer's embeddings have 256 numbers, and embeddingSize is \(embeddingSize)")
      try Checks.notNegative(["lossWeights.code": lossWeights.code])
      try adam.validate(["learningRate": learningRate])
    }
  }
}
