/// Formats without compression that libvips has no safe reader for, BMP and Netpbm; every length is checked before
/// memory is taken for it.
struct RasterFile {
  /// Bitmap or Netpbm.
  let format: ImageFormat
  /// What the header says.
  let width: Int
  let height: Int
  /// 1 grey, 3 RGB, 4 RGBA, as the decoded image has them.
  let channels: Int
  /// 8 or 16.
  let depth: Int
  /// Decodes the pixels.
  private let body: () throws(RasterFailure) -> Image
  /// The samples of a grey Netpbm image unscaled, as a label map holds them; nil for anything else.
  private let indices: (() throws(RasterFailure) -> Image)?

  init(
    format: ImageFormat, width: Int, height: Int, channels: Int, depth: Int,
    indices: (() throws(RasterFailure) -> Image)? = nil, body: @escaping () throws(RasterFailure) -> Image
  ) {
    (self.format, self.width, self.height) = (format, width, height)
    (self.channels, self.depth, self.indices, self.body) = (channels, depth, indices, body)
  }

  /// Whether bytes begin as such a file does.
  static func isPresent(in bytes: [UInt8]) -> Bool {
    Bitmap.isPresent(in: bytes) || Netpbm.isPresent(in: bytes)
  }

  /// The header of such a file.
  ///
  /// - Parameters:
  ///   - limit: the largest number of pixels.
  ///   - name: the file's, in errors.
  static func header(of bytes: [UInt8], limit: Int, named name: String) throws(ImageError) -> RasterFile {
    let file: RasterFile
    do throws(RasterFailure) {
      file = Bitmap.isPresent(in: bytes) ? try Bitmap.header(of: bytes) : try Netpbm.header(of: bytes)
    } catch { throw error.named(name) }
    let (pixels, overflow) = file.width.multipliedReportingOverflow(by: file.height)
    guard !overflow, pixels <= limit else {
      throw .tooLarge(file: name, width: file.width, height: file.height, limit: limit)
    }
    return file
  }

  /// The pixels.
  func image(named name: String) throws(ImageError) -> Image {
    do throws(RasterFailure) { return try body() } catch { throw error.named(name) }
  }

  /// The samples of a grey Netpbm image as they are in the file; nil for any other.
  func labels(named name: String) throws(ImageError) -> Image? {
    guard let indices else { return nil }
    do throws(RasterFailure) { return try indices() } catch { throw error.named(name) }
  }
}

/// Why such a file cannot be read, without its name.
enum RasterFailure: Error {
  case damaged(String)
  case unsupported(String)

  func named(_ name: String) -> ImageError {
    switch self {
    case .damaged(let reason): .damaged(file: name, reason: reason)
    case .unsupported(let reason): .unsupported(file: name, reason: reason)
    }
  }
}
