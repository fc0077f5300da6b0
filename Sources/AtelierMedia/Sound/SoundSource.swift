internal import Foundation

/// Random access to the bytes of a file on disk or in memory.
protocol ByteSource: AnyObject {
  /// The number of bytes.
  var length: Int { get }
  /// Up to `count` bytes from `offset` on; fewer at the end, none beyond it.
  func bytes(at offset: Int, count: Int) -> [UInt8]
}

/// A file that is open for reading.
final class OpenFile: ByteSource {
  let descriptor: Int32
  let length: Int

  /// Opens a regular file; links are followed.
  init(_ file: URL) throws(AudioError) {
    // Without O_NONBLOCK, opening a pipe would block.
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .unreadable(
        file: file.path, reason: errno == ENOENT ? "there is no such file" : "it is not a readable file")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(file: file.path, reason: "it is not a readable file")
    }
    self.descriptor = descriptor
    length = Int(status.st_size)
  }

  deinit { close(descriptor) }

  func bytes(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, offset < length, count > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: min(count, length - offset)) { buffer, initialized in
      initialized = max(0, pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)))
    }
  }
}

/// A file in memory for libsndfile to read or write.
final class MemoryFile: ByteSource {
  private(set) var content: [UInt8]
  private var position = 0

  init(_ content: [UInt8] = []) { self.content = content }

  var length: Int { content.count }

  func bytes(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, offset < content.count, count > 0 else { return [] }
    return Array(content[offset..<(offset + min(count, content.count - offset))])
  }

  var tell: Int { position }

  func seek(_ offset: Int, _ whence: Int32) -> Int {
    let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? position : content.count
    let (sum, overflow) = base.addingReportingOverflow(offset)
    if !overflow, sum >= 0 { position = sum }
    return position
  }

  func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
    guard position < content.count, count > 0 else { return 0 }
    let taken = min(count, content.count - position)
    content.withUnsafeBytes { source in
      if let start = source.baseAddress { target.copyMemory(from: start + position, byteCount: taken) }
    }
    position += taken
    return taken
  }

  func write(_ source: UnsafeRawPointer, count: Int) -> Int {
    guard count > 0 else { return 0 }
    let (end, overflow) = position.addingReportingOverflow(count)
    guard !overflow, end <= 1 << 33 else { return 0 }
    if end > content.count { content.append(contentsOf: repeatElement(0, count: end - content.count)) }
    content.withUnsafeMutableBytes { target in
      if let start = target.baseAddress { (start + position).copyMemory(from: source, byteCount: count) }
    }
    position = end
    return count
  }
}

/// A sound decoded sequentially.
protocol SoundSource: AnyObject {
  var information: AudioInformation { get }
  /// Reads up to `frames` interleaved frames, fewer at the end; samples are finite.
  func read(into buffer: UnsafeMutableBufferPointer<Float>, frames: Int) throws(AudioError) -> Int
  /// Moves to another frame, at or before the end.
  func seek(to frame: Int) throws(AudioError)
}
