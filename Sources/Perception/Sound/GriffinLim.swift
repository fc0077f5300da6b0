public import Torch

/// Signals of magnitudes alone, by alternating between a spectrum that belongs to a signal and one of the given
/// magnitudes (Griffin and Lim 1984), with the momentum of Perraudin et al. 2013, as librosa 0.11 has it.
public struct GriffinLim: Sendable, Hashable {
  /// Samples of a frame.
  public var transformSize: Int
  /// Samples from one frame to the next.
  public var hop: Int
  /// Samples of the Hann window, at most the transform's.
  public var window: Int
  /// Rounds; 32 by default in librosa, 60 and more for listening.
  public var iterations: Int
  /// 0: Griffin and Lim's own; librosa's default is 0.99.
  public var momentum: Double

  /// The given settings; without a window's length that of the transform.
  public init(
    transformSize: Int, hop: Int, window: Int? = nil, iterations: Int = 60, momentum: Double = 0.99
  ) {
    self.transformSize = transformSize
    self.hop = hop
    self.window = window ?? transformSize
    self.iterations = iterations
    self.momentum = momentum
  }

  /// `[batch, (frames - 1) * hop]` of magnitudes `[batch, bins, frames]`.
  ///
  /// - Parameter phase: the first phases as parts of a circle, 0 … 1, of the magnitudes' shape; nil: all 0.
  public func callAsFunction(_ magnitude: Tensor, phase: Tensor? = nil) -> Tensor {
    let window = Tensor.hannWindow(window, like: magnitude)
    let angle = phase.map { $0 * (2 * Double.pi) }
    var direction = Tensor.stacked(
      angle.map { [$0.cos(), $0.sin()] } ?? [Tensor.ones(like: magnitude), Tensor.zeros(like: magnitude)],
      dim: 3)
    let strengths = magnitude.unsqueezed(3)
    var previous: Tensor?
    // The smallest normal number of the precision.
    let tiny = magnitude.dtype == .float64 ? 2.2250738585072014e-308 : 1.1754943508222875e-38
    for _ in 0..<iterations {
      let signal = inverseShortTimeFourierTransform(
        direction * strengths, size: transformSize, hop: hop, window: window)
      let rebuilt = shortTimeFourierTransform(
        signal.padded([transformSize / 2, transformSize / 2]), size: transformSize, hop: hop, window: window)
      let estimate = previous.map { rebuilt - $0 * (momentum / (1 + momentum)) } ?? rebuilt
      direction = estimate / (estimate.square().sum(dims: [3], keepDim: true).sqrt() + tiny)
      previous = rebuilt
    }
    return inverseShortTimeFourierTransform(
      direction * strengths, size: transformSize, hop: hop, window: window)
  }
}
