internal import AtelierHashing
package import Foundation
internal import Synchronization
internal import Torch

/// The index of a folder of many files: its ``FolderTree`` in a file of the user's cache, so that opening it lists
/// nothing.
///
/// Every command shares it, with a run or without. It holds as long as the folder's stamp does, and is not trusted: its
/// sizes, places and names are checked before any is used.
package struct FolderIndex: Sendable {
  /// Which folders have an index, and where it is kept.
  package struct Rule: Sendable, Hashable {
    /// The fewest files and folders; smaller folders are listed anew each time.
    package var fewest = 10_000
    /// The nanoseconds for which nothing may have changed before a folder was listed: clocks of file systems are coarse.
    package var settling = 2_000_000_000
    /// Where indexes are kept; nil: `atelier/folders` in the user's cache.
    package var cache: URL?

    /// The usual rule.
    package init() {}
  }

  /// The rule of this task.
  @TaskLocal package static var rule = Rule()

  private static let magic = Array("ATELIDX1".utf8)
  /// The magic, five numbers, the stamp and the checksum.
  private static let header = 8 + 5 * 8 + 64 + 64

  /// The folder.
  package let root: URL
  /// The file of the index.
  package let file: URL

  /// The index of a folder, whether it is there or not.
  package init(of root: URL, in cache: URL? = nil) {
    self.root = root
    let path = root.standardizedFileURL.resolvingSymlinksInPath().path
    let name = Array("\(path)\n\(root.path)".utf8).sha256Hex.prefix(32)
    file = (cache ?? UserCache.folder("folders")).appendingPathComponent("\(name).index")
  }

  private var factsFile: URL { file.deletingPathExtension().appendingPathExtension("facts") }

  // MARK: Opening

  /// The tree of a folder: from its index where that holds, else by listing it.
  static func tree(of root: URL) -> FolderTree {
    let rule = Self.rule
    let index = FolderIndex(of: root, in: rule.cache)
    if let known = recent.withLock({ $0.first { $0.file == index.file }?.tree }), known.root == root,
      known.currentStamp().hash == known.stamp
    {
      return known
    }
    if let tree = index.read() {
      if tree.currentStamp().hash == tree.stamp {
        index.remember(tree)
        return tree
      }
      DataProgress.say("\(root.path) has changed since it was indexed, and is listed anew.")
    }
    let start = Int(Date().timeIntervalSince1970 * 1e9)
    var said = 0
    let tree = FolderWalk.tree(of: root) { count in
      guard count >= said + 200_000 else { return }
      said = count
      DataProgress.say("Listing \(root.path) for its index: \(count) files so far.")
    }
    guard tree.ends.count >= rule.fewest else { return tree }
    let now = tree.currentStamp()
    guard now.hash == tree.stamp, now.newest <= start - rule.settling else { return tree }
    return index.write(tree)
  }

  /// What the file of an index is worth.
  package enum State: Sendable { case missing, damaged, outdated, current }

  /// Whether the index is there, sound, and of the folder as it is.
  package var state: State {
    guard FileManager.default.fileExists(atPath: file.path) else { return .missing }
    guard let tree = try? parsed() else { return .damaged }
    return tree.currentStamp().hash == tree.stamp ? .current : .outdated
  }

  /// Forgets the trees in memory, so that the next opening reads the file.
  package static func forget() { recent.withLock { $0 = [] } }

  /// The trees that were used last, which a process opens for each part of the data.
  private static let recent = Mutex<[(file: URL, tree: FolderTree)]>([])

  private func remember(_ tree: FolderTree) {
    Self.recent.withLock { recent in
      recent.removeAll { $0.file == file }
      recent.append((file, tree))
      if recent.count > 2 { recent.removeFirst() }
    }
  }

  // MARK: Writing

  private func write(_ tree: FolderTree) -> FolderTree {
    let path = Array(root.path.utf8)
    let numbers = [
      path.count, tree.folders.count, tree.ends.count, tree.names.count, tree.isByteOrdered ? 1 : 0,
    ]
    var bytes = Self.magic
    for number in numbers { withUnsafeBytes(of: UInt64(number).littleEndian) { bytes += $0 } }
    bytes += Array(tree.stamp.utf8)
    bytes += Array(Self.checksum(bytes, path, tree.folders, tree.ends, tree.names).utf8)
    bytes += path
    do {
      let folder = file.deletingLastPathComponent()
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let partial = try UnfinishedEntry(in: folder)
      let handle = FileHandle(fileDescriptor: partial.descriptor, closeOnDealloc: false)
      try handle.write(contentsOf: Data(bytes))
      try tree.folders.withUnsafeBytes { try handle.write(contentsOf: Data($0)) }
      try tree.ends.withUnsafeBytes { try handle.write(contentsOf: Data($0)) }
      try handle.write(contentsOf: Data(tree.names))
      guard partial.move(to: file) else { throw CocoaError(.fileWriteUnknown) }
    } catch {
      DataProgress.say(
        "The index of \(root.path) cannot be written to \(file.deletingLastPathComponent().path), so that the folder "
          + "is listed anew each time; XDG_CACHE_HOME names another place for it.")
      return tree
    }
    try? FileManager.default.removeItem(at: factsFile)
    let kept = FolderTree(
      root: root, folders: tree.folders, names: tree.names, ends: tree.ends,
      isByteOrdered: tree.isByteOrdered, stamp: tree.stamp,
      facts: FolderFacts(factsFile, stamp: tree.stamp))
    remember(kept)
    return kept
  }

  /// The hash of everything in the file but itself.
  private static func checksum(
    _ head: [UInt8], _ path: [UInt8], _ folders: [FolderRecord], _ ends: [UInt32], _ names: [UInt8]
  ) -> String {
    var hasher = SHA256Hasher()
    hasher.update(head)
    hasher.update(path)
    folders.withUnsafeBytes { hasher.update($0) }
    ends.withUnsafeBytes { hasher.update($0) }
    hasher.update(names)
    return hasher.hexDigest()
  }

  // MARK: Reading

  /// The tree in the file; nil where there is none, or a damaged one, which is said.
  private func read() -> FolderTree? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    guard let tree = try? parsed() else {
      DataProgress.say("The index \(file.path) is damaged and is made anew.")
      return nil
    }
    return tree
  }

  private struct Damaged: Error {}

  private func parsed() throws -> FolderTree {
    let source = try ByteSource(file)
    let head = try source.bytes(at: 0, count: Self.header)
    guard head.starts(with: Self.magic) else { throw Damaged() }
    let numbers = (0..<5).map { number -> Int in
      let word = (0..<8).reduce(UInt64(0)) { $0 | UInt64(head[8 + 8 * number + $1]) << UInt64(8 * $1) }
      return Int(clamping: word)
    }
    let (path, folderCount, entryCount, nameCount) = (numbers[0], numbers[1], numbers[2], numbers[3])
    let row = MemoryLayout<FolderRecord>.stride
    let most = 1 << 40
    guard numbers.allSatisfy({ $0 < most }), folderCount > 0, folderCount < UInt32.max,
      entryCount < UInt32.max,
      source.count == Self.header + path + folderCount * row + 4 * entryCount + nameCount
    else { throw Damaged() }
    let stamp = String(decoding: head[48..<112], as: UTF8.self)
    let sum = String(decoding: head[112..<176], as: UTF8.self)
    var place = Self.header
    func next(_ count: Int) throws -> [UInt8] {
      defer { place += count }
      return try source.bytes(at: place, count: count)
    }
    let own = try next(path)
    // Bytes are aligned for every type.
    let folders = try next(folderCount * row).withUnsafeBytes { Array($0.bindMemory(to: FolderRecord.self)) }
    let ends = try next(4 * entryCount).withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
    let names = try next(nameCount)
    guard own.elementsEqual(root.path.utf8),
      Self.checksum(Array(head[..<112]), own, folders, ends, names) == sum,
      Self.isSound(folders, ends, names)
    else { throw Damaged() }
    return FolderTree(
      root: root, folders: folders, names: names, ends: ends, isByteOrdered: numbers[4] == 1, stamp: stamp,
      facts: FolderFacts(factsFile, stamp: stamp))
  }

  /// Whether every place lies within its bounds, folders hang together as a tree, and no name leads elsewhere.
  package static func isSound(_ folders: [FolderRecord], _ ends: [UInt32], _ names: [UInt8]) -> Bool {
    var (entry, text, child) = (UInt32(0), 0, 1)
    for (number, folder) in folders.enumerated() {
      guard folder.images == entry, folder.images <= folder.others, folder.others <= folder.folders,
        folder.folders <= folder.end, Int(folder.end) <= ends.count, folder.text == UInt64(text),
        Int(folder.child) == child, number == 0 ? folder.parent == 0 : Int(folder.parent) < number
      else { return false }
      if number > 0 {
        let parent = folders[Int(folder.parent)]
        let last = Int(parent.child) + Int(parent.end - parent.folders)
        guard (Int(parent.child)..<last).contains(number) else { return false }
      }
      child += Int(folder.end - folder.folders)
      guard areSound(ends, Int(folder.images)..<Int(folder.end), from: text, names) else { return false }
      if folder.end > folder.images { text += Int(ends[Int(folder.end) - 1]) }
      entry = folder.end
    }
    return Int(entry) == ends.count && text == names.count && child == folders.count
      && !holds(names, 0x2F) && !holds(names, 0)
  }

  private static func holds(_ names: [UInt8], _ byte: Int32) -> Bool {
    names.withUnsafeBufferPointer { $0.baseAddress.map { memchr($0, byte, names.count) != nil } ?? false }
  }

  /// Whether the names of a folder are not empty, not hidden, and within the buffer.
  private static func areSound(_ ends: [UInt32], _ entries: Range<Int>, from start: Int, _ names: [UInt8])
    -> Bool
  {
    ends.withUnsafeBufferPointer { ends in
      names.withUnsafeBufferPointer { names in
        var last = 0
        var entry = entries.lowerBound
        while entry < entries.upperBound {
          let end = Int(ends[entry])
          guard end > last, end <= names.count - start, names[start + last] != 0x2E else { return false }
          last = end
          entry += 1
        }
        return true
      }
    }
  }
}

