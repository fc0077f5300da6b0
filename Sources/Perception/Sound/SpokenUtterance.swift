public import Torch

/// An utterance as a speaker encoder reads it: overlapping pieces of one spectrogram of the whole, with zeros behind its end.
public struct SpokenUtterance {
  /// float32 `[pieces, frames, bands]`.
  public let pieces: Tensor

  /// The pieces of mono samples `[samples]` of 16 kHz.
  ///
  /// - Throws: ``PerceptionError/shortSound(samples:needed:)`` where there are no samples.
  public init(_ samples: Tensor, _ pieces: SpeechPieces = SpeechPieces()) throws(PerceptionError) {
    let count = samples.shape.last ?? 0
    guard samples.rank == 1, count > 0 else { throw .shortSound(samples: count, needed: 1) }
    let ranges = pieces(samples: count)
    let end = (ranges.last?.upperBound ?? 0) * pieces.hop
    let whole = end > count ? samples.unsqueezed(0).padded([0, end - count]) : samples.unsqueezed(0)
    let mel = try MelSpectrogram.speakerEncoder(whole.asType(.float32))
    self.pieces = Tensor.concatenated(
      ranges.map { mel.narrow(2, from: $0.lowerBound, length: $0.count) }, dim: 0
    ).transposed(1, 2).contiguous()
  }

  /// The mean of embeddings `[n, size]`, at unit length: `[size]`.
  public static func mean(of embeddings: Tensor) -> Tensor {
    let mean = embeddings.mean(dims: [0])
    return mean / mean.square().sum().sqrt()
  }
}

extension SpeakerEncoderNetwork {
  /// The embedding `[size]` of mono samples `[samples]` of 16 kHz, without gradients.
  ///
  /// - Throws: ``PerceptionError/shortSound(samples:needed:)`` where there are no samples.
  public func embedding(
    of samples: Tensor, _ pieces: SpeechPieces = SpeechPieces()
  ) throws(PerceptionError) -> Tensor {
    let utterance = try SpokenUtterance(samples, pieces)
    return withoutGradients { SpokenUtterance.mean(of: self(utterance.pieces)) }
  }
}
