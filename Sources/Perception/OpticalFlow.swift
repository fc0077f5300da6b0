public import Torch

/// Dense optical flow between two images: where each pixel of the one came from in the other.
///
/// A pyramidal Lucas-Kanade matcher. On each level, coarse to fine, the other image is warped by the flow so far, and each
/// pixel's flow is corrected by the least-squares solution of the brightness constancy of all channels over a window around
/// it, which a small damping keeps at zero where the window has no texture; the flow is smoothed between corrections. It has
/// no weights, needs no training and gives the same numbers each time.
///
/// ```swift
/// let (flow, confidence) = OpticalFlow()(frame, previous)
/// let error = (warped(previous, by: flow) - frame).abs() * confidence
/// ```
///
/// Source: Lucas and Kanade 1981; Bouguet 2001, "Pyramidal implementation of the Lucas Kanade feature tracker"; the check in
/// both directions is that of Sundaram, Brox and Keutzer 2010, equation 5. FlowNet2, which video systems' authors take, is
/// a trained network of 162 million parameters and not part of Atelier.
public struct OpticalFlow: Sendable, Hashable {
  /// How numbers and pages name it.
  public static let name = "pyramidal Lucas-Kanade"

  /// Half the side of the window of a correction, in pixels.
  public var radius = 3
  /// Corrections on each level.
  public var iterations = 5
  /// What is added to the diagonal of the normal equations, in squared brightness of a pixel's step; images are in -1 … 1.
  public var damping = 1e-3
  /// Below this many pixels of a side there is no coarser level.
  public var coarsest = 8
  /// The squared brightness difference, summed over channels, above which a pixel is not confident.
  public var tolerance = 0.02

  /// The usual settings.
  public init() {}

  /// The flow from images to others, and where it can be believed.
  ///
  /// - Parameters:
  ///   - images: `[batch, channels, height, width]` in -1 … 1.
  ///   - others: images of the same shape, such as the frames before.
  /// - Returns: the flow `[batch, 2, height, width]` in pixels, x before y, by which `others` are warped onto `images`; and
  ///   the confidence `[batch, 1, height, width]`, 1 where the warped pixel looks like the image's and the flow back from
  ///   there ends where it began, else 0: pixels that the other image does not show have none.
  public func callAsFunction(_ images: Tensor, _ others: Tensor) -> (flow: Tensor, confidence: Tensor) {
    withoutGradients {
      let (images, others) = (images.asType(.float32), others.asType(.float32))
      let count = images.shape[0]
      // Both directions at once.
      let flows = estimate(
        .concatenated([images, others], dim: 0), .concatenated([others, images], dim: 0))
      let (flow, back) = (flows.slice(0, 0, count), flows.slice(0, count, 2 * count))
      return (flow, confidence(images, others, flow, back))
    }
  }

  /// The flow alone, in one direction.
  func estimate(_ images: Tensor, _ others: Tensor) -> Tensor {
    var pyramid = [(images, others)]
    while let (image, other) = pyramid.last, min(image.shape[2], image.shape[3]) >= 2 * coarsest {
      pyramid.append((reduced(image), reduced(other)))
    }
    var flow: Tensor?
    for (image, other) in pyramid.reversed() {
      let (height, width) = (image.shape[2], image.shape[3])
      var present = Tensor.zeros([image.shape[0], 2, height, width], device: image.device)
      if let coarse = flow {
        // Sides may have been rounded up on the way.
        let scale = Tensor(
          [Float(width) / Float(coarse.shape[3]), Float(height) / Float(coarse.shape[2])],
          shape: [1, 2, 1, 1],
          device: image.device)
        present = upsampleBilinear(coarse, size: (height, width)) * scale
      }
      for _ in 0..<iterations { present = smoothed(present + correction(image, other, present), 1) }
      flow = present
    }
    return flow ?? .zeros([images.shape[0], 2, images.shape[2], images.shape[3]], device: images.device)
  }

  /// One step of Gauss and Newton at every pixel, at most a pixel long.
  private func correction(_ image: Tensor, _ other: Tensor, _ flow: Tensor) -> Tensor {
    let moved = warped(other, by: flow)
    let difference = image - moved
    let (gx, gy) = (slope(moved, 3), slope(moved, 2))
    func window(_ values: Tensor) -> Tensor { smoothed(values.sum(dims: [1], keepDim: true), radius) }
    let (xx, xy, yy) = (window(gx * gx) + damping, window(gx * gy), window(gy * gy) + damping)
    let (bx, by) = (window(gx * difference), window(gy * difference))
    let determinant = xx * yy - xy * xy
    let step = Tensor.concatenated([yy * bx - xy * by, xx * by - xy * bx], dim: 1) / determinant
    return step.clamped(min: -1, max: 1)
  }

  /// Half the difference of the two neighbours along a dimension; the border's own value stands in for what lies beyond.
  private func slope(_ x: Tensor, _ dim: Int) -> Tensor {
    let padded = x.replicationPadded(dim == 3 ? [1, 1, 0, 0] : [0, 0, 1, 1])
    let length = x.shape[dim]
    return (padded.narrow(dim, from: 2, length: length) - padded.narrow(dim, from: 0, length: length)) / 2
  }

  /// Means of windows, of what lies within the image.
  private func smoothed(_ x: Tensor, _ radius: Int) -> Tensor {
    averagePool2d(
      x, kernelSize: (2 * radius + 1, 2 * radius + 1), stride: (1, 1), padding: (radius, radius),
      countIncludePad: false)
  }

  /// Half the sides, smoothed before.
  private func reduced(_ x: Tensor) -> Tensor {
    let (height, width) = (x.shape[2], x.shape[3])
    return upsampleBilinear(smoothed(x, 1), size: ((height + 1) / 2, (width + 1) / 2))
  }

  private func confidence(_ images: Tensor, _ others: Tensor, _ flow: Tensor, _ back: Tensor) -> Tensor {
    let squares = (images - warped(others, by: flow)).square().sum(dims: [1], keepDim: true)
    let returned = warped(back, by: flow)
    let length = flow.square().sum(dims: [1], keepDim: true) + returned.square().sum(dims: [1], keepDim: true)
    let missed = (flow + returned).square().sum(dims: [1], keepDim: true)
    return squares.less(tolerance).logicalAnd(missed.less(length * 0.01 + 0.5)).asType(.float32)
  }
}

/// Images `[batch, channels, height, width]` sampled bilinearly at each pixel's place plus the flow
/// `[batch, 2, height, width]` in pixels, x before y; beyond the border lies the border's own pixel. Differentiable by
/// both.
///
/// - Parameter alignCorners: whether a flow of `size - 1` pixels leads from the first pixel to the last, as it should; false
///   is what PyTorch computes since 1.3 of the same grid where it is told nothing, a slightly smaller image.
public func warped(_ images: Tensor, by flow: Tensor, alignCorners: Bool = true) -> Tensor {
  let (height, width) = (flow.shape[2], flow.shape[3])
  func axis(_ count: Int) -> Tensor { count > 1 ? .linspace(-1, 1, count) : .zeros([1]) }
  func part(_ index: Int, _ size: Int) -> Tensor {
    flow.narrow(1, from: index, length: 1).squeezed(1) / max(0.5, Double(size - 1) / 2)
  }
  let across = axis(width).reshaped([1, 1, width]).to(flow.device)
  let down = axis(height).reshaped([1, height, 1]).to(flow.device)
  let grid = Tensor.stacked([part(0, width) + across, part(1, height) + down], dim: 3)
  return gridSample(images, at: grid, padding: .border, alignCorners: alignCorners)
}
