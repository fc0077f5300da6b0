import Torch
import TorchNN

/// A network that classifies images by a linear layer over the mean of its last feature map.
protocol ImageClassification: Module {
  /// The last feature map, rectified, `[batch, channels, height, width]`, of images `[batch, 3, height, width]`.
  func features(_ image: Tensor) -> Tensor
  /// The last layer.
  var lastLinear: Linear { get }
  /// The dropout in front of it.
  var dropout: Dropout { get }
}

extension ImageClassification {
  /// Logits `[batch, classes]` of a feature map.
  func logits(_ features: Tensor) -> Tensor { lastLinear(dropout(features.mean(dims: [2, 3]))) }
}

/// Xception (Chollet 2017), as FaceForensics++ has it: depthwise separable convolutions in blocks with shortcuts.
final class Xception: Module, ImageClassification {
  let conv1: Conv2d
  let norm1: BatchNorm2d
  let conv2: Conv2d
  let norm2: BatchNorm2d
  let blocks: [XceptionBlock]
  let conv3: SeparableConvolution
  let norm3: BatchNorm2d
  let conv4: SeparableConvolution
  let norm4: BatchNorm2d
  let dropout: Dropout
  let lastLinear: Linear

  /// - Parameters:
  ///   - channels: of both first convolutions, of the three first blocks, of the last block, and of both last
  ///     convolutions.
  init(channels: [Int], classes: Int, dropout probability: Double, using stream: RandomStream) {
    conv1 = Conv2d(
      inputChannels: 3, outputChannels: channels[0], kernelSize: 3, stride: 2, hasBias: false, using: stream)
    norm1 = BatchNorm2d(channels: channels[0])
    conv2 = Conv2d(
      inputChannels: channels[0], outputChannels: channels[1], kernelSize: 3, hasBias: false, using: stream)
    norm2 = BatchNorm2d(channels: channels[1])
    let middle = channels[4]
    blocks =
      [
        XceptionBlock(
          [channels[1], channels[2], channels[2]], stride: 2, startsWithRelu: false, using: stream),
        XceptionBlock([channels[2], channels[3], channels[3]], stride: 2, using: stream),
        XceptionBlock([channels[3], middle, middle], stride: 2, using: stream),
      ] + (0..<8).map { _ in XceptionBlock([middle, middle, middle, middle], using: stream) } + [
        XceptionBlock([middle, middle, channels[5]], stride: 2, using: stream)
      ]
    conv3 = SeparableConvolution(channels[5], channels[6], using: stream)
    norm3 = BatchNorm2d(channels: channels[6])
    conv4 = SeparableConvolution(channels[6], channels[7], using: stream)
    norm4 = BatchNorm2d(channels: channels[7])
    dropout = Dropout(probability: probability)
    lastLinear = Linear(inputFeatures: channels[7], outputFeatures: classes, using: stream)
    super.init()
  }

  func features(_ image: Tensor) -> Tensor {
    var x = norm1(conv1(image)).relu()
    x = norm2(conv2(x)).relu()
    for block in blocks { x = block(x) }
    x = norm3(conv3(x)).relu()
    return norm4(conv4(x)).relu()
  }

  /// The side of the last feature map of square images; below 1 where they are too small.
  static func lastSide(_ imageSize: Int) -> Int {
    let first = (imageSize - 3) / 2 + 1 - 2
    return first < 1 ? 0 : (0..<4).reduce(first) { side, _ in (side + 1) / 2 }
  }

  /// The names of FaceForensics++.
  ///
  /// - Parameter isDropped: whether the last layer stands behind a dropout layer.
  static func authorsNames(isDropped: Bool) -> KeyMap {
    var prefixes = ["": "model", "conv1": "model.conv1"]
    for block in 0..<12 { prefixes["blocks.\(block)"] = "model.block\(block + 1)" }
    if isDropped { prefixes["last_linear"] = "model.last_linear.1" }
    return KeyMap(
      prefixes,
      components: [
        "norm1": "bn1", "norm2": "bn2", "norm3": "bn3", "norm4": "bn4", "depthwise": "conv1", "body": "rep",
        "shortcut": "skip", "shortcut_norm": "skipbn",
      ])
  }
}

/// A 3×3 convolution of each channel by itself, then a 1×1 convolution; no biases, and nothing between them.
final class SeparableConvolution: Module, Layer {
  let depthwise: Conv2d
  let pointwise: Conv2d

  init(_ inputs: Int, _ outputs: Int, using stream: RandomStream) {
    depthwise = Conv2d(
      inputChannels: inputs, outputChannels: inputs, kernelSize: 3, padding: 1, groups: inputs,
      hasBias: false, using: stream)
    pointwise = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: 1, hasBias: false, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { pointwise(depthwise(x)) }
}

/// Rectified separable convolutions with batch norms beside a shortcut.
final class XceptionBlock: Module, Layer {
  /// A 1×1 convolution where width or stride change; nil: the input itself.
  let shortcut: Conv2d?
  let shortcutNorm: BatchNorm2d?
  let body: Sequential

  /// - Parameter widths: of the input and after each separable convolution.
  init(_ widths: [Int], stride: Int = 1, startsWithRelu: Bool = true, using stream: RandomStream) {
    let (inputs, outputs) = (widths[0], widths[widths.count - 1])
    let changes = inputs != outputs || stride != 1
    shortcut =
      changes
      ? Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 1, stride: stride, hasBias: false,
        using: stream) : nil
    shortcutNorm = changes ? BatchNorm2d(channels: outputs) : nil
    var layers: [any Layer] = []
    for (index, pair) in zip(widths, widths.dropFirst()).enumerated() {
      // The first one leaves the block's input to the shortcut as it is.
      if index > 0 || startsWithRelu { layers.append(ReLU(isInPlace: index > 0)) }
      layers.append(SeparableConvolution(pair.0, pair.1, using: stream))
      layers.append(BatchNorm2d(channels: pair.1))
    }
    if stride != 1 { layers.append(MaxPool2d(kernelSize: 3, stride: stride, padding: 1)) }
    body = Sequential(layers)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let beside = shortcut.map { $0(x) } ?? x
    return body(x) + (shortcutNorm.map { $0(beside) } ?? beside)
  }
}
