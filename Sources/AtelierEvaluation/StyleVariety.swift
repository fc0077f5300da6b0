import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Foundation
import Perception
import Torch
import TorchNN

/// How varied the outputs of a translating system with drawn styles are.
extension TranslationEvaluation {
  /// The LPIPS distance between outputs of one input, the conditional inception score of one direction, and
  /// the inception score beside it, by a classifier of the target set's classes; a note where one cannot be
  /// measured. Nothing for systems without styles of their own.
  ///
  /// Classes are the folders that images of the target set lie in. Source of the measure: Huang et al. 2018
  /// (MUNIT), section 5.3, where the classifier is an Inception trained on the target's classes.
  func styleVariety(
    _ subject: TranslationSubject, _ direction: TranslationDirection, columns: Int
  ) throws -> (rows: [EvaluationTable.Row], notes: [String]) {
    guard let styled = subject.system as? any StyledTranslatingSystem, drawsStyles(styled) else {
      return ([], [])
    }
    let diversity = try diversity(subject, styled, direction, columns: columns)
    let scores = try inceptionScores(subject, styled, direction, columns: columns)
    return (diversity.rows + scores.rows, diversity.notes + scores.notes)
  }

  /// The mean LPIPS distance between two outputs of one input in drawn styles, in the last column between two
  /// real images of the target set. Huang et al. 2018, section 5.3, take 19 pairs of each of 100 inputs.
  private func diversity(
    _ subject: TranslationSubject, _ styled: any StyledTranslatingSystem, _ direction: TranslationDirection,
    columns: Int
  ) throws -> (rows: [EvaluationTable.Row], notes: [String]) {
    guard let held = try heldOut(subject, whole: false).dataset as? UnpairedDataset else { return ([], []) }
    let distance: LPIPS
    do {
      distance = try LPIPS(.alexnet, from: options.weights, for: "the measure of diversity")
    } catch {
      return ([], ["diversity not measured: \(error)"])
    }
    let isFirst = !isSecond(direction.source, of: subject.system)
    let wanted = min(100, isFirst ? held.files.first.count : held.files.second.count, options.samples)
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation diversity"))
    let targetRange = range(subject.system, direction.target)
    var (one, other, real): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
    for index in 0..<wanted {
      guard let batch = try subject.data.usableBatch(of: index, in: held, say: say) else { continue }
      let source = batch[direction.source]
      func output() throws -> Tensor {
        bytes(
          try styled.translate(source, direction: direction, style: .drawn, draws: draws), targetRange)
      }
      one.append(try output())
      other.append(try output())
      real.append(bytes(batch[direction.target], targetRange))
    }
    guard one.count > 1, [1, 3].contains(real[0].shape[1]), min(real[0].shape[2], real[0].shape[3]) >= 31
    else {
      return (
        [], ["diversity not measured: it takes two pictures of at least 31×31 pixels, in colours or grey"]
      )
    }
    func mean(_ pictures: [Tensor], _ others: [Tensor]) throws -> Double {
      try distance.distances(ofAll: .concatenated(pictures, dim: 0), .concatenated(others, dim: 0)).mean()
        .item()
    }
    let neighbours = Array(real.dropFirst()) + [real[0]]
    let values: [Double?] = [try mean(one, other)] + [Double?](repeating: nil, count: max(0, columns - 2))
    let facts = distance.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let row = EvaluationTable.Row(
      "diversity, lpips alex",
      protocolText: "\(facts), two drawn styles of each of \(one.count) inputs; in the last column each real "
        + "picture of \(direction.target) and the next",
      better: .larger, values: values + [try mean(real, neighbours)])
    return ([row], [])
  }

  private func inceptionScores(
    _ subject: TranslationSubject, _ styled: any StyledTranslatingSystem, _ direction: TranslationDirection,
    columns: Int
  ) throws -> (rows: [EvaluationTable.Row], notes: [String]) {
    let isFirst = !isSecond(direction.target, of: subject.system)
    guard let training = try subject.data.dataset(of: .train) as? UnpairedDataset,
      let held = try heldOut(subject, whole: false).dataset as? UnpairedDataset
    else {
      return (
        [],
        [
          "conditional inception score not measured: it takes training pictures and held-out ones of "
            + direction.target
        ]
      )
    }
    let names = Set(Self.classNames(training, isFirst)).sorted()
    guard names.count > 1 else {
      return (
        [],
        [
          "conditional inception score not measured: the pictures of \(direction.target) have no classes; put "
            + "them into a folder for each class"
        ]
      )
    }
    let field = direction.target
    let (train, test) = (
      try examples(subject, training, field, isFirst, names),
      try examples(subject, held, field, isFirst, names)
    )
    guard let train, let test else {
      return (
        [],
        [
          "conditional inception score not measured: no held-out picture of \(field) lies in a folder that is "
            + "called as one of the training set's"
        ]
      )
    }
    let classifier = try classifier(train, test, names.count, field)
    return (try scores(subject, styled, direction, held, classifier, names, test, columns), [])
  }

  private func drawsStyles(_ system: any StyledTranslatingSystem) -> Bool {
    system.stylePictures == .oneByOne
  }

