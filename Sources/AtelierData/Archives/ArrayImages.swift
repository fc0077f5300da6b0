public import Foundation
internal import Torch

/// Images and labels from a file of NumPy's arrays (`.npz`).
///
/// Arrays are found by the words of their names: `x_train` and `y_train`, `test_images` and `test_labels`, or `images`
/// and `labels`, or `arr_0` and `arr_1`. Without a part's word they are training data. Images are
/// `[images, height, width]`, with 1, 3 or 4 channels last or, where that is no such number, first.
public enum ArrayImages {
  private static let partWords: [(DatasetSplit, Set<String>)] = [
    (.train, ["train", "training"]), (.validation, ["val", "valid", "validation", "dev"]),
    (.test, ["test", "testing", "eval"]),
  ]
  private static let imageWords: Set = [
    "x", "image", "images", "img", "imgs", "data", "samples", "pictures", "0",
  ]
  private static let labelWords: Set = ["y", "label", "labels", "class", "classes", "target", "targets", "1"]

  /// Whether a path is that of such a file by its name.
  static func isPresent(at place: URL) -> Bool {
    place.pathExtension.lowercased() == "npz" && !ImageFolders.isFolder(place)
  }

  /// Opens a part.
  ///
  /// Integers and bytes must lie in 0...255, and those of 16 bits in 0...65535; floating-point numbers in 0...1,
  /// -1...1 or 0...255, whichever the training images lie in. The result has 8 bits.
  ///
  /// - Throws: ``DatasetError`` that names the array.
  public static func open(
    _ file: URL, split: DatasetSplit = .train, preparation: ImagePreparation? = nil
  ) throws(DatasetError) -> InMemoryDataset {
    do {
      let arrays = try ArrayFile(file)
      return try open(arrays, file, split, preparation)
    } catch let error as DatasetError {
      throw error
    } catch {
      throw .corruptFile(
        path: file.path, reason: (error as? FileFormatError)?.problem ?? String(describing: error))
    }
  }

  private static func open(
    _ arrays: ArrayFile, _ file: URL, _ split: DatasetSplit, _ preparation: ImagePreparation?
  ) throws -> InMemoryDataset {
    let roles = roles(of: arrays.names)
    guard let name = roles.images[split] else {
      let found = roles.images.keys.map(\.rawValue).sorted().joined(separator: ", ")
      guard !found.isEmpty else {
        throw DatasetError.unusable(
          path: file.path,
          reason:
            "none of its arrays (\(arrays.names.prefix(8).joined(separator: ", "))) is called images, x or data"
        )
      }
      throw DatasetError.missingSplit(path: file.path, split: split, reason: "its arrays hold \(found) only")
    }
    let (header, bytes) = try arrays.read(name)
    let shape = try shape(header, name, file)
    let scale = try scale(
      of: arrays, roles.images[.train] ?? name, split == .train ? (header, bytes) : nil, file)
    let pixels = try pixels(header, bytes, shape, scale, name, file)
    var labels = [Int](repeating: 0, count: header.shape[0])
    var notes: [String] = []
    if let labelName = roles.labels[split] {
      let (found, shape) = try self.labels(labelName, arrays, file)
      guard found.count == labels.count, shape.dropFirst().allSatisfy({ $0 == 1 }) else {
        throw DatasetError.corruptFile(
          path: file.path,
          reason: "the array \"\(labelName)\" has the shape \(shape), and there are \(labels.count) images")
      }
      labels = found
    } else {
      notes.append(noLabels)
    }
    let used = Set(roles.images.values).union(roles.labels.values)
    let others = arrays.names.filter { !used.contains($0) }
    if split == .train, !others.isEmpty {
      notes.append(
        "Arrays that are neither images nor labels are left out: \(others.joined(separator: ", ")).")
    }
    if scale != .bytes { notes.append("Values of \(scale.rawValue) in the arrays are levels of 0 to 255.") }
    // Every part has the classes of all, so that labels agree between them.
    let classes = try roles.labels.values.reduce(0) { most, name in
      max(most, (try self.labels(name, arrays, file).labels.max() ?? 0) + 1)
    }
    return try InMemoryDataset(
      description: DatasetDescription(
        layout: .arrays, name: file.deletingPathExtension().lastPathComponent, split: split,
        count: labels.count,
        bitDepth: header.width == 2 && header.kind == "u" ? 16 : 8,
        classNames: (0..<max(1, classes)).map(String.init),
        fingerprint: try contentFingerprint(of: [(file.lastPathComponent, file)]), notes: notes),
      shape: [shape.channels, shape.height, shape.width], pixels: pixels, labels: labels, source: file.path,
      preparation: preparation)
  }

  /// The labels of an array, and its shape.
  private static func labels(
    _ name: String, _ arrays: ArrayFile, _ file: URL
  ) throws -> (labels: [Int], shape: [Int]) {
    let (header, bytes) = try arrays.read(name)
    let numbers = ArrayFile.numbers(header, bytes)
    guard numbers.allSatisfy({ $0 == $0.rounded() && $0 >= 0 && $0 <= 65535 }) else {
      throw DatasetError.corruptFile(
        path: file.path, reason: "a label in \"\(name)\" is no whole number of 0 to 65535")
    }
    return (numbers.map { Int($0) }, header.shape)
  }

