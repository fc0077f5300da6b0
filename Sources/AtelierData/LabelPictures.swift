public import AtelierMedia
internal import Foundation
public import Torch

extension Image {
  /// Colours class indices `[height, width]` by PASCAL VOC's colour map, index 0 black.
  ///
  /// - Parameter own: RGB colours of the first classes; VOC's colours are used for the rest.
  public init(labels: HostTensor, colours own: [[UInt8]] = []) throws(ImageError) {
    guard labels.shape.count == 2, labels.shape[0] > 0, labels.shape[1] > 0 else {
      throw .invalid(reason: "a tensor of shape \(labels.shape) is not a label map; expected [height, width]")
    }
    let colours = (0..<256).map { own.indices.contains($0) ? own[$0] : LabelPictures.colour($0) }
    self.init(
      width: labels.shape[1], height: labels.shape[0], channels: 3,
      bytes: labels.integers().flatMap { colours[$0 & 255] })
  }
}

extension LabelMap {
  /// The map coloured by its palette, or otherwise by PASCAL VOC's colour map.
  public func coloured() -> Image {
    let table = (0..<256).map { palette.indices.contains($0) ? palette[$0] : LabelPictures.colour($0) }
    return Image(
      width: indices.width, height: indices.height, channels: 3, bytes: values.flatMap { table[$0 & 255] })
  }

  /// The indices row by row, checked to be below `classes`; 255 is unlabelled and becomes the last class
  /// where there is no class 255.
  ///
  /// - Throws: ``ImageError/invalid(reason:)`` for any other index out of range.
  public func classes(below classes: Int) throws(ImageError) -> [Int] {
    var values = values
    for place in values.indices where values[place] >= classes {
      guard values[place] == 255 else {
        throw .invalid(
          reason: "it contains the label \(values[place]), and the classes are 0 … \(classes - 1)")
      }
      values[place] = classes - 1
    }
    return values
  }
}

/// Label maps as tensors.
enum LabelPictures {
  /// The colour of an index: PASCAL VOC's colour map: the bits of the index, lowest first, fill red, green
  /// and blue in turn, from their highest bit downwards. Index 0 is black.
  static func colour(_ index: Int) -> [UInt8] {
    var colour: [UInt8] = [0, 0, 0]
    var rest = index & 255
    for bit in (0..<8).reversed() {
      for channel in 0..<3 { colour[channel] |= UInt8(rest >> channel & 1) << UInt8(bit) }
      rest >>= 3
    }
    return colour
  }

  /// The class tensor of a label map, int64 `[height, width]`; for 255 see ``PictureField/Content``.
  static func classes(
    _ image: Image, below classes: Int?, file: URL
  ) throws(DatasetError) -> HostTensor {
    let map = LabelMap(indices: image)
    guard let classes else { return HostTensor(map.values, shape: [image.height, image.width]) }
    let values: [Int]
    do throws(ImageError) { values = try map.classes(below: classes) } catch {
      // Not reported as a corrupt image: otherwise all others would be skipped one by one.
      let needed = map.values.reduce(0) { $1 == 255 ? $0 : max($0, $1 + 1) }
      throw .corruptFile(
        path: file.path, reason: "\(error.shortReason); set `classes` to \(needed) or more")
    }
    return HostTensor(values, shape: [image.height, image.width])
  }

  /// One-hot encodes a label map: uint8 `[classes, height, width]`, 255 in the channel of the class and 0
  /// elsewhere.
  static func oneHot(_ map: Image, classes: Int, file: URL) throws(DatasetError) -> HostTensor {
    let indices = try Self.classes(map, below: classes, file: file).integers()
    let plane = indices.count
    var bytes = [UInt8](repeating: 0, count: classes * plane)
    for (place, index) in indices.enumerated() { bytes[index * plane + place] = 255 }
    return HostTensor(shape: [classes, map.height, map.width], dtype: .uint8, bytes: bytes)
  }

  /// The class table beside label maps; empty where there is none.
  static func table(in folder: URL) throws(DatasetError) -> ClassTable { try ClassTable(in: folder) }

  /// The name of label 255, by convention unlabelled.
  static let unlabelled = "unlabelled"

  /// The first map with an index that is neither below `classes` nor 255, and the highest such index.
  static func first(_ files: [URL], beyond classes: Int, codec: ImageCodec) -> (file: URL, label: Int)? {
    for file in files {
      guard let map = try? codec.decodeLabels(file) else { continue }
      let highest = map.values.reduce(-1) { $1 == 255 ? $0 : max($0, $1) }
      if highest >= classes { return (file, highest) }
    }
    return nil
  }

  /// The classes found in label maps: the numbers up to the highest, then ``unlabelled`` where 255 occurs.
  /// Reads all maps.
  static func countedClasses(_ files: [URL], codec: ImageCodec) -> [String] {
    let found = inParallel(files.count) { index -> (highest: Int, isUnlabelled: Bool) in
      guard let map = try? codec.decodeLabels(files[index]) else { return (-1, false) }
      let values = map.values
      return (values.reduce(-1) { $1 == 255 ? $0 : max($0, $1) }, values.contains(255))
    }
    let highest = found.map(\.highest).max() ?? -1
    let names = (0..<(highest + 1)).map(String.init)
    return found.contains { $0.isUnlabelled } && highest < 255 ? names + [unlabelled] : names
  }
}
