import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

/// The held-out pairs of a direction: what each run's system makes of a source, and the baselines, beside the
/// target.
final class PairedPass: TranslationPass {
  private(set) var columns: [String] = []
  private(set) var channels = 0
  let border: Int
  private(set) var notes: [String] = []
  private(set) var examples: [TranslationExample] = []
  private let entries: [Entry]
  private let options: EvaluationOptions
  private let say: (String) -> Void
  /// Whether images are taken as they are, of whatever size.
  private let isWhole: Bool
  private let scale: Int
  private let count: Int
  var leftOut = 0

  /// A run with its part of the comparison.
  private struct Entry {
    let name: String
    let subject: TranslationSubject
    let direction: TranslationDirection
    let dataset: any Dataset
    let dataName: String
  }

  /// - Parameter directions: of each subject, the one that is measured.
  /// - Throws: ``TrainingError`` where nothing was held out, or where the runs' data differ.
  init(
    _ subjects: [TranslationSubject], directions: [TranslationDirection], options: EvaluationOptions,
    say: @escaping (String) -> Void
  ) throws {
    self.options = options
    self.say = say
    let enlarges = subjects.contains { ($0.system.directions.first?.scale ?? 1) > 1 }
    let isWhole = options.wholeImages ?? enlarges
    self.isWhole = isWhole
    entries = try zip(subjects, directions).enumerated().map { index, pair in
      let held = try pair.0.heldOut(whole: isWhole, options)
      return Entry(
        name: Self.columnName(index, subjects), subject: pair.0, direction: pair.1, dataset: held.dataset,
        dataName: held.name)
    }
    scale = directions.map(\.scale).max() ?? 1
    border = options.border ?? (scale > 1 ? scale : 0)
    count = min(options.samples, entries.map(\.dataset.count).min() ?? 0)
    try check()
  }

  var dataName: String { entries[0].dataName }
  var total: Int { count }

  var facts: Provenance {
    ["pictures": "\(count - leftOut)", "size": isWhole ? "whole" : "as trained on", "border": "\(border)"]
  }

  var title: String {
    let size =
      isWhole ? "whole pictures" : "as trained on, \(entries[0].dataset.description.imageShape ?? [])"
    return "\(entries[0].direction.name): \(count - leftOut) pictures of \(dataName), \(size)"
  }

  var closingNotes: [String] {
    leftOut > 0 ? ["pictures that cannot be decoded and are left out: \(leftOut)"] : []
  }

  /// A run's name, numbered where it stands twice.
  private static func columnName(_ index: Int, _ subjects: [TranslationSubject]) -> String {
    let name = subjects[index].name
    let before = subjects[..<index].filter { $0.name == name }.count
    return before == 0 ? name : "\(name) (\(before + 1))"
  }

  /// Systems that are compared see the same number of images.
  private func check() throws {
    guard count > 0 else {
      throw TrainingError.unfitData(path: dataName, reason: "there are no held-out pictures in it")
    }
    for entry in entries.dropFirst() where entry.dataset.count != entries[0].dataset.count {
      throw TrainingError.invalid(
        reason: "\(entries[0].name) has \(entries[0].dataset.count) held-out pictures and \(entry.name) "
          + "\(entry.dataset.count); compare runs on the same data")
    }
  }

  func run(_ part: Range<Int>, _ visit: (TranslatedExample) throws -> Void) throws {
    var baselines: TranslationBaselines?
    // Baselines enlarge where one of the systems does: that one's input is the small image.
    let enlarging = entries.firstIndex { $0.direction.scale == scale } ?? 0
    let conditioned = entries[enlarging]
    for index in part {
      if index == 0 || (index + 1) % 10 == 0 || index + 1 == count { say("picture \(index + 1) of \(count)") }
      let batches = try entries.compactMap {
        try $0.subject.data.usableBatch(of: index, in: $0.dataset, say: say)
      }
      guard batches.count == entries.count else {
        leftOut += 1
        continue
      }
      let target = try commonTarget(batches, index)
      let (height, width) = (target.shape[2], target.shape[3])
      let condition = batches[enlarging][conditioned.direction.source]
      let source = imageBytes(condition, conditioned.subject.system, conditioned.direction.source)
      let simple =
        try baselines
        ?? TranslationBaselines(
          // An image that is compared with itself says nothing.
          sourceChannels: conditioned.direction.source == conditioned.direction.target
            ? nil : source?.shape[1], targetChannels: target.shape[1], scale: scale, isWhole: isWhole,
          targets: trainingTarget)
      baselines = simple
      if columns.isEmpty { begin(simple, channels: target.shape[1]) }
      let example = TranslatedExample(
        target: target,
        [
          .columns: {
            try self.outputs(batches, index, height, width)
              + simple.pictures(source: source, height: height, width: width)
          }
        ])
      try show(
        example, target: target,
        source: TranslationPreview.pictures(
          condition, range(conditioned.subject.system, conditioned.direction.source),
          entries[0].dataset.description.classColours ?? []))
      // Of targets that are no images nothing is measured.
      if [1, 3].contains(channels) { try visit(example) }
    }
    guard leftOut < count else {
      throw TrainingError.unfitData(path: dataName, reason: "none of its \(count) pictures can be decoded")
    }
  }

