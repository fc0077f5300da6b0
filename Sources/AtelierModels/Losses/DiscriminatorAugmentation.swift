public import AtelierCore
public import Torch
package import TorchNN

/// What a discriminator sees of pictures: changed always (``DiffAugment``), or with a probability that
/// follows how sure it is of real images, a controller in the manner of ADA around the same changes.
///
/// Every fourth step the probability moves by a fixed amount, up where the mean sign of the scores of real
/// images is above the target, else down. Source: Karras et al. 2020, "Training Generative Adversarial
/// Networks with Limited Data", section 3.1; stylegan2-ada-pytorch `training_loop.py`. The changes are those
/// of ``DiffAugment``, each applied to each image with the probability, or the paper's own (``AdaptivePipeline``). Unlike
/// there, probability and running sum belong to the state of a checkpoint.
///
/// A sign is that of a score's distance from where the loss has the border between real and generated: 0 for
/// logits and the hinge, ½ for probabilities and least squares. A Wasserstein critic has none and takes no
/// target. Where scores are maps, at several scales or not, an image counts with the mean sign of each
/// scale's map, averaged over scales; where there are two discriminators, both feed the one probability.
public final class DiscriminatorAugmentation {
  private let changes: [DiffAugment.Change]
  /// ADA's own changes, in place of those.
  private let pipeline: AdaptivePipeline
  /// The mean sign that is aimed at; nil: all changes always.
  private let target: Double?
  /// Images over which the probability can rise from 0 to 1.
  private let ramp: Double
  /// The score between real and generated.
  private let threshold: Double
  /// Whether images are in 0 … 1, not in -1 … 1.
  private let isUnit: Bool
  /// The probability of each change, 0 … 1 (never above 1, where it would have no meaning).
  package private(set) var probability: Double
  private var signs = 0.0
  private var pictures = 0.0
  private var steps = 0
  /// The terms that stabilise the discriminator.
  let regularization: DiscriminatorRegularization

  /// Steps from one adjustment to the next.
  private static let interval = 4
  private static let stateName = "augmentation"

  /// - Parameters:
  ///   - target: 0.6 in the paper; 0 leaves the probability at 1.
  ///   - ramp: 500,000 images in the paper.
  ///   - threshold: the score above which an image counts as real.
  ///   - isUnit: whether images are in 0 … 1; their changes are then those of the same images in -1 … 1.
  package init(
    _ changes: [DiffAugment.Change], pipeline: [AdaptivePipeline.Group] = [], target: Double, ramp: Double,
    threshold: Double, isUnit: Bool = false,
    regularization: RegularizationSettings = RegularizationSettings()
  ) {
    self.regularization = DiscriminatorRegularization(regularization)
    // Colours first, as in DiffAugment: what comes in from outside an image is not coloured.
    self.changes = changes.filter { $0 == .color } + changes.filter { $0 != .color }
    self.pipeline = AdaptivePipeline(pipeline)
    self.target = target > 0 ? target : nil
    self.ramp = ramp
    self.threshold = threshold
    self.isUnit = isUnit
    probability = target > 0 ? 0 : 1
  }

  /// Whether nothing is ever changed.
  var isEmpty: Bool { changes.isEmpty && pipeline.groups.isEmpty }
  /// Whether the probability moves.
  var adapts: Bool { target != nil && !isEmpty }

  /// Changed images `[batch, channels, height, width]`, behind their conditions where there are any: what
  /// moves, moves both, and conditions keep their colours.
  ///
  /// - Parameters:
  ///   - condition: images of the same height and width, which come first along the channels.
  ///   - name: what the draws' names begin with, those of ``DiffAugment`` and `<name>.<change>.applied`.
  package func callAsFunction(
    _ images: Tensor, beside condition: Tensor? = nil, draws: any Draws, name: String
  ) -> Tensor {
    guard isUnit, !isEmpty else { return changed(images, beside: condition, draws, name) }
    let signed = changed(images * 2 - 1, beside: condition.map { $0 * 2 - 1 }, draws, name)
    return (signed + 1) / 2
  }

  /// Several images of each example, all changed alike: those that are compared afterwards, such as a
  /// generated image and the real one whose features it is to have.
  ///
  /// - Parameter condition: the condition of all of them.
  package func alike(
    _ images: [Tensor], beside condition: Tensor? = nil, draws: any Draws, name: String
  ) -> [Tensor] {
    let remembered = RememberedDraws(draws)
    return images.map { self($0, beside: condition, draws: remembered, name: name) }
  }

  private func changed(
    _ images: Tensor, beside condition: Tensor?, _ draws: any Draws, _ name: String
  ) -> Tensor {
    guard adapts else {
      return DiffAugment(changes)(images, beside: condition, draws: draws, name: name)
    }
    if !pipeline.groups.isEmpty {
      return pipeline(images, beside: condition, probability: probability, draws: draws, name: name)
    }
    /// Each image changed with the probability, the others as they were.
    func applied(_ x: Tensor, _ change: DiffAugment.Change) -> Tensor {
      let changed = DiffAugment([change])(x, draws: draws, name: name)
      let chosen = draws.bernoulli(
        "\(name).\(change.rawValue).applied", probability: probability, [x.shape[0], 1, 1, 1])
      return .select(chosen.greater(0), changed, x)
    }
    let coloured = changes.contains(.color) ? applied(images, .color) : images
    let joined = condition.map { Tensor.concatenated([$0, coloured], dim: 1) } ?? coloured
    return changes.filter { $0 != .color }.reduce(joined, applied)
  }

