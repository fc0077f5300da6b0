/// How a crop of a face lies in its image: a similarity transform, and the size of the crop.
///
/// It cuts crops out of images and pastes changed ones back:
///
/// ```swift
/// let alignment = FaceAlignment(face, as: .faceswap, width: 256, height: 256)
/// let crop = try alignment.crop(frame)
/// let swapped = try alignment.paste(changed, onto: frame, feather: 0.1)
/// ```
///
/// In JSON `width`, `height` and `matrix`, the two rows of the 2 × 3 matrix from pixels of the image to pixels of the crop,
/// which OpenCV's `warpAffine` takes.
public struct FaceAlignment: Sendable, Hashable {
  /// The width of the crop in pixels.
  public let width: Int
  /// The height of the crop in pixels.
  public let height: Int
  /// From pixels of the image to pixels of the crop.
  let map: Similarity

  /// The largest side of a crop in pixels.
  public static let largestSide = 8192

  /// The crop of a face.
  ///
  /// - Parameters:
  ///   - layout: where the face stands in a square crop. Of a crop that is not square the longer side is that square's, and
  ///     the shorter one is cut on both ends.
  ///   - margin: how much more to take on each side, as a part of the layout's own side; above -0.5.
  /// - Returns: nil where the landmarks are in one place, or the size or margin is not possible.
  public init?(_ face: Face, as layout: FaceLayout, width: Int, height: Int, margin: Double = 0) {
    guard margin > -0.5, margin.isFinite, let unit = layout.placement(of: face) else { return nil }
    let side = Double(max(width, height))
    let inner = 1 / (1 + 2 * margin)
    // The middle of a square of side 1 stays in the middle; pixels are counted from their centres.
    let widened = unit.scaled(by: inner, x: (1 - inner) / 2, y: (1 - inner) / 2)
    self.init(
      widened.scaled(
        by: side, x: -0.5 - (side - Double(width)) / 2, y: -0.5 - (side - Double(height)) / 2),
      width: width, height: height)
  }

  /// The least-squares similarity transform that brings points of an image to places of the crop.
  ///
  /// - Returns: nil where the points are in one place, their numbers differ or are less than 2, or the size is not possible.
  public init?(mapping points: [FacePoint], to places: [FacePoint], width: Int, height: Int) {
    guard let map = Similarity(mapping: points, to: places) else { return nil }
    self.init(map, width: width, height: height)
  }

  private init?(_ map: Similarity, width: Int, height: Int) {
    let scale = (map.a * map.a + map.b * map.b).squareRoot()
    guard (1...Self.largestSide).contains(width), (1...Self.largestSide).contains(height),
      scale > 1e-6, scale < 1e6, abs(map.tx) < 1e9, abs(map.ty) < 1e9
    else { return nil }
    (self.map, self.width, self.height) = (map, width, height)
  }

  /// How many pixels of the crop a pixel of the image becomes.
  public var scale: Double { (map.a * map.a + map.b * map.b).squareRoot() }

  /// The two rows of the matrix.
  public var matrix: [Double] { [map.a, -map.b, map.tx, map.b, map.a, map.ty] }

  /// Where a point of the image lies in the crop.
  public func inCrop(_ point: FacePoint) -> FacePoint { map(point) }

  /// Where a point of the crop lies in the image.
  public func inImage(_ point: FacePoint) -> FacePoint { map.inverse(point) }

  /// The corners of the crop in the image: top left, top right, bottom right, bottom left.
  public var corners: [FacePoint] {
    let (right, bottom) = (Double(width) - 0.5, Double(height) - 0.5)
    return [(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)]
      .map { inImage(FacePoint(x: $0, y: $1)) }
  }

  /// The same region at another size; nil where the size is not possible or of other proportions.
  public func resized(width: Int, height: Int) -> FaceAlignment? {
    guard width * self.height == height * self.width else { return nil }
    let factor = Double(width) / Double(self.width)
    return FaceAlignment(
      map.scaled(by: factor, x: (factor - 1) / 2, y: (factor - 1) / 2), width: width, height: height)
  }
}

extension FaceAlignment: Codable {
  private enum Key: String, CodingKey { case width, height, matrix }

