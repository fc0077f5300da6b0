import AtelierCore
import Torch
import TorchNN

// The parts that the four networks share, and the arithmetic of coordinates. Source: AliaksandrSiarohin/first-order-model
// `modules/util.py`, `sync_batchnorm/batchnorm.py`.

/// Points `(x, y)` of all pixels, `[height, width, 2]`: the centres of the corner pixels lie at ±1.
func pixelCoordinates(height: Int, width: Int, device: Device) -> Tensor {
  // A single pixel lies in the middle of nothing; -1 as the authors' program would divide by zero.
  func axis(_ count: Int) -> Tensor { count > 1 ? .linspace(-1, 1, count) : .full([1], -1) }
  let (x, y) = (axis(width), axis(height))
  return Tensor.stacked(
    [
      x.reshaped([1, width]).expanded([height, width]), y.reshaped([height, 1]).expanded([height, width]),
    ], dim: 2
  ).to(device)
}

/// Inverses of matrices `[…, 2, 2]`; a determinant nearer to zero than a millionth is taken for that.
func inverted(_ matrices: Tensor) -> Tensor {
  let rank = matrices.rank
  func entry(_ row: Int, _ column: Int) -> Tensor {
    matrices.selected(dim: rank - 2, index: row).selected(dim: rank - 2, index: column)
  }
  let (a, b, c, d) = (entry(0, 0), entry(0, 1), entry(1, 0), entry(1, 1))
  let determinant = a * d - b * c
  let least = 1e-6
  let bounded = Tensor.select(
    determinant.abs().less(least),
    .select(determinant.less(0), .full([], -least), .full([], least)).to(determinant.device), determinant)
  let adjugate = Tensor.stacked([d, -b, -c, a], dim: rank - 2)
  return (adjugate / bounded.unsqueezed(rank - 2)).reshaped(matrices.shape)
}

/// Gaussians around points `[batch, points, 2]`, `[batch, points, height, width]`, 1 at the points.
func gaussians(around points: Tensor, height: Int, width: Int, variance: Double = 0.01) -> Tensor {
  let grid = pixelCoordinates(height: height, width: width, device: points.device)
  let distances = grid - points.reshaped([points.shape[0], points.shape[1], 1, 1, 2])
  return (distances.square().sum(dims: [4]) * (-0.5 / variance)).exp()
}

/// Where parts of an image lie and how they are turned, sheared and scaled.
struct MotionKeypoints {
  /// `[batch, keypoints, 2]`, `(x, y)` in -1 … 1.
  var points: Tensor
  /// Local affine frames `[batch, keypoints, 2, 2]`; nil: keypoints only move.
  var jacobians: Tensor?

  /// The same without history.
  func detached() -> MotionKeypoints {
    MotionKeypoints(points: points.detached(), jacobians: jacobians?.detached())
  }
}

/// Batch norm with the state of the authors' synchronised one, whose count of batches stays 0.
final class UncountedBatchNorm: Module, Layer, AffineNorm {
  @Parameter var weight: Tensor?
  @Parameter var bias: Tensor?
  @Buffer private var runningMean: Tensor
  @Buffer private var runningVar: Tensor
  @Buffer private var numBatchesTracked: Tensor

  init(_ channels: Int) {
    weight = .ones([channels])
    bias = .zeros([channels])
    runningMean = .zeros([channels])
    runningVar = .ones([channels])
    numBatchesTracked = .zeros([], dtype: .int64)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    batchNorm(
      x, weight: weight, bias: bias, runningMean: runningMean, runningVariance: runningVar,
      training: isTraining, momentum: 0.1, epsilon: 1e-5)
  }
}

/// Gaussian blur and every `1/scale`-th pixel from the first.
final class AntiAliasedReduction: Module, Layer {
  @Buffer private var weight: Tensor
  private let step: Int

