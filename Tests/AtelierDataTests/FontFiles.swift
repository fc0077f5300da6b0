import AtelierMedia

/// The smallest colour bitmap font: glyphs of PNG images in its table CBDT, one per character.
enum ColourFontFile {
  /// A font file that draws each character as its image.
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
    return FontTables.file([
      ("CBDT", data), ("CBLC", location), ("cmap", FontTables.characters(glyphs.map(\.character))),
      ("head", FontTables.head), ("hhea", FontTables.header(count)), ("hmtx", FontTables.advances(count)),
      ("maxp", u32(0x5000) + u16(count)),
    ])
  }
}

/// The smallest outline font: glyphs that are rectangles, one per character.
enum OutlineFontFile {
  /// A rectangle in thousandths of the em, from the line that letters stand on; empty ones draw nothing.
  struct Glyph {
    let character: Unicode.Scalar
    let width: Int
    let top: Int
    var bottom = 0
  }

  /// A TrueType file.
  static func bytes(family: String, style: String = "Regular", _ glyphs: [Glyph]) -> [UInt8] {
    var outlines: [UInt8] = []
    // The glyph for characters that the font lacks has no outline.
    var offsets = [0, 0]
    for glyph in glyphs {
      if glyph.width > 0 {
        let (width, height) = (glyph.width, glyph.top - glyph.bottom)
        outlines += u16(1) + u16(0) + u16(glyph.bottom) + u16(width) + u16(glyph.top) + u16(3) + u16(0)
        outlines += [1, 1, 1, 1] + u16(0) + u16(0) + u16(width) + u16(0)
        outlines += u16(glyph.bottom) + u16(height) + u16(0) + u16(-height)
      }
      offsets.append(outlines.count)
    }
    let count = glyphs.count + 1
    let names = [(1, family), (2, style)].map { ($0.0, $0.1.utf16.flatMap { u16(Int($0)) }) }
    let records = u16(3) + u16(1) + u16(0x409)
    let first = names[0].1.count
    let nameTable =
      u16(0) + u16(2) + u16(30) + records + u16(1) + u16(first) + u16(0) + records + u16(2)
      + u16(names[1].1.count) + u16(first) + names.flatMap(\.1)
    return FontTables.file([
      ("cmap", FontTables.characters(glyphs.map(\.character))), ("glyf", outlines), ("head", FontTables.head),
      ("hhea", FontTables.header(count)), ("hmtx", FontTables.advances(count)),
      ("loca", offsets.flatMap { u16($0 / 2) }),
      ("maxp", u32(0x10000) + u16(count) + u16(4) + u16(1) + zeros(4) + u16(2) + zeros(16)),
      ("name", nameTable),
    ])
  }
}

/// The tables that every font file has.
private enum FontTables {
  /// A thousand units an em.
  static let head =
    u32(0x10000) + u32(0x10000) + u32(0) + u32(0x5F0F_3CF5) + u16(0) + u16(1000) + zeros(16) + zeros(8)
    + u16(0) + u16(8) + u16(2) + u16(0) + u16(0)

  static func header(_ count: Int) -> [UInt8] {
    u32(0x10000) + u16(800) + u16(0) + u16(0) + u16(1000) + zeros(22) + u16(count)
  }

  static func advances(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in u16(1000) + u16(0) } }

  /// The first character has glyph 1, and so on.
  static func characters(_ characters: [Unicode.Scalar]) -> [UInt8] {
    let groups = characters.enumerated().sorted { $0.element < $1.element }
    return u16(0) + u16(1) + u16(3) + u16(10) + u32(12) + u16(12) + u16(0) + u32(16 + 12 * groups.count)
      + u32(0) + u32(groups.count)
      + groups.flatMap { u32(Int($0.element.value)) + u32(Int($0.element.value)) + u32($0.offset + 1) }
  }

  static func file(_ tables: [(tag: String, data: [UInt8])]) -> [UInt8] {
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
}

private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
private func u16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
private func u32(_ value: Int) -> [UInt8] { u16(value >> 16) + u16(value & 0xFFFF) }
