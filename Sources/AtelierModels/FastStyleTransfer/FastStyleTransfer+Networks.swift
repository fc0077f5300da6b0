import AtelierCore
import Torch
import TorchNN

/// What the three transform networks share: RGB images in 0 … 255 in and out.
protocol TransformNetwork: Layer {
  /// Heights and widths that come back as they went in are multiples of this.
  static var sizeMultiple: Int { get }
}

/// The norm behind a convolution of a transform network.
enum TransformNorm: String, Codable, Sendable, Hashable, CaseIterable {
  /// Over the batch, as in the paper.
  case batch
  /// Over each image for itself, which the authors' code turned to (Ulyanov et al. 2016).
  case instance

  func layer(_ channels: Int, epsilon: Double = 1e-5) -> any Layer {
    switch self {
    case .batch: BatchNorm2d(channels: channels, epsilon: epsilon)
    case .instance: InstanceNorm2d(channels: channels, epsilon: epsilon, isAffine: true)
    }
  }
}

// MARK: - pytorch/examples

/// `TransformerNet` of pytorch/examples `fast_neural_style/neural_style/transformer_net.py`: reflection
/// padding, instance norms with scale and shift, nearest-neighbour enlargement before the convolutions on
/// the way up, no activation at the end.
final class TransformerNet: Module, TransformNetwork {
  static var sizeMultiple: Int { 4 }

  private let conv1: PaddedConvolution
  private let in1: InstanceNorm2d
  private let conv2: PaddedConvolution
  private let in2: InstanceNorm2d
  private let conv3: PaddedConvolution
  private let in3: InstanceNorm2d
  private let res: [Residual]
  private let deconv1: PaddedConvolution
  private let in4: InstanceNorm2d
  private let deconv2: PaddedConvolution
  private let in5: InstanceNorm2d
  private let deconv3: PaddedConvolution

  init(width: Int, blocks: Int, using stream: RandomStream) {
    func norm(_ channels: Int) -> InstanceNorm2d { InstanceNorm2d(channels: channels, isAffine: true) }
    func layer(_ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, enlarging: Int = 1)
      -> PaddedConvolution
    {
      PaddedConvolution(inputs, outputs, kernel, stride: stride, enlarging: enlarging, using: stream)
    }
    conv1 = layer(3, width, 9)
    in1 = norm(width)
    conv2 = layer(width, 2 * width, 3, stride: 2)
    in2 = norm(2 * width)
    conv3 = layer(2 * width, 4 * width, 3, stride: 2)
    in3 = norm(4 * width)
    res = (0..<blocks).map { _ in Residual(4 * width, using: stream) }
    deconv1 = layer(4 * width, 2 * width, 3, enlarging: 2)
    in4 = norm(2 * width)
    deconv2 = layer(2 * width, width, 3, enlarging: 2)
    in5 = norm(width)
    deconv3 = layer(width, 3, 9)
    super.init()
  }

  /// The authors' names: blocks are counted from 1 without a dot.
  static func names(blocks: Int) -> KeyMap {
    KeyMap(Dictionary(uniqueKeysWithValues: (0..<blocks).map { ("res.\($0)", "res\($0 + 1)") }))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = in1(conv1(x.channelsLast())).reluInPlace()
    y = in2(conv2(y)).reluInPlace()
    y = in3(conv3(y)).reluInPlace()
    for block in res { y = block(y) }
    y = in4(deconv1(y)).reluInPlace()
    y = in5(deconv2(y)).reluInPlace()
    return deconv3(y)
  }

  private final class Residual: Module {
    private let conv1: PaddedConvolution
    private let in1: InstanceNorm2d
    private let conv2: PaddedConvolution
    private let in2: InstanceNorm2d

    init(_ channels: Int, using stream: RandomStream) {
      conv1 = PaddedConvolution(channels, channels, 3, using: stream)
      in1 = InstanceNorm2d(channels: channels, isAffine: true)
      conv2 = PaddedConvolution(channels, channels, 3, using: stream)
      in2 = InstanceNorm2d(channels: channels, isAffine: true)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { in2(conv2(in1(conv1(x)).reluInPlace())) + x }
  }
}

/// A convolution behind an optional enlargement and a reflected border of half its kernel.
private final class PaddedConvolution: Module {
  private let conv2d: Conv2d
  private let border: Int
  private let enlarging: Int

