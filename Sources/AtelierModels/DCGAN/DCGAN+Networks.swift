import AtelierCore
import Torch
import TorchNN

extension DCGAN {
  /// How an image is halved: `halvings` times, to a map of `bottomWidth`.
  struct Stages {
    let halvings: Int
    let bottomWidth: Int

    init?(imageSize: Int) {
      var (width, count) = (imageSize, 0)
      while width >= 8, width % 2 == 0 { (width, count) = (width / 2, count + 1) }
      guard count >= 1, (4..<8).contains(width) else { return nil }
      (halvings, bottomWidth) = (count, width)
    }

    /// Channels of the maps from the widest to the smallest: c, 2c, 4c, …
    func widths(_ base: Int) -> [Int] { (0..<halvings).map { base << $0 } }
  }

  /// pytorch/examples' generator; the layers' names are the authors': `main.0.weight`.
  final class Generator: Module, Layer {
    let main: Sequential
    private let latentSize: Int

    init(_ configuration: Configuration, _ stages: Stages, using stream: RandomStream) {
      latentSize = configuration.latentSize
      let widths = Array(stages.widths(configuration.generatorChannels).reversed())
      var layers: [any Layer] = []
      var width = latentSize
      for (index, next) in widths.enumerated() {
        layers += [
          ConvTranspose2d(
            inputChannels: width, outputChannels: next, kernelSize: index == 0 ? stages.bottomWidth : 4,
            stride: index == 0 ? 1 : 2, padding: index == 0 ? 0 : 1, hasBias: false, using: stream),
          BatchNorm2d(channels: next, epsilon: configuration.normEpsilon), ReLU(isInPlace: true),
        ]
        width = next
      }
      layers += [
        ConvTranspose2d(
          inputChannels: width, outputChannels: configuration.imageChannels, kernelSize: 4, stride: 2,
          padding: 1, hasBias: false, using: stream),
        Tanh(),
      ]
      main = Sequential(layers)
      super.init()
    }

    /// Images in -1 … 1 for `[batch, latent]` or `[batch, latent, 1, 1]`.
    func callAsFunction(_ x: Tensor) -> Tensor { main(x.reshaped([-1, latentSize, 1, 1])) }
  }

  /// pytorch/examples' discriminator; the layers' names are the authors': `main.0.weight`.
  final class Discriminator: Module, Layer {
    let main: Sequential

    init(_ configuration: Configuration, _ stages: Stages, using stream: RandomStream) {
      var layers: [any Layer] = []
      var width = configuration.imageChannels
      for (index, next) in stages.widths(configuration.discriminatorChannels).enumerated() {
        layers.append(
          Conv2d(
            inputChannels: width, outputChannels: next, kernelSize: 4, stride: 2, padding: 1, hasBias: false,
            using: stream))
        if index > 0 { layers.append(BatchNorm2d(channels: next, epsilon: configuration.normEpsilon)) }
        layers.append(LeakyReLU(negativeSlope: configuration.leakySlope, isInPlace: true))
        width = next
      }
      layers.append(
        Conv2d(
          inputChannels: width, outputChannels: 1, kernelSize: stages.bottomWidth, hasBias: false,
          using: stream))
      if configuration.loss.takesProbabilities { layers.append(Sigmoid()) }
      main = Sequential(layers)
      super.init()
    }

    /// Scores `[batch]` for images `[batch, channels, height, width]`.
    func callAsFunction(_ x: Tensor) -> Tensor { main(x.channelsLast()).reshaped([-1]) }
  }

  /// Batch norm that uses the batch's statistics also when generating, as the authors' code does.
  static func batchStatistics(_ channels: Int, _ configuration: Configuration) -> BatchNorm2d {
    BatchNorm2d(channels: channels, epsilon: configuration.normEpsilon, tracksStatistics: false)
  }

  /// A 5×5 transposed convolution that doubles a map.
  static func enlarging(_ inputs: Int, _ outputs: Int, using stream: RandomStream) -> ConvTranspose2d {
    ConvTranspose2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: 5, stride: 2, padding: 2, outputPadding: 1,
      hasBias: false, using: stream)
  }

  /// The generator of the authors' code: linear to the smallest map, 5×5 transposed convolutions.
  final class TheanoGenerator: Module, Layer {
    let projection: Linear
    let bottomNorm: BatchNorm2d
    let blocks: Sequential
    private let bottomShape: [Int]

    init(_ configuration: Configuration, _ stages: Stages, using stream: RandomStream) {
      let widths = Array(stages.widths(configuration.generatorChannels).reversed())
      bottomShape = [widths[0], stages.bottomWidth, stages.bottomWidth]
      projection = Linear(
        inputFeatures: configuration.latentSize, outputFeatures: bottomShape.reduce(1, *), hasBias: false,
        using: stream)
      stream.fillNormal(projection.weight, standardDeviation: 0.02)
      bottomNorm = DCGAN.batchStatistics(widths[0], configuration)
      var layers: [any Layer] = [ReLU()]
      for (width, next) in zip(widths, widths.dropFirst()) {
        layers += [
          DCGAN.enlarging(width, next, using: stream), DCGAN.batchStatistics(next, configuration),
          ReLU(isInPlace: true),
        ]
      }
      let last = widths[widths.count - 1]
      layers += [DCGAN.enlarging(last, configuration.imageChannels, using: stream), Tanh()]
      blocks = Sequential(layers)
      super.init()
    }

    /// Images in -1 … 1 for `[batch, latent]` or `[batch, latent, 1, 1]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
      blocks(bottomNorm(projection(x.flattened(from: 1)).reshaped([-1] + bottomShape)))
    }
  }

  /// The discriminator of the authors' code: 5×5 convolutions and a linear layer.
  final class TheanoDiscriminator: Module, Layer {
    let blocks: Sequential
    let head: Linear
    private let endsInSigmoid: Bool

    init(_ configuration: Configuration, _ stages: Stages, using stream: RandomStream) {
      let widths = stages.widths(configuration.discriminatorChannels)
      var layers: [any Layer] = []
      var width = configuration.imageChannels
      for (index, next) in widths.enumerated() {
        layers.append(
          Conv2d(
            inputChannels: width, outputChannels: next, kernelSize: 5, stride: 2, padding: 2, hasBias: false,
            using: stream))
        if index > 0 { layers.append(DCGAN.batchStatistics(next, configuration)) }
        layers.append(LeakyReLU(negativeSlope: configuration.leakySlope, isInPlace: true))
        width = next
      }
      blocks = Sequential(layers)
      head = Linear(
        inputFeatures: width * stages.bottomWidth * stages.bottomWidth, outputFeatures: 1, hasBias: false,
        using: stream)
      stream.fillNormal(head.weight, standardDeviation: 0.02)
      endsInSigmoid = configuration.loss.takesProbabilities
      super.init()
    }

    /// Scores `[batch]` for images `[batch, channels, height, width]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
      let scores = head(blocks(x).flattened(from: 1)).reshaped([-1])
      return endsInSigmoid ? scores.sigmoid() : scores
    }
  }
}
