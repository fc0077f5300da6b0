internal import CVips
public import Foundation

/// The file formats pictures are read from and written to.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case png, jpeg, webp, tiff, gif

  /// The format that a file name's ending asks for, or nil.
  public init?(fileExtension: String) {
    switch fileExtension.lowercased() {
    case "png": self = .png
    case "jpg", "jpeg": self = .jpeg
    case "webp": self = .webp
    case "tif", "tiff": self = .tiff
    case "gif": self = .gif
    default: return nil
    }
  }
}

/// Reads and writes picture files through libvips.
///
/// A decoder is a value of its limits; all of it may be used from any thread.
public struct ImageCodec: Sendable, Hashable {
  /// The most pixels a file may announce; guards against files that are small on disk and huge in memory.
  public var maximumPixels: Int
  /// The most bytes a file may have.
  public var maximumFileBytes: Int

  /// The limits: 100 million pixels and 512 MiB of file, unless told otherwise.
  public init(maximumPixels: Int = 100_000_000, maximumFileBytes: Int = 512 << 20) {
    self.maximumPixels = maximumPixels
    self.maximumFileBytes = maximumFileBytes
  }

  // MARK: Reading

  /// Reads a picture: the first frame or page, upright (EXIF orientation applied), in sRGB.
  ///
  /// Grey, RGB, alpha and 16 bits stay what they are; palettes become RGB, CMYK and floating-point
  /// pictures become 8-bit sRGB. A cut-short or damaged file is an error, not a half-grey picture.
  public func decode(_ file: URL) throws(ImageError) -> Image {
    try decode(bytes(of: file), named: file.path)
  }

  /// Reads a picture from memory.
  ///
  /// - Parameter name: what errors call it.
  public func decode(_ bytes: [UInt8], named name: String = "the picture") throws(ImageError) -> Image {
    guard !bytes.isEmpty else { throw .damaged(file: name, reason: "the file is empty") }
    // ErrorGate says why a failure is decoded a second time.
    if let image = try? ErrorGate.shared.shared({ () throws(ImageError) in try decoded(bytes, name) }) {
      return image
    }
    return try ErrorGate.shared.alone { () throws(ImageError) -> Image in
      vips_error_clear()
      return try decoded(bytes, name)
    }
  }

