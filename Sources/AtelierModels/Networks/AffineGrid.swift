import Torch

/// Points for ``Torch/gridSample(_:at:padding:alignCorners:)`` by affine maps `[batch, 2, 3]` from an output's points to
/// those of the image, where -1 and 1 are the images' edges: PyTorch's `affine_grid` without aligned corners.
///
/// - Returns: `[batch, height, width, 2]`.
func affineGrid(_ maps: Tensor, height: Int, width: Int) -> Tensor {
  func places(_ count: Int) -> Tensor {
    Tensor((0..<count).map { Float((2 * Double($0) + 1) / Double(count) - 1) }, device: maps.device)
  }
  let shape = [height, width, 1]
  let points = Tensor.concatenated(
    [
      places(width).reshaped([1, width, 1]).expanded(shape),
      places(height).reshaped([height, 1, 1]).expanded(shape),
      .ones(shape, device: maps.device),
    ], dim: 2)
  let batch = maps.shape[0]
  return points.reshaped([1, height * width, 3]).expanded([batch, height * width, 3])
    .matmul(maps.transposed(1, 2)).reshaped([batch, height, width, 2])
}
