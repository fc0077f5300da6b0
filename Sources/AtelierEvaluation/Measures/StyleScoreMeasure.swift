public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// The conditional inception score of outputs in drawn styles, and the inception score beside it, by a
/// classifier of the target set's classes.
///
/// Classes are the folders that images of the target set lie in. Source: Huang et al. 2018 (MUNIT),
/// section 5.3, where the classifier is an Inception trained on the target's classes.
public struct StyleScoreMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "conditional-inception-score"
  /// Each direction.
  public static let scope = MeasureScope.direction

  /// The settings.
  public struct Options: Settings {
    /// The most inputs that are translated.
    public var inputs = 100
    /// The most drawn styles of each.
    public var styles = 100

    /// A hundred styles of a hundred inputs.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard inputs >= 1 else { throw ConfigurationError("inputs is at least 1, not \(inputs)") }
      guard styles >= 2 else { throw ConfigurationError("styles is at least 2, not \(styles)") }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that translate between unpaired sets in styles that they draw.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsStyles }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = context.translations,
      let system = context.system(as: (any StyledTranslatingSystem).self)
    else { return [] }
    let target = material.direction.target
    func none(_ reason: String) -> [MeasuredNumber] {
      context.note("conditional inception score not measured: \(reason)")
      return []
    }
    guard let training = try context.data.dataset(of: .train) as? UnpairedDataset,
      let held = try material.subjects[context.run].heldOut(whole: false, context.options).dataset
        as? UnpairedDataset
    else { return none("it takes training pictures and held-out ones of \(target)") }
    let names = Set(Self.classNames(training, target, context)).sorted()
    guard names.count > 1 else {
      return none(
        "the pictures of \(target) have no classes; put them into a folder for each class")
    }
    let range = system.range(of: target)
    guard let train = try examples(training, target, range, names, context),
      let test = try examples(held, target, range, names, context)
    else {
      return none(
        "no held-out picture of \(target) lies in a folder that is called as one of the training set's")
    }
    let classifier = try classifier(train, test, names.count, target, context)
    return try scores(system, material, held, classifier, names, test, context)
  }

  /// The class of each image of a field's set: the folder it lies in.
  private static func classNames(
    _ dataset: UnpairedDataset, _ field: String, _ context: EvaluationContext
  ) -> [String] {
    dataset.files(of: field, context.plan).map { $0.deletingLastPathComponent().lastPathComponent }
  }

  /// The images of a field's set with their classes, as bytes; nil where none has a known class.
  private func examples(
    _ dataset: UnpairedDataset, _ field: String, _ range: ImageRange, _ names: [String],
    _ context: EvaluationContext
  ) throws -> ClassifierTraining.Examples? {
    let most = 10_000
    var (images, labels): ([Tensor], [Int]) = ([], [])
    for (index, name) in Self.classNames(dataset, field, context).prefix(most).enumerated() {
      guard let label = names.firstIndex(of: name),
        let batch = try context.data.usableBatch(of: index, in: dataset, say: context.say)
      else { continue }
      images.append(bytes(batch[field], range))
      labels.append(label)
    }
    guard !images.isEmpty else { return nil }
    return try ClassifierTraining.Examples(images: .concatenated(images, dim: 0), labels: Tensor(labels))
  }

  private func classifier(
    _ train: ClassifierTraining.Examples, _ test: ClassifierTraining.Examples, _ classes: Int,
    _ field: String, _ context: EvaluationContext
  ) throws -> ImageClassifier {
    let file = (context.options.classifierFile ?? URL(fileURLWithPath: "classifier.safetensors"))
      .deletingPathExtension().appendingPathExtension("\(field).safetensors")
    context.say(
      "the classifier that judges (\(file.lastPathComponent); trained on the real training set only)")
    // Sets are small here: as many steps as some thousands of images would give.
    let epochs = min(30, max(3, 30_000 / Double(train.images.shape[0])))
    let plan = ClassifierTraining(
      epochs: epochs, batchSize: max(2, min(128, train.images.shape[0] / 4)),
      seconds: context.options.classifierSeconds)
    return try withGradients { try plan.cached(at: file, train: train, test: test, classes: classes) }
  }

  private func scores(
    _ system: any StyledTranslatingSystem, _ material: TranslationMaterial, _ held: UnpairedDataset,
    _ classifier: ImageClassifier, _ names: [String], _ test: ClassifierTraining.Examples,
    _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let (direction, samples) = (material.direction, context.options.samples)
    let available = held.files(of: direction.source, context.plan).count
    let wanted = min(options.inputs, available, max(1, samples / 2))
    let each = max(2, min(options.styles, samples / max(1, wanted)))
    let draws = StreamDraws(
      RandomStream(seed: context.options.seed, purpose: "evaluation styles"), device: system.device)
    var (made, sources): ([Tensor], [Tensor]) = ([], [])
    for index in 0..<wanted {
      if index == 0 || (index + 1) % 10 == 0 {
        context.say("\(direction.name), \(each) styles of picture \(index + 1)")
      }
      guard let batch = try context.data.usableBatch(of: index, in: held, say: context.say) else { continue }
      let source = batch[direction.source]
      let outputs = try (0..<each).map { _ in
        let output = try system.translate(source, direction: direction, style: .drawn, draws: draws)
        return bytes(output, system.range(of: direction.target))
      }
      made.append(classifier.logits(.concatenated(outputs, dim: 0)))
      if source.shape[1] == test.images.shape[1] {
        sources.append(bytes(source, system.range(of: direction.source)))
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
    let provenance = material.provenance(
      ["judge": classifier.name, "inputs": "\(score.inputs)", "styles": "\(score.outputs)"])
    func number(
      _ id: String, _ name: String, _ value: Double, _ baselines: [BaselineNumber], _ text: String
    ) -> MeasuredNumber {
      MeasuredNumber(
        id: id, name: name, value: value, better: .larger, baselines: baselines,
        provenance: provenance, protocolText: "\(setting), \(text)")
    }
    let input = try sources.isEmpty ? nil : plain(.concatenated(sources, dim: 0))
    return [
      number(
        Self.id, "conditional inception score, nats", score.withinInputs, [],
        "mean divergence of an output's classes from their mean over the same input's outputs; its exponential is "
          + fixed(score.exponential, 3)),
      number(
        "inception-score", "inception score, nats", score.overall,
        UnpairedPass.beside(input: input, real: try plain(test.images)),
        "mean divergence of an output's classes from their mean over all outputs; its exponential is "
          + "\(fixed(score.inceptionScore, 3)); in the last column that of the \(test.images.shape[0]) real "
          + "held-out pictures"),
    ]
  }
}
