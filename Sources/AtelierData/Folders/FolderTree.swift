internal import AtelierMedia
internal import Foundation

/// What is known of one folder: its entries are its images, other files, and the names of its folders, each sorted.
package struct FolderRecord: Sendable, Hashable {
  /// The folder that it lies in; the root's is itself.
  package var parent: UInt32 = 0
  /// The number of its first folder, if it has any.
  package var child: UInt32 = 0
  /// The first image.
  package var images: UInt32 = 0
  /// The first file that is no image.
  package var others: UInt32 = 0
  /// The first name of a folder.
  package var folders: UInt32 = 0
  /// The entry behind the last.
  package var end: UInt32 = 0
  /// Images that may hold any numbers: TIFF.
  package var tiffs: UInt32 = 0
  /// 1 where it cannot be listed or entered, else 0.
  package var isClosed: UInt32 = 0
  /// The place of its first name in the buffer.
  package var text: UInt64 = 0

  /// An empty folder.
  package init(parent: UInt32 = 0) { self.parent = parent }
}

/// What lies in a folder and below it at one moment: all names in one buffer, so that a million files take some twenty
/// bytes each.
///
/// Hidden names and what other programs leave (``ImageFolders/isDebris(_:)``) are not in it. Folders are numbered from the
/// root on, level by level, so that those of one folder follow one another.
final class FolderTree: Sendable {
  /// Links that lead in circles end at this depth.
  static let deepest = 16

  /// The folder, as it was named.
  let root: URL
  let folders: [FolderRecord]
  /// The names one after the other, UTF-8.
  let names: [UInt8]
  /// Where each entry's name ends, from the place of its folder's first name on.
  let ends: [UInt32]
  /// Whether the order of bytes is that of strings: names are ASCII or in Unicode's composed form.
  let isByteOrdered: Bool
  /// The hash of sizes and time stamps; see ``currentStamp()``.
  let stamp: String
  /// What was derived from the files and is kept with the index; see ``FolderIndex``.
  let facts: FolderFacts

  init(
    root: URL, folders: [FolderRecord], names: [UInt8], ends: [UInt32], isByteOrdered: Bool, stamp: String,
    facts: FolderFacts = FolderFacts()
  ) {
    (self.root, self.folders, self.names, self.ends) = (root, folders, names, ends)
    (self.isByteOrdered, self.stamp, self.facts) = (isByteOrdered, stamp, facts)
  }

  // MARK: Names

  /// The place of an entry's name in the buffer.
  func range(_ entry: UInt32, in folder: Int) -> Range<Int> {
    let own = folders[folder]
    let start = Int(own.text)
    let first = entry == own.images ? 0 : Int(ends[Int(entry) - 1])
    return start + first..<start + Int(ends[Int(entry)])
  }

  /// An entry's name.
  func name(_ entry: UInt32, in folder: Int) -> String {
    String(decoding: names[range(entry, in: folder)], as: UTF8.self)
  }

  /// The name of a folder in the one that it lies in.
  func name(ofFolder number: Int) -> String {
    let parent = Int(folders[number].parent)
    return name(folders[parent].folders + UInt32(number) - folders[parent].child, in: parent)
  }

  /// The path of a folder from another one above it, with a slash at its end; empty for that one.
  func path(of folder: Int, below top: Int) -> String {
    var (number, path) = (folder, "")
    while number != top, number != 0 {
      path = name(ofFolder: number) + "/" + path
      number = Int(folders[number].parent)
    }
    return path
  }

  /// The numbers of the folders in a folder, in the order of their names.
  func inner(_ folder: Int) -> Range<Int> {
    let own = folders[folder]
    return Int(own.child)..<Int(own.child + own.end - own.folders)
  }

  /// The number of a folder by its path from the root; nil where there is none.
  func folder(at path: some StringProtocol) -> Int? {
    var number = 0
    for part in path.split(separator: "/") {
      guard let next = folder(named: String(part), in: number) else { return nil }
      number = next
    }
    return number
  }

  private func folder(named name: String, in folder: Int) -> Int? {
    let inner = inner(folder)
    guard isByteOrdered else { return inner.first { self.name(ofFolder: $0) == name } }
    var (low, high) = (inner.lowerBound, inner.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if self.name(ofFolder: middle) < name { low = middle + 1 } else { high = middle }
    }
    return low < inner.upperBound && self.name(ofFolder: low) == name ? low : nil
  }

  // MARK: Images

  /// Whether an image lies in a folder or below it, at most as deep as links are followed.
  func holdsImages(_ folder: Int, depth: Int = 0) -> Bool {
    if folders[folder].others > folders[folder].images { return true }
    guard depth < Self.deepest else { return false }
    return inner(folder).contains {
      !ImageFolders.isImage(name(ofFolder: $0)) && holdsImages($0, depth: depth + 1)
    }
  }

  /// The number of images in a folder and below it.
  func imageCount(_ folder: Int, depth: Int = 0) -> Int {
    var count = Int(folders[folder].others - folders[folder].images)
    guard depth < Self.deepest else { return count }
    for number in inner(folder) where !ImageFolders.isImage(name(ofFolder: number)) {
      count += imageCount(number, depth: depth + 1)
    }
    return count
  }

