import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// The held-out images of two sets without correspondence, in one direction: every image of each set once.
final class UnpairedPass: TranslationPass {
  let columns: [String]
  private(set) var channels = 0
  var border: Int { 0 }
  let dataName: String
  private(set) var examples: [TranslationExample] = []
  private static let inputName = "input"
  private static let realName = "real against real"
  private let subject: TranslationSubject
  private let direction: TranslationDirection
  /// The direction that leads back.
  private let back: TranslationDirection?
  private let dataset: any Dataset
  private let options: EvaluationOptions
  private let say: (String) -> Void
  private let sourceCount: Int
  private let targetCount: Int
  var leftOut = 0

  /// - Throws: ``TrainingError`` where nothing was held out.
  init(
    _ subject: TranslationSubject, direction: TranslationDirection, options: EvaluationOptions,
    say: @escaping (String) -> Void
  ) throws {
    self.subject = subject
    self.direction = direction
    self.options = options
    self.say = say
    back = subject.system.directions.first {
      $0.source == direction.target && $0.target == direction.source
    }
    (dataset, dataName) = try subject.heldOut(whole: options.wholeImages ?? false, options)
    columns = [subject.name, Self.inputName, Self.realName]
    // The smaller set begins anew where it ends, and would be counted twice.
    let sizes = dataset as? UnpairedDataset
    sourceCount = min(
      options.samples, sizes?.files(of: direction.source, subject.plan).count ?? dataset.count)
    targetCount = min(
      options.samples, sizes?.files(of: direction.target, subject.plan).count ?? dataset.count)
  }

  /// What a measure of the outputs gives for the untranslated inputs and for real images of the target set.
  static func beside(input: Double? = nil, real: Double?) -> [BaselineNumber] {
    [(inputName, input), (realName, real)].compactMap { name, value in
      value.map { BaselineNumber(name: name, value: $0) }
    }
  }

  var facts: Provenance {
    [
      "sources": "\(sourceCount)", "targets": "\(targetCount)",
      "size": options.wholeImages == true ? "whole" : "as trained on",
    ]
  }

  var title: String {
    "\(direction.name): \(sourceCount) pictures of \(direction.source), \(targetCount) of "
      + "\(direction.target), \(dataName)"
  }

  var notes: [String] {
    [
      "input: the untranslated pictures of \(direction.source)",
      "real against real: one half of \(direction.target) against the other",
    ]
  }

  var closingNotes: [String] {
    leftOut > 0 ? ["places where a picture cannot be decoded, left out: \(leftOut)"] : []
  }

  var total: Int { max(sourceCount, targetCount) }

  func run(_ part: Range<Int>, _ visit: (TranslatedExample) throws -> Void) throws {
    for index in part {
      if index == 0 || (index + 1) % 10 == 0 { say("\(direction.name), picture \(index + 1)") }
      guard let batch = try subject.data.usableBatch(of: index, in: dataset, say: say) else {
        leftOut += 1
        continue
      }
      let example = self.example(batch, index)
      channels = batch[direction.target].shape[1]
      if index < sourceCount, examples.count < options.shownExamples { try show(example) }
      try visit(example)
    }
  }

  private func example(_ batch: Batch, _ index: Int) -> TranslatedExample {
    let (system, direction, back) = (subject.system, direction, back)
    let (source, target) = (batch[direction.source], batch[direction.target])
    func draws() -> StreamDraws {
      StreamDraws(
        RandomStream(seed: options.seed, purpose: "evaluation translation", step: index),
        device: system.device)
    }
    let isTarget = index < targetCount
    let real = isTarget ? bytes(target, range(system, direction.target)) : nil
    guard index < sourceCount else {
      return TranslatedExample(target: real, [.unchanged: unchanged(isTarget, source, target, draws)])
    }
    let shown = bytes(source, range(system, direction.source))
    var output: Tensor?
    func translatedOnce() throws -> Tensor {
      if let output { return output }
      let made = try translated(system, source, direction, draws())
      output = made
      return made
    }
    return TranslatedExample(
      target: real,
      [
        .columns: { [try translatedOnce(), shown] },
        .source: { [shown] },
        .returned: {
          guard let back else { return [] }
          let unit = try translatedOnce().asType(.float32) / 255
          let input = range(system, back.source) == .unit ? unit : unit * 2 - 1
          return [try translated(system, input, back, draws())]
        },
        .unchanged: unchanged(isTarget, source, target, draws),
      ])
  }

  private func unchanged(
    _ isTarget: Bool, _ source: Tensor, _ target: Tensor, _ draws: @escaping () -> StreamDraws
  ) -> () throws -> [Tensor] {
    let (system, direction) = (subject.system, direction)
    return {
      guard isTarget, target.shape[1] == source.shape[1] else { return [] }
      return [try translated(system, target, direction, draws())]
    }
  }

  /// Keeps the images of one of the first examples for the page.
  private func show(_ example: TranslatedExample) throws {
    let titled = try [
      (direction.source, example.source()), (direction.name, example.columns().first),
      ("and back", example.returned()),
    ]
    let pictures: [(title: String, picture: Image)] = try titled.compactMap { title, image in
      try image.map { (title, try Image.images(of: $0.host())[0]) }
    }
    examples.append(TranslationExample(pictures: pictures))
  }
}

extension UnpairedDataset {
  /// The files of the set that serves a field.
  func files(of field: String, _ plan: SystemPlan) -> ImageFiles {
    plan.unpairedSets?.second == field ? files.second : files.first
  }
}
