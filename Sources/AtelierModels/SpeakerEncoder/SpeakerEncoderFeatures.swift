public import AtelierData
import Perception
public import Torch

/// What speaker encoders read of an utterance: resemblyzer's spectrogram of 40 bands, of a volume of at least −30 dB.
public struct SpeakerEncoderFeatures: UtteranceFeatures {
  /// Whether long silences are cut out before, by the power of windows.
  public let trimsSilence: Bool

  /// The features of whole utterances, or of utterances without their long silences.
  public init(trimsSilence: Bool = false) { self.trimsSilence = trimsSilence }

  /// 16 kHz.
  public var sampleRate: Int { MelSpectrogram.speakerEncoder.filters.sampleRate }
  /// 40.
  public var bands: Int { MelSpectrogram.speakerEncoder.filters.bands }
  /// A tenth of a second.
  public var shortest: Int { sampleRate / 10 }

  /// float32 `[bands, frames]`.
  public func callAsFunction(_ samples: [Float]) throws -> HostTensor {
    var loud = normalizedVolume(samples.map(Double.init)).map(Float.init)
    if trimsSilence { loud = SilenceTrimming()(loud, by: EnergyVoiceDetector(), shortest: shortest) }
    return try MelSpectrogram.speakerEncoder(Tensor(loud, shape: [1, loud.count])).squeezed(0).host()
  }
}
