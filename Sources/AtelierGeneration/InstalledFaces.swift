public import AtelierData
import AtelierMedia
public import Perception
public import Torch
import TorchNN

extension FaceNetworks {
  /// MTCNN and SFace with their installed weights.
  ///
  /// - Parameters:
  ///   - store: where the weights `mtcnn` and `sface` are.
  ///   - needer: what needs them, named in errors.
  /// - Throws: `PerceptionError` that says how to get missing weights, or that a file is damaged.
  public static func installed(
    in store: WeightStore = .standard, for needer: String, on device: Device = .cpu
  ) throws -> FaceNetworks {
    let (detector, recogniser) = (MTCNN(), SFace())
    var origins: [Origin] = []
    for (name, network) in [
      ("mtcnn", detector as PerceptionNetwork), ("sface", recogniser as PerceptionNetwork),
    ] {
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
      }, threshold: Double(SFace.threshold), origins: origins)
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
