import AtelierCore
import Torch
import TorchNN

/// A convolution, batch norm, the input added where residual, and ReLU; without norm a leaky ReLU. Source:
/// Rudrabha/Wav2Lip `models/conv.py`.
final class LipBlock: Module, Layer {
  /// Kernel, stride and padding of a block.
  struct Shape {
    var kernel: Int
    /// Rows, columns.
    var stride = (1, 1)
    var padding: Int
    /// Whether it is a transposed convolution; with a stride its output is exactly so many times as large.
    var isTransposed = false
    /// Whether the input is added.
    var isResidual = false
    var isNormed = true

    static func plain(_ kernel: Int, _ stride: (Int, Int) = (1, 1), _ padding: Int) -> Shape {
      Shape(kernel: kernel, stride: stride, padding: padding)
    }

    static func plain(_ kernel: Int, _ stride: Int, _ padding: Int) -> Shape {
      Shape(kernel: kernel, stride: (stride, stride), padding: padding)
    }

    static let residual = Shape(kernel: 3, padding: 1, isResidual: true)
  }

  private let convolution: any Layer
  private let norm: BatchNorm2d?
  private let isResidual: Bool

  init(_ inputs: Int, _ outputs: Int, _ shape: Shape, using stream: RandomStream) {
    if shape.isTransposed {
      let extra = shape.stride.0 - 1
      convolution = ConvTranspose2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: shape.kernel, stride: shape.stride.0,
        padding: shape.padding, outputPadding: extra, using: stream)
    } else {
      convolution = Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: (shape.kernel, shape.kernel),
        stride: shape.stride, padding: (shape.padding, shape.padding), using: stream)
    }
    norm = shape.isNormed ? BatchNorm2d(channels: outputs) : nil
    isResidual = shape.isResidual
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let y = convolution(x)
    guard let norm else { return y.leakyRelu() }
    let normed = norm(y)
    return (isResidual ? normed + x : normed).relu()
  }

  /// The authors' names of its parts.
  static let authorsParts = ["convolution": "conv_block.0", "norm": "conv_block.1"]

  /// A first block and residual ones behind it.
  static func stage(
    _ inputs: Int, _ outputs: Int, _ first: Shape, residual: Int = 0, using stream: RandomStream
  ) -> [LipBlock] {
    [LipBlock(inputs, outputs, first, using: stream)]
      + (0..<residual).map { _ in LipBlock(outputs, outputs, .residual, using: stream) }
  }
}

/// Blocks of several stages, one after the other.
private func run(_ blocks: [LipBlock], _ x: Tensor) -> Tensor { blocks.reduce(x) { $1($0) } }

/// From a mel spectrogram `[n, 1, 80, 16]` to an embedding `[n, channels, 1, 1]`.
///
/// - Parameters:
///   - widths: channels of the five stages.
///   - residual: residual blocks of the last stage but one.
private func speechEncoder(_ widths: [Int], residual: Int, using stream: RandomStream) -> [LipBlock] {
  LipBlock.stage(1, widths[0], .plain(3, 1, 1), residual: 2, using: stream)
    + LipBlock.stage(widths[0], widths[1], .plain(3, (3, 1), 1), residual: 2, using: stream)
    + LipBlock.stage(widths[1], widths[2], .plain(3, 3, 1), residual: 2, using: stream)
    + LipBlock.stage(widths[2], widths[3], .plain(3, (3, 2), 1), residual: residual, using: stream)
    + LipBlock.stage(widths[3], widths[4], .plain(3, 1, 0), using: stream)
    + LipBlock.stage(widths[4], widths[4], .plain(1, 1, 0), using: stream)
}

/// Tells by an embedding of lips and one of speech whether they belong together. Source: `models/syncnet.py`.
final class SyncExpert: Module {
  private let faceEncoder: [LipBlock]
  private let audioEncoder: [LipBlock]

