public import AtelierCore
import AtelierData
public import AtelierMedia
import AtelierMetrics
public import AtelierTraining
import Foundation
import Perception
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
}

/// Measures systems that turn images into images, several side by side, beside baselines.
///
/// Pairs are compared image by image; sets without correspondence by distances of their features, and by
/// what comes back from there and back again.
public struct TranslationEvaluation {
  let subjects: [TranslationSubject]
  let options: EvaluationOptions
  let say: (String) -> Void

  /// An evaluation of one system, or of several on the same images.
  ///
  /// - Parameter say: told what is being done, for long work.
  public init(
    _ subjects: [TranslationSubject], options: EvaluationOptions = EvaluationOptions(),
    say: @escaping (String) -> Void = { _ in }
  ) {
    self.subjects = subjects
    self.options = options
    self.say = say
  }

  /// Runs every measure that applies.
  ///
  /// - Returns: a table and images for each direction; several systems are compared in their first.
  /// - Throws: ``TrainingError`` where nothing was held out, or where systems cannot be compared.
  public func run() throws -> [TranslationResult] {
    guard let first = subjects.first else { return [] }
    for network in subjects.flatMap(\.system.networks) { network.module.eval() }
    return try withTensorErrors {
      try withoutGradients {
        if isUnpaired(first.system) {
          guard subjects.count == 1 else {
            throw TrainingError.invalid(
              reason: "\(first.name) learned from unpaired pictures and is measured alone; name one run")
          }
          return try unpaired(first)
        }
        if let other = subjects.first(where: { isUnpaired($0.system) }) {
          throw TrainingError.invalid(
            reason: "\(other.name) learned from unpaired pictures and cannot stand beside \(first.name)")
        }
        let count = subjects.count > 1 ? 1 : directions(first.system).count
        return try (0..<count).map { try paired(direction: $0) }
      }
    }
  }

  // MARK: What is measured on

  /// The part that was held out: test, else validation; of data that were not trained on, all of it.
  func heldOut(
    _ subject: TranslationSubject, whole: Bool
  ) throws -> (dataset: any Dataset, name: String) {
    let parts: [DatasetSplit] = options.hasOtherData ? [.test, .validation, .train] : [.test, .validation]
    for part in parts {
      let dataset = try whole ? subject.data.wholeDataset(of: part) : subject.data.dataset(of: part)
      if let dataset, dataset.count > 0 {
        let name = subject.data.facts.description.name
        return (dataset, part == .train ? name : "\(name) \(part.rawValue)")
      }
    }
    throw TrainingError.unfitData(
      path: subject.data.path?.path ?? "the data",
      reason:
        "there is no test or validation part to measure on; put held-out pictures into a folder test, or "
        + "name other data with --data")
  }

  // MARK: Pairs

  private func paired(direction place: Int) throws -> TranslationResult {
    let whole = options.wholePictures ?? subjects.contains { directions($0.system)[0].scale > 1 }
    let players = try subjects.enumerated().map { index, subject in
      let direction = directions(subject.system)[subjects.count > 1 ? 0 : place]
      let held = try heldOut(subject, whole: whole)
      return Player(
        name: columnName(index), subject: subject, direction: direction, dataset: held.dataset,
        dataName: held.name)
    }
    let first = players[0]
    let scale = players.map(\.direction.scale).max() ?? 1
    let border = options.border ?? (scale > 1 ? scale : 0)
    let count = min(options.samples, players.map(\.dataset.count).min() ?? 0)
    try check(players, count: count)

    var sheet = PairSheet(
      perceptual: try perceptualDistances(), sources: try featureSources(), border: border,
      shown: options.shownExamples)
    var baselines: TranslationBaselines?
    var leftOut = 0
    // Baselines enlarge where one of the systems does: that one's input is the small image.
    let enlarging = players.firstIndex { $0.direction.scale == scale } ?? 0
    let conditioned = players[enlarging]
    for index in 0..<count {
      if index == 0 || (index + 1) % 10 == 0 || index + 1 == count { say("picture \(index + 1) of \(count)") }
      let examples = try players.compactMap {
        try $0.subject.data.usableBatch(of: index, in: $0.dataset, say: say)
      }
      guard examples.count == players.count else {
        leftOut += 1
        continue
      }
      let targets = zip(players, examples).map { player, example in
        bytes(example[player.direction.target], range(player.subject.system, player.direction.target))
      }
      let target = try common(targets, index, players)
      let (height, width) = (target.shape[2], target.shape[3])
      var outputs: [Tensor] = []
      for (number, player) in players.enumerated() {
        let draws = StreamDraws(
          RandomStream(seed: options.seed, purpose: "evaluation translation", step: index))
        let output = try translated(
          player.subject.system, examples[number][player.direction.source], player.direction, draws)
        outputs.append(output.slice(2, 0, height).slice(3, 0, width).contiguous())
      }
      let condition = examples[enlarging][conditioned.direction.source]
      let source = pictureBytes(condition, conditioned.subject.system, conditioned.direction.source)
      let simple =
        try baselines
        ?? TranslationBaselines(
          sourceChannels: source?.shape[1], targetChannels: target.shape[1], scale: scale, isWhole: whole,
          targets: { try trainingTarget($0, first) })
      baselines = simple
      outputs += simple.pictures(source: source, height: height, width: width)
      if sheet.columns.isEmpty {
        sheet.begin(columns: players.map(\.name) + simple.names, channels: target.shape[1])
      }
      try sheet.add(
        outputs: outputs, target: target,
        source: TranslationPreview.pictures(
          condition, range(conditioned.subject.system, conditioned.direction.source),
          first.dataset.description.classColours ?? []))
    }
    guard leftOut < count else {
      throw TrainingError.unfitData(
        path: first.dataName, reason: "none of its \(count) pictures can be decoded")
    }
    let size = whole ? "whole pictures" : "as trained on, \(first.dataset.description.imageShape ?? [])"
    var table = EvaluationTable(
      title: "\(first.direction.name): \(count - leftOut) pictures of \(first.dataName), \(size)",
      columns: sheet.columns, runs: players.count)
    table.rows = try sheet.rows(seed: options.seed)
    table.notes = (baselines?.explanations ?? []) + sheet.notes + missing()
    if leftOut > 0 { table.notes.append("pictures that cannot be decoded and are left out: \(leftOut)") }
    return TranslationResult(direction: first.direction.name, table: table, examples: sheet.examples)
  }

