import AtelierCore
public import Torch
import TorchNN

/// The terms of ``RegularizationSettings`` in a system's updates, and what of them the next step depends on: running
/// averages of scores and of path lengths, which checkpoints carry.
final class DiscriminatorRegularization {
  private let settings: RegularizationSettings
  /// Running averages by name, in the order in which they came.
  private var averages: [(name: String, value: Double)] = []

  init(_ settings: RegularizationSettings) { self.settings = settings }

  /// Whether anything is carried from one step to the next.
  var hasState: Bool { settings.lecamWeight > 0 || settings.pathLengthWeight > 0 }

  /// Whether real and generated scores must keep their history until ``add(to:_:part:real:scores:share:discriminator:)``.
  var takesScoresTogether: Bool { settings.lecamWeight > 0 }

  private func isDue(_ step: TrainingStep) -> Bool { step.index % settings.regularizationInterval == 0 }

  /// Adds the discriminator's terms to the loss of its update.
  ///
  /// - Parameters:
  ///   - part: what several discriminators' terms, or several batches', are told apart by.
  ///   - real: the real images.
  ///   - scores: of real and generated images.
  ///   - share: the share of this batch in the update.
  ///   - discriminator: scores of images, as many as ``real``.
  func add(
    to loss: inout Loss, _ step: TrainingStep, part: String = "", real: Tensor,
    scores: (real: Tensor, fake: Tensor),
    share: Double = 1, discriminator: (Tensor) throws -> Tensor
  ) rethrows {
    if settings.lecamWeight > 0 {
      let (onReal, onFake) = (
        average("lecamReal" + part, scores.real), average("lecamFake" + part, scores.fake)
      )
      loss.add(
        "lecam" + part,
        AdversarialRegularizer.lecam(
          real: scores.real, fake: scores.fake, averageReal: onReal, averageFake: onFake),
        weight: settings.lecamWeight * share)
    }
    guard isDue(step) else { return }
    let interval = Double(settings.regularizationInterval)
    if settings.r1Weight > 0 {
      loss.add(
        "r1" + part, try GradientPenalty.r1(real: real, discriminator: discriminator),
        weight: settings.r1Weight * interval * share)
    }
    if settings.draganWeight > 0 {
      let penalty = try GradientPenalty.dragan(
        real: real, mixing: step.draws.uniform("dragan.mixing\(part)", [real.shape[0]]),
        noise: step.draws.uniform("dragan.noise\(part)", real.shape), discriminator: discriminator)
      loss.add("dragan" + part, penalty, weight: settings.draganWeight * interval * share)
    }
  }

  /// Adds the generator's term to the loss of its update: the squared distance of path lengths |Jᵀy| from their running
  /// average, y being noise of the images' shape, so that steps in the latent space make steps of one size in images.
  ///
  /// Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 3.2, in the space of
  /// latent vectors themselves; stylegan2-ada-pytorch `loss.py`.
  ///
  /// - Parameters:
  ///   - latent: latent vectors `[n, size]`.
  ///   - generator: images of them.
  func addPathLength(
    to loss: inout Loss, _ step: TrainingStep, latent: Tensor, generator: (Tensor) throws -> Tensor
  ) rethrows {
    guard settings.pathLengthWeight > 0, isDue(step) else { return }
    let lengths = try withoutAutocast(on: latent.device) {
      let latent = latent.detached()
      latent.requiresGradient = true
      let images = try generator(latent)
      let values = Double(images.shape.dropFirst(2).reduce(1, *))
      let noise = step.draws.normal("pathLength.noise", images.shape) / values.squareRoot()
      return gradients(of: images * noise, withRespectTo: [latent], createGraph: true)[0].flattened(from: 1)
        .norm(
          dims: [1])
    }
    let mean = average("pathLength", lengths, decay: 0.99)
    loss.add(
      "pathLength", (lengths - mean).square().mean(),
      weight: settings.pathLengthWeight * Double(settings.regularizationInterval))
  }

  /// A running average that a batch's mean was taken into; the first mean begins it.
  private func average(_ name: String, _ values: Tensor, decay: Double? = nil) -> Double {
    let mean: Double = withoutGradients {
      values.detached().asType(.float32).mean().averagedOverProcesses().item()
    }
    guard let place = averages.firstIndex(where: { $0.name == name }) else {
      averages.append((name, mean))
      return mean
    }
    let decay = decay ?? settings.lecamDecay
    averages[place].value = decay * averages[place].value + (1 - decay) * mean
    return averages[place].value
  }

  private static let prefix = "regularization."

  /// What the next step depends on.
  var state: [(name: String, tensor: HostTensor)] {
    averages.map { (Self.prefix + $0.name, HostTensor([$0.value])) }
  }

  /// Puts back what ``state`` gave.
  func restore(_ state: [(name: String, tensor: HostTensor)]) {
    averages = state.compactMap { entry in
      entry.tensor.doubles().first.map { (String(entry.name.dropFirst(Self.prefix.count)), $0) }
    }
  }

  /// Whether an entry of a checkpoint is of such a state.
  static func owns(_ name: String) -> Bool { name.hasPrefix(prefix) }
}
