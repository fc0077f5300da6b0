import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// What the networks of variational autoencoders share: images to a normal posterior, latents to
/// images, with or without a class.
public protocol VariationalNetwork: Module {
  /// The number of classes; nil for a network that knows none.
  var classes: Int? { get }
  /// The range of images that come in and go out.
  var range: ImageRange { get }
  /// Channels, height and width of an image.
  var imageShape: [Int] { get }
  /// Mean and log-variance of the posterior, each `[batch, latent]`.
  func encode(_ image: Tensor, label: Tensor?) -> (mean: Tensor, logVariance: Tensor)
  /// Images for latents `[batch, latent]`, in the network's own form.
  func decode(_ latent: Tensor, label: Tensor?) -> Tensor
  /// An image in the form that ``decode(_:label:)`` gives, for comparing.
  func arranged(_ image: Tensor) -> Tensor
}

extension VariationalNetwork {
  /// Images `[batch, channels, height, width]` from what ``decode(_:label:)`` gave.
  public func picture(_ output: Tensor) -> Tensor { output.reshaped([-1] + imageShape) }

  /// Labels as float vectors `[batch, classes]`.
  func oneHot(_ label: Tensor?, count: Int) -> Tensor? {
    guard let classes else { return nil }
    guard
      check(label?.shape == [count], "labels of shape \(label?.shape ?? []) do not fit \(count) images"),
      let label
    else { return .zeros([count, classes]) }
    return label.oneHot(classes)
  }

  /// The names of `reference/cases`: `image`, `noise`, `label` to `image`, `mean`, `logVariance`; part
  /// `encoder`: without noise; part `decoder`: `latent`, `label` to `image`.
  func forward(_ part: String?, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
    let label = classes == nil ? nil : try inputs.required("label")
    switch part {
    case nil:
      let (mean, logVariance) = encode(try inputs.required("image"), label: label)
      let latent = reparameterized(mean: mean, logVariance: logVariance, noise: try inputs.required("noise"))
      return ["image": decode(latent, label: label), "mean": mean, "logVariance": logVariance]
    case "encoder":
      let (mean, logVariance) = encode(try inputs.required("image"), label: label)
      return ["mean": mean, "logVariance": logVariance]
    case "decoder": return ["image": decode(try inputs.required("latent"), label: label)]
    case let part?: throw ConfigurationError("an autoencoder's parts are encoder and decoder, not '\(part)'")
    }
  }

  /// log p(x, z) - log q(z | x) for draws of z named `noise`: `[samples, batch]`, in nats.
  func logWeights(
    _ image: Tensor, label: Tensor?, samples: Int, objective: VariationalObjective, draws: any Draws
  ) throws -> Tensor {
    let (mean, logVariance) = encode(image, label: label)
    let target = arranged(image)
    let zeros = Tensor.zeros(like: mean)
    return .stacked(
      try (0..<samples).map { _ in
        let latent = reparameterized(
          mean: mean, logVariance: logVariance, noise: draws.normal("noise", mean.shape))
        return try objective.logProbability(target, given: decode(latent, label: label))
          + normalLogDensity(latent, mean: zeros, logVariance: zeros)
          - normalLogDensity(latent, mean: mean, logVariance: logVariance)
      })
  }
}

/// Fully connected encoder and decoder with relu, sigmoid at the end: pytorch/examples `vae/main.py`.
///
/// A class, where there is one, is appended to the image and to the latent as a one-hot vector
/// (Sohn, Lee and Yan 2015, in the form usual for MNIST). Images come in any shape and go out flat,
/// `[batch, channels * height * width]` in 0 … 1.
public final class VariationalMLP: Module, VariationalNetwork {
  /// The number of classes; nil for none.
  public let classes: Int?
  /// Always 0 … 1, what a sigmoid gives.
  public let range = ImageRange.unit
  /// Channels, height and width of an image.
  public let imageShape: [Int]
  private let encoder: [Linear]
  private let mean: Linear
  private let logVariance: Linear
  private let decoder: [Linear]
  private let output: Linear

  /// Networks with PyTorch's initial values, drawn in the order of the reference implementation.
  ///
  /// - Parameter hidden: widths of the encoder's layers; the decoder mirrors them.
  public init(
    imageShape: [Int], hidden: [Int], latentSize: Int, classes: Int? = nil, using stream: RandomStream
  ) {
    self.classes = classes
    self.imageShape = imageShape
    let values = imageShape.reduce(1, *)
    let extra = classes ?? 0
    func layers(_ widths: [Int]) -> [Linear] {
      zip(widths, widths.dropFirst()).map { Linear(inputFeatures: $0, outputFeatures: $1, using: stream) }
    }
    let (widest, narrowest) = (hidden.first ?? values, hidden.last ?? values)
    encoder = layers([values + extra] + hidden)
    mean = Linear(inputFeatures: narrowest, outputFeatures: latentSize, using: stream)
    logVariance = Linear(inputFeatures: narrowest, outputFeatures: latentSize, using: stream)
    decoder = layers([latentSize + extra] + hidden.reversed())
    output = Linear(inputFeatures: widest, outputFeatures: values, using: stream)
    super.init()
  }

  /// Our names and those of `vae/main.py`, which has one hidden layer on each side.
  static let authorsNames = KeyMap([
    "encoder.0": "fc1", "mean": "fc21", "log_variance": "fc22", "decoder.0": "fc3", "output": "fc4",
  ])

  /// Mean and log-variance of the posterior, each `[batch, latent]`.
  public func encode(_ image: Tensor, label: Tensor?) -> (mean: Tensor, logVariance: Tensor) {
    var x = arranged(image)
    if let condition = oneHot(label, count: x.shape[0]) { x = .concatenated([x, condition], dim: 1) }
    for layer in encoder { x = layer(x).relu() }
    return (mean(x), logVariance(x))
  }

