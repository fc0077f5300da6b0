internal import Foundation

/// Finds the folders of sources, targets and instance maps of a data set by their usual names.
///
/// The folders of a part are `train/A`, `A/train`, `trainA`, `train_A` or `train-A`; or `A` without parts,
/// which lists of file names `train.txt` and `test.txt` may divide.
struct PairFolders {
  /// The folder of one role.
  struct Folder {
    let url: URL
    /// Whether its name says that it holds label maps.
    let holdsLabels: Bool
  }

  /// Names of the two sides; a folder named as photographs is the target.
  static let sourceNames = ["a", "source", "input", "inputs", "condition", "low", "lr", "lq"]
  static let labelNames = [
    "label", "labels", "labelmap", "labelmaps", "annot", "annotation", "annotations", "mask", "masks",
    "segmentation", "segmentations",
  ]
  static let targetNames = [
    "b", "target", "output", "outputs", "high", "hr", "hq", "gt", "image", "images", "img", "imgs", "photo",
    "photos", "picture", "pictures",
  ]
  static let instanceNames = ["instance", "instances", "inst"]

  let root: URL
  /// The folders of each part; only ``DatasetSplit/train`` where the data is not divided.
  let parts: [DatasetSplit: [PictureRole: Folder]]
  /// The stems of each part, where lists divide one pair of folders.
  let lists: [DatasetSplit: Set<String>]

  /// Finds the folders; nil unless there is a source and a target.
  static func find(at root: URL) -> PairFolders? {
    guard PictureFolders.isFolder(root), LabelTable.find(in: root) == nil else { return nil }
    let search = Search(root)
    var parts: [DatasetSplit: [PictureRole: Folder]] = [:]
    for split in DatasetSplit.allCases { parts[split] = search.folders(of: split) }
    if !parts.isEmpty { return PairFolders(root: root, parts: parts, lists: [:]) }
    guard let whole = search.folders(of: nil) else { return nil }
    return PairFolders(root: root, parts: [.train: whole], lists: readLists(in: root))
  }

  /// Whether the folders are named by the lower-case letters a and b alone, which are as often two classes.
  var mayBeClasses: Bool {
    parts.values.allSatisfy { roles in
      roles[.source]?.url.lastPathComponent == "a" && roles[.target]?.url.lastPathComponent == "b"
    }
  }

  /// The folders of a part, by role; nil where the data has no such part.
  func folders(of split: DatasetSplit) -> [PictureRole: Folder]? {
    lists.isEmpty ? parts[split] : lists[split] == nil ? nil : parts[.train]
  }

  /// The images of a role in a part by their stems, the relative paths without extension. Of files that
  /// differ only in the extension, the first is used.
  func files(_ role: PictureRole, of split: DatasetSplit) -> [String: URL] {
    guard let folder = folders(of: split)?[role] else { return [:] }
    let wanted = lists[split]
    var files: [String: URL] = [:]
    for name in PictureFolders.pictures(below: folder.url).reversed() {
      let stem = (name as NSString).deletingPathExtension
      if let wanted, !wanted.contains(stem), !wanted.contains((stem as NSString).lastPathComponent) {
        continue
      }
      files[stem] = folder.url.appendingPathComponent(name)
    }
    return files
  }

  /// The stems listed in `train.txt`, `val.txt` and `test.txt`, with and without their folders.
  private static func readLists(in root: URL) -> [DatasetSplit: Set<String>] {
    var lists: [DatasetSplit: Set<String>] = [:]
    for split in DatasetSplit.allCases {
      for name in PictureFolders.names(of: split) where lists[split] == nil {
        let file = root.appendingPathComponent(name + ".txt")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
        var stems: Set<String> = []
        for line in text.split(whereSeparator: \.isNewline) {
          let path = line.trimmingCharacters(in: .whitespaces)
          if path.isEmpty { continue }
          let stem = PictureFolders.isPicture(path) ? (path as NSString).deletingPathExtension : path
          // `images/street/1.jpg` has the stem street/1 below the folder images.
          stems.insert(stem)
          if let slash = stem.firstIndex(of: "/") { stems.insert(String(stem[stem.index(after: slash)...])) }
        }
        lists[split] = stems
      }
    }
    return lists[.train] == nil ? [:] : lists
  }

  /// Case-insensitive lookup of names in one folder listing.
  private struct Search {
    let root: URL
    private let names: [String: String]

    init(_ root: URL) {
      self.root = root
      names = Dictionary(PictureFolders.subfolders(of: root).map { ($0.lowercased(), $0) }) { first, _ in
        first
      }
    }

    /// The folders of a part, or of undivided data (nil), if both source and target exist.
    func folders(of split: DatasetSplit?) -> [PictureRole: Folder]? {
      var result: [PictureRole: Folder] = [:]
      let plain = folder(PairFolders.sourceNames, split)
      let labels = plain == nil ? folder(PairFolders.labelNames, split) : nil
      result[.source] = (plain ?? labels).map { Folder(url: $0, holdsLabels: plain == nil) }
      let target = folder(PairFolders.targetNames, split) ?? (labels == nil ? nil : photographs(of: split))
      result[.target] = target.map { Folder(url: $0, holdsLabels: false) }
      result[.instance] = folder(PairFolders.instanceNames, split).map { Folder(url: $0, holdsLabels: true) }
      guard let source = result[.source], result[.target] != nil else { return nil }
      // Letters may be classes: with C and D beside them, A and B are not a pair.
      let used = Set(result.values.map(\.url.lastPathComponent))
      let neighbours = PictureFolders.subfolders(of: source.url.deletingLastPathComponent())
      let isLetter = source.url.lastPathComponent.count == 1
      return isLetter && neighbours.contains { !used.contains($0) } ? nil : result
    }

    /// `train` itself, where its label maps are in `trainannot` beside it.
    private func photographs(of split: DatasetSplit?) -> URL? {
      guard let split, let folder = PictureFolders.folder(of: split, in: root) else { return nil }
      return PictureFolders.pictures(below: folder).isEmpty ? nil : folder
    }

    private func folder(_ roles: [String], _ split: DatasetSplit?) -> URL? {
      for role in roles {
        guard let split else {
          if let found = existing(role) { return found }
          continue
        }
        for part in PictureFolders.names(of: split) {
          let joined = ["", "_", "-"].lazy.compactMap { existing(part + $0 + role) }.first
          if let found = joined ?? existing(part, role) ?? existing(role, part) { return found }
        }
      }
      return nil
    }

    private func existing(_ name: String, _ inner: String? = nil) -> URL? {
      guard let found = names[name] else { return nil }
      let folder = root.appendingPathComponent(found)
      guard let inner else { return folder }
      return PictureFolders.subfolders(of: folder).first { $0.lowercased() == inner }
        .map { folder.appendingPathComponent($0) }
    }
  }
}
