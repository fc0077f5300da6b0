import Torch
import TorchNN

/// The residual network of 18 layers (He et al. 2016), as torchvision has it.
final class ResNet18: Module, ImageClassification {
  let conv1: Conv2d
  let norm1: BatchNorm2d
  /// Two blocks for each width, all but the first width halving the map.
  let stages: [[ResNetBlock]]
  let dropout: Dropout
  let lastLinear: Linear

  /// - Parameter channels: the four widths.
  init(channels: [Int], classes: Int, dropout probability: Double, using stream: RandomStream) {
    conv1 = Conv2d(
      inputChannels: 3, outputChannels: channels[0], kernelSize: 7, stride: 2, padding: 3, hasBias: false,
      using: stream)
    norm1 = BatchNorm2d(channels: channels[0])
    var inputs = channels[0]
    stages = channels.enumerated().map { place, width in
      let first = ResNetBlock(inputs, width, stride: place == 0 ? 1 : 2, using: stream)
      inputs = width
      return [first, ResNetBlock(width, width, stride: 1, using: stream)]
    }
    dropout = Dropout(probability: probability)
    lastLinear = Linear(inputFeatures: inputs, outputFeatures: classes, using: stream)
    super.init()
    for module in allModules() {
      guard let convolution = module as? Conv2d else { continue }
      stream.fillKaimingNormal(convolution.weight, mode: .output)
    }
  }

  func features(_ image: Tensor) -> Tensor {
    let x = norm1(conv1(image)).relu()
    return stages.joined().reduce(maxPool2d(x, kernelSize: (3, 3), stride: (2, 2), padding: (1, 1))) {
      $1($0)
    }
  }

  /// The side of the last feature map of square images.
  static func lastSide(_ imageSize: Int) -> Int { (0..<5).reduce(imageSize) { side, _ in (side + 1) / 2 } }

  /// The names of FaceForensics++, which are torchvision's behind `model`.
  ///
  /// - Parameter isDropped: whether the last layer stands behind a dropout layer.
  static func authorsNames(isDropped: Bool) -> KeyMap {
    var prefixes = ["": "model", "last_linear": isDropped ? "model.fc.1" : "model.fc"]
    for stage in 0..<4 { prefixes["stages.\(stage)"] = "model.layer\(stage + 1)" }
    return KeyMap(prefixes, components: ["norm1": "bn1", "norm2": "bn2", "shortcut": "downsample"])
  }
}

/// Two 3×3 convolutions with batch norms beside a shortcut.
final class ResNetBlock: Module, Layer {
  let conv1: Conv2d
  let norm1: BatchNorm2d
  let conv2: Conv2d
  let norm2: BatchNorm2d
  /// A 1×1 convolution with its norm where width or stride change; nil: the input itself.
  let shortcut: Sequential?

  init(_ inputs: Int, _ outputs: Int, stride: Int, using stream: RandomStream) {
    conv1 = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: stride, padding: 1,
      hasBias: false, using: stream)
    norm1 = BatchNorm2d(channels: outputs)
    conv2 = Conv2d(
      inputChannels: outputs, outputChannels: outputs, kernelSize: 3, padding: 1, hasBias: false,
      using: stream)
    norm2 = BatchNorm2d(channels: outputs)
    shortcut =
      inputs == outputs && stride == 1
      ? nil
      : Sequential(
        Conv2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 1, stride: stride, hasBias: false,
          using: stream), BatchNorm2d(channels: outputs))
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    (norm2(conv2(norm1(conv1(x)).relu())) + (shortcut?(x) ?? x)).relu()
  }
}
