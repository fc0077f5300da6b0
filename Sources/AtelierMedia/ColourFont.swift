internal import CFreeType
internal import CHarfBuzz
public import Foundation

/// A colour font with bitmap glyphs (table CBDT), such as Noto Color Emoji.
///
/// HarfBuzz shapes the text, so that sequences with zero-width joiners and modifiers (families, skin tones,
/// flags) become one glyph; FreeType loads its bitmap. Not thread-safe: use a font on one thread.
public final class ColourFont {
  private let font: FontFile
  private let shaper: OpaquePointer

  /// Opens a font file.
  ///
  /// - Throws: ``ImageError`` where the file is not a font, or has no colour bitmaps.
  public init(_ file: URL) throws(ImageError) {
    let font = try FontFile(file)
    guard cfreetype_has_bitmaps(font.face) != 0, FT_Select_Size(font.face, 0) == 0,
      let shaper = Self.shaper(file)
    else {
      throw .unsupported(
        file: file.path, reason: "it has no colour bitmaps; NotoColorEmoji.ttf of Debian has")
    }
    (self.font, self.shaper) = (font, shaper)
  }

  deinit { hb_font_destroy(shaper) }

  private static func shaper(_ file: URL) -> OpaquePointer? {
    let blob = hb_blob_create_from_file(file.path)
    defer { hb_blob_destroy(blob) }
    guard hb_blob_get_length(blob) > 0 else { return nil }
    let face = hb_face_create(blob, 0)
    defer { hb_face_destroy(face) }
    return hb_font_create(face)
  }

  /// The RGBA bitmap of a text that shapes to a single glyph; nil where it needs several or the font has
  /// none.
  public func picture(of text: String) throws(ImageError) -> Image? {
    guard let glyph = glyph(of: text) else { return nil }
    guard cfreetype_load_colour(font.face, glyph) == 0, let slot = font.face.pointee.glyph else { return nil }
    let bitmap = slot.pointee.bitmap
    let (width, height, pitch) = (Int(bitmap.width), Int(bitmap.rows), Int(bitmap.pitch))
    guard withUnsafePointer(to: bitmap, { cfreetype_is_bgra($0) }) != 0, width > 0, height > 0,
      pitch >= 4 * width, let buffer = bitmap.buffer
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4 * width * height)
    for y in 0..<height {
      for x in 0..<width {
        let source = y * pitch + 4 * x
        let target = 4 * (y * width + x)
        let alpha = Int(buffer[source + 3])
        guard alpha > 0 else { continue }
        for channel in 0..<3 {
          let value = Int(buffer[source + 2 - channel])
          bytes[target + channel] = UInt8(min(255, (value * 255 + alpha / 2) / alpha))
        }
        bytes[target + 3] = UInt8(alpha)
      }
    }
    return Image(width: width, height: height, channels: 4, bytes: bytes)
  }

  /// The one glyph of a text.
  private func glyph(of text: String) -> FT_UInt? {
    let buffer = hb_buffer_create()
    defer { hb_buffer_destroy(buffer) }
    hb_buffer_add_utf8(buffer, text, -1, 0, -1)
    charfbuzz_remove_ignorables(buffer)
    hb_buffer_guess_segment_properties(buffer)
    hb_shape(shaper, buffer, nil, 0)
    var count: UInt32 = 0
    guard let infos = hb_buffer_get_glyph_infos(buffer, &count), count == 1, infos[0].codepoint != 0 else {
      return nil
    }
    return infos[0].codepoint
  }
}
