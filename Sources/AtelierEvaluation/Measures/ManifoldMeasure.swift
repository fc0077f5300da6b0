public import AtelierCore
public import AtelierMetrics
import Torch

/// Precision, recall, density and coverage of generated images, by every source of features.
public struct ManifoldMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "precision-recall"

  /// Drawing and features.
  public static let sharedWork = SharedWork.features

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    try context.judgedSamples().flatMap { try $0.judge.manifold($0.features) }
  }
}
