internal import AtelierMedia
public import Foundation

/// A part of a folder of faces; see ``Faces``.
struct FaceFolder {
  /// An image with what is beside it.
  struct Face: Sendable {
    /// The path below the images' folder.
    let name: String
    let file: URL
    /// The number of the identity; 0 where there are none.
    let identity: Int
    let landmarks: URL?
    let mask: URL?
    /// What the table says of it.
    let row: Row?
  }

  /// A line of the table. Numbers are pixels of the image, or where an alignment is beside them of the image that it was
  /// cut out of.
  struct Row: Sendable, Decodable {
    /// The two rows of the matrix into the crop.
    struct Alignment: Sendable, Decodable {
      let matrix: [Float]
    }

    let file: String
    private let keypoints: [[Float]]?
    private let landmarks: [[Float]]?
    private let box: [Float]?
    private let alignment: Alignment?

    /// The points in pixels of the image.
    var points: [[Float]] { (keypoints ?? landmarks ?? []).map(placed) }

    /// The box around the face in pixels of the image: left, top, right, bottom.
    var bounds: [Float]? {
      guard let box, box.count == 4 else { return nil }
      guard alignment != nil else { return box }
      let corners = [(0, 1), (2, 1), (0, 3), (2, 3)].map { placed([box[$0.0], box[$0.1]]) }
      let (x, y) = (corners.map { $0[0] }, corners.map { $0[1] })
      return [x.min() ?? 0, y.min() ?? 0, x.max() ?? 0, y.max() ?? 0]
    }

    private func placed(_ point: [Float]) -> [Float] {
      guard let matrix = alignment?.matrix else { return point }
      return [
        matrix[0] * point[0] + matrix[1] * point[1] + matrix[2],
        matrix[3] * point[0] + matrix[4] * point[1] + matrix[5],
      ]
    }

