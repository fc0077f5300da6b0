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
    let row: FaceLine?
  }

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
            "a folder images with landmarks, masks or \(FaceTable.fileName) beside it",
            "the same within folders train and test",
          ])
      }
      throw .missingSplit(
        path: place.path, split: split,
        reason: "there is no folder \(split.rawValue) with images of faces in it")
    }
    let base = Self.base(of: images)
    name = root.lastPathComponent
    let names = Self.names(below: images)
    let trainingNames = split == .train ? names : Self.names(below: training)
    identities = Set(trainingNames.compactMap(Self.identity)).sorted()
    let landmarks = Self.folder(Self.landmarkNames, in: base)
    let masks = Self.folder(Self.maskNames, in: base)
    masksAreBlack = masks?.lastPathComponent.lowercased() == "msk"
    let beside = (Self.files(below: landmarks), Self.files(below: masks))
    let table = base.appendingPathComponent(FaceTable.fileName)
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
    if !rows.isEmpty { files.append((FaceTable.fileName, table)) }
    fingerprint = try contentFingerprint(of: files, isLenient: true)
  }

  /// What kind of faces a folder's training part holds; nil where no table says that it holds faces.
  static func kind(of place: URL) -> DataKind? {
    guard let images = images(of: .train, in: place) else { return nil }
    let table = base(of: images).appendingPathComponent(FaceTable.fileName)
    guard let rows = try? rows(table, images: images) else { return nil }
    let known = names(below: images).filter { rows[$0] != nil }
    guard !known.isEmpty else { return nil }
    let areOutlined = known.allSatisfy { rows[$0]?.points(FaceOutline.count) != nil }
    return areOutlined && Set(known.compactMap(identity)).count > 1 ? .landmarkedFaces : .faces
  }

  /// What a face lacks for the fields, with the way out; nil: nothing.
  private static func lack(of face: Face, _ fields: [Field]) -> String? {
    let hasOutline = face.row?.points(FaceOutline.count) != nil
    for field in fields {
      switch (field.name, field.kind) {
      case ("landmarks", _) where face.landmarks == nil && !hasOutline:
        return
          "drawing of the same name in a folder landmarks, nor \(FaceOutline.count) keypoints in \(FaceTable.fileName)"
      case ("mask", _) where face.mask == nil && face.row?.bounds == nil && !hasOutline:
        return "mask of the same name in a folder masks, nor a box in \(FaceTable.fileName)"
      case ("keypoints", .features(let size)) where face.row?.points(size / 2) == nil:
        let found = face.row?.pointCounts.map(String.init).joined(separator: " and ") ?? ""
        return
          "\(size / 2) keypoints in \(FaceTable.fileName)\(found.isEmpty ? "" : ", but \(found); set keypoints to that")"
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
      let table = folder.appendingPathComponent(FaceTable.fileName)
      return FileManager.default.fileExists(atPath: table.path) ? folder : nil
    }
    if let part = ImageFolders.folder(of: split, in: root), let found = images(in: part) { return found }
    return split == .train ? images(in: root) : nil
  }

  /// Where what belongs to the images lies.
  private static func base(of images: URL) -> URL {
    imageNames.contains(images.lastPathComponent.lowercased()) ? images.deletingLastPathComponent() : images
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
  private static func rows(_ table: URL, images: URL) throws(DatasetError) -> [String: FaceLine] {
    guard FileManager.default.fileExists(atPath: table.path) else { return [:] }
    var rows: [String: FaceLine] = [:]
    let folder = images.lastPathComponent + "/"
    try FaceTable.forEachLine(file: table) { line, _ in
      rows[line.file.hasPrefix(folder) ? String(line.file.dropFirst(folder.count)) : line.file] = line
    }
    return rows
  }
}
