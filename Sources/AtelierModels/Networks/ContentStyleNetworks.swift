import AtelierCore
import AtelierData
import Torch
import TorchNN

// What UNIT, MUNIT and FUNIT are made of. Layers stand under the names of the authors' classes (`model`,
// `conv`, `norm`, `fc`), so that their files differ from ours in the leading names only.

/// What a convolution sees beyond the border of its input.
public enum BorderPadding: String, Sendable, Hashable, Codable, CaseIterable {
  /// The inside mirrored at the edge.
  case reflect
  /// Zeros.
  case zero
}

/// The activation between the layers of a generator.
public enum HiddenActivation: String, Sendable, Hashable, Codable, CaseIterable {
  /// max(x, 0).
  case relu
  /// x where positive, x / 5 elsewhere.
  case lrelu

  /// `x`, activated.
  func callAsFunction(_ x: Tensor) -> Tensor { self == .relu ? x.relu() : x.leakyRelu(0.2) }
}

/// A convolution with everything around it: border, normalisation, activation, in this order.
///
/// Source: NVlabs/MUNIT `networks.py` `Conv2dBlock`.
final class BlockConvolution: Module, Layer {
  /// What stands between convolution and activation.
  enum Norm {
    case none
    /// Each channel of each image by itself, without parameters.
    case instance
    /// The same, with scale and shift from a style.
    case adaptive
    /// A whole image, by its unbiased deviation.
    case layer
    /// Each channel of the batch.
    case batch
    /// No normalisation of the output: the weight is divided by its spectral norm.
    case spectral
  }

  /// What stands at the end.
  enum Activation {
    case hidden(HiddenActivation)
    case tanh
    case none
  }

  let norm: (any Layer)?
  let conv: Conv2d
  private let activation: Activation
  private let border: Int

  init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int, border: BorderPadding,
    norm: Norm, activation: Activation, hasBias: Bool = true, using stream: RandomStream
  ) {
    self.norm =
      switch norm {
      case .none, .spectral: nil
      case .instance: InstanceNorm2d(channels: outputs)
      case .adaptive: AdaptiveInstanceNorm2d(channels: outputs)
      case .layer: UnbiasedLayerNorm(channels: outputs, using: stream)
      case .batch: BatchNorm2d(channels: outputs)
      }
    var normalization: WeightNormalization?
    if case .spectral = norm { normalization = .spectralOverwriting() }
    conv = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
      padding: border == .zero ? padding : 0, hasBias: hasBias,
      normalization: normalization, using: stream)
    self.border = border == .reflect ? padding : 0
    self.activation = activation
    super.init()
  }

  /// `[batch, outputs, height', width']`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    var x = conv(border > 0 ? x.reflectionPadded([border, border, border, border]) : x)
    if let norm { x = norm(x) }
    return switch activation {
    case .hidden(let activation): activation(x)
    case .tanh: x.tanh()
    case .none: x
    }
  }
}

/// Layers one after the other under the name `model`.
final class BlockChain: Module, Layer {
  let model: Sequential

  init(_ layers: [any Layer]) {
    model = Sequential(layers)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { model(x) }
}

/// Two 3×3 convolutions and the way around them. Source: NVlabs/MUNIT `networks.py` `ResBlock`.
final class NormedResidualBlock: Module, Layer {
  let model: Sequential

  init(
    _ width: Int, norm: BlockConvolution.Norm, activation: HiddenActivation, border: BorderPadding,
    using stream: RandomStream
  ) {
    let ends: [BlockConvolution.Activation] = [.hidden(activation), .none]
    model = Sequential(
      ends.map { end in
        BlockConvolution(
          width, width, kernel: 3, padding: 1, border: border, norm: norm, activation: end, using: stream)
      })
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { model(x) + x }
}

/// A linear layer and its activation. Source: NVlabs/MUNIT `networks.py` `LinearBlock`.
private final class DenseBlock: Module, Layer {
  let fc: Linear
  private let activation: HiddenActivation?

