import Atelier
import Foundation
import TestSupport
import Testing

/// Drawn faces: five blocks of their own colours, which a detector that knows the colours finds.
private enum Dots {
  static let side = 48
  static let landmarks = FaceLandmarks(
    leftEye: FacePoint(x: 16, y: 16), rightEye: FacePoint(x: 32, y: 16), nose: FacePoint(x: 24, y: 24),
    leftMouth: FacePoint(x: 18, y: 34), rightMouth: FacePoint(x: 30, y: 34))
  static let colours: [[UInt8]] = [
    [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255],
  ]

  /// An image of the face at a place, 5 × 5 pixels a point, before a dark ground that says who it is.
  static func image(right: Int = 0, down: Int = 0, ground: [UInt8] = [40, 0, 0]) -> Image {
    var bytes = (0..<(side * side)).flatMap { _ in ground }
    for (point, colour) in zip(landmarks.points, colours) {
      for y in (Int(point.y) + down - 2)...(Int(point.y) + down + 2) {
        for x in (Int(point.x) + right - 2)...(Int(point.x) + right + 2) {
          bytes.replaceSubrange(((y * side + x) * 3)..<((y * side + x) * 3 + 3), with: colour)
        }
      }
    }
    return Image(width: side, height: side, channels: 3, bytes: bytes)
  }

  /// The means of the pixels of each colour; nil where a colour is missing.
  static func found(in image: Image) -> FaceLandmarks? {
    var sums = colours.map { _ in (x: 0.0, y: 0.0, count: 0.0) }
    for y in 0..<image.height {
      for x in 0..<image.width {
        let isOn = (0..<3).map { image[x: x, y: y, channel: $0] > 127 }
        guard let place = colours.firstIndex(where: { $0.map { $0 > 127 } == isOn }) else { continue }
        sums[place] = (sums[place].x + Double(x), sums[place].y + Double(y), sums[place].count + 1)
      }
    }
    guard sums.allSatisfy({ $0.count > 0 }) else { return nil }
    return FaceLandmarks(sums.map { FacePoint(x: $0.x / $0.count, y: $0.y / $0.count) })
  }

  static var networks: FaceNetworks {
    FaceNetworks(
      detect: { image, _ in
        guard let landmarks = found(in: image) else { return [] }
        let (centre, half) = (landmarks.nose, 20 * Double(image.width) / Double(side))
        return [
          Face(
            box: FaceBox(
              left: centre.x - half, top: centre.y - half, right: centre.x + half, bottom: centre.y + half),
            landmarks: landmarks, score: 0.95)
        ]
      },
      describe: { crops in
        crops.map { crop in
          // The ground between the points.
          let values = (0..<3).map { Float(crop[x: 56, y: 20, channel: $0]) }
          let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
          return values.map { $0 / max(length, 1e-6) }
        }
      }, threshold: 0.4)
  }
}

/// Moves images of A two pixels to the right, and leaves those of B as they are.
private final class ShiftingSwapper: TranslatingSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 1

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      let fields = ["A", "B"].map {
        Field($0, .image(channels: 3, height: Dots.side, width: Dots.side, range: .unit))
      }
      var plan = SystemPlan.translation(
        fields, UnpairedImages("A", "B"), changes: JointAugmentation(),
        [
          TranslationDirection("A-to-B", source: "A", target: "B", side: Dots.side),
          TranslationDirection("B-to-A", source: "B", target: "A", side: Dots.side),
        ], batchSize: batchSize)
      plan.abilities.append(FaceSwapping())
      return plan
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(name: "toy-shift", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let scale: Linear

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    scale = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
  }

  var networks: [Network] { [Network("scale", scale) { _, inputs in inputs }] }
  var optimizers: [(name: String, optimizer: Optimizer)] { [] }
  func step(_ step: TrainingStep) throws {}
  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    guard direction.source == "A" else { return pictures }
    let width = pictures.shape[3]
    return .concatenated([pictures.slice(3, 0, 2), pictures.slice(3, 0, width - 2)], dim: 3)
  }
}

