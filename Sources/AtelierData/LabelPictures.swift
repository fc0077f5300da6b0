public import AtelierMedia
internal import Foundation
public import Torch

extension Image {
  /// Class indices `[height, width]` in colours: those of PASCAL VOC's colour map, index 0 black.
  public init(labels: HostTensor) throws(ImageError) {
    guard labels.shape.count == 2, labels.shape[0] > 0, labels.shape[1] > 0 else {
      throw .invalid(reason: "a tensor of shape \(labels.shape) is no map of labels; [height, width] is")
    }
    let colours = (0..<256).map(LabelPictures.colour)
    self.init(
      width: labels.shape[1], height: labels.shape[0], channels: 3,
      bytes: labels.integers().flatMap { colours[$0 & 255] })
  }
}

extension LabelMap {
  /// The map in colours: those of its palette, else PASCAL VOC's.
  public func coloured() -> Image {
    let table = (0..<256).map { palette.indices.contains($0) ? palette[$0] : LabelPictures.colour($0) }
    return Image(
      width: indices.width, height: indices.height, channels: 3, bytes: values.flatMap { table[$0 & 255] })
  }

  /// The indices row by row, all below a number of classes; 255 is unlabelled and becomes the last class
  /// where there is no class 255.
  ///
  /// - Throws: ``ImageError/invalid(reason:)`` for any other index beyond the classes.
  public func classes(below classes: Int) throws(ImageError) -> [Int] {
    var values = values
    for place in values.indices where values[place] >= classes {
      guard values[place] == 255 else {
        throw .invalid(
          reason: "it holds the label \(values[place]), and there are the classes 0 … \(classes - 1)")
      }
      values[place] = classes - 1
    }
    return values
  }
}

/// Maps of labels as the pictures that networks take.
enum LabelPictures {
  /// The colour of an index: the bits of the index, lowest first, go to red, green and blue in turn, from
  /// the highest bit of each downwards (the colour map of PASCAL VOC). Index 0 is black.
  static func colour(_ index: Int) -> [UInt8] {
    var colour: [UInt8] = [0, 0, 0]
    var rest = index & 255
    for bit in (0..<8).reversed() {
      for channel in 0..<3 { colour[channel] |= UInt8(rest >> channel & 1) << UInt8(bit) }
      rest >>= 3
    }
    return colour
  }

  /// Indices as a class tensor, int64 `[height, width]`; ``PictureField/Content`` says what becomes of 255.
  static func classes(
    _ image: Image, below classes: Int?, file: URL
  ) throws(DatasetError) -> HostTensor {
    let map = LabelMap(indices: image)
    guard let classes else { return HostTensor(map.values, shape: [image.height, image.width]) }
    let values: [Int]
    do throws(ImageError) { values = try map.classes(below: classes) } catch {
      // Not a corrupt picture: all others would be skipped one by one as well.
      let needed = map.values.reduce(0) { $1 == 255 ? $0 : max($0, $1 + 1) }
      throw .corruptFile(
        path: file.path, reason: "\(error.shortReason); set `classes` to \(needed) or more")
    }
    return HostTensor(values, shape: [image.height, image.width])
  }

  /// One channel a class, 255 where the class is and 0 elsewhere: uint8 `[classes, height, width]`.
  static func oneHot(_ map: Image, classes: Int, file: URL) throws(DatasetError) -> HostTensor {
    let indices = try Self.classes(map, below: classes, file: file).integers()
    let plane = indices.count
    var bytes = [UInt8](repeating: 0, count: classes * plane)
    for (place, index) in indices.enumerated() { bytes[index * plane + place] = 255 }
    return HostTensor(shape: [classes, map.height, map.width], dtype: .uint8, bytes: bytes)
  }

  /// The names of classes that lie beside maps of labels: `classes.json`, a list or a table from index to
  /// name, or `classes.txt`, a name a line. Empty where there are none.
  static func classNames(in folder: URL) throws(DatasetError) -> [String] {
    let json = folder.appendingPathComponent("classes.json")
    if let data = try? Data(contentsOf: json) {
      if let list = try? JSONDecoder().decode([String].self, from: data) { return list }
      guard let table = try? JSONDecoder().decode([String: String].self, from: data),
        let last = table.keys.map({ Int($0) ?? -1 }).max(), last < 65536,
        table.keys.allSatisfy({ (Int($0) ?? -1) >= 0 })
      else {
        throw .badTable(
          path: json.path, reason: "it is neither a list of names nor a table from index to name")
      }
      return (0...max(0, last)).map { table[String($0)] ?? String($0) }
    }
    guard let text = try? String(contentsOf: folder.appendingPathComponent("classes.txt"), encoding: .utf8)
    else { return [] }
    return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The number of classes that maps of labels hold, by looking at all of them; 255 is left out.
  static func countClasses(_ files: [URL], codec: ImageCodec) -> Int {
    let highest = inParallel(files.count) { index -> Int in
      guard let map = try? codec.decodeLabels(files[index]) else { return -1 }
      return map.values.reduce(-1) { $1 == 255 ? $0 : max($0, $1) }
    }
    return (highest.max() ?? -1) + 1
  }
}
