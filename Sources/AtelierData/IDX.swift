public import Foundation

/// Reads MNIST's IDX format: a big-endian header (two zero bytes, element type, number of dimensions, one
/// 32-bit length each), then the elements, row-major.
///
/// Source: the format's description on Yann LeCun's page of MNIST. Only unsigned bytes (type 8) occur in
/// data sets of images.
public enum IDX {
  /// The shape and the bytes of a file, which may be compressed with gzip.
  ///
  /// The header is checked against the file's size before it is used.
  public static func read(_ file: URL) throws(DatasetError) -> (shape: [Int], bytes: [UInt8]) {
    let stored: [UInt8]
    do { stored = [UInt8](try Data(contentsOf: file)) } catch { throw .notFound(path: file.path) }
    guard isGzip(stored) else {
      let (shape, start, expected) = try header(stored, file)
      guard stored.count - start == expected else {
        throw .corruptFile(
          path: file.path,
          reason: "its header declares \(shape) elements, and \(stored.count - start) bytes follow")
      }
      return (shape, Array(stored[start...]))
    }
    // The header first, so that no more is decompressed than it declares; deflate expands at most 1,032
    // times, so a header that declares more than that is false.
    let beginning = try gunzip(stored, name: file.path, limit: 1 << 16, prefix: 20)
    let (shape, start, expected) = try header(beginning, file)
    guard expected / 1032 <= stored.count else {
      throw .corruptFile(
        path: file.path,
        reason: "its header declares \(shape) elements, more than \(stored.count) compressed bytes can hold")
    }
    let bytes = try gunzip(stored, name: file.path, limit: start + expected)
    guard bytes.count - start == expected else {
      throw .corruptFile(
        path: file.path,
        reason: "its header declares \(shape) elements, and \(bytes.count - start) bytes follow")
    }
    return (shape, Array(bytes[start...]))
  }

