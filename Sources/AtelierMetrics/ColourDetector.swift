public import Torch

/// Finds one object in images by its colours, which are learned from images in which it is marked: the object is where its
/// colours are likelier than those of everything else.
///
/// Colours are counted in cells of 16 levels. The place of the object is the mean place of the pixels that are likelier the
/// object's; where they are fewer than a quarter of the object's usual size it is missed.
public struct ColourDetector: Sendable, Hashable {
  /// The share of the object's usual size from which on it is found.
  public static let smallest = 0.25

  /// A place in an image, in pixels from the upper left corner.
  public struct Place: Sendable, Hashable {
    /// From left to right.
    public var x: Double
    /// From top to bottom.
    public var y: Double

    /// A place.
    public init(x: Double, y: Double) { (self.x, self.y) = (x, y) }

    /// The Euclidean distance in pixels.
    public func distance(to other: Place) -> Double {
      ((x - other.x) * (x - other.x) + (y - other.y) * (y - other.y)).squareRoot()
    }
  }

  private static let cellCount = 16 * 16 * 16
  /// Of each cell, whether the object is likelier.
  private let isObject: [Bool]
  /// The object's usual number of pixels, and the pixels of an image.
  private let size: Double
  private let pixels: Int

  /// Learns colours.
  ///
  /// - Parameters:
  ///   - images: bytes `[n, 3, height, width]`.
  ///   - masks: of the object, boolean or 0 and 1, `[n, height, width]`.
  /// - Throws: `MetricError` for other shapes, and where the object is in no image.
  public init(images: Tensor, masks: Tensor) throws {
    let marked = masks.to(.cpu).contiguous().asType(.uint8).host().bytes
    let cells = try Self.numbers(of: images)
    guard masks.shape == [images.shape[0]] + images.shape.suffix(2) else {
      throw MetricError("masks \(masks.shape) do not lie on images \(images.shape)")
    }
    var (object, rest) = (
      [Double](repeating: 0, count: Self.cellCount), [Double](repeating: 0, count: Self.cellCount)
    )
    pixels = images.shape[2] * images.shape[3]
    var sizes = [Double](repeating: 0, count: images.shape[0])
    for (place, cell) in cells.enumerated() {
      if marked[place] > 0 {
        object[cell] += 1
        sizes[place / pixels] += 1
      } else {
        rest[cell] += 1
      }
    }
    let present = sizes.filter { $0 > 0 }
    guard !present.isEmpty else { throw MetricError("the object is marked in none of \(sizes.count) images") }
    size = present.reduce(0, +) / Double(present.count)
    // Four times as likely, so that colours that are the object's by chance do not count.
    let (objects, others) = (object.reduce(0, +), max(1, rest.reduce(0, +)))
    isObject = zip(object, rest).map { $0 > 0 && $0 / objects > 4 * $1 / others }
  }

  /// Where the object is in each image; nil: it is missed.
  ///
  /// - Parameter images: bytes `[n, 3, height, width]` of the size that was learned from.
  /// - Throws: `MetricError` for other shapes.
  public func places(in images: Tensor) throws -> [Place?] {
    let cells = try Self.numbers(of: images)
    let width = images.shape[3]
    guard images.shape[2] * width == pixels else {
      throw MetricError(
        "images \(images.shape) are of another size than those that the object was learned from")
    }
    return (0..<images.shape[0]).map { image in
      var (count, x, y) = (0.0, 0.0, 0.0)
      for pixel in 0..<pixels where isObject[cells[image * pixels + pixel]] {
        count += 1
        x += Double(pixel % width)
        y += Double(pixel / width)
      }
      return count >= max(1, Self.smallest * size) ? Place(x: x / count, y: y / count) : nil
    }
  }

  /// The mean place of marked pixels; nil where none is marked.
  ///
  /// - Parameter masks: boolean or 0 and 1, `[n, height, width]`.
  public static func places(of masks: Tensor) -> [Place?] {
    let marked = masks.to(.cpu).contiguous().asType(.uint8).host().bytes
    let (pixels, width) = (masks.shape[1] * masks.shape[2], masks.shape[2])
    return (0..<masks.shape[0]).map { image in
      var (count, x, y) = (0.0, 0.0, 0.0)
      for pixel in 0..<pixels where marked[image * pixels + pixel] > 0 {
        count += 1
        x += Double(pixel % width)
        y += Double(pixel / width)
      }
      return count > 0 ? Place(x: x / count, y: y / count) : nil
    }
  }

  /// The cell of each pixel, image after image.
  private static func numbers(of images: Tensor) throws -> [Int] {
    guard images.rank == 4, images.shape[1] == 3, images.dtype == .uint8 else {
      throw MetricError(
        "an object is found in bytes [n, 3, height, width], not \(images.dtype) \(images.shape)")
    }
    let bytes = images.to(.cpu).contiguous().host().bytes
    let pixels = images.shape[2] * images.shape[3]
    return (0..<(images.shape[0] * pixels)).map { place in
      let start = place / pixels * 3 * pixels + place % pixels
      return Int(bytes[start] >> 4) << 8 | Int(bytes[start + pixels] >> 4) << 4
        | Int(bytes[start + 2 * pixels] >> 4)
    }
  }
}
