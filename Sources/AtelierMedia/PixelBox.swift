/// A box of whole pixels around a face.
public struct PixelBox: Sendable, Hashable {
  /// The first column.
  public var left: Int
  /// The first row.
  public var top: Int
  /// The column behind the last.
  public var right: Int
  /// The row behind the last.
  public var bottom: Int

  /// A box in pixels.
  public init(left: Int, top: Int, right: Int, bottom: Int) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
  }

  /// How many columns.
  public var width: Int { right - left }
  /// How many rows.
  public var height: Int { bottom - top }

  /// A square of an image.
  public struct Square: Sendable, Hashable {
    /// The first column.
    public var x: Int
    /// The first row.
    public var y: Int
    /// Pixels a side; below 1 where the face is outside of the image.
    public var size: Int
  }

  /// The square around the face that detectors of manipulations look at: `scale` times the longer side about the box's
  /// centre, moved into the image on the left and above, and cut on the right and below, so that the face is not always
  /// in its middle. Source: Rössler et al. 2019, `detect_from_video.py`.
  ///
  /// - Parameter leastSize: the least side before cutting.
  public func square(width: Int, height: Int, scale: Double = 1.3, leastSize: Int? = nil) -> Square {
    func half(_ value: Int) -> Int { value >> 1 }
    let longer = Double(max(right - left, bottom - top)) * scale
    let wanted = max(longer.isFinite && abs(longer) < 1e9 ? Int(longer) : 0, leastSize ?? 0)
    let x = max(half(left + right) - half(wanted), 0)
    let y = max(half(top + bottom) - half(wanted), 0)
    return Square(x: x, y: y, size: min(wanted, width - x, height - y))
  }
}
