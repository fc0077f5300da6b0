/// A line of text in the lower left corner of images of one size, light on a darkened field, which says to everybody that a
/// model made them.
public struct VisibleLabel: Sendable {
  /// The text of generated videos.
  public static let generated = "AI-generated"
  /// The smallest height of an image on which the label can be read.
  public static let smallestHeight = 48

  private let mask: Image
  private let padding: Int
  private let size: (width: Int, height: Int)

  /// A label for images of a size: a twentieth of the height, at least 8 pixels.
  ///
  /// Nil where it would take more than the width, or a quarter of the height.
  ///
  /// - Throws: ``ImageError/invalid(reason:)`` where the text cannot be drawn.
  public init?(_ text: String = Self.generated, width: Int, height: Int) throws(ImageError) {
    let fontSize = max(8, height / 20)
    let padding = max(2, fontSize / 4)
    guard height >= Self.smallestHeight,
      let mask = try TextMask.render(text, fontSize: fontSize, width: 100 * fontSize),
      mask.width + 2 * padding <= width, 4 * (mask.height + 2 * padding) <= height
    else { return nil }
    (self.mask, self.padding, size) = (mask, padding, (width, height))
  }

  /// An image with the label, as 8-bit RGB.
  ///
  /// - Throws: ``ImageError/invalid(reason:)`` for an image of another size.
  public func callAsFunction(_ image: Image) throws(ImageError) -> Image {
    guard image.width == size.width, image.height == size.height else {
      throw .invalid(
        reason:
          "a label for \(size.width) x \(size.height) pixels is no label for \(image.width) x \(image.height)"
      )
    }
    let plain = image.with8Bits().rgb()
    var bytes = plain.bytes
    let (columns, rows) = (mask.width + 2 * padding, mask.height + 2 * padding)
    let top = size.height - rows
    for row in 0..<rows {
      for column in 0..<columns {
        let (x, y) = (column - padding, row - padding)
        let isText = (0..<mask.width).contains(x) && (0..<mask.height).contains(y)
        let ink = isText ? Int(mask.bytes[y * mask.width + x]) : 0
        let place = ((top + row) * size.width + column) * 3
        for channel in place..<(place + 3) {
          let dark = Int(bytes[channel]) * 3 / 10
          bytes[channel] = UInt8((dark * (255 - ink) + 245 * ink) / 255)
        }
      }
    }
    return Image(width: size.width, height: size.height, channels: 3, bytes: bytes)
  }
}
