public import AtelierCore
public import AtelierMetrics
import Torch

/// The Fréchet distance between generated and held-out images, by every source of features; named after them.
public struct FrechetMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "frechet-distance"

  /// Drawing and features.
  public static let sharedWork = SharedWork.features

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    try context.judgedSamples().map { try $0.judge.frechet($0.features) }
  }
}
