internal import AtelierMedia
internal import Foundation
internal import Torch

/// The role of an image in an example of several.
package enum ImageRole: String, Sendable, Hashable, CaseIterable {
  case source, target, instance
}

/// Examples of several aligned images: pairs of files, halves of one file, or an image and a condition
/// derived from it.
///
/// Values are named after their fields: uint8 `[channels, height, width]` or, at a depth of 16 bits, int32, or int64 `[height, width]` for a
/// label map.
public struct JointDataset: Dataset {
  /// The source of an example's images.
  enum Contents: Sendable {
    /// One file per role.
    case files([[ImageRole: URL]], labels: Set<ImageRole>)
    /// Files with two images side by side.
    case halves(ImageFiles)
    /// Images of any data set, and how the condition is derived from each; nil for none.
    case derived(any Dataset, ImageDerivation?)
  }

  /// The description of the data.
  public let description: DatasetDescription
  let contents: Contents
  private let preparation: JointPreparation
  private let transform: JointTransform
  private let swaps: Bool
  let codec: ImageCodec
  /// The bits of an image's values: 8, uint8, or 16, int32.
  private let depth: Int
  /// The class colours of colour-coded label maps.
  private let colours: [[UInt8]]
  /// The frame of each example, where images keep their proportions.
  private let buckets: [Int]?

  init(
    _ description: DatasetDescription, _ contents: Contents, _ preparation: JointPreparation,
    colours: [[UInt8]] = [], swaps: Bool, codec: ImageCodec, depth: Int = 8
  ) throws(DatasetError) {
    try preparation.validate()
    var description = description
    description.count =
      switch contents {
      case .files(let examples, _): examples.count
      case .halves(let files): files.count
      case .derived(let base, _): base.count
      }
    let target = preparation.fields.first { $0.name == preparation.target }
    description.imageShape = nil
    if !preparation.keepsSize, preparation.bucketMultiple == nil, let target,
      case .picture(let channels) = target.content
    {
      description.imageShape = [channels, target.height, target.width]
    }
    self.description = description
    self.contents = contents
    self.preparation = preparation
    self.swaps = swaps
    self.codec = codec
    self.depth = depth
    self.colours = colours
    var derivation: ImageDerivation?
    if case .derived(_, let chosen) = contents { derivation = chosen }
    transform = JointTransform(preparation, derivation: derivation)
    buckets = transform.buckets.map { Self.buckets($0, contents, codec, count: description.count) }
  }

  /// The number of examples.
  public var count: Int { description.count }

