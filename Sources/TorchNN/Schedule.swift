import Foundation

/// A learning-rate schedule: a factor for each step or epoch, counted from 0.
public enum Schedule: Codable, Sendable, Hashable {
  /// Always 1.
  case constant
  /// 1, then linear decay to 0: 1 - max(0, step + offset - start) / (length + 1), at least 0.
  ///
  /// `start` is the number of steps at the full rate, `length` that of the decay; `offset` is CycleGAN's
  /// `epoch_count`, which its authors set to 1. Source: CycleGAN networks.py `get_scheduler`.
  case linearDecay(start: Int, length: Int, offset: Int = 1)
  /// factor^⌊step / every⌋.
  case step(every: Int, factor: Double)
  /// factor to the number of milestones reached.
  case multiStep(milestones: [Int], factor: Double)
  /// Linear warm-up over `warmup` steps, then cosine decay to `minimum` at `length`, constant afterwards.
  case cosine(length: Int, minimum: Double = 0, warmup: Int = 0)
  /// factor^step, at least `minimum`.
  case exponential(factor: Double, minimum: Double = 0)
  /// modelSize^-½ · min(s^-½, s · warmup^-3/2) with s = step + 1. Source: Vaswani et al. 2017, equation 3.
  case noam(modelSize: Int, warmup: Int)

  /// The factor of the base learning rate at a step.
  public func factor(at step: Int) -> Double {
    let step = max(0, step)
    switch self {
    case .constant:
      return 1
    case .linearDecay(let start, let length, let offset):
      return max(0, 1 - Double(max(0, step + offset - start)) / Double(max(0, length) + 1))
    case .step(let every, let factor):
      return pow(factor, Double(step / max(1, every)))
    case .multiStep(let milestones, let factor):
      return pow(factor, Double(milestones.filter { $0 <= step }.count))
    case .cosine(let length, let minimum, let warmup):
      if step < warmup { return Double(step + 1) / Double(warmup + 1) }
      let progress = min(1, Double(step - warmup) / Double(max(1, length - warmup)))
      return minimum + (1 - minimum) * 0.5 * (1 + cos(.pi * progress))
    case .exponential(let factor, let minimum):
      return max(minimum, pow(factor, Double(step)))
    case .noam(let modelSize, let warmup):
      let s = Double(step + 1)
      return pow(Double(max(1, modelSize)), -0.5) * min(pow(s, -0.5), s * pow(Double(max(1, warmup)), -1.5))
    }
  }

  /// The learning rate at a step.
  public func learningRate(base: Double, at step: Int) -> Double { base * factor(at: step) }
}

/// A linear ramp from one value to another, constant afterwards, such as the momentum of the GAN of 2014.
public struct LinearRamp: Codable, Sendable, Hashable {
  /// The value up to `start`.
  public var from: Double
  /// The value from `start + length` on.
  public var to: Double
  /// The step or epoch at which the ramp starts.
  public var start: Int
  /// The length of the ramp in steps or epochs.
  public var length: Int

  /// A ramp; with length 0 it jumps at `start`.
  public init(from: Double, to: Double, start: Int = 0, length: Int) {
    self.from = from
    self.to = to
    self.start = start
    self.length = length
  }

  /// The value at a step or epoch.
  public func value(at step: Int) -> Double {
    if step < start { return from }
    guard length > 0 else { return to }
    return from + (to - from) * min(1, Double(step - start) / Double(length))
  }
}
