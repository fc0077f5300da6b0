/// Where a face stands in its crop: the region that a data set or a program cuts out around a face.
public enum FaceLayout: String, Sendable, Hashable, Codable, CaseIterable {
  /// The crop of face recognisers (ArcFace, SphereFace, SFace): tight, five points at fixed places of 112 × 112.
  case arcface
  /// FFHQ (Karras et al. 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks"): the whole head,
  /// turned upright by eyes and mouth.
  case ffhq
  /// faceswap's extraction (its *legacy* centring): the mean face in the middle 62.5 % of the crop. faceswap fits 51
  /// landmarks to it, this the five that there are.
  case faceswap
  /// The middle square of CelebA's aligned images, as CIAGAN is trained on.
  case ciagan
  /// FaceForensics++: an upright square of 1.3 times the longer side of the box, not turned.
  case faceforensics

  /// The places of the landmarks in a square of side 1, from its top left corner; nil where the region does not come
  /// from such places.
  var places: [FacePoint]? {
    switch self {
    case .arcface:
      // The template of deepinsight/insightface, for 112 pixels.
      [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
        .map { FacePoint(x: ($0 + 0.5) / 112, y: ($1 + 0.5) / 112) }
    case .faceswap:
      // Means of the points of dlib's mean face at the eyes, the nose's tip and the mouth's corners; an edge of 48 of 256.
      [
        (0.225492, 0.215990), (0.754761, 0.215990), (0.490127, 0.515625), (0.254149, 0.780233),
        (0.726104, 0.780233),
      ]
      .map { FacePoint(x: ($0 * 160 + 48.5) / 256, y: ($1 * 160 + 48.5) / 256) }
    case .ciagan:
      // The mean landmarks of CelebA's aligned images of 178 × 218.
      [(69.4, 111.2), (107.7, 111.2), (88.1, 135.0), (71.0, 152.1), (105.0, 152.1)]
        .map { FacePoint(x: ($0 + 0.5) / 178, y: ($1 + 0.5 - 20) / 178) }
    case .ffhq, .faceforensics: nil
    }
  }

  /// The map of an image onto the unit square of the region; nil where the landmarks or the box are in one place.
  func placement(of face: Face) -> Similarity? {
    if let places { return Similarity(mapping: face.landmarks.points, to: places) }
    let points = face.landmarks
    switch self {
    case .ffhq:
      let eyes = FacePoint(
        x: (points.leftEye.x + points.rightEye.x) / 2, y: (points.leftEye.y + points.rightEye.y) / 2)
      let mouth = FacePoint(
        x: (points.leftMouth.x + points.rightMouth.x) / 2, y: (points.leftMouth.y + points.rightMouth.y) / 2)
      let across = FacePoint(x: points.rightEye.x - points.leftEye.x, y: points.rightEye.y - points.leftEye.y)
      let down = FacePoint(x: mouth.x - eyes.x, y: mouth.y - eyes.y)
      // The line of the eyes and the perpendicular of eyes to mouth, averaged.
      let axis = FacePoint(x: across.x + down.y, y: across.y - down.x)
      let length = (axis.x * axis.x + axis.y * axis.y).squareRoot()
      let half = max(
        2 * (across.x * across.x + across.y * across.y).squareRoot(),
        1.8 * (down.x * down.x + down.y * down.y).squareRoot())
      guard length > 0, half > 0 else { return nil }
      return Similarity(
        square: FacePoint(x: eyes.x + 0.1 * down.x, y: eyes.y + 0.1 * down.y), side: 2 * half,
        axis: FacePoint(x: axis.x / length, y: axis.y / length))
    default:
      let side = 1.3 * max(face.box.width, face.box.height)
      return side > 0
        ? Similarity(square: face.box.centre, side: side, axis: FacePoint(x: 1, y: 0)) : nil
    }
  }
}

/// Scaling, rotation and shift of the plane: `x' = a x - b y + tx`, `y' = b x + a y + ty`.
struct Similarity: Sendable, Hashable {
  var a: Double
  var b: Double
  var tx: Double
  var ty: Double

  init(a: Double, b: Double, tx: Double, ty: Double) { (self.a, self.b, self.tx, self.ty) = (a, b, tx, ty) }

  /// The least-squares map of points to others (Umeyama 1991, "Least-squares estimation of transformation parameters between
  /// two point patterns"); in the plane, without reflection, it has this closed form. Nil where the points are in one
  /// place, or their numbers differ.
  init?(mapping source: [FacePoint], to target: [FacePoint]) {
    guard source.count == target.count, source.count > 1 else { return nil }
    func mean(_ points: [FacePoint]) -> FacePoint {
      let count = Double(points.count)
      return FacePoint(
        x: points.reduce(0) { $0 + $1.x } / count, y: points.reduce(0) { $0 + $1.y } / count)
    }
    let (from, to) = (mean(source), mean(target))
    var (real, imaginary, spread) = (0.0, 0.0, 0.0)
    for (p, q) in zip(source, target) {
      let (x, y, u, v) = (p.x - from.x, p.y - from.y, q.x - to.x, q.y - to.y)
      real += x * u + y * v
      imaginary += x * v - y * u
      spread += x * x + y * y
    }
    guard spread > 0 else { return nil }
    (a, b) = (real / spread, imaginary / spread)
    guard a * a + b * b > 0 else { return nil }
    (tx, ty) = (to.x - a * from.x + b * from.y, to.y - b * from.x - a * from.y)
  }

  /// The map of a square onto the unit square.
  ///
  /// - Parameters:
  ///   - axis: the direction of its top edge, of length 1.
  init(square centre: FacePoint, side: Double, axis: FacePoint) {
    (a, b) = (axis.x / side, -axis.y / side)
    (tx, ty) = (0.5 - a * centre.x + b * centre.y, 0.5 - b * centre.x - a * centre.y)
  }

  func callAsFunction(_ point: FacePoint) -> FacePoint {
    FacePoint(x: a * point.x - b * point.y + tx, y: b * point.x + a * point.y + ty)
  }

  /// This map, and then scaling and shift.
  func scaled(by factor: Double, x: Double, y: Double) -> Similarity {
    Similarity(a: a * factor, b: b * factor, tx: tx * factor + x, ty: ty * factor + y)
  }

  var inverse: Similarity {
    let square = a * a + b * b
    let (c, d) = (a / square, -b / square)
    return Similarity(a: c, b: d, tx: -c * tx + d * ty, ty: -d * tx - c * ty)
  }
}
