/// Tiles images into one, with titles over the columns and beside the rows.
///
/// ```swift
/// let sheet = try ImageGrid(columns: 10, columnTitles: classNames).render(samples)
/// ```
///
/// Cells are as large as the largest image; smaller ones are centred. The result is 8-bit RGB; alpha is
/// composited over white.
public struct ImageGrid: Sendable, Hashable {
  /// Images per row.
  public var columns: Int
  /// Spacing between images and around the sheet, in pixels.
  public var padding: Int
  /// Integer enlargement; nil chooses the smallest factor that makes cells at least 64 pixels wide.
  public var scale: Int?
  /// The background, 8-bit RGB.
  public var background: [UInt8]
  /// The colour of the titles, 8-bit RGB.
  public var foreground: [UInt8]
  /// Titles above the columns; may be fewer than the columns.
  public var columnTitles: [String]
  /// Titles left of the rows; may be fewer than the rows.
  public var rowTitles: [String]
  /// The font size of the titles in pixels.
  public var fontSize: Int

  /// A grid; by default black titles on white.
  public init(
    columns: Int, padding: Int = 2, scale: Int? = nil, background: [UInt8] = [255, 255, 255],
    foreground: [UInt8] = [0, 0, 0], columnTitles: [String] = [], rowTitles: [String] = [],
    fontSize: Int = 11
  ) {
    self.columns = columns
    self.padding = padding
    self.scale = scale
    self.background = background
    self.foreground = foreground
    self.columnTitles = columnTitles
    self.rowTitles = rowTitles
    self.fontSize = fontSize
  }

  /// Draws the sheet, row by row from the top left; the last row may be short.
  public func render(_ images: [Image]) throws(ImageError) -> Image {
    guard columns > 0, padding >= 0, background.count == 3, foreground.count == 3, fontSize > 0 else {
      throw .invalid(reason: "a grid needs at least one column, no negative padding and RGB colours")
    }
    guard !images.isEmpty else { throw .invalid(reason: "a grid needs at least one image") }
    let widest = images.reduce(0) { max($0, $1.width) }
    let factor = scale ?? max(1, (64 + widest - 1) / widest)
    var cells: [Image] = []
    cells.reserveCapacity(images.count)
    for image in images { cells.append(try image.with8Bits().rgb().enlarged(by: factor)) }
    let cellWidth = widest * factor
    let cellHeight = images.reduce(0) { max($0, $1.height) } * factor
    let rows = (images.count + columns - 1) / columns

    let gap = max(padding, 2)
    var heads: [Image?] = []
    for title in columnTitles.prefix(columns) {
      heads.append(try TextMask.render(title, fontSize: fontSize, width: cellWidth))
    }
    var sides: [Image?] = []
    for title in rowTitles.prefix(rows) {
      sides.append(try TextMask.render(title, fontSize: fontSize, width: 24 * fontSize))
    }
    let headHeight = heads.reduce(0) { max($0, $1?.height ?? 0) }
    let sideWidth = sides.reduce(0) { max($0, $1?.width ?? 0) }
    let left = padding + (sideWidth > 0 ? sideWidth + 2 * gap : 0)
    let top = padding + (headHeight > 0 ? headHeight + 2 * gap : 0)
    let width = left + columns * (cellWidth + padding)
    let height = top + rows * (cellHeight + padding)
    guard width <= 1 << 20, height <= 1 << 20, width * height <= 1 << 28 else {
      throw .invalid(reason: "a grid of \(columns) x \(rows) images would be \(width) x \(height) pixels")
    }

    var canvas = Canvas(width: width, height: height, colour: background)
    for (index, cell) in cells.enumerated() {
      let x = left + index % columns * (cellWidth + padding) + (cellWidth - cell.width) / 2
      let y = top + index / columns * (cellHeight + padding) + (cellHeight - cell.height) / 2
      canvas.place(cell, x: x, y: y)
    }
    for (column, mask) in heads.enumerated() {
      guard let mask else { continue }
      let x = left + column * (cellWidth + padding) + (cellWidth - mask.width) / 2
      canvas.tint(mask, x: x, y: padding + gap + headHeight - mask.height, colour: foreground)
    }
    for (row, mask) in sides.enumerated() {
      guard let mask else { continue }
      let y = top + row * (cellHeight + padding) + (cellHeight - mask.height) / 2
      canvas.tint(mask, x: padding + gap + sideWidth - mask.width, y: y, colour: foreground)
    }
    return Image(width: width, height: height, channels: 3, bytes: canvas.bytes)
  }
}

/// An RGB sheet that images are copied onto.
private struct Canvas {
  let width: Int
  let height: Int
  var bytes: [UInt8]

  init(width: Int, height: Int, colour: [UInt8]) {
    self.width = width
    self.height = height
    self.bytes = Image(width: width, height: height, filledWith: colour).bytes
  }

  /// Copies an RGB image that fits.
  mutating func place(_ image: Image, x: Int, y: Int) {
    for row in 0..<image.height {
      let from = row * image.width * 3
      let to = ((y + row) * width + x) * 3
      bytes.replaceSubrange(to..<(to + image.width * 3), with: image.bytes[from..<(from + image.width * 3)])
    }
  }

  /// Blends `colour` where the mask is white, clipped to the canvas.
  mutating func tint(_ mask: Image, x: Int, y: Int, colour: [UInt8]) {
    for row in 0..<mask.height where (0..<height).contains(y + row) {
      for column in 0..<mask.width where (0..<width).contains(x + column) {
        let opacity = Int(mask.bytes[row * mask.width + column])
        let start = ((y + row) * width + x + column) * 3
        for channel in 0..<3 {
          let old = Int(bytes[start + channel])
          bytes[start + channel] = UInt8((Int(colour[channel]) * opacity + old * (255 - opacity) + 127) / 255)
        }
      }
    }
  }
}
