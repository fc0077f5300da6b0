import Atelier

/// A system of one's own: a conditional variational autoencoder whose encoder and decoder are one linear layer
/// each.
///
/// Papers: Kingma and Welling 2014, "Auto-Encoding Variational Bayes"; Sohn, Lee and Yan 2015, "Learning
/// Structured Output Representation using Deep Conditional Generative Models".
///
/// Because it is a `GenerativeSystem`, training, checkpoints, exact resumption, previews and drawing work for it
/// as for the systems of Atelier; because it is a `LatentSystem`, `decode` is all it says about drawing.
final class LinearVAE: LatentSystem {
  struct Configuration: SystemConfiguration {
    var imageSize = 28
    var classes = 10
    var latentSize = 16
    var learningRate = 1e-3
    var batchSize = 64

    static let presets = [
      Preset("paper", "28x28 grey, 16 latents", Configuration()),
      Preset("small", "28x28 grey, 16 latents", Configuration()),
    ]

    /// Grey images in 0 … 1 and their classes, decoded from latents of a normal distribution.
    var plan: SystemPlan {
      .latentImages(
        channels: 1, size: imageSize, range: .unit,
        latent: LatentDecoding(size: latentSize, distribution: .normal, classes: classes),
        batchSize: batchSize)
    }

    func validate() throws(ConfigurationError) {
      guard imageSize > 0, latentSize > 0, batchSize > 0 else {
        throw ConfigurationError("imageSize, latentSize and batchSize must be at least 1")
      }
    }
  }

  /// The two layers, as one module that is saved and optimised.
  private final class Layers: Module {
    let encoder: Linear
    let decoder: Linear

    init(_ configuration: Configuration, using stream: RandomStream) {
      let pixels = configuration.imageSize * configuration.imageSize
      encoder = Linear(
        inputFeatures: pixels + configuration.classes, outputFeatures: 2 * configuration.latentSize,
        using: stream)
      decoder = Linear(
        inputFeatures: configuration.latentSize + configuration.classes, outputFeatures: pixels,
        using: stream)
      super.init()
    }
  }

  static let identity = SystemIdentity(
    name: "linear-vae", summary: "a conditional VAE of two linear layers",
    paper: "Kingma and Welling 2014; Sohn et al. 2015", reference: "none")

  let configuration: Configuration
  private let layers: Layers
  private let optimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    layers = Layers(configuration, using: stream)
    optimizer = Adam(layers, learningRate: configuration.learningRate)
  }

  /// The data decide how many classes there are.
  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.classes = data.description.classNames.count
    return adapted
  }

  var networks: [Network] {
    [
      Network("autoencoder", layers) { [self] _, inputs in
        ["image": try decode(inputs.required("latent"), labels: inputs.required("label"))]
      }
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("autoencoder", optimizer)] }

  /// One update of the evidence lower bound: the squared error beside the divergence from the normal prior.
  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let classes = oneHot(batch["label"])
    let pixels = batch["image"].flattened(from: 1)
    let noise = step.draws.normal("noise", [pixels.shape[0], configuration.latentSize])
    try step.update("autoencoder", optimizer) { loss in
      let code = layers.encoder(.concatenated([pixels, classes], dim: 1))
      let mean = code.slice(1, 0, configuration.latentSize)
      let logVariance = code.slice(1, configuration.latentSize, 2 * configuration.latentSize)
      let latents = mean + (logVariance * 0.5).exp() * noise
      let error = (unit(latents, classes) - pixels).square().sum(dims: [1])
      let divergence = (mean.square() + logVariance.exp() - logVariance - 1).sum(dims: [1]) * 0.5
      loss.add("total", (error + divergence).mean())
    }
  }

  /// Images in -1 … 1.
  func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let classes = oneHot(labels ?? Tensor.zeros([latents.shape[0]], dtype: .int64))
    let size = configuration.imageSize
    return unit(latents, classes).reshaped([-1, 1, size, size]) * 2 - 1
  }

  private func oneHot(_ labels: Tensor) -> Tensor { labels.oneHot(configuration.classes) }

  /// Pixels in 0 … 1, `[count, pixels]`.
  private func unit(_ latents: Tensor, _ classes: Tensor) -> Tensor {
    layers.decoder(.concatenated([latents, classes], dim: 1)).sigmoid()
  }
}