  /// - Parameter widths: channels that stand for the authors' 32, 64, 128, 256 and 512.
  init(_ widths: [Int], using stream: RandomStream) {
    faceEncoder =
      LipBlock.stage(15, widths[0], .plain(7, 1, 3), using: stream)
      + LipBlock.stage(widths[0], widths[1], .plain(5, (1, 2), 1), residual: 2, using: stream)
      + LipBlock.stage(widths[1], widths[2], .plain(3, 2, 1), residual: 3, using: stream)
      + LipBlock.stage(widths[2], widths[3], .plain(3, 2, 1), residual: 2, using: stream)
      + LipBlock.stage(widths[3], widths[4], .plain(3, 2, 1), residual: 2, using: stream)
      + LipBlock.stage(widths[4], widths[4], .plain(3, 2, 1), using: stream)
      + LipBlock.stage(widths[4], widths[4], .plain(3, 1, 0), using: stream)
      + LipBlock.stage(widths[4], widths[4], .plain(1, 1, 0), using: stream)
    audioEncoder = speechEncoder(widths, residual: 2, using: stream)
    super.init()
  }

  /// Embeddings of unit length `[n, channels]`, of speech `[n, 1, 80, 16]` and of the lower halves of five frames
  /// `[n, 15, 48, 96]`.
  func callAsFunction(_ mel: Tensor, _ lips: Tensor) -> (audio: Tensor, face: Tensor) {
    (audio(mel), face(lips))
  }

  /// Embeddings of speech alone.
  func audio(_ mel: Tensor) -> Tensor { unit(run(audioEncoder, mel)) }

  /// Embeddings of lips alone.
  func face(_ lips: Tensor) -> Tensor { unit(run(faceEncoder, lips)) }

  private func unit(_ x: Tensor) -> Tensor {
    let flat = x.flattened(from: 1).asType(.float32)
    return flat / flat.norm(dims: [1], keepDim: true).clamped(min: 1e-12)
  }

  /// The cosine of the angle between embeddings, `[n]` in 0 … 1, as both consist of rectified numbers.
  static func cosine(_ a: Tensor, _ b: Tensor) -> Tensor {
    // Both have unit length but for rounding; an embedding of zeros has the cosine 0.
    func norm(_ x: Tensor) -> Tensor { x.norm(dims: [1]).clamped(min: 1e-8) }
    return (a * b).sum(dims: [1]) / (norm(a) * norm(b))
  }

  static let authorsNames = KeyMap(components: LipBlock.authorsParts)
}

/// Draws a face's lower half by what is said: the speech's embedding, decoded beside the features of the masked face and of
/// a reference face of the same size. Source: `models/wav2lip.py` `Wav2Lip`.
final class LipGenerator: Module {
  private let faceEncoderBlocks: [[LipBlock]]
  private let audioEncoder: [LipBlock]
  private let faceDecoderBlocks: [[LipBlock]]
  private let outputBlock: [LipBlock]
  private let outputConvolution: Conv2d

  /// - Parameter widths: channels that stand for the authors' 16, 32, 64, 128, 256, 384 and 512.
  init(_ widths: [Int], using stream: RandomStream) {
    let (a, b, c, d, e, f, g) = (
      widths[0], widths[1], widths[2], widths[3], widths[4], widths[5], widths[6]
    )
    faceEncoderBlocks = [
      LipBlock.stage(6, a, .plain(7, 1, 3), using: stream),
      LipBlock.stage(a, b, .plain(3, 2, 1), residual: 2, using: stream),
      LipBlock.stage(b, c, .plain(3, 2, 1), residual: 3, using: stream),
      LipBlock.stage(c, d, .plain(3, 2, 1), residual: 2, using: stream),
      LipBlock.stage(d, e, .plain(3, 2, 1), residual: 2, using: stream),
      LipBlock.stage(e, g, .plain(3, 2, 1), residual: 1, using: stream),
      LipBlock.stage(g, g, .plain(3, 1, 0), using: stream)
        + LipBlock.stage(g, g, .plain(1, 1, 0), using: stream),
    ]
    audioEncoder = speechEncoder([b, c, d, e, g], residual: 1, using: stream)
    func enlarging(_ inputs: Int, _ outputs: Int, _ residual: Int, stride: Int = 2) -> [LipBlock] {
      let shape = LipBlock.Shape(
        kernel: 3, stride: (stride, stride), padding: stride == 1 ? 0 : 1, isTransposed: true)
      return LipBlock.stage(inputs, outputs, shape, residual: residual, using: stream)
    }
    faceDecoderBlocks = [
      LipBlock.stage(g, g, .plain(1, 1, 0), using: stream), enlarging(g + g, g, 1, stride: 1),
      enlarging(g + g, g, 2), enlarging(g + e, f, 2), enlarging(f + d, e, 2), enlarging(e + c, d, 2),
      enlarging(d + b, c, 2),
    ]
    outputBlock = LipBlock.stage(c + a, b, .plain(3, 1, 1), using: stream)
    outputConvolution = Conv2d(inputChannels: b, outputChannels: 3, kernelSize: 1, using: stream)
    super.init()
  }

