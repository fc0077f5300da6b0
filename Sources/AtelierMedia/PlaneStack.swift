internal import CVips

/// A batch of 8-bit planes of one size, resized together.
///
/// libvips resizes each channel separately, so a hundred small images can be the channels of one: the results
/// are the same, without a hundred times the overhead of a call.
public struct PlaneStack: Sendable {
  /// How planes of another aspect ratio fill the frame.
  public enum Fit: Sendable {
    /// Cover the frame, and crop the excess.
    case fill
    /// Stretch to the frame.
    case stretch
    /// Fit into the frame, padded with zeros.
    case pad
  }

  /// The samples, [count, height, width].
  public let bytes: [UInt8]
  /// The number of planes.
  public let count: Int
  /// Height of each plane in pixels.
  public let height: Int
  /// Width of each plane in pixels.
  public let width: Int

  /// A stack of planes, laid out as ``bytes``.
  ///
  /// - Precondition: exactly `count * height * width` bytes.
  public init(bytes: [UInt8], count: Int, height: Int, width: Int) {
    precondition(
      count > 0 && height > 0 && width > 0 && bytes.count == count * height * width,
      "PlaneStack: \(bytes.count) bytes are not \(count) planes of \(height) x \(width)")
    self.bytes = bytes
    self.count = count
    self.height = height
    self.width = width
  }

  /// The planes in a frame of another size; the same filter and rounding as ``Image/resized(width:height:)``.
  public func resized(width: Int, height: Int, fit: Fit) throws(ImageError) -> PlaneStack {
    guard width > 0, height > 0, width <= 1 << 15, height <= 1 << 15 else {
      throw .invalid(reason: "\(width) x \(height) is not a valid image size")
    }
    let horizontal = Double(width) / Double(self.width)
    let vertical = Double(height) / Double(self.height)
    let scaled: (width: Int, height: Int)
    switch fit {
    case .stretch: scaled = (width, height)
    case .fill:
      let scale = max(horizontal, vertical)
      scaled = (
        max(width, Int((Double(self.width) * scale).rounded())),
        max(height, Int((Double(self.height) * scale).rounded()))
      )
    case .pad:
      let scale = min(horizontal, vertical)
      scaled = (
        min(width, max(1, Int((Double(self.width) * scale).rounded()))),
        min(height, max(1, Int((Double(self.height) * scale).rounded())))
      )
    }
    let interleaved = try scaledChannels(width: scaled.width, height: scaled.height)
    let left = fit == .pad ? -((width - scaled.width) / 2) : (scaled.width - width) / 2
    let top = fit == .pad ? -((height - scaled.height) / 2) : (scaled.height - height) / 2
    var result = [UInt8](repeating: 0, count: count * height * width)
    result.withUnsafeMutableBufferPointer { output in
      interleaved.withUnsafeBufferPointer { input in
        for y in max(0, -top)..<min(height, scaled.height - top) {
          for x in max(0, -left)..<min(width, scaled.width - left) {
            let source = ((y + top) * scaled.width + x + left) * count
            var target = y * width + x
            for plane in 0..<count {
              output[target] = input[source + plane]
              target += width * height
            }
          }
        }
      }
    }
    return PlaneStack(bytes: result, count: count, height: height, width: width)
  }

  /// The planes as channels of one image of the asked-for size.
  private func scaledChannels(width: Int, height: Int) throws(ImageError) -> [UInt8] {
    let size = self.width * self.height
    let channels = [UInt8](unsafeUninitializedCapacity: bytes.count) { output, initialized in
      bytes.withUnsafeBufferPointer { input in
        for plane in 0..<count {
          for pixel in 0..<size { output[pixel * count + plane] = input[plane * size + pixel] }
        }
      }
      initialized = bytes.count
    }
    if width == self.width && height == self.height { return channels }
    do throws(VipsFailure) {
      let image = try VipsHandle { output in
        output.pointee = channels.withUnsafeBytes { raw in
          vips_image_new_from_memory_copy(
            raw.baseAddress, raw.count, Int32(self.width), Int32(self.height), Int32(count), VIPS_FORMAT_UCHAR
          )
        }
        return output.pointee == nil ? -1 : 0
      }
      let horizontal = Double(width) / Double(self.width)
      let vertical = Double(height) / Double(self.height)
      return try image.map { cvips_resize($0, $1, horizontal, vertical) }.values()
    } catch {
      throw .invalid(reason: "resizing \(count) planes to \(width) x \(height) failed: \(error.reason)")
    }
  }
}
