import AtelierMedia
import Foundation

/// Images and sounds, as far as Atelier's own code reads them.
extension FuzzedParser {
  private static let coloured = Image(width: 4, height: 3, channels: 3, bytes: (0..<36).map { UInt8($0 * 7) })
  private static let grey = Image(width: 5, height: 2, channels: 1, bytes: (0..<10).map { UInt8($0 * 20) })

  /// A limit of a few megabytes, so that an image of any declared size is soon refused or read.
  private static let codec = ImageCodec(maximumPixels: 1 << 16)

  private static let origin = ImageOrigin(
    software: "Atelier <1>", system: "toy", checkpoint: "step-1 & more")

  static let mediaFiles: [FuzzedParser] = [
    FuzzedParser("bmp", longest: 2048) {
      let plain = try codec.encode(coloured, as: .bmp)
      // 32 bits with masks, bottom up; 4 bits with a palette.
      func header(_ width: Int, _ height: Int, _ bits: Int, _ compression: Int, _ size: Int, _ start: Int)
        -> [UInt8]
      {
        SmallArchives.numbers(
          (0x4D42, 2), (0, 8), (start, 4), (size, 4), (width, 4), (height, 4), (1, 2), (bits, 2),
          (compression, 4),
          (0, 8), (0, 8), (0, 4))
      }
      var masked = header(2, -2, 32, 3, 56, 70)
      masked += SmallArchives.numbers((0xFF0000, 4), (0xFF00, 4), (0xFF, 4), (0xFF00_0000, 4))
      masked += [UInt8](repeating: 9, count: 16)
      var indexed = header(3, 2, 4, 0, 40, 54 + 64)
      for index in UInt8(0)..<16 { indexed += [index * 16, index, 255 - index, 0] }
      indexed += [0x12, 0x30, 0, 0, 0x45, 0x60, 0, 0]
      return [plain, try codec.encode(grey, as: .bmp), masked, indexed]
    } read: { _, bytes in
      _ = try codec.information(of: bytes)
      _ = try codec.decode(bytes)
    },
    FuzzedParser("netpbm", longest: 1024) {
      [
        try codec.encode(coloured, as: .pnm), try codec.encode(grey, as: .pnm),
        try codec.encode(grey.with16Bits(), as: .pnm), Array("P1\n# note\n3 2\n1 0 1\n010\n".utf8),
        Array("P2 2 2 15\n0 7 15 3\n".utf8), Array("P3\n1 2\n300\n1 2 3\n300 0 7\n".utf8),
        Array("P4\n9 2\n".utf8) + [1, 128, 2, 0],
      ]
    } read: { _, bytes in
      _ = try codec.information(of: bytes)
      _ = try codec.decode(bytes)
      _ = try codec.decodeLabels(bytes)
    },
    FuzzedParser("png-labels", longest: 2048) {
      [
        // 2 x 2 pixels of 8 bits with a palette of three colours, uncompressed within zlib's stream.
        png(palette: [0, 0, 0, 128, 0, 0, 0, 128, 0], rows: [[0, 0, 1], [0, 2, 1]]),
        try codec.encode(grey, as: .png),
      ]
    } read: { _, bytes in
      _ = try codec.decodeLabels(mended(png: bytes))
    },
    FuzzedParser("tiff-header", longest: 2048) {
      [
        try codec.encode(coloured, as: .tiff), try codec.encode(grey.withDepth(32), as: .tiff),
        try codec.encode(
          Image(width: 2, height: 2, channels: 4, bytes: [UInt8](repeating: 100, count: 16)), as: .tiff),
      ]
    } read: { _, bytes in
      _ = TIFFHeader(bytes)
    },
    FuzzedParser("origin", longest: 4096) {
      [Array(origin.packet.utf8)]
    } read: { _, bytes in
      _ = ImageOrigin.Stated(String(decoding: bytes, as: UTF8.self))
    },
    FuzzedParser("marked-image", longest: 4096) {
      let marked = InvisibleMark.marked(
        Image(width: 24, height: 24, channels: 3, bytes: (0..<1728).map { UInt8($0 % 251) })
      ).image
      return [try codec.encode(marked, as: .png, metadata: origin.packet)].filter { $0.count <= 4096 }
        + [try codec.encode(coloured, as: .png, metadata: origin.packet)]
    } read: { _, bytes in
      let bytes = mended(png: bytes)
      if let packet = try codec.metadata(of: bytes) { _ = ImageOrigin.Stated(packet) }
      _ = try codec.text(in: bytes)
      _ = InvisibleMark.find(in: try codec.decode(bytes)).isFound
    },
    FuzzedParser("sound", longest: 2048) {
      let sound = Audio(sampleRate: 8000, channels: 2, samples: (0..<64).map { Float($0) / 64 - 0.5 })
      return try [AudioFormat.wav, .aiff].flatMap { format in
        try format.writableEncodings.map { try AudioCodec().encode(sound, as: format, encoding: $0) }
      } + [
        // Sun's .au: 8 bits of mu-law.
        big(0x2E73_6E64, 24, 8, 1, 8000, 1) + [1, 2, 3, 4, 5, 6, 7, 8]
      ]
    } read: { _, bytes in
      _ = try AudioCodec().information(of: bytes)
      _ = InvisibleMark.find(in: try AudioCodec(maximumSamples: 1 << 16).decode(bytes)).isFound
    },
    FuzzedParser("compressed-sound", longest: 8192) {
      let sound = Audio(sampleRate: 8000, channels: 1, samples: (0..<256).map { Float($0 % 16) / 32 })
      return try [AudioFormat.flac, .ogg].map { try AudioCodec().encode(sound, as: $0) }.filter {
        $0.count <= 8192
      }
    } read: { _, bytes in
      _ = try AudioCodec(maximumSamples: 1 << 16).decode(bytes)
    },
  ]

  // MARK: PNG

  /// A PNG of 8 bits with a palette; each row begins with its filter.
  private static func png(palette: [UInt8], rows: [[UInt8]]) -> [UInt8] {
    let pixels = rows.flatMap { $0 }
    // Adler-32 (RFC 1950).
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in pixels {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    var stream: [UInt8] = [0x78, 1]
    stream += SmallArchives.deflated(pixels)
    stream += big(Int(high << 16 | low))
    func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
      let content = Array(name.utf8) + body
      return big(body.count) + content + big(Int(SmallArchives.checksum(content)))
    }
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    file += chunk("IHDR", big((rows.first?.count ?? 1) - 1, rows.count) + [8, 3, 0, 0, 0])
    file += chunk("PLTE", palette)
    file += chunk("IDAT", stream)
    return file + chunk("IEND", [])
  }

  /// Big-endian numbers of four bytes.
  private static func big(_ values: Int...) -> [UInt8] {
    values.flatMap { Array(SmallArchives.little($0, 4).reversed()) }
  }

  /// A PNG with right checksums, so that changed chunks are read; half of the inputs stay as they are.
  private static func mended(png bytes: [UInt8]) -> [UInt8] {
    guard bytes.count > 8, (bytes.last ?? 0) & 1 == 0 else { return bytes }
    var result = bytes
    var place = 8
    while place + 12 <= bytes.count {
      let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - place - 12 else { break }
      let sum = SmallArchives.checksum(Array(bytes[(place + 4)..<(place + 8 + length)]))
      result.replaceSubrange(
        (place + 8 + length)..<(place + 12 + length), with: big(Int(sum)))
      place += 12 + length
    }
    return result
  }
}
