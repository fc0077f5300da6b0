import AtelierMedia
import Foundation
import Testing

@Suite struct FaceAlignmentTests {
  /// Some landmarks, turned, scaled and not symmetric.
  private static let face = Face(
    box: FaceBox(left: 90, top: 60, right: 210, bottom: 220),
    landmarks: FaceLandmarks(
      leftEye: FacePoint(x: 121.3, y: 110.2), rightEye: FacePoint(x: 178.9, y: 121.7),
      nose: FacePoint(x: 143.4, y: 148.8), leftMouth: FacePoint(x: 113.6, y: 170.1),
      rightMouth: FacePoint(x: 160.2, y: 180.4)), score: 0.99)

  private func expect(
    _ point: FacePoint, _ x: Double, _ y: Double, within tolerance: Double = 1e-9,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      abs(point.x - x) < tolerance && abs(point.y - y) < tolerance, "\(point)", sourceLocation: sourceLocation
    )
  }

  /// A smooth image whose values are known between pixels.
  private func ramp(_ width: Int, _ height: Int) -> Image {
    Image(
      width: width, height: height, channels: 3,
      bytes: (0..<(width * height)).flatMap { [UInt8($0 % width), UInt8($0 / width), 7] })
  }

  @Test func leastSquaresFindsATransformThatIsThere() throws {
    let angle = 0.3
    let points = Self.face.landmarks.points
    let places = points.map {
      FacePoint(
        x: 1.7 * (cos(angle) * $0.x - sin(angle) * $0.y) + 5,
        y: 1.7 * (sin(angle) * $0.x + cos(angle) * $0.y) - 9)
    }
    let found = try #require(FaceAlignment(mapping: points, to: places, width: 10, height: 10))
    for (value, wanted) in zip(
      found.matrix, [1.7 * cos(angle), -1.7 * sin(angle), 5, 1.7 * sin(angle), 1.7 * cos(angle), -9])
    { #expect(abs(value - wanted) < 1e-9) }
    #expect(abs(found.scale - 1.7) < 1e-9)
  }

  /// Expected: OpenCV's and scikit-image's Umeyama, computed with numpy's singular value decomposition.
  @Test func arcfaceCropsAreThoseOfUmeyama() throws {
    let found = try #require(FaceAlignment(Self.face, as: .arcface, width: 112, height: 112))
    let wanted = [
      0.6250343651146774, 0.13907689752482189, -53.992376200683864, -0.1390768975248219, 0.6250343651146774,
      0.4505077024910378,
    ]
    for (value, number) in zip(found.matrix, wanted) { #expect(abs(value - number) < 1e-6, "\(value)") }
  }

  /// Expected: the quadrilateral of FFHQ's own program, computed with numpy.
  @Test func ffhqCropsAreThoseOfItsAuthors() throws {
    let found = try #require(FaceAlignment(Self.face, as: .ffhq, width: 256, height: 256))
    let corners = found.corners
    expect(corners[0], 58.12904425770421, -17.340990597712448)
    expect(corners[1], 288.0009905977125, 31.229044257704217)
    expect(corners[2], 239.4309557422958, 261.10099059771244)
    expect(corners[3], 9.559009402287558, 212.5309557422958)
  }

  @Test func marginsWidenAboutTheMiddleAndSizesKeepTheRegion() throws {
    let tight = try #require(FaceAlignment(Self.face, as: .faceswap, width: 64, height: 64))
    let wide = try #require(FaceAlignment(Self.face, as: .faceswap, width: 96, height: 96, margin: 0.25))
    // 64 pixels and 16 on each side are the same scale.
    #expect(abs(tight.scale - wide.scale) < 1e-12)
    let point = FacePoint(x: 140, y: 150)
    expect(wide.inCrop(point), tight.inCrop(point).x + 16, tight.inCrop(point).y + 16)
    let large = try #require(tight.resized(width: 256, height: 256))
    for (one, other) in zip(tight.corners, large.corners) { expect(one, other.x, other.y) }
    #expect(tight.resized(width: 256, height: 128) == nil)
    // SphereFace's 96 × 112 is the middle of ArcFace's square.
    let square = try #require(FaceAlignment(Self.face, as: .arcface, width: 112, height: 112))
    let narrow = try #require(FaceAlignment(Self.face, as: .arcface, width: 96, height: 112))
    expect(narrow.inCrop(point), square.inCrop(point).x - 8, square.inCrop(point).y)
  }

  @Test func faceforensicsTakesAnUprightSquareOfTheBox() throws {
    let found = try #require(FaceAlignment(Self.face, as: .faceforensics, width: 100, height: 100))
    expect(found.corners[0], 150 - 104, 140 - 104)
    expect(found.corners[2], 150 + 104, 140 + 104)
  }

  @Test func pointsGoThereAndBack() throws {
    let alignment = try #require(FaceAlignment(Self.face, as: .ciagan, width: 128, height: 128, margin: 0.1))
    expect(alignment.inImage(alignment.inCrop(FacePoint(x: 31, y: -7))), 31, -7)
    #expect(
      try JSONDecoder().decode(FaceAlignment.self, from: JSONEncoder().encode(alignment)) == alignment)
  }

  @Test func whatIsNoAlignmentIsRefused() throws {
    let one = FacePoint(x: 3, y: 3)
    let flat = Face(
      box: FaceBox(left: 3, top: 3, right: 3, bottom: 3),
      landmarks: FaceLandmarks(leftEye: one, rightEye: one, nose: one, leftMouth: one, rightMouth: one),
      score: 1)
    for layout in FaceLayout.allCases {
      #expect(FaceAlignment(flat, as: layout, width: 8, height: 8) == nil)
      #expect(FaceAlignment(Self.face, as: layout, width: 0, height: 8) == nil)
      #expect(FaceAlignment(Self.face, as: layout, width: 8, height: 8, margin: -0.5) == nil)
    }
    for text in [
      "{}", "{\"width\":8,\"height\":8,\"matrix\":[1,0,0,0,1]}",
      "{\"width\":8,\"height\":8,\"matrix\":[1,0,0,0,2,0]}",
      "{\"width\":8,\"height\":8,\"matrix\":[0,0,0,0,0,0]}",
      "{\"width\":8,\"height\":8,\"matrix\":[1,0,1e300,0,1,0]}",
      "{\"width\":80000,\"height\":8,\"matrix\":[1,0,0,0,1,0]}",
      "{\"width\":-1,\"height\":8,\"matrix\":[1,0,0,0,1,0]}",
    ] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(FaceAlignment.self, from: Data(text.utf8))
      }
    }
  }

  @Test func cropsAreBilinearSamples() throws {
    let frame = ramp(200, 180)
    let alignment = try #require(
      FaceAlignment(
        mapping: [FacePoint(x: 20.5, y: 30.25), FacePoint(x: 30.5, y: 30.25)],
        to: [FacePoint(x: 0, y: 0), FacePoint(x: 20, y: 0)], width: 40, height: 30))
    let crop = try alignment.crop(frame)
    // Two pixels a pixel of the frame: 20.5 + x / 2, 30.25 + y / 2, rounded.
    for (x, y) in [(0, 0), (7, 4), (39, 29)] {
      #expect(crop[x: x, y: y, channel: 0] == Int(20.5 + Double(x) / 2 + 0.5))
      #expect(crop[x: x, y: y, channel: 1] == Int(30.25 + Double(y) / 2 + 0.5))
      #expect(crop[x: x, y: y, channel: 2] == 7)
    }
  }

  @Test func smallCropsAreMeansAndLargeOnesRepeatTheEdge() throws {
    // Black and white columns become grey, and not one of both.
    let stripes = Image(
      width: 64, height: 64, channels: 1, bytes: (0..<4096).map { UInt8($0 % 2 * 255) })
    let small = try #require(
      FaceAlignment(
        mapping: [FacePoint(x: 0, y: 0), FacePoint(x: 40, y: 0)],
        to: [FacePoint(x: 2, y: 2), FacePoint(x: 12, y: 2)], width: 14, height: 14))
    let crop = try small.crop(stripes)
    #expect((110...145).contains(crop[x: 7, y: 7, channel: 0]))
    // The left and upper edge of the frame is black.
    #expect(crop[x: 0, y: 0, channel: 0] == 0)
  }

  @Test(arguments: FaceLayout.allCases) func aCropComesBackToItsPlace(_ layout: FaceLayout) throws {
    let frame = ramp(240, 250)
    let alignment = try #require(FaceAlignment(Self.face, as: layout, width: 192, height: 192))
    let crop = try alignment.crop(frame)
    let pasted = try alignment.paste(crop, onto: frame)
    // Values are linear, so that two bilinear samplings lose no more than their rounding.
    let corners = alignment.corners
    let isInside = corners.allSatisfy { (1..<239).contains($0.x) && (1..<249).contains($0.y) }
    let worst = zip(pasted.bytes, frame.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 255
    if isInside { #expect(worst <= 1) }
    // A black crop blackens the middle, keeps the corners of the frame, and fades out.
    let black = Image(width: 96, height: 96, filledWith: [0, 0, 0])
    let dark = try alignment.paste(black, onto: frame, feather: 0.2)
    let middle = alignment.inImage(FacePoint(x: 95.5, y: 95.5))
    #expect(dark[x: Int(middle.x), y: Int(middle.y), channel: 0] == 0)
    if layout != .ciagan { #expect(dark[x: 239, y: 0, channel: 0] == 239) }
    let none = Image(width: 96, height: 96, filledWith: [0])
    #expect(try alignment.paste(black, onto: frame, mask: none).bytes == frame.bytes)
  }

  @Test func whatDoesNotFitIsNotPasted() throws {
    let alignment = try #require(FaceAlignment(Self.face, as: .ffhq, width: 32, height: 32))
    let frame = ramp(50, 50)
    for crop in [
      Image(width: 32, height: 31, filledWith: [0, 0, 0]), Image(width: 32, height: 32, filledWith: [0]),
    ] {
      #expect(throws: ImageError.self) { try alignment.paste(crop, onto: frame) }
    }
    let crop = Image(width: 32, height: 32, filledWith: [0, 0, 0])
    #expect(throws: ImageError.self) { try alignment.paste(crop, onto: frame, mask: crop) }
    #expect(throws: ImageError.self) { try alignment.paste(crop, onto: frame, feather: 0.6) }
    // A region outside the image changes nothing.
    let far = try #require(
      FaceAlignment(
        mapping: [FacePoint(x: 1e8, y: 0), FacePoint(x: 1e8 + 10, y: 0)],
        to: [FacePoint(x: 0, y: 0), FacePoint(x: 10, y: 0)], width: 32, height: 32))
    #expect(try far.paste(crop, onto: frame).bytes == frame.bytes)
  }

  /// The mean face of the pose, turned in space and projected, is found turned so.
  @Test(arguments: [(0.0, 0.0, 0.0), (25, 0, 0), (0, -20, 0), (0, 0, 40), (-30, 15, -10)])
  func poseIsThatOfTheTurnedMeanFace(_ yaw: Double, _ pitch: Double, _ roll: Double) {
    let face: [(Double, Double, Double)] = [
      (-31.5, 0, 0), (31.5, 0, 0), (0, 36, -28), (-26.1, 72.8, -8), (26.1, 72.8, -8),
    ]
    let (psi, theta, phi) = (yaw * .pi / 180, pitch * .pi / 180, roll * .pi / 180)
    let points = face.map { (x, y, z) -> FacePoint in
      let (x1, z1) = (cos(psi) * x - sin(psi) * z, sin(psi) * x + cos(psi) * z)
      let y2 = cos(theta) * y - sin(theta) * z1
      return FacePoint(
        x: 1.3 * (cos(phi) * x1 - sin(phi) * y2) + 100, y: 1.3 * (sin(phi) * x1 + cos(phi) * y2) + 50)
    }
    guard let landmarks = FaceLandmarks(points) else { return }
    let pose = FacePose(landmarks)
    #expect(abs(pose.yaw - yaw) < 1e-6 && abs(pose.pitch - pitch) < 1e-6 && abs(pose.roll - roll) < 1e-6)
  }

  @Test func sharpnessIsTheVarianceOfTheLaplacian() throws {
    // One white pixel in a plane of 5 × 5: the Laplacian is -4 · 255 once and 255 four times, among 9.
    var bytes = [UInt8](repeating: 0, count: 25)
    bytes[12] = 255
    let image = Image(width: 5, height: 5, channels: 1, bytes: bytes)
    #expect(abs(image.sharpness - 255.0 * 255 * 20 / 9) < 1e-6)
    #expect(try image.sharpness > image.blurred(sigma: 1).sharpness)
    #expect(Image(width: 2, height: 9, filledWith: [3]).sharpness == 0)
  }
}
