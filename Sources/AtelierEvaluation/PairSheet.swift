import AtelierData
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Torch

/// Collects the measures of pairs, image by image, and what is needed for distances of sets.
struct PairSheet {
  /// The names of the columns.
  private(set) var columns: [String] = []
  /// Images of the first examples.
  private(set) var examples: [TranslationExample] = []
  /// What could not be measured.
  private(set) var notes: [String] = []
  private let perceptual: [(name: String, distance: (Tensor, Tensor) throws -> Double)]
  private let sources: [any FeatureSource]
  private let border: Int
  private let shown: Int
  private var measures: [PairMeasure] = []
  /// By measure, then by column, the values of all images.
  private var values: [[[Double]]] = []
  /// By source, then by column (the target last), the features of all images.
  private var features: [[[Tensor]]] = []
  private var count = 0

  init(
    perceptual: [(name: String, distance: (Tensor, Tensor) throws -> Double)], sources: [any FeatureSource],
    border: Int, shown: Int
  ) {
    self.perceptual = perceptual
    self.sources = sources
    self.border = border
    self.shown = shown
  }

  /// Names the columns, and decides by the target's channels what can be measured.
  mutating func begin(columns: [String], channels: Int) {
    self.columns = columns
    if [1, 3].contains(channels) {
      measures = pairMeasures(channels: channels, border: border, perceptual: perceptual)
      features = sources.map { _ in (0...columns.count).map { _ in [] } }
    } else {
      notes.append("targets of \(channels) channels are no pictures, so that nothing is measured on them")
    }
    values = measures.map { _ in columns.map { _ in [] } }
  }

  /// Takes in one example: each column's image and the target, uint8 `[1, channels, height, width]`.
  mutating func add(outputs: [Tensor], target: Tensor, source: [Image]) throws {
    count += 1
    for (column, output) in outputs.enumerated() {
      for (place, measure) in measures.enumerated() {
        if let value = try measure.value(output, target) { values[place][column].append(value) }
      }
    }
    for (place, source) in sources.enumerated() where !features.isEmpty {
      for (column, picture) in (outputs + [target]).enumerated() {
        features[place][column].append(source.features(ofAll: picture))
      }
    }
    guard examples.count < shown else { return }
    var pictures: [(title: String, picture: Image)] = source.first.map { [("source", $0)] } ?? []
    func image(_ picture: Tensor) throws -> Image? {
      guard picture.shape[1] <= 4, picture.shape[1] != 2 else { return nil }
      return try Image.images(of: picture.host()).first
    }
    for (column, output) in outputs.enumerated() {
      if let picture = try image(output) { pictures.append((columns[column], picture)) }
    }
    if let picture = try image(target) { pictures.append(("target", picture)) }
    examples.append(TranslationExample(pictures: pictures))
  }

  /// The rows of the table.
  func rows(seed: UInt64) throws -> [EvaluationTable.Row] {
    var rows: [EvaluationTable.Row] = []
    for (measure, columns) in zip(measures, values) {
      guard columns.contains(where: { !$0.isEmpty }) else { continue }
      let intervals = try columns.map { values -> [Double]? in
        guard values.count > 1 else { return nil }
        let interval = try bootstrapInterval(
          ofMean: values, using: RandomStream(seed: seed, purpose: "bootstrap")
        ).interval
        return [interval.lower, interval.upper]
      }
      let number = columns.map(\.count).max() ?? 0
      let some = number < count ? ", \(number) of \(count) pictures are large enough" : ""
      rows.append(
        EvaluationTable.Row(
          measure.name, protocolText: measure.protocolText + ", mean over pictures" + some,
          better: measure.better,
          values: columns.map { $0.isEmpty ? nil : $0.reduce(0, +) / Double($0.count) },
          intervals: intervals))
    }
    guard count >= SetDistances.fewest else { return rows }
    for (source, sets) in zip(sources, features) {
      let joined = sets.map { Tensor.concatenated($0, dim: 0) }
      guard let target = joined.last else { continue }
      rows += try SetDistances(source: source, seed: seed).rows(
        joined.dropLast().map { $0 }, target: target, text: "\(count) pictures against their \(count) targets"
      )
    }
    return rows
  }
}
