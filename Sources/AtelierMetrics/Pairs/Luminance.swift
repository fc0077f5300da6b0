public import Torch

/// The luminance of images, as the super-resolution literature measures it: 16/255 … 235/255.
///
/// Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255, ITU-R BT.601 in the studio range, not rounded. Source:
/// BasicSR `utils/color_util.py` `rgb2ycbcr_pt`, which follows MATLAB's `rgb2ycbcr`.
///
/// - Parameter image: `[batch, 3, height, width]` in 0 … 1.
/// - Returns: `[batch, 1, height, width]`, float64.
/// - Throws: `MetricError` for images without three channels.
public func luminance(_ image: Tensor) throws -> Tensor {
  try withoutGradients {
    (try mixed(image, [[65.481, 128.553, 24.966]]) + 16) / 255
  }
}

/// Y, Cb and Cr of images; Y is ``luminance(_:)``.
///
/// - Parameter image: `[batch, 3, height, width]` in 0 … 1.
/// - Returns: `[batch, 3, height, width]`, float64.
/// - Throws: `MetricError` for images without three channels.
public func ycbcr(_ image: Tensor) throws -> Tensor {
  try withoutGradients {
    let mixed = try mixed(
      image, [[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]])
    let shift = Tensor(HostTensor([16.0, 128, 128], shape: [1, 3, 1, 1])).to(image.device)
    return (mixed + shift) / 255
  }
}

private func mixed(_ image: Tensor, _ rows: [[Double]]) throws -> Tensor {
  guard image.rank == 4, image.shape[1] == 3 else {
    throw MetricError("luminance needs red, green and blue, not images of the shape \(image.shape)")
  }
  let weight = Tensor(HostTensor(rows.flatMap { $0 }, shape: [rows.count, 3, 1, 1])).to(image.device)
  return conv2d(image.detached().asType(.float64), weight)
}