/// Gives every driving frame back, two pixels lower.
private final class SinkingAnimator: AnimatingSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 1

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      var configuration = FirstOrderMotion.Configuration()
      (configuration.imageSize, configuration.batchSize, configuration.faces) = (Dots.side, batchSize, false)
      return configuration.plan
    }
    func validate() throws(ConfigurationError) {}
  }

  private final class Session: DrawingSession {
    func advance(_ conditions: [String: ConditionValue]) throws -> Output {
      guard case .tensor(let frames)? = conditions["driving"] else { throw ConfigurationError("no frame") }
      let height = frames.shape[2]
      return Output(
        "image", .concatenated([frames.slice(2, 0, 2), frames.slice(2, 0, height - 2)], dim: 2))
    }
  }

  static let identity = SystemIdentity(name: "toy-sink", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let scale: Linear

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    scale = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
  }

  var networks: [Network] { [Network("scale", scale) { _, inputs in inputs }] }
  var optimizers: [(name: String, optimizer: Optimizer)] { [] }
  func step(_ step: TrainingStep) throws {}
  func begin(_ request: Request) throws -> any DrawingSession { Session() }
  func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    try emit(Output("video", request.required("driving")))
  }
  func keypoints(of images: Tensor) throws -> Tensor { .zeros([images.shape[0], 1, 2]) }
}

@Suite(.serialized) struct FaceAgreementTests {
  private func moved(_ x: Double, _ y: Double) -> Face {
    let points = Dots.landmarks.points.map { FacePoint(x: $0.x + x, y: $0.y + y) }
    return Face(
      box: FaceBox(left: 4 + x, top: 4 + y, right: 44 + x, bottom: 44 + y),
      landmarks: FaceLandmarks(points) ?? Dots.landmarks, score: 1)
  }

  @Test func theErrorOfLandmarksIsInDistancesOfTheGivenEyes() {
    let given = Dots.landmarks
    #expect(given.normalizedMeanError(from: given) == 0)
    #expect(moved(3, 4).landmarks.normalizedMeanError(from: given) == 5.0 / 16)
    var nose = given
    nose.nose.y += 8
    #expect(nose.normalizedMeanError(from: given) == 8.0 / 5 / 16)
    var blind = given
    blind.rightEye = blind.leftEye
    #expect(given.normalizedMeanError(from: blind) == nil)
  }

  @Test func facesThatAreGoneOrElsewhereHaveNoError() {
    var agreement = FaceAgreement()
    agreement.add(moved(3, 4), beside: moved(0, 0))
    agreement.add(nil, beside: moved(0, 0))
    agreement.add(moved(38, 0), beside: moved(0, 0))
    #expect(agreement.found == [1, 0, 0] && agreement.errors == [5.0 / 16])
    #expect(agreement.comparedFaces == 1)
    var other = FaceAgreement()
    other.add(moved(0, 8), beside: moved(0, 0))
    other.add(moved(0, 0), beside: moved(0, 0))
    let means = FaceAgreement(meansOf: [agreement, other, FaceAgreement()])
    #expect(means.found == [1.0 / 3, 1] && means.errors == [5.0 / 16, 0.25] && means.comparedFaces == 3)
  }

