import AtelierCore

/// When a training ends, and which stage a step belongs to.
struct TrainingLimits {
  let options: TrainingOptions
  let stages: [Stage]

  /// The sum of the stages' lengths, where all have one.
  private var stagedSteps: Int? {
    let lengths = stages.compactMap(\.steps)
    return lengths.count == stages.count && !lengths.isEmpty ? lengths.reduce(0, +) : nil
  }

  /// The name of the stage of a step.
  func stage(of step: Int) -> String {
    var end = 0
    for stage in stages {
      guard let steps = stage.steps else { return stage.name }
      end += steps
      if step < end { return stage.name }
    }
    return stages.last?.name ?? "training"
  }

  /// Whether one of the limits is reached.
  func areReached(step: Int, epoch: Double, seconds: Double) -> Bool {
    if let steps = options.steps, step >= steps { return true }
    if let steps = stagedSteps, step >= steps { return true }
    if let epochs = options.epochs, epoch >= epochs { return true }
    if let limit = options.seconds, seconds >= limit { return true }
    return false
  }

  /// The share of the work that is done, by the limit that is nearest; nil without limits.
  func fraction(step: Int, epoch: Double, seconds: Double) -> Double? {
    var shares: [Double] = []
    for limit in [options.steps, stagedSteps].compactMap(\.self) where limit > 0 {
      shares.append(Double(step) / Double(limit))
    }
    if let epochs = options.epochs { shares.append(epoch / epochs) }
    if let limit = options.seconds { shares.append(seconds / limit) }
    return shares.max().map { min(1, $0) }
  }
}
