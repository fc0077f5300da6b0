internal import AtelierMedia
internal import Foundation

/// How a folder is divided into the parts `train`, `val` and `test`.
struct FolderDivision {
  /// Folders that hold images beside the parts and belong to none of them, sorted.
  let leftOut: [String]
}

/// How images lie in a folder that is not divided into parts.
struct FolderArrangement {
  /// Whether the images themselves count, and not the folders beside them.
  let isFlat: Bool
  /// Images that lie in the folder itself, sorted.
  let direct: FileNames
  /// Folders with images in them or below them, sorted.
  let folders: [String]
}

extension ImageFolders {
  /// Folders that archivers, file servers and operating systems leave among data.
  static let debrisNames: Set = [
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found",
    "__pycache__",
  ]

  /// Whether a name is that of a folder nobody put there on purpose.
  static func isDebris(_ name: String) -> Bool { debrisNames.contains(name.lowercased()) }

  /// The names in a folder that are debris, sorted.
  static func debris(in folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter(isDebris).sorted()
  }

  /// Whether there is an image in a folder or below it; stops at the first.
  static func folderHoldsImages(_ folder: URL, depth: Int = 0) -> Bool {
    if let place = known(folder) { return place.holdsImages }
    let names = listing(of: folder)
    if names.contains(where: { isImage($0) && !isFolder(folder.appendingPathComponent($0)) }) {
      return true
    }
    guard depth < 16 else { return false }
    return names.contains { name in
      let inner = folder.appendingPathComponent(name)
      return !isImage(name) && isFolder(inner) && folderHoldsImages(inner, depth: depth + 1)
    }
  }

  /// The images of a folder itself, sorted.
  static func directImages(in folder: URL) -> FileNames {
    if let place = known(folder) { return place.directImages }
    return FileNames(
      listing(of: folder).filter { isImage($0) && !isFolder(folder.appendingPathComponent($0)) })
  }

  /// Sub-folders with images in them or below them, sorted.
  static func foldersWithImages(in folder: URL) -> [String] {
    if let place = known(folder) { return place.foldersWithImages }
    return subfolders(of: folder).filter { folderHoldsImages(folder.appendingPathComponent($0)) }
  }

  /// How a folder is divided into parts; nil where it is not.
  ///
  /// A folder `train` alone does not divide: it may be a class of that name. Where no other folder holds
  /// images, `train` is a part. Where others do, it is one if there is a second part and no more others than
  /// parts, or if `train` has a table or classes of its own and the others have none, or the same.
  static func division(of root: URL) -> FolderDivision? {
    guard let training = folder(of: .train, in: root) else { return nil }
    let parts = DatasetSplit.allCases.compactMap { folder(of: $0, in: root)?.lastPathComponent }
    let others = foldersWithImages(in: root).filter { !parts.contains($0) }
    let foreign = others.filter { !isBesidePart($0) }
    if foreign.isEmpty { return FolderDivision(leftOut: others) }
    let filled = parts.filter { folderHoldsImages(root.appendingPathComponent($0)) }
    let inner = innerFolders(training)
    let structures = foreign.map { innerFolders(root.appendingPathComponent($0)) }
    if !inner.isEmpty {
      let agree = structures.allSatisfy { $0.isEmpty || !$0.isDisjoint(with: inner) }
      return agree || filled.count > 1 ? FolderDivision(leftOut: others) : nil
    }
    return filled.count > 1 && foreign.count <= filled.count ? FolderDivision(leftOut: others) : nil
  }

  /// What a folder of images is made of: folders of images, or a table.
  private static func innerFolders(_ folder: URL) -> Set<String> {
    var names = Set(foldersWithImages(in: folder))
    if let table = LabelTable.find(in: folder) { names.insert(table.lastPathComponent) }
    return names
  }

  /// Whether a name is made of a part's and of what stands beside its images: `trainannot`, `test_masks`.
  private static func isBesidePart(_ name: String) -> Bool {
    let name = name.lowercased()
    let roles =
      PairFolders.sourceNames + PairFolders.labelNames + PairFolders.targetNames + PairFolders.instanceNames
    return DatasetSplit.allCases.contains { split in
      names(of: split).contains { part in
        guard name.hasPrefix(part) else { return false }
        let rest = name.dropFirst(part.count).drop { $0 == "_" || $0 == "-" }
        return rest.isEmpty || roles.contains(String(rest))
      }
    }
  }

