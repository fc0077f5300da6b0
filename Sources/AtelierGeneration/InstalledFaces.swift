public import AtelierData
import AtelierMedia
public import Perception
public import Torch
import TorchNN

extension FaceNetworks {
  /// MTCNN and SFace with their installed weights, and the face mesh where its weights are installed.
  ///
  /// - Parameters:
  ///   - store: where the weights `mtcnn`, `sface` and `face-mesh` are.
  ///   - needer: what needs them, named in errors.
  /// - Throws: `PerceptionError` that says how to get missing weights, or that a file is damaged.
  public static func installed(
    in store: WeightStore = .standard, for needer: String, on device: Device = .cpu
  ) throws -> FaceNetworks {
    let (detector, recogniser) = (MTCNN(), SFace())
    var origins: [Origin] = []
    let mesh = store.contains("face-mesh") ? FaceMesh() : nil
    let networks: [(String, PerceptionNetwork?)] = [
      ("mtcnn", detector), ("sface", recogniser), ("face-mesh", mesh),
    ]
    for case (let name, let network?) in networks {
      let hash = try store.fill(network, with: name, for: needer, on: device)
      origins.append(Origin(name: name, sha256: hash, licence: try PretrainedWeights.named(name).licence))
    }
    return FaceNetworks(
      detect: { image, minimumFace in
        var settings = MTCNN.Settings()
        settings.minimumFace = minimumFace
        let pixels = Tensor(image.rgb().hostTensor(), device: device)
        return detector.faces(in: pixels, settings).compactMap(Face.init)
      },
      describe: { crops in
        guard !crops.isEmpty else { return [] }
        let batch = Tensor.stacked(
          crops.map { Tensor($0.rgb().hostTensor(), device: device).asType(.float32) })
        let values = withoutGradients { recogniser.embeddings(of: batch) }.floats()
        return (0..<crops.count).map { Array(values[($0 * SFace.size)..<(($0 + 1) * SFace.size)]) }
      },
      outline: mesh.map { mesh in { image, face in try mesh.outline(of: face, in: image, on: device) } },
      threshold: Double(SFace.threshold), origins: origins)
  }
}

extension FaceMesh {
  /// The 68 points of a face in pixels of its image; nil where the network sees no face, or it lies at an impossible place.
  ///
  /// It looks twice, as MediaPipe does in videos: at the detector's box, and at what the points found there lie in.
  func outline(of face: Face, in image: Image, on device: Device) throws -> [FacePoint]? {
    let (eyes, box) = (face.landmarks, face.box)
    guard
      let first = Self.region(
        centre: box.centre, side: 1.5 * max(box.width, box.height), from: eyes.leftEye, to: eyes.rightEye),
      let found = try points(in: image, first, device),
      // The outer corners of the eyes.
      let axis = Self.axis(from: found[33], to: found[263])
    else { return nil }
    let along = found.map { $0.x * axis.x + $0.y * axis.y }
    let down = found.map { $0.y * axis.x - $0.x * axis.y }
    let (left, right) = (along.min() ?? 0, along.max() ?? 0)
    let (top, bottom) = (down.min() ?? 0, down.max() ?? 0)
    let (u, v) = ((left + right) / 2, (top + bottom) / 2)
    guard
      let second = Self.region(
        centre: FacePoint(x: u * axis.x - v * axis.y, y: u * axis.y + v * axis.x),
        side: 1.5 * max(right - left, bottom - top), from: found[33], to: found[263]),
      let points = try points(in: image, second, device)
    else { return nil }
    return Self.outline.map { points[$0] }
  }

  /// All points in pixels of the image; nil where there is no face.
  private func points(in image: Image, _ region: FaceAlignment, _ device: Device) throws -> [FacePoint]? {
    let crop = Tensor(try region.crop(image.rgb()).hostTensor(), device: device).asType(.float32) / 255
    let (points, face) = withoutGradients { self(crop.unsqueezed(0)) }
    guard face.item() > 0.5 else { return nil }
    let numbers = points.to(.cpu).contiguous().floats()
    guard numbers.allSatisfy({ abs($0) < 1e4 }) else { return nil }
    return (0..<Self.count).map {
      region.inImage(FacePoint(x: Double(numbers[3 * $0]) - 0.5, y: Double(numbers[3 * $0 + 1]) - 0.5))
    }
  }

  /// The direction from a point to another one, of length 1; nil where they are one.
  private static func axis(from one: FacePoint, to other: FacePoint) -> FacePoint? {
    let (x, y) = (other.x - one.x, other.y - one.y)
    let length = (x * x + y * y).squareRoot()
    return length > 0 ? FacePoint(x: x / length, y: y / length) : nil
  }

  /// The square that the network looks at, upright by the eyes.
  private static func region(
    centre: FacePoint, side: Double, from one: FacePoint, to other: FacePoint
  ) -> FaceAlignment? {
    guard let axis = axis(from: one, to: other) else { return nil }
    let half = Double(Self.side) / 2
    let right = FacePoint(x: centre.x + axis.x * side / 2, y: centre.y + axis.y * side / 2)
    return FaceAlignment(
      mapping: [centre, right],
      to: [FacePoint(x: half - 0.5, y: half - 0.5), FacePoint(x: 2 * half - 0.5, y: half - 0.5)],
      width: Self.side, height: Self.side)
  }
}

extension Face {
  /// A detector's face; nil where its box is empty or a number is not finite.
  init?(_ found: DetectedFace) {
    let box = found.box.map { Double($0) }
    let points = found.landmarks.map { FacePoint(x: Double($0.x), y: Double($0.y)) }
    guard box.count == 4, box[2] > box[0], box[3] > box[1],
      (box + points.flatMap { [$0.x, $0.y] }).allSatisfy({ abs($0) < 1e6 }),
      let landmarks = FaceLandmarks(points)
    else { return nil }
    self.init(
      box: FaceBox(left: box[0], top: box[1], right: box[2], bottom: box[3]), landmarks: landmarks,
      score: min(max(Double(found.score), 0), 1))
  }
}