  /// Systems that are compared see the same number of images.
  private func check(_ players: [Player], count: Int) throws {
    guard count > 0 else {
      throw TrainingError.unfitData(path: players[0].dataName, reason: "there are no held-out pictures in it")
    }
    for player in players.dropFirst() where player.dataset.count != players[0].dataset.count {
      throw TrainingError.invalid(
        reason: "\(players[0].name) has \(players[0].dataset.count) held-out pictures and \(player.name) "
          + "\(player.dataset.count); compare runs on the same data, with --data")
    }
  }

  /// The target of an example, cut to what all systems have of it, which must be the same image.
  private func common(_ targets: [Tensor], _ index: Int, _ players: [Player]) throws -> Tensor {
    let height = targets.map { $0.shape[2] }.min() ?? 0
    let width = targets.map { $0.shape[3] }.min() ?? 0
    let cut = targets.map { $0.slice(2, 0, height).slice(3, 0, width).contiguous() }
    for (number, target) in cut.enumerated().dropFirst() {
      guard target.shape == cut[0].shape, target.equal(cut[0]).all().item() != 0 else {
        throw TrainingError.invalid(
          reason: "the held-out picture \(index) of \(players[number].name) is another one than that of "
            + "\(players[0].name); compare runs on the same data at the same size (--whole measures whole "
            + "pictures)")
      }
    }
    return cut[0]
  }

  /// The target of a training example in 0 … 255; nil beyond the last.
  private func trainingTarget(_ index: Int, _ player: Player) throws -> Tensor? {
    guard let training = try player.subject.data.dataset(of: .train), index < training.count else {
      return nil
    }
    // Of many images every so many-th, so that a sorted folder does not decide.
    let stride = max(1, training.count / 500)
    guard index * stride < training.count else { return nil }
    // For one that cannot be decoded the next one stands in, as in training.
    for place in (index * stride)..<training.count {
      guard let batch = try player.subject.data.usableBatch(of: place, in: training, say: say) else {
        continue
      }
      let target = batch[player.direction.target]
      return bytes(target, range(player.subject.system, player.direction.target)).asType(.float32)
    }
    return nil
  }

  // MARK: Names and helpers

  /// A run's name, numbered where it stands twice.
  private func columnName(_ index: Int) -> String {
    let name = subjects[index].name
    let before = subjects[..<index].filter { $0.name == name }.count
    return before == 0 ? name : "\(name) (\(before + 1))"
  }

  /// A system's part in a comparison.
  struct Player {
    let name: String
    let subject: TranslationSubject
    let direction: TranslationDirection
    let dataset: any Dataset
    let dataName: String
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

  /// A result with its images.
  public init(direction: String, table: EvaluationTable, examples: [TranslationExample] = []) {
    self.direction = direction
    self.table = table
    self.examples = examples
  }
}

/// Images that belong together, with their titles: the source, what each system made of it, what it should
/// be, and the baselines.
public struct TranslationExample {
  /// The images, left to right.
  public let pictures: [(title: String, picture: Image)]
}
