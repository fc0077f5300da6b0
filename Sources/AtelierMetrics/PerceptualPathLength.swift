internal import Foundation
public import Torch

/// The perceptual path length (Karras et al. 2019): the mean of d(G(z(t)), G(z(t + ε))) / ε² at random points of random
/// paths between latent vectors, without the lowest and highest hundredth.
///
/// Normal latents are interpolated on the sphere, others along lines.
public struct PerceptualPathLength: Sendable, Hashable {
  /// How many points.
  public var count: Int
  /// The step along a path of length 1; the paper's is 1e-4.
  public var step: Double

  /// A thousand points, ε = 1e-4.
  public init(count: Int = 1000, step: Double = 1e-4) {
    self.count = count
    self.step = step
  }

  /// Two points of each path, `[n, size]` each.
  ///
  /// - Parameters:
  ///   - ends: of the paths, `[n, size]` each, as the latents are drawn.
  ///   - places: where, `[n]` in 0 … 1.
  public func points(_ ends: (Tensor, Tensor), at places: Tensor, isSpherical: Bool) -> (Tensor, Tensor) {
    let first = places.reshaped([-1, 1])
    func point(_ t: Tensor) -> Tensor {
      guard isSpherical else { return ends.0 + (ends.1 - ends.0) * t }
      func unit(_ z: Tensor) -> Tensor {
        z / z.square().sum(dims: [1], keepDim: true).sqrt().clamped(min: 1e-12)
      }
      let (a, b) = (unit(ends.0), unit(ends.1))
      let cosine = (a * b).sum(dims: [1], keepDim: true)
      // Slerp by an orthonormal base, as StyleGAN's metric has it.
      let across = unit(b - cosine * a)
      let angles: [Float] = cosine.floats().map { acos(min(1, max(-1, $0))) }
      let angle = t * Tensor(angles, shape: [angles.count, 1])
      return unit(a * angle.cos() + across * angle.sin()) * Double(ends.0.shape[1]).squareRoot()
    }
    return (point(first), point(first + step))
  }

  /// The values that count: all but the lowest and the highest hundredth.
  public func kept(_ distances: [Double]) -> [Double] {
    let sorted = distances.map { $0 / (step * step) }.sorted()
    let cut = sorted.count / 100
    return Array(sorted.dropFirst(cut).dropLast(cut))
  }
}