  /// Flat images `[batch, channels * height * width]` for latents `[batch, latent]`.
  public func decode(_ latent: Tensor, label: Tensor?) -> Tensor {
    var x = latent
    if let condition = oneHot(label, count: x.shape[0]) { x = .concatenated([x, condition], dim: 1) }
    for layer in decoder { x = layer(x).relu() }
    return output(x).sigmoid()
  }

  /// The images flat.
  public func arranged(_ image: Tensor) -> Tensor { image.flattened(from: 1) }
}

/// Strided convolutions with batch norm and leaky relu, and their mirror, tanh at the end: AntixK/PyTorch-VAE
/// `models/vanilla_vae.py` and, with classes, `models/cvae.py`.
///
/// A class becomes, through a linear layer of its one-hot vector, one more channel beside the image,
/// which a 1x1 convolution embeds first; and the one-hot vector is appended to the latent. Images are
/// `[batch, channels, height, width]` in -1 … 1. The reference's images end at 2x2; here any size that
/// 2 to the number of layers divides will do.
public final class VariationalConvolutional: Module, VariationalNetwork {
  /// The number of classes; nil for none.
  public let classes: Int?
  /// Always -1 … 1, what tanh gives.
  public let range = ImageRange.signed
  /// Channels, height and width of an image.
  public let imageShape: [Int]
  private let classPlane: Linear?
  private let imageEmbedding: Conv2d?
  private let encoder: [Sequential]
  private let mean: Linear
  private let logVariance: Linear
  private let decoderInput: Linear
  private let decoder: [Sequential]
  private let output: Sequential
  private let bottleneck: [Int]

  /// Networks with PyTorch's initial values, drawn in the order of the reference implementation.
  ///
  /// - Parameter hidden: channels after each halving, from the image inwards; the decoder mirrors them.
  public init(
    imageChannels: Int, imageSize: Int, hidden: [Int], latentSize: Int, classes: Int? = nil,
    normEpsilon: Double = 1e-5, leakySlope: Double = 0.01, using stream: RandomStream
  ) {
    self.classes = classes
    imageShape = [imageChannels, imageSize, imageSize]
    let side = imageSize >> hidden.count
    let (outermost, innermost) = (hidden.first ?? 1, hidden.last ?? 1)
    bottleneck = [innermost, side, side]
    if let classes {
      classPlane = Linear(inputFeatures: classes, outputFeatures: imageSize * imageSize, using: stream)
      imageEmbedding = Conv2d(
        inputChannels: imageChannels, outputChannels: imageChannels, kernelSize: 1, using: stream)
    } else {
      (classPlane, imageEmbedding) = (nil, nil)
    }
    func down(_ inputs: Int, _ outputs: Int) -> Sequential {
      Sequential(
        Conv2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: 2, padding: 1, using: stream),
        BatchNorm2d(channels: outputs, epsilon: normEpsilon), LeakyReLU(negativeSlope: leakySlope))
    }
    func up(_ inputs: Int, _ outputs: Int) -> [any Layer] {
      [
        ConvTranspose2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: 2, padding: 1,
          outputPadding: 1, using: stream),
        BatchNorm2d(channels: outputs, epsilon: normEpsilon), LeakyReLU(negativeSlope: leakySlope),
      ]
    }
    let firstChannels = imageChannels + (classes == nil ? 0 : 1)
    encoder = zip([firstChannels] + hidden, hidden).map(down)
    let features = innermost * side * side
    mean = Linear(inputFeatures: features, outputFeatures: latentSize, using: stream)
    logVariance = Linear(inputFeatures: features, outputFeatures: latentSize, using: stream)
    decoderInput = Linear(inputFeatures: latentSize + (classes ?? 0), outputFeatures: features, using: stream)
    decoder = zip(hidden.reversed(), hidden.reversed().dropFirst()).map { Sequential(up($0, $1)) }
    output = Sequential(
      up(outermost, outermost) + [
        Conv2d(
          inputChannels: outermost, outputChannels: imageChannels, kernelSize: 3, padding: 1, using: stream),
        Tanh(),
      ])
    super.init()
  }

  /// Our names and those of `vanilla_vae.py` and `cvae.py`.
  static let authorsNames = KeyMap([
    "class_plane": "embed_class", "image_embedding": "embed_data", "mean": "fc_mu",
    "log_variance": "fc_var", "output": "final_layer",
  ])

  /// Mean and log-variance of the posterior, each `[batch, latent]`.
  public func encode(_ image: Tensor, label: Tensor?) -> (mean: Tensor, logVariance: Tensor) {
    var x = image
    if let classPlane, let imageEmbedding, let condition = oneHot(label, count: x.shape[0]) {
      let plane = classPlane(condition).reshaped([-1, 1, imageShape[1], imageShape[2]])
      x = .concatenated([imageEmbedding(x), plane], dim: 1)
    }
    for stage in encoder { x = stage(x) }
    x = x.flattened(from: 1)
    return (mean(x), logVariance(x))
  }

  /// Images `[batch, channels, height, width]` for latents `[batch, latent]`.
  public func decode(_ latent: Tensor, label: Tensor?) -> Tensor {
    var x = latent
    if let condition = oneHot(label, count: x.shape[0]) { x = .concatenated([x, condition], dim: 1) }
    x = decoderInput(x).reshaped([-1] + bottleneck)
    for stage in decoder { x = stage(x) }
    return output(x)
  }

  /// The images as they are.
  public func arranged(_ image: Tensor) -> Tensor { image }
}
