internal import AtelierMedia
internal import Foundation
internal import Torch

/// Faces as examples; see ``Faces``. Values by the names of fields that a system may have:
///
/// - `image`: the image; `landmarks`: the drawing of its landmarks; `mask`: 255 where ``Faces/mask`` says.
/// - `keypoints`: x and y of each, in shares of the image's width and height.
/// - `identity`: the number of whose face it is.
/// - `target`, `targetMask` and `wanted`: image, mask and identity of the second face of a pair.
struct FaceDataset: Dataset {
  let description: DatasetDescription
  private let arrangement: Faces
  private let faces: [FaceFolder.Face]
  private let masksAreBlack: Bool
  private let opening: DataOpening
  private let codec: ImageCodec
  /// The places of the faces of each identity that has any.
  private let people: [(identity: Int, places: [Int])]

  init(
    _ folder: FaceFolder, _ arrangement: Faces, _ opening: DataOpening, _ split: DatasetSplit
  ) throws(DatasetError) {
    let names = folder.identities
    let asks = opening.fields.contains { $0.name == "identity" }
    guard !asks || names.count >= 2 else {
      throw .unusable(
        path: folder.name,
        reason: names.isEmpty
          ? "its images lie in no folders of identities; make a folder a person within images"
          : "it has one identity alone; two at least are needed")
    }
    var histogram = [Int](repeating: 0, count: names.count)
    for face in folder.faces where !names.isEmpty { histogram[face.identity] += 1 }
    var description = DatasetDescription(
      layout: .classFolders, name: folder.name, split: split, count: folder.faces.count,
      classNames: names, labelHistogram: histogram, fingerprint: folder.fingerprint, notes: folder.notes)
    if case .image(let channels, let height, let width, _)? = opening.fields.first(where: {
      $0.name == "image"
    })?
    .kind {
      description.imageShape = [channels, height, width]
    }
    self.init(
      description, arrangement, folder.faces, masksAreBlack: folder.masksAreBlack, opening,
      ImageCodec(scale: opening.reading.scale))
  }

  private init(
    _ description: DatasetDescription, _ arrangement: Faces, _ faces: [FaceFolder.Face],
    masksAreBlack: Bool, _ opening: DataOpening, _ codec: ImageCodec
  ) {
    (self.description, self.arrangement, self.faces) = (description, arrangement, faces)
    (self.masksAreBlack, self.opening, self.codec) = (masksAreBlack, opening, codec)
    var places: [Int: [Int]] = [:]
    for (place, face) in faces.enumerated() { places[face.identity, default: []].append(place) }
    people = places.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Some of the faces, whose second images are of these, too.
  func keeping(_ indices: [Int], _ description: DatasetDescription) -> FaceDataset {
    FaceDataset(
      description, arrangement, indices.map { faces[$0] }, masksAreBlack: masksAreBlack, opening, codec)
  }

  var count: Int { faces.count }

  /// The identity of each face; empty where there are none.
  var labels: [Int] { description.classNames.isEmpty ? [] : faces.map(\.identity) }

  var isRandom: Bool {
    description.split == .train
      && (arrangement.pairs || arrangement.zooms || opening.changes != JointAugmentation())
  }

  func title(of index: Int) -> String? { faces[index].name }

  /// The whole image or its middle; the second image is of the next identity, as the authors of CIAGAN test.
  func example(at index: Int) throws(DatasetError) -> Example {
    let middle = View.centred(arrangement.zooms ? 8.0 / 9 : 1)
    let first = try face(index)
    guard arrangement.pairs, let own = people.firstIndex(where: { $0.identity == first.identity })
    else { return Example(try values(of: first, middle)) }
    let next = people[(own + 1) % people.count].places
    return try pair(first, middle, faces[next[index % next.count]], middle)
  }

  /// The image, and a second one, each cut and mirrored by chance.
  func example(at index: Int, using generator: inout SeededGenerator) throws(DatasetError) -> Example {
    let first = try face(index)
    let view = view(using: &generator)
    guard arrangement.pairs else { return Example(try values(of: first, view)) }
    let isSame = generator.integer(below: 2) == 0
    let chosen =
      isSame
      ? people.first { $0.identity == first.identity } : people[generator.integer(below: people.count)]
    let places = chosen?.places ?? [index]
    let second = faces[places[generator.integer(below: places.count)]]
    return try pair(first, view, second, self.view(using: &generator))
  }

  private func face(_ index: Int) throws(DatasetError) -> FaceFolder.Face {
    guard faces.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(faces.count)")
    }
    return faces[index]
  }

