internal import CFreeType
internal import Foundation

/// A font opened by FreeType. Not thread-safe: use it on one thread.
final class FontFile {
  let face: FT_Face
  private let library: FT_Library

  /// Opens a font file.
  ///
  /// - Throws: ``ImageError`` where the file is missing or is not a font.
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
      throw .unsupported(file: file.path, reason: "FreeType does not recognise it as a font")
    }
    (self.library, self.face) = (library, face)
  }

  deinit {
    FT_Done_Face(face)
    FT_Done_FreeType(library)
  }
}
