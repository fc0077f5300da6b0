import AtelierCore
import Torch
import TorchNN

/// A 5×5 convolution that halves the sides, with Keras's padding `same`: of an odd number of zeros one more on the right
/// and below.
private final class HalvingConvolution: Module {
  private let convolution: Conv2d
  private let slope: Double

  init(_ inputs: Int, _ outputs: Int, slope: Double, using stream: RandomStream) {
    convolution = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: 5, stride: 2, using: stream)
    self.slope = slope
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    func padding(_ length: Int) -> [Int] {
      let zeros = max(0, ((length + 1) / 2 - 1) * 2 + 5 - length)
      return [zeros / 2, zeros - zeros / 2]
    }
    return convolution(x.padded(padding(x.shape[3]) + padding(x.shape[2]))).leakyReluInPlace(slope)
  }
}

/// A 3×3 convolution to four times the channels, which become twice as many rows and columns.
///
/// Of the four the channels come last, as in Keras's layout: row, column, channel.
private final class UpscalingConvolution: Module {
  private let convolution: Conv2d
  private let outputs: Int
  private let slope: Double

  init(_ inputs: Int, _ outputs: Int, slope: Double, using stream: RandomStream) {
    convolution = Conv2d(
      inputChannels: inputs, outputChannels: 4 * outputs, kernelSize: 3, padding: 1, using: stream)
    (self.outputs, self.slope) = (outputs, slope)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let wide = convolution(x).leakyReluInPlace(slope)
    let (batch, height, width) = (x.shape[0], x.shape[2], x.shape[3])
    let byChannel = wide.reshaped([batch, 4, outputs, height, width]).transposed(1, 2)
      .reshaped([batch, 4 * outputs, height, width])
    return pixelShuffle(byChannel, factor: 2)
  }
}

/// The encoder that both persons share.
final class FaceEncoder: Module {
  private let blocks: [HalvingConvolution]
  private let dense1: Linear
  private let dense2: Linear
  private let upscale: UpscalingConvolution
  private let inner: Int

  init(_ configuration: DeepfakeAutoencoder.Configuration, using stream: RandomStream) {
    let slope = configuration.leakySlope
    let widths = [configuration.imageChannels] + configuration.encoderChannels
    blocks = zip(widths, widths.dropFirst()).map { HalvingConvolution($0, $1, slope: slope, using: stream) }
    let side = configuration.encodedSide
    inner = configuration.innerChannels
    dense1 = Linear(
      inputFeatures: side * side * widths[widths.count - 1], outputFeatures: configuration.latentSize,
      using: stream)
    dense2 = Linear(inputFeatures: configuration.latentSize, outputFeatures: 16 * inner, using: stream)
    upscale = UpscalingConvolution(inner, configuration.decoderChannels[0], slope: slope, using: stream)
    super.init()
    initializeAsKeras(self, using: stream)
  }

  /// `[batch, channels, 8, 8]` for images `[batch, channels, size, size]` in 0 … 1; numbers go through the dense layers
  /// in the order row, column, channel.
  func callAsFunction(_ images: Tensor) -> Tensor {
    let features = blocks.reduce(images) { $1($0) }
    let code = dense2(dense1(features.permuted([0, 2, 3, 1]).flattened(from: 1)))
    return upscale(code.reshaped([images.shape[0], 4, 4, inner]).permuted([0, 3, 1, 2]))
  }
}

/// The decoder of one person: faces, and with `learnMask` masks beside them.
final class FaceDecoder: Module {
  private let face: [UpscalingConvolution]
  private let faceOut: Conv2d
  private let mask: [UpscalingConvolution]
  private let maskOut: Conv2d?

  init(_ configuration: DeepfakeAutoencoder.Configuration, using stream: RandomStream) {
    let widths = configuration.decoderChannels
    let slope = configuration.leakySlope
    func upscaling() -> [UpscalingConvolution] {
      zip(widths, widths.dropFirst()).map { UpscalingConvolution($0, $1, slope: slope, using: stream) }
    }
    func output(_ channels: Int) -> Conv2d {
      Conv2d(
        inputChannels: widths[widths.count - 1], outputChannels: channels, kernelSize: 5, padding: 2,
        using: stream)
    }
    face = upscaling()
    faceOut = output(configuration.imageChannels)
    mask = configuration.learnMask ? upscaling() : []
    maskOut = configuration.learnMask ? output(1) : nil
    super.init()
    initializeAsKeras(self, using: stream)
  }

  /// Images `[batch, channels, size, size]` in 0 … 1 of an encoder's output, and masks `[batch, 1, size, size]`.
  func callAsFunction(_ code: Tensor) -> (image: Tensor, mask: Tensor?) {
    let image = faceOut(face.reduce(code) { $1($0) }).sigmoid()
    return (image, maskOut.map { $0(mask.reduce(code) { $1($0) }).sigmoid() })
  }
}

/// faceswap's initial weights: He's uniform ones in convolutions, Glorot's in dense layers, no biases.
private func initializeAsKeras(_ network: Module, using stream: RandomStream) {
  withoutGradients {
    for part in network.allModules() {
      guard let layer = part as? WeightedLayer else { continue }
      if layer is Linear {
        stream.fillXavierUniform(layer.weight)
      } else {
        stream.fillKaimingUniform(layer.weight)
      }
      layer.bias?.fill(0)
    }
  }
}
