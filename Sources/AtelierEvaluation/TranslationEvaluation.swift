public import AtelierCore
import AtelierData
public import AtelierGeneration
public import AtelierMedia
public import AtelierMetrics
public import AtelierTraining
import Foundation
import Torch
import TorchNN

/// A trained translating system with its data.
public struct TranslationSubject {
  /// What its column is called.
  public let name: String
  /// The system with its weights.
  public let system: any TranslatingSystem
  /// The data whose held-out part it is measured on.
  public let data: DataBinding

  /// Names a system and its data.
  public init(_ name: String, _ system: any TranslatingSystem, data: DataBinding) {
    self.name = name
    self.system = system
    self.data = data
  }

  /// What the system is.
  var plan: SystemPlan { system.plan }

  /// The part that was held out: test, else validation; of data that were not trained on, all of it.
  ///
  /// - Parameter whole: whether images keep the size of their files.
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where nothing was held out.
  func heldOut(whole: Bool, _ options: EvaluationOptions) throws -> (dataset: any Dataset, name: String) {
    let parts: [DatasetSplit] = options.parts + (options.hasOtherData ? [.train] : [])
    for part in parts {
      let dataset = try whole ? data.wholeDataset(of: part) : data.dataset(of: part)
      if let dataset, dataset.count > 0 {
        let name = data.facts.description.name
        return (dataset, part == .train ? name : "\(name) \(part.rawValue)")
      }
    }
    throw TrainingError.unfitData(
      path: data.path?.path ?? "the data",
      reason:
        "there is no test or validation part to measure on; put held-out pictures into a folder test, or "
        + "name other data")
  }
}

/// Measures systems that turn images into images, several side by side, beside baselines: every measure of a
/// list that is taken of a direction.
///
/// Pairs are compared image by image; sets without correspondence by distances of their features, and by
/// what comes back from there and back again.
public struct TranslationEvaluation {
  let subjects: [TranslationSubject]
  let options: EvaluationOptions
  let measures: MeasureList
  let say: (String) -> Void
  /// Those that measure together.
  var processes = MeasuringProcesses.alone

  /// An evaluation of one system, or of several on the same images.
  ///
  /// - Parameters:
  ///   - measures: what may be measured; a program adds its own by `MeasureList.standard.adding(…)`.
  ///   - say: told what is being done, for long work.
  public init(
    _ subjects: [TranslationSubject], options: EvaluationOptions = EvaluationOptions(),
    measures: MeasureList = .standard, say: @escaping (String) -> Void = { _ in }
  ) {
    self.subjects = subjects
    self.options = options
    self.measures = measures
    self.say = say
  }

  /// Takes every measure that applies.
  ///
  /// - Returns: a table and images for each direction; several systems are compared in their first. None where
  ///   no measure of the list is taken of directions of these systems.
  /// - Throws: ``TrainingError`` where nothing was held out, or where systems cannot be compared.
  public func run() throws -> [TranslationResult] {
    guard let first = subjects.first else { return [] }
    guard subjects.contains(where: { !measures.applying(to: $0.plan, .direction).isEmpty }) else { return [] }
    try check(first)
    return try withTensorErrors {
      try drawing(subjects[...]) {
        let count = subjects.count > 1 ? 1 : first.system.directions.count
        return try (0..<count).compactMap { try result(direction: $0) }
      }
    }
  }

  /// Runs `body` with every subject's networks in their drawing mode.
  private func drawing<Result>(
    _ subjects: ArraySlice<TranslationSubject>, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let first = subjects.first else { return try body() }
    return try first.system.drawing { try drawing(subjects.dropFirst(), body) }
  }

  /// Systems can be compared where they learned from the same kind of data and have targets there.
  private func check(_ first: TranslationSubject) throws {
    if first.plan.unpairedSets != nil {
      guard subjects.count == 1 else {
        throw TrainingError.invalid(
          reason: "\(first.name) learned from unpaired pictures and is measured alone; name one run")
      }
      return
    }
    for other in subjects {
      if other.plan.unpairedSets != nil {
        throw TrainingError.invalid(
          reason: "\(other.name) learned from unpaired pictures and cannot stand beside \(first.name)")
      }
      guard other.plan.translatesPairs else {
        throw TrainingError.invalid(
          reason: "the data of \(other.name) hold no pictures that its outputs should be, so that there is "
            + "nothing to compare them with")
      }
    }
  }

  /// The examples of a direction, before any was translated.
  private func begin(_ place: Int) throws -> (pass: any TranslationPass, material: TranslationMaterial) {
    let directions = subjects.map { $0.system.directions[place] }
    let pass: any TranslationPass =
      if subjects[0].plan.unpairedSets != nil {
        try UnpairedPass(subjects[0], direction: directions[0], options: options, say: say)
      } else {
        try PairedPass(subjects, directions: directions, options: options, say: say)
      }
    return (pass, TranslationMaterial(subjects, directions[0], pass, options: options, say: say))
  }

  /// What is measured of a direction; nil in other processes than process 0.
  private func result(direction place: Int) throws -> TranslationResult? {
    let taken = subjects.map { measures.applying(to: $0.plan, .direction) }
    let gathered = MeasureList(taken.flatMap { $0 }).measures.compactMap { $0 as? any ExampleMeasure }
    var (pass, material) = try begin(place)
    if try !material.gather(gathered, by: processes), processes.isFirst {
      // A process's part held nothing that can be measured.
      (pass, material) = try begin(place)
      _ = try material.gather(gathered, by: .alone)
    }
    guard processes.isFirst else { return nil }
    let contexts = subjects.enumerated().map { run, subject in
      EvaluationContext(
        subject.system, data: subject.data, options: options, translations: material, run: run, say: say)
    }
    let numbers = try zip(contexts, taken).map { context, taken in
      try taken.flatMap { try $0.measure(context) }
    }
    var table = EvaluationTable(title: pass.title, columns: pass.columns, numbersOfRuns: numbers)
    table.notes = material.notes
    return TranslationResult(
      direction: material.direction.name, table: table, examples: pass.examples,
      numbers: numbers.map { numbers in
        numbers.map { number in
          var number = number
          number.protocolText = "\(pass.title); \(number.protocolText)"
          return number
        }
      })
  }
}

/// What came of an evaluation in one direction.
public struct TranslationResult {
  /// The direction's name.
  public let direction: String
  /// The numbers.
  public let table: EvaluationTable
  /// Images of the first examples, none selected.
  public let examples: [TranslationExample]
  /// The numbers of each run with the baselines, for its report.
  public let numbers: [[MeasuredNumber]]

  /// A result with its images.
  public init(
    direction: String, table: EvaluationTable, examples: [TranslationExample] = [],
    numbers: [[MeasuredNumber]] = []
  ) {
    self.direction = direction
    self.table = table
    self.examples = examples
    self.numbers = numbers
  }
}

/// Images that belong together, with their titles: the source, what each system made of it, what it should
/// be, and the baselines.
public struct TranslationExample {
  /// The images, left to right.
  public let pictures: [(title: String, picture: Image)]
}
