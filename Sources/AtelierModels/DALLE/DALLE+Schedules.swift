import Foundation

extension DALLE {
  /// How the codes of training are relaxed, at the temperature of drawing.
  var relaxation: CodeRelaxation {
    CodeRelaxation(
      temperature: configuration.temperature, isStraightThrough: configuration.straightThrough,
      isReinMax: configuration.reinmax)
  }

  /// How often temperature and learning rate have changed before a step: after the steps 0, annealInterval, and so on.
  private func changes(before step: Int) -> Int {
    (step + configuration.annealInterval - 1) / configuration.annealInterval
  }

  /// Half a cosine from the first value at step 0 to the last one after some steps, where it stays.
  private func cosine(from first: Double, to last: Double, over steps: Int, at step: Int) -> Double {
    let share = min(1, Double(step) / Double(steps))
    return last + (first - last) * (1 + cos(.pi * share)) / 2
  }

  /// The temperature of a step: half a cosine, or each change multiplies it by exp(-annealRate · the step it stands
  /// behind).
  package func temperature(at step: Int) -> Double {
    guard configuration.annealing == .exponential else {
      return cosine(
        from: configuration.startTemperature, to: configuration.minimumTemperature,
        over: configuration.temperatureSteps, at: step)
    }
    let changes = changes(before: step)
    let sum = Double(configuration.annealInterval) * Double(changes) * Double(changes - 1) / 2
    let fallen = configuration.startTemperature * exp(-configuration.annealRate * sum)
    return changes == 0 ? configuration.startTemperature : max(fallen, configuration.minimumTemperature)
  }

  /// The autoencoder's learning rate at a step.
  package func autoencoderLearningRate(at step: Int) -> Double {
    let base =
      configuration.model == .dallE ? configuration.autoencoderLearningRate : configuration.learningRate
    guard configuration.annealing == .exponential else {
      return cosine(
        from: base, to: configuration.minimumLearningRate, over: configuration.learningRateSteps, at: step)
    }
    return base * pow(configuration.learningRateDecay, Double(changes(before: step)))
  }

  /// The weight of openai-discrete-vae's divergence at a step, which rises from 0: in a straight line, or as half a
  /// cosine.
  package func divergenceWeight(at step: Int) -> Double {
    guard configuration.annealing == .exponential else {
      return cosine(
        from: 0, to: configuration.divergenceWeight, over: configuration.divergenceSteps, at: step)
    }
    return configuration.divergenceWeight * min(1, Double(step) / Double(configuration.divergenceSteps))
  }
}
