public import Torch

/// A mel spectrogram as one of the field's networks expects it; the cases differ in every detail, so that a network
/// trained on one form cannot read another.
public struct MelSpectrogram: Sendable, Hashable {
  /// What surrounds the signal.
  public enum Padding: Sendable, Hashable {
    /// Frames lie around every `hop`-th sample; the signal is continued by its mirror image.
    case centredReflection
    /// Frames lie around every `hop`-th sample; zeros surround the signal.
    case centredZeros
    /// The mirror image of (size − hop) / 2 samples at both ends, which gives samples / hop frames.
    case evenReflection
  }

  /// What is summed over the bins of a filter.
  public enum Strength: Sendable, Hashable {
    /// √(re² + im² + epsilon).
    case magnitude(epsilon: Double)
    /// re² + im².
    case power
  }

  /// What becomes of the sums.
  public enum Compression: Sendable, Hashable {
    /// They stay.
    case none
    /// The natural logarithm of what is not below `floor`.
    case naturalLogarithm(floor: Double)
    /// The decadic logarithm of what is not below `floor`.
    case decadicLogarithm(floor: Double)
    /// (20 log₁₀ − `reference` + 100) / 100 within 0 … 1, of what is not below `floor`.
    case unitDecibels(floor: Double, reference: Double)
  }

  /// The filters, with sample rate and transform size.
  public var filters: MelFilterBank
  /// Samples from one frame to the next.
  public var hop: Int
  /// Samples of the Hann window, at most the transform's.
  public var window: Int
  /// What surrounds the signal.
  public var padding: Padding
  /// What is summed.
  public var strength: Strength
  /// What becomes of the sums.
  public var compression: Compression

  /// A spectrogram of the given form.
  public init(
    _ filters: MelFilterBank, hop: Int, window: Int? = nil, padding: Padding, strength: Strength,
    compression: Compression
  ) {
    self.filters = filters
    self.hop = hop
    self.window = window ?? filters.transformSize
    self.padding = padding
    self.strength = strength
    self.compression = compression
  }

  /// AutoVC's: 16 kHz, 80 bands of 90 to 7600 Hz, decibels in 0 … 1. The signal is filtered first, see
  /// `ZeroPhaseFilter.withoutDrift`. Source: auspicious3000/autovc `make_spect.py`.
  public static func autoVC(bands: Int = 80) -> MelSpectrogram {
    MelSpectrogram(
      MelFilterBank(
        sampleRate: 16_000, transformSize: 1024, bands: bands, lowestFrequency: 90, highestFrequency: 7600),
      hop: 256, padding: .centredReflection, strength: .magnitude(epsilon: 0),
      compression: .unitDecibels(floor: 1e-5, reference: 16))
  }

  /// StarGAN-VC's: 16 kHz, 80 bands of 80 to 7600 Hz, decadic logarithms; each band is standardised afterwards.
  /// Source: kamepong/StarGAN-VC `extract_features.py`.
  public static func starGAN(
    sampleRate: Int = 16_000, transformSize: Int = 1024, hop: Int = 128, bands: Int = 80, lowest: Double = 80,
    highest: Double? = 7600
  ) -> MelSpectrogram {
    MelSpectrogram(
      MelFilterBank(
        sampleRate: sampleRate, transformSize: transformSize, bands: bands, lowestFrequency: lowest,
        highestFrequency: highest),
      hop: hop, padding: .centredReflection, strength: .magnitude(epsilon: 0),
      compression: .decadicLogarithm(floor: 1e-10))
  }

  /// HiFi-GAN's: natural logarithms, exactly samples / hop frames. Source: jik876/hifi-gan `meldataset.py`.
  public static func hifiGAN(
    sampleRate: Int = 22_050, transformSize: Int = 1024, hop: Int = 256, window: Int? = nil, bands: Int = 80,
    lowest: Double = 0, highest: Double? = 8000
  ) -> MelSpectrogram {
    MelSpectrogram(
      MelFilterBank(
        sampleRate: sampleRate, transformSize: transformSize, bands: bands, lowestFrequency: lowest,
        highestFrequency: highest),
      hop: hop, window: window, padding: .evenReflection, strength: .magnitude(epsilon: 1e-9),
      compression: .naturalLogarithm(floor: 1e-5))
  }

