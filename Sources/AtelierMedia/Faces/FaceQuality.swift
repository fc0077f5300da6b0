internal import Foundation

/// How a head is turned, in degrees, estimated from five landmarks.
///
/// A mean face in space is fitted to the landmarks by least squares under scaled orthographic projection (DeMenthon and Davis
/// 1995, "Model-based object pose in 25 lines of code", without its perspective iterations). Its depths are those of a mean
/// head, so expect some ten degrees of error.
public struct FacePose: Sendable, Hashable, Codable {
  /// To the side; positive where the face looks to the right of the image.
  public var yaw: Double
  /// Up and down; positive where the face looks down.
  public var pitch: Double
  /// In the image; positive where it is turned clockwise.
  public var roll: Double

  /// A pose.
  public init(yaw: Double, pitch: Double, roll: Double) {
    (self.yaw, self.pitch, self.roll) = (yaw, pitch, roll)
  }

  /// The pose of a face; all angles are 0 where the landmarks are in one place.
  public init(_ landmarks: FaceLandmarks) {
    let points = landmarks.points
    let count = Double(points.count)
    let middle = FacePoint(
      x: points.reduce(0) { $0 + $1.x } / count, y: points.reduce(0) { $0 + $1.y } / count)
    // The rows of scale × rotation: least squares over the model's points, whose centroid is the origin.
    var (across, down) = (SIMD3<Double>.zero, SIMD3<Double>.zero)
    for (weights, point) in zip(Self.inverse, points) {
      across += weights * (point.x - middle.x)
      down += weights * (point.y - middle.y)
    }
    let (first, second) = (Self.length(across), Self.length(down))
    guard first > 1e-9, second > 1e-9 else {
      self.init(yaw: 0, pitch: 0, roll: 0)
      return
    }
    let (i, j) = (across / first, down / second)
    let cross = SIMD3(i.y * j.z - i.z * j.y, i.z * j.x - i.x * j.z, i.x * j.y - i.y * j.x)
    let third = Self.length(cross)
    guard third > 1e-9 else {
      self.init(yaw: 0, pitch: 0, roll: 0)
      return
    }
    let k = cross / third
    // The rotation is roll after pitch after yaw.
    let degrees = 180 / Double.pi
    self.init(
      yaw: atan2(k.x, k.z) * degrees, pitch: asin(min(max(k.y, -1), 1)) * degrees,
      roll: atan2(-i.y, j.y) * degrees)
  }

  private static func length(_ v: SIMD3<Double>) -> Double { (v * v).sum().squareRoot() }

  /// The mean face: millimetres to the right, down and away from the viewer; eyes 63 apart, the tip of the nose 28 before
  /// them, the mouth 8.
  private static let model: [SIMD3<Double>] = {
    let points = [
      SIMD3(-31.5, 0, 0), SIMD3(31.5, 0, 0), SIMD3(0, 36, -28), SIMD3(-26.1, 72.8, -8),
      SIMD3<Double>(26.1, 72.8, -8),
    ]
    let middle = points.reduce(SIMD3<Double>.zero, +) / 5
    return points.map { $0 - middle }
  }()

  /// The columns of the model's pseudo-inverse.
  private static let inverse: [SIMD3<Double>] = {
    // x decouples from y and z, as the model is symmetric.
    let xx = model.reduce(0) { $0 + $1.x * $1.x }
    let yy = model.reduce(0) { $0 + $1.y * $1.y }
    let zz = model.reduce(0) { $0 + $1.z * $1.z }
    let yz = model.reduce(0) { $0 + $1.y * $1.z }
    let determinant = yy * zz - yz * yz
    return model.map {
      SIMD3($0.x / xx, ($0.y * zz - $0.z * yz) / determinant, ($0.z * yy - $0.y * yz) / determinant)
    }
  }()
}

extension Image {
  /// How sharp an image is: the variance of the Laplacian of its luminance in 8-bit steps (Pech-Pacheco et al. 2000, "Diatom
  /// autofocusing in brightfield microscopy"); 0 for a plane, below some 20 for a blurred face of 112 × 112.
  public var sharpness: Double {
    guard width > 2, height > 2 else { return 0 }
    let grey = grey().with8Bits().bytes
    var (sum, squares) = (0.0, 0.0)
    for row in 1..<(height - 1) {
      for column in 1..<(width - 1) {
        let place = row * width + column
        let value =
          Int(grey[place - 1]) + Int(grey[place + 1]) + Int(grey[place - width]) + Int(grey[place + width])
          - 4 * Int(grey[place])
        sum += Double(value)
        squares += Double(value * value)
      }
    }
    let count = Double((width - 2) * (height - 2))
    return squares / count - (sum / count) * (sum / count)
  }
}
