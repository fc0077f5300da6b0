import AtelierCore
import Torch
import TorchNN

/// The adversarial half of SPADE's training, which SEAN took over: discriminators on several scales see
/// generated and real images beside their map, as one batch, the generated first.
struct MapAdversary {
  let discriminator: MultiscaleDiscriminator
  let optimizer: Adam
  let augment: DiscriminatorAugmentation
  let objective: AdversarialLoss

  /// Adds the generator's terms: adversarial, and where weighted the distance of the discriminators' features
  /// of both images.
  func addGeneratorTerms(
    _ fake: Tensor, _ real: Tensor, _ map: MapPyramid, _ step: TrainingStep, featureMatching weight: Double,
    to loss: inout Loss
  ) {
    let outputs = outputs(fake, real, map, step, "diffAugment.generator")
    loss.add("adversarial", meanOverScales(outputs.fake, objective.generator))
    if weight > 0 {
      loss.add("featureMatching", featureDistance(outputs.fake, outputs.real), weight: weight)
    }
  }

  /// The discriminators' update.
  ///
  /// - Parameter fake: generated images, without gradients.
  func updateDiscriminator(
    _ fake: Tensor, _ real: Tensor, _ map: MapPyramid, _ step: TrainingStep
  ) throws {
    let terms = try step.update("discriminator", optimizer) { loss in
      let outputs = outputs(fake, real, map, step, "diffAugment.discriminator")
      augment.observe(realScores: outputs.real.compactMap(\.last))
      loss.add("discriminatorFake", meanOverScales(outputs.fake, objective.fake))
      loss.add("discriminatorReal", meanOverScales(outputs.real, objective.real))
    }
    step.log("discriminator", terms.total)
  }

  /// Features and scores of generated and of real images. Augmentation moves both and the map alike, because
  /// the features of one are to match the other's.
  private func outputs(
    _ fake: Tensor, _ real: Tensor, _ map: MapPyramid, _ step: TrainingStep, _ name: String
  ) -> (fake: [[Tensor]], real: [[Tensor]]) {
    let shown = augment.alike([fake, real], beside: map.full, draws: step.draws, name: name)
    return halvedBatch(discriminator(.concatenated(shown, dim: 0)))
  }
}
