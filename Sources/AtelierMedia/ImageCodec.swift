internal import CVips
public import Foundation

/// Reads and writes image files through libvips.
///
/// A Sendable value that holds limits; use it from any thread.
public struct ImageCodec: Sendable, Hashable {
  /// The largest width × height that a header may declare; guards against decompression bombs.
  public var maximumPixels: Int
  /// The largest file size in bytes.
  public var maximumFileBytes: Int
  /// Which numbers are black and white in the files that are read and written; nil: what each file's format, or
  /// where that does not say, its largest number suggests. Label maps have none.
  public var scale: SampleScale?

  /// A codec with limits of 100 million pixels and 512 MiB by default.
  public init(
    maximumPixels: Int = 100_000_000, maximumFileBytes: Int = 512 << 20, scale: SampleScale? = nil
  ) {
    self.maximumPixels = maximumPixels
    self.maximumFileBytes = maximumFileBytes
    self.scale = scale
  }

  // MARK: Reading

  /// Reads an image: the first frame or page, upright (EXIF orientation applied), in sRGB.
  ///
  /// Grey, RGB, alpha, bands and the depth stay what they are (of a TIFF the last of two or four channels is
  /// alpha only where the file says so); palettes become RGB, CMYK becomes
  /// 8-bit sRGB. Without a ``scale``, floating-point samples are taken as 0...1; where some exceed 1, as 0...255,
  /// and where some exceed 255, as 0...65535. A truncated or damaged file is an error, not a partly grey image.
  public func decode(_ file: URL) throws(ImageError) -> Image {
    try decode(bytes(of: file), named: file.path)
  }

  /// Reads an image from memory.
  ///
  /// - Parameter name: the name used in errors.
  public func decode(_ bytes: [UInt8], named name: String = "the image") throws(ImageError) -> Image {
    let image = try stored(bytes, named: name)
    if let scale { return image.read(by: scale) }
    return image.depth == 32 ? Self.scaled(image) : image
  }

  /// An image as ``decode(_:named:)`` gives it, but in the numbers that the file stores.
  func stored(_ bytes: [UInt8], named name: String) throws(ImageError) -> Image {
    guard !bytes.isEmpty else { throw .damaged(file: name, reason: "the file is empty") }
    if RasterFile.isPresent(in: bytes) { return try raster(bytes, name).image(named: name) }
    // ErrorGate says why a failure is decoded a second time.
    if let image = try? ErrorGate.shared.shared({ () throws(ImageError) in try decoded(bytes, name) }) {
      return image
    }
    return try ErrorGate.shared.alone { () throws(ImageError) -> Image in
      vips_error_clear()
      do throws(ImageError) { return try decoded(bytes, name) } catch { throw error.blamingTheMachine }
    }
  }

  /// Reads the header, without decoding pixels.
  public func information(of file: URL) throws(ImageError) -> ImageInformation {
    try information(of: bytes(of: file), named: file.path)
  }

