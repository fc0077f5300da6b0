internal import AtelierHashing
internal import CZlib
public import Foundation
internal import Torch

/// An archive of data, zip, tar or gzipped tar, that is read as the folder it holds.
///
/// It is unpacked once, whole or not at all, into a folder of the user's cache that is named after its contents, so
/// that every arrangement of data is read from it as from a folder. Nothing of it is executed or made executable;
/// links and devices are left out, and paths that lead out of it are refused.
public struct DataArchive: Sendable, Hashable {
  /// Bounds that an archive must keep.
  public struct Limits: Sendable, Hashable {
    /// The most files.
    public var files = 2_000_000
    /// The most bytes of all files together.
    public var bytes = 1 << 40
    /// The most bytes of all files together for each byte of the archive: pictures hardly shrink, and tables some
    /// twentyfold.
    public var expansion = 100

    /// Two million files, a tebibyte, a hundredfold.
    public init() {}
  }

  /// The archive.
  public let file: URL
  /// Where unpacked archives are kept.
  public let cache: URL
  /// The bounds.
  public let limits: Limits

  /// An archive.
  ///
  /// - Parameter cache: where unpacked archives are kept; nil: `atelier/unpacked` in the folder that
  ///   `XDG_CACHE_HOME` names, or in `.cache` at home.
  public init(_ file: URL, cache: URL? = nil, limits: Limits = Limits()) {
    self.file = file
    self.limits = limits
    self.cache = cache ?? UserCache.folder("unpacked")
  }

  /// The endings of archives.
  public static let endings = ["zip", "tar", "tar.gz", "tgz"]

  /// Whether a path is that of an archive by its name, and no folder.
  public static func isArchive(_ place: URL) -> Bool {
    let name = place.lastPathComponent.lowercased()
    return endings.contains { name.hasSuffix("." + $0) } && !ImageFolders.isFolder(place)
  }

  /// The folder that data are read from: what an archive unpacks to, and any other place as it is.
  ///
  /// - Parameter say: told that an archive is being unpacked, and what of it is left out.
  /// - Throws: ``DatasetError`` for an archive that is damaged, leads out of itself, or is larger than it looks.
  public static func folder(
    at place: URL, say: (String) -> Void = { _ in }
  ) throws -> URL {
    guard isArchive(place), FileManager.default.fileExists(atPath: place.path) else { return place }
    return try DataArchive(place).unpacked(say: say)
  }

  /// The folder with the archive's files, made where it is not there yet.
  ///
  /// Where everything lies in one folder of the archive, it is that one.
  public func unpacked(say: (String) -> Void = { _ in }) throws -> URL {
    let hash: String
    do { hash = try SHA256Hasher.hexDigest(of: file) } catch { throw DatasetError.notFound(path: file.path) }
    let place = cache.appendingPathComponent(String(hash.prefix(32)))
    let manager = FileManager.default
    if !manager.fileExists(atPath: place.path) {
      say("\(file.lastPathComponent) is unpacked into \(place.path).")
      try make(cache)
      let new = try UnfinishedEntry(in: cache, isFolder: true)
      let contents = new.place.appendingPathComponent(stem)
      try make(contents)
      let left = try unpack(into: contents)
      if let left { say(left) }
      // Another program may have been faster.
      guard new.move(to: place) || manager.fileExists(atPath: place.path) else {
        throw DatasetError.unwritable(path: place.path, reason: "the unpacked folder cannot be moved there")
      }
    }
    return inner(place.appendingPathComponent(stem))
  }

  /// The archive's name without its ending.
  private var stem: String {
    let name = file.lastPathComponent
    let ending =
      Self.endings.filter { name.lowercased().hasSuffix("." + $0) }.max { $0.count < $1.count } ?? ""
    let stem = String(name.dropLast(ending.count + 1))
    return stem.isEmpty ? "data" : stem
  }

