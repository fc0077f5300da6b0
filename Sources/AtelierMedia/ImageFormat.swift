/// Image file formats that can be read and written.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case png, jpeg, webp, tiff, gif, heic, avif

  /// The format of a file extension, in either case; nil for any other.
  public init?(fileExtension: String) {
    switch fileExtension.lowercased() {
    case "png": self = .png
    case "jpg", "jpeg": self = .jpeg
    case "webp": self = .webp
    case "tif", "tiff": self = .tiff
    case "gif": self = .gif
    case "heic", "heif": self = .heic
    case "avif": self = .avif
    default: return nil
    }
  }

  /// The usual file extension, without the dot.
  public var fileExtension: String { self == .jpeg ? "jpg" : rawValue }

  /// Whether images of this format may have alpha.
  public var hasAlpha: Bool { self != .jpeg }

  /// The largest depth in bits that the format stores: 8, 16 or 32.
  public var largestDepth: Int {
    switch self {
    case .tiff: 32
    case .png, .heic, .avif: 16
    case .jpeg, .webp, .gif: 8
    }
  }

  /// Whether files can carry XMP metadata; GIF cannot.
  public var carriesMetadata: Bool { self != .gif }
}

/// The header of an image file.
public struct ImageInformation: Sendable, Hashable {
  /// The format of the contents, independent of the file's name.
  public let format: ImageFormat
  /// Width in pixels, with the orientation applied.
  public let width: Int
  /// Height in pixels, with the orientation applied.
  public let height: Int
  /// Channels as stored; a palette image counts its colours' channels, CMYK four.
  public let channels: Int
  /// Bits per sample as stored: 8, 16 or 32.
  public let depth: Int
  /// Frames or pages; more than one in an animation.
  public let frames: Int
}
