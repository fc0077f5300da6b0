import AtelierCore
import AtelierData
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

extension TranslationEvaluation {
  /// Each direction on its own: distances of sets, and what comes back.
  func unpaired(_ subject: TranslationSubject) throws -> [TranslationResult] {
    let held = try heldOut(subject, whole: options.wholePictures ?? false)
    let all = directions(subject.system)
    return try all.map { direction in
      let back = all.first { $0.source == direction.target && $0.target == direction.source }
      return try unpaired(subject, direction, back: back, held.dataset, held.name)
    }
  }

  private func unpaired(
    _ subject: TranslationSubject, _ direction: TranslationDirection, back: TranslationDirection?,
    _ dataset: any Dataset, _ dataName: String
  ) throws -> TranslationResult {
    let system = subject.system
    let sources = try featureSources()
    // Every image of each set once: the smaller set begins anew where it ends.
    let sizes = (dataset as? UnpairedDataset).map { ($0.files.first.count, $0.files.second.count) }
    let swapped = isSecond(direction.source, of: system)
    let sourceCount = min(
      options.samples, sizes.map { swapped ? $0.1 : $0.0 } ?? dataset.count)
    let targetCount = min(
      options.samples, sizes.map { swapped ? $0.0 : $0.1 } ?? dataset.count)
    var sets = UnpairedSets(sources: sources)
    var errors = (cycle: [Double](), identity: [Double]())
    var examples: [TranslationExample] = []
    var leftOut = 0
    func draws(_ index: Int) -> StreamDraws {
      StreamDraws(RandomStream(seed: options.seed, purpose: "evaluation translation", step: index))
    }
    for index in 0..<max(sourceCount, targetCount) {
      if index == 0 || (index + 1) % 10 == 0 { say("\(direction.name), picture \(index + 1)") }
      guard let batch = try subject.data.usableBatch(of: index, in: dataset, say: say) else {
        leftOut += 1
        continue
      }
      if index < targetCount {
        let target = batch[direction.target]
        let real = bytes(target, range(system, direction.target))
        sets.add(target: real)
        if target.shape[1] == batch[direction.source].shape[1] {
          let same = try translated(system, target, direction, draws(index))
          errors.identity += try meanPixelError(same.asType(.float64), real.asType(.float64))
        }
      }
      guard index < sourceCount else { continue }
      let source = batch[direction.source]
      let real = bytes(source, range(system, direction.source))
      let output = try translated(system, source, direction, draws(index))
      sets.add(source: real, output: output)
      var pictures: [(title: String, picture: Image)] = [
        (direction.source, try Image.images(of: real.host())[0]),
        (direction.name, try Image.images(of: output.host())[0]),
      ]
      if let back {
        let input = toRange(output, range(system, back.source))
        let returned = try translated(system, input, back, draws(index))
        errors.cycle += try meanPixelError(returned.asType(.float64), real.asType(.float64))
        pictures.append(("and back", try Image.images(of: returned.host())[0]))
      }
      if examples.count < options.shownExamples { examples.append(TranslationExample(pictures: pictures)) }
    }
    var table = EvaluationTable(
      title: "\(direction.name): \(sourceCount) pictures of \(direction.source), \(targetCount) of "
        + "\(direction.target), \(dataName)",
      columns: [subject.name, "input", "real against real"], runs: 1)
    table.rows = try sets.rows(seed: options.seed)
    table.rows += errorRows(errors)
    table.notes =
      [
        "input: the untranslated pictures of \(direction.source)",
        "real against real: one half of \(direction.target) against the other",
      ] + missing()
    let variety = try styleVariety(subject, direction, columns: table.columns.count)
    table.rows += variety.rows
    table.notes += variety.notes
    if leftOut > 0 { table.notes.append("places where a picture cannot be decoded, left out: \(leftOut)") }
    return TranslationResult(direction: direction.name, table: table, examples: examples)
  }

  private func errorRows(_ errors: (cycle: [Double], identity: [Double])) -> [EvaluationTable.Row] {
    func row(_ name: String, _ values: [Double], _ text: String) -> EvaluationTable.Row? {
      guard !values.isEmpty else { return nil }
      let mean = values.reduce(0, +) / Double(values.count)
      return EvaluationTable.Row(
        name, protocolText: "rounded to bytes, mean absolute difference, \(values.count) pictures, \(text)",
        better: .smaller, values: [mean, nil, nil])
    }
    return [
      row("cycle error, 0 … 255", errors.cycle, "there and back against the original"),
      row(
        "identity error, 0 … 255", errors.identity, "a picture of the target set translated, against itself"),
    ].compactMap { $0 }
  }

  /// Whether a field is the second of two unpaired sets.
  func isSecond(_ field: String, of system: any TranslatingSystem) -> Bool {
    (system.plan.data?.arrangement as? UnpairedImages)?.second == field
  }

  private func toRange(_ bytes: Tensor, _ range: ImageRange) -> Tensor {
    let unit = bytes.asType(.float32) / 255
    return range == .unit ? unit : unit * 2 - 1
  }
}

/// The features of three sets: outputs, inputs and real images of the target.
private struct UnpairedSets {
  let sources: [any FeatureSource]
  private var outputs: [[Tensor]]
  private var inputs: [[Tensor]]
  private var targets: [[Tensor]]

  init(sources: [any FeatureSource]) {
    self.sources = sources
    outputs = sources.map { _ in [] }
    inputs = outputs
    targets = outputs
  }

  mutating func add(source: Tensor, output: Tensor) {
    for (place, features) in sources.enumerated() {
      outputs[place].append(features.features(ofAll: output))
      inputs[place].append(features.features(ofAll: source))
    }
  }

  mutating func add(target: Tensor) {
    for (place, features) in sources.enumerated() {
      targets[place].append(features.features(ofAll: target))
    }
  }

  func rows(seed: UInt64) throws -> [EvaluationTable.Row] {
    try sources.enumerated().flatMap { place, source -> [EvaluationTable.Row] in
      guard min(outputs[place].count, targets[place].count) >= 2 * SetDistances.fewest else { return [] }
      let real = Tensor.concatenated(targets[place], dim: 0)
      let half = real.shape[0] / 2
      // The second half stands in for a perfect translation; both halves are held out.
      let distances = SetDistances(source: source, seed: seed)
      let text = "\(outputs[place].count) pictures against \(half)"
      return try distances.rows(
        [
          .concatenated(outputs[place], dim: 0), .concatenated(inputs[place], dim: 0),
          real.slice(0, half, real.shape[0]),
        ], target: real.slice(0, 0, half), text: text)
    }
  }
}