  // MARK: Which array is what

  private static func roles(
    of names: [String]
  ) -> (images: [DatasetSplit: String], labels: [DatasetSplit: String]) {
    var (images, labels): ([DatasetSplit: String], [DatasetSplit: String]) = ([:], [:])
    for name in names {
      let words = Set(name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
      let part = partWords.first { !$0.1.isDisjoint(with: words) }?.0 ?? .train
      if !words.isDisjoint(with: labelWords) {
        if labels[part] == nil { labels[part] = name }
      } else if !words.isDisjoint(with: imageWords)
        || words.count == 1 && partWords.contains(where: { $0.1 == words })
      {
        if images[part] == nil { images[part] = name }
      }
    }
    if images.isEmpty, names.count == 1 { images[.train] = names[0] }
    return (images, labels)
  }

  private struct Shape {
    let height: Int
    let width: Int
    let channels: Int
    /// Whether the channels come behind the pixels.
    let isLast: Bool
  }

  private static func shape(_ header: ArrayFile.Header, _ name: String, _ file: URL) throws -> Shape {
    let shape = header.shape
    let channels: Set = [1, 3, 4]
    if let count = shape.first, count > 0, shape.dropFirst().allSatisfy({ (1...(1 << 20)).contains($0) }) {
      if shape.count == 3 { return Shape(height: shape[1], width: shape[2], channels: 1, isLast: true) }
      if shape.count == 4, channels.contains(shape[3]) {
        return Shape(height: shape[1], width: shape[2], channels: shape[3], isLast: true)
      }
      if shape.count == 4, channels.contains(shape[1]) {
        return Shape(height: shape[2], width: shape[3], channels: shape[1], isLast: false)
      }
    }
    throw DatasetError.unusable(
      path: file.path,
      reason:
        "the array \"\(name)\" has the shape \(shape), and images are [images, height, width] or have 1, 3 or "
        + "4 channels besides")
  }

  // MARK: Values

  /// What the values of all parts mean.
  private enum Scale: String {
    case bytes = "0 to 255"
    case unit = "0 to 1"
    case signed = "-1 to 1"
    case wide = "0 to 65535"

    /// A value as a level of 0...255; nil where it does not lie in the scale.
    func level(_ value: Double) -> UInt8? {
      let level =
        switch self {
        case .bytes: value
        case .unit: value * 255
        case .signed: (value + 1) * 127.5
        case .wide: value / 257
        }
      return level >= -0.5 && level < 255.5 ? UInt8(max(0, level.rounded())) : nil
    }
  }

  private static func scale(
    of arrays: ArrayFile, _ name: String, _ read: (header: ArrayFile.Header, bytes: [UInt8])?, _ file: URL
  ) throws -> Scale {
    let header = try read?.header ?? arrays.header(of: name)
    switch (header.kind, header.width) {
    case ("b", _): return .unit
    case ("u", 1): return .bytes
    case ("u", 2):
      let values = try values(of: arrays, name, read)
      return (values.max() ?? 0) <= 255 ? .bytes : .wide
    case ("f", _):
      let values = try values(of: arrays, name, read)
      guard values.allSatisfy(\.isFinite) else {
        throw DatasetError.unusable(
          path: file.path, reason: "the array \"\(name)\" holds NaN or infinite numbers")
      }
      let (lowest, highest) = (values.min() ?? 0, values.max() ?? 0)
      return lowest < 0 ? .signed : highest <= 1 ? .unit : .bytes
    default: return .bytes
    }
  }

  private static func values(
    of arrays: ArrayFile, _ name: String, _ read: (header: ArrayFile.Header, bytes: [UInt8])?
  ) throws -> [Double] {
    if let read { return ArrayFile.numbers(read.header, read.bytes) }
    let (header, bytes) = try arrays.read(name)
    return ArrayFile.numbers(header, bytes)
  }

  /// The images' levels, channels first.
  private static func pixels(
    _ header: ArrayFile.Header, _ bytes: [UInt8], _ shape: Shape, _ scale: Scale, _ name: String, _ file: URL
  ) throws -> [UInt8] {
    let levels: [UInt8]
    if header.kind == "u", header.width == 1, !header.isFortran {
      levels = Array(bytes[header.start...])
    } else {
      let values = ArrayFile.numbers(header, bytes)
      levels = values.compactMap { scale.level($0) }
      guard levels.count == values.count else {
        throw DatasetError.unusable(
          path: file.path,
          reason:
            "the array \"\(name)\" holds values outside of \(scale.rawValue), the scale of the training images"
        )
      }
    }
    guard shape.isLast, shape.channels > 1 else { return levels }
    let plane = shape.height * shape.width
    return [UInt8](unsafeUninitializedCapacity: levels.count) { output, count in
      levels.withUnsafeBufferPointer { input in
        for image in 0..<header.shape[0] {
          let start = image * plane * shape.channels
          for pixel in 0..<plane {
            for channel in 0..<shape.channels {
              output[start + channel * plane + pixel] = input[start + pixel * shape.channels + channel]
            }
          }
        }
      }
      count = levels.count
    }
  }
}