// MARK: - Scope

/// Runs `body`, in which a folder of data is listed once at most, however many parts of it are opened.
package func listingOnce<Result>(_ folder: URL, _ body: () throws -> Result) throws -> Result {
  try ImageFolders.opening(folder, body)
}

/// The tree of a folder that is being opened; it is made when it is asked for.
final class OpenedFolder: Sendable {
  private let root: URL
  private let tree = Mutex<FolderTree?>(nil)

  init(_ root: URL) { self.root = root }

  /// A folder in the tree; nil where it lies elsewhere or is not there.
  func place(of folder: URL) -> FolderPlace? {
    let (path, top) = (folder.path, root.path)
    guard path == top || path.hasPrefix(top == "/" ? top : top + "/") else { return nil }
    let tree = tree.withLock { tree -> FolderTree in
      let known = tree ?? FolderIndex.tree(of: root)
      tree = known
      return known
    }
    return tree.folder(at: path.dropFirst(top.count)).map { FolderPlace(tree: tree, number: $0) }
  }

  func covers(_ folder: URL) -> Bool { folder.path == root.path || folder.path.hasPrefix(root.path + "/") }
}

extension ImageFolders {
  /// What is being opened.
  @TaskLocal private static var opened: OpenedFolder?

  /// Runs `body`, in which the folder is listed once at most, from its index where it has one.
  static func opening<Result, Failure: Error>(
    _ path: URL, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let opened, opened.covers(path) { return try body() }
    guard isFolder(path) else { return try body() }
    return try $opened.withValue(OpenedFolder(path)) {
      Swift.Result { () throws(Failure) in try body() }
    }.get()
  }

  /// A folder of what is being opened; nil where it is none.
  static func known(_ folder: URL) -> FolderPlace? { opened?.place(of: folder) }

  /// A folder of what is being opened, or listed now with all that is below it.
  static func place(of folder: URL) -> FolderPlace {
    known(folder) ?? FolderPlace(tree: FolderWalk.tree(of: folder), number: 0)
  }
}
