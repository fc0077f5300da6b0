internal import AtelierHashing
internal import AtelierMedia
internal import Foundation

/// Reads folders into a ``FolderTree``: every folder is listed once, and only links are looked at one by one.
struct FolderWalk {
  private var folders: [FolderRecord] = []
  private var names: [UInt8] = []
  private var ends: [UInt32] = []
  private var isByteOrdered = true
  private var endings = ImageEndings()

  /// Reads a folder and everything below it.
  ///
  /// - Parameter say: told how many files were found so far, now and then.
  static func tree(of root: URL, say: (Int) -> Void = { _ in }) -> FolderTree {
    var walk = FolderWalk()
    walk.run(root, say)
    let plain = FolderTree(
      root: root, folders: walk.folders, names: walk.names, ends: walk.ends,
      isByteOrdered: walk.isByteOrdered, stamp: "")
    return FolderTree(
      root: root, folders: plain.folders, names: plain.names, ends: plain.ends,
      isByteOrdered: plain.isByteOrdered, stamp: plain.currentStamp().hash)
  }

  private mutating func run(_ root: URL, _ say: (Int) -> Void) {
    var paths = [root.path]
    folders = [FolderRecord()]
    // As deep as anything is followed from a folder two levels below the root.
    var (level, number) = (0, 0)
    while !paths.isEmpty, level <= FolderTree.deepest + 2 {
      var below: [String] = []
      for path in paths {
        let listed = list(path, number, isDeepest: level == FolderTree.deepest + 2)
        below += listed.map { (path == "/" ? "" : path) + "/" + $0 }
        number += 1
        say(ends.count)
      }
      paths = below
      level += 1
    }
  }

  /// Adds what a folder holds.
  ///
  /// - Returns: the names of its folders, sorted.
  private mutating func list(_ path: String, _ number: Int, isDeepest: Bool) -> [String] {
    var text: [UInt8] = []
    var (images, others, inner): ([Range<Int>], [Range<Int>], [Range<Int>]) = ([], [], [])
    var tiffs: UInt32 = 0
    let isOpen = scanFolder(path) { name, type, folder in
      let start = text.count
      guard Self.counts(name) else { return }
      if name.contains(where: { $0 >= 0x80 }) {
        let string = String(decoding: name, as: UTF8.self)
        if string != string.precomposedStringWithCanonicalMapping
          || !string.utf8.elementsEqual(string.precomposedStringWithCanonicalMapping.utf8)
        {
          isByteOrdered = false
        }
        text.append(contentsOf: string.utf8)
      } else {
        text.append(contentsOf: name)
      }
      let range = start..<text.count
      if type.isFolder(name, in: folder) {
        if !isDeepest { inner.append(range) }
      } else {
        switch endings.kind(of: name) {
        case .image: images.append(range)
        case .tiff:
          images.append(range)
          tiffs += 1
        case .other: others.append(range)
        }
      }
    }
    var own = folders[number]
    own.isClosed = isOpen && access(path, X_OK) == 0 ? 0 : 1
    own.text = UInt64(names.count)
    own.images = UInt32(ends.count)
    own.tiffs = tiffs
    own.child = UInt32(folders.count)
    precondition(text.count <= UInt32.max, "the names of \(path) are more than 4 GiB")
    let start = names.count
    text.withUnsafeBufferPointer { buffer in
      add(&images, buffer, start)
      own.others = UInt32(ends.count)
      add(&others, buffer, start)
      own.folders = UInt32(ends.count)
      add(&inner, buffer, start)
      own.end = UInt32(ends.count)
    }
    folders[number] = own
    for _ in inner { folders.append(FolderRecord(parent: UInt32(number))) }
    return inner.map { String(decoding: text[$0], as: UTF8.self) }
  }

  /// Adds names in order.
  ///
  /// - Parameter start: where the names of the folder begin in the buffer.
  private mutating func add(_ ranges: inout [Range<Int>], _ text: UnsafeBufferPointer<UInt8>, _ start: Int) {
    if isByteOrdered {
      ranges.sort { Self.precedes(text, $0, $1) }
    } else {
      ranges.sort { String(decoding: text[$0], as: UTF8.self) < String(decoding: text[$1], as: UTF8.self) }
    }
    for range in ranges {
      names.append(contentsOf: text[range])
      ends.append(UInt32(names.count - start))
    }
  }

  private static func precedes(
    _ text: UnsafeBufferPointer<UInt8>, _ one: Range<Int>, _ other: Range<Int>
  ) -> Bool {
    guard let start = text.baseAddress else { return false }
    let order = memcmp(start + one.lowerBound, start + other.lowerBound, min(one.count, other.count))
    return order == 0 ? one.count < other.count : order < 0
  }

  private static let firstOfDebris: Set<UInt8> = Set(
    (ImageFolders.debrisNames + [FaceSet.sheetName]).compactMap(\.utf8.first).flatMap { byte in
      let letter = UnicodeScalar(byte)
      return [byte, Character(letter).uppercased().utf8.first ?? byte]
    })

