public import Foundation

/// Why an image could not be read, written or made.
///
/// Every text is one sentence that names the file (or "the image" when it came from memory).
public enum ImageError: Error, Sendable, Hashable {
  /// The file is missing or may not be read.
  case unreadable(file: String, reason: String)
  /// The bytes are in none of the formats PNG, JPEG, WebP, TIFF, GIF, HEIC and AVIF.
  case notAPicture(file: String)
  /// The bytes are an image that is damaged or cut short.
  case damaged(file: String, reason: String)
  /// The header announces more pixels than the limit allows.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)
  /// The image's channels or number format are none that Atelier works with.
  case unsupported(file: String, reason: String)
  /// The image could not be encoded or written.
  case unwritable(file: String, reason: String)
  /// An image operation was asked for something that does not exist, such as a width of 0.
  case invalid(reason: String)
}

extension ImageError: CustomStringConvertible, LocalizedError {
  /// The one-sentence text.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)."
    case .notAPicture(let file): "\(file) is not a PNG, JPEG, WebP, TIFF, GIF, HEIC or AVIF picture."
    case .damaged(let file, let reason): "\(file) is damaged or cut short: \(reason)."
    case .tooLarge(let file, let width, let height, let limit):
      "\(file) announces \(width) x \(height) pixels, more than the limit of \(limit); "
        + "shrink it, or raise maximumPixels if it can be trusted."
    case .unsupported(let file, let reason): "\(file) cannot be used: \(reason)."
    case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)."
    case .invalid(let reason): "The picture operation is not possible: \(reason)."
    }
  }

  /// The same text, for code that shows any `Error`.
  public var errorDescription: String? { description }
}
