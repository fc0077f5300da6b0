import AtelierCore
import Torch
import TorchNN

/// Johnson's residual generator as CycleGAN and pix2pixHD have it: a wide convolution, halvings, residual
/// blocks, doublings, a wide convolution, tanh.
///
/// Sources: Johnson et al. 2016; junyanz/pytorch-CycleGAN-and-pix2pix `models/networks.py` `ResnetGenerator`;
/// NVIDIA/pix2pixHD `models/networks.py` `GlobalGenerator` and, without blocks, `Encoder`. The layers have
/// their names: `model.1.weight`, `model.10.conv_block.1.weight`.
final class ResidualGenerator: Module, Layer {
  let model: Sequential

  /// - Parameters:
  ///   - width: channels before the first halving; each halving doubles them.
  ///   - hasBias: whether the convolutions in front of norms have a bias; the last one always has.
  ///   - dropout: whether half of the values are dropped inside each block.
  ///   - checkpointsBlocks: whether blocks are computed once more in the backward pass.
  init(
    inputChannels: Int, outputChannels: Int, width: Int, downsamplings: Int, blocks: Int, norm: some MapNorm,
    hasBias: Bool, dropout: Bool = false, upsampling: LearnedUpsampling = .transposed,
    checkpointsBlocks: Bool = false, using stream: RandomStream
  ) {
    model = Sequential(
      Self.trunk(
        inputChannels: inputChannels, width: width, downsamplings: downsamplings, blocks: blocks, norm: norm,
        hasBias: hasBias, dropout: dropout, upsampling: upsampling, checkpointsBlocks: checkpointsBlocks,
        using: stream)
        + Self.head(width, outputChannels, using: stream))
    super.init()
  }

  /// Images `[batch, outputs, height, width]` in -1 … 1; sides that are no multiples of two to the power
  /// of `downsamplings` come back as the next larger ones.
  func callAsFunction(_ x: Tensor) -> Tensor { model(x) }

  /// Everything but the last three layers: features `[batch, width, height, width]`.
  static func trunk(
    inputChannels: Int, width: Int, downsamplings: Int, blocks: Int, norm: some MapNorm, hasBias: Bool,
    dropout: Bool = false, upsampling: LearnedUpsampling = .transposed, checkpointsBlocks: Bool = false,
    using stream: RandomStream
  ) -> [any Layer] {
    var layers: [any Layer] = [
      ReflectionPad2d(3),
      Conv2d(
        inputChannels: inputChannels, outputChannels: width, kernelSize: 7, hasBias: hasBias, using: stream),
      norm.layer(width), ReLU(isInPlace: true),
    ]
    for level in 0..<downsamplings {
      layers += shrinking(width << level, norm: norm, hasBias: hasBias, using: stream)
    }
    for number in 0..<blocks {
      layers.append(
        ResidualBlock(
          channels: width << downsamplings, norm: norm, hasBias: hasBias,
          dropout: dropout ? number + 1 : nil, isCheckpointed: checkpointsBlocks, using: stream))
    }
    for level in (0..<downsamplings).reversed() {
      layers += growing(width << level, norm: norm, hasBias: hasBias, upsampling: upsampling, using: stream)
    }
    return layers
  }

  /// The convolution that makes an image of features, and tanh.
  static func head(_ width: Int, _ outputChannels: Int, using stream: RandomStream) -> [any Layer] {
    [
      ReflectionPad2d(3),
      Conv2d(inputChannels: width, outputChannels: outputChannels, kernelSize: 7, using: stream), Tanh(),
    ]
  }

  /// A convolution that halves the sides and doubles the channels.
  static func shrinking(
    _ channels: Int, norm: some MapNorm, hasBias: Bool, using stream: RandomStream
  ) -> [any Layer] {
    [
      Conv2d(
        inputChannels: channels, outputChannels: 2 * channels, kernelSize: 3, stride: 2, padding: 1,
        hasBias: hasBias, using: stream),
      norm.layer(2 * channels), ReLU(isInPlace: true),
    ]
  }

  /// A transposed convolution, or an enlargement and a convolution, that doubles the sides and halves the
  /// channels to the given ones.
  static func growing(
    _ channels: Int, norm: some MapNorm, hasBias: Bool, upsampling: LearnedUpsampling = .transposed,
    using stream: RandomStream
  ) -> [any Layer] {
    let doubling: [any Layer] =
      switch upsampling {
      case .transposed:
        [
          ConvTranspose2d(
            inputChannels: 2 * channels, outputChannels: channels, kernelSize: 3, stride: 2, padding: 1,
            outputPadding: 1, hasBias: hasBias, using: stream)
        ]
      case .resized:
        [
          Upsample(scaleFactor: 2), ReflectionPad2d(1),
          Conv2d(
            inputChannels: 2 * channels, outputChannels: channels, kernelSize: 3, hasBias: hasBias,
            using: stream),
        ]
      }
    return doubling + [norm.layer(channels), ReLU(isInPlace: true)]
  }
}

/// Two 3×3 convolutions on mirrored borders, added to what went in; no activation behind the sum.
final class ResidualBlock: Module, Layer {
  let convBlock: Sequential
  private let isCheckpointed: Bool

  /// - Parameters:
  ///   - dropout: the number in the name of the dropout's draw; nil: no dropout.
  ///   - isCheckpointed: whether the block is computed once more in the backward pass.
  init(
    channels: Int, norm: some MapNorm, hasBias: Bool, dropout: Int? = nil, isCheckpointed: Bool = false,
    using stream: RandomStream
  ) {
    self.isCheckpointed = isCheckpointed
    func half() -> [any Layer] {
      [
        ReflectionPad2d(1),
        Conv2d(
          inputChannels: channels, outputChannels: channels, kernelSize: 3, hasBias: hasBias, using: stream),
        norm.layer(channels),
      ]
    }
    var layers = half() + [ReLU(isInPlace: true)]
    if let dropout { layers.append(Dropout(probability: 0.5, drawName: "dropout.\(dropout)")) }
    convBlock = Sequential(layers + half())
    super.init()
  }

  /// The input's shape.
  func callAsFunction(_ x: Tensor) -> Tensor {
    checkpointed([x], when: isCheckpointed) { [convBlock] in $0[0] + convBlock($0[0]) }
  }
}
