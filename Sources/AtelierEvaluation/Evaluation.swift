public import AtelierCore
import AtelierData
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
  /// A measure that there is too little data for is named and left out, and the others are taken.
  ///
  /// - Throws: ``TrainingError`` where the data have no part to measure on; `MetricError` where there is
  ///   too little of it for any measure.
  public func run() throws -> [MeasuredNumber] {
    try withTensorErrors {
      try context.system.drawing {
        try sayLeftOut()
        let taken = measures.applying(to: context.plan, .system)
        try prepareTogether(taken)
        var numbers: [MeasuredNumber] = []
        var first: MetricError?
        for measure in taken {
          let kind = type(of: measure)
          let isShared = kind.sharedWork == .examples
          guard context.processes.isFirst || isShared else { continue }
          do {
            numbers +=
              try isShared ? measure.measure(context) : context.alone { try measure.measure(context) }
          } catch let error as MetricError {
            first = first ?? error
            context.note("\(kind.id) is left out: \(error.description)")
          }
        }
        guard context.processes.isFirst else { return [] }
        if numbers.isEmpty, let first { throw first }
        return numbers
      }
    }
  }

  /// Makes what several processes share the work of, before process 0 measures it alone. A measure that there is too
  /// little for says so itself.
  private func prepareTogether(_ measures: [any Measure]) throws {
    guard context.processes.group != nil else { return }
    let work = measures.map { type(of: $0).sharedWork }
    do {
      if work.contains(.features) {
        _ = try context.judgedSamples()
      } else if work.contains(.samples) {
        _ = try context.samples()
      }
    } catch is MetricError {}
  }

  /// Says what is to be known of the part that is measured on, such as what is left out of it; training said the same of its own.
  private func sayLeftOut() throws {
    let known = Set(context.data.facts.description.notes)
    for note in try context.heldOutDataset()?.description.notes ?? [] where !known.contains(note) {
      context.say(note)
    }
  }
}
