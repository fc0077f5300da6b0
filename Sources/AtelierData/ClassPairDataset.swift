public import Foundation
public import Torch

/// Two labelled images an example, drawn independently: one whose content counts, one that shows a class.
///
/// Labels number the classes that training sees first, in order of their names, then those that were held
/// out. An example holds the two images and their labels, named after the first image with `Label`
/// behind it, and `classLabel`.
public struct ClassPairDataset: Dataset {
  /// What the data are; `classNames` are those that training sees.
  public let description: DatasetDescription
  /// The names of all classes, in the order of the labels.
  public let allClassNames: [String]
  /// Whether the contents are the same images that training has, because the data are not divided into parts.
  public let trainsOnContents: Bool
  /// Where images come from; contents from the first alone.
  private let parts: [any Dataset]
  /// The class of each image of all parts, in the new order.
  private let labels: [Int]
  private let contents: [Int]
  private let shown: [Int]
  private let names: (content: String, shown: String)

  /// Pairs of images of a labelled data set.
  ///
  /// - Parameters:
  ///   - heldOut: names of classes that training never sees.
  ///   - further: more images, which show classes but are no contents.
  ///   - showsHeldOut: whether the classes that are shown are those, as in held-out examples.
  /// - Throws: ``DatasetError/invalid(reason:)`` for a class that is not there, or where nothing is left.
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
      // By name, for a part may lack a class.
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
          "\(description.name) leaves \(seen.count) \(seen.count == 1 ? "class" : "classes") and \(contents.count) pictures to learn "
          + "from; put a folder a class into it, two or more that are not held out")
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

  /// Always true: the class image is drawn.
  public var isRandom: Bool { true }

  /// The content image of a number, and a class image that follows from the number.
  public func example(at index: Int) throws(DatasetError) -> Example {
    try check(index)
    // Numbers far apart for neighbours, so that neighbours are shown different classes.
    let partner = shown[(index &* 7919 &+ shown.count / 2) % shown.count]
    return try example(
      try parts[0].example(at: contents[index]), contents[index], try stored(partner), partner)
  }

  /// The content image of a number, and a random class image, both changed as the augmentation says.
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

  /// The numbers of the images of a class in the order of labels, for ``picture(_:)``.
  public func pictures(ofClass label: Int) -> [Int] { labels.indices.filter { labels[$0] == label } }

  /// An image by its number, uint8 `[channels, height, width]`, without random changes.
  public func picture(_ number: Int) throws(DatasetError) -> HostTensor {
    guard let image = try stored(number)["image"] else {
      throw .invalid(reason: "\(description.name) has no pictures")
    }
    return image
  }

  private func stored(_ number: Int) throws(DatasetError) -> Example {
    let (part, place) = location(number)
    return try parts[part].example(at: place)
  }

  /// Where an image is: its part, and its place in it.
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
      throw .invalid(reason: "example \(index) of \(contents.count) was asked for")
    }
  }

  private func example(
    _ content: Example, _ first: Int, _ shown: Example, _ second: Int
  ) throws(DatasetError) -> Example {
    guard let image = content["image"], let other = shown["image"] else {
      throw .invalid(reason: "\(description.name) has no pictures")
    }
    return Example([
      names.content: image, names.content + "Label": HostTensor([labels[first]], shape: []),
      names.shown: other, "classLabel": HostTensor([labels[second]], shape: []),
    ])
  }
}

/// The class of each example, without decoding images where the data set knows them.
func classIndices(of dataset: any Dataset) throws(DatasetError) -> [Int] {
  switch dataset {
  case let pictures as PictureDataset: return pictures.labels
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

/// Opens labelled images as pairs of a content and a class; see ``ClassPairDataset``.
///
/// Held-out examples show a content of a class that training sees in a class that it does not, where classes
/// are held out. No image of these classes was trained on, so that those of all parts serve; data that are
/// not divided into parts have a part `test` whose contents training saw.
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
      // Images of unseen classes suffice for a part `test`.
      guard case .missingSplit = error, showsHeldOut, part != split || split == .test else { throw error }
      return []
    }
  }
  var parts = try part(split)
  if showsHeldOut {
    for other in DatasetSplit.allCases where other != split { parts += try part(other) }
  }
  guard let first = parts.first else {
    throw .missingSplit(path: path.path, split: split, reason: "there are no pictures in any part")
  }
  return try ClassPairDataset(
    first, further: Array(parts.dropFirst()), heldOut: heldOut, showsHeldOut: showsHeldOut, split: split,
    content: content, shown: shown)
}
