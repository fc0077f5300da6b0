public import AtelierCore
public import AtelierData
import Foundation
public import Torch

/// The held-out examples that a run's previews draw from, and what the data told.
public struct PreviewExamples {
  /// Some examples as a batch.
  public struct Examples {
    /// Their values, in the ranges of the fields.
    public let batch: Batch
    /// How many they are.
    public let count: Int
    /// What each is called; empty where the data have no names for them.
    public let titles: [String]
    /// What the values are.
    private let fields: [Field]

    init(_ batch: Batch, count: Int, titles: [String], fields: [Field]) {
      self.batch = batch
      self.count = count
      self.titles = titles
      self.fields = fields
    }

    /// The first ones.
    func prefix(_ limit: Int) -> Examples {
      guard limit < count else { return self }
      let tensors = batch.tensors.map { name, tensor in
        // Running text stands time first.
        var axis = 0
        if case .tokens? = fields.first(where: { $0.name == name })?.kind { axis = 1 }
        return (name, tensor.slice(axis, 0, limit))
      }
      return Examples(
        Batch(Dictionary(uniqueKeysWithValues: tensors), isFirst: batch.isFirst), count: limit,
        titles: Array(titles.prefix(limit)), fields: fields)
    }
  }

  /// What the data told: classes, colours, vocabularies.
  let facts: DataFacts
  /// The examples by stage.
  let examples: [String: Examples]
  /// Those of the first stage that has any.
  public let first: Examples?

  /// No examples.
  public init(_ facts: DataFacts) {
    self.facts = facts
    examples = [:]
    first = nil
  }

  /// The first examples of the test part, else of the validation or training part, of each stage's data, as
  /// many as the previews that apply ask for.
  ///
  /// - Parameter say: told of examples that cannot be read.
  /// - Throws: ``DatasetError`` where data cannot be read.
  public init(
    _ data: DataBinding, plan: SystemPlan, for previews: PreviewList = .standard,
    say: (String) -> Void = { _ in }
  ) throws {
    facts = data.facts
    let count = previews.applying(to: plan).map { $0.exampleCount(for: plan) }.max() ?? 0
    var examples: [String: Examples] = [:]
    var found: [(plan: DataPlan, examples: Examples?)] = []
    for stage in plan.stages where count > 0 {
      guard let own = stage.data else { continue }
      if let known = found.first(where: { $0.plan == own }) {
        examples[stage.name] = known.examples
        continue
      }
      let read = try Self.read(data, stage: stage.name, own.fields, count: count, say: say)
      found.append((own, read))
      examples[stage.name] = read
    }
    self.examples = examples
    first = found.lazy.compactMap(\.examples).first
  }

  private static func read(
    _ data: DataBinding, stage: String, _ fields: [Field], count: Int, say: (String) -> Void
  ) throws -> Examples? {
    for split in [DatasetSplit.test, .validation, .train] {
      guard let dataset = try data.dataset(of: split, stage: stage) else { continue }
      let indices =
        try dataset.examplesToShow(count)
        ?? data.usableIndices(
          of: dataset, limit: count,
          // Of training images the loader says it.
          say: split == .train ? { _ in } : say)
      guard !indices.isEmpty else { continue }
      let batch = data.batch(
        HostBatch(fields: try dataset.batch(at: indices), indices: indices, epoch: 0, isFirst: true),
        stage: stage)
      let titles = indices.compactMap(dataset.title(of:))
      return Examples(
        batch, count: indices.count, titles: titles.count == indices.count ? titles : [], fields: fields)
    }
    return nil
  }
}
