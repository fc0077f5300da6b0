import Foundation

/// Reads whole files, with the reason where one cannot be read.
enum RegularFile {
  /// The contents of a file of at most `limit` bytes; links are followed.
  static func bytes(of file: URL, limit: Int) throws(ImageError) -> [UInt8] {
    // By the system's own calls: Foundation does not say that no more files can be opened.
    func unreadable(_ code: Int32) -> ImageError {
      if let reason = Shortage.reason(code) { return .exhausted(file: file.path, reason: reason) }
      let reason =
        switch code {
        case ENOENT, ENOTDIR: "there is no such file"
        case EACCES, EPERM: "there is no permission to read it"
        default: "it is not a readable file"
        }
      return .unreadable(file: file.path, reason: reason)
    }
    var status = stat()
    guard stat(file.path, &status) == 0 else { throw unreadable(errno) }
    // Anything but a regular file is refused, as reading a pipe could block for ever.
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(file: file.path, reason: "it is not a readable file")
    }
    let size = Int(status.st_size)
    guard size <= limit else {
      throw .unsupported(
        file: file.path, reason: "it has \(size) bytes, more than the limit of \(limit)")
    }
    let descriptor = Foundation.open(file.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(errno) }
    defer { close(descriptor) }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size, let start = buffer.baseAddress {
        let found = read(descriptor, start + count, size - count)
        if found > 0 {
          count += found
        } else if found == 0 || errno != EINTR {
          if found < 0 { failure = errno }
          break
        }
      }
    }
    guard failure == 0 else { throw unreadable(failure) }
    return bytes
  }
}