  init(_ inputs: Int, _ outputs: Int, activation: HiddenActivation?, using stream: RandomStream) {
    fc = Linear(inputFeatures: inputs, outputFeatures: outputs, using: stream)
    self.activation = activation
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { activation?(fc(x)) ?? fc(x) }
}

/// The mean over all places: `[batch, channels, 1, 1]`.
private final class GlobalAverage: Module, Layer {
  func callAsFunction(_ x: Tensor) -> Tensor { x.mean(dims: [2, 3], keepDim: true) }
}

/// The shape of an encoder and its decoder.
struct ContentPlan {
  /// Channels of the widest map.
  var width: Int
  /// Halvings on the way in, doublings on the way out.
  var downsamplings: Int
  /// Residual blocks on each way.
  var blocks: Int
  var activation: HiddenActivation
  var border: BorderPadding
  /// What normalises the enlarged maps of the decoder: UNIT and MUNIT `.layer`, FUNIT `.instance`.
  var enlargingNorm = BlockConvolution.Norm.layer

  /// Channels of a content code.
  var codeWidth: Int { width << downsamplings }

  private func convolution(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int, norm: BlockConvolution.Norm,
    _ stream: RandomStream
  ) -> BlockConvolution {
    BlockConvolution(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding, border: border, norm: norm,
      activation: .hidden(activation), using: stream)
  }

  private func residual(norm: BlockConvolution.Norm, _ stream: RandomStream) -> BlockChain {
    BlockChain(
      (0..<blocks).map { _ in
        NormedResidualBlock(codeWidth, norm: norm, activation: activation, border: border, using: stream)
      })
  }

  /// 7×7, then 4×4 with stride 2, then residual blocks, all instance-normalised: images to
  /// `[batch, codeWidth, height / 2ⁿ, width / 2ⁿ]`. Source: NVlabs/MUNIT `networks.py` `ContentEncoder`.
  func encoder(channels: Int, using stream: RandomStream) -> BlockChain {
    var layers: [any Layer] = [convolution(channels, width, kernel: 7, padding: 3, norm: .instance, stream)]
    for level in 0..<downsamplings {
      layers.append(
        convolution(
          width << level, width << (level + 1), kernel: 4, stride: 2, padding: 1, norm: .instance, stream))
    }
    return BlockChain(layers + [residual(norm: .instance, stream)])
  }

  /// Residual blocks, then nearest doubling and 5×5, then 7×7 and tanh: codes to images in -1 … 1.
  ///
  /// Source: NVlabs/MUNIT `networks.py` `Decoder`.
  ///
  /// - Parameter residualNorm: `.adaptive` where a style decides, `.instance` in UNIT.
  func decoder(
    channels: Int, residualNorm: BlockConvolution.Norm, using stream: RandomStream
  ) -> BlockChain {
    var layers: [any Layer] = [residual(norm: residualNorm, stream)]
    for level in (0..<downsamplings).reversed() {
      layers.append(Upsample(scaleFactor: 2))
      layers.append(
        convolution(width << (level + 1), width << level, kernel: 5, padding: 2, norm: enlargingNorm, stream))
    }
    layers.append(
      BlockConvolution(
        width, channels, kernel: 7, padding: 3, border: border, norm: .none, activation: .tanh, using: stream)
    )
    return BlockChain(layers)
  }

  /// 7×7, then 4×4 with stride 2, the first two doubling the width, without normalisation, which would take
  /// the style away; the mean over all places; 1×1: images to `[batch, length, 1, 1]`.
  ///
  /// Source: NVlabs/MUNIT `networks.py` `StyleEncoder`; NVlabs/FUNIT `networks.py` `ClassModelEncoder`.
  func styleEncoder(channels: Int, downsamplings: Int, length: Int, using stream: RandomStream) -> BlockChain
  {
    var layers: [any Layer] = [convolution(channels, width, kernel: 7, padding: 3, norm: .none, stream)]
    var present = width
    for level in 0..<max(downsamplings, 2) {
      let next = level < 2 ? 2 * present : present
      layers.append(convolution(present, next, kernel: 4, stride: 2, padding: 1, norm: .none, stream))
      present = next
    }
    layers.append(GlobalAverage())
    layers.append(Conv2d(inputChannels: present, outputChannels: length, kernelSize: 1, using: stream))
    return BlockChain(layers)
  }
}

extension ContentPlan {
  /// Keys that a file of UNIT's, MUNIT's or FUNIT's authors tells of an encoder, and the images' channels.
  static func keys(
    of tensors: ForeignTensors, encoder: String
  ) throws(ConfigurationError) -> (channels: Int, keys: [String: ConfigurationValue]) {
    let first = try tensors.required("\(encoder).model.0.conv.weight", axes: 4)
    let convolutions = tensors.count("\(encoder).model.", ".conv.weight")
    let blocks = tensors.count("\(encoder).model.\(convolutions).model.", ".model.0.conv.weight")
    return (
      first[1],
      [
        "width": .integer(first[0]), "downsamplings": .integer(convolutions - 1), "blocks": .integer(blocks),
      ]
    )
  }