  /// The size and channels that a file announces, without decoding its pixels.
  public func size(of file: URL) throws(ImageError) -> (width: Int, height: Int, channels: Int, depth: Int) {
    let bytes = try bytes(of: file)
    return try ErrorGate.shared.alone { () throws(ImageError) in
      try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
        let handle = try open(UnsafeRawBufferPointer(buffer), file.path)
        let depth = handle.format == VIPS_FORMAT_USHORT ? 16 : 8
        return (handle.width, handle.height, handle.channels, depth)
      }
    }
  }

  /// The text chunks of a PNG, by key.
  public func text(in bytes: [UInt8]) throws(ImageError) -> [String: String] {
    try ErrorGate.shared.alone { () throws(ImageError) in
      try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
        let handle = try open(UnsafeRawBufferPointer(buffer), "the picture")
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

  private func bytes(of file: URL) throws(ImageError) -> [UInt8] {
    let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    guard size <= maximumFileBytes else {
      throw .unsupported(
        file: file.path, reason: "it has \(size) bytes, more than the limit of \(maximumFileBytes)")
    }
    do { return [UInt8](try Data(contentsOf: file)) } catch {
      throw .unreadable(
        file: file.path,
        reason: FileManager.default.fileExists(atPath: file.path)
          ? "it is not a readable file" : "there is no such file")
    }
  }

  private func open(_ raw: UnsafeRawBufferPointer, _ name: String) throws(ImageError) -> VipsHandle {
    guard Vips.isReady else { throw .unsupported(file: name, reason: "libvips could not be started") }
    // Only these loaders: libvips knows many more formats than a data set should bring in unasked.
    let loader = vips_foreign_find_load_buffer(raw.baseAddress, raw.count).map { String(cString: $0) } ?? ""
    let known = ["Png", "Jpeg", "Webp", "Tiff", "Nsgif", "Gif"]
    guard known.contains(where: { loader.hasPrefix("VipsForeignLoad\($0)") }) else {
      vips_error_clear()
      throw .notAPicture(file: name)
    }
    let handle: VipsHandle
    do throws(VipsFailure) { handle = try VipsHandle { cvips_load(raw.baseAddress, raw.count, $0) } } catch {
      throw .damaged(file: name, reason: error.reason)
    }
    let (pixels, overflow) = handle.width.multipliedReportingOverflow(by: handle.height)
    guard !overflow, pixels <= maximumPixels else {
      throw .tooLarge(file: name, width: handle.width, height: handle.height, limit: maximumPixels)
    }
    return handle
  }

  private func decoded(_ bytes: [UInt8], _ name: String) throws(ImageError) -> Image {
    try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
      let opened = try open(UnsafeRawBufferPointer(buffer), name)
      do throws(VipsFailure) {
        return try normalised(opened).pixels()
      } catch {
        throw .damaged(file: name, reason: error.reason)
      }
    }
  }

  /// Upright, sRGB or grey, 8 or 16 bits, at most four channels.
  private func normalised(_ source: VipsHandle) throws(VipsFailure) -> VipsHandle {
    var image = try source.map { cvips_autorotate($0, $1) }
    let isGrey = image.channels <= 2
    let isWide = image.format == VIPS_FORMAT_USHORT
    let colour = isWide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB
    let grey = isWide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W

    // A profile that is damaged or of another colour space is no reason to lose the picture.
    if image.has("icc-profile-data"),
      let managed = try? image.map({ cvips_profile_to_srgb($0, $1, isWide ? 16 : 8) })
    {
      image = managed
    }
    let isKnown = [colour, grey, VIPS_INTERPRETATION_sRGB, VIPS_INTERPRETATION_B_W].contains(
      image.interpretation)
    let isPlain = image.format == VIPS_FORMAT_UCHAR || image.format == VIPS_FORMAT_USHORT
    if !isKnown || !isPlain || (isGrey && image.channels > 2) {
      let space = isGrey ? grey : (isPlain ? colour : VIPS_INTERPRETATION_sRGB)
      image = try image.map { cvips_colourspace($0, $1, space) }
    }
    if image.format != VIPS_FORMAT_UCHAR && image.format != VIPS_FORMAT_USHORT {
      let rounded = try image.map { cvips_rounded($0, $1) }
      image = try rounded.map { cvips_cast($0, $1, VIPS_FORMAT_UCHAR) }
    }
    if image.channels > 4 { image = try image.map { cvips_channels($0, $1, 0, 4) } }
    return image
  }

  // MARK: Writing

  /// A picture as the bytes of a file.
  ///
  /// - Parameters:
  ///   - format: every format but GIF, which is only read.
  ///   - quality: 1...100 for JPEG and WebP; a WebP of 100 is lossless, a JPEG of 90 and more keeps its
  ///     colours at full resolution.
  ///   - text: keys and values for PNG text chunks; other formats ignore them.
  /// - Returns: 16-bit pictures stay 16-bit in PNG and TIFF. JPEG lays alpha over white.
  public func encode(
    _ image: Image, as format: ImageFormat, quality: Int = 92, text: [String: String] = [:]
  ) throws(ImageError) -> [UInt8] {
    try encode(image, as: format, quality: quality, text: text, named: "the picture")
  }

  /// Writes a picture; the name's ending chooses the format. The file appears at once or not at all.
  public func write(
    _ image: Image, to file: URL, quality: Int = 92, text: [String: String] = [:]
  ) throws(ImageError) {
    guard let format = ImageFormat(fileExtension: file.pathExtension), format != .gif else {
      throw .unwritable(
        file: file.path, reason: "its name must end in .png, .jpg, .webp or .tiff")
    }
    let bytes = try encode(image, as: format, quality: quality, text: text, named: file.path)
    do { try Data(bytes).write(to: file, options: .atomic) } catch {
      throw .unwritable(file: file.path, reason: "the folder is missing, full or not writable")
    }
  }

  private func encode(
    _ image: Image, as format: ImageFormat, quality: Int, text: [String: String], named name: String
  ) throws(ImageError) -> [UInt8] {
    guard (1...100).contains(quality) else {
      throw .invalid(reason: "a quality of \(quality) is not in 1...100")
    }
    var image = image
    if format == .jpeg { image = image.withoutAlpha(.flattenOnWhite) }
    if format == .jpeg || format == .webp { image = image.with8Bits() }
    var data: UnsafeMutableRawPointer?
    var length = 0
    do throws(VipsFailure) {
      let handle = try VipsHandle(image)
      let labelled = try handle.map { cvips_relabelled($0, $1, image.interpretation) }
      if format == .png {
        for (index, entry) in text.sorted(by: { $0.key < $1.key }).enumerated() {
          vips_image_set_string(labelled.pointer, "png-comment-\(index)-\(entry.key)", entry.value)
        }
      }
      let status =
        switch format {
        case .png: cvips_save_png(labelled.pointer, &data, &length, 6)
        case .jpeg: cvips_save_jpeg(labelled.pointer, &data, &length, Int32(quality), quality < 90 ? 1 : 0)
        case .webp: cvips_save_webp(labelled.pointer, &data, &length, Int32(quality), quality == 100 ? 1 : 0)
        case .tiff: cvips_save_tiff(labelled.pointer, &data, &length)
        case .gif: Int32(-1)
        }
      guard status == 0, let data else { throw VipsFailure(reason: Vips.takeError()) }
      defer { g_free(data) }
      return [UInt8](UnsafeRawBufferPointer(start: data, count: length))
    } catch {
      throw .unwritable(
        file: name, reason: format == .gif ? "GIF is only read, not written" : error.reason)
    }
  }
}

extension Image {
  /// What libvips calls these channels at this depth.
  var interpretation: VipsInterpretation {
    switch (isGrey, depth) {
    case (true, 8): VIPS_INTERPRETATION_B_W
    case (true, _): VIPS_INTERPRETATION_GREY16
    case (false, 8): VIPS_INTERPRETATION_sRGB
    case (false, _): VIPS_INTERPRETATION_RGB16
    }
  }

  /// Reads a picture file with the default limits; see ``ImageCodec/decode(_:)``.
  public init(contentsOf file: URL) throws(ImageError) {
    self = try ImageCodec().decode(file)
  }

  /// Writes the picture; the name's ending chooses the format. See ``ImageCodec/write(_:to:quality:text:)``.
  public func write(to file: URL, quality: Int = 92) throws(ImageError) {
    try ImageCodec().write(self, to: file, quality: quality)
  }
}
