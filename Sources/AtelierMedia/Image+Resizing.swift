internal import CVips

extension Image {
  /// The whole picture at another size, proportions not kept.
  ///
  /// Lanczos filter, widened when shrinking (no aliasing). Colours are weighted by alpha, so that
  /// hidden ones do not bleed.
  public func resized(width: Int, height: Int) throws(ImageError) -> Image {
    guard width > 0, height > 0, width <= 1 << 20, height <= 1 << 20 else {
      throw .invalid(reason: "\(width) x \(height) is no size for a picture")
    }
    if width == self.width && height == self.height { return self }
    let horizontal = Double(width) / Double(self.width)
    let vertical = Double(height) / Double(self.height)
    do {
      let source = try VipsHandle(self)
      var image = try source.map { cvips_relabelled($0, $1, interpretation) }
      let largest = Double(largestValue)
      if hasAlpha { image = try image.map { cvips_premultiply($0, $1, largest) } }
      image = try image.map { cvips_resize($0, $1, horizontal, vertical) }
      if hasAlpha {
        image = try image.map { cvips_unpremultiply($0, $1, largest) }
        image = try image.map { cvips_rounded($0, $1) }
        let format = depth == 8 ? VIPS_FORMAT_UCHAR : VIPS_FORMAT_USHORT
        image = try image.map { cvips_cast($0, $1, format) }
      }
      return try image.pixels()
    } catch {
      throw .invalid(reason: "resizing to \(width) x \(height) failed: \(error.reason)")
    }
  }

  /// Scales until the picture covers `width` x `height`, and cuts what juts out evenly on both sides.
  public func resizedToFill(width: Int, height: Int) throws(ImageError) -> Image {
    guard width > 0, height > 0 else {
      throw .invalid(reason: "\(width) x \(height) is no size for a picture")
    }
    let scale = max(Double(width) / Double(self.width), Double(height) / Double(self.height))
    let scaled = try resized(
      width: max(width, Int((Double(self.width) * scale).rounded())),
      height: max(height, Int((Double(self.height) * scale).rounded())))
    return try scaled.centerCropped(width: width, height: height)
  }

  /// Scales until the picture fits into `width` x `height`, and fills the rest with `background`
  /// (one 8-bit value, the same for every colour channel; opaque).
  public func resizedToFit(width: Int, height: Int, background: UInt8 = 0) throws(ImageError) -> Image {
    guard width > 0, height > 0 else {
      throw .invalid(reason: "\(width) x \(height) is no size for a picture")
    }
    let scale = min(Double(width) / Double(self.width), Double(height) / Double(self.height))
    let scaled = try resized(
      width: min(width, max(1, Int((Double(self.width) * scale).rounded()))),
      height: min(height, max(1, Int((Double(self.height) * scale).rounded()))))
    if scaled.width == width && scaled.height == height { return scaled }
    var pixel = [UInt8](repeating: background, count: channels)
    if hasAlpha { pixel[channels - 1] = 255 }
    let blank = Image(width: width, height: height, filledWith: pixel)
    var canvas = (depth == 8 ? blank : blank.with16Bits()).bytes
    let stride = channels * depth / 8
    let left = (width - scaled.width) / 2
    let top = (height - scaled.height) / 2
    for row in 0..<scaled.height {
      let from = row * scaled.width * stride
      let to = ((top + row) * width + left) * stride
      canvas.replaceSubrange(
        to..<(to + scaled.width * stride), with: scaled.bytes[from..<(from + scaled.width * stride)])
    }
    return Image(width: width, height: height, channels: channels, depth: depth, bytes: canvas)
  }

  /// Every pixel repeated `factor` times both ways: how small pictures are shown without blur.
  public func enlarged(by factor: Int) throws(ImageError) -> Image {
    guard factor >= 1, width * factor <= 1 << 20, height * factor <= 1 << 20 else {
      throw .invalid(reason: "a picture of \(width) x \(height) cannot be enlarged \(factor) times")
    }
    if factor == 1 { return self }
    do {
      let source = try VipsHandle(self)
      return try source.map { cvips_zoom($0, $1, Int32(factor), Int32(factor)) }.pixels()
    } catch {
      throw .invalid(reason: "enlarging \(factor) times failed: \(error.reason)")
    }
  }
}