  /// The class of each image of a set: the folder it lies in.
  private static func classNames(_ dataset: UnpairedDataset, _ isFirst: Bool) -> [String] {
    (isFirst ? dataset.files.first : dataset.files.second).map {
      $0.deletingLastPathComponent().lastPathComponent
    }
  }

  /// The images of one set with their classes, as bytes; nil where none has a known class.
  private func examples(
    _ subject: TranslationSubject, _ dataset: UnpairedDataset, _ field: String, _ isFirst: Bool,
    _ names: [String]
  ) throws -> ClassifierTraining.Examples? {
    let mostPictures = 10_000
    var (images, labels): ([Tensor], [Int]) = ([], [])
    for (index, name) in Self.classNames(dataset, isFirst).prefix(mostPictures).enumerated() {
      guard let label = names.firstIndex(of: name),
        let batch = try subject.data.usableBatch(of: index, in: dataset, say: say)
      else { continue }
      images.append(bytes(batch[field], range(subject.system, field)))
      labels.append(label)
    }
    guard !images.isEmpty else { return nil }
    return try ClassifierTraining.Examples(images: .concatenated(images, dim: 0), labels: Tensor(labels))
  }

  private func classifier(
    _ train: ClassifierTraining.Examples, _ test: ClassifierTraining.Examples, _ classes: Int, _ field: String
  ) throws -> ImageClassifier {
    let file = (options.classifierFile ?? URL(fileURLWithPath: "classifier.safetensors"))
      .deletingPathExtension().appendingPathExtension("\(field).safetensors")
    say("the classifier that judges (\(file.lastPathComponent); trained on the real training set only)")
    // Sets are small here: as many steps as some thousands of images would give.
    let epochs = min(30, max(3, 30_000 / Double(train.images.shape[0])))
    let plan = ClassifierTraining(
      epochs: epochs, batchSize: max(2, min(128, train.images.shape[0] / 4)),
      seconds: options.classifierSeconds)
    return try withGradients { try plan.cached(at: file, train: train, test: test, classes: classes) }
  }

  private func scores(
    _ subject: TranslationSubject, _ system: any StyledTranslatingSystem, _ direction: TranslationDirection,
    _ held: UnpairedDataset, _ classifier: ImageClassifier, _ names: [String],
    _ test: ClassifierTraining.Examples, _ columns: Int
  ) throws -> [EvaluationTable.Row] {
    let isFirst = !isSecond(direction.source, of: subject.system)
    let available = isFirst ? held.files.first.count : held.files.second.count
    let wanted = min(100, available, max(1, options.samples / 2))
    let each = max(2, min(100, options.samples / max(1, wanted)))
    let draws = StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation styles"))
    var (made, sources): ([Tensor], [Tensor]) = ([], [])
    for index in 0..<wanted {
      if index == 0 || (index + 1) % 10 == 0 {
        say("\(direction.name), \(each) styles of picture \(index + 1)")
      }
      guard let batch = try subject.data.usableBatch(of: index, in: held, say: say) else { continue }
      let source = batch[direction.source]
      let outputs = try (0..<each).map { _ in
        let output = try system.translate(source, direction: direction, style: .drawn, draws: draws)
        return bytes(output, range(subject.system, direction.target))
      }
      made.append(classifier.logits(.concatenated(outputs, dim: 0)))
      if source.shape[1] == test.images.shape[1] {
        sources.append(bytes(source, range(subject.system, direction.source)))
      }
    }
    guard !made.isEmpty else { return [] }
    let score = try conditionalInceptionScore(logits: .stacked(made))
    func plain(_ pictures: Tensor) throws -> Double {
      log(try inceptionScore(logits: classifier.logits(pictures), splits: 1).mean)
    }
    let accuracy = classifier.report.map { ", test accuracy \(fixed($0.testAccuracy, 3))" } ?? ""
    let setting =
      "\(classifier.name), trained on the real training pictures of \(direction.target) in \(names.count) classes "
      + "(\(names.prefix(8).joined(separator: ", "))\(names.count > 8 ? ", …" : "")\(accuracy)), "
      + "\(score.inputs) inputs, \(score.outputs) drawn styles of each"
    func row(_ name: String, _ values: [Double?], _ text: String) -> EvaluationTable.Row {
      let missing = [Double?](repeating: nil, count: max(0, columns - values.count))
      return EvaluationTable.Row(
        name, protocolText: "\(setting), \(text)", better: .larger, values: values + missing)
    }
    let input = try sources.isEmpty ? nil : plain(.concatenated(sources, dim: 0))
    return [
      row(
        "conditional inception score, nats", [score.withinInputs],
        "mean divergence of an output's classes from their mean over the same input's outputs; its exponential is "
          + fixed(score.exponential, 3)),
      row(
        "inception score, nats", [score.overall, input, try plain(test.images)],
        "mean divergence of an output's classes from their mean over all outputs; its exponential is "
          + "\(fixed(score.inceptionScore, 3)); in the last column that of the \(test.images.shape[0]) real "
          + "held-out pictures"),
    ]
  }
}