  /// Adds the images in a folder and below it, in the order of their paths.
  func collect(_ folder: Int, depth: Int = 0, into pieces: inout FilePieces) {
    let own = folders[folder]
    var next = own.images
    if depth < Self.deepest {
      // A folder's images stand where its name with a slash does.
      let inner = inner(folder).map { number in (key: Array((name(ofFolder: number) + "/").utf8), number) }
        .filter { !ImageFolders.isImage(String(decoding: $0.key.dropLast(), as: UTF8.self)) }
        .sorted { $0.key.lexicographicallyPrecedes($1.key) }
      for (key, number) in inner {
        let place = firstImage(of: folder, from: next, notBefore: key)
        pieces.add(folder, next..<place)
        next = place
        collect(number, depth: depth + 1, into: &pieces)
      }
    }
    pieces.add(folder, next..<own.others)
  }

  private func firstImage(of folder: Int, from first: UInt32, notBefore key: [UInt8]) -> UInt32 {
    var (low, high) = (first, folders[folder].others)
    while low < high {
      let middle = low + (high - low) / 2
      if names[range(middle, in: folder)].lexicographicallyPrecedes(key) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}

/// Runs of images of a ``FolderTree``.
struct FilePieces: Sendable, Hashable {
  /// Images of one folder that follow one another.
  struct Piece: Sendable, Hashable {
    let folder: UInt32
    /// The first entry.
    let first: UInt32
    /// The number of images in the pieces before it.
    let before: Int
  }

  private(set) var pieces: [Piece] = []
  private(set) var count = 0

  mutating func add(_ folder: Int, _ entries: Range<UInt32>) {
    guard !entries.isEmpty else { return }
    pieces.append(Piece(folder: UInt32(folder), first: entries.lowerBound, before: count))
    count += entries.count
  }

  /// The folder and the entry of an image.
  subscript(_ index: Int) -> (folder: Int, entry: UInt32) {
    var (low, high) = (0, pieces.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if pieces[middle].before <= index { low = middle } else { high = middle }
    }
    let piece = pieces[low]
    return (Int(piece.folder), piece.first + UInt32(index - piece.before))
  }
}

/// A folder of a tree.
struct FolderPlace: Sendable {
  let tree: FolderTree
  let number: Int

  private var own: FolderRecord { tree.folders[number] }

  /// The sorted names of its files that are no images, and of its folders.
  var namesWithoutImages: [String] {
    (own.others..<own.end).map { tree.name($0, in: number) }.sorted()
  }

  /// The sorted names in it.
  var allNames: [String] { (own.images..<own.end).map { tree.name($0, in: number) }.sorted() }

  /// The sorted names of its folders.
  var subfolders: [String] { tree.inner(number).map { tree.name(ofFolder: $0) } }

  /// Its own images.
  var directImages: FileNames {
    var pieces = FilePieces()
    pieces.add(number, own.images..<own.others)
    return FileNames(tree, below: number, pieces)
  }

  /// The sorted names of its folders that hold images.
  var foldersWithImages: [String] {
    tree.inner(number).filter { tree.holdsImages($0) }.map { tree.name(ofFolder: $0) }
  }

  /// Whether a folder of the tree cannot be listed or entered.
  var holdsClosedFolders: Bool { tree.folders.contains { $0.isClosed != 0 } }

  var holdsImages: Bool { tree.holdsImages(number) }
  var imageCount: Int { tree.imageCount(number) }

  /// The images in it and below it, in the order of their paths.
  var pictures: FileNames {
    var pieces = FilePieces()
    tree.collect(number, into: &pieces)
    return FileNames(tree, below: number, pieces)
  }

  /// The images of some of its folders, folder by folder, and how many each has.
  func pictures(of names: [String]) -> (files: FileNames, counts: [Int]) {
    var pieces = FilePieces()
    var counts: [Int] = []
    var order: [UInt32] = []
    for name in names {
      let before = pieces.count
      if let folder = tree.folder(at: tree.path(of: number, below: 0) + name) {
        tree.collect(folder, into: &pieces)
      }
      counts.append(pieces.count - before)
      if !tree.isByteOrdered {
        order += FileNames(tree, below: number, pieces, order: []).sortedPlaces(before..<pieces.count)
      }
    }
    return (FileNames(tree, below: number, pieces, order: tree.isByteOrdered ? nil : order), counts)
  }

  /// Calls `body` with the path of each file that is no image, from this folder on, and of each folder, in the order of
  /// names; what `body` returns for a folder says whether it is entered.
  func visitOthers(
    _ prefix: String = "", depth: Int = 0, _ body: (_ path: String, _ name: String, _ isFolder: Bool) -> Bool
  ) {
    let files = (own.others..<own.folders).map { (name: tree.name($0, in: number), folder: Int?.none) }
    let inner = tree.inner(number).map { (name: tree.name(ofFolder: $0), folder: Int?.some($0)) }
    for (name, folder) in (files + inner).sorted(by: { $0.name < $1.name }) {
      guard body(prefix + name, name, folder != nil), let folder, depth < FolderTree.deepest else { continue }
      FolderPlace(tree: tree, number: folder).visitOthers(prefix + name + "/", depth: depth + 1, body)
    }
  }
}
