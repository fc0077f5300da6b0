import AtelierCore
import Torch
import TorchNN

/// PyTorch-GAN's upsampling generator: a linear layer to a small map, then nearest upsampling, 3×3
/// convolution, batch norm and leaky relu for each width, a last convolution and tanh. Shared by lsgan
/// and acgan.
///
/// Source: eriklindernoren/PyTorch-GAN `implementations/lsgan/lsgan.py` and `acgan/acgan.py`.
final class UpsamplingGenerator: Module, Layer {
  let projection: Linear
  let blocks: Sequential
  private let firstChannels: Int
  private let bottomWidth: Int

  /// The authors' names: `l1.0.weight`, `conv_blocks.1.weight`.
  static let authorsNames = KeyMap(["projection": "l1.0", "blocks": "conv_blocks"])

  /// - Parameters:
  ///   - hidden: widths, input side first; the image doubles once for each, so the first map is
  ///     imageSize / 2^count wide. The first convolution keeps the first width.
  ///   - startsWithNorm: whether the first map is batch-normalised, with PyTorch's epsilon (acgan).
  init(
    latentSize: Int, hidden: [Int], imageSize: Int, imageChannels: Int, startsWithNorm: Bool,
    normEpsilon: Double, leakySlope: Double, using stream: RandomStream
  ) {
    firstChannels = hidden.first ?? 1
    bottomWidth = imageSize >> hidden.count
    projection = Linear(
      inputFeatures: latentSize, outputFeatures: firstChannels * bottomWidth * bottomWidth, using: stream)
    var layers: [any Layer] = startsWithNorm ? [BatchNorm2d(channels: firstChannels)] : []
    var width = firstChannels
    for next in hidden {
      layers += [
        Upsample(scaleFactor: 2),
        Conv2d(inputChannels: width, outputChannels: next, kernelSize: 3, padding: 1, using: stream),
        BatchNorm2d(channels: next, epsilon: normEpsilon),
        LeakyReLU(negativeSlope: leakySlope),
      ]
      width = next
    }
    layers.append(
      Conv2d(inputChannels: width, outputChannels: imageChannels, kernelSize: 3, padding: 1, using: stream))
    layers.append(Tanh())
    blocks = Sequential(layers)
    super.init()
  }

  /// Images `[batch, channels, height, width]` in -1 … 1 for `[batch, latent]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    blocks(projection(x).reshaped([-1, firstChannels, bottomWidth, bottomWidth]))
  }
}

/// The trunk of PyTorch-GAN's convolutional discriminators: 3×3 convolutions of stride 2, each followed by
/// leaky relu, dropout of whole channels and batch norm (not behind the first), in this order. Shared by
/// lsgan and acgan.
///
/// Source: eriklindernoren/PyTorch-GAN `implementations/lsgan/lsgan.py` `discriminator_block`.
func downsamplingTrunk(
  imageChannels: Int, hidden: [Int], normEpsilon: Double, leakySlope: Double, dropout: Double,
  using stream: RandomStream
) -> Sequential {
  var layers: [any Layer] = []
  var width = imageChannels
  for (index, next) in hidden.enumerated() {
    layers += [
      Conv2d(inputChannels: width, outputChannels: next, kernelSize: 3, stride: 2, padding: 1, using: stream),
      LeakyReLU(negativeSlope: leakySlope),
      Dropout2d(probability: dropout, drawName: "discriminator.dropout.\(index)"),
    ]
    if index > 0 { layers.append(BatchNorm2d(channels: next, epsilon: normEpsilon)) }
    width = next
  }
  return Sequential(layers)
}

/// The values that such a trunk gives for one picture: each convolution halves the size and rounds up.
func downsamplingFeatures(imageSize: Int, hidden: [Int]) -> Int {
  let side = hidden.reduce(imageSize) { size, _ in (size + 1) / 2 }
  return (hidden.last ?? 1) * side * side
}
