public import Foundation
public import Torch

/// Shares of the training examples that are kept from training, so that there is something to measure on: a test part
/// of undivided data, a validation part of data without one.
///
/// Which examples they take follows from their number and classes alone: every system, seed and resumption of the
/// same data has the same ones. Classes are divided in proportion; the images of a pair, exact copies of an image, the
/// clips of a sound or a video, the frames of a video and the videos of an identity stay together; of a few videos the ends
/// are held out. The test part is the same with and without a validation part beside it.
public struct HoldOut: Sendable, Hashable, CustomStringConvertible {
  /// The share of the test part, above 0 and below 1; nil: the data have their own, or none.
  public let test: Double?
  /// The share of the validation part, above 0 and below 1; nil: the data have their own, or none.
  public let validation: Double?
  /// Whether exact copies of an image are in one part. Runs from before that was so have them in any.
  public let keepsCopiesTogether: Bool

  /// Shares of the training examples.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for shares that leave nothing to train or to measure on.
  public init(
    _ test: Double? = nil, validation: Double? = nil, keepsCopiesTogether: Bool = true
  ) throws(DatasetError) {
    self.keepsCopiesTogether = keepsCopiesTogether
    for share in [test, validation].compactMap(\.self) {
      guard share > 0, share < 1 else {
        throw .invalid(reason: "the share that is held out lies between 0 and 1, as 0.1, not at \(share)")
      }
    }
    guard test != nil || validation != nil else {
      throw .invalid(reason: "no share is held out; give that of a test part or of a validation part")
    }
    if let test, let validation, test + validation >= 1 {
      throw .invalid(
        reason: "the shares \(test) and \(validation) are held out, which leaves nothing to train on")
    }
    self.test = test
    self.validation = validation
  }

  /// The share of a part as it was given, `0.1`, or both: `0.1, validation 0.2`.
  public var description: String {
    [test.map { "\($0)" }, validation.map { "validation \($0)" }].compactMap(\.self).joined(separator: ", ")
  }

  /// Whether it makes a part, or changes it: the training part has fewer examples.
  public func makes(_ split: DatasetSplit) -> Bool {
    switch split {
    case .train: true
    case .test: test != nil
    case .validation: validation != nil
    }
  }