    /// What is wrong with the line; nil: nothing.
    var fault: String? {
      let points = (keypoints ?? []) + (landmarks ?? [])
      guard points.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isFinite) }) else {
        return "has keypoints that are not pairs of finite numbers"
      }
      if let box, box.count != 4 || !box.allSatisfy(\.isFinite) || box[0] >= box[2] || box[1] >= box[3] {
        return "has a box that is not [left, top, right, bottom]"
      }
      if let alignment, alignment.matrix.count != 6 || !alignment.matrix.allSatisfy(\.isFinite) {
        return "has an alignment whose matrix is not six finite numbers"
      }
      return nil
    }
  }

  /// The table's name.
  static let tableName = "faces.jsonl"

  private static let imageNames = ["images", "clr"]
  private static let landmarkNames = ["landmarks", "lndm"]
  private static let maskNames = ["masks", "msk"]

  /// The name of the data.
  let name: String
  /// The faces that have what the fields need, in the order of their names.
  let faces: [Face]
  /// The identities of the training part, sorted; empty where images lie in no folders.
  let identities: [String]
  /// Whether masks are black where the face is.
  let masksAreBlack: Bool
  let fingerprint: String
  let notes: [String]

  /// Finds the images of a part.
  ///
  /// - Parameter fields: what examples are to hold.
  /// - Throws: ``DatasetError`` that names the folder and what is missing.
  init(_ place: URL, _ split: DatasetSplit, _ fields: [Field]) throws(DatasetError) {
    let root = try archiveFolder(at: place)
    guard ImageFolders.isFolder(root) else {
      throw .notFound(path: place.path)
    }
    let training = Self.images(of: .train, in: root)
    guard let training, let images = split == .train ? training : Self.images(of: split, in: root) else {
      guard training != nil else {
        throw .unknownLayout(
          path: place.path,
          lookedFor: [
            "a folder images with landmarks, masks or \(Self.tableName) beside it",
            "the same within folders train and test",
          ])
      }
      throw .missingSplit(
        path: place.path, split: split,
        reason: "there is no folder \(split.rawValue) with images of faces in it")
    }
    let base =
      Self.imageNames.contains(images.lastPathComponent.lowercased())
      ? images.deletingLastPathComponent() : images
    name = root.lastPathComponent
    let names = Self.names(below: images)
    let trainingNames = split == .train ? names : Self.names(below: training)
    identities = Set(trainingNames.compactMap(Self.identity)).sorted()
    let landmarks = Self.folder(Self.landmarkNames, in: base)
    let masks = Self.folder(Self.maskNames, in: base)
    masksAreBlack = masks?.lastPathComponent.lowercased() == "msk"
    let beside = (Self.files(below: landmarks), Self.files(below: masks))
    let table = base.appendingPathComponent(Self.tableName)
    let rows = try Self.rows(table, images: images)
    let numbers = Dictionary(uniqueKeysWithValues: identities.enumerated().map { ($1, $0) })
    var found: [Face] = []
    var strangers = 0
    var missing: [(name: String, reason: String)] = []
    for path in names {
      let own = Self.identity(path)
      guard let identity = identities.isEmpty ? 0 : own.flatMap({ numbers[$0] }) else {
        strangers += 1
        continue
      }
      let stem = (path as NSString).deletingPathExtension
      let face = Face(
        name: path, file: images.appendingPathComponent(path), identity: identity,
        landmarks: beside.0[stem], mask: beside.1[stem], row: rows[path])
      if let reason = Self.lack(of: face, fields) {
        missing.append((path, reason))
      } else {
        found.append(face)
      }
    }
    var notes: [String] = []
    if let first = missing.first {
      guard !found.isEmpty else {
        throw .unusable(path: place.path, reason: "none of its \(names.count) images has \(first.reason)")
      }
      notes.append("\(missing.count) images are left out: \(first.name) has no \(first.reason).")
    }
    guard !found.isEmpty else { throw .unusable(path: images.path, reason: "it holds no images") }
    if strangers > 0 {
      notes.append(
        "\(strangers) images of identities that are not in the training part, or of none, are left out.")
    }
    faces = found
    self.notes = notes
    var files = found.map { (name: "images/\($0.name)", url: $0.file) }
    files += found.compactMap { face in face.landmarks.map { ("landmarks/\(face.name)", $0) } }
    files += found.compactMap { face in face.mask.map { ("masks/\(face.name)", $0) } }
    if !rows.isEmpty { files.append((Self.tableName, table)) }
    fingerprint = try contentFingerprint(of: files, isLenient: true)
  }

  /// What a face lacks for the fields, with the way out; nil: nothing.
  private static func lack(of face: Face, _ fields: [Field]) -> String? {
    let points = face.row?.points.count ?? 0
    for field in fields {
      switch (field.name, field.kind) {
      case ("landmarks", _) where face.landmarks == nil && points != FaceOutline.count:
        return
          "drawing of the same name in a folder landmarks, nor \(FaceOutline.count) keypoints in \(tableName)"
      case ("mask", _) where face.mask == nil && face.row?.bounds == nil && points != FaceOutline.count:
        return "mask of the same name in a folder masks, nor a box in \(tableName)"
      case ("keypoints", .features(let size)) where 2 * points != size:
        return
          "\(size / 2) keypoints in \(tableName)\(points > 0 ? ", but \(points); set keypoints to that" : "")"
      default: continue
      }
    }
    return nil
  }

  /// The folder of the images of a part; nil where there is none.
  private static func images(of split: DatasetSplit, in root: URL) -> URL? {
    func images(in folder: URL) -> URL? {
      if let found = Self.folder(imageNames, in: folder) { return found }
      // `data prepare faces` writes the identities' folders beside the table.
      let table = folder.appendingPathComponent(tableName)
      return FileManager.default.fileExists(atPath: table.path) ? folder : nil
    }
    if let part = ImageFolders.folder(of: split, in: root), let found = images(in: part) { return found }
    return split == .train ? images(in: root) : nil
  }

  /// The images of the identities, without those that are beside them.
  private static func names(below images: URL) -> [String] {
    let beside = landmarkNames + maskNames
    return ImageFolders.pictures(below: images).filter { path in
      !beside.contains(path.split(separator: "/").first?.lowercased() ?? "")
    }
  }

  private static func folder(_ names: [String], in base: URL) -> URL? {
    let present = ImageFolders.subfolders(of: base)
    return names.lazy.compactMap { name in present.first { $0.lowercased() == name } }.first
      .map { base.appendingPathComponent($0) }
  }

  /// The first folder of a path; nil for an image in no folder.
  private static func identity(_ path: String) -> String? {
    let parts = path.split(separator: "/")
    return parts.count > 1 ? String(parts[0]) : nil
  }

  /// Images by their paths without endings.
  private static func files(below folder: URL?) -> [String: URL] {
    guard let folder else { return [:] }
    return Dictionary(
      ImageFolders.pictures(below: folder).map {
        (($0 as NSString).deletingPathExtension, folder.appendingPathComponent($0))
      }
    ) { first, _ in first }
  }

  /// The table's lines by the paths of their images below the images' folder; none where there is no table.
  private static func rows(_ table: URL, images: URL) throws(DatasetError) -> [String: Row] {
    guard FileManager.default.fileExists(atPath: table.path) else { return [:] }
    let lines = try text(of: table, "the table").split(whereSeparator: \.isNewline)
    var rows: [String: Row] = [:]
    let folder = images.lastPathComponent + "/"
    for (number, line) in lines.enumerated() where line.contains(where: { !$0.isWhitespace }) {
      func bad(_ reason: String) -> DatasetError {
        .badTable(path: table.path, reason: "line \(number + 1) \(reason)")
      }
      let row: Row
      do { row = try JSONDecoder().decode(Row.self, from: Data(line.utf8)) } catch {
        throw bad(
          "is not a line like {\"file\": \"images/anna/1.png\", \"keypoints\": [[30, 41]], \"box\": [10, 12, 90, 110]}"
        )
      }
      if let fault = row.fault { throw bad(fault) }
      rows[row.file.hasPrefix(folder) ? String(row.file.dropFirst(folder.count)) : row.file] = row
    }
    return rows
  }
}