  // MARK: What is seen of an image

  /// A part of an image in shares of its width and height, mirrored or not.
  private struct View {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double
    var isMirrored = false

    static func centred(_ share: Double) -> View {
      View(left: (1 - share) / 2, top: (1 - share) / 2, right: (1 + share) / 2, bottom: (1 + share) / 2)
    }

    /// The part within another.
    func within(_ outer: View) -> View {
      let (width, height) = (outer.right - outer.left, outer.bottom - outer.top)
      return View(
        left: outer.left + left * width, top: outer.top + top * height, right: outer.left + right * width,
        bottom: outer.top + bottom * height, isMirrored: isMirrored)
    }
  }

  private func view(using generator: inout SeededGenerator) -> View {
    func share() -> Double { Double(generator.integer(below: 1 << 24)) / Double(1 << 24) }
    var view = View.centred(1)
    if arrangement.zooms {
      view = View(
        left: 0.25 - 0.125 * share(), top: 0.25 - 0.125 * share(), right: 0.75 + 0.125 * share(),
        bottom: 0.75 + 0.125 * share())
    }
    if opening.changes.flips { view.isMirrored = generator.integer(below: 2) == 0 }
    return view
  }

  /// The largest square in the middle, where images keep their proportions; else all of it.
  private func frame(_ image: Image) -> View {
    let (width, height) = (Double(image.width), Double(image.height))
    guard opening.reading.fit == .centerCrop else { return .centred(1) }
    let side = min(width, height)
    return View(
      left: (1 - side / width) / 2, top: (1 - side / height) / 2, right: (1 + side / width) / 2,
      bottom: (1 + side / height) / 2)
  }

  // MARK: Values

  private func pair(
    _ first: FaceFolder.Face, _ view: View, _ second: FaceFolder.Face, _ other: View
  ) throws(DatasetError) -> Example {
    var fields = try values(of: first, view)
    let beside = try values(of: second, other, only: ["image", "mask", "identity"])
    for (name, own) in [("image", "target"), ("mask", "targetMask"), ("identity", "wanted")] {
      fields[own] = beside[name]
    }
    return Example(fields)
  }

  /// The values that the system's fields ask for.
  private func values(
    of face: FaceFolder.Face, _ view: View, only names: Set<String>? = nil
  ) throws(DatasetError) -> [String: HostTensor] {
    var values: [String: HostTensor] = [:]
    let image = try decoded(face.file)
    let region = view.within(frame(image))
    let points = face.row?.points(FaceOutline.count) ?? []
    func place(_ point: FacePoint) -> (x: Double, y: Double) {
      let x = (point.x / Double(image.width) - region.left) / (region.right - region.left)
      let y = (point.y / Double(image.height) - region.top) / (region.bottom - region.top)
      return (region.isMirrored ? 1 - x : x, y)
    }
    for field in opening.fields where names?.contains(field.name) ?? true {
      switch (field.name, field.kind) {
      case ("image", .image(let channels, let height, let width, _)):
        values[field.name] = try cut(image, region, width, height, face.file) {
          $0.converted(toChannels: channels)
        }
      case ("landmarks", .image(_, let height, let width, _)):
        values[field.name] = try landmarks(of: face, region, points.map(place), width, height)
      case ("mask", .image(_, let height, let width, _)):
        values[field.name] = try mask(of: face, region, points.map(place), place, width, height)
      case ("keypoints", .features(let size)):
        var placed = (face.row?.points(size / 2) ?? []).map(place)
        if region.isMirrored {
          for (one, other) in Self.sides(of: placed.count) { placed.swapAt(one, other) }
        }
        values[field.name] = HostTensor(
          placed.flatMap { [Float($0.x), Float($0.y)] }, shape: [2 * placed.count])
      case ("identity", .label): values[field.name] = HostTensor([face.identity], shape: [])
      default: continue
      }
    }
    return values
  }

