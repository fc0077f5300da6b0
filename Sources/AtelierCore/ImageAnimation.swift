public import AtelierData
public import Torch

/// A still image that moves as the frames of a video do. The functions are those of ``AnimatingSystem``; its plan has
/// ``Streaming``, whose sessions begin with the still image and an `initial` frame and take a frame at a time.
public struct ImageAnimation: Ability, Hashable {
  /// The condition that takes the still image, also of sessions.
  public var source: String
  /// The condition that takes the driving video; of a session the next frame.
  public var driving: String
  /// The field of the data that holds clips, and the output of a whole video.
  public var frames: String

  /// Describes the system.
  public init(source: String, driving: String, frames: String) {
    (self.source, self.driving, self.frames) = (source, driving, frames)
  }
}

/// How a driving video's motion is taken over.
public struct AnimationDrawing: Settings {
  /// Whether the source moves as the driving video does since its first frame, whatever that shows; false: it takes the
  /// video's own poses, which has to show a likeness of about the same build and place.
  public var relative = true
  /// Whether relative motion is enlarged by as much as the source's keypoints lie further apart than the driving ones.
  public var adaptScale = true
  /// Whether motion counts from the driving frame whose pose is nearest to the source's, and not from the first.
  public var bestFrame = false

  /// Relative motion from the first frame.
  public init() {}

  /// The motion of a clip in itself, which gives the clip back where its first frame is the source.
  public static var reconstruction: AnimationDrawing {
    var drawing = AnimationDrawing()
    drawing.relative = false
    return drawing
  }

  /// Refuses a frame to count from where nothing is counted.
  public func validate() throws(ConfigurationError) {
    try Checks.require(
      relative || !bestFrame,
      "bestFrame chooses the frame that relative motion counts from, and relative is false; leave one of them out"
    )
  }
}

/// A system that animates still images; its plan has ``ImageAnimation`` and ``Streaming``.
public protocol AnimatingSystem: StreamingSystem {
  /// Keypoints of images `[n, channels, height, width]`, `[n, keypoints, 2]`, `(x, y)` in -1 … 1.
  func keypoints(of images: Tensor) throws -> Tensor
}

extension AnimatingSystem {
  /// How far the poses of frames `[n, channels, height, width]` lie from that of a still image `[1, …]`: squared distances
  /// of keypoints around their mean, in units of their convex hull's root area.
  public func poseDistances(of source: Tensor, to frames: Tensor) throws -> [Double] {
    func poses(_ images: Tensor) throws -> [[KeypointGeometry.Point]] {
      KeypointGeometry.points(try keypoints(of: images)).map(KeypointGeometry.normalised)
    }
    guard let own = try poses(source).first else { return [] }
    return try poses(frames).map { pose in
      zip(own, pose).reduce(0) { sum, pair in
        let (dx, dy) = (pair.0.x - pair.1.x, pair.0.y - pair.1.y)
        return sum + dx * dx + dy * dy
      }
    }
  }
}

/// The geometry of sets of keypoints.
public enum KeypointGeometry {
  /// A point of the plane.
  public typealias Point = (x: Double, y: Double)

  /// The points of a tensor `[n, points, 2]`.
  public static func points(_ tensor: Tensor) -> [[Point]] {
    let values = tensor.to(.cpu).asType(.float64).contiguous().doubles()
    let count = tensor.shape[1]
    return (0..<tensor.shape[0]).map { item in
      (0..<count).map { place in
        let at = 2 * (item * count + place)
        return (values[at], values[at + 1])
      }
    }
  }

  /// The area of the convex hull; 0 for points on one line.
  ///
  /// Source: Andrew 1979, "Another efficient algorithm for convex hulls in two dimensions".
  public static func hullArea(_ points: [Point]) -> Double {
    let sorted = points.filter { $0.x.isFinite && $0.y.isFinite }.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
    guard sorted.count > 2 else { return 0 }
    func chain(_ points: [Point]) -> [Point] {
      var hull: [Point] = []
      for point in points {
        while hull.count > 1, turn(hull[hull.count - 2], hull[hull.count - 1], point) <= 0 {
          hull.removeLast()
        }
        hull.append(point)
      }
      return Array(hull.dropLast())
    }
    let hull = chain(sorted) + chain(sorted.reversed())
    let twice = zip(hull, hull.dropFirst() + hull.prefix(1)).reduce(0) { sum, edge in
      sum + edge.0.x * edge.1.y - edge.1.x * edge.0.y
    }
    return abs(twice) / 2
  }

  private static func turn(_ a: Point, _ b: Point, _ c: Point) -> Double {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
  }

  /// Points around their mean, in units of the root of their hull's area; of points on one line as they are.
  static func normalised(_ points: [Point]) -> [Point] {
    let count = Double(max(1, points.count))
    let (x, y) = (points.reduce(0) { $0 + $1.x } / count, points.reduce(0) { $0 + $1.y } / count)
    let area = hullArea(points)
    let unit = area > 0 ? area.squareRoot() : 1
    return points.map { (($0.x - x) / unit, ($0.y - y) / unit) }
  }
}
