internal import CFreeType
internal import Foundation

/// A font file that FreeType holds open, for one thread.
final class FontFile {
  let face: FT_Face
  private let library: FT_Library

  /// Opens a font file.
  ///
  /// - Throws: ``ImageError`` where there is none, or where it is no font.
  init(_ file: URL) throws(ImageError) {
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw .unreadable(file: file.path, reason: "there is no such file")
    }
    var library: FT_Library?
    guard FT_Init_FreeType(&library) == 0, let library else {
      throw .unsupported(file: file.path, reason: "FreeType could not be started")
    }
    var face: FT_Face?
    guard FT_New_Face(library, file.path, 0, &face) == 0, let face else {
      FT_Done_FreeType(library)
      throw .unsupported(file: file.path, reason: "it is no font that FreeType reads")
    }
    (self.library, self.face) = (library, face)
  }

  deinit {
    FT_Done_Face(face)
    FT_Done_FreeType(library)
  }
}
