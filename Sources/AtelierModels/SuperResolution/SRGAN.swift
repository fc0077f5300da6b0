public import AtelierCore
import Torch
import TorchNN

/// Super-resolution that looks like a photograph: a regressor's network, trained against a discriminator and
/// by the features of VGG19.
///
/// Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
/// Network". Reference implementation: XPixelGroup/BasicSR `models/srgan_model.py`,
/// `archs/discriminator_arch.py`, `archs/srresnet_arch.py`, `losses/gan_loss.py`, Apache-2.0; the paper's authors
/// published none.
///
/// `init()` is BasicSR's MSRGAN ×4 without its moving average; no deviation. BasicSR starts from a trained
/// MSRResNet: import one, or let ``AdversarialEnlargement/Configuration/pretrainingSteps`` train one first.
/// The preset `paper` has the paper's networks, features behind the ReLU compared by squares, 0.006 times
/// (the paper's division of features by 12.75), 0.001 times the adversarial loss and no pixel loss;
/// deviation: both pictures are in 0 … 1, where the paper has large ones in -1 … 1.
public typealias SRGAN = AdversarialEnlargement<SRGANPaper>

/// The defaults and presets of ``SRGAN``.
public enum SRGANPaper: EnlargementPaper {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "srgan", summary: "Super-resolution against a discriminator and by features of VGG19",
    paper: "Ledig et al., Photo-Realistic Single Image Super-Resolution Using a GAN, 2017",
    reference: "XPixelGroup/BasicSR models/srgan_model.py, archs/discriminator_arch.py")

  /// BasicSR's MSRGAN is what the properties already say.
  public static func reference(_ configuration: inout SRGAN.Configuration) {}

  /// The paper's networks, BasicSR's, and a small one.
  public static var presets: [Preset<SRGAN.Configuration>] {
    var paper = SRGAN.Configuration()
    paper.generator = .ledig
    paper.discriminator = .ledig
    paper.perceptualLayers = ["relu5_4": 1]
    paper.perceptualCriterion = .l2
    paper.weights.pixel = 0
    paper.weights.perceptual = 0.006
    paper.weights.adversarial = 1e-3
    paper.pixelLoss = .l2
    paper.beta2 = 0.999
    paper.milestones = [100_000]
    paper.decayFactor = 0.1
    paper.imageSize = 96
    paper.turns = false
    paper.pretrainingSteps = 1_000_000
    var basic = SRGAN.Configuration()
    basic.averageDecay = 0.999
    basic.pretrainingSteps = 1_000_000
    var small = SRGAN.Configuration()
    small.width = 32
    small.blocks = 4
    small.discriminatorWidth = 16
    small.features = .vgg16
    small.perceptualLayers = ["conv4_3": 1]
    small.averageDecay = 0.99
    small.learningRate = 5e-4
    small.milestones = []
    small.batchSize = 8
    small.imageSize = 64
    small.pretrainingSteps = 300
    return [
      Preset("paper", "Ledig et al.: batch norms, features of VGG19, no pixel loss, ×4", paper),
      Preset("basicsr", "BasicSR's MSRGAN: no norms, L1 and features, moving average, ×4", basic),
      Preset("small", "narrow networks and features of VGG16, minutes on two cores", small),
    ]
  }
}

extension AdversarialEnlargement {
  /// The update of the SRGAN paper: the generator by pixels, features and what the discriminator says; then
  /// the discriminator on real pictures and on those that the generator made before its update.
  ///
  /// The discriminator's two losses are added, not averaged. Its batch norms are in training mode throughout,
  /// so that each of its three passes advances their statistics.
  func adversarial(_ step: TrainingStep, _ source: Tensor, _ target: Tensor) throws {
    let output = generator(source).asType(.float32)
    let generatorLoss = try withFrozen(discriminator) {
      try step.update(
        "generator", generatorOptimizer, average: average,
        minimizing: { [self] in
          let scores = scores(output, step, "generator")
          let adversarial =
            adversarialTerm(scores, isReal: true, ofDiscriminator: false) * configuration.weights.adversarial
          let terms = comparison.terms(step, output, target) + [adversarial]
          step.log("adversarial", adversarial)
          return terms.dropFirst().reduce(terms[0], +)
        })
    }

    let generated = output.detached()
    var (realScores, fakeScores): (Tensor?, Tensor?)
    let discriminatorLoss = try step.update(
      "discriminator", discriminatorOptimizer,
      minimizing: { [self] in
        let scores = scores(target, step, "real")
        augment.observe(realScores: scores)
        realScores = scores.detached()
        let loss = adversarialTerm(scores, isReal: true, ofDiscriminator: true)
        step.log("discriminatorReal", loss)
        return loss
      },
      { [self] in
        let scores = scores(generated, step, "fake")
        fakeScores = scores.detached()
        let loss = adversarialTerm(scores, isReal: false, ofDiscriminator: true)
        step.log("discriminatorFake", loss)
        return loss
      })
    step.log("generator", generatorLoss)
    step.log("discriminator", discriminatorLoss)
    observeAccuracy(step, realScores, fakeScores)
  }

  /// The discriminator's scores of pictures, which it may see changed.
  func scores(_ pictures: Tensor, _ step: TrainingStep, _ kind: String) -> Tensor {
    discriminator(augment(pictures, draws: step.draws, name: "diffAugment.\(kind)")).asType(.float32)
  }

  /// The loss that pulls scores towards real or generated, a mean over all of them.
  ///
  /// - Parameter ofDiscriminator: whether the discriminator learns; the generator's hinge has no margin.
  private func adversarialTerm(_ scores: Tensor, isReal: Bool, ofDiscriminator: Bool) -> Tensor {
    let loss = configuration.adversarialLoss.loss
    if !ofDiscriminator { return loss.generator(scores) }
    return isReal ? loss.real(scores) : loss.fake(scores)
  }

  /// How often the discriminator is right, where somebody reads it.
  func observeAccuracy(_ step: TrainingStep, _ real: Tensor?, _ fake: Tensor?) {
    guard let real, let fake else { return }
    step.observe("discriminatorAccuracy") {
      // Relativistic scores mean something beside the other kind's only.
      let mode = configuration.adversarialLoss
      return (mode == .relativistic ? .wasserstein : mode.loss).accuracy(real: real, fake: fake)
    }
  }
}
