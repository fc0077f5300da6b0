public import AtelierCore
import AtelierMetrics
import Perception
import Torch

/// Fréchet and kernel distance between translations and real images of the target, by every source of features
/// that is there.
///
/// Of unpaired sets one half of the real images stands in for a perfect translation; both halves are held out.
public struct TranslationDistanceMeasure: ExampleMeasure {
  /// What options and numbers name it by.
  public static let id = "translation-distances"

  /// The measure.
  public init() {}

  /// Systems that translate between pairs or between sets without correspondence.
  public func applies(to plan: SystemPlan) -> Bool { plan.translatesPairs || plan.unpairedSets != nil }

  /// The features of all columns and of the targets.
  ///
  /// - Throws: `PerceptionError` or `FileFormatError` for weights that are there but damaged.
  public func tally(_ material: TranslationMaterial) throws -> (any ExampleTally)? {
    let sources = try material.featureSources()
    return sources.isEmpty ? nil : Tally(sources, material)
  }

  private final class Tally: ExampleTally {
    private let sources: [any FeatureSource]
    private let material: TranslationMaterial
    /// By source, then by column, the features of each image.
    private var made: [[[Tensor]]]
    /// By source, those of the targets.
    private var targets: [[Tensor]]

    init(_ sources: [any FeatureSource], _ material: TranslationMaterial) {
      self.sources = sources
      self.material = material
      made = sources.map { _ in material.columns.map { _ in [] } }
      targets = sources.map { _ in [] }
    }

    func add(_ example: TranslatedExample) throws {
      let columns = try example.columns()
      for (place, source) in sources.enumerated() {
        for (column, image) in columns.enumerated() {
          made[place][column].append(source.features(ofAll: image))
        }
        if let target = example.target { targets[place].append(source.features(ofAll: target)) }
      }
    }

    /// The sets of features, by source the columns and then the targets.
    private var sets: [[Tensor]] {
      sources.indices.flatMap { made[$0] + [targets[$0]] }
    }

    var collected: [Tensor] { sets.map { $0.isEmpty ? .zeros([0, 0]) : .concatenated($0, dim: 0) } }

    func adopt(_ collected: [Tensor]) {
      let columns = material.columns.count
      /// One tensor an example, as `add` collects them.
      func rows(_ set: Tensor) -> [Tensor] { (0..<set.shape[0]).map { set.slice(0, $0, $0 + 1) } }
      for place in sources.indices {
        for column in 0..<columns { made[place][column] = rows(collected[place * (columns + 1) + column]) }
        targets[place] = rows(collected[place * (columns + 1) + columns])
      }
    }

    func results() throws -> [MeasuredColumns] {
      try sources.indices.flatMap { place -> [MeasuredColumns] in
        let count = made[place].first?.count ?? 0
        return material.isPaired
          ? try paired(place, count: count) : try unpaired(place, count: count)
      }
    }

    private func paired(_ place: Int, count: Int) throws -> [MeasuredColumns] {
      guard count >= SetDistances.fewest else { return [] }
      return try distances(
        place, made[place].map { .concatenated($0, dim: 0) }, target: .concatenated(targets[place], dim: 0),
        text: "\(count) pictures against their \(count) targets")
    }

    private func unpaired(_ place: Int, count: Int) throws -> [MeasuredColumns] {
      guard min(count, targets[place].count) >= 2 * SetDistances.fewest else { return [] }
      let real = Tensor.concatenated(targets[place], dim: 0)
      let half = real.shape[0] / 2
      let sets = made[place].filter { !$0.isEmpty }.map { Tensor.concatenated($0, dim: 0) }
      return try distances(
        place, sets + [real.slice(0, half, real.shape[0])], target: real.slice(0, 0, half),
        text: "\(count) pictures against \(half)")
    }

    private func distances(
      _ place: Int, _ columns: [Tensor], target: Tensor, text: String
    ) throws -> [MeasuredColumns] {
      let source = sources[place]
      return try SetDistances(source: source, seed: material.options.seed).columns(
        columns, target: target, id: TranslationDistanceMeasure.id,
        provenance: material.provenance(source.provenance), text: text)
    }
  }
}
