import AtelierData
import AtelierMetrics
import AtelierModels
import Foundation
import Torch
import TorchNN

extension Evaluation {
  /// How often a classifier that knows all classes sees, in translations into a class that the system never
  /// saw, just that class: for 1 and for 5 pictures that show it.
  ///
  /// The classifier learns from real pictures of all classes, half of them; the other half tests it. Contents
  /// are pictures of trained classes. Source of the measure: Liu et al. 2019, section 5 (top-1 and top-5
  /// accuracy, `all` and `test`).
  func fewShotAccuracy<System: StyledTranslatingSystem>(_ system: System) throws -> [MeasuredNumber] {
    guard case .classPairs(let content, let shown, let heldOut) = System.examplePlan(system.configuration),
      let direction = System.directions(system.configuration).first
    else { return [] }
    guard !heldOut.isEmpty else {
      say("no few-shot accuracy: training saw all classes; hold some out of it with heldOutClasses")
      return []
    }
    guard let training = try data.dataset(of: .train) as? ClassPairDataset,
      let test = try data.dataset(of: .test) as? ClassPairDataset
    else { return [] }
    let classes = training.allClassNames.count
    let seen = classes - heldOut.count
    let range = (system.range(of: content), system.range(of: shown))
    let judge = try fewShotJudge(training, test, seen: seen, classes: classes)
    let each = max(1, options.samples / heldOut.count)
    var numbers: [MeasuredNumber] = []
    let stream = RandomStream(seed: options.seed, purpose: "few-shot translation")
    let draws = StreamDraws(stream)
    let contents = try test.batch(
      at: stream.permutation(test.count).slice(0, 0, min(each, test.count)).integers())
    guard let pictures = contents[content].map({ Self.signed($0, range.0) }) else { return [] }
    for shots in [1, 5] {
      say("translating into \(heldOut.count) unseen classes, \(shots) shot(s)")
      var outputs: [Tensor] = []
      var labels: [Int] = []
      for label in seen..<classes {
        let known = test.pictures(ofClass: label)
        guard known.count >= shots else { continue }
        for row in 0..<pictures.shape[0] {
          let chosen = stream.permutation(known.count).slice(0, 0, shots).integers().map { known[$0] }
          let style = Tensor.stacked(try chosen.map { Self.signed(try test.picture($0), range.1) })
          outputs.append(
            try system.translate(
              pictures.slice(0, row, row + 1), direction: direction, style: .pictures(style), draws: draws))
          labels.append(label)
        }
      }
      guard !outputs.isEmpty else { continue }
      let made = Tensor.concatenated(outputs, dim: 0)
      let logits = judge.logits(SampleJudge.rounded(range.1 == .unit ? made * 2 - 1 : made))
      let wanted = Tensor(labels)
      let report =
        judge.report.map { "\(fixed($0.testAccuracy, 3)) accurate on the other half" } ?? "untested"
      let setting =
        "\(judge.name), trained on half of the real pictures of all \(classes) classes (\(report)), "
        + "\(labels.count) translations of \(pictures.shape[0]) pictures of trained classes into "
        + "\(Set(labels).count) classes of \(data.facts.description.name) never trained on, "
        + "\(shots) random picture(s) of the class shown for each, seed \(options.seed)"
      func number(_ name: String, _ logits: Tensor, _ wanted: Tensor, top: Int) throws -> MeasuredNumber {
        let share = try topAccuracy(logits: logits, labels: wanted, top: top)
        return MeasuredNumber(name: name, value: share, protocolText: setting)
      }
      let unseen = logits.slice(1, seen, classes)
      numbers.append(try number("few-shot accuracy, top-1 of all, \(shots) shot(s)", logits, wanted, top: 1))
      numbers.append(
        try number(
          "few-shot accuracy, top-1 of unseen, \(shots) shot(s)", unseen, wanted - Double(seen), top: 1))
      if classes > 5 {
        numbers.append(
          try number("few-shot accuracy, top-5 of all, \(shots) shot(s)", logits, wanted, top: 5))
      }
      for (name, part) in [("all", logits), ("unseen", unseen)] where part.shape[1] > 1 {
        numbers.append(
          MeasuredNumber(
            name: "few-shot classifier score over \(name), \(shots) shot(s)",
            value: try inceptionScore(logits: part, splits: 1).mean,
            protocolText: "\(setting); as the inception score, with that classifier in place of Inception"))
      }
    }
    return numbers
  }

  /// A stored picture or batch in the range of a field.
  private static func signed(_ stored: HostTensor, _ range: ImageRange) -> Tensor {
    let values = Tensor(stored).asType(.float32)
    return range == .signed ? values / 127.5 - 1 : values / 255
  }

  /// A classifier of all classes, from half of their real pictures.
  private func fewShotJudge(
    _ training: ClassPairDataset, _ test: ClassPairDataset, seen: Int, classes: Int
  ) throws -> ImageClassifier {
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
    say("the classifier that judges (\(file.lastPathComponent); trained on real pictures of all classes)")
    let plan = ClassifierTraining(epochs: 30, seconds: options.classifierSeconds)
    return try withGradients {
      try plan.cached(at: file, train: examples[0], test: examples[1], classes: classes)
    }
  }
}
