public import AtelierCore
public import AtelierData
public import Perception
public import Torch
import TorchNN

extension StarGANVC {
  /// The choices of a StarGAN-VC.
  public struct Configuration: SystemConfiguration {
    /// The generator's form.
    public enum Form: String, Codable, Sendable, Hashable, CaseIterable {
      /// Gated convolutions over time.
      case convolutional
      /// Bidirectional LSTMs.
      case recurrent
    }

    /// What follows the gated convolutions.
    public enum Norm: String, Codable, Sendable, Hashable, CaseIterable {
      /// Instance norm without gain, bias and running statistics.
      case instance
      /// Batch norm.
      case batch
      /// Layer norm over the channels of each frame.
      case layer
    }

    /// What scores are made large or small.
    public enum Objective: String, Codable, Sendable, Hashable, CaseIterable {
      /// Scores themselves.
      case wasserstein
      /// Half the squared distance from 1 and 0.
      case leastSquares
      /// Cross-entropy of logits.
      case binaryCrossEntropy

      /// Of scores that should be those of real spectrograms.
      func real(_ scores: Tensor) -> Tensor {
        switch self {
        case .wasserstein: -scores.mean()
        case .leastSquares: (scores - 1).square().mean() * 0.5
        case .binaryCrossEntropy: binaryCrossEntropyWithLogits(scores, .ones(like: scores))
        }
      }

      /// Of scores that should be those of generated spectrograms.
      func fake(_ scores: Tensor) -> Tensor {
        switch self {
        case .wasserstein: scores.mean()
        case .leastSquares: scores.square().mean() * 0.5
        case .binaryCrossEntropy: binaryCrossEntropyWithLogits(scores, .zeros(like: scores))
        }
      }
    }

    /// The factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the adversarial loss, of both networks.
      public var adversarial = 1.0
      /// Of the discriminator's gradient penalty.
      public var gradientPenalty = 1.0
      /// Of the loss by who speaks, of both networks.
      public var classification = 1.0
      /// Of the way to another voice and back.
      public var cycle = 1.0
      /// Of the conversion into the own voice.
      public var reconstruction = 1.0

      /// The authors'.
      public init() {}
    }

    /// The generator's form.
    public var generator = Form.convolutional
    /// Mel bands.
    public var mels = 80
    /// How many speakers there are, taken from the data.
    public var speakers = 4
    /// Channels between the generator's halves.
    public var bottleneckSize = 16
    /// Channels of the generator's other layers.
    public var generatorChannels = 64
    /// The length of a speaker's embedding, which joins the channels of each layer behind the bottleneck.
    public var embeddingSize = 16
    /// Layers of each LSTM of a recurrent generator.
    public var layers = 2
    /// Channels of the discriminator.
    public var discriminatorChannels = 32
    /// What follows the gated convolutions of both networks.
    public var norm = Norm.instance
    /// Whether the source speaker's embedding joins the layers in front of the bottleneck.
    public var sourceConditioning = false
    /// The share of the discriminator's activations that is dropped.
    public var dropout = 0.1
    /// What scores are made large or small.
    public var adversarialLoss = Objective.wasserstein
    /// The factors of the loss terms.
    public var lossWeights = Weights()
    /// The largest norm of each network's gradient.
    public var gradientClip = 1.0
    /// The generator's learning rate.
    public var generatorLearningRate = 5e-4
    /// The discriminator's learning rate.
    public var discriminatorLearningRate = 5e-6
    /// Adam's β₁ of the generator.
    public var generatorBeta1 = 0.9
    /// Adam's β₁ of the discriminator.
    public var discriminatorBeta1 = 0.5
    /// Adam's β₂ of both.
    public var beta2 = 0.999
    /// Adam's ε.
    public var adamEpsilon = 1e-8
    /// Utterances of each speaker in one step; fewer where a speaker has fewer.
    public var batchSize = 12
    /// Samples a second.
    public var sampleRate = 16_000
    /// Samples of a frame.
    public var transform = 1024
    /// Samples from one frame to the next.
    public var hop = 128
    /// The lower edge of the lowest band in Hz.
    public var minimumFrequency = 80.0
    /// The upper edge of the highest band in Hz; nil: half the sample rate.
    public var maximumFrequency: Double? = 7600

    /// The authors' code.
    public init() {}

