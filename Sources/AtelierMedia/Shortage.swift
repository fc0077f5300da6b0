package import Foundation

/// What a machine runs out of: where a file cannot be read for lack of it, the file is not to blame.
package enum Shortage {
  /// What is lacking, and the way out, as the end of a sentence; nil for any other error number.
  package static func reason(_ code: Int32) -> String? {
    switch code {
    case EMFILE, ENFILE: files
    case EAGAIN: threads
    case ENOMEM: memory
    default: nil
    }
  }

  /// The same of an error of Foundation, whose number may lie beneath it.
  package static func reason(_ error: any Error) -> String? {
    let failure = error as NSError
    let underlying = failure.userInfo[NSUnderlyingErrorKey] as? NSError
    return [failure, underlying].compactMap { $0 }
      .first { $0.domain == NSPOSIXErrorDomain }.flatMap { reason(Int32($0.code)) }
  }

  /// The same of the words of a library.
  ///
  /// - Parameter ofFile: whether they are about a file that is read.
  package static func reason(inWords words: String, ofFile: Bool = true) -> String? {
    let words = words.lowercased()
    func says(_ signs: String...) -> Bool { signs.contains { words.contains($0) } }
    if says("too many open files") { return files }
    if says("creating thread", "create thread", "create a thread", "resource temporarily unavailable") {
      return threads
    }
    // Decoders say so too of a size that a damaged file makes up.
    if says("out of memory", "cannot allocate", "can't allocate", "insufficient memory"),
      !ofFile || isMemoryLow
    {
      return memory
    }
    return nil
  }

  /// What is lacking where a file could not be written: room on its disk; nil where there is some.
  ///
  /// - Parameters:
  ///   - code: the error number of the call that failed; 0 where it is not known.
  ///   - words: what a library or a program said.
  ///   - file: what was written, whether it is there or not; nil: memory.
  ///   - room: fewer free bytes than these are none, as the last blocks of a disk take no file.
  package static func fullDisk(
    _ code: Int32 = 0, words: String = "", writing file: URL?, room: UInt64 = 65_536
  ) -> String? {
    let words = words.lowercased()
    let isSaid =
      code == ENOSPC || code == EDQUOT || words.contains("no space left on device")
      || words.contains("disk quota exceeded")
    guard isSaid || file.map({ free($0).map { $0 < room } ?? false }) ?? false else { return nil }
    return "the disk is full; free some space, or write to another one"
  }

  /// The bytes that may be written to the disk of a file that is there or is to be; nil where that is not known.
  private static func free(_ file: URL) -> UInt64? {
    var facts = statvfs()
    let folder = file.deletingLastPathComponent().path
    guard statvfs(folder.isEmpty ? "." : folder, &facts) == 0 else { return nil }
    return UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
  }

  /// Whether a moderate piece of memory cannot be had.
  private static var isMemoryLow: Bool {
    let size = 256 << 20
    guard let place = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      place != MAP_FAILED
    else { return true }
    munmap(place, size)
    let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
    for line in text?.split(separator: "\n") ?? [] where line.hasPrefix("MemAvailable:") {
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
      return kilobytes.map { $0 << 10 < size } ?? false
    }
    return false
  }

  private static let files =
    "too many files are open; raise the limit (ulimit -n), or let fewer workers read"
  private static let threads =
    "no further thread can be made; end other programs, or take fewer threads and workers"
  private static let memory =
    "the memory is used up; end other programs, or take a smaller batch or smaller images"
}
