/// An image in memory: interleaved pixels [height, width, channels], rows from the top, 0 black.
///
/// A Sendable value. Colours are sRGB. Alpha, where present, is the last channel and not premultiplied.
public struct Image: Sendable, Hashable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; more are bands without a colour space, such as those of a
  /// multispectral camera.
  public let channels: Int
  /// Bits per sample: 8 (0...255), 16 (0...65535) or 32 (floating point, 0 black and 1 white), in the
  /// machine's byte order.
  public let depth: Int
  /// `height * width * channels` samples of `depth / 8` bytes each.
  public let bytes: [UInt8]

  /// An image of raw samples, laid out as ``bytes``.
  ///
  /// - Precondition: at least one pixel, 1...256 channels, a depth of 8, 16 or 32, and exactly as many
  ///   bytes as those need.
  public init(width: Int, height: Int, channels: Int, depth: Int = 8, bytes: [UInt8]) {
    precondition(width > 0 && height > 0, "Image: \(width) x \(height) has no pixels")
    precondition((1...256).contains(channels), "Image: \(channels) channels, expected 1...256")
    precondition([8, 16, 32].contains(depth), "Image: depth \(depth), expected 8, 16 or 32")
    precondition(
      bytes.count == width * height * channels * (depth / 8),
      "Image: \(bytes.count) bytes do not fill \(width) x \(height) x \(channels) at \(depth) bits")
    self.width = width
    self.height = height
    self.channels = channels
    self.depth = depth
    self.bytes = bytes
  }

  /// An 8-bit image of one colour; `value` holds one sample per channel.
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

  /// The value of white: 255, 65535, or 1 in floating point.
  public var largestValue: Int { depth == 8 ? 255 : depth == 16 ? 65535 : 1 }

  /// One sample at the image's own depth; in a floating-point image rounded to 0 or 1.
  public subscript(x x: Int, y y: Int, channel channel: Int) -> Int {
    let index = (y * width + x) * channels + channel
    return bytes.withUnsafeBytes { raw in
      switch depth {
      case 8: Int(raw[index])
      case 16: Int(raw.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
      default: raw.loadUnaligned(fromByteOffset: 4 * index, as: Float.self) < 0.5 ? 0 : 1
      }
    }
  }

  /// All values, 0 black and 1 white, in the order of ``bytes``.
  public var floats: [Float] {
    switch depth {
    case 8: bytes.map { Float($0) / 255 }
    case 16: wideValues.map { Float($0) / 65535 }
    default:
      bytes.withUnsafeBytes { raw in
        (0..<(raw.count / 4)).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
  }

  /// The 16-bit values; 8-bit ones are widened by 257, so that 255 becomes 65535.
  private var wideValues: [UInt16] {
    switch depth {
    case 8: bytes.map { UInt16($0) * 257 }
    case 16:
      bytes.withUnsafeBytes { raw in
        (0..<(raw.count / 2)).map { raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
      }
    default: floats.map { Self.quantised($0, 65535) }
    }
  }

  private init(width: Int, height: Int, channels: Int, wideValues: [UInt16]) {
    self.init(
      width: width, height: height, channels: channels, depth: 16,
      bytes: wideValues.withUnsafeBytes { [UInt8]($0) })
  }

  /// A floating-point image of values from 0 black to 1 white, interleaved.
  public init(width: Int, height: Int, channels: Int, floats: [Float]) {
    self.init(
      width: width, height: height, channels: channels, depth: 32,
      bytes: floats.withUnsafeBytes { [UInt8]($0) })
  }

  /// Quantises 0...1; values outside are clipped, and NaN becomes 0.
  private static func quantised<Value: FixedWidthInteger & UnsignedInteger>(
    _ value: Float, _ largest: Float
  ) -> Value {
    let level = (value * largest).rounded()
    return level >= largest ? Value(largest) : level > 0 ? Value(level) : 0
  }
}

// MARK: - Depth

extension Image {
  /// The image with 8 bits per sample, rounded to nearest.
  public func with8Bits() -> Image {
    switch depth {
    case 8: self
    case 16:
      Image(
        width: width, height: height, channels: channels,
        bytes: wideValues.map { UInt8((Int($0) + 128) / 257) })
    default:
      Image(
        width: width, height: height, channels: channels, bytes: floats.map { Self.quantised($0, 255) })
    }
  }

  /// The image with 16 bits per sample.
  public func with16Bits() -> Image {
    depth == 16 ? self : Image(width: width, height: height, channels: channels, wideValues: wideValues)
  }

  /// The image in 32-bit floating point.
  public func withFloats() -> Image {
    depth == 32 ? self : Image(width: width, height: height, channels: channels, floats: floats)
  }

  /// The same image at a depth of 8, 16 or 32.
  public func withDepth(_ depth: Int) -> Image {
    depth == 8 ? with8Bits() : depth == 16 ? with16Bits() : withFloats()
  }
}

// MARK: - Channels

/// How alpha is removed.
public enum AlphaRule: String, Sendable, Hashable, Codable, CaseIterable {
  /// Composited over white, as a web page shows it.
  case flattenOnWhite
  /// Composited over black.
  case flattenOnBlack
  /// Alpha is dropped, which reveals the colours of transparent pixels.
  case drop
}

extension Image {
  /// The image converted to 1, 2, 3 or 4 channels.
  ///
  /// Grey from colour is Rec. 601 luma, `0.299 R + 0.587 G + 0.114 B`, as in PIL and OpenCV; grey is repeated
  /// into RGB; a new alpha is opaque; of more than four channels the first three are taken as RGB.
  ///
  /// - Parameters:
  ///   - channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
  ///   - alpha: how alpha is removed where the result has none.
  public func converted(toChannels channels: Int, alpha: AlphaRule = .flattenOnWhite) -> Image {
    if channels == self.channels { return self }
    precondition((1...4).contains(channels), "Image: \(channels) channels, expected 1...4")
    if depth == 32 {
      return Image(
        width: width, height: height, channels: channels,
        floats: Self.convert(floats, from: self.channels, to: channels, alpha: alpha))
    }
    if depth == 16 {
      let values = Self.convert(
        wideValues, from: self.channels, to: channels, largest: 65535, alpha: alpha)
      return Image(width: width, height: height, channels: channels, wideValues: values)
    }
    let values = Self.convert(bytes, from: self.channels, to: channels, largest: 255, alpha: alpha)
    return Image(width: width, height: height, channels: channels, bytes: values)
  }

  /// The image converted to one grey channel.
  public func grey(alpha: AlphaRule = .flattenOnWhite) -> Image { converted(toChannels: 1, alpha: alpha) }

  /// The image converted to RGB.
  public func rgb(alpha: AlphaRule = .flattenOnWhite) -> Image { converted(toChannels: 3, alpha: alpha) }

  /// The image without alpha, grey or colour as before.
  public func withoutAlpha(_ rule: AlphaRule = .flattenOnWhite) -> Image {
    hasAlpha ? converted(toChannels: isGrey ? 1 : 3, alpha: rule) : self
  }

  /// The alpha channel as a grey image; nil where there is none.
  public var alpha: Image? { hasAlpha ? channel(channels - 1) : nil }

  /// One channel as a grey image.
  public func channel(_ index: Int) -> Image {
    let size = depth / 8
    let pixel = channels * size
    let result = [UInt8](unsafeUninitializedCapacity: width * height * size) { output, initialized in
      bytes.withUnsafeBufferPointer { input in
        for place in 0..<(width * height) {
          for byte in 0..<size { output[place * size + byte] = input[place * pixel + index * size + byte] }
        }
      }
      initialized = width * height * size
    }
    return Image(width: width, height: height, channels: 1, depth: depth, bytes: result)
  }

  /// The image with `mask`, a grey image of the same size and depth, as its alpha; an alpha that it has is
  /// replaced.
  public func withAlpha(_ mask: Image) -> Image {
    precondition(
      mask.channels == 1 && mask.depth == depth && mask.width == width && mask.height == height,
      "Image: the mask is not a grey image of the same size and depth")
    let colours = isGrey ? 1 : 3
    let size = depth / 8
    let (from, to) = (channels * size, (colours + 1) * size)
    let result = [UInt8](unsafeUninitializedCapacity: width * height * to) { output, initialized in
      bytes.withUnsafeBufferPointer { input in
        mask.bytes.withUnsafeBufferPointer { alpha in
          for place in 0..<(width * height) {
            for byte in 0..<(colours * size) { output[place * to + byte] = input[place * from + byte] }
            for byte in 0..<size { output[place * to + colours * size + byte] = alpha[place * size + byte] }
          }
        }
      }
      initialized = width * height * to
    }
    return Image(width: width, height: height, channels: colours + 1, depth: depth, bytes: result)
  }

  private static func convert<Value: FixedWidthInteger & UnsignedInteger>(
    _ source: [Value], from: Int, to: Int, largest: Int, alpha rule: AlphaRule
  ) -> [Value] {
    let count = source.count / from
    let fromColours = from <= 2 ? 1 : 3
    let toColours = to <= 2 ? 1 : 3
    let hasAlpha = from == 2 || from == 4
    let losesAlpha = hasAlpha && toColours == to && rule != .drop
    let paper = rule == .flattenOnBlack ? 0 : largest
    return [Value](unsafeUninitializedCapacity: count * to) { output, initialized in
      source.withUnsafeBufferPointer { input in
        for pixel in 0..<count {
          let start = pixel * from
          var red = Int(input[start])
          var green = fromColours == 3 ? Int(input[start + 1]) : red
          var blue = fromColours == 3 ? Int(input[start + 2]) : red
          let opacity = hasAlpha ? Int(input[start + from - 1]) : largest
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

  /// As above, on floating-point samples.
  private static func convert(_ source: [Float], from: Int, to: Int, alpha rule: AlphaRule) -> [Float] {
    let toColours = to <= 2 ? 1 : 3
    let hasAlpha = from == 2 || from == 4
    let paper: Float = rule == .flattenOnBlack ? 0 : 1
    var result: [Float] = []
    result.reserveCapacity(source.count / from * to)
    for start in stride(from: 0, to: source.count, by: from) {
      var colour =
        from <= 2 ? [source[start], source[start], source[start]] : Array(source[start..<(start + 3)])
      let opacity = hasAlpha ? source[start + from - 1] : 1
      if hasAlpha && toColours == to && rule != .drop {
        colour = colour.map { $0 * opacity + paper * (1 - opacity) }
      }
      if toColours == 1 {
        result.append(from <= 2 ? colour[0] : 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
      } else {
        result.append(contentsOf: colour)
      }
      if toColours < to { result.append(opacity) }
    }
    return result
  }
}

// MARK: - Cropping

extension Image {
  /// The rectangle of `width` x `height` pixels whose top left corner is (`x`, `y`).
  public func cropped(x: Int, y: Int, width: Int, height: Int) throws(ImageError) -> Image {
    guard width > 0, height > 0, x >= 0, y >= 0, x <= self.width - width, y <= self.height - height else {
      throw .invalid(
        reason: "a crop of \(width) x \(height) at (\(x), \(y)) does not fit an image of "
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

  /// The central crop. An odd margin leaves the extra pixel on the right and at the bottom.
  public func centerCropped(width: Int, height: Int) throws(ImageError) -> Image {
    try cropped(
      x: (self.width - width) / 2, y: (self.height - height) / 2, width: width, height: height)
  }

  /// The image with another of equal height, channels and depth on its right.
  public func joined(with other: Image) throws(ImageError) -> Image {
    guard height == other.height, channels == other.channels, depth == other.depth else {
      throw .invalid(reason: "images that differ in height, channels or depth cannot be joined")
    }
    let pixel = channels * depth / 8
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + other.bytes.count)
    for row in 0..<height {
      result.append(contentsOf: bytes[(row * width * pixel)..<((row + 1) * width * pixel)])
      result.append(contentsOf: other.bytes[(row * other.width * pixel)..<((row + 1) * other.width * pixel)])
    }
    return Image(width: width + other.width, height: height, channels: channels, depth: depth, bytes: result)
  }
}
