import Torch
import TorchNN

/// Changes pictures for the discriminator with a probability that follows how much it has learned them by
/// heart: a controller in the manner of ADA around the changes of ``DiffAugment``.
///
/// Every fourth step the probability moves by a fixed amount, up where the mean sign of the scores of real
/// pictures is above the target, else down. Source: Karras et al. 2020, "Training Generative Adversarial
/// Networks with Limited Data", section 3.1; stylegan2-ada-pytorch `training_loop.py`. The changes are those of
/// ``DiffAugment``, each applied to each picture with the probability, not the paper's eighteen. Unlike there,
/// probability and running sum belong to the state of a checkpoint.
struct AdaptiveAugmentation {
  /// The changes, each on its own.
  private let changes: [DiffAugment]
  /// The mean sign that is aimed at; nil: all changes always, which is ``DiffAugment``.
  private let target: Double?
  /// Pictures over which the probability can rise from 0 to 1.
  private let ramp: Double
  /// The probability of each change, 0 … 1 (never above 1, where it would have no meaning).
  private(set) var probability: Double
  private var signs = 0.0
  private var pictures = 0.0
  private var steps = 0

  /// Steps from one adjustment to the next.
  private static let interval = 4

  /// - Parameters:
  ///   - target: 0.6 in the paper; nil or 0 leaves the probability at 1.
  ///   - ramp: 500,000 pictures in the paper.
  init(_ changes: [DiffAugment.Change], target: Double?, ramp: Double) {
    self.changes = changes.map { DiffAugment([$0]) }
    self.target = target.flatMap { $0 > 0 ? $0 : nil }
    self.ramp = ramp
    probability = self.target == nil ? 1 : 0
  }

  /// Whether nothing is ever changed.
  var isEmpty: Bool { changes.isEmpty }
  /// Whether the probability moves.
  var adapts: Bool { target != nil && !isEmpty }

  /// Pictures `[batch, channels, height, width]` in -1 … 1, changed.
  func callAsFunction(_ images: Tensor, draws: any Draws, name: String) -> Tensor {
    var images = images
    for change in changes {
      let changed = change(images, draws: draws, name: name)
      guard adapts else {
        images = changed
        continue
      }
      let chosen = draws.bernoulli(name + ".applied", probability: probability, [images.shape[0], 1, 1, 1])
      images = .select(chosen.greater(0), changed, images)
    }
    return images
  }

  /// Takes the discriminator's scores of real pictures into account.
  mutating func observe(realScores: Tensor) {
    guard adapts else { return }
    signs += realScores.detached().sign().sum().item()
    pictures += Double(realScores.count)
  }

  /// Ends a step, and adjusts the probability in every fourth.
  mutating func endStep() {
    guard adapts, let target else { return }
    steps += 1
    guard steps % Self.interval == 0, pictures > 0 else { return }
    let difference = signs / pictures - target
    let direction = difference > 0 ? 1.0 : difference < 0 ? -1.0 : 0
    probability = min(1, max(0, probability + direction * pictures / ramp))
    (signs, pictures) = (0, 0)
  }

  /// What the next step depends on; empty where nothing adapts.
  var state: [(name: String, tensor: HostTensor)] {
    adapts ? [("augmentation", HostTensor([probability, signs, pictures, Double(steps)]))] : []
  }

  /// Puts back what ``state`` gave.
  ///
  /// - Throws: ``ConfigurationError`` for anything else.
  mutating func restore(_ state: [(name: String, tensor: HostTensor)]) throws(ConfigurationError) {
    guard adapts else {
      if let first = state.first {
        throw ConfigurationError(
          "the checkpoint carries '\(first.name)', which this configuration does not know")
      }
      return
    }
    guard state.count == 1, let first = state.first, first.name == "augmentation", first.tensor.shape == [4]
    else {
      throw ConfigurationError("the checkpoint lacks the state of the adaptive augmentation")
    }
    let values = first.tensor.doubles()
    (probability, signs, pictures, steps) = (values[0], values[1], values[2], Int(values[3]))
  }
}