    /// The authors' code, its recurrent form, and a small one.
    public static var presets: [Preset<Configuration>] {
      var recurrent = Configuration()
      recurrent.generator = .recurrent
      var small = Configuration()
      small.mels = 40
      small.bottleneckSize = 8
      small.generatorChannels = 32
      small.embeddingSize = 8
      small.discriminatorChannels = 16
      small.hop = 256
      small.batchSize = 4
      return [
        Preset("paper", "the author's code: gated convolutions, Wasserstein", Configuration()),
        Preset("recurrent", "the author's recurrent generator", recurrent),
        Preset("small", "narrow networks on 40 bands, minutes on two cores", small),
      ]
    }

    /// The spectrograms.
    var frontEnd: StarGANFrontEnd {
      StarGANFrontEnd(
        spectrogram: .starGAN(
          sampleRate: sampleRate, transformSize: transform, hop: hop, bands: mels, lowest: minimumFrequency,
          highest: maximumFrequency))
    }

    /// Whole utterances, a batch of each speaker in turn.
    public var plan: SystemPlan {
      // A second, in full groups of four; utterances have any length.
      let frames = max(4, sampleRate / hop / 4 * 4)
      let conversion = VoiceConversion(
        frontEnd: frontEnd, speakers: speakers, source: sourceConditioning ? .speaker : .any,
        takesRecordings: false)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [
                Field("mel", .spectrogram(bands: mels, frames: frames)),
                Field("speaker", .label(classes: speakers)),
              ],
              Voices(
                utterance: "mel", speaker: "speaker", serving: .rounds(multiple: 4), features: frontEnd,
                standardises: true)),
            batchSize: batchSize)
        ],
        conditions: conversion.conditions, outputs: conversion.outputs(frames: frames),
        sampling: VoiceDrawing(),
        abilities: [conversion, Likeness(.voice, of: conversion.speaker)])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "mels": mels, "bottleneckSize": bottleneckSize, "generatorChannels": generatorChannels,
        "embeddingSize": embeddingSize, "layers": layers, "discriminatorChannels": discriminatorChannels,
        "batchSize": batchSize, "sampleRate": sampleRate, "hop": hop,
      ])
      try Checks.require(
        speakers >= 2, "stargan-vc converts between two speakers at least, and speakers is \(speakers)")
      try Checks.require(
        generator == .convolutional || generatorChannels % 2 == 0,
        "generatorChannels is even for a recurrent generator, half of them for each direction, not \(generatorChannels)"
      )
      try Checks.require((0..<1).contains(dropout), "dropout is from 0 to below 1, not \(dropout)")
      try Checks.require(gradientClip > 0, "gradientClip is above 0, not \(gradientClip)")
      try Checks.aboveZero([
        "generatorLearningRate": generatorLearningRate,
        "discriminatorLearningRate": discriminatorLearningRate,
        "adamEpsilon": adamEpsilon,
      ])
      try Checks.belowOne([
        "generatorBeta1": generatorBeta1, "discriminatorBeta1": discriminatorBeta1, "beta2": beta2,
      ])
      try Checks.notNegative([
        "lossWeights.adversarial": lossWeights.adversarial,
        "lossWeights.gradientPenalty": lossWeights.gradientPenalty,
        "lossWeights.classification": lossWeights.classification, "lossWeights.cycle": lossWeights.cycle,
        "lossWeights.reconstruction": lossWeights.reconstruction, "minimumFrequency": minimumFrequency,
      ])
      try Checks.require(
        transform >= 4 && transform % 2 == 0 && hop <= transform,
        "transform is even and not below hop, not \(transform) with a hop of \(hop)")
      let highest = maximumFrequency ?? Double(sampleRate) / 2
      try Checks.require(
        highest > minimumFrequency && highest <= Double(sampleRate) / 2,
        "maximumFrequency is above minimumFrequency and at most half the sampleRate, not \(highest)")
    }
  }
}

/// StarGAN-VC's spectrogram as it is: decadic logarithms.
struct StarGANFrontEnd: VoiceFrontEnd {
  var spectrogram: MelSpectrogram

  func callAsFunction(_ samples: [Float]) throws -> HostTensor {
    try withTensorErrors {
      try withoutGradients {
        try spectrogram(Tensor(samples, shape: [1, samples.count])).squeezed(0).contiguous().host()
      }
    }
  }
}
