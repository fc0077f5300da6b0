internal import AtelierMedia
public import Foundation
internal import Torch

/// Image files, decoded on demand.
public struct ImageDataset: Dataset {
  /// The description of the data.
  public let description: DatasetDescription
  /// The image files, in the order of the examples.
  public let files: ImageFiles
  /// The class index of each image.
  public let labels: [Int]
  /// Numeric columns of a table, with a value per image.
  public let columns: [String: [Float]]
  private let preparation: ImagePreparation?
  let codec: ImageCodec
  /// The bits of an image's values: 8, uint8, or 16, int32.
  private let depth: Int

  /// A data set of the given files.
  init(
    description: DatasetDescription, files: ImageFiles, labels: [Int], columns: [String: [Float]] = [:],
    preparation: ImagePreparation?, codec: ImageCodec, depth: Int = 8
  ) {
    var description = description
    description.count = files.count
    description.imageShape = preparation?.shape
    var histogram = [Int](repeating: 0, count: description.classNames.count)
    for label in labels { histogram[label] += 1 }
    description.labelHistogram = histogram
    let used = description.labelHistogram.count { $0 > 0 }
    if description.layout != .flatImages, used == 1, let only = labels.first {
      description.notes.append(
        "Every label is \"\(description.classNames[only])\"; if that surprises, the path is one folder too high."
      )
    }
    self.description = description
    self.files = files
    self.labels = labels
    self.columns = columns
    self.preparation = preparation
    self.codec = codec
    self.depth = depth
  }

  /// The number of examples.
  public var count: Int { files.count }

  /// Decodes and prepares the image; with its label and the numeric columns of a table.
  public func example(at index: Int) throws(DatasetError) -> Example {
    guard files.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(files.count)")
    }
    let tensor: HostTensor
    do throws(ImageError) {
      let image = try codec.decode(files[index])
      tensor = (try preparation?(image, depth: depth) ?? image).hostTensor(depth: depth)
    } catch {
      throw .unreadable(files[index].path, error)
    }
    var fields = ["image": tensor, "label": HostTensor([labels[index]], shape: [])]
    for (name, values) in columns { fields[name] = HostTensor([values[index]], shape: []) }
    return Example(fields)
  }
}

extension DatasetError {
  /// What an image that cannot be read is for a data set: corrupt, unless the machine is to blame, which no skipping
  /// helps.
  ///
  /// - Parameter name: what the error calls the image.
  static func unreadable(_ name: String, _ error: ImageError) -> DatasetError {
    if case .exhausted(_, let reason) = error { return .exhausted(path: name, reason: reason) }
    return .corruptImage(path: name, reason: error.shortReason)
  }
}

extension ImageError {
  /// The reason alone, for messages that name the file already.
  var shortReason: String {
    switch self {
    case .unreadable(_, let reason), .damaged(_, let reason), .unsupported(_, let reason),
      .unwritable(_, let reason), .exhausted(_, let reason), .invalid(let reason):
      reason
    case .notAnImage: "it is not a PNG, JPEG, WebP, TIFF, GIF, HEIC, AVIF, BMP or Netpbm image"
    case .tooLarge(_, let width, let height, let limit):
      "it declares \(width) x \(height) pixels, more than the limit of \(limit)"
    }
  }
}

/// The sorted relative paths of all image files below a folder, without hidden ones.
public func imageFiles(below folder: URL) -> [String] { Array(ImageFolders.pictures(below: folder)) }

/// Searches folders for images and parts.
enum ImageFolders {
  /// Whether a file name has an image's extension.
  static func isImage(_ name: String) -> Bool {
    guard let dot = name.lastIndex(of: ".") else { return false }
    return ImageFormat(fileExtension: String(name[name.index(after: dot)...])) != nil
  }

  /// Whether a path is a folder; symbolic links are followed.
  static func isFolder(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// The sorted relative paths of all images below `folder`, without hidden ones.
  static func pictures(below folder: URL) -> FileNames { place(of: folder).pictures }

  /// The sorted names of subfolders.
  static func subfolders(of folder: URL) -> [String] {
    if let place = known(folder) { return place.subfolders }
    return listing(of: folder).filter { isFolder(folder.appendingPathComponent($0)) }
  }

  /// The usual folder names of a part.
  static func names(of split: DatasetSplit) -> [String] {
    switch split {
    case .train: ["train", "training"]
    case .validation: ["val", "valid", "validation"]
    case .test: ["test", "testing"]
    }
  }

  /// The subfolder of a part, or nil.
  static func folder(of split: DatasetSplit, in root: URL) -> URL? {
    let present = subfolders(of: root)
    return names(of: split).first { name in present.contains { $0.lowercased() == name } }
      .flatMap { name in present.first { $0.lowercased() == name } }
      .map { root.appendingPathComponent($0) }
  }

  /// Whether a folder is divided into parts; see ``division(of:)``.
  static func isDivided(_ root: URL) -> Bool { division(of: root) != nil }
}
