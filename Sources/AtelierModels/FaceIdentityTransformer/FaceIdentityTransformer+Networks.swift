import AtelierCore
import Torch
import TorchNN

/// The normalisation of the three networks that see faces.
public enum FaceNorm: String, Sendable, Hashable, Codable, CaseIterable {
  /// Batch normalisation that has no running statistics: a batch's own hold in use as well.
  case batch
  /// Instance normalisation with running statistics, which hold in use.
  case instance
  /// None.
  case none

  /// A layer for `[batch, channels, height, width]`; nothing at all still takes its place in a chain.
  func layer(_ channels: Int) -> any Layer {
    switch self {
    case .batch: BatchNorm2d(channels: channels, tracksStatistics: false)
    case .instance: InstanceNorm2d(channels: channels, tracksStatistics: true)
    case .none: Identity()
    }
  }

  /// Whether the convolution in front has a bias.
  var keepsBias: Bool { self != .batch }
}

/// What convolutions of residual blocks see beyond the border.
public enum FacePadding: String, Sendable, Hashable, Codable, CaseIterable {
  /// The image mirrored.
  case reflect
  /// The pixels of the border.
  case replicate
  /// Zeros.
  case zero
}

/// Repeats the border.
private final class ReplicationPad: Module, Layer {
  func callAsFunction(_ x: Tensor) -> Tensor { x.replicationPadded([1, 1, 1, 1]) }
}

/// A face and a code in, a face out: Johnson's residual generator, with the code in channels behind the image's.
final class PasscodeGenerator: Module {
  private let model: Sequential

  init(_ configuration: FaceIdentityTransformer.Configuration, using stream: RandomStream) {
    let (norm, width) = (configuration.norm, configuration.generatorChannels)
    let halvings = configuration.downsamplings
    func activation() -> any Layer {
      configuration.leaky ? LeakyReLU(negativeSlope: 0.1, isInPlace: true) : ReLU(isInPlace: true)
    }
    func convolution(_ inputs: Int, _ outputs: Int, size: Int = 3, stride: Int = 1, hasBias: Bool) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: size, stride: stride, hasBias: hasBias,
        using: stream)
    }
    var layers: [any Layer] = [
      ReflectionPad2d(3),
      convolution(3 + configuration.passwordLength, width, size: 7, hasBias: norm.keepsBias),
      norm.layer(width),
      activation(),
    ]
    for level in 0..<halvings {
      let channels = width << level
      layers += [
        ReflectionPad2d(1), convolution(channels, 2 * channels, stride: 2, hasBias: norm.keepsBias),
        norm.layer(2 * channels), activation(),
      ]
    }
    for _ in 0..<configuration.residualBlocks {
      layers.append(
        PasscodeBlock(
          width << halvings, norm: norm, padding: configuration.padding, activation: activation(),
          using: stream))
    }
    for level in (0..<halvings).reversed() {
      let channels = width << level
      if configuration.resizeConvolution {
        layers += [
          Upsample(scaleFactor: 2), ReflectionPad2d(1), convolution(2 * channels, channels, hasBias: true),
        ]
      } else {
        layers.append(
          ConvTranspose2d(
            inputChannels: 2 * channels, outputChannels: channels, kernelSize: 3, stride: 2, padding: 1,
            outputPadding: 1, hasBias: norm.keepsBias, using: stream))
      }
      layers += [norm.layer(channels), activation()]
    }
    model = Sequential(layers + [ReflectionPad2d(3), convolution(width, 3, size: 7, hasBias: true), Tanh()])
    super.init()
    initialize(self, .normal(), using: stream)
  }

  /// Faces `[batch, 3, height, width]` in -1 … 1 of faces and codes `[batch, length]`.
  func callAsFunction(_ images: Tensor, _ codes: Tensor) -> Tensor {
    let planes = codes.reshaped([codes.shape[0], codes.shape[1], 1, 1])
      .expanded([codes.shape[0], codes.shape[1], images.shape[2], images.shape[3]])
    return model(.concatenated([images, planes.asType(images.dtype)], dim: 1))
  }
}

/// Two 3×3 convolutions, added to what went in.
private final class PasscodeBlock: Module, Layer {
  private let convBlock: Sequential

  init(
    _ channels: Int, norm: FaceNorm, padding: FacePadding, activation: any Layer, using stream: RandomStream
  ) {
    func half() -> [any Layer] {
      let border: [any Layer] =
        switch padding {
        case .reflect: [ReflectionPad2d(1)]
        case .replicate: [ReplicationPad()]
        case .zero: []
        }
      return border + [
        Conv2d(
          inputChannels: channels, outputChannels: channels, kernelSize: 3, padding: padding == .zero ? 1 : 0,
          hasBias: norm.keepsBias, using: stream),
        norm.layer(channels),
      ]
    }
    convBlock = Sequential(half() + [activation] + half())
  }

