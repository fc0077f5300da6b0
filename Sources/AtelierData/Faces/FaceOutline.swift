public import Torch

/// The 68 points of a face that dlib's predictor gives, in its order: jaw 0 … 16, brows 17 … 26, nose 27 … 35, eyes
/// 36 … 47, mouth 48 … 67.
///
/// What is drawn of them follows dvl-tum/ciagan `process_data.py`: blue lines of one pixel on white along the jaw, the
/// nose's bridge and the inner edge of the mouth, and a mask from the jaw to the brows.
public struct FaceOutline: Sendable, Hashable {
  /// How many points there are.
  public static let count = 68

  /// The points that lie on both sides of a face and change places where it is mirrored.
  static let sides: [(Int, Int)] =
    (0..<8).map { ($0, 16 - $0) } + (17..<22).map { ($0, 43 - $0) } + [(31, 35), (32, 34)]
    + (36..<40).map { ($0, 81 - $0) } + [
      (40, 47), (41, 46), (48, 54), (49, 53), (50, 52), (55, 59), (56, 58),
    ]
    + [(60, 64), (61, 63), (65, 67)]

  /// A point in shares of the image's width and height, from the top left.
  public struct Point: Sendable, Hashable {
    /// The share of the width.
    public var x: Float
    /// The share of the height.
    public var y: Float

    /// A point.
    public init(x: Float, y: Float) { (self.x, self.y) = (x, y) }
  }

  /// The points.
  public let points: [Point]

  /// Points in shares.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for another number of points, or one that is not finite.
  public init(_ points: [Point]) throws(DatasetError) {
    guard points.count == Self.count else {
      throw .invalid(reason: "a face has \(Self.count) points, and \(points.count) are given")
    }
    // Far outside of any image lines would not end.
    guard points.allSatisfy({ abs($0.x) <= 8 && abs($0.y) <= 8 }) else {
      throw .invalid(
        reason: "a face's points are shares of width and height, and one of them lies far outside")
    }
    self.points = points
  }

  /// Points written one after the other: x, y, x, y, …
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` as ``init(_:)``.
  public init(shares: [Float]) throws(DatasetError) {
    guard shares.count == 2 * Self.count else {
      throw .invalid(
        reason: "a face's \(Self.count) points are \(2 * Self.count) numbers, and \(shares.count) are given")
    }
    try self.init((0..<Self.count).map { Point(x: shares[2 * $0], y: shares[2 * $0 + 1]) })
  }

  /// The lines that are drawn, by the points that they join.
  private static let lines: [(Int, Int)] =
    (0..<16).map { ($0, $0 + 1) } + (27..<30).map { ($0, $0 + 1) } + (60..<67).map { ($0, $0 + 1) } + [
      (67, 60)
    ]

  /// The drawing of a square image, float32 `[3, size, size]` in 0 … 1.
  public func drawing(size: Int) -> HostTensor {
    var isLine = [Bool](repeating: false, count: size * size)
    let places = points.map { (x: Int($0.x * Float(size)), y: Int($0.y * Float(size))) }
    for (first, second) in Self.lines {
      let (start, end) = (places[first], places[second])
      let steps = max(1, abs(end.x - start.x), abs(end.y - start.y))
      for step in 0...steps {
        func between(_ a: Int, _ b: Int) -> Int {
          a + Int((Double((b - a) * step) / Double(steps)).rounded())
        }
        let (x, y) = (between(start.x, end.x), between(start.y, end.y))
        if (0..<size).contains(x), (0..<size).contains(y) { isLine[y * size + x] = true }
      }
    }
    let dark = isLine.map { $0 ? Float(0) : 1 }
    return HostTensor(dark + dark + [Float](repeating: 1, count: size * size), shape: [3, size, size])
  }

  /// 1 where the face is and 0 elsewhere, float32 `[1, height, width]`.
  public func mask(width: Int, height: Int) -> HostTensor {
    let (jaw, brows) = (points[0...16], (left: points[19], right: points[24]))
    let corners =
      [Point(x: points[0].x, y: brows.left.y)] + jaw + [Point(x: points[16].x, y: brows.right.y)]
    let outline = corners.map { (x: $0.x * Float(width), y: $0.y * Float(height)) }
    var values = [Float](repeating: 0, count: width * height)
    for row in 0..<height {
      let y = Float(row) + 0.5
      // Where the outline crosses the middle of the row; between every two crossings lies the face.
      var crossings: [Float] = []
      for (index, start) in outline.enumerated() {
        let end = outline[(index + 1) % outline.count]
        guard (start.y <= y) != (end.y <= y) else { continue }
        crossings.append(start.x + (y - start.y) / (end.y - start.y) * (end.x - start.x))
      }
      crossings.sort()
      for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
        let from = max(0, Int((crossings[pair] - 0.5).rounded(.up)))
        let to = min(width - 1, Int((crossings[pair + 1] - 0.5).rounded(.down)))
        if from <= to { for column in from...to { values[row * width + column] = 1 } }
      }
    }
    return HostTensor(values, shape: [1, height, width])
  }
}
