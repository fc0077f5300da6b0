internal import AtelierMedia
public import Foundation
internal import Torch

/// Two sets of images without correspondence.
///
/// As in CycleGAN's unaligned dataset, a pass has the length of the larger set; images of the first set come
/// in the loader's order, each with a random image of the second. Held-out examples pair equal indices
/// instead.
public struct UnpairedDataset: Dataset {
  /// The description of the data.
  public private(set) var description: DatasetDescription
  /// The files of the first set and of the second.
  public private(set) var files: (first: ImageFiles, second: ImageFiles)
  private let preparation: JointPreparation
  private let fields: [(field: ImageField, transform: JointTransform, channels: Int)]
  let codec: ImageCodec
  /// The bits of an image's values: 8, uint8, or 16, int32.
  private let depth: Int

  init(
    _ description: DatasetDescription, first: ImageFiles, second: ImageFiles, _ preparation: JointPreparation,
    codec: ImageCodec, depth: Int = 8
  ) throws(DatasetError) {
    var fields: [(field: ImageField, transform: JointTransform, channels: Int)] = []
    for name in [preparation.source, preparation.target] {
      guard let field = preparation.fields.first(where: { $0.name == name }),
        case .picture(let channels) = field.content, (1...256).contains(channels)
      else { throw .invalid(reason: "the field '\(name)' is not an image") }
      // Each set has its own geometry.
      var own = preparation
      own.fields = [field]
      (own.source, own.target) = (name, name)
      try own.validate()
      fields.append((field, JointTransform(own, derivation: nil), channels))
    }
    self.fields = fields
    self.preparation = preparation
    self.codec = codec
    self.depth = depth
    files = (first, second)
    var description = description
    description.count = max(first.count, second.count)
    self.description = description
  }

  /// The same data with fewer files.
  func keeping(first: ImageFiles, second: ImageFiles, _ description: DatasetDescription) -> UnpairedDataset {
    var kept = self
    kept.files = (first, second)
    kept.description = description
    return kept
  }

  /// The size of the larger set.
  public var count: Int { description.count }

  /// Always true: the second image is random.
  public var isRandom: Bool { true }

  /// The images at one index, not augmented; the smaller set is repeated cyclically.
  public func example(at index: Int) throws(DatasetError) -> Example {
    var none: SeededGenerator?
    return try example(index, partner: index % files.second.count, &none)
  }

  /// An image of the first set and a random one of the second, both augmented.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example {
    let partner = generator.integer(below: files.second.count)
    var drawing: SeededGenerator? = generator
    defer { generator = drawing ?? generator }
    return try example(index, partner: partner, &drawing)
  }

  private func example(
    _ index: Int, partner: Int, _ generator: inout SeededGenerator?
  ) throws(DatasetError) -> Example {
    guard (0..<count).contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(count)")
    }
    var example = Example([:])
    for (part, file) in zip(fields, [files.first[index % files.first.count], files.second[partner]]) {
      do throws(ImageError) {
        let decoded = try codec.decode(file)
        guard part.channels <= 4 || part.channels == decoded.channels else {
          throw ImageError.invalid(
            reason: "it has \(decoded.channels) channels, and the field '\(part.field.name)' has "
              + "\(part.channels)")
        }
        let image = decoded.converted(toChannels: part.channels)
        let place = part.transform.placement(of: image, as: part.field, using: &generator)
        let cut = try part.transform(image, as: part.field, at: place, filter: .lanczos)
        example.fields[part.field.name] = cut.withDepth(depth).hostTensor(depth: depth)
      } catch {
        throw .unreadable(file.path, error)
      }
    }
    return example
  }
}

/// Opens two sets of images without correspondence: folders `A` and `B` in any layout of
/// ``openPairs(at:split:_:derivation:options:)``, or exactly two class folders, of which the first by name is
/// A.
///
/// - Parameter namesSides: whether the description has the names of the sides: `A` and `B`, or those of the class folders.
/// - Throws: ``DatasetError`` that names the folder and the way out.
public func openUnpaired(
  at path: URL, split: DatasetSplit = .train, _ preparation: JointPreparation,
  options: DatasetOptions = DatasetOptions(), namesSides: Bool = false
) throws(DatasetError) -> UnpairedDataset {
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  return try ImageFolders.opening(path) { () throws(DatasetError) -> UnpairedDataset in
    try openUnpaired(in: path, split, preparation, options, namesSides)
  }
}

private func openUnpaired(
  in path: URL, _ split: DatasetSplit, _ preparation: JointPreparation, _ options: DatasetOptions,
  _ namesSides: Bool
) throws(DatasetError) -> UnpairedDataset {
  try ImageFolders.requireListable(path)
  guard let sets = try unpairedFolders(at: path, split) else {
    throw .unknownLayout(
      path: path.path,
      lookedFor: [
        "trainA and trainB (testA, testB)", "train/A and train/B", "A and B",
        "exactly two folders of images",
      ])
  }
  var files: [ImageFiles] = []
  var hashed: [(name: String, url: URL)] = []
  for folder in options.swapsDirection ? [sets.second, sets.first] : [sets.first, sets.second] {
    let names = ImageFolders.pictures(below: folder)
    guard !names.isEmpty else { throw ImageFolders.noImages(in: folder) }
    files.append(ImageFiles(names, below: folder))
    hashed += names.map { ("\(files.count)/\($0)", folder.appendingPathComponent($0)) }
  }
  var description = DatasetDescription(
    layout: .unpairedFolders, name: path.lastPathComponent, split: split, count: 0,
    fingerprint: try contentFingerprint(of: hashed, isLenient: true),
    notes: ["A has \(files[0].count) pictures and B \(files[1].count)."])
  if namesSides {
    description.sideNames = options.swapsDirection ? sets.names.reversed() : sets.names
  }
  if split == .train {
    description.notes += PairFolders.find(at: path)?.leftOutSentences ?? LeftOut.around(path)
    if let stray = sets.strays { description.notes.append(stray) }
  }
  return try UnpairedDataset(
    description, first: files[0], second: files[1], preparation, codec: options.codec,
    depth: options.depth)
}

private func unpairedFolders(
  at path: URL, _ split: DatasetSplit
) throws(DatasetError) -> (first: URL, second: URL, names: [String], strays: String?)? {
  if let folders = PairFolders.find(at: path) {
    try folders.requireLists()
    guard let found = folders.folders(of: split), let first = found[.source], let second = found[.target]
    else {
      throw .missingSplit(path: path.path, split: split, reason: "it does not contain two such folders")
    }
    return (first.url, second.url, ["A", "B"], nil)
  }
  var root = path
  if ImageFolders.isDivided(path) {
    guard let part = ImageFolders.folder(of: split, in: path) else {
      throw .missingSplit(
        path: path.path, split: split,
        reason: "there is no folder \(ImageFolders.names(of: split).joined(separator: " or ")) in it")
    }
    root = part
  } else if split != .train {
    throw .missingSplit(path: path.path, split: split, reason: "the images are not divided into parts")
  }
  let classes = ImageFolders.foldersWithImages(in: root).map { root.appendingPathComponent($0) }
  guard classes.count == 2 else { return nil }
  let names = classes.map(\.lastPathComponent)
  return (classes[0], classes[1], names, LeftOut.pictures(ImageFolders.directImages(in: root)))
}
