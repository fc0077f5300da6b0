import AtelierCore
import Perception
import Torch
import TorchNN

/// The choices that a ``MapGame`` is played by.
protocol MapGameConfiguration: AugmentedConfiguration {
  var adversarialLoss: AdversarialMode { get }
  /// Whose features the perceptual loss compares.
  var features: VGG.Architecture { get }
  /// Factors of the generator's loss terms beside the adversarial one; 0 leaves a term out.
  var lossFactors: (featureMatching: Double, perceptual: Double) { get }
  var learningRate: Double { get }
  var generatorLearningRate: Double? { get }
  var discriminatorLearningRate: Double? { get }
  var constantEpochs: Int { get }
  var decayEpochs: Int { get }
  var beta1: Double { get }
  var beta2: Double { get }
  var adamEpsilon: Double { get }
}

/// The game that SPADE and SEAN play against discriminators on several scales, which judge map and picture
/// together; generated and real pictures go through them as one batch, the generated first.
///
/// In a step the generator is updated first, then the discriminators with newly generated pictures. The two
/// have learning rates of their own (two time scales, Heusel et al. 2017).
///
/// Reference: NVlabs/SPADE `models/pix2pix_model.py`, `trainers/pix2pix_trainer.py`; SEAN's are equal to them.
final class MapGame {
  let generatorOptimizer: Adam
  let discriminatorOptimizer: Adam
  /// What the discriminators see of pictures.
  let augment: DiscriminatorAugmentation
  /// The network of the perceptual loss, where there is one.
  let perceptualNetwork: Network?
  private let vgg: VGG?
  private let discriminator: MultiscaleDiscriminator
  private let configuration: any MapGameConfiguration

  /// - Parameter generator: the weights of all that the generator's loss trains.
  /// - Throws: ``ConfigurationError`` where the perceptual loss has no network.
  init(
    _ configuration: any MapGameConfiguration, generator: [(name: String, tensor: Tensor)],
    discriminator: MultiscaleDiscriminator
  ) throws {
    func adam(_ parameters: [(name: String, tensor: Tensor)]) -> Adam {
      Adam(
        parameters, learningRate: configuration.learningRate, beta1: configuration.beta1,
        beta2: configuration.beta2, epsilon: configuration.adamEpsilon)
    }
    self.configuration = configuration
    self.discriminator = discriminator
    augment = configuration.makeAugmentation(configuration.adversarialLoss.loss)
    generatorOptimizer = adam(generator)
    discriminatorOptimizer = adam(discriminator.namedParameters())
    let perceptual = try AtelierModels.perceptualNetwork(
      configuration.features, weight: configuration.lossFactors.perceptual)
    (vgg, perceptualNetwork) = (perceptual?.0, perceptual?.1)
    setRates(epoch: 0)
  }

  /// The optimisers by their networks' names.
  var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// One step: the generator's update, new pictures, the discriminators' update.
  ///
  /// - Parameters:
  ///   - map: what the networks are conditioned on.
  ///   - real: photographs `[batch, 3, height, width]` in -1 … 1.
  ///   - generated: pictures of the first pass (0) and the second (1), and what else the generator is to
  ///     minimise, by the names that are logged.
  func play(
    _ step: TrainingStep, map: MapPyramid, real: Tensor,
    generated: (_ pass: Int) -> (pictures: Tensor, terms: [(name: String, value: Tensor)])
  ) throws {
    setRates(epoch: step.epoch)
    let (factors, loss) = (configuration.lossFactors, configuration.adversarialLoss.loss)
    func judge(_ fake: Tensor, _ name: String) -> (fake: [[Tensor]], real: [[Tensor]]) {
      // Both pictures of a map move alike and with it, because the features of one are to match the other's.
      let seen = augment.alike([fake, real], beside: map.full, draws: step.draws, name: name)
      return halvedBatch(discriminator(.concatenated(seen, dim: 0)))
    }

    let first = generated(0)
    try withFrozen(discriminator) {
      let outputs = judge(first.pictures, "diffAugment.generator")
      var terms = [(name: "adversarial", value: meanOverScales(outputs.fake, loss.generator))]
      if factors.featureMatching > 0 {
        let distance = featureDistance(outputs.fake, outputs.real)
        terms.append(("featureMatching", distance * factors.featureMatching))
      }
      if let vgg {
        terms.append(("perceptual", perceptualDistance(vgg, first.pictures, real) * factors.perceptual))
      }
      terms += first.terms
      for (name, value) in terms { step.log(name, value) }
      let total = terms.dropFirst().reduce(terms[0].value) { $0 + $1.value }
      step.log("generator", try step.update("generator", generatorOptimizer, minimizing: { total }))
    }

    let again = withoutGradients { generated(1).pictures }
    let outputs = judge(again, "diffAugment.discriminator")
    augment.observe(realScores: outputs.real.compactMap(\.last))
    let fakeLoss = meanOverScales(outputs.fake, loss.fake)
    let realLoss = meanOverScales(outputs.real, loss.real)
    let total = try step.update(
      "discriminator", discriminatorOptimizer, minimizing: { fakeLoss + realLoss })
    step.log("discriminatorFake", fakeLoss)
    step.log("discriminatorReal", realLoss)
    step.log("discriminator", total)
    augment.endStep(step)
  }

  private func setRates(epoch: Double) {
    let rates = twoTimeScales(
      base: configuration.learningRate, generator: configuration.generatorLearningRate,
      discriminator: configuration.discriminatorLearningRate, constantEpochs: configuration.constantEpochs,
      decayEpochs: configuration.decayEpochs, epoch: epoch)
    generatorOptimizer.learningRate = rates.generator
    discriminatorOptimizer.learningRate = rates.discriminator
  }
}
