internal import Foundation
public import Torch

/// Mean and population deviation of the logarithm of a speaker's pitch over the voiced frames.
public struct PitchStatistics: Sendable, Hashable {
  /// The mean of log Hz.
  public let mean: Double
  /// The population deviation of log Hz.
  public let deviation: Double

  /// Given statistics.
  public init(mean: Double, deviation: Double) { (self.mean, self.deviation) = (mean, deviation) }

  /// The statistics of frames in Hz, where 0 is unvoiced; nil where no frame is voiced.
  public init?(_ pitch: some Sequence<Double>) {
    let logarithms = pitch.filter { $0 > 0 }.map { log($0) }
    guard !logarithms.isEmpty else { return nil }
    let count = Double(logarithms.count)
    let mean = logarithms.reduce(0, +) / count
    self.mean = mean
    deviation = (logarithms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
  }

  /// Pitch of this speaker as another would have it, by the Gaussian of log Hz; unvoiced frames stay 0.
  ///
  /// A speaker of one pitch only is moved, and not spread.
  public func converted(_ pitch: [Double], to target: PitchStatistics) -> [Double] {
    let scale = deviation > 0 ? target.deviation / deviation : 0
    return pitch.map { $0 > 0 ? exp((log($0) - mean) * scale + target.mean) : 0 }
  }
}

/// Mean and population deviation of each coefficient of a speaker's frames: of cepstra, or of the bands of a mel
/// spectrogram.
public struct FrameStatistics {
  /// The means, float64 `[coefficients]`.
  public let mean: Tensor
  /// The population deviations, float64 `[coefficients]`.
  public let deviation: Tensor

  /// Given statistics.
  public init(mean: Tensor, deviation: Tensor) { (self.mean, self.deviation) = (mean, deviation) }

  /// The statistics of frames `[frames, coefficients]`; NaN where there are none.
  public init(_ frames: Tensor) {
    let values = frames.asType(.float64)
    mean = values.mean(dims: [0])
    deviation = values.variance(dims: [0], unbiased: false).sqrt()
  }

  /// Frames `[…, coefficients]` of mean 0 and deviation 1, float64.
  public func normalized(_ frames: Tensor) -> Tensor { (frames.asType(.float64) - mean) / deviation }

  /// The frames that ``normalized(_:)`` gave, with this speaker's means and deviations, float64.
  public func restored(_ frames: Tensor) -> Tensor { frames.asType(.float64) * deviation + mean }
}

/// `[…, frames]` with zeros at both ends up to a multiple of frames; of an odd number of zeros one more lies behind.
public func framesPadded(_ x: Tensor, toMultipleOf multiple: Int) -> Tensor {
  let frames = x.shape.last ?? 0
  let missing = (multiple - frames % multiple) % multiple
  return missing == 0 ? x : x.padded([missing / 2, missing - missing / 2])
}
