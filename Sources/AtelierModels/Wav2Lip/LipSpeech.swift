public import AtelierData
import AtelierMedia
import Perception
public import Torch

/// Wav2Lip's front end: pre-emphasis, decibels of 80 bands in -4 … 4, 80 columns a second. Source: Rudrabha/Wav2Lip
/// `audio.py`, `hparams.py`.
public struct LipSpeech: UtteranceFeatures {
  /// Bands of a column.
  static let bands = 80
  /// Columns of what is said at a frame.
  static let columns = 16
  /// Samples a second of what is given.
  public var sampleRate: Int { 16_000 }
  /// The bands of a column.
  public var bands: Int { Self.bands }
  /// One sample has features.
  public var shortest: Int { 1 }

  private static let spectrogram = MelSpectrogram(
    MelFilterBank(
      sampleRate: 16_000, transformSize: 800, bands: bands, lowestFrequency: 55, highestFrequency: 7600),
    hop: 200, padding: .centredZeros, strength: .magnitude(epsilon: 0),
    compression: .unitDecibels(floor: 1e-5, reference: 20))

  /// Nothing to set.
  public init() {}

  /// `[bands, columns]` of samples.
  func mel(of samples: Tensor) throws -> Tensor {
    let count = samples.shape[0]
    let before = samples.narrow(0, from: 0, length: count - 1).padded([1, 0])
    let emphasised = samples - before * 0.97
    return try Self.spectrogram(emphasised.unsqueezed(0)).squeezed(0) * 8 - 4
  }

  /// float32 `[bands, columns]` of mono samples.
  public func callAsFunction(_ samples: [Float]) throws -> HostTensor {
    try withTensorErrors {
      try withoutGradients { try mel(of: Tensor(samples)).contiguous().host() }
    }
  }

  /// What is said at each frame, `[bands, 16]` from column `int(80 frame / rate)` on; the first piece that would pass the end
  /// becomes the last 16 columns and ends the list. Source: `inference.py`.
  static func pieces(of mel: Tensor, framesPerSecond: Double) -> [Tensor] {
    let count = mel.shape[1]
    guard count > 0 else { return [] }
    let whole = count < columns ? mel.padded([0, columns - count], value: -4) : mel
    var pieces: [Tensor] = []
    while true {
      let start = Int(Double(pieces.count) * 80 / framesPerSecond)
      guard start + columns <= whole.shape[1] else {
        pieces.append(whole.narrow(1, from: whole.shape[1] - columns, length: columns))
        return pieces
      }
      pieces.append(whole.narrow(1, from: start, length: columns))
    }
  }
}
