import AtelierCore
import Torch
import TorchNN

/// Images `[batch, channels, height, width]` for latents `[batch, latent]` and int64 labels `[batch]`.
protocol ClassGenerator: Module {
  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor
}

/// Scores of images and the classes they claim to show.
protocol ClassDiscriminator: Module {
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor
}

/// PyTorch-GAN's generator.
final class EmbeddingGenerator: Module, ClassGenerator {
  let labelEmbedding: Embedding
  let dense: DenseGenerator

  /// The authors' names: `label_emb.weight`, `model.0.weight`.
  static let authorsNames = KeyMap(["label_embedding": "label_emb", "dense.model": "model"])

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let classes = configuration.classes
    labelEmbedding = Embedding(count: classes, features: classes, using: stream)
    dense = DenseGenerator(
      inputs: configuration.latentSize + classes, hidden: configuration.generatorHidden,
      imageShape: configuration.imageShape, normEpsilon: configuration.normEpsilon,
      leakySlope: configuration.leakySlope, using: stream)
    super.init()
  }

  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
    dense(.concatenated([labelEmbedding(label), latent], dim: 1))
  }
}

/// PyTorch-GAN's discriminator; the layers' names are the authors'.
final class EmbeddingDiscriminator: Module, ClassDiscriminator {
  let labelEmbedding: Embedding
  let model: Sequential

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let classes = configuration.classes
    labelEmbedding = Embedding(count: classes, features: classes, using: stream)
    let hidden = configuration.discriminatorHidden
    // The script has one width for its three layers, and the cases write it once.
    let widths = hidden.count == 1 ? [hidden[0], hidden[0], hidden[0]] : hidden
    var layers: [any Layer] = []
    var width = configuration.imageShape.reduce(1, *) + classes
    for (index, next) in widths.enumerated() {
      layers.append(Linear(inputFeatures: width, outputFeatures: next, using: stream))
      if index > 0 {
        layers.append(
          Dropout(probability: configuration.dropout, drawName: "discriminator.dropout.\(index)"))
      }
      layers.append(LeakyReLU(negativeSlope: configuration.leakySlope))
      width = next
    }
    layers.append(Linear(inputFeatures: width, outputFeatures: 1, using: stream))
    if configuration.loss.takesProbabilities { layers.append(Sigmoid()) }
    model = Sequential(layers)
    super.init()
  }

  /// `[batch, 1]`.
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor {
    model(.concatenated([image.flattened(from: 1), labelEmbedding(label)], dim: 1))
  }
}

/// The paper's generator: latent and label each through rectified layers of their own, then jointly.
final class JointGenerator: Module, ClassGenerator {
  let latentLayer: Linear
  let labelLayer: Linear
  let jointLayer: Linear
  let output: Linear
  private let classes: Int
  private let imageShape: [Int]
  private let dropouts: [Dropout]

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    classes = configuration.classes
    imageShape = configuration.imageShape
    let hidden = configuration.generatorHidden
    latentLayer = Linear(inputFeatures: configuration.latentSize, outputFeatures: hidden[0], using: stream)
    labelLayer = Linear(inputFeatures: classes, outputFeatures: hidden[1], using: stream)
    jointLayer = Linear(inputFeatures: hidden[0] + hidden[1], outputFeatures: hidden[2], using: stream)
    output = Linear(inputFeatures: hidden[2], outputFeatures: imageShape.reduce(1, *), using: stream)
    for layer in [latentLayer, labelLayer, jointLayer, output] {
      stream.fillUniform(layer.weight, low: -0.05, high: 0.05)
      layer.bias?.fill(0)
    }
    dropouts = (0..<2).map {
      Dropout(probability: configuration.dropout, drawName: "generator.dropout.\($0)")
    }
    super.init()
  }

  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
    let parts = [latentLayer(latent).relu(), labelLayer(label.oneHot(classes)).relu()]
    let joint = dropouts[1](jointLayer(dropouts[0](.concatenated(parts, dim: 1))).relu())
    return output(joint).sigmoid().reshaped([-1] + imageShape)
  }
}

/// The paper's discriminator: image and label each through maxout layers of their own, then jointly.
final class JointDiscriminator: Module, ClassDiscriminator {
  let imageLayer: Maxout
  let labelLayer: Maxout
  let jointLayer: Maxout
  let output: Linear
  private let classes: Int
  private let dropouts: [Dropout]
  private let endsInSigmoid: Bool

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    classes = configuration.classes
    let (hidden, pieces) = (configuration.discriminatorHidden, configuration.pieces)
    imageLayer = Maxout(
      inputFeatures: configuration.imageShape.reduce(1, *), units: hidden[0], pieces: pieces[0], using: stream
    )
    labelLayer = Maxout(inputFeatures: classes, units: hidden[1], pieces: pieces[1], using: stream)
    jointLayer = Maxout(
      inputFeatures: hidden[0] + hidden[1], units: hidden[2], pieces: pieces[2], using: stream)
    output = Linear(inputFeatures: hidden[2], outputFeatures: 1, using: stream)
    for layer in [imageLayer.linear, labelLayer.linear, jointLayer.linear, output] {
      stream.fillUniform(layer.weight, low: -0.005, high: 0.005)
      layer.bias?.fill(0)
    }
    dropouts = (0..<2).map {
      Dropout(probability: configuration.dropout, drawName: "discriminator.dropout.\($0)")
    }
    endsInSigmoid = configuration.loss.takesProbabilities
    super.init()
  }

  /// `[batch, 1]`.
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor {
    let parts = [imageLayer(image.flattened(from: 1)), labelLayer(label.oneHot(classes))]
    let scores = output(dropouts[1](jointLayer(dropouts[0](.concatenated(parts, dim: 1)))))
    return endsInSigmoid ? scores.sigmoid() : scores
  }
}