  /// Reads and checks it.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let matrix = try values.decode([Double].self, forKey: .matrix)
    func refuse(_ reason: String) -> DecodingError {
      .dataCorruptedError(forKey: .matrix, in: values, debugDescription: reason)
    }
    guard matrix.count == 6 else { throw refuse("\(matrix.count) numbers instead of 6") }
    let tolerance = 1e-6 * (abs(matrix[0]) + abs(matrix[1]))
    guard matrix.allSatisfy(\.isFinite), abs(matrix[0] - matrix[4]) <= tolerance,
      abs(matrix[1] + matrix[3]) <= tolerance
    else { throw refuse("it is more than scaling, rotation and shift") }
    guard
      let alignment = FaceAlignment(
        Similarity(a: matrix[0], b: matrix[3], tx: matrix[2], ty: matrix[5]),
        width: try values.decode(Int.self, forKey: .width),
        height: try values.decode(Int.self, forKey: .height))
    else { throw refuse("the size or the scale of the crop is not possible") }
    self = alignment
  }

  /// Writes size and matrix.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(width, forKey: .width)
    try values.encode(height, forKey: .height)
    try values.encode(matrix, forKey: .matrix)
  }
}

// MARK: - Cutting out and pasting back

extension FaceAlignment {
  /// The crop of an image, 8 bits a sample, bilinear; what lies outside the image repeats its edge.
  ///
  /// - Parameter isAntialiased: whether each pixel is a mean over what it covers where the crop is smaller than the face;
  ///   otherwise one bilinear sample, as OpenCV's `warpAffine` takes.
  public func crop(_ image: Image, isAntialiased: Bool = true) throws(ImageError) -> Image {
    let source = image.with8Bits()
    let back = map.inverse
    let samples = isAntialiased ? Self.samples(1 / scale) : 1
    let sampler = BilinearSampler(source)
    let channels = source.channels
    let bytes = [UInt8](unsafeUninitializedCapacity: width * height * channels) { output, count in
      var sums = [Float](repeating: 0, count: channels)
      for row in 0..<height {
        for column in 0..<width {
          sampler.mean(around: column, row, samples, back, into: &sums)
          let place = (row * width + column) * channels
          for channel in 0..<channels {
            output[place + channel] = UInt8(min(max(sums[channel] + 0.5, 0), 255))
          }
        }
      }
      count = width * height * channels
    }
    return Image(
      width: width, height: height, channels: channels, isMultiband: source.isMultiband, bytes: bytes)
  }

  /// The image with a crop put back to where it was cut out.
  ///
  /// - Parameters:
  ///   - crop: what is pasted, of this crop's size or another one of the same proportions, with the image's channels.
  ///   - mask: how much of the crop is pasted, a grey image of its size: white all of it, black nothing; nil: all of it.
  ///   - feather: the part of the crop's side, 0 … 0.5, over which it fades out towards its edges.
  /// - Returns: the image with 8 bits a sample; outside the crop's region its pixels are unchanged.
  /// - Throws: ``ImageError/invalid(reason:)`` where sizes or channels do not fit.
  public func paste(
    _ crop: Image, onto image: Image, mask: Image? = nil, feather: Double = 0
  ) throws(ImageError) -> Image {
    let target = image.with8Bits()
    guard let own = resized(width: crop.width, height: crop.height) else {
      throw .invalid(
        reason:
          "a crop of \(crop.width) x \(crop.height) has other proportions than the \(width) x \(height) of "
          + "its alignment")
    }
    guard crop.channels == target.channels, (0...0.5).contains(feather) else {
      throw .invalid(
        reason: crop.channels == target.channels
          ? "a crop fades out over 0 to 0.5 of its side, not over \(feather)"
          : "a crop of \(crop.channels) channels cannot be pasted onto an image of \(target.channels)")
    }
    if let mask, mask.channels != 1 || mask.width != crop.width || mask.height != crop.height {
      throw .invalid(reason: "the mask of a crop has to be a grey image of the crop's size")
    }
    return own.blend(crop.with8Bits(), mask?.with8Bits(), feather, onto: target)
  }

