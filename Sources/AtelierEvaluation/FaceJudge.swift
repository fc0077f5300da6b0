import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Foundation
import Perception
import Torch
import TorchNN

/// Faces that are measured: images, who they show, and where the face is.
struct FaceViews {
  /// The images, RGB of 8 bits.
  var images: [Image]
  /// White where the face is, which alone a recogniser that needs no landmarks sees; nil: all of the image.
  var masks: [Image?]
  /// Who they show.
  var identities: [Int]
}

/// Tells who a face is: a recogniser that no training used.
struct FaceJudge {
  /// What numbers are named after.
  let name: String
  /// What is said of it beside the numbers.
  let text: String
  /// The facts that numbers depend on.
  let provenance: Provenance
  /// Features `[n, features]` of images that show the faces of `views` in their places.
  let features: (_ images: [Image], _ views: FaceViews) throws -> Tensor
}

extension FaceJudge {
  /// A classifier of the people of the training part, which Atelier trains on their real images alone; nil where the part
  /// shows fewer than two.
  static func trained(
    _ training: FaceViews, _ held: FaceViews, _ options: EvaluationOptions
  ) throws -> FaceJudge? {
    let people = Set(training.identities)
    guard people.count > 1, let first = training.images.first else { return nil }
    let numbers = Dictionary(uniqueKeysWithValues: people.sorted().enumerated().map { ($1, $0) })
    func examples(_ views: FaceViews) throws -> ClassifierTraining.Examples? {
      let known = views.identities.indices.filter { numbers[views.identities[$0]] != nil }
      guard !known.isEmpty else { return nil }
      return try ClassifierTraining.Examples(
        images: seen(known.map { views.images[$0] }, known.map { views.masks[$0] }),
        labels: Tensor(known.compactMap { numbers[views.identities[$0]] }))
    }
    guard let learned = try examples(training) else { return nil }
    // Held-out people are strangers to it, whose features are compared all the same.
    let shown = try examples(held) ?? learned
    let batch = min(64, max(8, training.images.count / 4))
    let passes = min(60, max(3, 400 * Double(batch) / Double(training.images.count)))
    let plan = ClassifierTraining(
      epochs: passes, batchSize: batch, shift: max(1, first.width / 32), seconds: options.classifierSeconds)
    let folder = options.classifierFile?.deletingLastPathComponent() ?? URL(fileURLWithPath: ".")
    let classifier = try withGradients {
      try plan.cached(
        at: folder.appendingPathComponent("face-classifier.safetensors"), train: learned, test: shown,
        classes: people.count)
    }
    let right = classifier.report.map { $0.testAccuracy } ?? 0
    return FaceJudge(
      name: "Atelier's classifier",
      text:
        "features of a classifier that Atelier trained on \(training.images.count) real images of the training part's "
        + "\(people.count) people, \((1000 * right).rounded() / 10) % right on the real held-out ones",
      provenance: classifier.provenance
    ) { images, views in
      classifier.features(ofAll: try seen(images, views.masks))
    }
  }

  /// What a recogniser without landmarks sees: bytes `[n, 3, height, width]`, grey outside the masks.
  private static func seen(_ images: [Image], _ masks: [Image?]) throws -> Tensor {
    .stacked(
      zip(images, masks).map { image, mask in
        let shown = Tensor(image.rgb().hostTensor())
        guard let mask else { return shown }
        let share = Tensor(mask.hostTensor()).asType(.float32) / 255
        return (shown.asType(.float32) * share + (1 - share) * 128 + 0.5).asType(.uint8)
      })
  }
}

/// MTCNN and SFace as they look at faces.
struct FaceWitness {
  private let networks: FaceNetworks

  /// The context's networks, else the installed ones; nil where these are missing, which the context is told.
  ///
  /// - Parameter lost: what is not measured without them.
  init?(
    _ context: EvaluationContext, for needer: String,
    lost: String = "no face detection and no re-identification by SFace"
  ) throws {
    if let given = context.faceNetworks {
      networks = given
      return
    }
    let weights = context.options.weights
    guard weights.contains("mtcnn"), weights.contains("sface") else {
      context.note("\(lost): `atelier weights install mtcnn sface` fetches both")
      return nil
    }
    networks = try FaceNetworks.installed(in: weights, for: needer)
  }

  /// The largest face of an image; nil where there is none.
  func face(in image: Image) throws -> Face? {
    // The smallest face that the detector sees is a large part of small images.
    let factor = max(1, (192 + image.width - 1) / max(1, image.width))
    let shown =
      factor == 1 ? image : try image.resized(width: image.width * factor, height: image.height * factor)
    let found = try networks.detect(shown, max(20, min(shown.width, shown.height) / 6)).filter {
      $0.score >= 0.8
    }
    return found.max { $0.box.width * $0.box.height < $1.box.width * $1.box.height }?.scaled(
      by: 1 / Double(factor))
  }

  /// SFace on the faces' places in the real images, so that what is hidden is compared at the same place.
  func judge(_ places: [Face]) -> FaceJudge {
    let origin = networks.origins.first { $0.name == "sface" }
    return FaceJudge(
      name: "SFace",
      text: "cosines of SFace's 128 features, each face aligned by MTCNN's landmarks of the real image",
      provenance: ["features": "sface", "weights": String(origin?.sha256.prefix(12) ?? "drawn")]
    ) { images, _ in
      let side = FaceNetworks.side
      let crops = try zip(images, places).map { image, face in
        try FaceAlignment(face, as: .arcface, width: side, height: side)?.crop(image.rgb())
          ?? Image(width: side, height: side, filledWith: [128, 128, 128])
      }
      var rows: [[Float]] = []
      for start in stride(from: 0, to: crops.count, by: 32) {
        rows += try networks.describe(Array(crops[start..<min(start + 32, crops.count)]))
      }
      return Tensor(rows.flatMap(\.self), shape: [rows.count, rows.first?.count ?? 0])
    }
  }
}

extension Face {
  /// The face in an image that is larger by a factor; points are counted from pixels' centres.
  fileprivate func scaled(by factor: Double) -> Face {
    func moved(_ value: Double) -> Double { (value + 0.5) * factor - 0.5 }
    let points = landmarks.points.map { FacePoint(x: moved($0.x), y: moved($0.y)) }
    return Face(
      box: FaceBox(
        left: moved(box.left), top: moved(box.top), right: moved(box.right), bottom: moved(box.bottom)),
      landmarks: FaceLandmarks(points) ?? landmarks, score: score)
  }
}