  init(
    _ inputs: Int, _ outputs: Int, _ kernelSize: Int, stride: Int = 1, enlarging: Int = 1,
    using stream: RandomStream
  ) {
    conv2d = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, stride: stride, using: stream)
    border = kernelSize / 2
    self.enlarging = enlarging
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = x
    if enlarging > 1 { y = enlarged(y, by: enlarging) }
    return conv2d(y.reflectionPadded([border, border, border, border]))
  }
}

// MARK: - Johnson et al.

/// The network of Johnson et al. 2016 as jcjohnson/fast-neural-style `models.lua` builds it:
/// `c9s1-32,d64,d128,R128,…,u64,u32,c9s1-3` behind one reflected border (`reflect-start`), convolutions
/// without padding inside the residual blocks, whose shortcut is cropped, fractionally strided
/// convolutions on the way up, and 150 tanh at the end. It works on the Caffe form of images; here that
/// form stays inside the network.
final class JohnsonNet: Module, TransformNetwork {
  static var sizeMultiple: Int { 4 }

  private let down: [Conv2d]
  private let downNorms: [any Layer]
  private let blocks: [Residual]
  private let up: [any Layer]
  private let upNorms: [any Layer]
  private let output: Conv2d
  private let border: Int

  init(
    width: Int, blocks count: Int, norm: TransformNorm, upsampling: LearnedUpsampling,
    using stream: RandomStream
  ) {
    let widths = [width, 2 * width, 4 * width]
    down = [
      Conv2d(inputChannels: 3, outputChannels: widths[0], kernelSize: 9, padding: 4, using: stream),
      Conv2d(
        inputChannels: widths[0], outputChannels: widths[1], kernelSize: 3, stride: 2, padding: 1,
        using: stream),
      Conv2d(
        inputChannels: widths[1], outputChannels: widths[2], kernelSize: 3, stride: 2, padding: 1,
        using: stream),
    ]
    downNorms = widths.map { norm.layer($0) }
    blocks = (0..<count).map { _ in Residual(widths[2], norm, using: stream) }
    up = [1, 0].map { place in
      let (inputs, outputs) = (widths[place + 1], widths[place])
      switch upsampling {
      case .transposed:
        return ConvTranspose2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: 2, padding: 1,
          outputPadding: 1, using: stream)
      case .resized:
        return Sequential([
          Upsample(scaleFactor: 2),
          Conv2d(inputChannels: inputs, outputChannels: outputs, kernelSize: 3, padding: 1, using: stream),
        ])
      }
    }
    upNorms = [1, 0].map { norm.layer(widths[$0]) }
    output = Conv2d(inputChannels: width, outputChannels: 3, kernelSize: 9, padding: 4, using: stream)
    // Each block takes two pixels off every edge, at a quarter of the size.
    border = 8 * count
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let mean = Tensor([123.68, 116.779, 103.939] as [Float], shape: [1, 3, 1, 1], device: x.device)
    var y = x.flipped([1]) - mean.flipped([1])
    // A border may be no wider than the picture: small images get theirs in several layers.
    var left = border
    while left > 0 {
      let part = min(left, min(y.shape[2], y.shape[3]) - 1)
      guard check(part > 0, "an image of \(x.shape) is too small for the transform network") else {
        return x
      }
      y = y.reflectionPadded([part, part, part, part])
      left -= part
    }
    y = y.channelsLast()
    for (convolution, norm) in zip(down, downNorms) { y = norm(convolution(y)).reluInPlace() }
    for block in blocks { y = block(y) }
    for (convolution, norm) in zip(up, upNorms) { y = norm(convolution(y)).reluInPlace() }
    return (output(y).tanh() * 150).flipped([1]) + mean
  }

  private final class Residual: Module {
    private let first: Conv2d
    private let firstNorm: any Layer
    private let second: Conv2d
    private let secondNorm: any Layer

    init(_ channels: Int, _ norm: TransformNorm, using stream: RandomStream) {
      first = Conv2d(inputChannels: channels, outputChannels: channels, kernelSize: 3, using: stream)
      firstNorm = norm.layer(channels)
      second = Conv2d(inputChannels: channels, outputChannels: channels, kernelSize: 3, using: stream)
      secondNorm = norm.layer(channels)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let (height, width) = (x.shape[2], x.shape[3])
      let shortcut = x.slice(2, 2, height - 2).slice(3, 2, width - 2)
      return secondNorm(second(firstNorm(first(x)).reluInPlace())) + shortcut
    }
  }
}