  /// MelGAN's: as HiFi-GAN's with decadic logarithms. Source: descriptinc/melgan-neurips `mel2wav/modules.py`.
  public static func melGAN(
    sampleRate: Int = 22_050, transformSize: Int = 1024, hop: Int = 256, window: Int? = nil, bands: Int = 80,
    lowest: Double = 0, highest: Double? = nil
  ) -> MelSpectrogram {
    var mel = hifiGAN(
      sampleRate: sampleRate, transformSize: transformSize, hop: hop, window: window, bands: bands,
      lowest: lowest,
      highest: highest)
    (mel.strength, mel.compression) = (.magnitude(epsilon: 0), .decadicLogarithm(floor: 1e-5))
    return mel
  }

  /// What resemblyzer's speaker encoder reads: 16 kHz, 40 bands of power every 10 ms, not compressed.
  /// Source: resemblyzer 0.1.4 `audio.py`.
  public static let speakerEncoder = MelSpectrogram(
    MelFilterBank(sampleRate: 16_000, transformSize: 400, bands: 40), hop: 160, padding: .centredZeros,
    strength: .power, compression: .none)

  /// The fewest samples that a signal must have.
  public var shortestSound: Int {
    let size = filters.transformSize
    return max(padding == .centredZeros ? 1 : margin + 1, size - 2 * margin)
  }

  /// Samples that surround a signal on either side.
  private var margin: Int {
    padding == .evenReflection ? (filters.transformSize - hop) / 2 : filters.transformSize / 2
  }

  /// `[batch, bands, frames]` of signals `[batch, samples]` of ``MelFilterBank/sampleRate``; differentiable.
  ///
  /// Computed in the signal's own precision.
  ///
  /// - Throws: ``PerceptionError/shortSound(samples:needed:)`` for signals that are shorter than what reflection needs.
  public func callAsFunction(_ signal: Tensor) throws(PerceptionError) -> Tensor {
    let size = filters.transformSize
    let samples = signal.shape.last ?? 0
    guard signal.rank == 2, samples >= shortestSound else {
      throw .shortSound(samples: samples, needed: shortestSound)
    }
    let surrounded =
      padding == .centredZeros
      ? signal.padded([margin, margin]) : signal.unsqueezed(1).reflectionPadded([margin, margin]).squeezed(1)
    let window = Tensor.hannWindow(self.window, like: signal)
    let weights = filters.weights.asType(signal.dtype).to(signal.device)
    // Some thousand frames at a time, so that spectra of long sounds do not fill the memory.
    let frames = 1 + (surrounded.shape[1] - size) / hop
    let pieces = stride(from: 0, to: frames, by: Self.framesAtOnce).map { first in
      let count = min(Self.framesAtOnce, frames - first)
      let piece = surrounded.narrow(1, from: first * hop, length: (count - 1) * hop + size)
      let spectrum = shortTimeFourierTransform(piece, size: size, hop: hop, window: window)
      return compressed(weights.matmul(strengths(spectrum)))
    }
    return pieces.count == 1 ? pieces[0] : .concatenated(pieces, dim: 2)
  }

  private static let framesAtOnce = 4096

  private func strengths(_ spectrum: Tensor) -> Tensor {
    let power = spectrum.square().sum(dims: [3])
    switch strength {
    case .power: return power
    case .magnitude(let epsilon): return (epsilon == 0 ? power : power + epsilon).sqrt()
    }
  }

  private func compressed(_ mel: Tensor) -> Tensor {
    switch compression {
    case .none: mel
    case .naturalLogarithm(let floor): mel.clamped(min: floor).log()
    case .decadicLogarithm(let floor): mel.clamped(min: floor).log() / Self.naturalLogarithmOfTen
    case .unitDecibels(let floor, let reference):
      ((mel.clamped(min: floor).log() * (20 / Self.naturalLogarithmOfTen) - reference + 100) / 100)
        .clamped(min: 0, max: 1)
    }
  }

  /// The sums that a spectrogram stands for: the inverse of the compression.
  public func expanded(_ mel: Tensor) -> Tensor {
    switch compression {
    case .none: mel
    case .naturalLogarithm: mel.exp()
    case .decadicLogarithm: (mel * Self.naturalLogarithmOfTen).exp()
    case .unitDecibels(_, let reference):
      ((mel * 100 - 100 + reference) * (Self.naturalLogarithmOfTen / 20)).exp()
    }
  }

  private static let naturalLogarithmOfTen = 2.302585092994046
}
