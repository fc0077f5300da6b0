import AtelierCore
import Foundation
import Perception
import Torch
import TorchNN

// What the systems of super-resolution share beside networks and losses.

/// How a learning rate falls over the steps of a training of super-resolution.
struct EnlargementSchedule {
  let learningRate: Double
  let milestones: [Int]
  let decayFactor: Double
  let restartEvery: Int
  let minimumLearningRate: Double

  /// The learning rate of a step: halved (or so) at each milestone, and, where there are restarts, half a
  /// cosine down to the least that begins anew every so many steps.
  ///
  /// Source: BasicSR `models/lr_scheduler.py` `MultiStepRestartLR` and `CosineAnnealingRestartLR`.
  func rate(at step: Int) -> Double {
    let base = Schedule.multiStep(milestones: milestones, factor: decayFactor).learningRate(
      base: learningRate, at: step)
    guard restartEvery > 0 else { return base }
    let minimum = minimumLearningRate / learningRate
    return Schedule.cosine(length: restartEvery, minimum: minimum).learningRate(
      base: base, at: step % restartEvery)
  }

  func validate() throws(ConfigurationError) {
    try Checks.require(
      milestones.allSatisfy { $0 > 0 }, "every one of milestones is a step above 0, not \(milestones)")
    try Checks.require(
      decayFactor > 0 && decayFactor <= 1, "decayFactor lies above 0 and at most at 1, not at \(decayFactor)")
    try Checks.require(
      restartEvery >= 0 && minimumLearningRate >= 0 && minimumLearningRate <= learningRate,
      "restartEvery is at least 0 and minimumLearningRate lies in 0 … learningRate, not \(restartEvery) and "
        + "\(minimumLearningRate)")
  }
}

/// Checks of keys and generation that the systems of super-resolution share.
enum Enlargement {
  /// What `step` compares, refused where it cannot be: no term at all, or features of images that a network
  /// for photographs cannot see.
  static func checkLosses(
    _ losses: EnlargingLosses, pixel: Double, perceptual: Double, adversarial: Double = 0, channels: Int
  ) throws(ConfigurationError) {
    let perceptualLayers = losses.perceptualLayers
    for (key, value) in [("pixel", pixel), ("perceptual", perceptual), ("adversarial", adversarial)] {
      try Checks.require(
        value >= 0 && value.isFinite, "weights.\(key) is at least 0, not \(value)")
    }
    try Checks.require(
      pixel > 0 || adversarial > 0 || (perceptual > 0 && !perceptualLayers.isEmpty),
      "there is nothing to learn from: raise weights.pixel, or name perceptualLayers and raise "
        + "weights.perceptual")
    for (layer, weight) in perceptualLayers.sorted(by: { $0.key < $1.key }) {
      try Checks.require(
        weight >= 0 && weight.isFinite, "perceptualLayers.\(layer) is at least 0, not \(weight)")
      do throws(PerceptionError) {
        _ = try VGG.index(of: layer, in: losses.features.architecture)
      } catch {
        throw ConfigurationError("perceptualLayers: \(error)")
      }
    }
    try Checks.require(
      perceptualLayers.isEmpty || channels == 1 || channels == 3,
      "a perceptual loss sees images of 1 or 3 channels, not of \(channels); leave perceptualLayers empty")
  }

  /// A generator's outputs for generation: its average where it has one, cut to 0 … 1.
  static func translate(
    _ pictures: Tensor, by generator: any Layer, matchingHistogram: Bool
  ) -> Tensor {
    let output = generator(pictures).asType(.float32).clamped(min: 0, max: 1)
    return matchingHistogram ? withHistogram(of: pictures, output).contiguous() : output.contiguous()
  }

  /// Each channel's values changed in their order, so that they are distributed as those of the small
  /// picture: the last step of Johnson et al. 2016, section 4.2.
  static func withHistogram(of small: Tensor, _ large: Tensor) -> Tensor {
    let (batch, channels) = (large.shape[0], large.shape[1])
    guard small.shape[1] == channels else { return large }
    let values = large.reshaped([batch, channels, -1])
    let places = values.sorted(dim: 2).indices
    // The place of each value in the order: the inverse of the permutation that sorts.
    let ranks = places.sorted(dim: 2).indices
    let wanted = small.asType(.float32).reshaped([batch, channels, 1, -1]).sorted(dim: 3).values
    let quantiles = upsampleBilinear(wanted, size: (1, values.shape[2])).reshaped(values.shape)
    return quantiles.gathered(2, ranks).reshaped(large.shape)
  }
}
