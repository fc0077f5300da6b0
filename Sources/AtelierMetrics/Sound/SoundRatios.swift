internal import Foundation
public import Torch

/// The signal-to-noise ratio of each of `[n, …]` sounds in decibels, as the code of audio super-resolution computes it:
/// 20 log₁₀(rms of the target / √(mean squared error + `floor`) + `floor` / 100).
///
/// - Parameter floor: the authors' 1e-6, which keeps very good sounds from an infinite ratio; 0: the plain ratio.
public func signalToNoise(_ signal: Tensor, _ target: Tensor, floor: Double = 1e-6) throws -> Tensor {
  let (output, wanted) = try rows(signal, target)
  let noise = ((output - wanted).square() + floor).mean(dims: [1]).sqrt()
  return (wanted.square().mean(dims: [1]).sqrt() / noise + floor / 100).log() * (20 / log(10))
}

/// The scale-invariant signal-to-distortion ratio of each of `[n, …]` sounds in decibels (Le Roux et al. 2019): means are
/// taken out, and the target is scaled to what of it is in the sound.
public func scaleInvariantDistortion(_ signal: Tensor, _ target: Tensor) throws -> Tensor {
  let (output, wanted) = try rows(signal, target)
  let centred = output - output.mean(dims: [1], keepDim: true)
  let reference = wanted - wanted.mean(dims: [1], keepDim: true)
  let scale =
    (centred * reference).sum(dims: [1], keepDim: true)
    / (reference.square().sum(dims: [1], keepDim: true) + 1e-12)
  let part = reference * scale
  let ratio = part.square().sum(dims: [1]) / ((centred - part).square().sum(dims: [1]) + 1e-12)
  return (ratio + 1e-12).log() * (10 / log(10))
}

private func rows(_ signal: Tensor, _ target: Tensor) throws -> (Tensor, Tensor) {
  guard signal.shape == target.shape, signal.rank > 0, signal.count > 0 else {
    throw MetricError("the sounds are \(signal.shape) and \(target.shape); they must be equally long")
  }
  let count = signal.rank == 1 ? 1 : signal.shape[0]
  func row(_ x: Tensor) -> Tensor { x.asType(.float64).reshaped([count, x.count / count]) }
  return (row(signal), row(target))
}
