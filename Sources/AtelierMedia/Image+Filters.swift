internal import CVips

// MARK: - Flips and rotations

extension Image {
  /// The image flipped horizontally.
  public func mirrored() throws(ImageError) -> Image {
    try applying("mirroring") { cvips_mirror($0, $1) }
  }

  /// The image rotated clockwise by `quarters` × 90°; negative values rotate counter-clockwise.
  public func turned(quarters: Int) throws(ImageError) -> Image {
    let angle: VipsAngle
    switch ((quarters % 4) + 4) % 4 {
    case 1: angle = VIPS_ANGLE_D90
    case 2: angle = VIPS_ANGLE_D180
    case 3: angle = VIPS_ANGLE_D270
    default: return self
    }
    return try applying("turning") { cvips_rotate($0, $1, angle) }
  }

  /// The result of a libvips operation, in the sample format of this image.
  private func applying(
    _ purpose: String,
    _ operation: (UnsafeMutablePointer<VipsImage>, UnsafeMutablePointer<UnsafeMutablePointer<VipsImage>?>) ->
      Int32
  ) throws(ImageError) -> Image {
    do throws(VipsFailure) { return try VipsHandle(self).map(operation).pixels() } catch {
      throw .invalid(reason: "\(purpose) failed: \(error.reason)")
    }
  }
}

// MARK: - Blurring and outlines

extension Image {
  /// A Gaussian blur with standard deviation `sigma` in pixels, above 0 and up to 1000; borders are
  /// replicated.
  public func blurred(sigma: Double) throws(ImageError) -> Image {
    guard sigma > 0, sigma <= 1000 else {
      throw .invalid(reason: "a blur's sigma must be above 0 and at most 1000 pixels, not \(sigma)")
    }
    let format = vipsFormat
    do throws(VipsFailure) {
      // A kernel truncated at 0.005 of its peak errs by less than one 8-bit level.
      let blurred = try VipsHandle(self).map { cvips_blur($0, $1, sigma, 0.005) }
      let rounded = depth == 32 ? blurred : try blurred.map { cvips_rounded($0, $1) }
      return try rounded.map { cvips_cast($0, $1, format) }.pixels()
    } catch {
      throw .invalid(reason: "blurring failed: \(error.reason)")
    }
  }

  /// Canny edges, one pixel wide: 8-bit grey, 0 on an edge and 255 elsewhere.
  ///
  /// Canny 1986: gradient of the blurred luminance, non-maximum suppression, hysteresis: ridges above
  /// `strong` and every ridge above `weak` connected to one. Alpha is composited over white first.
  ///
  /// - Parameters:
  ///   - sigma: the standard deviation of the blur in pixels; larger values drop finer detail.
  ///   - weak: the lower hysteresis threshold on the gradient, in 8-bit levels per pixel.
  ///   - strong: the upper hysteresis threshold, at least `weak`.
  public func outlines(
    sigma: Double = 1.2, weak: Float = 1, strong: Float = 2.5
  ) throws(ImageError) -> Image {
    guard sigma > 0, sigma <= 100, weak > 0, strong >= weak else {
      throw .invalid(
        reason: "outlines need a sigma above 0 and a strong threshold no lower than the weak one")
    }
    let raw: [UInt8]
    do throws(VipsFailure) {
      let grey = try VipsHandle(grey().with8Bits()).map { cvips_cast($0, $1, VIPS_FORMAT_FLOAT) }
      raw = try grey.map { cvips_ridges($0, $1, sigma) }.values()
    } catch {
      throw .invalid(reason: "finding outlines failed: \(error.reason)")
    }
    let count = width * height
    guard raw.count == 4 * count else { throw .invalid(reason: "edge detection returned no gradient map") }
    let strength = raw.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return Image(width: width, height: height, channels: 1, bytes: connected(strength, weak, strong))
  }

  /// Hysteresis: 0 on ridges above `weak` that are connected to one above `strong`, 255 elsewhere.
  private func connected(_ strength: [Float], _ weak: Float, _ strong: Float) -> [UInt8] {
    var result = [UInt8](repeating: 255, count: strength.count)
    var open: [Int] = []
    for start in strength.indices where strength[start] >= strong && result[start] == 255 {
      result[start] = 0
      open.append(start)
      while let place = open.popLast() {
        let (x, y) = (place % width, place / width)
        for row in max(0, y - 1)...min(height - 1, y + 1) {
          for column in max(0, x - 1)...min(width - 1, x + 1) {
            let next = row * width + column
            if result[next] == 255, strength[next] >= weak {
              result[next] = 0
              open.append(next)
            }
          }
        }
      }
    }
    return result
  }
}
