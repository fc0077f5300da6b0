public import AtelierMedia
internal import Foundation

/// A person's face in one frame: where points of the head come to lie, and its landmarks.
///
/// The head is a part of an ellipsoid on which features stand out; it is turned in space and projected with a little
/// perspective. Landmarks are points of what is drawn, so that they are exact.
struct FaceSurface {
  typealias Point = VectorCanvas.Point
  typealias Place = SIMD3<Double>

  let traits: FaceTraits
  let state: FaceState
  /// The side of the frame in pixels.
  let frame: Int
  /// The crop of the frame that is drawn; nil: all of it.
  let crop: FaceAlignment?
  /// The 68 landmarks on the head.
  let places: [Place]
  private let turn: (yaw: Point, pitch: Point, roll: Point)

  init(_ traits: FaceTraits, _ state: FaceState, frame: Int, crop: FaceAlignment? = nil) {
    (self.traits, self.state, self.frame, self.crop) = (traits, state, frame, crop)
    func direction(_ degrees: Double) -> Point {
      Point(cos(degrees * .pi / 180), sin(degrees * .pi / 180))
    }
    turn = (direction(state.yaw), direction(state.pitch), direction(state.roll))
    places = FaceSurface.landmarks(traits, state)
  }

  /// How far in front of the ears' plane the skin is.
  static func depth(_ traits: FaceTraits, _ x: Double, _ y: Double) -> Double {
    let (u, v) = (x / (traits.width * 1.12), (y - 0.1) / 1.55)
    return 0.78 * pow(max(0.02, 1 - u * u), 1.2) * max(0.05, 1 - v * v).squareRoot()
  }

  /// A place on the skin.
  func skin(_ x: Double, _ y: Double, out: Double = 0) -> Place {
    Place(x, y, Self.depth(traits, x, y) + out)
  }

  /// Pixels a half width of the head, in the frame.
  private var unit: Double { 0.252 * Double(frame) * state.zoom }

  /// Pixels a half width of the head, in what is drawn.
  var scale: Double { unit * (crop?.scale ?? 1) }

  /// Where a place of the head is drawn, counted from the corner of the top left pixel.
  func callAsFunction(_ place: Place) -> Point { drawn(inFrame(place)) }

  /// Where places are drawn.
  func callAsFunction(_ places: [Place]) -> [Point] { places.map { self($0) } }

  /// Where a place of the body is drawn, which does not turn and moves half as far as the head.
  func body(_ x: Double, _ y: Double) -> Point {
    let side = Double(frame)
    return drawn(
      Point(
        (0.5 + state.right * 0.6) * side + unit * x, (0.49 + state.down * 0.5) * side + unit * y))
  }

  /// A place of the head in the frame, counted from the corner of the top left pixel.
  private func inFrame(_ place: Place) -> Point {
    let (yaw, pitch, roll) = turn
    let x = place.x * yaw.x + place.z * yaw.y
    let z = place.z * yaw.x - place.x * yaw.y
    let y = place.y * pitch.x + z * pitch.y
    let near = 1 / (1 - 0.09 * (z * pitch.x - place.y * pitch.y))
    let (u, v) = (x * near, y * near)
    let side = Double(frame)
    return Point(
      (0.5 + state.right) * side + unit * (u * roll.x - v * roll.y),
      (0.49 + state.down) * side + unit * (u * roll.y + v * roll.x))
  }

  private func drawn(_ point: Point) -> Point {
    guard let crop else { return point }
    let place = crop.inCrop(FacePoint(x: point.x - 0.5, y: point.y - 0.5))
    return Point(place.x + 0.5, place.y + 0.5)
  }

  // MARK: Landmarks

  /// The 68 landmarks in the frame, counted from the centre of the top left pixel.
  var landmarks: [FacePoint] {
    places.map { place in
      let point = inFrame(place)
      return FacePoint(x: point.x - 0.5, y: point.y - 0.5)
    }
  }

  /// The face as a detector would give it.
  var face: Face {
    let points = landmarks
    func middle(_ one: Int, _ other: Int) -> FacePoint {
      FacePoint(x: (points[one].x + points[other].x) / 2, y: (points[one].y + points[other].y) / 2)
    }
    let (x, y) = (points.map(\.x), points.map(\.y))
    let (left, right) = (x.min() ?? 0, x.max() ?? 0)
    let (top, bottom) = (y.min() ?? 0, y.max() ?? 0)
    // Detectors' boxes begin at the middle of the forehead.
    return Face(
      box: FaceBox(left: left, top: top - 0.22 * (bottom - top), right: right, bottom: bottom),
      landmarks: FaceLandmarks(
        leftEye: middle(36, 39), rightEye: middle(42, 45), nose: points[30], leftMouth: points[48],
        rightMouth: points[54]), score: 1)
  }