  /// Why a folder that should hold images holds none.
  static func noImages(in folder: URL) -> DatasetError {
    if let clause = UnreadFormats.clause(below: folder) {
      return .unusable(path: folder.path, reason: "it holds \(clause)")
    }
    return .unknownLayout(
      path: folder.path, lookedFor: ["images (png, jpg, webp, tiff, gif, heic, avif, bmp, ppm, pgm)"])
  }

  /// How images lie in a folder; nil where there are none.
  ///
  /// Where images lie both in the folder and in folders, those count that are more: a stray image beside the
  /// folders of classes does not make a set of one image. A single folder, which may as well hold reduced
  /// copies, counts only where it has more than ten times as many.
  static func arrangement(of folder: URL) -> FolderArrangement? {
    let direct = directImages(in: folder)
    let folders = foldersWithImages(in: folder)
    guard !direct.isEmpty, !folders.isEmpty else {
      return direct.isEmpty && folders.isEmpty
        ? nil : FolderArrangement(isFlat: folders.isEmpty, direct: direct, folders: folders)
    }
    let inside = folders.reduce(0) { $0 + place(of: folder.appendingPathComponent($1)).imageCount }
    let limit = folders.count > 1 ? direct.count : 10 * direct.count
    return FolderArrangement(isFlat: inside <= limit, direct: direct, folders: folders)
  }

  /// Whether the images in a folder without parts count themselves, and not folders of classes.
  static func holdsBareImages(_ folder: URL) -> Bool {
    arrangement(of: folder)?.isFlat == true && !isDivided(folder)
  }

  /// Why the images of a part lie otherwise than those of the training part, as the rest of a sentence; nil where
  /// they do not, or where there are none.
  ///
  /// - Parameter isFlat: whether the images of the training part lie in its folder itself.
  static func misfit(of split: DatasetSplit, in root: URL, isFlat: Bool) -> String? {
    guard let folder = folder(of: split, in: root), LabelTable.find(in: folder) == nil,
      let found = arrangement(of: folder)
    else { return nil }
    if isFlat {
      return found.direct.isEmpty
        ? "its images lie in the folders \(shown(found.folders)), and those of the training part in no folders; put all "
          + "of them into \(folder.lastPathComponent) itself"
        : nil
    }
    return found.folders.isEmpty
      ? "its images lie in no folders, and those of the training part in one for each class; put each class's images "
        + "into a folder of its own"
      : nil
  }

  private static func shown(_ names: [String]) -> String {
    names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
  }
}

// MARK: - What is left out

/// Formats of images and of measured data that files may have, and that are not read, by the ending.
enum UnreadFormats {
  private static let names: [String: String] = [
    "tga": "Targa", "psd": "Photoshop", "xcf": "GIMP", "exr": "OpenEXR",
    "hdr": "Radiance", "pfm": "PFM", "pcx": "PCX",
    "jp2": "JPEG 2000", "j2k": "JPEG 2000", "jpx": "JPEG 2000", "jxl": "JPEG XL", "jxr": "JPEG XR",
    "svg": "SVG", "ico": "ICO", "dng": "camera raw", "cr2": "camera raw", "cr3": "camera raw",
    "nef": "camera raw", "arw": "camera raw", "raf": "camera raw", "orf": "camera raw", "rw2": "camera raw",
    "dcm": "DICOM", "nii": "NIfTI", "mhd": "MetaImage", "nrrd": "NRRD", "fits": "FITS", "npy": "NumPy",
    "npz": "NumPy", "mat": "MATLAB", "h5": "HDF5", "hdf5": "HDF5", "jfif": "JFIF",
  ]

  /// The name of the format of a file that would be an image to another program; nil for any other file.
  static func name(of file: String) -> String? {
    if file.lowercased().hasSuffix(".nii.gz") { return "NIfTI" }
    guard let dot = file.lastIndex(of: ".") else { return nil }
    return names[file[file.index(after: dot)...].lowercased()]
  }

