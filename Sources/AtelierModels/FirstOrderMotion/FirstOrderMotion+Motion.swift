import AtelierCore
import Torch
import TorchNN

/// How the keypoints of driving frames become those that a source is drawn with. Source:
/// AliaksandrSiarohin/first-order-model `animate.py` `normalize_kp`.
struct MotionTransfer {
  private let source: MotionKeypoints
  private let initial: MotionKeypoints
  private let relative: Bool
  private let relativeJacobian: Bool
  private let scale: Double

  /// - Parameters:
  ///   - source: of the still image, one item.
  ///   - initial: of the driving frame that motion counts from, one item.
  ///   - relative: whether keypoints move from the source's by what they moved since the initial frame.
  ///   - relativeJacobian: whether matrices change alike.
  ///   - adaptScale: whether motion is enlarged by the ratio of root areas of the keypoints' convex hulls.
  init(
    source: MotionKeypoints, initial: MotionKeypoints, relative: Bool, relativeJacobian: Bool,
    adaptScale: Bool
  ) {
    (self.source, self.initial, self.relative) = (source, initial, relative)
    self.relativeJacobian = relativeJacobian
    func area(_ keypoints: MotionKeypoints) -> Double {
      KeypointGeometry.points(keypoints.points).first.map(KeypointGeometry.hullArea) ?? 0
    }
    var scale = 1.0
    if adaptScale, relative {
      let (own, other) = (area(source), area(initial))
      // Keypoints on one line have no area to compare.
      if own > 0, other > 0 { scale = (own / other).squareRoot() }
    }
    self.scale = scale
  }

  /// The keypoints to draw with, for those of driving frames.
  func callAsFunction(_ driving: MotionKeypoints) -> MotionKeypoints {
    guard relative else { return driving }
    var result = driving
    result.points = source.points + (driving.points - initial.points) * scale
    if relativeJacobian, let now = driving.jacobians, let before = initial.jacobians,
      let own = source.jacobians
    {
      result.jacobians = now.matmul(inverted(before)).matmul(own)
    }
    return result
  }
}

/// A random affine map and a bend by thin plate splines, one for each image. Source: `modules/model.py` `Transform`.
struct RandomWarp {
  /// `[batch, 2, 3]`.
  private let affine: Tensor
  /// The control points' parameters `[batch, 1, points²]`; nil: none.
  private let control: Tensor?
  private let points: Int

  init(_ transform: FirstOrderMotion.Transform, count: Int, _ draws: any Draws) {
    let noise = draws.normal("affine", [count, 2, 3]) * transform.affine
    let identity = Tensor([1, 0, 0, 0, 1, 0] as [Float], shape: [1, 2, 3], device: noise.device)
    affine = noise + identity
    points = transform.points
    control =
      points > 0 ? draws.normal("control", [count, 1, points * points]) * transform.spline : nil
  }

  /// Where points `[batch or 1, n, 2]` go.
  func points(_ x: Tensor) -> Tensor {
    let linear = x.matmul(affine.narrow(2, from: 0, length: 2).transposed(1, 2))
    let moved = linear + affine.narrow(2, from: 2, length: 1).transposed(1, 2)
    guard let control else { return moved }
    let distances = differences(x).abs().sum(dims: [3])
    let bend = distances.square() * (distances + Self.epsilon).log() * control
    return moved + bend.sum(dims: [2], keepDim: true)
  }

  /// The derivatives of ``points(_:)`` `[batch, n, 2, 2]` at points `[batch, n, 2]`: of both coordinates, with respect to
  /// each.
  func jacobians(at x: Tensor) -> Tensor {
    let linear = affine.narrow(2, from: 0, length: 2).unsqueezed(1)
    guard let control else { return linear.expanded([x.shape[0], x.shape[1], 2, 2]) }
    // d² log(d + ε) of the distance d = |Δx| + |Δy|, added to both coordinates.
    let offsets = differences(x)
    let distances = offsets.abs().sum(dims: [3])
    let shifted = distances + Self.epsilon
    let slopes = (distances * 2 * shifted.log() + distances.square() / shifted) * control
    let gradient = (slopes.unsqueezed(3) * offsets.sign()).sum(dims: [2])
    return linear + gradient.unsqueezed(2)
  }

