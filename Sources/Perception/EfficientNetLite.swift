public import Torch
public import TorchNN

/// EfficientNet-Lite0 (Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
/// Networks"; the Lite form of tensorflow/tpu): a small network whose pooled features are used for distances
/// between sets of images.
///
/// Names of the weights are those of ml-illustrated/EfficientNet-Lite-PyTorch, after lukemelas':
/// `_conv_stem.weight`, `_blocks.1._expand_conv.weight`, …, `_fc.bias`. Padding is TensorFlow's `SAME`, with
/// the odd zero at the end; ReLU6 everywhere; no squeeze-and-excitation.
public final class EfficientNetLite: PerceptionNetwork {
  /// The height and width of the training images.
  public static let side = 224
  /// The length of a feature vector.
  public static let featureSize = 1280

  private let stem: FrozenUnit
  private let blocks: [Block]
  private let head: FrozenUnit
  private let classifier: FrozenLinear

  /// The network, without weights.
  public init() {
    // Repeats, kernel, stride, expansion, outputs.
    let stages = [
      (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
      (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
    ]
    stem = FrozenUnit(3, 32, kernelSize: 3, stride: 2)
    var inputs = 32
    var blocks: [Block] = []
    for (repeats, kernel, stride, expansion, outputs) in stages {
      for index in 0..<repeats {
        blocks.append(
          Block(inputs, outputs, kernel: kernel, stride: index == 0 ? stride : 1, expansion: expansion))
        inputs = outputs
      }
    }
    self.blocks = blocks
    head = FrozenUnit(320, Self.featureSize, kernelSize: 1)
    classifier = FrozenLinear(Self.featureSize, 1000)
    super.init(architecture: "efficientnet-lite0")
  }

  /// Features `[batch, 1280]` of prepared images `[batch, 3, 224, 224]`: the mean over the last map.
  public func features(of images: Tensor) -> Tensor {
    requireWeights()
    var x = stem(isChannelsLast ? images.channelsLast() : images).clamped(min: 0, max: 6)
    for block in blocks { x = block(x) }
    return head(x).clamped(min: 0, max: 6).mean(dims: [2, 3])
  }

  /// Logits `[batch, 1000]` of ImageNet's classes, to check that weights and preprocessing match.
  public func logits(of images: Tensor) -> Tensor { classifier(features(of: images)) }

  /// An inverted residual block: expansion, depthwise convolution, projection; with a skip connection where
  /// the shape stays the same.
  private final class Block: Module {
    private let expand: FrozenUnit?
    private let depthwise: FrozenUnit
    private let project: FrozenUnit
    private let hasShortcut: Bool

    init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, expansion: Int) {
      let hidden = inputs * expansion
      expand = expansion > 1 ? FrozenUnit(inputs, hidden, kernelSize: 1) : nil
      depthwise = FrozenUnit(hidden, hidden, kernelSize: kernel, stride: stride, groups: hidden)
      project = FrozenUnit(hidden, outputs, kernelSize: 1)
      hasShortcut = stride == 1 && inputs == outputs
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      var y = expand?(x).clamped(min: 0, max: 6) ?? x
      y = depthwise(y).clamped(min: 0, max: 6)
      y = project(y)
      return hasShortcut ? y + x : y
    }

    override func members() -> [Member] {
      (expand?.members(named: "_expand_conv", "_bn0") ?? [])
        + depthwise.members(named: "_depthwise_conv", "_bn1")
        + project.members(named: "_project_conv", "_bn2")
    }
  }

  /// The authors' names.
  public override func members() -> [Member] {
    stem.members(named: "_conv_stem", "_bn0")
      + [.child(name: "_blocks", module: NumberedLayers(blocks.enumerated().map { ($0, $1) }))]
      + head.members(named: "_conv_head", "_bn1") + [.child(name: "_fc", module: classifier)]
  }
}

/// A convolution without bias and a batch norm with fixed statistics (ε 1e-3).
private final class FrozenUnit {
  private let convolution: FrozenConvolution
  private let norm: FrozenBatchNorm
  private let kernelSize: Int
  private let stride: Int

  init(_ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, groups: Int = 1) {
    self.kernelSize = kernelSize
    self.stride = stride
    convolution = FrozenConvolution(
      inputs, outputs, kernelSize: kernelSize, stride: stride, groups: groups, hasBias: false)
    norm = FrozenBatchNorm(outputs)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    func border(_ length: Int) -> (Int, Int) {
      let total = max(0, ((length + stride - 1) / stride - 1) * stride + kernelSize - length)
      return (total / 2, total - total / 2)
    }
    guard kernelSize > 1, x.rank == 4 else { return norm(convolution(x)) }
    let (top, bottom) = border(x.shape[2])
    let (left, right) = border(x.shape[3])
    return norm(convolution(x.padded([left, right, top, bottom])))
  }

  /// Both layers as members of the enclosing module.
  func members(named convolutionName: String, _ normName: String) -> [Module.Member] {
    [.child(name: convolutionName, module: convolution), .child(name: normName, module: norm)]
  }
}

/// Batch norm with fixed statistics.
final class FrozenBatchNorm: Module {
  @Buffer var weight: Tensor
  @Buffer var bias: Tensor
  @Buffer var runningMean: Tensor
  @Buffer var runningVar: Tensor
  @Buffer var numBatchesTracked: Tensor

  private let epsilon: Double

  init(_ channels: Int, epsilon: Double = 1e-3) {
    self.epsilon = epsilon
    weight = .placeholder([channels])
    bias = .placeholder([channels])
    runningMean = .placeholder([channels])
    runningVar = .placeholder([channels])
    numBatchesTracked = .zeros([], dtype: .int64)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    batchNorm(
      x, weight: weight, bias: bias, runningMean: runningMean, runningVariance: runningVar, training: false,
      epsilon: epsilon)
  }
}

/// A fully connected layer with fixed weights.
final class FrozenLinear: Module {
  @Buffer var weight: Tensor
  @Buffer var bias: Tensor

  init(_ inputs: Int, _ outputs: Int) {
    weight = .placeholder([outputs, inputs])
    bias = .placeholder([outputs])
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight, bias) }
}
