/// The file formats images are read from and written to.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case png, jpeg, webp, tiff, gif, heic, avif

  /// The format that a file name's ending asks for, or nil.
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

  /// The usual ending of file names, without the dot.
  public var fileExtension: String { self == .jpeg ? "jpg" : rawValue }

  /// Whether images of this format may have alpha.
  public var hasAlpha: Bool { self != .jpeg }

  /// The largest depth that images of this format have: 8, 16 or 32.
  public var largestDepth: Int {
    switch self {
    case .tiff: 32
    case .png, .heic, .avif: 16
    case .jpeg, .webp, .gif: 8
    }
  }

  /// Whether files of this format can carry metadata such as a provenance; GIF cannot.
  public var carriesMetadata: Bool { self != .gif }
}

/// What an image file announces about itself.
public struct ImageInformation: Sendable, Hashable {
  /// The format of the contents, whatever the file is called.
  public let format: ImageFormat
  /// Pixels in a row, once the image stands upright.
  public let width: Int
  /// Rows, once the image stands upright.
  public let height: Int
  /// Channels as stored; a palette counts as the colours it stands for, CMYK as four.
  public let channels: Int
  /// Bits a value as stored: 8, 16 or 32.
  public let depth: Int
  /// Frames or pages; more than one in an animation.
  public let frames: Int
}
