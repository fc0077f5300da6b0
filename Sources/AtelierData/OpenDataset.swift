public import AtelierMedia
public import Foundation

/// Options for opening data.
public struct DatasetOptions: Sendable, Hashable {
  /// The label column of a table; nil looks for `label`, `class` and `category`.
  public var labelColumn: String?
  /// How the condition is derived from single images, whatever else the data holds; nil uses pairs.
  public var derivation: ImageDerivation?
  /// Whether source and target, or A and B, are swapped.
  public var swapsDirection: Bool
  /// Whether each file holds two images side by side, whatever its aspect ratio.
  public var isSideBySide: Bool
  /// Whether images without a partner are an error; otherwise they are left out and named in the notes.
  public var isStrict: Bool
  /// Whether the sources of pairs are maps of labels, whatever their folder is called; nil: its name says it.
  public var sourcesAreLabelMaps: Bool?
  /// The codec and its limits.
  public var codec: ImageCodec
  /// The depth of the images' values, 8 or 16 bits; see ``ReadingOptions/depth``.
  public var depth = 8
  /// The length in tokens from which ``checkData(at:options:suggesting:progress:)`` calls a text over-long.
  public var context = 512

  /// The default options.
  public init(
    labelColumn: String? = nil, derivation: ImageDerivation? = nil, swapsDirection: Bool = false,
    isSideBySide: Bool = false, isStrict: Bool = false, sourcesAreLabelMaps: Bool? = nil,
    codec: ImageCodec = ImageCodec()
  ) {
    self.labelColumn = labelColumn
    self.derivation = derivation
    self.swapsDirection = swapsDirection
    self.isSideBySide = isSideBySide
    self.isStrict = isStrict
    self.sourcesAreLabelMaps = sourcesAreLabelMaps
    self.codec = codec
  }
}

private let lookedFor = [
  "train-images-idx3-ubyte[.gz] (IDX)", "data_batch_1.bin or train.bin (CIFAR)",
  "metadata.jsonl, metadata.csv or labels.csv (a table)",
  "one folder of images per class, within train/ or not",
  "images (png, jpg, webp, tiff, gif, heic, avif, bmp, ppm, pgm)", "train.txt or *.txt (text)",
  "an archive of these (zip, tar, tar.gz)", "arrays (npz)",
  "shards of WebDataset (*.tar in a folder, or a pattern such as train-{000..009}.tar)",
]

/// Detects the layout of the data at a path.
public func detectLayout(at path: URL) throws(DatasetError) -> DataLayout {
  if ShardFiles.arePresent(at: path) { return .shards }
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  if !ImageFolders.isFolder(path) {
    switch path.pathExtension.lowercased() {
    case "csv", "jsonl": return .table
    case "txt", "text", "md": return .text
    case "npz": return .arrays
    default: throw .unknownLayout(path: path.path, lookedFor: lookedFor)
    }
  }
  if try IDX.isPresent(in: path) { return .idx }
  if let cifar = CIFAR.layout(of: path) { return cifar }
  if let layout = imageLayout(of: path) { return layout }
  if let train = ImageFolders.folder(of: .train, in: path), let layout = imageLayout(of: train) {
    return layout
  }
  if listing(of: path, withImages: false).contains(where: { $0.lowercased().hasSuffix(".txt") }) {
    return .text
  }
  if let clause = UnreadFormats.clause(below: path) {
    throw .unusable(path: path.path, reason: "it holds \(clause)")
  }
  throw .unknownLayout(path: path.path, lookedFor: lookedFor)
}

/// The layout of a folder of images without parts.
private func imageLayout(of folder: URL) -> DataLayout? {
  if LabelTable.find(in: folder) != nil { return .table }
  if ImageFolders.isDivided(folder) { return nil }
  return ImageFolders.arrangement(of: folder).map { $0.isFlat ? .flatImages : .classFolders }
}

/// The note of images without labels.
let noLabels = "There are no labels; every label is 0."

/// Opens labelled images, whatever their layout.
///
/// Recognised, in this order: NumPy's arrays (`.npz`), IDX, CIFAR binary, a table (`metadata.jsonl`, `metadata.csv`, `labels.csv`, or
/// the path of such a file), one folder per class (within `train/`, `val/`, `test/` or not), a flat folder of
/// images. Without parts, everything is training data.
///
/// - Parameters:
///   - path: a folder, or a table.
///   - split: the part.
///   - preparation: size and channels of every image; nil keeps them.
public func openDataset(
  at path: URL, split: DatasetSplit = .train, preparation: ImagePreparation? = nil,
  options: DatasetOptions = DatasetOptions()
) throws(DatasetError) -> any Dataset {
  let path = try archiveFolder(at: path)
  return try ImageFolders.opening(path) { () throws(DatasetError) -> any Dataset in
    try openDataset(in: path, split, preparation, options)
  }
}