  private func begin(_ baselines: TranslationBaselines, channels: Int) {
    columns = entries.map(\.name) + baselines.names
    self.channels = channels
    notes = baselines.explanations
    if ![1, 3].contains(channels) {
      notes.append("targets of \(channels) channels are no pictures, so that nothing is measured on them")
    }
  }

  /// What each system makes of its example, cut to the common target's size.
  private func outputs(_ batches: [Batch], _ index: Int, _ height: Int, _ width: Int) throws -> [Tensor] {
    try zip(entries, batches).map { entry, batch in
      let draws = StreamDraws(
        RandomStream(seed: options.seed, purpose: "evaluation translation", step: index),
        device: entry.subject.system.device)
      let output = try translated(
        entry.subject.system, batch[entry.direction.source], entry.direction, draws)
      return output.slice(2, 0, height).slice(3, 0, width).contiguous()
    }
  }

  /// The target of an example, cut to what all systems have of it, which must be the same image.
  private func commonTarget(_ batches: [Batch], _ index: Int) throws -> Tensor {
    let targets = zip(entries, batches).map { entry, batch in
      bytes(batch[entry.direction.target], range(entry.subject.system, entry.direction.target))
    }
    let height = targets.map { $0.shape[2] }.min() ?? 0
    let width = targets.map { $0.shape[3] }.min() ?? 0
    let cut = targets.map { $0.slice(2, 0, height).slice(3, 0, width).contiguous() }
    for (number, target) in cut.enumerated().dropFirst() {
      guard target.shape == cut[0].shape, target.equal(cut[0]).all().item() != 0 else {
        throw TrainingError.invalid(
          reason: "the held-out picture \(index) of \(entries[number].name) is another one than that of "
            + "\(entries[0].name); compare runs on the same data at the same size, or "
            + "measure whole images")
      }
    }
    return cut[0]
  }

  /// The target of a training example in 0 … 255, of many images every so many-th, so that a sorted folder does
  /// not decide; nil beyond the last.
  private func trainingTarget(_ index: Int) throws -> Tensor? {
    let (subject, direction) = (entries[0].subject, entries[0].direction)
    guard let training = try subject.data.dataset(of: .train) else { return nil }
    let stride = max(1, training.count / 500)
    guard index * stride < training.count else { return nil }
    // For one that cannot be decoded the next one stands in, as in training.
    for place in (index * stride)..<training.count {
      guard let batch = try subject.data.usableBatch(of: place, in: training, say: say) else { continue }
      return bytes(batch[direction.target], range(subject.system, direction.target)).asType(.float32)
    }
    return nil
  }

  /// Keeps the images of one of the first examples for the page.
  private func show(_ example: TranslatedExample, target: Tensor, source: [Image]) throws {
    guard examples.count < options.shownExamples else { return }
    var pictures: [(title: String, picture: Image)] = source.first.map { [("source", $0)] } ?? []
    func image(_ picture: Tensor) throws -> Image? {
      guard picture.shape[1] <= 4, picture.shape[1] != 2 else { return nil }
      return try Image.images(of: picture.host()).first
    }
    for (column, output) in try example.columns().enumerated() {
      if let picture = try image(output) { pictures.append((columns[column], picture)) }
    }
    if let picture = try image(target) { pictures.append(("target", picture)) }
    examples.append(TranslationExample(pictures: pictures))
  }
}
