internal import CVips

/// The interpolation of a resize.
public enum ResizingFilter: String, Sendable, Hashable, Codable, CaseIterable {
  /// Lanczos with three lobes, antialiased when downsampling.
  case lanczos
  /// Bicubic with a = -1/2, antialiased when downsampling; super-resolution papers make their inputs with it.
  case bicubic
  /// Nearest neighbour; adds no new values, as label maps need it.
  case nearest
}

extension Image {
  /// The whole image at another size; the aspect ratio is not kept.
  ///
  /// Colours are premultiplied by alpha, so that transparent pixels do not bleed.
  public func resized(
    width: Int, height: Int, filter: ResizingFilter = .lanczos
  ) throws(ImageError) -> Image {
    guard width > 0, height > 0, width <= 1 << 20, height <= 1 << 20 else {
      throw .invalid(reason: "\(width) x \(height) is not a valid image size")
    }
    if width == self.width && height == self.height { return self }
    if filter == .nearest { return resizedToNearest(width: width, height: height) }
    let horizontal = Double(width) / Double(self.width)
    let vertical = Double(height) / Double(self.height)
    do {
      let source = try VipsHandle(self)
      var image = try source.map { cvips_relabelled($0, $1, interpretation) }
      let largest = Double(largestValue)
      if hasAlpha { image = try image.map { cvips_premultiply($0, $1, largest) } }
      if filter == .bicubic {
        image = try Self.cubic(image, width: width, height: height)
      } else {
        image = try image.map { cvips_resize($0, $1, horizontal, vertical) }
      }
      if hasAlpha { image = try image.map { cvips_unpremultiply($0, $1, largest) } }
      if hasAlpha || filter == .bicubic {
        if depth != 32 { image = try image.map { cvips_rounded($0, $1) } }
        let format = vipsFormat
        image = try image.map { cvips_cast($0, $1, format) }
      }
      return try image.pixels().withMeaning(of: self)
    } catch {
      throw .failed("resizing to \(width) x \(height)", error.reason)
    }
  }

  /// Bicubic resampling in float, because libvips' fixed-point form is off by up to two 8-bit levels.
  ///
  /// Borders are reflected, as in MATLAB, where the factor is whole, so that the margin becomes whole pixels;
  /// otherwise they are replicated.
  private static func cubic(
    _ image: VipsHandle, width: Int, height: Int
  ) throws(VipsFailure) -> VipsHandle {
    let float = try image.map { cvips_cast($0, $1, VIPS_FORMAT_FLOAT) }
    let (across, down) = (image.width / width, image.height / height)
    let horizontal = Double(width) / Double(image.width)
    let vertical = Double(height) / Double(image.height)
    guard across * width == image.width, down * height == image.height else {
      return try float.map { cvips_resize_cubic($0, $1, horizontal, vertical) }
    }
    // The filter reaches two pixels of the result to either side.
    let margin = 2
    let wide = try float.map {
      cvips_mirror_border(
        $0, $1, Int32(margin * across), Int32(margin * down), Int32((width + 2 * margin) * across),
        Int32((height + 2 * margin) * down))
    }
    let small = try wide.map { cvips_resize_cubic($0, $1, horizontal, vertical) }
    return try small.map {
      cvips_crop($0, $1, Int32(margin), Int32(margin), Int32(width), Int32(height))
    }
  }

  /// Scales the image to cover `width` x `height`, and crops the excess evenly on both sides.
  public func resizedToFill(
    width: Int, height: Int, filter: ResizingFilter = .lanczos
  ) throws(ImageError) -> Image {
    guard width > 0, height > 0 else {
      throw .invalid(reason: "\(width) x \(height) is not a valid image size")
    }
    let scale = max(Double(width) / Double(self.width), Double(height) / Double(self.height))
    let scaled = try resized(
      width: max(width, Int((Double(self.width) * scale).rounded())),
      height: max(height, Int((Double(self.height) * scale).rounded())), filter: filter)
    return try scaled.centerCropped(width: width, height: height)
  }

  /// Scales the image to fit into `width` x `height`, and pads with `background` (one 8-bit value for every
  /// colour channel; opaque).
  public func resizedToFit(
    width: Int, height: Int, background: UInt8 = 0, filter: ResizingFilter = .lanczos
  ) throws(ImageError) -> Image {
    guard width > 0, height > 0 else {
      throw .invalid(reason: "\(width) x \(height) is not a valid image size")
    }
    let scale = min(Double(width) / Double(self.width), Double(height) / Double(self.height))
    let scaled = try resized(
      width: min(width, max(1, Int((Double(self.width) * scale).rounded()))),
      height: min(height, max(1, Int((Double(self.height) * scale).rounded()))), filter: filter)
    if scaled.width == width && scaled.height == height { return scaled }
    var pixel = [UInt8](repeating: background, count: channels)
    if hasAlpha { pixel[channels - 1] = 255 }
    var canvas = Image(width: width, height: height, filledWith: pixel).withDepth(depth).bytes
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
      .withMeaning(of: self)
  }

  /// Nearest neighbour: each new pixel takes the old one that contains its centre.
  private func resizedToNearest(width: Int, height: Int) -> Image {
    let pixel = channels * depth / 8
    let columns = (0..<width).map { (2 * $0 + 1) * self.width / (2 * width) * pixel }
    let result = [UInt8](unsafeUninitializedCapacity: width * height * pixel) { output, initialized in
      bytes.withUnsafeBufferPointer { input in
        var target = 0
        for y in 0..<height {
          let row = (2 * y + 1) * self.height / (2 * height) * self.width * pixel
          for column in columns {
            for byte in 0..<pixel { output[target + byte] = input[row + column + byte] }
            target += pixel
          }
        }
      }
      initialized = width * height * pixel
    }
    return Image(width: width, height: height, channels: channels, depth: depth, bytes: result)
      .withMeaning(of: self)
  }

  /// Every pixel repeated `factor` times in both directions, to show small images without blur.
  public func enlarged(by factor: Int) throws(ImageError) -> Image {
    guard factor >= 1, width * factor <= 1 << 20, height * factor <= 1 << 20 else {
      throw .invalid(reason: "an image of \(width) x \(height) cannot be enlarged \(factor) times")
    }
    if factor == 1 { return self }
    do {
      let source = try VipsHandle(self)
      return try source.map { cvips_zoom($0, $1, Int32(factor), Int32(factor)) }.pixels().withMeaning(
        of: self)
    } catch {
      throw .failed("enlarging \(factor) times", error.reason)
    }
  }
}