/// A linear layer to a small map, then transposed convolutions that double it, a norm before each relu.
final class ConvolutionalGenerator: Module, ClassGenerator {
  let projection: Linear
  /// Where the label is an input.
  let labelEmbedding: Embedding?
  /// Where the norms have a scale and shift for each class; else empty.
  let classNorms: [ConditionalBatchNorm2d]
  /// Where they have one for all; else empty.
  let norms: [BatchNorm2d]
  let convolutions: [ConvTranspose2d]
  private let bottomShape: [Int]

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let widths = configuration.generatorHidden
    let bottomWidth = configuration.imageSize >> widths.count
    let (size, classes) = (configuration.latentSize, configuration.classes)
    bottomShape = [widths[0], bottomWidth, bottomWidth]
    let readsLabel = configuration.generatorLabel != .norm
    let hasClassNorms = configuration.generatorLabel != .input
    // As long as the latent vector and drawn from N(0, 1) like it, so that at the start the class weighs
    // as much as the latent: norms alone take hundreds of steps to grow apart.
    labelEmbedding = readsLabel ? Embedding(count: classes, features: size, using: stream) : nil
    projection = Linear(
      inputFeatures: readsLabel ? 2 * size : size, outputFeatures: bottomShape.reduce(1, *), using: stream)
    classNorms = (hasClassNorms ? widths : []).map {
      ConditionalBatchNorm2d(
        channels: $0, classes: classes, epsilon: configuration.normEpsilon, using: stream)
    }
    norms = (hasClassNorms ? [] : widths).map {
      BatchNorm2d(channels: $0, epsilon: configuration.normEpsilon)
    }
    convolutions = zip(widths, widths.dropFirst() + [configuration.imageChannels]).map { width, next in
      ConvTranspose2d(
        inputChannels: width, outputChannels: next, kernelSize: 4, stride: 2, padding: 1, using: stream)
    }
    super.init()
    applyDCGANWeights(self, using: stream)
  }

  func callAsFunction(_ latent: Tensor, _ label: Tensor) -> Tensor {
    let input = labelEmbedding.map { Tensor.concatenated([latent, $0(label)], dim: 1) } ?? latent
    // The weights are laid out so too; see `layOutChannelsLast`.
    var x = projection(input).reshaped([-1] + bottomShape).channelsLast()
    for (index, convolution) in convolutions.enumerated() {
      x = norms.isEmpty ? classNorms[index](x, label) : norms[index](x)
      x = convolution(x.relu())
    }
    return x.tanh()
  }
}

/// Spectrally normalised convolutions, a dense layer (or the sum over places), then a linear score plus the
/// product with the class's embedding.
final class ConvolutionalDiscriminator: Module, ClassDiscriminator {
  let convolutions: [Conv2d]
  /// With a `featureSize`; without, features are summed over places.
  let features: Linear?
  let score: Linear
  /// With `discriminatorLabel` = `projection`.
  let labelEmbedding: Embedding?
  private let classes: Int
  private let leakySlope: Double
  private let endsInSigmoid: Bool

  init(_ configuration: ConditionalGAN.Configuration, using stream: RandomStream) {
    let readsLabel = configuration.discriminatorLabel == .input
    classes = configuration.classes
    leakySlope = configuration.leakySlope
    var side = configuration.imageSize
    var width = configuration.imageChannels + (readsLabel ? classes : 0)
    convolutions = configuration.discriminatorHidden.map { next in
      // Halve what can be halved; at an odd or small size go on with 3×3 kernels.
      let halves = side % 2 == 0 && side > 4
      defer { (side, width) = (halves ? side / 2 : side, next) }
      return Conv2d(
        inputChannels: width, outputChannels: next, kernelSize: halves ? 4 : 3, stride: halves ? 2 : 1,
        padding: 1, normalization: .spectral, using: stream)
    }
    features =
      configuration.featureSize > 0
      ? Linear(
        inputFeatures: width * side * side, outputFeatures: configuration.featureSize,
        normalization: .spectral, using: stream) : nil
    if configuration.featureSize > 0 { width = configuration.featureSize }
    score = Linear(inputFeatures: width, outputFeatures: 1, normalization: .spectral, using: stream)
    labelEmbedding =
      readsLabel ? nil : Embedding(count: classes, features: width, normalization: .spectral, using: stream)
    endsInSigmoid = configuration.loss.takesProbabilities
    super.init()
  }

  /// `[batch, 1]`.
  func callAsFunction(_ image: Tensor, _ label: Tensor) -> Tensor {
    var x = image
    if labelEmbedding == nil {
      let planes = label.oneHot(classes).reshaped([label.count, classes, 1, 1])
      x = .concatenated(
        [x, planes.expanded([label.count, classes, image.shape[2], image.shape[3]])], dim: 1)
    }
    x = x.channelsLast()
    for convolution in convolutions { x = convolution(x).leakyRelu(leakySlope) }
    let seen = features.map { $0(x.flattened(from: 1)).leakyRelu(leakySlope) } ?? x.sum(dims: [2, 3])
    var scores = score(seen)
    if let labelEmbedding {
      scores = scores + (labelEmbedding(label) * seen).sum(dims: [1], keepDim: true)
    }
    return endsInSigmoid ? scores.sigmoid() : scores
  }
}
