public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// How often a classifier that knows all classes sees, in translations into a class that the system never
/// saw, just that class: for 1 and for 5 images that show it.
///
/// The classifier learns from real images of all classes, half of them; the other half tests it. Contents are
/// images of trained classes, held out of training where the data are divided into parts. Beside it the mean
/// over the unseen classes of the Fréchet distance between translations into a class and real images of it,
/// and the same for the contents as they are. Source of the measures: Liu et al. 2019, section 5 (top-1 and
/// top-5 accuracy, `all` and `test`; mFID).
public struct FewShotMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "few-shot"

  /// The measure.
  public init() {}

  /// Systems that translate into classes they are shown.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.ability(ImageTranslation.self)?.styles != nil && plan.data?.arrangement is ClassPairs
  }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let pairs = context.plan.data?.arrangement as? ClassPairs,
      let direction = context.plan.ability(ImageTranslation.self)?.directions.first,
      let system = context.system(as: (any StyledTranslatingSystem).self)
    else { return [] }
    let (content, shown, heldOut) = (pairs.content, pairs.shown, pairs.heldOut)
    let (data, options) = (context.data, context.options)
    guard !heldOut.isEmpty else {
      context.say("no few-shot accuracy: training saw all classes; hold some out of it with heldOutClasses")
      return []
    }
    guard let training = try data.dataset(of: .train) as? ClassPairDataset,
      let test = try context.heldOutDataset() as? ClassPairDataset
    else { return [] }
    let classes = training.allClassNames.count
    let seen = classes - heldOut.count
    let range = (system.range(of: content), system.range(of: shown))
    let (classifier, otherHalf) = try trainedJudge(training, test, seen: seen, classes: classes, context)
    let judge = FewShotJudge(classifier, otherHalf: otherHalf, unseen: seen..<classes)
    let each = max(1, options.samples / heldOut.count)
    var numbers: [MeasuredNumber] = []
    let stream = RandomStream(seed: options.seed, purpose: "few-shot translation")
    let device = context.system.device
    let draws = StreamDraws(stream, device: device)
    let contents = try test.batch(
      at: stream.permutation(test.count).slice(0, 0, min(each, test.count)).integers())
    guard let pictures = contents[content].map({ Self.signed($0, range.0).to(device) }) else { return [] }
    /// Rounded to bytes in -1 … 1, as a file would.
    func shownToJudge(_ made: Tensor) -> Tensor {
      SampleJudge.rounded(range.1 == .unit ? made * 2 - 1 : made)
    }
    for shots in [1, 5] {
      context.say("translating into \(heldOut.count) unseen classes, \(shots) shot(s)")
      var outputs: [Tensor] = []
      var labels: [Int] = []
      for label in seen..<classes {
        let known = test.pictures(ofClass: label)
        guard known.count >= shots else { continue }
        for row in 0..<pictures.shape[0] {
          let chosen = stream.permutation(known.count).slice(0, 0, shots).integers().map { known[$0] }
          let style = Tensor.stacked(try chosen.map { Self.signed(try test.picture($0), range.1) }).to(device)
          outputs.append(
            try system.translate(
              pictures.slice(0, row, row + 1), direction: direction, style: .pictures(style), draws: draws
            ).to(.cpu))
          labels.append(label)
        }
      }
      guard !outputs.isEmpty else { continue }
      let setting =
        "\(judge.facts), \(labels.count) translations of \(pictures.shape[0]) pictures of trained classes "
        + "(\(test.trainsOnContents ? "training's own: the data are not divided" : "held out of training")) into "
        + "\(Set(labels).count) classes of \(data.facts.description.name) never trained on, "
        + "\(shots) random picture(s) of the class shown for each, seed \(options.seed)"
      let provenance = context.provenance(
        part: test.trainsOnContents ? "train" : "test",
        [
          "judge": judge.classifier.name, "samples": "\(labels.count)", "shots": "\(shots)",
          "classes": "\(Set(labels).count)",
        ])
      let made = shownToJudge(.concatenated(outputs, dim: 0))
      numbers += try judge.accuracies(
        of: made, labels, shots: shots, setting: setting, provenance)
      let unchanged = Tensor.concatenated(Set(labels).map { _ in shownToJudge(pictures) }, dim: 0)
      let distance = try judge.distance(
        of: made, labels, untranslated: unchanged, shots: shots, setting: setting, provenance)
      if let distance {
        numbers.append(distance)
      } else if shots == 1 {
        context.say("no mean fréchet distance: each unseen class has too few pictures")
      }
    }
    return numbers
  }

  /// A stored image or batch in the range of a field.
  private static func signed(_ stored: HostTensor, _ range: ImageRange) -> Tensor {
    let values = Tensor(stored).asType(.float32)
    return range == .signed ? values / 127.5 - 1 : values / 255
  }

  /// A classifier of all classes, from half of their real images, and the other half.
  private func trainedJudge(
    _ training: ClassPairDataset, _ test: ClassPairDataset, seen: Int, classes: Int,
    _ context: EvaluationContext
  ) throws -> (judge: ImageClassifier, otherHalf: ClassifierTraining.Examples) {
    let options = context.options
    var parts: [(images: [Tensor], labels: [Int])] = [([], []), ([], [])]
    for label in 0..<classes {
      let source = label < seen ? training : test
      for (place, number) in source.pictures(ofClass: label).prefix(1000).enumerated() {
        parts[place % 2].images.append(Tensor(try source.picture(number)))
        parts[place % 2].labels.append(label)
      }
    }
    let examples = try parts.map {
      try ClassifierTraining.Examples(images: .stacked($0.images), labels: Tensor($0.labels))
    }
    let file = (options.classifierFile ?? URL(fileURLWithPath: "classifier.safetensors"))
      .deletingPathExtension().appendingPathExtension("all-classes.safetensors")
    context.say(
      "the classifier that judges (\(file.lastPathComponent); trained on real pictures of all classes)")
    let plan = ClassifierTraining(epochs: 30, seconds: options.classifierSeconds)
    let judge = try withGradients {
      try plan.cached(at: file, train: examples[0], test: examples[1], classes: classes)
    }
    return (judge, examples[1])
  }
}

