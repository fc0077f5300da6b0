import AtelierGeneration
import Foundation

/// A file that only grows, a whole record at a time.
///
/// A record that does not fit on the disk is taken back, so that the file never ends in half of one.
final class AppendingFile {
  /// Where it lies.
  let url: URL
  private let descriptor: Int32

  /// Opens or creates a file.
  ///
  /// - Parameter isText: cuts off what a kill left behind the last newline, and refuses a second writer.
  init(_ url: URL, isText: Bool = false) throws(TrainingError) {
    self.url = url
    descriptor = open(url.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .unwritable(path: url.path, reason: writeFailureReason(errno)) }
    guard isText else { return }
    // The lock goes with the process, however it ends.
    var isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    // Whoever only asks whether the run is in training holds it for an instant.
    for _ in 0..<20 where isTaken {
      usleep(5000)
      isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
    if isTaken {
      close(descriptor)
      throw .inUse(path: url.path)
    }
    cutTornLine()
  }

  deinit { close(descriptor) }

  /// Appends one record.
  ///
  /// - Throws: ``TrainingError/unwritable(path:reason:)``; the file is then as long as before.
  func append(_ record: [UInt8]) throws(TrainingError) {
    let length = lseek(descriptor, 0, SEEK_END)
    var failure: Int32 = 0
    record.withUnsafeBytes { bytes in
      var rest = bytes
      while failure == 0, !rest.isEmpty, let start = rest.baseAddress {
        let written = write(descriptor, start, rest.count)
        if written >= 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        } else if errno != EINTR {
          failure = errno
        }
      }
    }
    guard failure == 0 else {
      if length >= 0 { ftruncate(descriptor, length) }
      throw .unwritable(path: url.path, reason: writeFailureReason(failure))
    }
  }

  private func cutTornLine() {
    var length = lseek(descriptor, 0, SEEK_END)
    let whole = length
    var byte: UInt8 = 0
    while length > 0, pread(descriptor, &byte, 1, length - 1) == 1, byte != UInt8(ascii: "\n") { length -= 1 }
    if length < whole { ftruncate(descriptor, length) }
  }
}
