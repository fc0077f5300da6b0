public import AtelierCore
public import AtelierMetrics
import Torch

/// The share of generated and held-out images whose nearest other image is of their own kind; 0.5 is ideal.
public struct NearestNeighbourMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "nearest-neighbour-accuracy"

  /// Drawing and features.
  public static let sharedWork = SharedWork.features

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    try context.judgedSamples().map { try $0.judge.neighbours($0.features) }
  }
}
