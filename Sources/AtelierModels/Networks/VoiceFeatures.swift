public import AtelierMedia
public import Perception
public import Torch

/// AutoVC's front end: what wanders below hearing is taken out, a trace of noise keeps silence from an infinite
/// logarithm, and the spectrogram's decibels lie in 0 … 1. Source: auspicious3000/autovc `make_spect.py`.
public struct AutoVCFrontEnd: Sendable {
  /// What the filtered signal is multiplied with.
  public static let scale = 0.96
  /// The noise's strength.
  public static let noiseScale = 1e-6
  /// The spectrogram.
  public var spectrogram: MelSpectrogram

  /// The front end with the authors' 80 bands, or another number.
  public init(bands: Int = 80) { spectrogram = .autoVC(bands: bands) }

  /// A signal of 16 kHz without its drift.
  public func filtered(_ signal: [Double]) -> [Double] { ZeroPhaseFilter.withoutDrift(signal) }

  /// The spectrogram `[bands, frames]` of a filtered signal, float64.
  ///
  /// - Parameter noise: as many values of −0.5 … 0.5; the authors draw them with the number of the speaker's folder as
  ///   seed. Nil: none.
  /// - Throws: ``PerceptionError/shortSound(samples:needed:)``.
  public func mel(filtered: [Double], noise: [Double]? = nil) throws -> Tensor {
    let disturbed = filtered.enumerated().map { index, value in
      value * Self.scale + Self.noiseScale * (noise.flatMap { index < $0.count ? $0[index] : nil } ?? 0)
    }
    return try spectrogram(Tensor(HostTensor(disturbed, shape: [1, disturbed.count]))).squeezed(0)
  }
}
