internal import CFreeType
public import Foundation

/// An outline font, rasterised in grey at any size. Not thread-safe: use it on one thread.
public final class OutlineFont {
  /// The family name, such as `DejaVu Sans`; empty where the file gives none.
  public let family: String
  /// The style name, such as `Bold`; empty where the file gives none.
  public let style: String
  private let font: FontFile
  private let file: URL

  /// A rasterised glyph.
  public struct Glyph: Sendable, Hashable {
    /// Size of the bitmap in pixels.
    public let width, height: Int
    /// Rows above the baseline.
    public let rise: Int
    /// Antialiased coverage, `height * width` values 0…255, rows from the top.
    public let coverage: [UInt8]
  }

  /// Opens a font file.
  ///
  /// - Throws: ``ImageError`` where the file is not a font, or has no outlines.
  public init(_ file: URL) throws(ImageError) {
    font = try FontFile(file)
    self.file = file
    guard cfreetype_has_outlines(font.face) != 0 else {
      throw .unsupported(file: file.path, reason: "it has no outlines, only bitmaps")
    }
    family = font.face.pointee.family_name.map { String(cString: $0) } ?? ""
    style = font.face.pointee.style_name.map { String(cString: $0) } ?? ""
  }

  /// Rasterises a character; nil where the font lacks it, leaves it blank, or makes it longer than 16 ems.
  ///
  /// - Parameter size: the em in pixels, 1 to 4096, in steps of 1/64.
  /// - Throws: ``ImageError`` for a size that cannot be drawn.
  public func glyph(of character: Unicode.Scalar, size: Double) throws(ImageError) -> Glyph? {
    guard size >= 1, size <= 4096 else {
      throw .invalid(reason: "letters of \(size) pixels cannot be drawn; 1 to 4096 can")
    }
    // At 72 dpi a point is a pixel.
    guard FT_Set_Char_Size(font.face, 0, FT_F26Dot6((size * 64).rounded()), 72, 72) == 0 else {
      throw .unsupported(file: file.path, reason: "FreeType cannot scale it to \(size) pixels")
    }
    let number = FT_Get_Char_Index(font.face, FT_ULong(character.value))
    // A damaged or hostile font may declare glyphs of any size, which would take gigabytes.
    let limit = FT_Pos((size * 64).rounded()) * 16
    guard number != 0, cfreetype_draw(font.face, number, limit) == 0, let slot = font.face.pointee.glyph
    else { return nil }
    let bitmap = slot.pointee.bitmap
    let (width, height, pitch) = (Int(bitmap.width), Int(bitmap.rows), Int(bitmap.pitch))
    guard withUnsafePointer(to: bitmap, { cfreetype_is_grey($0) }) != 0, width > 0, height > 0,
      pitch >= width, let buffer = bitmap.buffer
    else { return nil }
    var coverage: [UInt8] = []
    coverage.reserveCapacity(width * height)
    for row in 0..<height {
      coverage += UnsafeBufferPointer(start: buffer + row * pitch, count: width)
    }
    guard coverage.contains(where: { $0 > 0 }) else { return nil }
    return Glyph(
      width: width, height: height, rise: Int(slot.pointee.bitmap_top), coverage: coverage)
  }
}
