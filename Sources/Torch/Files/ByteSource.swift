package import Foundation

/// A file open for random access. Requests are checked against the file's length before memory is allocated,
/// so a false length in a file cannot allocate more than the file holds.
package final class ByteSource {
  package let file: URL
  package let count: Int
  private let descriptor: Int32

  package init(_ file: URL) throws(FileFormatError) {
    guard file.isFileURL, !file.path.utf8.contains(0) else {
      throw FileFormatError(
        file: file, problem: "this is not the path of a file; give a path on this machine")
    }
    // Without O_NONBLOCK, opening a named pipe would block; it is refused below.
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw FileFormatError(file: file, problem: FileFormatError.sentence(errno, writing: false))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileFormatError(file: file, problem: "this is a folder or a device; give the path of a file")
    }
    self.file = file
    self.count = Int(status.st_size)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  func failure(_ problem: String) -> FileFormatError { FileFormatError(file: file, problem: problem) }

  /// A copy of `count` bytes from `offset` on, in storage that is aligned for every element type.
  package func bytes(at offset: Int, count: Int) throws(FileFormatError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      throw failure("it ends too early, so it is damaged or was not copied in full; fetch it again")
    }
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count, let start = buffer.baseAddress {
        let read = pread(
          descriptor, start + initialized, min(count - initialized, 1 << 30), off_t(offset + initialized))
        if read > 0 {
          initialized += read
        } else if read == 0 {
          break  // The file was truncated after it was opened.
        } else if errno != EINTR {
          code = errno
          break
        }
      }
    }
    guard code == 0 else { throw failure(FileFormatError.sentence(code, writing: false)) }
    guard bytes.count == count else {
      throw failure("it was truncated while it was read; try again when nothing writes to it")
    }
    return bytes
  }
}

/// Reads a part of a file sequentially through a small buffer.
struct ByteCursor {
  let source: ByteSource
  private(set) var position: Int
  let end: Int
  private var window: [UInt8] = []
  private var windowStart = 0

  private static let windowSize = 1 << 16
  private static let maximumLine = 1 << 24

  /// - Precondition: the range lies inside the file.
  init(_ source: ByteSource, range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= source.count)
    self.source = source
    self.position = range.lowerBound
    self.end = range.upperBound
  }

  mutating func byte() throws(FileFormatError) -> UInt8 {
    if position - windowStart >= window.count { try refill(atLeast: 1) }
    defer { position += 1 }
    return window[position - windowStart]
  }

  mutating func take(_ count: Int) throws(FileFormatError) -> [UInt8] {
    guard count >= 0, count <= end - position else { throw truncated }
    guard count <= Self.windowSize else {
      let bytes = try source.bytes(at: position, count: count)
      position += count
      return bytes
    }
    if position - windowStart + count > window.count { try refill(atLeast: count) }
    let start = position - windowStart
    position += count
    return Array(window[start..<(start + count)])
  }

  /// An unsigned little-endian number of 1 to 8 bytes.
  mutating func unsigned(_ byteCount: Int) throws(FileFormatError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<byteCount { value |= UInt64(try byte()) << UInt64(8 * index) }
    return value
  }

  /// A length of 1 to 8 bytes that must not exceed what is left of the file.
  mutating func length(_ byteCount: Int) throws(FileFormatError) -> Int {
    guard let length = Int(exactly: try unsigned(byteCount)), length <= end - position else {
      throw truncated
    }
    return length
  }

  mutating func skip(_ count: Int) throws(FileFormatError) {
    guard count >= 0, count <= end - position else { throw truncated }
    position += count
    if position - windowStart > window.count {
      window = []
      windowStart = position
    }
  }

  /// The bytes up to, and without, a line feed.
  mutating func line() throws(FileFormatError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let next = try byte()
      if next == 0x0A { return bytes }
      guard bytes.count < Self.maximumLine else {
        throw source.failure("a text in it does not end; it is damaged, fetch it again")
      }
      bytes.append(next)
    }
  }

  private mutating func refill(atLeast count: Int) throws(FileFormatError) {
    guard count <= end - position else { throw truncated }
    window = try source.bytes(at: position, count: min(Self.windowSize, end - position))
    windowStart = position
  }

  private var truncated: FileFormatError {
    source.failure("it ends too early, so it is damaged or was not copied in full; fetch it again")
  }
}
