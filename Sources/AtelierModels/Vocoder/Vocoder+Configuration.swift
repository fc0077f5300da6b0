public import AtelierCore
public import AtelierData
import Perception

extension Vocoder {
  /// The choices of a vocoder.
  public struct Configuration: AdamConfiguration {
    /// The form of the spectrograms that the generator reads.
    public enum Features: String, Codable, Sendable, Hashable, CaseIterable {
      /// Natural logarithms, frames within the sound (Kong et al. 2020).
      case hifiGAN = "hifi-gan"
      /// AutoVC's: decibels in 0 … 1, frames around every `hop`-th sample.
      case autoVC = "autovc"
      /// StarGAN-VC's before its standardisation: decadic logarithms, frames around every `hop`-th sample.
      case starGAN = "stargan-vc"
    }

    /// The form of the spectrograms that the generator reads.
    public var features = Features.hifiGAN
    /// Bands of a spectrogram.
    public var mels = 80
    /// Samples a second.
    public var sampleRate = 22_050
    /// Samples of a transform.
    public var transform = 1024
    /// Samples from one frame to the next; what upsampleRates multiply to.
    public var hop = 256
    /// Samples of the Hann window.
    public var window = 1024
    /// The lower edge of the mel filters in Hz.
    public var minimumFrequency = 0.0
    /// The upper edge of the mel filters in Hz; null: half the sample rate.
    public var maximumFrequency: Double? = 8000
    /// The upper edge of the mel filters of the loss in Hz; null: half the sample rate.
    public var lossMaximumFrequency: Double?
    /// The form of the residual blocks: 1, where each dilated convolution is followed by a plain one, or 2.
    public var residualBlock = 1
    /// By how much each transposed convolution lengthens the signal.
    public var upsampleRates = [8, 8, 2, 2]
    /// Samples of the kernels of the transposed convolutions.
    public var upsampleKernels = [16, 16, 4, 4]
    /// Channels in front of the first transposed convolution, each of which halves them.
    public var initialChannels = 512
    /// Samples of the kernels of the residual blocks that stand side by side.
    public var residualKernels = [3, 7, 11]
    /// The dilations in the residual blocks, one list for each kernel.
    public var residualDilations = [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    /// Periods of the multi-period discriminators.
    public var periods = [2, 3, 5, 7, 11]
    /// Channels of the multi-period discriminators, four layers; the last stand in a fifth as well.
    public var periodChannels = [32, 128, 512, 1024]
    /// Channels of the multi-scale discriminators, multiples of 16: the first two layers', the third's, the fourth's, and
    /// those of all further ones; empty: there are none.
    public var scaleChannels = [128, 256, 512, 1024]
    /// The factors of the generator's losses.
    public var lossWeights = LossWeights()
    /// AdamW's learning rate in the first pass over the data.
    public var learningRate = 2e-4
    /// What the learning rate is multiplied with after each pass over the data.
    public var epochDecay = 0.999
    /// The optimiser's decays and ε.
    public var adam: AdamSettings = {
      var adam = AdamSettings(beta1: 0.8, beta2: 0.99)
      adam.updateRule = .adamW
      return adam
    }()
    /// The decay of weights.
    public var weightDecay = 0.01
    /// Clips in one batch.
    public var batchSize = 16
    /// Samples of a clip in training.
    public var segment = 8192
    /// Samples from one clip of a sound to the next.
    public var segmentHop = 4096

    /// Factors of the generator's losses beside the adversarial one.
    public struct LossWeights: Codable, Sendable, Hashable {
      /// Of the distances of the discriminators' layers.
      public var featureMatching = 2.0
      /// Of the mean absolute difference of mel spectrograms.
      public var mel = 45.0
    }

    /// Version 1 of the authors' code.
    public init() {}

    /// The paper's three versions, versions for converters of voices, and small ones.
    public static var presets: [Preset<Configuration>] {
      var second = Configuration()
      second.initialChannels = 128
      var third = Configuration()
      third.residualBlock = 2
      third.upsampleRates = [8, 8, 4]
      third.upsampleKernels = [16, 16, 8]
      third.initialChannels = 256
      third.residualKernels = [3, 5, 7]
      third.residualDilations = [[1, 2], [2, 6], [3, 12]]
      var small = third
      small.sampleRate = 16_000
      small.initialChannels = 128
      small.periodChannels = [8, 16, 32, 64]
      small.scaleChannels = []
      small.learningRate = 1e-3
      small.batchSize = 4
      small.segment = 4096
      small.segmentHop = 2048
      // The small converter has half of the bands, and frames as far apart as AutoVC's.
      var smallStarGAN = small.reading(.autoVC)
      smallStarGAN.features = .starGAN
      smallStarGAN.mels = 40
      smallStarGAN.minimumFrequency = 80
      return [
        Preset("v1", "Kong et al.: version 1, the best sound", Configuration()),
        Preset("v2", "Kong et al.: version 2, a quarter of the channels", second),
        Preset("v3", "Kong et al.: version 3, the fastest", third),
        Preset("autovc", "version 1 for AutoVC's spectrograms, 16 kHz", Configuration().reading(.autoVC)),
        Preset(
          "stargan-vc", "version 1 for StarGAN-VC's spectrograms, 16 kHz", Configuration().reading(.starGAN)),
        Preset(
          "small", "half of version 3 and small discriminators of periods at 16 kHz, minutes on two cores",
          small),
        Preset("small-autovc", "small for AutoVC's spectrograms", small.reading(.autoVC)),
        Preset("small-stargan-vc", "small for the spectrograms of a small StarGAN-VC", smallStarGAN),
      ]
    }

    /// These networks for the spectrograms of a converter at 16 kHz.
    private func reading(_ features: Features) -> Configuration {
      var changed = self
      changed.features = features
      changed.sampleRate = 16_000
      changed.minimumFrequency = features == .autoVC ? 90 : 80
      changed.maximumFrequency = 7600
      if features == .starGAN, let last = upsampleRates.indices.last {
        changed.hop = 128
        // Half the frames' distance: the last convolution that lengthens by more than its half.
        let place = upsampleRates.lastIndex { $0 > 2 } ?? last
        changed.upsampleRates[place] /= 2
        changed.upsampleKernels[place] /= 2
      }
      return changed
    }

    /// The filters up to an edge.
    private func filters(_ highest: Double?) -> MelFilterBank {
      MelFilterBank(
        sampleRate: sampleRate, transformSize: transform, bands: mels, lowestFrequency: minimumFrequency,
        highestFrequency: highest)
    }

    /// What the generator reads.
    var spectrogram: MelSpectrogram {
      var form: MelSpectrogram
      switch features {
      case .hifiGAN: form = .hifiGAN()
      case .autoVC: form = .autoVC()
      case .starGAN: form = .starGAN()
      }
      (form.filters, form.hop, form.window) = (filters(maximumFrequency), hop, window)
      return form
    }

    /// What the loss compares: HiFi-GAN's form, whatever the generator reads.
    var lossSpectrogram: MelSpectrogram {
      var form = MelSpectrogram.hifiGAN()
      (form.filters, form.hop, form.window) = (filters(lossMaximumFrequency), hop, window)
      return form
    }

    /// The analysis of sounds.
    var resynthesis: SoundResynthesis {
      // AutoVC's high-pass at 30 Hz takes nothing from bands above 90 Hz, and its noise lies below its floor.
      SoundResynthesis(
        field: "waveform", spectrogram: spectrogram,
        scale: features == .autoVC ? AutoVCFrontEnd.scale : 1)
    }

    /// Sounds, made anew from their spectrograms.
    public var plan: SystemPlan {
      let sound = FieldKind.audio(channels: 1, samples: segment, sampleRate: sampleRate)
      let waveform = Field("waveform", sound)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan([waveform], Sounds(target: "waveform", hop: segmentHop)), batchSize: batchSize)
        ],
        conditions: [
          Condition(
            "waveform", .field(sound), isRequired: true,
            help: "the sound whose spectrogram is turned into a sound again")
        ],
        outputs: [waveform],
        abilities: [
          SoundTranslation(source: "waveform", target: "waveform", window: segment), resynthesis,
        ])
    }
  }
}