  private func blend(_ crop: Image, _ mask: Image?, _ feather: Double, onto target: Image) -> Image {
    var bytes = target.bytes
    let (channels, samples) = (target.channels, Self.samples(scale))
    let (colours, shares) = (BilinearSampler(crop), mask.map(BilinearSampler.init))
    var sums = [Float](repeating: 0, count: channels)
    var share: [Float] = [255]
    let (left, right) = Self.span(corners.map(\.x), target.width)
    let (top, bottom) = Self.span(corners.map(\.y), target.height)
    guard left <= right, top <= bottom else { return target }
    let fade = feather * Double(min(width, height))
    for row in top...bottom {
      for column in left...right {
        let place = map(FacePoint(x: Double(column), y: Double(row)))
        let inside = min(
          place.x + 0.5, place.y + 0.5, Double(width) - 0.5 - place.x, Double(height) - 0.5 - place.y)
        guard inside > 0 else { continue }
        var weight = fade > 0 ? Float(min(1, inside / fade)) : 1
        if let shares {
          shares.mean(around: column, row, samples, map, into: &share)
          weight *= share[0] / 255
        }
        guard weight > 0 else { continue }
        colours.mean(around: column, row, samples, map, into: &sums)
        let start = (row * target.width + column) * channels
        for channel in 0..<channels {
          let old = Float(bytes[start + channel])
          bytes[start + channel] = UInt8(min(max(old + (sums[channel] - old) * weight + 0.5, 0), 255))
        }
      }
    }
    return Image(
      width: target.width, height: target.height, channels: channels, isMultiband: target.isMultiband,
      bytes: bytes)
  }

  /// How many samples a side a pixel needs that covers so many of the other image's.
  private static func samples(_ covered: Double) -> Int { min(16, max(1, Int(covered.rounded(.up)))) }

  /// The pixels of a line between the least and the greatest of some places.
  private static func span(_ places: [Double], _ length: Int) -> (Int, Int) {
    let (least, greatest) = (places.min() ?? 0, places.max() ?? 0)
    // Bounded before they become integers: a crop may lie anywhere.
    return (
      Int(min(max(least.rounded(.up), 0), Double(length))),
      Int(min(max(greatest.rounded(.down), -1), Double(length - 1)))
    )
  }
}

/// Reads an 8-bit image between its pixels.
private struct BilinearSampler {
  private let image: Image

  init(_ image: Image) { self.image = image }

  /// The mean over a pixel of another image, whose pixels a similarity transform brings to this one's.
  func mean(
    around column: Int, _ row: Int, _ samples: Int, _ map: Similarity, into sums: inout [Float]
  ) {
    for channel in sums.indices { sums[channel] = 0 }
    let step = 1 / Double(samples)
    let share = Float(step * step)
    for down in 0..<samples {
      for across in 0..<samples {
        let place = map(
          FacePoint(
            x: Double(column) + (Double(across) + 0.5) * step - 0.5,
            y: Double(row) + (Double(down) + 0.5) * step - 0.5))
        add(place, share, to: &sums)
      }
    }
  }

  private func add(_ place: FacePoint, _ share: Float, to sums: inout [Float]) {
    let (x, y) = (
      min(max(place.x, 0), Double(image.width - 1)), min(max(place.y, 0), Double(image.height - 1))
    )
    let (left, top) = (Int(x), Int(y))
    let (right, bottom) = (min(left + 1, image.width - 1), min(top + 1, image.height - 1))
    let (fx, fy) = (Float(x - Double(left)), Float(y - Double(top)))
    image.bytes.withUnsafeBufferPointer { bytes in
      let channels = image.channels
      let (a, b) = ((top * image.width + left) * channels, (top * image.width + right) * channels)
      let (c, d) = ((bottom * image.width + left) * channels, (bottom * image.width + right) * channels)
      for channel in sums.indices {
        let upper = Float(bytes[a + channel]) * (1 - fx) + Float(bytes[b + channel]) * fx
        let lower = Float(bytes[c + channel]) * (1 - fx) + Float(bytes[d + channel]) * fx
        sums[channel] += (upper * (1 - fy) + lower * fy) * share
      }
    }
  }
}