  /// The landmarks in the order of dlib's predictor: jaw, brows, nose, eyes, mouth; see ``FaceOutline``.
  private static func landmarks(_ traits: FaceTraits, _ state: FaceState) -> [Place] {
    func onSkin(_ x: Double, _ y: Double, _ out: Double = 0) -> Place {
      Place(x, y, depth(traits, x, y) + out)
    }
    var points: [Place] = []
    // The jaw, from the ear on the left to the one on the right; an open mouth moves its lower part.
    for index in 0...16 {
      let angle = Double.pi * Double(index) / 16
      let (c, s) = (cos(angle), max(0, sin(angle)))
      let x = -traits.width * (c < 0 ? -1 : 1) * pow(abs(c), traits.jaw)
      points.append(
        Place(x, traits.chin * pow(s, 0.88) + 0.13 * state.mouthOpen * s * s, 0.48 * pow(s, 1.5) - 0.12))
    }
    // Brows, each from the left to the right of the image.
    let (lift, frown) = (0.085 * state.brows, max(0, -state.brows))
    for side in [-1.0, 1.0] {
      for index in 0..<5 {
        // 0 outside, 1 beside the nose.
        let u = (side < 0 ? Double(index) : Double(4 - index)) / 4
        let arch = traits.browArch * (1 - pow((u - 0.42) / 0.58, 2))
        let x = traits.eyeDistance + traits.browLength * (1 - 2 * u) - 0.03 * frown * u
        let y =
          traits.eyeLevel - traits.browGap - arch + traits.browTilt * (1 - 2 * u) - lift + 0.07 * frown * u
        points.append(onSkin(side * x, y, 0.05))
      }
    }
    // The nose: its bridge downwards, then its base.
    for index in 0..<4 {
      let u = Double(index) / 3
      let y = traits.eyeLevel + 0.03 + u * (traits.noseTip - traits.eyeLevel - 0.03)
      points.append(onSkin(0, y, 0.05 + 0.28 * pow(u, 1.4)))
    }
    for (u, down, out) in [
      (-1, 0.07, 0.07), (-0.5, 0.11, 0.17), (0, 0.13, 0.21), (0.5, 0.11, 0.17), (1, 0.07, 0.07),
    ] {
      points.append(onSkin(u * traits.noseWidth, traits.noseTip + down, out))
    }
    // Eyes, from the corner on the left over the upper lid to the one on the right and back.
    let open = 1 + 0.22 * max(0, state.brows)
    for side in [-1.0, 1.0] {
      let (centre, wide) = (side * traits.eyeDistance, traits.eyeWidth)
      let (upper, lower) = (-traits.eyeHeight * open, traits.eyeHeight * 0.6 - 0.022 * max(0, state.smile))
      let closed = upper + (lower - upper) * state.blink
      func corner(_ u: Double) -> Place {
        // The outer corner is lifted.
        onSkin(
          centre + u * wide, traits.eyeLevel + (u * side > 0 ? -traits.eyeTilt : 0.6 * traits.eyeTilt + 0.012)
        )
      }
      func lid(_ u: Double, _ y: Double) -> Place { onSkin(centre + u * wide, traits.eyeLevel + y, 0.015) }
      points += [
        corner(-1), lid(-0.37, closed), lid(0.37, closed), corner(1), lid(0.37, lower), lid(-0.37, lower),
      ]
    }
    return points + mouth(traits, state, onSkin)
  }

  /// The outer line of the lips from the left corner, then the inner one.
  private static func mouth(
    _ traits: FaceTraits, _ state: FaceState, _ onSkin: (Double, Double, Double) -> Place
  ) -> [Place] {
    let (open, smile) = (state.mouthOpen, state.smile)
    let half = traits.mouthWidth + 0.075 * smile - 0.055 * open
    let level = traits.mouthLevel + 0.02 * smile
    let corner = level - 0.012 - 0.085 * smile + 0.05 * open
    let (raise, drop) = (0.03 * open, 0.25 * open)
    let thin = 1 - 0.22 * max(0, smile)
    let (upper, lower) = (traits.upperLip * thin, traits.lowerLip * thin)
    func point(_ u: Double, _ y: Double) -> Place { onSkin(u * half, y, 0.1 * (1 - u * u)) }
    func between(_ share: Double, _ y: Double) -> Double { corner + (y - corner) * share }
    let top = level - raise - upper
    let bottom = level + drop + lower
    let (innerTop, innerBottom) = (level - raise + 0.008, level + drop + 0.012)
    var points = [
      point(-1, corner), point(-0.6, between(0.8, top + 0.15 * upper)), point(-0.2, top),
      point(0, top + 0.2 * upper), point(0.2, top), point(0.6, between(0.8, top + 0.15 * upper)),
      point(1, corner),
      point(0.6, between(0.74, bottom)), point(0.25, between(0.98, bottom)), point(0, bottom),
      point(-0.25, between(0.98, bottom)), point(-0.6, between(0.74, bottom)),
    ]
    points += [
      point(-0.9, between(0.1, innerTop)), point(-0.34, between(0.85, innerTop)), point(0, innerTop),
      point(0.34, between(0.85, innerTop)), point(0.9, between(0.1, innerTop)),
      point(0.34, between(0.88, innerBottom)), point(0, innerBottom),
      point(-0.34, between(0.88, innerBottom)),
    ]
    return points
  }
}
