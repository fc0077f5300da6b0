internal import Foundation
public import Torch

/// How far the log spectra of two sounds are apart.
///
/// The paper of audio super-resolution and its code differ, so that a number means nothing without its form.
public enum LogSpectralDistance: String, Sendable, Hashable, Codable, CaseIterable {
  /// The root of the mean over frequencies, then the mean over frames, of natural logarithms of power (Kuleshov et al.
  /// 2017, the formula).
  case paper
  /// The authors' code: the root of the mean over frames, then the mean over frequencies; at most 10.
  case repository
  /// As ``paper``, of decadic logarithms, as most later papers.
  case decadic

  /// The distance of signals `[samples]` or `[n, samples]`, each signal's own; float64 `[n]`.
  ///
  /// - Parameters:
  ///   - size: samples of a frame, Hann-windowed.
  ///   - hop: samples from one frame to the next.
  ///   - reflects: whether signals are continued by their mirror image at the ends, and not by zeros.
  /// - Throws: ``MetricError`` for signals of different or too small length.
  public func callAsFunction(
    _ signal: Tensor, _ target: Tensor, size: Int = 2048, hop: Int = 512, reflects: Bool = false
  ) throws -> Tensor {
    guard signal.shape == target.shape, let samples = signal.shape.last, samples > 0 else {
      throw MetricError("the sounds are \(signal.shape) and \(target.shape); they must be equally long")
    }
    guard size > 1, hop > 0, !reflects || samples > size / 2 else {
      throw MetricError("frames of \(size), \(hop) apart, do not fit sounds of \(samples) samples")
    }
    func power(_ x: Tensor) -> Tensor {
      let rows = x.asType(.float64).reshaped([x.count / samples, samples])
      let surrounded =
        reflects
        ? rows.unsqueezed(1).reflectionPadded([size / 2, size / 2]).squeezed(1)
        : rows.padded([size / 2, size / 2])
      let spectrum = shortTimeFourierTransform(
        surrounded, size: size, hop: hop, window: Tensor.hannWindow(size, like: rows))
      let logarithm = (spectrum.square().sum(dims: [3]) + 1e-8).log()
      return self == .decadic ? logarithm / log(10) : logarithm
    }
    let squares = (power(signal) - power(target)).square()
    switch self {
    case .paper, .decadic: return squares.mean(dims: [1]).sqrt().mean(dims: [1])
    case .repository: return (squares + 1e-8).mean(dims: [2]).sqrt().mean(dims: [1]).clamped(max: 10)
    }
  }
}
