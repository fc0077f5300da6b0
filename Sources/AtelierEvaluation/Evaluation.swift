public import AtelierCore
public import AtelierGeneration
public import AtelierMetrics
public import AtelierTraining
import Torch
import TorchNN

/// Measures a trained system by everything in a list that applies to it as a whole; what is measured of each
/// direction of a translation belongs to ``TranslationEvaluation``.
public struct Evaluation {
  /// What is measured, and what measures share.
  public let context: EvaluationContext
  private let measures: MeasureList

  /// An evaluation of a system on the data it was trained on.
  ///
  /// - Parameters:
  ///   - measures: what may be measured; a program adds its own by `MeasureList.standard.adding(…)`.
  ///   - say: told what is being done, for long work.
  public init(
    _ system: any GenerativeSystem, data: DataBinding, options: EvaluationOptions = EvaluationOptions(),
    measures: MeasureList = .standard, say: @escaping (String) -> Void = { _ in }
  ) {
    context = EvaluationContext(system, data: data, options: options, say: say)
    self.measures = measures
  }

  /// An evaluation in a context that there is.
  init(_ context: EvaluationContext, measures: MeasureList) {
    self.context = context
    self.measures = measures
  }

  /// Takes every measure that applies, in the list's order.
  ///
  /// - Throws: ``TrainingError`` where the data have no part to measure on; `MetricError` where there is
  ///   too little of it.
  public func run() throws -> [MeasuredNumber] {
    try withTensorErrors {
      try context.system.drawing {
        try measures.applying(to: context.plan, .system).flatMap { try $0.measure(context) }
      }
    }
  }
}