  /// Frames `[batch, 3, height, width]` sampled where their pixels go.
  func frames(_ x: Tensor, alignCorners: Bool) -> Tensor {
    let (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3])
    let grid = pixelCoordinates(height: height, width: width, device: x.device)
      .reshaped([1, height * width, 2])
    let warped = points(grid).expanded([batch, height * width, 2]).reshaped([batch, height, width, 2])
    return gridSample(x, at: warped, padding: .reflection, alignCorners: alignCorners)
  }

  /// `[batch, n, points², 2]` from each control point.
  private func differences(_ x: Tensor) -> Tensor {
    let grid = pixelCoordinates(height: points, width: points, device: x.device)
    return x.unsqueezed(2) - grid.reshaped([1, 1, points * points, 2])
  }

  private static let epsilon = 1e-6
}

/// The random changes of clips that the authors' data loader makes: mirrored, reversed in time, and with other colours, all
/// frames of a clip alike. Source: `augmentation.py`.
struct FrameChanges {
  var flips: Bool
  /// By how much brightness, contrast and saturation vary as shares, and hue in turns.
  var jitter: Double

  /// Changed clips `[batch, time, 3, height, width]` in 0 … 1.
  func callAsFunction(_ clips: Tensor, _ draws: any Draws) -> Tensor {
    let batch = clips.shape[0]
    var x = clips
    if flips {
      for (name, axis) in [("mirror", 4), ("reverse", 1)] {
        let isChosen = draws.bernoulli(name, probability: 0.5, [batch, 1, 1, 1, 1]).greater(0.5)
        x = .select(isChosen, x.flipped([axis]), x)
      }
    }
    guard jitter > 0 else { return x }
    let factors = (draws.along(1).uniform("colourJitter", [4, batch, 1, 1, 1, 1]) * 2 - 1) * jitter
    func factor(_ index: Int) -> Tensor { factors.selected(dim: 0, index: index) }
    x = (x * (factor(0) + 1)).clamped(min: 0, max: 1)
    // Towards the mean of the frames' luma, and towards each pixel's own.
    x = blended(x, with: luma(x).mean(dims: [2, 3, 4], keepDim: true), factor(1) + 1)
    x = blended(x, with: luma(x), factor(2) + 1)
    return turned(x, by: factor(3))
  }

  private func blended(_ x: Tensor, with other: Tensor, _ share: Tensor) -> Tensor {
    (other + (x - other) * share).clamped(min: 0, max: 1)
  }

  private func luma(_ x: Tensor) -> Tensor {
    let weights = Tensor([0.299, 0.587, 0.114] as [Float], shape: [1, 1, 3, 1, 1], device: x.device)
    return (x * weights).sum(dims: [2], keepDim: true)
  }

  /// Hues moved by shares of a turn: to hue, chroma and value and back.
  private func turned(_ x: Tensor, by turns: Tensor) -> Tensor {
    let colours = (0..<3).map { x.narrow(2, from: $0, length: 1) }
    let (r, g, b) = (colours[0], colours[1], colours[2])
    let value = r.maximum(g).maximum(b)
    let chroma = value - r.minimum(g).minimum(b)
    let unit = chroma.clamped(min: 1e-8)
    let sextant = Tensor.select(
      value.equal(r), (g - b) / unit, .select(value.equal(g), (b - r) / unit + 2, (r - g) / unit + 4))
    let hue = sextant + turns * 6
    return .concatenated(
      [5.0, 3, 1].map { start in
        let place = hue + start
        let k = place - (place / 6).floor() * 6
        return value - chroma * k.minimum(4 - k).clamped(min: 0, max: 1)
      }, dim: 2)
  }
}
