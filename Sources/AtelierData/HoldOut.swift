public import Foundation
public import Torch

/// A share of undivided data that is kept from training, so that there is something to measure on.
///
/// Which examples it takes follows from their number and classes alone: every system, seed and resumption of the
/// same data has the same ones. Classes are divided in proportion, and the images of a pair stay together.
public struct HoldOut: Sendable, Hashable, CustomStringConvertible {
  /// The share, above 0 and below 1.
  public let share: Double

  /// A share of the examples.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for one that leaves nothing to train or to measure on.
  public init(_ share: Double) throws(DatasetError) {
    guard share > 0, share < 1 else {
      throw .invalid(reason: "the share that is held out lies between 0 and 1, as 0.1, not at \(share)")
    }
    self.share = share
  }

  /// The share as it was given: `0.1`.
  public var description: String { "\(share)" }

  /// A part of data that have only one.
  ///
  /// - Parameters:
  ///   - split: the training part, or the test part, which is what was held out.
  ///   - whole: all of the data.
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` for a validation part,
  ///   ``DatasetError/invalid(reason:)`` for data that cannot be divided.
  public func part(_ split: DatasetSplit, of whole: DataPart) throws(DatasetError) -> DataPart {
    let name = whole.description.name
    guard split != .validation else {
      throw .missingSplit(path: name, split: split, reason: "\(share) of the data are held out as test part")
    }
    guard case .examples(let dataset) = whole, !(dataset is TagDataset) else {
      throw .invalid(reason: "\(name) is divided already; hold nothing out of it")
    }
    guard !(dataset is ClassPairDataset) else {
      throw .invalid(
        reason: "\(name) serves pairs of classes, of which heldOutClasses are kept; hold nothing else out")
    }
    if let unpaired = dataset as? UnpairedDataset {
      let first = try divided(unpaired.files.first.count, nil, name, split)
      let second = try divided(unpaired.files.second.count, nil, name, split)
      return .examples(
        unpaired.keeping(
          first: first.map { unpaired.files.first[$0] }, second: second.map { unpaired.files.second[$0] },
          described(
            unpaired.description, split, count: max(first.count, second.count), of: unpaired.count, nil)))
    }
    let labels = dataset.knownLabels
    let kept = try divided(dataset.count, labels, name, split)
    return .examples(
      SubsetDataset(
        dataset, kept,
        described(
          dataset.description, split, count: kept.count, of: dataset.count,
          labels.map { all in kept.map { all[$0] } }),
        isRandom: split == .train && dataset.isRandom))
  }

  /// The examples of a part, in their order.
  private func divided(
    _ count: Int, _ labels: [Int]?, _ name: String, _ split: DatasetSplit
  ) throws(DatasetError) -> [Int] {
    var groups: [Int: [Int]] = [:]
    for index in 0..<count { groups[labels?[index] ?? 0, default: []].append(index) }
    var held: Set<Int> = []
    for (label, members) in groups.sorted(by: { $0.key < $1.key }) where members.count > 1 {
      var generator = SeededGenerator(
        seed: UInt64(bitPattern: Int64(label)), purpose: "hold-out", epoch: members.count)
      let order = generator.permutation(members.count)
      let wanted = Int((share * Double(members.count)).rounded())
      for place in order.prefix(min(max(1, wanted), members.count - 1)) { held.insert(members[place]) }
    }
    guard !held.isEmpty else {
      throw .invalid(reason: "\(name) has \(count) examples, too few to hold \(share) of them out")
    }
    return (0..<count).filter { held.contains($0) == (split == .test) }
  }

  private func described(
    _ whole: DatasetDescription, _ split: DatasetSplit, count: Int, of total: Int, _ labels: [Int]?
  ) -> DatasetDescription {
    var description = whole
    description.split = split
    description.count = count
    if let labels, !whole.labelHistogram.isEmpty {
      description.labelHistogram = [Int](repeating: 0, count: whole.labelHistogram.count)
      for label in labels where description.labelHistogram.indices.contains(label) {
        description.labelHistogram[label] += 1
      }
    }
    if split == .train {
      description.notes.append("\(total - count) of \(total) examples are held out from training (\(share)).")
    }
    description.fingerprint = contentFingerprint(
      of: [UInt8]("\(whole.fingerprint) hold-out \(share) \(split.rawValue)".utf8))
    return description
  }
}

extension Dataset {
  /// The class of each example, where it is known without reading them.
  fileprivate var knownLabels: [Int]? {
    switch self {
    case let images as ImageDataset: images.labels
    case let images as InMemoryDataset: images.labels
    case let joint as JointDataset:
      if case .derived(let base, _) = joint.contents { base.knownLabels } else { nil }
    default: nil
    }
  }
}

/// Some of the examples of a data set.
public struct SubsetDataset: Dataset {
  /// What the data are.
  public let description: DatasetDescription
  /// Whether training examples are random.
  public let isRandom: Bool
  private let base: any Dataset
  private let indices: [Int]

  /// The examples of `base` at `indices`.
  init(_ base: any Dataset, _ indices: [Int], _ description: DatasetDescription, isRandom: Bool) {
    self.base = base
    self.indices = indices
    self.description = description
    self.isRandom = isRandom
  }

  /// The number of examples.
  public var count: Int { indices.count }
  /// As the data below.
  public var isInMemory: Bool { base.isInMemory }
  /// As the data below.
  public func title(of index: Int) -> String? { base.title(of: indices[index]) }

  private func place(_ index: Int) throws(DatasetError) -> Int {
    guard indices.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(indices.count)")
    }
    return indices[index]
  }

  /// The example as it is.
  public func example(at index: Int) throws(DatasetError) -> Example { try base.example(at: place(index)) }

  /// The example as it is served for training.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example {
    isRandom ? try base.example(at: place(index), using: &generator) : try base.example(at: place(index))
  }

  /// A batch of them.
  public func batch(at indices: [Int]) throws(DatasetError) -> [String: HostTensor] {
    var places: [Int] = []
    for index in indices { places.append(try place(index)) }
    return try base.batch(at: places)
  }

  /// As the data below.
  public func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try base.collate(examples)
  }

  /// The order of the data below, without the other examples.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    guard let order = base.order(pass: pass, batchSize: batchSize, using: &generator) else { return nil }
    let numbers = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($0.element, $0.offset) })
    return order.map { $0.compactMap { numbers[$0] } }.filter { !$0.isEmpty }
  }

  /// Those that the data below would show, without the other examples.
  public func examplesToShow(_ limit: Int) -> [Int]? {
    guard let shown = base.examplesToShow(base.count) else { return nil }
    let numbers = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($0.element, $0.offset) })
    return Array(shown.compactMap { numbers[$0] }.prefix(limit))
  }
}
