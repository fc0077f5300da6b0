/// Netpbm's portable bitmaps, greymaps and pixmaps, as text (P1 to P3) and as bytes (P4 to P6), up to 16 bits.
///
/// Source: the format's manual pages pbm(5), pgm(5) and ppm(5). Of several images in a file the first is read.
enum Netpbm {
  static func isPresent(in bytes: [UInt8]) -> Bool {
    bytes.count >= 7 && bytes[0] == 0x50 && (0x31...0x36).contains(bytes[1])
      && (isBlank(bytes[2]) || bytes[2] == 0x23)
  }

  static func header(of bytes: [UInt8]) throws(RasterFailure) -> RasterFile {
    let kind = Int(bytes[1] - 0x30)
    var place = 2
    let width = try number(bytes, &place)
    let height = try number(bytes, &place)
    let isBitmap = kind == 1 || kind == 4
    let largest = isBitmap ? 1 : try number(bytes, &place)
    guard width > 0, height > 0 else { throw .damaged("its header declares \(width) x \(height) pixels") }
    guard (1...65535).contains(largest) else {
      throw .damaged("its header declares a largest value of \(largest), and 1 to 65535 are possible")
    }
    // One blank ends the header of a file of bytes.
    if kind >= 4 { place += 1 }
    let start = place
    let channels = kind == 3 || kind == 6 ? 3 : 1
    let isWide = largest > 255
    let line = isBitmap ? (width + 7) / 8 : width * channels * (isWide ? 2 : 1)
    // A sample of text takes a digit and, but for bitmaps, a blank.
    let least = kind >= 4 ? line : isBitmap ? width : 2 * width * channels - 1
    let (length, overflow) = least.multipliedReportingOverflow(by: height)
    guard !overflow, start <= bytes.count, length <= bytes.count - start else {
      throw .damaged("\(width) x \(height) pixels do not fit into its \(bytes.count) bytes")
    }
    let read = { () throws(RasterFailure) -> [UInt16] in
      let values = try values(bytes, start, kind, width, height, channels, isWide)
      guard values.allSatisfy({ $0 <= largest }) else {
        throw .damaged("a value is above \(largest), the largest that its header declares")
      }
      return values
    }
    let image = { (values: [UInt16]) -> Image in
      isWide
        ? Image(
          width: width, height: height, channels: channels, depth: 16,
          bytes: values.withUnsafeBytes { Array($0) })
        : Image(width: width, height: height, channels: channels, bytes: values.map { UInt8($0) })
    }
    let white = isWide ? 65535 : 255
    let plain = { () throws(RasterFailure) -> Image in image(try read()) }
    return RasterFile(
      format: .pnm, width: width, height: height, channels: channels, depth: isWide ? 16 : 8,
      indices: channels == 1 && !isBitmap ? plain : nil
    ) { () throws(RasterFailure) in
      // In a bitmap 1 is black.
      image(try read().map { UInt16(((isBitmap ? 1 - Int($0) : Int($0)) * white + largest / 2) / largest) })
    }
  }

  /// An image as a greymap or pixmap of bytes.
  static func encoded(_ image: Image) -> [UInt8] {
    var picture = image.withoutAlpha()
    if picture.depth == 32 { picture = picture.with16Bits() }
    let head = "P\(picture.isGrey ? 5 : 6)\n\(picture.width) \(picture.height)\n\(picture.largestValue)\n"
    guard picture.depth == 16 else { return Array(head.utf8) + picture.bytes }
    let values = picture.bytes.withUnsafeBytes { raw in
      (0..<(raw.count / 2)).map { raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
    }
    return Array(head.utf8) + values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
  }

  private static func values(
    _ bytes: [UInt8], _ start: Int, _ kind: Int, _ width: Int, _ height: Int, _ channels: Int, _ isWide: Bool
  ) throws(RasterFailure) -> [UInt16] {
    let count = width * height * channels
    switch kind {
    case 1:
      var values: [UInt16] = []
      values.reserveCapacity(count)
      var place = start
      while values.count < count {
        guard place < bytes.count else { throw .damaged("it ends after \(values.count) of \(count) values") }
        switch bytes[place] {
        case 0x30: values.append(0)
        case 0x31: values.append(1)
        case let byte where isBlank(byte): break
        default: throw .damaged("a value of it is not 0 or 1")
        }
        place += 1
      }
      return values
    case 2, 3:
      var values: [UInt16] = []
      values.reserveCapacity(count)
      var place = start
      while values.count < count {
        let value = try number(bytes, &place)
        guard let value = UInt16(exactly: value) else { throw .damaged("a value of it is \(value)") }
        values.append(value)
      }
      return values
    case 4:
      let line = (width + 7) / 8
      return (0..<count).map { index in
        let (row, column) = (index / width, index % width)
        return UInt16(bytes[start + row * line + column / 8] >> (7 - column % 8) & 1)
      }
    default:
      guard isWide else { return bytes[start..<(start + count)].map(UInt16.init) }
      return (0..<count).map { UInt16(bytes[start + 2 * $0]) << 8 | UInt16(bytes[start + 2 * $0 + 1]) }
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// The next number, behind blanks and comments.
  private static func number(_ bytes: [UInt8], _ place: inout Int) throws(RasterFailure) -> Int {
    while place < bytes.count, isBlank(bytes[place]) || bytes[place] == 0x23 {
      if bytes[place] == 0x23 {
        while place < bytes.count, bytes[place] != 0x0A, bytes[place] != 0x0D { place += 1 }
      } else {
        place += 1
      }
    }
    let start = place
    var value = 0
    while place < bytes.count, (0x30...0x39).contains(bytes[place]) {
      guard place - start < 9 else { throw .damaged("a number of it has more than nine digits") }
      value = value * 10 + Int(bytes[place] - 0x30)
      place += 1
    }
    guard place > start else {
      throw .damaged(place < bytes.count ? "a number is missing in it" : "it ends too early")
    }
    return value
  }
}
