public import AtelierCore
import Torch
import TorchNN

/// Super-resolution that looks like a photograph: a regressor's network, trained against a discriminator and
/// by the features of VGG19.
///
/// Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
/// Network". Reference implementation: XPixelGroup/BasicSR `models/srgan_model.py`,
/// `archs/discriminator_arch.py`, `archs/srresnet_arch.py`, `losses/gan_loss.py`, Apache-2.0; the paper's
/// authors published none.
///
/// `init()` is BasicSR's MSRGAN ×4 without its moving average; no deviation. BasicSR starts from a trained
/// MSRResNet: import one, or let ``AdversarialEnlargement/Configuration/pretrainingSteps`` train one first.
/// The preset `paper` has the paper's networks, features behind the ReLU compared by squares, 0.006 times
/// (the paper's division of features by 12.75), 0.001 times the adversarial loss and no pixel loss;
/// deviation: both images are in 0 … 1, where the paper has large ones in -1 … 1.
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
  /// the discriminator on real images and on those that the generator made before its update.
  ///
  /// The discriminator's two losses are added, not averaged. Its batch norms are in training mode throughout,
  /// so that each of its three passes advances their statistics.
  func adversarial(_ step: TrainingStep, _ source: Tensor, _ target: Tensor) throws {
    let (weights, objective) = (configuration.weights, configuration.adversarialLoss.loss)
    let output = generator(source).asType(.float32)

    let terms = try step.update(
      "generator", generatorOptimizer, freezing: [discriminator], average: average
    ) { loss in
      let adversarial = objective.generator(scores(output, step, "generator"))
      comparison.add(output, target, to: &loss)
      loss.add("adversarial", adversarial, weight: weights.adversarial)
    }
    step.log("generator", terms.total)

    let discriminatorTerms = try step.update("discriminator", discriminatorOptimizer) { loss in
      let realScores = scores(target, step, "real")
      augment.observe(realScores: realScores)
      loss.add("discriminatorReal", objective.real(realScores))
      loss.backward()
      let fakeScores = scores(output.detached(), step, "fake")
      loss.add("discriminatorFake", objective.fake(fakeScores))
      observeAccuracy(step, realScores, fakeScores)
    }
    step.log("discriminator", discriminatorTerms.total)
  }

  /// The discriminator's scores of images, which it may see changed.
  func scores(_ pictures: Tensor, _ step: TrainingStep, _ kind: String) -> Tensor {
    discriminator(augment(pictures, draws: step.draws, name: "diffAugment.\(kind)")).asType(.float32)
  }

  /// How often the discriminator is right, where somebody reads it.
  func observeAccuracy(_ step: TrainingStep, _ real: Tensor, _ fake: Tensor) {
    step.observe("discriminatorAccuracy") {
      // Relativistic scores mean something beside the other kind's only.
      let mode = configuration.adversarialLoss
      return (mode == .relativistic ? .wasserstein : mode.loss).accuracy(real: real, fake: fake)
    }
  }
}
