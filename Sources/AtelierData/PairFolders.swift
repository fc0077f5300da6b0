package import Foundation

/// Finds the folders of sources, targets and instance maps of a data set by their usual names.
///
/// The folders of a part are `train/A`, `A/train`, `trainA`, `train_A` or `train-A`; or `A` without parts,
/// which lists of file names `train.txt` and `test.txt` may divide.
package struct PairFolders {
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
    "segmentation", "segmentations", "segmentationclass", "segmentationclasspng", "gtfine", "gtcoarse",
  ]
  static let targetNames = [
    "b", "target", "output", "outputs", "high", "hr", "hq", "gt", "image", "images", "img", "imgs", "photo",
    "photos", "picture", "pictures", "jpegimages", "leftimg8bit",
  ]
  static let instanceNames = [
    "instance", "instances", "inst", "segmentationobject", "segmentationobjectpng",
  ]
  /// Names of PASCAL VOC and labelme, under which arrays may lie instead of images.
  static let namesOfArraysToo = [
    "segmentationclass", "segmentationclasspng", "segmentationobject", "segmentationobjectpng",
  ]

  let root: URL
  /// The folders of each part; only ``DatasetSplit/train`` where the data is not divided.
  let parts: [DatasetSplit: [ImageRole: Folder]]
  /// The stems of each part, where lists divide one pair of folders.
  let lists: [DatasetSplit: Set<String>]
  /// The lines of the lists, without the endings.
  private let listed: [DatasetSplit: [String]]
  /// Why a list cannot be read; nil where all can.
  private let listProblem: DatasetError?

  /// Finds the folders; nil unless there is a source and a target.
  package static func find(at root: URL) -> PairFolders? {
    guard ImageFolders.isFolder(root), LabelTable.find(in: root) == nil else { return nil }
    let search = Search(root)
    var parts: [DatasetSplit: [ImageRole: Folder]] = [:]
    for split in DatasetSplit.allCases { parts[split] = search.folders(of: split) }
    if !parts.isEmpty {
      return PairFolders(root: root, parts: parts, lists: [:], listed: [:], listProblem: nil)
    }
    guard let whole = search.folders(of: nil) else { return nil }
    let (listed, problem) = readLists(in: root)
    return PairFolders(
      root: root, parts: [.train: whole], lists: listed.mapValues { Set($0.flatMap(Self.forms)) },
      listed: listed, listProblem: problem)
  }

  /// Refuses lists that cannot be read, which would leave the data undivided.
  func requireLists() throws(DatasetError) {
    if let listProblem { throw listProblem }
  }

  /// Whether these are the folders of PASCAL VOC, where only some images have label maps.
  var isVOC: Bool {
    parts.values.contains { $0[.target]?.url.lastPathComponent.lowercased() == "jpegimages" }
  }

  /// Whether the folders are named by the lower-case letters a and b alone, which are as often two classes.
  var mayBeClasses: Bool {
    parts.values.allSatisfy { roles in
      roles[.source]?.url.lastPathComponent == "a" && roles[.target]?.url.lastPathComponent == "b"
    }
  }

  /// The folders of a part, by role; nil where the data has no such part.
  func folders(of split: DatasetSplit) -> [ImageRole: Folder]? {
    lists.isEmpty ? parts[split] : lists[split] == nil ? nil : parts[.train]
  }

  /// The images of one role in one part.
  struct Side {
    /// By their stems: paths below the folder without the ending. Of files that differ in their endings only,
    /// the first counts.
    var files: [String: URL] = [:]
    /// The files that therefore do not count, sorted.
    var twins: [String] = []
    /// Other drawings of the same maps, as Cityscapes has them beside `_labelIds`.
    var companions: [String] = []
    /// Files that no list names, sorted.
    var unlisted: [String] = []
  }

  /// The images of a role in a part by their stems.
  package func files(_ role: ImageRole, of split: DatasetSplit) -> [String: URL] {
    side(role, of: split).files
  }

  /// The images of a role in a part.
  func side(_ role: ImageRole, of split: DatasetSplit) -> Side {
    guard let folder = folders(of: split)?[role] else { return Side() }
    let wanted = lists[split]
    let mark = Self.cityscapesMark(of: role, folder)
    var names = Array(ImageFolders.pictures(below: folder.url))
    var side = Side()
    if let mark, names.contains(where: { Self.stem($0).hasSuffix(mark) }) {
      side.companions = names.filter { !Self.stem($0).hasSuffix(mark) }
      names = names.filter { Self.stem($0).hasSuffix(mark) }
    }
    for name in names {
      let stem = Self.stem(name)
      func isNamed(_ list: Set<String>) -> Bool {
        list.contains(stem) || list.contains((stem as NSString).lastPathComponent)
      }
      if let wanted, !isNamed(wanted) {
        if !lists.values.contains(where: isNamed) { side.unlisted.append(name) }
      } else if side.files[stem] != nil {
        side.twins.append("\(folder.url.lastPathComponent)/\(name)")
      } else {
        side.files[stem] = folder.url.appendingPathComponent(name)
      }
    }
    return side
  }

  /// Names in the list of a part that no file of its folders has, in the order of the list.
  package func missing(from split: DatasetSplit) -> [String] {
    guard let entries = listed[split], let folders = folders(of: split) else { return [] }
    var present: Set<String> = []
    for folder in folders.values {
      for name in ImageFolders.pictures(below: folder.url) {
        present.insert(Self.stem(name))
        present.insert((Self.stem(name) as NSString).lastPathComponent)
      }
    }
    return entries.filter { entry in !Self.forms(entry).contains { present.contains($0) } }
  }

  /// Folders of images, by their paths below the root, that are in no role of any part, and images that lie
  /// beside folders which are.
  var leftOut: (folders: [String], pictures: [String]) {
    let used = Set(parts.values.flatMap { $0.values.map { $0.url.standardizedFileURL.path } })
    var found: (folders: [String], pictures: [String]) = ([], [])
    func walk(_ folder: URL, _ prefix: String) {
      found.pictures += ImageFolders.directImages(in: folder).map { prefix + $0 }
      for name in ImageFolders.foldersWithImages(in: folder) {
        let inner = folder.appendingPathComponent(name)
        let path = inner.standardizedFileURL.path
        if used.contains(path) { continue }
        if used.contains(where: { $0.hasPrefix(path + "/") }) {
          walk(inner, prefix + name + "/")
        } else {
          found.folders.append(prefix + name)
        }
      }
    }
    walk(root, "")
    return found
  }

  /// The end of the names that count in folders such as Cityscapes', which hold several drawings of each map.
  private static func cityscapesMark(of role: ImageRole, _ folder: Folder) -> String? {
    switch role {
    case .source: folder.holdsLabels ? "_labelIds" : nil
    case .instance: "_instanceIds"
    case .target: nil
    }
  }

  private static func stem(_ name: String) -> String { (name as NSString).deletingPathExtension }

  /// How a line of a list may name a file: `images/street/1` names `street/1` below the folder images.
  private static func forms(_ entry: String) -> [String] {
    guard let slash = entry.firstIndex(of: "/") else { return [entry] }
    return [entry, String(entry[entry.index(after: slash)...])]
  }

  /// The names in `train.txt`, `val.txt` and `test.txt`, or in those of PASCAL VOC's `ImageSets/Segmentation`,
  /// without the endings.
  private static func readLists(
    in root: URL
  ) -> (lists: [DatasetSplit: [String]], problem: DatasetError?) {
    for folder in [root, root.appendingPathComponent("ImageSets/Segmentation")] {
      var lists: [DatasetSplit: [String]] = [:]
      for split in DatasetSplit.allCases {
        for name in ImageFolders.names(of: split) where lists[split] == nil {
          let file = folder.appendingPathComponent(name + ".txt")
          guard FileManager.default.fileExists(atPath: file.path) else { continue }
          let list: String
          do throws(DatasetError) { list = try text(of: file, "the list") } catch { return ([:], error) }
          lists[split] = list.split(whereSeparator: \.isNewline).compactMap { line in
            let path = line.trimmingCharacters(in: .whitespaces.union(["\u{FEFF}"]))
            if path.isEmpty { return nil }
            return ImageFolders.isImage(path) ? (path as NSString).deletingPathExtension : path
          }
        }
      }
      if lists[.train] != nil { return (lists, nil) }
    }
    return ([:], nil)
  }

  /// Case-insensitive lookup of names in one folder listing.
  private struct Search {
    let root: URL
    private let names: [String: String]

    init(_ root: URL) {
      self.root = root
      names = Dictionary(ImageFolders.subfolders(of: root).map { ($0.lowercased(), $0) }) { first, _ in
        first
      }
    }

    /// The folders of a part, or of undivided data (nil), if both source and target exist.
    func folders(of split: DatasetSplit?) -> [ImageRole: Folder]? {
      var result: [ImageRole: Folder] = [:]
      let plain = folder(PairFolders.sourceNames, split)
      let labels = plain == nil ? folder(PairFolders.labelNames, split) : nil
      result[.source] = (plain ?? labels).map { Folder(url: $0, holdsLabels: plain == nil) }
      let target = folder(PairFolders.targetNames, split) ?? (labels == nil ? nil : photographs(of: split))
      result[.target] = target.map { Folder(url: $0, holdsLabels: false) }
      // Cityscapes keeps maps of instances beside those of labels.
      let instances =
        folder(PairFolders.instanceNames, split)
        ?? labels.flatMap { folder in
          ImageFolders.pictures(below: folder).contains {
            PairFolders.stem($0).hasSuffix("_instanceIds")
          } ? folder : nil
        }
      result[.instance] = instances.map { Folder(url: $0, holdsLabels: true) }
      guard let source = result[.source], result[.target] != nil else { return nil }
      // Letters may be classes: with C and D beside them, A and B are not a pair.
      let used = Set(result.values.map(\.url.lastPathComponent))
      let neighbours = ImageFolders.subfolders(of: source.url.deletingLastPathComponent())
      let isLetter = source.url.lastPathComponent.count == 1
      return isLetter && neighbours.contains { !used.contains($0) } ? nil : result
    }

    /// `train` itself, where its label maps are in `trainannot` beside it.
    private func photographs(of split: DatasetSplit?) -> URL? {
      guard let split, let folder = ImageFolders.folder(of: split, in: root) else { return nil }
      return ImageFolders.pictures(below: folder).isEmpty ? nil : folder
    }

    private func folder(_ roles: [String], _ split: DatasetSplit?) -> URL? {
      for role in roles {
        guard let split else {
          if let found = existing(role) { return found }
          continue
        }
        for part in ImageFolders.names(of: split) {
          let joined = ["", "_", "-"].lazy.compactMap { existing(part + $0 + role) }.first
          if let found = joined ?? existing(part, role) ?? existing(role, part) { return found }
        }
      }
      return nil
    }

    private func existing(_ name: String, _ inner: String? = nil) -> URL? {
      guard let found = names[name] else { return nil }
      let folder = root.appendingPathComponent(found)
      if PairFolders.namesOfArraysToo.contains(name), !ImageFolders.folderHoldsImages(folder) { return nil }
      guard let inner else { return folder }
      return ImageFolders.subfolders(of: folder).first { $0.lowercased() == inner }
        .map { folder.appendingPathComponent($0) }
    }
  }
}
