/// A picture in plain memory: interleaved pixels, rows from the top, values from black (0) upwards.
///
/// An image is a value; it may cross threads. Colours are sRGB. Alpha, where present, is the last
/// channel and not premultiplied.
public struct Image: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// 1 grey, 2 grey and alpha, 3 red green blue, 4 red green blue alpha.
  public let channels: Int
  /// Bits a value: 8 (0...255) or 16 (0...65535, in the machine's byte order).
  public let depth: Int
  /// `height * width * channels` values of `depth / 8` bytes each.
  public let bytes: [UInt8]

  /// Adopts raw pixels.
  ///
  /// - Precondition: at least one pixel, 1...4 channels, a depth of 8 or 16, and exactly as many
  ///   bytes as those need.
  public init(width: Int, height: Int, channels: Int, depth: Int = 8, bytes: [UInt8]) {
    precondition(width > 0 && height > 0, "Image: \(width) x \(height) has no pixels")
    precondition((1...4).contains(channels), "Image: \(channels) channels, expected 1...4")
    precondition(depth == 8 || depth == 16, "Image: depth \(depth), expected 8 or 16")
    precondition(
      bytes.count == width * height * channels * (depth / 8),
      "Image: \(bytes.count) bytes do not fill \(width) x \(height) x \(channels) at \(depth) bits")
    self.width = width
    self.height = height
    self.channels = channels
    self.depth = depth
    self.bytes = bytes
  }

  /// A picture of one colour: `value` holds one 8-bit number a channel.
  public init(width: Int, height: Int, filledWith value: [UInt8]) {
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * value.count) { buffer, count in
      for index in 0..<(width * height * value.count) { buffer[index] = value[index % value.count] }
      count = width * height * value.count
    }
    self.init(width: width, height: height, channels: value.count, bytes: pixels)
  }

  /// Whether the last channel is alpha.
  public var hasAlpha: Bool { channels == 2 || channels == 4 }

  /// Whether there is one colour channel.
  public var isGrey: Bool { channels <= 2 }

  /// The largest value a channel can hold.
  public var largestValue: Int { depth == 8 ? 255 : 65535 }

  /// One value, at the picture's own depth.
  public subscript(x x: Int, y y: Int, channel channel: Int) -> Int {
    let index = (y * width + x) * channels + channel
    return depth == 8
      ? Int(bytes[index])
      : bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) }
  }

  /// The 16-bit values; 8-bit ones are widened by 257, so that 255 becomes 65535.
  private var wideValues: [UInt16] {
    if depth == 8 { return bytes.map { UInt16($0) * 257 } }
    return bytes.withUnsafeBytes { raw in
      (0..<(raw.count / 2)).map { raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
    }
  }

  private init(width: Int, height: Int, channels: Int, wideValues: [UInt16]) {
    self.init(
      width: width, height: height, channels: channels, depth: 16,
      bytes: wideValues.withUnsafeBytes { [UInt8]($0) })
  }
}

// MARK: - Depth

extension Image {
  /// The same picture with 8 bits a value, rounded to the nearest.
  public func with8Bits() -> Image {
    if depth == 8 { return self }
    return Image(
      width: width, height: height, channels: channels,
      bytes: wideValues.map { UInt8((Int($0) + 128) / 257) })
  }

  /// The same picture with 16 bits a value.
  public func with16Bits() -> Image {
    depth == 16 ? self : Image(width: width, height: height, channels: channels, wideValues: wideValues)
  }
}

// MARK: - Channels

/// What becomes of alpha when a picture must lose it.
public enum AlphaRule: String, Sendable, Hashable, Codable, CaseIterable {
  /// The picture is laid over white paper, which is what a viewer of a web page sees.
  case flattenOnWhite
  /// The picture is laid over black.
  case flattenOnBlack
  /// Alpha is thrown away; hidden colours come to light.
  case drop
}