  /// The shape, the offset of the elements, and their number.
  private static func header(
    _ bytes: [UInt8], _ file: URL
  ) throws(DatasetError) -> (shape: [Int], start: Int, expected: Int) {
    guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else {
      throw .corruptFile(path: file.path, reason: "it does not start with the header of an IDX file")
    }
    guard bytes[2] == 8 else {
      throw .corruptFile(
        path: file.path, reason: "its elements are of type \(bytes[2]), and only bytes (8) are read")
    }
    let rank = Int(bytes[3])
    let start = 4 + 4 * rank
    guard (1...4).contains(rank), bytes.count >= start else {
      throw .corruptFile(path: file.path, reason: "its header declares \(rank) dimensions")
    }
    let shape = (0..<rank).map { dimension in
      (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * dimension + $1]) }
    }
    var expected = 1
    for length in shape {
      let (product, overflow) = expected.multipliedReportingOverflow(by: length)
      guard !overflow, product <= 1 << 40 else {
        throw .corruptFile(path: file.path, reason: "its header declares \(shape) elements")
      }
      expected = product
    }
    return (shape, start, expected)
  }

  /// Opens the images and labels of a folder.
  ///
  /// Files are found by the suffixes of their names, so that prefixes such as `emnist-letters-` are accepted.
  /// Class names come from `classes.txt` (one per line) if it exists, are Fashion-MNIST's if the path
  /// contains `fashion-mnist`, and are numbers otherwise.
  public static func open(
    _ folder: URL, split: DatasetSplit = .train, preparation: ImagePreparation? = nil
  ) throws(DatasetError) -> InMemoryDataset {
    guard let images = try find(in: folder, split: split, kind: "images", dimensions: 3) else {
      throw .missingSplit(
        path: folder.path, split: split,
        reason: split == .validation
          ? "IDX folders hold a train and a test part only"
          : "there is no file \(names(split, "images", 3)[0])[.gz]")
    }
    guard let labels = try find(in: folder, split: split, kind: "labels", dimensions: 1) else {
      throw .missingSplit(
        path: folder.path, split: split, reason: "there is no file \(names(split, "labels", 1)[0])[.gz]")
    }
    let pixels = try read(images)
    guard pixels.shape.count == 3, pixels.shape[1] > 0, pixels.shape[2] > 0 else {
      throw .corruptFile(path: images.path, reason: "its shape is \(pixels.shape), not three-dimensional")
    }
    let numbers = try read(labels)
    guard numbers.shape.count == 1 else {
      throw .corruptFile(path: labels.path, reason: "its shape is \(numbers.shape), not one-dimensional")
    }
    guard numbers.shape[0] == pixels.shape[0] else {
      throw .corruptFile(
        path: labels.path,
        reason:
          "it has \(numbers.shape[0]) labels, and \(images.lastPathComponent) has \(pixels.shape[0]) images"
      )
    }
    let fingerprint = try contentFingerprint(
      of: [(images.lastPathComponent, images), (labels.lastPathComponent, labels)])
    return try InMemoryDataset(
      description: DatasetDescription(
        layout: .idx, name: folder.lastPathComponent, split: split, count: pixels.shape[0], bitDepth: 8,
        classNames: try classNames(in: folder), fingerprint: fingerprint,
        notes: images.lastPathComponent.lowercased().hasPrefix("emnist-") ? [transposed] : []),
      shape: [1, pixels.shape[1], pixels.shape[2]], pixels: pixels.bytes,
      labels: numbers.bytes.map { Int($0) },
      source: labels.path, preparation: preparation)
  }

  /// EMNIST (Cohen et al. 2017) was converted from MATLAB's order of rows and columns.
  private static let transposed =
    "EMNIST's files hold their images transposed; they are taken as they are, and drawn letters will lie on their "
    + "side and mirrored."

  /// Whether a folder holds the images of at least one part.
  static func isPresent(in folder: URL) throws(DatasetError) -> Bool {
    if try find(in: folder, split: .train, kind: "images", dimensions: 3) != nil { return true }
    return try find(in: folder, split: .test, kind: "images", dimensions: 3) != nil
  }

  private static func names(_ split: DatasetSplit, _ kind: String, _ dimensions: Int) -> [String] {
    let prefixes =
      switch split {
      case .train: ["train"]
      case .test: ["t10k", "test"]
      case .validation: ["validation", "val"]
      }
    return prefixes.flatMap {
      ["\($0)-\(kind)-idx\(dimensions)-ubyte", "\($0)-\(kind).idx\(dimensions)-ubyte"]
    }
  }

  private static func find(
    in folder: URL, split: DatasetSplit, kind: String, dimensions: Int
  ) throws(DatasetError) -> URL? {
    let endings = names(split, kind, dimensions)
    var found: [String: String] = [:]
    for name in listing(of: folder, withImages: false) {
      let bare = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
      // An uncompressed file is preferred to its compressed copy.
      if endings.contains(where: { bare.hasSuffix($0) }), found[bare] == nil || bare == name {
        found[bare] = name
      }
    }
    if found.count > 1 {
      throw .unknownLayout(
        path: folder.path,
        lookedFor: [
          "one IDX file of \(split.rawValue) \(kind), but there are \(found.keys.sorted().joined(separator: ", "))"
        ])
    }
    return found.values.first.map { folder.appendingPathComponent($0) }
  }

  private static func classNames(in folder: URL) throws(DatasetError) -> [String] {
    if let names = try lines(of: folder.appendingPathComponent("classes.txt")) { return names }
    let path = folder.resolvingSymlinksInPath().path.lowercased() + folder.path.lowercased()
    guard ["fashion-mnist", "fashion_mnist", "fashionmnist"].contains(where: { path.contains($0) }) else {
      return []
    }
    return fashionNames
  }

  /// The classes of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), in the order of their labels.
  public static let fashionNames = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
  ]
}

/// The sorted names in a folder without hidden ones; empty where there is no folder, or one that
/// ``ImageFolders/requireListable(_:depth:)`` refuses when data are opened.
///
/// - Parameter withImages: whether images are among them; who looks for other files need not hear of a million.
func listing(of folder: URL, withImages: Bool = true) -> [String] {
  if let place = ImageFolders.known(folder) { return withImages ? place.allNames : place.namesWithoutImages }
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  // The sheet that shows a folder of faces is none of them.
  return names.filter { !$0.hasPrefix(".") && !ImageFolders.isDebris($0) && $0 != FaceSet.sheetName }
    .filter {
      withImages || !ImageFolders.isImage($0) || ImageFolders.isFolder(folder.appendingPathComponent($0))
    }
    .sorted()
}

/// The non-empty lines of a text file; nil where there is no such file.
func lines(of file: URL) throws(DatasetError) -> [String]? {
  guard FileManager.default.fileExists(atPath: file.path) else { return nil }
  return try text(of: file).split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    .filter { !$0.isEmpty }
}
