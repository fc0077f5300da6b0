import AtelierCore
import AtelierData
import Torch

/// Mean and deviation of each band of a spectrogram over the training's frames.
struct BandScale {
  /// `[1, bands, 1]`.
  private let mean: Tensor
  private let deviation: Tensor

  /// Those that the training left; without any, values stay as they are.
  ///
  /// - Throws: `ConfigurationError` for statistics of another number of bands.
  init(_ artefacts: Artefacts, bands: Int) throws {
    var found = BandStatistics(
      mean: [Float](repeating: 0, count: bands), deviation: [Float](repeating: 1, count: bands))
    if artefacts.contents[BandStatistics.name] != nil {
      found = try artefacts.decode(BandStatistics.self, BandStatistics.name)
      try Checks.require(
        found.mean.count == bands && found.deviation.count == bands,
        "the model's statistics are of \(found.mean.count) bands, and mels is \(bands)")
    }
    (mean, deviation) = (
      Tensor(found.mean, shape: [1, bands, 1]), Tensor(found.deviation, shape: [1, bands, 1])
    )
  }

  /// Spectrograms `[n, bands, frames]` of mean 0 and deviation 1.
  func scaled(_ mel: Tensor) -> Tensor { (mel - mean.to(mel.device)) / deviation.to(mel.device) }

  /// The inverse.
  func unscaled(_ mel: Tensor) -> Tensor { mel * deviation.to(mel.device) + mean.to(mel.device) }
}
