/// Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits without compression (Microsoft, BITMAPINFOHEADER to
/// BITMAPV5HEADER). Palettes become RGB; a grey palette becomes grey.
enum Bitmap {
  static func isPresent(in bytes: [UInt8]) -> Bool {
    bytes.count >= 26 && bytes[0] == 0x42 && bytes[1] == 0x4D
      && [12, 16, 40, 52, 56, 64, 108, 124].contains(number(bytes, 14, 4))
  }

  static func header(of bytes: [UInt8]) throws(RasterFailure) -> RasterFile {
    let size = number(bytes, 14, 4)
    let isOld = size == 12
    guard bytes.count >= 14 + size else { throw .damaged("its header is cut short") }
    let start = number(bytes, 10, 4)
    let width = isOld ? number(bytes, 18, 2) : signed(bytes, 18)
    let signedHeight = isOld ? number(bytes, 20, 2) : signed(bytes, 22)
    let (isTopDown, height) = (signedHeight < 0, abs(signedHeight))
    let bits = number(bytes, isOld ? 24 : 28, 2)
    let compression = size >= 40 ? number(bytes, 30, 4) : 0
    guard width > 0, height > 0 else { throw .damaged("its header declares \(width) x \(height) pixels") }
    guard [1, 4, 8, 16, 24, 32].contains(bits) else {
      throw .damaged("its header declares \(bits) bits a pixel")
    }
    // 3: masks for the colours of 16 and 32 bits; 6: with a fourth for alpha.
    guard compression == 0 || ((compression == 3 || compression == 6) && bits >= 16 && bits != 24) else {
      throw .unsupported("a BMP compressed in way \(compression) is not read; save it as .png")
    }
    let masks = try masks(bytes, size, bits, compression)
    let palette = try palette(bytes, size, bits, start, isOld)
    let stride = (width * bits + 31) / 32 * 4
    let (length, overflow) = stride.multipliedReportingOverflow(by: height)
    guard start >= 14 + size, !overflow, start <= bytes.count, length <= bytes.count - start else {
      throw .damaged("\(width) x \(height) pixels of \(bits) bits do not fit into its \(bytes.count) bytes")
    }
    let isGrey = !palette.isEmpty && palette.allSatisfy { $0[0] == $0[1] && $0[1] == $0[2] }
    let channels = isGrey ? 1 : masks.map { $0[3] != 0 ? 4 : 3 } ?? 3
    return RasterFile(format: .bmp, width: width, height: height, channels: channels, depth: 8) {
      () throws(RasterFailure) in
      var pixels: [UInt8] = []
      pixels.reserveCapacity(width * height * channels)
      for row in 0..<height {
        let line = start + (isTopDown ? row : height - 1 - row) * stride
        for column in 0..<width {
          if bits <= 8 {
            let byte = Int(bytes[line + column * bits / 8])
            let index = byte >> (8 - bits - column * bits % 8) & ((1 << bits) - 1)
            guard index < palette.count else {
              throw .damaged("a pixel has an index that is not in its palette")
            }
            pixels.append(contentsOf: isGrey ? palette[index].prefix(1) : palette[index][...])
          } else if let masks {
            let value = number(bytes, line + column * bits / 8, bits / 8)
            for mask in masks.prefix(channels) { pixels.append(scaled(value, mask)) }
          } else {
            let place = line + column * 3
            pixels += [bytes[place + 2], bytes[place + 1], bytes[place]]
          }
        }
      }
      return Image(width: width, height: height, channels: channels, bytes: pixels)
    }
  }

  /// An image as a bitmap of 24 bits, or 8 with a palette of greys.
  static func encoded(_ image: Image) -> [UInt8] {
    let isGrey = image.isGrey
    let picture = image.withoutAlpha().with8Bits()
    let (width, height) = (picture.width, picture.height)
    let stride = (width * (isGrey ? 8 : 24) + 31) / 32 * 4
    let start = 54 + (isGrey ? 1024 : 0)
    func little(_ value: Int, _ count: Int = 4) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    var bytes: [UInt8] = [0x42, 0x4D] + little(start + stride * height) + little(0) + little(start)
    bytes += little(40) + little(width) + little(height) + little(1, 2) + little(isGrey ? 8 : 24, 2)
    // 2,835 pixels a metre are 72 an inch.
    bytes += little(0) + little(stride * height) + little(2835) + little(2835) + little(0) + little(0)
    if isGrey { for level in 0...255 { bytes += [UInt8(level), UInt8(level), UInt8(level), 0] } }
    let channels = picture.channels
    for row in (0..<height).reversed() {
      let line = picture.bytes[(row * width * channels)..<((row + 1) * width * channels)]
      if isGrey {
        bytes += line
      } else {
        for place in Swift.stride(from: line.startIndex, to: line.endIndex, by: 3) {
          bytes += [line[place + 2], line[place + 1], line[place]]
        }
      }
      bytes += [UInt8](repeating: 0, count: stride - line.count)
    }
    return bytes
  }

  /// Red, green, blue and alpha of pixels of 16 or 32 bits; nil for others. The fourth byte of 32 plain bits is
  /// unused.
  private static func masks(
    _ bytes: [UInt8], _ size: Int, _ bits: Int, _ compression: Int
  ) throws(RasterFailure) -> [Int]? {
    guard bits == 16 || bits == 32 else { return nil }
    if compression == 0 {
      return bits == 16 ? [0x7C00, 0x3E0, 0x1F, 0] : [0xFF0000, 0xFF00, 0xFF, 0]
    }
    let count = size >= 56 || compression == 6 ? 4 : 3
    guard bytes.count >= 54 + 4 * count else { throw .damaged("its header is cut short") }
    let masks = (0..<count).map { number(bytes, 54 + 4 * $0, 4) } + (count == 3 ? [0] : [])
    guard masks.prefix(3).allSatisfy({ $0 != 0 }) else { throw .damaged("a colour of it has no bits") }
    return masks
  }

  private static func palette(
    _ bytes: [UInt8], _ size: Int, _ bits: Int, _ start: Int, _ isOld: Bool
  ) throws(RasterFailure) -> [[UInt8]] {
    guard bits <= 8 else { return [] }
    let declared = size >= 40 ? number(bytes, 46, 4) : 0
    let entry = isOld ? 3 : 4
    let room = max(0, min(start, bytes.count) - 14 - size) / entry
    let count = min(declared == 0 ? 1 << bits : declared, 1 << bits, room)
    guard count > 0 else { throw .damaged("it has no palette") }
    return (0..<count).map { index in
      let place = 14 + size + index * entry
      return [bytes[place + 2], bytes[place + 1], bytes[place]]
    }
  }

  /// The bits of a mask as 0...255.
  private static func scaled(_ value: Int, _ mask: Int) -> UInt8 {
    let shift = mask.trailingZeroBitCount
    let largest = mask >> shift
    return UInt8(((value & mask) >> shift) * 255 / largest)
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> Int {
    (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
  }

  private static func signed(_ bytes: [UInt8], _ place: Int) -> Int {
    Int(Int32(truncatingIfNeeded: number(bytes, place, 4)))
  }
}
