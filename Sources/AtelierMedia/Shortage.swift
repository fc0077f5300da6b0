import Foundation

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
