public import Torch

/// The bilinear resize of TensorFlow 1 without aligned corners: pixel i is sampled at i * old / new, not at
/// the centre (i + ½) * old / new - ½ as in later versions, and downscaling is not antialiased.
///
/// FID's statistics were computed with it; other resizes change the distance by whole points. Source:
/// tensorflow 1 `resize_bilinear_op.cc`; torch-fidelity `interpolate_compat_tensorflow.py`. Positions are
/// computed in float32, as there.
///
/// - Parameters:
///   - images: `[batch, channels, height, width]`, float.
///   - height: the height of the result in pixels.
///   - width: the width of the result in pixels.
public func legacyBilinearResize(_ images: Tensor, height: Int, width: Int) -> Tensor {
  check(images.rank == 4, "a resize takes images [batch, channels, height, width], not \(images.shape)")
  guard images.rank == 4 else { return images }
  // Along the width first, then along the height, which is the order of the original.
  return resized(resized(images, dim: 3, length: width), dim: 2, length: height)
}

private func resized(_ images: Tensor, dim: Int, length: Int) -> Tensor {
  let old = images.shape[dim]
  let scale = Float(old) / Float(length)
  let positions = (0..<length).map { Float($0) * scale }
  let lower = positions.map { min(old - 1, Int($0)) }
  let upper = lower.map { min(old - 1, $0 + 1) }
  var shape = [1, 1, 1, 1]
  shape[dim] = length
  let weights = Tensor(
    zip(positions, lower).map { $0.0 - Float($0.1) }, shape: shape, device: images.device)
  let low = images.indexSelected(dim, Tensor(lower, device: images.device))
  let high = images.indexSelected(dim, Tensor(upper, device: images.device))
  return low + (high - low) * weights
}
