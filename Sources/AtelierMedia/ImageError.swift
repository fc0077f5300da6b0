public import Foundation

/// Why an image could not be read, written or made.
///
/// Descriptions are one sentence that names the file, or "the image" where it came from memory.
public enum ImageError: Error, Sendable, Hashable {
  /// The file is missing or may not be read.
  case unreadable(file: String, reason: String)
  /// The bytes are in none of the formats PNG, JPEG, WebP, TIFF, GIF, HEIC, AVIF, BMP and Netpbm.
  case notAnImage(file: String)
  /// The image is damaged or truncated.
  case damaged(file: String, reason: String)
  /// The header declares more pixels than the limit.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)
  /// The channels or the sample format are not supported.
  case unsupported(file: String, reason: String)
  /// The image could not be encoded or written.
  case unwritable(file: String, reason: String)
  /// Memory, file handles or threads ran out; the image itself may be sound.
  case exhausted(file: String, reason: String)
  /// An image operation got an invalid argument, such as a width of 0.
  case invalid(reason: String)
}

extension ImageError {
  /// What ran out, where a reason of libvips or of the system says so; nil for any other reason.
  static func exhaustion(_ reason: String) -> String? {
    let text = reason.lowercased()
    if text.contains("out of memory") || text.contains("cannot allocate memory") { return "memory ran out" }
    if text.contains("too many open files") { return "file handles ran out" }
    if text.contains("unable to create thread") || text.contains("error creating thread")
      || text.contains("resource temporarily unavailable")
    {
      return "threads ran out"
    }
    return nil
  }

  /// A file that libvips could not decode: damaged, unless something ran out.
  static func undecodable(_ file: String, _ reason: String) -> ImageError {
    exhaustion(reason).map { .exhausted(file: file, reason: $0) } ?? .damaged(file: file, reason: reason)
  }

  /// An operation that failed in libvips.
  static func failed(_ operation: String, _ reason: String) -> ImageError {
    exhaustion(reason).map { .exhausted(file: "an image", reason: "\($0) while \(operation)") }
      ?? .invalid(reason: "\(operation) failed: \(reason)")
  }
}

extension ImageError: CustomStringConvertible, LocalizedError {
  /// One sentence; see the type.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)."
    case .notAnImage(let file):
      "\(file) is not a PNG, JPEG, WebP, TIFF, GIF, HEIC, AVIF, BMP or Netpbm image."
    case .damaged(let file, let reason): "\(file) is damaged or cut short: \(reason)."
    case .tooLarge(let file, let width, let height, let limit):
      "\(file) declares \(width) x \(height) pixels, more than the limit of \(limit); "
        + "shrink it, or raise maximumPixels if it can be trusted."
    case .unsupported(let file, let reason): "\(file) cannot be used: \(reason)."
    case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)."
    case .exhausted(let file, let reason):
      "\(file) could not be read or made, for \(reason); end other programs, use fewer threads or smaller images."
    case .invalid(let reason): "The image operation is not possible: \(reason)."
    }
  }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}
