public import Foundation
public import Torch

/// Pairs of labelled images, drawn independently: a content image and a class image.
///
/// Labels number the trained classes first, in order of their names, then the held-out ones. An example holds
/// the two images and their labels: `<content>Label` and `classLabel`.
public struct ClassPairDataset: Dataset {
  /// The description; `classNames` are the trained classes.
  public let description: DatasetDescription
  /// The names of all classes, in the order of the labels.
  public let allClassNames: [String]
  /// Whether content images come from the training set, because the data is not divided into parts.
  public let trainsOnContents: Bool
  /// The sources of class images; content images come from the first alone.
  private let parts: [any Dataset]
  /// The class of every image of all parts, renumbered.
  private let labels: [Int]
  private let contents: [Int]
  private let shown: [Int]
  private let names: (content: String, shown: String)

  /// Pairs of images of labelled data sets.
  ///
  /// - Parameters:
  ///   - heldOut: names of classes excluded from training.
  ///   - further: data sets that provide class images only.
  ///   - showsHeldOut: whether class images come from the held-out classes instead of the trained ones.
  /// - Throws: ``DatasetError/invalid(reason:)`` for an unknown class, or where nothing is left.
  public init(
    _ base: any Dataset, further: [any Dataset] = [], heldOut: [String], showsHeldOut: Bool,
    split: DatasetSplit, content: String = "content", shown: String = "classImage"
  ) throws(DatasetError) {
    var description = base.description
    let present = description.classNames
    if let unknown = heldOut.first(where: { !present.contains($0) }) {
      throw .invalid(
        reason: "\(description.name) has no class '\(unknown)' to hold out; its classes are "
          + present.joined(separator: ", "))
    }
    let seen = present.filter { !heldOut.contains($0) }
    var hidden: [String] = []
    for name in heldOut where !hidden.contains(name) { hidden.append(name) }
    let all = seen + hidden
    let places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) })
    let parts = [base] + further
    var labels: [Int] = []
    for part in parts {
      // Matched by name, as a part may lack a class.
      let numbers = part.description.classNames.map { places[$0] }
      let own = try classIndices(of: part).compactMap { numbers[$0] }
      guard own.count == part.count else {
        throw .invalid(
          reason: "a part of \(description.name) has classes that its part \(split.rawValue) lacks; put all "
            + "classes into both")
      }
      labels += own
    }
    let contents = (0..<base.count).filter { labels[$0] < seen.count }
    let showing = showsHeldOut ? labels.indices.filter { labels[$0] >= seen.count } : contents
    guard seen.count >= 2, !contents.isEmpty, !showing.isEmpty else {
      throw .invalid(
        reason:
          "\(description.name) leaves \(seen.count) \(seen.count == 1 ? "class" : "classes") and \(contents.count) images to learn "
          + "from; give it one folder per class, at least two of them not held out")
    }
    description.classNames = seen
    description.count = contents.count
    description.split = split
    description.labelHistogram = seen.indices.map { label in contents.count { labels[$0] == label } }
    if !hidden.isEmpty {
      description.notes.append("Classes held out of training: \(hidden.joined(separator: ", ")).")
    }
    self.description = description
    self.parts = parts
    self.labels = labels
    self.contents = contents
    self.shown = showing
    allClassNames = all
    trainsOnContents = base.description.split == .train
    names = (content, shown)
  }

  /// The number of content images.
  public var count: Int { contents.count }

  /// Always true: the class image is random.
  public var isRandom: Bool { true }

  /// A content image, and a class image that is a function of the index.
  public func example(at index: Int) throws(DatasetError) -> Example {
    try check(index)
    // Scatter the indices, so that neighbouring examples get different classes.
    let partner = shown[(index &* 7919 &+ shown.count / 2) % shown.count]
    return try example(
      try parts[0].example(at: contents[index]), contents[index], try stored(partner), partner)
  }

  /// A content image and a random class image, both augmented.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example {
    try check(index)
    let partner = shown[generator.integer(below: shown.count)]
    let first = try parts[0].example(at: contents[index], using: &generator)
    let (part, place) = location(partner)
    return try example(
      first, contents[index], try parts[part].example(at: place, using: &generator), partner)
  }

  /// The numbers of all images of a class, for ``picture(_:)``.
  public func pictures(ofClass label: Int) -> [Int] { labels.indices.filter { labels[$0] == label } }

  /// An image by its number, uint8 `[channels, height, width]`, not augmented.
  public func picture(_ number: Int) throws(DatasetError) -> HostTensor {
    guard let image = try stored(number)["image"] else {
      throw .invalid(reason: "\(description.name) has no images")
    }
    return image
  }

  private func stored(_ number: Int) throws(DatasetError) -> Example {
    let (part, place) = location(number)
    return try parts[part].example(at: place)
  }

  /// The part of an image, and its index there.
  private func location(_ number: Int) -> (part: Int, place: Int) {
    var (part, place) = (0, number)
    while place >= parts[part].count {
      place -= parts[part].count
      part += 1
    }
    return (part, place)
  }

  private func check(_ index: Int) throws(DatasetError) {
    guard contents.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(contents.count)")
    }
  }

  private func example(
    _ content: Example, _ first: Int, _ shown: Example, _ second: Int
  ) throws(DatasetError) -> Example {
    guard let image = content["image"], let other = shown["image"] else {
      throw .invalid(reason: "\(description.name) has no images")
    }
    return Example([
      names.content: image, names.content + "Label": HostTensor([labels[first]], shape: []),
      names.shown: other, "classLabel": HostTensor([labels[second]], shape: []),
    ])
  }
}

