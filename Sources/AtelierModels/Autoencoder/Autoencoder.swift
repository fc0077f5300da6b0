public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The autoencoder: a network that squeezes an image through a narrow code and gives it back.
///
/// Paper: Hinton and Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks";
/// the denoising form is Vincent et al. 2008. Reference: L1aoXingyu/pytorch-beginner
/// `08-AutoEncoder/simple_autoencoder.py` (model `mlp`) and `conv_autoencoder.py` (`convolutional`).
/// A third model, `deep-convolutional`, is the usual one of today: halving convolutions with batch norm
/// to a linear code, and their mirror.
///
/// Deviations: training is end to end, without the paper's layer-wise pre-training. An autoencoder has no
/// prior, so to draw new images a normal distribution is fitted to the codes met in training (ex-post
/// density estimation, Ghosh et al. 2020). It is a network of its own named `prior`, with buffers only,
/// saved with the model; the authors' weights know nothing of it, and the loss neither.
public final class Autoencoder: LatentSystem, ReconstructingSystem {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "autoencoder", summary: "images through a narrow code and back; plain or denoising",
    paper: "Hinton and Salakhutdinov 2006; Vincent et al. 2008; Ghosh et al. 2020",
    reference: "L1aoXingyu/pytorch-beginner 08-AutoEncoder")

  // MARK: - Configuration

  /// Which network.
  public enum Model: String, Sendable, Hashable, Codable, CaseIterable {
    /// Fully connected, relu.
    case mlp
    /// Two strided convolutions with max pooling, three transposed ones.
    case convolutional
    /// Halving convolutions with batch norm and leaky relu to a linear code, and their mirror.
    case deepConvolutional = "deep-convolutional"
  }

  /// What is done to an image before it is encoded; the loss always wants the clean one back.
  public enum Corruption: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing.
    case none
    /// Normal noise with a standard deviation of `corruptionAmount`, in the range of the images.
    case gaussian
    /// Values become black with a probability of `corruptionAmount`.
    case masking
  }

  /// Every choice; the defaults are `simple_autoencoder.py`.
  public struct Configuration: AdamConfiguration {
    /// Which network.
    public var model = Model.mlp
    /// Height and width of the images.
    public var imageSize = 28
    /// Colour channels.
    public var imageChannels = 1
    /// Widths from the image to the code; `convolutional` takes exactly two.
    public var hidden = [128, 64, 12]
    /// Length of the code; `convolutional` has a small map in its place.
    public var latentSize = 3
    /// What is minimised.
    public var loss = ReconstructionLoss.meanSquared
    /// The range of images and of the last layer: tanh for `signed`, sigmoid for `unit`; nil: `unit`
    /// for `binaryCrossEntropy`, else `signed`.
    public var imageRange: ImageRange?
    /// What is done to an image before it is encoded.
    public var corruption = Corruption.none
    /// How much of it.
    public var corruptionAmount = 0.3
    /// Slope of the leaky relu of `deep-convolutional`.
    public var leakySlope = 0.2
    /// Epsilon of the batch norms of `deep-convolutional`.
    public var normEpsilon = 1e-5
    /// Step size of Adam.
    public var learningRate = 1e-3
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// L2 term added to the gradient.
    public var weightDecay = 1e-5
    /// Images in a batch.
    public var batchSize = 128

    /// `simple_autoencoder.py` for MNIST.
    public init() {}

    /// Named starting points, the reference first.
    public static let presets: [Preset<Configuration>] = [
      Preset("paper", "the reference's MLP, 784-128-64-12-3, 28x28", Configuration()),
      Preset("small", "convolutions to a code of 32; learns Fashion-MNIST in minutes", small),
      Preset("convolutional", "the reference's convolutional model, 28x28", convolutional),
      Preset("denoising", "the small model, three pixels in ten blacked out", denoising),
      Preset("deep", "four halvings to a code of 128, 64x64 colour", deep),
    ]

    /// Two halvings and a code of 32, for 28x28 grey images.
    public static let small: Configuration = {
      var configuration = Configuration()
      configuration.model = .deepConvolutional
      configuration.hidden = [32, 64]
      configuration.latentSize = 32
      return configuration
    }()

    /// `conv_autoencoder.py`.
    public static let convolutional: Configuration = {
      var configuration = Configuration()
      configuration.model = .convolutional
      configuration.hidden = [16, 8]
      return configuration
    }()

    /// ``small`` with masking noise.
    public static let denoising: Configuration = {
      var configuration = small
      configuration.corruption = .masking
      return configuration
    }()

    /// Four halvings of 64x64 colour images.
    public static let deep: Configuration = {
      var configuration = Configuration()
      configuration.model = .deepConvolutional
      configuration.imageSize = 64
      configuration.imageChannels = 3
      configuration.hidden = [64, 128, 256, 512]
      configuration.latentSize = 128
      return configuration
    }()

    /// Height and width of the map that `convolutional` makes of an image.
    var codeSide: Int { (imageSize - 4) / 12 }
    /// The shape of a code without the batch.
    var codeShape: [Int] {
      model == .convolutional ? [hidden.last ?? 1, codeSide, codeSide] : [latentSize]
    }
    /// The range in force.
    var range: ImageRange { imageRange ?? (loss == .binaryCrossEntropy ? .unit : .signed) }

    /// Images decoded from latent vectors.
    public var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: imageChannels, size: imageSize, range: range,
        latent: LatentDecoding(size: codeShape.reduce(1, *), distribution: .normal),
        batchSize: batchSize)
      plan.abilities.append(ImageReconstruction())
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageSize": imageSize, "imageChannels": imageChannels, "latentSize": latentSize,
        "batchSize": batchSize, "every width in hidden": hidden.min() ?? 1,
      ])
      switch model {
      case .mlp: break
      case .convolutional:
        guard hidden.count == 2 else {
          throw ConfigurationError("the convolutional model takes two widths in hidden, not \(hidden)")
        }
        guard imageSize >= 16, (imageSize - 4) % 12 == 0 else {
          throw ConfigurationError(
            "the convolutional model gives back images of 16, 28, 40, 52, … pixels, not \(imageSize) (imageSize); "
              + "the model deep-convolutional takes others")
        }
      case .deepConvolutional:
        try Checks.widths(["hidden": hidden])
        try Checks.halvings(of: imageSize, "hidden", hidden)
      }
      guard loss != .binaryCrossEntropy || range == .unit else {
        throw ConfigurationError("the loss binaryCrossEntropy needs imageRange unit")
      }
      guard corruption != .masking || (0..<1).contains(corruptionAmount), corruptionAmount >= 0 else {
        throw ConfigurationError(
          "corruptionAmount is \(corruptionAmount); masking takes 0 up to 1, gaussian at least 0")
      }
      try adam.validate(["learningRate": learningRate])
      try Checks.notNegative(["weightDecay": weightDecay])
    }
  }

  // MARK: - Networks

  /// Encoder and decoder, layers numbered as in the reference.
  private final class Layers: Module {
    let encoder: Sequential
    let decoder: Sequential

    init(_ configuration: Configuration, using stream: RandomStream) {
      let last: any Layer = configuration.range == .unit ? Sigmoid() : Tanh()
      switch configuration.model {
      case .mlp: (encoder, decoder) = Self.mlp(configuration, last, stream)
      case .convolutional: (encoder, decoder) = Self.convolutional(configuration, last, stream)
      case .deepConvolutional: (encoder, decoder) = Self.deep(configuration, last, stream)
      }
      super.init()
    }

    private static func mlp(
      _ configuration: Configuration, _ last: any Layer, _ stream: RandomStream
    ) -> (Sequential, Sequential) {
      let values = configuration.imageChannels * configuration.imageSize * configuration.imageSize
      let widths = [values] + configuration.hidden + [configuration.latentSize]
      func chain(_ widths: [Int]) -> [any Layer] {
        let pairs = zip(widths, widths.dropFirst())
        return Array(
          pairs.map { [Linear(inputFeatures: $0, outputFeatures: $1, using: stream)] as [any Layer] }
            .joined(separator: [ReLU()]))
      }
      return (Sequential(chain(widths)), Sequential(chain(widths.reversed()) + [last]))
    }

    private static func convolutional(
      _ configuration: Configuration, _ last: any Layer, _ stream: RandomStream
    ) -> (Sequential, Sequential) {
      let (channels, outer) = (configuration.imageChannels, configuration.hidden.first ?? 1)
      let inner = configuration.hidden.last ?? 1
      let encoder = Sequential(
        Conv2d(
          inputChannels: channels, outputChannels: outer, kernelSize: 3, stride: 3, padding: 1, using: stream),
        ReLU(), MaxPool2d(kernelSize: 2, stride: 2),
        Conv2d(
          inputChannels: outer, outputChannels: inner, kernelSize: 3, stride: 2, padding: 1, using: stream),
        ReLU(), MaxPool2d(kernelSize: 2, stride: 1))
      let decoder = Sequential(
        ConvTranspose2d(inputChannels: inner, outputChannels: outer, kernelSize: 3, stride: 2, using: stream),
        ReLU(),
        ConvTranspose2d(
          inputChannels: outer, outputChannels: inner, kernelSize: 5, stride: 3, padding: 1, using: stream),
        ReLU(),
        ConvTranspose2d(
          inputChannels: inner, outputChannels: channels, kernelSize: 2, stride: 2, padding: 1, using: stream),
        last)
      return (encoder, decoder)
    }

    private static func deep(
      _ configuration: Configuration, _ last: any Layer, _ stream: RandomStream
    ) -> (Sequential, Sequential) {
      let hidden = configuration.hidden
      let side = configuration.imageSize >> hidden.count
      let bottleneck = [hidden.last ?? 1, side, side]
      func between(_ channels: Int) -> [any Layer] {
        [
          BatchNorm2d(channels: channels, epsilon: configuration.normEpsilon),
          LeakyReLU(negativeSlope: configuration.leakySlope),
        ]
      }
      let widths = [configuration.imageChannels] + hidden
      let down = zip(widths, widths.dropFirst()).flatMap { inputs, outputs -> [any Layer] in
        [
          Conv2d(
            inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: 2, padding: 1,
            using: stream)
        ] + between(outputs)
      }
      let features = bottleneck.reduce(1, *)
      let code = Linear(inputFeatures: features, outputFeatures: configuration.latentSize, using: stream)
      let open = Linear(inputFeatures: configuration.latentSize, outputFeatures: features, using: stream)
      let outwards = Array(widths.reversed())
      let up = zip(outwards, outwards.dropFirst()).enumerated().flatMap { index, pair -> [any Layer] in
        let layer = ConvTranspose2d(
          inputChannels: pair.0, outputChannels: pair.1, kernelSize: 4, stride: 2, padding: 1, using: stream)
        return [layer] + (index == hidden.count - 1 ? [last] : between(pair.1))
      }
      return (Sequential(down + [Flatten(), code]), Sequential([open, Reshape(bottleneck)] + up))
    }
  }

  // MARK: - The system

  /// The choices this system was built from.
  public let configuration: Configuration
  private let layers: Layers
  private let prior: CodeDistribution
  private let optimizer: Optimizer

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    layers = Layers(configuration, using: stream)
    prior = CodeDistribution(size: configuration.codeShape.reduce(1, *))
    optimizer = configuration.adam.optimizer(
      layers, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
  }

  /// The data decide the number of colour channels.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if let channels = data.description.imageShape?.first { adapted.imageChannels = channels }
    return adapted
  }

  /// `autoencoder` answers `image` with `image` and `latent`, in part `encoder` with `latent` only, and in
  /// part `decoder` `latent` with `image`. The MLP takes images in any shape and gives them flat.
  public var networks: [Network] {
    [
      Network("autoencoder", layers) { [self] part, inputs in
        switch part {
        case nil:
          let code = encode(try inputs.required("image"))
          return ["image": layers.decoder(code), "latent": code]
        case "encoder": return ["latent": encode(try inputs.required("image"))]
        case "decoder": return ["image": layers.decoder(try inputs.required("latent"))]
        case let part?:
          throw ConfigurationError("an autoencoder's parts are encoder and decoder, not '\(part)'")
        }
      },
      Network("prior", prior) { [self] _, inputs in
        ["latent": prior.codes(from: try inputs.required("noise"))]
      },
    ]
  }

  /// The one optimiser, by the name of its network.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("autoencoder", optimizer)] }

  // MARK: - Training

  /// One step: loss(decode(encode(corrupted x)), x), then Adam. Logs `total`.
  ///
  /// The draw `corruption` is there for the denoising forms only.
  public func step(_ step: TrainingStep) throws {
    let image = arranged(try step.batch()["image"])
    let input = corrupted(image, step.draws)
    let (_, codes) = try step.update("autoencoder", optimizer) { loss in
      let codes = layers.encoder(input)
      loss.add("total", configuration.loss(layers.decoder(codes), image))
      return codes.detached()
    }
    // The codes drift slowly; one batch in ten tells enough about where they are.
    if step.index % 10 == 0 { withoutGradients { prior.observe(codes.flattened(from: 1)) } }
  }

  private func corrupted(_ image: Tensor, _ draws: any Draws) -> Tensor {
    let amount = configuration.corruptionAmount
    switch configuration.corruption {
    case .none: return image
    case .gaussian: return image + draws.normal("corruption", image.shape) * amount
    case .masking:
      let kept = draws.bernoulli("corruption", probability: 1 - amount, image.shape)
      let black: Double = configuration.range == .unit ? 0 : -1
      return (image - black) * kept + black
    }
  }

  /// Images in the form that the network takes: flat for the MLP.
  private func arranged(_ image: Tensor) -> Tensor {
    configuration.model == .mlp ? image.flattened(from: 1) : image
  }

  private func encode(_ image: Tensor) -> Tensor { layers.encoder(arranged(image)) }

  // MARK: - Reconstruction and generation

  /// The images of the batch through the code and back, uncorrupted, in the batch's shape and range.
  public func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor {
    let image = batch["image"]
    return layers.decoder(encode(image)).reshaped(image.shape)
  }

  /// Images for positions on the codes' principal axes, in standard deviations.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let code = prior.codes(from: latents).reshaped([-1] + configuration.codeShape)
    let size = configuration.imageSize
    let picture = layers.decoder(code).reshaped([-1, configuration.imageChannels, size, size])
    return configuration.range == .unit ? picture * 2 - 1 : picture
  }
}