  /// Batches of one frame, where images keep their proportions.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    if let buckets { return AspectBuckets.batches(buckets, batchSize: batchSize, using: &generator) }
    // Images in shards have an order of their own.
    guard case .derived(let base, _) = contents else { return nil }
    return base.order(pass: pass, batchSize: batchSize, using: &generator)
  }

  /// A sentence about the frames that examples have; nil where all have one.
  package var frames: String? {
    guard let found = transform.buckets?.frames, let buckets else { return nil }
    let used = Set(buckets).sorted().map { "\(found[$0].width) x \(found[$0].height)" }
    return "Images keep their proportions in \(used.count) frames: \(used.joined(separator: ", "))."
  }

  /// The frame of each example, by its file's header; an image that cannot be read has the first.
  private static func buckets(
    _ frames: AspectBuckets, _ contents: Contents, _ codec: ImageCodec, count: Int
  ) -> [Int] {
    func bucket(_ file: URL?, halves: Bool = false) -> Int {
      guard let file, let header = try? codec.information(of: file) else { return 0 }
      return frames.nearest(width: max(1, halves ? header.width / 2 : header.width), height: header.height)
    }
    switch contents {
    case .files(let examples, _): return examples.map { bucket($0[.target] ?? $0[.source]) }
    case .halves(let files): return files.map { bucket($0, halves: true) }
    case .derived(let base, _):
      if let base = base as? ImageDataset { return base.files.map { bucket($0) } }
      let shape = base.description.imageShape ?? [1, 1, 1]
      let only = frames.nearest(width: shape[shape.count - 1], height: shape[shape.count - 2])
      return [Int](repeating: only, count: count)
    }
  }

  /// Whether examples are augmented.
  public var isRandom: Bool { preparation.augmentation != JointAugmentation() }

  /// The example without augmentation: whole images, or their central crops.
  public func example(at index: Int) throws(DatasetError) -> Example {
    var none: SeededGenerator?
    return try example(at: index, drawing: &none)
  }

  /// The augmented example.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example {
    var drawing: SeededGenerator? = generator
    defer { generator = drawing ?? generator }
    return try example(at: index, drawing: &drawing)
  }

  private func example(
    at index: Int, drawing generator: inout SeededGenerator?
  ) throws(DatasetError) -> Example {
    guard (0..<count).contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(count)")
    }
    var generator = generator
    switch contents {
    case .files(let examples, let labels): return try together(examples[index], labels, &generator)
    case .halves(let files): return try halves(of: files[index], &generator)
    case .derived(let base, let derivation): return try derived(base, index, derivation, &generator)
    }
  }

  // MARK: Pairs of files

  /// An image as stored, before it is resized to its field.
  private enum Raw {
    case picture(Image)
    case labels(LabelMap)

    /// The image that determines the geometry.
    var frame: Image {
      switch self {
      case .picture(let image): image
      case .labels(let map): map.indices
      }
    }
  }

  /// The role that serves a field.
  private func role(of field: ImageField) -> ImageRole {
    if field.name == preparation.source { return swaps ? .target : .source }
    if field.name == preparation.target { return swaps ? .source : .target }
    return .instance
  }

  private func together(
    _ files: [ImageRole: URL], _ labels: Set<ImageRole>, _ generator: inout SeededGenerator?
  ) throws(DatasetError) -> Example {
    // The target first: it determines the frame, and is the larger one in super-resolution.
    let fields = preparation.fields.sorted { first, _ in first.name == preparation.target }
    var place: JointTransform.Placement?
    var reference: (file: URL, frame: Image)?
    var example = Example([:])
    for field in fields {
      guard let file = files[role(of: field)] else {
        throw .invalid(
          reason: "there are no images for the field '\(field.name)'; put them into a folder `instance`")
      }
      let raw = try raw(file, holdsLabels: labels.contains(role(of: field)), field)
      if let reference {
        try checkProportions(raw.frame, file, reference.frame, reference.file)
      } else {
        reference = (file, raw.frame)
      }
      let chosen = place ?? transform.placement(of: raw.frame, as: field, using: &generator)
      place = chosen
      example.fields[field.name] = try value(raw, field, chosen, file)
    }
    return example
  }

  private func raw(_ file: URL, holdsLabels: Bool, _ field: ImageField) throws(DatasetError) -> Raw {
    switch field.content {
    case .labelMap: return .labels(try labelMap(file, field.name == "instance" ? [] : colours))
    // With class colours, only classes of the table can become one-hot.
    case .picture(let channels) where channels > 4 && holdsLabels && !colours.isEmpty:
      return .labels(try labelMap(file, colours))
    default: break
    }
    return try decoding(file) { () throws(ImageError) in
      // Only labels become one-hot; an image with that many channels is not grey.
      let isOneHot = if case .picture(let channels) = field.content { channels > 4 } else { false }
      guard holdsLabels || isOneHot else { return .picture(try codec.decode(file)) }
      do throws(ImageError) { return .labels(try codec.decodeLabels(file, colours: colours)) } catch {
        // Colour-coded labels without a palette are read as an ordinary image, and so are bands.
        guard case .unsupported = error else { throw error }
        return .picture(try codec.decode(file))
      }
    }
  }

  private func labelMap(_ file: URL, _ table: [[UInt8]]) throws(DatasetError) -> LabelMap {
    do throws(ImageError) { return try codec.decodeLabels(file, colours: table) } catch {
      // A file that is not a label map ends the run: otherwise all others would be skipped one by one.
      if case .unsupported = error { throw .corruptFile(path: file.path, reason: error.shortReason) }
      throw .unreadable(file.path, error)
    }
  }

  /// Runs `body`, and names the file where decoding fails.
  private func decoding<Result>(
    _ file: URL, _ body: () throws(ImageError) -> Result
  ) throws(DatasetError) -> Result {
    do throws(ImageError) { return try body() } catch {
      throw .unreadable(file.path, error)
    }
  }

  private func checkProportions(
    _ image: Image, _ file: URL, _ reference: Image, _ other: URL
  ) throws(DatasetError) {
    let expected = Double(image.width) * Double(reference.height) / Double(reference.width)
    guard abs(Double(image.height) - expected) > max(1.5, 0.03 * expected) else { return }
    throw .corruptImage(
      path: file.path,
      reason: "it is \(image.width) x \(image.height) and its partner \(other.lastPathComponent) "
        + "\(reference.width) x \(reference.height), which have different aspect ratios")
  }

  private func value(
    _ raw: Raw, _ field: ImageField, _ place: JointTransform.Placement, _ file: URL
  ) throws(DatasetError) -> HostTensor {
    switch raw {
    case .picture(let image):
      guard case .picture(let channels) = field.content else {
        throw .corruptImage(path: file.path, reason: "it is not a label map")
      }
      return try decoding(file) { () throws(ImageError) in
        try prepared(image, channels, field, place).hostTensor(depth: depth)
      }
    case .labels(let map):
      let cut = try decoding(file) { () throws(ImageError) in
        try transform(map.indices, as: field, at: place, filter: .nearest)
      }
      switch field.content {
      case .labelMap(let classes): return try LabelMapEncoding.classes(cut, below: classes, file: file)
      case .picture(let channels) where channels > 4:
        return try LabelMapEncoding.oneHot(cut, classes: channels, file: file)
      case .picture(let channels):
        let coloured = LabelMap(indices: cut, palette: map.palette).coloured()
        return coloured.converted(toChannels: channels).hostTensor(depth: depth)
      }
    }
  }

  /// Channels first, so that fewer are resized; 16 bits are kept until the end.
  private func prepared(
    _ image: Image, _ channels: Int, _ field: ImageField, _ place: JointTransform.Placement
  ) throws(ImageError) -> Image {
    guard (1...4).contains(channels) || channels == image.channels else {
      throw .invalid(
        reason: "it has \(image.channels) channels, and the field '\(field.name)' has \(channels)")
    }
    let converted = image.converted(toChannels: channels)
    return try transform(converted, as: field, at: place, filter: .lanczos).withDepth(depth)
  }

  // MARK: Halves of one file

  private func halves(
    of file: URL, _ generator: inout SeededGenerator?
  ) throws(DatasetError) -> Example {
    let sheet = try decoding(file) { () throws(ImageError) in try codec.decode(file) }
    guard sheet.width >= 2 else {
      throw .corruptImage(path: file.path, reason: "it is one pixel wide and cannot hold two images")
    }
    let width = sheet.width / 2
    var example = Example([:])
    var place: JointTransform.Placement?
    for field in preparation.fields {
      // An odd middle column belongs to neither half.
      let isRight = role(of: field) == .target
      let half = try decoding(file) { () throws(ImageError) in
        try sheet.cropped(x: isRight ? sheet.width - width : 0, y: 0, width: width, height: sheet.height)
      }
      let chosen = place ?? transform.placement(of: half, as: field, using: &generator)
      place = chosen
      example.fields[field.name] = try value(.picture(half), field, chosen, file)
    }
    return example
  }

  // MARK: Derived conditions

  private func derived(
    _ base: any Dataset, _ index: Int, _ derivation: ImageDerivation?, _ generator: inout SeededGenerator?
  ) throws(DatasetError) -> Example {
    let (image, file, rest) = try original(base, index)
    var example = Example(rest)
    let name = swaps ? preparation.source : preparation.target
    guard let target = preparation.fields.first(where: { $0.name == name }),
      case .picture(let channels) = target.content
    else { throw .invalid(reason: "the field '\(name)' is not an image") }
    let place = transform.placement(of: image, as: target, using: &generator)
    let picture = try decoding(file) { () throws(ImageError) in try prepared(image, channels, target, place) }
    example.fields[name] = picture.hostTensor(depth: depth)
    guard let derivation else { return example }
    for field in preparation.fields where field.name != name {
      guard case .picture(let channels) = field.content else {
        throw .invalid(reason: "the field '\(field.name)' is not an image, and cannot be derived from one")
      }
      // Derived from the prepared image, so that the condition matches the target exactly.
      let condition = try decoding(file) { () throws(ImageError) in
        let size = transform.size(of: field, at: place)
        return try derivation(picture).converted(toChannels: channels, alpha: .drop)
          .resized(width: size.width, height: size.height, filter: .bicubic)
      }
      example.fields[field.name] = condition.hostTensor(depth: depth)
    }
    return example
  }

  /// An image at its own size, its name in errors, and the other values of its example.
  private func original(
    _ base: any Dataset, _ index: Int
  ) throws(DatasetError) -> (image: Image, file: URL, rest: [String: HostTensor]) {
    if let base = base as? ImageDataset {
      let file = base.files[index]
      var rest = ["label": HostTensor([base.labels[index]], shape: [])]
      for (name, values) in base.columns { rest[name] = HostTensor([values[index]], shape: []) }
      return (try decoding(file) { () throws(ImageError) in try codec.decode(file) }, file, rest)
    }
    let file = URL(filePath: "\(base.description.name)[\(index)]")
    var fields = try base.example(at: index).fields
    guard let tensor = fields.removeValue(forKey: "image") else {
      throw .invalid(reason: "\(base.description.name) has no images")
    }
    return (try decoding(file) { () throws(ImageError) in try Image(tensor) }, file, fields)
  }
}