  /// Takes the discriminator's scores of real images into account: of each scale `[batch]` or `[batch, …]`.
  package func observe(realScores: Tensor...) { observe(realScores: realScores) }

  /// Takes the discriminator's scores of real images at all scales into account.
  package func observe(realScores scales: [Tensor]) {
    guard adapts, let first = scales.first else { return }
    withoutGradients {
      for scores in scales {
        let sign = (scores.detached().asType(.float32) - threshold).sign()
        let mean = sign.mean().averagedOverProcesses().item()
        signs += mean * Double(sign.shape[0] * processes) / Double(scales.count)
      }
    }
    pictures += Double(first.shape[0] * processes)
  }

  /// Takes scores of real images into account that have a value for each pixel, those pixels alone that
  /// count.
  ///
  /// - Parameter counts: of as many values as the scores, 0 where a pixel does not count and 1 where it does.
  package func observe(realScores: Tensor, where counts: Tensor) {
    guard adapts else { return }
    let batch = realScores.shape[0]
    withoutGradients {
      let sign = (realScores.detached().asType(.float32) - threshold).sign().reshaped([batch, -1])
      let weight = counts.asType(.float32).reshaped([batch, -1])
      let sums = (sign * weight).sum(dims: [1]) / weight.sum(dims: [1]).clamped(min: 1)
      signs += sums.sum().summedOverProcesses().item()
    }
    pictures += Double(batch * processes)
  }

  /// How many processes have a part of the batch each.
  private var processes: Int { currentProcesses?.count ?? 1 }

  /// Ends a step: adjusts the probability in every fourth, and logs it.
  func endStep(_ step: TrainingStep) {
    guard adapts else { return }
    endStep()
    step.log("augmentationProbability", Tensor(scalar: probability))
  }

  /// Ends a step, and adjusts the probability in every fourth.
  package func endStep() {
    guard adapts, let target else { return }
    steps += 1
    guard steps % Self.interval == 0, pictures > 0 else { return }
    let difference = signs / pictures - target
    let direction = difference > 0 ? 1.0 : difference < 0 ? -1.0 : 0
    probability = min(1, max(0, probability + direction * pictures / ramp))
    (signs, pictures) = (0, 0)
  }

  /// What the next step depends on; empty where nothing adapts.
  package var state: [(name: String, tensor: HostTensor)] {
    (adapts ? [(Self.stateName, HostTensor([probability, signs, pictures, Double(steps)]))] : [])
      + regularization.state
  }

  /// Puts back what ``state`` gave.
  ///
  /// - Throws: ``ConfigurationError`` for anything else.
  package func restore(_ carried: [(name: String, tensor: HostTensor)]) throws(ConfigurationError) {
    let state = carried.filter { !regularization.hasState || !DiscriminatorRegularization.owns($0.name) }
    regularization.restore(carried.filter { DiscriminatorRegularization.owns($0.name) })
    guard adapts else {
      if let first = state.first {
        throw ConfigurationError(
          "the checkpoint carries '\(first.name)', which this configuration does not know")
      }
      return
    }
    guard state.count == 1, let first = state.first, first.name == Self.stateName, first.tensor.shape == [4]
    else {
      throw ConfigurationError(
        "the checkpoint lacks the state of the adaptive augmentation; set augmentationTarget to what it was")
    }
    let values = first.tensor.doubles()
    (probability, signs, pictures, steps) = (values[0], values[1], values[2], Int(values[3]))
  }
}

/// Draws that give the same numbers again under the same name.
private final class RememberedDraws: Draws {
  private let draws: any Draws
  private var drawn: [String: Tensor] = [:]

  init(_ draws: any Draws) { self.draws = draws }

  private func remembered(_ name: String, _ draw: () -> Tensor) -> Tensor {
    if let old = drawn[name] { return old }
    let new = draw()
    drawn[name] = new
    return new
  }

  func normal(_ name: String, _ shape: [Int]) -> Tensor {
    remembered(name) { draws.normal(name, shape) }
  }

  func uniform(_ name: String, _ shape: [Int]) -> Tensor {
    remembered(name) { draws.uniform(name, shape) }
  }

  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    remembered(name) { draws.integers(name, below: bound, shape) }
  }

  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    remembered(name) { draws.bernoulli(name, probability: probability, shape) }
  }
}

/// A system whose discriminator may see changed images; the state of that is carried by checkpoints.
public protocol AugmentedSystem: GenerativeSystem {
  /// Discriminator augmentation.
  var augment: DiscriminatorAugmentation { get }
}

extension AugmentedSystem {
  /// The adaptive augmentation's state, where there is one.
  public func carriedState() -> [(name: String, tensor: HostTensor)] { augment.state }

  /// Puts back what ``carriedState()`` gave.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    try augment.restore(state)
  }
}
