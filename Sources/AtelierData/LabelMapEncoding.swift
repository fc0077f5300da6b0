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
    let colours = (0..<256).map { own.indices.contains($0) ? own[$0] : LabelMapEncoding.colour($0) }
    self.init(
      width: labels.shape[1], height: labels.shape[0], channels: 3,
      bytes: labels.integers().flatMap { colours[$0 & 255] })
  }
}

extension LabelMap {
  /// The map coloured by its palette, or otherwise by PASCAL VOC's colour map.
  public func coloured() -> Image {
    let table = (0..<256).map { palette.indices.contains($0) ? palette[$0] : LabelMapEncoding.colour($0) }
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
enum LabelMapEncoding {
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

  /// The class tensor of a label map, int64 `[height, width]`; for 255 see ``ImageField/Content``.
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
}

/// What maps of labels hold, looked at together: what a value means is a matter of the whole set.
struct LabelSurvey {
  /// How many maps could be read.
  let count: Int
  /// All values, sorted.
  let values: [Int]
  /// Files in formats that change values near edges, in the order of the maps.
  let lossy: [URL]
  /// What speaks against taking the indices of the palettes as classes: one index of two colours, within the part
  /// or beside the training part.
  let contradiction: String?
  /// Whether the maps are masks, in which 255 is the other class: where those of the training part hold 0 and
  /// 255 only.
  let isMask: Bool
  /// Whether there are pixels without a class.
  let isUnlabelled: Bool
  /// The highest value but for 255, of the training part too; −1 where there is none.
  let highest: Int
  /// The colour of each index that palettes have, and the first map with it.
  private let colours: [Int: (colour: [UInt8], file: URL)]
  /// Indices that have one colour in a palette; nil where there are none.
  private let twins: String?
  /// A value whose meaning the training part leaves open; nil where there is none.
  private let misfit: String?

  private struct Found: Sendable {
    var values: Set<Int> = []
    /// The colours of the values, where there is a palette.
    var colours: [Int: [UInt8]] = [:]
  }

  /// Looks at the maps of a part.
  ///
  /// - Parameter training: what the maps of the training part hold, which decides what a value means in this part;
  ///   nil: this is the training part, or there is none.
  init(_ files: [URL], after training: LabelSurvey? = nil, codec: ImageCodec) {
    let training = training.flatMap { $0.values.isEmpty ? nil : $0 }
    let found = inParallel(files.count) { index -> Found? in
      guard let map = try? codec.decodeLabels(files[index]) else { return nil }
      let values = Set(map.values)
      let palette = map.palette
      return Found(
        values: values,
        colours: Dictionary(
          uniqueKeysWithValues: values.filter { palette.indices.contains($0) }.map { ($0, palette[$0]) }))
    }
    count = found.count { $0 != nil }
    let values = found.reduce(into: Set<Int>()) { $0.formUnion($1?.values ?? []) }.sorted()
    self.values = values
    let own = values.last { $0 != 255 } ?? -1
    highest = max(own, training?.highest ?? -1)
    isMask = training?.isMask ?? (values == [0, 255])
    isUnlabelled = training?.isUnlabelled ?? (values != [0, 255] && values.contains(255) && own < 255)
    misfit = training.flatMap { Self.misfit(of: values, $0) }
    lossy = zip(files, found).filter { file, map in
      map != nil
        && ["jpg", "jpeg", "heic", "heif", "avif"].contains(file.pathExtension.lowercased())
    }.map(\.0)
    var first = training?.colours ?? [:]
    var contradiction: String?
    for (file, map) in zip(files, found) {
      for (index, colour) in (map?.colours ?? [:]).sorted(by: { $0.key < $1.key }) {
        guard let known = first[index] else {
          first[index] = (colour, file)
          continue
        }
        if known.colour != colour, contradiction == nil {
          func text(_ colour: [UInt8]) -> String { colour.map(String.init).joined(separator: " ") }
          contradiction =
            "the palettes of its maps differ: the index \(index) is \(text(known.colour)) in "
            + "\(Self.place(known.file, beside: file)) and \(text(colour)) in \(Self.place(file, beside: known.file)); save all maps with "
            + "one palette, or say with a table which colour is which class (classes.csv with name,r,g,b a line)"
        }
      }
    }
    self.contradiction = contradiction
    colours = first
    let equal = Dictionary(grouping: first.keys, by: { first[$0]?.colour ?? [] }).values
      .filter { $0.count > 1 }.map { $0.sorted() }.min { $0[0] < $1[0] }
    twins = equal.map {
      "The indices \($0.map(String.init).joined(separator: ", ")) have one colour in the palettes of the maps of labels; "
        + "they count as different classes."
    }
  }

  /// A file's name, with its folders up to the one that another file of the same name is in as well.
  private static func place(_ file: URL, beside other: URL) -> String {
    let (own, others) = (file.pathComponents, other.pathComponents)
    guard own.last == others.last else { return file.lastPathComponent }
    let shared = zip(own, others).prefix { $0 == $1 }.count
    return own.dropFirst(shared).joined(separator: "/")
  }

  /// Why the values of a part do not fit those of the training part: 255 where no training map has it.
  private static func misfit(of values: [Int], _ training: LabelSurvey) -> String? {
    guard values.contains(255), !training.isMask, !training.isUnlabelled, training.highest < 255 else {
      return nil
    }
    return
      "The maps of labels of this part hold 255, which those of the training part do not; it counts as a class "
      + "there, the last one, unless the system has a channel more for it."
  }

  /// The classes: a number each, and ``LabelMapEncoding/unlabelled`` behind them where 255 occurs beside others; of masks
  /// 0 and 255.
  var classes: [String] {
    if isMask { return ["0", "255"] }
    let names = (0..<(highest + 1)).map(String.init)
    return isUnlabelled ? names + [LabelMapEncoding.unlabelled] : names
  }

  /// The classes of maps whose classes have names.
  ///
  /// - Parameter names: those of the table; empty: there is none.
  func classes(named names: [String]) -> [String] {
    if names.isEmpty { return classes }
    if isMask { return names.count == 2 ? names : names + [LabelMapEncoding.unlabelled] }
    return isUnlabelled ? names + [LabelMapEncoding.unlabelled] : names
  }

  /// What a person should know of the values, a sentence each.
  var notes: [String] {
    var notes: [String] = []
    if isMask {
      notes.append("The maps of labels hold 0 and 255 only: two classes, of which 255 is the second.")
    }
    if let twins { notes.append(twins) }
    if let misfit { notes.append(misfit) }
    if let file = lossy.first {
      notes.append(
        "\(lossy.count) \(lossy.count == 1 ? "map" : "maps") of labels, such as \(file.lastPathComponent), are in a format "
          + "that changes values near edges, so that \(values.count) different values are found; save them as PNG."
      )
    }
    return notes
  }
}
