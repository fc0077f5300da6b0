/// Image file formats that can be read and written.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case png, jpeg, webp, tiff, gif, heic, avif
  /// Windows bitmaps.
  case bmp
  /// Netpbm's portable bitmaps, greymaps and pixmaps.
  case pnm

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
    case "bmp", "dib": self = .bmp
    case "pnm", "pbm", "pgm", "ppm": self = .pnm
    default: return nil
    }
  }

  /// The usual file extension, without the dot.
  public var fileExtension: String { self == .jpeg ? "jpg" : rawValue }

  /// Whether images of this format may have alpha.
  public var hasAlpha: Bool { ![.jpeg, .bmp, .pnm].contains(self) }

  /// The largest depth in bits that the format stores: 8, 16 or 32.
  public var largestDepth: Int {
    switch self {
    case .tiff: 32
    case .png, .heic, .avif, .pnm: 16
    case .jpeg, .webp, .gif, .bmp: 8
    }
  }

  /// Whether files can carry XMP metadata; GIF, BMP and Netpbm cannot.
  public var carriesMetadata: Bool { ![.gif, .bmp, .pnm].contains(self) }
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