private func openDataset(
  in path: URL, _ split: DatasetSplit, _ preparation: ImagePreparation?, _ options: DatasetOptions
) throws(DatasetError) -> any Dataset {
  if let piped = try PipedShards(at: path) {
    return try PipedImages(
      piped, at: path, split, preparation: preparation, codec: options.codec, depth: options.depth)
  }
  if let shards = try ShardFiles(at: path) {
    return try LabelledShards.open(
      shards, at: path, split, preparation: preparation, codec: options.codec, depth: options.depth)
  }
  try ImageFolders.requireListable(path)
  switch try detectLayout(at: path) {
  case .idx: return try IDX.open(path, split: split, preparation: preparation)
  case .arrays: return try ArrayImages.open(path, split: split, preparation: preparation)
  case .cifar10, .cifar100: return try CIFAR.open(path, split: split, preparation: preparation)
  case .text, .memory, .sentencePairs, .documents, .labelledText, .sounds, .videos:
    throw .unknownLayout(
      path: path.path, lookedFor: ["images, but this is text, which a language model reads"])
  case .table where !ImageFolders.isFolder(path):
    return try LabelTable(path).dataset(
      root: path.deletingLastPathComponent(), split: split, labelColumn: options.labelColumn,
      preparation: preparation, codec: options.codec, depth: options.depth)
  case .table, .classFolders, .flatImages, .sideBySide, .pairedFolders, .unpairedFolders, .captions, .shards:
    return try openImages(path, split: split, preparation: preparation, options: options)
  }
}

private func openImages(
  _ path: URL, split: DatasetSplit, preparation: ImagePreparation?, options: DatasetOptions
) throws(DatasetError) -> ImageDataset {
  let isDivided = ImageFolders.isDivided(path) && LabelTable.find(in: path) == nil
  let root: URL
  if isDivided {
    guard let folder = ImageFolders.folder(of: split, in: path) else {
      throw .missingSplit(
        path: path.path, split: split,
        reason: "there is no folder \(ImageFolders.names(of: split).joined(separator: " or ")) in it")
    }
    root = folder
  } else {
    root = path
  }
  if let table = LabelTable.find(in: root) {
    return try LabelTable(table).dataset(
      root: root, split: isDivided ? .train : split, labelColumn: options.labelColumn,
      preparation: preparation, codec: options.codec, depth: options.depth)
  }
  guard isDivided || split == .train else {
    throw .missingSplit(
      path: path.path, split: split, reason: "the images are not divided into folders train/ and test/")
  }
  var description = DatasetDescription(
    layout: .classFolders, name: path.lastPathComponent, split: split, count: 0, fingerprint: "")
  let files: FileNames
  // In the order of their names, which is not that of the classes where one begins as another.
  let hashed: FileNames
  var labels: [Int] = []
  let arrangement = ImageFolders.arrangement(of: root)
  // How images lie is decided once, by the training part.
  let training = isDivided ? ImageFolders.folder(of: .train, in: path) ?? root : root
  let isFlat = ImageFolders.holdsBareImages(training)
  if split != .train, let misfit = ImageFolders.misfit(of: split, in: path, isFlat: isFlat) {
    throw .missingSplit(path: path.path, split: split, reason: misfit)
  }
  if isFlat, let arrangement {
    description.layout = .flatImages
    description.classNames = ["0"]
    description.notes.append(noLabels)
    (files, hashed) = (arrangement.direct, arrangement.direct)
    labels = [Int](repeating: 0, count: files.count)
    let ignored = ImageFolders.subfolders(of: root)
    if !ignored.isEmpty {
      description.notes.append(
        "Folders beside the pictures are left out: \(ignored.joined(separator: ", ")).")
    }
  } else {
    // Classes are collected from all parts, so that labels agree between them.
    let parts =
      isDivided
      ? DatasetSplit.allCases.compactMap { part in
        part != .train && ImageFolders.misfit(of: part, in: path, isFlat: isFlat) != nil
          ? nil : ImageFolders.folder(of: part, in: path)
      } : [root]
    description.classNames = Set(parts.flatMap { ImageFolders.subfolders(of: $0) }).sorted()
    if !isDivided { try refuseParts(among: description.classNames, path) }
    let place = ImageFolders.place(of: root)
    let own = place.pictures(of: description.classNames)
    files = own.files
    hashed = place.pictures(of: description.classNames.sorted { $0 + "/" < $1 + "/" }).files
    for (label, count) in own.counts.enumerated() { labels += [Int](repeating: label, count: count) }
    description.notes += [
      LeftOut.pictures(arrangement?.direct ?? FileNames([])),
      LeftOut.doubt(aboutClasses: description.classNames),
    ].compactMap { $0 }
  }
  guard !files.isEmpty else { throw ImageFolders.noImages(in: root) }
  if split == .train {
    description.notes += LeftOut.around(path)
    if isDivided {
      description.notes += DatasetSplit.allCases.filter { $0 != .train }.compactMap { part in
        ImageFolders.misfit(of: part, in: path, isFlat: isFlat).map {
          "The \(part.rawValue) part is left out: \($0)."
        }
      }
    }
  }
  description.fingerprint = try contentFingerprint(
    of: hashed, below: root, kept: "\(split.rawValue) \(isFlat ? "flat" : "classes")")
  return ImageDataset(
    description: description, files: ImageFiles(files, below: root), labels: labels, preparation: preparation,
    codec: options.codec, depth: options.depth)
}

/// Refuses classes with the names of two parts or more: a division that stands beside too many other folders to be
/// taken for one.
private func refuseParts(among names: [String], _ path: URL) throws(DatasetError) {
  let parts = LeftOut.parts(among: names)
  guard !parts.isEmpty else { return }
  let others = names.filter { !parts.contains($0) }
  let shown = others.prefix(3).joined(separator: ", ") + (others.count > 3 ? ", …" : "")
  throw .unusable(
    path: path.path,
    reason:
      "the folders \(parts.joined(separator: ", ")) have the names of parts and lie beside \(others.count) other "
      + "folders of images (\(shown)); if they are parts, move them into a folder of their own and name that one; "
      + "if they are classes, rename them")
}
