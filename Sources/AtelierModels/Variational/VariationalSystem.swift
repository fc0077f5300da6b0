public import AtelierCore
import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The networks, the objective and the optimiser of a variational autoencoder.
public final class VariationalTraining {
  let network: any VariationalNetwork
  let objective: VariationalObjective
  let optimizer: Optimizer
  private let authorsNames: KeyMap

  /// Networks with initial weights drawn from `stream`; with classes they take labels.
  init(
    _ configuration: some VariationalConfiguration, isConvolutional: Bool, classes: Int? = nil,
    using stream: RandomStream
  ) {
    let (images, settings) = (configuration.images, configuration.variational)
    if isConvolutional {
      network = VariationalConvolutional(
        imageChannels: images.imageChannels, imageSize: images.imageSize, hidden: settings.hidden,
        latentSize: settings.latentSize, classes: classes, normEpsilon: settings.normEpsilon,
        leakySlope: settings.leakySlope, using: stream)
      authorsNames = VariationalConvolutional.authorsNames
    } else {
      network = VariationalMLP(
        imageShape: images.shape, hidden: settings.hidden, latentSize: settings.latentSize, classes: classes,
        using: stream)
      authorsNames = VariationalMLP.authorsNames
    }
    objective = settings.objective(range: network.range)
    optimizer = settings.adam.optimizer(
      network, learningRate: settings.learningRate, weightDecay: settings.weightDecay)
  }

  var networks: [Network] {
    [
      Network("autoencoder", network, authorsNames: authorsNames) { [network] in
        try network.forward($0, $1)
      }
    ]
  }

  /// The labels of a batch, where the networks take them.
  func label(_ batch: Batch) -> Tensor? { network.classes == nil ? nil : batch["label"] }
}

/// A variational autoencoder, with or without classes.
public protocol VariationalSystem: LatentSystem, ReconstructingSystem, LikelihoodSystem
where Configuration: VariationalConfiguration {
  /// The networks, the objective and the optimiser.
  var training: VariationalTraining { get }
}

extension VariationalSystem {
  /// `autoencoder` answers `image` and `noise` with `image`, `mean` and `logVariance`; part `encoder` needs
  /// no noise, and part `decoder` answers `latent` with `image`. With classes each takes `label` too.
  public var networks: [Network] { training.networks }

  /// The one optimiser, by the name of its network.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("autoencoder", training.optimizer)] }

  /// One step: -E log p(x | z) + β KL(q(z | x) ‖ N(0, 1)) with z = μ + σ ε, then Adam. With classes both
  /// distributions are those of the image's class.
  ///
  /// Draws `noise` `[batch, latentSize]`. Logs `total`, `reconstruction` and `divergence`.
  public func step(_ step: TrainingStep) throws {
    let (network, objective, settings) = (training.network, training.objective, configuration.variational)
    let batch = try step.batch()
    let (image, label) = (batch["image"], training.label(batch))
    let noise = step.draws.normal("noise", [image.shape[0], settings.latentSize])
    training.optimizer.learningRate =
      settings.learningRate * pow(settings.learningRateDecay, step.epoch.rounded(.down))
    let target = network.arranged(image)
    try step.update("autoencoder", training.optimizer) { loss in
      let (mean, logVariance) = network.encode(image, label: label)
      let latent = reparameterized(mean: mean, logVariance: logVariance, noise: noise)
      let reconstruction = objective.reconstruction(network.decode(latent, label: label), target)
      let divergence = objective.divergence(mean: mean, logVariance: logVariance)
      loss.add(
        "total",
        objective.total(
          reconstruction: reconstruction, divergence: divergence, mean: mean, logVariance: logVariance,
          step: step.index))
      step.log("reconstruction", reconstruction)
      step.log("divergence", divergence)
    }
  }

  /// The images decoded from the means of their posteriors, in the batch's shape and range.
  public func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor {
    let (network, image, label) = (training.network, batch["image"], training.label(batch))
    return network.decode(network.encode(image, label: label).mean, label: label).reshaped(image.shape)
  }

  /// log p(x, z) - log q(z | x) in nats, both given the class where there are classes; for the mean-squared
  /// loss of the normal model with variance `divergenceWeight` · values / 2, whose evidence bound that loss is
  /// up to scale.
  public func logWeights(_ batch: Batch, samples: Int, draws: any Draws) throws -> Tensor {
    try training.network.logWeights(
      batch["image"], label: training.label(batch), samples: samples, objective: training.objective,
      draws: draws)
  }

  /// Images in -1 … 1 for latents `[n, latentSize]` and, with classes, labels `[n]`.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let network = training.network
    let picture = network.picture(network.decode(latents, label: network.classes == nil ? nil : labels))
    return network.range == .unit ? picture * 2 - 1 : picture
  }
}
