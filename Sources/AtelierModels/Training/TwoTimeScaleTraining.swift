public import AtelierCore
import Torch
import TorchNN

/// A learning rate for the generator and one for the discriminators (two time scales, Heusel et al. 2017), in
/// SPADE and SEAN.
public struct TwoTimeScaleRates: ConfigurationFragment {
  /// The base learning rate.
  public var learningRate = 2e-4
  /// The generator's learning rate; nil: half the base rate (two time scales, Heusel et al. 2017).
  public var generatorLearningRate: Double?
  /// The discriminator's learning rate; nil: twice the base rate.
  public var discriminatorLearningRate: Double?

  /// The authors'.
  public init() {}

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.aboveZero([
      "learningRate": learningRate, "generatorLearningRate": generatorLearningRate ?? learningRate,
      "discriminatorLearningRate": discriminatorLearningRate ?? learningRate,
    ])
  }
}

/// A configuration with ``TwoTimeScaleRates``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol TwoTimeScaleConfiguration: AdamConfiguration, EpochDecayConfiguration {
  /// The learning rates.
  var rates: TwoTimeScaleRates { get set }
}

extension TwoTimeScaleConfiguration {
  /// A key of ``rates``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<TwoTimeScaleRates, Value>) -> Value {
    get { rates[keyPath: key] }
    set { rates[keyPath: key] = newValue }
  }

  /// The optimisers of the generator's and the discriminators' parameters at the first epoch.
  func makeTwoTimeScaleAdam(
    generator: [(name: String, tensor: Tensor)], discriminator: [(name: String, tensor: Tensor)]
  ) -> (generator: Optimizer, discriminator: Optimizer) {
    let optimizers = (
      adam.optimizer(generator, learningRate: rates.learningRate),
      adam.optimizer(discriminator, learningRate: rates.learningRate)
    )
    setTwoTimeScales(optimizers.0, optimizers.1, epoch: 0)
    return optimizers
  }

  /// Sets the learning rates of an epoch: constant, then in a straight line towards zero.
  ///
  /// Source: NVlabs/SPADE `trainers/pix2pix_trainer.py` `update_learning_rate`.
  func setTwoTimeScales(_ generator: Optimizer, _ discriminator: Optimizer, epoch: Double) {
    var factor = 1.0
    if decay.decayEpochs > 0 {
      factor = Schedule.linearDecay(start: decay.constantEpochs, length: decay.decayEpochs - 1, offset: 0)
        .factor(at: Int(epoch))
    }
    generator.learningRate = (rates.generatorLearningRate ?? rates.learningRate / 2) * factor
    discriminator.learningRate = (rates.discriminatorLearningRate ?? rates.learningRate * 2) * factor
  }
}
