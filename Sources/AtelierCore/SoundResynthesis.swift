public import Perception
public import Torch

/// Sounds from their mel spectrograms. The functions are those of ``SoundResynthesizingSystem``.
public struct SoundResynthesis: Ability, Hashable {
  /// The field of the sound.
  public var field: String
  /// The spectrogram that the networks read.
  public var spectrogram: MelSpectrogram
  /// What a sound is multiplied with before its spectrogram is taken.
  public var scale: Double

  /// Describes the analysis.
  public init(field: String, spectrogram: MelSpectrogram, scale: Double = 1) {
    (self.field, self.spectrogram, self.scale) = (field, spectrogram, scale)
  }

  /// The spectrograms `[n, bands, frames]` of sounds `[n, samples]` of any length, one frame for each begun hop; zeros
  /// follow a sound up to there.
  public func mel(of sounds: Tensor) throws -> Tensor {
    let samples = sounds.shape[1]
    let hop = spectrogram.hop
    let frames = (samples + hop - 1) / hop
    let missing = max(frames * hop, spectrogram.shortestSound) - samples
    let mel = try spectrogram((missing > 0 ? sounds.padded([0, missing]) : sounds) * scale)
    return mel.narrow(2, from: 0, length: frames)
  }
}

/// A vocoder: a system that turns mel spectrograms into the sounds that they are of. Its plan has ``SoundResynthesis``.
public protocol SoundResynthesizingSystem: SoundTranslatingSystem {
  /// Waveforms `[n, frames · hop]` of spectrograms `[n, bands, frames]` in the form of the plan's
  /// ``SoundResynthesis/spectrogram``, networks in evaluation mode.
  ///
  /// - Throws: ``ConfigurationError`` for spectrograms of other bands.
  func waveform(ofMel mel: Tensor) throws -> Tensor
}

extension SoundResynthesizingSystem {
  /// Sounds `[n, 1, samples]` made anew from their spectrograms, as long as they were.
  public func translated(_ windows: Tensor) throws -> Tensor {
    guard let resynthesis = plan.ability(SoundResynthesis.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what spectrograms it reads")
    }
    let samples = windows.shape[2]
    let made = try waveform(ofMel: resynthesis.mel(of: windows.flattened(from: 1).asType(.float32)))
    return made.narrow(1, from: 0, length: samples).unsqueezed(1)
  }

  /// The same: a spectrogram is read piece by piece, with what surrounds each piece.
  public func translated(sounds: Tensor, _ window: Int, _ overlap: Double) throws -> Tensor {
    try translated(sounds)
  }

  /// Sounds of any length made anew.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let resynthesis = plan.ability(SoundResynthesis.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what spectrograms it reads")
    }
    try emit(Output(resynthesis.field, translated(request.required(resynthesis.field))))
  }
}
