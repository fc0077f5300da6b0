/// A point of an image in pixels, counted from the centre of the top left pixel, as OpenCV counts.
///
/// In JSON `[x, y]`.
public struct FacePoint: Sendable, Hashable, Codable {
  /// To the right.
  public var x: Double
  /// Downwards.
  public var y: Double

  /// A point.
  public init(x: Double, y: Double) { (self.x, self.y) = (x, y) }

  /// How far another point lies, in pixels.
  public func distance(to other: FacePoint) -> Double {
    ((x - other.x) * (x - other.x) + (y - other.y) * (y - other.y)).squareRoot()
  }

  /// Reads `[x, y]`.
  public init(from decoder: any Decoder) throws {
    var values = try decoder.unkeyedContainer()
    (x, y) = (try values.decode(Double.self), try values.decode(Double.self))
  }

  /// Writes `[x, y]`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.unkeyedContainer()
    try values.encode(x)
    try values.encode(y)
  }
}

/// The five landmarks that detectors of faces give; left and right are those of the image.
///
/// In JSON a list of five points in the order of the properties.
public struct FaceLandmarks: Sendable, Hashable, Codable {
  /// The centre of the eye on the left of the image.
  public var leftEye: FacePoint
  /// The centre of the eye on the right of the image.
  public var rightEye: FacePoint
  /// The tip of the nose.
  public var nose: FacePoint
  /// The corner of the mouth on the left of the image.
  public var leftMouth: FacePoint
  /// The corner of the mouth on the right of the image.
  public var rightMouth: FacePoint

  /// Five points.
  public init(
    leftEye: FacePoint, rightEye: FacePoint, nose: FacePoint, leftMouth: FacePoint, rightMouth: FacePoint
  ) {
    (self.leftEye, self.rightEye, self.nose) = (leftEye, rightEye, nose)
    (self.leftMouth, self.rightMouth) = (leftMouth, rightMouth)
  }

  /// Five points in the order of the properties; nil for another number of them.
  public init?(_ points: [FacePoint]) {
    guard points.count == 5 else { return nil }
    self.init(
      leftEye: points[0], rightEye: points[1], nose: points[2], leftMouth: points[3], rightMouth: points[4])
  }

  /// The points in the order of the properties.
  public var points: [FacePoint] { [leftEye, rightEye, nose, leftMouth, rightMouth] }

  /// The normalised mean error: the mean distance of the points from those of a given face, in distances between the
  /// given face's eyes; nil where these are one point.
  public func normalizedMeanError(from given: FaceLandmarks) -> Double? {
    let eyes = given.leftEye.distance(to: given.rightEye)
    guard eyes > 0 else { return nil }
    return zip(points, given.points).reduce(0) { $0 + $1.0.distance(to: $1.1) } / Double(points.count) / eyes
  }

  /// Reads a list of five points.
  public init(from decoder: any Decoder) throws {
    let points = try decoder.singleValueContainer().decode([FacePoint].self)
    guard let landmarks = FaceLandmarks(points) else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath, debugDescription: "\(points.count) landmarks instead of 5"))
    }
    self = landmarks
  }

  /// Writes a list of five points.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(points)
  }
}

/// The box around a face, in pixels.
///
/// In JSON `[left, top, right, bottom]`.
public struct FaceBox: Sendable, Hashable, Codable {
  /// The left edge.
  public var left: Double
  /// The top edge.
  public var top: Double
  /// The right edge.
  public var right: Double
  /// The bottom edge.
  public var bottom: Double

  /// A box.
  public init(left: Double, top: Double, right: Double, bottom: Double) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
  }

  /// The width in pixels.
  public var width: Double { right - left }
  /// The height in pixels.
  public var height: Double { bottom - top }
  /// The middle.
  public var centre: FacePoint { FacePoint(x: (left + right) / 2, y: (top + bottom) / 2) }

  /// Intersection over union with another box, 0 … 1.
  public func overlap(with other: FaceBox) -> Double {
    let shared =
      max(0, min(right, other.right) - max(left, other.left))
      * max(0, min(bottom, other.bottom) - max(top, other.top))
    let union = width * height + other.width * other.height - shared
    return union > 0 ? shared / union : 0
  }

  /// Reads `[left, top, right, bottom]`.
  public init(from decoder: any Decoder) throws {
    var values = try decoder.unkeyedContainer()
    (left, top) = (try values.decode(Double.self), try values.decode(Double.self))
    (right, bottom) = (try values.decode(Double.self), try values.decode(Double.self))
  }

  /// Writes `[left, top, right, bottom]`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.unkeyedContainer()
    for value in [left, top, right, bottom] { try values.encode(value) }
  }
}

/// A face that was found in an image.
public struct Face: Sendable, Hashable, Codable {
  /// The box around it.
  public var box: FaceBox
  /// Its landmarks.
  public var landmarks: FaceLandmarks
  /// How sure the detector is, 0 … 1.
  public var score: Double

  /// A face.
  public init(box: FaceBox, landmarks: FaceLandmarks, score: Double) {
    (self.box, self.landmarks, self.score) = (box, landmarks, score)
  }
}
