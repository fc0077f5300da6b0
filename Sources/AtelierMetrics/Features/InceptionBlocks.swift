import Torch
import TorchNN

/// Convolution without bias, batch norm with epsilon 0.001, ReLU: `BasicConv2d`.
final class InceptionConvolution: Module, Layer {
  private let conv: Conv2d
  private let bn: BatchNorm2d

  init(
    _ inputs: Int, _ outputs: Int, _ kernelSize: (Int, Int), stride: Int = 1, padding: (Int, Int) = (0, 0),
    _ stream: RandomStream
  ) {
    conv = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, stride: (stride, stride),
      padding: padding, hasBias: false, using: stream)
    bn = BatchNorm2d(channels: outputs, epsilon: 0.001)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { bn(conv(x)).relu() }
}

/// An Inception block: parallel branches, concatenated along the channels.
///
/// The names of the convolutions are torchvision's, as in the weights file; they are not Swift property
/// names, so the block names its members itself.
final class InceptionBlock: Module, Layer {
  /// The pooling of the last branch, before its convolution if it has one.
  enum Pool {
    /// 3 × 3 average pooling that excludes the padding.
    case average
    /// 3 × 3 max pooling.
    case maximum
    /// 3 × 3 max pooling with stride 2, without padding and without a convolution.
    case halving

    func callAsFunction(_ x: Tensor) -> Tensor {
      switch self {
      case .average:
        averagePool2d(x, kernelSize: (3, 3), stride: (1, 1), padding: (1, 1), countIncludePad: false)
      case .maximum: maxPool2d(x, kernelSize: (3, 3), stride: (1, 1), padding: (1, 1))
      case .halving: maxPool2d(x, kernelSize: (3, 3), stride: (2, 2))
      }
    }
  }

  /// A branch: a sequence of convolutions; several at the last level share their input and are concatenated.
  typealias Branch = [[String]]

  private let convolutions: [(name: String, layer: InceptionConvolution)]
  private let layers: [String: InceptionConvolution]
  private let branches: [Branch]
  private let pool: Pool

  private init(
    _ convolutions: [(name: String, layer: InceptionConvolution)], branches: [Branch], pool: Pool
  ) {
    self.convolutions = convolutions
    layers = Dictionary(uniqueKeysWithValues: convolutions.map { ($0.name, $0.layer) })
    self.branches = branches
    self.pool = pool
    super.init()
  }

