internal import CVips
internal import Foundation

/// Text rendered as a grey mask, 255 inside glyphs.
///
/// Pango draws with the system's sans-serif font. libvips depends on fontconfig, which on Debian and Ubuntu
/// depends on a font package, so there is always one.
enum TextMask {
  /// Renders `text` with word wrap at `width` pixels; a wider single word gets a smaller font, down to 7
  /// pixels, and is then scaled down. Nil where nothing is visible.
  static func render(_ text: String, fontSize: Int, width: Int) throws(ImageError) -> Image? {
    // Pango refuses control characters and reads & and < as markup.
    let visible = String(text.unicodeScalars.filter { $0.value >= 32 }.map { Character($0) })
      .trimmingCharacters(in: .whitespaces)
    guard !visible.isEmpty else { return nil }
    let markup = visible.replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: ">", with: "&gt;")
    var size = fontSize
    while true {
      let mask: Image
      do throws(VipsFailure) {
        mask = try VipsHandle { cvips_text($0, markup, "sans \(size)", Int32(width)) }.pixels()
      } catch {
        throw .invalid(reason: "the title \"\(visible)\" cannot be drawn: \(error.reason)")
      }
      if mask.width <= width { return mask.grey() }
      if size <= 7 {
        let height = max(1, mask.height * width / mask.width)
        return try mask.grey().resized(width: width, height: height)
      }
      size -= 1
    }
  }
}
