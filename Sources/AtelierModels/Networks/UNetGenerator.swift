import AtelierCore
import Torch
import TorchNN

/// The U-Net of pix2pix: each level halves the image, hands it to the level inside, doubles what comes back
/// and joins it with what went in.
///
/// Source: Isola et al. 2017, section 3.2.1; junyanz/pytorch-CycleGAN-and-pix2pix `models/networks.py`
/// `UnetGenerator`, whose names the layers have: `model.model.0.weight`, `model.model.1.model.1.weight`.
/// There the depth is 5 or more; here it is 2 or more, with the widths the outer levels would have.
final class UNetGenerator: Module, Layer {
  let model: UNetLevel

  /// - Parameters:
  ///   - width: channels of the outermost level; twice as many for each level inside, up to eight times.
  ///   - downsamplings: the number of levels, so that sides are multiples of two to its power.
  ///   - dropout: whether half of the values are dropped behind the inner levels of full width, all but the
  ///     innermost: the only noise of pix2pix. A U-Net of 5 or fewer levels has none.
  init(
    inputChannels: Int, outputChannels: Int, width: Int, downsamplings: Int, norm: ImageNorm, dropout: Bool,
    using stream: RandomStream
  ) {
    func channels(_ level: Int) -> Int { width * min(8, 1 << min(level, 3)) }
    var inside: UNetLevel?
    for level in (1..<downsamplings).reversed() {
      // Numbered in the order in which a pass draws them, from the inside.
      let number = dropout && level >= 4 && inside != nil ? downsamplings - 1 - level : nil
      inside = UNetLevel(
        outer: channels(level - 1), inner: channels(level), inside: inside, norm: norm, dropout: number,
        using: stream)
    }
    model = UNetLevel(
      inputChannels: inputChannels, outputChannels: outputChannels, inner: channels(0), inside: inside,
      norm: norm, using: stream)
    super.init()
  }

  /// Images `[batch, outputs, height, width]` in -1 … 1 for `[batch, inputs, height, width]`.
  func callAsFunction(_ x: Tensor) -> Tensor { model(x) }
}

/// One level of a U-Net with all levels inside it.
final class UNetLevel: Module, Layer {
  let model: Sequential
  /// Only the outermost level does not join its input with its output.
  private let isOutermost: Bool

  /// A level inside another; without a level inside it is the innermost.
  ///
  /// - Parameter dropout: the number in the name of the dropout's draw; nil: no dropout.
  init(
    outer: Int, inner: Int, inside: UNetLevel?, norm: ImageNorm, dropout: Int?, using stream: RandomStream
  ) {
    isOutermost = false
    // The activation in front overwrites what the level outside made, so that the way across carries it too.
    var layers: [any Layer] = [
      LeakyReLU(negativeSlope: 0.2, isInPlace: true),
      halving(outer, inner, hasBias: norm.keepsBias, using: stream),
    ]
    if let inside { layers += [norm.layer(inner), inside] }
    layers += [
      ReLU(isInPlace: true),
      doubling(inside == nil ? inner : 2 * inner, outer, hasBias: norm.keepsBias, using: stream),
      norm.layer(outer),
    ]
    if let dropout { layers.append(Dropout(probability: 0.5, drawName: "dropout.\(dropout)")) }
    model = Sequential(layers)
    super.init()
  }

  /// The outermost level, which takes and gives images.
  init(
    inputChannels: Int, outputChannels: Int, inner: Int, inside: UNetLevel?, norm: ImageNorm,
    using stream: RandomStream
  ) {
    isOutermost = true
    var layers: [any Layer] = [halving(inputChannels, inner, hasBias: norm.keepsBias, using: stream)]
    if let inside { layers.append(inside) }
    layers += [
      ReLU(isInPlace: true),
      doubling(inside == nil ? inner : 2 * inner, outputChannels, hasBias: true, using: stream), Tanh(),
    ]
    model = Sequential(layers)
    super.init()
  }

  /// Of the input's height and width.
  func callAsFunction(_ x: Tensor) -> Tensor {
    guard !isOutermost else { return model(x) }
    let across = model[0](x)
    var inside = across
    for layer in model.layers.dropFirst() { inside = layer(inside) }
    return .concatenated([across, inside], dim: 1)
  }
}

private func halving(_ inputs: Int, _ outputs: Int, hasBias: Bool, using stream: RandomStream) -> Conv2d {
  Conv2d(
    inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: 2, padding: 1, hasBias: hasBias,
    using: stream)
}

private func doubling(
  _ inputs: Int, _ outputs: Int, hasBias: Bool, using stream: RandomStream
) -> ConvTranspose2d {
  ConvTranspose2d(
    inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: 2, padding: 1, hasBias: hasBias,
    using: stream)
}
