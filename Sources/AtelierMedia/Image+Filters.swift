internal import CVips

// MARK: - Turning

extension Image {
  /// Left and right exchanged.
  public func mirrored() throws(ImageError) -> Image {
    try applying("mirroring") { cvips_mirror($0, $1) }
  }

  /// Turned clockwise by so many quarters of a circle.
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

  /// A libvips operation that keeps the number format.
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
  /// The image behind a Gaussian of the given deviation in pixels; border pixels repeat outwards.
  public func blurred(sigma: Double) throws(ImageError) -> Image {
    guard sigma > 0, sigma <= 1000 else {
      throw .invalid(reason: "a blur of \(sigma) pixels makes no sense; above 0 and up to 1000 do")
    }
    let format = vipsFormat
    do throws(VipsFailure) {
      // At half a hundredth of the peak, what is cut off the tail is less than a step of 255.
      let blurred = try VipsHandle(self).map { cvips_blur($0, $1, sigma, 0.005) }
      let rounded = depth == 32 ? blurred : try blurred.map { cvips_rounded($0, $1) }
      return try rounded.map { cvips_cast($0, $1, format) }.pixels()
    } catch {
      throw .invalid(reason: "blurring failed: \(error.reason)")
    }
  }

  /// Dark outlines of one pixel on white: 8-bit grey, 0 on an edge and 255 elsewhere.
  ///
  /// Canny 1986: the gradient of the blurred luminance, thinned to its ridges; ridges above `strong` count,
  /// and with them whatever above `weak` hangs together with one. Alpha is laid over white first.
  ///
  /// - Parameters:
  ///   - sigma: the deviation of the blur in pixels; larger leaves out finer detail.
  ///   - weak: the strength, in steps of 255 a pixel, from which a ridge goes on.
  ///   - strong: the strength from which a ridge begins.
  public func outlines(
    sigma: Double = 1.2, weak: Float = 1, strong: Float = 2.5
  ) throws(ImageError) -> Image {
    guard sigma > 0, sigma <= 100, weak > 0, strong >= weak else {
      throw .invalid(
        reason: "outlines need a sigma above 0 and thresholds of which the strong is no lower than the weak")
    }
    let raw: [UInt8]
    do throws(VipsFailure) {
      let grey = try VipsHandle(grey().with8Bits()).map { cvips_cast($0, $1, VIPS_FORMAT_FLOAT) }
      raw = try grey.map { cvips_ridges($0, $1, sigma) }.values()
    } catch {
      throw .invalid(reason: "finding outlines failed: \(error.reason)")
    }
    let count = width * height
    guard raw.count == 4 * count else { throw .invalid(reason: "finding outlines gave no map of strengths") }
    let strength = raw.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return Image(width: width, height: height, channels: 1, bytes: connected(strength, weak, strong))
  }

  /// 0 where a ridge begins or goes on, 255 elsewhere.
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