  /// - Parameter scale: below 1.
  init(channels: Int, scale: Double) {
    step = Int(1 / scale)
    let deviation = (1 / scale - 1) / 2
    let radius = Int((deviation * 4).rounded(.toNearestOrEven))
    let bell = (-radius...radius).map { Float(-Double($0 * $0) / (2 * deviation * deviation)) }
    let line = Tensor(bell).exp()
    let size = bell.count
    let kernel = line.reshaped([size, 1]) * line.reshaped([1, size])
    weight = (kernel / kernel.sum()).reshaped([1, 1, size, size]).repeated([channels, 1, 1, 1])
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let radius = weight.shape[2] / 2
    return conv2d(
      x, weight, stride: (step, step), padding: (radius, radius), groups: weight.shape[0])
  }
}

/// Images on several scales, each by itself from the full one.
struct ImagePyramid {
  private let reductions: [AntiAliasedReduction?]

  init(_ scales: [Double], channels: Int = 3) {
    reductions = scales.map { $0 == 1 ? nil : AntiAliasedReduction(channels: channels, scale: $0) }
  }

  /// One image a scale.
  func callAsFunction(_ images: Tensor) -> [Tensor] {
    reductions.map { reduction in
      guard let reduction else { return images }
      if images.device != .cpu { reduction.to(images.device) }
      return reduction(images)
    }
  }

  /// What names of files and checks call a scale: `1`, `0.5`.
  static func name(_ scale: Double) -> String {
    scale == scale.rounded() && abs(scale) < 1e9 ? String(Int(scale)) : String(scale)
  }
}

/// A convolution, batch norm and ReLU, with a halving behind or a doubling before it.
final class MotionBlock: Module, Layer {
  /// What becomes of the size.
  enum Change { case none, halved, doubled }

  private let convolution: Conv2d
  private let norm: UncountedBatchNorm
  private let change: Change

  init(
    _ inputs: Int, _ outputs: Int, kernelSize: Int = 3, _ change: Change = .none,
    using stream: RandomStream
  ) {
    convolution = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, padding: kernelSize / 2,
      using: stream)
    norm = UncountedBatchNorm(outputs)
    self.change = change
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let y = norm(convolution(change == .doubled ? enlarged(x, by: 2) : x)).relu()
    return change == .halved ? averagePool2d(y, kernelSize: (2, 2)) : y
  }
}

/// Norm, ReLU and convolution twice, added to the input.
final class MotionResidualBlock: Module, Layer {
  private let convolutions: [Conv2d]
  private let norms: [UncountedBatchNorm]

  init(_ channels: Int, using stream: RandomStream) {
    convolutions = (0..<2).map { _ in
      Conv2d(inputChannels: channels, outputChannels: channels, kernelSize: 3, padding: 1, using: stream)
    }
    norms = (0..<2).map { _ in UncountedBatchNorm(channels) }
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    zip(norms, convolutions).reduce(x) { y, layer in layer.1(layer.0(y).relu()) } + x
  }
}

/// A U-Net whose skips are joined behind each doubling, the input itself last.
final class Hourglass: Module, Layer {
  private let downBlocks: [MotionBlock]
  private let upBlocks: [MotionBlock]
  /// Channels of the output.
  let outputChannels: Int

  init(_ shape: FirstOrderMotion.Hourglass, inputChannels: Int, using stream: RandomStream) {
    downBlocks = (0..<shape.blocks).map { place in
      MotionBlock(
        place == 0 ? inputChannels : shape.channels(place), shape.channels(place + 1), .halved, using: stream)
    }
    upBlocks = (0..<shape.blocks).reversed().map { place in
      MotionBlock(
        (place == shape.blocks - 1 ? 1 : 2) * shape.channels(place + 1), shape.channels(place), .doubled,
        using: stream)
    }
    outputChannels = shape.channels(0) + inputChannels
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var seen = [x]
    for block in downBlocks { seen.append(block(seen[seen.count - 1])) }
    var y = seen.removeLast()
    for block in upBlocks { y = .concatenated([block(y), seen.removeLast()], dim: 1) }
    return y
  }

  /// Our names of its parts and the authors', below a prefix of each.
  static func authorsNames(_ ours: String, _ theirs: String) -> [String: String] {
    [
      ours + ".down_blocks": theirs + ".encoder.down_blocks",
      ours + ".up_blocks": theirs + ".decoder.up_blocks",
    ]
  }
}
