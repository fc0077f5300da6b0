import AtelierMedia

/// The smallest colour bitmap font: glyphs of PNG pictures in its table CBDT, one a character.
enum ColourFontFile {
  /// A font file that draws each character as its picture.
  static func bytes(_ glyphs: [(character: Unicode.Scalar, png: [UInt8], width: Int, height: Int)]) -> [UInt8]
  {
    let count = glyphs.count + 1
    var data = u16(3) + u16(0)
    var offsets: [Int] = []
    for glyph in glyphs {
      offsets.append(data.count - 4)
      data += [UInt8(glyph.height), UInt8(glyph.width), 0, UInt8(glyph.height), UInt8(glyph.width)]
      data += u32(glyph.png.count) + glyph.png
    }
    offsets.append(data.count - 4)
    let line = [100, 0, 100] + [UInt8](repeating: 0, count: 9)
    let subtable = u16(1) + u16(17) + u32(4) + offsets.flatMap(u32)
    let location =
      u16(3) + u16(0) + u32(1) + u32(56) + u32(8 + subtable.count) + u32(1) + u32(0) + line + line + u16(1)
      + u16(count - 1) + [100, 100, 32, 1] + u16(1) + u16(count - 1) + u32(8) + subtable
    let groups = glyphs.enumerated().sorted { $0.element.character < $1.element.character }
    let map =
      u16(12) + u16(0) + u32(16 + 12 * groups.count) + u32(0) + u32(groups.count)
      + groups.flatMap {
        u32(Int($0.element.character.value)) + u32(Int($0.element.character.value)) + u32($0.offset + 1)
      }
    let head =
      u32(0x10000) + u32(0x10000) + u32(0) + u32(0x5F0F_3CF5) + u16(0) + u16(1000) + zeros(16) + zeros(8)
      + u16(0) + u16(8) + u16(2) + u16(0) + u16(0)
    let header = u32(0x10000) + u16(800) + u16(0) + u16(0) + u16(1000) + zeros(22) + u16(count)
    return sfnt([
      ("CBDT", data), ("CBLC", location), ("cmap", u16(0) + u16(1) + u16(3) + u16(10) + u32(12) + map),
      ("head", head), ("hhea", header), ("hmtx", (0..<count).flatMap { _ in u16(1000) + u16(0) }),
      ("maxp", u32(0x5000) + u16(count)),
    ])
  }

  private static func sfnt(_ tables: [(tag: String, data: [UInt8])]) -> [UInt8] {
    var offset = 12 + 16 * tables.count
    var directory = u32(0x10000) + u16(tables.count) + u16(64) + u16(2) + u16(48)
    var body: [UInt8] = []
    for (tag, data) in tables {
      directory += Array(tag.utf8) + u32(0) + u32(offset) + u32(data.count)
      let padded = data + zeros((4 - data.count % 4) % 4)
      body += padded
      offset += padded.count
    }
    return directory + body
  }

  private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
  private static func u16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
  private static func u32(_ value: Int) -> [UInt8] { u16(value >> 16) + u16(value & 0xFFFF) }
}