/// What a classifier of all classes says of translations into classes that a system never saw.
private struct FewShotJudge {
  let classifier: ImageClassifier
  /// The classes that training never saw.
  let unseen: Range<Int>
  /// Of real images that the classifier did not learn from.
  let features: Tensor
  let labels: [Int]

  init(_ classifier: ImageClassifier, otherHalf: ClassifierTraining.Examples, unseen: Range<Int>) {
    (self.classifier, self.unseen) = (classifier, unseen)
    features = classifier.features(ofAll: otherHalf.images)
    labels = otherHalf.labels.integers()
  }

  /// What it is and learned from, for protocols.
  var facts: String {
    let report =
      classifier.report.map { "\(fixed($0.testAccuracy, 3)) accurate on the other half" } ?? "untested"
    return
      "\(classifier.name), trained on half of the real pictures of all \(unseen.upperBound) classes (\(report))"
  }

  /// Accuracies and classifier scores, over all classes and over the unseen ones.
  func accuracies(
    of pictures: Tensor, _ labels: [Int], shots: Int, setting: String, _ provenance: Provenance
  ) throws -> [MeasuredNumber] {
    let logits = classifier.logits(pictures)
    let wanted = Tensor(labels)
    func number(_ name: String, _ logits: Tensor, _ wanted: Tensor, top: Int) throws -> MeasuredNumber {
      MeasuredNumber(
        id: "few-shot-accuracy", name: "few-shot accuracy, \(name), \(shots) shot(s)",
        value: try topAccuracy(logits: logits, labels: wanted, top: top), better: .larger,
        provenance: provenance, protocolText: setting)
    }
    let ofUnseen = logits.slice(1, unseen.lowerBound, unseen.upperBound)
    var numbers = [
      try number("top-1 of all", logits, wanted, top: 1),
      try number("top-1 of unseen", ofUnseen, wanted - Double(unseen.lowerBound), top: 1),
    ]
    if unseen.upperBound > 5 { numbers.append(try number("top-5 of all", logits, wanted, top: 5)) }
    for (name, part) in [("all", logits), ("unseen", ofUnseen)] where part.shape[1] > 1 {
      numbers.append(
        MeasuredNumber(
          id: "few-shot-classifier-score",
          name: "few-shot classifier score over \(name), \(shots) shot(s)",
          value: try inceptionScore(logits: part, splits: 1).mean, better: .larger,
          provenance: provenance,
          protocolText: "\(setting); as the inception score, with that classifier in place of Inception"))
    }
    return numbers
  }

  /// The mean over unseen classes of the Fréchet distance to the class's real images; nil where no class has
  /// images enough.
  ///
  /// - Parameter untranslated: contents as they are, as many for each class as `pictures` has, class by
  /// class.
  func distance(
    of pictures: Tensor, _ labels: [Int], untranslated: Tensor, shots: Int, setting: String,
    _ provenance: Provenance
  ) throws -> MeasuredNumber? {
    func mean(_ set: Tensor) throws -> GroupedFrechetDistance {
      try groupedFrechetDistance(
        real: features, realLabels: self.labels, fake: classifier.features(ofAll: set), fakeLabels: labels,
        groups: unseen.map { [$0] })
    }
    let own = try mean(pictures)
    guard let value = own.mean else { return nil }
    let before = try mean(untranslated).mean.map { fixed($0, 2) } ?? "none"
    let doubt =
      own.deficient.isEmpty ? "" : ", fewer pictures than the \(own.features) features: for comparison only"
    return MeasuredNumber(
      id: "few-shot-frechet-distance", name: "mean fréchet distance of unseen classes, \(shots) shot(s)",
      value: value, better: .smaller, provenance: provenance,
      protocolText:
        "\(setting); that classifier's features, \(own.groups.count - own.refused.count) classes with "
        + "\(own.fewest) real pictures of the other half or more\(doubt); \(before) for the contents untranslated"
    )
  }
}