  /// Keypoints that lie on both sides of a face, for faces of so many.
  private static func sides(of count: Int) -> [(Int, Int)] {
    switch count {
    // Eyes, nose, corners of the mouth.
    case 5: [(0, 1), (3, 4)]
    // Nose, eyes, ears, shoulders.
    case 7: [(1, 2), (3, 4), (5, 6)]
    case FaceOutline.count: FaceOutline.sides
    default: []
    }
  }

  private func decoded(_ file: URL) throws(DatasetError) -> Image {
    do throws(ImageError) { return try codec.decode(file) } catch { throw .unreadable(file.path, error) }
  }

  /// A region of an image at a size, uint8 `[channels, height, width]`.
  private func cut(
    _ image: Image, _ region: View, _ width: Int, _ height: Int, _ file: URL,
    _ convert: (Image) -> Image
  ) throws(DatasetError) -> HostTensor {
    let left = min(image.width - 1, max(0, Int((region.left * Double(image.width)).rounded())))
    let top = min(image.height - 1, max(0, Int((region.top * Double(image.height)).rounded())))
    let right = min(image.width, max(left + 1, Int((region.right * Double(image.width)).rounded())))
    let bottom = min(image.height, max(top + 1, Int((region.bottom * Double(image.height)).rounded())))
    do throws(ImageError) {
      var part = convert(image)
      if (left, top, right, bottom) != (0, 0, image.width, image.height) {
        part = try part.cropped(x: left, y: top, width: right - left, height: bottom - top)
      }
      if (part.width, part.height) != (width, height) {
        part = try part.resized(width: width, height: height)
      }
      if region.isMirrored { part = try part.mirrored() }
      return part.hostTensor()
    } catch { throw .unreadable(file.path, error) }
  }

  private func landmarks(
    of face: FaceFolder.Face, _ region: View, _ points: [(x: Double, y: Double)], _ width: Int, _ height: Int
  ) throws(DatasetError) -> HostTensor {
    if let file = face.landmarks {
      return try cut(try decoded(file), region, width, height, file) { $0.rgb() }
    }
    let drawn = try Self.outline(points).drawing(size: width).floats()
    return HostTensor(
      shape: [3, height, width], dtype: .uint8, bytes: drawn.map { UInt8($0 * 255) })
  }

  private static func outline(_ points: [(x: Double, y: Double)]) throws(DatasetError) -> FaceOutline {
    try FaceOutline(points.map { FaceOutline.Point(x: Float($0.x), y: Float($0.y)) })
  }

  private func mask(
    of face: FaceFolder.Face, _ region: View, _ points: [(x: Double, y: Double)],
    _ place: (FacePoint) -> (x: Double, y: Double), _ width: Int, _ height: Int
  ) throws(DatasetError) -> HostTensor {
    let isFace: [Bool]
    if let file = face.mask {
      let grey = try cut(try decoded(file), region, width, height, file) { $0.grey() }.bytes
      // The authors' threshold of CIAGAN: a fifth of the way from the background.
      isFace = grey.map { (masksAreBlack ? 255 - $0 : $0) > 51 }
    } else if points.count == FaceOutline.count {
      isFace = try Self.outline(points).mask(width: width, height: height).floats().map { $0 > 0 }
    } else {
      guard let box = face.row?.bounds else {
        throw .corruptImage(path: face.file.path, reason: "nothing says where its face is")
      }
      let one = place(FacePoint(x: box.left, y: box.top))
      let other = place(FacePoint(x: box.right, y: box.bottom))
      let (left, right) = (min(one.x, other.x) * Double(width), max(one.x, other.x) * Double(width))
      let (top, bottom) = (one.y * Double(height), other.y * Double(height))
      isFace = (0..<(width * height)).map { pixel in
        let (x, y) = (Double(pixel % width) + 0.5, Double(pixel / width) + 0.5)
        return x >= left && x < right && y >= top && y < bottom
      }
    }
    let marked: UInt8 = arrangement.mask == .replaced ? 255 : 0
    return HostTensor(
      shape: [1, height, width], dtype: .uint8, bytes: isFace.map { $0 ? marked : 255 - marked })
  }
}