// MARK: - lengstrom

/// The network of lengstrom/fast-style-transfer `src/transform.py`, a program for TensorFlow: zero
/// padding as TensorFlow's `SAME`, instance norms (ε 1e-3) behind every convolution, the last one included,
/// and 150 tanh + 127.5 at the end. Weights have no biases; scale and shift belong to the norms.
final class LengstromNet: Module, TransformNetwork {
  static var sizeMultiple: Int { 4 }

  private let down: [Convolution]
  private let residuals: [Residual]
  private let up: [Convolution]
  private let output: Convolution

  init(width: Int, blocks: Int, using stream: RandomStream) {
    down = [
      Convolution(3, width, kernelSize: 9, using: stream),
      Convolution(width, 2 * width, kernelSize: 3, stride: 2, using: stream),
      Convolution(2 * width, 4 * width, kernelSize: 3, stride: 2, using: stream),
    ]
    residuals = (0..<blocks).map { _ in Residual(4 * width, using: stream) }
    up = [
      Convolution(4 * width, 2 * width, kernelSize: 3, stride: 2, isTransposed: true, using: stream),
      Convolution(2 * width, width, kernelSize: 3, stride: 2, isTransposed: true, using: stream),
    ]
    output = Convolution(width, 3, kernelSize: 9, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = (x / 255).channelsLast()
    for layer in down { y = layer(y).reluInPlace() }
    for block in residuals { y = block(y) }
    for layer in up { y = layer(y).reluInPlace() }
    return output(y).tanh() * 150 + 127.5
  }

  /// A convolution with its norm. TensorFlow's `SAME` puts the odd zero behind the image.
  final class Convolution: Module {
    @Parameter var weight: Tensor
    @Parameter var shift: Tensor
    @Parameter var scale: Tensor
    private let stride: Int
    private let isTransposed: Bool

    init(
      _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, isTransposed: Bool = false,
      using stream: RandomStream
    ) {
      self.stride = stride
      self.isTransposed = isTransposed
      let shape =
        isTransposed
        ? [inputs, outputs, kernelSize, kernelSize] : [outputs, inputs, kernelSize, kernelSize]
      let drawn = Tensor.zeros(shape)
      // The authors draw from a normal distribution of deviation 0.1 cut at two deviations.
      stream.fillNormal(drawn, standardDeviation: 0.1)
      weight = drawn.clamped(min: -0.2, max: 0.2)
      shift = .zeros([outputs])
      scale = .ones([outputs])
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let (height, width) = (x.shape[2], x.shape[3])
      let y: Tensor
      if isTransposed {
        y = convTranspose2d(x, weight, stride: (stride, stride))
          .slice(2, 0, height * stride).slice(3, 0, width * stride)
      } else {
        let kernel = weight.shape[2]
        func border(_ length: Int) -> (Int, Int) {
          let total = max(0, ((length + stride - 1) / stride - 1) * stride + kernel - length)
          return (total / 2, total - total / 2)
        }
        let (top, bottom) = border(height)
        let (left, right) = border(width)
        y =
          top == bottom && left == right
          ? conv2d(x, weight, stride: (stride, stride), padding: (top, left))
          : conv2d(x.padded([left, right, top, bottom]), weight, stride: (stride, stride))
      }
      return instanceNorm(y, weight: scale, bias: shift, epsilon: 1e-3)
    }
  }

  private final class Residual: Module {
    private let first: Convolution
    private let second: Convolution

    init(_ channels: Int, using stream: RandomStream) {
      first = Convolution(channels, channels, kernelSize: 3, using: stream)
      second = Convolution(channels, channels, kernelSize: 3, using: stream)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + second(first(x).reluInPlace()) }
  }
}