  /// A part of data that do not have it themselves.
  ///
  /// - Parameters:
  ///   - split: the training part, or one that is held out of it.
  ///   - whole: all training examples.
  ///   - say: told of a long search for copies.
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` for a part of which no share is held out,
  ///   ``DatasetError/invalid(reason:)`` for data that cannot be divided.
  public func part(
    _ split: DatasetSplit, of whole: DataPart, say: (String) -> Void = { _ in }
  ) throws(DatasetError) -> DataPart {
    let name = whole.description.name
    guard makes(split) else {
      throw .missingSplit(
        path: name, split: split,
        reason: "of the data are held out: \(description), and no share as \(split.rawValue) part")
    }
    guard case .examples(let dataset) = whole, !(dataset is TagDataset) else {
      throw .invalid(reason: "\(name) is divided already; hold nothing out of it")
    }
    guard !(dataset is ClassPairDataset) else {
      throw .invalid(
        reason: "\(name) serves pairs of classes, of which heldOutClasses are kept; hold nothing else out")
    }
    if let unpaired = dataset as? UnpairedDataset {
      let copies = keepsCopiesTogether ? ContentCopies.among(unpaired, say: say) : nil
      let first = try divided(unpaired.files.first.count, nil, copies?.first, name)
      let second = try divided(unpaired.files.second.count, nil, copies?.second, name)
      let longer = first.count < second.count ? second : first
      let copied = copies.map { $0.first.count + $0.second.count } ?? 0
      return .examples(
        unpaired.keeping(
          first: unpaired.files.first.choosing(first.indices.lazy.filter { first[$0] == split }),
          second: unpaired.files.second.choosing(second.indices.lazy.filter { second[$0] == split }),
          described(unpaired.description, split, longer, nil, copied)))
    }
    if let clips = dataset as? SoundClips {
      let parts = try divided(clips.soundCount, nil, nil, name)
      let description = described(clips.description, split, parts, nil, 0, of: "sounds")
      return .examples(try clips.keeping(parts.indices.filter { parts[$0] == split }, description))
    }
    if let clips = dataset as? VideoClips { return .examples(try part(split, of: clips)) }
    let labels = dataset.knownLabels
    let copies = keepsCopiesTogether ? ContentCopies.among(dataset, say: say) : nil
    if let frames = dataset as? FrameSet {
      let videos = ContentCopies.joining(frames.frames.map(\.keys), copies)
      let parts = try divided(
        frames.count, frames.frames.map(\.kind), videos, name, of: "of too few videos or identities")
      return .examples(
        frames.keeping(
          parts.indices.filter { parts[$0] == split },
          described(frames.description, split, parts, frames.labels, copies?.count ?? 0, of: "frames")))
    }
    let parts = try divided(dataset.count, labels, copies, name)
    if let voices = dataset as? VoiceSet {
      // The order of batches is that of the speakers who are left.
      return .examples(
        voices.keeping(
          parts.indices.filter { parts[$0] == split },
          described(voices.description, split, parts, labels, copies?.count ?? 0)))
    }
    if let faces = dataset as? FaceDataset {
      // Second images come from the part alone.
      return .examples(
        faces.keeping(
          parts.indices.filter { parts[$0] == split },
          described(faces.description, split, parts, labels, copies?.count ?? 0)))
    }
    return .examples(
      SubsetDataset(
        dataset, parts.indices.filter { parts[$0] == split },
        described(dataset.description, split, parts, labels, copies?.count ?? 0),
        isRandom: split == .train && dataset.isRandom))
  }

  /// Whole videos where there are enough, else the ends of all of them: the test part last, the validation part before it.
  private func part(_ split: DatasetSplit, of clips: VideoClips) throws(DatasetError) -> VideoClips {
    let count = clips.videos.count
    let shares = [test, validation].compactMap(\.self)
    if shares.allSatisfy({ ($0 * Double(count)).rounded() >= 1 }) {
      let parts = try divided(count, nil, nil, clips.description.name)
      return try clips.keeping(
        parts.indices.filter { parts[$0] == split },
        described(clips.description, split, parts, nil, 0, of: "videos"))
    }
    let end = 1 - (test ?? 0)
    let start = end - (validation ?? 0)
    let kept = [.train: 0...start, .validation: start...end, .test: end...1][split] ?? 0...1
    let frames = clips.videos.flatMap { video in
      (0..<video.frames.count).map { frame -> DatasetSplit in
        let place = Double(frame)
        let count = Double(video.frames.count)
        if place >= (end * count).rounded() { return .test }
        return place >= (start * count).rounded() ? .validation : .train
      }
    }
    return try clips.keeping(
      kept, described(clips.description, split, frames, nil, 0, of: "frames, at the ends of the videos,"))
  }

  /// The part of each example.
  ///
  /// - Parameter groups: what the examples are of that stay together, where those are no copies.
  private func divided(
    _ count: Int, _ labels: [Int]?, _ copies: ContentCopies?, _ name: String, of groups: String? = nil
  ) throws(DatasetError) -> [DatasetSplit] {
    // Copies are of the class of the first of them.
    var classes: [Int: [Int]] = [:]
    for index in 0..<count { classes[labels?[copies?.first[index] ?? index] ?? 0, default: []].append(index) }
    var parts = [DatasetSplit](repeating: .train, count: count)
    for (split, share, purpose) in [
      (DatasetSplit.test, test, "hold-out"), (.validation, validation, "hold-out validation"),
    ] {
      guard let share else { continue }
      for (label, members) in classes.sorted(by: { $0.key < $1.key }) {
        let left = members.filter { parts[$0] == .train }
        // Examples that stay together are named by the first of them.
        func head(_ index: Int) -> Int { copies?.first[index] ?? index }
        let heads = left.filter { head($0) == $0 }
        guard heads.count > 1 else { continue }
        var sizes = [UInt32](repeating: 0, count: count)
        for index in left { sizes[head(index)] += 1 }
        var generator = SeededGenerator(
          seed: UInt64(bitPattern: Int64(label)), purpose: purpose, epoch: left.count)
        let order = generator.permutation(heads.count).map { heads[$0] }
        let wanted = min(max(1, Int((share * Double(members.count)).rounded())), left.count - 1)
        var taken = 0
        for head in order where taken + Int(sizes[head]) <= wanted {
          taken += Int(sizes[head])
          parts[head] = split
        }
        if taken == 0, let smallest = order.min(by: { sizes[$0] < sizes[$1] }) { parts[smallest] = split }
        for index in left where parts[head(index)] == split { parts[index] = split }
      }
      guard parts.contains(split) else {
        let copied = copies.map { $0.count > 0 ? ", \($0.count) of them copies" : "" } ?? ""
        throw .invalid(
          reason: "\(name) has \(count) examples\(groups.map { ", " + $0 } ?? copied), "
            + "too few to hold \(share) of them out as \(split.rawValue) part")
      }
    }
    return parts
  }

  private func described(
    _ whole: DatasetDescription, _ split: DatasetSplit, _ parts: [DatasetSplit], _ labels: [Int]?,
    _ copies: Int, of unit: String = "examples"
  ) -> DatasetDescription {
    func count(_ split: DatasetSplit) -> Int { parts.count { $0 == split } }
    var description = whole
    description.split = split
    description.count = count(split)
    if let labels, !whole.labelHistogram.isEmpty {
      description.labelHistogram = [Int](repeating: 0, count: whole.labelHistogram.count)
      for (label, part) in zip(labels, parts)
      where part == split && description.labelHistogram.indices.contains(label) {
        description.labelHistogram[label] += 1
      }
    }
    if split == .train {
      let held = parts.count - count(.train)
      let each = [DatasetSplit.test, .validation].filter(makes).map { "\(count($0)) as \($0.rawValue) part" }
      let shares = validation == nil ? "(\(self))" : "(\(each.joined(separator: ", ")))"
      description.notes.append("\(held) of \(parts.count) \(unit) are held out from training \(shares).")
      if copies > 0 {
        description.notes.append(
          "\(copies == 1 ? "An image is an exact copy" : "\(copies) images are exact copies") of others; copies are in "
            + "one part.")
      }
    }
    let copying = keepsCopiesTogether ? "copies together " : ""
    description.fingerprint = contentFingerprint(
      of: [UInt8]("\(whole.fingerprint) hold-out \(self) \(copying)\(split.rawValue)".utf8))
    return description
  }
}

extension Dataset {
  /// The class of each example, where it is known without reading them.
  fileprivate var knownLabels: [Int]? {
    switch self {
    case let images as ImageDataset: images.labels
    case let images as ShardImages: images.labels
    case let images as PipedImages: images.labels
    case let images as InMemoryDataset: images.labels
    case let voices as VoiceSet: voices.labels
    case let faces as FaceDataset: faces.labels.isEmpty ? nil : faces.labels
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
  let base: any Dataset
  let indices: [Int]

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

  /// As the data below.
  public func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] { try base.collate(examples, atLeast: lengths) }

  /// As the data below.
  public func lengths(of index: Int) -> [String: Int] { base.lengths(of: indices[index]) }

  /// The order of the data below, without the other examples.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    guard let order = base.order(pass: pass, batchSize: batchSize, using: &generator) else { return nil }
    let places = places
    return order.map { $0.compactMap { places[$0] < 0 ? nil : Int(places[$0]) } }.filter { !$0.isEmpty }
  }

  /// Those that the data below would show, without the other examples.
  public func examplesToShow(_ limit: Int) -> [Int]? {
    guard let shown = base.examplesToShow(base.count) else { return nil }
    let places = places
    return Array(shown.lazy.compactMap { places[$0] < 0 ? nil : Int(places[$0]) }.prefix(limit))
  }

  /// The number here of each example of the data below; -1 for those that are left out.
  private var places: [Int32] {
    var places = [Int32](repeating: -1, count: base.count)
    for (number, index) in indices.enumerated() { places[index] = Int32(number) }
    return places
  }
}
