import Foundation

/// A folder that is removed after the test.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("atelier-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// Image files written byte by byte, in forms that the codec itself does not write.
enum PictureFiles {
  /// A 2 x 2 PNG with a palette of red, green, blue and white, in reading order.
  static let palettePNG: [UInt8] = png(
    width: 2, height: 2, bits: 8, colourType: 3,
    chunks: [("PLTE", [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])],
    rows: [0, 0, 1, 0, 2, 3])

  /// A 2 x 1 GIF: red, then blue.
  static let gif: [UInt8] =
    Array("GIF89a".utf8) + [2, 0, 1, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255]
    + [0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0]
    // Code size 2: clear (100), 0 (000), 1 (001), end (101), lowest bits first.
    + [2, 2, 0b01_000_100, 0b0000_1010, 0, 0x3B]

  /// Two frames of 2 x 1: red and blue, then blue and red.
  static let animatedGIF: [UInt8] =
    Array(gif.dropLast()) + [0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0b00_001_100, 0b0000_1010, 0, 0x3B]

  /// A TIFF of 2 x 1 pixels in cyan, magenta, yellow and black, without compression: no ink, full black.
  static let cmykTIFF: [UInt8] = {
    let entries: [(tag: UInt16, kind: UInt16, count: UInt32, value: UInt32)] = [
      (256, 4, 1, 2), (257, 4, 1, 1), (258, 3, 4, 122), (259, 3, 1, 1), (262, 3, 1, 5), (273, 4, 1, 130),
      (277, 3, 1, 4), (278, 4, 1, 1), (279, 4, 1, 8),
    ]
    func little(_ value: UInt32, _ bytes: Int) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }
    let directory =
      little(UInt32(entries.count), 2)
      + entries.flatMap {
        little(UInt32($0.tag), 2) + little(UInt32($0.kind), 2) + little($0.count, 4) + little($0.value, 4)
      } + little(0, 4)
    let start = Array("II".utf8) + little(42, 2) + little(8, 4) + directory
    // Bits a sample at 122, pixels at 130.
    return start + [8, 0, 8, 0, 8, 0, 8, 0] + [0, 0, 0, 0, 0, 0, 0, 255]
  }()

  /// Puts an EXIF block that holds nothing but the orientation right after a JPEG's start marker.
  static func jpeg(_ jpeg: [UInt8], withOrientation orientation: UInt8) -> [UInt8] {
    let exif: [UInt8] =
      Array("Exif\0\0".utf8) + Array("II".utf8) + [42, 0, 8, 0, 0, 0]
      + [1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]
    let length = exif.count + 2
    return Array(jpeg[0..<2]) + [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + exif
      + Array(jpeg[2...])
  }

  /// A PNG of the given raw rows (each beginning with its filter byte), stored without compression.
  static func png(
    width: Int, height: Int, bits: UInt8, colourType: UInt8, chunks: [(String, [UInt8])] = [], rows: [UInt8]
  ) -> [UInt8] {
    var adlerLow: UInt32 = 1
    var adlerHigh: UInt32 = 0
    for byte in rows {
      adlerLow = (adlerLow + UInt32(byte)) % 65521
      adlerHigh = (adlerHigh + adlerLow) % 65521
    }
    let count = UInt16(rows.count)
    let stored: [UInt8] =
      [0x78, 1, 1, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)]
      + rows + bigEndian(adlerHigh << 16 | adlerLow)
    let header = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [bits, colourType, 0, 0, 0]
    return [0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A] + chunk("IHDR", header)
      + chunks.flatMap { chunk($0.0, $0.1) } + chunk("IDAT", stored) + chunk("IEND", [])
  }

  private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + data
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in body {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return bigEndian(UInt32(data.count)) + body + bigEndian(~crc)
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }
}
