public import AtelierMedia
internal import Foundation
public import Torch

extension Image {
  /// Class indices `[height, width]` in colours: those of PASCAL VOC's colour map, index 0 black.
  ///
  /// - Parameter own: the classes' own colours, red, green and blue; VOC's serve what they leave out.
  public init(labels: HostTensor, colours own: [[UInt8]] = []) throws(ImageError) {
    guard labels.shape.count == 2, labels.shape[0] > 0, labels.shape[1] > 0 else {
      throw .invalid(reason: "a tensor of shape \(labels.shape) is no map of labels; [height, width] is")
    }
    let colours = (0..<256).map { own.indices.contains($0) ? own[$0] : LabelPictures.colour($0) }
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

/// Maps of labels as the images that networks take.
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

  /// The table of classes that lies beside maps of labels. Empty where there is none.
  static func table(in folder: URL) throws(DatasetError) -> ClassTable { try ClassTable(in: folder) }

  /// What a map's label 255 is called, which by convention has no class.
  static let unlabelled = "unlabelled"

  /// The first map with an index of no class below `classes` and other than 255, and the highest such index.
  static func first(_ files: [URL], beyond classes: Int, codec: ImageCodec) -> (file: URL, label: Int)? {
    for file in files {
      guard let map = try? codec.decodeLabels(file) else { continue }
      let highest = map.values.reduce(-1) { $1 == 255 ? $0 : max($0, $1) }
      if highest >= classes { return (file, highest) }
    }
    return nil
  }

  /// The classes that maps of labels hold, by looking at all of them: numbers, and ``unlabelled`` behind them
  /// where 255 occurs.
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
