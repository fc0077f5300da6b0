internal import CVips
public import Foundation

extension ImageCodec {
  /// Encodes an image.
  ///
  /// - Parameters:
  ///   - format: any; GIF, HEIC and AVIF where libvips was built with them.
  ///   - quality: 1...100 for JPEG, WebP, HEIC and AVIF; a WebP of 100 is lossless, a JPEG of 90 and more is
  ///     written without chroma subsampling.
  ///   - text: keys and values for PNG text chunks; other formats ignore them.
  ///   - metadata: an XMP packet; GIF, BMP and Netpbm cannot hold one.
  /// - Returns: the bytes of a file. The image's depth is kept where the format can: 16 bits in PNG, HEIC and
  ///   AVIF (the latter two keep 12), floating point in TIFF. With a ``scale`` the file holds its numbers where
  ///   depth and format can. For JPEG, alpha is composited over white. Only
  ///   TIFF holds more than four channels.
  public func encode(
    _ image: Image, as format: ImageFormat, quality: Int = 92, text: [String: String] = [:],
    metadata: String? = nil
  ) throws(ImageError) -> [UInt8] {
    try encode(image, as: format, quality: quality, text: text, metadata: metadata, named: "the image")
  }

  /// Writes an image atomically; the file extension selects the format.
  public func write(
    _ image: Image, to file: URL, quality: Int = 92, text: [String: String] = [:], metadata: String? = nil
  ) throws(ImageError) {
    guard let format = ImageFormat(fileExtension: file.pathExtension) else {
      throw .unwritable(
        file: file.path,
        reason: "its name must end in .png, .jpg, .webp, .tiff, .gif, .heic, .avif, .bmp or .ppm")
    }
    let bytes = try encode(
      image, as: format, quality: quality, text: text, metadata: metadata, named: file.path)
    do { try Data(bytes).write(to: file, options: .atomic) } catch {
      throw .unwritable(file: file.path, reason: writeFailureReason(error))
    }
  }

  /// The XMP packet embedded in an image file; nil where there is none.
  public func metadata(of bytes: [UInt8]) throws(ImageError) -> String? {
    if RasterFile.isPresent(in: bytes) { return nil }
    return try ErrorGate.shared.alone { () throws(ImageError) in
      try bytes.withUnsafeBufferPointer { buffer throws(ImageError) in
        let handle = try open(UnsafeRawBufferPointer(buffer), "the image").handle
        // In HEIC and AVIF libvips recognises only a bare packet as XMP and exposes any other as a MIME item.
        let places = [Self.packetField] + handle.fields.filter { $0.hasPrefix("heif-mime-") }
        for place in places where handle.has(place) {
          var data: UnsafeRawPointer?
          var length = 0
          guard vips_image_get_blob(handle.pointer, place, &data, &length) == 0, let data else { continue }
          let text = String(decoding: UnsafeRawBufferPointer(start: data, count: length), as: UTF8.self)
          if text.contains("<x:xmpmeta") { return text }
        }
        return nil
      }
    }
  }

  private static let packetField = "xmp-data"

  private func encode(
    _ image: Image, as format: ImageFormat, quality: Int, text: [String: String], metadata: String?,
    named name: String
  ) throws(ImageError) -> [UInt8] {
    guard (1...100).contains(quality) else {
      throw .invalid(reason: "a quality of \(quality) is not in 1...100")
    }
    guard !image.isMultiband || format == .tiff else {
      throw .unwritable(
        file: name, reason: "an image of \(image.channels) bands can be written only as .tiff")
    }
    var image = image.withDepth(min(image.depth, format.largestDepth))
    if !format.hasAlpha { image = image.withoutAlpha(.flattenOnWhite) }
    if let scale {
      // Sixteen bits hold neither fractions nor negative numbers.
      if format == .tiff, image.depth == 16, scale.depth == 32 { image = image.withFloats() }
      image = image.written(by: scale)
    }
    if format == .bmp { return Bitmap.encoded(image) }
    if format == .pnm { return Netpbm.encoded(image) }
    do throws(VipsFailure) {
      let handle = try VipsHandle(image)
      let labelled = try handle.map { cvips_relabelled($0, $1, image.interpretation) }
      if format == .png {
        for (index, entry) in text.sorted(by: { $0.key < $1.key }).enumerated() {
          vips_image_set_string(labelled.pointer, "png-comment-\(index)-\(entry.key)", entry.value)
        }
      }
      if let metadata, format.carriesMetadata {
        let packet = Array(metadata.utf8)
        packet.withUnsafeBytes {
          vips_image_set_blob_copy(labelled.pointer, Self.packetField, $0.baseAddress, $0.count)
        }
      }
      let bytes = try Self.saved(labelled, format, quality: Int32(quality))
      // libvips calls a second or fourth band alpha.
      return image.isMultiband ? TIFFHeader.withoutAlpha(bytes) : bytes
    } catch {
      throw .unwritable(file: name, reason: error.reason)
    }
  }

  private static func saved(
    _ image: VipsHandle, _ format: ImageFormat, quality: Int32
  ) throws(VipsFailure) -> [UInt8] {
    var data: UnsafeMutableRawPointer?
    var length = 0
    let status =
      switch format {
      case .png: cvips_save_png(image.pointer, &data, &length, 6)
      case .jpeg: cvips_save_jpeg(image.pointer, &data, &length, quality, quality < 90 ? 1 : 0)
      case .webp: cvips_save_webp(image.pointer, &data, &length, quality, quality == 100 ? 1 : 0)
      case .tiff: cvips_save_tiff(image.pointer, &data, &length)
      case .gif: cvips_save_gif(image.pointer, &data, &length)
      // Written before anything is handed to libvips.
      case .bmp, .pnm: Int32(-1)
      case .heic: cvips_save_heif(image.pointer, &data, &length, quality, VIPS_FOREIGN_HEIF_COMPRESSION_HEVC)
      case .avif: cvips_save_heif(image.pointer, &data, &length, quality, VIPS_FOREIGN_HEIF_COMPRESSION_AV1)
      }
    guard status == 0, let data else {
      let reason = Vips.takeError()
      let isOptional = [.gif, .heic, .avif].contains(format)
      throw VipsFailure(
        reason: isOptional
          ? "this libvips does not write \(format.rawValue.uppercased()) (\(reason)); choose .png" : reason)
    }
    defer { g_free(data) }
    return [UInt8](UnsafeRawBufferPointer(start: data, count: length))
  }
}

extension Image {
  /// Writes the image; the file extension selects the format. See
  /// ``ImageCodec/write(_:to:quality:text:metadata:)``.
  public func write(to file: URL, quality: Int = 92) throws(ImageError) {
    try ImageCodec().write(self, to: file, quality: quality)
  }
}