  /// A clause that counts and names such files below a folder; nil where there are none.
  static func clause(below folder: URL) -> String? {
    var found: [String: (count: Int, first: String)] = [:]
    ImageFolders.place(of: folder).visitOthers { path, file, isFolder in
      guard let format = name(of: file) else { return isFolder && !file.contains(".") }
      found[format, default: (0, path)].count += 1
      return false
    }
    guard !found.isEmpty else { return nil }
    let texts = found.sorted { $0.key < $1.key }.map { format, files in
      "\(files.count) \(files.count == 1 ? "file" : "files") in the format \(format), such as \(files.first)"
    }
    return texts.joined(separator: "; ") + ", which Atelier does not read; convert them to PNG"
  }
}

/// Sentences that count and name what is left out of data.
enum LeftOut {
  /// Images that lie beside folders of images.
  static func pictures(_ names: some Collection<String>) -> String? {
    guard let first = names.first else { return nil }
    return names.count == 1
      ? "An image beside the folders is left out: \(first)."
      : "\(names.count) images beside the folders are left out, such as \(first)."
  }

  /// Folders of images beside those that count.
  static func folders(_ names: [String], in root: URL, beside: String) -> String? {
    guard !names.isEmpty else { return nil }
    let count = names.reduce(0) {
      $0 + ImageFolders.place(of: root.appendingPathComponent($1)).imageCount
    }
    return "The \(names.count == 1 ? "folder" : "folders") \(names.joined(separator: ", ")) "
      + "(\(count) \(count == 1 ? "image" : "images")) beside \(beside) "
      + "\(names.count == 1 ? "is" : "are") left out."
  }

  /// Files of one name that differ in their endings, of which the first counts.
  static func twins(_ names: [String]) -> String? {
    guard let first = names.first else { return nil }
    return names.count == 1
      ? "\(first) is left out, because another image has its name with another extension."
      : "\(names.count) images are left out, because others have their names with other endings, such as "
        + "\(first)."
  }

  /// Files in formats that are not read, and images beside the parts or classes of a folder.
  static func around(_ root: URL) -> [String] {
    var sentences: [String] = []
    if let division = ImageFolders.division(of: root) {
      sentences.append(contentsOf: [pictures(ImageFolders.directImages(in: root))].compactMap { $0 })
      if let folders = folders(division.leftOut, in: root, beside: "the parts") { sentences.append(folders) }
    }
    if let clause = UnreadFormats.clause(below: root) { sentences.append("Left out: \(clause).") }
    return sentences
  }

  /// Whether a note says that images are lost, rather than columns of a table.
  static func isLoss(_ note: String) -> Bool {
    !note.hasPrefix("Columns")
      && [
        "left out", "Left out", "not there", "in no part", "as a class", "changes values", "have one colour",
      ].contains { note.contains($0) }
  }

  /// The classes with the names of parts, where there are two parts or more among them; a single one may well be a
  /// class: trains.
  static func parts(among names: [String]) -> [String] {
    func split(_ name: String) -> DatasetSplit? {
      DatasetSplit.allCases.first { ImageFolders.names(of: $0).contains(name.lowercased()) }
    }
    return Set(names.compactMap(split)).count > 1 ? names.filter { split($0) != nil } : []
  }

  /// Why folders that count as classes may be none; nil where nothing speaks against it.
  static func doubt(aboutClasses names: [String]) -> String? {
    let known: Set = [
      "jpegimages", "segmentationclass", "segmentationclasspng", "segmentationclassvisualization",
      "segmentationclassnpy", "segmentationobject", "segmentationobjectpng",
      "segmentationobjectvisualization",
      "imagesets", "leftimg8bit", "rightimg8bit", "gtfine", "gtcoarse", "annotations", "images", "labels",
      "masks", "unlabeled", "unlabelled",
    ]
    let found = names.filter { name in
      let name = name.lowercased()
      if known.contains(name) { return true }
      // COCO's parts: train2017, val2017, unlabeled2017.
      let year = name.suffix(4)
      return year.count == 4 && year.allSatisfy(\.isNumber)
        && ["train", "val", "test", "unlabeled"].contains(String(name.dropLast(4)))
    }
    guard !found.isEmpty else { return nil }
    return "The \(found.count == 1 ? "folder" : "folders") \(found.joined(separator: ", ")) "
      + "\(found.count == 1 ? "counts" : "count each") as a class, and the name is one of a part or a "
      + "kind of file; put each class's images into a folder of its own, with train/ and test/ above."
  }
}