  func callAsFunction(_ x: Tensor) -> Tensor { x + convBlock(x) }
}

/// Three PatchGANs at full size, one for each kind of generated image, and one that all share at half the size.
final class PasscodeDiscriminator: Module {
  /// The kinds of images that are judged.
  enum Branch: CaseIterable {
    case modified, recovered, wrong
  }

  private let shared: Sequential
  private let modified: Sequential
  private let recovered: Sequential
  private let wrong: Sequential

  init(_ configuration: FaceIdentityTransformer.Configuration, using stream: RandomStream) {
    func scores() -> Sequential {
      let (norm, count) = (configuration.norm, configuration.discriminatorLayers)
      var width = configuration.discriminatorChannels
      func convolution(_ inputs: Int, _ outputs: Int, stride: Int, hasBias: Bool) -> Conv2d {
        Conv2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: stride, padding: 1,
          hasBias: hasBias,
          using: stream)
      }
      var layers: [any Layer] = [
        convolution(3, width, stride: 2, hasBias: true), LeakyReLU(negativeSlope: 0.2, isInPlace: true),
      ]
      for number in 1...count {
        let next = min(2 * width, 512)
        layers += [
          convolution(width, next, stride: number < count ? 2 : 1, hasBias: norm.keepsBias), norm.layer(next),
          LeakyReLU(negativeSlope: 0.2, isInPlace: true),
        ]
        width = next
      }
      return Sequential(layers + [convolution(width, 1, stride: 1, hasBias: false)])
    }
    (shared, modified, recovered, wrong) = (scores(), scores(), scores(), scores())
    super.init()
    initialize(self, .normal(), using: stream)
  }

  /// Raw scores `[batch, 1, height', width']` at full size by a branch, and at half the size by the shared part.
  func callAsFunction(_ images: Tensor, _ branch: Branch) -> [Tensor] {
    let own =
      switch branch {
      case .modified: modified
      case .recovered: recovered
      case .wrong: wrong
      }
    let half = averagePool2d(
      images, kernelSize: (3, 3), stride: (2, 2), padding: (1, 1), countIncludePad: false)
    return [own(images), shared(half)]
  }

  /// Our names and the authors'.
  static let authorsNames = KeyMap([
    "shared": "FE", "modified": "layer1_M", "recovered": "layer1_R", "wrong": "layer1_WR",
  ])
}

/// Which code turned one image into another, told in groups of four bits.
final class PasscodeClassifier: Module {
  private let frontEnd: Sequential
  private let features: Sequential
  private let heads: [Linear]

  init(_ configuration: FaceIdentityTransformer.Configuration, using stream: RandomStream) {
    let (norm, width, count) = (
      configuration.norm, configuration.discriminatorChannels, configuration.classifierLayers
    )
    func convolution(
      _ inputs: Int, _ outputs: Int, stride: Int = 2, padding: Int = 1, hasBias: Bool? = nil
    ) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: stride, padding: padding,
        hasBias: hasBias ?? norm.keepsBias, using: stream)
    }
    func activation() -> any Layer { LeakyReLU(negativeSlope: 0.2, isInPlace: true) }
    var layers: [any Layer] = [convolution(6, width, hasBias: true), activation()]
    for number in 1..<count {
      let next = width * min(1 << number, 8)
      layers += [convolution(width << (number - 1), next), norm.layer(next), activation()]
    }
    frontEnd = Sequential(layers)
    let wide = width * min(1 << count, 8)
    features = Sequential([
      convolution(width << (count - 1), wide), norm.layer(wide), activation(),
      convolution(wide, wide, stride: 4, padding: 0), norm.layer(wide), activation(),
      AveragePool(),
    ])
    heads = (0..<(configuration.passwordLength / 4)).map { _ in
      Linear(inputFeatures: wide, outputFeatures: 16, using: stream)
    }
    super.init()
    initialize(self, .normal(), using: stream)
  }

  /// Logits `[batch, 16]` of each group of four bits for what an image was and what it became.
  func callAsFunction(_ image: Tensor, _ other: Tensor) -> [Tensor] {
    let made = features(frontEnd(.concatenated([image, other], dim: 1))).flattened(from: 1)
    return heads.map { $0(made) }
  }

  /// Our names and the authors'.
  static let authorsNames = KeyMap(
    [
      "front_end": "FE.model", "features": "classifiers.model",
    ].merging((0..<16).map { ("heads.\($0)", "classifiers.fc_list.fc_\($0)") }) { one, _ in one })
}

/// Means of 2×2 pixels.
private final class AveragePool: Module, Layer {
  func callAsFunction(_ x: Tensor) -> Tensor { averagePool2d(x, kernelSize: (2, 2)) }
}
