internal import Foundation
public import Torch

/// How far the spectral envelopes of two utterances are apart in decibels, whatever their timing:
///
///     MCD = 10 / ln 10 · mean over the path of √(2 Σ_{d = 1 … order} (c_d − c'_d)²)
///
/// (Kubichek 1993). The path is that of ``TimeWarping``, by the same distance; c_0, the loudness, is not in it. Frames
/// count all, or where ``silence`` is set, those that are not silent, which are left out before the alignment. Published
/// numbers differ by more than a decibel through order, path and silence, so that all three belong to a number.
///
/// Mel-cepstra are the cosine transform of the logarithms of a mel spectrogram, and not the mel-generalised cepstra of
/// SPTK: with K bands of amplitude A_k
///
///     c_0 = 1 / K Σ_k ln A_k,    c_d = 2 / K Σ_k ln A_k cos(π d (k + 1/2) / K)
///
/// so that ln A_k = c_0 + Σ_d c_d cos(π d (k + 1/2) / K), and the distance of two frames is the root mean square of their
/// difference in decibels over the bands, as far as `order` coefficients show it.
public struct MelCepstralDistortion: Sendable, Hashable {
  /// The number of coefficients, from c_1 on.
  public var order: Int
  /// How many decibels below an utterance's loudest frame one counts as silent, by c_0; nil: all frames count.
  public var silence: Double?

  /// The usual 24 coefficients, all frames.
  public init(order: Int = 24, silence: Double? = nil) { (self.order, self.silence) = (order, silence) }

  /// What a number says of how it was computed.
  public var protocolText: String {
    let frames = silence.map { "frames within \($0) dB of the loudest" } ?? "all frames"
    return
      "mel-cepstra of order \(order) without c0 by the cosine transform of the log mel spectrogram, aligned by dynamic "
      + "time warping of the same distance, mean over the path; \(frames)"
  }

  /// The mel-cepstra c_0 … c_order, float64 `[frames, order + 1]`.
  ///
  /// - Parameter logMel: natural logarithms of amplitudes, `[bands, frames]`.
  /// - Throws: `MetricError` for another shape, or fewer bands than coefficients.
  public func cepstra(of logMel: Tensor) throws -> Tensor {
    guard logMel.rank == 2, logMel.count > 0 else {
      throw MetricError("log mel spectrograms are [bands, frames], not \(logMel.shape)")
    }
    let bands = logMel.shape[0]
    guard (1..<bands).contains(order) else {
      throw MetricError("an order of \(order) does not fit \(bands) bands; it is 1 to \(bands - 1)")
    }
    var basis: [Double] = []
    for coefficient in 0...order {
      for band in 0..<bands {
        let angle = Double.pi * Double(coefficient) * (Double(band) + 0.5) / Double(bands)
        basis.append((coefficient == 0 ? 1 : 2) / Double(bands) * cos(angle))
      }
    }
    let matrix = Tensor(HostTensor(basis, shape: [order + 1, bands]))
    return matrix.matmul(logMel.asType(.float64).to(.cpu)).transposed(0, 1).contiguous()
  }

  /// The frames of cepstra that count.
  private func counted(_ cepstra: Tensor) -> Tensor {
    guard let silence else { return cepstra }
    let levels = cepstra.narrow(1, from: 0, length: 1).flattened(from: 0).doubles()
    let loudest = levels.max() ?? 0
    let limit = loudest - silence * log(10) / 20
    let kept = levels.indices.filter { levels[$0] >= limit }
    return cepstra.indexSelected(0, Tensor(kept))
  }

  /// The distortion of an utterance against another, in decibels, and their alignment.
  ///
  /// - Parameters:
  ///   - output: natural logarithms of the amplitudes of a mel spectrogram, `[bands, frames]`.
  ///   - target: the other's, of the same bands.
  /// - Throws: `MetricError` where they do not fit.
  public func callAsFunction(
    _ output: Tensor, _ target: Tensor
  ) throws -> (value: Double, alignment: TimeWarping) {
    guard output.shape.first == target.shape.first else {
      throw MetricError(
        "the log mel spectrograms are \(output.shape) and \(target.shape); give both the same bands")
    }
    let alignment = try TimeWarping(
      costs: distances(counted(cepstra(of: output)), counted(cepstra(of: target))))
    return (alignment.meanCost, alignment)
  }

  /// The distance of every pair of frames in decibels, `[frames, frames]`, of cepstra with c_0.
  private func distances(_ one: Tensor, _ other: Tensor) -> Tensor {
    let (a, b) = (one.narrow(1, from: 1, length: order), other.narrow(1, from: 1, length: order))
    // A few frames at a time, so that no tensor has frames × frames × order numbers.
    let rows = stride(from: 0, to: a.shape[0], by: 64).map { start in
      let part = a.narrow(0, from: start, length: min(64, a.shape[0] - start)).unsqueezed(1)
      return (part - b.unsqueezed(0)).square().sum(dims: [2])
    }
    return (Tensor.concatenated(rows, dim: 0) * 2).sqrt() * (10 / log(10))
  }
}
