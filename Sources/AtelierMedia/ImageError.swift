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
  /// The machine lacks what reading takes: memory, threads or file handles. The file may be sound.
  case exhausted(file: String, reason: String)
  /// An image operation got an invalid argument, such as a width of 0.
  case invalid(reason: String)
}

extension ImageError {
  /// An operation that failed in libvips.
  static func failed(_ operation: String, _ reason: String) -> ImageError {
    Shortage.reason(inWords: reason, ofFile: false).map { .exhausted(file: "an image", reason: $0) }
      ?? .invalid(reason: "\(operation) failed: \(reason)")
  }
}

extension ImageError: CustomStringConvertible, LocalizedError {
  /// One sentence; see the type.
  public var description: String { text.onOneLine }

  private var text: String {
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
    case .exhausted(let file, let reason): "\(file) cannot be read or made now: \(reason)."
    case .invalid(let reason): "The image operation is not possible: \(reason)."
    }
  }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}
