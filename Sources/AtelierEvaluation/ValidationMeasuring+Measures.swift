public import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMetrics
public import AtelierTraining
import Foundation
import Torch

extension ValidationMeasuring {
  /// Measures on the validation part by the measures that `evaluate` takes on the test part.
  ///
  /// - Parameters:
  ///   - measures: what may be measured; the policy may choose among them.
  ///   - options: samples, seed, part and places of judges are those of the training.
  public static func by(
    _ measures: MeasureList = .standard, options: EvaluationOptions = EvaluationOptions()
  ) -> ValidationMeasuring {
    ValidationMeasuring { try ValidationMeter($0, measures, options).numbers }
  }
}

/// Measures one training.
private final class ValidationMeter {
  private let request: ValidationRequest
  private let measures: MeasureList
  private let options: EvaluationOptions
  private let isTranslating: Bool
  private let processes: MeasuringProcesses
  private var context: EvaluationContext?

  init(_ request: ValidationRequest, _ measures: MeasureList, _ options: EvaluationOptions) throws {
    let policy = request.policy
    let system = request.data.system
    let plan = try system.plan(request.data.configuration)
    let isTranslating = plan.isMeasuredByDirection
    let chosen = try policy.measures.isEmpty ? measures : measures.only(policy.measures)
    let scopes: [MeasureScope] = isTranslating ? [.direction, .system] : [.system]
    let applying = MeasureList(scopes.flatMap { chosen.applying(to: plan, $0) })
    if let silent = chosen.ids.first(where: { !policy.measures.isEmpty && !applying.ids.contains($0) }) {
      throw TrainingError.invalid(
        reason: "the measure '\(silent)' says nothing about \(system.identity.name); choose another")
    }
    guard !applying.ids.isEmpty else {
      throw TrainingError.invalid(
        reason: "no measure says anything about \(system.identity.name); train it without measuring")
    }
    guard try Self.hasPart(.validation, request.data) else {
      throw TrainingError.unfitData(
        path: request.data.path?.path ?? "the data",
        reason:
          "it has no validation part to measure on while training, and the test part is for the end; "
          + "hold-out-validation 0.1 keeps a tenth of the training examples for it")
    }
    var options = options
    options.parts = [.validation]
    options.samples = policy.samples
    options.seed = request.seed
    options.hasOtherData = false
    options.shownExamples = 0
    options.classifierFile =
      options.classifierFile ?? request.run.url.appendingPathComponent("classifier.safetensors")
    if options.segmenterFolders.isEmpty { options.segmenterFolders = [request.run.url] }
    self.request = request
    processes = MeasuringProcesses(request.processes)
    self.measures = applying
    self.isTranslating = isTranslating
    self.options = options
  }

  private static func hasPart(_ split: DatasetSplit, _ data: DataBinding) throws -> Bool {
    if let dataset = try data.dataset(of: split) { return dataset.count > 0 }
    return try data.batches(of: split)?.isEmpty == false
  }

  /// The numbers of the system as it is; those that tell most about what it draws first.
  func numbers(of system: any GenerativeSystem) throws -> [MeasuredNumber] {
    // Long work is told of once, the first time.
    let isFirst = context == nil
    let say: (String) -> Void = isFirst ? request.say : { _ in }
    let context =
      self.context?.renewed(say: say)
      ?? EvaluationContext(system, data: request.data, options: options, processes: processes, say: say)
    self.context = context
    var numbers: [MeasuredNumber] = []
    if isTranslating, let translating = system as? any TranslatingSystem {
      let subject = TranslationSubject(request.run.name, translating, data: request.data)
      var evaluation = TranslationEvaluation([subject], options: options, measures: measures, say: say)
      evaluation.processes = processes
      let results = try evaluation.run()
      numbers += results.flatMap { $0.numbers.first ?? [] }
    }
    numbers += try Evaluation(context, measures: measures).run()
    return numbers.filter { $0.id == FrechetMeasure.id } + numbers.filter { $0.id != FrechetMeasure.id }
  }
}

extension SystemPlan {
  /// Whether what is measured is how images are turned into images; a system that has to be shown a class is
  /// measured by how often its outputs are of that class, and passcodes by whom they hide.
  public var isMeasuredByDirection: Bool {
    guard let data, ability(ImageTranslation.self) != nil else { return false }
    return !(data.arrangement is ClassPairs) && ability(PasscodeTransformation.self) == nil
  }
}
