/// Draws filled polygons one over another, with edges as soft as the part of each pixel that they cover.
///
/// The coverage is exact: signed areas of the edges are summed along each row, as in FreeType's smooth rasteriser. A
/// polygon that overlaps itself is filled where it is wound around once or more; one of the other direction within it
/// cuts a hole. Points count from the corner of the top left pixel, whose middle is (0.5, 0.5).
package struct VectorCanvas: Sendable {
  /// A place in pixels.
  package typealias Point = SIMD2<Double>
  /// Red, green, blue and opacity, each 0 … 1; sRGB, not premultiplied.
  package typealias Tone = SIMD4<Float>

  /// What a polygon is filled with.
  package enum Paint: Sendable {
    /// One tone.
    case flat(Tone)
    /// From one tone at a point to another one at a second point, and these tones beyond.
    case linear(from: Point, Tone, to: Point, Tone)
    /// From one tone within the share `inner` of an ellipse to another one on its edge and beyond; `across` and `down` are
    /// its half axes.
    case radial(centre: Point, across: Point, down: Point, inner: Double, Tone, Tone)
  }

  /// Which part of each pixel a shape covers, within a rectangle of pixels; nothing outside of it.
  package struct Coverage: Sendable {
    fileprivate var columns: Range<Int>
    fileprivate var rows: Range<Int>
    fileprivate var values: [Float]

    /// The part of a pixel, 0 … 1.
    package subscript(x x: Int, y y: Int) -> Float {
      guard columns.contains(x), rows.contains(y) else { return 0 }
      return values[(y - rows.lowerBound) * columns.count + x - columns.lowerBound]
    }

    /// What is covered by this shape and not by another one.
    package func without(_ other: Coverage) -> Coverage {
      var result = self
      var place = 0
      for y in rows {
        for x in columns {
          result.values[place] *= 1 - other[x: x, y: y]
          place += 1
        }
      }
      return result
    }
  }

  /// Width in pixels.
  package let width: Int
  /// Height in pixels.
  package let height: Int
  private var pixels: [SIMD4<Float>]

  /// A canvas that is all black.
  package init(width: Int, height: Int) {
    (self.width, self.height) = (width, height)
    pixels = Array(repeating: SIMD4(0, 0, 0, 1), count: width * height)
  }

  /// Multiplies all pixels drawn so far by a factor a channel.
  package mutating func multiply(by factors: SIMD3<Float>) {
    let all = SIMD4(factors, 1)
    for place in pixels.indices { pixels[place] *= all }
  }

  /// Fills the whole canvas.
  package mutating func fill(_ paint: Paint) {
    let (right, bottom) = (Double(width), Double(height))
    fill([[Point(0, 0), Point(right, 0), Point(right, bottom), Point(0, bottom)]], paint)
  }

  /// Fills polygons, each closed from its last point to its first.
  ///
  /// - Parameter clip: a shape outside of which nothing is drawn.
  /// - Returns: what they cover, without the clip.
  @discardableResult
  package mutating func fill(_ polygons: [[Point]], _ paint: Paint, within clip: Coverage? = nil) -> Coverage
  {
    let coverage = coverage(of: polygons)
    fill(coverage, paint, within: clip)
    return coverage
  }

  /// Fills a shape.
  package mutating func fill(_ shape: Coverage, _ paint: Paint, within clip: Coverage? = nil) {
    var place = 0
    for y in shape.rows {
      for x in shape.columns {
        var share = shape.values[place]
        place += 1
        guard share > 0 else { continue }
        if let clip { share *= clip[x: x, y: y] }
        guard share > 0 else { continue }
        let tone = paint.tone(at: Point(Double(x) + 0.5, Double(y) + 0.5))
        let old = pixels[y * width + x]
        pixels[y * width + x] = old + (tone - old) * (share * tone.w)
      }
    }
  }

  // MARK: Coverage

  /// What polygons cover.
  package func coverage(of polygons: [[Point]]) -> Coverage {
    var (least, greatest) = (Point(repeating: .infinity), Point(repeating: -.infinity))
    for point in polygons.joined() {
      least = pointwiseMin(least, point)
      greatest = pointwiseMax(greatest, point)
    }
    let columns = Self.span(least.x, greatest.x, width)
    let rows = Self.span(least.y, greatest.y, height)
    guard !columns.isEmpty, !rows.isEmpty else { return Coverage(columns: 0..<0, rows: 0..<0, values: []) }
    // One cell more, as what an edge leaves of its last column goes on to the next one.
    let stride = columns.count + 2
    var areas = [Float](repeating: 0, count: stride * rows.count)
    let origin = Point(Double(columns.lowerBound), Double(rows.lowerBound))
    for polygon in polygons where polygon.count > 2 {
      for (index, start) in polygon.enumerated() {
        let end = polygon[index + 1 < polygon.count ? index + 1 : 0]
        Self.add(start - origin, end - origin, stride, columns.count, rows.count, to: &areas)
      }
    }
    var values = [Float](repeating: 0, count: columns.count * rows.count)
    for row in 0..<rows.count {
      var sum: Float = 0
      for column in 0..<columns.count {
        sum += areas[row * stride + column]
        values[row * columns.count + column] = min(abs(sum), 1)
      }
    }
    return Coverage(columns: columns, rows: rows, values: values)
  }

  private static func span(_ least: Double, _ greatest: Double, _ count: Int) -> Range<Int> {
    guard least <= greatest else { return 0..<0 }
    let first = Int(min(max(least.rounded(.down), 0), Double(count)))
    return first..<max(first, Int(min(max(greatest.rounded(.up), 0), Double(count))))
  }

  /// Adds the signed areas to the right of an edge, as differences along each row.
  private static func add(
    _ start: Point, _ end: Point, _ stride: Int, _ columns: Int, _ rows: Int, to areas: inout [Float]
  ) {
    guard start.y != end.y else { return }
    let sign = start.y < end.y ? 1.0 : -1.0
    let (top, bottom) = start.y < end.y ? (start, end) : (end, start)
    let slope = (bottom.x - top.x) / (bottom.y - top.y)
    let first = Int(min(max(top.y.rounded(.down), 0), Double(rows)))
    let last = Int(min(max(bottom.y.rounded(.up), 0), Double(rows)))
    guard first < last else { return }
    let limit = Double(columns)
    for row in first..<last {
      let (upper, lower) = (max(top.y, Double(row)), min(bottom.y, Double(row + 1)))
      guard lower > upper else { continue }
      let cover = (lower - upper) * sign
      // Within a row an edge that leaves the canvas is bent onto its border.
      let one = min(max(top.x + slope * (upper - top.y), 0), limit)
      let other = min(max(top.x + slope * (lower - top.y), 0), limit)
      let (left, right) = (min(one, other), max(one, other))
      let base = row * stride
      let (from, to) = (Int(left), max(Int(left), Int(right.rounded(.up)) - 1))
      guard from < to else {
        let inside = Double(from + 1) - (left + right) / 2
        areas[base + from] += Float(cover * inside)
        areas[base + from + 1] += Float(cover * (1 - inside))
        continue
      }
      // The part of the edge's height in each column, and the area beside it there.
      let share = cover / (right - left)
      for column in from...to {
        let (enter, leave) = (max(left, Double(column)), min(right, Double(column + 1)))
        let height = share * (leave - enter)
        let area = height * (Double(column + 1) - (enter + leave) / 2)
        areas[base + column] += Float(area)
        areas[base + column + 1] += Float(height - area)
      }
    }
  }

  // MARK: Result

  /// The image, RGB of 8 bits.
  package var image: Image {
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for (place, pixel) in pixels.enumerated() {
      for channel in 0..<3 {
        bytes[3 * place + channel] = UInt8(min(max(pixel[channel] * 255 + 0.5, 0), 255))
      }
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }

  /// A shape as a grey image of the canvas's size, white where it is.
  package func mask(_ shape: Coverage) -> Image {
    var bytes = [UInt8](repeating: 0, count: width * height)
    for y in shape.rows {
      for x in shape.columns { bytes[y * width + x] = UInt8(shape[x: x, y: y] * 255 + 0.5) }
    }
    return Image(width: width, height: height, channels: 1, bytes: bytes)
  }
}

extension VectorCanvas.Paint {
  fileprivate func tone(at point: VectorCanvas.Point) -> VectorCanvas.Tone {
    switch self {
    case .flat(let tone): return tone
    case .linear(let start, let one, let end, let other):
      let axis = end - start
      let length = (axis * axis).sum()
      let share = length > 0 ? ((point - start) * axis).sum() / length : 0
      return one + (other - one) * Float(min(max(share, 0), 1))
    case .radial(let centre, let across, let down, let inner, let one, let other):
      let offset = point - centre
      let area = across.x * down.y - across.y * down.x
      guard area != 0 else { return other }
      let (u, v) = (
        (offset.x * down.y - offset.y * down.x) / area, (offset.y * across.x - offset.x * across.y) / area
      )
      let share = min(max(((u * u + v * v).squareRoot() - inner) / max(1 - inner, 1e-9), 0), 1)
      return one + (other - one) * Float(share * share * (3 - 2 * share))
    }
  }
}

// MARK: - Curves

extension VectorCanvas {
  /// A smooth curve through points (Catmull and Rom 1974), as short straight pieces.
  ///
  /// - Parameter isClosed: whether it goes on from the last point to the first; that one is not repeated.
  package static func curve(through points: [Point], isClosed: Bool = false, steps: Int = 8) -> [Point] {
    guard points.count > 2 else { return points }
    let count = points.count
    func point(_ index: Int) -> Point {
      if isClosed { return points[(index + count) % count] }
      if index < 0 { return points[0] * 2 - points[1] }
      return index < count ? points[index] : points[count - 1] * 2 - points[count - 2]
    }
    var result: [Point] = []
    for index in 0..<(isClosed ? count : count - 1) {
      let (a, b, c, d) = (point(index - 1), point(index), point(index + 1), point(index + 2))
      for step in 0..<steps {
        let t = Double(step) / Double(steps)
        let linear = (c - a) * t
        let square = (a * 2 - b * 5 + c * 4 - d) * (t * t)
        let cube = (b * 3 - a - c * 3 + d) * (t * t * t)
        result.append((b * 2 + linear + square + cube) * 0.5)
      }
    }
    if !isClosed { result.append(points[count - 1]) }
    return result
  }

  /// The outline of a line along points whose width changes.
  ///
  /// - Parameter widths: in pixels, at evenly spaced places along the points; two or more.
  package static func stroke(_ points: [Point], widths: [Double]) -> [Point] {
    guard points.count > 1, widths.count > 1 else { return [] }
    var (left, right): ([Point], [Point]) = ([], [])
    for (index, point) in points.enumerated() {
      let along = points[min(index + 1, points.count - 1)] - points[max(index - 1, 0)]
      let length = (along * along).sum().squareRoot()
      guard length > 0 else { continue }
      let place = Double(index) / Double(points.count - 1) * Double(widths.count - 1)
      let before = min(Int(place), widths.count - 2)
      let width = widths[before] + (widths[before + 1] - widths[before]) * (place - Double(before))
      let normal = Point(-along.y, along.x) * (width / 2 / length)
      left.append(point + normal)
      right.append(point - normal)
    }
    return left + right.reversed()
  }
}