  /// Reads the header of an image in memory.
  public func information(
    of bytes: [UInt8], named name: String = "the image"
  ) throws(ImageError) -> ImageInformation {
    guard !bytes.isEmpty else { throw .damaged(file: name, reason: "the file is empty") }
    if RasterFile.isPresent(in: bytes) {
      let header = try raster(bytes, name)
      return ImageInformation(
        format: header.format, width: header.width, height: header.height, channels: header.channels,
        depth: header.depth, frames: 1)
    }
    return try ErrorGate.shared.alone { () throws(ImageError) in
      try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
        let (handle, format) = try open(UnsafeRawBufferPointer(buffer), name)
        let isTurned = vips_image_get_orientation(handle.pointer) > 4
        let depth =
          switch handle.format {
          case VIPS_FORMAT_UCHAR, VIPS_FORMAT_CHAR: 8
          case VIPS_FORMAT_USHORT, VIPS_FORMAT_SHORT: 16
          default: 32
          }
        return ImageInformation(
          format: format, width: isTurned ? handle.height : handle.width,
          height: isTurned ? handle.width : handle.height, channels: handle.channels, depth: depth,
          frames: Int(vips_image_get_n_pages(handle.pointer)))
      }
    }
  }

  /// The header of a BMP or Netpbm file.
  func raster(_ bytes: [UInt8], _ name: String) throws(ImageError) -> RasterFile {
    try RasterFile.header(of: bytes, limit: maximumPixels, named: name)
  }

  /// The text chunks of a PNG, by key.
  public func text(in bytes: [UInt8]) throws(ImageError) -> [String: String] {
    if RasterFile.isPresent(in: bytes) { return [:] }
    return try ErrorGate.shared.alone { () throws(ImageError) in
      try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
        let handle = try open(UnsafeRawBufferPointer(buffer), "the image").handle
        var result: [String: String] = [:]
        // libvips names them `png-comment-<number>-<key>`.
        for field in handle.fields where field.hasPrefix("png-comment-") {
          let key = field.split(separator: "-", maxSplits: 3).last.map(String.init) ?? field
          result[key] = handle.text(field)
        }
        return result
      }
    }
  }

  /// The contents of a file of at most ``maximumFileBytes``.
  public func bytes(of file: URL) throws(ImageError) -> [UInt8] {
    try RegularFile.bytes(of: file, limit: maximumFileBytes)
  }

  /// Opens an encoded image, and checks its header and the limits.
  func open(
    _ raw: UnsafeRawBufferPointer, _ name: String
  ) throws(ImageError) -> (handle: VipsHandle, format: ImageFormat) {
    guard Vips.isReady else { throw .unsupported(file: name, reason: "libvips could not be started") }
    // Only these loaders: libvips has many more, which untrusted data should not reach.
    let loader = vips_foreign_find_load_buffer(raw.baseAddress, raw.count).map { String(cString: $0) } ?? ""
    let known: [(String, ImageFormat)] = [
      ("Png", .png), ("Jpeg", .jpeg), ("Webp", .webp), ("Tiff", .tiff), ("Nsgif", .gif), ("Gif", .gif),
      ("Heif", .heic),
    ]
    guard var format = known.first(where: { loader.hasPrefix("VipsForeignLoad\($0.0)") })?.1 else {
      vips_error_clear()
      throw .notAnImage(file: name)
    }
    if format == .png, !PNGLengths.areSound(in: raw) {
      throw .damaged(file: name, reason: "its chunks declare more bytes than it has")
    }
    let handle: VipsHandle
    do throws(VipsFailure) { handle = try VipsHandle { cvips_load(raw.baseAddress, raw.count, $0) } } catch {
      throw .damaged(file: name, reason: error.reason)
    }
    if format == .heic, handle.text("heif-compression") == "av1" { format = .avif }
    let (pixels, overflow) = handle.width.multipliedReportingOverflow(by: handle.height)
    // The limit is meant for four 16-bit channels; wider pixels count for more.
    let weight = handle.channels * max(1, Int(vips_format_sizeof(handle.format)))
    guard !overflow, pixels <= maximumPixels, pixels <= maximumPixels * 8 / max(1, weight) else {
      throw .tooLarge(file: name, width: handle.width, height: handle.height, limit: maximumPixels)
    }
    return (handle, format)
  }

  private func decoded(_ bytes: [UInt8], _ name: String) throws(ImageError) -> Image {
    try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
      let (opened, format) = try open(UnsafeRawBufferPointer(buffer), name)
      do throws(VipsFailure) {
        var image = try normalised(opened).pixels()
        // Of two or four channels the last is alpha only where the file says so; a TIFF may hold any bands.
        if image.hasAlpha, format == .tiff, TIFFHeader(bytes)?.hasAlpha != true { image = image.asBands() }
        return image
      } catch {
        throw .damaged(file: name, reason: error.reason)
      }
    }
  }

  /// Floating-point samples scaled to 0...1, whatever white was; NaN becomes 0.
  private static func scaled(_ image: Image) -> Image {
    let values = image.floats
    let highest = values.reduce(0) { max($0, $1.isFinite ? $1 : 0) }
    let white: Float = highest <= 1 ? 1 : highest <= 255 ? 255 : 65535
    return Image(
      width: image.width, height: image.height, channels: image.channels,
      floats: values.map { $0.isFinite ? $0 / white : 0 }
    ).withMeaning(of: image)
  }

  /// Orientation applied; sRGB, grey or bands without a colour space; 8 or 16 bits or float.
  private func normalised(_ source: VipsHandle) throws(VipsFailure) -> VipsHandle {
    var image = try source.map { cvips_autorotate($0, $1) }
    let isPlain = image.format == VIPS_FORMAT_UCHAR || image.format == VIPS_FORMAT_USHORT
    guard ![VIPS_FORMAT_COMPLEX, VIPS_FORMAT_DPCOMPLEX].contains(image.format) else {
      throw VipsFailure(reason: "its values are complex numbers")
    }
    // Not converted: what a loader calls scRGB is mostly data rather than linear light.
    let isDisplay = [
      VIPS_INTERPRETATION_sRGB, VIPS_INTERPRETATION_RGB, VIPS_INTERPRETATION_RGB16, VIPS_INTERPRETATION_scRGB,
      VIPS_INTERPRETATION_B_W, VIPS_INTERPRETATION_GREY16, VIPS_INTERPRETATION_MULTIBAND,
      VIPS_INTERPRETATION_HISTOGRAM, VIPS_INTERPRETATION_MATRIX,
    ].contains(image.interpretation)
    if isDisplay && !isPlain { return try image.map { cvips_cast($0, $1, VIPS_FORMAT_FLOAT) } }
    if isDisplay && image.channels > 4 { return image }

    let isWide = image.format == VIPS_FORMAT_USHORT
    // An image whose profile is damaged or of another colour space is still read.
    if image.has("icc-profile-data"),
      let managed = try? image.map({ cvips_profile_to_srgb($0, $1, isWide ? 16 : 8) })
    {
      image = managed
    } else if !isDisplay {
      image = try image.map { cvips_colourspace($0, $1, VIPS_INTERPRETATION_sRGB) }
    }
    if image.format != VIPS_FORMAT_UCHAR && image.format != VIPS_FORMAT_USHORT {
      let rounded = try image.map { cvips_rounded($0, $1) }
      image = try rounded.map { cvips_cast($0, $1, VIPS_FORMAT_UCHAR) }
    }
    if image.channels > 4 { image = try image.map { cvips_channels($0, $1, 0, 4) } }
    return image
  }
}

extension ImageError {
  /// The same error, or that the machine lacks something, where a decoder's words say so.
  package var blamingTheMachine: ImageError {
    guard case .damaged(let file, let words) = self, let reason = Shortage.reason(inWords: words) else {
      return self
    }
    return .exhausted(file: file, reason: reason)
  }
}

extension Image {
  /// The libvips interpretation of these channels and depth.
  var interpretation: VipsInterpretation {
    switch (isGrey, depth) {
    case _ where isMultiband: VIPS_INTERPRETATION_MULTIBAND
    case (true, 16): VIPS_INTERPRETATION_GREY16
    case (true, _): VIPS_INTERPRETATION_B_W
    case (false, 16): VIPS_INTERPRETATION_RGB16
    case (false, _): VIPS_INTERPRETATION_sRGB
    }
  }

  /// The libvips band format of this depth.
  var vipsFormat: VipsBandFormat {
    depth == 8 ? VIPS_FORMAT_UCHAR : depth == 16 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_FLOAT
  }

  /// Reads an image file with the default limits; see ``ImageCodec/decode(_:)``.
  public init(contentsOf file: URL) throws(ImageError) {
    self = try ImageCodec().decode(file)
  }
}