  /// Faces `[n, 3, 96, 96]` in 0 … 1.
  ///
  /// - Parameters:
  ///   - mel: `[n, 1, 80, 16]`.
  ///   - faces: `[n, 6, 96, 96]`: the face without its lower half, and a reference.
  func callAsFunction(_ mel: Tensor, _ faces: Tensor) -> Tensor {
    var features: [Tensor] = []
    var x = faces
    for stage in faceEncoderBlocks {
      x = run(stage, x)
      features.append(x)
    }
    var y = run(audioEncoder, mel)
    for stage in faceDecoderBlocks {
      y = .concatenated([run(stage, y), features.removeLast()], dim: 1)
    }
    return outputConvolution(run(outputBlock, y)).asType(.float32).sigmoid()
  }

  static let authorsNames = KeyMap(
    ["output_block.0": "output_block.0", "output_convolution": "output_block.1"],
    components: LipBlock.authorsParts)
}

/// Tells real from generated lower halves of faces. Source: `models/wav2lip.py` `Wav2Lip_disc_qual`.
final class LipQuality: Module {
  private let faceEncoderBlocks: [[LipBlock]]
  private let score: Conv2d

  /// - Parameter widths: channels that stand for the authors' 32, 64, 128, 256 and 512.
  init(_ widths: [Int], using stream: RandomStream) {
    func block(_ inputs: Int, _ outputs: Int, _ kernel: Int, _ stride: (Int, Int), _ padding: Int) -> LipBlock
    {
      LipBlock(
        inputs, outputs,
        LipBlock.Shape(kernel: kernel, stride: stride, padding: padding, isNormed: false), using: stream)
    }
    let last = widths[4]
    faceEncoderBlocks = [
      [block(3, widths[0], 7, (1, 1), 3)],
      [block(widths[0], widths[1], 5, (1, 2), 2), block(widths[1], widths[1], 5, (1, 1), 2)],
      [block(widths[1], widths[2], 5, (2, 2), 2), block(widths[2], widths[2], 5, (1, 1), 2)],
      [block(widths[2], widths[3], 5, (2, 2), 2), block(widths[3], widths[3], 5, (1, 1), 2)],
      [block(widths[3], last, 3, (2, 2), 1), block(last, last, 3, (1, 1), 1)],
      [block(last, last, 3, (2, 2), 1), block(last, last, 3, (1, 1), 1)],
      [block(last, last, 3, (1, 1), 0), block(last, last, 1, (1, 1), 0)],
    ]
    score = Conv2d(inputChannels: last, outputChannels: 1, kernelSize: 1, using: stream)
    super.init()
  }

  /// How likely each of faces `[n, 3, 96, 96]` is real, `[n, 1]`.
  func callAsFunction(_ faces: Tensor) -> Tensor {
    let height = faces.shape[2]
    let lower = faces.narrow(2, from: height / 2, length: height - height / 2)
    let features = faceEncoderBlocks.joined().reduce(lower) { $1($0) }
    return score(features).asType(.float32).sigmoid().flattened(from: 1)
  }

  static let authorsNames = KeyMap(["score": "binary_pred.0"], components: LipBlock.authorsParts)
}