  override func members() -> [Member] { convolutions.map { .child(name: $0.name, module: $0.layer) } }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var outputs = branches.flatMap { branch -> [Tensor] in
      var inputs = [x]
      for level in branch {
        guard let input = inputs.first else { continue }
        inputs = level.compactMap { layers[$0]?(input) }
      }
      return inputs
    }
    let pooled = pool(x)
    outputs.append(layers["branch_pool"].map { $0(pooled) } ?? pooled)
    return Tensor.concatenated(outputs, dim: 1)
  }

  // MARK: The five kinds

  /// Parallel 1 × 1, 5 × 5 and double 3 × 3, at 35 × 35.
  static func a(_ inputs: Int, poolChannels: Int, _ stream: RandomStream) -> InceptionBlock {
    InceptionBlock(
      [
        ("branch1x1", InceptionConvolution(inputs, 64, (1, 1), stream)),
        ("branch5x5_1", InceptionConvolution(inputs, 48, (1, 1), stream)),
        ("branch5x5_2", InceptionConvolution(48, 64, (5, 5), padding: (2, 2), stream)),
        ("branch3x3dbl_1", InceptionConvolution(inputs, 64, (1, 1), stream)),
        ("branch3x3dbl_2", InceptionConvolution(64, 96, (3, 3), padding: (1, 1), stream)),
        ("branch3x3dbl_3", InceptionConvolution(96, 96, (3, 3), padding: (1, 1), stream)),
        ("branch_pool", InceptionConvolution(inputs, poolChannels, (1, 1), stream)),
      ],
      branches: [
        [["branch1x1"]], [["branch5x5_1"], ["branch5x5_2"]],
        [["branch3x3dbl_1"], ["branch3x3dbl_2"], ["branch3x3dbl_3"]],
      ], pool: .average)
  }

  /// Halves 35 × 35 to 17 × 17.
  static func b(_ inputs: Int, _ stream: RandomStream) -> InceptionBlock {
    InceptionBlock(
      [
        ("branch3x3", InceptionConvolution(inputs, 384, (3, 3), stride: 2, stream)),
        ("branch3x3dbl_1", InceptionConvolution(inputs, 64, (1, 1), stream)),
        ("branch3x3dbl_2", InceptionConvolution(64, 96, (3, 3), padding: (1, 1), stream)),
        ("branch3x3dbl_3", InceptionConvolution(96, 96, (3, 3), stride: 2, stream)),
      ],
      branches: [[["branch3x3"]], [["branch3x3dbl_1"], ["branch3x3dbl_2"], ["branch3x3dbl_3"]]],
      pool: .halving)
  }

  /// 7 × 7 convolutions factorised into 1 × 7 and 7 × 1, at 17 × 17.
  static func c(_ inputs: Int, _ inner: Int, _ stream: RandomStream) -> InceptionBlock {
    let (row, column) = ((1, 7), (7, 1))
    let (rowPadding, columnPadding) = ((0, 3), (3, 0))
    return InceptionBlock(
      [
        ("branch1x1", InceptionConvolution(inputs, 192, (1, 1), stream)),
        ("branch7x7_1", InceptionConvolution(inputs, inner, (1, 1), stream)),
        ("branch7x7_2", InceptionConvolution(inner, inner, row, padding: rowPadding, stream)),
        ("branch7x7_3", InceptionConvolution(inner, 192, column, padding: columnPadding, stream)),
        ("branch7x7dbl_1", InceptionConvolution(inputs, inner, (1, 1), stream)),
        ("branch7x7dbl_2", InceptionConvolution(inner, inner, column, padding: columnPadding, stream)),
        ("branch7x7dbl_3", InceptionConvolution(inner, inner, row, padding: rowPadding, stream)),
        ("branch7x7dbl_4", InceptionConvolution(inner, inner, column, padding: columnPadding, stream)),
        ("branch7x7dbl_5", InceptionConvolution(inner, 192, row, padding: rowPadding, stream)),
        ("branch_pool", InceptionConvolution(inputs, 192, (1, 1), stream)),
      ],
      branches: [
        [["branch1x1"]], [["branch7x7_1"], ["branch7x7_2"], ["branch7x7_3"]],
        [["branch7x7dbl_1"], ["branch7x7dbl_2"], ["branch7x7dbl_3"], ["branch7x7dbl_4"], ["branch7x7dbl_5"]],
      ], pool: .average)
  }

  /// Halves 17 × 17 to 8 × 8.
  static func d(_ inputs: Int, _ stream: RandomStream) -> InceptionBlock {
    InceptionBlock(
      [
        ("branch3x3_1", InceptionConvolution(inputs, 192, (1, 1), stream)),
        ("branch3x3_2", InceptionConvolution(192, 320, (3, 3), stride: 2, stream)),
        ("branch7x7x3_1", InceptionConvolution(inputs, 192, (1, 1), stream)),
        ("branch7x7x3_2", InceptionConvolution(192, 192, (1, 7), padding: (0, 3), stream)),
        ("branch7x7x3_3", InceptionConvolution(192, 192, (7, 1), padding: (3, 0), stream)),
        ("branch7x7x3_4", InceptionConvolution(192, 192, (3, 3), stride: 2, stream)),
      ],
      branches: [
        [["branch3x3_1"], ["branch3x3_2"]],
        [["branch7x7x3_1"], ["branch7x7x3_2"], ["branch7x7x3_3"], ["branch7x7x3_4"]],
      ], pool: .halving)
  }

  /// Branches that split again at the end, at 8 × 8.
  static func e(_ inputs: Int, pool: Pool, _ stream: RandomStream) -> InceptionBlock {
    InceptionBlock(
      [
        ("branch1x1", InceptionConvolution(inputs, 320, (1, 1), stream)),
        ("branch3x3_1", InceptionConvolution(inputs, 384, (1, 1), stream)),
        ("branch3x3_2a", InceptionConvolution(384, 384, (1, 3), padding: (0, 1), stream)),
        ("branch3x3_2b", InceptionConvolution(384, 384, (3, 1), padding: (1, 0), stream)),
        ("branch3x3dbl_1", InceptionConvolution(inputs, 448, (1, 1), stream)),
        ("branch3x3dbl_2", InceptionConvolution(448, 384, (3, 3), padding: (1, 1), stream)),
        ("branch3x3dbl_3a", InceptionConvolution(384, 384, (1, 3), padding: (0, 1), stream)),
        ("branch3x3dbl_3b", InceptionConvolution(384, 384, (3, 1), padding: (1, 0), stream)),
        ("branch_pool", InceptionConvolution(inputs, 192, (1, 1), stream)),
      ],
      branches: [
        [["branch1x1"]], [["branch3x3_1"], ["branch3x3_2a", "branch3x3_2b"]],
        [["branch3x3dbl_1"], ["branch3x3dbl_2"], ["branch3x3dbl_3a", "branch3x3dbl_3b"]],
      ], pool: pool)
  }
}