/// The class of each example, without decoding images where the data set stores its labels.
func classIndices(of dataset: any Dataset) throws(DatasetError) -> [Int] {
  switch dataset {
  case let pictures as ImageDataset: return pictures.labels
  case let pictures as ShardImages: return pictures.labels
  case let memory as InMemoryDataset: return memory.allLabels
  case let joint as JointDataset:
    if case .derived(let base, _) = joint.contents { return try classIndices(of: base) }
  default: break
  }
  var labels: [Int] = []
  for index in 0..<dataset.count {
    labels.append(try dataset.example(at: index)["label"]?.integers().first ?? 0)
  }
  return labels
}

/// Opens labelled images as pairs of a content and a class image; see ``ClassPairDataset``.
///
/// Where classes are held out, held-out examples pair a content image of a trained class with a class image
/// of a held-out one. Training uses no image of the held-out classes, so theirs come from all parts. Data
/// that is not divided has a part `test` whose content images are training images.
///
/// - Throws: ``DatasetError`` that names the folder and the way out.
public func openClassPairs(
  at path: URL, split: DatasetSplit = .train, _ preparation: JointPreparation, content: String = "content",
  shown: String = "classImage", heldOut: [String] = [], options: DatasetOptions = DatasetOptions()
) throws(DatasetError) -> ClassPairDataset {
  let showsHeldOut = split != .train && !heldOut.isEmpty
  func part(_ part: DatasetSplit) throws(DatasetError) -> [any Dataset] {
    do throws(DatasetError) {
      return [try openAugmented(at: path, split: part, preparation, options: options)]
    } catch {
      // For `test`, images of held-out classes suffice.
      guard case .missingSplit = error, showsHeldOut, part != split || split == .test else { throw error }
      return []
    }
  }
  var parts = try part(split)
  if showsHeldOut {
    for other in DatasetSplit.allCases where other != split { parts += try part(other) }
  }
  guard let first = parts.first else {
    throw .missingSplit(path: path.path, split: split, reason: "there are no images in any part")
  }
  return try ClassPairDataset(
    first, further: Array(parts.dropFirst()), heldOut: heldOut, showsHeldOut: showsHeldOut, split: split,
    content: content, shown: shown)
}