extension Image {
  /// The same picture with the asked-for channels.
  ///
  /// Grey from colour is Rec. 601 luma, `0.299 R + 0.587 G + 0.114 B`, as every common tool uses; colour
  /// from grey repeats it; a new alpha is opaque.
  ///
  /// - Parameters:
  ///   - channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
  ///   - alpha: what becomes of an alpha that the result has no room for.
  public func converted(toChannels channels: Int, alpha: AlphaRule = .flattenOnWhite) -> Image {
    precondition((1...4).contains(channels), "Image: \(channels) channels, expected 1...4")
    if channels == self.channels { return self }
    if depth == 16 {
      let values = Self.convert(
        wideValues, from: self.channels, to: channels, largest: 65535, alpha: alpha)
      return Image(width: width, height: height, channels: channels, wideValues: values)
    }
    let values = Self.convert(bytes, from: self.channels, to: channels, largest: 255, alpha: alpha)
    return Image(width: width, height: height, channels: channels, bytes: values)
  }

  /// The picture in grey without alpha.
  public func grey(alpha: AlphaRule = .flattenOnWhite) -> Image { converted(toChannels: 1, alpha: alpha) }

  /// The picture in red, green and blue without alpha.
  public func rgb(alpha: AlphaRule = .flattenOnWhite) -> Image { converted(toChannels: 3, alpha: alpha) }

  /// The picture without alpha, grey or colour as before.
  public func withoutAlpha(_ rule: AlphaRule = .flattenOnWhite) -> Image {
    converted(toChannels: isGrey ? 1 : 3, alpha: rule)
  }

  private static func convert<Value: FixedWidthInteger & UnsignedInteger>(
    _ source: [Value], from: Int, to: Int, largest: Int, alpha rule: AlphaRule
  ) -> [Value] {
    let count = source.count / from
    let fromColours = from <= 2 ? 1 : 3
    let toColours = to <= 2 ? 1 : 3
    let losesAlpha = fromColours < from && toColours == to && rule != .drop
    let paper = rule == .flattenOnBlack ? 0 : largest
    return [Value](unsafeUninitializedCapacity: count * to) { output, initialized in
      source.withUnsafeBufferPointer { input in
        for pixel in 0..<count {
          let start = pixel * from
          var red = Int(input[start])
          var green = fromColours == 3 ? Int(input[start + 1]) : red
          var blue = fromColours == 3 ? Int(input[start + 2]) : red
          let opacity = fromColours < from ? Int(input[start + from - 1]) : largest
          if losesAlpha {
            func over(_ value: Int) -> Int {
              (value * opacity + paper * (largest - opacity) + largest / 2) / largest
            }
            (red, green, blue) = (over(red), over(green), over(blue))
          }
          let target = pixel * to
          if toColours == 1 {
            // 16-bit fixed point of the Rec. 601 weights; they add up to exactly 65536.
            let grey = fromColours == 1 ? red : (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
            output[target] = Value(grey)
          } else {
            output[target] = Value(red)
            output[target + 1] = Value(green)
            output[target + 2] = Value(blue)
          }
          if toColours < to { output[target + to - 1] = Value(opacity) }
        }
      }
      initialized = count * to
    }
  }
}

// MARK: - Cutting

extension Image {
  /// The rectangle of `width` x `height` pixels whose top left corner is (`x`, `y`).
  public func cropped(x: Int, y: Int, width: Int, height: Int) throws(ImageError) -> Image {
    guard width > 0, height > 0, x >= 0, y >= 0, x <= self.width - width, y <= self.height - height else {
      throw .invalid(
        reason: "a cut of \(width) x \(height) at (\(x), \(y)) does not fit a picture of "
          + "\(self.width) x \(self.height)")
    }
    let pixel = channels * depth / 8
    var result: [UInt8] = []
    result.reserveCapacity(width * height * pixel)
    for row in y..<(y + height) {
      let start = (row * self.width + x) * pixel
      result.append(contentsOf: bytes[start..<(start + width * pixel)])
    }
    return Image(width: width, height: height, channels: channels, depth: depth, bytes: result)
  }

  /// The middle of the picture. An odd remainder leaves one more pixel on the right and below.
  public func centerCropped(width: Int, height: Int) throws(ImageError) -> Image {
    try cropped(
      x: (self.width - width) / 2, y: (self.height - height) / 2, width: width, height: height)
  }
}