  /// Keys that a file tells of a style encoder and of what follows it.
  ///
  /// - Parameter key: what the configuration calls the encoder's halvings.
  static func styleKeys(
    of tensors: ForeignTensors, encoder: String, downsamplings key: String
  ) throws(ConfigurationError) -> [String: ConfigurationValue] {
    let first = try tensors.required("mlp.model.0.fc.weight", axes: 2)
    return [
      key: .integer(tensors.count("\(encoder).model.", ".conv.weight") - 1),
      "mlpLayers": .integer(tensors.count("mlp.model.", ".fc.weight")),
      "mlpWidth": .integer(first[0]), "styleLength": .integer(first[1]),
    ]
  }
}

/// A generator that takes an image apart into content, a map, and style, a short vector, and puts any two
/// together again: MUNIT's for one domain, FUNIT's for all classes.
///
/// Sources: NVlabs/MUNIT `networks.py` `AdaINGen`; NVlabs/FUNIT `networks.py` `FewShotGen`.
final class ContentStyleGenerator: Module {
  let styleEncoder: BlockChain
  let contentEncoder: BlockChain
  let decoder: BlockChain
  let mlp: BlockChain

  /// - Parameters:
  ///   - styleDownsamplings: halvings of the style encoder.
  ///   - mlpLayers: linear layers from a style to the scales and shifts of the decoder's blocks.
  init(
    _ plan: ContentPlan, channels: Int, styleDownsamplings: Int, styleLength: Int, mlpWidth: Int,
    mlpLayers: Int, using stream: RandomStream
  ) {
    styleEncoder = plan.styleEncoder(
      channels: channels, downsamplings: styleDownsamplings, length: styleLength, using: stream)
    contentEncoder = plan.encoder(channels: channels, using: stream)
    decoder = plan.decoder(channels: channels, residualNorm: .adaptive, using: stream)
    let count = styleCount(of: decoder)
    var dense: [any Layer] = []
    // As in the authors' code there are at least two: into the hidden width, and out of it.
    for number in 0..<max(mlpLayers, 2) {
      let isLast = number == max(mlpLayers, 2) - 1
      dense.append(
        DenseBlock(
          number == 0 ? styleLength : mlpWidth, isLast ? count : mlpWidth,
          activation: isLast ? nil : plan.activation, using: stream))
    }
    mlp = BlockChain(dense)
    super.init()
  }

  /// - Parameter styleEncoder: what the authors call it.
  static func authorsNames(styleEncoder: String) -> KeyMap {
    KeyMap(["style_encoder": styleEncoder, "content_encoder": "enc_content", "decoder": "dec"])
  }

  /// `[batch, codeWidth, height / 2ⁿ, width / 2ⁿ]`.
  func content(of pictures: Tensor) -> Tensor { contentEncoder(pictures.channelsLast()) }

  /// `[batch, styleLength]`.
  func style(of pictures: Tensor) -> Tensor { styleEncoder(pictures.channelsLast()).flattened(from: 1) }

  /// Images in -1 … 1 of content maps all in one style `[1, styleLength]`, for any number of them in a recorded script.
  func decodeBroadcasting(_ content: Tensor, style: Tensor) -> Tensor {
    // Zeros that follow the batch, which a recorded number would not.
    let zeros = content.mean(dims: [1, 2, 3], keepDim: false).unsqueezed(1) * 0
    return decode(content, style: style + zeros)
  }

  /// Images in -1 … 1 of a content map in a style `[batch, styleLength]`.
  func decode(_ content: Tensor, style: Tensor) -> Tensor {
    assignStyles(mlp(style.flattened(from: 1)), to: decoder)
    return decoder(content)
  }
}
