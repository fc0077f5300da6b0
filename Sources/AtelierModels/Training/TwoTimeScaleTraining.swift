import AtelierCore
import Torch
import TorchNN

/// The settings of Adam with a learning rate for the generator and one for the discriminators (two time
/// scales, Heusel et al. 2017), in SPADE and SEAN.
protocol TwoTimeScaleTraining {
  var learningRate: Double { get }
  var generatorLearningRate: Double? { get }
  var discriminatorLearningRate: Double? { get }
  var constantEpochs: Int { get }
  var decayEpochs: Int { get }
  var beta1: Double { get }
  var beta2: Double { get }
  var adamEpsilon: Double { get }
}

extension TwoTimeScaleTraining {
  /// The optimisers of the generator's and the discriminators' parameters at the first epoch.
  func makeTwoTimeScaleAdam(
    generator: [(name: String, tensor: Tensor)], discriminator: [(name: String, tensor: Tensor)]
  ) -> (generator: Adam, discriminator: Adam) {
    func adam(_ parameters: [(name: String, tensor: Tensor)]) -> Adam {
      Adam(parameters, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: adamEpsilon)
    }
    let optimizers = (adam(generator), adam(discriminator))
    setTwoTimeScales(optimizers.0, optimizers.1, epoch: 0)
    return optimizers
  }

  /// Sets the learning rates of an epoch; see
  /// ``twoTimeScales(base:generator:discriminator:constantEpochs:decayEpochs:epoch:)``.
  func setTwoTimeScales(_ generator: Adam, _ discriminator: Adam, epoch: Double) {
    let rates = twoTimeScales(
      base: learningRate, generator: generatorLearningRate, discriminator: discriminatorLearningRate,
      constantEpochs: constantEpochs, decayEpochs: decayEpochs, epoch: epoch)
    generator.learningRate = rates.generator
    discriminator.learningRate = rates.discriminator
  }
}

/// The learning rates of two time scales at an epoch: constant, then in a straight line towards zero.
///
/// Source: NVlabs/SPADE `trainers/pix2pix_trainer.py` `update_learning_rate`.
func twoTimeScales(
  base: Double, generator: Double?, discriminator: Double?, constantEpochs: Int, decayEpochs: Int,
  epoch: Double
) -> (generator: Double, discriminator: Double) {
  var factor = 1.0
  if decayEpochs > 0 {
    factor = Schedule.linearDecay(start: constantEpochs, length: decayEpochs - 1, offset: 0).factor(
      at: Int(epoch))
  }
  return ((generator ?? base / 2) * factor, (discriminator ?? base * 2) * factor)
}
