import AtelierMedia
import Foundation
import Testing

/// BMP and Netpbm files, byte by byte as their formats say.
@Suite struct RasterTests {
  private let codec = ImageCodec()

  private func text(_ text: String, _ more: [UInt8] = []) -> [UInt8] { Array(text.utf8) + more }

  private func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private func bitmap(
    _ width: Int, _ height: Int, bits: Int, compression: Int = 0, palette: [UInt8] = [], _ pixels: [UInt8]
  ) -> [UInt8] {
    let start = 54 + palette.count
    return [0x42, 0x4D] + little(start + pixels.count, 4) + little(0, 4) + little(start, 4) + little(40, 4)
      + little(width, 4) + little(height, 4) + little(1, 2) + little(bits, 2) + little(compression, 4)
      + little(pixels.count, 4) + little(0, 8) + little(palette.count / 4, 4) + little(0, 4) + palette
      + pixels
  }

  @Test func netpbmOfEveryKind() throws {
    #expect(try codec.decode(text("P2 # grey\n2 1\n10\n0 5")).bytes == [0, 128])
    #expect(try codec.decode(text("P5\n2 1\n255\n", [7, 200])).bytes == [7, 200])
    #expect(try codec.decode(text("P1\n3 1\n1 0 1")).bytes == [0, 255, 0])
    #expect(
      try codec.decode(text("P4\n3 2\n", [0b1010_0000, 0b0100_0000])).bytes == [0, 255, 0, 255, 0, 255])
    let colours = try codec.decode(text("P6 1 2 255\n", [1, 2, 3, 4, 5, 6]))
    #expect(colours.channels == 3 && colours.height == 2 && colours.bytes == [1, 2, 3, 4, 5, 6])
    #expect(try codec.decode(text("P3\n1 1\n255\n9 8 7\n")).bytes == [9, 8, 7])
    let wide = try codec.decode(text("P5\n1 1\n65535\n", [0x12, 0x34]))
    #expect(wide.depth == 16 && wide[x: 0, y: 0, channel: 0] == 0x1234)
    #expect(try codec.information(of: text("P5\n2 1\n255\n", [7, 200])).format == .pnm)
    // The values of a map are indices, whatever white is.
    #expect(try codec.decodeLabels(text("P5\n3 1\n18\n", [0, 7, 18])).values == [0, 7, 18])
  }

  @Test func bitmapsOfEveryDepth() throws {
    // Rows lie from the bottom up, colours as blue, green, red, and each row fills four bytes.
    let colours = bitmap(1, 2, bits: 24, [3, 2, 1, 0, 6, 5, 4, 0])
    #expect(try codec.decode(colours).bytes == [4, 5, 6, 1, 2, 3])
    #expect(try codec.decode(bitmap(1, -2, bits: 24, [3, 2, 1, 0, 6, 5, 4, 0])).bytes == [1, 2, 3, 4, 5, 6])
    let palette: [UInt8] = [0, 0, 255, 0, 0, 255, 0, 0]
    let indexed = bitmap(2, 1, bits: 8, palette: palette, [1, 0, 0, 0])
    #expect(try codec.decode(indexed).bytes == [0, 255, 0, 255, 0, 0])
    #expect(
      try codec.decode(bitmap(2, 1, bits: 1, palette: palette, [0x40, 0, 0, 0])).bytes == [
        255, 0, 0, 0, 255, 0,
      ])
    let greys: [UInt8] = [9, 9, 9, 0, 200, 200, 200, 0]
    let grey = try codec.decode(bitmap(2, 1, bits: 4, palette: greys, [0x10, 0, 0, 0]))
    #expect(grey.channels == 1 && grey.bytes == [200, 9])
    #expect(try codec.decode(bitmap(1, 1, bits: 32, [3, 2, 1, 77])).bytes == [1, 2, 3])
    #expect(
      try codec.decode(bitmap(2, 1, bits: 16, [0x00, 0x7C, 0x1F, 0x00])).bytes == [255, 0, 0, 0, 0, 255])
    #expect(try codec.information(of: colours).format == .bmp)
  }

  @Test(arguments: [ImageFormat.bmp, .pnm], [1, 3]) func whatIsWrittenIsReadBack(
    _ format: ImageFormat, _ channels: Int
  ) throws {
    let image = Image(
      width: 3, height: 2, channels: channels, bytes: (0..<(6 * channels)).map { UInt8($0 * 9) })
    #expect(try codec.decode(codec.encode(image, as: format)) == image)
    let alpha = Image(width: 1, height: 1, filledWith: [10, 20, 30, 255])
    #expect(try codec.decode(codec.encode(alpha, as: format)).bytes == [10, 20, 30])
    let wide = try codec.decode(codec.encode(image.with16Bits(), as: format))
    #expect(wide.with8Bits() == image && wide.depth == (format == .pnm ? 16 : 8))
  }

  @Test func falseHeadersAreRefused() throws {
    func refusal(_ bytes: [UInt8]) -> String {
      do { _ = try codec.decode(bytes, named: "a.bmp") } catch { return "\(error)" }
      return "nothing was refused"
    }
    #expect(refusal(text("P5\n99999 99999\n255\n", [0])).contains("do not fit into its"))
    #expect(refusal(text("P5\n9999999999 1\n255\n")).contains("nine digits"))
    #expect(refusal(text("P2\n2 1\n3\n1 9\n")).contains("a value is above 3"))
    #expect(refusal(text("P2\n2 1\n3\n1 x\n")).contains("a number is missing"))
    #expect(refusal(bitmap(1 << 20, 1 << 20, bits: 24, [1, 2, 3, 0])).contains("do not fit into its"))
    #expect(
      refusal(bitmap(1, 1, bits: 8, compression: 1, palette: [1, 1, 1, 0], [0, 0, 0, 0])).contains(
        "save it as .png"))
    #expect(
      refusal(bitmap(2, 1, bits: 8, palette: [1, 1, 1, 0], [0, 5, 0, 0])).contains("not in its palette"))
    let small = ImageCodec(maximumPixels: 3)
    #expect(throws: ImageError.tooLarge(file: "the image", width: 4, height: 1, limit: 3)) {
      _ = try small.decode(text("P5\n4 1\n255\n", [1, 2, 3, 4]))
    }
    for sample in [
      bitmap(2, 1, bits: 8, palette: [0, 0, 255, 0, 0, 255, 0, 0], [1, 0, 0, 0]),
      text("P3\n1 1\n255\n9 8 7\n"),
    ] {
      for index in sample.indices {
        for bit in 0..<8 {
          var changed = sample
          changed[index] ^= 1 << UInt8(bit)
          _ = try? codec.decode(changed)
          _ = try? codec.decode(Array(changed.prefix(index)))
        }
      }
    }
  }
}
