import AtelierCore
import Torch
import TorchNN

/// The PatchGAN: scores for overlapping patches of an image, from strided 4×4 convolutions.
///
/// A patch is 16, 34, 70, 142 or 286 pixels wide for 1 to 5 `layers`. Source: Isola et al. 2017, section
/// 3.2.2; junyanz/pytorch-CycleGAN-and-pix2pix `models/networks.py` `NLayerDiscriminator`, whose names the
/// layers have: `model.0.weight`.
final class PatchDiscriminator: Module, Layer {
  let model: Sequential

  /// - Parameters:
  ///   - width: channels of the first map; twice as many for each further one, up to eight times.
  ///   - layers: convolutions that halve the image; 0 leaves one, and keeps the first width behind it.
  init(inputChannels: Int, width: Int, layers count: Int, norm: ImageNorm, using stream: RandomStream) {
    func channels(_ number: Int) -> Int { width * min(8, 1 << min(number, 3)) }
    func convolution(_ inputs: Int, _ outputs: Int, stride: Int, hasBias: Bool) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: stride, padding: 1,
        hasBias: hasBias, using: stream)
    }
    var layers: [any Layer] = [
      convolution(inputChannels, width, stride: 2, hasBias: true),
      LeakyReLU(negativeSlope: 0.2, isInPlace: true),
    ]
    var present = width
    for number in 1..<(max(count, 1) + 1) {
      let next = channels(count == 0 ? 0 : number)
      layers += [
        convolution(present, next, stride: number < count ? 2 : 1, hasBias: norm.keepsBias),
        norm.layer(next), LeakyReLU(negativeSlope: 0.2, isInPlace: true),
      ]
      present = next
    }
    layers.append(convolution(present, 1, stride: 1, hasBias: true))
    model = Sequential(layers)
    super.init()
  }

  /// Raw scores `[batch, 1, height', width']`.
  func callAsFunction(_ x: Tensor) -> Tensor { model(x) }
}

/// The discriminator that judges every pixel by itself, with 1×1 convolutions.
///
/// Source: junyanz/pytorch-CycleGAN-and-pix2pix `models/networks.py` `PixelDiscriminator`, whose names the
/// layers have: `net.0.weight`.
final class PixelDiscriminator: Module, Layer {
  let net: Sequential

  init(inputChannels: Int, width: Int, norm: ImageNorm, using stream: RandomStream) {
    func convolution(_ inputs: Int, _ outputs: Int, hasBias: Bool) -> Conv2d {
      Conv2d(inputChannels: inputs, outputChannels: outputs, kernelSize: 1, hasBias: hasBias, using: stream)
    }
    net = Sequential([
      convolution(inputChannels, width, hasBias: true), LeakyReLU(negativeSlope: 0.2, isInPlace: true),
      convolution(width, 2 * width, hasBias: norm.keepsBias), norm.layer(2 * width),
      LeakyReLU(negativeSlope: 0.2, isInPlace: true), convolution(2 * width, 1, hasBias: norm.keepsBias),
    ])
    super.init()
  }

  /// Raw scores `[batch, 1, height, width]`.
  func callAsFunction(_ x: Tensor) -> Tensor { net(x) }
}
