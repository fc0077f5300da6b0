public import AtelierCore
import Torch
import TorchNN

/// Enhanced SRGAN: residual-in-residual dense blocks, a discriminator that judges which of two kinds looks
/// more real, and features before the ReLU.
///
/// Paper: Wang et al. 2018, "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks". Reference
/// implementation, by the paper's authors: XPixelGroup/BasicSR `models/esrgan_model.py`,
/// `archs/rrdbnet_arch.py`, `archs/discriminator_arch.py`, `losses/gan_loss.py`, Apache-2.0.
///
/// `init()` is BasicSR's ESRGAN ×4 without its moving average; no deviation. BasicSR starts from a trained
/// RRDBNet: import one, or let ``AdversarialEnlargement/Configuration/pretrainingSteps`` train one first. The
/// discriminator `unet-spectral` is that of the authors' Real-ESRGAN.
public typealias ESRGAN = AdversarialEnlargement<ESRGANPaper>

/// The defaults and presets of ``ESRGAN``.
public enum ESRGANPaper: EnlargementPaper {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "esrgan", summary: "Super-resolution by dense blocks against a relativistic discriminator",
    paper: "Wang et al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, 2018",
    reference: "XPixelGroup/BasicSR models/esrgan_model.py, archs/rrdbnet_arch.py")

  /// BasicSR's ESRGAN ×4.
  public static func reference(_ configuration: inout ESRGAN.Configuration) {
    configuration.generator = .rrdb
    configuration.blocks = 23
    configuration.adversarialLoss = .relativistic
  }

  /// The paper's, BasicSR's, and a small one.
  public static var presets: [Preset<ESRGAN.Configuration>] {
    var paper = ESRGAN.Configuration()
    paper.beta2 = 0.999
    paper.pretrainingSteps = 1_000_000
    var basic = ESRGAN.Configuration()
    basic.averageDecay = 0.999
    basic.pretrainingSteps = 1_000_000
    var small = ESRGAN.Configuration()
    small.width = 24
    small.blocks = 2
    small.growth = 12
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
      Preset("paper", "Wang et al.: 23 blocks, ×4, a regression first", paper),
      Preset("basicsr", "BasicSR's: with a moving average and beta2 of 0.99", basic),
      Preset("small", "narrow networks and features of VGG16, minutes on two cores", small),
    ]
  }
}

extension AdversarialEnlargement {
  /// The update of the ESRGAN paper: each score counts by how far it lies above the other kind's mean.
  ///
  /// The generator's loss is the mean of the two directions, real images' scores without history. The
  /// discriminator differentiates its two halves one after the other; a third pass makes the generated
  /// images' scores anew. Batch norms are in training mode throughout, so that each of the five passes
  /// advances their statistics. Source: BasicSR `models/esrgan_model.py` `optimize_parameters`.
  func relativistic(_ step: TrainingStep, _ source: Tensor, _ target: Tensor) throws {
    let output = generator(source).asType(.float32)

    let terms = try step.update(
      "generator", generatorOptimizer, freezing: [discriminator], average: average
    ) { loss in
      let real = withoutGradients { scores(target, step, "generatorReal") }
      let fake = scores(output, step, "generator")
      let adversarial =
        ((real - typical(fake)).softplus().mean() + (-(fake - typical(real))).softplus().mean()) / 2
      comparison.add(output, target, to: &loss)
      loss.add("adversarial", adversarial, weight: configuration.weights.adversarial)
    }
    step.log("generator", terms.total)

    let generated = output.detached()
    let discriminatorTerms = try step.update("discriminator", discriminatorOptimizer) { loss in
      let besideReal = withoutGradients { typical(scores(generated, step, "realBeside")) }
      let real = scores(target, step, "real")
      augment.observe(realScores: real - besideReal)
      loss.add("discriminatorReal", (-(real - besideReal)).softplus().mean(), weight: 0.5)
      loss.backward()
      let fake = scores(generated, step, "fake")
      loss.add("discriminatorFake", (fake - typical(real.detached())).softplus().mean(), weight: 0.5)
      observeAccuracy(step, real, fake)
    }
    step.log("discriminator", discriminatorTerms.total)
  }

  /// The mean of scores over the whole batch.
  private func typical(_ scores: Tensor) -> Tensor { scores.mean().averagedOverProcesses() }
}