  /// Whether a name is neither hidden nor left by another program.
  private static func counts(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = name.first, first != 0x2E else { return false }
    guard firstOfDebris.contains(first) else { return true }
    let string = String(decoding: name, as: UTF8.self)
    return !ImageFolders.isDebris(string) && string != FaceSet.sheetName
  }
}

/// Which names are those of images, by their endings.
private struct ImageEndings {
  enum Kind { case image, tiff, other }

  private var last: (ending: UInt64, kind: Kind) = (0, .other)

  mutating func kind(of name: UnsafeBufferPointer<UInt8>) -> Kind {
    var ending: UInt64 = 0
    var place = name.count - 1
    while place >= 0, name[place] != 0x2E {
      // No ending of an image has as many letters.
      if name.count - place > 7 { return .other }
      let byte = name[place]
      ending = ending << 8 | UInt64(byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte)
      place -= 1
    }
    guard place >= 0, ending != 0 else { return .other }
    if ending == last.ending { return last.kind }
    let text = String(decoding: name[(place + 1)...], as: UTF8.self)
    let format = ImageFormat(fileExtension: text)
    last = (ending, format == nil ? .other : format == .tiff ? .tiff : .image)
    return last.kind
  }
}

/// What a folder says an entry is.
struct EntryType {
  fileprivate let code: UInt8

  /// Whether the entry is a folder; a link is what it leads to.
  func isFolder(_ name: UnsafeBufferPointer<UInt8>, in folder: Int32) -> Bool {
    if code == 4 { return true }
    // Links, and what file systems do not tell.
    guard code == 10 || code == 0 else { return false }
    var status = stat()
    return name.withMemoryRebound(to: CChar.self) { characters in
      // Names of a folder end with a zero.
      guard let start = characters.baseAddress else { return false }
      return fstatat(folder, start, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
  }
}

/// Calls `body` with every name in a folder but `.` and `..`, as bytes that a zero follows, in the file system's order.
///
/// - Returns: whether the folder can be listed.
func scanFolder(
  _ path: String, _ body: (_ name: UnsafeBufferPointer<UInt8>, _ type: EntryType, _ folder: Int32) -> Void
) -> Bool {
  guard let stream = opendir(path) else { return false }
  defer { closedir(stream) }
  let folder = dirfd(stream)
  while let entry = readdir(stream) {
    let type = EntryType(code: entry.pointee.d_type)
    withUnsafeMutablePointer(to: &entry.pointee.d_name) { field in
      let count = strlen(UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
      let name = UnsafeBufferPointer(
        start: UnsafeRawPointer(field).assumingMemoryBound(to: UInt8.self), count: count)
      if name[0] == 0x2E, count == 1 || count == 2 && name[1] == 0x2E { return }
      body(name, type, folder)
    }
  }
  return true
}

// MARK: - Stamps

extension FolderTree {
  /// Of more images than these, so many are looked at, evenly chosen.
  static let mostStamped = 10_000

  /// The hash of what the file system says now of all folders, and of the images or ten thousand of them: sizes, numbers
  /// and times of change.
  ///
  /// A name that comes, goes or is replaced changes its folder's time, so that every one is noticed; only a file that is
  /// written anew in its place is not, where there are more than ten thousand and it is not among those looked at.
  func currentStamp() -> (hash: String, newest: Int) {
    var words: [UInt64] = []
    words.reserveCapacity(5 * (folders.count + Self.mostStamped))
    var newest = 0
    func add(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else {
        words.append(.max)
        return
      }
      words.append(UInt64(truncatingIfNeeded: status.st_size))
      words.append(UInt64(truncatingIfNeeded: status.st_ino))
      for time in status.changes {
        newest = max(newest, time)
        words.append(UInt64(truncatingIfNeeded: time))
      }
    }
    let base = root.path == "/" ? "/" : root.path + "/"
    for number in folders.indices { add(number == 0 ? root.path : base + path(of: number, below: 0)) }
    let images = FolderPlace(tree: self, number: 0).pieces
    let count = min(images.count, Self.mostStamped)
    var folder = -1
    var path = ""
    for number in 0..<count {
      let place = images[number * images.count / max(1, count)]
      if place.folder != folder {
        folder = place.folder
        path = base + self.path(of: folder, below: 0)
      }
      add(path + name(place.entry, in: folder))
    }
    var hasher = SHA256Hasher()
    words.withUnsafeBytes { hasher.update($0) }
    return (hasher.hexDigest(), newest)
  }
}

extension FolderPlace {
  /// The images in it and below it, folder by folder.
  fileprivate var pieces: FilePieces {
    var pieces = FilePieces()
    for number in tree.folders.indices {
      pieces.add(number, tree.folders[number].images..<tree.folders[number].others)
    }
    return pieces
  }
}

extension stat {
  /// When the contents and the entry itself changed last, in nanoseconds.
  fileprivate var changes: [Int] {
    #if canImport(Darwin)
      let times = [st_mtimespec, st_ctimespec]
    #else
      let times = [st_mtim, st_ctim]
    #endif
    return times.map { Int($0.tv_sec) * 1_000_000_000 + Int($0.tv_nsec) }
  }
}
