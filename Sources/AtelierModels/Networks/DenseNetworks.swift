import AtelierCore
import Torch
import TorchNN

/// PyTorch-GAN's dense generator: linear layers with leaky relu, batch-normalised all but the first, and
/// tanh at the end. Shared by gan, wgan-gp and cgan.
///
/// Source: eriklindernoren/PyTorch-GAN `implementations/gan/gan.py`. The layers' names are the authors'.
final class DenseGenerator: Module, Layer {
  let model: Sequential
  private let imageShape: [Int]

  /// - Parameters:
  ///   - inputs: the length of what enters: the latent vector, or it and a label's embedding.
  ///   - hidden: widths, input side first.
  ///   - imageShape: `[channels, height, width]`.
  init(
    inputs: Int, hidden: [Int], imageShape: [Int], normEpsilon: Double, leakySlope: Double,
    using stream: RandomStream
  ) {
    var layers: [any Layer] = []
    var width = inputs
    for (index, next) in hidden.enumerated() {
      layers.append(Linear(inputFeatures: width, outputFeatures: next, using: stream))
      if index > 0 { layers.append(BatchNorm1d(channels: next, epsilon: normEpsilon)) }
      layers.append(LeakyReLU(negativeSlope: leakySlope))
      width = next
    }
    layers.append(Linear(inputFeatures: width, outputFeatures: imageShape.reduce(1, *), using: stream))
    layers.append(Tanh())
    model = Sequential(layers)
    self.imageShape = imageShape
    super.init()
  }

  /// Images `[batch, channels, height, width]` in -1 … 1 for `[batch, inputs]`.
  func callAsFunction(_ x: Tensor) -> Tensor { model(x).reshaped([-1] + imageShape) }
}

/// PyTorch-GAN's dense discriminator: linear layers with leaky relu. Shared by gan and wgan-gp.
///
/// Source: eriklindernoren/PyTorch-GAN `implementations/gan/gan.py` and `wgan_gp/wgan_gp.py`, which differ
/// in the sigmoid at the end. The layers' names are the authors'.
final class DenseDiscriminator: Module, Layer {
  let model: Sequential

  /// - Parameters:
  ///   - inputs: values of an image.
  ///   - hidden: widths, input side first.
  ///   - endsInSigmoid: whether scores are probabilities.
  init(inputs: Int, hidden: [Int], leakySlope: Double, endsInSigmoid: Bool, using stream: RandomStream) {
    var layers: [any Layer] = []
    var width = inputs
    for next in hidden {
      layers.append(Linear(inputFeatures: width, outputFeatures: next, using: stream))
      layers.append(LeakyReLU(negativeSlope: leakySlope))
      width = next
    }
    layers.append(Linear(inputFeatures: width, outputFeatures: 1, using: stream))
    if endsInSigmoid { layers.append(Sigmoid()) }
    model = Sequential(layers)
    super.init()
  }

  /// Scores `[batch, 1]` for images of any shape.
  func callAsFunction(_ x: Tensor) -> Tensor { model(x.flattened(from: 1)) }
}