  private func context<System: GenerativeSystem>(
    _ type: System.Type, _ place: URL, _ configuration: System.Configuration, _ folder: TemporaryFolder,
    say: @escaping (String) -> Void = { _ in }
  ) throws -> EvaluationContext {
    Engine.threadCount = 1
    let binding = try DataBinding.open(place, for: type, configuration: [:])
    let system = try System(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
    return EvaluationContext(
      system, data: binding,
      options: EvaluationOptions(weights: WeightStore(folder("no-weights")), shownExamples: 0), say: say)
  }

  private func write(_ image: Image, _ place: URL, _ name: String) throws {
    let file = place.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try image.write(to: file)
  }

  @Test func swappedFacesAreComparedWithTheGivenAndTheTrueOnes() throws {
    let folder = try TemporaryFolder()
    let place = folder("faces")
    for part in ["train", "test"] {
      for number in 0..<3 {
        try write(Dots.image(right: number), place, "\(part)A/\(number).png")
        try write(Dots.image(right: number, down: 4, ground: [0, 0, 40]), place, "\(part)B/\(number).png")
      }
    }
    let context = try context(ShiftingSwapper.self, place, .init(), folder)
    context.faceNetworks = Dots.networks
    var measure = FaceSwapMeasure()
    measure.options.truth = true
    let numbers = Dictionary(
      uniqueKeysWithValues: try measure.measure(context).map { ($0.id, $0) })
    let kept = try #require(numbers["swap-a-to-b-landmarks"])
    #expect(abs(kept.value - 2.0 / 16) < 0.01 && kept.interval != nil && kept.better == .smaller)
    #expect(kept.protocolText.contains("of the 3 faces that it finds in both"))
    #expect(numbers["swap-a-to-b-detected"]?.value == 1)
    let truth = try #require(numbers["swap-a-to-b-truth-landmarks"])
    #expect(abs(truth.value - 20.0.squareRoot() / 16) < 0.01)
    #expect(abs(try #require(truth.baselines?.first?.value) - 4.0 / 16) < 0.01)
    // What is left as it is lies where it was, and is taken for whom it was.
    #expect(try #require(numbers["swap-b-to-a-landmarks"]).value < 1e-9)
    #expect(abs(try #require(numbers["swap-b-to-a-identity-given"]).value - 1) < 1e-5)
    #expect(try #require(numbers["swap-b-to-a-identity-other"]).value < 0.1)
    let signal = try #require(numbers["swap-b-to-a-truth-psnr"])
    #expect(signal.value == signal.baselines?.first?.value)
  }

  @Test func withoutTheOtherPersonsMomentThereIsNoTruth() throws {
    let folder = try TemporaryFolder()
    let place = folder("faces")
    for part in ["train", "test"] {
      for number in 0..<2 {
        try write(Dots.image(), place, "\(part)A/\(number).png")
        try write(Dots.image(), place, "\(part)B/other-\(number).png")
      }
    }
    let context = try context(ShiftingSwapper.self, place, .init(), folder)
    var measure = FaceSwapMeasure()
    measure.options.truth = true
    #expect { try measure.measure(context) } throws: {
      "\($0)".contains("none named 0") && "\($0)".contains("leave truth out")
    }
    measure.options.truth = false
    var said: [String] = []
    let silent = try self.context(ShiftingSwapper.self, place, .init(), folder) { said.append($0) }
    #expect(try measure.measure(silent).isEmpty)
    #expect(said.contains { $0.contains("`atelier weights install mtcnn sface`") })
  }

  @Test func animatedFacesAreComparedWithTheRealFrames() throws {
    let folder = try TemporaryFolder()
    let place = folder("videos")
    for part in ["train", "test"] {
      for frame in 0..<6 {
        try write(Dots.image(right: frame), place, "\(part)/frames/0/00\(frame).png")
        try write(Dots.image(down: frame), place, "\(part)/frames/1/00\(frame).png")
      }
    }
    let context = try context(SinkingAnimator.self, place, .init(), folder)
    context.faceNetworks = Dots.networks
    let numbers = Dictionary(
      uniqueKeysWithValues: try AnimationMeasure().measure(context).map { ($0.id, $0) })
    #expect(numbers["animation-detected"]?.value == 1)
    let error = try #require(numbers["animation-landmarks"])
    #expect(abs(error.value - 2.0 / 16) < 0.01 && error.interval != nil)
    #expect(error.protocolText.contains("of the 10 faces that it finds in both"))
    // The first frame stands still, one to five pixels away.
    #expect(abs(try #require(error.baselines?.first?.value) - 3.0 / 16) < 0.01)
    var without = AnimationMeasure()
    without.options.faces = 0
    #expect(Set(try without.measure(context).map(\.id)) == ["animation-l1", "keypoint-distance-own"])
  }
}
