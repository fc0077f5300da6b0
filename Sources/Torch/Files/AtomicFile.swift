public import Foundation

/// Writes files atomically, so that a crash or a full disk never leaves a partial file.
///
/// The bytes go to a hidden file in the same folder, reach the disk, and are then renamed over the target. If
/// anything fails before the rename, an existing file is unchanged and the hidden file is removed. A kill in
/// between leaves a file named `.partial-…`, which may be deleted.
public enum AtomicFile {
  /// Replaces or creates a file.
  ///
  /// - Parameters:
  ///   - data: the contents.
  ///   - url: the file; its folder must exist. A symbolic link is followed, not replaced.
  /// - Throws: `FileFormatError` when the folder is missing or not writable, or the disk is full.
  public static func write(_ data: Data, to url: URL) throws(FileFormatError) {
    try write(to: url) { writer in data.withUnsafeBytes { writer.append($0) } }
  }

  /// Whether a file's name is one that a kill leaves between the first byte and the rename.
  public static func isPartial(_ name: String) -> Bool {
    name.hasPrefix(partialPrefix) && UUID(uuidString: String(name.dropFirst(partialPrefix.count))) != nil
  }

  private static let partialPrefix = ".partial-"

  /// Writes bytes. The first error is kept and later bytes are dropped, so that callers need no error
  /// handling.
  struct Writer {
    fileprivate let descriptor: Int32
    fileprivate(set) var failure: Int32 = 0

    fileprivate init(descriptor: Int32) { self.descriptor = descriptor }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
      var rest = bytes
      while failure == 0, !rest.isEmpty, let start = rest.baseAddress {
        // Some systems limit a call to a 32-bit count.
        let written = Foundation.write(descriptor, start, min(rest.count, 1 << 30))
        if written < 0 {
          if errno != EINTR { failure = errno }
        } else {
          rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
      }
    }

    mutating func append(_ bytes: [UInt8]) {
      bytes.withUnsafeBytes { append($0) }
    }
  }

  /// The streaming variant, which avoids a copy of the contents.
  static func write(to url: URL, _ body: (inout Writer) -> Void) throws(FileFormatError) {
    guard url.isFileURL, !url.lastPathComponent.isEmpty, !url.path.utf8.contains(0) else {
      throw FileFormatError(
        file: url, problem: "this is not the path of a file; give a path on this machine", isWriting: true)
    }
    let target = url.resolvingSymlinksInPath()
    var status = stat()
    let exists = stat(target.path, &status) == 0
    // Renaming over a device would replace it.
    guard !exists || status.st_mode & S_IFMT == S_IFREG else {
      throw FileFormatError(
        file: url, problem: FileFormatError.sentence(EISDIR, writing: true), isWriting: true)
    }
    let folder = target.deletingLastPathComponent()
    // Independent of the target's name, which may already have the maximum length.
    let temporary = folder.appendingPathComponent(partialPrefix + UUID().uuidString).path
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw FileFormatError(
        file: url, problem: FileFormatError.sentence(errno, writing: true), isWriting: true)
    }
    // A file that is replaced keeps its permissions.
    if exists { fchmod(descriptor, status.st_mode & 0o7777) }
    var writer = Writer(descriptor: descriptor)
    body(&writer)
    var failure = writer.failure
    if failure == 0 { failure = synchronize(descriptor) }
    // Network file systems may report a full disk only here.
    if close(descriptor) != 0, failure == 0, errno != EINTR { failure = errno }
    if failure == 0, rename(temporary, target.path) != 0 { failure = errno }
    if failure != 0 {
      unlink(temporary)
      throw FileFormatError(
        file: url, problem: FileFormatError.sentence(failure, writing: true), isWriting: true)
    }
    // Makes the rename durable. Some file systems refuse it for folders, which is ignored: the contents are
    // complete either way.
    let folderDescriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folderDescriptor >= 0 {
      _ = synchronize(folderDescriptor)
      close(folderDescriptor)
    }
  }

  /// Flushes the file to disk; returns 0 or the error number.
  private static func synchronize(_ descriptor: Int32) -> Int32 {
    #if canImport(Darwin)
      // On macOS fsync does not flush the drive's cache.
      if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
    #endif
    while fsync(descriptor) != 0 {
      if errno != EINTR { return errno }
    }
    return 0
  }
}