  private func inner(_ folder: URL) -> URL {
    let names = listing(of: folder).filter { !ImageFolders.isDebris($0) }
    guard names.count == 1, let only = names.first else { return folder }
    let inside = folder.appendingPathComponent(only)
    // A single class, or a single part, is data, and no wrapping.
    let parts = DatasetSplit.allCases.flatMap { ImageFolders.names(of: $0) }
    guard ImageFolders.isFolder(inside), !parts.contains(only.lowercased()),
      holdsFolders(inside) || only == stem
    else { return folder }
    return inside
  }

  private func holdsFolders(_ folder: URL) -> Bool {
    listing(of: folder).contains { ImageFolders.isFolder(folder.appendingPathComponent($0)) }
      || LabelTable.find(in: folder) != nil
  }

  private func make(_ folder: URL) throws {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw DatasetError.unwritable(
        path: folder.path, reason: "the folder cannot be made; XDG_CACHE_HOME names another place for it")
    }
  }

  // MARK: Unpacking

  /// One file of an archive.
  private struct Item {
    let name: String
    let range: Range<Int>
    let size: Int
    /// Nil: stored as it is. Else the checksum of what is inflated.
    let checksum: UInt32?
  }

  /// - Returns: a sentence about what is left out; nil where nothing is.
  private func unpack(into folder: URL) throws -> String? {
    let source = try ByteSource(file)
    let head = try source.bytes(at: 0, count: min(4, source.count))
    if isGzip(head) {
      let plain = folder.deletingLastPathComponent().appendingPathComponent("plain.tar")
      defer { try? FileManager.default.removeItem(at: plain) }
      try write(plain) { take in
        try Inflation.inflate(source, 0..<source.count, .gzip, limit: most(source.count), take: take)
      }
      return try unpackTar(try ByteSource(plain), into: folder)
    }
    if TarReader.isPresent(in: source) { return try unpackTar(source, into: folder) }
    let zip = try ZipArchive(source, deflated: true)
    var (items, left): ([Item], [String]) = ([], [])
    for entry in zip.entries where !entry.name.hasSuffix("/") {
      if entry.isLink {
        left.append(entry.name)
      } else {
        items.append(
          Item(
            name: entry.name, range: entry.range, size: entry.size,
            checksum: entry.isDeflated ? entry.checksum : nil))
      }
    }
    return try unpack(items, left, of: source, into: folder)
  }

  private func unpackTar(_ source: ByteSource, into folder: URL) throws -> String? {
    let tar = try TarReader(source, limit: limits.files)
    let items = tar.entries.filter { $0.kind == 0x30 }.map {
      Item(name: $0.name, range: $0.range, size: $0.range.count, checksum: nil)
    }
    let left = tar.entries.filter { $0.kind != 0x30 && $0.kind != 0x35 }.map(\.name)
    return try unpack(items, left, of: source, into: folder)
  }

  private func unpack(_ items: [Item], _ left: [String], of source: ByteSource, into folder: URL) throws
    -> String?
  {
    guard items.count <= limits.files else { throw damaged("it has more than \(limits.files) files") }
    guard !items.isEmpty else { throw damaged("there is no file in it") }
    var total = 0
    for item in items {
      let (sum, overflow) = total.addingReportingOverflow(item.size)
      guard !overflow, sum <= most(source.count) else {
        throw DatasetError.unusable(
          path: file.path,
          reason:
            "its \(source.count) bytes would become more than \(most(source.count)), as no pictures do; unpack "
            + "it yourself if it can be trusted, and name the folder")
      }
      total = sum
    }
    let free = try? cache.resourceValues(forKeys: [.volumeAvailableCapacityKey]).volumeAvailableCapacity
    if let free, total > free - (64 << 20) {
      throw DatasetError.unwritable(
        path: cache.path,
        reason: "there is no room for \(total) bytes; XDG_CACHE_HOME names another place for them")
    }
    var seen: Set<String> = []
    var folders: Set<String> = []
    for item in items {
      let parts = try parts(of: item.name)
      guard seen.insert(parts.joined(separator: "/")).inserted else {
        throw damaged("the file \(shown(item.name)) comes twice")
      }
      let parent = parts.dropLast().reduce(folder) { $0.appendingPathComponent($1) }
      if folders.insert(parent.path).inserted { try make(parent) }
      try write(parent.appendingPathComponent(parts[parts.count - 1])) { take in
        try copy(item, of: source, take)
      }
    }
    guard let first = left.first else { return nil }
    return left.count == 1
      ? "A link or device in \(file.lastPathComponent) is left out: \(shown(first))."
      : "\(left.count) links or devices in \(file.lastPathComponent) are left out, such as \(shown(first))."
  }

  private func copy(
    _ item: Item, of source: ByteSource, _ take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard let checksum = item.checksum else {
      var place = item.range.lowerBound
      while place < item.range.upperBound {
        let piece = try source.bytes(at: place, count: min(1 << 20, item.range.upperBound - place))
        try piece.withUnsafeBytes(take)
        place += piece.count
      }
      return
    }
    var (sum, count) = (crc32(0, nil, 0), 0)
    try Inflation.inflate(source, item.range, .none, limit: item.size) { piece in
      sum = crc32(sum, piece.bindMemory(to: UInt8.self).baseAddress, uInt(piece.count))
      count += piece.count
      try take(piece)
    }
    guard count == item.size, UInt32(truncatingIfNeeded: sum) == checksum else {
      throw damaged("the file \(shown(item.name)) does not have the size and checksum of its entry")
    }
  }

  /// The parts of a path in the archive, none of which leads anywhere else.
  private func parts(of name: String) throws -> [String] {
    let parts = name.split(separator: "/").map(String.init).filter { $0 != "." }
    let isPlain = !parts.isEmpty && !name.hasPrefix("/") && !name.contains("\\") && !name.utf8.contains(0)
    guard isPlain, parts.allSatisfy({ $0 != ".." && $0.utf8.count <= 255 }), parts.count <= 64 else {
      throw DatasetError.unusable(
        path: file.path, reason: "the path \(shown(name)) in it leads out of a folder")
    }
    return parts
  }

  /// Bytes that the files of an archive of so many may have.
  private func most(_ count: Int) -> Int {
    min(limits.bytes, (64 << 20) + count * limits.expansion)
  }

  private func write(_ place: URL, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
    let file: UnsafeMutablePointer<FILE>? = fopen(place.path, "wbx")
    guard let file else {
      throw DatasetError.unwritable(path: place.path, reason: String(cString: strerror(errno)))
    }
    defer { fclose(file) }
    try body { piece in
      guard piece.isEmpty || fwrite(piece.baseAddress, 1, piece.count, file) == piece.count else {
        throw DatasetError.unwritable(
          path: place.path, reason: "the disk is full or broken; XDG_CACHE_HOME names another place")
      }
    }
    guard fflush(file) == 0 else {
      throw DatasetError.unwritable(path: place.path, reason: "the disk is full or broken")
    }
  }

  private func damaged(_ reason: String) -> DatasetError { .corruptFile(path: file.path, reason: reason) }

  /// A name from the archive in a message: no control characters, and not too long.
  private func shown(_ name: String) -> String {
    "\"" + String(name.unicodeScalars.prefix(80).map { $0.value < 32 ? "?" : Character($0) }) + "\""
  }
}

/// What ``DataArchive/folder(at:say:)`` gives, with errors of data alone.
func archiveFolder(at place: URL) throws(DatasetError) -> URL {
  do { return try DataArchive.folder(at: place) } catch let error as DatasetError { throw error } catch {
    throw .corruptFile(
      path: place.path, reason: (error as? FileFormatError)?.problem ?? String(describing: error))
  }
}
